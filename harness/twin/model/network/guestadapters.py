"""The network adapters of guests, as their host tells of them: one for each guest, on the host's switch.

Nothing else of the guests' network is modelled: their addresses are made up, but for those at which clients reach them.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import dataclass
from functools import cached_property

from harness.twin.model.entities import Guest
from harness.twin.model.network.facts import NetworkFacts
from harness.twin.model.network.state import NodeNetwork, VirtualSwitch
from harness.twin.model.network.virtual import make_guid, virtual_mac
from harness.twin.model.states import Signal, VmState
from harness.twin.model.world import World

_EXECUTING = (VmState.Running, VmState.RunningCritical)


@dataclass(frozen=True, slots=True)
class GuestAdapter:
    """The adapter of a guest as it is now.

    ``addresses`` are those that the guest's integration services tell the host; ``switch`` is None when the host has no
    external one.
    """

    mac: str
    guid: str
    addresses: tuple[str, ...]
    switch: VirtualSwitch | None


class GuestAdapters:
    """Those of all guests."""

    def __init__(self, world: World, network_of: Callable[[str], NodeNetwork], facts: NetworkFacts) -> None:
        self._world, self._network_of, self._facts = world, network_of, facts
        self.served: Mapping[str, str] = {}
        """Addresses at which clients reach guests, by their names; the others have one of the facts' subnet."""

    def of(self, guest: Guest) -> GuestAdapter:
        """The adapter of a guest."""
        streams = self._world.streams
        number, high, low = (streams.bits(f"vm/{guest.name}/adapter", draw) for draw in (0, 1, 2))
        switches = self._network_of(guest.owner).switches
        switch = next((item for item in switches if item.kind == "External"), None)
        return GuestAdapter(virtual_mac(number), make_guid(high, low), self._told(guest), switch)

    def _told(self, guest: Guest) -> tuple[str, ...]:
        """[GK] The host knows addresses from the guest's own services: none while its system does not run."""
        if guest.state not in _EXECUTING or guest.reachability.signal is Signal.Off:
            return ()
        return (self.served.get(guest.name) or self._facts.guest_address(self._numbers[guest.name]),)

    @cached_property
    def _numbers(self) -> dict[str, int]:
        return {name: number for number, name in enumerate(self._world.guests, 1)}
