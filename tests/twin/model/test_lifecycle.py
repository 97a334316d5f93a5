"""Random power faults: the state machine stays legal, the cluster comes back, the same seed repeats itself."""

from __future__ import annotations

from collections.abc import Callable

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from harness.twin.model import ModelError, ModelEvent
from harness.twin.model.lifecycle import ACTIVE, STARTABLE, TRANSITIONS, IllegalTransitionError, check_transition
from harness.twin.model.states import PowerState, UpdateRunState, UpdateState
from tests.examples import examples

from .conftest import HOUR, MINUTE, UPDATE, Plant

Make = Callable[..., Plant]

FAULTS = st.lists(
    st.tuples(st.integers(0, 500), st.integers(0, 3), st.integers(1, 90)),
    min_size=1,
    max_size=4,
)


def _legal(events: list[ModelEvent]) -> None:
    state: dict[object, str] = {}
    active: set[object] = set()
    for event in events:
        if event.kind != "update.state":
            continue
        row, old, new = event.attrs["update"], str(event.attrs["old"]), str(event.attrs["new"])
        assert state.get(row, old) == old
        assert UpdateState[new] in TRANSITIONS[UpdateState[old]]
        state[row] = new
        active.discard(row)
        if UpdateState[new] in ACTIVE:
            active.add(row)
        assert len(active) <= 1


def _disturb(plant: Plant, faults: list[tuple[int, int, int]]) -> None:
    """Power each chosen machine off at its minute and on again after its pause; resume the update where it fails."""
    actions = sorted(
        action
        for minute, node, pause in faults
        for action in ((minute, 0, f"NODE{node + 1:02}"), (minute + pause, 1, f"NODE{node + 1:02}"))
    )
    for minute, on, name in actions:
        if minute * MINUTE > plant.model.now_ns:
            plant.model.run_until(minute * MINUTE)
        (plant.model.power_on if on else plant.model.power_off)(name)
    for name, node in plant.model.nodes.items():
        if node.power is PowerState.Off:
            plant.model.power_on(name)


@settings(max_examples=examples(40), deadline=None)
@given(FAULTS, st.integers(0, 10_000))
def test_any_power_faults_leave_a_legal_history_and_a_whole_cluster(
    faults: list[tuple[int, int, int]], seed: int
) -> None:
    plant = Plant(guests=8, seed=seed)
    plant.start()
    _disturb(plant, faults)
    for _ in range(6):
        plant.model.run_until(plant.model.now_ns + 30 * HOUR)
        row = plant.model.updates.row(UPDATE)
        assert row.state not in ACTIVE, "the update hangs"
        assert plant.model.runs[-1].state is not UpdateRunState.InProgress
        if row.state not in STARTABLE:
            break
        try:
            plant.start()
        except ModelError as error:
            pytest.fail(f"cannot resume: {error}")
    _legal(plant.model.events)
    assert plant.model.quorate
    assert plant.model.storage.healthy
    assert all(node.cluster_state.name == "Up" for node in plant.model.nodes.values())
    assert all(guest.state.name == "Running" for guest in plant.model.guests.values())
    assert plant.model.updates.row(UPDATE).state is UpdateState.Installed


@settings(max_examples=examples(15), deadline=None)
@given(FAULTS, st.integers(0, 10_000))
def test_same_seed_same_events(faults: list[tuple[int, int, int]], seed: int) -> None:
    histories = []
    for _ in range(2):
        plant = Plant(guests=8, seed=seed)
        plant.start()
        _disturb(plant, faults)
        plant.advance(10 * HOUR)
        histories.append(plant.model.events)
    assert histories[0] == histories[1]


def test_other_seed_other_times(make_plant: Make) -> None:
    ends = []
    for seed in (1, 2):
        plant = make_plant(guests=8, seed=seed)
        plant.start()
        plant.finish()
        ends.append(plant.model.now_ns)
    assert ends[0] != ends[1]


def test_a_further_draw_elsewhere_changes_nothing(make_plant: Make) -> None:
    """A fault on one machine leaves what was drawn for another as it was."""
    times = []
    for fault in (False, True):
        plant = make_plant(guests=0)
        if fault:
            plant.model.power_off("NODE04")
            plant.advance(MINUTE)
            plant.model.power_on("NODE04")
        else:
            plant.advance(MINUTE)
        plant.model.reset("NODE01")
        plant.until("node.phase", node="NODE01", phase="running")
        times.append(plant.model.now_ns)
    assert times[0] == times[1]


def test_stopping_at_an_event_stands_exactly_there(make_plant: Make) -> None:
    plant = make_plant(guests=4)
    plant.start()
    event = plant.until("phase.enter", "update/prepare")
    assert plant.model.now_ns == event.t_ns
    seen: list[ModelEvent] = []
    end = plant.model.subscribe(seen.append)
    plant.advance(HOUR)
    end()
    plant.advance(HOUR)
    assert seen == [item for item in plant.model.events if item.seq > event.seq][: len(seen)]
    assert [item.seq for item in plant.model.events] == list(range(len(plant.model.events)))


def test_stops_do_not_change_the_course(make_plant: Make) -> None:
    straight, stopped = make_plant(guests=4), make_plant(guests=4)
    for plant in (straight, stopped):
        plant.start()
    straight.model.run_until(8 * HOUR)
    while stopped.model.run_until(8 * HOUR, lambda event: event.kind.startswith("phase")) is not None:
        pass
    assert straight.model.events == stopped.model.events


def test_time_does_not_run_backwards(make_plant: Make) -> None:
    plant = make_plant(guests=0)
    plant.advance(HOUR)
    with pytest.raises(ValueError, match="already"):
        plant.model.run_until(0)


@pytest.mark.parametrize(
    ("old", "new"),
    [
        (UpdateState.Ready, UpdateState.Installing),
        (UpdateState.Installed, UpdateState.Ready),
        (UpdateState.InstallationFailed, UpdateState.Downloading),
        (UpdateState.HasPrerequisite, UpdateState.Downloading),
    ],
)
def test_edges_that_do_not_exist_are_refused(old: UpdateState, new: UpdateState) -> None:
    with pytest.raises(IllegalTransitionError):
        check_transition("x", old, new)
