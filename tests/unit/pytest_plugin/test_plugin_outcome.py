"""From the results of a run to pytest's word: waivers count, interruptions never pass, no results is broken."""

from __future__ import annotations

from pathlib import Path
from types import SimpleNamespace
from typing import Any

import pytest

from harness.exits import Exit
from harness.judge.results import write_results
from harness.pytest_plugin.outcome import ScenarioBroken, ScenarioFailed
from harness.pytest_plugin.running import report
from harness.run.job import Job
from harness.testing.stories import tell

WAIVER = {"finding": "drain-before-repair", "reason": "known", "owner": "lab team", "expires": "2099-01-01"}


@pytest.fixture
def job(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Job:
    monkeypatch.setenv("HIL_REPORTS", str(tmp_path))
    made = Job("s.DET-001.twin-4node", "s", {"id": "DET-001"}, {"name": "detects"}, {}, ("twin-4node#1",), 1)
    made.save()
    return made


def told(job: Job, story: str, *, code: int = 0, interrupted: bool = False, **changes: Any) -> SimpleNamespace:
    """The test item after `report` on a story's results."""
    tell(job.folder, story, **changes)
    write_results(job.folder)
    item = SimpleNamespace(user_properties=[])
    report(item, job, code, interrupted=interrupted)  # type: ignore[arg-type]
    return item


def test_a_failure_fails_with_the_judges_words(job: Job) -> None:
    with pytest.raises(ScenarioFailed, match="began to drain") as caught:
        told(job, "det-001", code=1)
    assert "rehearsal: no evidence about the product" in str(caught.value)


def test_a_waived_failure_passes(job: Job) -> None:
    item = told(job, "det-001", waivers=(WAIVER,))
    assert ("hil_exit", 0) in item.user_properties


def test_an_expired_waiver_does_not(job: Job) -> None:
    with pytest.raises(ScenarioFailed):
        told(job, "det-001", waivers=(WAIVER | {"expires": "2020-01-01"},))


def test_nothing_that_was_interrupted_passes(job: Job) -> None:
    with pytest.raises(ScenarioBroken, match="interrupted"):
        told(job, "upd-001", code=Exit.INTERRUPTED, interrupted=True)


def test_no_results_is_broken_and_says_what_the_run_said(job: Job) -> None:
    (job.folder / "run.log").write_text("no address is free\n", encoding="utf-8")
    with pytest.raises(ScenarioBroken, match="no address is free"):
        report(SimpleNamespace(user_properties=[]), job, 3, interrupted=False)  # type: ignore[arg-type]
