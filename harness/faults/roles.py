"""Role expressions of a fault's target, answered from what is known when the fault fires."""

from __future__ import annotations

import random
from collections.abc import Callable, Sequence
from dataclasses import dataclass

from harness.faults.view import View
from harness.plan.vocabulary import CLUSTER_GROUPS


@dataclass(frozen=True, slots=True)
class Turn:
    """Whose turn it is in the node-by-node part of the update, as told by the event stream."""

    updating: str | None = None
    last_updated: str | None = None
    updated: tuple[str, ...] = ()


@dataclass(frozen=True, slots=True)
class RoleView:
    """Implements `harness.plan.target.RoleFacts`."""

    all_nodes: tuple[str, ...]
    view: View
    turn: Turn
    event_node: str | None

    def nodes(self) -> frozenset[str]:
        """All nodes of the lab."""
        return frozenset(self.all_nodes)

    def role(self, name: str, argument: str | None) -> frozenset[str]:
        """The nodes that play the role; empty when nobody does, or nobody is known to."""
        match name:
            case "self":
                return _one(self.event_node)
            case "updating" | "coordinator":
                return _one(self.turn.updating if name == "updating" else self._owner("cluster_name"))
            case "last_updated":
                return _one(self.turn.last_updated)
            case "next_to_update":
                return _one(self._next())
            case "owner_of":
                return _one(self._owner(argument or ""))
            case "csv_owner":
                return _one(self.view.csv_owner.get(argument or ""))
            case "node":
                return _one(self._named(argument or ""))
            case "up":
                return frozenset(node for node, fact in self.view.nodes.items() if fact.is_up)
            case _:
                return self.nodes()

    def _owner(self, group: str) -> str | None:
        return self.view.group_owner.get(CLUSTER_GROUPS.get(group, group))

    def _next(self) -> str | None:
        waiting = (node for node in self.all_nodes if node not in self.turn.updated and node != self.turn.updating)
        return next(waiting, None)

    def _named(self, argument: str) -> str | None:
        if argument.isdecimal() and 1 <= int(argument) <= len(self.all_nodes):
            return self.all_nodes[int(argument) - 1]
        return argument if argument in self.all_nodes else None


def _one(node: str | None) -> frozenset[str]:
    return frozenset({node}) if node else frozenset()


def seeded_draw(seed: int, fault_id: str, occurrence: int) -> Callable[[Sequence[str], int], Sequence[str]]:
    """The random stream of one firing of one fault: removing another fault leaves these draws unchanged."""
    stream = random.Random(f"{seed}/{fault_id}/{occurrence}")

    def draw(candidates: Sequence[str], count: int) -> Sequence[str]:
        return stream.sample(list(candidates), count)

    return draw
