"""Commands on other nodes: results, errors, ``$using:``, sessions, and the double hop."""

from __future__ import annotations

import pytest

from harness.twin.shell.objects import PSObject
from tests.twin.cmdlets.shell_nodes import HOUR, S, ShellNode, make_node


@pytest.fixture
def hopping() -> ShellNode:
    """NODE01 for a user whose log-on may go on, as one by CredSSP may."""
    node = make_node(guests=4)
    node.delegated = True
    return node


def test_a_plain_log_on_is_not_taken_by_another_node(idle: ShellNode) -> None:
    error = idle.error("Invoke-Command -ComputerName NODE02 -ScriptBlock { 1 }")
    assert (error.full_id, error.category) == ("AccessDenied,PSSessionStateBroken", "OpenError")
    assert "failed with the following error message : Access is denied." in error.message
    assert idle.error("New-PSSession NODE02").full_id == "AccessDenied,PSSessionStateBroken"


def test_results_say_where_they_come_from(hopping: ShellNode) -> None:
    found = hopping.objects("Invoke-Command -ComputerName NODE03,NODE02 { Get-Service vmms }")
    assert [item.get("PSComputerName") for item in found] == ["NODE03", "NODE02"]
    assert found[0].type_names[0] == "Deserialized.System.ServiceProcess.ServiceController"
    assert hopping.text("(Invoke-Command NODE02 { hostname }).ToString()") == "NODE02"
    lines = hopping.table("Invoke-Command NODE02 { Get-Service vmms }")
    assert lines[0].split() == ["Status", "Name", "DisplayName", "PSComputerName"]
    assert lines[2].split()[0] == "Running"


def test_an_enum_arrives_as_its_number_with_a_label(hopping: ShellNode) -> None:
    script = "$n = Invoke-Command NODE02 { Get-ClusterNode NODE03 }; "
    assert hopping.text(script + "\"$($n.State.Value) $($n.State -eq 0) $($n.State -eq 'Up')\"") == "Up True False"


def test_properties_below_the_first_level_arrive_as_text(hopping: ShellNode) -> None:
    owner = hopping.one("Invoke-Command NODE02 { Get-ClusterGroup | Select-Object -First 1 }").get("OwnerNode")
    assert isinstance(owner, str)


def test_using_and_arguments_take_values_along(hopping: ShellNode) -> None:
    script = "$x = @{ a = 3 }; Invoke-Command NODE02 { param($y) $using:x['a'] + $using:x.a + $y } -ArgumentList 10"
    assert hopping.text(script) == "16"
    assert hopping.error("Invoke-Command NODE02 { $using:nothing }").full_id == (
        "UsingVariableIsUndefined,Microsoft.PowerShell.Commands.InvokeCommandCommand"
    )
    assert hopping.text("2,3 | Invoke-Command NODE02 { $input | ForEach-Object { $_ * 2 } }") == "4\n6"


def test_variables_of_the_caller_are_not_there(hopping: ShellNode) -> None:
    assert hopping.text('$x = 5; Invoke-Command NODE02 { "<$x>" }') == "<>"


def test_without_a_machine_a_block_runs_here(idle: ShellNode) -> None:
    assert idle.text("$x = 5; Invoke-Command { $x + 1 }") == "6"
    assert idle.text("1,2 | Invoke-Command { $input | ForEach-Object { $_ + 1 } }") == "2\n3"


def test_errors_of_another_machine_keep_their_ids(hopping: ShellNode) -> None:
    error = hopping.error("Invoke-Command NODE02 { Get-Item C:\\nope }")
    assert error.full_id == "PathNotFound,Microsoft.PowerShell.Commands.GetItemCommand"
    assert error.exception.type_name == "System.Management.Automation.RemoteException"
    assert hopping.text(
        "try { Invoke-Command NODE02 { throw 'x' } -ErrorAction Stop } catch { \"$_ $($_.CategoryInfo.Category)\" }"
    ).startswith("x ")


def test_unknown_and_silent_machines(hopping: ShellNode) -> None:
    assert hopping.error("Invoke-Command nope { 1 }").full_id == "NetworkPathNotFound,PSSessionStateBroken"
    hopping.model.power_off("NODE03")
    before = hopping.model.now_ns
    assert hopping.error("Invoke-Command NODE03 { 1 }").full_id == "WinRMOperationTimeout,PSSessionStateBroken"
    assert hopping.model.now_ns - before == 21 * S
    hopping.model.power_on("NODE03")
    hopping.model.run_until(hopping.model.now_ns + HOUR)
    assert hopping.text("Invoke-Command NODE03 { hostname }") == "NODE03"


def test_the_hop_ends_there(hopping: ShellNode) -> None:
    error = hopping.error("Invoke-Command NODE02 { Invoke-Command -ComputerName NODE03 -ScriptBlock { 1 } }")
    assert error.full_id == "AccessDenied,PSSessionStateBroken"


def test_a_session_keeps_its_variables_until_its_node_restarts(hopping: ShellNode) -> None:
    script = "$s = New-PSSession NODE02; Invoke-Command $s { $x = 5 }; Invoke-Command -Session $s { $x + 1 }; "
    assert hopping.text(script + "@(Get-PSSession).Count; Remove-PSSession $s; @(Get-PSSession).Count") == "6\n1\n0"
    broken = hopping.error("$s = New-PSSession NODE02; Restart-Computer NODE02 -Wait; Invoke-Command $s { 1 }")
    assert broken.full_id == "InvokeCommandInvalidSessionState,Microsoft.PowerShell.Commands.InvokeCommandCommand"


def test_a_command_dies_with_its_node(hopping: ShellNode) -> None:
    script = "Invoke-Command NODE02 { Restart-Computer; Start-Sleep 86400 }; 'goes on'"
    before = hopping.model.now_ns
    out, (error,), _ = hopping.run(script)
    assert (out, error.full_id) == (["goes on"], "JobFailure")
    assert hopping.model.now_ns - before < HOUR


def test_what_is_not_simulated_is_said(hopping: ShellNode) -> None:
    for script in (
        "Invoke-Command NODE02 { 1 } -Credential x",
        "Invoke-Command VM01 { 1 }",
    ):
        assert "twin limitation" in hopping.error(script).message


def test_the_cluster_name_leads_to_a_node(hopping: ShellNode) -> None:
    owner = next(group.owner for group in hopping.model.roles() if group.name == "Cluster Group")
    assert hopping.text("Invoke-Command (Get-Cluster).Name { hostname }") == owner
    other = hopping.one("Get-CimInstance Win32_OperatingSystem -ComputerName NODE02")
    assert isinstance(other, PSObject)
    assert (other.get("CSName"), other.get("PSComputerName")) == ("NODE02", "NODE02")
