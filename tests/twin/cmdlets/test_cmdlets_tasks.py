"""Scheduled tasks of a node: their actions run in processes of their own, as their user, until their boot ends."""

from __future__ import annotations

from collections.abc import Iterator
from concurrent.futures import ThreadPoolExecutor

import pytest

from harness.twin.clock import ClockMode
from harness.twin.cmdlets import node_commands
from harness.twin.engine import LabEngine
from harness.twin.machine import NodeBackend, NodeMachine, Plant
from harness.twin.model import ClusterModel, ModelSpec
from harness.twin.wire.port import CommandSpec
from tests.twin.cmdlets.shell_nodes import HOUR, ShellNode
from tests.twin.guest.shell_guests import SHELL, Output, encoded

MAKE = "$a = New-ScheduledTaskAction -Execute powershell.exe -Argument '{}'; "
REGISTER = "$null = Register-ScheduledTask -TaskName hil -User SYSTEM -RunLevel Highest -Action $a; "


class TaskNode:
    """NODE01 of two nodes on a virtual clock, with threads for its tasks."""

    def __init__(self, threads: ThreadPoolExecutor) -> None:
        self.model = ClusterModel(ModelSpec(nodes=2, guests=2))
        self.engine = LabEngine(self.model, ClockMode.parse("virtual"))
        machine = NodeMachine("NODE01", Plant(self.model), self.engine, node_commands(), threads=threads)
        self._backend = NodeBackend(machine, threads)

    def text(self, script: str) -> str:
        """What a script prints, in a process of its own."""
        output = Output()
        line = f"powershell -EncodedCommand {encoded(script)}"
        self._backend.start(CommandSpec("command", line, False, False, SHELL), output)
        assert self.engine.serve(output.ended.is_set, 7200)
        assert output.error == ""
        return output.out.strip().replace("\r\n", "\n")


@pytest.fixture
def lab() -> Iterator[TaskNode]:
    threads = ThreadPoolExecutor(8)
    made = TaskNode(threads)
    try:
        yield made
    finally:
        made.engine.close()
        threads.shutdown(wait=True)


def test_a_task_runs_as_its_user_and_leaves_its_result(lab: TaskNode) -> None:
    script = MAKE.format("-Command Set-Content C:\\who.txt $env:USERNAME; exit 7") + REGISTER
    script += "(Get-ScheduledTaskInfo hil).LastTaskResult; Start-ScheduledTask hil; "
    script += "while ((Get-ScheduledTask hil).State -eq 'Running') { Start-Sleep 1 }; "
    script += "(Get-ScheduledTaskInfo hil).LastTaskResult; Get-Content C:\\who.txt"
    assert lab.text(script).split() == ["267011", "7", "SYSTEM"]
    assert lab.text("Unregister-ScheduledTask hil -Confirm:$false; @(Get-ScheduledTask hil -ea 0).Count") == "0"


def test_a_task_can_be_ended(lab: TaskNode) -> None:
    script = MAKE.format("-Command Start-Sleep 3000; Set-Content C:\\done.txt x") + REGISTER
    script += "Start-ScheduledTask hil; Start-Sleep 5; (Get-ScheduledTask hil).State; Stop-ScheduledTask hil; "
    script += "(Get-ScheduledTask hil).State; (Get-ScheduledTaskInfo hil).LastTaskResult; Start-Sleep 3600; "
    assert lab.text(f"{script}Test-Path C:\\done.txt").split() == ["Running", "Ready", "267014", "False"]


def test_a_restart_ends_a_task(lab: TaskNode) -> None:
    script = MAKE.format("-Command Start-Sleep 3000; Set-Content C:\\done.txt x") + REGISTER
    lab.text(f"{script}Start-ScheduledTask hil; Start-Sleep 5")
    lab.model.power_off("NODE01")
    lab.engine.advance(lab.model.now_ns + HOUR)
    lab.model.power_on("NODE01")
    lab.engine.advance(lab.model.now_ns + HOUR)
    assert lab.text("(Get-ScheduledTask hil).State; (Get-ScheduledTaskInfo hil).LastTaskResult") == "Ready\n267014"
    assert lab.text("Test-Path C:\\done.txt") == "False"


def test_the_program_speaks_of_the_same_tasks(lab: TaskNode) -> None:
    script = MAKE.format("-Command exit 3") + REGISTER
    lab.text(script)
    assert 'SUCCESS: Attempted to run the scheduled task "hil".' in lab.text("schtasks /run /tn hil; Start-Sleep 60")
    assert lab.text("(Get-ScheduledTaskInfo hil).LastTaskResult") == "3"
    assert lab.text("(schtasks /query /tn hil /fo csv)[1]") == '"\\hil","N/A","Ready"'
    lab.text("schtasks /change /tn hil /disable")
    assert lab.text("(Get-ScheduledTask hil).State; schtasks /delete /tn hil /f") == (
        'Disabled\nSUCCESS: The scheduled task "hil" was successfully deleted.'
    )


ARMED = "$null = Register-ScheduledTask -TaskName hil -User SYSTEM -Action $a -Trigger (New-ScheduledTaskTrigger {}); "
ONCE = "-Once -At (Get-Date).AddMinutes(10)"


def test_a_task_starts_when_it_is_due(lab: TaskNode) -> None:
    script = MAKE.format("-Command Get-Date -Format HH:mm | Set-Content C:\\done.txt") + ARMED.format(ONCE)
    due = lab.text(f"{script}(Get-ScheduledTaskInfo hil).NextRunTime.ToString('HH:mm')")
    assert f"T{due}:" in lab.text("(Get-ScheduledTask hil).Triggers[0].StartBoundary")
    assert lab.text("Test-Path C:\\done.txt") == "False"
    lab.engine.advance(lab.model.now_ns + HOUR)
    assert lab.text("Get-Content C:\\done.txt; (Get-ScheduledTaskInfo hil).LastTaskResult") == f"{due}\n0"


def test_a_task_that_is_due_while_the_node_is_off_is_missed(lab: TaskNode) -> None:
    lab.text(MAKE.format("-Command Set-Content C:\\done.txt x") + ARMED.format(ONCE))
    lab.model.power_off("NODE01")
    lab.engine.advance(lab.model.now_ns + HOUR)
    lab.model.power_on("NODE01")
    lab.engine.advance(lab.model.now_ns + HOUR)
    assert lab.text("Test-Path C:\\done.txt; (Get-ScheduledTaskInfo hil).NumberOfMissedRuns") == "False\n1"


def test_a_task_that_was_removed_does_not_start(lab: TaskNode) -> None:
    lab.text(MAKE.format("-Command Set-Content C:\\done.txt x") + ARMED.format(ONCE))
    lab.text("Unregister-ScheduledTask hil -Confirm:$false")
    lab.engine.advance(lab.model.now_ns + HOUR)
    assert lab.text("Test-Path C:\\done.txt") == "False"


def test_a_task_starts_with_windows(lab: TaskNode) -> None:
    lab.text(MAKE.format("-Command Add-Content C:\\done.txt x") + ARMED.format("-AtStartup"))
    for _ in range(2):
        lab.model.power_off("NODE01")
        lab.engine.advance(lab.model.now_ns + HOUR)
        lab.model.power_on("NODE01")
        lab.engine.advance(lab.model.now_ns + HOUR)
    assert lab.text("@(Get-Content C:\\done.txt).Count") == "2"


def test_a_task_of_parts(lab: TaskNode) -> None:
    script = MAKE.format("-Command exit 4") + "$t = New-ScheduledTask -Action $a -Description parts; "
    script += "$null = $t | Register-ScheduledTask -TaskName hil -User SYSTEM; (Get-ScheduledTask hil).Description"
    assert lab.text(script) == "parts"


# --- without a process of its own


def test_windows_own_tasks_are_read_and_switched_off(node: ShellNode) -> None:
    assert node.text("(Get-ScheduledTask -TaskPath '\\Microsoft\\Windows\\PI\\').TaskName -join ','") == (
        "Secure-Boot-Update,Sqm-Tasks"
    )
    assert "twin limitation" in node.warnings[0]
    node.run("Disable-ScheduledTask -TaskPath \\Microsoft\\Windows\\Defrag\\ -TaskName ScheduledDefrag")
    assert node.text("(Get-ScheduledTask ScheduledDefrag).State") == "Disabled"
    node.run("Get-ScheduledTask ScheduledDefrag | Enable-ScheduledTask")
    assert node.text("(Get-ScheduledTask ScheduledDefrag).State") == "Ready"
    assert "twin limitation" in node.error("Start-ScheduledTask ScheduledDefrag").message
    assert "twin limitation" in node.error("Unregister-ScheduledTask ScheduledDefrag -Confirm:$false").message


def test_a_task_that_is_not_there(node: ShellNode) -> None:
    assert node.error("Get-ScheduledTask nope").full_id == "CmdletizationQuery_NotFound_TaskName,Get-ScheduledTask"
    assert "does not exist in the system" in node.error("schtasks /run /tn nope").message


def test_triggers_that_recur_are_no_silent_nothing(node: ShellNode) -> None:
    assert "twin limitation" in node.error("New-ScheduledTaskTrigger -Daily -At 3am").message
    script = "New-ScheduledTaskTrigger -Once -At 3am -RepetitionInterval (New-TimeSpan -Hours 1)"
    assert "twin limitation" in node.error(script).message
