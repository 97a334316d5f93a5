"""`hil run start` and `hil demo`: order, pytest child, progress, closing table, exit code."""

from __future__ import annotations

import os
import re
import shutil
import sys
from collections.abc import Sequence
from dataclasses import dataclass
from importlib.metadata import entry_points
from pathlib import Path
from typing import Any, Final

from harness.cli.called import say
from harness.cli.interrupts import Interrupts
from harness.cli.outcome import Outcome, closing_table, read_outcome
from harness.cli.progress import choose_progress
from harness.cli.session import SESSION_FILE, SessionWatch, start_pytest
from harness.cli.table import echo_json
from harness.errors import ConfigError, HarnessError, NothingSelectedError
from harness.exits import BEFORE_ANYTHING, OF_PYTEST, Exit
from harness.labs.models import LabFile, find_lab
from harness.labs.secrets import check_secrets
from harness.labs.start import how_to_host, prepare, why_not_hosted
from harness.paths import ALLURE_NAME, PAGE_NAME, root, sessions_dir
from harness.plan.load import Plan, find_plan, load_plan
from harness.report.reading import read_json
from harness.report.scenario_row import SUMMARY_NAME
from harness.run.session_folder import new_session_id

LOG_FILE: Final = "pytest.log"

_SESSION_ID: Final = re.compile(r"[A-Za-z0-9][A-Za-z0-9_-]{0,63}")
_NAME: Final = re.compile(r"[\w.-]+")
_STRONGER_THAN_AN_INTERRUPT: Final = frozenset({Exit.TAINTED, Exit.PRODUCT, Exit.HARNESS})
_TAIL_LINES: Final = 12


@dataclass(frozen=True, slots=True)
class Order:
    """What the operator asks for; None and empty stand for the default."""

    plan: str
    lab: str | None = None
    workers: int | None = None
    expression: str = ""
    seed: int | None = None
    session: str | None = None
    record: bool = False
    extra: tuple[str, ...] = ()


def run_session(order: Order, *, as_json: bool = False) -> Exit:
    """Have a plan carried out and say what came of it.

    Raises ConfigError (and SourceError with every mistake of a plan) before anything is touched, HarnessError when
    pytest died without a summary.
    """
    plan = load_plan(find_plan(order.plan).resolve())
    labs = labs_of(plan, order)
    for lab in refuse_labs(labs):
        prepare(lab, lambda text: say(text, err=True))
    workers = worker_count(plan, order, labs)
    session_id = order.session or new_session_id()
    folder = make_folder(session_id)
    progress = choose_progress(as_json=as_json)
    with Interrupts() as interrupts:
        child = start_pytest(pytest_command(plan, order, session_id, workers), folder / LOG_FILE, root())
        progress.say(f"session {session_id}: {plan.path.name}, {_counted(workers)}")
        watch = SessionWatch(folder, child, progress, interrupts)
        try:
            waited = watch.follow()
        finally:
            progress.close()
    if not waited:
        return leave(watch, child.pid)
    return conclude(watch, child.poll() or 0, as_json=as_json, lab=order.lab)


def _counted(workers: int) -> str:
    return "one scenario at a time" if workers < 2 else f"{workers} scenarios at a time"


def make_folder(session_id: str) -> Path:
    """The folder of a new session.  Raises ConfigError when the name is bad or taken, or the folder cannot be made."""
    if not _SESSION_ID.fullmatch(session_id):
        raise ConfigError(
            f"'{session_id}' is no name for a session", hint="up to 64 letters, digits, '-' and '_', no '.' and no '/'"
        )
    folder = sessions_dir() / session_id
    try:
        taken = (folder / SESSION_FILE).exists()
        if not taken:
            folder.mkdir(parents=True, exist_ok=True)
    except OSError as error:
        raise ConfigError(
            f"cannot make '{folder}': {error.strerror}",
            hint="set HIL_REPORTS to a folder of yours; reports of runs that root started belong to root",
        ) from error
    if taken:
        raise ConfigError(f"session '{session_id}' exists already", hint="choose another name, or leave --session away")
    return folder


def labs_of(plan: Plan, order: Order) -> tuple[LabFile, ...]:
    """The labs that the scenarios run on.  Raises ConfigError for an unknown one, or one with mistakes in its file."""
    return tuple(find_lab(name) for name in sorted({order.lab or scenario.lab for scenario in plan.scenarios}))


def refuse_labs(labs: Sequence[LabFile]) -> list[LabFile]:
    """The labs that can be hosted.  Raises ConfigError when none can, SecretError when a secret of one is missing.

    Where some labs can be hosted, the scenarios of the others are not-run.
    """
    hosted = [lab for lab in labs if not why_not_hosted(lab)]
    if labs and not hosted:
        raise ConfigError(
            f"lab '{labs[0].lab}' cannot be used: {why_not_hosted(labs[0])}",
            hint=how_to_host(labs[0]) or "hil lab list shows labs and their kinds; name another one with --lab",
        )
    for lab in hosted:
        check_secrets(lab)
    return hosted


def worker_count(plan: Plan, order: Order, labs: Sequence[LabFile]) -> int:
    """How many scenarios run at the same time: as asked, else as many as scenarios, lab instances and processors
    allow."""
    if order.workers is not None:
        return order.workers
    instances = sum(lab.instances for lab in labs)
    alone = [scenario for scenario in plan.scenarios if scenario.leg is None or scenario.leg.after is None]
    return max(1, min(len(alone), instances, len(os.sched_getaffinity(0))))


def pytest_command(plan: Plan, order: Order, session_id: str, workers: int) -> list[str]:
    """The command line of the pytest child; what the operator adds comes last and so wins."""
    command = [sys.executable, "-m", "pytest", str(plan.path), f"--hil-session={session_id}"]
    # Both are of no use to plans; the second would load hypothesis, where that is installed, to say nothing.
    command += ["-p", "no:cacheprovider", "-p", "no:hypothesispytest"]
    if not entry_points(group="pytest11", name="hil"):
        command += ["-p", "harness.pytest_plugin"]  # a checkout whose environment was not made by ./hil
    command += ["-n", str(workers if workers > 1 else 0)]
    if order.lab is not None:
        command.append(f"--hil-lab={order.lab}")
    if order.seed is not None:
        command.append(f"--hil-seed={order.seed}")
    if order.record:
        command.append("--hil-record")
    if not any("no:allure" in word for word in order.extra):
        command.append(f"--alluredir={sessions_dir() / session_id / ALLURE_NAME}")
    if order.expression:
        command += ["-k", pytest_expression(order.expression, [scenario.id for scenario in plan.scenarios])]
    return [*command, *order.extra]


def pytest_expression(expression: str, scenario_ids: Sequence[str]) -> str:
    """A pytest expression in which scenario ids, whole or in part, are written as in the names of the tests.

    `UPD-001 or DET` → `UPD_001 or DET`; other words stay, so that names of labs can be selected too.
    """

    def spelled(word: str) -> str:
        return word.replace("-", "_").replace(".", "__")

    names = [spelled(scenario_id) for scenario_id in scenario_ids]
    return _NAME.sub(
        lambda found: spelled(found[0]) if any(spelled(found[0]) in name for name in names) else found[0], expression
    )


# --- the end ----------------------------------------------------------------------------------------------------------


def conclude(watch: SessionWatch, code: int, *, as_json: bool, lab: str | None = None) -> Exit:
    """Closing table and exit code; `lab` is the one that the operator named.

    Raises HarnessError without a summary.  A session that ended before anything ran leaves no folder:
    NothingSelectedError, or ConfigError.
    """
    summary = read_json(watch.folder / SUMMARY_NAME)
    if summary is None:
        raise _without_summary(watch, code)
    exit_code = Exit(int(summary["exit_code"]))  # type: ignore[call-arg]
    if watch.stopping and exit_code not in _STRONGER_THAN_AN_INTERRUPT:
        exit_code = Exit.INTERRUPTED
    outcomes = [read_outcome(run.folder, run.row) for run in watch.runs.values()]
    page = watch.folder / PAGE_NAME
    if as_json:
        echo_json(_document(watch, outcomes, exit_code))
        return exit_code
    say(closing_table(outcomes, lab))
    if watch.stopping:
        say("interrupted: what was injected was undone, see the verdicts above")
    say(f"report: {page}")
    if exit_code is Exit.USAGE:
        say("\n".join(_last_lines(watch.folder / LOG_FILE)), err=True)
    return exit_code


def _document(watch: SessionWatch, outcomes: Sequence[Outcome], exit_code: Exit) -> dict[str, Any]:
    return {
        "schema": 1,
        "session": watch.folder.name,
        "folder": str(watch.folder),
        "report": str(watch.folder / PAGE_NAME),
        "exit_code": int(exit_code),
        "interrupted": watch.stopping,
        "scenarios": [outcome.plain() for outcome in outcomes],
    }


def leave(watch: SessionWatch, pid: int) -> Exit:
    """The operator does not wait for the end: say what goes on and how to get back to it."""
    say(f"left: pytest goes on as process {pid} and writes the summary to {watch.folder}", err=True)
    for line in _unfinished(watch):
        say(line, err=True)
    return Exit.DETACHED


def _unfinished(watch: SessionWatch) -> list[str]:
    """A line for each run that has not ended: does it live, and which command leads back to it?"""
    lines = []
    for run in watch.runs.values():
        if run.finished:
            continue
        if run.lives:
            lines.append(
                f"  run {run.run_id} goes on: hil run watch {run.run_id}   or: hil run stop {run.run_id} --yes"
            )
        elif run.view.conductor is not None and not run.view.ended:
            lines.append(f"  run {run.run_id} lost its process: hil run resume {run.run_id}")
        elif run.view.ended:
            lines.append(f"  run {run.run_id} ended ({run.view.ended}): hil run show {run.run_id}")
        else:
            lines.append(f"  run {run.run_id} had not begun; nothing was touched")
    return lines


def _without_summary(watch: SessionWatch, code: int) -> HarnessError:
    """Why there is no summary: nothing selected, a mistake on the command line, or a pytest that died."""
    said = "\n  ".join(_last_lines(watch.folder / LOG_FILE))
    meaning = OF_PYTEST.get(code)
    if meaning in BEFORE_ANYTHING and not watch.runs:
        shutil.rmtree(watch.folder, ignore_errors=True)  # nothing ran, so there is nothing to come back to
        if meaning is Exit.NOTHING_SELECTED:
            return NothingSelectedError(
                "the selection names no scenario", hint="hil plan list shows what there is; check -k"
            )
        return ConfigError(f"pytest refused its command line:\n  {said}", hint="check what stands behind '--'")
    left = "\n".join(_unfinished(watch)) or "  no run had begun"
    return HarnessError(
        f"pytest ended with code {code} and left no summary; it said last:\n  {said}\nwhat is left:\n{left}",
        hint=f"resume what can be resumed, then read {watch.folder / LOG_FILE}",
    )


def _last_lines(path: Path) -> list[str]:
    lines = path.read_text(encoding="utf-8", errors="replace").strip().splitlines() if path.exists() else []
    return lines[-_TAIL_LINES:] or ["nothing"]
