"""Network of one machine: plain, mutable, public objects that cmdlets read and change.

All of it is configuration that Windows keeps over restarts and power loss [GK].
"""

from __future__ import annotations

from dataclasses import dataclass, field
from ipaddress import IPv4Address, IPv4Interface, IPv4Network
from typing import Final

LOOPBACK: Final = IPv4Network("127.0.0.0/8")
DEFAULT: Final = IPv4Network("0.0.0.0/0")
_ECHO_RULES: Final = ("fps-icmp4-erq-in", "failovercluster-icmp4-erq-in")
_AUTOMATIC_METRIC: Final = 15
"""[GK] Automatic metric of a fast interface."""
_INTERNAL_BITS_S: Final = 10 * 10**9
"""[GK] Link speed of the host's adapter on an internal switch."""


@dataclass(slots=True)
class AdvancedValue:
    """One advanced property of an adapter's driver."""

    keyword: str
    display_name: str
    value: str
    shown: str


@dataclass(slots=True)
class Address:
    """One IPv4 address of an adapter."""

    interface: IPv4Interface
    skip_as_source: bool = False

    @property
    def ip(self) -> str:
        """The address without its prefix."""
        return str(self.interface.ip)

    @property
    def prefix(self) -> int:
        """Length of the prefix."""
        return self.interface.network.prefixlen


@dataclass(slots=True)
class LldpAgent:
    """The LLDP agent of an adapter: what its active store says, and what it starts with."""

    active: bool = False
    persistent: bool = False
    boot: int | None = None
    """Boot of the machine to which the active store belongs."""


@dataclass(slots=True)
class Port:
    """What Hyper-V knows of a host's adapter: its name there, and how its traffic is kept apart."""

    name: str
    isolation: str = "None"
    """``None`` or ``Vlan``."""
    isolation_id: int = 0
    untagged_allowed: bool = False
    mode: str = "Untagged"
    """``Untagged``, ``Access`` or ``Trunk``."""
    vlan: int = 0
    native_vlan: int = 0
    allowed_vlans: str = ""
    mapped_to: str = ""
    """GUID of the team's member that its traffic should take; empty for any."""


@dataclass(slots=True)
class Adapter:
    """One network adapter: a physical one, or the host's on a virtual switch."""

    name: str
    description: str
    index: int
    mac: str
    """Six bytes with hyphens, as Windows shows them."""
    guid: str
    """In upper case, without braces."""
    physical: bool
    bits_s: int
    slot: int = 0
    """Place among the physical adapters, from 1."""
    enabled: bool = True
    switch: str = ""
    """GUID of the virtual switch that it belongs to."""
    port: Port | None = None
    """Of the host's adapters on a switch."""
    vlan: int = 0
    mtu: int = 1500
    metric: int = 0
    """Metric of its IP interface; 0 for an automatic one."""
    dhcp: bool = False
    addresses: list[Address] = field(default_factory=list)
    dns_servers: list[str] = field(default_factory=list)
    dns_suffix: str = ""
    dns_registers: bool = True
    category: str = ""
    """Category of its network when somebody set one."""
    lossless: bool = False
    """Network ATC set it up for storage: priority flow control is on."""
    willing: bool | None = None
    """Whether it takes data centre bridging from the switch; None for what holds for the whole machine."""
    lldp: LldpAgent = field(default_factory=LldpAgent)
    advanced: list[AdvancedValue] = field(default_factory=list)

    @property
    def interface_metric(self) -> int:
        """The metric that routes over it add to their own."""
        return self.metric or _AUTOMATIC_METRIC

    @property
    def teamed(self) -> bool:
        """A member of a virtual switch: bound to the switch, without IP of its own."""
        return self.physical and bool(self.switch)

    def set_advanced(self, keyword: str, value: str) -> None:
        """Give a driver's property a value; its shown one follows."""
        words = {"0": "Disabled", "1": "Enabled"}
        for item in self.advanced:
            if item.keyword.lower() == keyword.lower():
                item.shown = words.get(value, value) if item.shown in words.values() else value
                item.value = value
        if keyword.lower() == "vlanid" and value.isdecimal():
            self.vlan = int(value)

    @property
    def link_local(self) -> str:
        """The IPv6 address that every interface has [GK], made from the MAC [INF]: Windows takes a random one."""
        parts = [int(part, 16) for part in self.mac.split("-")]
        parts[0] ^= 2
        low = [*parts[:3], 0xFF, 0xFE, *parts[3:]]
        groups = [f"{low[at] << 8 | low[at + 1]:x}" for at in range(0, 8, 2)]
        return f"fe80::{':'.join(groups)}%{self.index}"


@dataclass(slots=True)
class Route:
    """A route that somebody set; those that follow from the addresses are not kept."""

    destination: IPv4Network
    next_hop: str
    index: int
    """Index of the interface."""
    metric: int = 256


@dataclass(slots=True)
class FirewallRule:
    """One rule of the firewall; a port's list that is empty means every port."""

    name: str
    display_name: str
    group: str
    profile: str
    enabled: bool = True
    direction: str = "Inbound"
    action: str = "Allow"
    protocol: str = "Any"
    local_ports: tuple[str, ...] = ()
    remote_ports: tuple[str, ...] = ()
    description: str = ""
    made: bool = False
    """Somebody made it here."""

    def blocks(self, direction: str, protocol: str, local: int = 0, remote: int = 0) -> bool:
        """Whether it stops such traffic; ports as the machine with the rule sees them."""
        return (
            self.enabled
            and self.action == "Block"
            and self.direction == direction
            and self.protocol.lower() in ("any", protocol.lower())
            and _has_port(self.local_ports, local)
            and _has_port(self.remote_ports, remote)
        )


def _has_port(ranges: tuple[str, ...], port: int) -> bool:
    """Whether a port is one of a rule's: numbers, and ranges like ``5000-5020``."""
    for text in ranges:
        low, _, high = text.partition("-")
        if low.isdecimal() and int(low) <= port <= int(high or low):
            return True
    return not ranges


@dataclass(slots=True)
class VirtualSwitch:
    """One virtual switch of Hyper-V."""

    name: str
    guid: str
    """In upper case, without braces."""
    kind: str = "External"
    """``External``, ``Internal`` or ``Private``."""
    embedded_teaming: bool = False
    balancing: str = "Dynamic"
    iov: bool = False
    bandwidth: str = "Weight"
    notes: str = ""
    extensions: set[str] = field(default_factory=set)
    """Names of the extensions that are enabled."""


@dataclass(slots=True)
class TrafficClass:
    """Priorities that have a share of the bandwidth."""

    name: str
    priorities: tuple[int, ...]
    percent: int
    algorithm: str = "ETS"


@dataclass(slots=True)
class QosPolicy:
    """Traffic that gets a priority."""

    name: str
    priority: int
    template: str = "None"
    """``SMB``, ``Cluster`` …, or ``None``."""
    port: int = 0
    """Port of its RDMA traffic; 0 for none."""


@dataclass(slots=True)
class Qos:
    """Data centre bridging of one machine."""

    classes: list[TrafficClass] = field(default_factory=list)
    policies: list[QosPolicy] = field(default_factory=list)
    flow_control: set[int] = field(default_factory=set)
    """Priorities with flow control."""
    willing: bool = False


@dataclass(frozen=True, slots=True)
class CachedName:
    """What the resolver of a machine knows of a name until a time, in this boot."""

    addresses: tuple[str, ...]
    until_ns: int
    boot: int


@dataclass(slots=True)
class NodeNetwork:
    """Adapters, switches, routes and firewall rules of one machine."""

    management_ip: str
    """The address by which others know the machine."""
    adapters: list[Adapter]
    routes: list[Route]
    rules: list[FirewallRule]
    switches: list[VirtualSwitch] = field(default_factory=list)
    qos: Qos = field(default_factory=Qos)
    gone_rules: set[str] = field(default_factory=set)
    """Names, in lower case, of rules that somebody took away."""
    open_profiles: set[str] = field(default_factory=set)
    """Profiles of the firewall that are off."""
    made: int = 0
    """How many virtual switches and adapters it ever had: what is new gets another identity."""

    dns_cache: dict[str, CachedName] = field(default_factory=dict)
    """What the resolver has learnt, by full name in lower case."""
    proxy: str = ""
    """WinHTTP's proxy; empty for direct access."""
    proxy_bypass: str = ""

    @property
    def interfaces(self) -> list[Adapter]:
        """Adapters with an IP stack that are up; the team's members have none [GK]."""
        return [item for item in self.adapters if not item.teamed and self.is_up(item)]

    @property
    def management_up(self) -> bool:
        """Whether others reach the machine under its management address."""
        return self.holder(self.management_ip) is not None

    @property
    def answers_echo(self) -> bool:
        """Whether the firewall lets a ping in."""
        if self.firewall_off:
            return True
        allowed = any(rule.enabled for rule in self.rules if rule.name.lower() in _ECHO_RULES)
        return allowed and not self.stops("Inbound", "ICMPv4")

    @property
    def firewall_off(self) -> bool:
        """Whether the firewall is off in the domain's profile, in which the machines see each other."""
        return "Domain" in self.open_profiles

    def stops(self, direction: str, protocol: str, local: int = 0, remote: int = 0) -> bool:
        """Whether a rule blocks such traffic."""
        return not self.firewall_off and any(rule.blocks(direction, protocol, local, remote) for rule in self.rules)

    @property
    def dns_servers(self) -> list[str]:
        """Name servers of all interfaces that are up, each once."""
        return list(dict.fromkeys(server for item in self.interfaces for server in item.dns_servers))

    def is_up(self, adapter: Adapter) -> bool:
        """Enabled and, on an external switch, with a member that has a link."""
        if adapter.physical or not adapter.enabled:
            return adapter.enabled
        switch = self.switch_of(adapter)
        if switch is None:
            return False
        return switch.kind == "Internal" or any(item.enabled for item in self.members(switch))

    def speed_of(self, adapter: Adapter) -> int:
        """Bits per second of its link; an adapter on a team has the sum of the members' [GK]."""
        switch = None if adapter.physical else self.switch_of(adapter)
        if switch is None:
            return adapter.bits_s
        return sum(item.bits_s for item in self.members(switch)) or _INTERNAL_BITS_S

    def switch_of(self, adapter: Adapter) -> VirtualSwitch | None:
        """The switch that an adapter belongs to."""
        return next((item for item in self.switches if item.guid == adapter.switch), None)

    def find_switch(self, name: str) -> VirtualSwitch | None:
        """The switch of a name, in any case of letters."""
        return next((item for item in self.switches if item.name.lower() == name.lower()), None)

    def members(self, switch: VirtualSwitch) -> list[Adapter]:
        """Physical adapters of a switch."""
        return [item for item in self.adapters if item.physical and item.switch == switch.guid]

    def host_adapters(self, switch: VirtualSwitch) -> list[Adapter]:
        """The host's own adapters on a switch."""
        return [item for item in self.adapters if item.port is not None and item.switch == switch.guid]

    def find_port(self, name: str) -> Adapter | None:
        """The host's adapter that Hyper-V knows under a name."""
        low = name.lower()
        return next((item for item in self.adapters if item.port is not None and item.port.name.lower() == low), None)

    def drop(self, adapter: Adapter) -> None:
        """An adapter goes, with the routes over it."""
        self.adapters = [item for item in self.adapters if item is not adapter]
        self.routes = [route for route in self.routes if route.index != adapter.index]

    def holder(self, ip: str) -> Adapter | None:
        """The adapter that answers for an address."""
        return next((item for item in self.interfaces if any(address.ip == ip for address in item.addresses)), None)

    def find(self, name: str) -> Adapter | None:
        """The adapter of a name, in any case of letters."""
        return next((item for item in self.adapters if item.name.lower() == name.lower()), None)

    def egress(self, ip: IPv4Address) -> tuple[Adapter, str] | None:
        """Interface by which a packet leaves and the address it comes from; None without a route."""
        for item in self.interfaces:
            for address in item.addresses:
                if ip in address.interface.network:
                    return item, address.ip
        out = {item.index: item for item in self.interfaces if item.addresses}
        ways = [route for route in self.routes if route.index in out and ip in route.destination]
        if not ways:
            return None
        best = min(ways, key=lambda one: (-one.destination.prefixlen, one.metric + out[one.index].interface_metric))
        return out[best.index], out[best.index].addresses[0].ip
