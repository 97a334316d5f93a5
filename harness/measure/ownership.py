"""Which node owned which virtual machine when, as far as it was seen."""

from __future__ import annotations

from bisect import bisect_left, bisect_right
from collections.abc import Iterable, Mapping
from dataclasses import dataclass, field

from harness.measure.samples import Span


@dataclass(frozen=True, slots=True)
class Ownership:
    """Sightings of owners (`seen`: per guest, sorted times and nodes) and spans of live migrations (`migrations`)."""

    seen: Mapping[str, tuple[tuple[int, str], ...]] = field(default_factory=dict)
    migrations: Mapping[str, tuple[Span, ...]] = field(default_factory=dict)

    @classmethod
    def of(cls, sightings: Iterable[tuple[str, int, str]], migrations: Iterable[tuple[str, Span]] = ()) -> Ownership:
        """From unsorted (guest, time, node) and (guest, span)."""
        seen: dict[str, list[tuple[int, str]]] = {}
        for vm, t_ns, node in sightings:
            seen.setdefault(vm, []).append((t_ns, node))
        spans: dict[str, list[Span]] = {}
        for vm, span in migrations:
            spans.setdefault(vm, []).append(span)
        return cls(
            {vm: tuple(sorted(rows)) for vm, rows in seen.items()},
            {vm: tuple(sorted(rows)) for vm, rows in spans.items()},
        )

    def before(self, vm: str, t_ns: int) -> str:
        """The owner last seen at or before `t_ns`; empty when none was."""
        rows = self.seen.get(vm, ())
        index = bisect_right(rows, t_ns, key=lambda row: row[0])
        return rows[index - 1][1] if index else ""

    def after(self, vm: str, t_ns: int) -> str:
        """The owner first seen at or after `t_ns`; empty when none was."""
        rows = self.seen.get(vm, ())
        index = bisect_left(rows, t_ns, key=lambda row: row[0])
        return rows[index][1] if index < len(rows) else ""

    def migrated(self, vm: str, start_ns: int, end_ns: int) -> bool:
        """Did a live migration of `vm` touch the time from `start_ns` to `end_ns`?"""
        return any(first <= end_ns and last >= start_ns for first, last in self.migrations.get(vm, ()))

    def population(self, node: str, t_ns: int) -> int:
        """How many virtual machines `node` owned at `t_ns`."""
        return sum(self.before(vm, t_ns) == node for vm in self.seen)
