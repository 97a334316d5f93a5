"""A program of a guest that does not end: started by a scheduled task, it is there until it is ended or its boot is."""

from __future__ import annotations

import pytest

from harness.twin.shell.endless import never_ends
from tests.twin.guest.shell_guests import MINUTE, ShellGuest, make_guest

PLACE = r"C:\ProgramData\agent"
SCRIPT = PLACE + r"\agent.ps1"
INSTALL = rf"""
$null = New-Item -ItemType Directory -Path '{PLACE}'
$null = icacls.exe '{PLACE}' /inheritance:r /grant:r '*S-1-5-18:(OI)(CI)F'
if ($LASTEXITCODE -ne 0) {{ throw "icacls: $LASTEXITCODE" }}
Set-Content '{SCRIPT}' -Value 'param($x)', 'while ($true) {{ Start-Sleep 1 }}' -Encoding ASCII
$a = New-ScheduledTaskAction -Execute powershell.exe -Argument '-NoProfile -File "{SCRIPT}"'
$s = New-ScheduledTaskSettingsSet -RestartCount 3 -RestartInterval (New-TimeSpan -Minutes 1) -Priority 4
$null = Register-ScheduledTask agent -Action $a -User SYSTEM -Settings $s -Trigger (New-ScheduledTaskTrigger -AtStartup)
Start-ScheduledTask agent
"""
LOOK = r"""
$p = @(Get-CimInstance Win32_Process | Where-Object { $_.CommandLine -like '*agent.ps1*' })
"$((Get-ScheduledTask agent).State) $($p.Count) $(($p.Name)) $((Get-ScheduledTaskInfo agent).LastTaskResult)"
"""
RUNS = "Running 1 powershell.exe 267009"


def restart(guest: ShellGuest) -> None:
    """Windows starts anew."""
    boot = guest.windows.guest.boot_id
    guest.run("Restart-Computer -Force")
    for _ in range(60):
        guest.advance(MINUTE)
        if guest.windows.guest.boot_id != boot and guest.windows.processes:
            guest.advance(MINUTE)
            return
    raise AssertionError("the guest did not start again")


def test_it_is_a_process_with_its_command_line() -> None:
    with make_guest() as guest:
        guest.text(INSTALL)
        assert guest.text(LOOK) == RUNS
        assert guest.text("(Get-Process powershell).Count").strip() == "1"
        line = guest.text("(Get-CimInstance Win32_Process | ? CommandLine -like '*agent.ps1*').CommandLine")
        assert line == f'"powershell.exe" -NoProfile -File "{SCRIPT}"'


def test_it_costs_no_evaluation_and_lets_lab_time_pass() -> None:
    with make_guest() as guest:
        guest.text(INSTALL)
        guest.advance(24 * 60 * MINUTE)
        assert guest.text(LOOK) == RUNS


def test_it_is_started_once() -> None:
    with make_guest() as guest:
        guest.text(INSTALL)
        guest.text("Start-ScheduledTask agent; Start-ScheduledTask agent")
        assert guest.text(LOOK) == RUNS


def test_it_dies_with_its_boot_and_comes_back_with_the_next() -> None:
    with make_guest() as guest:
        guest.text(INSTALL)
        pid = "(Get-CimInstance Win32_Process | ? CommandLine -like '*agent.ps1*').CreationDate.Ticks"
        before = guest.text(pid)
        restart(guest)
        assert guest.text(LOOK) == RUNS
        assert guest.text(pid) != before


def test_it_falls_with_its_node_and_comes_back_on_another() -> None:
    with make_guest() as guest:
        guest.text(INSTALL)
        guest.model.power_off(guest.windows.guest.owner)
        (task,) = guest.windows.tasks.values()
        assert guest.windows.processes == []
        assert task.state.name == "Ready"
        for _ in range(30):
            guest.advance(MINUTE)
        assert guest.text(LOOK) == RUNS


def test_it_does_not_come_back_without_its_script() -> None:
    with make_guest() as guest:
        guest.text(INSTALL)
        guest.text(f"Remove-Item '{SCRIPT}'")
        restart(guest)
        assert guest.text(LOOK) == "Ready 0  4294770688"


@pytest.mark.parametrize(
    ("end", "look"),
    [
        ("Stop-ScheduledTask agent", "Ready 0  267014"),
        ("Get-Process powershell | Stop-Process -Force", "Ready 0  4294967295"),
    ],
)
def test_it_can_be_ended(end: str, look: str) -> None:
    with make_guest() as guest:
        guest.text(INSTALL)
        guest.text(end)
        assert guest.text(LOOK) == look


def test_after_removal_nothing_is_left() -> None:
    with make_guest() as guest:
        guest.text(INSTALL)
        guest.text("Stop-ScheduledTask agent; Unregister-ScheduledTask agent -Confirm:$false")
        guest.text(f"Remove-Item -Recurse -Force '{PLACE}'")
        assert guest.text(f"Test-Path '{PLACE}'; Test-Path '{SCRIPT}'").split() == ["False", "False"]
        restart(guest)
        assert guest.text("@(Get-Process powershell -ea 0).Count; @(Get-ScheduledTask -ea 0).Count").split() == [
            "0",
            "0",
        ]


def test_a_process_of_windows_is_not_ended() -> None:
    with make_guest() as guest:
        assert "not simulated" in guest.failure("Stop-Process -Name System -Force")


def test_a_folder_is_there_once() -> None:
    with make_guest() as guest:
        guest.text(f"$null = New-Item -ItemType Directory -Path '{PLACE}'")
        assert guest.text(f"Test-Path '{PLACE}'") == "True"
        assert "already exists" in guest.failure(f"New-Item -ItemType Directory '{PLACE}'")
        assert guest.text(f"(New-Item -ItemType Directory '{PLACE}' -Force).Name") == "agent"
        assert "not simulated" not in guest.text(f"Remove-Item '{PLACE}'; Test-Path '{PLACE}'")


def test_icacls_says_what_it_did() -> None:
    with make_guest() as guest:
        missing = guest.run(f"icacls.exe '{PLACE}' /reset; \"code $LASTEXITCODE\"")
        assert "code 2" in missing.out
        wrong = guest.run('icacls.exe C:\\ /grand:r x; "code $LASTEXITCODE"')
        assert "code 87" in wrong.out


@pytest.mark.parametrize(
    "text",
    [
        "while ($true) { Start-Sleep 1 }",
        "param($x)\nfunction f { return 1 }\nfor (;;) { f }",
        "do { f } while (1)",
        "while ($true) { foreach ($x in 1..3) { $x | ForEach-Object { return } } }",
    ],
)
def test_what_never_ends(text: str) -> None:
    assert never_ends(text)


@pytest.mark.parametrize(
    "text",
    [
        "",
        "while ($false) { }",
        "while ($x) { }",
        "while ($true) { if (f) { break } }",
        "for (;;) { exit 3 }",
        "while (0) { }",
        "function f { while ($true) { } }",
        "do { throw 'x' } while ($true)",
        "while ($true) {",
    ],
)
def test_what_may_end(text: str) -> None:
    assert not never_ends(text)
