"""What is said of scripts that nobody runs."""

from __future__ import annotations

import pytest

from harness.twin.checking import FindingKind, all_commands, check_scripts, is_known


def names(script: str, kind: FindingKind) -> list[str]:
    return [finding.name for finding in check_scripts([script])[0] if finding.kind is kind]


@pytest.mark.parametrize(
    "script",
    [
        "Get-ClusterNode; gci; ? { 1 }; date; FailoverClusters\\Get-ClusterNode",  # aliases, a missing get-, a module
        "hostname; cmd.exe /c ver; C:\\Windows\\System32\\fsutil.exe file; Dism.exe /Online; shutdown /r",
        "Get-Process; Register-ScheduledTask -TaskName a",  # guests alone have these
        "& $command -X; & 'Get-Nope'; . .\\lib.ps1; . Get-Nope",  # not guessed
        "Show-It\nfunction Show-It { 1 }",
        "function global:Show-It { 1 }; if ($x) { Show-It }",
        "filter Pick { $_ }; 1 | Pick",
        "Set-Alias gg Get-ClusterNode; gg; New-Alias -Value dir -Name dd; dd",
        "${function:Show-It} = { 1 }; Show-It",
        "Invoke-Command -ScriptBlock { function f { 1 }; f }",
    ],
)
def test_known_commands(script: str) -> None:
    assert names(script, FindingKind.COMMAND) == []


@pytest.mark.parametrize(
    ("script", "unknown"),
    [
        ("pathping -n", ["pathping"]),
        ("if ($x) { Get-Nope } else { $y = @(Get-Nope2) }", ["Get-Nope", "Get-Nope2"]),
        ("Hyper-V\\Get-ClusterNode", ["Hyper-V\\Get-ClusterNode"]),
        (".\\setup.ps1", [".\\setup.ps1"]),
        ('"$(Get-Nope)"', ["Get-Nope"]),
        ("$a = { Get-Nope }", ["Get-Nope"]),
    ],
)
def test_unknown_commands(script: str, unknown: list[str]) -> None:
    assert names(script, FindingKind.COMMAND) == unknown


@pytest.mark.parametrize(
    ("script", "unknown"),
    [
        ("Get-ClusterNode -Name x -ErrorAction Stop -ea 0 -Clust c", []),
        ("Get-ClusterNode -Naem x", ["Get-ClusterNode -Naem"]),
        ("gci -Path x -Bogus", ["Get-ChildItem -Bogus"]),
        ("Get-ClusterNode @splat", []),
        ("Get-ClusterNode -ErrorVar x", []),
        ("Get-ClusterNode -Error x", ["Get-ClusterNode -Error"]),  # fits two
        ("Add-Content -Path a -PassThru", []),  # nodes have it, guests do not
        ("Write-Host -Bogus", []),  # takes what remains
        ("function Get-ClusterNode { } Get-ClusterNode -Bogus", []),
        ("Get-Nope -Bogus", []),
        ("& Get-ClusterNode -Bogus", []),
    ],
)
def test_unknown_parameters(script: str, unknown: list[str]) -> None:
    assert names(script, FindingKind.PARAMETER) == unknown


@pytest.mark.parametrize(
    ("script", "found"),
    [
        ("workflow W { 1 }", ["workflow"]),
        ("function f { dynamicparam { } process { } }", ["dynamicparam"]),
        ("function f { if ($x) { switch -File a { 1 { } } } }", []),
        ("$hklm:x = 1; $env:y = 2; $global:z = 3", ["assignment to drive hklm:"]),
        ("data d { 'x' }", []),
        ("[Some.Type]::Do(); [int]'1'; [string[]]$a = 'b'", ["type [Some.Type]"]),
        ("param([Some.Type] $x)", ["type [Some.Type]"]),
        ("class Own { [int] $A } [Own]::new(); [Own[]]$x = @(); [Collections.Generic.List[Own]]::new()", []),
        ("try { 1 } catch [Some.Error] { 2 }", []),
        ("[math]::Round(1.5); [math]::Nope(1); [math]::PI", ["[math]::Nope()"]),
        ("[DayOfWeek]::Monday; [int]::MaxValue; [datetime]::UtcNow", []),
        (
            "New-Object System.Net.WebClient; New-Object -TypeName Collections.ArrayList",
            ["New-Object System.Net.WebClient"],
        ),
        ("New-Object $type; New-Object PSObject -Property @{}", []),
    ],
)
def test_unsupported_constructs(script: str, found: list[str]) -> None:
    assert names(script, FindingKind.UNSUPPORTED) == found


def test_a_script_may_be_meant_for_one_kind_of_machine() -> None:
    script = "Get-ScheduledTask; Get-ClusterNode; Get-Nope; hostname; Add-Content -PassThru"
    on_nodes = check_scripts([script], ("nodes",))[0]
    assert [finding.message for finding in on_nodes] == ["no simulated node knows the command 'Get-Nope'"]
    on_guests = check_scripts([script], ("guests",))[0]
    assert [finding.message for finding in on_guests] == [
        "no simulated guest knows the command 'Get-ClusterNode', nodes do",
        "no simulated guest knows the command 'Get-Nope'",
        "'Add-Content' has no parameter '-PassThru' here",
    ]


def test_what_one_text_defines_the_others_know() -> None:
    first, second, broken = check_scripts(["function Show-It { 1 }", "Show-It; Hide-It", "if ("])
    assert first == []
    assert [finding.name for finding in second] == ["Hide-It"]
    assert [finding.kind for finding in broken] == [FindingKind.PARSE_ERROR]


def test_a_near_name_is_suggested_and_a_far_one_is_not() -> None:
    found = check_scripts(["Get-ClusterNod; Get-Clusternode -Nmae x; Frobnicate; function Show-It { }; Show-Itt"])[0]
    assert [finding.suggestion for finding in found] == ["Get-ClusterNode", "-Name", "", "Show-It"]


def test_the_list_of_commands_says_where_each_is() -> None:
    rows = {(row.name, row.where): row for row in all_commands()}
    assert "Name" in rows["Get-ClusterNode", "nodes"].parameters
    assert rows["Where-Object", "nodes, guests"].module == "Microsoft.PowerShell.Core"
    assert ("hostname", "nodes, guests") in rows
    assert is_known("where")
    assert not is_known("get-nope")
