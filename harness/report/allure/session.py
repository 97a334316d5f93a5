"""Results of a whole session: one for each scenario that was to run."""

from __future__ import annotations

import re
from collections.abc import Iterable, Iterator
from dataclasses import dataclass
from pathlib import Path

from harness.paths import ALLURE_NAME
from harness.report.allure.build import Order, case_of_folder, case_without_run
from harness.report.allure.case import AllureCase, uuid_of
from harness.report.allure.companions import write_companions
from harness.report.allure.folder import known_uuids, write_case
from harness.report.reading import read_json
from harness.report.scenario_row import SUMMARY_NAME
from harness.run.job import JOB_NAME


@dataclass(frozen=True, slots=True)
class Turn:
    """A scenario that was to run, and what the session heard of it: verdict and reason."""

    order: Order
    verdict: str
    detail: str

    def case(self, runs: Path) -> AllureCase:
        """Its case, from the run folder in `runs` where there is one."""
        folder = runs / self.order.run_id
        if folder.is_dir():
            return case_of_folder(folder, self.order, self.detail)
        return case_without_run(self.order, self.verdict or "not-run", self.detail)


def complete_results(folder: Path, session: str, turns: Iterable[Turn], runs: Path) -> None:
    """Write to `folder` what is missing there, for workers that could not, and the files beside the results.

    Raises HarnessError when nothing can be written.
    """
    known = known_uuids(folder)
    for turn in turns:
        if uuid_of(turn.order.run_id) not in known:
            write_case(folder, turn.case(runs))
    write_companions(folder, session, build_order(session))


def rebuild_results(session: Path, runs: Path) -> Path:
    """Write the results of a session folder again, from its run folders, and return their folder.

    For sessions whose pytest died, for runs that were resumed later, and for sessions from before there were results.
    Raises HarnessError when nothing can be written.
    """
    folder = session / ALLURE_NAME
    for case in session_cases(session, runs, known=known_uuids(folder)):
        write_case(folder, case)
    write_companions(folder, session.name, build_order(session.name))
    return folder


def session_cases(session: Path, runs: Path, known: frozenset[str] = frozenset()) -> Iterator[AllureCase]:
    """The cases of a session: of its run folders, and of scenarios without one that are not yet `known`."""
    yield from (case_of_folder(run) for run in run_folders(session.name, runs))
    summary = read_json(session / SUMMARY_NAME) or {}
    for row in summary.get("scenarios") or ():
        run_id = str(row["run_id"])
        if row["verdict"] and uuid_of(run_id) not in known and not (runs / run_id).is_dir():
            order = Order(run_id, {}, {"id": row["id"], "title": row["title"]}, str(row["lab"]))
            yield Turn(order, str(row["verdict"]), str(row["detail"])).case(runs)


def run_folders(session: str, runs: Path) -> Iterator[Path]:
    """The run folders of a session, by the order that stands in each."""
    for run in sorted(runs.glob("*")) if runs.is_dir() else ():
        job = read_json(run / JOB_NAME)
        if (str(job.get("session")) if job else run.name.partition(".")[0]) == session:
            yield run


def build_order(session: str) -> int:
    """A number that grows with time, from the time in a session's name; 0 for a name without one."""
    found = re.match(r"(\d{8})-(\d{6})", session)
    return int(found[1] + found[2]) if found else 0
