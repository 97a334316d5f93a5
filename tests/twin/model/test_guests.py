"""Live migration arithmetic, restart, isolation, forced drain."""

from __future__ import annotations

from collections.abc import Callable

import pytest
from hypothesis import given
from hypothesis import strategies as st

from harness.twin.model import GuestSpec, ModelError
from harness.twin.model.migration import plan_copy
from harness.twin.model.states import ClusterGroupState, Signal, VmState

from .conftest import HOUR, MINUTE, SECOND, Plant

Make = Callable[..., Plant]
MIB = 1 << 20


@given(st.integers(1, 1 << 20), st.integers(0, 900), st.integers(1000, 4000))
def test_copy_converges_below_the_bandwidth(ram_mib: int, dirty_mib_s: int, bandwidth_mib_s: int) -> None:
    plan = plan_copy(ram_mib * MIB, dirty_mib_s * MIB, bandwidth_mib_s * MIB, max_rounds=200, stop_bytes=24 * MIB)
    shortest = ram_mib * SECOND // bandwidth_mib_s
    assert plan.running_ns >= shortest
    assert plan.running_ns <= shortest * bandwidth_mib_s // (bandwidth_mib_s - dirty_mib_s) + plan.rounds
    assert plan.frozen_ns <= 24 * SECOND // bandwidth_mib_s


@given(st.integers(64, 1 << 18), st.integers(0, 400), st.integers(1, 400))
def test_more_dirt_never_copies_faster(ram_mib: int, dirty: int, more: int) -> None:
    slow, fast = (
        plan_copy(ram_mib * MIB, rate * MIB, 1000 * MIB, max_rounds=10, stop_bytes=24 * MIB)
        for rate in (dirty + more, dirty)
    )
    assert slow.running_ns >= fast.running_ns


def test_two_rounds_by_hand() -> None:
    plan = plan_copy(1000 * MIB, 100 * MIB, 1000 * MIB, max_rounds=10, stop_bytes=50 * MIB)
    # 1000 MiB in 1 s leaves 100; 100 MiB in 0.1 s leaves 10, which is small enough
    assert (plan.running_ns, plan.frozen_ns, plan.rounds) == (1_100_000_000, 10_000_000, 2)


def test_guests_of_a_dead_machine_restart_elsewhere(make_plant: Make) -> None:
    plant = make_plant()
    plant.advance(MINUTE)
    plant.model.power_off("NODE03")
    lost = [guest for guest in plant.model.guests.values() if guest.preferred_owner == "NODE03"]
    assert len(lost) == 10
    assert {guest.reachability.signal for guest in lost} == {Signal.Off}
    groups = {group.name: group for group in plant.model.cluster_groups()}
    assert groups[lost[0].name].state is ClusterGroupState.Online, "nobody has noticed yet"
    down = plant.until("node.down", node="NODE03")
    plant.advance(5 * MINUTE)
    for guest in lost:
        assert (guest.state, guest.boot_id) == (VmState.Running, 2)
        assert guest.owner != "NODE03"
        assert guest.reachability.signal is Signal.Answering
    assert {guest.owner for guest in lost} == {"NODE01", "NODE02", "NODE04"}, "spread over the survivors"
    assert all(event.t_ns > down.t_ns for event in plant.of("vm.restart"))
    assert all(guest.boot_id == 1 for guest in plant.model.guests.values() if guest not in lost)


def test_death_of_the_target_leaves_the_guest_where_it_was(make_plant: Make) -> None:
    plant = make_plant(guests=8)
    plant.model.move_guest("VM01", "NODE02")
    plant.until("vm.migration.start", vm="VM01")
    plant.advance(SECOND)
    plant.model.power_off("NODE02")
    event = plant.until("operation.end")
    assert event.attrs["ok"] is False
    guest = plant.model.guest("VM01")
    assert (guest.owner, guest.state, guest.boot_id) == ("NODE01", VmState.Running, 1)


def test_death_during_the_blackout_of_a_migration(make_plant: Make) -> None:
    plant = make_plant(guests=8)
    plant.model.move_guest("VM01", "NODE02")
    guest = plant.model.guest("VM01")
    while guest.reachability.signal is not Signal.Frozen:
        plant.advance(10_000_000)
    plant.model.power_off("NODE02")
    plant.advance(SECOND)
    assert (guest.owner, guest.reachability.signal) == ("NODE01", Signal.Answering)


def test_isolated_guest_runs_on_and_keeps_its_boot(make_plant: Make) -> None:
    plant = make_plant(guests=8)
    guest = plant.model.guest("VM02")
    plant.model.isolate("NODE02")
    assert guest.reachability.signal is Signal.Isolated
    plant.advance(MINUTE)
    assert guest.unmonitored
    plant.model.reconnect("NODE02")
    plant.advance(2 * MINUTE)
    assert (guest.reachability.signal, guest.boot_id, guest.unmonitored) == (Signal.Answering, 1, False)


def test_isolation_beyond_the_resiliency_period_restarts_guests(make_plant: Make) -> None:
    plant = make_plant(guests=8)
    plant.model.isolate("NODE02")
    down = plant.until("node.down", node="NODE02")
    off = plant.until("vm.off", vm="VM02")
    assert off.t_ns - down.t_ns == 240 * SECOND
    plant.advance(5 * MINUTE)
    guest = plant.model.guest("VM02")
    assert guest.owner != "NODE02"
    assert (guest.reachability.signal, guest.boot_id) == (Signal.Answering, 2)


def test_drain_stops_at_a_guest_that_cannot_move(make_plant: Make) -> None:
    specs = (
        GuestSpec("VM01", 4096, 10, "NODE01", migratable=False),
        GuestSpec("VM02", 4096, 10, "NODE01"),
    )
    plant = make_plant(guests=specs)
    operation = plant.model.suspend_node("NODE01")
    plant.until("operation.end")
    assert isinstance(operation.error, ModelError)
    assert operation.error.id == "DrainFailed"
    assert plant.model.node("NODE01").drain_status.name == "Failed"
    assert (plant.model.guest("VM01").owner, plant.model.guest("VM02").owner != "NODE01") == ("NODE01", True)


def test_forced_drain_turns_it_off_and_restarts_it(make_plant: Make) -> None:
    plant = make_plant(guests=(GuestSpec("VM01", 4096, 10, "NODE01", migratable=False),))
    plant.model.suspend_node("NODE01", force=True)
    plant.until("operation.end")
    plant.advance(5 * MINUTE)
    guest = plant.model.guest("VM01")
    assert guest.owner != "NODE01"
    assert (guest.state, guest.boot_id) == (VmState.Running, 2)


def test_uptime_stands_still_while_frozen(make_plant: Make) -> None:
    plant = make_plant(guests=4)
    guest = plant.model.guest("VM01")
    before = guest.uptime_ns(plant.model.now_ns)
    plant.model.move_guest("VM01", "NODE02")
    end = plant.until("vm.migration.end", vm="VM01")
    grown = guest.uptime_ns(plant.model.now_ns) - before
    assert grown == end.t_ns - int(str(end.attrs["blackout_ns"]))


def test_operator_restart_drains_first(make_plant: Make) -> None:
    plant = make_plant(guests=8)
    plant.model.restart_node("NODE02")
    plant.until("node.up", node="NODE02", limit_ns=HOUR)
    assert all(guest.boot_id == 1 for guest in plant.model.guests.values())
    assert len(plant.of("vm.migration.end", status="ok")) == 2


@pytest.mark.parametrize("name", ["NODE09", ""])
def test_unknown_machine_is_an_error(make_plant: Make, name: str) -> None:
    with pytest.raises(ModelError) as caught:
        make_plant(guests=0).model.power_off(name)
    assert "NODE01" in caught.value.message
