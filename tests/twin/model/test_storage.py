"""Dirty data, repair jobs and volume states."""

from __future__ import annotations

from collections.abc import Callable

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from harness.twin.model import ModelError
from harness.twin.model.states import (
    DetachedReason,
    PhysicalDiskStatus,
    PoolStatus,
    StorageJobState,
    VirtualDiskStatus,
    VmState,
    VolumeHealth,
)
from tests.examples import examples

from .conftest import HOUR, MINUTE, SECOND, Plant

Make = Callable[..., Plant]
MIB = 1 << 20


@settings(max_examples=examples(25), deadline=None)
@given(st.integers(1, 4 * 3600), st.integers(1, 2000), st.integers(2, 6))
def test_repair_moves_exactly_what_was_missed(seconds: int, rate_mib_s: int, nodes: int) -> None:
    plant = Plant(nodes=nodes, guests=2 * nodes, overrides={"storage.repair_rate": rate_mib_s}, seed=seconds)
    plant.model.suspend_node("NODE01")
    plant.until("operation.end")
    begun = plant.of("storage.health", disk="UserStorage_2", status="Degraded")[-1].t_ns
    plant.advance(seconds * SECOND)
    plant.model.resume_node("NODE01", fail_back=False)
    ended = plant.until("operation.end").t_ns
    volume = plant.model.volumes["UserStorage_2"]
    missed = (ended - begun) * volume.write_bytes_s // SECOND
    job = next(item for item in plant.model.storage.jobs if item.virtual_disk == volume.name)
    assert job.bytes_total == missed
    start = plant.until("storage.resync.start", disk=volume.name)
    end = plant.until("storage.resync.end", disk=volume.name, limit_ns=10_000 * HOUR)
    assert start.attrs["bytes"] == end.attrs["bytes"] == missed
    assert end.t_ns - start.t_ns == -(-missed * SECOND // (rate_mib_s * MIB))
    assert plant.model.volumes[volume.name].dirty_bytes["NODE01"] == 0


def test_all_observables_through_a_maintenance(make_plant: Make) -> None:
    plant = make_plant(guests=8)
    model = plant.model
    volume, disk = model.volumes["UserStorage_1"], model.node("NODE01").disks[0]
    assert (volume.status, volume.health, model.storage.pool.status) == (
        VirtualDiskStatus.OK,
        VolumeHealth.Healthy,
        PoolStatus.OK,
    )
    operation = model.suspend_node("NODE01")
    assert model.node("NODE01").cluster_state.name == "Paused"
    assert model.node("NODE01").drain_status.name == "InProgress" or not operation.done
    plant.until("storage.disks", node="NODE01", status="Starting maintenance mode")
    assert disk.status is PhysicalDiskStatus.StartingMaintenanceMode
    model.run_until(model.now_ns + MINUTE, lambda event: operation.done)
    assert operation.done
    assert model.node("NODE01").drain_status.name == "Completed"
    assert (volume.status, volume.health) == (VirtualDiskStatus.Degraded, VolumeHealth.Warning)
    assert model.storage.pool.status is PoolStatus.Degraded
    model.restart_node("NODE01")
    plant.until("node.down", node="NODE01", planned=True)
    plant.advance(MINUTE)
    assert disk.status is PhysicalDiskStatus.LostCommunication
    assert volume.status is VirtualDiskStatus.Incomplete
    plant.until("node.up", node="NODE01")
    assert disk.status is PhysicalDiskStatus.InMaintenanceMode
    assert model.node("NODE01").cluster_state.name == "Paused", "a paused machine comes back paused"
    model.resume_node("NODE01")
    plant.until("storage.resync.start", disk="UserStorage_1")
    assert (volume.status, volume.health) == (VirtualDiskStatus.InService, VolumeHealth.Warning)
    assert disk.status is PhysicalDiskStatus.OK
    job = next(item for item in model.storage.jobs if item.virtual_disk == "UserStorage_1")
    assert (job.name, job.state) == ("UserStorage_1-Repair", StorageJobState.Running)
    first = job.bytes_processed(model.now_ns)
    plant.advance(10 * SECOND)
    assert job.bytes_processed(model.now_ns) - first == 10 * job.rate_bytes_s
    plant.advance(HOUR)
    assert model.storage.healthy
    assert not model.storage.repair_jobs


def test_repair_is_suspended_while_another_copy_is_missing(make_plant: Make) -> None:
    plant = make_plant(guests=8)
    plant.model.power_off("NODE02")
    plant.advance(30 * MINUTE)
    plant.model.power_on("NODE02")
    plant.until("storage.resync.start", disk="UserStorage_1")
    plant.advance(5 * SECOND)
    job = next(item for item in plant.model.storage.jobs if item.virtual_disk == "UserStorage_1")
    plant.model.power_off("NODE03")
    plant.until("storage.resync.suspend", disk="UserStorage_1")
    done = job.bytes_processed(plant.model.now_ns)
    plant.advance(10 * MINUTE)
    assert job.state is StorageJobState.Suspended
    assert job.bytes_processed(plant.model.now_ns) == done > 0
    plant.model.power_on("NODE03")
    plant.advance(2 * HOUR)
    assert plant.model.storage.healthy


def test_volumes_detach_beyond_redundancy_and_guests_pause(make_plant: Make) -> None:
    plant = make_plant(nodes=5, guests=10, witness=False)
    for name in ("NODE01", "NODE02", "NODE03"):
        plant.model.power_off(name)
        plant.advance(MINUTE)
    assert plant.model.quorate
    volume = plant.model.volumes["UserStorage_1"]
    assert (volume.status, volume.detached_reason) == (
        VirtualDiskStatus.Detached,
        DetachedReason.MajorityDisksUnhealthy,
    )
    assert plant.model.storage.pool.status is PoolStatus.ReadOnly
    assert plant.model.guest("VM05").state is VmState.PausedCritical
    for name in ("NODE01", "NODE02", "NODE03"):
        plant.model.power_on(name)
    plant.advance(3 * HOUR)
    assert plant.model.storage.healthy
    assert plant.model.guest("VM05").state is VmState.Running
    assert plant.model.guest("VM05").boot_id == 1


def test_stale_copies_count_against_redundancy(make_plant: Make) -> None:
    plant = make_plant(nodes=2, guests=2, overrides={"storage.repair_rate": 1})
    plant.model.power_off("NODE01")
    plant.advance(30 * MINUTE)
    plant.model.power_on("NODE01")
    plant.until("storage.resync.start")
    plant.model.power_off("NODE02")
    plant.advance(MINUTE)
    assert plant.model.quorate
    assert {item.status for item in plant.model.volumes.values()} == {VirtualDiskStatus.NoRedundancy}
    guest = plant.model.guest("VM01")
    plant.advance(30 * MINUTE)
    assert guest.state is VmState.Off, "nothing can start from stale copies"
    plant.model.power_on("NODE02")
    plant.advance(30 * MINUTE)
    assert (guest.state, guest.boot_id) == (VmState.Running, 3)


def test_suspend_is_refused_when_data_would_go_offline(make_plant: Make) -> None:
    plant = make_plant(nodes=2, guests=2)
    plant.model.power_off("NODE01")
    plant.advance(20 * MINUTE)
    plant.model.power_on("NODE01")
    plant.until("node.up", node="NODE01")
    with pytest.raises(ModelError) as caught:
        plant.model.suspend_node("NODE02")
    assert caught.value.id == "ERROR_CLUSTER_SPACE_DEGRADED"


def test_background_optimize_does_not_count_as_repair(make_plant: Make) -> None:
    plant = make_plant(guests=0)
    names = set()
    for _ in range(60):
        plant.advance(5 * MINUTE)
        names |= {job.name for job in plant.model.storage.jobs}
        assert plant.model.storage.healthy
    assert names == {"Optimize"}
