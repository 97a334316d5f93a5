"""Being with one run until its end: watch it, wait for it, resume it, stop it."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path
from typing import Final

from harness.cli.called import say
from harness.cli.following import Tail, read_entries
from harness.cli.interrupts import Interrupts
from harness.cli.outcome import closing_table, log_tail, read_outcome
from harness.cli.progress import Progress, choose_progress
from harness.cli.runstate import RunState, files_of, inspect_run
from harness.cli.runview import RunView
from harness.cli.table import echo_json
from harness.clock import Deadline, pause
from harness.errors import HarnessError
from harness.exits import Exit
from harness.journal.writer import FILE_NAME
from harness.labs.holder import Holder
from harness.labs.lease import LeaseStore
from harness.run.launch import STOP_WITHIN_S, RunProcess, ask_to_stop, living

TICK_S: Final = 0.2


class Attendance:
    """Follows one run's journal while a process conducts it."""

    def __init__(self, state: RunState, progress: Progress) -> None:
        self.state = state
        self.view = RunView(scenario=state.scenario, run_id=state.run_id, lab=state.lab)
        self._progress = progress
        self._tail = Tail(state.folder / FILE_NAME)

    def read(self) -> None:
        """Tell what is new."""
        for entry in read_entries(self._tail):
            for news in self.view.take(entry):
                self._progress.tell(self.view, news)
        self._progress.refresh([self.view])

    def until(self, over: Callable[[], bool], left: Callable[[], bool]) -> bool:
        """Follow until `over`: True; False when `left` says that nobody wants to wait any longer."""
        while True:
            ended = over()  # asked before reading, so that the last lines are read
            self.read()
            if ended:
                return True
            if left():
                return False
            pause(TICK_S)

    def abandoned(self) -> bool:
        """Does no process conduct the run any more?"""
        return living(self.view.conductor) is None


def watch(state: RunState, *, as_json: bool) -> Exit:
    """Follow a living run until it ends; Ctrl-C ends the watching only."""
    progress = choose_progress(as_json=as_json)
    with Interrupts() as interrupts:
        attendance = Attendance(state, progress)
        attendance.read()
        try:
            waited = attendance.until(attendance.abandoned, lambda: interrupts.count > 0)
        finally:
            progress.close()
    if not waited:
        say(f"the run goes on; to stop it: hil run stop {state.run_id} --yes", err=True)
        return Exit.INTERRUPTED
    return conclude(state.folder, as_json=as_json)


def resume(state: RunState, *, as_json: bool) -> Exit:
    """Conduct the run again where its last process left off; Ctrl-C stops the run, a second one leaves it alone."""
    progress = choose_progress(as_json=as_json)
    with Interrupts() as interrupts:
        process = RunProcess(state.folder, resume=True)
        holder = _holder(process.pid)
        attendance = Attendance(state, progress)
        progress.say(f"run {state.run_id}: resumed by process {process.pid}")
        asked: list[bool] = []

        def left() -> bool:
            if interrupts.count == 1 and not asked and holder is not None:
                asked.append(True)
                progress.say(
                    "stopping: the run undoes its faults, which can take minutes (Ctrl-C again leaves it alone)"
                )
                ask_to_stop(holder)
            return interrupts.count > 1

        try:
            waited = attendance.until(lambda: holder is None or holder.proven_dead, left)
        finally:
            progress.close()
    if not waited:
        say(f"left: the run goes on as process {process.pid}: hil run watch {state.run_id}", err=True)
        return Exit.DETACHED
    return conclude(state.folder, as_json=as_json, code=process.wait())


def _holder(pid: int) -> Holder | None:
    try:
        return Holder.of(pid)
    except ProcessLookupError:
        return None  # it ended before it could be looked at


def stop(state: RunState, conductor: Holder) -> Exit:
    """Ask a living run to undo and end, and wait for it.  Raises HarnessError when that takes too long."""
    progress = choose_progress(as_json=False)
    deadline = Deadline.after(STOP_WITHIN_S)
    with Interrupts() as interrupts:
        ask_to_stop(conductor)
        attendance = Attendance(state, progress)
        try:
            waited = attendance.until(lambda: conductor.proven_dead, lambda: interrupts.count > 0 or deadline.expired())
        finally:
            progress.close()
    if not waited:
        raise HarnessError(
            f"run '{state.run_id}' was asked to stop, and still undoes as process {conductor.pid}",
            hint=f"hil run watch {state.run_id}",
        )
    conclude(state.folder, as_json=False)
    row = LeaseStore().read(state.instance) if state.instance else None
    if row is not None and row.tainted:
        say(f"lab instance {row.instance} is tainted: {row.tainted}", err=True)
        return Exit.TAINTED
    return Exit.PASS


def conclude(folder: Path, *, as_json: bool, code: int | None = None) -> Exit:
    """Say what came of a run whose process is gone; `code` is the exit code of that process where it was ours.

    Raises HarnessError when the process left no results.
    """
    state = inspect_run(folder)
    if state.state != "ended":
        said = "\n  ".join(log_tail(folder) or ["nothing"])
        raise HarnessError(
            f"the process of run '{state.run_id}' is gone, and the run has not ended; it said last:\n  {said}",
            hint=f"hil run resume {state.run_id}",
        )
    if not state.results:
        from harness.report.run import write_report  # seldom needed, and half a second of imports

        write_report(folder)  # the process died before the judge could speak
        state = inspect_run(folder)
    outcome = read_outcome(folder, {"id": state.scenario, "title": state.title, "lab": state.lab})
    exit_code = _code(code, state)
    if as_json:
        echo_json({**outcome.plain(), "exit_code": int(exit_code), "files": files_of(folder)})
        return exit_code
    say(closing_table([outcome]))
    report = files_of(folder).get("report")
    say(f"report: {report}" if report else f"folder: {folder}")
    return exit_code


def _code(code: int | None, state: RunState) -> Exit:
    """The process' own code says more than the verdict (interrupted, tainted); a signal's number says nothing."""
    known = [each for each in Exit if each == code]
    return known[0] if known else state.exit
