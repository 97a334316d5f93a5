"""The session folder: written by the pytest controller only.

`session.jsonl` names what was collected, started and finished as it happens, for whoever follows; `summary.json`,
`junit.xml` and `index.html` are written at the end; `reports/last` then points to the folder.  A session that ended
before anything ran leaves none of them.
"""

from __future__ import annotations

import contextlib
import json
import os
import signal
from pathlib import Path
from types import FrameType
from typing import Any, Final

import pytest

from harness.clock import NS_PER_S, monotonic_ns, utc_now, utc_text
from harness.errors import HarnessError
from harness.exits import BEFORE_ANYTHING, OF_PYTEST, OF_VERDICT, Exit, exit_of, worst
from harness.labs.models import find_lab
from harness.paths import reports_dir, runs_dir, sessions_dir
from harness.plan.load import load_plan
from harness.plan.plain import to_plain
from harness.pytest_plugin.allure_live import results_folder
from harness.pytest_plugin.collect import function_name
from harness.pytest_plugin.options import HilOptions
from harness.pytest_plugin.running import seed_of
from harness.report.allure.build import Order
from harness.report.allure.session import Turn, complete_results
from harness.report.scenario_row import ScenarioRow
from harness.report.session import write_session
from harness.run.launch import stop_run
from harness.run.session_folder import STOP_NAME, new_session_id, run_id_of

EVENTS_NAME: Final = "session.jsonl"


class SessionRecorder:
    """Follows one pytest session on its controller."""

    def __init__(self, config: pytest.Config, options: HilOptions) -> None:
        self.session_id = options.session or new_session_id()
        self.folder = sessions_dir() / self.session_id
        self.folder.mkdir(parents=True, exist_ok=True)
        self._config = config
        self._options = options
        self._started = utc_now()
        self._began_ns = monotonic_ns()
        self._rows: dict[str, ScenarioRow] = {}
        self._orders: dict[str, Order] = {}
        self._campaigns: dict[str, str] = {}
        self._exits: dict[str, Exit] = {}
        self._selected: set[str] = set()
        self._usage_error = False
        self._trouble = ""
        self._left_nothing = False

    # --- hooks -------------------------------------------------------------------------------------------------------

    def pytest_sessionstart(self) -> None:
        """Make SIGTERM as good as Ctrl-C, and write down what there is to do."""

        def interrupted(_number: int, _frame: FrameType | None) -> None:
            raise KeyboardInterrupt

        signal.signal(signal.SIGTERM, interrupted)
        self._write("session.started", session=self.session_id, pid=os.getpid())
        for word in self._config.args:
            path = Path(str(word).partition("::")[0])
            if path.suffix in (".yaml", ".yml"):
                self._plan_rows(path)

    def _plan_rows(self, path: Path) -> None:
        try:
            plan = load_plan(path)
            for scenario in plan.scenarios:
                lab = find_lab(self._options.lab or scenario.lab)
                key = f"{path.name}::{function_name(scenario.id)}[lab={lab.lab}]"
                run_id = run_id_of(self.session_id, scenario.id, lab.lab)
                self._rows[key] = ScenarioRow(id=scenario.id, title=scenario.title, run_id=run_id, lab=lab.lab)
                if scenario.leg is not None:
                    self._campaigns[key] = f"{path.name}::{scenario.leg.campaign}[lab={lab.lab}]"
                named = {"name": scenario.plan, "title": plan.title}
                self._orders[key] = Order(run_id, named, to_plain(scenario), lab.lab, seed_of(lab, self._options))
        except HarnessError:
            # pytest reports the same mistake as a collection error, with its place in the file
            self._usage_error = True

    def campaign_of(self, nodeid: str) -> str | None:
        """The campaign of a test, with its plan and lab; None for a scenario that is no leg."""
        return self._campaigns.get(_key(nodeid))

    def pytest_collection_finish(self, session: pytest.Session) -> None:
        """What is left after `-k`, where the tests run in this process."""
        self._selected.update(_key(item.nodeid) for item in session.items)

    @pytest.hookimpl(optionalhook=True)
    def pytest_xdist_node_collection_finished(self, ids: list[str]) -> None:
        """The same, as a worker tells it."""
        self._selected.update(map(_key, ids))

    def pytest_runtest_logstart(self, nodeid: str) -> None:
        """A scenario begins (on a worker or here)."""
        row = self._rows.get(_key(nodeid))
        if row is not None:
            self._write("run.started", id=row.id, title=row.title, run_id=row.run_id, lab=row.lab)

    def pytest_runtest_logreport(self, report: pytest.TestReport) -> None:
        """A scenario ended."""
        row = self._rows.get(_key(report.nodeid))
        if row is None or (report.when != "call" and report.outcome == "passed"):
            return
        if row.verdict and report.when != "call":
            return
        row.read_results(runs_dir() / row.run_id)
        code = dict(report.user_properties).get("hil_exit")
        if not row.verdict:
            row.verdict = "not-run" if report.outcome == "skipped" else "harness"
            # Of a worker that crashed, xdist puts its own name and Python's path in front of the plain text.
            said = report.longrepr if isinstance(report.longrepr, str) else report.longreprtext
            row.detail = said.strip().partition("\n")[0]
        if isinstance(report.longrepr, tuple):
            row.detail = str(report.longrepr[2]).removeprefix("Skipped: ").removeprefix("not-run: ")
        self._exits[row.id + row.lab] = exit_of(int(str(code))) if code is not None else OF_VERDICT[row.verdict]
        self._write("run.finished", **row.plain())

    def pytest_collectreport(self, report: pytest.CollectReport) -> None:
        """A plan with mistakes: nothing was touched."""
        if report.failed:
            self._usage_error = True

    def pytest_keyboard_interrupt(self) -> None:
        """Ctrl-C: ask every living run to undo, and wait for it."""
        (self.folder / STOP_NAME).touch()
        for row in self._rows.values():
            folder = runs_dir() / row.run_id
            if folder.is_dir():
                stop_run(folder)
                if not row.verdict:
                    row.read_results(folder)
                    row.verdict = row.verdict or "inconclusive"
                    self._exits[row.id + row.lab] = Exit.INTERRUPTED
                    self._write("run.finished", **row.plain())

    @pytest.hookimpl(trylast=True)
    def pytest_sessionfinish(self, session: pytest.Session, exitstatus: int) -> None:
        """Write the summary, and translate pytest's exit status."""
        code = self._exit_code(exitstatus)
        session.exitstatus = int(code)
        if self._config.option.collectonly:
            return
        self._left_nothing = code in BEFORE_ANYTHING and not self._exits
        if self._left_nothing:
            self._forget()
            return
        wall_s = (monotonic_ns() - self._began_ns) / NS_PER_S
        write_session(self.folder, self._started, utc_now(), wall_s, int(code), self._selected_rows())
        _point(reports_dir() / "last", self.folder)
        self._complete_allure()
        self._write("session.finished", exit_code=int(code))

    def _complete_allure(self) -> None:
        """Exactly one Allure result for each selected scenario, also where the worker could not write it."""
        folder = results_folder(self._config)
        if folder is None or not self._selected & set(self._rows):
            return
        turns = [
            Turn(self._orders[key], row.verdict, row.detail) for key, row in self._rows.items() if key in self._selected
        ]
        try:
            complete_results(folder, self.session_id, turns, runs_dir())
        except HarnessError as error:
            self._trouble = str(error)

    def pytest_terminal_summary(self, terminalreporter: Any) -> None:
        """Where the report is."""
        if not (self._config.option.collectonly or self._left_nothing):
            for label in sorted({row.label for row in self._rows.values() if row.label}):
                terminalreporter.write_line(label)
            terminalreporter.write_line(f"report: {self.folder / 'index.html'}")
            if self._trouble:
                terminalreporter.write_line(f"Allure results are not complete: {self._trouble}")

    # --- parts -------------------------------------------------------------------------------------------------------

    def _exit_code(self, exitstatus: int) -> Exit:
        if self._usage_error:
            return Exit.USAGE
        if self._exits:
            interrupted = [Exit.INTERRUPTED] if exitstatus == pytest.ExitCode.INTERRUPTED else []
            return worst([*self._exits.values(), *interrupted])
        return OF_PYTEST.get(int(exitstatus), Exit.HARNESS)

    def _forget(self) -> None:
        """Take away the folder of a session that ended before anything ran; whoever started us may have put more into
        it."""
        (self.folder / EVENTS_NAME).unlink(missing_ok=True)
        with contextlib.suppress(OSError):
            self.folder.rmdir()

    def _selected_rows(self) -> list[ScenarioRow]:
        """Every scenario that was to run; one whose turn never came is not-run, and says so."""
        rows = [row for key, row in self._rows.items() if key in self._selected]
        for row in rows:
            if not row.verdict:
                row.verdict, row.detail = "not-run", "the session ended before its turn came"
        return rows

    def _write(self, event: str, **data: Any) -> None:
        line = json.dumps({"event": event, "t_wall": utc_text(utc_now()), **data}, ensure_ascii=False)
        with (self.folder / EVENTS_NAME).open("a", encoding="utf-8") as stream:
            stream.write(line + "\n")


def _key(nodeid: str) -> str:
    """File name and test of a node id, without folders."""
    file, _, rest = nodeid.partition("::")
    return f"{Path(file).name}::{rest}"


def _point(link: Path, target: Path) -> None:
    """Make `link` point to `target`, atomically."""
    temporary = link.with_name(f".{link.name}.{os.getpid()}")
    temporary.unlink(missing_ok=True)
    temporary.symlink_to(os.path.relpath(target, link.parent))
    temporary.replace(link)
