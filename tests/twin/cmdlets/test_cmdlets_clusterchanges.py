"""Private properties, shared volumes, added resources, logs, the role of CAU, registration."""

from __future__ import annotations

import pytest

from harness.twin.model.content import CauNodeProgress, CauRun
from harness.twin.model.states import CauRunState
from tests.twin.cmdlets.shell_nodes import ShellNode

VM = "Get-ClusterResource 'Virtual Machine VM01' | "


def test_a_private_property_is_set_and_read_back(node: ShellNode) -> None:
    assert node.text(f"({VM}Get-ClusterParameter DefaultMoveType).Value") == "4294967295"
    node.run(f"{VM}Set-ClusterParameter -Name DefaultMoveType -Value 1")
    row = node.one(f"{VM}Get-ClusterParameter -Name DefaultMoveType")
    assert [row.get(name) for name in ("ClusterObject", "Name", "Value", "ParameterType")] == [
        "Virtual Machine VM01",
        "DefaultMoveType",
        1,
        "UInt32",
    ]
    node.run(f"{VM}Set-ClusterParameter -Multiple @{{OfflineAction=2; CheckHeartbeat=0}}")
    assert node.text(f"({VM}Get-ClusterParameter OfflineAction, CheckHeartbeat).Value -join ','") == "2,0"
    node.run(f"{VM}Set-ClusterParameter DefaultMoveType -Delete")
    assert node.text(f"({VM}Get-ClusterParameter DefaultMoveType).Value") == "4294967295"


def test_a_property_that_is_not_there_has_to_be_created(node: ShellNode) -> None:
    error = node.error(f"{VM}Set-ClusterParameter -Name Mine -Value x")
    assert error.full_id == "Set-ClusterParameter,Microsoft.FailoverClusters.PowerShell.SetClusterParameterCommand"
    assert error.message.startswith("Parameter 'Mine' does not exist on the cluster object 'Virtual Machine VM01'.")
    node.run(f"{VM}Set-ClusterParameter -Name Mine -Value x -Create")
    assert node.text(f"({VM}Get-ClusterParameter Mine).Value") == "x"
    assert "incorrect" in node.error(f"{VM}Set-ClusterParameter OfflineAction soon").message


def test_a_change_of_the_name_takes_effect_later(node: ShellNode) -> None:
    node.run("Get-ClusterResource 'Cluster Name' | Set-ClusterParameter HostRecordTTL 300")
    assert "until Cluster Name is taken offline and then online again" in node.warnings[0]


def test_a_shared_volume_moves(node: ShellNode) -> None:
    name = "Cluster Virtual Disk (UserStorage_1)"
    assert node.text(f"(Move-ClusterSharedVolume '{name}' -Node NODE03).OwnerNode.Name") == "NODE03"
    assert node.model.volumes["UserStorage_1"].csv_owner == "NODE03"
    assert node.error(f"Move-ClusterSharedVolume '{name}' -Node NODE09").error_id == "ClusterObjectNotFound"
    states = node.objects(f"Get-ClusterSharedVolumeState '{name}'")
    assert [row.get("Node") for row in states] == ["NODE01", "NODE02", "NODE03", "NODE04"]
    assert states[0].get("FileSystemRedirectedIOReason") == "FileSystemReFs"


def test_an_added_resource_is_offline_until_it_is_removed(node: ShellNode) -> None:
    script = "Add-ClusterResource -Name mine -ResourceType 'Generic Service' -Group 'Cloud Management'"
    assert node.text(f"({script}).State; (Get-ClusterResource mine).OwnerGroup.Name") == "Offline\nCloud Management"
    assert node.error(script).category == "ResourceExists"
    assert "twin limitation" in node.error("Start-ClusterResource mine").message
    node.run("Remove-ClusterResource mine -Force")
    assert node.error("Get-ClusterResource mine").error_id == "ClusterObjectNotFound"
    assert "twin limitation" in node.error("Remove-ClusterResource 'Cluster Name' -Force").message
    assert node.error(script.replace("Generic Service", "Nope")).category == "ObjectNotFound"


def test_logs_of_other_nodes_need_a_second_hop(node: ShellNode) -> None:
    out, errors, _ = node.run("Get-ClusterLog -Destination C:\\logs")
    assert len(out) == 1
    assert len(errors) == 3
    assert "Access is denied" in errors[0].message
    node.model.run_until(node.model.now_ns + 1)
    node.model.move_group("Cloud Management", "NODE01")
    node.model.run_until(node.model.now_ns + 600_000_000_000)
    node.delegated = True
    assert len(node.objects("Get-ClusterLog -Destination C:\\logs -TimeSpan 60")) == 4
    assert "[group.move]" in node.text("Get-Content C:\\logs\\NODE01_cluster.log")


def test_where_a_node_stands_is_kept(node: ShellNode) -> None:
    node.run("Set-ClusterFaultDomain NODE02 -Location 'Rack 3'")
    assert node.text("(Get-ClusterFaultDomain NODE02).Location") == "Rack 3"
    assert node.error("Set-ClusterFaultDomain NODE09 -Location x").error_id == "ClusterObjectNotFound"


# --- CAU


def test_a_healthy_system_has_no_role_of_cau(node: ShellNode) -> None:
    assert node.error("Get-CauClusterRole").error_id == "ClusterRoleNotFound"
    failed = node.text("(Test-CauSetup | ? State -eq 'Failed').RuleId -join ','")
    assert failed == "9,10,11"


def test_the_role_and_its_schedule(node: ShellNode) -> None:
    node.run("Add-CauClusterRole -DaysOfWeek Tuesday -WeeksOfMonth 3 -MaxRetriesPerNode 2 -Force")
    rows = {row.get("Name"): row.get("Value") for row in node.objects("Get-CauClusterRole")}
    assert rows["Status"] == "Online"
    assert (rows["DaysOfWeek"], rows["WeeksOfMonth"], rows["MaxRetriesPerNode"]) == (["Tuesday"], [3], 2)
    node.run("Disable-CauClusterRole -Force; Set-CauClusterRole -MaxRetriesPerNode 5 -Force")
    assert node.text("(Get-CauClusterRole | ? Name -eq Status).Value") == "Offline"
    assert node.text("(Test-CauSetup | ? State -eq 'Failed').RuleId -join ','") == "9,11"
    assert node.error("Add-CauClusterRole -Force").error_id == "ClusterRoleAlreadyInstalled"
    node.run("Enable-CauClusterRole -Force; Remove-CauClusterRole -Force")
    assert node.error("Set-CauClusterRole -Force").error_id == "ClusterRoleNotFound"


def test_recovery_ends_a_failed_run(node: ShellNode) -> None:
    node.model.cau.state = CauRunState.RunFailed
    node.run("Invoke-CauRun -ForceRecovery -Force")
    assert node.text("Get-CauRun") == "RunNotInProgress"
    assert "twin limitation" in node.error("Invoke-CauRun -Force").message
    assert node.error("Stop-CauRun -Force").error_id == "RunNotInProgress"


def test_a_run_in_progress_is_not_disturbed(node: ShellNode) -> None:
    node.model.cau.run = CauRun("1", 0, "NODE01", 1, "p", [CauNodeProgress("NODE01", "Waiting", 0)])
    assert node.error("Invoke-CauRun -ForceRecovery -Force").error_id == "RunInProgress"
    assert "twin limitation" in node.error("Stop-CauRun -Force").message


def test_traces_are_a_file(node: ShellNode) -> None:
    node.run("Save-CauDebugTrace -FilePath C:\\cau.zip -Force")
    assert node.text("Test-Path C:\\cau.zip") == "True"
    assert node.text("(Get-CauPlugin).Name -join ','").startswith("Microsoft.WindowsUpdatePlugin,Microsoft.Hotfix")
    assert node.objects("Invoke-CauScan") == []


# --- registration


def test_registration_follows_subscription_and_reachability(node: ShellNode) -> None:
    status = '$s = Get-AzureStackHCI; "$($s.ClusterStatus) $($s.RegistrationStatus) $($s.ConnectionStatus)"'
    assert node.text(status) == "Clustered Registered Connected"
    assert node.text("(azcmagent show -j | ConvertFrom-Json).status") == "Connected"
    node.model.conditions.content_reachable = False
    assert node.text(status) == "Clustered Registered Disconnected"
    assert node.error("Sync-AzureStackHCI").category == "ConnectionError"
    assert "Agent Status                           : Disconnected" in node.text("azcmagent show")
    assert node.text("(Get-AzureStackHCIAttestation).Status") == "Inactive"
    node.model.conditions.subscription_active = False
    assert node.text(status) == "Clustered OutOfPolicy OutOfPolicy"


def test_a_synchronisation_is_remembered(node: ShellNode) -> None:
    node.model.run_until(node.model.now_ns + 1_000_000_000_000)
    before = node.text("(Get-AzureStackHCI).LastConnected")
    node.run("Sync-AzureStackHCI")
    assert node.text("(Get-AzureStackHCI).LastConnected") != before
    assert len(node.objects("Get-AzStackHCIVMAttestation -Local")) == 2
    assert "twin limitation" in node.error("azcmagent disconnect").message


@pytest.mark.parametrize(
    ("script", "text"),
    [
        ("Get-AzConnectedMachineExtension -Name a -MachineName NODE01 -ResourceGroupName g", "No account found"),
        ("Get-AzResource", "Run Connect-AzAccount to login."),
        ("az account show", "Please run 'az login' to setup account."),
        ("Connect-AzAccount", "Interactive authentication is not supported in this session"),
    ],
)
def test_nobody_is_logged_on_to_azure(idle: ShellNode, script: str, text: str) -> None:
    assert text in idle.error(script).message


def test_a_code_for_a_browser_expires(node: ShellNode) -> None:
    before = node.model.now_ns
    assert "expired" in node.error("Connect-AzAccount -UseDeviceAuthentication").message
    assert node.model.now_ns - before == 900_000_000_000
    assert "https://microsoft.com/devicelogin" in node.warnings[0]


def test_owners_and_the_policy_of_applications(node: ShellNode) -> None:
    assert node.text("(Get-ClusterGroup VM01 | Get-ClusterOwnerNode).OwnerNodes.Count") == "0"
    assert node.text("(Get-ClusterOwnerNode -Resource 'Cluster Name').OwnerNodes.Name -join ','") == (
        "NODE01,NODE02,NODE03,NODE04"
    )
    assert node.error("Get-ClusterOwnerNode -Group nope").error_id == "ClusterObjectNotFound"
    assert node.text("(Get-AsWdacPolicyMode).PolicyMode | Select-Object -Unique") == "Enforced"
    node.run("Enable-AsWdacPolicy -Mode audit")
    assert node.text("(Get-AsWdacPolicyMode | ? NodeName -eq NODE03).PolicyMode") == "Audit"
