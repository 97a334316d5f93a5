"""Phases and turns, as the event stream tells them."""

from __future__ import annotations

from harness.run.phases import PhaseTracker
from harness.values import Event

CAU = "update/install/cau"


def track(*happenings: tuple[str, str]) -> PhaseTracker:
    tracker = PhaseTracker()
    for number, (kind, path) in enumerate(happenings):
        tracker.take(Event(number, number, f"phase.{kind}", path))
    return tracker


def test_nothing_is_open_at_first() -> None:
    assert (track().path, track().turn.updating) == ("", None)


def test_deepest_open_phase_is_where_the_update_is() -> None:
    happenings = [("enter", "update"), ("enter", "update/install"), ("enter", f"{CAU}/node[A]/drain")]
    assert track(*happenings).path == f"{CAU}/node[A]/drain"
    assert track(*happenings, ("exit", f"{CAU}/node[A]/drain")).path == "update/install"


def test_of_equally_deep_phases_the_last_entered_counts() -> None:
    assert track(("enter", "update/prepare"), ("enter", "update/install")).path == "update/install"


def test_phase_that_is_entered_twice_is_open_until_it_is_left_twice() -> None:
    assert track(("enter", "update/install"), ("enter", "update/install"), ("exit", "update/install")).path


def test_exit_without_entry_is_harmless() -> None:
    assert track(("exit", "update/install")).path == ""


def test_turn_goes_from_node_to_node() -> None:
    first = [("enter", f"{CAU}/node[A]/drain"), ("exit", f"{CAU}/node[A]/drain")]
    turn = track(*first).turn
    assert (turn.updating, turn.last_updated, turn.updated) == ("A", None, ())
    resumed = [*first, ("enter", f"{CAU}/node[A]/resume"), ("exit", f"{CAU}/node[A]/resume")]
    turn = track(*resumed).turn
    assert (turn.updating, turn.last_updated, turn.updated) == (None, "A", ("A",))
    turn = track(*resumed, ("enter", f"{CAU}/node[B]/wait-storage")).turn
    assert (turn.updating, turn.last_updated, turn.updated) == ("B", "A", ("A",))


def test_node_that_is_taken_twice_counts_once() -> None:
    once = [("enter", f"{CAU}/node[A]/resume"), ("exit", f"{CAU}/node[A]/resume")]
    assert track(*once, *once).turn.updated == ("A",)
