"""Virtual switches and the host's adapters on them: what other commands then show, and what depends on them."""

from __future__ import annotations

import pytest

from tests.twin.cmdlets.shell_nodes import S, ShellNode, make_node

SWITCH = "ConvergedSwitch(compute_management)"


@pytest.fixture
def drained() -> ShellNode:
    """NODE01 of four nodes; no guests run on it."""
    return make_node(guests=0)


def test_a_new_switch_takes_the_adapters_address_to_the_host(node: ShellNode) -> None:
    made = node.one("New-VMSwitch -Name test -NetAdapterName 'ethernet 3' -AllowManagementOS $true")
    assert (made.get("Name"), str(made.get("SwitchType")), made.get("EmbeddedTeamingEnabled")) == (
        "test",
        "External",
        False,
    )
    assert node.text("(Get-NetAdapter 'vEthernet (test)').Status") == "Up"
    assert node.text("(Get-NetAdapter 'vEthernet (test)').LinkSpeed") == "25 Gbps"
    assert node.text("(Get-NetIPAddress 10.71.1.10).InterfaceAlias") == "vEthernet (test)"
    assert node.text("(Get-VMSwitch test).NetAdapterInterfaceDescription") == "Contoso 25GbE Network Adapter #3"
    assert "already bound" in node.error("New-VMSwitch other -NetAdapterName 'ethernet 3'").message
    assert node.text("Test-Connection 10.71.1.11 -Count 1 -Quiet") == "True"


def test_a_switch_goes_with_its_host_adapters(node: ShellNode) -> None:
    node.run("New-VMSwitch -Name test -NetAdapterName 'ethernet 3','ethernet 4' -EnableEmbeddedTeaming $true")
    assert node.text("(Get-VMSwitch test).AllowManagementOS") == "True"
    assert node.text("(Get-VMSwitchTeam test).NetAdapterInterfaceDescription.Count") == "2"
    node.run("Get-VMSwitch -Name test | Remove-VMSwitch -Force")
    assert node.text("Get-VMSwitch | % Name") == SWITCH
    assert node.error("Get-NetAdapter 'vEthernet (test)'").category == "ObjectNotFound"
    assert node.error("Get-NetIPAddress 10.71.1.10").category == "ObjectNotFound"


def test_what_if_makes_and_removes_nothing(node: ShellNode) -> None:
    node.run("New-VMSwitch -Name test -SwitchType Internal -WhatIf; Remove-VMSwitch * -Force -WhatIf")
    assert node.text("Get-VMSwitch | % Name") == SWITCH


def test_running_guests_keep_their_switch(node: ShellNode) -> None:
    assert "drain it first" in node.error(f"Remove-VMSwitch '{SWITCH}' -Force").message
    assert node.text("Get-VMSwitch | % Name") == SWITCH


def test_without_its_switch_a_node_is_out_of_reach_until_it_has_its_address_again(drained: ShellNode) -> None:
    other = ShellNode(drained.model, "NODE02")
    drained.run(f"Remove-VMSwitch '{SWITCH}' -Force")
    assert not drained.node.management_up
    assert other.text("Test-Connection NODE01 -Count 1 -Quiet") == "False"
    drained.run(f"New-VMSwitch '{SWITCH}' -NetAdapterName ethernet,'ethernet 2' -EnableEmbeddedTeaming $true")
    drained.run(f"New-NetIPAddress -InterfaceAlias 'vEthernet ({SWITCH})' -IPAddress 192.168.200.10 -PrefixLength 24")
    assert other.text("Test-Connection NODE01 -Count 1 -Quiet") == "True"


def test_network_atc_makes_a_lost_switch_anew(drained: ShellNode) -> None:
    before = drained.text("(Get-VMSwitch).Id")
    drained.run(f"Remove-VMSwitch '{SWITCH}' -Force")
    drained.model.run_until(drained.model.now_ns + 1200 * S, lambda event: False)
    assert drained.text("Get-VMSwitch | % Name") == SWITCH
    assert drained.text("(Get-VMSwitch).Id") != before
    assert drained.text("Get-VMNetworkAdapter -ManagementOS | % Name") == "vManagement(compute_management)"


def test_host_adapters_come_and_go(node: ShellNode) -> None:
    node.run(f"Add-VMNetworkAdapter -ManagementOS -Name Temp -SwitchName '{SWITCH}'")
    assert node.text("Get-VMNetworkAdapter -ManagementOS | % Name").split("\n")[1] == "Temp"
    adapter = node.one("Get-NetAdapter 'vEthernet (Temp)'")
    assert str(adapter.get("MacAddress")).startswith("00-15-5D-")
    assert adapter.get("InterfaceDescription") == "Hyper-V Virtual Ethernet Adapter #2"
    node.run("Get-NetAdapter 'vEthernet (Temp)' | Rename-NetAdapter -NewName Temp")
    assert node.text("(Get-NetAdapter Temp).Virtual") == "True"
    assert node.text("(Get-VMNetworkAdapter -ManagementOS -Name Temp).SwitchName") == SWITCH
    node.run("Remove-VMNetworkAdapter -ManagementOS -Name Temp")
    assert node.error("Get-VMNetworkAdapter -ManagementOS -Name Temp").category == "InvalidArgument"
    assert node.error("Get-NetAdapter Temp").category == "ObjectNotFound"


def test_a_host_adapter_is_renamed_on_both_sides(node: ShellNode) -> None:
    node.run("Add-VMNetworkAdapter -ManagementOS -Name Temp; Rename-VMNetworkAdapter -ManagementOS Temp -NewName Other")
    assert node.text("Get-NetAdapter vEthernet* | % Name") == "vEthernet (Other)"


def test_vlans_of_host_adapters(node: ShellNode) -> None:
    node.run("Add-VMNetworkAdapter -ManagementOS -Name Temp")
    node.run(
        "Set-VMNetworkAdapterIsolation -ManagementOS -VMNetworkAdapterName Temp -IsolationMode Vlan "
        "-AllowUntaggedTraffic $true -DefaultIsolationID 711"
    )
    row = node.objects("Get-VMNetworkAdapterIsolation -ManagementOS -VMNetworkAdapterName Temp")[0]
    assert (str(row.get("IsolationMode")), row.get("DefaultIsolationID")) == ("Vlan", 711)
    node.run("Set-VMNetworkAdapterVlan -ManagementOS -VMNetworkAdapterName Temp -Access -VlanId 20")
    header, _, row_text = node.table("Get-VMNetworkAdapterVlan -ManagementOS -VMNetworkAdapterName Temp")
    assert header.split() == ["VMName", "VMNetworkAdapterName", "Mode", "VlanList"]
    assert row_text.split() == ["Temp", "Access", "20"]
    name = "vManagement(compute_management)"
    error = node.error(f"Set-VMNetworkAdapterVlan -ManagementOS -VMNetworkAdapterName '{name}' -Access -VlanId 20")
    assert error.message.startswith("twin limitation: ")


def test_members_of_a_team(node: ShellNode) -> None:
    node.run("New-VMSwitch -Name test -NetAdapterName 'ethernet 3' -EnableEmbeddedTeaming $true")
    node.run("Add-VMSwitchTeamMember test -NetAdapterName 'ethernet 4'")
    assert node.text("(Get-VMSwitch test).NetAdapterInterfaceDescriptions.Count") == "2"
    assert node.text("(Get-NetAdapter 'vEthernet (test)').LinkSpeed") == "50 Gbps"
    node.run("Remove-VMSwitchTeamMember test -NetAdapterName 'ethernet 3'")
    node.run("Set-VMSwitchTeam test -LoadBalancingAlgorithm HyperVPort")
    team = node.one("Get-VMSwitchTeam test")
    assert team.get("NetAdapterInterfaceDescription")[0].endswith("#4")  # type: ignore[index]
    assert str(team.get("LoadBalancingAlgorithm")) == "HyperVPort"


def test_an_internal_switch_connects_nobody_else(node: ShellNode) -> None:
    node.run("New-VMSwitch inner -SwitchType Internal; New-VMSwitch private -SwitchType Private")
    assert node.text("Get-VMSwitch | % SwitchType") == "External\nInternal\nPrivate"
    assert node.text("(Get-NetAdapter 'vEthernet (inner)').Status") == "Up"
    assert node.error("Get-NetAdapter 'vEthernet (private)'").category == "ObjectNotFound"
    node.run("Set-VMSwitch inner -AllowManagementOS $false -Notes test; Rename-VMSwitch inner -NewName core")
    assert node.text("(Get-VMSwitch core).Notes") == "test"
    assert node.error("Get-NetAdapter 'vEthernet (inner)'").category == "ObjectNotFound"


def test_extensions_are_switched(node: ShellNode) -> None:
    name = "'Microsoft Windows Filtering Platform'"
    assert node.text(f"(Get-VMSwitch | Get-VMSwitchExtension -Name {name}).Enabled") == "True"
    assert node.text(f"(Disable-VMSwitchExtension -VMSwitchName '{SWITCH}' -Name {name}).Running") == "False"
    node.run(f"Get-VMSwitchExtension '{SWITCH}' | Enable-VMSwitchExtension")
    assert node.text(f"Get-VMSwitchExtension '{SWITCH}' | % Enabled") == "True\nTrue"
    error = node.error(f"Get-VMSwitchExtension '{SWITCH}' -Name 'Microsoft Azure VFP Switch Extension'")
    assert error.category == "InvalidArgument"


def test_a_new_host_adapter_waits_for_dhcp(node: ShellNode) -> None:
    node.run("Add-VMNetworkAdapter -ManagementOS -Name Temp; New-VMSwitch test -NetAdapterName 'ethernet 3'")
    script = "Get-NetIPInterface -AddressFamily IPv4 -Dhcp Enabled | % InterfaceAlias"
    assert node.text(script) == "vEthernet (Temp)"
