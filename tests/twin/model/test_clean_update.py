"""An undisturbed update: order, safety, duration, result."""

from __future__ import annotations

import time
from collections.abc import Callable
from itertools import pairwise
from xml.etree import ElementTree

import pytest

from harness.twin.model import load_catalogs
from harness.twin.model.progress_xml import render_progress
from harness.twin.model.states import (
    ActionPlanStatus,
    CauRunState,
    EnvironmentState,
    Signal,
    StepStatus,
    SummaryStatus,
    UpdateRunState,
    UpdateState,
)

from .conftest import HOUR, MINUTE, SECOND, UPDATE, Plant

Make = Callable[..., Plant]


@pytest.fixture(scope="module")
def updated() -> Plant:
    """Four machines, forty guests, update settled."""
    plant = Plant()
    plant.start()
    assert plant.finish() == "Installed"
    return plant


def test_states_follow_the_published_order(updated: Plant) -> None:
    states = [event.attrs["new"] for event in updated.of("update.state", update=UPDATE)]
    assert states == ["Downloading", "Preparing", "HealthChecking", "Installing", "Installed"]


def test_phases_follow_one_another(updated: Plant) -> None:
    phases = [event.path.removeprefix("update/") for event in updated.of("phase.enter") if event.path.count("/") == 1]
    assert phases == ["download", "prepare", "health-check", "ready", "install", "settled"]


def test_machines_are_updated_one_at_a_time_in_order(updated: Plant) -> None:
    stages = [
        event.path.removeprefix("update/install/cau/")
        for event in updated.of("phase.enter")
        if event.path.startswith("update/install/cau/")
    ]
    expected = [
        f"node[NODE{number:02}]/{stage}"
        for number in range(1, 5)
        for stage in ("wait-storage", "drain", "install", "reboot", "resume")
    ]
    assert stages == expected


def test_never_more_than_one_machine_is_not_up(updated: Plant) -> None:
    out: set[str | None] = set()
    for event in updated.model.events:
        if event.kind in ("node.paused", "node.down"):
            out.add(event.node)
        elif event.kind == "node.resumed":
            out.discard(event.node)
        assert len(out) <= 1


def test_storage_is_healthy_before_each_drain(updated: Plant) -> None:
    status: dict[object, object] = {}
    drains = 0
    for event in updated.model.events:
        if event.kind == "storage.health":
            status[event.attrs["disk"]] = event.attrs["status"]
        elif event.kind == "phase.enter" and event.path.endswith("/drain"):
            drains += 1
            assert set(status.values()) <= {"OK"}, f"{event.path} began while {status}"
    assert drains == 4


def test_resync_happens_after_each_machine(updated: Plant) -> None:
    # five volumes, four machines
    assert len(updated.of("storage.resync.end")) == 20
    assert all(event.attrs["bytes"] for event in updated.of("storage.resync.end"))


def test_all_machines_end_on_the_new_build(updated: Plant) -> None:
    assert {str(node.os_build) for node in updated.model.nodes.values()} == {"26100.6899"}
    assert all({kb.kb for kb in node.kbs} >= {"KB5066780", "KB5066129"} for node in updated.model.nodes.values())
    assert not any(node.pending_reboot or node.paused for node in updated.model.nodes.values())
    assert all(node.boot_id == 2 for node in updated.model.nodes.values())


def test_guests_only_migrate_and_return(updated: Plant) -> None:
    assert not updated.of("vm.off")
    assert not updated.of("vm.restart")
    for guest in updated.model.guests.values():
        assert guest.boot_id == 1
        assert guest.owner == guest.preferred_owner
        assert {item.signal for item in guest.reachability.transitions} == {Signal.Answering, Signal.Frozen}
        assert len(updated.of("vm.migration.end", vm=guest.name, status="ok")) == 2


def test_blackouts_are_shorter_than_a_second(updated: Plant) -> None:
    for guest in updated.model.guests.values():
        for frozen, answering in pairwise(guest.reachability.transitions):
            if frozen.signal is Signal.Frozen:
                assert 0 < answering.t_ns - frozen.t_ns < SECOND


def test_only_one_migration_per_machine_at_a_time(updated: Plant) -> None:
    busy: dict[object, int] = {}
    for event in updated.model.events:
        if event.kind == "vm.migration.start":
            for node in (event.node, event.attrs["target"]):
                busy[node] = busy.get(node, 0) + 1
                assert busy[node] == 1
            pair = (event.node, event.attrs["target"])
        elif event.kind == "vm.migration.end":
            for node in pair:
                busy[node] -= 1


def test_duration_is_the_documented_one(updated: Plant) -> None:
    row = updated.model.updates.row(UPDATE)
    assert row.installed_ns is not None
    assert 0.8 * 6 * HOUR <= row.installed_ns <= 1.2 * 6 * HOUR
    run = updated.model.runs[-1]
    assert run.duration_ns(updated.model.now_ns) == pytest.approx(6 * HOUR, rel=0.1)


def test_health_check_takes_22_minutes_on_four_machines(updated: Plant) -> None:
    enter = next(event for event in updated.of("phase.enter") if event.path == "update/health-check")
    leave = next(event for event in updated.of("phase.exit") if event.path == "update/health-check")
    assert leave.t_ns - enter.t_ns == 22 * MINUTE


def test_result_is_stamped(updated: Plant) -> None:
    model = updated.model
    row = model.updates.row(UPDATE)
    assert row.state is UpdateState.Installed
    assert model.environment.state is EnvironmentState.AppliedSuccessfully
    assert model.environment.current_version == "12.2510.1002.94"
    assert {item.package_type: item.version for item in model.environment.package_versions}["Solution"] == row.version
    assert model.runs[-1].state is UpdateRunState.Succeeded
    assert not any(run.preparation for run in model.runs)
    assert all(leaf.status is StepStatus.Success for leaf in model.runs[-1].plan.root.leaves())
    assert [plan.status for plan in model.plans] == [ActionPlanStatus.Completed] * len(model.plans)
    assert [plan.name for plan in model.plans] == ["GetCauDeviceInfo", "Check Update readiness", "MAS Update"]


def test_cau_leaves_one_succeeded_report(updated: Plant) -> None:
    history = updated.model.cau
    assert history.state is CauRunState.RunNotInProgress
    assert [report.status for report in history.reports] == [SummaryStatus.Succeeded]
    assert [item.result for item in history.reports[0].nodes] == [SummaryStatus.Succeeded] * 4


def test_coordinator_leaves_its_machine_before_that_restarts(updated: Plant) -> None:
    moves = updated.of("cau.coordinator")
    assert moves
    for move in moves:
        restart = next(
            event for event in updated.of("node.phase", phase="shutting-down") if event.node == move.attrs["source"]
        )
        assert move.t_ns < restart.t_ns


def test_percent_only_grows(updated: Plant) -> None:
    percents = [
        int(str(event.attrs["percent"])) for event in updated.of("phase.progress") if event.path == "update/install"
    ]
    assert percents == sorted(percents)
    assert percents[-1] == 100


def test_progress_xml_answers_the_guides_xpaths(updated: Plant) -> None:
    model = updated.model
    root = ElementTree.fromstring(render_progress(model.runs[-1].plan, model.datetime_at))  # noqa: S314  # our own
    step = root.find(".//Step[@Name='Update Host OS']")
    assert step is not None
    task = step.find("Task")
    assert task is not None
    assert (task.get("RolePath"), task.get("ActionType")) == ("CAU", "ClusterAwareUpdateForOSUpdate")
    remote = root.findall(".//Task[@InterfaceType='UpdateFOD'][@RemoteNodeName='NODE02']")
    assert [item.get("Status") for item in remote] == ["Success"]


def test_a_restarting_machine_answers_winrm_in_the_documented_order(updated: Plant) -> None:
    states = [event.attrs["state"] for event in updated.of("node.winrm", node="NODE01")]
    assert states == ["refusing", "unauthorized", "unavailable", "answering"]
    stop = updated.of("node.winrm", node="NODE01")[0]
    down = updated.of("node.down", node="NODE01")[0]
    assert stop.seq < down.seq


def test_disks_go_through_maintenance(updated: Plant) -> None:
    states = [event.attrs["status"] for event in updated.of("storage.disks", node="NODE02")]
    assert states == [
        "Starting maintenance mode",
        "In maintenance mode",
        "Lost communication",
        "In maintenance mode",
        "Stopping maintenance mode",
        "OK",
    ]


@pytest.mark.parametrize(("nodes", "hours"), [(1, 4.5), (2, 5.5), (3, 6.2), (16, 12.5)])
def test_other_sizes_complete(make_plant: Make, nodes: int, hours: float) -> None:
    plant = make_plant(nodes=nodes, guests=2 * nodes)
    plant.start()
    assert plant.finish() == "Installed"
    assert plant.model.now_ns == pytest.approx(hours * HOUR, rel=0.2)
    assert {str(node.os_build) for node in plant.model.nodes.values()} == {"26100.6899"}
    assert not plant.of("vm.restart")
    assert all(guest.boot_id == 1 for guest in plant.model.guests.values())


def test_install_of_a_single_machine_takes_about_four_hours(make_plant: Make) -> None:
    plant = make_plant(nodes=1)
    plant.start()
    assert plant.finish() == "Installed"
    assert plant.model.runs[-1].duration_ns(plant.model.now_ns) == pytest.approx(4 * HOUR, rel=0.15)


def test_prepare_only_stops_before_installing(make_plant: Make) -> None:
    plant = make_plant(guests=4)
    plant.model.start_update(UPDATE, prepare_only=True)
    plant.until("update.state", new="ReadyToInstall")
    assert plant.model.runs[-1].state is UpdateRunState.HealthCheckSucceeded
    assert not plant.of("node.paused")
    plant.start()
    assert plant.model.updates.row(UPDATE).state is UpdateState.Installing
    assert plant.finish() == "Installed"


def test_without_failback_guests_stay_where_the_drain_put_them(make_plant: Make) -> None:
    plant = make_plant(guests=8)
    plant.model.settings.vm_failback = False
    plant.start()
    assert plant.finish() == "Installed"
    assert any(guest.owner != guest.preferred_owner for guest in plant.model.guests.values())
    assert not plant.of("vm.off")


def test_simulation_is_fast() -> None:
    load_catalogs()
    began = time.perf_counter()
    plant = Plant()
    plant.start()
    plant.finish()
    assert time.perf_counter() - began < 0.5
