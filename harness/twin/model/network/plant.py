"""The lab's network: who has which address and name, and who answers whom.

Answers follow the model: a machine without power answers nothing, a port is open while its service listens.  What the
model does not have (guests as hosts of the network, the world behind the gateway) is said, never guessed.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator
from dataclasses import dataclass
from enum import Enum
from ipaddress import IPv4Address

from harness.twin.model.entities import Node
from harness.twin.model.groups import CLUSTER_GROUP, UPDATE_SERVICE
from harness.twin.model.network.atc import NetworkAtc
from harness.twin.model.network.build import make_network
from harness.twin.model.network.facts import NetworkFacts, load_network
from harness.twin.model.network.guestadapters import GuestAdapters
from harness.twin.model.network.state import LOOPBACK, Adapter, Address, CachedName, NodeNetwork
from harness.twin.model.network.virtual import Identities
from harness.twin.model.states import ClusterGroupState, NodePhase, WinRmState
from harness.twin.model.world import World

_STACK_UP = (NodePhase.Services, NodePhase.Running)
_WINRM_PORTS = (5985, 5986)
_WINDOWS_PORTS = (135, 445)
"""RPC endpoint mapper and SMB: open on every node that runs [GK]."""
_CLUSTER_PORT = 3343
_DNS_PORT = 53
_UPDATE_PORT = 4900
"""[T] TSG Update/Update-discovery-issues."""


class NotModelledError(LookupError):
    """The question leads out of the model: the message says where; ask about nodes, cluster, domain or gateway."""


class Answer(Enum):
    """What comes back on a ping."""

    REPLY = "reply"
    UNREACHABLE = "unreachable"
    """Nobody has the address, or its machine is off."""
    SILENT = "silent"
    """The machine is there and its firewall drops the request."""
    NO_ROUTE = "no route"
    """The packet cannot leave."""


@dataclass(frozen=True, slots=True)
class Neighbour:
    """What an interface knows of a machine in its subnet."""

    adapter: Adapter
    ip: str
    mac: str
    reachable: bool


def _addresses(own: NodeNetwork) -> Iterator[Address]:
    for adapter in own.adapters:
        yield from adapter.addresses


class Networks:
    """Networks of all machines; that of a machine is made when somebody asks for it first."""

    def __init__(self, world: World, quorate: Callable[[], bool]) -> None:
        self._world = world
        self._quorate = quorate
        self._cut_off: set[str] = set()
        self.atc = NetworkAtc(world, self.of, self.facts)
        self.atc.on_change = self.changed
        self.guests = GuestAdapters(world, self.of, self.facts)

    @property
    def facts(self) -> NetworkFacts:
        """What the machines have in common."""
        return load_network()

    def of(self, name: str) -> NodeNetwork:
        """The network of a machine.  Raises ModelError."""
        node = self._world.node(name)
        if node.network is None:
            node.network = make_network(self.facts, self._world.streams, node)
        return node.network

    def identities(self, name: str) -> Identities:
        """Where what is new on a machine gets its identity.  Raises ModelError."""
        return Identities(self._world.streams, self._world.node(name))

    def changed(self, name: str) -> None:
        """Somebody changed the network of a machine: tell those who serve its management address when that matters."""
        self.atc.noticed(name)
        up = self.of(name).management_up
        if up == (name not in self._cut_off):
            return
        (self._cut_off.discard if up else self._cut_off.add)(name)
        self._world.emit("node.network", node=name, management="up" if up else "down")

    # --- names

    def addresses_of(self, name: str) -> list[str]:
        """Addresses of a host name; none for one that the domain does not have.  Raises NotModelledError."""
        spec = self._world.spec
        low, domain = name.lower().rstrip("."), spec.domain.lower()
        short = low.removesuffix(f".{domain}")
        if low == domain:
            return list(self.facts.controllers)
        if "." in short:
            raise NotModelledError(f"the name '{name}' lies outside of the lab's domain {spec.domain}; it")
        if any(guest.lower() == short for guest in self._world.guests):
            raise NotModelledError(f"the address of the guest '{name}'")
        return self._hosts().get(short, [])

    def name_of(self, ip: str) -> str | None:
        """Full name of the host with an address; None when the domain has none."""
        for short, addresses in self._hosts().items():
            if ip in addresses:
                return f"{short}.{self._world.spec.domain}".lower()
        return None

    def _hosts(self) -> dict[str, list[str]]:
        facts, spec = self.facts, self._world.spec
        hosts = {node.name.lower(): [facts.node_address(node.number)] for node in self._world.nodes.values()}
        hosts[spec.cluster_name.lower()] = [facts.cluster]
        return hosts | {f"dc{at:02}": [ip] for at, ip in enumerate(facts.controllers, 1)}

    def full_name(self, name: str) -> str:
        """A host name with the domain, in lower case."""
        low = name.lower().rstrip(".")
        return low if "." in low else f"{low}.{self._world.spec.domain.lower()}"

    def resolve(self, source: str, name: str) -> list[str] | None:
        """Addresses of a name as *source* learns them; None when no name server answers.  Raises NotModelledError."""
        found, own, node = self.addresses_of(name), self.of(source), self._world.node(source)
        if self.cached(source, name) is not None:
            return found
        if self.name_server(source) is None:
            return None
        if found:
            until = self._world.now + self.facts.ttl_ns
            own.dns_cache[self.full_name(name)] = CachedName(tuple(found), until, node.boot_id)
        return found

    def cached(self, source: str, name: str) -> CachedName | None:
        """What the resolver of *source* remembers of a name."""
        entry = self.of(source).dns_cache.get(self.full_name(name))
        fresh = entry is not None and entry.until_ns > self._world.now
        return entry if fresh and entry is not None and entry.boot == self._world.node(source).boot_id else None

    def name_server(self, source: str, wanted: str = "") -> str | None:
        """The name server that answers *source*, of those it asks (or of the one *wanted*)."""
        own = self.of(source)
        if own.stops("Outbound", "UDP", remote=_DNS_PORT):
            return None
        for server in [wanted] if wanted else own.dns_servers:
            if server in self.facts.controllers and own.egress(IPv4Address(server)) is not None:
                return server
        return None

    # --- reachability

    def ping(self, source: str, ip: str, from_ip: str = "") -> Answer:
        """What *source* gets back from an address, asking from one of its own where it must be that one.

        Raises NotModelledError for an address outside of the lab.
        """
        own, address = self.of(source), IPv4Address(ip)
        if address in LOOPBACK or own.holder(ip) is not None:
            return Answer.REPLY
        self._require_inside(address)
        way = own.egress(address)
        if own.stops("Outbound", "ICMPv4"):
            return Answer.SILENT
        if way is None or (from_ip and own.holder(from_ip) is not way[0]):
            return Answer.NO_ROUTE
        target = self._machine_at(ip)
        if target is None:
            return Answer.REPLY if ip in (self.facts.gateway, *self.facts.controllers) else Answer.UNREACHABLE
        if not self._reaches(self._world.nodes[source], target, ip):
            return Answer.UNREACHABLE
        return Answer.REPLY if self.of(target.name).answers_echo else Answer.SILENT

    def connects(self, source: str, ip: str, port: int) -> bool:
        """Whether *source* can open a TCP connection.  Raises NotModelledError for an address or port unknown here."""
        own, address = self.of(source), IPv4Address(ip)
        if address in LOOPBACK or own.holder(ip) is not None:
            return self._listens(self._world.nodes[source], port)
        self._require_inside(address)
        target = self._machine_at(ip)
        if target is not None:
            if not self._listens(target, port) or own.egress(address) is None:
                return False
            if own.stops("Outbound", "TCP", remote=port) or self.of(target.name).stops("Inbound", "TCP", port):
                return False
            return self._reaches(self._world.nodes[source], target, ip)
        if ip in self.facts.controllers and port in self.facts.controller_ports:
            return own.egress(address) is not None and not own.stops("Outbound", "TCP", remote=port)
        if self.ping(source, ip) is Answer.REPLY:
            raise NotModelledError(f"the TCP port {port} of {ip}")
        return False

    def neighbours(self, source: str) -> Iterator[Neighbour]:
        """Machines in the subnets of *source*: a cluster's members talk to each other all the time.

        Those behind the gateway and guests are not simulated.
        """
        own = self.of(source)
        others = [address.ip for node in self._world.nodes.values() for address in _addresses(self.of(node.name))]
        known = dict.fromkeys([self.facts.gateway, *self.facts.controllers, self.facts.cluster, *others])
        for adapter in own.interfaces:
            for ip in known:
                inside = any(IPv4Address(ip) in address.interface.network for address in adapter.addresses)
                if not inside or own.holder(ip) is not None or self._machine_at(ip) is self._world.nodes[source]:
                    continue
                yield Neighbour(adapter, ip, self._mac_of(ip), self.ping(source, ip) is not Answer.UNREACHABLE)

    def _mac_of(self, ip: str) -> str:
        """MAC of the adapter that has an address; that of a machine outside of the cluster is made up."""
        machine = self._machine_at(ip)
        if machine is not None:
            own = self.of(machine.name)
            holder = own.holder(own.management_ip if ip == self.facts.cluster else ip)
            return holder.mac if holder is not None else ""
        bits = self._world.streams.bits(f"network/{ip}", 0)
        return "-".join(f"{part:02X}" for part in (0x02, *(bits >> shift & 0xFF for shift in (0, 8, 16, 24, 32))))

    def _require_inside(self, address: IPv4Address) -> None:
        if not any(address in subnet for subnet in (self.facts.management_subnet, *self.facts.storage_subnets)):
            raise NotModelledError(f"the address {address} lies outside of the lab's networks; it")

    def machine_at(self, source: str, ip: str) -> Node | None:
        """The machine that *source* reaches at an address, be it itself; None for one outside of the cluster."""
        if IPv4Address(ip) in LOOPBACK:
            return self._world.node(source)
        return self._machine_at(ip)

    def _machine_at(self, ip: str) -> Node | None:
        """The machine that has an address by its configuration, whether it is up or not."""
        if ip == self.facts.cluster:
            return self._world.nodes[self._world.groups[CLUSTER_GROUP].owner]
        for node in self._world.nodes.values():
            if any(address.ip == ip for adapter in self.of(node.name).adapters for address in adapter.addresses):
                return node
        return None

    def _reaches(self, source: Node, target: Node, ip: str) -> bool:
        if target.phase not in _STACK_UP:
            return False
        if ip == self.facts.cluster:
            return self._quorate() and self.of(target.name).management_up
        if IPv4Address(ip) not in self.facts.management_subnet and not (source.network_up and target.network_up):
            return False
        return self.of(target.name).holder(ip) is not None

    def _listens(self, node: Node, port: int) -> bool:
        """Whether a service of the machine has the port.  Raises NotModelledError for another port."""
        if port in _WINRM_PORTS:
            return node.winrm is not WinRmState.Refusing
        if port in _WINDOWS_PORTS:
            return node.phase in _STACK_UP
        if port == _CLUSTER_PORT:
            return node.phase in _STACK_UP and node.cluster_service
        if port == _UPDATE_PORT:
            group = self._world.groups[UPDATE_SERVICE]
            return group.owner == node.name and group.state is ClusterGroupState.Online and node.os_running
        raise NotModelledError(f"the TCP port {port} of a node")
