"""Virtual switches of a machine and the host's adapters on them: how they come and go ([D] WPD Hyper-V)."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Final

from harness.twin.model.entities import Node
from harness.twin.model.network.state import Adapter, NodeNetwork, Port, VirtualSwitch
from harness.twin.model.random import Streams

FILTERING_PLATFORM: Final = "Microsoft Windows Filtering Platform"
"""[T] TSG Networking: the extension that is enabled where no other filters."""
_DESCRIPTION: Final = "Hyper-V Virtual Ethernet Adapter"
"""[GK] Description of the host's first adapter on a virtual switch; the next ones have a number."""
_SLOTS: Final = 100
"""Names of random streams of what is made later begin here, behind those of the physical adapters."""


class Identities:
    """GUIDs and MACs of the adapters and switches of one machine, the same for a seed."""

    def __init__(self, streams: Streams, node: Node) -> None:
        self._streams, self._prefix = streams, f"network/{node.name}"

    def mac(self, slot: int) -> str:
        """MAC of a physical adapter: made up, locally administered."""
        bits = self._streams.bits(f"{self._prefix}/{slot}", 0)
        return _mac([0x02, *(bits >> shift & 0xFF for shift in (0, 8, 16, 24, 32))])

    def virtual_mac(self, slot: int) -> str:
        """MAC out of the range that Hyper-V gives to virtual adapters [GK]."""
        return virtual_mac(self._streams.bits(f"{self._prefix}/{slot}", 0))

    def guid(self, slot: int) -> str:
        """GUID in upper case, without braces."""
        return make_guid(*(self._streams.bits(f"{self._prefix}/{slot}/guid", draw) for draw in (0, 1)))


def make_guid(high: int, low: int) -> str:
    """A GUID out of 128 bits, in upper case and without braces."""
    text = f"{high:016X}{low:016X}"
    return f"{text[:8]}-{text[8:12]}-4{text[13:16]}-A{text[17:20]}-{text[20:]}"


def virtual_mac(bits: int) -> str:
    """A MAC out of the range that Hyper-V gives to virtual adapters [GK]."""
    return _mac([0x00, 0x15, 0x5D, *(bits >> shift & 0xFF for shift in (0, 8, 16))])


def _mac(parts: Sequence[int]) -> str:
    return "-".join(f"{part:02X}" for part in parts)


def add_switch(own: NodeNetwork, ids: Identities, name: str, members: Sequence[Adapter], kind: str) -> VirtualSwitch:
    """Make a switch and bind its physical members; their IP configuration stays with them, out of use."""
    own.made += 1
    switch = VirtualSwitch(name, ids.guid(_SLOTS + own.made), kind, extensions={FILTERING_PLATFORM})
    for member in members:
        member.switch = switch.guid
    own.switches.append(switch)
    return switch


def add_host_adapter(own: NodeNetwork, ids: Identities, switch: VirtualSwitch, port: str, name: str = "") -> Adapter:
    """Give the host an adapter on a switch; Windows calls it ``vEthernet (PORT)`` [GK].

    The first one of an external switch has the first member's MAC and takes over its IP configuration, the others wait
    for DHCP [GK].
    """
    members, others = own.members(switch), own.host_adapters(switch)
    own.made += 1
    slot = _SLOTS + own.made
    number = sum(item.port is not None for item in own.adapters) + 1
    adapter = Adapter(
        name=name or f"vEthernet ({port})",
        description=_DESCRIPTION if number == 1 else f"{_DESCRIPTION} #{number}",
        index=max(item.index for item in own.adapters) + 1,
        mac=members[0].mac if members and not others else ids.virtual_mac(slot),
        guid=ids.guid(slot),
        physical=False,
        bits_s=0,
        switch=switch.guid,
        port=Port(port),
        dhcp=True,
    )
    own.adapters.append(adapter)
    if not others:
        _take_over(own, members, adapter)
    return adapter


def _take_over(own: NodeNetwork, members: Sequence[Adapter], adapter: Adapter) -> None:
    """Addresses, name servers and routes of the member that has some move to the host's adapter."""
    source = next((item for item in members if item.addresses), None)
    if source is None:
        return
    adapter.dhcp = source.dhcp
    adapter.addresses, source.addresses = source.addresses, []
    adapter.dns_servers, source.dns_servers = source.dns_servers, []
    for route in own.routes:
        if route.index == source.index:
            route.index = adapter.index


def remove_switch(own: NodeNetwork, switch: VirtualSwitch) -> None:
    """Take a switch away with the host's adapters on it; their addresses are lost.

    [T] TSG EnvironmentValidator sets the address again after the removal of a switch.
    """
    for adapter in own.host_adapters(switch):
        own.drop(adapter)
    for member in own.members(switch):
        member.switch = ""
    own.switches = [item for item in own.switches if item is not switch]
