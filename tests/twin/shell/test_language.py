"""The language beyond the recorded cases: what a script puts out, object by object.

Arithmetic and calls follow the engine's published source; members of .NET follow its reference.
"""

from __future__ import annotations

import pytest

from harness.twin.conformance.running import run_script
from harness.twin.shell.ast import Extent, SourceText
from harness.twin.shell.errors import Invocation
from harness.twin.shell.errortext import position_message
from harness.twin.shell.formatting import render
from harness.twin.shell.parser import parse
from harness.twin.shell.text import to_text

CASES = [
    # numbers keep the class of their operands, and what does not fit becomes a double
    ("([uint32]5 + 1).GetType().Name; ([uint32]::MaxValue + 1).GetType().Name", "UInt32 Double"),
    ("([uint32]5 + -1).GetType().Name; ([uint64]1 + -2).GetType().Name", "Int64 Decimal"),
    ("-bnot [uint32]5; ([uint32]6 -band 3).GetType().Name", "4294967290 UInt32"),
    ("try { [decimal]::MaxValue + 1 } catch { $_.Exception.InnerException.GetType().Name }", "OverflowException"),
    # [math], Parse and its styles
    ("[math]::Sqrt(-1); [math]::Pow(10, 400) -gt 1; $r = 0; [math]::DivRem(17, -5, [ref]$r); $r", "NaN True -3 2"),
    ("[int]::Parse('1,234', 'AllowThousands'); [int]::Parse('FF', 'HexNumber')", "1234 255"),
    ("$n = 7; [int]::TryParse('9999999999', [ref]$n); $n; [convert]::ChangeType('5', [int]) + 1", "False 0 6"),
    ("try { [convert]::ToInt32('x') } catch { $_.FullyQualifiedErrorId }", "FormatException"),
    # a dictionary must not change while it is enumerated, not even a value of it
    (
        "$h = @{ a = 1; b = 2 }; try { foreach ($k in $h.Keys) { $h[$k] = 0 } } catch { $_.FullyQualifiedErrorId }"
        "try { $h.GetEnumerator() | % { $h.Remove($_.Key) } } catch { $_.FullyQualifiedErrorId }; $h.Count",
        "System.InvalidOperationException BadEnumeration 1",
    ),
    # redirections of an expression hold for it, also at the head of a pipeline
    ("(Write-Error x) 2>&1 | ForEach-Object { \"got $_\" }; (Write-Error y) 2>$null; 'end'", "got x end"),
    # a bad pattern, a bad format
    ("try { 'a' -match '(' } catch { $_.FullyQualifiedErrorId }", "System.ArgumentException"),
    ("try { 'a' -replace '(' } catch { \"$_\" }", "The regular expression pattern ( is not valid."),
    ("try { switch -Regex ('a') { '(' {} } } catch { $_.FullyQualifiedErrorId }", "InvalidRegularExpression"),
    ("try { [regex]'(' } catch { $_.FullyQualifiedErrorId }", "InvalidCastFromStringToRegex"),
    ("try { '{0:q}' -f 5 } catch { \"$_\" }", "Error formatting a string: Format specifier was invalid.."),
    ("'äß'.ToUpper(); $NestedPromptLevel", "Äß 0"),
    ("try { 'x'.PadLeft(-1) } catch { $_.FullyQualifiedErrorId }", "ArgumentOutOfRangeException"),
    (
        'class A { [int]$n }; [A]$a = @{ n = 1 }; $a = @{ n = 2 }; $a.n; try { $a = 5 } catch { "$_" }',
        '2 Cannot convert the "5" value of type "System.Int32" to type "A".',
    ),
    ("'a,b,c' -split ',', -2", "a b c"),
    # casts to a class: a constructor that takes the value as it is, else a hashtable's or an object's properties
    ("class A { [int]$n; [A[]]$l }; $a = [A]@{ l = @{ n = 1 }, @{ n = 2 } }; $a.l[1].n; $a.l.GetType().Name", "2 A[]"),
    ("class A { [int]$n }; ([A][pscustomobject]@{ n = 3 }).n; ([A[]](@{ n = 4 }))[0].n", "3 4"),
    (
        "class A { $v; A([int]$v) { $this.v = $v } }; ([A]4).v; try { [A]'5' } catch { \"$_\" }",
        '4 Cannot convert the "5" value of type "System.String" to type "A".',
    ),
    (
        'class A { [int]$n }; try { [A]@{ z = 1 } } catch { "$_" }',
        'Cannot create object of type "A". The z property was not found for the A object. '
        "The available property is: [n <System.Int32>]",
    ),
    # classes
    (
        "class A { [string] W() { return 'A' } } class B : A { [string] W() { return 'B' + ([A]$this).W() } }"
        "[B]::new().W()",
        "BA",
    ),
    (
        "class E1 : Exception { [int]$Code; E1([string]$m, [int]$c) : base($m) { $this.Code = $c } } class E2 : E1 {"
        " E2() : base('low', 3) {} } try { throw [E2]::new() } catch [E1] { \"$_ $($_.Exception.Code)\" }",
        "low 3",
    ),
    (
        "class O { [string] F([int]$x) { return 'int' } [string] F([string]$x) { return 'string' } }"
        "$o = [O]::new(); $o.F(1); $o.F('a')",
        "int string",
    ),
    (
        "class V : IComparable { [int]$n; V([int]$n) { $this.n = $n } [int] CompareTo([object]$o) {"
        " return $this.n.CompareTo($o.n) } } [V]::new(1) -lt [V]::new(2); ([V]::new(3), [V]::new(1) | Sort-Object).n",
        "True 1 3",
    ),
    # what loops show of themselves, the place of the session, delegates
    (
        "foreach ($q in 1..4) { if ($q -eq 2) { $null = $foreach.MoveNext(); continue }; $q };"
        " switch ('a', 'b') { 'a' { $null = $switch.MoveNext(); $switch.Current } }",
        "1 4 b",
    ),
    ("function f { while ($input.MoveNext()) { $input.Current } }; 1..2 | f", "1 2"),
    ('"$PWD" -eq (Get-Location).Path; $PWD.GetType().Name', "True PathInfo"),
    ("$n = 'N'; $ExecutionContext.InvokeCommand.ExpandString('$n \"q\" $(1 + 2)')", 'N "q" 3'),
    (
        "[Func[int, int]]$f = { param($x) $x * 2 }; $f.Invoke('4'); [Action]$a = { $script:v = 1 }; $a.Invoke(); $v",
        "8 1",
    ),
    ("$l = [Collections.Generic.List[int]](1, 2); $l.ForEach({ $script:s += $_ }); $s", "3"),
    ("$o = [ordered]@{ 10 = 'ten'; 20 = 'two' }; $o[[object]10]; $o.RemoveAt(0); $o.Count", "ten 1"),
    ("[regex]::Match('abc', 'B', 'IgnoreCase').Value; ([regex]'(?<y>a)').GetGroupNames() -join ','", "b 0,y"),
    # text of methods, types and positions
    ("\"$('abc'.Contains)\"; 'abc'.PadLeft.OverloadDefinitions.Count", "bool Contains(string value) 2"),
    (
        "enum C { A; B = 5 }; [C].GetEnumNames() -join ','; [int].BaseType.Name;"
        " [ArgumentException].IsSubclassOf([Exception])",
        "A,B ValueType True",
    ),
    (
        "function f { [CmdletBinding(SupportsShouldProcess, ConfirmImpact = 'High')] param()"
        " $PSCmdlet.ShouldProcess('t') }; try { f } catch { $_.FullyQualifiedErrorId };"
        " f -Confirm:$false; $ConfirmPreference = 'None'; f",
        "HostException True True",
    ),
    ('Set-StrictMode -Version 1; "[$undefined]"', "[]"),
    ("try { throw 'x' } catch { $_.Exception.WasThrownFromThrowStatement }", "True"),
    # format strings, dates by format, cultures, text
    ("'{0:0.0,,}M {0:#,##0,}K {0:0.00E+00}' -f 1234567", "1.2M 1,235K 1.23E+06"),
    ("'{0:N0}' -f [decimal]::MaxValue", "79,228,162,514,264,337,593,543,950,335"),
    ("[datetime]::ParseExact('6 May 2024 7:08 PM', 'd MMM yyyy h:mm tt', $null).ToString('s')", "2024-05-06T19:08:00"),
    ("$r = $null; [datetime]::TryParseExact('x', 'yyyy', $null, 'None', [ref]$r); $r.Year", "False 1"),
    ("[datetime]::Parse('2024-05-06T10:00Z', $null, 'AdjustToUniversal').Kind", "Utc"),
    ("([datetime]'2024-05-06 07:08').ToString([cultureinfo]::InvariantCulture)", "05/06/2024 07:08:00"),
    ("(1234.5).ToString('N2', [cultureinfo]'de-DE'); [double]::Parse('1,5', [cultureinfo]'de-DE')", "1.234,50 1.5"),
    ("[string]::Format([cultureinfo]'de-DE', '{0:d} {1}', [datetime]'2024-05-06', 1.5)", "06.05.2024 1,5"),
    ("'abcb'.IndexOf('B', 2, 'OrdinalIgnoreCase'); 'abcb'.LastIndexOf('b', 2)", "3 1"),
    ("'a,,b'.Split(',', 'RemoveEmptyEntries')", "a b"),
    ("[char]::IsPunctuation('!'); 'abc'.GetTypeCode(); [timespan]::TryParse('x', [ref]$null)", "True String False"),
    (
        "class C { $l = [Collections.ArrayList]@(1); [object] Get() { return $this.l }"
        " [int] I() { $x = 4; return ++$x } } $c = [C]::new(); $null = $c.Get().Add(2); $c.l.Count; $c.I()",
        "2 5",
    ),
    ("'a', 'b' > C:\\t.txt; switch -File C:\\t.txt { 'a' { 'first' } default { $_ } }", "first b"),
    ("function f { f }; try { f } catch { $_.FullyQualifiedErrorId }", "CallDepthOverflow"),
    ("Set-Alias tm Get-Date; Remove-Item alias:tm; Test-Path alias:tm", "False"),
    ("[xml]$x = '<r a=\"1\"><b/></r>'; $x.r.Attributes['a'].Value; $x.FirstChild.NodeType", "1 Element"),
    ("function f { $MyInvocation.UnboundArguments.Count }; f 1 2", "2"),
    (
        "using namespace System.Collections.Generic\nusing namespace System.Text\n"
        "$l = [List[int]]::new(); $l.Add(1); $l.Count; [StringBuilder]::new('x').Append('y').ToString()",
        "1 xy",
    ),
    ("[Nullable[int]]$n = $null; $null -eq $n; $n = '5'; $n + 1; 5 -is [Nullable[int]]", "True 6 True"),
    ("$k = [Collections.Generic.KeyValuePair[string, int]]::new('k', '1'); \"$k\"", "[k, 1]"),
    ("{ $a = 1 }.Ast.FindAll({ $args[0] -is [Management.Automation.Language.ExpressionAst] }, $true).Count", "2"),
    ("[Console]::OutputEncoding = [Text.Encoding]::Unicode; [Console]::OutputEncoding.CodePage", "1200"),
    # what a value is not made for is an error, never the end of the session
    ("try { [guid]::Parse('x') } catch { $_.FullyQualifiedErrorId }", "FormatException"),
    ("(5).CompareTo('7'); (5).CompareTo($null)", "-1 1"),
    ("try { 1d + [double]::NaN } catch { $_.Exception.InnerException.GetType().Name }", "OverflowException"),
    ("try { [Convert]::ToBase64String($null) } catch { $_.FullyQualifiedErrorId }", "TwinLimitation"),
    ("function f { [Alias('ff')] param($p) \"p=$p\" }; ff 1; (Get-Alias ff).Definition", "p=1 f"),
    ("[decimal][single]1.1", "1.1"),
    (
        "$p = { param([int]$a) }.Ast.ParamBlock.Parameters[0]; $p.Name.VariablePath.UserPath; $p.StaticType.Name",
        "a Int32",
    ),
    ("try { throw $null } catch { $_.FullyQualifiedErrorId }", "ScriptHalted"),
]

REFUSED = [
    ("class A { [string]$x; [string]$X }", "MemberAlreadyDefined", 1, 23),
    ("class A { [void] M([int]$a) {} [void] m([int]$b) {} }", "MemberAlreadyDefined", 1, 39),
    ("enum E { A = 1; A = 2 }", "MemberAlreadyDefined", 1, 17),
    ("enum E { A; B = 'x' }", "CannotConvertValue", 1, 17),
    ("enum E { A = 1 + $x }", "EnumeratorValueMustBeConstant", 1, 14),
    ("class A { M() { $undefined } }", "VariableNotLocal", 1, 17),
    ("class A { [int]$n; M() { $n = 5 } }", "MissingThis", 1, 26),
]


@pytest.mark.parametrize(("script", "error_id", "line", "column"), REFUSED)
def test_refused_definitions(script: str, error_id: str, line: int, column: int) -> None:
    assert [(one.id, one.line, one.column) for one in parse(script).errors] == [(error_id, line, column)]


@pytest.mark.parametrize(
    "script",
    [
        "class A { [string]$n; A([string]$n) { $this.n = $n } [int] T() { foreach ($i in 1..2) { $y, $z = $i, 1 }; "
        "return $y + $z } }",
        'class A { [string] M() { Get-Item x -ErrorVariable ev; return "$env:X $global:y $ev $Matches $_" } }',
        "class A { [object] M() { return 1 | Where-Object { $_ -gt $somewhere } } }",
    ],
)
def test_accepted_definitions(script: str) -> None:
    assert parse(script).errors == ()


@pytest.mark.parametrize(("script", "wanted"), CASES)
def test_output(script: str, wanted: str) -> None:
    found = run_script(script)
    assert found.errors == []
    assert found.terminating is None
    assert " ".join(to_text(one) for one in found.output) == wanted


def test_null_redirection_hides_from_the_script_but_not_from_a_client() -> None:
    found = run_script('$x = Write-Warning a 3>$null; Write-Host b 6>$null; $null = Write-Warning c 3>&1; "[$x]"')
    assert found.output == ["[]"]
    assert found.streams == {"warnings": ["a"], "information": ["b"]}


def test_host_keeps_numbers_as_written_and_dates_in_the_culture() -> None:
    found = run_script("Write-Host 1.50 0x10 ([datetime]'2024-12-31') (1 / 3) ([int])")
    assert found.streams == {"information": ["1.50 0x10 12/31/2024 12:00:00 AM 0.333333333333333 System.Int32"]}


def test_types_are_shown_in_a_table() -> None:
    found = run_script("[int]")
    lines = render(found.runspace, found.output, 120).splitlines()
    assert lines[1].split() == ["IsPublic", "IsSerial", "Name", "BaseType"]
    assert lines[3].split() == ["True", "True", "Int32", "System.ValueType"]


@pytest.mark.parametrize(
    ("line", "marked", "wanted"),
    [
        ("x" * 40 + " bad " + "y" * 60, (41, 44), ("x" * 40 + " bad " + "y" * 24 + " ...", 3)),
        ("\tbad", (1, 4), ("    bad", 3)),
    ],
)
def test_long_lines_are_cut_around_the_marks(line: str, marked: tuple[int, int], wanted: tuple[str, int]) -> None:
    text = position_message(Invocation("f", SourceText(line), Extent(*marked)))
    assert (text.splitlines()[1].removeprefix("+ "), text.count("~")) == wanted


def test_a_value_that_fails_its_check_is_not_bound() -> None:
    script = "function f { param([Parameter(ValueFromPipeline)][ValidateSet('a')]$x) process { $x } }; 'a', 'c' | f"
    found = run_script(script)
    assert found.output == ["a"]
    assert [one.full_id for one in found.errors] == ["ParameterArgumentValidationError,f"]


def test_a_node_of_another_place_cannot_be_removed() -> None:
    found = run_script("[xml]$x = '<r><a><b/></a></r>'; $x.r.RemoveChild($x.SelectSingleNode('//b'))")
    assert [one.full_id for one in found.errors] == ["ArgumentException"]
