"""Arithmetic of votes: dynamic quorum with dynamic witness ([D] WSD storage-spaces/understand-quorum).

Each member has one vote.  A witness votes only while the number of members is even; without a witness one of an even
number of members gives up its vote.  A group of members keeps the quorum with more than half of the votes that were
assigned before the loss.  These rules yield every row of the published table.
"""

from __future__ import annotations

from collections.abc import Callable, Collection, Sequence
from dataclasses import dataclass


@dataclass(frozen=True, slots=True)
class Votes:
    """Votes as last agreed upon: one entry per member, and the witness."""

    nodes: dict[str, int]
    witness: int

    @property
    def total(self) -> int:
        """All votes."""
        return sum(self.nodes.values()) + self.witness

    def held_by(self, members: Collection[str]) -> int:
        """Votes of *members* with the witness."""
        return sum(self.nodes.get(name, 0) for name in members) + self.witness

    def suffice(self, members: Collection[str]) -> bool:
        """Whether *members*, with the witness if there is one, keep the quorum."""
        return bool(members) and 2 * self.held_by(members) > self.total


def assign_votes(members: Sequence[str], *, witness: bool, choose: Callable[[int], int]) -> Votes:
    """Votes for *members*; ``choose(n)`` names the index of the member which gives up its vote."""
    nodes = dict.fromkeys(members, 1)
    even = len(members) % 2 == 0
    if even and members and not witness:
        nodes[members[choose(len(members))]] = 0
    return Votes(nodes, 1 if witness and even else 0)
