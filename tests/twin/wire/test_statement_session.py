"""Typed PowerShell over the real wire: one process that keeps its state, output as it comes, exit codes."""

from __future__ import annotations

from collections.abc import Iterator

import pytest

from harness.cli.shellsession import StatementSession, run_command
from harness.labs.models import find_lab
from harness.labs.port import Endpoint
from harness.labs.twin import TwinHosting
from harness.run.sessions import to_winrm
from harness.transports.channel import WinRmEndpoint
from harness.transports.program import RemoteProgram
from harness.transports.trouble import EndpointError


class Terminal:
    """What was shown."""

    def __init__(self) -> None:
        self.pieces: list[str] = []
        self.errors: list[str] = []

    def take(self) -> tuple[str, str]:
        """Output and errors since the last time."""
        found = "".join(self.pieces), "".join(self.errors)
        self.pieces.clear()
        self.errors.clear()
        return found


@pytest.fixture(scope="module")
def hosting() -> Iterator[TwinHosting]:
    file = find_lab("twin-2node-guests")
    made = TwinHosting("twin-2node-guests#1", file.model_dump(by_alias=True, mode="json"))
    yield made
    made.close()


@pytest.fixture
def endpoint(hosting: TwinHosting) -> WinRmEndpoint:
    return to_winrm(Endpoint(**hosting.call("endpoint", {"name": "NODE01", "kind": "winrm"})))


@pytest.fixture
def terminal() -> Terminal:
    return Terminal()


@pytest.fixture
def session(endpoint: WinRmEndpoint, terminal: Terminal) -> Iterator[StatementSession]:
    made = StatementSession(endpoint, terminal.pieces.append, terminal.errors.append)
    yield made
    made.close()


def test_state_stays_from_statement_to_statement(session: StatementSession, terminal: Terminal) -> None:
    assert session.location == "C:\\Users\\deploy"
    session.run("$x = 5; cd C:\\Windows")
    session.run("if ($x) {\n\n  \"x is $x\"\n}\nelse { 'no' }")
    assert terminal.take() == ("x is 5\n", "")
    assert session.location == "C:\\Windows"
    session.run("Write-Host -NoNewline half")
    assert terminal.take() == ("half", "")
    session.run('@"\n\n[hil:0]\n"@')
    assert terminal.take() == ("\n[hil:0]\n", "")


def test_errors_go_their_own_way_and_success_is_as_the_statement_left_it(
    session: StatementSession, terminal: Terminal
) -> None:
    session.run("'out'; Get-Nope")
    out, err = terminal.take()
    assert out == "out\n"
    assert err.startswith("Get-Nope : The term 'Get-Nope' is not recognized")
    assert not session.succeeded
    session.run("$?; $Error.Count")
    assert terminal.take() == ("False\n1\n", "")
    assert session.succeeded
    session.run("$?")
    assert terminal.take() == ("True\n", "")


def test_exit_ends_the_process_with_its_code(session: StatementSession, terminal: Terminal) -> None:
    session.run("'last'; exit 300")
    assert session.exit_code == 300
    assert terminal.take() == ("last\n", "")


def test_a_stopped_session_begins_anew(session: StatementSession, terminal: Terminal) -> None:
    session.run("$x = 1; Get-Item nope -ErrorAction SilentlyContinue")
    session.restart()
    session.run('"x is [$x] and $?"')
    assert terminal.take() == ("x is [] and True\n", "")


def test_a_machine_that_is_gone_and_comes_back(
    hosting: TwinHosting, session: StatementSession, terminal: Terminal
) -> None:
    hosting.simulated.power_off("NODE01")
    with pytest.raises(EndpointError):
        session.run("1")
    session.drop()
    with pytest.raises(EndpointError):
        session.run("2")
    hosting.simulated.power_on("NODE01")
    hosting.simulated.advance(hosting.simulated.now_ns + 3_600_000_000_000)
    session.run("$x = 3; $x")
    assert terminal.take() == ("3\n", "")


def test_an_endless_statement_is_ended_by_a_stop(endpoint: WinRmEndpoint) -> None:
    with RemoteProgram(endpoint) as program:
        program.start("powershell.exe -NoProfile -Command \"'begun'; while ($true) { $x = 1 }\"")
        output = program.receive()
        assert output is not None
        assert output.stdout == b"begun\r\n"
        program.stop()


def test_a_command_keeps_its_exit_code_and_streams(endpoint: WinRmEndpoint, terminal: Terminal) -> None:
    script = "'out'; Write-Warning low; Write-Error bad; $null = Get-Date; exit 7"
    assert run_command(endpoint, script, terminal.pieces.append, terminal.errors.append) == 7
    out, err = terminal.take()
    assert out == "out\n"
    assert err.startswith("WARNING: low\n")
    assert ": bad\n" in err
    long = "# " + "x" * 9000 + "\n'long'"
    assert run_command(endpoint, long, terminal.pieces.append, terminal.errors.append) == 0
    assert terminal.take() == ("long\n", "")


def test_output_comes_before_the_command_has_ended(endpoint: WinRmEndpoint, terminal: Terminal) -> None:
    run_command(endpoint, "1; Start-Sleep -Seconds 60; 2", terminal.pieces.append, terminal.errors.append)
    assert [piece for piece in terminal.pieces if piece] == ["1\n", "2\n"]


def test_a_guest_is_a_machine_too(hosting: TwinHosting, terminal: Terminal) -> None:
    guest = to_winrm(Endpoint(**hosting.call("endpoint", {"name": "vm001", "kind": "winrm"})))
    made = StatementSession(guest, terminal.pieces.append, terminal.errors.append)
    made.run("hostname")
    made.close()
    assert terminal.take() == ("VM001\n", "")


def test_the_end_of_a_lab_ends_programs_that_wait_for_input() -> None:
    """Else the process of a lab host that serves an open session would never end."""
    file = find_lab("twin-1node")
    made = TwinHosting("twin-1node#1", file.model_dump(by_alias=True, mode="json"))
    at = to_winrm(Endpoint(**made.call("endpoint", {"name": "NODE01", "kind": "winrm"})))
    open_session = StatementSession(at, lambda _: None, lambda _: None)
    made.close()
    for thread in made.simulated._threads._threads:
        thread.join(10)
        assert not thread.is_alive()
    open_session.close()
