"""The shell against what a real engine did: every recorded case, with a floor per area that must not sink.

A case of which 5.1 is known to differ counts by what is written down of 5.1; where nothing is, it is run, so that it
cannot crash, but not counted.
"""

from __future__ import annotations

import json
from collections.abc import Callable
from functools import cache
from pathlib import Path

import pytest

from harness.twin.conformance import CasesError, Measured, measure
from harness.twin.conformance.cases import ASPECTS, area_files, expected_of, read_known, read_lines
from harness.twin.conformance.comparing import crashed, differences_of
from harness.twin.conformance.processes import process_differences

CASES = Path(__file__).resolve().parents[2] / "data" / "pwsh-cases"

# Percent of the counted cases that agree in every aspect: values, types, text, errors, other streams.
FLOORS = {
    "expressions": 100.0,
    "statements": 100.0,
    "cmdlets": 100.0,
    "formatting": 97.4,
    "operators": 100.0,
    "clixml": 99.1,
}
PROCESS_FLOOR = 97.0
PROCESSES = read_lines(CASES / "process.jsonl")
# Starts that differ; the page of conformance says why.
DIFFERING_STARTS = {"enc.xml-streams", "enc.xml-throw"}


@cache
def measured() -> Measured:
    return measure(CASES)


@pytest.mark.parametrize("area", FLOORS)
def test_recorded_cases(area: str, record_property: Callable[[str, object], None]) -> None:
    result = next(one for one in measured().areas if one.area == area)
    percent = 100 * result.all / result.cases
    record_property(f"{area}_percent", round(percent, 1))
    assert percent >= FLOORS[area], f"{area}: {percent:.1f}% of {result.cases}; failing: {', '.join(result.wrong)}"


def test_few_cases_crash_the_shell() -> None:
    left_out = {name for area in measured().areas for name in area.not_counted}
    cases = [case for path in area_files(CASES).values() for case in read_lines(path) if case["id"] in left_out]
    found = [case["id"] for case in cases if crashed(differences_of(case))]
    found += [name for area in measured().areas for name, wrong in area.wrong.items() if crashed(wrong)]
    assert len(found) <= 4, found


def test_every_recorded_case_is_counted_or_named() -> None:
    known = read_known(CASES)
    for area, path in area_files(CASES).items():
        cases = read_lines(path)
        result = next(one for one in measured().areas if one.area == area)
        assert result.cases + len(result.not_counted) == len(cases)
        written = [case for case in cases if case["id"] in known]
        assert all("differs51" in case or "like" in known[case["id"]] for case in written)
    cases_by_id = {case["id"]: case for path in area_files(CASES).values() for case in read_lines(path)}
    assert all("differs51" in cases_by_id[row["like"]] for row in known.values() if "like" in row)
    assert sum(len(read_lines(path)) for path in area_files(CASES).values()) == 1110


@pytest.mark.parametrize("row", PROCESSES, ids=[row["id"] for row in PROCESSES])
def test_recorded_start_of_the_console_program(row: dict[str, object]) -> None:
    if row["id"] not in DIFFERING_STARTS:
        assert process_differences(row) == {}


def test_recorded_starts_are_counted() -> None:
    result = measured().process
    assert result is not None
    assert result.cases == len(PROCESSES)
    assert 100 * result.all / result.cases >= PROCESS_FLOOR
    assert set(result.wrong) <= DIFFERING_STARTS


def test_a_case_counts_by_what_is_known_of_the_older_program() -> None:
    case = {"id": "a", "script": "1", "output": ["<I32>2</I32>"], "text": "2\n"}
    assert set(differences_of(case)) == {"output", "text"}
    assert expected_of(case, {}) == case
    unnoted = {"a": {"id": "a", "because": "nothing says so", "output": []}}
    assert expected_of(case, unnoted) == case
    noted_elsewhere = {"a": {"id": "a", "like": "b", "because": "as for b", "output": []}}
    assert expected_of(case, noted_elsewhere) == {**case, "output": []}
    differing = {**case, "differs51": "1"}
    assert expected_of(differing, {}) is None
    known = {"a": {"id": "a", "because": "it says so", "output": ["<I32>1</I32>"], "text": "1\n"}}
    expected = expected_of(differing, known)
    assert expected is not None
    assert differences_of(expected) == {}


def test_listed_parse_errors_are_the_first_ones() -> None:
    case = {"id": "a", "script": "1..3\n| a\n| b", "differs51": "x", "output": []}
    one = {"id": "a", "parse_errors": [{"id": "EmptyPipeElement", "line": 2, "column": 1}]}
    expected = expected_of(case, {"a": one})
    assert expected is not None
    assert differences_of(expected) == {}
    other = {"id": "a", "parse_errors": [{"id": "EmptyPipeElement", "line": 2, "column": 2}]}
    wrong = expected_of(case, {"a": other})
    assert wrong is not None
    assert tuple(differences_of(wrong)) == ASPECTS


def test_what_is_no_recording_is_named(tmp_path: Path) -> None:
    with pytest.raises(CasesError, match="there is no"):
        measure(tmp_path)
    (tmp_path / "some.expected.jsonl").write_text('{"id": "a", "script": "1"}\n{"id": 3}\n', encoding="utf-8")
    with pytest.raises(CasesError, match=r"some\.expected\.jsonl:2"):
        measure(tmp_path)
    (tmp_path / "some.expected.jsonl").write_text(json.dumps({"id": "a"}) + "\n", encoding="utf-8")
    with pytest.raises(CasesError, match="has no 'script'"):
        measure(tmp_path)
