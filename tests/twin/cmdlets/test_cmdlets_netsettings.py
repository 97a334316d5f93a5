"""Data centre bridging, LLDP, features of adapters, firewall and network profiles: settings and what they change."""

from __future__ import annotations

from ipaddress import IPv4Address

import pytest

from tests.twin.cmdlets.shell_nodes import S, ShellNode

MANAGEMENT = "vManagement(compute_management)"


# --- data centre bridging


def test_flow_control_of_storage(idle: ShellNode) -> None:
    assert idle.text("Get-NetQosFlowControl | ? Enabled | % Priority") == "3"
    assert idle.text("(Get-NetQosFlowControl -Priority 3).Enabled") == "True"
    assert idle.text("Get-NetAdapterQos -Name 'ethernet 3' | % OperationalFlowControl") == "Priority 3 Enabled"
    assert idle.text("Get-NetAdapterQos -Name ethernet | % OperationalFlowControl") == "All Priorities Disabled"


def test_traffic_classes_share_the_bandwidth(idle: ShellNode) -> None:
    header, _, *rows = idle.table("Get-NetQosTrafficClass")
    assert header.split()[:4] == ["Name", "Algorithm", "Bandwidth(%)", "Priority"]
    assert [row.split()[:4] for row in rows] == [
        ["[Default]", "ETS", "49", "0-2,4-6"],
        ["SMB_Direct", "ETS", "50", "3"],
        ["Cluster", "ETS", "1", "7"],
    ]
    assert idle.text("Get-NetQosPolicy | % { $_.Name; $_.NetDirectPort; $_.PriorityValue }").split() == [
        "SMB_Direct", "445", "3", "Cluster", "0", "7",
    ]  # fmt: skip
    assert idle.error("Get-NetQosTrafficClass nope").category == "ObjectNotFound"


def test_an_override_changes_the_classes(node: ShellNode) -> None:
    node.run(
        "$qos = New-NetIntentQoSPolicyOverrides -PriorityValue8021Action_SMB 4\n"
        "Set-NetIntent -Name storage -QoSPolicyOverrides $qos -Wait"
    )
    assert node.text("Get-NetQosFlowControl | ? Enabled | % Priority") == "4"
    assert node.text("Get-NetAdapterQos 'ethernet 4' | % OperationalFlowControl") == "Priority 4 Enabled"


def test_willing_holds_for_the_machine_or_for_one_adapter(node: ShellNode) -> None:
    node.run("Set-NetQosDcbxSetting -Willing $true")
    node.run("Set-NetQosDcbxSetting -InterfaceAlias 'ethernet 3' -Willing $false -Confirm:$false")
    assert node.text("(Get-NetQosDcbxSetting).Willing") == "True"
    assert node.text("(Get-NetQosDcbxSetting -InterfaceAlias 'ethernet 4').Willing") == "True"
    assert node.text("(Get-NetQosDcbxSetting -InterfaceAlias 'ethernet 3').Willing") == "False"
    node.run("Disable-NetQosFlowControl -Priority 3")
    assert node.text("Get-NetQosFlowControl | ? Enabled") == ""


# --- LLDP


def test_an_agent_that_was_only_enabled_is_off_after_a_restart(node: ShellNode) -> None:
    """What is set survives a restart where it changed the state, what is enabled does not [T]."""
    status = "(Get-NetLldpAgent '{}' | select -First 1).Status"
    node.run("Enable-NetLldpAgent -NetAdapterName 'ethernet 3'")
    node.run("Enable-NetLldpAgent ethernet; Set-NetLldpAgent ethernet -AdminStatus Enabled")
    node.run("Set-NetLldpAgent -NetAdapterName 'ethernet 4' -AdminStatus Enabled")
    names = ("ethernet", "ethernet 3", "ethernet 4")
    assert [node.text(status.format(name)) for name in names] == ["Enabled"] * 3
    assert node.text("(Get-NetLldpAgent 'ethernet 3' -Scope NearestBridge).AdminStatus") == "3"
    node.model.restart_node("NODE01")
    node.model.run_until(node.model.now_ns + 3600 * S, lambda event: event.kind == "node.up")
    assert [node.text(status.format(name)) for name in names] == ["Disabled", "Disabled", "Enabled"]


# --- features of adapters


def test_features_follow_the_drivers_properties(node: ShellNode) -> None:
    assert node.text("Get-NetAdapterRss | % Enabled | select -Unique") == "True"
    node.run("Set-NetAdapterAdvancedProperty ethernet -RegistryKeyword '*RSS' -RegistryValue 0")
    assert node.text("Get-NetAdapterRss | ? Enabled -eq $false | % Name") == "ethernet"
    assert node.table("Get-NetAdapterVmq ethernet")[2].split()[-4:] == ["True", "0:0", "16", "16"]
    assert node.text("(Get-NetAdapterSriov ethernet).SwitchName") == "ConvergedSwitch(compute_management)"


def test_bindings_follow_the_switch(node: ShellNode) -> None:
    script = "(Get-NetAdapterBinding '{}' -ComponentID ms_tcpip).Enabled"
    assert [node.text(script.format(name)) for name in ("ethernet", "ethernet 3")] == ["False", "True"]
    node.run("New-VMSwitch test -NetAdapterName 'ethernet 3'")
    assert node.text(script.format("ethernet 3")) == "False"
    assert node.text("(Get-NetAdapterBinding 'ethernet 3' -ComponentID vms_pp).Enabled") == "True"


def test_an_adapter_that_restarts_is_up(node: ShellNode) -> None:
    node.run("Disable-NetAdapter 'ethernet 3' -Confirm:$false; Restart-NetAdapter -Name 'ethernet 3'")
    assert node.text("(Get-NetAdapter 'ethernet 3').Status") == "Up"


# --- addresses, routes, names


def test_addresses_and_routes_are_changed(node: ShellNode) -> None:
    node.run("Get-NetIPAddress 10.71.1.10 | Set-NetIPAddress -PrefixLength 16")
    assert node.text("(Get-NetIPAddress 10.71.1.10).PrefixLength") == "16"
    node.run("New-NetRoute 10.9.0.0/16 -InterfaceAlias 'ethernet 3' -NextHop 10.71.1.1")
    node.run("Set-NetRoute -DestinationPrefix 10.9.0.0/16 -RouteMetric 5")
    assert node.text("(Get-NetRoute 10.9.0.0/16).RouteMetric") == "5"
    node.run("Get-NetRoute 10.9.0.0/16 | Remove-NetRoute -Confirm:$false")
    assert node.error("Get-NetRoute 10.9.0.0/16").category == "ObjectNotFound"
    node.run("Set-DnsClient -InterfaceAlias 'ethernet 3' -RegisterThisConnectionsAddress $false")
    assert node.text("Get-DnsClient | ? RegisterThisConnectionsAddress -eq $false | % InterfaceAlias") == "ethernet 3"


def test_profiles_of_networks(node: ShellNode) -> None:
    assert (
        node.text(f"(Get-NetConnectionProfile -InterfaceAlias '{MANAGEMENT}').NetworkCategory") == "DomainAuthenticated"
    )
    node.run(
        "Get-NetConnectionProfile -InterfaceAlias 'ethernet 3' | Set-NetConnectionProfile -NetworkCategory Private"
    )
    assert node.text("(Get-NetConnectionProfile -NetworkCategory Private).InterfaceAlias") == "ethernet 3"
    error = node.error(f"Set-NetConnectionProfile -InterfaceAlias '{MANAGEMENT}' -NetworkCategory Private")
    assert error.full_id == "MI RESULT 2,Set-NetConnectionProfile"


# --- firewall


def test_a_rule_that_blocks_pings_is_made_and_removed(node: ShellNode) -> None:
    other = ShellNode(node.model, "NODE02")
    made = node.one("New-NetFirewallRule -DisplayName 'No ping' -Protocol ICMPv4 -Action Block -Profile Any")
    assert (str(made.get("Enabled")), str(made.get("Action"))) == ("True", "Block")
    assert other.text("Test-Connection NODE01 -Count 1 -Quiet") == "False"
    node.run("Set-NetFirewallRule -DisplayName 'No ping' -Enabled False")
    assert other.text("Test-Connection NODE01 -Count 1 -Quiet") == "True"
    node.run("Remove-NetFirewallRule -DisplayName 'No ping'")
    assert node.error("Get-NetFirewallRule -DisplayName 'No ping'").category == "ObjectNotFound"


def test_a_rule_blocks_a_port_on_either_side(node: ShellNode) -> None:
    node.run(
        "New-NetFirewallRule -Name out -DisplayName out -Direction Outbound -Protocol TCP -RemotePort 445 -Action Block"
    )
    assert node.text("(Test-NetConnection NODE02 -Port 445).TcpTestSucceeded") == "False"
    other = ShellNode(node.model, "NODE02")
    assert other.text("(Test-NetConnection NODE01 -Port 445).TcpTestSucceeded") == "True"
    node.run("New-NetFirewallRule -Name in -DisplayName in -Protocol TCP -LocalPort 440-450 -Action Block")
    assert other.text("(Test-NetConnection NODE01 -Port 445).TcpTestSucceeded") == "False"
    assert node.text("(Get-NetFirewallRule -Name in | Get-NetFirewallPortFilter).LocalPort") == "440-450"
    assert node.error("New-NetFirewallRule -Name in -DisplayName in").category == "ResourceExists"


@pytest.mark.parametrize(
    "script",
    [
        "New-NetFirewallRule -DisplayName x -Action Block",
        "New-NetFirewallRule -DisplayName x -Action Block -Protocol TCP -LocalPort 5985",
        "New-NetFirewallRule -DisplayName x -Action Block -Protocol TCP -LocalPort 80 -RemoteAddress 10.0.0.1",
        "Remove-NetFirewallRule -Name WINRM-HTTP-In-TCP",
        "Get-NetFirewallRule -Name FPS-SMB-In-TCP | Get-NetFirewallPortFilter",
    ],
)
def test_what_the_firewall_does_not_simulate_says_so(idle: ShellNode, script: str) -> None:
    assert idle.error(script).message.startswith("twin limitation: ")


def test_a_firewall_that_is_off_lets_everything_in(node: ShellNode) -> None:
    assert (
        node.text('Get-NetFirewallProfile | % { "$($_.Name) $($_.Enabled)" }')
        == "Domain True\nPrivate True\nPublic True"
    )
    node.run("Disable-NetFirewallRule -Name FPS-ICMP4-ERQ-In,FailoverCluster-ICMP4-ERQ-In")
    other = ShellNode(node.model, "NODE02")
    assert other.text("Test-Connection NODE01 -Count 1 -Quiet") == "False"
    node.run("Set-NetFirewallProfile -Profile Domain -Enabled False")
    assert other.text("Test-Connection NODE01 -Count 1 -Quiet") == "True"
    assert node.text("(Get-NetFirewallProfile Domain).DefaultInboundAction") == "NotConfigured"


# --- classes, policies and features that are switched


def test_classes_share_priorities_and_bandwidth_with_the_default_one(node: ShellNode) -> None:
    assert (
        node.text("(New-NetQosTrafficClass Backup -Algorithm ETS -Priority 1,2 -BandwidthPercentage 10).Name")
        == "Backup"
    )
    rows = node.table("Get-NetQosTrafficClass")[2:]
    assert [row.split()[2:4] for row in rows] == [["39", "0,4-6"], ["50", "3"], ["1", "7"], ["10", "1-2"]]
    assert "10" in node.text("(Get-NetAdapterQos 'ethernet 3').OperationalTrafficClasses").split("\n")[-1]
    taken = node.error("New-NetQosTrafficClass Other -Algorithm ETS -Priority 3 -BandwidthPercentage 10")
    assert taken.full_id == "Windows System Error 87,New-NetQosTrafficClass"
    node.run("Get-NetQosTrafficClass Backup | Remove-NetQosTrafficClass -Confirm:$false")
    assert node.text("(Get-NetQosTrafficClass '[[]Default]').Bandwidth") == "49"


def test_policies_come_and_go(node: ShellNode) -> None:
    node.run("New-NetQosPolicy SMB -NetDirectPortMatchCondition 445 -PriorityValue8021Action 3")
    assert node.error("New-NetQosPolicy smb -SMB").category == "ResourceExists"
    node.run("New-NetQosPolicy Live -LiveMigration -PriorityValue8021Action 5")
    assert node.text("(Get-NetQosPolicy Live).Template") == "LiveMigration"
    node.run("Remove-NetQosPolicy -Name Cluster,SMB_Direct -Confirm:$false")
    assert node.text("Get-NetQosPolicy | % Name") == "SMB\nLive"


def test_features_are_switched(node: ShellNode) -> None:
    node.run("Disable-NetAdapterRdma 'ethernet 3'; Get-NetAdapter ethernet | Disable-NetAdapterQos")
    assert node.text("Get-NetAdapterRdma | ? Enabled -eq $false | % Name") == "ethernet 3"
    assert node.text("Get-NetAdapterQos | ? Enabled -eq $false | % Name") == "ethernet"
    node.run("Enable-NetAdapterRdma *; Disable-NetAdapterVmq ethernet -WhatIf")
    assert node.text("Get-NetAdapterRdma | ? Enabled -eq $false") == ""
    assert node.text("(Get-NetAdapterVmq ethernet).Enabled") == "True"
    node.run("Set-NetAdapter 'ethernet 3' -VlanID 99 -MacAddress 02-00-00-00-00-01")
    assert node.text("Get-NetAdapter 'ethernet 3' | % { $_.VlanID; $_.MacAddress }") == "99\n02-00-00-00-00-01"


def test_an_adapter_is_mapped_to_a_member_of_its_team(node: ShellNode) -> None:
    node.run("Add-VMNetworkAdapter -ManagementOS -Name SMB1")
    script = "Set-VMNetworkAdapterTeamMapping -ManagementOS -VMNetworkAdapterName SMB1 -PhysicalNetAdapterName "
    node.run(f"{script} 'ethernet 2'")
    assert node.text("(Get-VMNetworkAdapterTeamMapping -ManagementOS -Name SMB1).NetAdapterName") == "ethernet 2"
    assert node.error(f"{script} 'ethernet 3'").category == "InvalidArgument"


def test_the_better_metric_decides_between_two_gateways(node: ShellNode) -> None:
    own = node.model.networks.of("NODE01")

    def source() -> str:
        way = own.egress(IPv4Address("8.8.8.8"))
        return way[1] if way is not None else ""

    node.run("New-NetRoute 0.0.0.0/0 -InterfaceAlias 'ethernet 3' -NextHop 10.71.1.1")
    assert source() == "192.168.200.10"
    node.run("Set-NetIPInterface -InterfaceAlias 'ethernet 3' -InterfaceMetric 5")
    row = node.objects("Get-NetIPInterface -InterfaceAlias 'ethernet 3' -AddressFamily IPv4")[0]
    assert (row.get("InterfaceMetric"), str(row.get("AutomaticMetric"))) == (5, "Disabled")
    assert source() == "10.71.1.10"
    node.run("Set-NetRoute -DestinationPrefix 0.0.0.0/0 -NextHop 10.71.1.1 -RouteMetric 300")
    assert source() == "192.168.200.10"
    assert node.text("Get-NetRoute 0.0.0.0/0 | sort InterfaceMetric | % InterfaceAlias") == f"ethernet 3\n{MANAGEMENT}"
