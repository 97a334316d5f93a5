"""Updates in guests on a scripted lab: who gets them, in which order restarts come, and `kill -9` at any line."""

from __future__ import annotations

import dataclasses
import threading
from collections.abc import Callable
from pathlib import Path
from typing import Any, Protocol

import pytest

from harness.journal import Entry, read_journal
from harness.judge.judgement import judge
from harness.run.conductor import Conductor
from harness.run.guest_cycle import RESTART_RESERVE_S
from harness.run.guest_life import RESTART_WITHIN_S
from harness.run.guest_memory import GuestMemory
from harness.run.memory import RunMemory, remember
from harness.testing.guests import ScriptedGuests
from harness.testing.lab import ScriptedLab
from harness.testing.rig import Rig, load_scenario

S = 1_000_000_000
HOTPATCH = "2025-12"
BASELINE = "2026-01"
PLAN = """\
schema: 1
plan: sample
title: A sample
defaults:
  lab: scripted
  budgets: {poll: 60s, stuck_after: %(stuck_after)s, settle: 30m, deadline: %(deadline)s}
scenarios:
  - id: HP-001
    title: Something
    workflow: {kind: hotpatch, month: %(month)s%(more)s}
"""


class Build(Protocol):
    """A new rig with guests: the month, the window as YAML, changes of the guests and of the plan."""

    def __call__(self, month: str, window: str = "", *, guests: int = 3, **changes: Any) -> Rig: ...


@pytest.fixture
def build(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Build:
    monkeypatch.setenv("HIL_REPORTS", str(tmp_path))
    count = 0

    def built(month: str, window: str = "", *, guests: int = 3, **changes: Any) -> Rig:
        nonlocal count
        count += 1
        folder = tmp_path / "runs" / f"run-{count}"
        folder.mkdir(parents=True)
        budgets = {key: changes.pop(key, value) for key, value in (("stuck_after", "75m"), ("deadline", "13h"))}
        window = window or ("{from: 30m, for: 2h}" if month == BASELINE else "")
        more = f", window: {window}" if window else ""
        scenario = load_scenario(tmp_path / "sample.yaml", PLAN % {**budgets, "month": month, "more": more})
        lab = ScriptedLab(guests=guests, rate=changes.pop("rate", None))
        return Rig(folder, scenario, lab, ScriptedGuests(lab, month=month, **changes))

    return built


def guests_of(rig: Rig) -> ScriptedGuests:
    assert isinstance(rig.update, ScriptedGuests)
    return rig.update


def deeds(rig: Rig, verb: str) -> list[str]:
    """Guests to which something was really done, in order."""
    return [name for what, name, _ in guests_of(rig).deeds if what == verb]


def outcomes(rig: Rig) -> dict[str, str]:
    return {line.data["guest"]: line.data["outcome"] for line in rig.find("guest.done")}


def times(rig: Rig, verb: str) -> list[float]:
    """Lab seconds of real deeds."""
    return [t_ns / S for what, _, t_ns in guests_of(rig).deeds if what == verb]


def finding_ids(rig: Rig) -> set[str]:
    """What the judge says about the run."""
    return {finding.id for finding in judge(read_journal(rig.folder / "journal.jsonl")).findings}


class TestHotpatchMonth:
    def test_eligible_guests_are_updated_and_none_restarts(self, build: Build) -> None:
        rig = build(HOTPATCH, cumulative={"vm02"})
        assert rig.attempt() == "completed"
        assert outcomes(rig) == {"vm01": "installed", "vm02": "left-alone", "vm03": "installed"}
        assert (deeds(rig, "install"), deeds(rig, "restart")) == (["vm01", "vm03"], [])
        assert finding_ids(rig) == set()

    def test_every_guest_is_known_before_anything_is_changed(self, build: Build) -> None:
        rig = build(HOTPATCH)
        rig.lab.machine("vm03").serving = False
        rig.lab.do_at(200, lambda: setattr(rig.lab.machine("vm03"), "serving", True))
        rig.attempt()
        (begin,) = rig.find("guest.begin")
        assert all(line.seq < begin.seq for line in rig.find("guest.standing"))
        assert all(line.seq > begin.seq for line in rig.find("guest.install"))
        assert min(times(rig, "install")) >= 200

    def test_guest_that_never_answers_is_reported_and_delays_the_others_for_a_while_only(self, build: Build) -> None:
        rig = build(HOTPATCH)
        rig.lab.machine("vm02").serving = False
        assert rig.attempt() == "completed"
        assert outcomes(rig) == {"vm01": "installed", "vm02": "left-alone", "vm03": "installed"}
        assert finding_ids(rig) >= {"guest-inventory-missing"}
        assert judge(read_journal(rig.folder / "journal.jsonl")).verdict.value == "inconclusive"

    def test_guest_that_restarts_by_itself_fails_the_run(self, build: Build) -> None:
        rig = build(HOTPATCH, reboots={"vm02"})
        rig.attempt()
        judgement = judge(read_journal(rig.folder / "journal.jsonl"))
        (finding,) = [each for each in judgement.findings if each.id == "guest-rebooted"]
        assert judgement.verdict.value == "fail"
        assert finding.attrs["guest"] == "vm02"
        assert "vm02" in finding.summary

    def test_inventory_comes_only_when_guests_were_watched_for_a_while(self, build: Build) -> None:
        rig = build(HOTPATCH)
        rig.attempt()
        after = [line for line in rig.find("guest.inventory") if line.data["round"] == "after"]
        done_ns = max(line.t_lab_ns or 0 for line in rig.find("guest.done"))
        assert all((line.t_lab_ns or 0) - done_ns >= 600 * S for line in after)

    def test_task_that_ends_without_a_result_is_tried_again(self, build: Build) -> None:
        rig = build(HOTPATCH, dies={"vm01"})
        rig.attempt()
        assert [line.data["number"] for line in rig.find("guest.install") if line.data["guest"] == "vm01"] == [1, 2]
        assert outcomes(rig)["vm01"] == "installed"

    def test_no_task_is_left_in_any_guest(self, build: Build) -> None:
        rig = build(HOTPATCH, dies={"vm01"})
        rig.attempt()
        assert all(not guest.tasks and not guest.files for guest in guests_of(rig).guests.values())


class TestBaselineMonth:
    def test_guests_restart_once_in_the_window_one_after_another(self, build: Build) -> None:
        rig = build(BASELINE)
        assert rig.attempt() == "completed"
        assert outcomes(rig) == dict.fromkeys(("vm01", "vm02", "vm03"), "restarted")
        assert deeds(rig, "restart") == ["vm01", "vm02", "vm03"]
        away = [(verb, name) for verb, name, _ in guests_of(rig).deeds if verb in ("down", "up")]
        assert away == [(verb, name) for name in ("vm01", "vm02", "vm03") for verb in ("down", "up")]
        assert min(times(rig, "down")) >= 30 * 60
        assert finding_ids(rig) == set()

    def test_what_the_window_does_not_reach_is_left_pending(self, build: Build) -> None:
        rig = build(BASELINE, "{from: 10m, for: 20m}", guests=8)
        assert rig.attempt() == "completed"
        closes_s = 30 * 60
        assert max(times(rig, "restart")) <= closes_s - RESTART_RESERVE_S
        assert max(times(rig, "up")) <= closes_s
        left = [name for name, outcome in outcomes(rig).items() if outcome == "restart-pending"]
        assert left
        assert not set(left) & set(deeds(rig, "restart"))
        assert finding_ids(rig) == {"guest-restart-missed"}

    def test_nobody_restarts_after_a_guest_that_did_not_come_back(self, build: Build) -> None:
        rig = build(BASELINE, stays_away={"vm01"})
        rig.attempt()
        assert outcomes(rig) == {"vm01": "not-back", "vm02": "restart-pending", "vm03": "restart-pending"}
        assert deeds(rig, "restart") == ["vm01"]
        (gone,) = [line for line in rig.find("guest.done") if line.data["outcome"] == "not-back"]
        assert (gone.t_lab_ns or 0) / S >= 30 * 60 + RESTART_WITHIN_S
        assert {"guest-not-back", "guest-restart-missed"} <= finding_ids(rig)

    def test_guest_that_restarts_by_itself_is_not_restarted_again(self, build: Build) -> None:
        rig = build(BASELINE, reboots={"vm02"})
        rig.attempt()
        assert deeds(rig, "down").count("vm02") == 1
        assert outcomes(rig)["vm02"] == "restarted"

    def test_lost_replies_do_nothing_twice(self, build: Build) -> None:
        rig = build(BASELINE, loses_replies=True)
        assert rig.attempt() == "completed"
        assert deeds(rig, "install") == ["vm01", "vm02", "vm03"]
        assert deeds(rig, "restart") == ["vm01", "vm02", "vm03"]
        assert finding_ids(rig) == set()


def test_guest_that_hangs_delays_no_other(build: Build) -> None:
    """On a clock that flows: while one guest keeps its worker waiting, the others come to their end."""
    rig = build(HOTPATCH, rate=600)
    released, open_session = threading.Event(), rig.lab.open_session

    def open_slowly(name: str) -> Any:
        session = open_session(name)
        run = session.run

        def hang(script: str, **options: Any) -> Any:
            if name == "vm02" and script.startswith("look"):
                assert released.wait(30), "the others waited for this guest"
            return run(script, **options)

        session.run = hang  # type: ignore[method-assign]
        return session

    def watch(entry: Entry, conductor: Conductor) -> None:
        del conductor
        if entry.what == "guest.done" and entry.data["guest"] == "vm03":
            released.set()

    rig.lab.open_session = open_slowly  # type: ignore[method-assign]
    rig.on_line = watch
    assert rig.attempt() == "completed"
    assert outcomes(rig) == dict.fromkeys(("vm01", "vm02", "vm03"), "installed")
    order = [line.data["guest"] for line in rig.find("guest.done")]
    assert order[-1] == "vm02"


class TestBudgets:
    def test_standstill_is_found_and_names_the_guest(self, build: Build) -> None:
        rig = build(HOTPATCH)
        rig.lab.do_at(100, lambda: setattr(rig.lab.machine("vm02"), "serving", False))
        rig.attempt()
        (finding,) = rig.find("finding")
        assert (finding.data["id"], finding.data["attrs"]["guests"]) == ("no-progress", ["vm02"])
        assert "vm02 (installing, does not answer)" in finding.data["summary"]
        assert judge(read_journal(rig.folder / "journal.jsonl")).verdict.value == "stuck"

    def test_waiting_for_the_window_is_no_standstill(self, build: Build) -> None:
        rig = build(BASELINE, "{from: 3h, for: 2h}", stuck_after="20m")
        rig.attempt()
        assert rig.findings() == []
        assert min(times(rig, "restart")) >= 3 * 3600

    def test_deadline(self, build: Build) -> None:
        rig = build(BASELINE, "{from: 2h, for: 1h}", deadline="3h", stays_away={"vm01"}, stuck_after="2h")
        rig.lab.do_at(60, lambda: setattr(rig.lab.machine("vm02"), "serving", False))
        rig.attempt()
        assert rig.findings()[0] in ("deadline", "no-progress")

    def test_stop_removes_the_tasks(self, build: Build) -> None:
        rig = build(HOTPATCH)
        rig.lab.do_at(90, lambda: rig.stop.set("stopped by the operator"))
        assert rig.attempt() == "aborted"
        assert all(not guest.tasks for guest in guests_of(rig).guests.values())


# --- kill -9 ----------------------------------------------------------------------------------------------------------

SEEN = ("cluster", "endpoint", "event", "samples", "evidence", "health", "guest.contact", "guest.task")


def states(memory: RunMemory) -> dict[str, Any]:
    known = {name: guest for name, guest in memory.guests.guests.items() if guest != GuestMemory()}
    return dataclasses.asdict(dataclasses.replace(memory.guests, guests=known))


@pytest.mark.parametrize("month", [HOTPATCH, BASELINE])
def test_fold_of_the_journal_is_the_living_state(build: Build, month: str) -> None:
    rig = build(month, cumulative={"vm03"}, dies={"vm01"})
    compared = 0

    def compare() -> None:
        nonlocal compared
        conductor = rig.conductor
        if conductor is not None and rig.lines[-1].seq > compared:
            compared = rig.lines[-1].seq
            assert states(remember(rig.lines)) == states(conductor._memory), f"after line {compared}"

    rig.before_step = compare
    assert rig.attempt() == "completed"
    assert compared > 30


def cuts(lines: tuple[Entry, ...], dies_before: bool) -> list[int]:
    acts = {line.seq for line in lines[2:-1] if line.what not in SEEN}
    return sorted(acts) if dies_before else sorted(acts | {seq - 1 for seq in acts})


@pytest.mark.parametrize("dies_before", [False, True], ids=["after the line", "before the line"])
@pytest.mark.parametrize("month", [HOTPATCH, pytest.param(BASELINE, marks=pytest.mark.full)])
def test_resume_from_every_line(build: Build, month: str, dies_before: bool) -> None:
    make: Callable[[], Rig] = lambda: build(month, guests=2, cumulative={"vm02"} if month == HOTPATCH else ())  # noqa: E731
    rig = make()
    assert rig.attempt() == "completed"
    whole, expected = (deeds(rig, "install"), deeds(rig, "restart")), outcomes(rig)
    for cut in cuts(rig.lines, dies_before):
        rig = make()
        assert rig.attempt(dies_at=cut, dies_before=dies_before) is None
        assert rig.attempt() == "completed", f"killed at line {cut}"
        where = f"killed at line {cut}, {rig.lines[cut - dies_before].what}"
        assert (deeds(rig, "install"), deeds(rig, "restart")) == whole, where
        assert outcomes(rig) == expected, where
        assert finding_ids(rig) == set(), where
        assert all(not guest.tasks and not guest.files for guest in guests_of(rig).guests.values()), where
