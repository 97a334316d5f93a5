"""The solution workflow: what it sends, how it judges what it reads, and which transitions are legal."""

from __future__ import annotations

from datetime import UTC, datetime, timedelta

import pytest

from harness.azurelocal.updates import ActiveUpdate, parse_list, parse_observation
from harness.errors import ProductError
from harness.measure.update_states import (
    CLASS_OF,
    PHASE_OF,
    TRANSITIONS,
    UPDATE_STATES,
    Phase,
    StateClass,
    classify_state,
    is_consistent,
    is_legal,
    phase_of,
)
from harness.transports.replies import Reply
from harness.values import EnumValue
from harness.workflows.port import Workflow
from harness.workflows.solution import (
    SolutionUpdate,
    final_record,
    find_own_run,
    read_run_id,
)

UPDATE = "redmond/Solution12.2510.1002.94"
RUN = f"{UPDATE}/6bcc63af-b1df-4926-b2bc-26e06f460ab0"
WORKFLOW = SolutionUpdate(UPDATE, nodes=("NODE01", "NODE02"))
NOW = datetime(2025, 11, 6, 22, 0, tzinfo=UTC)


def listed(*states: tuple[str, str]) -> object:
    rows = [{"id": update_id, "state": state} for update_id, state in states]
    return {"env": {"state": "UpdateAvailable", "version": "12.2509.1001.22"}, "updates": rows}


def test_it_is_a_workflow() -> None:
    workflow: Workflow = WORKFLOW
    assert workflow.update_id == UPDATE


@pytest.mark.parametrize("state", ["Ready", "ReadyToInstall", "InstallationFailed", "HealthCheckFailed"])
def test_startable_states_are_ready(state: str) -> None:
    assert WORKFLOW.judge_readiness(parse_list(listed((UPDATE, state)))).ready


@pytest.mark.parametrize(
    ("document", "reason"),
    [
        (listed(), "not listed"),
        (listed((UPDATE, "HasPrerequisite")), "HasPrerequisite"),
        (listed((UPDATE, "Installed")), "Installed"),
        (listed((UPDATE, "Ready"), ("redmond/SBE4.1.2510.2", "Installing")), "at work"),
    ],
)
def test_everything_else_is_not_and_says_why(document: object, reason: str) -> None:
    readiness = WORKFLOW.judge_readiness(parse_list(document))
    assert not readiness.ready and reason in readiness.reason


def test_the_start_command_is_sent_once_and_quotes_its_values() -> None:
    command = SolutionUpdate("redmond/x'; Stop-Computer '", prepare_only=True, ignore_warnings=True).start("k'1")
    assert not command.repeatable
    assert "Get-SolutionUpdate -Id 'redmond/x''; Stop-Computer '''" in command.script
    assert "$u|Start-SolutionUpdate -PrepareOnly -IgnoreWarnings\n" in command.script
    assert "'k''1'" in command.script


def test_the_run_id_is_read_from_the_reply() -> None:
    mark = WORKFLOW.start("k").script.split("[hil:")[1][:8]
    assert WORKFLOW.start("k").read(Reply(f'[hil:{mark}]"{RUN}"[/hil:{mark}]\r\n', "", 0)) == RUN
    assert read_run_id(["Starting.", RUN]) == RUN
    with pytest.raises(ProductError, match="run's resource id"):
        read_run_id(None)


def active(started: datetime | None, update_id: str = UPDATE) -> ActiveUpdate:
    return ActiveUpdate(update_id, EnumValue("Downloading", 11), RUN, EnumValue("InProgress", 2), started)


@pytest.mark.parametrize(
    ("found", "own"),
    [
        (active(NOW + timedelta(seconds=3)), True),
        (active(NOW - timedelta(seconds=4)), True),
        (active(NOW - timedelta(seconds=6)), False),
        (active(NOW, update_id="redmond/Solution12.2511.1002.502"), False),
        (active(None), False),
    ],
)
def test_a_run_is_adopted_only_if_it_can_be_ours(found: ActiveUpdate, own: bool) -> None:
    assert (find_own_run([found], UPDATE, NOW, timedelta(seconds=5)) is found) == own


GOOD = {
    "environment": "AppliedSuccessfully",
    "version": "12.2510.1002.94",
    "state": "Installed",
    "cau": {
        "run": ["RunNotInProgress"],
        "report": {"status": "Succeeded", "nodes": [{"name": "NODE01", "status": "Succeeded"}]},
    },
}


def test_proof_of_success_and_its_record() -> None:
    proof = WORKFLOW.parse_proof(GOOD)
    record = final_record(proof, "12.2510.1002.94", {"NODE01": "26100.6899"}, "26100.6899")
    assert record["update_state"] == {"name": "Installed", "value": 6}
    assert record["cau_report"] == {"status": "Succeeded", "nodes": {"NODE01": "Succeeded"}}
    assert set(record) == {
        "what", "update_state", "current_version", "environment_state", "target", "builds", "expected_build",
        "cau_run", "cau_report",
    }  # fmt: skip


@pytest.mark.parametrize(
    ("state", "meaning"),
    [
        (11, StateClass.RUNNING),
        ("Installing", StateClass.RUNNING),
        (2, StateClass.READY),
        (15, StateClass.READY),
        (6, StateClass.INSTALLED),
        (12, StateClass.FAILED),
        (16, StateClass.BLOCKED),
        (3, StateClass.IDLE),
        ("SomethingNew", StateClass.IDLE),
        (None, StateClass.IDLE),
    ],
)
def test_meaning_of_states(state: object, meaning: StateClass) -> None:
    assert WORKFLOW.classify(parse_observation({"update": {"state": state}}, UPDATE)) is meaning


def test_every_numbered_state_has_a_class_and_only_known_ones_a_phase() -> None:
    assert set(UPDATE_STATES.values()) <= set(CLASS_OF)
    assert set(PHASE_OF) <= set(CLASS_OF)
    assert phase_of("Ready") is Phase.DISCOVERY and phase_of("InstallationFailed") is Phase.INSTALL


def test_transitions_name_known_states_only() -> None:
    assert {transition.before for transition in TRANSITIONS} | {transition.after for transition in TRANSITIONS} <= set(
        CLASS_OF
    )


@pytest.mark.parametrize(
    ("before", "after", "starts"),
    [
        ("Ready", "Ready", 0),
        ("Ready", "Downloading", 1),
        ("Ready", "Installed", 1),
        ("Downloading", "InstallationFailed", 0),
        ("InstallationFailed", "Installed", 1),
        ("DownloadFailed", "Ready", 0),
        ("HealthChecking", "ReadyToInstall", 0),
        ("Ready", "NotApplicableBecauseAnotherUpdateIsInProgress", 0),
        ("AdditionalContentRequired", "Installing", 1),
        ("InstallationFailed", "ScanFailed", 0),
    ],
)
def test_legal_transitions(before: str, after: str, starts: int) -> None:
    assert is_legal(before, after, starts=starts)


@pytest.mark.parametrize(
    ("before", "after", "starts"),
    [
        ("Ready", "Downloading", 0),
        ("InstallationFailed", "Installing", 0),
        ("InstallationFailed", "Installed", 0),
        ("Installed", "Installing", 3),
        ("Installing", "Preparing", 0),
        ("Installing", "Downloading", 3),
        ("ReadyToInstall", "Downloading", 1),
        ("Preparing", "Downloading", 0),
        ("Installing", "Ready", 5),
    ],
)
def test_illegal_transitions(before: str, after: str, starts: int) -> None:
    assert not is_legal(before, after, starts=starts)


@pytest.mark.parametrize(
    ("update", "run", "consistent"),
    [
        ("Installing", "InProgress", True),
        ("Installed", "InProgress", False),
        ("InstallationFailed", "Failed", True),
        ("Installing", "Failed", False),
        ("Installed", "Succeeded", True),
        ("Installing", "Succeeded", False),
        ("ReadyToInstall", "HealthCheckSucceeded", True),
        ("Installing", "Unknown", True),
    ],
)
def test_update_and_run_end_together(update: str, run: str, consistent: bool) -> None:
    assert is_consistent(update, run) == consistent


def test_unknown_names_are_idle() -> None:
    assert classify_state("") is StateClass.IDLE
