"""What is due when, in lab time."""

from __future__ import annotations

import heapq
from collections.abc import Callable
from dataclasses import dataclass, field


@dataclass(order=True, slots=True)
class _Entry:
    due_ns: int
    number: int
    action: Callable[[], None] = field(compare=False)
    name: str = field(compare=False)
    cancelled: bool = field(default=False, compare=False)


class Ticket:
    """Handle on one planned action."""

    def __init__(self, entry: _Entry) -> None:
        self._entry = entry

    def cancel(self) -> None:
        """Take the action off the agenda; harmless when it was carried out."""
        self._entry.cancelled = True


class Agenda:
    """A queue of actions ordered by lab time, then by the order in which they were planned."""

    def __init__(self) -> None:
        self._entries: list[_Entry] = []
        self._number = 0

    def plan(self, due_ns: int, name: str, action: Callable[[], None]) -> Ticket:
        """Carry out `action` at lab time `due_ns`, or as soon after as the loop comes by."""
        self._number += 1
        entry = _Entry(due_ns, self._number, action, name)
        heapq.heappush(self._entries, entry)
        return Ticket(entry)

    def next_due_ns(self) -> int | None:
        """When the next action is due, None when there is none."""
        while self._entries and self._entries[0].cancelled:
            heapq.heappop(self._entries)
        return self._entries[0].due_ns if self._entries else None

    def carry_out(self, now_ns: int) -> bool:
        """Carry out the first action that is due; False when none is."""
        due_ns = self.next_due_ns()
        if due_ns is None or due_ns > now_ns:
            return False
        heapq.heappop(self._entries).action()
        return True
