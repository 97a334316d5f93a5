"""The availability ledger: edges, error bars, causes, exclusions, against an evaluation sample by sample."""

from __future__ import annotations

import json
from dataclasses import dataclass
from itertools import pairwise

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from harness.judge.document import LedgerDocument
from harness.measure.blind import Blind
from harness.measure.ledger import Cause, Gap, build_ledger
from harness.measure.ledger_document import ledger_document, ledger_text
from harness.measure.ownership import Ownership
from harness.measure.samples import window_from_record
from harness.testing.journals import GuestSamples, Outage, ns
from harness.values import Answer, ControlHealth, SampleRun, SampleWindow
from tests.examples import examples

INTERVAL = ns(0.1)


def window(outages: list[Outage], to_s: float = 60.0, **control: object) -> SampleWindow:
    guests = GuestSamples(["vm01"], INTERVAL, outages)
    plain_control = {"due": 0, "missed": 0, "stalls": []} | control
    record = {
        "from_ns": 0,
        "to_ns": ns(to_s),
        "interval_ns": INTERVAL,
        "runs": guests.runs("vm01", 0, ns(to_s)),
        "control": plain_control,
    }
    return window_from_record(record)


def only_gap(outage: Outage, ownership: Ownership | None = None, **control: object) -> Gap:
    (gap,) = build_ledger([window([outage], **control)], ownership).gaps
    return gap


class TestEdges:
    def test_midpoints_have_error_bars_of_half_an_interval(self) -> None:
        gap = only_gap(Outage("vm01", 10.03, 12.48))
        assert (gap.last_ok_ns, gap.first_bad_ns, gap.first_ok_ns) == (ns(10.0), ns(10.1), ns(12.5))
        assert (gap.start_ns, gap.end_ns) == (ns(10.05), ns(12.45))
        assert gap.start_err_ns == gap.end_err_ns == INTERVAL // 2
        assert abs(gap.duration_ns - ns(2.45)) <= gap.error_ns == INTERVAL

    def test_outage_between_two_samples_is_not_seen(self) -> None:
        assert build_ledger([window([Outage("vm01", 10.01, 10.09)])]).gaps == ()

    def test_outage_that_lasts_to_the_end_stays_open(self) -> None:
        gap = only_gap(Outage("vm01", 10.0, None))
        assert gap.open
        assert gap.cause is Cause.DOWN
        assert (gap.end_ns, gap.end_err_ns) == (ns(60), 0)

    def test_guest_that_never_answered_before_is_leading(self) -> None:
        gap = only_gap(Outage("vm01", 0.0, 5.0))
        assert gap.leading
        assert gap.cause is Cause.UNKNOWN

    def test_edge_inside_a_stall_gets_the_wider_bar(self) -> None:
        gap = only_gap(Outage("vm01", 10.0, 12.0), stalls=[[ns(9.5), ns(10.5)]])
        assert (gap.last_ok_ns, gap.first_bad_ns) == (ns(9.4), ns(10.6))
        assert gap.start_err_ns == ns(0.6)

    def test_outage_inside_a_stall_is_excluded_and_reported(self) -> None:
        ledger = build_ledger([window([Outage("vm01", 10.0, 12.0)], stalls=[[ns(9), ns(13)]])])
        assert ledger.gaps == ()
        assert ledger.unobserved == (Blind(ns(9), ns(13), "stall"),)
        assert ledger.coverage == pytest.approx(1 - 4.1 / 60)


class TestCauses:
    @pytest.mark.parametrize(
        ("kind", "cause"),
        [("frozen", Cause.FROZEN), ("isolated", Cause.ISOLATED), ("restart", Cause.RESTART)],
    )
    @pytest.mark.parametrize("length_s", [1.0, 3.0, 20.0])
    def test_heartbeats_and_boot_id_tell_the_cause(self, kind: str, cause: Cause, length_s: float) -> None:
        assert only_gap(Outage("vm01", 10.0, 10.0 + length_s, kind)).cause is cause

    def test_frozen_guest_that_changed_its_owner_was_migrated(self) -> None:
        owners = Ownership.of([("vm01", 0, "NODE01"), ("vm01", ns(30), "NODE02")])
        gap = only_gap(Outage("vm01", 10.0, 11.0), owners)
        assert gap.cause is Cause.LIVE_MIGRATION
        assert (gap.owner_before, gap.owner_after) == ("NODE01", "NODE02")

    def test_frozen_guest_in_a_migration_event_was_migrated(self) -> None:
        owners = Ownership.of([], [("vm01", (ns(8), ns(11)))])
        assert only_gap(Outage("vm01", 10.0, 11.0), owners).cause is Cause.LIVE_MIGRATION

    def test_migration_event_elsewhere_in_time_does_not_count(self) -> None:
        owners = Ownership.of([], [("vm01", (ns(20), ns(30)))])
        assert only_gap(Outage("vm01", 10.0, 11.0), owners).cause is Cause.FROZEN

    def test_restart_is_no_migration_even_if_the_owner_changed(self) -> None:
        owners = Ownership.of([("vm01", 0, "NODE01"), ("vm01", ns(30), "NODE02")])
        assert only_gap(Outage("vm01", 10.0, 11.0, "restart"), owners).cause is Cause.RESTART

    def test_restart_between_two_samples_is_found_by_the_boot_id(self) -> None:
        runs = (
            SampleRun("vm01", INTERVAL, INTERVAL, 10, Answer.OK, 1, 0, 9),
            SampleRun("vm01", 11 * INTERVAL, INTERVAL, 10, Answer.OK, 2, 0, 9),
        )
        (gap,) = build_ledger([SampleWindow(0, 20 * INTERVAL, runs, ControlHealth(20, 0))]).gaps
        assert gap.cause is Cause.RESTART
        assert gap.first_bad_ns is None
        assert (gap.duration_ns, gap.error_ns) == (0, INTERVAL)

    def test_guest_without_heartbeats_has_an_unknown_cause(self) -> None:
        runs = (
            SampleRun("vm01", INTERVAL, INTERVAL, 10, Answer.OK, 0, 0, 0),
            SampleRun("vm01", 11 * INTERVAL, INTERVAL, 30, Answer.LOST, 0, 0, 0),
            SampleRun("vm01", 41 * INTERVAL, INTERVAL, 10, Answer.OK, 0, 0, 0),
        )
        (gap,) = build_ledger([SampleWindow(0, 50 * INTERVAL, runs, ControlHealth(50, 0))]).gaps
        assert gap.cause is Cause.UNKNOWN


class TestCoverage:
    def test_windows_that_fit_are_complete(self) -> None:
        guests = GuestSamples(["vm01"], INTERVAL, [])
        windows = [
            SampleWindow(
                first,
                last,
                tuple(
                    SampleRun(vm, at, INTERVAL, count, Answer.OK, boot, beat, beat_last)
                    for vm, at, count, _, boot, beat, beat_last in guests.runs("vm01", first, last)
                ),
                ControlHealth(1, 0),
            )
            for first, last in ((0, ns(10.05)), (ns(10.05), ns(33.33)))
        ]
        assert build_ledger(windows).coverage == 1.0

    def test_missing_window_lowers_the_coverage(self) -> None:
        early, late = window([], 10.0), window([], 40.0)
        kept = tuple(SampleRun("vm01", ns(20.1), INTERVAL, 200, Answer.OK, 1, 201, 400) for _ in late.runs)
        ledger = build_ledger([early, SampleWindow(ns(20), ns(40), kept, ControlHealth(200, 0))])
        assert ledger.coverage == pytest.approx(0.75)
        assert ledger.gaps == ()

    def test_missed_ticks_lower_the_coverage(self) -> None:
        assert build_ledger([window([], due=600, missed=6)]).coverage == pytest.approx(0.99)

    def test_expected_guest_without_samples_has_none(self) -> None:
        ledger = build_ledger([window([])], expected=["vm01", "vm99"])
        assert {vm.vm: vm.coverage for vm in ledger.vms} == {"vm01": 1.0, "vm99": 0.0}
        assert ledger.coverage == 0.0

    def test_nothing_sampled_has_no_coverage(self) -> None:
        assert build_ledger([]).coverage is None

    def test_repeated_samples_count_once(self) -> None:
        once, twice = build_ledger([window([Outage("vm01", 3, 4)])]), build_ledger([window([Outage("vm01", 3, 4)])] * 2)
        assert once.vms == twice.vms


def test_ledger_text_is_stable_and_of_the_documented_form() -> None:
    windows = [window([Outage("vm01", 10.0, 11.0), Outage("vm01", 20.0, None)])]
    text = ledger_text(build_ledger(windows))
    assert text == ledger_text(build_ledger(list(windows)))
    LedgerDocument.model_validate(json.loads(text))


@dataclass(frozen=True)
class Sample:
    """One sample; what the brute force works on."""

    t_ns: int
    ok: bool
    boot: int


def _answer(sample: Sample) -> Answer:
    return Answer.OK if sample.ok else Answer.LOST


def brute_gaps(samples: list[Sample], to_ns: int) -> list[tuple[int, int, bool, bool]]:
    """Start, end (doubled, so that midpoints stay whole), open, restart: by walking over single samples."""
    found, last_ok, first_bad, last_bad = [], None, None, None
    for sample in samples:
        if not sample.ok:
            first_bad, last_bad = first_bad or sample, sample
            continue
        restarted = last_ok is not None and last_ok.boot != sample.boot
        if first_bad and last_bad:
            start = last_ok.t_ns + first_bad.t_ns if last_ok else 2 * first_bad.t_ns
            found.append((start, last_bad.t_ns + sample.t_ns, False, restarted))
        elif restarted and last_ok:
            found.append((last_ok.t_ns + sample.t_ns, last_ok.t_ns + sample.t_ns, False, True))
        last_ok, first_bad, last_bad = sample, None, None
    if first_bad:
        start = last_ok.t_ns + first_bad.t_ns if last_ok else 2 * first_bad.t_ns
        found.append((start, 2 * to_ns, True, False))
    return found


@st.composite
def sampled(draw: st.DrawFn) -> tuple[list[Sample], list[tuple[int, int]], list[int]]:
    """Samples with period 10, stalls, and where the windows are cut."""
    count = draw(st.integers(1, 60))
    flips = draw(st.lists(st.booleans(), min_size=count, max_size=count))
    reboots = draw(st.sets(st.integers(0, count - 1), max_size=4))
    samples, boot = [], 1
    for index, ok in enumerate(flips):
        boot += index in reboots
        samples.append(Sample((index + 1) * 10, ok, boot))
    stalls = draw(st.lists(st.tuples(st.integers(0, count * 10), st.integers(0, 80)), max_size=3))
    cuts = draw(st.sets(st.integers(1, max(1, count - 1)), max_size=5))
    return samples, [(start, start + length) for start, length in stalls], sorted(cuts)


def windows_of(samples: list[Sample], stalls: list[tuple[int, int]], cuts: list[int]) -> list[SampleWindow]:
    edges = [0, *(cut for cut in cuts if cut < len(samples)), len(samples)]
    windows = []
    for first, last in pairwise(edges):
        runs: list[SampleRun] = []
        for sample in samples[first:last]:
            if runs and (runs[-1].answer, runs[-1].boot_id) == (_answer(sample), sample.boot):
                old = runs[-1]
                runs[-1] = SampleRun("vm", old.first_ns, 10, old.count + 1, old.answer, old.boot_id, 0, 0)
            else:
                runs.append(SampleRun("vm", sample.t_ns, 10, 1, _answer(sample), sample.boot, 0, 0))
        mine = tuple(stall for stall in stalls if first * 10 <= stall[0] <= last * 10)
        windows.append(SampleWindow(first * 10, last * 10, tuple(runs), ControlHealth(last - first, 0, mine)))
    return windows


@settings(max_examples=examples(300), deadline=None)
@given(sampled())
def test_ledger_equals_the_evaluation_sample_by_sample(
    drawn: tuple[list[Sample], list[tuple[int, int]], list[int]],
) -> None:
    samples, stalls, cuts = drawn
    windows = windows_of(samples, stalls, cuts)
    kept = [each for each in samples if not any(start <= each.t_ns <= end for start, end in stalls)]
    ledger = build_ledger(reversed(windows))
    expected = brute_gaps(kept, len(samples) * 10)
    got = [(2 * gap.start_ns, 2 * gap.end_ns, gap.open, gap.cause is Cause.RESTART) for gap in ledger.gaps]
    assert len(got) == len(expected)
    for mine, theirs in zip(got, expected, strict=True):
        assert abs(mine[0] - theirs[0]) <= 1
        assert abs(mine[1] - theirs[1]) <= 1
        assert mine[2:] == theirs[2:]
    assert ledger.vms[0].samples == len(kept)
    for gap in ledger.gaps:
        assert gap.start_ns <= gap.end_ns


@settings(max_examples=examples(200), deadline=None)
@given(
    start=st.integers(ns(5), ns(20)),
    length=st.integers(INTERVAL, ns(20)),
    kind=st.sampled_from(["frozen", "isolated", "restart"]),
)
def test_true_edges_lie_inside_the_error_bars(start: int, length: int, kind: str) -> None:
    gap = only_gap(Outage("vm01", start / 1e9, (start + length) / 1e9, kind))
    assert abs(gap.start_ns - start) <= gap.start_err_ns + 1
    assert abs(gap.end_ns - (start + length)) <= gap.end_err_ns + 1
    ledger = ledger_document(build_ledger([window([Outage("vm01", start / 1e9, (start + length) / 1e9, kind)])]))
    assert ledger["vms"][0]["count"] == 1
