"""The heartbeat agent of Windows guests in the twin: what installs it really runs there, and what removes it."""

from __future__ import annotations

import pytest

from harness.azurelocal.command import Command
from harness.errors import ProductError
from harness.probes.agents import AgentLook, AgentSettings, agent_text
from harness.probes.agents.settings import version_of
from harness.probes.agents.windows import (
    FOLDER,
    SCRIPT,
    TASK,
    install_agent,
    install_record,
    look_at_agent,
    remove_agent,
    undo,
)
from harness.probes.heartbeat_wire import HeartbeatKey
from harness.transports.replies import Reply
from tests.twin.guest.shell_guests import MINUTE, ShellGuest, make_guest
from tests.twin.guest.test_guest_residents import restart

KEY = HeartbeatKey.make()
SETTINGS = AgentSettings("VM01", "192.0.2.10", 8514, key=KEY)


def put(guest: ShellGuest, command: Command[AgentLook]) -> AgentLook:
    """Have the guest run a command."""
    output = guest.run(command.script)
    assert output.error == ""
    return command.read(Reply(output.out, output.error, output.code or 0))


def test_it_runs_as_a_task_of_system_with_one_process() -> None:
    with make_guest() as guest:
        look = put(guest, install_agent(SETTINGS))
        assert (look.word, look.starts_by_itself, look.signed) == ("running", True, True)
        assert (look.target, look.period_ms) == ("192.0.2.10:8514", 20)
        assert look.agent == version_of(agent_text(SCRIPT))
        assert look == put(guest, look_at_agent())
        task = guest.json(
            f"Get-ScheduledTask {TASK} | Select-Object @{{n='State';e={{\"$($_.State)\"}}}},"
            "@{n='User';e={$_.Principal.UserId}} | ConvertTo-Json"
        )
        assert task == {"State": "Running", "User": "SYSTEM"}
        (process,) = [one for one in guest.windows.processes if one.command_line]
        assert (process.pid,) == look.pids
        assert f'-File "{FOLDER}\\{SCRIPT}"' in process.command_line
        assert KEY.text not in process.command_line


def test_its_files_are_what_was_sent() -> None:
    with make_guest() as guest:
        put(guest, install_agent(SETTINGS))
        agent = agent_text(SCRIPT)
        assert guest.windows.files[f"{FOLDER}\\{SCRIPT}".lower()] == agent
        assert guest.windows.files[f"{FOLDER}\\heartbeat.json".lower()] == SETTINGS.document(agent)


def test_the_same_install_again_leaves_it_alone() -> None:
    with make_guest() as guest:
        first = put(guest, install_agent(SETTINGS))
        started = guest.windows.processes[-1].started_ns
        guest.advance(MINUTE)
        assert put(guest, install_agent(SETTINGS)) == first
        assert guest.windows.processes[-1].started_ns == started


def test_other_settings_start_it_anew() -> None:
    with make_guest() as guest:
        put(guest, install_agent(SETTINGS))
        guest.advance(MINUTE)
        started = guest.windows.processes[-1].started_ns
        look = put(guest, install_agent(AgentSettings("VM01", "192.0.2.11", 8514)))
        assert (look.target, look.signed, len(look.pids)) == ("192.0.2.11:8514", False, 1)
        assert guest.windows.processes[-1].started_ns > started


def test_a_stopped_one_is_seen_and_started() -> None:
    with make_guest() as guest:
        put(guest, install_agent(SETTINGS))
        guest.text(f"Stop-ScheduledTask {TASK}")
        assert put(guest, look_at_agent()).word == "stopped"
        assert put(guest, install_agent(SETTINGS)).word == "running"


def test_it_comes_back_with_the_guest() -> None:
    with make_guest() as guest:
        before = put(guest, install_agent(SETTINGS))
        restart(guest)
        after = put(guest, look_at_agent())
        assert after.word == "running"
        assert (after.target, len(after.pids)) == (before.target, 1)


def test_removal_by_its_record_leaves_nothing_and_may_be_repeated() -> None:
    with make_guest() as guest:
        record = install_record("VM01")
        put(guest, install_agent(SETTINGS))
        assert put(guest, undo(record)).absent
        assert put(guest, undo(record)).absent
        assert (guest.windows.tasks, guest.windows.files, guest.windows.folders) == ({}, {}, set())
        assert not [one for one in guest.windows.processes if one.command_line]
        restart(guest)
        assert put(guest, look_at_agent()) == AgentLook(running=False, starts_by_itself=False)


def test_removal_ends_a_process_whose_task_is_gone() -> None:
    with make_guest() as guest:
        put(guest, install_agent(SETTINGS))
        guest.text(f"Unregister-ScheduledTask {TASK} -Confirm:$false")
        orphan = put(guest, look_at_agent())
        assert (orphan.word, len(orphan.pids)) == ("stopped", 1)
        assert put(guest, remove_agent()).absent


def test_removal_of_half_an_installation() -> None:
    with make_guest() as guest:
        guest.text(f"$null = New-Item -ItemType Directory -Path '{FOLDER}'; Set-Content '{FOLDER}\\{SCRIPT}' 'x'")
        assert put(guest, look_at_agent()).word == "stopped"
        assert put(guest, remove_agent()).absent


def test_an_agent_that_ends_at_once_is_an_error_with_its_result(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("harness.probes.agents.windows.agent_text", lambda _: "exit 7\n" + "#" * 3000)
    with make_guest() as guest, pytest.raises(ProductError, match="does not run: its task is 'Ready'"):
        put(guest, install_agent(SETTINGS))
