"""Measured gaps beside the blackouts that hosts logged."""

from __future__ import annotations

from dataclasses import replace
from datetime import UTC, datetime, timedelta
from typing import TYPE_CHECKING

import pytest

from harness.journal import Kind
from harness.judge.migrations import HostWord, with_host_words
from harness.measure.gaps import Cause
from harness.testing.journals import EPOCH
from harness.testing.stories import Telling
from harness.values import Verdict

SECOND = 1_000_000_000

if TYPE_CHECKING:
    from harness.judge.judgement import Judgement
    from tests.unit.judge.conftest import Try


def judgement_with(judged: Try, *words: tuple[str, float, float]) -> Judgement:
    """A sound update in whose end NODE01 and NODE02 tell of migrations: guest, lab time, blackout in seconds."""
    epoch = datetime.fromisoformat(EPOCH).astimezone(UTC)

    def extra(telling: Telling) -> None:
        events = [
            {
                "vm": vm,
                "at": (epoch + timedelta(seconds=at_s)).isoformat(),
                "event_id": 20415,
                "blackout_s": blackout_s,
            }
            for vm, at_s, blackout_s in words
        ]
        for node in ("NODE01", "NODE02"):
            telling.builder.add(9_000, Kind.OBSERVATION, f"node/{node}", "migrations", "migrations", events=events)

    return judged("upd-001", extra)


@pytest.fixture
def first(judged: Try) -> tuple[str, float]:
    """Guest and end of the first gap of the story."""
    gap = min(judged("upd-001").ledger.gaps, key=lambda gap: gap.start_ns)
    assert gap.host_blackout_ns is None
    return gap.vm, gap.end_ns / 1e9


def test_both_lengths_and_their_difference_stand_at_the_gap(judged: Try, first: tuple[str, float]) -> None:
    vm, end_s = first
    judgement = judgement_with(judged, (vm, end_s + 2, 0.4))
    (gap,) = [gap for gap in judgement.ledger.gaps if gap.host_blackout_ns is not None]
    assert (gap.vm, gap.host_blackout_ns) == (vm, 400_000_000)
    assert gap.host_difference_ns == gap.duration_ns - 400_000_000
    assert judgement.verdict is Verdict.PASS
    (measured,) = [each for each in judgement.measurements if each.name == "vm.migration.difference"]
    assert measured.value == 0.0


def test_gap_shorter_than_its_host_logged_makes_the_measuring_doubtful(judged: Try, first: tuple[str, float]) -> None:
    vm, end_s = first
    judgement = judgement_with(judged, (vm, end_s, 2.5))
    (finding,) = [each for each in judgement.findings if each.id == "migration-seen-shorter"]
    assert (finding.about, judgement.verdict) == ("harness", Verdict.INCONCLUSIVE)
    assert "2.5 s" in finding.summary


def test_longer_gap_is_told_and_decides_nothing(judged: Try, first: tuple[str, float]) -> None:
    vm, end_s = first
    judgement = judgement_with(judged, (vm, end_s, 0.1))
    (finding,) = [each for each in judgement.findings if each.id == "migration-seen-longer"]
    assert finding.outcome is Verdict.PASS
    assert judgement.verdict is Verdict.PASS


def test_event_of_another_guest_or_another_time_belongs_to_no_gap(judged: Try, first: tuple[str, float]) -> None:
    vm, end_s = first
    judgement = judgement_with(judged, (vm, end_s + 3600 * 5, 2.5), ("another", end_s, 2.5))
    assert all(gap.host_blackout_ns is None for gap in judgement.ledger.gaps)


def test_a_gap_that_lies_near_takes_no_migration_from_its_own_gap(judged: Try) -> None:
    ledger = judged("upd-001").ledger
    own = min(ledger.gaps, key=lambda gap: gap.start_ns)
    before, after = (
        replace(own, start_ns=own.start_ns + by_ns, end_ns=own.end_ns + by_ns) for by_ns in (-SECOND, SECOND)
    )
    crowded = tuple(replace(vm, gaps=(before, own, after)) for vm in ledger.vms if vm.vm == own.vm)
    words = [HostWord(own.vm, own.end_ns + SECOND // 10, 400_000_000, 1)]
    (vm,) = with_host_words(replace(ledger, vms=crowded), words).vms
    assert [gap.host_blackout_ns for gap in vm.gaps] == [None, 400_000_000, None]


@pytest.mark.parametrize(
    ("before", "away_s", "after"),
    [
        (Cause.UNKNOWN, 0.3, Cause.LIVE_MIGRATION),
        (Cause.UNKNOWN, 2.5, Cause.UNKNOWN),
        (Cause.ISOLATED, 0.3, Cause.ISOLATED),
    ],
)
def test_a_gap_just_after_a_logged_migration_is_the_migrations(
    judged: Try, before: Cause, away_s: float, after: Cause
) -> None:
    """Where the network learns late that the guest has moved."""
    ledger = judged("upd-001").ledger
    gap = replace(min(ledger.gaps, key=lambda gap: gap.start_ns), cause=before)
    alone = tuple(replace(vm, gaps=(gap,)) for vm in ledger.vms if vm.vm == gap.vm)
    words = [HostWord(gap.vm, gap.start_ns - round(away_s * SECOND), 400_000_000, 1)]
    (told,) = with_host_words(replace(ledger, vms=alone), words).gaps
    assert (told.cause, told.host_blackout_ns) == (after, 400_000_000)


def test_gap_tells_what_the_update_was_doing(judged: Try) -> None:
    phases = {gap.phase for gap in judged("upd-001").ledger.gaps}
    assert any("drain" in phase for phase in phases)
