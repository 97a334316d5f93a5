"""One guest on its way through an update: looked at, updated by a task, restarted where that is planned.

Everything that is sent may be sent again, so a lost reply, a restart of the guest and `kill -9` of the harness all have
the same answer: ask once more.  A guest that does not answer delays nobody but itself.
"""

from __future__ import annotations

import hashlib
from collections.abc import Callable
from typing import Any, Final

from harness.azurelocal.command import Command
from harness.azurelocal.guests.task import NEVER_RAN, READY_STATE, RUNNING, SUCCEEDED
from harness.clock import NS_PER_S
from harness.errors import CredentialRejectedError, HarnessError, ProductError
from harness.journal import Entry, Kind
from harness.labs.port import Lab
from harness.measure.guest_changes import missing_services, same_moment
from harness.measure.guest_records import plain
from harness.run.endpoints import Answer, Endpoints
from harness.run.guest_memory import AFTER, BEFORE, RESTARTED, GuestMemory, GuestsMemory, take_guest
from harness.run.loop import Loop
from harness.run.scribe import Scribe
from harness.values import DirectAccess, GuestInventory, GuestStanding, InstallResult, Standing, TaskLook, TrainUpdate
from harness.workflows.port import GuestWorkflow

AGAIN_S: Final = 30
"""Lab time until a guest that did not answer is asked again [INF]."""
ANSWER_WITHIN_S: Final = 600
"""Lab time within which a guest must answer the first, and the last, question [INF]."""
LOOK_EVERY_S: Final = 60
"""Lab time between two looks at a task: installing takes minutes [INF]."""
BACK_EVERY_S: Final = 15
"""Lab time between two looks at a guest that restarts [INF]."""
RESEND_S: Final = 120
"""Lab time after which the order to restart is sent again to a guest that still runs since its old start [INF]."""
RESTART_WITHIN_S: Final = 1200
"""Within this time a guest must be back after an update [C]: the default of Ansible's win_updates."""
TASKS_AT_MOST: Final = 3
"""Tasks that may end without a result, before the installation counts as failed [INF]."""
REFUSALS_AT_MOST: Final = 5
"""Errors of the guest in a row to one and the same question [INF]."""


class GuestLife:
    """Asks one guest, journals what is asked for and what comes back."""

    def __init__(
        self,
        name: str,
        run_id: str,
        workflow: GuestWorkflow,
        lab: Lab,
        loop: Loop,
        endpoints: Endpoints,
        scribe: Scribe,
        memory: GuestsMemory,
        moved: Callable[[], None],
    ) -> None:
        self.name = name
        self._prefix = f"hil-{hashlib.sha256(f'{run_id}/{name}'.encode()).hexdigest()[:8]}"
        self._workflow, self._lab, self._loop = workflow, lab, loop
        self._endpoints, self._scribe, self._memory = endpoints, scribe, memory
        self._moved = moved
        self._began_ns = lab.clock.now_ns()
        self._ordered_ns: int | None = None
        self._refusals = 0
        self._thread = 0
        self._lacks = ""

    @property
    def memory(self) -> GuestMemory:
        """What the journal knows of this guest."""
        return self._memory.of(self.name)

    @property
    def task(self) -> str:
        """Name of the newest task: the same for every process of this run, and for no other run."""
        return f"{self._prefix}-{self.memory.task}"

    # --- where it is -------------------------------------------------------------------------------------------------

    @property
    def surveyed(self) -> bool:
        """Is it known whether it gets the update?"""
        return self.memory.standing is not None

    @property
    def over(self) -> bool:
        """Nothing more is done to it."""
        return bool(self.memory.outcome)

    @property
    def waits_for_restart(self) -> bool:
        """It has the update, and a restart would complete it."""
        ready = self.memory.result is not None and self.memory.removed and self._meaning() is None
        return ready and self.memory.restart_ns is None and not self.over

    @property
    def restarting(self) -> bool:
        """A restart was ordered, and it is not back."""
        return self.memory.restart_ns is not None and not self.over

    # --- looking -----------------------------------------------------------------------------------------------------

    def begin(self) -> None:
        """Look at the guest before anything is done, and say whether it gets the update."""
        self._began_ns = self._lab.clock.now_ns()
        self.survey()

    def survey(self) -> None:
        """Ask the next thing that must be known for that."""
        if self.memory.before is None:
            self._ask(self._workflow.inventory(), self._surveyed, self.survey, self._unmanageable)
        elif not self.memory.probed:
            self._ask(self._workflow.probe(), self._probed, self.survey, self._unmanageable)
        else:
            self._judge(self._workflow.standing(self.memory.before))

    def _surveyed(self, seen: GuestInventory) -> None:
        self._see(BEFORE, seen)
        self.survey()

    def _probed(self, seen: DirectAccess) -> None:
        self._write(Kind.OBSERVATION, "guest.access", **plain(seen))
        self.survey()

    def _unmanageable(self, error: HarnessError) -> bool:
        """Give up a guest that cannot be asked; True when it is."""
        late = self._lab.clock.now_ns() - self._began_ns >= ANSWER_WITHIN_S * NS_PER_S
        if late or isinstance(error, CredentialRejectedError) or self._refusals >= REFUSALS_AT_MOST:
            self._judge(GuestStanding(Standing.UNMANAGEABLE, (str(error),)))
            return True
        return False

    def _judge(self, found: GuestStanding) -> None:
        self._write(
            Kind.NOTE,
            "guest.standing",
            standing=found.standing.value,
            reasons=list(found.reasons),
            update=None if found.update is None else plain(found.update),
        )
        if found.standing is not Standing.ELIGIBLE:
            self.end("left-alone", "; ".join(found.reasons))
        self._moved()

    def look_back(self) -> None:
        """Look at the guest at the end; whatever else was under way with it is dropped."""
        self.drop()
        self._began_ns = self._lab.clock.now_ns()
        self._last_look()

    def drop(self) -> None:
        """Forget what is under way: no answer and no plan of it has an effect any more."""
        self._thread += 1
        self._refusals = 0

    def _last_look(self) -> None:
        def seen(inventory: GuestInventory) -> None:
            self._see(AFTER, inventory)

        self._ask(self._workflow.inventory(), seen, self._last_look, lambda error: self.looked_back)

    @property
    def looked_back(self) -> bool:
        """The last look is taken, or there was time enough for it."""
        late = self._lab.clock.now_ns() - self._began_ns >= ANSWER_WITHIN_S * NS_PER_S
        return self.memory.after is not None or late or self._refusals >= REFUSALS_AT_MOST

    # --- installing --------------------------------------------------------------------------------------------------

    def go_on(self) -> None:
        """Take the next step of a guest that gets the update; a restart is for the cycle to order."""
        if self.over or self.waits_for_restart:
            self._moved()
        elif self.restarting:
            self._await()
        elif self.memory.result is not None and self.memory.removed:
            self._conclude()
        elif self.memory.result is not None:
            self.remove()
        elif not self.memory.removed:
            self._install()
        else:
            self._next_task()

    def _next_task(self) -> None:
        update = self.memory.update
        if update is None:
            raise RuntimeError(f"'{self.name}' has no update to install")
        number = self.memory.task + 1
        self._write(Kind.INTENT, "guest.install", number=number, kb=update.kb, build=update.shown_build)
        self._install()

    def _install(self) -> None:
        update = self.memory.update
        if update is None:
            raise RuntimeError(f"'{self.name}' has no update to install")
        command = self._workflow.install(self.task, update)
        self._ask(command, self._installing, self._install, self._refused)

    def _installing(self, look: TaskLook) -> None:
        self._write(Kind.EFFECT, "guest.installing", number=self.memory.task)
        self._take_look(look)

    def _look(self) -> None:
        self._ask(self._workflow.look(self.task), self._take_look, self._look, self._refused)

    def _take_look(self, look: TaskLook) -> None:
        if look.phase and look.phase != self.memory.phase:
            self._write(Kind.OBSERVATION, "guest.task", number=self.memory.task, phase=look.phase, state=look.state)
        if look.result is not None:
            self._write(Kind.OBSERVATION, "guest.result", number=self.memory.task, result=plain(look.result))
            self.remove()
        elif look.exists and (look.state != READY_STATE or look.last_result in (NEVER_RAN, RUNNING)):
            self._later(LOOK_EVERY_S, self._look)
        else:
            self._lost(look)

    def _lost(self, look: TaskLook) -> None:
        """The task is over and left no result: with the guest's own end, or by somebody's hand."""
        if self.memory.task < TASKS_AT_MOST:
            self._remove(self._next_task)
        else:
            where = self.memory.phase or "start"
            code = _hex(look.last_result)
            detail = f"{TASKS_AT_MOST} tasks ended without a result; the last one in '{where}', code {code}"
            self._remove(lambda: self._fail(detail))

    def _refused(self, error: HarnessError) -> bool:
        """Give up a guest that answers the same question with errors."""
        if self._refusals < REFUSALS_AT_MOST:
            return False
        self.end("failed", str(error))
        return True

    def _fail(self, detail: str) -> None:
        self.end("failed", detail)
        self._moved()

    def remove(self) -> None:
        """Remove the task, then see what its result means."""
        self._remove(self._conclude)

    def _remove(self, then: Callable[[], None]) -> None:
        self._write(Kind.UNDO, "guest.task.remove", number=self.memory.task)
        self._send_remove(then)

    def _send_remove(self, then: Callable[[], None]) -> None:
        def removed(still_there: bool) -> None:
            if still_there:
                self._later(AGAIN_S, lambda: self._send_remove(then))
                return
            self._write(Kind.UNDO, "guest.task.removed", number=self.memory.task)
            then()

        command: Command[bool] = self._workflow.remove(self.task)
        self._ask(command, removed, lambda: self._send_remove(then), self._refused)

    def _conclude(self) -> None:
        meaning = self._meaning() if self.memory.result is not None else None
        if meaning is not None:
            self.end(*meaning)
        self._moved()

    def _meaning(self) -> tuple[str, str] | None:
        """Outcome and detail of the task's result; None when a restart must complete it."""
        result, update = self.memory.result, self.memory.update
        if result is None or update is None:
            return "failed", "the task left no result"
        pending = result.restart_required or result.system_restart_required
        staged_before = result.code < 0 and self.memory.task > 1 and result.system_restart_required
        if result.error or (result.code >= 0 and result.code != SUCCEEDED):
            return "failed", _failure(result)
        if result.code != SUCCEEDED and not result.present and not staged_before:
            offered = ", ".join(result.offered) or "nothing"
            return "not-offered", f"its update server does not offer {update.kb}, but {offered}"
        if update.kind is TrainUpdate.HOTPATCH or not pending:
            return ("present" if result.present else "installed"), update.kb
        return None

    # --- restarting --------------------------------------------------------------------------------------------------

    def restart(self) -> None:
        """Order the restart."""
        before = self.memory.before
        self._write(Kind.INTENT, "guest.restart", booted=before.booted if before else "")
        self._order()

    def _order(self) -> None:
        before = self.memory.before
        self._ordered_ns = self._lab.clock.now_ns()

        def ordered(answer: str) -> None:
            self._write(Kind.EFFECT, "guest.restarting", answer=answer)
            self._later(BACK_EVERY_S, self._await)

        self._ask(self._workflow.restart(before.booted if before else ""), ordered, self._await, lambda error: False)

    def _await(self) -> None:
        """Ask the guest whether it is back, with everything that it lacked."""
        self._ask(self._workflow.inventory(), self._seen_again, self._await, self._gone)

    def _seen_again(self, seen: GuestInventory) -> None:
        before, update = self.memory.before, self.memory.update
        if before is None or update is None:
            return
        if same_moment(before.booted, seen.booted):
            self._lacks = "it still runs since its old start"
            waited_ns = self._lab.clock.now_ns() - (self._ordered_ns or -RESEND_S * NS_PER_S)
            if waited_ns >= RESEND_S * NS_PER_S and not self._too_late():
                self._order()
                return
        else:
            old = [] if seen.revision == update.revision else [f"build {seen.shown_build}, not {update.shown_build}"]
            stopped = [f"service {name} does not run" for name in missing_services(before, seen)]
            self._lacks = ", ".join([*old, *seen.pending, *stopped])
        if not self._lacks:
            self._see(RESTARTED, seen)
            self._write(Kind.EFFECT, "guest.restarted", booted=seen.booted, build=seen.shown_build)
            self.end("restarted", update.kb)
            self._moved()
        elif self._too_late():
            self._give_up(self._lacks)
        else:
            self._later(BACK_EVERY_S, self._await)

    def _gone(self, error: HarnessError) -> bool:
        """Is it away for too long?  Else it is asked again, more often than a guest that should be there."""
        if self._too_late():
            self._give_up(str(error))
        else:
            self._later(BACK_EVERY_S, self._await)
        return True

    def _too_late(self) -> bool:
        since_ns = self.memory.restart_ns
        return since_ns is not None and self._lab.clock.now_ns() - since_ns >= RESTART_WITHIN_S * NS_PER_S

    def _give_up(self, lacks: str) -> None:
        self.end("not-back", f"{RESTART_WITHIN_S // 60} min after the restart was ordered: {lacks}")
        self._moved()

    # --- writing and asking ------------------------------------------------------------------------------------------

    def end(self, outcome: str, detail: str) -> None:
        """Nothing more is done to this guest."""
        self._write(Kind.NOTE, "guest.done", outcome=outcome, detail=detail)

    def _see(self, round_: str, seen: GuestInventory) -> None:
        self._write(Kind.OBSERVATION, "guest.inventory", round=round_, seen=plain(seen))

    def _write(self, kind: Kind, what: str, **data: Any) -> Entry:
        """Write a line and fold it in."""
        entry = self._scribe.guest(kind, self.name, what, data)
        take_guest(self._memory, entry)
        return entry

    def _ask(
        self,
        command: Command[Any],
        answered: Callable[[Any], None],
        again: Callable[[], None],
        given_up: Callable[[HarnessError], bool],
    ) -> None:
        """Ask the guest; on trouble ask `again` a little later, unless `given_up` says that this is the end of it."""

        thread = self._thread

        def came(answer: Answer) -> None:
            self._note_contact(answer)
            if thread != self._thread:
                return
            if answer.error is None:
                self._refusals = 0
                answered(answer.value)
                return
            self._refusals += isinstance(answer.error, ProductError)
            if not given_up(answer.error):
                self._later(AGAIN_S, again)
            else:
                self._moved()

        self._endpoints.ask(self.name, command, came)

    def _note_contact(self, answer: Answer) -> None:
        reachable = answer.error is None or isinstance(answer.error, ProductError)
        if self.memory.answers is not reachable:
            reason = "" if answer.error is None else str(answer.error)
            self._write(Kind.OBSERVATION, "guest.contact", reachable=reachable, reason=reason)

    def _later(self, after_s: int, then: Callable[[], None]) -> None:
        thread = self._thread
        due_ns = self._lab.clock.now_ns() + after_s * NS_PER_S
        self._loop.agenda.plan(due_ns, f"guest {self.name}", lambda: then() if thread == self._thread else None)


def _failure(result: InstallResult) -> str:
    """What Windows Update said, with its code as people look it up ([D] wua-success-and-error-codes)."""
    return f"{result.error or 'the installation failed'} (result code {result.code}, {_hex(result.hresult)})"


def _hex(code: int) -> str:
    """A signed code as people look it up."""
    return f"0x{code & 0xFFFFFFFF:08X}"
