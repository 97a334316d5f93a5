"""Classes of .NET in everyday use, by what scripts see of them ([D] .NET reference unless tagged)."""

from __future__ import annotations

import pytest

from harness.twin.conformance.running import run_script
from harness.twin.shell.text import to_text

CASES = [
    ("([uri]'http://node1:5985/a/b?x=1#f').PathAndQuery", "/a/b?x=1"),
    ("([uri]'https://host').Port", "443"),
    ("([uri]'\\\\server\\share\\x').LocalPath", "\\\\server\\share\\x"),
    ("[uri]::EscapeDataString('a b&c')", "a%20b%26c"),
    ("([ipaddress]'10.0.0.1').Address", "16777226"),
    ("$a = $null; [ipaddress]::TryParse('nope', [ref]$a)", "False"),
    ("([cultureinfo]1031).Name", "de-DE"),
    (
        "([pscredential]::new('D\\u', (ConvertTo-SecureString x -AsPlainText -Force))).GetNetworkCredential().Domain",
        "D",
    ),
    ("[bigint]::Pow(2, 70)", "1180591620717411303424"),
    ("([bigint]7 / 2).GetType().Name", "BigInteger"),
    ("$s = [Collections.SortedList]::new(); $s.b = 1; $s['a'] = 2; $s.Keys -join ''", "ab"),
    ('$m = [int[,]]::new(2, 3); $m[1, 2] = 7; "$($m.Rank) $($m[1, 2]) $($m.Length)"', "2 7 6"),
    ("$l = [Collections.Generic.List[int]](3, 1, 2); $null = $l.RemoveAll({ $args[0] -gt 2 }); $l -join ','", "1,2"),
    ("$h = [Collections.Generic.HashSet[int]]::new(); $null = $h.Add(1); $h.Add(1)", "False"),
    ("[BitConverter]::ToInt32([byte[]](1, 1, 0, 0), 0)", "257"),
    ("[convert]::ToInt32('FFFFFFFF', 16)", "-1"),
    ("([datetimeoffset]'2025-10-21T02:00:00+02:00').UtcDateTime.ToString('s')", "2025-10-21T00:00:00"),
    ("[Xml.XmlConvert]::ToTimeSpan('PT5H31M').TotalMinutes", "331"),
    ("[Text.StringBuilder]::new('ab').Insert(1, 'x').Replace('b', 'c').ToString()", "axc"),
    ("[regex]::Match('a1b2', '\\d').NextMatch().Value", "2"),
    ("[IO.Path]::ChangeExtension('C:\\a\\b.txt', 'log')", "C:\\a\\b.log"),
    ("function f([switch]$x) { $x.GetType().Name }; f -x", "SwitchParameter"),
    ("function f([switch]$x) { if ($x) { 'on' } else { 'off' } }; function g([switch]$x) { f -x:$x }; g", "off"),
    ("class A { [int] $N }; $a = [A]::new(); $a.N = '5'; $a.N.GetType().Name", "Int32"),
    ("class A { [int] Run() { 'lost'; return '5' } }; [A]::new().Run()", "5"),
    ("({ Get-Item x }).Ast.EndBlock.Statements[0].PipelineElements[0].GetCommandName()", "Get-Item"),
    ("(Get-Date '2026-01-02').DisplayHint", "DateTime"),
    ("[byte]10 -shl 24", "0"),
    ("'{0}' -f ([ArgumentException]::new('bad', 'p').ParamName)", "p"),
]


@pytest.mark.parametrize(("script", "wanted"), CASES)
def test_values(script: str, wanted: str) -> None:
    found = run_script(script)
    assert found.errors == []
    assert found.terminating is None
    assert to_text(found.output[-1]) == wanted


def test_help_comes_from_the_comment() -> None:
    script = "function F {\n<#\n.SYNOPSIS\n  Short.\n.PARAMETER A\n  What.\n#>\nparam([string]$A) }\n"
    found = run_script(f"{script}(Get-Help F).Synopsis; (Get-Help F -Parameter A).description.Text")
    assert found.output == ["Short.", "What."]


def test_html_is_escaped() -> None:
    found = run_script("[pscustomobject]@{ A = '<x>' } | ConvertTo-Html -Fragment")
    assert "<tr><td>&lt;x&gt;</td></tr>" in found.output


def test_a_getter_that_fails_is_an_error_of_the_script() -> None:
    found = run_script("([ipaddress]'10.0.0.1').ScopeId; 'next'")
    assert [error.full_id for error in found.errors] == ["ExceptionWhenGetting"]
    assert found.output[-1] == "next"


def test_csv_files_and_their_columns() -> None:
    outcome = run_script(
        "[pscustomobject]@{a=1;b='x,y'} | Export-Csv x.csv -NoTypeInformation\n"
        "[pscustomobject]@{a=2;b='z'} | Export-Csv x.csv -Append -NoTypeInformation\n"
        'Import-Csv x.csv | ForEach-Object { "$($_.a) $($_.b)" }'
    )
    assert outcome.output == ["1 x,y", "2 z"]


def test_type_data_can_be_taken_back() -> None:
    outcome = run_script(
        "Update-TypeData -TypeName System.Int32 -MemberName Z -MemberType NoteProperty -Value 7\n"
        "(5).Z; Remove-TypeData System.Int32; $null -eq (5).Z"
    )
    assert outcome.output == [7, True]


@pytest.mark.parametrize(
    ("script", "text"),
    [
        ("(Get-Culture).TextInfo.ToTitleCase('hello WORLD')", "Hello WORLD"),
        ("([WildcardPattern]'a*').IsMatch('ab')", "True"),
        ("[WildcardPattern]::new('A*').IsMatch('ab')", "False"),
        (
            "[BitConverter]::ToString([Security.Cryptography.MD5]::Create().ComputeHash([byte[]]@()))[0..4] -join ''",
            "D4-1D",
        ),
        ("[Net.WebUtility]::HtmlEncode('<&>')", "&lt;&amp;&gt;"),
        ("[decimal]::Floor(1.5)", "1"),
    ],
)
def test_small_classes(script: str, text: str) -> None:
    assert [to_text(one) for one in run_script(script).output] == [text]


def test_get_member_of_a_scripts_class() -> None:
    outcome = run_script(
        "class Pt { [int[]]$X = 1; hidden $Z; $Y\n"
        "[string] Foo([int]$a, $b) { return '' }\nhidden [void] Bar() { } }\n"
        "[Pt]::new() | Get-Member -Name Foo, Bar, X, Y, Z | ForEach-Object { $_.Definition }"
    )
    assert outcome.output == [
        "string Foo(int a, System.Object b)",
        "int[] X {get;set;}",
        "System.Object Y {get;set;}",
    ]


def test_get_member_of_an_object_that_was_read() -> None:
    outcome = run_script(
        "class Pt { [int]$X = 1; $Y }\n$s = [System.Management.Automation.PSSerializer]\n"
        "$s::Deserialize($s::Serialize([Pt]::new())) | Get-Member -MemberType Property | "
        "ForEach-Object { $_.Definition }"
    )
    assert outcome.output == ["System.Int32 {get;set;}", " {get;set;}"]
