"""Who may touch the model, and how its time moves.

One *baton* (a re-entrant lock) guards the model: console programs, the control channel and the pacer take turns.  A
program that waits for lab time gives the baton away meanwhile.

Virtual clock: lab time moves by `advance` (the controller's grant), or because a request must wait in the model: then
the request itself is the grant, up to its own deadline (`serve`).  Nothing moves while a program still computes.
Flowing clock: a pacer thread moves the model along with the wall.  An armed hold stops lab time at the very event in
either mode.
"""

from __future__ import annotations

import logging
import threading
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from fnmatch import fnmatchcase
from typing import Final, Protocol

from harness.twin.clock import ClockMode, pause_briefly, wall_ns
from harness.twin.units import NS_PER_S

log = logging.getLogger("hil.twin.engine")

PACE_S: Final = 0.02
"""Wall time between two looks of the pacer."""

COMPUTE_AT_MOST_S: Final = 60.0
"""Wall time that a grant of lab time waits for programs to come to rest."""

HOLD_AT_MOST_S: Final = 60.0
"""A flowing clock lets go of a hold that nobody serves: a dead controller must not freeze the lab for ever."""


class EngineEvent(Protocol):
    """What the engine needs of a model event."""

    @property
    def kind(self) -> str: ...
    @property
    def path(self) -> str: ...


class Simulation(Protocol):
    """What the engine needs of the model."""

    @property
    def now_ns(self) -> int: ...
    def run_until(self, t_ns: int, stop: Callable[[EngineEvent], bool] | None = None) -> EngineEvent | None: ...


@dataclass(frozen=True, slots=True)
class HoldPattern:
    """Shell-style patterns for kind and path of an event; brackets in the path are literal."""

    kind: str
    path: str

    def matches(self, event: EngineEvent) -> bool:
        """Does lab time stop at `event`?"""
        return fnmatchcase(event.kind, self.kind) and fnmatchcase(event.path, self.path.replace("[", "[[]"))


@dataclass(eq=False, slots=True)
class _Wait:
    """A program that waits for lab time."""

    until_ns: int
    ready: Callable[[], bool]


class LabEngine:
    """Owns lab time of one simulated lab."""

    def __init__(self, simulation: Simulation, mode: ClockMode) -> None:
        self.mode = mode
        self._simulation = simulation
        self._baton = threading.RLock()
        self._turn = threading.Condition(self._baton)
        self._counting = threading.Lock()
        self._holds: dict[str, HoldPattern] = {}
        self._held_since_ns: int | None = None
        self._computing = 0
        self._owed_until_ns = 0
        self._anchor = (wall_ns(), simulation.now_ns)
        self._ended = False
        self._blocked_listeners: list[Callable[[], None]] = []
        self._waiting: list[_Wait] = []
        self._serving: list[_Wait] = []
        if mode.flows:
            threading.Thread(target=self._pace, name="pacer", daemon=True).start()

    # --- turns -------------------------------------------------------------------------------------------------------

    @contextmanager
    def baton(self) -> Iterator[None]:
        """Exclusive use of the model."""
        with self._baton:
            yield

    def announce(self) -> None:
        """A program was started and will compute as soon as a thread is free; never blocks.  Pairs with `computing`."""
        with self._counting:
            self._computing += 1

    @contextmanager
    def computing(self) -> Iterator[None]:
        """An announced program runs: it holds the baton, and a virtual clock stands still unless the program waits."""
        with self._turn:
            try:
                yield
            finally:
                self._pause_computing()

    @contextmanager
    def outside(self, announced: Callable[[], bool] = lambda: False) -> Iterator[None]:
        """Within `computing`: the program waits for something that is not lab time (its input); others may take the
        baton.  `announced`: whoever ended the wait has announced that the program computes again."""
        self._pause_computing()
        self._baton.release()
        try:
            yield
        finally:
            self._baton.acquire()
            if not announced():
                self.announce()

    def breathe(self) -> None:
        """Within `computing`: let others have the baton for a moment; lab time still stands."""
        self._baton.release()
        pause_briefly()
        self._baton.acquire()

    def _pause_computing(self) -> None:
        with self._counting:
            self._computing -= 1
            last = self._computing == 0
        self._turn.notify_all()
        if last:
            for listener in self._blocked_listeners:
                listener()

    def on_blocked(self, listener: Callable[[], None]) -> None:
        """Call `listener` (from any thread) whenever the last computing program ended or began to wait."""
        self._blocked_listeners.append(listener)

    @property
    def busy(self) -> bool:
        """Does a program compute right now?"""
        return self._computing > 0

    # --- lab time ----------------------------------------------------------------------------------------------------

    @property
    def now_ns(self) -> int:
        """Lab time."""
        return self._simulation.now_ns

    @property
    def zero_ns(self) -> int:
        """The instant of the wall clock (`wall_ns`) at which lab time zero was, or would have been: for a clock that
        flows and was not held since the last baseline."""
        with self._turn:
            wall, lab = self._anchor
            return wall - round(lab / (self.mode.rate or 1.0))

    def replace(self, simulation: Simulation) -> None:
        """A new model at its time zero (baseline)."""
        with self._turn:
            self._simulation = simulation
            self._holds.clear()
            self._held_since_ns = None
            self._owed_until_ns = 0
            self._anchor = (wall_ns(), simulation.now_ns)
            self._turn.notify_all()

    def charge(self, cost_ns: int) -> None:
        """A command costs lab time: paid at the latest with the next grant (virtual clock, rule 4)."""
        if not self.mode.flows:
            self._owed_until_ns = max(self._owed_until_ns, self.now_ns + cost_ns)

    def advance(self, to_ns: int) -> int:
        """Grant lab time until `to_ns`, what commands owe, or the first held event; return the time reached.

        A program that wakes on the way computes before time goes on.  Raises TimeoutError when programs do not come to
        rest.
        """
        with self._turn:
            self._held_since_ns = None
            while not self._ended:
                if not self._turn.wait_for(self._at_rest, timeout=COMPUTE_AT_MOST_S):
                    raise TimeoutError(f"{self._computing} programs still compute after {COMPUTE_AT_MOST_S:.0f} s")
                target_ns = max(to_ns, self._owed_until_ns)
                if self.now_ns >= target_ns or self._held_since_ns is not None:
                    break
                self._run(min([target_ns, *(waiting.until_ns for waiting in self._waiting)]))
            return self.now_ns

    def _at_rest(self) -> bool:
        """No program computes, and none has just been woken."""
        return self._ended or not (self._computing or any(self._is_due(waiting) for waiting in self._waiting))

    def _is_due(self, waiting: _Wait) -> bool:
        return waiting.until_ns <= self.now_ns or waiting.ready()

    def wait(self, seconds: float, ready: Callable[[], bool] | None = None) -> bool:
        """Within `computing`: block for `seconds` of lab time or until `ready()`.  True when ready, False when time
        is up."""
        waiting = _Wait(self.now_ns + round(seconds * NS_PER_S), ready or (lambda: False))
        self._waiting.append(waiting)
        self._pause_computing()
        self._turn.wait_for(lambda: self._ended or self.now_ns >= waiting.until_ns or waiting.ready())
        self.announce()
        self._waiting.remove(waiting)
        return waiting.ready()

    def serve(self, is_ready: Callable[[], bool], timeout_s: float) -> bool:
        """Let a request of a virtual clock wait: grant lab time until it is ready or its own deadline (rule 3)."""
        with self._turn:
            request = _Wait(self.now_ns + round(timeout_s * NS_PER_S), is_ready)
            self._serving.append(request)
            try:
                return self._serve(request)
            finally:
                self._serving.remove(request)
                self._turn.notify_all()

    def _serve(self, request: _Wait) -> bool:
        while not self._ended:
            at_rest = self._at_rest()
            # In this order: what a program wrote before it came to rest must be seen before time goes on.
            if request.ready():
                return True
            if at_rest and self.now_ns >= request.until_ns:
                return False
            others_due = any(other.until_ns <= self.now_ns for other in self._serving if other is not request)
            if not at_rest or others_due or self._held_since_ns is not None:
                self._turn.wait(timeout=1.0)
            else:
                self._run(min(waiting.until_ns for waiting in (*self._waiting, *self._serving)))
        return request.ready()

    def _run(self, to_ns: int) -> None:
        if to_ns > self.now_ns:
            stop = self._stops_at if self._holds or self._waiting else None
            event = self._simulation.run_until(to_ns, stop)
            if event is not None and self._is_held(event):
                self._held_since_ns = wall_ns()
        self._turn.notify_all()

    def _stops_at(self, event: EngineEvent) -> bool:
        return self._is_held(event) or any(waiting.ready() for waiting in self._waiting)

    def _is_held(self, event: EngineEvent) -> bool:
        return any(pattern.matches(event) for pattern in self._holds.values())

    # --- holds -------------------------------------------------------------------------------------------------------

    def hold(self, hold_id: str, pattern: HoldPattern) -> None:
        """Stop lab time at the next event that matches."""
        with self._turn:
            self._holds[hold_id] = pattern

    def unhold(self, hold_id: str) -> None:
        """Forget a hold and let go if it holds; harmless when it is unknown."""
        with self._turn:
            self._holds.pop(hold_id, None)
            self._let_go()

    def _let_go(self) -> None:
        self._held_since_ns = None
        self._anchor = (wall_ns(), self.now_ns)
        self._turn.notify_all()

    # --- flowing clock -----------------------------------------------------------------------------------------------

    def _pace(self) -> None:
        pause = threading.Event()
        while not self._ended:
            pause.wait(PACE_S)
            with self._turn:
                if self._held_since_ns is not None:
                    if wall_ns() - self._held_since_ns < HOLD_AT_MOST_S * NS_PER_S:
                        continue
                    log.warning("a hold was not served within %.0f s: let go", HOLD_AT_MOST_S)
                    self._let_go()
                wall, lab = self._anchor
                self._run(lab + round((wall_ns() - wall) * (self.mode.rate or 1.0)))

    def wake(self) -> None:
        """Let programs that wait look again: something they wait for may have changed outside of the model."""
        with self._turn:
            self._turn.notify_all()

    @property
    def closed(self) -> bool:
        """Nobody grants lab time any more."""
        return self._ended

    def close(self) -> None:
        """Wake everybody who waits, for the last time."""
        with self._turn:
            self._ended = True
            self._turn.notify_all()
