"""What the sampler needs of a wire: send a segment, send the suspects, give what came back."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass
from typing import Final, Protocol

from harness.probes.schedule import Flags, Ints, Schedule, Segment
from harness.values import SampleRun, Signal

BURST: Final = 1 << 31
"""Set in a probe's number when it is the number of a slot, asked out of turn, rather than of a round."""

Unsent = Sequence[tuple[int, int]]
"""Probes that the kernel did not take: place within what was to be sent, and its errno."""

NONE_UNSENT: Final[Unsent] = ()


@dataclass(frozen=True, slots=True)
class Replies:
    """A batch of replies, one element each: column, number of the probe, kernel receive time (CLOCK_REALTIME in ns),
    and whether the machine refused.  `more` when the batch was full, so that further replies may wait in the kernel."""

    columns: Ints
    numbers: Ints
    stamps: Ints
    more: bool
    refused: Flags | None = None


class Wire(Protocol):
    """One signal's way to all its columns.  Nothing here blocks."""

    @property
    def signal(self) -> Signal:
        """The signal that it carries."""

    def prepare(self, schedule: Schedule, burst_room: int) -> None:
        """Make the packets of all columns of this signal, and room for `burst_room` chosen ones; once."""

    def begin(self, number: int) -> None:
        """What senders send from now on belongs to round `number`."""

    def sender(self, segment: Segment) -> Callable[[], int]:
        """A call that asks all columns of `segment` and gives how many of them the kernel took, -1 for none.  Good
        until the next change of source."""

    def send_rest(self, segment: Segment, done: int) -> Unsent:
        """Go on after a sender of `segment` gave `done`, at once, and say what the kernel did not take in the end."""

    def choose(self, columns: Ints) -> None:
        """The columns that `send_chosen` asks, in this order."""

    def send_chosen(self, start: int, stop: int, number: int) -> Unsent:
        """Ask the chosen columns from place `start` up to `stop` (exclusive)."""

    def gather(self) -> int:
        """Take from the kernel what came back, without looking at it; gives how many replies that were."""

    def gathered(self) -> Replies | None:
        """What was gathered; None when that is nothing."""

    def change_source(self) -> None:
        """Take another identifier or source port; replies to the former one are still heard."""

    def capabilities_lost(self) -> tuple[str, ...]:
        """What this wire cannot do for want of privilege, in words."""

    def close(self) -> None:
        """Give up the sockets."""


class Source(Protocol):
    """Another origin of samples that is stepped in the sampler's loop, such as a prober of connections.

    `step` must return within a fraction of a slot: the loop has one thread.
    """

    def step(self, now_ns: int) -> None:
        """Do what is due; `now_ns` is lab time."""

    def runs(self, until_ns: int) -> list[SampleRun]:
        """The samples up to `until_ns` that were not given before, final ones only."""

    def close(self) -> None:
        """Give up what it holds."""
