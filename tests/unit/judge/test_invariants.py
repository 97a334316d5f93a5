"""Each invariant with a breach and a near miss."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

import pytest

from harness.journal import Kind
from harness.testing.stories import NEW_BUILD, OLD_BUILD, Telling, final_record
from harness.values import Finding, Verdict

if TYPE_CHECKING:
    from tests.unit.judge.conftest import Try

NODES = ("NODE01", "NODE02", "NODE03", "NODE04")
LATE_S = 8700.0


def found(findings: tuple[Finding, ...], name: str) -> Finding | None:
    return next((each for each in findings if each.id == name), None)


def final(judged: Try, builds: dict[str, str] | None = None, **changes: Any) -> tuple[Finding, ...]:
    """The findings of a sound update whose final look has `changes`."""

    def extra(telling: Telling) -> None:
        record = final_record(dict.fromkeys(NODES, NEW_BUILD) if builds is None else builds, **changes)
        telling.builder.note = _dropping(telling, record)  # type: ignore[method-assign]

    return judged("upd-001", extra).findings


def _dropping(telling: Telling, record: Any) -> Any:
    """Replace the story's own final look just before the run ends."""
    note = telling.builder.note

    def noted(t_s: float, what: str, **data: Any) -> None:
        if data.get("stage") == "probes-off":
            telling.builder.records = [row for row in telling.builder.records if row[4]["what"] != "final"]
            telling.builder.records.append((t_s, *record))
        note(t_s, what, **data)

    return noted


class TestOutcome:
    def test_sound_final_look_has_no_finding(self, judged: Try) -> None:
        assert final(judged) == ()

    def test_version_must_be_the_target(self, judged: Try) -> None:
        finding = found(final(judged, current_version="12.2509.1001.22"), "version-not-target")
        assert finding is not None
        assert (finding.value, finding.limit) == ("12.2509.1001.22", "12.2510.1002.94")

    def test_all_nodes_equal_but_older_than_expected_fail(self, judged: Try) -> None:
        finding = found(final(judged, dict.fromkeys(NODES, OLD_BUILD)), "build-old")
        assert finding is not None
        assert finding.node == ", ".join(NODES)

    def test_newer_than_expected_is_fine_if_equal(self, judged: Try) -> None:
        assert final(judged, dict.fromkeys(NODES, "26100.7000")) == ()

    def test_builds_compare_as_numbers_with_or_without_prefix(self, judged: Try) -> None:
        builds = {"NODE01": f"10.0.{NEW_BUILD}", "NODE02": NEW_BUILD, "NODE03": NEW_BUILD, "NODE04": NEW_BUILD}
        assert final(judged, builds) == ()
        assert found(final(judged, dict.fromkeys(NODES, "26100.999")), "build-old")

    def test_no_builds_at_all_is_too_little_evidence(self, judged: Try) -> None:
        finding = found(final(judged, {}), "no-builds")
        assert finding is not None
        assert finding.outcome is Verdict.INCONCLUSIVE

    def test_unknown_build_of_one_node_is_no_product_failure(self, judged: Try) -> None:
        findings = final(judged, dict.fromkeys(NODES, NEW_BUILD) | {"NODE02": None})  # type: ignore[dict-item]
        assert [(each.id, each.outcome) for each in findings] == [("no-builds", Verdict.INCONCLUSIVE)]
        assert "NODE02" in findings[0].summary

    def test_unknown_build_does_not_hide_an_old_one(self, judged: Try) -> None:
        builds = dict.fromkeys(NODES, NEW_BUILD) | {"NODE02": "", "NODE03": OLD_BUILD}
        finding = found(final(judged, builds), "build-old")
        assert finding is not None
        assert finding.node == "NODE03"

    @pytest.mark.parametrize("state", ["NeedsAttention", "UpdateFailed"])
    def test_environment_must_be_applied(self, judged: Try, state: str) -> None:
        assert found(final(judged, environment_state={"name": state, "value": None}), "environment-not-applied")

    def test_environment_may_offer_the_next_update(self, judged: Try) -> None:
        assert final(judged, environment_state={"name": "UpdateAvailable", "value": 2}) == ()

    def test_cau_must_be_idle_and_its_report_succeeded(self, judged: Try) -> None:
        assert found(final(judged, cau_run="RunInProgress"), "cau-not-idle")
        report = {"status": "PartiallyFailed", "nodes": {}}
        assert found(final(judged, cau_report=report), "cau-report-failed")

    def test_no_final_look_is_inconclusive(self, judged: Try) -> None:
        def drop(telling: Telling) -> None:
            telling._frame_end = lambda done_s: telling.builder.note(  # type: ignore[method-assign]
                telling.end_s, "attempt.end", reason="completed", detail=""
            )

        judgement = judged("upd-001", drop)
        assert judgement.verdict is Verdict.INCONCLUSIVE
        assert found(judgement.findings, "no-final-look")

    def test_node_left_paused_after_success(self, judged: Try) -> None:
        judgement = judged("upd-001", lambda telling: telling.facts.set(LATE_S, "node/NODE02", "Paused"))
        finding = found(judgement.findings, "node-not-up")
        assert finding is not None
        assert finding.node == "NODE02"

    def test_guest_that_did_not_come_home(self, judged: Try) -> None:
        judgement = judged("upd-001", lambda telling: telling.facts.set(LATE_S, "owner/vm02", "NODE04"))
        finding = found(judgement.findings, "vm-not-home")
        assert finding is not None
        assert finding.attrs["vms"] == ["vm02"]

    def test_guest_of_a_lost_node_need_not_come_home(self, judged: Try) -> None:
        judgement = judged("upd-002", lambda telling: telling.facts.set(11000, "owner/vm03", "NODE04"))
        assert found(judgement.findings, "vm-not-home") is None

    def test_failed_update_that_leaves_a_node_paused(self, judged: Try) -> None:
        def fail(telling: Telling) -> None:
            telling._install = lambda t_s: telling.facts.set(t_s, "state", ("InstallationFailed", "install"))  # type: ignore[method-assign]
            telling.facts.set(LATE_S, "node/NODE04", "Paused")

        findings = judged("upd-001", fail).findings
        assert found(findings, "update-failed")
        finding = found(findings, "node-left-paused")
        assert finding is not None
        assert finding.node == "NODE04"

    @pytest.mark.parametrize("told_by", ["judge", "conductor"])
    def test_failed_update_names_the_health_checks_that_failed(self, judged: Try, told_by: str) -> None:
        checks = [
            {"name": "SystemDriveFreeSpace", "status": "FAILURE", "severity": "CRITICAL", "target": "NODE03"},
            {"name": "Warned", "status": "FAILURE", "severity": "WARNING", "target": ""},
            {"name": "Passed", "status": "SUCCESS", "severity": "CRITICAL", "target": ""},
        ]

        def fail(telling: Telling) -> None:
            telling._install = lambda t_s: telling.facts.set(t_s, "state", ("InstallationFailed", "install"))  # type: ignore[method-assign]
            telling.builder.add(
                LATE_S, Kind.OBSERVATION, "node/NODE01", "health", "health", scope="update", checks=checks
            )
            if told_by == "conductor":
                telling.builder.finding(LATE_S, "update-failed", "product", "fail", "the update failed")

        finding = found(judged("upd-001", fail).findings, "update-failed")
        assert finding is not None
        assert finding.summary.endswith("; failed health checks: SystemDriveFreeSpace on NODE03")


class TestStorage:
    def test_read_only_pool(self, judged: Try) -> None:
        judgement = judged("upd-001", lambda telling: telling.builder.cluster(5000, read_only=True))
        assert found(judgement.findings, "pool-read-only")

    def test_detached_disk_is_never_explained(self, judged: Try) -> None:
        judgement = judged("upd-002", lambda telling: telling.builder.cluster(2300, disk=("Unhealthy", "Detached")))
        assert found(judgement.findings, "disk-lost")

    @pytest.mark.parametrize(("story", "fails"), [("upd-001", True), ("upd-002", False)])
    def test_no_redundancy_is_explained_only_by_an_active_fault(self, judged: Try, story: str, fails: bool) -> None:
        judgement = judged(story, lambda telling: telling.builder.cluster(2300, disk=("Unhealthy", "No redundancy")))
        assert bool(found(judgement.findings, "disk-lost")) is fails

    def test_background_optimisation_does_not_hold_a_drain(self, judged: Try) -> None:
        job = {"name": "SU1_Pool-Optimize", "state": "Running", "percent": 40, "bytes_processed": 4, "bytes_total": 9}

        def optimise(telling: Telling) -> None:
            for t_s in (1801, 1921, 1981):
                telling.builder.cluster(t_s, jobs=[job])

        assert judged("upd-001", optimise, by_looks=True).findings == ()

    def test_ailing_disk_without_a_repair_holds_a_drain_too(self, judged: Try) -> None:
        def ail(telling: Telling) -> None:
            telling.builder.event(1700, "storage.health", disk="UserStorage_2", health="Warning", status="Degraded")

        finding = found(judged("upd-001", ail).findings, "drain-before-repair")
        assert finding is not None
        assert finding.attrs["disk"] == "UserStorage_2"
        assert finding.node == "NODE01"

    def test_disk_that_healed_in_time_does_not(self, judged: Try) -> None:
        def heal(telling: Telling) -> None:
            telling.builder.event(1700, "storage.health", disk="UserStorage_2", health="Warning", status="Degraded")
            telling.builder.event(1859, "storage.health", disk="UserStorage_2", health="Healthy", status="OK")

        assert judged("upd-001", heal).findings == ()

    def test_suspended_repair_is_not_done(self, judged: Try) -> None:
        def suspend(telling: Telling) -> None:
            telling.builder.event(1700, "storage.resync.suspend", disk="UserStorage_2")

        assert found(judged("upd-001", suspend).findings, "drain-before-repair")


class TestStates:
    def test_quorum_lost(self, judged: Try) -> None:
        judgement = judged("upd-001", lambda telling: telling.builder.event(5000, "cluster.quorum", state="lost"))
        assert found(judgement.findings, "quorum-lost")

    def test_quorum_back_is_no_finding(self, judged: Try) -> None:
        judgement = judged("upd-001", lambda telling: telling.builder.event(5000, "cluster.quorum", state="restored"))
        assert judgement.findings == ()

    def test_going_back_to_preparation_is_illegal(self, judged: Try) -> None:
        def back(telling: Telling) -> None:
            telling.facts.set(4000, "state", ("Preparing", "prepare"))

        finding = found(judged("upd-001", back).findings, "illegal-transition")
        assert finding is not None
        assert finding.value == "Installing → Preparing"

    def test_skipped_states_are_legal(self, judged: Try) -> None:
        assert judged("upd-001", poll_s=2990).findings == ()

    def test_failed_install_resumes_only_after_our_start(self, judged: Try) -> None:
        def fail(telling: Telling) -> None:
            telling.facts.set(4000, "state", ("InstallationFailed", "install"))
            telling.facts.set(4700, "state", ("Installing", "install"))

        def resume(telling: Telling) -> None:
            fail(telling)
            telling.builder.start(4600, number=2, resume=True)

        assert found(judged("upd-001", fail).findings, "illegal-transition")
        assert found(judged("upd-001", resume).findings, "illegal-transition") is None

    def test_percent_falls_only_after_a_resume(self, judged: Try) -> None:
        def fall(telling: Telling) -> None:
            telling.facts.set(3850, "percent", 5)

        def resume(telling: Telling) -> None:
            fall(telling)
            telling.builder.start(3800, number=2, resume=True)

        assert found(judged("upd-001", fall).findings, "percent-fell")
        assert found(judged("upd-001", resume).findings, "percent-fell") is None

    def test_finished_step_is_not_run_again(self, judged: Try) -> None:
        path = "update/install/self-update"

        def twice(telling: Telling, *, status: str) -> None:
            telling.builder.event(1600, "phase.enter", path)
            telling.builder.event(1700, "phase.exit", path, status=status)
            telling.builder.start(1750, number=2, resume=True)
            telling.builder.event(1760, "phase.enter", path)
            telling.builder.event(1770, "phase.exit", path, status="Success")

        assert found(judged("upd-001", lambda each: twice(each, status="Success")).findings, "step-repeated")
        assert found(judged("upd-001", lambda each: twice(each, status="Error")).findings, "step-repeated") is None
