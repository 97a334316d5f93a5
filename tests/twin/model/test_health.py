"""Health checks: computed from causes, blocking by severity."""

from __future__ import annotations

from collections.abc import Callable

import pytest

from harness.twin.model import ModelError
from harness.twin.model.health import blocking, roll_up
from harness.twin.model.states import (
    CheckStatus,
    EnvironmentState,
    HealthState,
    Severity,
    StepStatus,
    UpdateRunState,
    UpdateState,
)

from .conftest import HOUR, MINUTE, UPDATE, Plant

Make = Callable[..., Plant]


def _failures(plant: Plant) -> dict[str, Severity]:
    """Failures of a fresh system health check."""
    plant.model.precheck()
    plant.advance(30 * MINUTE)
    results = plant.model.environment.health_results
    return {item.title: item.severity for item in results if item.status is CheckStatus.FAILURE}


def test_healthy_system_shows_exactly_the_three_documented_failures(make_plant: Make) -> None:
    plant = make_plant()
    failures = _failures(plant)
    assert set(failures.values()) == {Severity.INFORMATIONAL}
    assert len(failures) == 3
    assert "The CAU clustered role should be installed on the failover cluster to enable self-updating mode" in failures
    assert plant.model.environment.health_state is HealthState.Success


def test_setup_test_has_ten_informational_rules_and_one_critical(make_plant: Make) -> None:
    rules = [item for item in make_plant(guests=0).model.environment.health_results if item.name == "TestCauSetup"]
    severities = [item.severity for item in rules]
    assert (severities.count(Severity.INFORMATIONAL), severities.count(Severity.CRITICAL)) == (10, 1)


def test_check_is_in_progress_and_undated_while_it_runs(make_plant: Make) -> None:
    plant = make_plant(guests=0)
    plant.model.precheck()
    environment = plant.model.environment
    assert (environment.health_state, environment.health_checked_ns) == (HealthState.InProgress, None)
    plant.until("health.check", scope="system", state="Success")
    assert environment.health_checked_ns == plant.model.now_ns


def test_full_system_drive_blocks_with_the_guides_text(make_plant: Make) -> None:
    plant = make_plant(guests=4)
    plant.model.plant("system-drive-full", "NODE03", {"free_gb": 22})
    plant.start()
    assert plant.finish() == "HealthCheckFailed"
    row = plant.model.updates.row(UPDATE)
    bad = [item for item in row.health_results if item.name == "AzStackHci_Hardware_SystemDriveFreeSpace"]
    assert [item.status for item in bad].count(CheckStatus.FAILURE) == 1
    failed = next(item for item in bad if item.status is CheckStatus.FAILURE)
    assert failed.detail == (
        "Checking Hostname NODE03 for free space on root folder path 'C:' 22 GB. Expected at least 30 GB."
    )
    assert failed.target_resource_name == "Machine: NODE03, Class: Disk, DriveLetter: C:"
    assert row.health_state is HealthState.Failure
    run = plant.model.runs[-1]
    assert run.state is UpdateRunState.Failed
    assert [(step.name, step.status) for step in run.plan.root.children][2] == ("Checking health.", StepStatus.Error)
    assert plant.model.environment.state is EnvironmentState.PreparationFailed

    plant.model.lift("system-drive-full", "NODE03")
    plant.start()
    assert row.state is UpdateState.HealthChecking
    assert plant.finish() == "Installed"


def test_warning_blocks_unless_told_otherwise(make_plant: Make) -> None:
    plant = make_plant(guests=4)
    guest = plant.model.guest("VM02")
    guest.migratable = False
    plant.start()
    assert plant.finish() == "HealthCheckFailed"
    assert plant.model.updates.row(UPDATE).health_state is HealthState.Warning
    plant.model.start_update(UPDATE, ignore_warnings=True)
    plant.until("update.state", new="Installing")


def test_locked_bridge_blocks_although_informational(make_plant: Make) -> None:
    plant = make_plant(guests=4)
    plant.model.bridge.locks.append("CanNotDelete")
    plant.start()
    assert plant.finish() == "HealthCheckFailed"
    row = plant.model.updates.row(UPDATE)
    assert row.health_state is HealthState.Success, "the roll-up ignores informational results"
    found = blocking(row.health_results, ignore_warnings=True)
    assert [(item.name, item.severity) for item in found] == [
        ("AzStackHci_ARBStack_ARBIsLocked", Severity.INFORMATIONAL)
    ]
    assert found[0].detail == (
        "ARB is locked, 1 locks found. Please remove all the locks for the ARB (cluster01-arcbridge) to proceed with "
        "the operation."
    )


@pytest.mark.parametrize(
    ("titles", "cause"),
    [
        ({"Storage Services Summary", "Storage Virtual Disk Summary"}, lambda plant: plant.model.power_off("NODE02")),
        ({"HCI registration"}, lambda plant: setattr(plant.model.conditions, "subscription_active", False)),
        ({"Network intent status"}, lambda plant: setattr(plant.model.conditions, "network_intents_ok", False)),
        ({"Services Version"}, lambda plant: setattr(plant.model.conditions, "services_version", "10.2508.1001.1")),
    ],
)
def test_causes_show_as_critical_failures(make_plant: Make, titles: set[str], cause: Callable[[Plant], object]) -> None:
    plant = make_plant(guests=4)
    cause(plant)
    plant.advance(2 * MINUTE)
    failures = _failures(plant)
    assert titles <= {title for title, severity in failures.items() if severity is Severity.CRITICAL}
    assert plant.model.environment.health_state is HealthState.Failure


def test_running_repair_fails_the_job_check(make_plant: Make) -> None:
    plant = make_plant(guests=4, overrides={"storage.repair_rate": 1})
    plant.model.power_off("NODE02")
    plant.advance(30 * MINUTE)
    plant.model.power_on("NODE02")
    plant.until("storage.resync.start")
    assert _failures(plant)["Storage Job Summary"] is Severity.CRITICAL


def test_system_check_repeats_every_day(make_plant: Make) -> None:
    plant = make_plant(guests=0)
    plant.advance(73 * HOUR)
    assert len(plant.of("health.check", scope="system", state="InProgress")) == 3


def test_roll_up_takes_the_worst(make_plant: Make) -> None:
    results = make_plant(guests=0).model.environment.health_results
    assert roll_up(results) is HealthState.Success
    assert blocking(results, ignore_warnings=False) == []


def test_unreachable_content_and_broken_package_fail_their_phase(make_plant: Make) -> None:
    plant = make_plant(guests=4)
    conditions = plant.model.conditions
    conditions.content_reachable = False
    plant.start()
    assert plant.finish() == "DownloadFailed"
    conditions.content_reachable, conditions.package_intact = True, False
    plant.start()
    assert plant.finish() == "PreparationFailed"
    steps = plant.model.runs[-1].plan.root.children
    assert [(step.name, step.status.value) for step in steps] == [
        ("Downloading update", "Success"),
        ("Invalid update package", "Error"),
        ("Checking health.", "NotStarted"),
        ("Initiating update installation.", "NotStarted"),
    ]
    conditions.package_intact = True
    plant.start()
    assert plant.model.updates.row(UPDATE).state is UpdateState.Preparing
    assert plant.finish() == "Installed"


def test_rows_of_a_cluster_on_2509(make_plant: Make) -> None:
    plant = make_plant(guests=0)
    states = {row.version: row.state.name for row in plant.model.rows}
    assert states == {
        "12.2510.1002.94": "Ready",
        "12.2509.1001.22": "Installed",
        "12.2508.1001.52": "Installed",
        "12.2507.1001.10": "Obsolete",
        "12.2506.1001.29": "Obsolete",
        "12.2505.1001.23": "Obsolete",
        "12.2504.1001.20": "Obsolete",
    }
    assert plant.model.rows[0].display_name == "2025.10 Cumulative Update"
    assert plant.model.environment.state is EnvironmentState.UpdateAvailable


def test_newer_rows_wait_for_their_prerequisite_and_stand_aside(make_plant: Make) -> None:
    from datetime import UTC, datetime

    plant = make_plant(guests=0, epoch=datetime(2025, 12, 20, tzinfo=UTC), list_recalled=True)
    states = {row.version: row.state.name for row in plant.model.rows[:4]}
    assert states == {
        "12.2512.1002.16": "HasPrerequisite",
        "12.2511.1002.502": "HasPrerequisite",
        "12.2510.1002.94": "Ready",
        "12.2510.1002.88": "Recalled",
    }
    plant.start()
    aside = plant.model.updates.row("redmond/Solution12.2511.1002.502")
    assert aside.state is UpdateState.NotApplicableBecauseAnotherUpdateIsInProgress
    with pytest.raises(ModelError) as caught:
        plant.model.start_update(aside.resource_id)
    assert caught.value.id == "UpdateInProgress"
    assert plant.finish() == "Installed"
    assert aside.state is UpdateState.Ready
    plant.model.start_update(aside.resource_id)
    plant.until("update.state", update=aside.resource_id, new="Installed")
    assert {str(node.os_build) for node in plant.model.nodes.values()} == {"26100.7171"}


@pytest.mark.parametrize("version", ["12.2509.1001.22", "12.2504.1001.20"])
def test_rows_that_are_not_startable_say_so(make_plant: Make, version: str) -> None:
    with pytest.raises(ModelError) as caught:
        make_plant(guests=0).model.start_update(f"redmond/Solution{version}")
    assert caught.value.id == "UpdateNotApplicable"


def test_discovery_settles_after_two_minutes(make_plant: Make) -> None:
    plant = make_plant(guests=0)
    plant.advance(MINUTE)
    plant.model.discover()
    plant.until("phase.exit", "update/discovery")
    assert plant.model.environment.last_checked_ns == 3 * MINUTE
