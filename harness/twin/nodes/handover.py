"""Which node is to have which guest's address: one at a time, and between two of them nobody, for as long as the model
says that the guest was silent.

A node that is told to give an address up does so when it gets to it, and says when it has.  Until then no other node is
told to have it, so that what is seen on the wire is never shorter than what the cluster logs.  Times are wall time in
nanoseconds (`wall_ns`), but those of `wants`.
"""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass, field


@dataclass(slots=True)
class _Address:
    """Where an address is to be (None: nowhere), since which instant of the model nowhere, and how long it was; when
    the last node gave it up."""

    wanted: str | None = None
    silent_since_ns: int = 0
    silent_for_ns: int = 0
    free_since_ns: int = 0


@dataclass(slots=True)
class _Told:
    """What a node was told and has not confirmed yet, behind what it confirmed last: it has one of these sets."""

    sets: list[tuple[int, frozenset[str]]] = field(default_factory=list)
    number: int = 0
    unsure: bool = False
    """Whether what it was told last may not have reached it."""

    @property
    def may_have(self) -> frozenset[str]:
        return frozenset().union(*(addresses for _, addresses in self.sets))

    @property
    def last(self) -> frozenset[str] | None:
        return self.sets[-1][1] if self.sets else None


class Handover:
    """The addresses of all guests.  Not thread-safe."""

    def __init__(self, nodes: Iterable[str]) -> None:
        self._nodes = {node: _Told() for node in nodes}
        self._addresses: dict[str, _Address] = {}

    def wants(self, address: str, node: str | None, model_ns: int) -> None:
        """The guest of an address answers on a node from this instant of the model on, or (None) nowhere."""
        known = self._addresses.setdefault(address, _Address())
        if node == known.wanted:
            return
        if node is None:
            known.silent_since_ns = model_ns
        else:
            known.silent_for_ns = max(0, model_ns - known.silent_since_ns) if known.wanted is None else 0
        known.wanted = node

    def due(self, node: str, now_ns: int) -> list[str] | None:
        """What a node is to be told to have now, sorted; None when it was told that last."""
        told = self._nodes[node]
        wanted = frozenset(
            address
            for address, known in self._addresses.items()
            if known.wanted == node and self._is_free_for(node, address, known, now_ns)
        )
        return None if wanted == told.last and not told.unsure else sorted(wanted)

    def _is_free_for(self, node: str, address: str, known: _Address, now_ns: int) -> bool:
        if address in self._nodes[node].may_have and address in (self._nodes[node].last or ()):
            return True
        if any(address in told.may_have for told in self._nodes.values()):
            return False  # this one may be about to give it up as well
        return now_ns >= known.free_since_ns + known.silent_for_ns

    def tell(self, node: str, addresses: Iterable[str]) -> int:
        """A node is told what to have; the number by which it confirms that."""
        told = self._nodes[node]
        told.number += 1
        told.unsure = False
        told.sets.append((told.number, frozenset(addresses)))
        return told.number

    def confirmed(self, node: str, number: int, now_ns: int) -> None:
        """A node has what it was told with this number, and nothing else."""
        told = self._nodes[node]
        before = told.may_have
        told.sets = [pair for pair in told.sets if pair[0] >= number]
        self._freed(before - told.may_have, now_ns)

    def unsure(self, node: str) -> None:
        """A node comes again over another connection: what it was told last may be lost."""
        self._nodes[node].unsure = True

    def gone(self, node: str, now_ns: int) -> None:
        """A node is not there any more, and all of its addresses with it."""
        told = self._nodes[node]
        before, told.sets = told.may_have, []
        self._freed(before, now_ns)

    def _freed(self, addresses: Iterable[str], now_ns: int) -> None:
        for address in addresses:
            if address in self._addresses:
                self._addresses[address].free_since_ns = now_ns
