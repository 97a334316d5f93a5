"""The conductor's loop: replies, events and due actions, in an order that the lab's clock decides.

On a clock that does not flow, all replies are drained, in (node, number) order, before lab time moves to the next due
action or held event; so the same seed gives the same journal however the threads were scheduled.  On a flowing clock
replies and events are handled as they come.
"""

from __future__ import annotations

from collections.abc import Callable
from typing import Final

from harness.clock import NS_PER_S
from harness.labs.port import Lab
from harness.run.agenda import Agenda
from harness.run.endpoints import Answer, Ask, Endpoints
from harness.run.stop import StopFlag
from harness.values import Event

LOOK_EVERY_S: Final = 0.05
"""Wall time between two looks at the event stream of a lab whose clock flows."""


class StopRequestedError(Exception):
    """The operator wants the run to end: undo, then end honestly."""


class Loop:
    """Drives one run until a condition holds."""

    def __init__(self, lab: Lab, endpoints: Endpoints, stop: StopFlag) -> None:
        self.agenda = Agenda()
        self.last_event = -1
        self.on_event: Callable[[Event], None] = lambda event: None
        self.before_step: Callable[[], None] = lambda: None
        self._lab = lab
        self._endpoints = endpoints
        endpoints.in_turn = not lab.clock.flows
        self._stop = stop

    def run_until(self, done: Callable[[], bool], *, heed_stop: bool = True) -> None:
        """Go on until `done()`.  Raises StopRequestedError between two steps once a stop is asked for (and heeded)."""
        while not done():
            if heed_stop and self._stop:
                raise StopRequestedError(self._stop.reason)
            self.before_step()
            self._step()

    def _step(self) -> None:
        now_ns = self._lab.clock.now_ns()
        if self.agenda.carry_out(now_ns):
            return
        if not self._lab.clock.flows:
            self._step_virtual(now_ns)
        else:
            self._step_flowing(now_ns)
        self.take_events()

    def _step_virtual(self, now_ns: int) -> None:
        if self._endpoints.outstanding:
            pairs = self._endpoints.gather()
            self._lab.clock.catch_up()
            _deliver(pairs)
            return
        due_ns = self.agenda.next_due_ns()
        self._lab.clock.advance(due_ns if due_ns is not None else now_ns + 60 * NS_PER_S)

    def _step_flowing(self, now_ns: int) -> None:
        due_ns = self.agenda.next_due_ns()
        until_due_s = LOOK_EVERY_S if due_ns is None else max(0.0, (due_ns - now_ns) / NS_PER_S / self._lab.clock.rate)
        _deliver(self._endpoints.arrived(max(0.001, min(LOOK_EVERY_S, until_due_s))))
        self._endpoints.call_late()

    def take_events(self) -> None:
        """Fetch new events and hand them on, in order."""
        for event in self._lab.events(self.last_event):
            self.last_event = event.seq
            self.on_event(event)


def _deliver(pairs: list[tuple[Ask, Answer]]) -> None:
    for ask, answer in pairs:
        ask.answered(answer)
