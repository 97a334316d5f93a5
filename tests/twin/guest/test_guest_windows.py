"""Windows Update's refusals, tasks, files, processes, events and missing modules of a guest."""

from __future__ import annotations

import pytest

from tests.twin.guest.shell_guests import INSTALL, JANUARY, MINUTE, PLACE, S, by_task, make_guest

HISTORY = r"""
$s = (New-Object -ComObject Microsoft.Update.Session).CreateUpdateSearcher()
$all = $s.QueryHistory(0, $s.GetTotalHistoryCount())
@($all | ForEach-Object { "$($_.Operation) $($_.ResultCode) $($_.Title) $($_.ClientApplicationID)" }) |
  ConvertTo-Json -Compress
"""


@pytest.mark.parametrize("call", ["CreateUpdateDownloader", "CreateUpdateInstaller"])
def test_a_network_logon_cannot_download_or_install(call: str) -> None:
    with make_guest() as guest:
        script = f"try {{ (New-Object -ComObject Microsoft.Update.Session).{call}() }} catch {{ $e = $_.Exception }}"
        script += '\n"$($e.Message)|$($e.InnerException.HResult)"'
        assert guest.text(script) == (
            f'Exception calling "{call}" with "0" argument(s): "Access is denied. '
            '(Exception from HRESULT: 0x80070005 (E_ACCESSDENIED))"|-2147024891'
        )


def test_a_network_logon_cannot_ask_whether_a_restart_is_required() -> None:
    with make_guest() as guest:
        script = "try { (New-Object -ComObject Microsoft.Update.SystemInfo).RebootRequired } catch { 'denied' }"
        assert guest.text(script) == "denied"


SEARCH = r"""
try { (New-Object -ComObject Microsoft.Update.Session).CreateUpdateSearcher().Search('@').Updates.Count }
catch { $_.Exception.InnerException.Message }
"""


def test_searching_from_a_network_logon_depends_on_the_system() -> None:
    old = {"system": "ws2022-azure-edition-core", "installed": ("KB5066782",)}
    with make_guest(**old) as guest:
        assert guest.text(SEARCH.replace("@", "IsInstalled=0 and IsAssigned=1")) == "1"
        assert guest.text(SEARCH.replace("@", "IsInstalled=1")) == "1"
        assert guest.text(SEARCH.replace("@", "IsInstalled=0 and Type=''Driver''")) == "0"
        assert guest.text(SEARCH.replace("@", "KB=5066782")) == "Exception from HRESULT: 0x80240032"
    with make_guest() as guest:
        assert "0x80070005" in guest.text(SEARCH.replace("@", "IsInstalled=0"))


def test_history_and_hotfixes_after_an_installation() -> None:
    old = {"system": "ws2022-azure-edition-core", "installed": ("KB5066782",)}
    with make_guest(**old) as guest:
        guest.as_system(INSTALL)
        assert (
            guest.json(HISTORY)
            == "1 2 2025-11 Hotpatch for Windows Server 2022 for x64-based Systems (KB5068840) harness"
        )
        assert guest.text("(Get-HotFix -Id KB5068840).InstalledBy") == "NT AUTHORITY\\SYSTEM"
        assert guest.text("@(Get-CimInstance Win32_QuickFixEngineering).HotFixID -join ','") == "KB5066782,KB5068840"


def test_a_task_runs_as_its_user_and_keeps_its_result() -> None:
    with make_guest() as guest:
        assert guest.text(by_task(f"$env:USERNAME | Set-Content {PLACE}")) == "SYSTEM"
        action = "New-ScheduledTaskAction -Execute powershell.exe -Argument '-Command exit 7'"
        guest.run(f"$null = Register-ScheduledTask -TaskName t -User SYSTEM -Action ({action})")
        assert guest.text("(Get-ScheduledTaskInfo t).LastTaskResult") == "267011"
        assert guest.text("Start-ScheduledTask t; (Get-ScheduledTaskInfo t).LastTaskResult") == "267009"
        guest.advance(10 * S)
        assert guest.text("(Get-ScheduledTaskInfo t).LastTaskResult; (Get-ScheduledTask t).State") == "7\r\nReady"
        assert "No MSFT_ScheduledTask objects found" in guest.failure("Get-ScheduledTask none")


def test_a_task_ends_with_the_guest_it_runs_in() -> None:
    with make_guest() as guest:
        action = "New-ScheduledTaskAction -Execute powershell.exe -Argument '-Command Start-Sleep 900'"
        guest.run(f"$null = Register-ScheduledTask -TaskName t -User SYSTEM -Action ({action}); Start-ScheduledTask t")
        guest.advance(MINUTE)
        guest.run("Restart-Computer -Force")
        guest.advance(5 * MINUTE)
        assert guest.text("(Get-ScheduledTaskInfo t).LastTaskResult") == "267014"


def test_files_come_back_as_written() -> None:
    with make_guest() as guest:
        script = f"'a','b' | Set-Content {PLACE}; Add-Content {PLACE} 'c'; (Get-Content {PLACE}) -join '|'"
        assert guest.text(script) == "a|b|c"
        assert guest.text(f"'x' | Out-File {PLACE}; Get-Content -Raw {PLACE}") == "x"
        assert guest.text(f"Test-Path {PLACE}; Remove-Item {PLACE}; Test-Path {PLACE}") == "True\r\nFalse"
        assert "does not exist" in guest.failure(f"Get-Content {PLACE}")


def test_enrolment_and_servicing_in_the_registry() -> None:
    version = "HKLM:\\SOFTWARE\\Microsoft\\Windows NT\\CurrentVersion"
    key = f"{version}\\Update\\TargetingInfo\\DynamicInstalled\\Hotpatch.amd64"
    memory = "HKLM:\\SYSTEM\\CurrentControlSet\\Control\\Session Manager\\Memory Management"
    read = f"(Get-ItemProperty '{key}').Name; (Get-ItemProperty '{memory}').HotPatchTableSize"
    with make_guest() as guest:
        assert guest.text(read) == "Hotpatch Enrollment Package\r\n4096"
    with make_guest(enrolled=False) as guest:
        assert guest.text(f"Test-Path '{key}'") == "False"
        assert "does not exist" in guest.failure(f"Get-ItemProperty '{key}'")


def test_events_by_filter() -> None:
    with make_guest(JANUARY) as guest:
        guest.as_system(INSTALL)
        guest.run("shutdown /r /t 5")
        guest.advance(10 * MINUTE)
        script = "(Get-WinEvent -FilterHashtable @{LogName='System'; Id=1074,6005,41} -Oldest).Id -join ','"
        assert guest.text(script) == "1074,6005"
        script = "Get-WinEvent -FilterHashtable @{LogName='System'; ProviderName='*WindowsUpdateClient'} -MaxEvents 1"
        assert "KB5073379" in guest.text(f"({script}).Properties[0].Value")
        script = "(Get-WinEvent -FilterHashtable @{LogName='System'; StartTime=(Get-Date).AddMinutes(1)}).Count"
        assert "No events were found" in guest.failure(script)
        assert "shutdown.exe" in guest.text("(Get-WinEvent -FilterHashtable @{LogName='System'; Id=1074}).Message")


def test_a_guest_has_no_cluster_and_no_update_service() -> None:
    with make_guest() as guest:
        for command in ("Get-ClusterNode", "Get-SolutionUpdate", "Get-VM"):
            assert f"The term '{command}' is not recognized" in guest.run(command).error
        assert guest.text("$env:COMPUTERNAME; (cmd /c ver)[1]").splitlines()[0] == "VM01"
        assert guest.text("(Get-ComputerInfo -Property OsName).OsName") == (
            "Microsoft Windows Server 2025 Datacenter Azure Edition"
        )


def test_a_dead_node_ends_its_guests_sessions_and_failover_shows_in_the_logs() -> None:
    with make_guest() as guest:
        before = guest.text("(Get-CimInstance Win32_OperatingSystem).LastBootUpTime.ToString('o')")
        owner = guest.windows.guest.owner
        guest.model.power_off(owner)
        guest.advance(10 * MINUTE)
        assert guest.windows.guest.owner != owner
        assert guest.windows.guest.boot_id == 2
        after = guest.text("(Get-CimInstance Win32_OperatingSystem).LastBootUpTime.ToString('o')")
        assert after > before
        assert guest.events() == [12, 41, 6008, 6009, 6005]


def test_a_frozen_guest_does_not_compute() -> None:
    with make_guest() as guest:
        start = guest.model.now_ns
        guest.model.move_guest("VM01")
        guest.run("Start-Sleep 60")
        ended = [event for event in guest.model.events if event.kind == "vm.migration.end"]
        blackout = int(ended[0].attrs["blackout_ns"])
        assert blackout > 0
        assert guest.model.now_ns - start == 60 * S + blackout
        assert guest.windows.guest.boot_id == 1


def test_a_restart_during_a_live_migration_ends_with_both_done() -> None:
    with make_guest() as guest:
        vm = guest.windows.guest
        target = "NODE02" if vm.owner == "NODE01" else "NODE01"
        guest.model.move_guest("VM01")
        guest.run("shutdown /r /t 0")
        guest.advance(10 * MINUTE)
        assert (vm.owner, vm.boot_id, vm.migrating_to, vm.paused_since_ns) == (target, 2, None, None)
        assert guest.text("@(Get-WinEvent -FilterHashtable @{LogName='System'; Id=6006}).Count") == "1"


def test_power_loss_after_a_staged_update_completes_it_at_the_next_start() -> None:
    with make_guest(JANUARY) as guest:
        guest.as_system(INSTALL)
        guest.model.power_off(guest.windows.guest.owner)
        guest.advance(10 * MINUTE)
        assert guest.windows.build.ubr == 32230
        assert not guest.windows.restart_pending
        assert guest.events()[3:] == [12, 41, 6008, 6009, 6005, 19]


def test_power_loss_during_an_installation_leaves_it_undone() -> None:
    with make_guest(JANUARY) as guest:
        task = by_task(INSTALL).partition("while (")[0]
        guest.run(task)
        while not guest.windows.installing:
            guest.advance(5 * S)
        guest.model.power_off(guest.windows.guest.owner)
        guest.advance(10 * MINUTE)
        assert guest.windows.build.ubr == 6899
        assert not guest.windows.installing
        assert guest.windows.history == []
        assert guest.as_system(INSTALL)["Result"] == 2
