"""Core commands in everyday use ([D] the engine's source of 2016 and the reference of 5.1 unless tagged)."""

from __future__ import annotations

import pytest

from harness.twin.conformance.running import run_script
from harness.twin.shell.formatting import render

_TWO = "$o = [pscustomobject]@{N='b';V=1},[pscustomobject]@{N='a';V=2},[pscustomobject]@{N='a';V=1}; "

CONTENT = "$f = 'C:\\t\\x.txt'; [IO.File]::WriteAllText($f, \"a;b`r`nc;d`n\");"
"""A file of two lines."""

SHOWN = [
    # Select-Object
    ("(1..10 | Select-Object -Skip 3 -Last 2) -join ','", "6,7"),
    ("(1..5 | Select-Object -First 2 -Last 2 -Skip 1) -join ','", "2,3,4,5"),
    ("('a','b','c' | Select-Object -Index 2,0) -join ','", "a,c"),
    ("(1,'1',2 | Select-Object -Unique) -join ','", "1,2"),
    ("@($null, 1 | Select-Object -First 1).Count", "1"),
    ("([pscustomobject]@{a=1} | Select-Object @{n='';e={$_.a + 1}}).PSObject.Properties.Name", "$_.a + 1"),
    ("$null -eq (@{Name='n1'} | Select-Object Name).Name", "True"),
    ("(@{a=1} | Select-Object Count).Count", "1"),
    # Sort-Object
    (_TWO + "($o | Sort-Object N, @{e='V';Descending=$true} | % { $_.N + $_.V }) -join ' '", "a2 a1 b1"),
    (_TWO + "($o | Sort-Object N, V -Descending | % { $_.N + $_.V }) -join ' '", "b1 a2 a1"),
    ("([pscustomobject]@{ab=2},[pscustomobject]@{ab=1} | Sort-Object a* | % ab) -join ' '", "1 2"),
    ("([pscustomobject]@{a=2},[pscustomobject]@{a=1} | Sort-Object | % a) -join ' '", "2 1"),
    ("(@{n=2},@{n=1} | Sort-Object n | % n) -join ' '", "2 1"),
    ("('B','a','b' | Sort-Object -Unique) -join ' '", "a B"),
    # Group-Object
    ("([pscustomobject]@{T='a','b'} | Group-Object T).Name", "{a, b}"),
    ("(1..5 | Group-Object { $_ % 2 } | % { \"$($_.Name):$($_.Count)\" }) -join ' '", "1:3 0:2"),
    ("(1..3 | Group-Object { $_ -gt 1 } -AsHashTable)[$true] -join ','", "2,3"),
    # Measure-Object
    ("('5','7' | Measure-Object -Sum -Maximum | % { $_.Sum, $_.Maximum }) -join ' '", "12 7"),
    ("([pscustomobject]@{A=1;AB=2} | Measure-Object A* -Sum | % Property) -join ' '", "A AB"),
    ("(1,'x' | Measure-Object -Sum -ErrorAction SilentlyContinue).Count", "2"),
    # Compare-Object
    ("(Compare-Object 1,2 2,3 -IncludeEqual | % SideIndicator) -join ' '", "== => <="),
    ("@(Compare-Object ([pscustomobject]@{a=1}) ([pscustomobject]@{a=2})).Count", "0"),
    # ConvertTo-Json, ConvertTo-Csv, ConvertTo-Xml
    ("'[1,2]' | ConvertFrom-Json | ConvertTo-Json -Compress", '{"value":[1,2],"Count":2}'),
    (
        "[pscustomobject]@{d=[datetime]'2026-01-02 03:04'} | ConvertTo-Csv -NoType | Select-Object -Last 1",
        '"1/2/2026 3:04:00 AM"',
    ),
    ("('#TYPE X.Y','a','1' | ConvertFrom-Csv).PSObject.TypeNames -join ' '", "CSV:X.Y"),
    (
        "([pscustomobject]@{a=1} | ConvertTo-Xml -As String) -replace '\\r?\\n', '|'",
        '<?xml version="1.0" encoding="utf-8"?>|<Objects>|  <Object Type="System.Management.Automation.PSCustomObject">'
        '|    <Property Name="a" Type="System.Int32">1</Property>|  </Object>|</Objects>',
    ),
    (
        "([pscustomobject]@{a=[pscustomobject]@{b=1}} | ConvertTo-Xml -NoType).Objects.Object.Property.OuterXml",
        '<Property Name="a"><Property>@{b=1}</Property><Property Name="b">1</Property></Property>',
    ),
    # Select-String
    ("('a(b' | Select-String 'a(' -SimpleMatch).Matches.Count", "0"),
    (
        "('x','a','y','a','z' | Select-String a -Context 1 | % { $_.Context.DisplayPreContext -join '' }) -join '/'",
        "x/",
    ),
    (
        '$f = \'C:\\t\\x.txt\'; [IO.File]::WriteAllText($f, "one`ntwo"); "$(Select-String two $f -Context 1)"',
        "  C:\\t\\x.txt:1:one\n> C:\\t\\x.txt:2:two",
    ),
    ("'abc','abd' | Select-String ab | Select-String d | % LineNumber", "2"),
    ("('é','f','e','ä','a' | Sort-Object) -join ''", "aäeéf"),
    # Get-Member and Add-Member
    (
        "([pscustomobject]@{h=@{};g=[guid]::Empty;e=[DayOfWeek]1;s='x'} | Get-Member -MemberType NoteProperty | % "
        "{ $_.Definition.Split()[0] }) -join ' '",
        "DayOfWeek guid hashtable string",
    ),
    ("([datetime]'2026-01-02' | Get-Member DateTime).MemberType", "ScriptProperty"),
    (
        "('a' | Select-String a | Get-Member -MemberType Property | % Name) -join ' '",
        "Context Filename IgnoreCase Line LineNumber Matches Path Pattern",
    ),
    # Get-Date
    ("Get-Date '2026-01-02' -Format FileDateTime", "20260102T0000000000"),
    ("Get-Date '2026-01-02T03:04:05' -UFormat '%c|%C|%u|%l|%h|%F'", "Fri Jan  2 03:04:05 2026|20|5|03|Jan|F"),
    # a block that stands for a parameter's value
    ("(1,2 | Join-Path -Path { \"p$_\" } -ChildPath c) -join ' '", "p1\\c p2\\c"),
    (
        "function f { param([Parameter(ValueFromPipeline)]$x,[Parameter(ValueFromPipelineByPropertyName)][int]$n)"
        " process { \"$x$n\" } }; ('a','bb' | f -n { $_.Length }) -join ' '",
        "a1 bb2",
    ),
    # paths and content
    (
        "(Split-Path C:\\a\\b), (Split-Path C:\\a), (Split-Path C:\\ -Leaf), (Split-Path a) -join '|'",
        "C:\\a|C:\\|C:\\|",
    ),
    ("Split-Path '\\\\s\\h\\x', '\\\\s\\h' -IsAbsolute", "False\nFalse"),
    ("(Split-Path '\\\\s\\h\\x'), (Split-Path '\\\\s\\h'), (Split-Path C: -NoQualifier) -join '|'", "\\\\s\\h||C:"),
    ("[pscustomobject]@{PSPath='Core\\FileSystem::C:\\a\\b'} | Split-Path", "Core\\FileSystem::C:\\a"),
    (
        f"{CONTENT} (Split-Path C:\\t\\*.txt -Leaf -Resolve), (Join-Path C:\\t x.txt -Resolve) -join '|'",
        "x.txt|C:\\t\\x.txt",
    ),
    (f"{CONTENT} (Get-Content $f -Delimiter ';' | % {{ \"[$_]\" }}) -join ''", "[a;][b\nc;][d\n]"),
    (
        f"{CONTENT} (Get-Content $f -ReadCount 0 | % Count), (Get-Content $f -Tail 1), (Get-Content $f -Raw).Length",
        "2\nc;d\n9",
    ),
    (
        f'{CONTENT} $l = (Get-Content $f)[1]; "$($l.ReadCount) $($l.PSChildName) $($l.PSDrive) $($l -is [string])"',
        "2 x.txt C True",
    ),
    (
        f"{CONTENT} (Get-Content $f -TotalCount 1 | select * -ExcludeProperty PS*).psobject.Properties.Name -join ' '",
        "ReadCount Length",
    ),
    ("Set-Location C:\\a\\b; (Set-Location .. -PassThru).Path", "C:\\a"),
    (
        "function f { param([ValidateCount(2,3)]$x) }; "
        "1,(1..4) | % { try { f $_ } catch { \"$_\".Split('.')[1].Trim() } }",
        "The number of provided arguments (1) is fewer than the minimum number of allowed arguments (2)\n"
        "The number of provided arguments, (4), exceeds the maximum number of allowed arguments (3)",
    ),
    # JSON
    ("($null, 1, $null, 2 | ConvertTo-Json -Compress) + '|' + ($null | ConvertTo-Json)", "[1,2]|"),
    ("@{a=[dbnull]::Value} | ConvertTo-Json -Compress", '{"a":null}'),
    ("('<a><b>t</b></a>' | Select-Xml //b).Node.InnerText", "t"),
    ("try { & { [int]$i = 'q' } } catch { $_.FullyQualifiedErrorId }", "InvalidCastFromStringToInteger"),
    ('"$MaximumErrorCount $MaximumHistoryCount $($OutputEncoding.WebName)"', "256 4096 us-ascii"),
    # JSON that the standard does not allow
    ("$o = \"{a:1,'b':'c','d':.5}\" | ConvertFrom-Json; \"$($o.a) $($o.b) $($o.d)\"", "1 c 0.5"),
    ('$o = \'{"a":"\\/Date(0)\\/","b":"/Date(0)/"}\' | ConvertFrom-Json; "$($o.a.Year) $($o.b)"', "1970 /Date(0)/"),
    # aliases and commands
    ("Set-Alias foo Get-Date; Remove-Item alias:foo; Test-Path alias:foo", "False"),
    ("(Get-Command gci).ResolvedCommand.Name", "Get-ChildItem"),
    ("$c = Get-Command Get-Date; \"$($c.Verb) $($c.Noun) $($c.Parameters.ContainsKey('Verbose'))\"", "Get Date True"),
    ("$m = New-Module { $v = 5; function f { $v } }; & $m { $v }", "5"),
    ("New-Alias bar Get-Date -Option ReadOnly; (Get-Alias bar).Options", "ReadOnly"),
    # values
    ("([single]0.1).ToString() + ' ' + [double][single]0.1", "0.1 0.100000001490116"),
    ("$f = [IO.Path]::GetTempFileName(); 'ab' | Tee-Object $f | Out-Null; [IO.File]::ReadAllText($f).Length", "4"),
]

COMMANDS = "Microsoft.PowerShell.Commands."
FAILED = [
    ("[int]$i = 'q'", "RuntimeException"),
    ("& { [ValidateRange(1, 2)][int]$i = 1; $i = 'q' }", "RuntimeException"),
    ('\'{"a":1,"A":2}\' | ConvertFrom-Json', "DuplicateKeysInJsonString,ConvertFromJsonCommand"),
    ("'{\"\":1}' | ConvertFrom-Json", "Argument,ConvertFromJsonCommand"),
    ("Get-Variable x -Scope Nope", "Argument,GetVariableCommand"),
    ("Set-Location nodrive:", "DriveNotFound,SetLocationCommand"),
    ("Split-Path a -Qualifier", "ParsePathFormatError,SplitPathCommand"),
    ("Split-Path a -Leaf -Parent", "AmbiguousParameterSet,SplitPathCommand"),
    (f"{CONTENT} Get-Content $f -Tail 1 -TotalCount 1", "TailAndHeadCannotCoexist,GetContentCommand"),
    ("'a.txt' | Get-Content", "InputObjectNotBound,GetContentCommand"),
    (
        "1..9 | Select-Object -Index 1 -First 2",
        "AmbiguousParameterSet,SelectObjectCommand",
    ),
    ("1 | Select-Object 5", "DictionaryKeyUnknownType,SelectObjectCommand"),
    ("1 | Select-Object @{n=5;e='x'}", "DictionaryKeyIllegalValue2,SelectObjectCommand"),
    (
        "1 | Select-Object @{n='a';l='b';e='x'}",
        "DictionaryKeyDuplicate,SelectObjectCommand",
    ),
    ("1 | Select-Object @{e=$null}", "DictionaryKeyMissingValue,SelectObjectCommand"),
    ("1 | Select-Object ''", "ExpressionEmptyString2,SelectObjectCommand"),
    (
        "[pscustomobject]@{ab=1;ac=2} | Select-Object @{n='x';e='a*'}",
        "RenamingMultipleResults,SelectObjectCommand",
    ),
    (
        "[pscustomobject]@{ab=1;ac=2} | Select-Object -ExpandProperty a*",
        "MutlipleExpandProperties,SelectObjectCommand",
    ),
    (
        "[pscustomobject]@{Id=5;D=[pscustomobject]@{Id=1}} | Select-Object Id -ExpandProperty D",
        "AlreadyExistingUserSpecifiedPropertyExpand,SelectObjectCommand",
    ),
    ("1 | Group-Object *", "ExpressionGlobbing2,GroupObjectCommand"),
    ("1 | Group-Object -AsString", "ArgumentException,GroupObjectCommand"),
    ("@{a=1} | Measure-Object a", "GenericMeasurePropertyNotFound,MeasureObjectCommand"),
    ("1 | Format-Table @{e={1};w=0}", "WidthOutOfRange,FormatTableCommand"),
    ("1 | Format-Table @{e={1};a='up'}", "AlignmentIllegalValue,FormatTableCommand"),
    ("1 | Where-Object N -eq 1 -like 2", "AmbiguousParameterSet,WhereObjectCommand"),
    ("1 | ForEach-Object -Nope { 1 }", "AmbiguousParameterSet,ForEachObjectCommand"),
    (
        "1 | ForEach-Object { 1 } -WhatIf",
        "NoShouldProcessForScriptBlockSet,ForEachObjectCommand",
    ),
    ("Test-Path $null", "ParameterArgumentValidationErrorNullNotAllowed,TestPathCommand"),
    ("1 | Tee-Object -Variable v -Append", "AmbiguousParameterSet,TeeObjectCommand"),
    ("Get-Variable -Name { 'x' }", "ScriptBlockArgumentNoInput,GetVariableCommand"),
    ("1 | Get-Variable -Name { }", "ScriptBlockArgumentNoOutput,GetVariableCommand"),
    ("1 | Get-Variable -Name { throw 'x' }", "ScriptBlockArgumentInvocationFailed,GetVariableCommand"),
    ("Clear-Variable nope", "VariableNotFound,ClearVariableCommand"),
    (
        "New-Variable c 1 -Option Constant; New-Variable c 2 -Force",
        "VariableNotWritable,NewVariableCommand",
    ),
    ("Get-Alias -Definition Nope", "ItemNotFoundException,GetAliasCommand"),
    ("Remove-Item alias:gci", "AliasNotRemovable,RemoveItemCommand"),
    ("New-Object -ComObject No.Such", "NoCOMClassIdentified,NewObjectCommand"),
    (
        "New-Object Text.StringBuilder -Property @{No=1}",
        "InvalidOperationException,NewObjectCommand",
    ),
    (
        "[pscustomobject]@{} | Add-Member ToString 1",
        "MemberAlreadyExists,AddMemberCommand",
    ),
    ("$s = { throw 'bad' }; $s.Invoke()", "RuntimeException"),
    (
        "$o = [pscustomobject]@{}; $o | Add-Member ScriptProperty p { throw 'x' }; $o.p",
        "ScriptGetValueRuntimeException",
    ),
    ("$o = [pscustomobject]@{}; $o | Add-Member ScriptMethod m { throw 'x' }; $o.m()", "ScriptMethodRuntimeException"),
]

BAD_JSON = [
    ('{"a":1,}', "Invalid JSON primitive: ."),
    ("[1,]", "Invalid array passed in, extra trailing ','. (4): [1,]"),
    ("[1 2]", "Invalid array passed in, ',' expected. (4): [1 2]"),
    ("[1", "Invalid array passed in, ',' expected. (2): [1"),
    ("[", "Invalid array passed in, ']' expected. (1): ["),
    ('{"a" 1}', "Invalid object passed in, ':' or '}' expected. (6): {\"a\" 1}"),
    ("{:1}", "Invalid object passed in, member name expected. (1): {:1}"),
    ('"abc', 'Unterminated string passed in. (4): "abc'),
    ('"\\q"', 'Unrecognized escape sequence. (3): "\\q"'),
    ("bad", "Invalid JSON primitive: bad."),
]

LAID_OUT = [
    ("[Exception]::new('bad')", "bad\n"),
    ("[Exception]::new('bad') | Format-List *", "bad\n"),
    ("[ordered]@{a=1} | Format-Table Name, Value", "\nName Value\n---- -----\na        1\n\n\n"),
    (
        "[pscustomobject]@{A=5;B='y'} | Format-Table @{e='A';w=9;a='center'}, B",
        "\n    A     B\n    -     -\n    5     y\n\n\n",
    ),
    (
        "[pscustomobject]@{N=1234567;T='t'} | Format-Table @{e='N';w=5}, T",
        "\n    N T\n    - -\n...67 t\n\n\n",
    ),
    (
        "'a'.GetType()",
        f"\nIsPublic IsSerial {'Name':40} BaseType{'':53}\n-------- -------- {'----':40} --------{'':53}\n"
        f"True     True     {'String':40} {'System.Object':61}\n\n\n",
    ),
    ("'a' | Group-Object | Format-List", "\n\nName   : a\nCount  : 1\nGroup  : {a}\nValues : {a}\n\n\n\n"),
    (
        "[timespan]'1:02:03' | Format-Table",
        "\nDays Hours Minutes Seconds Milliseconds\n---- ----- ------- ------- ------------\n"
        "0    1     2       3       0           \n\n\n",
    ),
]


def _text(script: str) -> str:
    outcome = run_script(script)
    assert not outcome.errors and outcome.terminating is None
    return render(outcome.runspace, outcome.output, 120).replace("\r\n", "\n")


@pytest.mark.parametrize(("script", "expected"), SHOWN, ids=[script for script, _ in SHOWN])
def test_shown(script: str, expected: str) -> None:
    assert _text(script) == f"{expected}\n"


@pytest.mark.parametrize(("script", "error_id"), FAILED, ids=[script for script, _ in FAILED])
def test_failed(script: str, error_id: str) -> None:
    outcome = run_script(script)
    assert [record.full_id.replace(COMMANDS, "") for record in outcome.errors] == [error_id]


@pytest.mark.parametrize(("text", "message"), BAD_JSON, ids=[text for text, _ in BAD_JSON])
def test_no_json(text: str, message: str) -> None:
    (record,) = run_script(f"'{text}' | ConvertFrom-Json").errors
    assert record.message == message


@pytest.mark.parametrize(("script", "text"), LAID_OUT, ids=[script for script, _ in LAID_OUT])
def test_laid_out(script: str, text: str) -> None:
    assert _text(script) == text


def test_equal_objects_of_a_long_list_change_places() -> None:
    """.NET sorts longer lists by parts, which does not keep equal ones in order."""
    outcome = run_script("1..20 | % { [pscustomobject]@{K=$_ % 2;I=$_} } | Sort-Object K | % I")
    assert [int(one) % 2 for one in outcome.output] == [0] * 10 + [1] * 10
    assert outcome.output != sorted(outcome.output, key=lambda one: (int(one) % 2, one))


def test_write_host_keeps_a_number_as_it_was_written() -> None:
    outcome = run_script("Write-Host 1.50 0x10 ([datetime]'2026-01-02') @(1, $null)")
    assert outcome.streams["information"] == ["1.50 0x10 1/2/2026 12:00:00 AM 1 "]
