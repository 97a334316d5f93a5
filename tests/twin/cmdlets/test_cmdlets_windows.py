"""What operators type daily on a node: registry, services, events, WMI, processes, accounts, programs."""

from __future__ import annotations

import pytest

from harness.twin.cmdlets.wql import WqlError, parse_condition, split_query
from harness.twin.shell.objects import PSObject
from tests.twin.cmdlets.shell_nodes import HOUR, ShellNode

CBS = "HKLM:\\SOFTWARE\\Microsoft\\Windows\\CurrentVersion\\Component Based Servicing"


def test_locations_are_stacked(idle: ShellNode) -> None:
    assert idle.text(
        "Push-Location C:\\Windows; (Get-Location).Path; Pop-Location; (Get-Location).Path; Pop-Location"
    ) == ("C:\\Windows\nC:\\Users\\hil")


# --- registry


def test_values_are_written_and_read(node: ShellNode) -> None:
    key = "HKLM:\\SOFTWARE\\Contoso\\Agent"
    node.run(f"New-Item {key} -Force")
    node.run(f"New-ItemProperty {key} -Name Level -PropertyType DWord -Value 5; Set-ItemProperty {key} Text hello")
    assert node.text(f'$p = Get-ItemProperty {key}; "$($p.Level) $($p.Text) $($p.Level.GetType().Name)"') == (
        "5 hello Int32"
    )
    node.run(f"Set-ItemProperty {key} -Name Level -Value 7")
    assert node.text("(reg query HKLM\\SOFTWARE\\Contoso\\Agent /v Level)[2]").split() == ["Level", "REG_DWORD", "0x7"]
    assert node.text(f"Test-Path {key}; Test-Path {key}\\Below; Test-Path HKLM:\\SOFTWARE\\Contoso") == (
        "True\nFalse\nTrue"
    )
    assert node.error(f"New-ItemProperty {key} -Name Level -Value 1").full_id == (
        "System.IO.IOException,Microsoft.PowerShell.Commands.NewItemPropertyCommand"
    )
    node.run(f"Remove-ItemProperty {key} -Name Level; Remove-Item {key} -Recurse")
    assert "twin limitation" in node.error(f"Test-Path {key}").message


def test_a_key_that_may_exist_on_a_real_node_is_no_false_answer(idle: ShellNode) -> None:
    assert idle.error("Get-ItemProperty HKLM:\\SOFTWARE\\Nope").error_id == "TwinLimitation"
    assert idle.error("Test-Path HKLM:\\SOFTWARE\\Nope").error_id == "TwinLimitation"


def test_a_pending_restart_shows_in_the_registry(node: ShellNode) -> None:
    assert node.text(f"Test-Path '{CBS}\\RebootPending'") == "False"
    node.node.pending_reboot = True
    assert node.text(f"Test-Path '{CBS}\\RebootPending'") == "True"


def test_the_registry_outlives_a_restart(node: ShellNode) -> None:
    node.run("reg add HKLM\\SOFTWARE\\Contoso /v A /t REG_SZ /d b /f")
    node.model.restart_node("NODE01")
    node.model.run_until(node.model.now_ns + HOUR)
    assert node.text("(Get-ItemProperty HKLM:\\SOFTWARE\\Contoso).A") == "b"


# --- services and processes


def test_a_disabled_service_does_not_start(node: ShellNode) -> None:
    node.run("Set-Service wuauserv -StartupType Disabled; Stop-Service wuauserv")
    assert node.error("Start-Service wuauserv").full_id == (
        "CouldNotStartService,Microsoft.PowerShell.Commands.StartServiceCommand"
    )
    assert node.text("(Get-Service wuauserv).StartType") == "Disabled"
    assert "twin limitation" in node.error("Set-Service ClusSvc -StartupType Manual").message


def test_a_restarted_agent_has_a_new_process(node: ShellNode) -> None:
    script = "(Get-CimInstance Win32_Service -Filter \"Name='wssdagent'\").ProcessId"
    before = node.text(script)
    assert node.text(script) == before
    node.model.run_until(node.model.now_ns + HOUR)
    node.run("Restart-Service wssdagent")
    assert node.text(script) != before
    assert node.text("(Get-Service wssdagent).Status") == "Running"
    assert "twin limitation" in node.error("Stop-Service vmms").message


def test_sc_speaks_as_on_windows(node: ShellNode) -> None:
    assert "        STATE              : 4  RUNNING " in node.text("sc.exe query wuauserv")
    node.run("sc.exe stop wuauserv")
    assert node.text("(Get-Service wuauserv).Status") == "Stopped"
    assert "FAILED 1060" in node.text("sc.exe query nope")
    assert node.text("sc.exe query nope | Out-Null; $LASTEXITCODE") == "1060"
    node.run("sc.exe config BITS start= disabled")
    assert node.text("(Get-Service BITS).StartType") == "Disabled"


def test_each_running_guest_has_a_worker_process(node: ShellNode) -> None:
    here = [guest for guest in node.model.guests.values() if guest.owner == "NODE01"]
    assert len(node.objects("Get-Process vmwp")) == len(here)
    assert node.error("Get-Process nope").error_id == "NoProcessFoundForGivenName"
    assert "twin limitation" in node.error("Stop-Process -Name clussvc").message


# --- events


def test_a_lost_node_is_in_the_logs_of_the_others_and_in_its_own(node: ShellNode) -> None:
    node.model.power_off("NODE03")
    node.model.run_until(node.model.now_ns + HOUR)
    node.model.power_on("NODE03")
    node.model.run_until(node.model.now_ns + HOUR)
    (down,) = node.objects("Get-WinEvent -FilterHashtable @{LogName='System';Id=1135}")
    assert "NODE03" in str(down.get("Message"))
    own = ShellNode(node.model, "NODE03")
    assert own.text("(Get-WinEvent -LogName System -Oldest).Id -join ','").startswith("12,41,6008,6009,6005")
    assert own.error("Get-WinEvent -FilterHashtable @{LogName='System';Id=1135}").error_id == "NoMatchingEventsFound"
    assert own.text("(Get-EventLog System -EntryType Error).EventID -join ','") == "6008,41"


def test_an_orderly_restart_is_told_by_the_documented_sequence(node: ShellNode) -> None:
    node.model.restart_node("NODE01")
    node.model.run_until(node.model.now_ns + HOUR)
    assert node.text("(Get-WinEvent -ProviderName User32,EventLog,*Kernel* -Oldest).Id -join ','") == (
        "1074,6006,13,12,6009,6005"
    )
    moved = node.objects("Get-WinEvent -LogName Microsoft-Windows-Hyper-V-VMMS-Admin")
    assert {event.get("Id") for event in moved} == {20415}


def test_xpath_filters_events(node: ShellNode) -> None:
    node.run("Restart-Service wuauserv")
    query = "*[System[(EventID=7036 or EventID=1) and TimeCreated[timediff(@SystemTime) <= 60000]]]"
    assert len(node.objects(f'Get-WinEvent -LogName System -FilterXPath "{query}"')) == 2
    assert node.text("([xml](Get-WinEvent System -MaxEvents 1).ToXml()).Event.System.EventID") == "7036"
    assert [item.get("RecordId") for item in node.objects("Get-WinEvent System")] == [2, 1]


def test_a_log_that_is_not_simulated_is_no_empty_log(idle: ShellNode) -> None:
    assert "twin limitation" in idle.error("Get-WinEvent -LogName Application").message
    assert "twin limitation" in idle.error("Get-EventLog Application").message


# --- WMI


def test_conditions_of_wmi(idle: ShellNode) -> None:
    names = idle.text("(Get-CimInstance Win32_Service -Filter \"Name LIKE 'w%' AND NOT Name='WinRM'\").Name -join ','")
    assert names == "wssdagent,Winmgmt,wuauserv"
    assert idle.text("(gwmi -Query 'SELECT * FROM Win32_LogicalDisk WHERE DriveType=3').DeviceID") == "C:"
    assert idle.error("Get-CimInstance Win32_Service -Filter 'Name ='").error_id == "HRESULT 0x80041017"
    assert "twin limitation" in idle.error("Get-CimInstance Win32_Nope").message


@pytest.mark.parametrize(
    ("text", "expected"),
    [
        ("A=1", True),
        ("A<>1", False),
        ("A>=1 AND B='x'", True),
        ("A=2 OR (B LIKE 'X_' OR B LIKE '%')", True),
        ("NOT A=1", False),
        ("C = NULL", True),
    ],
)
def test_wql(text: str, expected: bool) -> None:
    assert parse_condition(text)(PSObject({"A": 1, "B": "x"})) is expected


@pytest.mark.parametrize("text", ["A", "A=", "A=1 B=2", "(A=1", "A ~ 1"])
def test_wql_that_is_none(text: str) -> None:
    with pytest.raises(WqlError):
        parse_condition(text)
    with pytest.raises(WqlError):
        split_query(text)


def test_dates_of_the_older_command_are_text(idle: ShellNode) -> None:
    assert idle.text("(Get-WmiObject Win32_OperatingSystem).LastBootUpTime").endswith(".000000+000")


# --- the rest


def test_roles_accounts_and_firmware(idle: ShellNode) -> None:
    assert idle.text("(Get-WindowsFeature Hyper-V).Installed; Confirm-SecureBootUEFI; (Get-Tpm).TpmReady") == (
        "True\nTrue\nTrue"
    )
    assert "twin limitation" in idle.error("Get-WindowsFeature Web-Server").message
    assert idle.text("(Get-LocalUser -Name Guest).Enabled") == "False"
    assert idle.error("Get-LocalUser nobody").error_id == "UserNotFound"


def test_programs_of_a_process(node: ShellNode) -> None:
    node.environment.update(USERDOMAIN="AZL", USERNAME="Deployer")
    assert node.text("whoami") == "azl\\deployer"
    assert node.text("cmd /c whoami; powershell.exe -Command '2+2'") == "azl\\deployer\n4"
    assert node.text("(Start-Process cmd -ArgumentList '/c','exit 3' -Wait -PassThru).ExitCode") == "3"
    assert node.error("Start-Process notepad.exe").error_id == "InvalidOperationException"
    assert "Computer Policy update has completed successfully." in node.text("gpupdate /force")


def test_output_goes_into_a_file(node: ShellNode) -> None:
    node.run("Get-ClusterNode | Out-File C:\\Windows\\Temp\\n.txt; 'end' | Out-File C:\\Windows\\Temp\\n.txt -Append")
    lines = node.text("Get-Content C:\\Windows\\Temp\\n.txt").split("\n")
    assert (lines[1].split(), lines[-1]) == (["Name", "State", "Type"], "end")
    assert node.error("1 | Out-File C:\\Windows\\Temp\\n.txt -NoClobber").error_id == "NoClobber"


def test_health_faults_follow_the_cluster(node: ShellNode) -> None:
    assert node.objects("Get-HealthFault") == []
    node.model.power_off("NODE03")
    node.model.run_until(node.model.now_ns + HOUR)
    kinds = node.text("(Get-HealthFault).FaultType").split("\n")
    assert kinds[0] == "Microsoft.Health.FaultType.Server.Down"
    assert set(kinds[1:]) == {"Microsoft.Health.FaultType.VirtualDisks.NeedsRepair"}


def test_cluster_objects_one_by_one(node: ShellNode) -> None:
    name = "Azure Stack HCI Update Service"
    assert node.text(f"(Stop-ClusterResource '{name}').State") == "Offline"
    assert node.text(f"(Start-ClusterResource '{name}').State") == "Online"
    assert node.text("(Get-ClusterFaultDomain -Type Node).Name -join ','") == "NODE01,NODE02,NODE03,NODE04"
    guest = next(iter(node.model.guests.values()))
    assert node.text(f"(Get-ClusterResource -VMId {guest.vm_id} | Get-ClusterParameter VmID).Value") == (
        f"{guest.vm_id}\n{guest.vm_id}"
    )
    assert "twin limitation" in node.error("Stop-ClusterResource 'Cluster Name'").message


def test_settings_of_the_update_stack_exist_from_2604_on(node: ShellNode) -> None:
    assert node.error("Get-UpdateSetting").error_id == "CommandNotFoundException"
    node.model.environment.current_version = "12.2604.1003.1"
    node.run("Enable-UpdateSetting -Name SkipForceDrain; Disable-UpdateSetting VMFailback")
    assert node.text('Get-UpdateSetting | % { "$($_.Name) $($_.Enabled)" }') == "SkipForceDrain True\nVMFailback False"
    assert (node.model.settings.skip_force_drain, node.model.settings.vm_failback) == (True, False)


def test_a_process_that_comes_in_is_meant_alone(node: ShellNode) -> None:
    assert node.text("(Get-Process vmwp | select -First 1 | Get-Process | measure).Count") == "1"
    assert node.text("(Get-Process).Count -eq (Get-Process | Get-Process | measure).Count") == "True"
    assert node.error("Get-Process vmwp | select -First 1 | Stop-Process").error_id == "TwinLimitation"


def test_what_has_to_be_confirmed_is_not_done(node: ShellNode) -> None:
    node.run("'x' > C:\\q.txt")
    assert "user interaction" in node.error("Remove-Item C:\\q.txt -Confirm").message
    assert node.text("Test-Path C:\\q.txt; Remove-Item C:\\q.txt -Confirm:$false; Test-Path C:\\q.txt") == "True\nFalse"
