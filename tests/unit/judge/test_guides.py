"""What the judge says of guides, from their records alone."""

from __future__ import annotations

from typing import Any

import pytest

from harness.judge.guides import Consultation, consultations_of
from harness.judge.timeline import Seen

EXPECTED = "upd-arb-offline"


def candidate(guide: str, rank: int, standing: str = "applies", excluded_by: str = "") -> dict[str, Any]:
    return {"guide": guide, "rank": rank, "standing": standing, "excluded_by": excluded_by}


def records(*, candidates: list[dict[str, Any]], outcome: str = "verified", recovered: bool = True) -> list[Any]:
    rows: list[dict[str, Any]] = [
        {"what": "guide.trouble", "number": 1, "kind": "failed", "summary": "it failed", "expected": EXPECTED},
        {"what": "guide.diagnosis", "number": 1, "first": candidates[0]["guide"], "candidates": candidates},
        {"what": "guide.step", "number": 1, "does": "start it"},
        {"what": "guide.done", "number": 1, "outcome": outcome},
    ]
    if recovered:
        rows.append({"what": "guide.recovered", "number": 1, "after_ns": 180_000_000_000})
    return [Seen(seq, seq * 1_000_000_000, row) for seq, row in enumerate(rows, 10)]


def one(**changes: Any) -> Consultation:
    candidates = changes.pop("candidates", [candidate(EXPECTED, 1), candidate("other", 2, "excluded", "lock-named")])
    (found,) = consultations_of(records(candidates=candidates, **changes))
    return found


def test_all_of_one_trouble_stands_in_one_consultation() -> None:
    found = one()
    assert (found.expected, found.rank, found.first, found.outcome) == (EXPECTED, 1, EXPECTED, "verified")
    assert found.excluded == ("other by 'lock-named'",)
    assert (found.steps, found.recovered_ns) == (("start it",), 180_000_000_000)
    assert found.evidence == (10, 11, 12, 13, 14)
    assert found.symptom_seen


def test_guide_that_nothing_nominates_has_no_rank() -> None:
    found = one(candidates=[candidate("other", 1)], outcome="not-first")
    assert found.rank is None
    assert not found.symptom_seen


@pytest.mark.parametrize("cut", [1, 2, 3])
def test_consultation_that_broke_off_is_unfinished(cut: int) -> None:
    rows = records(candidates=[candidate(EXPECTED, 1)])[:cut]
    (found,) = consultations_of(rows)
    assert (found.outcome, found.recovered_ns) == ("unfinished", None)


def test_trouble_that_a_new_process_took_on_again_counts_once() -> None:
    rows = records(candidates=[candidate(EXPECTED, 1)])
    again = [*rows[:2], *(Seen(row.seq + 20, row.t_ns + 20, row.value) for row in rows)]
    (found,) = consultations_of(again)
    assert found.outcome == "verified"
    assert found.at_ns == rows[0].t_ns
