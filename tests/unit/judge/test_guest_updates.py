"""Updates in guests before the judge: each rule of the proof is broken once, and nothing else is found then."""

from __future__ import annotations

from dataclasses import replace
from pathlib import Path
from typing import Any

import pytest

from harness.judge.judgement import Judgement, judge
from harness.judge.phases import phases_of
from harness.judge.results import results_of
from harness.testing.guest_stories import BOOTED, GuestStoryTeller, booted_at, look
from harness.testing.journals import Outage
from harness.values import GuestEvent, GuestInventory, GuestService

HOTPATCH, BASELINE = "2025-12", "2026-01"
KB = "KB5072014"


def hotpatched(**changes: Any) -> GuestInventory:
    """The end of a hotpatched guest, changed."""
    return replace(look(kbs=("KB5066835", KB), revision=7392), **changes)


def told(folder: Path, month: str = HOTPATCH, **guest: Any) -> Judgement:
    """A sound guest and another one with changes."""
    teller = GuestStoryTeller(folder, month)
    teller.guest("vm01", restart_s=2400)
    teller.guest("vm02", **guest)
    return judge(teller.tell())


def found(judgement: Judgement) -> list[str]:
    return [finding.id for finding in judgement.findings]


@pytest.mark.parametrize("month", [HOTPATCH, BASELINE])
def test_sound_month_passes(tmp_path: Path, month: str) -> None:
    judgement = told(tmp_path, month)
    assert (judgement.verdict.value, found(judgement)) == ("pass", [])
    measured = {each.name: each.value for each in judgement.measurements}
    restarts = int(month == BASELINE)
    assert measured["guest.update.count"] == 2
    assert measured["guest.left_alone.count"] == 0
    assert measured["guest.restart.most"] == restarts
    assert measured["guest.restart.parallel"] == restarts
    assert measured["vm.restarts.unexplained"] == 0
    assert measured["vm.restart.count"] == 2 * restarts


BOOTS = (GuestEvent(1, "User32", 1074, BOOTED, "TrustedInstaller.exe"), GuestEvent(2, "EventLog", 6005, BOOTED))


@pytest.mark.parametrize(
    ("after", "finding", "word"),
    [
        (hotpatched(booted=booted_at(300)), "guest-rebooted", "restarted, although KB5072014"),
        (hotpatched(events=BOOTS), "guest-rebooted", "asked for by TrustedInstaller.exe"),
        (hotpatched(pending=("CBS RebootPending",)), "guest-restart-pending", "CBS RebootPending"),
        (
            hotpatched(services=(GuestService("Workload", "Running", 404, BOOTED),)),
            "guest-service-restarted",
            "Workload",
        ),
        (hotpatched(services=()), "guest-service-restarted", "Workload"),
        (
            hotpatched(kbs=("KB5066835", "KB5072033")),
            "guest-update-not-in-force",
            "with KB5066835, KB5072033",
        ),
        (hotpatched(revision=6899), "guest-update-not-in-force", "build 26100.6899"),
    ],
    ids=["boot", "log", "pending", "service", "service stopped", "other KB", "old build"],
)
def test_hotpatch_that_leaves_a_trace(tmp_path: Path, after: GuestInventory, finding: str, word: str) -> None:
    judgement = told(tmp_path, after=after)
    (one,) = judgement.findings
    assert (judgement.verdict.value, one.id, one.about) == ("fail", finding, "product")
    assert one.summary.startswith("guest vm02: ")
    assert word in one.summary
    assert (one.phase, one.step, one.attrs["guest"]) == ("guests", "vm02", "vm02")
    assert one.evidence


def test_what_changes_in_every_installation_is_no_trace(tmp_path: Path) -> None:
    """A second of drift, the servicing's own services, soft keys that were there before."""
    services = (GuestService("Workload", "Running", 400, BOOTED), GuestService("wuauserv", "Stopped", 0, ""))
    drifted = BOOTED.replace("00:00Z", "00:01Z")
    soft = ("PendingFileRenameOperations",)
    judgement = told(
        tmp_path,
        before=look(pending_soft=soft),
        after=hotpatched(booted=drifted, services=services, pending_soft=soft),
    )
    assert found(judgement) == []


def test_result_that_wants_a_restart(tmp_path: Path) -> None:
    assert found(told(tmp_path, result={"restart_required": True})) == ["guest-restart-pending"]


def test_restart_that_only_the_prober_saw(tmp_path: Path) -> None:
    teller = GuestStoryTeller(tmp_path)
    teller.guest("vm01")
    teller.outages.append(Outage("vm01", 300, 340, "restart"))
    judgement = judge(teller.tell())
    assert set(found(judgement)) == {"guest-rebooted", "vm-restarted"}
    (one,) = [finding for finding in judgement.findings if finding.id == "guest-rebooted"]
    assert "away for 40 s" in one.summary


@pytest.mark.parametrize(("start_s", "noticed"), [(100, True), (1200, False)])
def test_standstill_while_the_hotpatch_is_installed(tmp_path: Path, start_s: float, noticed: bool) -> None:
    teller = GuestStoryTeller(tmp_path)
    teller.guest("vm01")
    teller.outages.append(Outage("vm01", start_s, start_s + 1))
    assert found(judge(teller.tell())) == (["guest-interrupted"] if noticed else [])


class TestBaseline:
    @pytest.mark.parametrize(
        ("changes", "finding", "word"),
        [
            (
                {"outcome": "restart-pending", "detail": "the window is over"},
                "guest-restart-missed",
                "the window is over",
            ),
            ({"outcome": "not-back", "detail": "silent"}, "guest-not-back", "silent"),
            ({"restart_s": 1000}, "guest-restart-outside-window", "the window was from"),
            ({"restart_s": 2420}, "guests-away-together", "vm01 and vm02"),
        ],
    )
    def test_restart_that_is_not_as_it_should_be(
        self, tmp_path: Path, changes: dict[str, Any], finding: str, word: str
    ) -> None:
        if changes.get("outcome") == "restart-pending":
            changes = {**changes, "after": look(pending=("CBS RebootPending",))}
        judgement = told(tmp_path, BASELINE, **changes)
        assert judgement.verdict.value == "fail"
        (one,) = judgement.findings
        assert one.id == finding
        assert word in one.summary

    def test_second_restart(self, tmp_path: Path) -> None:
        teller = GuestStoryTeller(tmp_path, BASELINE)
        teller.guest("vm01")
        teller.outages.append(Outage("vm01", 2500, 2560, "restart"))
        judgement = judge(teller.tell())
        assert set(found(judgement)) == {"guest-restarted-again", "vm-restarted"}

    def test_restart_that_leaves_another_one_pending(self, tmp_path: Path) -> None:
        after = replace(
            look(kbs=("KB5066835", "KB5073379"), revision=32230, booted=booted_at(1890)), pending=("WU RebootRequired",)
        )
        assert found(told(tmp_path, BASELINE, after=after)) == ["guest-restart-pending"]


class TestOthers:
    def test_guest_that_is_left_alone_is_no_failure(self, tmp_path: Path) -> None:
        judgement = told(tmp_path, standing="cumulative")
        assert judgement.verdict.value == "pass"
        (alone,) = [row for row in results_of(judgement).guest_updates if row.outcome == "left-alone"]
        assert (alone.guest, alone.reasons, alone.proven) == ("vm02", ["a reason"], False)

    @pytest.mark.parametrize(
        "after",
        [look(kbs=("KB5066835", "KB5072033"), revision=7462), look(booted=booted_at(60)), look(pending=("X",))],
        ids=["updated", "restarted", "pending"],
    )
    def test_guest_that_was_touched(self, tmp_path: Path, after: GuestInventory) -> None:
        judgement = told(tmp_path, standing="cumulative", after=after)
        assert (judgement.verdict.value, found(judgement)) == ("fail", ["guest-touched"])

    @pytest.mark.parametrize("look_", ["before", "after"])
    def test_missing_look_is_inconclusive(self, tmp_path: Path, look_: str) -> None:
        judgement = told(tmp_path, unseen=[look_])
        assert (judgement.verdict.value, found(judgement)) == ("inconclusive", ["guest-inventory-missing"])

    def test_failure_decides_over_a_missing_look(self, tmp_path: Path) -> None:
        judgement = told(tmp_path, outcome="failed", detail="0x80240022", unseen=["after"])
        assert judgement.verdict.value == "fail"
        assert set(found(judgement)) == {"guest-update-failed", "guest-inventory-missing"}

    def test_update_server_without_the_update_is_the_labs_doing(self, tmp_path: Path) -> None:
        judgement = told(tmp_path, outcome="not-offered", detail="it offers nothing", after=look())
        assert (judgement.verdict.value, found(judgement)) == ("lab", ["guest-update-not-offered"])

    def test_nothing_to_update_proves_nothing(self, tmp_path: Path) -> None:
        teller = GuestStoryTeller(tmp_path)
        teller.guest("vm01", standing="current")
        judgement = judge(teller.tell())
        assert (judgement.verdict.value, found(judgement)) == ("inconclusive", ["guests-none-updated"])

    def test_month_that_no_guest_gets_is_not_charged_to_the_product(self, tmp_path: Path) -> None:
        limit = {"measurement": "guest.update.count", "op": ">=", "value": 2, "unit": "count", "origin": "plan"}
        teller = GuestStoryTeller(tmp_path, limits=(limit,))
        teller.guest("vm01", standing="current")
        judgement = judge(teller.tell())
        assert judgement.verdict.value == "inconclusive"
        assert judgement.decision.cause is not None
        assert judgement.decision.cause.id == "guests-none-updated"
        assert "limit:guest.update.count" in found(judgement)

    def test_workflow_that_never_began(self, tmp_path: Path) -> None:
        judgement = judge(GuestStoryTeller(tmp_path, begun=False).tell())
        assert judgement.verdict.value == "inconclusive"
        assert "guests-not-begun" in found(judgement)


def test_limits_on_guests_are_measured(tmp_path: Path) -> None:
    limits = [{"measurement": "guest.update.count", "op": ">=", "value": 2, "unit": "count", "origin": "plan"}]
    teller = GuestStoryTeller(tmp_path, limits=limits)
    teller.guest("vm01")
    teller.guest("vm02", standing="cumulative")
    judgement = judge(teller.tell())
    assert found(judgement) == ["limit:guest.update.count"]


def test_phases_tell_installation_and_restart_of_each_guest(tmp_path: Path) -> None:
    judgement = told(tmp_path, BASELINE)
    spans = {span.path: span.status for span in phases_of(judgement.case.timeline)}
    parts = [f"/{name}{part}" for name in ("vm01", "vm02") for part in ("", "/install", "/restart")]
    assert spans == dict.fromkeys(["update/guests", *(f"update/guests{part}" for part in parts)], "Success")
