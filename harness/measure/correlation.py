"""Edges that many guests share: when a node goes, all its guests go at one instant.

Guests are probed one after the other, evenly spread over the interval I.  Each guest's own samples leave its edge open
by I; where N guests of a node fell at the same instant, the last one that still answered and the first one that did not
any more are I/N apart.  So the node's instant is known far better than that of any guest.
"""

from __future__ import annotations

from collections.abc import Callable, Iterable, Sequence
from dataclasses import dataclass
from typing import Final, Literal

LEAST_GUESTS: Final = 3
"""Guests that must share an edge [INF]: two may fall together by chance."""

LEAST_SHARE: Final = 0.5
"""Share of the node's guests that must share it [INF]: a node that goes takes all of them, but for those whose own
samples are missing or that were moving just then."""


@dataclass(frozen=True, slots=True)
class Edge:
    """An edge of one guest of `node`: it lies between `from_ns` and `to_ns`."""

    vm: str
    node: str
    from_ns: int
    to_ns: int


@dataclass(frozen=True, slots=True)
class NodeEdge:
    """The instant at which the guests of a node went (`down`) or came back (`up`) together, ± `err_ns`."""

    node: str
    kind: Literal["down", "up"]
    at_ns: int
    err_ns: int
    vms: tuple[str, ...]


def node_edges(
    edges: Iterable[Edge], kind: Literal["down", "up"], population: Callable[[str, int], int]
) -> tuple[NodeEdge, ...]:
    """Edges shared by enough guests of a node; `population` is how many guests a node has at an instant."""
    of_node: dict[str, list[Edge]] = {}
    for edge in edges:
        of_node.setdefault(edge.node, []).append(edge)
    found = []
    for node, rows in sorted(of_node.items()):
        for shared in _shared(rows):
            from_ns, to_ns = max(row.from_ns for row in shared), min(row.to_ns for row in shared)
            if len(shared) >= max(LEAST_GUESTS, LEAST_SHARE * population(node, from_ns)):
                vms = tuple(sorted(row.vm for row in shared))
                found.append(NodeEdge(node, kind, (from_ns + to_ns) // 2, (to_ns - from_ns + 1) // 2, vms))
    return tuple(found)


def _shared(rows: Sequence[Edge]) -> Iterable[list[Edge]]:
    """Groups of edges that can all be the same instant, from early to late."""
    group: list[Edge] = []
    to_ns = 0
    for row in sorted(rows, key=lambda row: (row.from_ns, row.to_ns, row.vm)):
        if group and row.from_ns > to_ns:
            yield group
            group = []
        to_ns = min(to_ns, row.to_ns) if group else row.to_ns
        group.append(row)
    if group:
        yield group
