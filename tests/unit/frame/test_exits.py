"""One enum, one page, one test: exit codes mean the same in code and documentation."""

from __future__ import annotations

import ast
import re
from pathlib import Path

import pytest
from hypothesis import given
from hypothesis import strategies as st

from harness.exits import OF_PYTEST, OF_VERDICT, SEVERITY, Exit, worst

ROW = re.compile(r"^\| (\d+) \| `([A-Z_]+)` \| (.+?) \|", re.MULTILINE)
exits = st.sampled_from(Exit)


def page(checkout: Path) -> str:
    return (checkout / "docs" / "reference" / "exit-codes.md").read_text(encoding="utf-8")


def test_every_code_is_documented_with_its_name_and_meaning(checkout: Path) -> None:
    documented = {(int(code), name, meaning) for code, name, meaning in ROW.findall(page(checkout))}
    assert documented == {(code.value, code.name, code.meaning) for code in Exit}


def test_the_page_gives_the_order_for_mixed_results(checkout: Path) -> None:
    order = re.search(r"^Order for mixed results: ([\d, ]+)\.$", page(checkout), re.MULTILINE)
    assert order is not None
    assert [int(code) for code in order[1].split(", ")] == [code.value for code in SEVERITY]


def test_severity_ranks_every_code_once() -> None:
    assert sorted(SEVERITY) == sorted(Exit)


@pytest.mark.parametrize(
    ("mixed", "expected"),
    [
        ([Exit.PRODUCT, Exit.TAINTED, Exit.PASS], Exit.TAINTED),
        ([Exit.HARNESS, Exit.PRODUCT], Exit.PRODUCT),
        ([Exit.LAB, Exit.GUIDE_GAP, Exit.INCONCLUSIVE], Exit.LAB),
        ([Exit.INTERRUPTED, Exit.DETACHED, Exit.LEASE], Exit.LEASE),
        ([Exit.PASS, Exit.INTERRUPTED], Exit.INTERRUPTED),
        ([], Exit.NOTHING_SELECTED),
    ],
)
def test_mixed_results_end_with_the_worst(mixed: list[Exit], expected: Exit) -> None:
    assert worst(mixed) is expected


@given(st.lists(exits, min_size=1))
def test_the_order_of_results_does_not_matter_and_only_all_pass_is_pass(codes: list[Exit]) -> None:
    backwards = list(reversed(codes))
    assert worst(codes) is worst(backwards)
    assert worst(codes) in codes
    assert (worst(codes) is Exit.PASS) == all(code is Exit.PASS for code in codes)


@given(st.lists(exits, min_size=1), st.lists(exits, min_size=1))
def test_results_can_be_summed_up_in_parts(left: list[Exit], right: list[Exit]) -> None:
    assert worst([worst(left), worst(right)]) is worst(left + right)


def test_no_verdict_other_than_pass_ends_with_zero() -> None:
    assert [verdict for verdict, code in OF_VERDICT.items() if code is Exit.PASS] == ["pass"]
    assert [code for code, meaning in OF_PYTEST.items() if meaning is Exit.PASS] == [0]


def test_every_error_of_the_tree_names_a_code(checkout: Path) -> None:
    tree = ast.parse((checkout / "harness" / "errors.py").read_text(encoding="utf-8"))
    named = [
        statement.value.value
        for error in ast.walk(tree)
        if isinstance(error, ast.ClassDef)
        for statement in error.body
        if isinstance(statement, ast.Assign | ast.AnnAssign)
        and "code" in ast.unparse(statement).split("=")[0]
        and isinstance(statement.value, ast.Constant)
    ]
    assert named
    assert set(named) <= set(Exit.__members__)
