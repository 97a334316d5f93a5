"""Cmdlets about the machine: versions, hotfixes, services, registry, restart; and the cost file."""

from __future__ import annotations

from datetime import datetime
from pathlib import Path

import pytest

from harness.twin.cmdlets.costs import CostError, command_cost_ns, load_costs
from harness.twin.cmdlets.programs import node_programs
from harness.twin.model.groups import UPDATE_SERVICE
from harness.twin.model.states import NodePhase, UpdateState
from harness.twin.shell.native import BUILT_IN
from harness.twin.shell.objects import LOCAL
from tests.twin.cmdlets.shell_nodes import COMMANDS, UPDATE, S, ShellNode, make_node, run_until

VERSION_KEY = "'HKLM:\\SOFTWARE\\Microsoft\\Windows NT\\CurrentVersion'"


def test_the_build_by_all_documented_ways(idle: ShellNode) -> None:
    assert idle.text("(Get-ComputerInfo).OsBuildNumber") == "26100"
    assert idle.table("Get-ComputerInfo | Select OsBuildNumber")[2] == "26100"
    assert idle.text("(cmd /c ver)[1]") == "Microsoft Windows [Version 10.0.26100.6584]"
    key = f"$v = Get-ItemProperty {VERSION_KEY}; "
    assert idle.text(key + '"$($v.CurrentBuildNumber).$($v.UBR) $($v.DisplayVersion)"') == "26100.6584 24H2"
    assert idle.text(f"Get-ItemPropertyValue {VERSION_KEY} -Name UBR") == "6584"
    assert idle.text("(Get-CimInstance Win32_OperatingSystem).BuildNumber") == "26100"
    assert (idle.text("hostname"), idle.text("(Get-CimInstance -ClassName Win32_OperatingSystem).CSName")) == (
        "NODE01",
        "NODE01",
    )


def test_boot_time_and_memory(idle: ShellNode) -> None:
    system = idle.one("Get-CimInstance Win32_OperatingSystem")
    booted = idle.model.datetime_at(idle.node.last_boot_ns).replace(tzinfo=LOCAL)
    assert system.get("LastBootUpTime") == booted
    assert isinstance(system.get("LastBootUpTime"), datetime)
    guests_mib = sum(guest.ram_mib for guest in idle.model.guests.values() if guest.owner == "NODE01")
    assert system.get("FreePhysicalMemory") == (idle.node.memory_mib - guests_mib) * 1024
    picked = idle.one("Get-ComputerInfo -Property Cs*, OsLastBoot*")
    assert [name for name, _ in picked.properties()][-1] == "OsLastBootUpTime"
    assert picked.get("OsName") is None


def test_hotfixes_after_an_update() -> None:
    node = make_node("NODE04", guests=1)
    assert node.objects("Get-HotFix") == []
    node.model.start_update(UPDATE)
    run_until(node.model, lambda: node.model.updates.row(UPDATE).state is UpdateState.Installed)
    assert node.text("(Get-HotFix).HotFixID -join ','") == "KB5066780,KB5066129"
    found = node.one("Get-HotFix -Id KB5066780")
    assert found.get("InstalledOn") == datetime(2025, 10, 20)  # noqa: DTZ001 - a date without zone, as Windows has it
    assert node.table("Get-HotFix -Id KB5066780")[0].split() == [
        "Source", "Description", "HotFixID", "InstalledBy", "InstalledOn",
    ]  # fmt: skip
    assert node.error("Get-HotFix -Id KB1").full_id == (
        "GetHotFixNoEntriesFound,Microsoft.PowerShell.Commands.GetHotFixCommand"
    )


def test_a_clustered_service_runs_on_the_owner_of_its_group() -> None:
    node = make_node("NODE03", guests=1)
    script = "(Get-Service 'Azure Stack HCI Update Service').Status"
    assert node.text(script) == "Running"
    assert ShellNode(node.model, "NODE01").text(script) == "Stopped"
    node.model.move_group(UPDATE_SERVICE, "NODE01")
    assert node.text(script) == "Stopped"
    run_until(node.model, lambda: node.model.updates.available)
    assert ShellNode(node.model, "NODE01").text(script) == "Running"
    assert node.text('"$((Get-Service clussvc, vmms, ECEAgent).Status)"') == "Running Running Running"


def test_services_by_name(idle: ShellNode) -> None:
    assert len(idle.objects("Get-Service 'Azure Stack HCI*'")) == 5
    assert idle.text("'WinRM' | Get-Service | % { [int]$_.Status }") == "4"
    assert idle.error("Get-Service nope").full_id == (
        "NoServiceFoundForGivenName,Microsoft.PowerShell.Commands.GetServiceCommand"
    )


@pytest.mark.parametrize(
    "script",
    ["Get-CimInstance Win32_Fan", "cmd /c dir", "Get-ItemProperty HKLM:\\SOFTWARE\\Contoso", "Get-ItemProperty C:\\x"],
)
def test_what_is_not_simulated_says_so(idle: ShellNode, script: str) -> None:
    assert idle.error(script).message.startswith("twin limitation: ")


def test_registry_values_that_do_not_exist(idle: ShellNode) -> None:
    error = idle.error(f"Get-ItemProperty {VERSION_KEY} -Name Nope")
    assert error.message == (
        "Property Nope does not exist at path HKEY_LOCAL_MACHINE\\SOFTWARE\\Microsoft\\Windows NT\\CurrentVersion."
    )


def test_restarting_this_node_but_no_other(node: ShellNode) -> None:
    boot = node.node.boot_id
    error = node.error("Restart-Computer -ComputerName NODE02 -Force")
    assert (error.error_id, "Access is denied" in error.message) == ("RestartcomputerFailed", True)
    node.run("Restart-Computer -Force")
    run_until(node.model, lambda: node.node.phase is not NodePhase.Running)
    run_until(node.model, lambda: node.node.member)
    assert node.node.boot_id == boot + 1
    assert node.model.nodes["NODE02"].boot_id == 1


def test_a_single_machine_has_plain_services_and_no_groups_for_them() -> None:
    node = make_node(nodes=1, guests=2)
    assert node.text("(Get-Service 'Azure Stack HCI Update Service').Status") == "Running"
    assert node.text("@(Get-ClusterGroup | ? GroupType -eq GenericService).Count") == "0"
    assert len(node.objects("Get-SolutionUpdate")) == 7


def test_costs_come_from_the_data_file() -> None:
    assert command_cost_ns("get-solutionupdate") == 3 * S
    assert command_cost_ns("Get-SolutionUpdateRun") == 2 * S
    assert command_cost_ns("Get-ClusterNode") < S
    assert command_cost_ns("Get-Anything") == S // 10
    with pytest.raises(CostError, match="wait 'x' is missing"):
        load_costs().wait_s("x")


def test_every_entry_of_the_cost_file_names_a_command() -> None:
    known = {command.name.lower() for command in COMMANDS.all_commands()}
    methods = {"deleteactionplaninstance"}
    assert set(load_costs().commands) <= known | BUILT_IN | node_programs(None).keys() | methods


@pytest.mark.parametrize("text", ["schema: 2", "schema: 1", "schema: 1\nfamilies: {}\ncommands: {}\nwaits: []"])
def test_a_broken_cost_file_is_refused(tmp_path: Path, text: str) -> None:
    (tmp_path / "commands.yaml").write_text(text)
    with pytest.raises(CostError, match=r"commands\.yaml"):
        load_costs(tmp_path)
