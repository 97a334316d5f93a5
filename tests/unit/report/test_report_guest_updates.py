"""Updates in guests on the page of a run, in its timeline, in Allure and in the live display."""

from __future__ import annotations

from pathlib import Path

import pytest

from harness.cli.runview import RunView
from harness.judge.results import write_results
from harness.report.allure.build import case_of_folder
from harness.report.allure.case import FAILED, PASSED, SKIPPED
from harness.report.record import RunRecord, load_record
from harness.report.run import write_run_page
from harness.report.timeline import lanes_of, timeline_csv
from harness.testing.guest_stories import GuestStoryTeller
from harness.testing.journals import Outage


def told(folder: Path, month: str = "2026-01", *, reboots: bool = False) -> RunRecord:
    """One guest that is updated and one that is left alone, written and judged."""
    teller = GuestStoryTeller(folder, month)
    teller.guest("vm01")
    teller.guest("vm02", standing="cumulative")
    if reboots:
        teller.outages.append(Outage("vm01", 100, 160, "restart"))
    teller.tell()
    write_results(folder)
    return load_record(folder)


def test_page_has_a_row_for_each_guest(tmp_path: Path) -> None:
    told(tmp_path)
    write_run_page(tmp_path)
    page = (tmp_path / "index.html").read_text()
    table = page.partition('<h2 id="guests">')[2].partition("</table>")[0]
    for words in ("vm01", "updated, restarted once it was ordered", "KB5073379", "26100.6899 → 26100.32230"):
        assert words in table
    for words in ("vm02", "left alone", "a reason"):
        assert words in table
    assert "KB5066835 + KB5073379" in table
    assert "1 of 2 updated, 1 left alone" in page


def test_page_of_another_workflow_says_nothing_of_guests(tmp_path: Path) -> None:
    from harness.testing.stories import STORIES, tell

    tell(tmp_path, STORIES["upd-001"], guests=8)
    write_run_page(tmp_path)
    assert 'id="guests"' not in (tmp_path / "index.html").read_text()


def test_timeline_has_a_row_for_each_guest(tmp_path: Path) -> None:
    record = told(tmp_path)
    lanes = {lane.name: lane for lane in lanes_of(record)}
    rows = {row.label: row for row in lanes["guest-update"].rows}
    assert [bar.state for track in rows["vm01"].tracks for bar in track] == ["install", "restart"]
    assert (rows["vm02"].tracks, rows["vm02"].empty) == (((),), "left alone")
    assert "guest-update,vm01,restart" in timeline_csv(record, lanes_of(record))
    assert all("vm01" not in bar.text for row in lanes["phase"].rows for track in row.tracks for bar in track)


def test_guest_that_restarted_under_a_hotpatch_is_not_called_sound(tmp_path: Path) -> None:
    told(tmp_path, "2025-12", reboots=True)
    write_run_page(tmp_path)
    assert "<strong>updated, but it restarted</strong>" in (tmp_path / "index.html").read_text()


@pytest.mark.parametrize("reboots", [False, True])
def test_allure_steps(tmp_path: Path, reboots: bool) -> None:
    told(tmp_path, "2025-12", reboots=reboots)
    case = case_of_folder(tmp_path)
    steps = {step.name: step for root in case.steps for step in root.walk()}
    assert (steps["guest vm02: left alone"].status, steps["guest vm02: left alone"].message) == (SKIPPED, "a reason")
    assert {"guests", "vm01", "install"} <= set(steps)
    assert steps["install"].status == (FAILED if reboots else PASSED)
    assert case.status == (FAILED if reboots else PASSED)


def test_live_view_follows_guests(tmp_path: Path) -> None:
    record = told(tmp_path)
    view = RunView("HP-001", "run")
    news = [each for entry in record.journal for each in view.take(entry)]
    texts = [each.text for each in news]
    assert "guests: 1 of 2 get the update" in texts
    assert "guest vm01 installs KB5073379" in texts
    assert "guest vm01 restarts" in texts
    assert [each.text for each in news if each.mark] == ["guest vm02 left-alone: a reason"]
    assert (view.percent, view.phase, view.node) == (100, "guests", "vm01")
