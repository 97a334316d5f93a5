"""Reading solution updates: the documented samples, with numbers and with names."""

from __future__ import annotations

import json
from datetime import UTC, datetime

import pytest
from hypothesis import given
from hypothesis import strategies as st

from harness.azurelocal import updates
from harness.azurelocal.enums import UPDATE_STATES, read_enum
from harness.azurelocal.records import update_record
from harness.measure.update_states import RUN_STATES
from harness.transports.powershell import MAX_INLINE_UNITS
from harness.values import EnumValue, StepStatus

UPDATE = "redmond/Solution12.2510.1002.94"
RUN = f"{UPDATE}/6bcc63af-b1df-4926-b2bc-26e06f460ab0"

ENVIRONMENT = {"state": "UpdateInProgress", "health": "Success", "version": "12.2509.1001.22"}
FAILED_PREPARATION = {
    "env": ENVIRONMENT,
    "update": {"id": UPDATE, "state": "PreparationFailed", "health": "Unknown", "progress": None},
    "run": {
        "id": RUN,
        "state": "Failed",
        "started": "/Date(1762467382000)/",
        "progress": {
            "Name": "Prepare",
            "Status": "Error",
            "Steps": [
                {"Name": "Downloading update", "Status": "Success", "Steps": []},
                {
                    "Name": "Invalid update package",
                    "Status": "Error",
                    "ErrorMessage": "Could not find a part of the path",
                    "Steps": [],
                },
                {"Name": "Checking health.", "Status": "NotStarted", "Steps": []},
                {"Name": "Initiating update installation.", "Status": "NotStarted", "Steps": None},
            ],
        },
    },
}
INSTALLING = {
    "env": ENVIRONMENT,
    "update": {"id": UPDATE, "state": 5, "health": 1, "progress": "37% complete."},
    "run": {
        "id": RUN,
        "state": 2,
        "progress": {
            "name": "Unnamed step",
            "status": "InProgress",
            "steps": {
                "name": "Update Host OS",
                "status": "InProgress",
                "steps": [
                    {"name": "CauPreRequisites", "status": "Success", "steps": []},
                    {
                        "name": "InvokeCauRun",
                        "status": "InProgress",
                        "steps": [{"name": "Wait for NODE02 to restart", "status": "InProgress", "steps": []}],
                    },
                ],
            },
        },
    },
}


def test_a_failed_preparation_as_documented() -> None:
    seen = updates.parse_observation(FAILED_PREPARATION, UPDATE)
    assert seen.state == EnumValue("PreparationFailed", 7)
    assert (seen.phase, seen.percent, seen.run_id) == ("prepare", None, RUN)
    assert seen.run_state == EnumValue("Failed", 3)
    assert seen.step == StepStatus(("Invalid update package",), "Error", "Could not find a part of the path")
    assert seen.current_version == "12.2509.1001.22"
    assert seen.health_state == EnumValue("Unknown", None)


def test_an_installation_with_numbers_and_a_list_of_one() -> None:
    seen = updates.parse_observation(INSTALLING, UPDATE, nodes=("NODE01", "NODE02"))
    assert seen.state == EnumValue("Installing", 5)
    assert (seen.phase, seen.percent, seen.node) == ("install", 37.0, "NODE02")
    assert seen.run_state == EnumValue("InProgress", 2)
    assert seen.step is not None
    assert seen.step.path == ("Update Host OS", "InvokeCauRun", "Wait for NODE02 to restart")


def test_a_node_is_recognised_as_a_whole_word_only() -> None:
    seen = updates.parse_observation(INSTALLING, UPDATE, nodes=("NODE0", "NODE021", "X-NODE02"))
    assert seen.node is None


def test_an_observation_has_the_keys_of_the_journal() -> None:
    record = update_record(updates.parse_observation(INSTALLING, UPDATE))
    assert json.loads(json.dumps(record)) == record
    assert set(record) == {
        "what",
        "update_id", "state", "phase", "percent", "run_id", "run_state", "step", "current_version",
        "environment_state", "health_state", "node",
    }  # fmt: skip


@pytest.mark.parametrize("document", [None, {}, {"env": ENVIRONMENT, "update": None, "run": None}])
def test_an_update_that_is_not_listed_has_no_state(document: object) -> None:
    seen = updates.parse_observation(document, UPDATE)
    assert seen.state == EnumValue("", None)
    assert (seen.update_id, seen.phase, seen.run_id, seen.run_state, seen.step) == (
        UPDATE,
        "discovery",
        None,
        None,
        None,
    )


@pytest.mark.parametrize(
    ("value", "percent"),
    [
        ("80% complete.", 80.0),
        ("6% complete.", 6.0),
        ({"ProgressPercentage": 12.5, "NotifyMessage": None}, 12.5),
        ("The update requires additional content distributed by the OEM.", None),
        (None, None),
    ],
)
def test_percent(value: object, percent: float | None) -> None:
    assert updates.read_percent(value) == percent


def test_a_failed_step_wins_over_a_deeper_running_one() -> None:
    tree = {"steps": [
        {"name": "a", "status": "InProgress", "steps": [{"name": "b", "status": "InProgress"}]},
        {"name": "c", "status": "Error", "error": "boom"},
    ]}  # fmt: skip
    assert updates.deepest_open_step(tree) == StepStatus(("c",), "Error", "boom")


STEPS = st.recursive(
    st.fixed_dictionaries({"name": st.sampled_from("abc"), "status": st.sampled_from(["Success", "NotStarted"])}),
    lambda inner: st.fixed_dictionaries(
        {
            "name": st.sampled_from("abc"),
            "status": st.sampled_from(["Success", "InProgress", "Error", "NotStarted"]),
            "steps": st.lists(inner, max_size=3),
        }
    ),
    max_leaves=15,
)


def open_paths(step: dict[str, object], above: tuple[str, ...] = ()) -> list[tuple[bool, int]]:
    children = step.get("steps", [])
    assert isinstance(children, list)
    found = []
    for child in children:
        if child["status"] in ("InProgress", "Error"):
            path = (*above, child["name"])
            found.append((child["status"] == "Error", len(path)))
            found += open_paths(child, path)
    return found


@given(STEPS)
def test_the_deepest_open_step_is_the_best_of_all_paths(tree: dict[str, object]) -> None:
    found = updates.deepest_open_step(tree)
    expected = max(open_paths(tree), default=None)
    assert (found and (found.status == "Error", len(found.path))) == expected


def test_the_list_of_updates() -> None:
    listed = updates.parse_list(
        {
            "env": {"state": "UpdateAvailable", "health": "Success", "version": "12.2509.1001.22", "sbe": "4.1.2509.3"},
            "updates": [
                {
                    "id": UPDATE,
                    "name": "2025.10 Cumulative Update",
                    "state": 2,
                    "version": "12.2510.1002.94",
                    "kind": "Solution",
                },
                {
                    "id": "redmond/SBE4.1.2510.2",
                    "name": "SBE_Contoso",
                    "state": "AdditionalContentRequired",
                    "kind": "SBE",
                },
            ],
        }
    )
    row = listed.find(UPDATE.upper())
    assert row is not None and row.state == EnumValue("Ready", 2) and row.display_name == "2025.10 Cumulative Update"
    assert listed.updates[1].state.value == 16
    assert listed.find("redmond/Other") is None


@pytest.mark.parametrize("wrap", [lambda row: row, lambda row: [row]])
def test_active_updates(wrap: object) -> None:
    assert callable(wrap)
    row = {
        "id": UPDATE,
        "state": "Installing",
        "run": RUN,
        "started": "/Date(1762467382000)/",
        "run_state": "InProgress",
    }
    (found,) = updates.parse_active(wrap(row))
    assert found.started == datetime(2025, 11, 6, 22, 16, 22, tzinfo=UTC)
    assert found.run_state == EnumValue("InProgress", 2)
    assert updates.parse_active(None) == ()


@pytest.mark.parametrize("names", [UPDATE_STATES, RUN_STATES])
def test_numbers_names_and_numbers_as_text_are_the_same_state(names: dict[int, str]) -> None:
    for number, name in names.items():
        for form in (number, name, name.upper(), str(number)):
            assert read_enum(form, names) == EnumValue(name, number)


def test_unknown_members_are_kept() -> None:
    assert read_enum(99, UPDATE_STATES) == EnumValue("99", 99)
    assert read_enum("ScanFailed", UPDATE_STATES) == EnumValue("ScanFailed", None)


def test_the_poll_script_fits_a_command_line() -> None:
    assert len(updates.observe_update(UPDATE, ["NODE01"]).script) < MAX_INLINE_UNITS
