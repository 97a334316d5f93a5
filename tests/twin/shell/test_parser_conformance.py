"""The parser against recordings of a real engine: accepted or not, which error first, and where.

Where a recording notes that 5.1 differs (``differs51``), ``windows-powershell-5.1.jsonl`` holds what 5.1 does.
"""

from __future__ import annotations

import json
from functools import cache
from pathlib import Path
from typing import Any

import pytest

from harness.twin.conformance.cases import read_known
from harness.twin.shell.parser import ParseError, parse

RECORDINGS = Path(__file__).resolve().parents[2] / "data" / "pwsh-cases"
AREAS = ("clixml", "cmdlets", "expressions", "formatting", "operators", "statements")

# What 5.1 reports where the recording is known to differ: the parse errors that are written down, the first ones.
WINDOWS_POWERSHELL = {
    name: [(one["id"], one["line"], one["column"]) for one in row["parse_errors"]]
    for name, row in read_known(RECORDINGS).items()
    if "parse_errors" in row
}

# Cases whose later errors differ, each with the reason; the first error agrees.
LATER_ERRORS_DIFFER = {
    "operators.paste.hashtable-one-line": "5.1 reports IncompleteHashLiteral where 7 reports MissingEndCurlyBrace",
}

# Cases that disagree in the first error, each with the reason. None does at present.
FIRST_ERROR_DIFFERS: dict[str, str] = {}


@cache
def cases(area: str) -> list[dict[str, Any]]:
    lines = (RECORDINGS / f"{area}.expected.jsonl").read_text(encoding="utf-8").splitlines()
    return [json.loads(line) for line in lines]


def expected_first(case: dict[str, Any]) -> tuple[str, int, int] | None:
    recorded = case.get("parse_errors") or []
    first = (recorded[0]["id"], recorded[0]["line"], recorded[0]["column"]) if recorded else None
    return WINDOWS_POWERSHELL.get(case["id"], [first])[0]


def as_recorded(error: ParseError) -> dict[str, Any]:
    names = ("id", "line", "column", "offset", "text", "message")
    return {name: getattr(error, name) for name in names}


@pytest.mark.parametrize("area", AREAS)
def test_first_error_agrees_with_the_recording(area: str) -> None:
    disagreeing = set()
    for case in cases(area):
        expected = expected_first(case)
        errors = parse(case["script"]).errors
        if (expected and expected[0]) != (errors[0].id if errors else None):
            disagreeing.add(case["id"])
    assert disagreeing == {name for name in FIRST_ERROR_DIFFERS if name.startswith(f"{area}.")}


@pytest.mark.parametrize("area", AREAS)
def test_first_error_is_where_the_recording_has_it(area: str) -> None:
    for case in cases(area):
        expected = expected_first(case)
        if expected is not None:
            error = parse(case["script"]).errors[0]
            assert (error.id, error.line, error.column) == expected, case["id"]


@pytest.mark.parametrize("area", AREAS)
def test_all_errors_agree_with_text_and_message(area: str) -> None:
    for case in cases(area):
        recorded = case.get("parse_errors") or []
        if recorded and case["id"] not in (*WINDOWS_POWERSHELL, *LATER_ERRORS_DIFFER):
            assert [as_recorded(error) for error in parse(case["script"]).errors] == recorded, case["id"]


def test_every_exception_names_an_existing_case() -> None:
    known = {case["id"] for area in AREAS for case in cases(area)}
    assert known >= {*WINDOWS_POWERSHELL, *LATER_ERRORS_DIFFER, *FIRST_ERROR_DIFFERS}
    assert len(known) == 1110
