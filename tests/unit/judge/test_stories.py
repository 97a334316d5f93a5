"""Whole updates: the verdict, the first cause, and the near misses on either side of it."""

from __future__ import annotations

import time
from typing import TYPE_CHECKING

import pytest

from harness.journal import Kind
from harness.judge.judgement import judge
from harness.testing.journals import Outage
from harness.testing.stories import Telling
from harness.values import Verdict

if TYPE_CHECKING:
    from tests.unit.judge.conftest import Tell, Try


def ids(judgement: object) -> list[str]:
    return [finding.id for finding in judgement.findings]  # type: ignore[attr-defined]


def value_of(judgement: object, name: str) -> float | None:
    return next(each.value for each in judgement.measurements if each.name == name)  # type: ignore[attr-defined]


class TestCleanUpdate:
    def test_passes_without_a_finding(self, judged: Try) -> None:
        judgement = judged("upd-001")
        assert judgement.verdict is Verdict.PASS
        assert judgement.findings == ()

    def test_measures_live_migrations_and_no_restart(self, judged: Try) -> None:
        judgement = judged("upd-001")
        assert value_of(judgement, "vm.migration_gap.longest") == pytest.approx(0.4, abs=0.1)
        assert value_of(judgement, "vm.restart_gap.longest") == 0
        assert value_of(judgement, "vm.restarts.unexplained") == 0
        assert value_of(judgement, "node.down.most") == 1
        assert value_of(judgement, "update.starts") == 1
        assert {gap.cause for gap in judgement.ledger.gaps} == {"live-migration"}

    def test_event_tells_the_end_of_the_update_more_exactly_than_a_look(self, judged: Try) -> None:
        def told(telling: Telling, update: str) -> None:
            telling.builder.event(8090, "update.state", update=update, old="Installing", new="Installed")

        ours = judged("upd-001", lambda each: told(each, "Microsoft12.2510.1002.94"))
        other = judged("upd-001", lambda each: told(each, "Microsoft12.2511.1002.5"))
        assert value_of(ours, "update.duration") == pytest.approx((8090 - 60) / 3600)
        assert value_of(other, "update.duration") == pytest.approx((8100 - 60) / 3600)

    def test_long_migration_breaks_its_limit(self, judged: Try) -> None:
        judgement = judged("upd-001", outages=(Outage("vm02", 2500, 2502.3),))
        assert judgement.verdict is Verdict.FAIL
        assert ids(judgement) == ["limit:vm.gap.unexplained.longest"]
        assert judgement.findings[0].attrs["measurement"] == "vm.gap.unexplained.longest"

    def test_gap_just_inside_the_limit_passes(self, judged: Try) -> None:
        assert judged("upd-001", outages=(Outage("vm02", 2500, 2501.9),)).verdict is Verdict.PASS

    def test_restart_without_fault_fails(self, judged: Try) -> None:
        judgement = judged("upd-001", outages=(Outage("vm02", 2500, 2501, "restart"),))
        assert judgement.verdict is Verdict.FAIL
        assert "vm-restarted" in ids(judgement)
        assert value_of(judgement, "vm.restarts.unexplained") == 1

    def test_guest_that_stays_away_fails(self, judged: Try) -> None:
        judgement = judged("upd-001", outages=(Outage("vm02", 6000, None, "restart"),))
        assert judgement.decision.cause is not None
        assert {"vm-down", "limit:vm.gap.unexplained.longest"} <= set(ids(judgement))
        assert value_of(judgement, "vm.down.at_end") == 1

    @pytest.mark.parametrize("by_looks", [True, False])
    def test_passes_with_and_without_events(self, judged: Try, by_looks: bool) -> None:
        assert judged("upd-001", by_looks=by_looks, poll_s=60).findings == ()


class TestPowerLoss:
    def test_guests_of_the_lost_node_restart_within_budget(self, judged: Try) -> None:
        judgement = judged("upd-002")
        assert judgement.verdict is Verdict.PASS
        assert judgement.findings == ()
        assert value_of(judgement, "vm.restart_gap.longest") == pytest.approx(75, abs=0.2)
        assert {gap.vm for gap in judgement.ledger.gaps if gap.explained_by} == {"vm03", "vm07"}

    def test_second_restart_of_the_same_guest_is_not_explained(self, judged: Try) -> None:
        judgement = judged("upd-002", outages=(Outage("vm03", 2500, 2530, "restart"),))
        assert judgement.verdict is Verdict.FAIL
        assert "vm-restarted" in ids(judgement)

    def test_restart_on_another_node_is_not_explained(self, judged: Try) -> None:
        judgement = judged("upd-002", outages=(Outage("vm04", 2210, 2280, "restart"),))
        assert judgement.verdict is Verdict.FAIL
        assert next(each for each in judgement.findings if each.id == "vm-restarted").attrs["vms"] == ["vm04"]

    def test_two_nodes_away_are_explained_three_are_not(self, judged: Try) -> None:
        def third(telling: object) -> None:
            telling.builder.cluster(  # type: ignore[attr-defined]
                2300, nodes={"NODE01": "Down", "NODE03": "Down", "NODE04": "Down"}
            )

        judgement = judged("upd-002", third)
        finding = next(each for each in judgement.findings if each.id == "nodes-down")
        assert finding.attrs["nodes"] == ["NODE01", "NODE04"]

    def test_without_the_fault_two_nodes_away_fail(self, judged: Try) -> None:
        def second(telling: object) -> None:
            telling.builder.cluster(2300, nodes={"NODE01": "Down", "NODE03": "Down"})  # type: ignore[attr-defined]

        assert ids(judged("upd-001", second)) == ["nodes-down"]


class TestDrainBeforeRepair:
    def test_names_node_drain_job_and_percent(self, judged: Try) -> None:
        judgement = judged("det-001", poll_s=60)
        finding = judgement.decision.cause
        assert judgement.verdict is Verdict.FAIL
        assert finding is not None
        assert finding.id == "drain-before-repair"
        assert finding.node == "NODE02"
        assert finding.attrs["job"] == "UserStorage_1-Repair"
        assert finding.attrs["percent"] == 70
        assert "2025-11-12T22:50:00.000Z" in finding.summary
        assert finding.attrs["drain_ns"] == finding.at_ns == 3000 * 10**9

    @pytest.mark.parametrize(("early_s", "verdict"), [(1.0, Verdict.FAIL), (0.0, Verdict.PASS), (-1.0, Verdict.PASS)])
    def test_one_second_decides(self, judged: Try, early_s: float, verdict: Verdict) -> None:
        assert judged("det-001", drain_early_s=early_s).verdict is verdict

    def test_by_looks_the_order_must_be_proven(self, judged: Try) -> None:
        proven = judged("det-001", by_looks=True, poll_s=60)
        assert proven.decision.cause is not None
        assert proven.decision.cause.id == "drain-before-repair"
        assert proven.decision.cause.attrs["job"] == "UserStorage_1-Repair"
        # One look between drain and end of the repair is missing: it may have ended first.
        assert judged("det-001", by_looks=True, poll_s=60, drain_early_s=10.0).verdict is Verdict.PASS

    def test_error_bars_of_events_forbid_an_order_that_is_not_proven(self, judged: Try) -> None:
        def blur(telling: object) -> None:
            plain = telling._event  # type: ignore[attr-defined]

            def blurred(t_s: float, kind: str, path: str = "", **more: object) -> None:
                plain(t_s, kind, path, t_err_ns=2 * 10**9, **more)

            telling._event = blurred  # type: ignore[attr-defined]

        assert judged("det-001", blur, drain_early_s=3.0).verdict is Verdict.PASS
        assert judged("det-001", blur, drain_early_s=5.0).verdict is Verdict.FAIL


class TestOtherDefects:
    def test_guests_that_are_not_restarted(self, judged: Try) -> None:
        judgement = judged("det-002")
        cause = judgement.decision.cause
        assert judgement.verdict is Verdict.FAIL
        assert cause is not None
        assert (cause.id, cause.node, cause.limit) == ("vm-not-restarted", "NODE03", "360 s")
        assert cause.attrs["vms"] == ["vm03", "vm07"]

    def test_old_build_on_one_node(self, judged: Try) -> None:
        judgement = judged("det-003")
        cause = judgement.decision.cause
        assert judgement.verdict is Verdict.FAIL
        assert cause is not None
        assert (cause.id, cause.node, cause.value) == ("build-old", "NODE03", "26100.6584")

    def test_hang_is_stuck_with_its_last_progress(self, judged: Try) -> None:
        judgement = judged("det-004")
        cause = judgement.decision.cause
        assert judgement.verdict is Verdict.STUCK
        assert cause is not None
        assert cause.id == "no-progress"
        assert cause.attrs["last_progress_ns"] == 3600 * 10**9
        looks = {row.seq: row.value for row in judgement.case.timeline.updates}
        assert [looks[seq].step.path[-1] for seq in cause.evidence if seq in looks] == [
            "Failover ECE Service to new Node"
        ]

    def test_hang_that_nobody_could_look_at_is_not_the_products(self, judged: Try) -> None:
        def blind(telling: object) -> None:
            for node in telling.nodes:  # type: ignore[attr-defined]
                telling.builder.add(  # type: ignore[attr-defined]
                    4000,
                    Kind.OBSERVATION,
                    f"node/{node}",
                    "endpoint",
                    "endpoint",
                    node=node,
                    reachable=False,
                    reason="x",
                )

        judgement = judged("det-004", blind)
        assert judgement.verdict is Verdict.LAB

    def test_hang_is_found_even_if_the_conductor_did_not_say_so(self, judged: Try) -> None:
        def silence(telling: object) -> None:
            telling.builder.finding = lambda *a, **k: None  # type: ignore[attr-defined]

        judgement = judged("det-004", silence)
        assert judgement.verdict is Verdict.STUCK


def test_large_journal_is_judged_in_less_than_a_second(tell: Tell) -> None:
    journal = tell("upd-002", poll_s=20, guests=40)
    assert journal.size_bytes > 1_500_000
    begin_s = time.process_time()  # of this process alone, however busy the machine
    judgement = judge(journal)
    assert time.process_time() - begin_s < 1.0
    assert judgement.verdict is Verdict.PASS
