"""Scripts and files that go to other nodes, and what starts a program ([D] PSD 5.1)."""

from __future__ import annotations

import pytest

from tests.twin.cmdlets.shell_nodes import ShellNode, make_node


@pytest.fixture
def console() -> ShellNode:
    """NODE01 with a log-on that other machines accept."""
    made = make_node(guests=1)
    made.delegated = True
    return made


def test_files_go_through_a_session_and_back(console: ShellNode) -> None:
    script = """$s = New-PSSession NODE02
New-Item -Force C:\\d\\e\\f.txt -Value hi | Out-Null
Copy-Item C:\\d -Destination C:\\ -ToSession $s -Recurse
Copy-Item C:\\d\\e\\f.txt C:\\back.txt -FromSession $s
Get-Content C:\\back.txt"""
    assert console.text(script) == "hi"
    assert console.model.nodes["NODE02"].files.exists("C:\\d\\e\\f.txt")


def test_a_closed_session_takes_no_file(console: ShellNode) -> None:
    script = "$s = New-PSSession NODE02; Remove-PSSession $s; Copy-Item C:\\Windows C:\\x -ToSession $s"
    assert console.error(script).error_id == "InvalidRunspaceState"


def test_a_script_file_runs_on_other_nodes(console: ShellNode) -> None:
    console.node.files.write("C:\\s.ps1", b'param($a) "$a $(hostname)"')
    script = "Invoke-Command -ComputerName NODE02, NODE03 -FilePath C:\\s.ps1 -ArgumentList 7"
    assert console.text(script) == "7 NODE02\n7 NODE03"
    assert console.error("Invoke-Command NODE02 -FilePath C:\\none.ps1").error_id == "PathNotFound"


def test_a_command_on_nodes_can_be_a_job(console: ShellNode) -> None:
    script = "$j = Invoke-Command NODE01, NODE02 { hostname } -AsJob; $j.PSJobTypeName; Receive-Job $j"
    assert console.text(script) == "RemoteJob\nNODE01\nNODE02"


@pytest.mark.parametrize(
    "script",
    ["Invoke-Command -VMName vm { 1 }", "New-PSSession -ConfigurationName Other", "New-PSSession -VMName vm"],
)
def test_other_ends_of_sessions_are_refused(console: ShellNode, script: str) -> None:
    assert console.error(script).error_id == "TwinLimitation"


def test_features_of_another_node_need_a_second_hop(console: ShellNode, node: ShellNode) -> None:
    assert console.text("(Get-WindowsFeature Hyper-V -ComputerName NODE02).InstallState") == "Installed"
    assert "Access is denied." in node.error("Get-WindowsFeature Hyper-V -ComputerName NODE02").message


def test_a_started_program_runs_to_its_end(node: ShellNode) -> None:
    assert (
        node.text("Start-Process powershell '-Command \"Set-Content C:\\p.txt done\"'; Get-Content C:\\p.txt") == "done"
    )
    assert node.text("Start-Process cmd '/c echo hi' -RedirectStandardOutput C:\\o.txt; Get-Content C:\\o.txt") == "hi"
    assert node.text("(Start-Process cmd '/c exit 4' -PassThru).ExitCode") == "4"
    assert node.error("Start-Process netsh wlan").error_id == "TwinLimitation"


def test_a_program_starts_where_the_session_stands(node: ShellNode) -> None:
    node.node.files.make_folder("C:\\Here")
    node.node.files.write("C:\\Here\\a.ps1", b"'found'")
    assert node.text("cd C:\\Here; powershell -File a.ps1") == "found"


def test_how_a_restart_is_asked_for_makes_no_difference(console: ShellNode) -> None:
    before = console.model.nodes["NODE02"].boot_id
    console.text("Restart-Computer NODE02 -Protocol WSMan -Wait -For PowerShell -Force")
    assert console.model.nodes["NODE02"].boot_id > before


def test_nodes_of_the_cluster_are_names_and_sessions_are_sessions(console: ShellNode) -> None:
    assert console.text("Invoke-Command (Get-ClusterNode NODE02) { hostname }") == "NODE02"
    assert console.text("Invoke-Command (New-PSSession NODE03) { hostname }") == "NODE03"


def test_a_list_may_shrink_while_it_is_read(node: ShellNode) -> None:
    _, errors, _ = node.run("Get-InstalledModule | Uninstall-Module -Force")
    assert errors == []
    assert node.text("@(Get-InstalledModule).Count") == "0"
