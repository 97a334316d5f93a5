"""What is known about the lab right now, with the time at which each fact was learned."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Any


@dataclass(frozen=True, slots=True)
class NodeFact:
    """What another node said about one node: cluster state by name, drain state by name, and when (lab time)."""

    state: str
    drain: str
    seen_by: str
    t_ns: int

    @property
    def is_up(self) -> bool:
        """Fully in service: up and not paused."""
        return self.state == "Up"


@dataclass(frozen=True, slots=True)
class Contact:
    """Whether the node's own management endpoint answered when last asked, and when (lab time)."""

    answers: bool
    t_ns: int


@dataclass(frozen=True, slots=True)
class Told:
    """The answer to a question that a fault wanted asked: what, by whom, when, and not before when (lab time).

    What the answer tells was so at some moment between `asked_ns` and `t_ns`.
    """

    value: Any
    node: str
    t_ns: int
    asked_ns: int = 0


@dataclass(frozen=True, slots=True)
class View:
    """The newest facts.  `group_owner` maps clustered groups to nodes, `jobs` are repair jobs that run or wait.

    `told`: by name of the question and the node that it was about (empty: the cluster).
    """

    now_ns: int = 0
    nodes: Mapping[str, NodeFact] = field(default_factory=dict)
    contact: Mapping[str, Contact] = field(default_factory=dict)
    group_owner: Mapping[str, str] = field(default_factory=dict)
    csv_owner: Mapping[str, str] = field(default_factory=dict)
    guests_down: int = 0
    jobs: tuple[str, ...] = ()
    unhealthy_disks: tuple[str, ...] = ()
    offline_groups: tuple[str, ...] = ()
    told: Mapping[tuple[str, str], Told] = field(default_factory=dict)

    @property
    def nodes_down(self) -> int:
        """Nodes that are not up (down, joining, paused or unknown)."""
        return sum(not fact.is_up for fact in self.nodes.values())

    @property
    def resyncing(self) -> bool:
        """Is storage not fully redundant, or being repaired?"""
        return bool(self.jobs or self.unhealthy_disks)
