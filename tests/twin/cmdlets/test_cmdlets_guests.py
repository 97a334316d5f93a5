"""Guests whose state an operator changes: effects on model, cluster and heartbeat."""

from __future__ import annotations

from datetime import UTC, datetime

import pytest

from harness.twin.model import ModelSpec
from harness.twin.model.cluster import ClusterModel
from harness.twin.model.states import VmState
from harness.twin.model.windows.spec import WindowsGuestSpec
from tests.twin.cmdlets.shell_nodes import HOUR, S, ShellNode, run_until


def test_a_guest_that_is_shut_down_stays_off_and_starts_where_it_was(node: ShellNode) -> None:
    node.run("Stop-VM VM01")
    guest = node.model.guests["VM01"]
    assert node.text("(Get-VM VM01).State; (Get-ClusterGroup VM01).State") == "Off\nOffline"
    assert node.text("(Get-VM VM01).Heartbeat; (Get-VM VM01).Uptime.TotalSeconds") == "Unknown\n0"
    boot = guest.boot_id
    node.model.run_until(node.model.now_ns + HOUR)
    assert guest.state is VmState.Off
    node.run("Start-VM VM01")
    assert (guest.state, guest.owner, guest.boot_id) == (VmState.Running, "NODE01", boot + 1)
    assert node.text("(Get-VM VM01).Heartbeat") == "NoContact"
    node.model.run_until(node.model.now_ns + HOUR)
    assert node.text("(Get-VM VM01).Heartbeat") == "OkApplicationsUnknown"


def test_a_stopped_guest_is_not_started_by_a_failover(node: ShellNode) -> None:
    node.run("Stop-VM VM01 -TurnOff; Stop-VM VM05 -Save")
    node.model.power_off("NODE01")
    node.model.run_until(node.model.now_ns + HOUR)
    node.model.power_on("NODE01")
    node.model.run_until(node.model.now_ns + HOUR)
    assert [node.model.guests[name].state for name in ("VM01", "VM05")] == [VmState.Off, VmState.Saved]


def test_a_paused_guest_stands_still(node: ShellNode) -> None:
    before = node.text("(Get-VM VM01).Uptime.Ticks")
    node.run("Suspend-VM VM01")
    node.model.run_until(node.model.now_ns + HOUR)
    assert node.text("(Get-VM VM01).State; (Get-VM VM01).Uptime.Ticks") == f"Paused\n{before}"
    assert node.error("Suspend-VM VM01").full_id == "InvalidState,Microsoft.HyperV.PowerShell.Commands.SuspendVM"
    node.run("Resume-VM VM01")
    assert node.model.guests["VM01"].state is VmState.Running


def test_a_saved_guest_goes_on_without_a_boot(node: ShellNode) -> None:
    boot = node.model.guests["VM01"].boot_id
    assert node.text("(Save-VM VM01 -Passthru).State; (Start-VM VM01 -Passthru).State") == "Saved\nRunning"
    assert node.model.guests["VM01"].boot_id == boot


def test_a_reset_guest_answers_again(node: ShellNode) -> None:
    boot = node.model.guests["VM01"].boot_id
    node.run("Restart-VM VM01 -Force -Wait -For Heartbeat -Timeout 900")
    assert node.model.guests["VM01"].boot_id == boot + 1
    assert node.text("(Get-VM VM01).Heartbeat") == "OkApplicationsUnknown"


def test_a_guest_that_runs_is_not_started_again(node: ShellNode) -> None:
    node.run("Start-VM VM01")
    assert node.warnings == ["The virtual machine is already in the specified state."]
    assert node.error("Start-VM VM02").error_id == "InvalidParameter", "it is on another node"


def test_a_frozen_guest_loses_its_heartbeat(node: ShellNode) -> None:
    guest = node.model.guests["VM01"]
    guest.paused_since_ns = node.model.now_ns
    node.model.run_until(node.model.now_ns + 7 * S)
    assert node.text("(Get-VM VM01).Heartbeat") == "LostCommunication"
    script = "(Get-VMIntegrationService -VMName VM01 -Name Heartbeat).PrimaryStatusDescription"
    assert node.text(script) == "Lost Communication"


def test_integration_services_are_the_documented_ones(idle: ShellNode) -> None:
    rows = idle.objects("Get-VMIntegrationService -VMName VM01")
    assert [(row.get("Name"), row.get("Enabled")) for row in rows] == [
        ("Guest Service Interface", False),
        ("Heartbeat", True),
        ("Key-Value Pair Exchange", True),
        ("Shutdown", True),
        ("Time Synchronization", True),
        ("VSS", True),
    ]
    assert idle.text("(Get-VMFirmware VM01).SecureBoot; (Get-VM VM01).Generation") == "On\n2"


def test_settings_are_kept(node: ShellNode) -> None:
    node.run("Set-VM VM01 -AutomaticStopAction ShutDown -AutomaticCriticalErrorActionTimeout 5 -Notes mine")
    vm = node.one("Get-VM VM01")
    assert [vm.get(name) for name in ("AutomaticStopAction", "AutomaticCriticalErrorActionTimeout", "Notes")] == [
        "ShutDown",
        5,
        "mine",
    ]
    node.run("Set-VMHost -UseAnyNetworkForMigration $true -VirtualMachineMigrationPerformanceOption Compression")
    assert node.text("(Get-VMHost).VirtualMachineMigrationPerformanceOption") == "Compression"
    assert "twin limitation" in node.error("Set-VMHost -MaximumVirtualMachineMigrations 4").message


def test_guests_of_another_node_need_a_log_on_that_may_go_on(node: ShellNode) -> None:
    assert node.error("Get-VM -ComputerName NODE02").error_id == "AccessDenied"
    node.delegated = True
    assert node.text("(Get-VM -ComputerName NODE02 -Name VM02).ComputerName") == "NODE02"


def test_a_clustered_guest_moves_by_the_cluster_alone(node: ShellNode) -> None:
    assert "is clustered" in node.error("Move-VM VM01 NODE02").message
    assert "Access is denied" in node.error("Move-ClusterVirtualMachineRole VM01 -Node NODE02").message
    node.delegated = True
    assert node.text("(Move-ClusterVirtualMachineRole VM01 -Node NODE02).OwnerNode.Name") == "NODE02"
    assert node.text("(Compare-VM VM05 -DestinationHost NODE03).Incompatibilities.Count") == "0"


@pytest.fixture
def managed() -> ShellNode:
    when = datetime(2025, 11, 14, 6, 0, tzinfo=UTC)
    spec = ModelSpec(nodes=2, guests=2, epoch=when, windows=(WindowsGuestSpec("VM01"),))
    return ShellNode(ClusterModel(spec))


def test_a_checkpoint_brings_the_disk_back(managed: ShellNode) -> None:
    machine = managed.model.windows.machine("VM01")
    managed.run("Checkpoint-VM VM01 -SnapshotName before")
    before = machine.build
    (update,) = managed.model.windows.search(machine)[:1]
    managed.model.windows.install(machine, [update], "test")
    run_until(managed.model, lambda: not machine.installing)
    assert machine.has(update.kb) or machine.restart_pending
    managed.run("Get-VMSnapshot VM01 -Name before | Restore-VMSnapshot")
    assert not machine.has(update.kb)
    assert not machine.restart_pending
    assert machine.build == before
    assert managed.text("(Get-VM VM01).State") == "Off"
    managed.run("Start-VM VM01; Get-VMSnapshot VM01 | Remove-VMSnapshot")
    assert managed.objects("Get-VMSnapshot VM01") == []
    assert managed.error("Restore-VMSnapshot -Name before -VMName VM01").error_id == "InvalidParameter"


def test_an_orderly_stop_is_in_the_guests_own_log(managed: ShellNode) -> None:
    machine = managed.model.windows.machine("VM01")
    managed.run("Stop-VM VM01; Start-VM VM01")
    managed.model.run_until(managed.model.now_ns + HOUR)
    ids = [entry.id for entry in machine.log if entry.log == "System"]
    assert 6006 in ids
    assert 41 not in ids
    managed.run("Stop-VM VM01 -TurnOff; Start-VM VM01")
    managed.model.run_until(managed.model.now_ns + HOUR)
    assert 41 in [entry.id for entry in machine.log if entry.log == "System"]
