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
class Adapter:
    """One network adapter: a physical one, or the host's on the virtual switch."""

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
    teamed: bool = False
    """A member of the virtual switch's team: bound to the switch, without IP of its own."""
    vlan: int = 0
    mtu: int = 1500
    dhcp: bool = False
    addresses: list[Address] = field(default_factory=list)
    dns_servers: list[str] = field(default_factory=list)
    advanced: list[AdvancedValue] = field(default_factory=list)

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
    """One inbound rule that allows traffic."""

    name: str
    display_name: str
    group: str
    profile: str
    enabled: bool = True


@dataclass(slots=True)
class NodeNetwork:
    """Adapters, routes and firewall rules of one machine."""

    management_ip: str
    """The address by which others know the machine."""
    management: Adapter
    adapters: list[Adapter]
    routes: list[Route]
    rules: list[FirewallRule]
    intents: dict[str, tuple[str, ...]]
    """Names of the adapters that each intent asks for."""

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
        return any(rule.enabled for rule in self.rules if rule.name.lower() in _ECHO_RULES)

    @property
    def dns_servers(self) -> list[str]:
        """Name servers of all interfaces that are up, each once."""
        return list(dict.fromkeys(server for item in self.interfaces for server in item.dns_servers))

    def is_up(self, adapter: Adapter) -> bool:
        """Enabled and, on the virtual switch, with a team that has a link."""
        if adapter.physical:
            return adapter.enabled
        return adapter.enabled and any(item.enabled for item in self.adapters if item.teamed)

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
        for route in sorted(self.routes, key=lambda one: -one.destination.prefixlen):
            out = next((item for item in self.interfaces if item.index == route.index and item.addresses), None)
            if out is not None and ip in route.destination:
                return out, out.addresses[0].ip
        return None

    def missing_adapters(self, intent: str) -> list[str]:
        """Adapters of an intent that the machine has no longer under these names."""
        return [name for name in self.intents[intent] if self.find(name) is None]
