"""Runs that prove nothing, and why."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

import pytest

from harness.journal import Kind
from harness.testing.stories import LIMITS, Telling
from harness.values import Verdict

if TYPE_CHECKING:
    from tests.unit.judge.conftest import Try


def ending(reason: str) -> Any:
    def change(telling: Telling) -> None:
        note = telling.builder.note

        def noted(t_s: float, what: str, **data: Any) -> None:
            if what != "attempt.end" or reason:
                note(t_s, what, **({**data, "reason": reason} if what == "attempt.end" else data))

        telling.builder.note = noted  # type: ignore[method-assign]

    return change


@pytest.mark.parametrize(
    ("reason", "verdict"),
    [
        ("completed", Verdict.PASS),
        ("aborted", Verdict.INCONCLUSIVE),
        ("detached", Verdict.INCONCLUSIVE),
        ("lab-lost", Verdict.LAB),
        ("error", Verdict.HARNESS),
        ("", Verdict.INCONCLUSIVE),
    ],
)
def test_only_a_completed_run_passes(judged: Try, reason: str, verdict: Verdict) -> None:
    assert judged("upd-001", ending(reason)).verdict is verdict


def test_aborted_run_is_not_a_product_failure(judged: Try) -> None:
    assert judged("det-001", ending("aborted")).verdict is Verdict.INCONCLUSIVE


def test_finding_of_the_conductor_is_taken_over(judged: Try) -> None:
    def lost(telling: Telling) -> None:
        telling.builder.finding(5000, "lab-lost", "lab", "lab", "the lease was lost")

    judgement = judged("det-001", lost)
    assert judgement.verdict is Verdict.LAB
    assert judgement.decision.cause is not None
    assert judgement.decision.cause.summary == "the lease was lost"


def test_unreachable_baseline_is_the_labs(judged: Try) -> None:
    def unreachable(telling: Telling) -> None:
        telling.builder.add(1, Kind.NOTE, "conductor", "lab", "baseline", outcome="unreachable", reason="at 12.2510")

    assert judged("upd-001", unreachable).verdict is Verdict.LAB


def test_low_coverage_is_inconclusive_and_comes_before_fail(judged: Try) -> None:
    def stall(telling: Telling) -> None:
        samples = telling.builder.samples

        def stalled(begin_s: float, end_s: float, guests: Any, **control: Any) -> None:
            stalls = [[round(begin_s * 1e9), round((begin_s + 30) * 1e9)]]
            samples(begin_s, end_s, guests, stalls=stalls, **control)

        telling.builder.samples = stalled  # type: ignore[method-assign]

    for limits, name in ((LIMITS, "limit:sampler.coverage"), (LIMITS[:-1], "low-coverage")):
        judgement = judged("det-001", stall, limits=limits)
        assert judgement.verdict is Verdict.INCONCLUSIVE
        assert judgement.decision.cause is not None
        assert judgement.decision.cause.id == name


def test_no_samples_at_all_is_inconclusive(judged: Try) -> None:
    def drop(telling: Telling) -> None:
        telling.builder.samples = lambda *a, **k: None  # type: ignore[method-assign]

    assert judged("upd-001", drop).verdict is Verdict.INCONCLUSIVE


def test_required_measurement_that_is_unset_is_inconclusive(judged: Try) -> None:
    lag = {"measurement": "trigger.lag", "op": "<=", "value": 500, "unit": "ms", "origin": "plan"}
    judgement = judged("upd-001", limits=(*LIMITS, lag))
    assert judgement.verdict is Verdict.INCONCLUSIVE
    assert [each.id for each in judgement.findings] == ["unmeasured:trigger.lag"]


def test_limit_that_no_judge_knows_is_inconclusive(judged: Try) -> None:
    limits = (*LIMITS, {"measurement": "vm.future", "op": "<=", "value": 1, "unit": "s"})
    assert judged("upd-001", limits=limits).verdict is Verdict.INCONCLUSIVE


def test_limits_convert_units(judged: Try) -> None:
    tight = {"measurement": "update.duration", "op": "<=", "value": 60, "unit": "min", "origin": "plan"}
    judgement = judged("upd-001", limits=(tight,))
    assert [each.id for each in judgement.findings] == ["limit:update.duration"]
    assert judgement.measurements[0].unit == "min"


class TestFaults:
    def without(self, record: str) -> Any:
        def change(telling: Telling) -> None:
            add = telling.builder.add

            def added(t_s: float, kind: Any, actor: str, subject: str, what: str, /, **data: Any) -> None:
                if what != record:
                    add(t_s, kind, actor, subject, what, **data)

            telling.builder.add = added  # type: ignore[method-assign]

        return change

    @pytest.mark.parametrize(
        ("record", "name"), [("fault.confirmed", "fault-not-confirmed"), ("fault.clean", "fault-not-clean")]
    )
    def test_fault_without_proof_makes_the_run_inconclusive(self, judged: Try, record: str, name: str) -> None:
        judgement = judged("upd-002", self.without(record))
        assert judgement.verdict is Verdict.INCONCLUSIVE
        assert name in [each.id for each in judgement.findings]

    def test_planned_fault_that_never_came_makes_the_run_inconclusive(self, judged: Try) -> None:
        def never(telling: Telling) -> None:
            telling._lose_power = lambda t_s: None  # type: ignore[method-assign]

        judgement = judged("upd-002", never)
        assert judgement.verdict is Verdict.INCONCLUSIVE
        assert "fault-missed" in [each.id for each in judgement.findings]

    def test_every_planned_fault_that_never_came_is_named(self, judged: Try) -> None:
        def planned(telling: Telling) -> None:
            faults = [{"id": name, "fault": "node.power_loss", "on": "phase.enter x"} for name in ("one", "other")]
            telling.builder.scenario = {**telling.builder.scenario, "faults": faults}
            attrs = {"fault": "one"}
            telling.builder.finding(5000, "fault-missed", "harness", "inconclusive", "'one' missed", attrs=attrs)

        findings = [each for each in judged("upd-001", planned).findings if each.id == "fault-missed"]
        assert sorted(str(each.attrs["fault"]) for each in findings) == ["one", "other"]

    def test_rearmed_fault_that_came_later_is_fine(self, judged: Try) -> None:
        def rearmed(telling: Telling) -> None:
            telling.builder.add(
                1900, Kind.NOTE, "conductor", "fault/second-node-dies", "fault.missed", why="late", rearmed=True
            )

        assert judged("upd-002", rearmed).verdict is Verdict.PASS

    @pytest.mark.parametrize(("lag_ns", "verdict"), [(500_000_000, Verdict.PASS), (500_000_001, Verdict.INCONCLUSIVE)])
    def test_precision_is_a_condition(self, judged: Try, lag_ns: int, verdict: Verdict) -> None:
        def late(telling: Telling) -> None:
            fault = telling.builder.fault

            def lagging(*args: Any, **when: Any) -> None:
                fault(*args, **when, lag_ns=lag_ns, precision_ns=500_000_000)

            telling.builder.fault = lagging  # type: ignore[method-assign]

        assert judged("upd-002", late).verdict is verdict


def test_every_finding_names_journal_lines(judged: Try) -> None:
    lag = {"measurement": "trigger.lag", "op": "<=", "value": 500, "unit": "ms", "origin": "plan"}

    def spoil(telling: Telling) -> None:
        telling._lose_power = lambda t_s: None  # type: ignore[method-assign]
        telling.builder.samples = lambda *a, **k: None  # type: ignore[method-assign]

    judgement = judged("upd-002", spoil, limits=(*LIMITS, lag), old_node="NODE02", drain_early_s=100.0)
    assert len(judgement.findings) > 6
    assert [each.id for each in judgement.findings if not each.evidence] == []


def test_record_that_cannot_be_read_is_the_harness(judged: Try) -> None:
    def broken(telling: Telling) -> None:
        telling.builder.add(5000, Kind.SAMPLES, "probe", "guests", "samples", from_ns=1)

    judgement = judged("upd-001", broken)
    assert judgement.verdict is Verdict.HARNESS
    assert judgement.decision.cause is not None
    assert "line" in judgement.decision.cause.summary


def test_evidence_class_is_in_the_judgement(judged: Try) -> None:
    assert judged("upd-001").label == "rehearsal: no evidence about the product"

    def real(telling: Telling) -> None:
        telling.builder.subject = "product"

    assert judged("upd-001", real).label == "evidence about the product"


def test_waiver_of_the_header_lies_over_the_verdict(judged: Try) -> None:
    waiver = {"finding": "drain-before-repair", "reason": "known", "owner": "qa", "expires": "2999-01-01"}
    judgement = judged("det-001", waivers=(waiver,))
    assert (judgement.verdict, judgement.effective) == (Verdict.FAIL, Verdict.PASS)
