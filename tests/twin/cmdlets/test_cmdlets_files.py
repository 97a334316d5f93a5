"""Files of a node through its shell: objects, idioms and errors as on Windows."""

from __future__ import annotations

import pytest

from harness.twin.shell.objects import PSObject
from tests.twin.cmdlets.shell_nodes import ShellNode

GIB = 1 << 30
SHARE = "C:\\ClusterStorage\\Infrastructure_1\\Shares\\SU1_Infrastructure_1"


def test_the_system_drive(node: ShellNode) -> None:
    free = node.node.free_c_gb
    drive = node.one("Get-PSDrive C")
    assert (drive.get("Name"), drive.get("Root")) == ("C", "C:\\")
    assert drive.get("Free") == free * GIB
    assert node.text("(Get-PSDrive C).Free + (Get-PSDrive C).Used") == str(200 * GIB)
    assert node.text("(Get-PSDrive C).Free -lt 30GB") == "False"
    assert node.error("Get-PSDrive Q").full_id == (
        "GetLocationNoMatchingDrive,Microsoft.PowerShell.Commands.GetPSDriveCommand"
    )


def test_listing(node: ShellNode) -> None:
    node.run("New-Item -ItemType Directory C:\\d\\e; Set-Content C:\\d\\a.txt 1; Set-Content C:\\d\\e\\b.log 2")
    assert node.text('Get-ChildItem C:\\d | % { "$_" }') == "e\na.txt"
    assert node.text("gci C:\\d -Recurse | % FullName") == "C:\\d\\e\nC:\\d\\a.txt\nC:\\d\\e\\b.log"
    assert node.text("dir C:\\d -Recurse -File -Filter *.log | % Name") == "b.log"
    assert node.text("ls C:\\d\\*.txt -Recurse -Name") == "a.txt"
    assert node.text("gci C:\\d -Directory | % Mode") == "d-----"
    assert node.text('"$(Get-Item C:\\D\\A.TXT)"') == "C:\\d\\a.txt"
    assert node.text("(gi C:\\d\\a.txt).Extension + (gi C:\\d\\a.txt).BaseName") == ".txta"
    assert node.table("gci C:\\d")[-1].split() == ["-a----", "10/20/2025", "6:00", "AM", "3", "a.txt"]
    found = node.one("gi C:\\d\\a.txt")
    assert isinstance(found, PSObject) and found.type_names[0] == "System.IO.FileInfo"


def test_times_can_be_set_as_for_the_guide_on_temporary_folders(node: ShellNode) -> None:
    temp = "C:\\Users\\HCIOrchestrator\\AppData\\Local\\Temp"
    find = f"Get-ChildItem {temp} -Recurse -Filter AzStackHci.EnvironmentChecker.* -Directory"
    for name in ("abcdefgh.1yz", "bcdefghi.2yz"):
        node.run(f"New-Item -ItemType Directory {temp}\\{name}\\AzStackHci.EnvironmentChecker.1.2.3")
    node.run(f"(Get-Item {temp}\\abcdefgh.1yz).CreationTime = (Get-Date).AddDays(-3)")
    assert node.text(f"@({find}).Count") == "2"
    old = "$_.Name -match '^[a-z0-9]{8}\\.[a-z0-9]{3}$' -and $_.CreationTime -lt (Get-Date).AddDays(-1)"
    assert node.text(f"Get-ChildItem {temp} -Directory | ? {{ {old} }} | % Name") == "abcdefgh.1yz"
    node.run(f"Get-ChildItem {temp} -Directory | ? {{ {old} }} | Remove-Item -Recurse -Force")
    assert node.text(f"({find}).FullName") == f"{temp}\\bcdefghi.2yz\\AzStackHci.EnvironmentChecker.1.2.3"


@pytest.mark.parametrize("path", ["C:\\", "C:\\ClusterStorage", "C:\\ClusterStorage\\Infrastructure_1"])
def test_drive_and_volumes_cannot_be_deleted(node: ShellNode, path: str) -> None:
    assert node.error(f"Remove-Item {path} -Recurse -Force").message == f"Access to the path '{path}' is denied."
    assert node.text(f"Test-Path {SHARE}\\import") == "True"


@pytest.mark.parametrize(
    ("script", "text"),
    [
        ("Test-Path C:\\Windows\\Temp", "True"),
        ("Test-Path c:/windows/TEMP -PathType Leaf", "False"),
        ("Test-Path C:\\Win*\\Te?p", "True"),
        ("Test-Path -LiteralPath C:\\Win*", "False"),
        ("Test-Path D:\\", "False"),
        ("Test-Path variable:HOME", "True"),
        (f"Test-Path {SHARE}\\import, {SHARE}\\Updates\\Packages, {SHARE}\\Updates\\HealthCheck", "True\nTrue\nTrue"),
        ("Set-Content C:\\x 'é','y' -Encoding UTF8; (Get-Content C:\\x) -join '|'", "é|y"),
        ("Set-Content C:\\x a; Add-Content C:\\x b; (Get-Content C:\\x -Raw).Length", "6"),
        ("'a' > C:\\x; 'b' >> C:\\x; Get-Content C:\\x -Tail 1", "b"),
        ("Set-Content C:\\x abc -NoNewline; [IO.File]::ReadAllBytes('C:\\x') -join ','", "97,98,99"),
        ("[IO.File]::WriteAllBytes('C:\\x', [byte[]](104,105)); Get-Content C:\\x", "hi"),
        ("[IO.File]::Exists('C:\\Windows'); [IO.Directory]::Exists('C:\\Windows')", "False\nTrue"),
        ("Get-Content C:\\y -ErrorAction SilentlyContinue; (New-Item C:\\y -Value abc).Length", "3"),
        ("New-Item C:\\n\\m -ItemType Directory -Force | % Name", "m"),
    ],
)
def test_idioms(node: ShellNode, script: str, text: str) -> None:
    assert node.text(script) == text


def test_copying_and_moving(node: ShellNode) -> None:
    node.run("New-Item -ItemType Directory C:\\s\\t; Set-Content C:\\s\\t\\f one; Copy-Item C:\\s C:\\u -Recurse")
    assert node.text("Get-Content C:\\u\\t\\f") == "one"
    node.run("Set-Content C:\\s\\t\\f two; Copy-Item C:\\s\\t\\f C:\\u; Move-Item C:\\u\\f C:\\u\\g")
    assert node.text("gci C:\\u -Recurse -Name; gc C:\\u\\g") == "t\ng\nt\\f\ntwo"
    assert node.error("Move-Item C:\\u\\g C:\\u\\t\\f").full_id.startswith("MoveFileInfoItemIOError,")
    assert node.text("Move-Item C:\\u\\g C:\\u\\t\\f -Force; gc C:\\u\\t\\f") == "two"
    assert "cannot access the file" in node.error("Move-Item C:\\u C:\\u\\t\\u").message


def test_deleting_gives_the_space_back(node: ShellNode) -> None:
    free = node.node.free_c_gb
    assert node.text("fsutil file createnew C:\\Windows\\Temp\\big.bin 1073741824") == (
        "File C:\\Windows\\Temp\\big.bin is created"
    )
    assert node.node.free_c_gb == free - 1
    assert (
        node.text("fsutil file createnew C:\\Windows\\Temp\\big.bin 1; $LASTEXITCODE") == "Error:  The file exists.\n1"
    )
    assert "not enough space" in node.text(f"fsutil file createnew C:\\huge.bin {400 * GIB}")
    node.run("Get-ChildItem C:\\Windows\\Temp -Recurse | Remove-Item -Force")
    assert node.node.free_c_gb == free


def test_a_full_drive_takes_no_more(node: ShellNode) -> None:
    node.run(f"fsutil file createnew C:\\fill {node.node.files.drive.free_bytes - 2}")
    error = node.error("Set-Content C:\\x abc")
    assert error.message.strip() == "There is not enough space on the disk."
    assert node.text(f"Set-Content {SHARE}\\import\\x abc; gc {SHARE}\\import\\x") == "abc"


@pytest.mark.parametrize(
    ("script", "message", "full_id"),
    [
        ("gci C:\\no", "Cannot find path 'C:\\no' because it does not exist.", "PathNotFound,{}GetChildItemCommand"),
        ("gc C:\\no", "Cannot find path 'C:\\no' because it does not exist.", "PathNotFound,{}GetContentCommand"),
        ("del C:\\no", "Cannot find path 'C:\\no' because it does not exist.", "PathNotFound,{}RemoveItemCommand"),
        ("gi D:\\x", "Cannot find drive. A drive with the name 'D' does not exist.", "DriveNotFound,{}GetItemCommand"),
        (
            "sc C:\\no\\x 1",
            "Could not find a part of the path 'C:\\no\\x'.",
            "GetContentWriterDirectoryNotFoundError,{}SetContentCommand",
        ),
        (
            "ni C:\\Windows -ItemType Directory",
            "An item with the specified name C:\\Windows already exists.",
            "DirectoryExist,{}NewItemCommand",
        ),
        (
            "gc C:\\Windows",
            "Access to the path 'C:\\Windows' is denied.",
            "GetContentReaderUnauthorizedAccessError,{}GetContentCommand",
        ),
        (
            "Remove-Item C:\\Windows\\SoftwareDistribution",
            "Windows PowerShell is in NonInteractive mode. Read and Prompt functionality is not available.",
            "InvalidOperation,{}RemoveItemCommand",
        ),
    ],
)
def test_errors(node: ShellNode, script: str, message: str, full_id: str) -> None:
    error = node.error(script)
    assert (error.message, error.full_id) == (message, full_id.format("Microsoft.PowerShell.Commands."))


def test_errors_of_dotnet_and_of_what_is_not_modelled(node: ShellNode) -> None:
    error = node.error("[IO.File]::WriteAllBytes('C:\\no\\x', [byte[]](1))")
    assert error.message == (
        'Exception calling "WriteAllBytes" with "2" argument(s): "Could not find a part of the path \'C:\\no\\x\'."'
    )
    node.run("fsutil file createnew C:\\z 10")
    for script in (
        "gc C:\\z",
        "[IO.File]::ReadAllBytes('C:\\z')",
        "Dism.exe /Online /Get-Packages",
        "ni C:\\l -Type Link",
    ):
        assert node.error(script).message.startswith("twin limitation: ")


def test_the_cluster_volume_is_shared_and_the_drive_is_not(node: ShellNode) -> None:
    other = ShellNode(node.model, "NODE02")
    node.run(f"Set-Content {SHARE}\\import\\a.txt shared; Set-Content C:\\own.txt mine")
    assert other.text(f"Get-Content {SHARE}\\import\\a.txt; Test-Path C:\\own.txt") == "shared\nFalse"
    node.model.power_off("NODE01")
    node.model.power_on("NODE01")
    node.model.run_until(30 * 60 * 1_000_000_000)
    assert node.text(f"Get-Content C:\\own.txt, {SHARE}\\import\\a.txt") == "mine\nshared"


def test_component_cleanup_takes_time_and_frees_once(node: ShellNode) -> None:
    free, began = node.node.free_c_gb, node.model.now_ns
    assert "Component Store Cleanup Recommended : Yes" in node.text(
        "Dism /Online /Cleanup-Image /AnalyzeComponentStore"
    )
    assert node.text("Dism.exe /Online /Cleanup-Image /StartComponentCleanup; $LASTEXITCODE").endswith(
        "The operation completed successfully.\n0"
    )
    assert node.model.now_ns - began == 570_000_000_000
    assert node.node.free_c_gb == free + 4
    node.run("Dism.exe /Online /Cleanup-Image /StartComponentCleanup")
    assert node.node.free_c_gb == free + 4


def test_services_can_be_stopped_and_started(node: ShellNode) -> None:
    node.run("Stop-Service wuauserv,bits -Force")
    assert node.text('Get-Service wuauserv, bits | % { "$($_.Name) $($_.Status)" }') == "BITS Stopped\nwuauserv Stopped"
    assert node.text("Get-Service bits | Start-Service -PassThru | % Status") == "Running"
    assert node.text("Restart-Service wuauserv; (Get-Service wuauserv).Status") == "Running"
    assert (
        node.error("Stop-Service vmms").message
        == "twin limitation: Stop-Service of the service 'vmms' is not simulated"
    )
    assert node.error("Stop-Service no").full_id.startswith("NoServiceFoundForGivenName,")
