"""Errors that the recordings do not hold: syntax of 7, checks of the finished tree, unfinished text."""

from __future__ import annotations

import pytest

from harness.twin.shell.parser import parse


def error_ids(text: str) -> list[str]:
    return [error.id for error in parse(text).errors]


@pytest.mark.parametrize(
    ("text", "error_id"),
    [
        ("$x ? 1 : 2", "UnexpectedToken"),
        ("$x ?? 1", "UnexpectedToken"),
        ("$x ??= 1", "UnexpectedToken"),
        ("${x}?.Name", "UnexpectedToken"),
        ("1 && 2", "InvalidEndOfLine"),
        ("Get-It || Get-That", "InvalidEndOfLine"),
        ("Get-It &", "AmpersandNotAllowed"),
    ],
)
def test_syntax_of_seven_is_rejected(text: str, error_id: str) -> None:
    assert error_ids(text)[0] == error_id


def test_a_question_mark_belongs_to_a_variable_name() -> None:
    assert error_ids("$x?.Name") == []


@pytest.mark.parametrize(
    ("text", "error_id"),
    [
        ("function f($a) { param($b) }", "OnlyOneParameterListAllowed"),
        ("param($a, $A)", "DuplicateFormalParameter"),
        ("try { 1 } finally { return }", "ControlLeavingFinally"),
        ("try { 1 } catch { 1 } catch [FormatException] { 2 }", "EmptyCatchNotLast"),
        ("foreach -parallel ($a in 1) { }", "ParallelNotSupported"),
        ("parallel { 1 }", "UnexpectedKeyword"),
        ("1; using namespace System", "UsingMustBeAtStartOfScript"),
        ("$a, 1 = 2", "InvalidLeftHandSide"),
        ("$a, $b += 2", "InvalidLeftHandSide"),
        ("Get-It (1, @a)", "SplattingNotPermitted"),
        ("Get-It 1, @a", "SplattingNotPermittedInArgumentList"),
        ("data { Get-Date }", "CmdletNotInAllowedListForDataSection"),
        ("data { $x }", "VariableReferenceNotSupportedInDataSection"),
        ("[Parameter()]1", "UnexpectedAttribute"),
        ("param([Parameter(Position = $x)]$a)", "ParameterAttributeArgumentNeedsToBeConstantOrScriptBlock"),
        ("Get-It > a > b", "StreamAlreadyRedirected"),
        ("Get-It 1>&2", "RedirectionNotSupported"),
        ("class A { [void] Go() { return 1 } }", "VoidMethodHasReturn"),
        ("class A { static [int] Go() { return $this.x } }", "NonStaticMemberAccessInStaticMember"),
        ("99999999999999999999l + 1", "BadNumericConstant"),
        ("<# open", "MissingTerminatorMultiLineComment"),
        ("${a", "IncompleteDollarVariableReference"),
        ("begin { 1 } begin { 2 }", "DuplicateScriptCommandClause"),
    ],
)
def test_first_error(text: str, error_id: str) -> None:
    assert error_ids(text)[0] == error_id


@pytest.mark.parametrize(
    "text",
    [
        "try { 1 } finally { foreach ($a in 1) { break } }",
        "try { 1 } catch [FormatException] { 1 } catch [Exception] { 2 } catch { 3 }",
        "workflow w { parallel { 1 } inlinescript { 2 } }",
        "data -SupportedCommand Get-Date { Get-Date; $true; @{ a = 1 } }",
        "class A { [int] Go($x) { if ($x) { return 1 } else { throw 'x' } } }",
        "[ref]$x = 1; [int]$y, $z = 1, 2; ($a) = 5; [void]$a",
        "configuration c { node x { } }",
        "param([ValidateScript({ $_ -gt 1 })][ValidateSet('a', 'b')]$a)",
        "",
        "# only a comment",
    ],
)
def test_accepted(text: str) -> None:
    assert error_ids(text) == []


@pytest.mark.parametrize(
    ("text", "incomplete"),
    [("if ($true) {", True), ("'open", True), ("1 |", True), ("Get-It (1", True), ("1 1", False), ("if x {", False)],
)
def test_incomplete_text_is_told_from_wrong_text(text: str, incomplete: bool) -> None:
    assert parse(text).errors[0].incomplete is incomplete
