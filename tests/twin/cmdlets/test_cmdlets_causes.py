"""Each cause as a client meets it, and the published guide's own commands against it."""

from __future__ import annotations

import re
from collections.abc import Iterator

import pytest

from harness.twin.model.states import UpdateState
from harness.twin.shell.objects import PSEnum, PSHashtable
from tests.twin.cmdlets.shell_nodes import HOUR, UPDATE, S, ShellNode, make_node, run_until

BRIDGE = 'Get-ClusterGroup -Name "*control-plan*"'
CANCEL_AND_DELETE = """
Import-Module ECEClient -DisableNameChecking
$eceClient = Create-ECEClientSimple
$stale = Get-ActionPlanInstances -eceClient $eceClient | ? ActionPlanName -eq GetCauDeviceInfo | ? Status -eq Running
Cancel-ActionPlanInstance -eceClient $eceClient -actionPlanInstanceID $stale.InstanceID
$models = 'Microsoft.AzureStack.Solution.Deploy.EnterpriseCloudEngine.Controllers.Models'
$description = New-Object "$models.DeleteActionPlanInstanceDescription"
$description.ActionPlanInstanceID = $stale.InstanceID
$eceClient.DeleteActionPlanInstance($description).Wait()
"""
CLEAN = """
Dism.exe /Online /Cleanup-Image /StartComponentCleanup | Out-Null
Stop-Service wuauserv,bits
Remove-Item C:\\Windows\\SoftwareDistribution\\Download\\* -Recurse -Force
Start-Service wuauserv,bits
"""
STALE = "@(Get-ActionPlanInstances | ? ActionPlanName -eq GetCauDeviceInfo | ? Status -eq Running).Count"


def small(**spec: object) -> ShellNode:
    return make_node(nodes=2, guests=2, **spec)


def row(node: ShellNode) -> UpdateState:
    return node.model.updates.row(UPDATE).state


def start(node: ShellNode, *until: UpdateState) -> UpdateState:
    """Start or resume the update; let it run until a state is reached."""
    node.run(f"Get-SolutionUpdate -Id {UPDATE} | Start-SolutionUpdate")
    run_until(node.model, lambda: row(node) in until, 60 * HOUR)
    return row(node)


def steps(progress: object) -> Iterator[object]:
    """All steps below."""
    for step in progress.get("Steps"):  # type: ignore[attr-defined]
        yield step
        yield from steps(step)


class TestOrphanPlan:
    def test_cancel_delete_and_start_again(self) -> None:
        node = small()
        node.model.plant("orphan-device-info-plan", None, {"age_days": 60})
        assert start(node, UpdateState.Downloading) is UpdateState.Downloading
        node.model.run_until(node.model.now_ns + 24 * HOUR)
        assert row(node) is UpdateState.Downloading
        assert node.text(STALE) == "1"
        assert (
            node.text(
                "Get-ActionPlanInstances | ? ActionPlanName -eq GetCauDeviceInfo | "
                "% { ((Get-Date) - $_.StartDateTime.ToLocalTime()).Days }"
            )
            == "61"
        )
        instance = node.text("(Get-ActionPlanInstances | ? ActionPlanName -eq GetCauDeviceInfo).InstanceID")
        assert node.text(CANCEL_AND_DELETE) == ""
        assert node.text(STALE) == "0"
        assert node.objects(f"Get-ActionPlanInstance {instance}") == []
        node.model.run_until(node.model.now_ns + 60 * S)
        assert row(node) is UpdateState.DownloadFailed
        run = node.objects(f"Get-SolutionUpdate -Id {UPDATE} | Get-SolutionUpdateRun")[-1]
        texts = [str(step.get("ErrorMessage")) for step in steps(run.get("Progress"))]  # type: ignore[attr-defined]
        assert f"Action plan GetCauDeviceInfo ID {instance} failed with state: Failed" in texts
        assert start(node, UpdateState.Installed) is UpdateState.Installed

    def test_sabotage(self) -> None:
        node = small(defects=("plan_delete_without_effect",))
        node.model.plant("orphan-device-info-plan", None, {})
        start(node, UpdateState.Downloading)
        assert node.text(CANCEL_AND_DELETE) == ""
        node.model.run_until(node.model.now_ns + 6 * HOUR)
        assert (node.text(STALE), row(node)) == ("1", UpdateState.Downloading)

    def test_wrong_uses(self) -> None:
        node = small()
        assert "was not found" in node.error("Cancel-ActionPlanInstance -actionPlanInstanceID nope").message
        make = (
            "$c = Create-ECEClusterServiceClient; $d = [Microsoft.AzureStack.Solution.Deploy.EnterpriseCloudEngine."
            "Controllers.Models.DeleteActionPlanInstanceDescription]::new(); "
        )
        assert (
            'Exception calling "Wait"'
            in node.error(f"{make} $d.ActionPlanInstanceID = 'nope'; $c.DeleteActionPlanInstance($d).Wait()").message
        )
        assert "Value cannot be null" in node.error(f"{make} $c.DeleteActionPlanInstance($d)").message
        node.model.plant("orphan-device-info-plan", None, {})
        task = node.one(
            f"{make} $d.ActionPlanInstanceID = (Get-ActionPlanInstances)[0].InstanceID; $c.DeleteActionPlanInstance($d)"
        )
        assert task.get("IsFaulted") is True  # it has to be cancelled first
        start(node, UpdateState.Downloading)
        assert node.text(STALE) == "1"


class TestBridgeOffline:
    def test_start_the_group_and_resume(self) -> None:
        node = small()
        node.model.plant("resource-bridge-offline", None, {})
        assert start(node, UpdateState.InstallationFailed) is UpdateState.InstallationFailed
        assert node.text(f"({BRIDGE}).State") == "Offline"
        run = node.objects(f"Get-SolutionUpdate -Id {UPDATE} | Get-SolutionUpdateRun")[-1]
        texts = [str(step.get("ErrorMessage")) for step in steps(run.get("Progress"))]  # type: ignore[attr-defined]
        assert any(re.search(r"\[ResourceBridge Status\s+= Offline\]", text) for text in texts)
        plan = f"[xml]$x = (Get-ActionPlanInstance {node.model.runs[-1].plan.instance_id}).ProgressAsXml; "
        tasks = f"{plan} $x.SelectNodes(\"//Task[@InterfaceType and @Status='Error']\")"
        assert node.text(f'{tasks} | % {{ "$($_.RolePath) $($_.InterfaceType)" }}') == "MocArb EnsureArbVmResourceState"
        group = node.one(f"{BRIDGE} | Start-ClusterGroup")
        state = group.get("State")
        assert isinstance(state, PSEnum) and state.name == "Online"
        node.run("Get-SolutionUpdate | ? State -eq InstallationFailed | Start-SolutionUpdate")
        run_until(node.model, lambda: row(node) is UpdateState.Installed)

    def test_sabotage(self) -> None:
        node = small(defects=("group_start_without_effect",))
        node.model.plant("resource-bridge-offline", None, {})
        assert node.text(f"({BRIDGE} | Start-ClusterGroup).State") == "Offline"
        assert start(node, UpdateState.InstallationFailed) is UpdateState.InstallationFailed

    def test_stopping_and_starting_groups(self) -> None:
        node = small()
        assert node.text(f"({BRIDGE} | Stop-ClusterGroup).State; ({BRIDGE}).State") == "Offline\nOffline"
        assert node.text(f"({BRIDGE} | Start-ClusterGroup -Wait 0).State") == "Pending"
        assert node.error("Start-ClusterGroup nope").full_id.startswith("ClusterObjectNotFound,")
        assert node.error("Stop-ClusterGroup 'Cluster Group'").message.startswith("twin limitation: ")
        assert node.error("Stop-ClusterGroup VM01").message.startswith("twin limitation: ")


class TestDriveFull:
    FREE = "[math]::Round((Get-PSDrive C).Free / 1GB)"
    VALIDATE = "Invoke-AzStackHciHardwareValidation -Include Test-SystemDriveFreeSpace -PassThru"

    def test_clean_up_and_start_again(self) -> None:
        node = small()
        node.model.plant("system-drive-full", "NODE01", {})
        assert node.text(self.FREE) == "22"
        assert node.text(f"({self.VALIDATE}).Status") == "FAILURE"
        assert start(node, UpdateState.HealthCheckFailed) is UpdateState.HealthCheckFailed
        failed = node.one(
            "Invoke-SolutionUpdatePrecheck -SystemHealth; while ((Get-SolutionUpdateEnvironment).HealthState -eq "
            "'InProgress') { Start-Sleep 60 }; (Get-SolutionUpdateEnvironment -FullHealthCheckDetails)."
            "HealthCheckResult | ? { $_.Name -like '*SystemDriveFreeSpace*' -and $_.Status -eq 'FAILURE' }"
        )
        extra = failed.get("AdditionalData")
        assert isinstance(extra, PSHashtable)
        assert extra.get("Detail") == (
            "Checking Hostname NODE01 for free space on root folder path 'C:' 22 GB. Expected at least 30 GB."
        )
        node.run("Dism.exe /Online /Cleanup-Image /StartComponentCleanup")
        assert node.text(self.FREE) == "26"  # not enough by itself
        node.run(CLEAN)
        assert node.text(f"(Get-PSDrive C).Free -ge 30GB; ({self.VALIDATE}).Status") == "True\nSUCCESS"
        assert start(node, UpdateState.Installed) is UpdateState.Installed

    def test_sabotage(self) -> None:
        node = small(defects=("cleanup_without_effect",))
        node.model.plant("system-drive-full", "NODE01", {})
        _, errors, _ = node.run(CLEAN)
        assert errors == []
        assert node.text("@(Get-ChildItem C:\\Windows\\SoftwareDistribution\\Download).Count") == "0"
        assert node.text(f"{self.FREE}; ({self.VALIDATE}).Status") == "22\nFAILURE"

    def test_only_that_node_is_checked_and_only_that_check(self) -> None:
        node = small()
        node.model.plant("system-drive-full", "NODE02", {})
        assert node.text(f"({self.VALIDATE}).Status") == "SUCCESS"
        assert ShellNode(node.model, "NODE02").text(f"({self.VALIDATE}).Status") == "FAILURE"
        for more in ("", "-Include Test-Tpm -PassThru"):
            assert node.error(f"Invoke-AzStackHciHardwareValidation {more}").message.startswith("twin limitation: ")


class TestServiceWedged:
    GROUP = '"Azure Stack HCI Update Service Cluster Group"'

    @pytest.mark.parametrize(
        "script", ["Get-SolutionUpdate", "Get-SolutionUpdateEnvironment", "Invoke-SolutionUpdatePrecheck -SystemHealth"]
    )
    def test_every_client_waits_and_gets_a_gateway_timeout(self, script: str) -> None:
        node = small()
        node.model.plant("update-service-wedged", None, {})
        began = node.model.now_ns
        assert node.error(script).message.startswith("GatewayTimeout")
        assert node.model.now_ns - began > 60 * S
        assert node.text(f"(Get-ClusterGroup {self.GROUP}).State") == "Online"
        assert node.objects("Get-ActionPlanInstances") == []  # the orchestrator answers

    def test_moving_the_group_cures(self) -> None:
        node = small()
        node.model.plant("update-service-wedged", None, {})
        assert node.text(f"(Get-ClusterGroup {self.GROUP} | Move-ClusterGroup).State") == "Online"
        began = node.model.now_ns
        assert node.text(f"(Get-SolutionUpdate -Id {UPDATE}).State") == "Ready"
        assert node.model.now_ns == began
        assert start(node, UpdateState.Installed) is UpdateState.Installed

    def test_a_single_machine_has_it_too(self) -> None:
        node = make_node(nodes=1, guests=1)
        node.model.plant("update-service-wedged", None, {})
        assert node.error("Get-SolutionUpdate").message.startswith("GatewayTimeout")
        node.model.lift("update-service-wedged", None)
        assert node.objects("Get-SolutionUpdate")
