"""Adapters, addresses, routes, switches, intents and firewall rules of a node: what they show and what changes them."""

from __future__ import annotations

import json

import pytest

from harness.twin.model.content import HealthResult
from harness.twin.shell.objects import PSEnum
from tests.twin.cmdlets.shell_nodes import ShellNode, make_node

MANAGEMENT = "vManagement(compute_management)"
SWITCH = "ConvergedSwitch(compute_management)"


# --- adapters


def test_adapters_and_their_default_view(idle: ShellNode) -> None:
    header, _, *rows = idle.table("Get-NetAdapter")
    assert header.split() == ["Name", "InterfaceDescription", "ifIndex", "Status", "MacAddress", "LinkSpeed"]
    assert len(rows) == 5
    assert rows[0].startswith("ethernet                  Contoso 25GbE Network Adapter")
    assert rows[0].endswith("25 Gbps")
    assert idle.text("Get-NetAdapter -Physical | % Name") == "ethernet\nethernet 2\nethernet 3\nethernet 4"
    assert idle.text("(Get-NetAdapter -Name v*).Virtual") == "True"
    assert idle.text("(Get-NetAdapter -InterfaceDescription '*#3').Name") == "ethernet 3"
    assert idle.text("(Get-NetAdapter -InterfaceIndex 8).Name") == MANAGEMENT


def test_adapters_differ_between_nodes_and_are_the_same_for_a_seed() -> None:
    first, again = make_node(seed=7), make_node(seed=7)
    second = ShellNode(first.model, "NODE02")
    script = "Get-NetAdapter -Physical | % { $_.MacAddress; $_.InterfaceGuid }"
    assert first.text(script) == again.text(script)
    assert not set(first.text(script).split()) & set(second.text(script).split())


@pytest.mark.parametrize(
    ("script", "full_id", "part"),
    [
        ("Get-NetAdapter nope", "CmdletizationQuery_NotFound_Name,Get-NetAdapter", "MSFT_NetAdapter"),
        (
            "Get-NetIPAddress -InterfaceAlias nope",
            "CmdletizationQuery_NotFound_InterfaceAlias,Get-NetIPAddress",
            "property 'InterfaceAlias' equal to 'nope'",
        ),
        (
            "Get-NetIPAddress -InterfaceAlias 'ethernet 3' -AddressFamily IPv4 -PrefixOrigin Dhcp",
            "CmdletizationQuery_NotFound,Get-NetIPAddress",
            "WHERE ((InterfaceAlias LIKE 'ethernet 3')) AND ((AddressFamily = 2)) AND ((PrefixOrigin LIKE 'Dhcp'))",
        ),
        (
            "Get-NetRoute -DestinationPrefix 9.9.9.0/24",
            "CmdletizationQuery_NotFound_DestinationPrefix,Get-NetRoute",
            "",
        ),
        (
            "Get-VMSwitch nope",
            "InvalidParameter,Microsoft.HyperV.PowerShell.Commands.GetVMSwitch",
            'unable to find a virtual switch with name "nope"',
        ),
    ],
)
def test_what_does_not_exist(idle: ShellNode, script: str, full_id: str, part: str) -> None:
    error = idle.error(script)
    assert error.full_id == full_id
    assert part in error.message


@pytest.mark.parametrize(
    "script",
    [
        "Get-NetAdapter -IncludeHidden",
        "Get-NetIPConfiguration -ComputerName NODE02",
        "Get-NetIntentStatus -ClusterName OTHER",
        "Get-VMNetworkAdapterVlan -VMName VM01",
        "Get-NetFirewallRule",
        "Get-NetFirewallRule -DisplayName 'Remote Desktop - User Mode (TCP-In)' -ErrorAction SilentlyContinue",
        "Get-NetRoute -AddressFamily IPv6",
        "Remove-NetRoute -DestinationPrefix 10.71.1.0/24 -Confirm:$false",
        "Disable-NetFirewallRule -Name WINRM-HTTP-In-TCP",
        "Resolve-DnsName login.microsoftonline.com",
        "Resolve-DnsName VM01",
        "Resolve-DnsName NODE02 -Type SRV",
        "Test-NetConnection NODE02 -DiagnoseRouting",
        "Test-NetConnection NODE02 -Port 3389",
        "Test-NetConnection 8.8.8.8",
    ],
)
def test_what_is_not_simulated_says_so(idle: ShellNode, script: str) -> None:
    error = idle.error(script)
    assert error.message.startswith("twin limitation: ")


def test_a_disabled_adapter_has_no_address_until_it_is_enabled(node: ShellNode) -> None:
    node.run("Disable-NetAdapter 'ethernet 3' -Confirm:$false")
    assert node.text("(Get-NetAdapter 'ethernet 3').Status") == "Disabled"
    assert node.error("Get-NetIPAddress 10.71.1.10").full_id == "CmdletizationQuery_NotFound_IPAddress,Get-NetIPAddress"
    assert "ethernet 4" in node.error("Disable-NetAdapter 'ethernet 4' -Confirm:$false").message
    assert node.text("(Get-NetAdapter 'ethernet 4').Status") == "Up"
    node.run("Get-NetAdapter 'ethernet 3' | Enable-NetAdapter")
    assert node.text("(Get-NetIPAddress 10.71.1.10).InterfaceAlias") == "ethernet 3"


def test_what_if_disables_nothing(node: ShellNode) -> None:
    node.run("Disable-NetAdapter 'ethernet 3' -WhatIf")
    assert node.text("(Get-NetAdapter 'ethernet 3').Status") == "Up"


def test_an_adapter_that_lost_its_name_breaks_its_intent_on_that_node(node: ShellNode) -> None:
    node.run("Rename-NetAdapter 'ethernet 4' -NewName Storage2")
    rows = node.objects("Get-NetIntentStatus -Name storage | ? ConfigurationStatus -ne Success")
    assert [(row.get("Host"), row.get("Error")) for row in rows] == [("node01", "PhysicalAdapterNotFound")]
    failed = {item.target_resource_id for item in _failed_intents(node)}
    assert failed == {"NODE01"}
    assert node.error("Rename-NetAdapter Storage2 -NewName ethernet").category == "ResourceExists"
    node.run("Rename-NetAdapter Storage2 'ethernet 4'")
    assert not _failed_intents(node)


def _failed_intents(node: ShellNode) -> list[HealthResult]:
    name = "AzStackHci_Network_Test_Network_Cluster_Intent_Status"
    return [item for item in node.model.check_now(name) if item.status.name == "FAILURE"]


def test_advanced_properties_are_read_and_changed(node: ShellNode) -> None:
    script = "(Get-NetAdapterAdvancedProperty 'ethernet 3' -RegistryKeyword VlanID).RegistryValue"
    assert node.text(script) == "711"
    node.run("Set-NetAdapterAdvancedProperty 'ethernet 3' -RegistryKeyword VlanID -RegistryValue 720")
    assert node.text(script) == "720"
    assert node.text("(Get-NetAdapter 'ethernet 3').VlanID") == "720"
    node.run("Set-NetAdapterAdvancedProperty 'ethernet 3' -RegistryKeyword '*NetworkDirect' -RegistryValue 0")
    assert node.text("Get-NetAdapterRdma | ? Enabled -eq $false | % Name") == "ethernet 3"
    assert node.text("(Get-NetAdapterAdvancedProperty 'ethernet 3' -DisplayName 'NetworkDirect F*').DisplayValue") == (
        "Disabled"
    )


def test_where_adapters_sit(idle: ShellNode) -> None:
    header, _, *rows = idle.table("Get-NetAdapterHardwareInfo")
    assert header.split()[:3] == ["Name", "Segment", "Bus"]
    assert len(rows) == 4
    assert len(idle.objects("Get-NetLldpAgent -NetAdapterName ethernet")) == 3
    assert idle.text("(Get-NetLldpAgent ethernet -Scope NearestBridge).Status") == "Disabled"


# --- addresses, routes, name servers


def test_addresses_are_consistent_with_the_number_of_the_node(idle: ShellNode) -> None:
    for at, name in enumerate(idle.model.nodes, 10):
        node = ShellNode(idle.model, name)
        script = "Get-NetIPAddress -AddressFamily IPv4 -PrefixOrigin Manual | % IPAddress"
        assert set(node.text(script).split()) == {f"192.168.200.{at}", f"10.71.1.{at}", f"10.71.2.{at}"}
    address = idle.one("Get-NetIPAddress 192.168.200.10")
    assert isinstance(address.get("AddressFamily"), PSEnum)
    assert json.loads(idle.text("Get-NetIPAddress 192.168.200.10 | ConvertTo-Json"))["AddressFamily"] == 2
    assert idle.table("Get-NetIPAddress 127.0.0.1")[0] == "IPAddress         : 127.0.0.1"


def test_an_address_comes_and_goes_with_its_gateway(node: ShellNode) -> None:
    new = "New-NetIPAddress -InterfaceAlias 'ethernet 3' -IPAddress 10.71.9.9 -PrefixLength 24"
    assert node.one(f"{new} -DefaultGateway 10.71.9.1").get("PrefixLength") == 24
    assert node.error(new).message == "Instance MSFT_NetIPAddress already exists"
    assert node.text("(Get-NetRoute -DestinationPrefix 0.0.0.0/0 -InterfaceAlias 'ethernet 3').NextHop") == "10.71.9.1"
    node.run("Remove-NetIPAddress -IPAddress 10.71.9.9 -DefaultGateway 10.71.9.1 -Confirm:$false")
    assert node.text("Get-NetRoute -DestinationPrefix 0.0.0.0/0 | % NextHop") == "192.168.200.1"
    assert node.text("(Get-NetIPAddress -InterfaceAlias 'ethernet 3' -AddressFamily IPv4).IPAddress") == "10.71.1.10"


def test_all_addresses_of_an_interface_are_removed(node: ShellNode) -> None:
    node.run("Remove-NetIPAddress -InterfaceAlias 'ethernet 3' -Confirm:$false")
    assert node.text("Get-NetIPAddress -InterfaceAlias 'ethernet 3' | % SuffixOrigin") == "Link"
    assert node.text("(Get-NetIPConfiguration 'ethernet 3').IPv4Address.Count") == "0"


def test_the_default_route_is_removed_and_set(node: ShellNode) -> None:
    node.run(f"Remove-NetRoute -InterfaceAlias '{MANAGEMENT}' -DestinationPrefix 0.0.0.0/0 -Confirm:$false")
    assert node.text(f"(Get-NetIPConfiguration -InterfaceAlias '{MANAGEMENT}').IPv4DefaultGateway.NextHop") == ""
    node.run(f"New-NetRoute 0.0.0.0/0 -InterfaceAlias '{MANAGEMENT}' -NextHop 192.168.200.1")
    assert node.text(f"(Get-NetIPConfiguration -InterfaceAlias '{MANAGEMENT}').IPv4DefaultGateway.NextHop") == (
        "192.168.200.1"
    )


def test_configuration_as_guides_read_it(idle: ShellNode) -> None:
    assert idle.table(f"Get-NetIPConfiguration '{MANAGEMENT}'") == [
        f"InterfaceAlias       : {MANAGEMENT}",
        "InterfaceIndex       : 8",
        "InterfaceDescription : Hyper-V Virtual Ethernet Adapter",
        "NetProfile.Name      : lab.local",
        "IPv4Address          : 192.168.200.10",
        "IPv6DefaultGateway   :",
        "IPv4DefaultGateway   : 192.168.200.1",
        "DNSServer            : 192.168.200.5",
    ]
    script = "(Get-NetIPConfiguration | ? { $_.IPv4DefaultGateway -ne $null }).IPv4Address.IPAddress"
    assert idle.text(script) == "192.168.200.10"


def test_interfaces_and_dhcp(node: ShellNode) -> None:
    node.run("Set-NetIPInterface -InterfaceAlias 'ethernet 3' -Dhcp Enabled")
    assert node.text("Get-NetIPInterface -AddressFamily IPv4 -Dhcp Enabled | % InterfaceAlias") == "ethernet 3"
    assert node.text("(Get-NetIPInterface -InterfaceAlias 'ethernet 3' -AddressFamily IPv4).NlMtu") == "9000"


def test_name_servers_of_an_interface(node: ShellNode) -> None:
    script = f"(Get-DnsClientServerAddress -InterfaceAlias '{MANAGEMENT}' -AddressFamily IPv4).ServerAddresses"
    assert node.text(script) == "192.168.200.5"
    node.run(f"Set-DnsClientServerAddress -InterfaceAlias '{MANAGEMENT}' -ServerAddresses 192.168.200.9,192.168.200.5")
    assert node.text(script) == "192.168.200.9\n192.168.200.5"
    node.run(f"Set-DnsClientServerAddress -InterfaceAlias '{MANAGEMENT}' -ResetServerAddresses")
    assert node.text(script) == ""


def test_adapters_go_down_the_pipeline(node: ShellNode) -> None:
    script = "Get-NetAdapter 'ethernet 3' | Get-NetIPAddress -AddressFamily IPv4 | % IPAddress"
    assert node.text(script) == "10.71.1.10"
    assert node.text("Get-NetAdapter 'ethernet 4' | Get-NetIPConfiguration | % InterfaceAlias") == "ethernet 4"
    assert node.text(f"(Get-NetAdapter '{MANAGEMENT}' | Get-DnsClientServerAddress).ServerAddresses") == "192.168.200.5"
    assert node.text("Get-NetAdapter ethernet | Get-NetAdapterHardwareInfo | % Slot") == "1"
    assert node.error("Get-NetAdapter ethernet | Get-NetIPAddress").category == "ObjectNotFound"
    node.run(
        "Get-NetIPAddress -AddressFamily IPv4 -PrefixOrigin Manual,Dhcp | ? IPAddress -like 10.* | Remove-NetIPAddress"
    )
    assert node.text("Get-NetIPAddress -AddressFamily IPv4 -PrefixOrigin Manual | % IPAddress") == "192.168.200.10"


def test_facts_by_which_guides_choose_adapters(idle: ShellNode) -> None:
    script = "Get-NetAdapter -Physical | ? { $_.NdisMedium -eq 0 -and $_.NdisPhysicalMedium -eq 14 }"
    assert len(idle.objects(f"{script} | ? PnPDeviceID -notlike 'USB\\*'")) == 4


# --- switch, intents, firewall


def test_the_switch_its_team_and_the_host_adapter(idle: ShellNode) -> None:
    assert idle.table("Get-VMSwitch")[2].split() == [SWITCH, "External", "Teamed-Interface"]
    assert idle.text("(Get-VMSwitch -SwitchType External).EmbeddedTeamingEnabled") == "True"
    assert idle.objects("Get-VMSwitch -SwitchType Internal") == []
    team = idle.text("(Get-VMSwitch | Get-VMSwitchTeam).NetAdapterInterfaceDescription")
    assert team == idle.text("Get-NetAdapter ethernet,'ethernet 2' | % InterfaceDescription")
    adapter = idle.one("Get-VMNetworkAdapter -ManagementOS")
    assert (adapter.get("Name"), adapter.get("SwitchName")) == (MANAGEMENT, SWITCH)
    assert str(adapter.get("MacAddress")) == idle.text(f"(Get-NetAdapter '{MANAGEMENT}').MacAddress").replace("-", "")


def test_intents_name_adapters_that_exist(idle: ShellNode) -> None:
    assert idle.text("Get-NetIntent | % IntentName") == "compute_management\nstorage"
    assert idle.text("(Get-NetIntent -Name Storage).StorageVLANs") == "711\n712"
    names = idle.text("(Get-NetIntent).NetAdapterNamesAsList").split("\n")
    assert names == idle.text("Get-NetAdapter -Physical | % Name").split("\n")
    assert idle.text("(Get-NetIntent -ClusterName CLUSTER01 -Name compute_management).IntentType") == "10"
    assert idle.error("Get-NetIntent -Name nope").category == "ObjectNotFound"


def test_intent_status_follows_the_nodes(node: ShellNode) -> None:
    ready = (
        "Get-NetIntentStatus | ? { $_.ConfigurationStatus -eq 'Success' -and $_.ProvisioningStatus -eq 'Completed' }"
    )
    assert len(node.objects(ready)) == 8
    node.model.power_off("NODE03")
    assert node.text("Get-NetIntentStatus | ? ConfigurationStatus -ne Success | % Host") == "node03\nnode03"


def test_firewall_rules_of_a_group(node: ShellNode) -> None:
    group = "-DisplayGroup 'File and Printer Sharing'"
    node.run(f"Disable-NetFirewallRule {group}")
    assert set(node.text(f"Get-NetFirewallRule {group} | % Enabled").split()) == {"False"}
    node.run("Get-NetFirewallRule -Name FPS-SMB-In-TCP | Enable-NetFirewallRule")
    assert node.text(f"Get-NetFirewallRule {group} -Enabled True | % Name") == "FPS-SMB-In-TCP"


# --- other nodes


def test_a_command_runs_on_the_machines_that_it_names() -> None:
    node = ShellNode(make_node(guests=0).model, "NODE01", delegated=True)
    rows = node.objects("Get-NetAdapter ethernet -CimSession (Get-ClusterNode)")
    assert [row.get("PSComputerName") for row in rows] == list(node.model.nodes)
    assert len({row.get("MacAddress") for row in rows}) == 4
    assert node.text("Get-NetIPAddress 10.71.1.11 -CimSession NODE02 | % InterfaceAlias") == "ethernet 3"
    node.run("New-VMSwitch test -NetAdapterName 'ethernet 3' -ComputerName NODE02")
    assert node.text("Get-VMSwitch -CimSession NODE02 | % Name") == f"{SWITCH}\ntest"
    assert node.text("(Get-VMSwitch test -ComputerName NODE02).ComputerName") == "NODE02"
    assert node.text("Get-VMSwitch | % Name") == SWITCH
    assert node.error("Get-VMSwitch nope -ComputerName NODE02").category == "InvalidArgument"


def test_another_machine_is_asked_with_a_log_on_that_may_go_on(node: ShellNode) -> None:
    assert node.text("(Get-NetAdapter ethernet -CimSession NODE01).PSComputerName") == "NODE01"
    error = node.error("Get-NetAdapter -CimSession NODE02")
    assert (error.full_id, error.category) == ("HRESULT 0x80070005,Get-NetAdapter", "PermissionDenied")
    node.model.power_off("NODE03")
    delegated = ShellNode(node.model, "NODE01", delegated=True)
    out, errors, _ = delegated.run("Get-NetAdapter ethernet -CimSession NODE03,NODE02")
    assert [error.full_id for error in errors] == ["HRESULT 0x80338126,Get-NetAdapter"]
    assert len(out) == 1


def test_sessions_lead_to_other_machines() -> None:
    node = ShellNode(make_node(guests=0).model, "NODE01", delegated=True)
    script = """
    $sessions = New-CimSession -ComputerName NODE02, NODE03
    Get-NetAdapter ethernet -CimSession $sessions | % PSComputerName
    (Get-CimInstance Win32_OperatingSystem -CimSession $sessions[0]).CSName
    (Get-VMSwitch -CimSession $sessions[1]).ComputerName
    Get-CimSession | % { "$($_.Id) $($_.Name) $($_.ComputerName)" }
    $sessions[0] | Remove-CimSession
    @(Get-CimSession).Count
    """
    lines = node.text(script).split("\n")
    assert lines[:4] == ["NODE02", "NODE03", "NODE02", "NODE03"]
    assert lines[4:] == ["1 CimSession1 NODE02", "2 CimSession2 NODE03", "1"]
    assert node.table("New-CimSession NODE02")[-1] == "Protocol     : WSMAN"
    assert ShellNode(node.model, "NODE01").error("New-CimSession NODE02").category == "PermissionDenied"
