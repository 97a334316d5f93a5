"""The YAML reader: 1.2 core scalars, no surprises, positions."""

from __future__ import annotations

import pytest

from harness.plan.problem import SourceError
from harness.plan.yaml_source import load_text


@pytest.mark.parametrize(
    ("scalar", "value"),
    [
        ("on", "on"), ("no", "no"), ("yes", "yes"), ("true", True), ("False", False),
        ("010", 10), ("0o17", 15), ("0x1f", 31), ("-3", -3), ("12:30:00", "12:30:00"),
        ("2026-06-30", "2026-06-30"), ("1_000", "1_000"), ("~", None), ("", None), ("null", None),
        ("1.50", 1.5), ("1e3", 1000.0), (".5", 0.5), ("12.2510.1002.94", "12.2510.1002.94"),
        ("'7'", "7"), ("!!str 7", "7"),
    ],
)  # fmt: skip
def test_scalar(scalar: str, value: object) -> None:
    loaded = load_text(f"schema: 1\nx: {scalar}\n", "f.yaml").value["x"]
    assert loaded == value
    assert type(loaded) is type(value) or isinstance(loaded, float)


@pytest.mark.parametrize(
    ("text", "message"),
    [
        ("", "f.yaml:1:1: the file is empty; it begins with 'schema: 1'"),
        ("- 1", "f.yaml:1:1: the file must be a mapping; it begins with 'schema: 1'"),
        ("schema: 1\na: {b: 1, b: 2}", "f.yaml:2:11: a.b: the key 'b' is there twice; the first is in line 2"),
        ("schema: 1\na: &x {b: 1}\nc: {<<: *x}",
         "f.yaml:3:5: c: merge keys ('<<') are not allowed; use 'defaults' or write the keys out"),
        ("schema: 1\n7: x", 'f.yaml:2:1: 7: the key 7 is no text; quote it: "7"'),
        ("schema: 1\na: !!python/name:os.system x",
         "f.yaml:2:4: a: the tag '!!python/name:os.system' is not allowed"),
        ("schema: 1\na: !!int x", "f.yaml:2:4: a: 'x' does not fit its tag '!!int'"),
        ("schema: 1\na: &x [*x]", "f.yaml:2:4: a.0: an alias contains itself, or the nesting is deeper than 64"),
        ("schema: 1\n\tb: 1", "f.yaml:2:1: not valid YAML: indent with blanks, not with tabs"),
        ("schema: 1\na: [1", "f.yaml:2:6: not valid YAML: expected ',' or ']', but got '<stream end>'"),
        ("schema: 1\na: \x07", "f.yaml:2:4: the file holds a character that YAML forbids"),
    ],
)  # fmt: skip
def test_mistake(text: str, message: str) -> None:
    with pytest.raises(SourceError) as caught:
        load_text(text, "f.yaml")
    assert [problem.headline for problem in caught.value.problems] == [message]


def test_aliases_are_expanded_with_positions_of_the_anchor() -> None:
    source = load_text("schema: 1\na: &x {b: 1}\nc: *x\n", "f.yaml")
    assert source.value["c"] == {"b": 1}
    assert (source.mark(("c", "b")).line, source.mark(("c", "b")).column) == (2, 11)


def test_exploding_aliases_are_refused() -> None:
    rows = ["schema: 1", "a0: &a0 [x, x, x, x, x, x, x, x, x, x]"]
    rows += [f"a{n}: &a{n} [{', '.join([f'*a{n - 1}'] * 10)}]" for n in range(1, 9)]
    with pytest.raises(SourceError, match="more than 100000 values after its aliases are expanded"):
        load_text("\n".join(rows), "f.yaml")


def test_mark_of_a_missing_path_is_that_of_its_container() -> None:
    source = load_text("schema: 1\na:\n  b: 1\n", "f.yaml")
    assert source.problem(("a", "c"), "missing").line == 3
