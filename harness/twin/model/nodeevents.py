"""What a node's event logs hold, read from what happened in the model: nothing is written before somebody asks.

Ids [D] (guest-and-host-maintenance 2.8, 6.5), those of live migrations [P], 1062, 1641 and 7036 and all texts [GK].
A node has its logs on its own drive: they survive its restarts, and say nothing of what it did not see.
"""

from __future__ import annotations

from collections import Counter
from collections.abc import Callable, Iterator, Mapping
from dataclasses import dataclass, field, replace
from typing import Final

from harness.twin.model.checkerlog import CHECKER_LOG, RESULT, checker_results
from harness.twin.model.cluster import ClusterModel
from harness.twin.model.entities import Node, OsBuild
from harness.twin.model.events import ModelEvent
from harness.twin.model.states import NodePhase
from harness.twin.model.windows import eventlog
from harness.twin.model.windows.state import LogEntry
from harness.twin.units import NS_PER_S

CLUSTER_LOG: Final = "Microsoft-Windows-FailoverClustering/Operational"
VMMS_LOG: Final = "Microsoft-Windows-Hyper-V-VMMS-Admin"
LOGS: Final = (eventlog.SYSTEM, eventlog.SETUP, CLUSTER_LOG, VMMS_LOG, CHECKER_LOG)
_CLUSTERING: Final = "Microsoft-Windows-FailoverClustering"
_VMMS: Final = "Microsoft-Windows-Hyper-V-VMMS"
_CONTROL: Final = "Service Control Manager"
_WMI_HOST: Final = "C:\\Windows\\system32\\wbem\\wmiprvse.exe"
"""Restarts come over WMI, from CAU as from ``Restart-Computer`` [INF]; the model does not know for whom."""
_SYSTEM_USER: Final = "NT AUTHORITY\\SYSTEM"
_WARNING: Final = 3


@dataclass(slots=True)
class NodeLog:
    """The events of one node; what ``eventlog`` writes to."""

    node: Node
    entries: list[LogEntry] = field(default_factory=list)

    @property
    def computer_name(self) -> str:
        """NetBIOS name."""
        return self.node.name

    @property
    def build(self) -> OsBuild:
        """Build in force now; that of the time of a start is not kept."""
        return self.node.os_build

    def write(
        self,
        t_ns: int,
        log: str,
        provider: str,
        number: int,
        message: str,
        values: tuple[str, ...] = (),
        level: int = 4,
    ) -> None:
        """Append an event to a log; it gets its number when all are there."""
        self.entries.append(LogEntry(0, t_ns, log, provider, number, level, message, values))


def log_of(model: ClusterModel, node: Node) -> list[LogEntry]:
    """All events of a node's logs, oldest first."""
    reader = _Reader(NodeLog(node), members=set(model.nodes), owners=dict.fromkeys(model.guests, ""), ids=_ids(model))
    for event in model.events:
        act = _ACTS.get(event.kind)
        if act is not None:
            act(reader, event)
    for t_ns, name, running in node.service_events:
        state = "running" if running else "stopped"
        text = f"The {name} service entered the {state} state."
        reader.log.write(t_ns, eventlog.SYSTEM, _CONTROL, 7036, text, (name, state))
    for t_ns, body in checker_results(model, node):
        reader.log.write(t_ns, CHECKER_LOG, CHECKER_LOG, RESULT, body)
    return list(_numbered(sorted(reader.log.entries, key=lambda entry: entry.t_ns)))


def _numbered(entries: list[LogEntry]) -> Iterator[LogEntry]:
    """Each log counts its own events."""
    last: Counter[str] = Counter()
    for entry in entries:
        last[entry.log] += 1
        yield replace(entry, record=last[entry.log])


def _ids(model: ClusterModel) -> Mapping[str, str]:
    return {name: guest.vm_id.upper() for name, guest in model.guests.items()}


@dataclass(slots=True)
class _Reader:
    """Goes through the model's events as one node saw them."""

    log: NodeLog
    members: set[str]
    owners: dict[str, str]
    """Source of each guest's live migration under way."""
    ids: Mapping[str, str]
    """Identifier of each guest."""
    runs: bool = True
    orderly: bool = False

    @property
    def name(self) -> str:
        return self.log.node.name

    def write(
        self,
        event: ModelEvent,
        log: str,
        provider: str,
        number: int,
        text: str,
        level: int = 4,
        values: tuple[str, ...] = (),
    ) -> None:
        if self.runs:
            self.log.write(event.t_ns, log, provider, number, text, values, level)


def _phase(reader: _Reader, event: ModelEvent) -> None:
    if event.node != reader.name:
        return
    phase = event.attrs.get("phase")
    if phase == NodePhase.ShuttingDown.value:
        eventlog.restart_requested(reader.log, event.t_ns, _WMI_HOST, _SYSTEM_USER)
        eventlog.stopped(reader.log, event.t_ns)
        reader.orderly, reader.runs = True, False
    elif phase in (NodePhase.Off.value, NodePhase.Post.value):
        reader.runs = False
    elif phase == NodePhase.OsLoading.value:
        eventlog.started(reader.log, event.t_ns, orderly=reader.orderly)
        reader.orderly, reader.runs = False, True


def _down(reader: _Reader, event: ModelEvent) -> None:
    name = event.node or ""
    reader.members.discard(name)
    if name == reader.name or event.attrs.get("planned") or reader.name not in reader.members:
        return
    text = (
        f"Cluster node '{name}' was removed from the active failover cluster membership. The Cluster service on this "
        "node may have stopped. This could also be due to the node having lost communication with other active nodes "
        "in the failover cluster."
    )
    reader.write(event, eventlog.SYSTEM, _CLUSTERING, 1135, text, eventlog.CRITICAL)


def _up(reader: _Reader, event: ModelEvent) -> None:
    reader.members.add(event.node or "")
    if event.node == reader.name:
        reader.write(event, CLUSTER_LOG, _CLUSTERING, 1062, "This node has successfully joined the failover cluster.")


def _quarantined(reader: _Reader, event: ModelEvent) -> None:
    if reader.name in reader.members:
        text = f"Cluster node '{event.node}' has been quarantined. The node experienced consecutive failures."
        reader.write(event, eventlog.SYSTEM, _CLUSTERING, 1672, text, _WARNING)


def _quorum(reader: _Reader, event: ModelEvent) -> None:
    if event.attrs.get("state") == "lost" and reader.name in reader.members:
        text = (
            "The Cluster service is shutting down because quorum was lost. This could be due to the loss of network "
            "connectivity between some or all nodes in the cluster, or a failover of the witness disk."
        )
        reader.write(event, eventlog.SYSTEM, _CLUSTERING, 1177, text, eventlog.CRITICAL)


def _group_moved(reader: _Reader, event: ModelEvent) -> None:
    if event.node == reader.name:
        text = f"Clustered role '{event.attrs.get('group')}' is moving to cluster node '{event.node}'."
        reader.write(event, CLUSTER_LOG, _CLUSTERING, 1641, text)


def _failed_over(reader: _Reader, event: ModelEvent) -> None:
    if event.node == reader.name:
        text = (
            f"Cluster resource 'Virtual Machine {event.vm}' of type 'Virtual Machine' in clustered role '{event.vm}' "
            "failed."
        )
        reader.write(event, eventlog.SYSTEM, _CLUSTERING, 1069, text, eventlog.ERROR)


def _migration_began(reader: _Reader, event: ModelEvent) -> None:
    reader.owners[event.vm or ""] = event.node or ""


def _migrated(reader: _Reader, event: ModelEvent) -> None:
    source = reader.owners.get(event.vm or "", "")
    if event.attrs.get("status") != "ok":
        if source == reader.name:
            text = f"Live migration of 'Virtual Machine {event.vm}' failed: {event.attrs.get('error')}."
            reader.write(event, VMMS_LOG, _VMMS, 21024, text, eventlog.ERROR)
        return
    seconds = int(event.attrs.get("blackout_ns") or 0) / NS_PER_S
    if reader.name in (source, event.node):
        text = f"Migration completed successfully for '{event.vm}' with blackout time {seconds:.1f} seconds."
        values = (event.vm or "", reader.ids.get(event.vm or "", ""), f"{seconds:.1f}")
        reader.write(event, VMMS_LOG, _VMMS, 20415, text, values=values)


def _build(reader: _Reader, event: ModelEvent) -> None:
    if event.node != reader.name:
        return
    for kb in reader.log.node.kbs:
        if kb.installed_ns == event.t_ns:
            text = f"Package {kb.kb} was successfully changed to the Installed state."
            reader.write(event, eventlog.SETUP, eventlog.SERVICING, 2, text)


_ACTS: Final[Mapping[str, Callable[[_Reader, ModelEvent], None]]] = {
    "node.phase": _phase,
    "node.down": _down,
    "node.up": _up,
    "node.quarantined": _quarantined,
    "cluster.quorum": _quorum,
    "cluster.stop": _quorum,
    "group.move": _group_moved,
    "vm.restart": _failed_over,
    "vm.migration.start": _migration_began,
    "vm.migration.end": _migrated,
    "node.build": _build,
}
