"""Intents of Network ATC, and what one makes of a machine's network ([D] ASD deploy/network-atc).

The same rules make the network that deployment leaves behind, and what a new or changed intent brings.
"""

from __future__ import annotations

from dataclasses import dataclass, field
from ipaddress import IPv4Interface, IPv4Network
from typing import Final

from harness.twin.model.entities import Node
from harness.twin.model.network.facts import FIRST_NODE, NetworkFacts
from harness.twin.model.network.state import (
    Adapter,
    Address,
    NodeNetwork,
    Qos,
    QosPolicy,
    TrafficClass,
    VirtualSwitch,
)
from harness.twin.model.network.virtual import Identities, add_host_adapter, add_switch

ADAPTER_NOT_FOUND: Final = "PhysicalAdapterNotFound"
BINDING_CONFLICT: Final = "AdapterBindingConflict"
"""[D] ASD deploy/network-atc: errors of ``Get-NetIntentStatus``."""
_JUMBO_MTU: Final = 9000
"""A jumbo packet of 9014 bytes without its Ethernet header."""
_SMB_PORT: Final = 445
_KEYWORDS: Final = {
    "JumboPacket": "*JumboPacket",
    "NetworkDirect": "*NetworkDirect",
    "NetworkDirectTechnology": "*NetworkDirectTechnology",
    "QOS": "*QOS",
    "Sriov": "*SRIOV",
    "VMQ": "*VMQ",
    "VlanID": "VlanID",
}
"""Overrides of adapter properties that the simulated driver has."""


@dataclass(slots=True)
class Intent:
    """What the cluster wants of the named adapters of every machine."""

    name: str
    adapters: tuple[str, ...]
    compute: bool = False
    management: bool = False
    storage: bool = False
    storage_vlans: tuple[int, ...] = ()
    management_vlan: int = 0
    overrides: dict[str, dict[str, object]] = field(default_factory=dict)
    """Values that somebody set, by kind of override and by property."""
    version: int = 1

    @property
    def shown_name(self) -> str:
        """The name as Network ATC shows and uses it: in lower case."""
        return self.name.lower()

    @property
    def switch_name(self) -> str:
        """Name of the virtual switch; that of an intent for compute alone [T] TSG EnvironmentValidator."""
        only_compute = self.compute and not (self.management or self.storage)
        return f"{'ComputeSwitch' if only_compute else 'ConvergedSwitch'}({self.shown_name})"

    @property
    def needs_switch(self) -> bool:
        """Whether its adapters go into a virtual switch: for all but storage alone."""
        return self.compute or self.management

    @property
    def host_adapters(self) -> tuple[str, ...]:
        """Names of the host's adapters on its switch: ``vManagement(…)`` [D], ``vSMB(…#adapter)`` [T]."""
        own = (f"vManagement({self.shown_name})",) if self.management else ()
        if not self.needs_switch or not self.storage:
            return own
        return (*own, *(f"vSMB({self.shown_name}#{adapter})" for adapter in self.adapters))

    def override(self, kind: str, name: str, default: object) -> object:
        """A value that somebody set, or the default."""
        found = self.overrides.get(kind, {}).get(name)
        return default if found is None else found

    def vlan_of(self, facts: NetworkFacts, at: int) -> int:
        """VLAN of the storage network of its adapter number *at* (from 0) ([D]: 711 and up)."""
        return self.storage_vlans[at] if at < len(self.storage_vlans) else facts.storage_vlans[0] + at


def default_intents(facts: NetworkFacts) -> list[Intent]:
    """The intents that deployment makes."""
    return [
        Intent(one.name, one.adapters, one.compute, one.management, one.storage, facts.storage_vlans * one.storage)
        for one in facts.intents
    ]


def missing_adapters(own: NodeNetwork, intent: Intent) -> list[str]:
    """Adapters of an intent that the machine has no longer under these names; [T] that the host's count too."""
    renamed = [name for name in intent.host_adapters if own.find_port(name) and not own.find(name)]
    return [*(name for name in intent.adapters if own.find(name) is None), *renamed]


def is_provisioned(own: NodeNetwork, intent: Intent) -> bool:
    """Whether switch and host adapters are there that the intent asks for."""
    if not intent.needs_switch:
        return True
    switch = own.find_switch(intent.switch_name)
    return switch is not None and all(own.find_port(name) is not None for name in intent.host_adapters)


def provision(facts: NetworkFacts, ids: Identities, node: Node, own: NodeNetwork, intent: Intent) -> str:
    """Bring a machine's network to what an intent wants; the error of Network ATC, or nothing."""
    if missing_adapters(own, intent):
        return ADAPTER_NOT_FOUND
    members = [adapter for adapter in map(own.find, intent.adapters) if adapter is not None]
    switch = own.find_switch(intent.switch_name) if intent.needs_switch else None
    guid = switch.guid if switch is not None else ""
    if any(member.switch not in ("", guid) for member in members):
        return BINDING_CONFLICT
    for member in members:
        for name, value in intent.overrides.get("adapter", {}).items():
            if name in _KEYWORDS and value is not None:
                member.set_advanced(_KEYWORDS[name], str(value))
    storage = _provision_switch(ids, own, intent, members) if intent.needs_switch else members
    if intent.storage:
        _provision_storage(facts, node, own, intent, storage)
    return ""


def _provision_switch(ids: Identities, own: NodeNetwork, intent: Intent, members: list[Adapter]) -> list[Adapter]:
    """Switch, team and host adapters; returns those for storage."""
    switch = own.find_switch(intent.switch_name)
    if switch is None:
        switch = add_switch(own, ids, intent.switch_name, members, "External")
        switch.embedded_teaming, switch.bandwidth = True, "None"
    for member in members:
        member.switch = switch.guid
    switch.balancing = str(intent.override("switch", "LoadBalancingAlgorithm", "HyperVPort"))
    switch.iov = bool(intent.override("switch", "EnableIov", True))
    for name in intent.host_adapters:
        adapter = own.find_port(name) or add_host_adapter(own, ids, switch, name, name)
        if adapter.port is not None and name.startswith("vManagement("):
            _isolate(adapter, intent.management_vlan)
    return _storage_adapters(own, intent, switch, members)


def _storage_adapters(own: NodeNetwork, intent: Intent, switch: VirtualSwitch, members: list[Adapter]) -> list[Adapter]:
    found = [item for item in own.host_adapters(switch) if item.port and item.port.name.startswith("vSMB(")]
    for adapter, member in zip(found, members, strict=False):
        if adapter.port is not None:
            adapter.port.mapped_to = member.guid
    return found if intent.storage else []


def _isolate(adapter: Adapter, vlan: int) -> None:
    """Network ATC sets VLANs of host adapters as isolation [T] TSG Networking."""
    if adapter.port is not None:
        adapter.port.isolation, adapter.port.isolation_id, adapter.port.untagged_allowed = "Vlan", vlan, True


def _provision_storage(
    facts: NetworkFacts, node: Node, own: NodeNetwork, intent: Intent, adapters: list[Adapter]
) -> None:
    automatic = intent.override("storage", "EnableAutomaticIPGeneration", True)
    jumbo = intent.override("adapter", "JumboPacket", None)
    for at, adapter in enumerate(adapters):
        vlan = intent.vlan_of(facts, at)
        adapter.lossless = adapter.physical
        if adapter.physical:
            adapter.set_advanced("VlanID", str(vlan))
            adapter.mtu = _JUMBO_MTU if jumbo is None else int(str(jumbo)) - 14
        else:
            _isolate(adapter, vlan)
        if automatic and not adapter.addresses:
            adapter.addresses.append(Address(_storage_address(facts, node, at)))
            adapter.dhcp = False
    _provision_bridging(facts, own.qos, intent)


def _storage_address(facts: NetworkFacts, node: Node, at: int) -> IPv4Interface:
    """10.71.<n>.x of the adapter number *at* (from 0) [D]; the last part is that of all addresses of the machine."""
    first = facts.storage_subnets[0]
    subnet = IPv4Network((int(first.network_address) + at * first.num_addresses, first.prefixlen))
    return IPv4Interface(f"{subnet[FIRST_NODE + node.number - 1]}/{subnet.prefixlen}")


def _provision_bridging(facts: NetworkFacts, qos: Qos, intent: Intent) -> None:
    """Classes and policies of storage ([D] ASD deploy/network-atc): SMB Direct and the cluster's heartbeat."""

    def number(name: str, default: int) -> int:
        return int(str(intent.override("qos", name, default)))

    slow = facts.driver.bits_s <= 10 * 10**9
    smb, cluster = number("PriorityValue8021Action_SMB", 3), number("PriorityValue8021Action_Cluster", 7)
    port = number("NetDirectPortMatchCondition", _SMB_PORT)
    qos.classes = [
        TrafficClass("SMB_Direct", (smb,), number("BandwidthPercentage_SMB", 50)),
        TrafficClass("Cluster", (cluster,), number("BandwidthPercentage_Cluster", 2 if slow else 1)),
    ]
    qos.policies = [QosPolicy("SMB_Direct", smb, port=port), QosPolicy("Cluster", cluster, "Cluster")]
    qos.flow_control = {smb}
