"""What every guest workflow keeps, the double in memory and the real one over WinRM alike: sent twice, done once."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from typing import Any, Protocol

import pytest

from harness.azurelocal.command import Command
from harness.azurelocal.guests.restart import DONE, ORDERED, UNDER_WAY
from harness.errors import HarnessError
from harness.labs.models import find_lab
from harness.labs.port import Endpoint
from harness.labs.twin import TwinHosting
from harness.measure.guest_changes import same_boot
from harness.run.sessions import to_winrm
from harness.testing.guests import ScriptedGuests
from harness.testing.lab import ScriptedLab
from harness.transports.winrm import WinRmShell
from harness.values import Standing
from harness.workflows.hotpatch import GuestHotpatch
from harness.workflows.port import GuestWorkflow

S = 1_000_000_000
HOTPATCH, BASELINE = "2025-12", "2026-01"


class Guest(Protocol):
    """A guest that is eligible for the month's update, and the workflow that updates it."""

    workflow: GuestWorkflow

    def ask(self, command: Command[Any]) -> Any: ...
    def advance(self, seconds: int) -> None: ...


class Double:
    """A guest of the scripted lab."""

    def __init__(self, month: str) -> None:
        self._lab = ScriptedLab(guests=1)
        self.workflow: GuestWorkflow = ScriptedGuests(self._lab, month=month)
        self._session = self._lab.open_session("vm01")

    def ask(self, command: Command[Any]) -> Any:
        return command.read(self._session.run(command.script, repeatable=command.repeatable))

    def advance(self, seconds: int) -> None:
        self._lab.clock.advance(self._lab.clock.now_ns() + seconds * S)

    def close(self) -> None:
        """Nothing is open."""


class Simulated:
    """A guest of the shipped lab, over WinRM."""

    def __init__(self, month: str) -> None:
        lab = find_lab("twin-2node-guests")
        self._hosting = TwinHosting("twin-2node-guests#1", lab.model_dump(by_alias=True, mode="json"))
        self.workflow: GuestWorkflow = GuestHotpatch(month)
        name = "vm001" if month == HOTPATCH else "vm003"
        at = Endpoint(**self._hosting.call("endpoint", {"name": name, "kind": "winrm"}))
        self._shell = WinRmShell(to_winrm(at))

    def ask(self, command: Command[Any]) -> Any:
        return command.read(self._shell.run(command.script, within_s=command.within_s, repeatable=command.repeatable))

    def advance(self, seconds: int) -> None:
        self._hosting.call("advance", {"to_ns": self._hosting.call("now", {}) + seconds * S})

    def close(self) -> None:
        self._shell.close()
        self._hosting.close()


@pytest.fixture(params=[Double, Simulated], ids=["double", "simulated"])
def make(request: pytest.FixtureRequest) -> Iterator[Callable[[str], Guest]]:
    made: list[Any] = []

    def build(month: str) -> Guest:
        made.append(request.param(month))
        guest: Guest = made[-1]
        return guest

    yield build
    for guest in made:
        guest.close()


def installed(guest: Guest) -> Any:
    """Have the update installed, asking for it twice; the task's result."""
    standing = guest.workflow.standing(guest.ask(guest.workflow.inventory()))
    assert standing.standing is Standing.ELIGIBLE
    assert standing.update is not None
    for _ in range(2):
        assert guest.ask(guest.workflow.install("hil-x-1", standing.update)).exists
    for _ in range(30):
        look = guest.ask(guest.workflow.look("hil-x-1"))
        if look.result is not None:
            return look.result
        guest.advance(60)
    raise AssertionError("the task does not end")


def test_workflows_are_recognised(make: Callable[[str], Guest]) -> None:
    assert isinstance(make(HOTPATCH).workflow, GuestWorkflow)


def test_hotpatch_is_in_force_without_restart(make: Callable[[str], Guest]) -> None:
    guest = make(HOTPATCH)
    before = guest.ask(guest.workflow.inventory())
    result = installed(guest)
    assert (result.code, result.restart_required, result.system_restart_required) == (2, False, False)
    after = guest.ask(guest.workflow.inventory())
    assert same_boot(before, after)
    assert guest.workflow.standing(after).standing is Standing.CURRENT


def test_task_is_gone_however_often_it_is_removed(make: Callable[[str], Guest]) -> None:
    guest = make(HOTPATCH)
    installed(guest)
    for _ in range(2):
        assert guest.ask(guest.workflow.remove("hil-x-1")) is False
    look = guest.ask(guest.workflow.look("hil-x-1"))
    assert (look.exists, look.phase, look.result) == (False, "", None)


def test_baseline_takes_one_restart_however_often_it_is_ordered(make: Callable[[str], Guest]) -> None:
    guest = make(BASELINE)
    before = guest.ask(guest.workflow.inventory())
    assert installed(guest).restart_required
    assert guest.ask(guest.workflow.inventory()).pending
    assert guest.ask(guest.workflow.restart(before.booted)) == ORDERED
    assert guest.ask(guest.workflow.restart(before.booted)) == UNDER_WAY
    guest.advance(30)
    with pytest.raises(HarnessError):
        guest.ask(guest.workflow.inventory())
    guest.advance(600)
    assert guest.ask(guest.workflow.restart(before.booted)) == DONE
    after = guest.ask(guest.workflow.inventory())
    assert not same_boot(before, after)
    assert (after.pending, guest.workflow.standing(after).standing) == ((), Standing.CURRENT)
