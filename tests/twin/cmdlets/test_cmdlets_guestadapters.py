"""Network adapters of guests, as their hosts tell of them."""

from __future__ import annotations

import re
from collections.abc import Iterator

import pytest

from harness.twin.clock import ClockMode
from harness.twin.lab import Account, LabSpec, SimulatedLab
from harness.twin.model import ModelSpec
from harness.twin.model.windows.spec import WindowsGuestSpec
from tests.twin.cmdlets.shell_nodes import HOUR, ShellNode

HOST_ADAPTER = "vManagement(compute_management)"
PORT = 58895
MODEL = ModelSpec(nodes=1, guests=2, windows=(WindowsGuestSpec(guest="VM02"),))


def test_default_view(idle: ShellNode) -> None:
    header, _, row = idle.table("Get-VMNetworkAdapter VM01")
    assert header.split() == ["Name", "IsManagementOs", "VMName", "SwitchName", "MacAddress", "Status", "IPAddresses"]
    name, is_host, rest = row[:15], row[16:21], row[21:].split()
    assert (name, is_host) == ("Network Adapter", "False")
    assert (rest[0], rest[1]) == ("VM01", "ConvergedSwitch(compute_management)")
    assert re.fullmatch("00155D[0-9A-F]{6}", rest[2])
    assert rest[3:] == ["{Ok}", "{198.19.0.1}"]


def test_properties(idle: ShellNode) -> None:
    adapter, guest = idle.one("Get-VMNetworkAdapter VM05"), idle.model.guests["VM05"]
    assert (adapter.get("VMName"), str(adapter.get("VMId"))) == ("VM05", guest.vm_id)
    assert str(adapter.get("Id")).startswith(f"Microsoft:{guest.vm_id.upper()}\\")
    assert adapter.get("SwitchId") == idle.one("Get-VMSwitch").get("Id")
    assert (adapter.get("ComputerName"), adapter.get("Connected")) == ("NODE01", True)


def test_only_guests_of_this_host(idle: ShellNode) -> None:
    own = [guest.name for guest in idle.model.guests.values() if guest.owner == "NODE01"]
    for script in ("Get-VMNetworkAdapter *", "Get-VM | Get-VMNetworkAdapter", "Get-VMNetworkAdapter -VM (Get-VM)"):
        assert idle.text(f"{script} | % VMName").split("\n") == own
    error = idle.error("Get-VMNetworkAdapter -VMName VM02")
    assert error.full_id == "InvalidParameter,Microsoft.HyperV.PowerShell.Commands.GetVMNetworkAdapter"


def test_addresses_and_macs_are_each_guests_own(idle: ShellNode) -> None:
    for each in ("IPAddresses", "MacAddress"):
        found = idle.text(f"Get-VMNetworkAdapter * | % {each}").split("\n")
        assert len(set(found)) == len(found) == 10


def test_all_adapters_are_those_of_the_host_and_of_its_guests(node: ShellNode) -> None:
    found = node.text('Get-VMNetworkAdapter -All | % { "$($_.Name),$($_.VMName)" }').split("\n")
    assert found == [f"{HOST_ADAPTER},", "Network Adapter,VM01", "Network Adapter,VM05"]
    assert not [line for line in node.table("Get-VMNetworkAdapter -All") if " : " in line]  # one table of both kinds
    assert node.text("Get-VMNetworkAdapter -ManagementOS | % Name") == HOST_ADAPTER


def test_by_the_adapters_name(node: ShellNode) -> None:
    assert node.text("Get-VMNetworkAdapter VM05 -Name network* | % VMName") == "VM05"
    assert node.text("@(Get-VMNetworkAdapter VM05 -Name other*).Count") == "0"
    assert 'virtual network adapter with name "other"' in node.error("Get-VMNetworkAdapter VM05 -Name other").message


def test_without_saying_whose(idle: ShellNode) -> None:
    assert idle.error("Get-VMNetworkAdapter").full_id.startswith("MissingMandatoryParameter,")


def test_property_of_a_virtual_machine(node: ShellNode) -> None:
    assert node.text("(Get-VM VM05).NetworkAdapters.IPAddresses") == "198.19.0.5"
    assert node.text("(Get-VM VM05).NetworkAdapters[0].VMName") == "VM05"


def test_no_address_until_the_guests_system_runs(node: ShellNode) -> None:
    told = '$a = Get-VMNetworkAdapter VM01; "$($a.Status)|$($a.IPAddresses)"'
    before = node.text("(Get-VMNetworkAdapter VM01).MacAddress")
    node.run("Stop-VM VM01 -TurnOff")
    assert node.text(told) == "|"
    node.run("Start-VM VM01")
    assert node.text(told) == "Ok|"
    node.model.run_until(node.model.now_ns + HOUR)
    assert node.text(told) == "Ok|198.19.0.1"
    node.run("Suspend-VM VM01")
    assert node.text(told) == "Ok|"
    assert node.text("(Get-VMNetworkAdapter VM01).MacAddress") == before


def test_a_moved_guest_keeps_its_adapter(node: ShellNode) -> None:
    before = node.text('Get-VMNetworkAdapter VM01 | % { "$($_.MacAddress) $($_.IPAddresses) $($_.AdapterId)" }')
    node.delegated = True
    node.run("Move-ClusterVirtualMachineRole VM01 -Node NODE02")
    node.model.run_until(node.model.now_ns + HOUR)
    node.computer_name = "NODE02"
    after = node.text('Get-VMNetworkAdapter VM01 | % { "$($_.MacAddress) $($_.IPAddresses) $($_.AdapterId)" }')
    assert after == before


def test_without_a_switch_it_is_not_connected(node: ShellNode) -> None:
    node.run("Get-VM | Stop-VM -TurnOff; Get-VMSwitch | Remove-VMSwitch -Force")
    assert node.text('Get-VMNetworkAdapter VM01 | % { "$($_.Connected)|$($_.SwitchName)" }') == "False|"


@pytest.mark.parametrize("script", ["Get-VMNetworkAdapter VM01", "Get-VM VM01"])
def test_other_commands_do_not_take_guests_for_the_host(idle: ShellNode, script: str) -> None:
    error = idle.error(f"{script} | Get-VMNetworkAdapterVlan")
    assert error.message.startswith("twin limitation: ")


@pytest.fixture
def lab() -> Iterator[SimulatedLab]:
    """One node with a managed guest on a virtual clock."""
    account = Account("AZL", "hil", "Lab-Pass1")
    made = SimulatedLab(LabSpec(MODEL, ClockMode.parse("virtual"), account, PORT, PORT + 1, 1_000_000_000))
    yield made
    made.close()


def test_a_managed_guest_has_the_address_at_which_it_is_reached(lab: SimulatedLab) -> None:
    for _ in range(2):
        node = ShellNode(lab._plant.model)
        assert node.text("(Get-VMNetworkAdapter VM02).IPAddresses") == lab.guest_access("VM02").address
        assert node.text("(Get-VMNetworkAdapter VM01).IPAddresses") == "198.19.0.1"
        lab.reset(MODEL)
