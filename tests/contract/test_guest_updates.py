"""What the harness asks of Windows in a guest, over real WinRM: looked at, updated by a task, restarted once."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from typing import Any

import pytest

from harness.azurelocal.command import Command
from harness.azurelocal.guests.inventory import read_inventory
from harness.azurelocal.guests.restart import DONE, ORDERED, UNDER_WAY
from harness.errors import HarnessError
from harness.labs.models import find_lab
from harness.labs.port import Endpoint
from harness.labs.twin import TwinHosting
from harness.run.sessions import to_winrm
from harness.transports.powershell import script_json
from harness.transports.winrm import WinRmShell
from harness.values import GuestInventory, Standing, TaskLook
from harness.workflows.hotpatch import GuestHotpatch

MINUTE = 60_000_000_000


class Guest:
    """A managed guest of the shipped lab, asked as the harness asks."""

    def __init__(self, hosting: TwinHosting, name: str) -> None:
        self._hosting = hosting
        self._shell = WinRmShell(to_winrm(Endpoint(**hosting.call("endpoint", {"name": name, "kind": "winrm"}))))

    def ask(self, command: Command[Any]) -> Any:
        """The value of one answer."""
        return command.read(self._shell.run(command.script, within_s=command.within_s, repeatable=command.repeatable))

    def look(self) -> GuestInventory:
        seen: GuestInventory = self.ask(read_inventory())
        return seen

    def advance(self, minutes: int = 1) -> None:
        self._hosting.call("advance", {"to_ns": self._hosting.call("now", {}) + minutes * MINUTE})

    def finish(self, workflow: GuestHotpatch, task: str) -> TaskLook:
        """Look at the task until it is done."""
        for _ in range(30):
            look: TaskLook = self.ask(workflow.look(task))
            if look.result is not None:
                return look
            self.advance()
        raise AssertionError(f"task '{task}' does not end: {look}")


@pytest.fixture
def guest() -> Iterator[Callable[[str], Guest]]:
    lab = find_lab("twin-2node-guests")
    hosting = TwinHosting("twin-2node-guests#1", lab.model_dump(by_alias=True, mode="json"))
    yield lambda name: Guest(hosting, name)
    hosting.close()


def test_hotpatch_from_look_to_proof(guest: Callable[[str], Guest]) -> None:
    workflow, vm = GuestHotpatch("2025-12"), guest("vm001")
    before = vm.look()
    assert (before.shown_build, before.kbs, before.vbs, before.pending) == ("26100.6899", ("KB5066835",), 2, ())
    assert {service.name for service in before.services} >= {"Workload", "WinRM"}
    assert before.history is None, "Windows Server 2025 refuses it to a network log-on"
    access = vm.ask(workflow.probe())
    assert (access.refused, access.hresult, access.search_refused) == (True, -2147024891, True)
    standing = workflow.standing(before)
    assert standing.standing is Standing.ELIGIBLE
    assert standing.update is not None

    first = vm.ask(workflow.install("hil-a-1", standing.update))
    again = vm.ask(workflow.install("hil-a-1", standing.update))
    assert (first.exists, again.exists, again.state) == (True, True, "Running")
    registered = "@(Get-ScheduledTask|Where-Object{$_.TaskName -like 'hil-*'}).Count"
    assert vm.ask(Command("count", script_json(registered), int)) == 1
    done = vm.finish(workflow, "hil-a-1")
    assert done.result is not None
    assert (done.result.code, done.result.restart_required, done.result.system_restart_required) == (2, False, False)
    assert (done.result.offered, done.result.restart_behavior) == (("KB5072014",), 0)
    assert vm.ask(workflow.install("hil-a-1", standing.update)).result == done.result, "a result that is there is kept"
    assert vm.ask(workflow.remove("hil-a-1")) is False
    assert vm.ask(workflow.remove("hil-a-1")) is False
    assert vm.ask(workflow.look("hil-a-1")) == TaskLook(False, "", 0, "")
    after = vm.look()
    assert (after.shown_build, after.kbs) == ("26100.7392", ("KB5066835", "KB5072014"))
    assert (after.booted, after.services, after.pending) == (before.booted, before.services, ())
    assert workflow.standing(after).standing is Standing.CURRENT


def test_only_the_named_update_is_installed(guest: Callable[[str], Guest]) -> None:
    """A guest that is not on the train is offered the cumulative update; the task leaves it."""
    workflow, vm = GuestHotpatch("2025-12"), guest("vm004")
    standing = workflow.standing(vm.look())
    assert standing.standing is Standing.CUMULATIVE
    assert standing.update is not None
    vm.ask(workflow.install("hil-b-1", standing.update))
    result = vm.finish(workflow, "hil-b-1").result
    assert result is not None
    assert (result.code, result.offered, result.present, result.error) == (-1, ("KB5072033",), False, "")
    assert vm.look().shown_build == "26100.6899"


def test_baseline_is_completed_by_one_restart(guest: Callable[[str], Guest]) -> None:
    workflow, vm = GuestHotpatch("2026-01"), guest("vm006")
    before = vm.look()
    assert before.history == (), "Windows Server 2022 tells it"
    standing = workflow.standing(before)
    assert standing.update is not None
    vm.ask(workflow.install("hil-c-1", standing.update))
    result = vm.finish(workflow, "hil-c-1").result
    assert result is not None
    assert (result.code, result.restart_required, result.system_restart_required) == (2, True, True)
    staged = vm.look()
    assert set(staged.pending) == {"CBS RebootPending", "WU RebootRequired", "CBS ServicingInProgress 1"}
    assert vm.ask(workflow.restart(before.booted)) == ORDERED
    assert vm.ask(workflow.restart(before.booted)) == UNDER_WAY
    with pytest.raises(HarnessError):
        for _ in range(40):
            vm.ask(Command("alive", script_json("1;Start-Sleep -Seconds 1"), lambda document: document))
    vm.advance(10)
    assert vm.ask(workflow.restart(before.booted)) == DONE, "an order from before the restart does nothing"
    after = vm.look()
    assert (after.shown_build, after.pending) == ("20348.4648", ())
    assert [event.id for event in after.events if event.provider in ("User32", "EventLog")] == [1074, 6006, 6009, 6005]
    assert after.history is not None
    assert after.history[0].client == "azurelocal-hil"
