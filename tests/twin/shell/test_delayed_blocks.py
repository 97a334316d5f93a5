"""Script blocks as arguments of parameters that take pipeline input ([D] about_Script_Blocks)."""

from __future__ import annotations

from harness.twin.conformance.running import run_script

_FUNCTION = (
    "function F { param([Parameter(ValueFromPipeline)] $In, [Parameter(ValueFromPipelineByPropertyName)] [string] $By)"
    ' process { "$In=$By" } }; '
)


def test_a_block_is_evaluated_for_each_object() -> None:
    assert run_script(f"{_FUNCTION}2, 3 | F -By {{ $_ * 2 }}").output == ["2=4", "3=6"]


def test_a_block_without_input_is_refused() -> None:
    found = run_script("Join-Path -Path { 'a' } -ChildPath b").errors
    assert [error.error_id for error in found] == ["ScriptBlockArgumentNoInput"]


def test_a_block_that_fails_costs_its_object_alone() -> None:
    found = run_script(f"{_FUNCTION}0, 1 | F -By {{ if ($_) {{ 'x' }} else {{ throw 'bad' }} }}")
    assert found.output == ["1=x"]
    assert [error.error_id for error in found.errors] == ["ScriptBlockArgumentInvocationFailed"]


def test_a_block_without_output_is_refused() -> None:
    found = run_script(f"{_FUNCTION}1 | F -By {{ }}")
    assert [error.error_id for error in found.errors] == ["ScriptBlockArgumentNoOutput"]
