"""The header's limits: fixed ones from the plan, others from history with their origin."""

from __future__ import annotations

from pathlib import Path
from typing import Any

from harness.cli.conduct import RunAttempt
from harness.journal import JournalWriter, Redactor, read_journal
from harness.judge.budgets import budget_rows
from harness.judge.case import limits_of
from harness.run.job import Job
from harness.run.scribe import Scribe, lab_about
from harness.run.stop import StopFlag
from harness.testing.lab import ScriptedLab

LIMITS = {
    "vm.outage.longest": {"ge": None, "le": 2.0, "unit": "s", "budget": "p95", "confidence": "95%"},
    "update.attempts": {"ge": None, "le": 1.0, "unit": "count"},
}


def job_of(limits: dict[str, Any]) -> Job:
    scenario = {"id": "UPD-001", "limits": limits, "workflow": {"kind": "solution", "target": {"solution": "12.2"}}}
    return Job("run-1", "s", scenario, {"name": "p", "sha256": "0" * 64}, {"lab": "scripted"}, ("scripted#1",), 1)


def header_rows(folder: Path, budgets: dict[str, dict[str, Any]] | None) -> list[dict[str, Any]]:
    writer = JournalWriter(folder, Redactor())
    Scribe(writer).header(job_of(LIMITS), ScriptedLab(), "test", budgets)
    writer.close()
    rows: list[dict[str, Any]] = read_journal(writer.path).entries[0].data["limits"]
    return rows


def test_fixed_and_found_limits_stand_side_by_side(tmp_path: Path) -> None:
    rows = budget_rows(job_of(LIMITS).scenario, lab_about(ScriptedLab()), [])
    written = header_rows(tmp_path, rows)
    assert [(row["measurement"], row["value"], row["origin"].split(":")[0]) for row in written] == [
        ("update.attempts", 1.0, "plan"),
        ("vm.outage.longest", 2.0, "plan"),
        ("vm.outage.longest", None, "history"),
    ]
    assert written[2]["history"]["needed"] == 59
    assert [limit.value for limit in limits_of({"limits": written})] == [1.0, 2.0, None]


def test_a_budget_that_nobody_looked_up_is_no_limit(tmp_path: Path) -> None:
    row = header_rows(tmp_path, None)[2]
    assert (row["value"], row["origin"]) == (None, "history: nobody looked it up")


def test_history_is_read_only_for_plans_that_ask_for_it(tmp_path: Path, monkeypatch: Any) -> None:
    monkeypatch.setenv("HIL_REPORTS", str(tmp_path))
    monkeypatch.setenv("HIL_STATE", str(tmp_path / "state"))
    fixed = {"update.attempts": LIMITS["update.attempts"]}
    for limits, found in ((fixed, []), (LIMITS, ["vm.outage.longest"])):
        attempt = RunAttempt(job_of(limits), Redactor(), StopFlag(), resume=False)
        assert list(attempt._budgets(ScriptedLab())) == found  # type: ignore[arg-type]
