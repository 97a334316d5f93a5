"""The published quorum table, row by row, in the arithmetic and in the running model."""

from __future__ import annotations

from collections.abc import Callable
from itertools import combinations

import pytest
from hypothesis import given
from hypothesis import strategies as st

from harness.twin.model.quorum import Votes, assign_votes

from .conftest import MINUTE, SECOND, Plant

Make = Callable[..., Plant]


def _votes(count: int, *, witness: bool, silent: int = 0) -> tuple[list[str], Votes]:
    names = [f"N{index}" for index in range(count)]
    return names, assign_votes(names, witness=witness, choose=lambda _: silent)


def _survivors(names: list[str], votes: Votes, lost: int) -> list[bool]:
    """For each way to lose *lost* members at once: does the rest keep the quorum?"""
    return [votes.suffice([name for name in names if name not in gone]) for gone in combinations(names, lost)]


@pytest.mark.parametrize(
    ("count", "witness", "one", "two"),
    [
        (2, False, 0.5, 0.0),
        (2, True, 1.0, 0.0),
        (3, False, 1.0, 0.0),
        (3, True, 1.0, 0.0),
        (4, False, 1.0, 0.5),
        (4, True, 1.0, 1.0),
        (5, False, 1.0, 1.0),
        (5, True, 1.0, 1.0),
        (6, False, 1.0, 1.0),
        (16, False, 1.0, 1.0),
        (16, True, 1.0, 1.0),
    ],
)
def test_share_of_losses_survived_at_once(count: int, witness: bool, one: float, two: float) -> None:
    names, votes = _votes(count, witness=witness)
    for lost, expected in ((1, one), (2, two)):
        outcomes = _survivors(names, votes, lost)
        assert sum(outcomes) / len(outcomes) == expected


@pytest.mark.parametrize(
    ("count", "witness", "second"),
    [(2, True, 0.0), (3, False, 0.5), (3, True, 1.0), (4, False, 1.0), (4, True, 1.0), (5, False, 1.0), (7, True, 1.0)],
)
def test_share_of_second_losses_survived_one_after_another(count: int, witness: bool, second: float) -> None:
    names, _ = _votes(count, witness=witness)
    left = names[1:]
    votes = assign_votes(left, witness=witness, choose=lambda _: 0)
    outcomes = _survivors(left, votes, 1)
    assert sum(outcomes) / len(outcomes) == second


@given(st.integers(1, 16), st.booleans(), st.integers(0, 15), st.data())
def test_two_halves_never_both_have_quorum(count: int, witness: bool, silent: int, data: st.DataObject) -> None:
    names, votes = _votes(count, witness=witness, silent=silent % count)
    part = data.draw(st.sets(st.sampled_from(names)))
    rest = set(names) - part
    # the witness sides with one of them only
    with_witness = bool(part) and 2 * votes.held_by(part) > votes.total
    without = 2 * (votes.held_by(rest) - votes.witness) > votes.total
    assert not (with_witness and without)
    assert votes.total % 2 == 1


def _lose(plant: Plant, names: list[str], pause_ns: int) -> bool:
    for name in names:
        plant.model.power_off(name)
        plant.advance(pause_ns)
    plant.advance(MINUTE)
    return plant.model.quorate


@pytest.mark.parametrize(
    ("nodes", "witness", "sequential", "at_once"),
    [
        (3, True, True, False),
        (4, True, True, True),
        (4, False, True, None),
        (5, False, True, True),
        (3, False, None, False),
    ],
)
def test_running_cluster_obeys_the_table(
    make_plant: Make, nodes: int, witness: bool, sequential: bool | None, at_once: bool | None
) -> None:
    for expected, pause in ((sequential, MINUTE), (at_once, 0)):
        outcomes = {
            _lose(make_plant(nodes=nodes, guests=0, witness=witness, seed=seed), ["NODE01", "NODE02"], pause)
            for seed in range(12)
        }
        assert outcomes == ({True, False} if expected is None else {expected})


def test_fifty_fifty_rows_are_near_a_half(make_plant: Make) -> None:
    kept = sum(_lose(make_plant(nodes=2, guests=0, witness=False, seed=seed), ["NODE01"], 0) for seed in range(60))
    assert 18 <= kept <= 42


def test_node_is_declared_down_after_about_ten_seconds(make_plant: Make) -> None:
    plant = make_plant(guests=0)
    plant.advance(MINUTE)
    plant.model.power_off("NODE02")
    event = plant.until("node.down", node="NODE02")
    assert 9 * SECOND <= event.t_ns - MINUTE <= 11 * SECOND
    assert event.attrs["planned"] is False


def test_lost_cluster_forms_again_by_itself(make_plant: Make) -> None:
    plant = make_plant(nodes=3, guests=3, witness=False)
    plant.model.power_off("NODE01")
    plant.model.power_off("NODE02")
    plant.until("cluster.quorum", state="lost")
    assert {volume.status.value for volume in plant.model.volumes.values()} == {"Detached"}
    assert plant.model.guest("VM03").state.name == "PausedCritical"
    plant.advance(5 * MINUTE)
    plant.model.power_on("NODE01")
    plant.until("cluster.quorum", state="restored")
    plant.model.power_on("NODE02")
    plant.advance(60 * MINUTE)
    assert plant.model.storage.healthy
    assert all(guest.state.name == "Running" for guest in plant.model.guests.values())
    boots = {name: guest.boot_id for name, guest in plant.model.guests.items()}
    assert boots == {"VM01": 2, "VM02": 2, "VM03": 1}


def test_last_member_alone_can_form_the_cluster(make_plant: Make) -> None:
    plant = make_plant(nodes=4, guests=0, witness=True)
    for name in ("NODE01", "NODE02", "NODE03"):
        plant.model.power_off(name)
        plant.advance(MINUTE)
    assert plant.model.quorate
    plant.model.power_off("NODE04")
    plant.advance(MINUTE)
    plant.model.power_on("NODE01")
    plant.advance(30 * MINUTE)
    assert not plant.model.quorate, "a member that missed the last changes must not form the cluster"
    plant.model.power_on("NODE04")
    plant.advance(30 * MINUTE)
    assert plant.model.quorate


def test_third_unplanned_exit_in_an_hour_means_quarantine(make_plant: Make) -> None:
    plant = make_plant(guests=0)
    for _ in range(3):
        plant.model.power_off("NODE02")
        plant.advance(MINUTE)
        plant.model.power_on("NODE02")
        plant.advance(10 * MINUTE)
    assert plant.of("node.quarantined", node="NODE02")
    node = plant.model.node("NODE02")
    assert node.os_running
    assert node.cluster_state.name == "Down"
    plant.advance(125 * MINUTE)
    assert node.cluster_state.name == "Up"
