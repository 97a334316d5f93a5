"""Network ATC: what operators do with intents, and what that makes of the nodes' networks."""

from __future__ import annotations

import pytest

from tests.twin.cmdlets.shell_nodes import S, ShellNode

WHOLE = "Add-NetIntent -Name all -Management -Compute -Storage -AdapterName ethernet,'ethernet 2'"


def wait(node: ShellNode, seconds: int) -> None:
    node.model.run_until(node.model.now_ns + seconds * S, lambda event: False)


def states(node: ShellNode, name: str) -> list[str]:
    return [str(row.get("ConfigurationStatus")) for row in node.objects(f"Get-NetIntentStatus -Name {name}")]


def test_an_intent_shows_its_overrides_as_objects(idle: ShellNode) -> None:
    intent = idle.one("Get-NetIntent -Name storage")
    assert str(intent.get("QosPolicyOverride").type_names[0]) == "FabricManager.QoSPolicy"  # type: ignore[attr-defined]
    assert idle.text("(Get-NetIntent -Name storage).IPOverride.EnableAutomaticIPGeneration") == ""
    assert idle.text("(Get-NetIntent -Name storage).IsOnlyStorage") == "True"
    assert idle.text("(Get-NetIntent -Name storage).IntentType") == "Storage"
    assert idle.text("(Get-NetIntent -Name compute_management).NetAdapterNameCsv") == "ethernet#ethernet 2"
    assert idle.text("(Get-NetIntent -GlobalOverrides).IntentName") == "globalintent"


def test_a_removed_intent_leaves_its_switch(node: ShellNode) -> None:
    node.run("Remove-NetIntent -Name compute_management")
    assert node.text("Get-NetIntent | % IntentName") == "storage"
    assert node.text("Get-VMSwitch | % Name") == "ConvergedSwitch(compute_management)"
    assert node.error("Remove-NetIntent -Name compute_management").category == "ObjectNotFound"


def test_an_added_intent_is_provisioned_on_every_node_in_its_time(node: ShellNode) -> None:
    node.run("Get-NetIntent | % { Remove-NetIntent -Name $_.IntentName }")
    node.run("Add-NetIntent -Name storage2 -Storage -AdapterName 'ethernet 3','ethernet 4' -StorageVlans 721,722")
    assert states(node, "storage2") == ["Provisioning"] * 4
    assert node.text("(Get-NetIntentStatus -Name storage2).ProvisioningStatus | select -Unique") == "InProgress"
    wait(node, 200)
    assert states(node, "storage2") == ["Success"] * 4
    other = ShellNode(node.model, "NODE02")
    for one in (node, other):
        assert one.text("Get-NetAdapter 'ethernet 3','ethernet 4' | % VlanID") == "721\n722"


def test_an_intent_with_wait_is_there_when_the_command_ends(node: ShellNode) -> None:
    node.model.power_off("NODE04")
    node.run("Remove-NetIntent -Name storage")
    before = node.model.now_ns
    node.run("Add-NetIntent -Wait -Name st -Storage -AdapterName 'ethernet 3','ethernet 4'")
    assert node.model.now_ns > before
    assert states(node, "st") == ["Success", "Success", "Success", "Failed"]


def test_adapters_belong_to_one_intent(node: ShellNode) -> None:
    assert "belongs to another intent" in node.error(WHOLE).message
    assert "already exists" in node.error("Add-NetIntent -Name Storage -Storage -AdapterName x").message
    assert node.text("(Get-NetIntent).Count") == "2"


def test_a_converged_intent_meets_the_switch_of_another_one(node: ShellNode) -> None:
    """The switch of the removed intent stays, so its adapters are bound [D]."""
    node.run("Get-NetIntent | % { Remove-NetIntent -Name $_.IntentName }")
    node.run(f"{WHOLE} -Wait")
    assert states(node, "all") == ["Failed"] * 4
    assert node.text("Get-NetIntentStatus | % Error | select -Unique") == "AdapterBindingConflict"
    assert not _healthy(node)


def test_a_converged_intent_makes_adapters_for_storage(node: ShellNode) -> None:
    for name in node.model.nodes:
        for guest in node.model.guests.values():
            guest.owner = "NODE04"
        if name != "NODE04":
            ShellNode(node.model, name).run("Get-VMSwitch | Remove-VMSwitch -Force")
    node.run("Get-NetIntent | % { Remove-NetIntent -Name $_.IntentName }")
    node.run(f"{WHOLE} -Wait -ManagementVlan 7")
    assert states(node, "all") == ["Success", "Success", "Success", "Failed"]
    names = node.text("Get-VMNetworkAdapter -ManagementOS | % Name").split("\n")
    assert names == ["vManagement(all)", "vSMB(all#ethernet)", "vSMB(all#ethernet 2)"]
    rows = node.objects("Get-VMNetworkAdapterIsolation -ManagementOS")
    assert [row.get("DefaultIsolationID") for row in rows] == [7, 711, 712]
    parents = node.text('Get-VMNetworkAdapterIsolation -ManagementOS | % { "$($_.ParentAdapter)" }').split("\n")
    assert parents[1] == "VMInternalNetworkAdapter, Name = 'vSMB(all#ethernet)'"
    mapped = node.text("Get-VMNetworkAdapterTeamMapping -ManagementOS | % NetAdapterName")
    assert mapped == "ethernet\nethernet 2"
    assert node.text("(Get-NetIPAddress -InterfaceAlias 'vSMB*2)' -AddressFamily IPv4).IPAddress") == "10.71.2.10"


def _healthy(node: ShellNode) -> bool:
    name = "AzStackHci_Network_Test_Network_Cluster_Intent_Status"
    return all(item.status.name == "SUCCESS" for item in node.model.check_now(name))


def test_overrides_reach_the_driver_and_data_centre_bridging(node: ShellNode) -> None:
    script = """
    $qos = New-NetIntentQoSPolicyOverrides -BandwidthPercentage_SMB 60
    $adapter = New-NetIntentAdapterPropertyOverrides
    $adapter.NetworkDirectTechnology = 1
    Set-NetIntent -Name storage -QoSPolicyOverrides $qos -AdapterPropertyOverrides $adapter -Wait
    """
    node.run(script)
    assert node.text("(Get-NetIntent -Name storage).QosPolicyOverride.BandwidthPercentage_SMB") == "60"
    assert node.text("(Get-NetIntent -Name storage).ResourceContentVersion") == "2"
    keyword = "Get-NetAdapterAdvancedProperty 'ethernet 3' -RegistryKeyword '*NetworkDirectTechnology'"
    assert node.text(f"({keyword}).RegistryValue") == "1"
    assert node.text("(Get-NetIntent -Name storage).AdapterAdvancedParametersOverride.JumboPacket") == ""


def test_global_overrides_are_removed_and_set_as_the_guide_does(node: ShellNode) -> None:
    script = """
    $new = New-NetIntentGlobalClusterOverrides
    $new.EnableNetworkNaming = $true
    Remove-NetIntent -GlobalOverrides
    @(Get-NetIntent -GlobalOverrides).Count
    Add-NetIntent -GlobalClusterOverrides $new
    (Get-NetIntent -GlobalOverrides).ClusterOverride.EnableNetworkNaming
    """
    assert node.text(script) == "0\nTrue"
    assert (
        "exist already"
        in node.error("Add-NetIntent -GlobalClusterOverrides (New-NetIntentGlobalClusterOverrides)").message
    )
    node.run(
        "Set-NetIntent -GlobalClusterOverrides (New-NetIntentGlobalClusterOverrides -MaximumVirtualMachineMigrations 4)"
    )
    override = node.text(
        "$o = (Get-NetIntent -GlobalOverrides).ClusterOverride\n"
        "$o.EnableNetworkNaming; $o.MaximumVirtualMachineMigrations"
    )
    assert override == "True\n4"


def test_a_retry_provisions_again_on_one_node(node: ShellNode) -> None:
    node.run("Set-NetIntentRetryState -ClusterName CLUSTER01 -Name storage -NodeName NODE02")
    assert states(node, "storage") == ["Success", "Provisioning", "Success", "Success"]
    assert not _healthy(node)
    wait(node, 200)
    assert _healthy(node)
    assert node.error("Set-NetIntentRetryState -Name storage -NodeName NODE09").category == "InvalidArgument"


def test_a_management_adapter_that_lost_its_name_is_missed(node: ShellNode) -> None:
    """Both names have to be the same [T]."""
    node.run("Rename-NetAdapter 'vManagement(compute_management)' -NewName 'vEthernet (x)'")
    row = node.objects("Get-NetIntentStatus -Name compute_management")[0]
    shown = [row.get(name) for name in ("Error", "ConfigurationStatus", "ProvisioningStatus", "RetryCount")]
    assert shown == ["PhysicalAdapterNotFound", "Failed", "Completed", 3]
    node.run(
        "Get-NetAdapter | ? Name -match vEthernet | "
        "Rename-NetAdapter -NewName (Get-VMNetworkAdapter -ManagementOS).Name"
    )
    assert states(node, "compute_management")[0] == "Success"


@pytest.mark.parametrize(
    "script",
    [
        "Add-NetIntent -Name x -Storage -Stretch -AdapterName x",
        "Get-NetIntent -ComputerName NODE02",
        "Set-NetIntent -ClusterName OTHER -Name storage",
    ],
)
def test_what_is_not_simulated_says_so(idle: ShellNode, script: str) -> None:
    assert idle.error(script).message.startswith("twin limitation: ")


def test_an_intent_follows_an_adapter_that_has_another_name(node: ShellNode) -> None:
    for name in node.model.nodes:
        ShellNode(node.model, name).run("Rename-NetAdapter 'ethernet 4' -NewName Storage2")
    assert set(states(node, "storage")) == {"Failed"}
    node.run("Update-NetIntentAdapter -Name storage -AdapterName 'ethernet 3',Storage2 -Wait")
    assert set(states(node, "storage")) == {"Success"}
    assert node.text("(Get-NetIntent -Name storage).NetAdapterNamesAsList") == "ethernet 3\nStorage2"
    error = node.error("Update-NetIntentAdapter -Name storage -AdapterName ethernet")
    assert "belongs to another intent" in error.message


def test_network_atc_sets_back_what_drifts(node: ShellNode) -> None:
    node.run("Set-NetAdapterAdvancedProperty 'ethernet 3' -RegistryKeyword VlanID -RegistryValue 99")
    node.run("Disable-NetQosFlowControl -Priority 3; Remove-NetQosPolicy SMB_Direct")
    node.run("Set-VMSwitchTeam 'ConvergedSwitch(compute_management)' -LoadBalancingAlgorithm Dynamic")
    node.run("Remove-NetIPAddress 10.71.1.10 -Confirm:$false")
    assert node.text("(Get-NetAdapter 'ethernet 3').VlanID") == "99"
    assert _healthy(node)
    wait(node, 901)
    assert node.text("(Get-NetAdapter 'ethernet 3').VlanID") == "711"
    assert (
        node.text("(Get-NetQosFlowControl -Priority 3).Enabled; (Get-NetQosPolicy SMB_Direct).PriorityValue")
        == "True\n3"
    )
    assert node.text("(Get-VMSwitchTeam).LoadBalancingAlgorithm") == "HyperVPort"
    assert node.text("(Get-NetIPAddress 10.71.1.10).InterfaceAlias") == "ethernet 3"


def test_addresses_of_storage_stay_those_of_the_operator_where_an_override_says_so(node: ShellNode) -> None:
    override = "New-NetIntentStorageOverrides -EnableAutomaticIPGeneration $false"
    node.run(f"Set-NetIntent -Name storage -StorageOverrides ({override}) -Wait")
    node.run("Remove-NetIPAddress 10.71.1.10 -Confirm:$false")
    wait(node, 901)
    assert node.error("Get-NetIPAddress 10.71.1.10").category == "ObjectNotFound"


def test_a_switch_on_an_adapter_of_storage_is_a_conflict_until_it_is_gone(node: ShellNode) -> None:
    node.run("New-VMSwitch test -NetAdapterName 'ethernet 3'")
    wait(node, 901)
    row = node.objects("Get-NetIntentStatus -Name storage")[0]
    assert (row.get("ConfigurationStatus"), row.get("Error")) == ("Failed", "AdapterBindingConflict")
    assert not _healthy(node)
    node.run("Remove-VMSwitch test -Force")
    wait(node, 901)
    assert states(node, "storage") == ["Success"] * 4
    assert node.text("(Get-NetIPAddress 10.71.1.10).InterfaceAlias") == "ethernet 3"
