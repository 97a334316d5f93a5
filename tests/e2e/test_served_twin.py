"""A twin served outside of any plan, used by a client that knows nothing of the harness."""

from __future__ import annotations

import json
import signal
import subprocess
import sys
from collections.abc import Iterator
from typing import Any

import pytest
import winrm

from harness.clock import wait_until
from harness.exits import Exit
from harness.paths import root
from tests.e2e.chain import Chain


@pytest.fixture
def served(chain: Chain) -> Iterator[dict[str, Any]]:
    """`hil twin serve labs/twin-4node.yaml --json`, until the test ends: Ctrl-C, exit code 0, nothing left."""
    process = subprocess.Popen(
        [sys.executable, "-m", "harness.cli", "twin", "serve", "labs/twin-4node.yaml", "--json"],
        stdout=subprocess.PIPE,
        text=True,
        env=chain.env,
        cwd=root(),
    )
    assert process.stdout is not None
    yield json.loads(process.stdout.readline())
    process.send_signal(signal.SIGINT)
    assert process.wait(timeout=30) == Exit.PASS
    process.stdout.close()
    chain.await_silence()


def session_to(endpoint: dict[str, Any]) -> winrm.Session:
    """Plain pywinrm, as its documentation shows it."""
    return winrm.Session(
        f"http://{endpoint['address']}:{endpoint['port']}/wsman",
        auth=(endpoint["username"], endpoint["password"]),
        transport="ntlm",
    )


def test_unmodified_pywinrm_runs_the_operators_commands(served: dict[str, Any]) -> None:
    """The two commands that every operator types first, on two nodes."""
    nodes = session_to(served["endpoints"][0]).run_ps("Get-ClusterNode | ConvertTo-Json")
    assert nodes.status_code == 0, nodes.std_err
    assert [node["Name"] for node in json.loads(nodes.std_out)] == ["NODE01", "NODE02", "NODE03", "NODE04"]
    assert {node["State"] for node in json.loads(nodes.std_out)} == {0}

    table = session_to(served["endpoints"][3]).run_ps("Get-SolutionUpdate | ft DisplayName, State, Version")
    assert table.status_code == 0, table.std_err
    rows = [line.split() for line in table.std_out.decode().splitlines() if line.strip()]
    assert rows[0] == ["DisplayName", "State", "Version"]
    assert ["2025.10", "Cumulative", "Update", "Ready", "12.2510.1002.94"] in rows

    unknown = session_to(served["endpoints"][0]).run_ps("Get-NoSuchThing")
    assert unknown.status_code == 1
    assert b"Get-NoSuchThing" in unknown.std_err


def test_lab_time_moves_when_it_is_told_to(chain: Chain, served: dict[str, Any]) -> None:
    """`hil twin advance` on a virtual clock: an update goes on by exactly that much.

    A command that sleeps is a grant of its own: it comes back at once, and lab time has passed.
    """
    node = session_to(served["endpoints"][0])
    before = node.run_ps("(Get-Date).ToUniversalTime().ToString('s')").std_out.decode().strip()
    started = node.run_ps("Get-SolutionUpdate | ? State -eq Ready | Start-SolutionUpdate").std_out.decode()
    assert started.startswith("redmond/Solution12.2510.1002.94/")
    moved = chain.hil("twin", "advance", "15m", "--instance", served["instance"])
    assert moved.returncode == Exit.PASS, moved.stdout + moved.stderr
    after = node.run_ps("(Get-Date).ToUniversalTime().ToString('s')").std_out.decode().strip()
    assert (before[:13], after[:13]) == ("2025-11-11T22", "2025-11-11T22")
    assert int(after[14:16]) - int(before[14:16]) == 15
    state = node.run_ps("(Get-SolutionUpdate | ? { $_.State -like '*ing' }).State").std_out.decode().strip()
    assert state == "Preparing"
    slept = node.run_ps("$a = Get-Date; Start-Sleep -Seconds 90; [int]((Get-Date) - $a).TotalSeconds")
    assert slept.std_out.decode().strip() == "90"


def test_an_endless_loop_holds_up_nobody_and_can_be_ended(served: dict[str, Any]) -> None:
    """One node computes for ever: another one answers, and a signal ends the loop."""
    first = served["endpoints"][0]
    protocol = winrm.protocol.Protocol(
        endpoint=first["url"], transport="ntlm", username=first["username"], password=first["password"]
    )
    shell = protocol.open_shell()
    endless = protocol.run_command(shell, "powershell -Command while ($true) { $x = 1 }")
    assert session_to(served["endpoints"][1]).run_ps("6 * 7").std_out.decode().strip() == "42"
    protocol.cleanup_command(shell, endless)
    again = protocol.run_command(shell, "powershell -Command 6 * 7")
    assert protocol.get_command_output(shell, again)[0].decode().strip() == "42"
    protocol.close_shell(shell)


@pytest.mark.full  # that a twin that was served for a while ends so is seen after each of the others
def test_serving_ends_with_its_lab_host(chain: Chain) -> None:
    """Ctrl-C right after the first line leaves no process and no lease."""
    process = subprocess.Popen(
        [sys.executable, "-m", "harness.cli", "twin", "serve", "twin-1node", "--json"],
        stdout=subprocess.PIPE,
        text=True,
        env=chain.env,
        cwd=root(),
    )
    assert process.stdout is not None
    json.loads(process.stdout.readline())
    process.send_signal(signal.SIGINT)
    assert process.wait(timeout=30) == Exit.PASS
    process.stdout.close()
    wait_until(lambda: True if not chain.processes() else None, within_s=30, what="the lab host to end")
    labs = json.loads(chain.hil("lab", "list", "--json").stdout)
    assert not any(instance["lease"] for lab in labs for instance in lab["instances"])


def shell(chain: Chain, *words: str, typed: str | None = None) -> subprocess.CompletedProcess[str]:
    """`hil twin shell` with words, and with what comes out of a pipe."""
    return subprocess.run(
        [sys.executable, "-m", "harness.cli", "twin", "shell", *words],
        input=typed,
        stdin=subprocess.DEVNULL if typed is None else None,
        capture_output=True,
        text=True,
        timeout=120,
        env=chain.env,
        cwd=root(),
        check=False,
    )


def test_powershell_is_typed_on_a_node(chain: Chain, served: dict[str, Any]) -> None:
    """`hil twin shell`: a command with its exit code, statements from a pipe, names that are wrong."""
    command = shell(chain, "node03", "-c", "hostname; Write-Error bad; exit 7", "--lab", "twin-4node")
    assert (command.returncode, command.stdout) == (7, "NODE03\n"), command.stderr
    assert ": bad" in command.stderr
    piped = shell(chain, "NODE02", typed="$x = 6\nfunction Get-It {\n  $x * 7\n}\n\nGet-It\nGet-Item nope\n")
    assert (piped.returncode, piped.stdout) == (1, "42\n"), piped.stderr
    assert "Cannot find path" in piped.stderr
    there = "(Invoke-Command -ComputerName NODE03 { hostname }) 2>&1 | Out-String"
    assert "Access is denied" in shell(chain, "NODE02", "-c", there, "--lab", "twin-4node").stdout
    hopped = shell(chain, "NODE02", "-c", there, "--transport", "credssp", "--lab", "twin-4node")
    assert hopped.stdout.strip() == "NODE03", hopped.stderr
    unknown = shell(chain, "NODE9", "--instance", served["instance"], typed="1\n")
    assert unknown.returncode == Exit.USAGE
    assert "did you mean 'NODE0" in unknown.stderr
