"""Accounts, streams, XML files and settings of .NET as scripts use them ([D] .NET Framework reference)."""

from __future__ import annotations

import pytest

from harness.twin.conformance.running import run_script
from harness.twin.shell.text import to_text

_ROLE = "[Security.Principal.WindowsBuiltInRole]"
CASES = [
    ("[Security.Principal.WindowsIdentity]::GetCurrent().Name", "NODE01\\Administrator"),
    (
        f"([Security.Principal.WindowsPrincipal][Security.Principal.WindowsIdentity]::GetCurrent()).IsInRole({_ROLE}'User')",
        "True",
    ),
    (
        f"$w = [Security.Principal.WindowsIdentity]::GetCurrent(); "
        f"[Security.Principal.WindowsPrincipal]::new($w).IsInRole({_ROLE}'Guest')",
        "False",
    ),
    (
        "([Security.Principal.SecurityIdentifier]'s-1-5-18').Translate([Security.Principal.NTAccount]).Value",
        "NT AUTHORITY\\SYSTEM",
    ),
    (
        "[Security.Principal.NTAccount]::new('BUILTIN', 'Users').Translate([Security.Principal.SecurityIdentifier])",
        "S-1-5-32-545",
    ),
    (
        "[Net.ServicePointManager]::SecurityProtocol = 'Tls12, Tls11'; [Net.ServicePointManager]::SecurityProtocol",
        "Tls11, Tls12",
    ),
    ("[Reflection.Assembly]::LoadWithPartialName('System.Windows.Forms').GetName().Name", "System.Windows.Forms"),
    ("$null -eq [Reflection.Assembly]::LoadWithPartialName('No.Such')", "True"),
    ("[Diagnostics.Process]::GetCurrentProcess().Id -eq $PID", "True"),
    (
        "$x = [xml]'<a><b/></a>'; $n = $x.CreateAttribute('k'); $n.Value = 'v'; "
        "[void]$x.a.Attributes.Append($n); $x.OuterXml",
        '<a k="v"><b /></a>',
    ),
    (
        "$x = [xml]'<a/>'; $x.AppendChild($x.CreateXmlDeclaration('1.0', 'utf-8', $null)) | Out-Null; $x.InnerXml",
        '<?xml version="1.0" encoding="utf-8"?><a />',
    ),
    (
        "$x = [xml]'<a b=\"1\"><c>t</c><d><e/></d></a>'; $x.Save('/x.xml'); "
        "[IO.File]::ReadAllText('/x.xml') -replace '\\r\\n', '|'",
        '<a b="1">|  <c>t</c>|  <d>|    <e />|  </d>|</a>',
    ),
    ("([xml]'<a><b>7</b></a>').Save('/y.xml'); $y = New-Object xml; $y.Load('/y.xml'); $y.a.b", "7"),
    (
        "$w = [IO.StreamWriter]::new('/s'); $w.WriteLine('a'); $w.Write(2); $w.Close(); "
        "[IO.File]::ReadAllLines('/s') -join '|'",
        "a|2",
    ),
    (
        "[IO.File]::WriteAllText('/r', \"a`r`nb\"); $r = [IO.StreamReader]::new('/r'); $n = 0; "
        "while (!$r.EndOfStream) { $null = $r.ReadLine(); $n++ }; $n",
        "2",
    ),
    (
        "$m = [IO.MemoryStream]::new(); $z = [IO.Compression.GZipStream]::new($m, 'Compress'); "
        "$z.Write([byte[]](7, 8), 0, 2); $z.Close(); "
        "$u = [IO.Compression.GZipStream]::new([IO.MemoryStream]::new($m.ToArray()), 'Decompress'); "
        "$b = [byte[]]::new(4); $u.Read($b, 0, 4); $b[1]",
        "8",
    ),
]


@pytest.mark.parametrize(("script", "wanted"), CASES)
def test_values(script: str, wanted: str) -> None:
    found = run_script(script)
    assert [error.message for error in found.errors] == []
    assert found.terminating is None
    assert to_text(found.output[-1]) == wanted


def test_a_closed_stream_takes_no_more() -> None:
    found = run_script("$w = [IO.StreamWriter]::new('/c'); $w.Close(); $w.Write('x')")
    assert [error.error_id for error in found.errors] == ["ObjectDisposedException"]


def test_null_bytes_are_refused() -> None:
    found = run_script("[Text.Encoding]::UTF8.GetString($null)")
    assert [error.error_id for error in found.errors] == ["ArgumentNullException"]


def test_a_data_section_becomes_a_variable() -> None:
    script = "data Texts { ConvertFrom-StringData 'a = one' }; $Texts.a; data { 1 + 2 }"
    assert run_script(script).output == ["one", 3]


def test_empty_parentheses_leave_room_for_a_param_block() -> None:
    script = "function F() { param([Parameter(HelpMessage = [string]::Empty)] $A = 4) $A }; F; F 5"
    assert run_script(script).output == [4, 5]


def test_a_property_and_a_method_of_one_name() -> None:
    declared = "class A { [int] $Min = 4; [int] Min() { return $this.Min + 1 } }; "
    script = f"{declared}$a = [A]::new(); $a.Min = 6; $a.Min(); $a.Min"
    assert run_script(script).output == [7, 6]
