"""Tables for people never leave the screen."""

from __future__ import annotations

from hypothesis import given
from hypothesis import strategies as st

from harness.cli.table import WIDTH, text_table
from harness.report.wording import hours_text

CELL = st.text(st.characters(min_codepoint=33, max_codepoint=126), max_size=70)


@given(st.lists(st.tuples(CELL, CELL, CELL), max_size=5))
def test_a_table_fits_and_keeps_short_cells_whole(rows: list[tuple[str, str, str]]) -> None:
    lines = text_table(("one", "two", "three"), rows, right=("two",)).split("\n")
    assert len(lines) == len(rows) + 1
    for line, row in zip(lines[1:], rows, strict=True):
        assert len(line) <= WIDTH
        assert all(cell in line for cell in row if len(cell) <= 8)


def test_lab_time_reads_as_hours() -> None:
    assert [hours_text(seconds) for seconds in (0, 59.9, 3661, 90000)] == ["0:00:00", "0:00:59", "1:01:01", "25:00:00"]
