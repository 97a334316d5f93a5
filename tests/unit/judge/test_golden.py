"""Whole `results.json` files: a change of judging shows up as a difference here.

After a wanted change: `HIL_UPDATE_GOLDEN=1 pytest tests/unit/judge/test_golden.py`, then read the diff.
"""

from __future__ import annotations

import os
from dataclasses import replace
from datetime import UTC, datetime
from itertools import count
from pathlib import Path

import pytest

from harness.judge.results import write_results
from harness.testing.stories import STORIES, Telling

GOLDEN = Path(__file__).parent / "golden"


@pytest.mark.parametrize("story", sorted(STORIES))
def test_results_are_as_they_were(story: str, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    ticks = count()
    monkeypatch.setattr("harness.journal.writer.monotonic_ns", lambda: next(ticks))
    monkeypatch.setattr("harness.journal.writer.utc_now", lambda: datetime(2026, 1, 15, 12, tzinfo=UTC))
    Telling(tmp_path / story, replace(STORIES[story], poll_s=600)).tell()
    write_results(tmp_path / story)
    text = (tmp_path / story / "results.json").read_text()
    golden = GOLDEN / f"{story}.results.json"
    if os.environ.get("HIL_UPDATE_GOLDEN") == "1":
        GOLDEN.mkdir(exist_ok=True)
        golden.write_text(text)
    assert text == golden.read_text()
