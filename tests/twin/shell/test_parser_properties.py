"""What holds for any text: parsing never raises, and every node lies inside its parent and the text."""

from __future__ import annotations

import json
from pathlib import Path

from hypothesis import given, settings
from hypothesis import strategies as st

from harness.twin.shell.ast import Ast, AttributeAst, ParamBlockAst, children
from harness.twin.shell.parser import parse
from tests.examples import examples

RECORDINGS = Path(__file__).resolve().parents[2] / "data" / "pwsh-cases"
SCRIPTS = [
    json.loads(line)["script"]
    for path in sorted(RECORDINGS.glob("*.expected.jsonl"))
    for line in path.read_text(encoding="utf-8").splitlines()
]
PIECES = [
    *"$(){}[]@\"'`,;|&<>#=+-!.:%*/ \n\t0x“”’–\0",
    *("if", "else", "foreach", "class", "enum", "param", "function", "switch", "try", "catch", "using", "data"),
    *("$x", "$a.b", "-eq", "-f", "1kb", "[int]", "@{", "$(", '"$(', "<#", '@"\n', '\n"@', "--%", "2>&1", ":l"),
    *("begin", "static", "configuration", "workflow", "hidden", ": base", "$using:x", "#requires -Version"),
]


def assert_sound(node: Ast, size: int) -> None:
    for child in children(node):
        assert 0 <= child.extent.start <= child.extent.end <= size
        # As in .NET, a param block's extent begins at the keyword, behind its attributes.
        if not (isinstance(node, ParamBlockAst) and isinstance(child, AttributeAst)):
            assert node.extent.start <= child.extent.start, (node, child)
            assert child.extent.end <= node.extent.end, (node, child)
        assert_sound(child, size)


def assert_parses_soundly(text: str) -> None:
    result = parse.__wrapped__(text)
    assert_sound(result.script, len(text))
    for error in result.errors:
        assert error.line >= 1
        assert error.column >= 1


@settings(max_examples=examples(150), deadline=None)
@given(st.text(max_size=80))
def test_any_text(text: str) -> None:
    assert_parses_soundly(text)


@settings(max_examples=examples(250), deadline=None)
@given(st.lists(st.sampled_from(PIECES), max_size=25))
def test_any_sequence_of_tokens(pieces: list[str]) -> None:
    assert_parses_soundly(" ".join(pieces))
    assert_parses_soundly("".join(pieces))


@settings(max_examples=examples(250), deadline=None)
@given(st.sampled_from(SCRIPTS), st.integers(0, 400), st.integers(0, 5), st.sampled_from(PIECES))
def test_a_script_with_a_mistake(script: str, at: int, gone: int, piece: str) -> None:
    assert_parses_soundly(script[:at] + piece + script[at + gone :])


def test_deep_nesting_is_an_error_not_a_crash() -> None:
    result = parse("(" * 5000 + "1" + ")" * 5000)
    assert [error.id for error in result.errors] == ["ScriptTooComplicated"]


def test_results_are_shared() -> None:
    assert parse("1 + 1") is parse("1 + 1")
