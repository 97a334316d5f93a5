"""The trees: what is read as what."""

from __future__ import annotations

from decimal import Decimal
from typing import TypeVar

import pytest

from harness.twin.shell.ast import (
    ArrayLiteralAst,
    AssignmentStatementAst,
    Ast,
    BinaryExpressionAst,
    BinaryOperator,
    CommandAst,
    CommandParameterAst,
    ConstantExpressionAst,
    ConvertExpressionAst,
    ExpandableStringExpressionAst,
    ExpressionAst,
    FileRedirectionAst,
    ForEachStatementAst,
    FunctionDefinitionAst,
    FunctionMemberAst,
    HashtableAst,
    IndexExpressionAst,
    InvocationOperator,
    InvokeMemberExpressionAst,
    MemberExpressionAst,
    MergingRedirectionAst,
    NumberKind,
    PipelineAst,
    PropertyMemberAst,
    RedirectionStream,
    StringConstantExpressionAst,
    StringKind,
    SubExpressionAst,
    SwitchStatementAst,
    TryStatementAst,
    TypeDefinitionAst,
    TypeExpressionAst,
    UnaryExpressionAst,
    UnaryOperator,
    UsingExpressionAst,
    VariableExpressionAst,
    VariablePath,
    walk,
)
from harness.twin.shell.parser import parse

Node = TypeVar("Node", bound=Ast)


def first(text: str, kind: type[Node]) -> Node:
    """The first node of a class in a text without errors."""
    result = parse(text)
    assert result.errors == ()
    return next(node for node in walk(result.script) if isinstance(node, kind))


def shape(node: ExpressionAst) -> str:
    """An expression with all its parentheses written out."""
    if isinstance(node, BinaryExpressionAst):
        return f"({shape(node.left)} {node.operator} {shape(node.right)})"
    if isinstance(node, UnaryExpressionAst):
        return f"({node.operator} {shape(node.child)})"
    if isinstance(node, ArrayLiteralAst):
        return f"[{' '.join(shape(element) for element in node.elements)}]"
    if isinstance(node, ConvertExpressionAst):
        return f"<{node.type_name.full_name}>{shape(node.child)}"
    if isinstance(node, VariableExpressionAst):
        return f"${node.path.text}"
    assert isinstance(node, (ConstantExpressionAst, StringConstantExpressionAst))
    return str(node.value)


@pytest.mark.parametrize(
    ("text", "value", "kind"),
    [
        ("0", 0, NumberKind.INT32),
        ("2147483647", 2147483647, NumberKind.INT32),
        ("2147483648", 2147483648, NumberKind.INT64),
        ("-2147483648", -2147483648, NumberKind.INT32),
        ("9223372036854775808", Decimal("9223372036854775808"), NumberKind.DECIMAL),
        ("99999999999999999999999999999999", 1e32, NumberKind.DOUBLE),
        ("10L", 10, NumberKind.INT64),
        ("1.50d", Decimal("1.50"), NumberKind.DECIMAL),
        ("1.5", 1.5, NumberKind.DOUBLE),
        (".5", 0.5, NumberKind.DOUBLE),
        ("1e3", 1000.0, NumberKind.DOUBLE),
        ("1E-3", 0.001, NumberKind.DOUBLE),
        ("4KB", 4096, NumberKind.INT32),
        ("2gb", 2147483648, NumberKind.INT64),
        ("1.5kb", 1536.0, NumberKind.DOUBLE),
        ("1dkb", Decimal("1024"), NumberKind.DECIMAL),
        ("0x1F", 31, NumberKind.INT32),
        ("0xFFFFFFFF", -1, NumberKind.INT32),
        ("0x80000000", -2147483648, NumberKind.INT32),
        ("0x100000000", 4294967296, NumberKind.INT64),
        ("0x1e", 30, NumberKind.INT32),
        ("–5", -5, NumberKind.INT32),
    ],
)
def test_numbers(text: str, value: object, kind: NumberKind) -> None:
    node = first(f"$x = {text}", ConstantExpressionAst)
    assert (node.value, node.kind) == (value, kind)


@pytest.mark.parametrize(
    ("text", "name"),
    [("100u", "100u"), ("0b11", "0b11"), ("7z", "7z"), ("5MBx", "5MBx"), ("1e", "1e")],
)
def test_words_that_begin_like_numbers(text: str, name: str) -> None:
    assert first(text, CommandAst).command_name == name


@pytest.mark.parametrize(
    ("text", "expected"),
    [
        ("1 + 2 * 3", "(1 + (2 * 3))"),
        ("1 - 2 - 3", "((1 - 2) - 3)"),
        ("$a -eq 1 -and $b -NE 2", "(($a -ieq 1) -and ($b -ine 2))"),
        ("$a -or $b -and $c", "(($a -or $b) -and $c)"),
        ("1..2 + 3", "((1 .. 2) + 3)"),
        ("'{0}' -f 1, 2", "({0} -f [1 2])"),
        ("$a -band 1 -eq 1", "($a -band (1 -ieq 1))"),
        ("1,2 + 3,4", "([1 2] + [3 4])"),
        ("-not $a -eq $b", "((-not $a) -ieq $b)"),
        ("!$a", "(! $a)"),
        ("-join 1, 2", "[(-join 1) 2]"),
        ("$a –eq —1", "($a -ieq -1)"),
        ("$a -cSplit ','", "($a -csplit ,)"),
        ("[int]'1' + 2", "(<int>1 + 2)"),
        ("[string[]]$a", "<string[]>$a"),
        (", 1", "[1]"),
        ("- $a", "(- $a)"),
        ("$a++", "(x++ $a)"),
        ("1 +\n\n 2", "(1 + 2)"),
        ("$a -as [int]", "x"),
    ],
)
def test_precedence(text: str, expected: str) -> None:
    pipeline = first(text, PipelineAst)
    expression = pipeline.pure_expression
    assert expression is not None
    if expected == "x":
        assert isinstance(expression, BinaryExpressionAst)
        assert isinstance(expression.right, TypeExpressionAst)
    else:
        assert shape(expression) == expected


def test_operators_know_their_family() -> None:
    assert (BinaryOperator.CNOTLIKE.family, BinaryOperator.CNOTLIKE.case_sensitive) == ("notlike", True)
    assert (BinaryOperator.IS_NOT.family, BinaryOperator.IIN.family) == ("isnot", "in")


@pytest.mark.parametrize(
    ("text", "value", "kind"),
    [
        ("'a''b'", "a'b", StringKind.SINGLE_QUOTED),
        ("‘a’", "a", StringKind.SINGLE_QUOTED),
        ('"a""b`tc`$d"', 'a"b\tc$d', StringKind.DOUBLE_QUOTED),
        ('"cost: $ 5"', "cost: $ 5", StringKind.DOUBLE_QUOTED),
        ("@'\na\n 'b'\n'@", "a\n 'b'", StringKind.SINGLE_QUOTED_HERE),
        ("@'\r\na\r\nb\r\n'@", "a\r\nb", StringKind.SINGLE_QUOTED_HERE),
        ('@"\n"@', "", StringKind.DOUBLE_QUOTED_HERE),
    ],
)
def test_strings(text: str, value: str, kind: StringKind) -> None:
    node = first(text, StringConstantExpressionAst)
    assert (node.value, node.kind) == (value, kind)


def test_expandable_string_parts() -> None:
    node = first('"a $b.c ${d e} $(1 + 2)!"', ExpandableStringExpressionAst)
    assert [part if isinstance(part, str) else type(part).__name__ for part in node.parts] == [
        "a ",
        "VariableExpressionAst",
        ".c ",
        "VariableExpressionAst",
        " ",
        "SubExpressionAst",
        "!",
    ]


def test_positions_inside_strings_are_those_of_the_source() -> None:
    text = '\n"x $(Get-It ""a"" $v)"'
    result = parse(text)
    command = next(node for node in walk(result.script) if isinstance(node, CommandAst))
    assert result.source.slice(command.extent) == 'Get-It ""a"" $v'
    variable = command.elements[-1]
    assert (result.source.position(variable.extent.start).line, result.source.slice(variable.extent)) == (2, "$v")
    sub_expression = first('"$(1)"', SubExpressionAst)
    assert (sub_expression.extent.start, sub_expression.extent.end) == (1, 5)


@pytest.mark.parametrize(
    ("text", "path"),
    [
        ("$x", VariablePath("x", None, "x")),
        ("$Script:x", VariablePath("Script:x", "script", "x")),
        ("$env:Path", VariablePath("env:Path", "env", "Path")),
        ("${a b:c}", VariablePath("a b:c", "a b", "c")),
        ("$?", VariablePath("?", None, "?")),
        ("$a?", VariablePath("a?", None, "a?")),
    ],
)
def test_variables(text: str, path: VariablePath) -> None:
    assert first(text, VariableExpressionAst).path == path


def test_scopes_and_drives() -> None:
    assert (VariablePath("global:x", "global", "x").scope, VariablePath("env:x", "env", "x").drive) == ("global", "env")
    assert VariablePath("env:x", "env", "x").scope is None


def test_using_takes_members_along() -> None:
    node = first("Invoke-Command { $using:node.Name }", UsingExpressionAst)
    assert isinstance(node.child, MemberExpressionAst)
    assert isinstance(node.child.target, VariableExpressionAst)
    assert node.child.target.path.text == "node"


def test_members_indexes_and_calls() -> None:
    call = first("$a.b[0].c('x', 2).$d", MemberExpressionAst)
    assert isinstance(call.member, VariableExpressionAst)
    invocation = call.target
    assert isinstance(invocation, InvokeMemberExpressionAst)
    assert len(invocation.arguments) == 2
    assert isinstance(invocation.target, IndexExpressionAst)
    static = first("[math]::Round(1.5, 0)", InvokeMemberExpressionAst)
    assert static.static
    assert isinstance(static.target, TypeExpressionAst)
    assert len(first("$a.Where{ $_ }", InvokeMemberExpressionAst).arguments) == 1


def test_type_names() -> None:
    node = first("[Collections.Generic.Dictionary[string, int[]]]", TypeExpressionAst)
    assert node.type_name.full_name == "Collections.Generic.Dictionary[string,int[]]"


def test_command_elements() -> None:
    command = first("Get-Item -Path:c:\\x -Force a,b $x 2>&1 >> out.txt", CommandAst)
    assert command.command_name == "Get-Item"
    path, force, array, variable = command.elements[1:]
    assert isinstance(path, CommandParameterAst)
    assert isinstance(path.argument, StringConstantExpressionAst)
    assert (path.name, path.argument.value) == ("Path", "c:\\x")
    assert isinstance(force, CommandParameterAst)
    assert force.argument is None
    assert isinstance(array, ArrayLiteralAst)
    assert isinstance(variable, VariableExpressionAst)
    merging, to_file = command.redirections
    assert isinstance(merging, MergingRedirectionAst)
    assert merging.from_stream is RedirectionStream.ERROR
    assert isinstance(to_file, FileRedirectionAst)
    assert (to_file.from_stream, to_file.append) == (RedirectionStream.OUTPUT, True)


def test_a_version_is_a_word_in_a_command_and_a_member_in_an_expression() -> None:
    argument = first("Get-It 1.0.0", CommandAst).elements[1]
    assert isinstance(argument, StringConstantExpressionAst)
    assert argument.value == "1.0.0"
    assert isinstance(first("1.0.0", PipelineAst).pure_expression, MemberExpressionAst)


def test_invocation_operators_and_splatting() -> None:
    command = first('& "$tool" @arguments', CommandAst)
    assert command.invocation is InvocationOperator.AMPERSAND
    splatted = command.elements[1]
    assert isinstance(splatted, VariableExpressionAst)
    assert splatted.splatted
    assert first(". ./x.ps1", CommandAst).invocation is InvocationOperator.DOT


def test_stop_parsing() -> None:
    command = first('icacls.exe --% C:\\x /grant "a|b":(F) | sort', CommandAst)
    assert command.stop_parsing == 'C:\\x /grant "a|b":(F) '


@pytest.mark.parametrize(
    "text", ["Get-VM –Name x", "Get-VM\u00a0-Name x", "Get-VM `\n  -Name x", "Get-VM <# c #> -Name x"]
)
def test_typographic_and_continued_commands(text: str) -> None:
    parameter = first(text, CommandParameterAst)
    assert parameter.name == "Name"


def test_assignments_take_statements() -> None:
    node = first("$a = if ($b) { 1 } else { 2 }", AssignmentStatementAst)
    assert type(node.right).__name__ == "IfStatementAst"
    plain = first("$a.b += 1", AssignmentStatementAst)
    assert isinstance(plain.right, PipelineAst)
    assert plain.operator.value == "+="


def test_hashtables_keep_order() -> None:
    node = first("@{ b = 1; 'a c' = { 2 }\n $k = 3 }", HashtableAst)
    assert [type(key).__name__ for key, _ in node.pairs] == [
        "StringConstantExpressionAst",
        "StringConstantExpressionAst",
        "VariableExpressionAst",
    ]


def test_loops_and_switch() -> None:
    loop = first(":outer foreach ($n in 1..3) { break outer }", ForEachStatementAst)
    assert loop.label == "outer"
    switch = first("switch -Regex -CaseSensitive ($x) { '^a' { 1 } { $_ } { 2 } default { 3 } }", SwitchStatementAst)
    assert (switch.flags.regex, switch.flags.case_sensitive, len(switch.clauses)) == (True, True, 2)
    assert switch.default is not None
    from_file = first("switch -File a.txt { x { 1 } }", SwitchStatementAst)
    assert from_file.condition is None
    assert isinstance(from_file.file, StringConstantExpressionAst)


def test_try_and_trap() -> None:
    node = first("try { 1 } catch [A], [B] { 2 } catch { 3 } finally { 4 }", TryStatementAst)
    assert [len(clause.types) for clause in node.catches] == [2, 0]
    assert node.final is not None
    block = parse("trap [A] { continue }\n1").script.end_block
    assert block is not None
    assert (len(block.statements), len(block.traps)) == (1, 1)


def test_functions_and_blocks() -> None:
    function = first("function Get-It([int]$a = 3) { begin { 1 } process { 2 } end { 3 } }", FunctionDefinitionAst)
    assert function.parameters is not None
    assert function.body.process_block is not None
    assert function.body.text.strip().startswith("begin")
    filter_body = first("filter f { $_ }", FunctionDefinitionAst).body
    assert filter_body.process_block is not None
    assert filter_body.end_block is None
    script = parse("[CmdletBinding()]\nparam([Parameter(Mandatory)][string]$Name)\n$Name").script
    assert script.param_block is not None
    assert len(script.param_block.parameters[0].attributes) == 2


def test_script_block_text_is_what_stands_between_the_braces() -> None:
    block = parse("& { param($x)\n $x }").script
    inner = [node for node in walk(block) if type(node).__name__ == "ScriptBlockAst"][1]
    assert getattr(inner, "text", None) == " param($x)\n $x "


def test_classes_and_enums() -> None:
    node = first(
        "class A : B { [int]$n = 1; static [string] Go([int]$x) { return 'a' } A() : base(1) { } }", TypeDefinitionAst
    )
    property_member, method, constructor = node.members
    assert isinstance(property_member, PropertyMemberAst)
    assert isinstance(method, FunctionMemberAst)
    assert (method.name, method.is_static) == ("Go", True)
    assert isinstance(constructor, FunctionMemberAst)
    assert constructor.is_constructor
    assert constructor.base_arguments is not None
    assert len(constructor.base_arguments) == 1
    assert [member.name for member in first("enum E { A; B = 2\n C }", TypeDefinitionAst).members] == ["A", "B", "C"]


def test_requirements() -> None:
    requirements = parse(
        "#Requires -Version 5.1\n#requires -RunAsAdministrator\n#requires -Modules A, B\n1"
    ).script.requirements
    assert requirements is not None
    assert (requirements.version, requirements.run_as_administrator) == ("5.1", True)
    assert requirements.modules == ("A, B",)


def test_line_ends_of_all_kinds() -> None:
    source = parse("a\r\nb\rc\nd").source
    assert [source.position(offset).line for offset in (0, 3, 5, 7)] == [1, 2, 3, 4]
    assert source.line_text(2) == "b"


def test_unary_join_binds_tighter_than_comma() -> None:
    node = first("-join (1, 2)", UnaryExpressionAst)
    assert node.operator is UnaryOperator.JOIN
