"""Storage, Hyper-V and Cluster-Aware Updating: objects, views, selection, errors."""

from __future__ import annotations

import json
from datetime import timedelta
from uuid import UUID

import pytest
from hypothesis import given
from hypothesis import strategies as st

from harness.twin.cmdlets.views import size_text
from harness.twin.model.states import UpdateState
from harness.twin.shell.objects import PSObject, UInt64
from tests.twin.cmdlets.shell_nodes import UPDATE, S, ShellNode, make_node, run_until

GIB = 1 << 30


def test_virtual_disks_and_pool(idle: ShellNode) -> None:
    assert idle.table("Get-VirtualDisk UserStorage_1")[2].split() == [
        "UserStorage_1", "Mirror", "OK", "Healthy", "2", "TB", "6", "TB",
    ]  # fmt: skip
    disk = idle.one("Get-VirtualDisk -FriendlyName Infrastructure_1")
    assert (disk.get("Size"), type(disk.get("Size"))) == (250 * GIB, UInt64)
    assert disk.type_names[0].endswith("#ROOT/Microsoft/Windows/Storage/MSFT_VirtualDisk")
    assert idle.text("(Get-StoragePool -IsPrimordial $false).FriendlyName") == "SU1_Pool"
    assert json.loads(idle.text("Get-StoragePool SU1_Pool | ConvertTo-Json"))["HealthStatus"] == "Healthy"
    assert len(idle.objects("Get-PhysicalDisk")) == 16
    assert len(idle.objects("Get-StorageSubSystem Cluster*")) == 1


def test_a_disk_that_does_not_exist(idle: ShellNode) -> None:
    error = idle.error("Get-VirtualDisk nope")
    assert error.full_id == "CmdletizationQuery_NotFound_FriendlyName,Get-VirtualDisk"
    assert error.message == (
        "No MSFT_VirtualDisk objects found with property 'FriendlyName' equal to 'nope'.  "
        "Verify the value of the property and retry."
    )


def test_repair_jobs_as_documented(node: ShellNode) -> None:
    model = node.model
    assert node.objects("Get-StorageJob") == []
    model.power_off("NODE02")
    model.run_until(600 * S)
    assert node.text("Get-PhysicalDisk | ? OperationalStatus -ne OK | group OperationalStatus | % Name") == (
        "Lost communication"
    )
    model.power_on("NODE02")
    run_until(model, lambda: any(job.bytes_processed(model.now_ns) > GIB for job in model.storage.repair_jobs))
    job = node.objects("Get-StorageJob")[0]
    assert [name for name, _ in job.properties()] == [
        "Name", "IsBackgroundTask", "ElapsedTime", "JobState", "PercentComplete", "BytesProcessed", "BytesTotal",
    ]  # fmt: skip
    percent, done, total, elapsed = (
        job.get(name) for name in ("PercentComplete", "BytesProcessed", "BytesTotal", "ElapsedTime")
    )
    assert isinstance(percent, int) and isinstance(done, int) and isinstance(total, int)
    assert percent == done * 100 // total
    assert isinstance(elapsed, timedelta) and elapsed > timedelta(seconds=5)
    header, _, row, *_ = node.table("Get-StorageJob")
    assert header.split()[0] == "Name" and row.split()[:2] == [job.get("Name"), "True"]
    assert "Running" in node.text("Get-StorageJob | % JobState")


@pytest.mark.parametrize(
    ("size_bytes", "text"),
    [(0, "0 B"), (1024, "1 KB"), (250 * GIB, "250 GB"), (2 << 40, "2 TB"), (int(88.4 * GIB), "88.4 GB")],
)
def test_sizes_as_views_print_them(size_bytes: int, text: str) -> None:
    assert size_text(size_bytes) == text


@given(st.integers(0, 1 << 60))
def test_a_printed_size_is_near_the_size(size_bytes: int) -> None:
    number, unit = size_text(size_bytes).split()
    scale = 1024 ** ["B", "KB", "MB", "GB", "TB", "PB"].index(unit)
    assert abs(float(number) * scale - size_bytes) <= 0.0051 * scale


def test_virtual_machines_of_this_host(node: ShellNode) -> None:
    here = [guest for guest in node.model.guests.values() if guest.owner == "NODE01"]
    lines = node.table("Get-VM")
    assert lines[0].split() == ["Name", "State", "CPUUsage(%)", "MemoryAssigned(M)", "Uptime", "Status", "Version"]
    assert lines[2].split()[:4] == [here[0].name, "Running", "1", str(here[0].ram_mib)]
    vm = node.one(f"Get-VM -Name {here[0].name}")
    assert vm.get("Id") == UUID(here[0].vm_id)
    assert vm.get("MemoryAssigned") == here[0].ram_mib << 20
    assert vm.get("Uptime") == timedelta(microseconds=here[0].uptime_ns(node.model.now_ns) // 1000)
    document = json.loads(node.text(f"Get-VM {here[0].name} | select Name, State | ConvertTo-Json"))
    assert document == {"Name": here[0].name, "State": 2}
    assert node.one("Get-VMHost").get("MaximumVirtualMachineMigrations") == 1


def test_a_virtual_machine_of_another_host(node: ShellNode) -> None:
    other = next(guest for guest in node.model.guests.values() if guest.owner != "NODE01")
    error = node.error(f"Get-VM {other.name}")
    assert error.message == f'Hyper-V was unable to find a virtual machine with name "{other.name}".'
    assert error.full_id == "InvalidParameter,Microsoft.HyperV.PowerShell.Commands.GetVM"


def test_a_lost_volume_pauses_its_guests() -> None:
    node = make_node(nodes=3, guests=3)
    guest = next(guest for guest in node.model.guests.values() if guest.owner == "NODE01")
    for name in ("NODE02", "NODE03"):
        node.model.isolate(name)
    node.model.run_until(30 * S)
    assert node.text(f"Get-VM {guest.name} | % {{ '{{0}}/{{1}}' -f $_.State, $_.Status }}") == "PausedCritical/Critical"
    assert guest.state.name == "PausedCritical"


def test_cau_without_a_run(idle: ShellNode) -> None:
    assert idle.text("Get-CauRun") == "RunNotInProgress"
    assert idle.text('(Get-CauRun) -eq "RunNotInProgress"') == "True"
    assert idle.objects("Get-CauReport -Last") == []


def test_cau_against_the_cluster_name_needs_delegation(idle: ShellNode) -> None:
    error = idle.error("Get-CauReport -ClusterName CLUSTER01 -Last -Detailed")
    assert error.message == (
        "Connecting to remote server CLUSTER01 failed with the following error message : Access is denied."
    )
    assert error.full_id == "AccessDenied,PSSessionStateBroken"


def test_cau_during_and_after_a_run(node: ShellNode) -> None:
    model = node.model
    model.start_update(UPDATE)
    run_until(model, lambda: any(item.result for item in model.cau.run.nodes) if model.cau.run else False)
    watcher = ShellNode(model, "NODE04")
    run = watcher.one("Get-CauRun")
    assert [name for name, _ in run.properties()] == [
        "RunId", "RunStartTime", "CurrentOrchestrator", "NodeStatusNotifications", "NodeResults",
    ]  # fmt: skip
    assert watcher.text("(Get-CauRun).NodeResults | % { $_.Node + ' ' + $_.Status }") == "NODE01 Succeeded"
    assert watcher.text("(Get-CauRun).NodeStatusNotifications[-1].Status") == "Waiting"
    lines = watcher.table("Get-CauRun")
    assert any(line.split() == ["Node", ":", "NODE02"] for line in lines)
    row = model.updates.row(UPDATE)
    run_until(model, lambda: row.state is UpdateState.Installed)
    assert watcher.text('"$(Get-CauRun)"') == "RunNotInProgress"
    report = watcher.one("Get-CauReport -Last -Detailed")
    assert report.type_names[0] == "Microsoft.ClusterAwareUpdating.CauReport"
    result = report.get("ClusterResult")
    assert isinstance(result, PSObject) and str(result.get("Status")) == "Succeeded"
    installed = watcher.text(
        "(Get-CauReport -Last -Detailed).ClusterResult.NodeResults[1].InstallResults | "
        "% { $_.NodeName + ' ' + $_.UpdateTitle + ' ' + $_.UpdateResultCode }"
    )
    assert installed == "NODE02 KB5066780 Succeeded\nNODE02 KB5066129 Succeeded"
    assert watcher.text("@((Get-CauReport -Last).ClusterResult.NodeResults[1].InstallResults).Count") == "0"
    assert watcher.objects("Get-CauReport -StartDate 2030-01-01") == []
    assert len(watcher.objects("Get-CauReport -Last | Get-CauReport")) == 1
