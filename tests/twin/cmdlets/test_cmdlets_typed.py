"""WMI classes and methods, programs, paths and archives, storage settings: what operators type daily."""

from __future__ import annotations

import pytest

from tests.twin.cmdlets.shell_nodes import HOUR, ShellNode

# --- WMI


@pytest.mark.parametrize(
    ("script", "expected"),
    [
        ("(Get-CimInstance Win32_PhysicalMemory | Measure-Object Capacity -Sum).Sum / 1GB", "512"),
        ("(Get-CimInstance Win32_Processor | Measure-Object NumberOfLogicalProcessors -Sum).Sum", "64"),
        ("(Get-WmiObject Win32_BIOS).Manufacturer", "Contoso"),
        ("(Get-CimInstance Win32_ComputerSystemProduct).Name", "R750"),
        ("(Get-CimInstance Win32_UserAccount -Filter \"Name='Guest'\").Disabled", "True"),
        ("(Get-CimInstance Win32_PageFileUsage).Name", "C:\\pagefile.sys"),
        ("(Get-CimInstance Win32_Volume).DriveLetter", "C:"),
        ("@(Get-CimInstance -Namespace root/Microsoft/Windows/Storage MSFT_VirtualDisk).Count", "5"),
        ("@(Get-CimInstance -Namespace root\\Microsoft\\Windows\\Storage -Class MSFT_StorageJob).Count", "0"),
        (
            "(Get-CimInstance -Namespace root/Microsoft/Windows/DeviceGuard -ClassName Win32_DeviceGuard)"
            ".VirtualizationBasedSecurityStatus",
            "2",
        ),
        ("(Get-CimClass Win32_OperatingSystem).CimClassMethods -join ','", "Reboot,Win32Shutdown"),
        ("(New-CimInstance -ClientOnly Win32_Mine -Property @{A=1; B='x'}).B", "x"),
    ],
)
def test_classes_of_wmi(idle: ShellNode, script: str, expected: str) -> None:
    assert idle.text(script) == expected


def test_methods_of_wmi_change_the_node(node: ShellNode) -> None:
    pending = "(Invoke-CimMethod -Namespace root/Microsoft/Windows/WindowsUpdate MSFT_WUSettings IsPendingReboot)"
    assert node.text(f"{pending}.PendingReboot") == "False"
    node.node.pending_reboot = True
    assert node.text(f"{pending}.PendingReboot; {pending}.ReturnValue") == "True\n0"
    node.run("Get-CimInstance Win32_Service -Filter \"Name='wuauserv'\" | Invoke-CimMethod -MethodName StopService")
    assert node.text("(Get-Service wuauserv).Status") == "Stopped"
    node.run("Invoke-CimMethod -Query \"SELECT * FROM Win32_Service WHERE Name='wuauserv'\" -MethodName StartService")
    assert node.text("(Get-Service wuauserv).Status") == "Running"
    boot = node.node.boot_id
    node.run("Get-CimInstance Win32_OperatingSystem | Invoke-CimMethod -MethodName Win32Shutdown -Arguments @{Flags=6}")
    node.model.run_until(node.model.now_ns + HOUR)
    assert node.node.boot_id == boot + 1
    assert "twin limitation" in node.error("Invoke-CimMethod Win32_OperatingSystem SetDateTime").message
    assert "twin limitation" in node.error("New-CimInstance Win32_Environment -Property @{Name='a'}").message


# --- programs


def test_findstr_reads_input_and_files(node: ShellNode) -> None:
    assert node.text("systeminfo | findstr /i 'boot'").startswith("System Boot Time:")
    assert node.text('systeminfo | findstr /B /C:"OS Name" /C:"OS Version"').splitlines()[1].split() == (
        ["OS", "Version:", "10.0.26100", "N/A", "Build", "26100"]
    )
    node.run("'one', 'two three', 'ONE 1' | Set-Content C:\\a.txt")
    assert node.text("findstr one C:\\a.txt; findstr /i /n one C:\\a.txt").splitlines() == ["one", "1:one", "3:ONE 1"]
    assert node.text("findstr /v /i one C:\\a.txt; findstr /r '^two.*ee$' C:\\a.txt") == "two three\ntwo three"
    assert node.text("findstr nope C:\\a.txt; $LASTEXITCODE") == "1"
    assert "Cannot open" in node.error("findstr x C:\\none.txt").message


def test_events_by_program(node: ShellNode) -> None:
    assert "System" in node.text("wevtutil el").splitlines()
    node.run("Restart-Service wuauserv")
    assert "  Event ID: 7036" in node.text("wevtutil qe System /c:1 /rd:true /f:text").splitlines()
    assert "could not be found" in node.error("wevtutil qe Nope /f:text").message
    assert "twin limitation" in node.error("wevtutil cl System").message


def test_net_controls_services(node: ShellNode) -> None:
    assert "   Windows Update" in node.text("net start").splitlines()
    assert "was stopped successfully." in node.text("net stop wuauserv")
    assert node.text("(Get-Service wuauserv).Status") == "Stopped"
    assert "was started successfully." in node.text("net start 'Windows Update'")
    out, errors, _ = node.run("net start wuauserv; $LASTEXITCODE")
    assert out == [2]
    assert errors[0].message == "The Windows Update service has already been started."
    assert "ECEAgentService" in node.text("net user")


def test_a_variable_of_the_machine_is_for_new_processes(node: ShellNode) -> None:
    assert "SUCCESS: Specified value was saved." in node.text("setx CLUSTER_NAME c1 /m")
    assert node.node.variables["CLUSTER_NAME"] == "c1"
    assert "twin limitation" in node.error("setx A b").message


@pytest.mark.parametrize(
    ("script", "text"),
    [
        ("bcdedit", "identifier              {current}"),
        ("w32tm /query /source", "dc01.lab.local"),
        ("w32tm /resync", "The command completed successfully."),
        ("klist", "Cached Tickets: (0)"),
        ("gpupdate /force", "User Policy update has completed successfully."),
    ],
)
def test_what_programs_say(idle: ShellNode, script: str, text: str) -> None:
    assert text in idle.text(script).splitlines()


def test_policies_need_the_domain(node: ShellNode) -> None:
    node.node.network_up = False
    assert "lack of network connectivity to a domain controller" in node.text("gpupdate; $LASTEXITCODE")


def test_what_a_remote_session_may_not(node: ShellNode) -> None:
    assert node.text("wusa C:\\x.msu /quiet; $LASTEXITCODE") == "5"
    assert node.error("query user").message == "No User exists for *"
    assert node.error("Enter-PSSession NODE02").error_id == "AccessDenied"


# --- paths and archives


def test_archives_are_real(node: ShellNode) -> None:
    node.run("mkdir C:\\in\\deep; 'a' | Set-Content C:\\in\\a.txt; 'b' | Set-Content C:\\in\\deep\\b.txt")
    node.run(
        "Compress-Archive -Path C:\\in -DestinationPath C:\\x.zip; Expand-Archive C:\\x.zip -DestinationPath C:\\out"
    )
    assert node.text("Get-Content C:\\out\\in\\a.txt, C:\\out\\in\\deep\\b.txt") == "a\nb"
    assert node.error("Compress-Archive C:\\in C:\\x.zip").error_id == "ArchiveFileExists"
    node.run(
        "'c' | Set-Content C:\\c.txt; Compress-Archive C:\\c.txt C:\\x.zip -Update; Expand-Archive C:\\x.zip C:\\two"
    )
    assert node.text("(Get-ChildItem C:\\two).Name -join ','") == "in,c.txt"
    _, errors, _ = node.run("Expand-Archive C:\\x.zip C:\\two")
    assert {error.error_id for error in errors} == {"ExpandArchiveFileExists"}
    assert node.error("Expand-Archive C:\\c.txt C:\\three").error_id == "NotSupportedArchiveFileExtension"


def test_names_and_paths(node: ShellNode) -> None:
    node.run("'a' | Set-Content C:\\a.txt; Rename-Item C:\\a.txt b.txt")
    assert node.text("Test-Path C:\\a.txt; (Resolve-Path C:\\b*).Path; Get-Content C:\\b.txt") == "False\nC:\\b.txt\na"
    node.run("'x' | Set-Content C:\\c.txt")
    assert node.error("Rename-Item C:\\c.txt b.txt").error_id == "RenameItemIOError"
    assert node.error("Rename-Item C:\\none x").error_id == "InvalidOperation"
    assert node.error("Resolve-Path C:\\none").error_id == "PathNotFound"
    assert node.text("Set-Location C:\\; Resolve-Path C:\\c.txt -Relative") == ".\\c.txt"
    assert "Copying C:\\c.txt to C:\\d.txt." in node.text("expand C:\\c.txt C:\\d.txt").splitlines()
    assert "Can't open input file: C:\\none." in node.text("expand C:\\none C:\\d.txt")


def test_a_document_is_saved_and_loaded(node: ShellNode) -> None:
    node.run("$x = [xml]'<a><b c=\"1\">t</b><d/></a>'; $x.Save('C:\\a.xml')")
    assert node.text("Get-Content -Raw C:\\a.xml").rstrip() == '<a>\r\n  <b c="1">t</b>\r\n  <d />\r\n</a>'
    assert node.text("$y = New-Object xml; $y.Load('C:\\a.xml'); $y.a.b.c") == "1"


# --- storage and surroundings


def test_settings_of_the_health_service(node: ShellNode) -> None:
    name = "System.Storage.PhysicalDisk.AutoPool.Enabled"
    assert node.text(f"(Get-StorageHealthSetting -Name {name}).Value") == "True"
    node.run(f"Get-StorageSubSystem Cluster* | Set-StorageHealthSetting -Name {name} -Value False")
    assert node.text(f"(Get-StorageHealthSetting -Name {name}).Value") == "False"
    node.run(f"Remove-StorageHealthSetting -Name {name}")
    assert node.text(f"(Get-StorageHealthSetting -Name {name}).Value") == "True"


def test_a_pool_is_rebalanced_in_the_background(node: ShellNode) -> None:
    node.run("Optimize-StoragePool SU1_Pool")
    assert node.text("(Get-StorageJob).Name; (Get-StorageJob).IsBackgroundTask") == "Optimize\nTrue"
    node.run("Get-StoragePool SU1_Pool | Optimize-StoragePool")
    assert node.text("@(Get-StorageJob).Count") == "1"
    node.model.run_until(node.model.now_ns + HOUR)
    assert node.text("@(Get-StorageJob).Count") == "0"
    assert node.error("Optimize-StoragePool Nope").error_id == "CmdletizationQuery_NotFound_FriendlyName"


def test_drives_and_fault_domains(node: ShellNode) -> None:
    assert node.text("(Get-StorageFaultDomain -Type StorageScaleUnit).FriendlyName -join ','") == (
        "NODE01,NODE02,NODE03,NODE04"
    )
    node.run("Update-HostStorageCache; Get-PhysicalDisk 'PhysicalDisk 1001' | Reset-PhysicalDisk")
    add = "Add-PhysicalDisk -StoragePoolFriendlyName SU1_Pool -PhysicalDisks (Get-PhysicalDisk 'PhysicalDisk 1001')"
    assert "not supported by this operation" in node.error(add).message
    node.run("Set-PhysicalDisk -FriendlyName 'PhysicalDisk 1001' -NewFriendlyName mine")
    assert node.text("(Get-PhysicalDisk mine).SerialNumber") == "SN010001"


def test_whether_winrm_answers(node: ShellNode) -> None:
    assert node.text("(Test-WSMan NODE02).ProductVersion") == "OS: 0.0.0 SP: 0.0 Stack: 3.0"
    node.model.power_off("NODE02")
    assert node.error("Test-WSMan NODE02").full_id == ("WsManError,Microsoft.WSMan.Management.TestWSManCommand")
    assert node.text("(Get-TimeZone).Id") == "UTC"


def test_a_nodes_drives_in_maintenance_by_hand(node: ShellNode) -> None:
    unit = "Get-StorageFaultDomain -Type StorageScaleUnit | ? FriendlyName -eq {} | "
    node.run(unit.format("NODE02") + "Enable-StorageMaintenanceMode")
    status = (
        "(Get-PhysicalDisk | ? OperationalStatus -eq 'In maintenance mode').Count; (Get-VirtualDisk).HealthStatus[0]"
    )
    assert node.text(status) == "4\nWarning"
    node.run(unit.format("NODE03") + "Enable-StorageMaintenanceMode")
    error = node.error(unit.format("NODE04") + "Enable-StorageMaintenanceMode")
    assert error.full_id == "StorageWMI 50003,Enable-StorageMaintenanceMode"
    for name in ("NODE02", "NODE03"):
        node.run(unit.format(name) + "Disable-StorageMaintenanceMode")
    node.model.run_until(node.model.now_ns + HOUR)
    assert node.text("(Get-VirtualDisk).HealthStatus | Select-Object -Unique") == "Healthy"
    assert "twin limitation" in node.error("Get-VirtualDisk UserStorage_1 | Enable-StorageMaintenanceMode").message


@pytest.mark.parametrize(
    ("script", "expected"),
    [
        ("(Get-Partition -DriveLetter C).Type", "Basic"),
        ("(Get-ClusterS2D).State", "Enabled"),
        ("(Get-VMHardDiskDrive VM01).Path", "C:\\ClusterStorage\\UserStorage_1\\VM01\\VM01.vhdx"),
        ("(Get-VMMemory VM01).Startup -eq (Get-VM VM01).MemoryStartup", "True"),
        ("(Get-SmbShare -Special $false).Name; @(Get-SmbOpenFile).Count", "SU1_Infrastructure_1\n0"),
        ("(Get-WindowsOptionalFeature -Online -FeatureName Hyper-V).State", "Enabled"),
        ("(Get-WinSystemLocale).Name; Test-ComputerSecureChannel; tzutil /g", "en-US\nTrue\nUTC"),
        ("(Get-Volume -FilePath C:\\ClusterStorage\\UserStorage_2\\x).FileSystemLabel", "UserStorage_2"),
        ("(Get-Volume -FilePath C:\\Windows).DriveLetter", "C"),
        ("(Get-Process ECEAgent -IncludeUserName).UserName", "NODE01\\ECEAgentService"),
        ("(Get-PhysicalDisk -UniqueId (Get-PhysicalDisk)[2].UniqueId).FriendlyName", "PhysicalDisk 1003"),
        ("(Get-Service himds).Status; (tasklist /fo csv /nh)[0]", 'Running\n"System","4","Services","0","N/A"'),
    ],
)
def test_facts_of_a_node(idle: ShellNode, script: str, expected: str) -> None:
    assert idle.text(script) == expected


@pytest.mark.parametrize(
    ("key", "name", "expected"),
    [
        ("HKLM:\\Software\\Microsoft\\AzureStackStampInformation", "DeploymentLaunchType", "CloudDeployment"),
        ("HKLM:\\SOFTWARE\\Policies\\Microsoft\\Windows\\WindowsUpdate\\AU", "NoAutoUpdate", "1"),
        ("HKLM:\\SYSTEM\\CurrentControlSet\\Control\\FileSystem", "LongPathsEnabled", "1"),
        ("HKLM:\\SYSTEM\\CurrentControlSet\\Control\\SecureBoot\\Servicing", "UEFICA2023Status", "NotStarted"),
        ("HKLM:\\Software\\Microsoft\\Windows\\CurrentVersion\\WSMAN\\Service", "auth_credssp", "1"),
    ],
)
def test_values_that_update_logic_reads(idle: ShellNode, key: str, name: str, expected: str) -> None:
    assert idle.text(f"(Get-ItemProperty '{key}').{name}") == expected


def test_a_hash_is_that_of_the_content(node: ShellNode) -> None:
    node.run("[IO.File]::WriteAllText('C:\\a.txt', 'abc')")
    assert node.text("(Get-FileHash C:\\a.txt -Algorithm MD5).Hash") == "900150983CD24FB0D6963F7D28E17F72"
    assert node.text("(Get-FileHash C:\\a.txt).Algorithm") == "SHA256"
    assert node.error("Get-FileHash C:\\none").error_id == "PathNotFound"


def test_a_desired_setting_is_kept(node: ShellNode) -> None:
    value = "(Get-OSConfigDesiredConfiguration -Scenario Defender/Antivirus).Value"
    name = "ASRBlockProcessCreationFromPSExecAndWMICommands"
    node.run(f"Set-OSConfigDesiredConfiguration -Scenario Defender/Antivirus -Setting {name} -Value 1")
    assert node.text(value) == "1"
    node.run("Set-OSConfigDesiredConfiguration -Scenario Defender/Antivirus -Default")
    assert node.text(f"{value}; (Get-OSConfigDesiredConfiguration Defender/Antivirus).Compliance.Status") == (
        "2\nCompliant"
    )
    assert "twin limitation" in node.error("Get-OSConfigDesiredConfiguration -Scenario Nope").message


def test_a_feature_that_is_switched_off_leaves_a_restart_pending(node: ShellNode) -> None:
    state = "(Get-WindowsOptionalFeature -Online -FeatureName Storage-Replica).State"
    off = "Disable-WindowsOptionalFeature -Online -FeatureName Storage-Replica -NoRestart"
    assert node.text(f"({off}).RestartNeeded; {state}") == "True\nDisablePending"
    assert node.node.pending_reboot
    node.model.restart_node("NODE01")
    node.model.run_until(node.model.now_ns + HOUR)
    assert node.text(f"{state}; ({off}).RestartNeeded") == "Disabled\nFalse"
    assert node.text("(Enable-WindowsOptionalFeature -Online Storage-Replica -NoRestart).RestartNeeded") == "True"
    assert "twin limitation" in node.error(off.replace("Storage-Replica", "Hyper-V")).message
