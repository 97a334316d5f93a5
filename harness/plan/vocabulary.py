"""The words that plans may use: faults, events, facts, roles, capabilities, product defects.

One table per noun (measurements have theirs in `harness.measure.catalog`).  A word in a plan that is not in its table
is an error at plan time, never a trigger that does not fire.  Layers above implement these words and add new ones here.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import Final, Literal

Lifetime = Literal["pulse", "state", "latent"]


@dataclass(frozen=True, slots=True)
class FaultWord:
    """A kind of fault that a plan may name.

    `lifetime`: pulse (nothing to revert), state (lasts until reverted: the plan must say how long), latent (planted
    before the run).  `capability` is what the lab must declare.  The last two feed the guard.
    """

    meaning: str
    lifetime: Lifetime
    capability: str
    takes_node_down: bool = False
    touches_storage: bool = False


# The F number is a fault's identity in docs and results.  Whether a lab can inject one is for the lab to declare: a
# plan with a fault whose capability no lab has is refused before anything is touched.
FAULTS: Final[dict[str, FaultWord]] = {
    "node.power_loss": FaultWord("F01 node power loss, without shutdown", "state", "power", takes_node_down=True),
    "node.power_cycle": FaultWord("F02 power cycle, without shutdown", "pulse", "power_cycle", takes_node_down=True),
    "node.crash": FaultWord("F11 operating system crash (NMI)", "pulse", "node_crash", takes_node_down=True),
    "node.hang": FaultWord("F12 node frozen, links up", "state", "node_hang", takes_node_down=True),
    "service.kill": FaultWord("F17 F19 a service process is killed", "pulse", "service_faults"),
    "service.hang": FaultWord("F19 F20 a service process is suspended", "state", "service_faults"),
    "update_service.wedge": FaultWord("F19 the Update Service answers nobody", "state", "causes"),
    "update.orphan_plan": FaultWord("F66 the download waits for a left-over plan", "state", "causes"),
    "resource_bridge.stop": FaultWord("F24 the resource bridge is offline", "state", "causes"),
    "cau.cancel": FaultWord("F27 the CAU run is cancelled by an administrator", "pulse", "service_faults"),
    "disk.fail": FaultWord("F31 disk stops answering", "state", "disk_faults", touches_storage=True),
    "disk.slow": FaultWord("F32 disk answers late", "state", "disk_faults"),
    "node.fill_system_drive": FaultWord("F38 system drive of a node is full", "state", "causes"),
    "witness.loss": FaultWord("F40 the witness is out of reach", "state", "network_faults"),
    "network.isolate": FaultWord("F41 all links of a node are down", "state", "links", takes_node_down=True),
    "network.degrade": FaultWord("F44 latency, jitter, loss", "state", "network_faults"),
    "dns.fail": FaultWord("F47 name resolution fails", "state", "network_faults"),
    "azure.unreachable": FaultWord("F62 outbound connectivity is lost", "state", "network_faults"),
}

CAPABILITIES: Final[dict[str, str]] = {
    "power": "node power can be cut and restored out of band",
    "hold": "the lab can hold an event until a fault is in place (no trigger lag)",
    "events": "the lab pushes events; without it triggers wait for the next poll",
    "reset": "an instance can be brought to the versions that a scenario starts from",
    "provoke": "product defects and causes can be planted at the baseline",
    "causes": "causes of known conditions (a full drive, a left-over plan…) can be planted and lifted at any time",
    "guest_probes": "guests answer probes and send heartbeats",
    "power_cycle": "a node can be reset out of band",
    "node_crash": "the operating system of a node can be crashed out of band",
    "node_hang": "a node can be frozen",
    "service_faults": "services on a node can be killed or suspended",
    "disk_faults": "disks can be made slow, full or failing",
    "links": "all links of a node can be cut",
    "network_faults": "packets can be lost, name resolution and outbound paths be cut",
    "arm": "the Azure Resource Manager view of the instance can be read",
}

# Product defects: the simulated product breaks one of its own rules.  They test the harness, not the product.
DEFECTS: Final[dict[str, str]] = {
    "cau_skips_storage_wait": "the next node is drained while storage still resynchronises",
    "no_ha_restart": "virtual machines of a dead node are not restarted on another node",
    "installed_with_old_build": "the update reports Installed although a node still has the old build",
    "sbe_skips_a_node": "the SBE is installed on all nodes but one, yet its update reports Installed",
    "hotpatch_reboots_guest": "a guest restarts by itself after a hotpatch, which must not need a restart",
    "step_hangs": "one step of the installation never ends and shows no progress",
    "group_start_without_effect": "starting a cluster group succeeds, but the group stays offline",
    "plan_delete_without_effect": "cancelling or deleting an action plan instance succeeds, but it is still running",
    "cleanup_without_effect": "component cleanup and deleting files succeed, but free no space on the system drive",
}

EVENTS: Final[dict[str, str]] = {
    "phase.enter": "a phase or step begins",
    "phase.exit": "a phase or step ends; attribute status",
    "node.down": "a node leaves the cluster; attribute planned",
    "node.up": "a node is in the cluster again",
    "node.paused": "a node is paused: its turn in the rolling update, or an administrator",
    "node.resumed": "a node is no longer paused",
    "node.power": "the power of a node changes; attribute state",
    "node.quarantined": "a node left the cluster too often and is kept out for a while",
    "group.move": "a cluster group has a new owner; attributes group, source, reason",
    "cluster.quorum": "quorum is lost or restored; attribute state",
    "storage.resync.start": "a repair job begins; attribute disk",
    "storage.resync.end": "a repair job has ended; attribute disk",
    "update.starting": "the update is about to be started; it is, once the faults that wait for this are in place",
    "guide.done": "a troubleshooting guide was followed to its end; attributes guide, outcome",
}
PATH_EVENTS: Final = frozenset({"phase.enter", "phase.exit"})

FACTS: Final[dict[str, str]] = {
    "node.down": "number of nodes that are not up",
    "node.paused": "number of nodes that are paused or draining",
    "storage.resync": "number of running repair jobs",
    "vm.down": "number of protected virtual machines that do not run",
    "run.attempts": "number of attempts of the update so far",
}


@dataclass(frozen=True, slots=True)
class RoleWord:
    """A role in a target expression; `most` is the largest number of nodes it can name (None: no bound)."""

    meaning: str
    most: int | None
    takes: str | None = None


ROLES: Final[dict[str, RoleWord]] = {
    "self": RoleWord("the node of the event that fired", 1),
    "next_to_update": RoleWord("the node that is updated next", 1),
    "last_updated": RoleWord("the node whose update ended last", 1),
    "updating": RoleWord("the node that is drained, installed or rebooted now", 1),
    "coordinator": RoleWord("the node that runs the CAU coordinator", 1),
    "owner_of": RoleWord("the node that owns a cluster group", 1, takes="a cluster group"),
    "csv_owner": RoleWord("the node that owns a cluster shared volume", 1, takes="a volume name"),
    "node": RoleWord("the node with this name, or this number counted from 1", 1, takes="a node name or number"),
    "up": RoleWord("all nodes that are up", None),
    "all": RoleWord("all nodes", None),
}
SELECTORS: Final[dict[str, str]] = {
    "one": "exactly one node, drawn from the run's seed",
    "minority": "the largest number of nodes that is no majority",
}
CLUSTER_GROUPS: Final[dict[str, str]] = {
    "update_service": "Azure Stack HCI Update Service Cluster Group",
    "orchestrator": "Azure Stack HCI Orchestrator Service Cluster Group",
    "cluster_name": "Cluster Group",
}

# The product's phases, in order; named steps of the installation and of one node's turn lie below them.
PHASES: Final = ("discovery", "download", "prepare", "health-check", "ready", "install", "settled")
NODE_STEPS: Final = ("wait-storage", "drain", "install", "reboot", "resume")
FAULT_STATES: Final = ("ready", "active", "recovering", "clean")
