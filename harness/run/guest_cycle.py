"""Updates in guests: all are looked at first, then updated at the same time, and restarted one after another.

A guest that does not get the month's update is reported and left alone.  Restarts happen inside their window only, the
next one when the guest before it answers with the new build and runs its services; those that are not reached before
the window closes stay as they are, with a restart pending.
"""

from __future__ import annotations

from collections.abc import Callable
from typing import Final

from harness.clock import NS_PER_S
from harness.faults.view import View
from harness.journal import Kind
from harness.labs.port import Lab
from harness.measure.progress import Fingerprint, ProgressDetector
from harness.plan.models import Scenario
from harness.plan.quantity import format_duration, to_ns
from harness.run.endpoints import Endpoints
from harness.run.guest_life import GuestLife
from harness.run.guest_memory import GuestsMemory, take_guest
from harness.run.loop import Loop
from harness.run.scribe import Scribe
from harness.run.update_cycle import Ending
from harness.values import Standing, Verdict
from harness.workflows.port import GuestWorkflow

RESTART_RESERVE_S: Final = 600
"""A restart begins only while so much of the window is left: Azure Update Manager keeps 10 min of a maintenance window
for it ([D] AUM troubleshoot)."""

WATCH_S: Final = 600
"""Lab time for which updated guests are watched afterwards: a restart that nobody ordered may come late [INF]."""

TIDY_WITHIN_S: Final = 300
"""Lab time for removing tasks of a run that is stopped [INF]."""

SOUND: Final = frozenset({"installed", "present", "restarted", "left-alone"})
"""Outcomes of a guest that need no explanation."""


class GuestCycle:
    """Implements `harness.run.change.Change`."""

    def __init__(
        self,
        scenario: Scenario,
        workflow: GuestWorkflow,
        lab: Lab,
        loop: Loop,
        endpoints: Endpoints,
        scribe: Scribe,
        memory: GuestsMemory,
        run_id: str,
    ) -> None:
        wanted = scenario.workflow.guest_updates
        if wanted is None:
            raise RuntimeError(f"scenario '{scenario.id}' updates no guests")
        self._wanted, self._budgets = wanted, scenario.budgets
        self._lab, self._loop, self._scribe = lab, loop, scribe
        self.memory = memory
        self.ending: Ending | None = None
        names = wanted.guests or [name for name in lab.guests if name in lab.managed_guests]
        self._lives = tuple(
            GuestLife(name, run_id, workflow, lab, loop, endpoints, scribe, memory, self._moved) for name in names
        )
        self._progress = ProgressDetector(to_ns(scenario.budgets.stuck_after))
        self._planned_ns: int | None = None
        self._resting = False

    @property
    def starts(self) -> int:
        """1 once anything may have been changed."""
        return int(self.memory.begun_ns is not None)

    def begin(self) -> None:
        """Look at all guests; or go on with each where an earlier process stopped."""
        if self.memory.begun_ns is None:
            for life in self._lives:
                life.begin()
        else:
            self._go_on()

    # --- stages ------------------------------------------------------------------------------------------------------

    def _moved(self) -> None:
        """A guest has come further."""
        if self.ending is not None or not all(life.surveyed for life in self._lives):
            return
        if self.memory.begun_ns is None:
            self._start()
        elif all(life.over for life in self._lives):
            self._rest()
        else:
            self._next_restart()

    def _start(self) -> None:
        """Every guest is known: now, and not before, something is changed."""
        now_ns, window = self._lab.clock.now_ns(), self._wanted.window
        opens_ns = now_ns + (to_ns(window.opens_after) if window else 0)
        data = {
            "month": self._wanted.month,
            "guests": [life.name for life in self._lives],
            "updated": [life.name for life in self._lives if life.memory.standing is Standing.ELIGIBLE],
            "window_ns": [opens_ns, opens_ns + to_ns(window.lasts)] if window else None,
        }
        take_guest(self.memory, self._scribe.guest(Kind.INTENT, "", "guest.begin", data))
        self._go_on()

    def _go_on(self) -> None:
        for life in self._lives:
            if not life.over:
                life.go_on()
        self._moved()

    def _next_restart(self) -> None:
        """Restart the next guest, if it is time and no other one is away."""
        waiting = [life for life in self._lives if life.waits_for_restart]
        if not waiting or any(life.restarting for life in self._lives):
            return
        lost = [life.name for life in self._lives if life.memory.outcome == "not-back"]
        opens_ns, closes_ns = self.memory.window or (0, 0)
        now_ns = self._lab.clock.now_ns()
        if now_ns < opens_ns:
            if self._planned_ns != opens_ns:
                self._planned_ns = opens_ns
                self._loop.agenda.plan(opens_ns, "the window for restarts opens", self._moved)
        elif lost:
            self._leave_pending(waiting, f"{', '.join(lost)} did not come back from its restart")
        elif now_ns + RESTART_RESERVE_S * NS_PER_S > closes_ns:
            self._leave_pending(waiting, "the window for restarts is over")
        else:
            waiting[0].restart()

    def _leave_pending(self, waiting: list[GuestLife], why: str) -> None:
        for life in waiting:
            life.end("restart-pending", why)
        self._moved()

    def _rest(self) -> None:
        """Watch the updated guests for a while, then call it a day."""
        if self._resting:
            return
        self._resting = True
        ending = Ending.INSTALLED if all(life.memory.outcome in SOUND for life in self._lives) else Ending.FAILED
        touched = any(life.memory.task for life in self._lives)

        def over() -> None:
            self.ending = self.ending or ending

        due_ns = self._lab.clock.now_ns() + (WATCH_S * NS_PER_S if touched else 0)
        self._loop.agenda.plan(due_ns, "guests were watched long enough", over)

    # --- budgets -----------------------------------------------------------------------------------------------------

    def check(self, view: View) -> None:
        """Has a guest that has something to do come further, and is there time left?"""
        del view
        now_ns, began_ns = self._lab.clock.now_ns(), self.memory.begun_ns
        if self.ending is not None or began_ns is None or self._resting:
            return
        busy = [life for life in self._lives if not life.over and not life.waits_for_restart]
        if not busy:
            self._progress = ProgressDetector(self._progress.limit_ns)
        self._progress.feed(now_ns, Fingerprint("guests", tuple(life.memory.mark for life in self._lives)))
        if now_ns - began_ns > to_ns(self._budgets.deadline):
            self._stop(
                Ending.LATE, "deadline", Verdict.FAIL, f"after {format_duration(self._budgets.deadline)}", began_ns
            )
        elif busy and self._progress.stuck(now_ns):
            still_min = self._progress.still_ns(now_ns) / NS_PER_S / 60
            self._stop(
                Ending.STUCK, "no-progress", Verdict.STUCK, f"for {still_min:.0f} min", self._progress.changed_ns
            )

    def _stop(self, ending: Ending, finding: str, verdict: Verdict, when: str, at_ns: int | None) -> None:
        left = [life for life in self._lives if not life.over]
        said = ", ".join(f"{life.name} ({_doing(life)})" for life in left)
        what = "guests are not updated" if ending is Ending.LATE else "no progress"
        self._scribe.finding(
            finding,
            "product",
            verdict,
            f"{what} {when}: {said}",
            at_ns=at_ns,
            phase="guests",
            step=left[0].name if left else "",
            value=when,
            limit=format_duration(self._budgets.deadline if ending is Ending.LATE else self._budgets.stuck_after),
            guests=[life.name for life in left],
        )
        for life in left:
            life.drop()
        self.ending = ending

    # --- the end -----------------------------------------------------------------------------------------------------

    def look_back(self) -> None:
        """Look at every guest once more: at those that were left alone too, which must be as they were."""
        known = [life for life in self._lives if life.memory.before is not None]
        for life in known:
            life.look_back()
        self._wait(lambda: all(life.looked_back for life in known), heed_stop=True)

    def let_go(self) -> None:
        """Remove tasks that are still registered, as far as their guests answer in time."""
        left = [life for life in self._lives if not life.memory.removed]
        if not left:
            return
        deadline_ns = self._lab.clock.now_ns() + TIDY_WITHIN_S * NS_PER_S
        self.ending = self.ending or Ending.LOST
        for life in left:
            life.drop()
            life.remove()
        self._wait(
            lambda: all(life.memory.removed for life in left) or self._lab.clock.now_ns() >= deadline_ns,
            heed_stop=False,
        )

    def _wait(self, done: Callable[[], bool], *, heed_stop: bool) -> None:
        self._loop.run_until(done, heed_stop=heed_stop)


def _doing(life: GuestLife) -> str:
    """What a guest that is not done was seen doing last."""
    memory = life.memory
    silent = "" if memory.answers else ", does not answer"
    if life.restarting:
        return f"restarting{silent}"
    return f"{memory.phase or 'installing'}{silent}"
