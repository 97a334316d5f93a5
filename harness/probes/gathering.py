"""Replies are taken from the kernel often and looked at seldom.

They are taken often so that they fit its buffer and are still in the processor's caches.  To look at twenty costs
nearly as much as to look at two hundred, so as long as no answer is missing they are only counted.
"""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from typing import Final

from harness.probes.clocks import ProbeClock, StampConverter
from harness.probes.mmsg import RECEIVE_ROOM
from harness.probes.schedule import Ints
from harness.probes.settings import SamplerSettings
from harness.probes.wire import Replies, Wire

READ_MOST: Final = 64
"""Batches of replies in one reading; more would keep the next slot waiting. [INF]"""
LOOK_COUNT: Final = RECEIVE_ROOM // 2
"""So many replies are looked at even when none is missing: what a wire gathers has an end."""

Converted = tuple[Replies, Ints]
"""Replies, and when each was received: monotonic time in ns."""


class Gathering:
    """The replies of all `wires`, on the monotonic clock."""

    def __init__(self, wires: Sequence[Wire], clock: ProbeClock, settings: SamplerSettings) -> None:
        self._wires = wires
        self._look_ns, self._patience_ns = settings.look_ns, settings.patience_ns
        self.converter = StampConverter(clock)
        self.asked = 0
        """Regular probes that the kernel took; who sends counts them here."""
        self.at_ns = 0
        """Everything that came until then was gathered."""
        self._asked = 0
        """The same when replies were taken last."""
        self._came = 0
        self._looked_ns = self._looked_came = 0
        """When replies were looked at last, and how many had come by then."""
        self._missing = 0
        """Answers missing at that time."""
        self._known = 0
        """Of these, those that were missing before for longer than anyone's patience: to look again tells no more."""
        self._earlier: list[Converted] = []
        """What came before the machine's clock was set."""

    def gather(self) -> bool:
        """Take what waits in the kernel.  True when it is time to look at it: more answers are missing than known,
        many have come, or the last look is long ago."""
        stepped = self.converter.compare()
        if stepped:
            self._earlier += self._converted()
            self.converter.done(self.at_ns)
        self.at_ns = self.converter.adopt()
        self._asked = self.asked
        self._take()
        return (
            self._asked - self._came > self._known
            or self._came - self._looked_came >= LOOK_COUNT
            or self.at_ns - self._looked_ns >= self._look_ns
            or stepped
        )

    def _take(self) -> None:
        for wire in self._wires:
            self._came += wire.gather()

    def replies(self) -> Iterator[Converted]:
        """All that was gathered, and what still waits when that filled its room."""
        yield from self._earlier
        self._earlier.clear()
        for _ in range(READ_MOST):
            full = False
            for replies, times in self._converted():
                full = full or replies.more
                yield replies, times
            if not full:
                break
            self._take()
        self.converter.done(self.at_ns)
        missing = self._asked - self._came
        self._known = min(missing, self._missing) if self.at_ns - self._looked_ns >= self._patience_ns else 0
        self._missing = missing
        self._looked_ns, self._looked_came = self.at_ns, self._came

    def _converted(self) -> Iterator[Converted]:
        for wire in self._wires:
            replies = wire.gathered()
            if replies is not None and (replies.columns.size or replies.more):
                yield replies, self.converter.convert(replies.stamps)
