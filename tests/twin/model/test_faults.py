"""Power loss in the middle of an update, and what comes after."""

from __future__ import annotations

from collections.abc import Callable

import pytest

from harness.twin.model import ModelError
from harness.twin.model.groups import ORCHESTRATOR, UPDATE_SERVICE
from harness.twin.model.states import (
    CauRunState,
    EnvironmentState,
    StepStatus,
    SummaryStatus,
    UpdateRunState,
    UpdateState,
)

from .conftest import HOUR, MINUTE, UPDATE, Plant

Make = Callable[..., Plant]
REBOOT = "update/install/cau/node[NODE01]/reboot"


def _check_whole(plant: Plant) -> None:
    model = plant.model
    assert {str(node.os_build) for node in model.nodes.values()} == {"26100.6899"}
    assert all(node.cluster_state.name == "Up" and not node.paused for node in model.nodes.values())
    assert model.storage.healthy
    assert all(guest.state.name == "Running" for guest in model.guests.values())
    assert model.cau.state is CauRunState.RunNotInProgress
    assert model.cau.reports[-1].status is SummaryStatus.Succeeded


@pytest.mark.parametrize("seed", range(1, 6))
def test_power_loss_of_another_machine_during_the_first_reboot(make_plant: Make, seed: int) -> None:
    plant = make_plant(seed=seed)
    plant.start()
    plant.until("phase.enter", REBOOT)
    victims = [guest for guest in plant.model.guests.values() if guest.owner == "NODE03"]
    plant.model.power_off("NODE03")
    plant.advance(10 * MINUTE)
    assert plant.model.quorate
    assert all(guest.boot_id == 2 and guest.owner not in ("NODE01", "NODE03") for guest in victims)
    plant.model.power_on("NODE03")
    while plant.finish() != "Installed":
        assert plant.model.updates.row(UPDATE).state is UpdateState.InstallationFailed
        plant.advance(30 * MINUTE)
        plant.start()
    _check_whole(plant)
    entered = [event.path for event in plant.of("phase.enter")]
    paths = [path for path in entered if "/install/" in path and not path.startswith("update/install/cau")]
    assert len(paths) == len(set(paths)), "a finished step ran again"


def test_storage_repair_holds_the_next_drain_back(make_plant: Make) -> None:
    plant = make_plant()
    plant.start()
    plant.until("phase.enter", "update/install/cau/node[NODE02]/wait-storage")
    plant.model.power_off("NODE04")
    plant.advance(30 * MINUTE)
    assert not [event for event in plant.of("phase.enter") if event.path.endswith("node[NODE02]/drain")]
    plant.model.power_on("NODE04")
    plant.until("phase.enter", "update/install/cau/node[NODE02]/drain")
    assert plant.model.storage.healthy


def test_a_reboot_beyond_the_timeout_fails_the_attempt_and_the_second_succeeds(make_plant: Make) -> None:
    plant = make_plant()
    plant.start()
    plant.until("phase.enter", REBOOT)
    plant.until("node.phase", node="NODE01", phase="post")
    plant.model.power_off("NODE01")
    plant.advance(16 * MINUTE)
    plant.model.power_on("NODE01")
    assert plant.finish() == "Installed"
    assert [report.attempt for report in plant.model.cau.reports] == [1, 2]
    first = plant.model.cau.reports[0]
    assert first.status is not SummaryStatus.Succeeded
    assert 'Failed to restart "NODE01": The timeout limit (00:15:00) was reached.' in str(first.nodes[0].error)
    _check_whole(plant)


def test_a_machine_that_stays_away_fails_the_installation_and_resume_finishes_it(make_plant: Make) -> None:
    plant = make_plant()
    plant.start()
    plant.until("phase.enter", "update/install/cau/node[NODE02]/install")
    plant.model.power_off("NODE02")
    assert plant.finish() == "InstallationFailed"
    model = plant.model
    assert model.environment.state is EnvironmentState.UpdateFailed
    assert model.runs[-1].state is UpdateRunState.Failed
    assert len(model.cau.reports) == 2
    broken = [leaf for leaf in model.runs[-1].plan.root.leaves() if leaf.status is StepStatus.Error]
    assert len(broken) == 1
    assert "Exceeded max CAU retries (2). Please investigate before retrying." in str(broken[0].error)
    done = {leaf.index: leaf.ended_ns for leaf in model.runs[-1].plan.root.leaves() if leaf.done}

    model.power_on("NODE02")
    plant.advance(HOUR)
    assert not model.node("NODE02").paused, "CAU must not leave the machine suspended"
    first_run = model.runs[-1].resource_id
    assert plant.start() != first_run
    assert plant.finish() == "Installed"
    assert [run.state for run in model.runs] == [UpdateRunState.Failed, UpdateRunState.Succeeded]
    again = {leaf.index: leaf.ended_ns for leaf in model.runs[-1].plan.root.leaves() if leaf.index in done}
    assert again == done, "finished tasks are not executed again"
    _check_whole(plant)


def test_attempts_are_capped_at_six(make_plant: Make) -> None:
    plant = make_plant(overrides={"cau.storage_timeout": 5})
    plant.start()
    plant.until("phase.enter", "update/install/cau/node[NODE01]/wait-storage")
    plant.model.power_off("NODE04")
    for _ in range(6):
        assert plant.finish() == "InstallationFailed"
        plant.start()
    assert plant.finish() == "InstallationFailed"
    assert len(plant.model.cau.reports) == 6


def test_death_of_the_coordinator_loses_the_run_but_not_the_update(make_plant: Make) -> None:
    plant = make_plant()
    plant.start()
    plant.until("phase.enter", "update/install/cau/node[NODE01]/install")
    run = plant.model.cau.run
    assert run is not None
    plant.model.power_off(run.coordinator)
    plant.until("cau.run", state="RunFailed")
    assert run.error_id == "CoordinatorLost"
    plant.advance(10 * MINUTE)
    plant.model.power_on(run.coordinator)
    assert plant.finish() == "Installed"
    assert [report.status for report in plant.model.cau.reports] == [SummaryStatus.Failed, SummaryStatus.Succeeded]
    _check_whole(plant)


def test_cluster_task_is_repeated_after_failover_of_the_orchestrator(make_plant: Make) -> None:
    plant = make_plant(guests=4)
    plant.start()
    path = "update/install/update-secured-core"
    plant.until("phase.enter", path)
    owner = plant.model.owner_of(ORCHESTRATOR)
    plant.model.power_off(owner)
    plant.until("phase.retry", path)
    moved = plant.until("group.move", group=ORCHESTRATOR)
    assert moved.node == plant.model.owner_of(ORCHESTRATOR) != owner
    plant.model.power_on(owner)
    assert plant.finish() == "Installed"
    leaf = next(item for item in plant.model.runs[-1].plan.root.leaves() if item.slug == "update-secured-core")
    assert (leaf.attempts, leaf.status) == (2, StepStatus.Success)


def test_task_of_a_dead_machine_fails_at_once_and_resumes_there(make_plant: Make) -> None:
    plant = make_plant(guests=4)
    plant.start()
    plant.until("phase.enter", "update/install/update-fod")
    plant.model.power_off("NODE02")
    assert plant.finish() == "InstallationFailed"
    leaves = {leaf.index: leaf for leaf in plant.model.runs[-1].plan.root.leaves()}
    broken = [leaf for leaf in leaves.values() if leaf.status is StepStatus.Error]
    assert [(leaf.node, leaf.interface_type, leaf.error_machine) for leaf in broken] == [
        ("NODE02", "UpdateFOD", "NODE02")
    ]
    assert str(broken[0].error).startswith(
        "CloudEngine.Actions.InterfaceInvocationFailedException: Type 'UpdateFOD' of Role 'ComposedImageUpdate' raised"
    )
    plant.model.power_on("NODE02")
    plant.advance(HOUR)
    plant.start()
    assert plant.finish() == "Installed"
    fod = [leaf for leaf in plant.model.runs[-1].plan.root.leaves() if leaf.interface_type == "UpdateFOD"]
    assert [leaf.attempts for leaf in fod] == [1, 1, 1, 1]


def test_update_cmdlets_fail_while_their_service_fails_over(make_plant: Make) -> None:
    plant = make_plant(guests=4)
    model = plant.model
    owner = model.owner_of(UPDATE_SERVICE)
    assert model.updates.available
    model.power_off(owner)
    assert not model.updates.available
    with pytest.raises(ModelError) as caught:
        plant.start()
    assert caught.value.id == "ConnectionFailureException"
    moved = plant.until("group.move", group=UPDATE_SERVICE)
    assert moved.node != owner
    assert model.updates.available
    assert plant.start().startswith(f"{UPDATE}/")


def test_download_goes_on_after_failover(make_plant: Make) -> None:
    plant = make_plant(guests=4)
    plant.start()
    plant.until("phase.progress", "update/download", percent=50)
    owner = plant.model.owner_of(UPDATE_SERVICE)
    plant.model.power_off(owner)
    plant.advance(5 * MINUTE)
    plant.model.power_on(owner)
    row = plant.model.updates.row(UPDATE)
    assert row.state is UpdateState.Downloading
    assert plant.model.updates.progress_percent(row) is not None
    plant.until("update.state", new="Preparing")


def test_readiness_check_stops_the_update_while_a_machine_is_down(make_plant: Make) -> None:
    plant = make_plant(guests=4)
    plant.start()
    plant.until("phase.enter", "update/health-check")
    plant.model.power_off("NODE04")
    assert plant.finish() == "HealthCheckFailed"
    plant.model.power_on("NODE04")
    plant.advance(HOUR)
    plant.start()
    states = [event.attrs["new"] for event in plant.of("update.state", update=UPDATE)]
    assert states[-2:] == ["HealthCheckFailed", "HealthChecking"]
    assert plant.finish() == "Installed"


def test_loss_of_the_whole_cluster_and_cold_start(make_plant: Make) -> None:
    plant = make_plant(guests=8)
    plant.start()
    plant.until("phase.enter", "update/install/cau/node[NODE02]/install")
    for name in plant.model.nodes:
        plant.model.power_off(name)
    plant.advance(20 * MINUTE)
    assert not plant.model.quorate
    for name in plant.model.nodes:
        plant.model.power_on(name)
    while plant.finish() != "Installed":
        plant.advance(2 * HOUR)
        plant.start()
    _check_whole(plant)


def test_guest_that_cannot_move_fails_the_run_before_2604(make_plant: Make) -> None:
    plant = make_plant(guests=4)
    plant.start()
    plant.until("phase.enter", "update/install")
    plant.model.guest("VM02").migratable = False
    assert plant.finish() == "InstallationFailed"
    assert plant.model.guest("VM02").boot_id == 1
    assert not plant.model.node("NODE02").paused
    plant.model.guest("VM02").migratable = True
    plant.start()
    assert plant.finish() == "Installed"
