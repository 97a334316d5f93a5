"""Holds: the owner of an event stands still, and nobody else."""

from __future__ import annotations

import threading
from collections.abc import Iterator
from contextlib import closing
from dataclasses import dataclass, field

import pytest

from harness.clock import wait_until
from harness.errors import FaultError
from harness.labs.nested.holding import Holds


@dataclass(frozen=True)
class Told:
    kind: str
    path: str | None
    node: str | None
    t_ns: int = 1000


@dataclass
class Yard:
    """Machines that note what is done to them; stopping one waits until it may."""

    now_ns: int = 1000
    done: list[tuple[str, str, str]] = field(default_factory=list)
    may_stop: threading.Event = field(default_factory=threading.Event)
    refuses: set[str] = field(default_factory=set)

    def stop(self, hold: str, node: str) -> None:
        self.may_stop.wait(10)
        if node in self.refuses:
            raise FaultError("it is off", hint="")
        self.now_ns += 40
        self.done.append(("stop", hold, node))

    def let_go(self, hold: str, node: str) -> None:
        self.done.append(("let go", hold, node))


@pytest.fixture
def yard() -> Yard:
    made = Yard()
    made.may_stop.set()
    return made


@pytest.fixture
def holds(yard: Yard) -> Iterator[Holds]:
    with closing(Holds(yard.stop, yard.let_go, lambda: yard.now_ns)) as made:
        yield made
        yard.may_stop.set()


def until_held(holds: Holds, hold: str) -> int:
    return wait_until(lambda: holds.lag_ns(hold), within_s=10, what=f"'{hold}' to hold")


def test_the_owner_of_the_first_event_that_matches_stands_still(holds: Holds, yard: Yard) -> None:
    holds.hold("f1", "phase.enter", "update/install/cau/node[*]/reboot")
    holds.take(Told("phase.exit", "update/install/cau/node[NODE01]/reboot", "NODE01"))
    holds.take(Told("phase.enter", "update/install/cau/node[NODE01]/drain", "NODE01"))
    holds.take(Told("phase.enter", "update/install/cau/node[NODE02]/reboot", None))
    holds.take(Told("phase.enter", "update/install/cau/node[NODE02]/reboot", "NODE02"))
    holds.take(Told("phase.enter", "update/install/cau/node[NODE01]/reboot", "NODE01"))
    assert until_held(holds, "f1") == 40, "measured from the event's own time"
    assert yard.done == [("stop", "f1", "NODE02")]
    holds.unhold("f1")
    holds.unhold("f1")
    assert yard.done[1:] == [("let go", "f1", "NODE02")]


def test_brackets_in_a_path_are_literal(holds: Holds, yard: Yard) -> None:
    holds.hold("f1", "phase.*", "node[NODE01]")
    holds.take(Told("phase.enter", "nodeN", "NODE01"))
    holds.take(Told("phase.enter", "node[NODE01]", "NODE01"))
    until_held(holds, "f1")
    assert len(yard.done) == 1


def test_a_hold_that_is_taken_back_before_it_took_effect_stops_nobody(holds: Holds, yard: Yard) -> None:
    yard.may_stop.clear()
    holds.hold("first", "node.down", "*")
    holds.hold("second", "node.up", "*")
    holds.take(Told("node.down", None, "NODE01"))  # its machine is being stopped
    holds.take(Told("node.up", None, "NODE02"))  # this one waits behind it
    takes_back = threading.Thread(target=holds.unhold, args=("second",))
    takes_back.start()
    yard.may_stop.set()
    takes_back.join()
    until_held(holds, "first")
    holds.close()
    assert ("stop", "second", "NODE02") not in yard.done
    assert ("let go", "first", "NODE01") in yard.done, "closing lets everybody go on"


def test_a_machine_that_cannot_be_stopped_is_not_held(holds: Holds, yard: Yard) -> None:
    yard.refuses = {"NODE01"}
    for hold, node in (("f1", "NODE01"), ("f2", "NODE02")):
        holds.hold(hold, "node.down", "*")
        holds.take(Told("node.down", None, node))
    until_held(holds, "f2")
    assert holds.lag_ns("f1") is None
    assert yard.done == [("stop", "f2", "NODE02")]


def test_a_hold_that_is_set_anew_has_no_lag_yet(holds: Holds) -> None:
    holds.hold("f1", "node.down", "*")
    holds.take(Told("node.down", None, "NODE01"))
    until_held(holds, "f1")
    holds.unhold("f1")
    holds.hold("f1", "node.down", "*")
    assert holds.lag_ns("f1") is None
