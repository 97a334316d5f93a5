"""Availability samples, from the lab into the journal: fetched now and then, and at the end to the last one."""

from __future__ import annotations

from collections.abc import Callable
from typing import Final

from harness.clock import NS_PER_S
from harness.labs.port import Lab
from harness.run.loop import Loop
from harness.run.memory import RunMemory
from harness.run.scribe import Scribe
from harness.values import SampleWindow

SAMPLE_EVERY_S: Final = 300
"""Lab time between two fetches."""
REST_WITHIN_S: Final = 120
"""Lab time in which the last samples must have been written; a prober writes a quarter of a minute later, or a minute
with thousands of guests."""
LOOK_AGAIN_S: Final = 2


class Sampling:
    """Fetches samples; `take` is told of each window."""

    def __init__(
        self, lab: Lab, loop: Loop, scribe: Scribe, memory: RunMemory, take: Callable[[SampleWindow], None]
    ) -> None:
        self._lab, self._loop, self._scribe, self._memory, self._take = lab, loop, scribe, memory, take

    def fetch_while(self, wanted: Callable[[], bool]) -> None:
        """Fetch now, and again and again."""
        if wanted():
            self.fetch()
            again_ns = self._lab.clock.now_ns() + SAMPLE_EVERY_S * NS_PER_S
            self._loop.agenda.plan(again_ns, "samples", lambda: self.fetch_while(wanted))

    def fetch(self) -> None:
        """All that the lab has and the journal has not."""
        if self._lab.clock.now_ns() <= self._memory.sampled_to_ns:
            return
        window = self._lab.samples(self._memory.sampled_to_ns)
        if window.to_ns > self._memory.sampled_to_ns:
            self._scribe.samples(window, self._lab.sample_interval_ns)
            self._take(window)
            self._memory.sampled_to_ns = window.to_ns

    def fetch_rest(self) -> None:
        """All samples to this moment, however long the lab needs to write them; what does not come stays unobserved."""
        to_ns = self._lab.clock.now_ns()
        deadline_ns = to_ns + REST_WITHIN_S * NS_PER_S

        def all_there() -> bool:
            return self._memory.sampled_to_ns >= to_ns or self._lab.clock.now_ns() >= deadline_ns

        def look() -> None:
            self.fetch()
            if not all_there():
                self._loop.agenda.plan(self._lab.clock.now_ns() + LOOK_AGAIN_S * NS_PER_S, "last samples", look)

        look()
        self._loop.run_until(all_there, heed_stop=False)
