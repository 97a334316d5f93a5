"""`hil probe agent` on a served twin: agents are really put into its guests, live with them, and are taken away."""

from __future__ import annotations

import json
import signal
import subprocess
import sys
from collections.abc import Iterator
from typing import Any

import pytest

from harness.exits import Exit
from harness.paths import root
from harness.probes.heartbeat_wire import HeartbeatKey
from tests.e2e.chain import Chain

LAB = "twin-2node-guests"


@pytest.fixture
def served(chain: Chain) -> Iterator[dict[str, Any]]:
    """The lab with Windows guests, on its virtual clock, until the test ends."""
    process = subprocess.Popen(
        [sys.executable, "-m", "harness.cli", "twin", "serve", LAB, "--json"],
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


def agent(chain: Chain, *words: str) -> list[dict[str, Any]]:
    """A verb that must succeed, as JSON."""
    done = chain.hil("probe", "agent", *words, "--lab", LAB, "--json")
    assert done.returncode == Exit.PASS, done.stdout + done.stderr
    found: list[dict[str, Any]] = json.loads(done.stdout)
    return found


def states(rows: list[dict[str, Any]]) -> dict[str, str]:
    return {row["guest"]: row["state"] for row in rows}


@pytest.mark.full
def test_agents_come_live_with_their_guests_and_go(
    chain: Chain, served: dict[str, Any], tmp_path_factory: pytest.TempPathFactory
) -> None:
    key, file = HeartbeatKey.make(), tmp_path_factory.mktemp("key") / "heartbeat.key"
    file.write_text(key.text + "\n")
    two = ("--guest", "vm001", "--guest", "VM003")
    signed = ("--sink", "192.0.2.7", "--port", "9514", "--key", f"secret://file/{file}")

    asked = chain.hil("probe", "agent", "install", "--lab", LAB, *two, *signed)
    assert asked.returncode == Exit.USAGE
    assert "would install in 2 guests (vm001, vm003)" in asked.stdout
    assert "192.0.2.7:9514 every 20 ms, signed" in asked.stdout
    assert states(agent(chain, "status", *two)) == {"vm001": "absent", "vm003": "absent"}

    rows = agent(chain, "install", *two, *signed, "--yes")
    assert states(rows) == {"vm001": "running", "vm003": "running"}
    assert {(row["target"], row["signed"], row["current"], row["error"]) for row in rows} == {
        ("192.0.2.7:9514", True, True, None)
    }
    assert rows == agent(chain, "install", *two, *signed, "--yes")

    table = chain.hil("probe", "agent", "status", "--lab", LAB)
    assert [line.split()[:2] for line in table.stdout.splitlines()[1:]] == [
        [f"vm{number:03}", "running" if number in (1, 3) else "absent"] for number in (1, 2, 3, 6, 7, 4, 5)
    ]

    look = "(Get-CimInstance Win32_Process | ? CommandLine -like '*heartbeat.ps1*').CreationDate.Ticks"
    before = chain.hil("twin", "shell", "vm001", "-c", f"{look}; Restart-Computer -Force").stdout.strip()
    assert chain.hil("twin", "advance", "30m").returncode == Exit.PASS
    after = chain.hil("twin", "shell", "vm001", "-c", look).stdout.strip()
    assert int(after) > int(before)
    assert states(agent(chain, "status", "--guest", "vm001")) == {"vm001": "running"}

    refused = chain.hil("probe", "agent", "remove", "--lab", LAB, *two)
    assert (refused.returncode, "nothing was done" in refused.stdout) == (Exit.USAGE, True)
    gone = agent(chain, "remove", *two, "--yes")
    assert [(row["state"], row["leftovers"]) for row in gone] == [("absent", [])] * 2
    assert states(agent(chain, "remove", *two, "--yes")) == {"vm001": "absent", "vm003": "absent"}
    left = chain.hil(
        "twin", "shell", "vm001", "-c", "@(Get-ScheduledTask).Count; Test-Path C:\\ProgramData\\azurelocal-hil"
    )
    assert left.stdout.split() == ["0", "False"]
    for path in chain.home.rglob("*"):
        if path.is_file():
            assert key.text.encode() not in path.read_bytes(), f"{path} holds the key"


def test_a_guest_that_cannot_be_reached_does_not_stop_the_others(chain: Chain, served: dict[str, Any]) -> None:
    assert chain.hil("twin", "shell", "vm002", "-c", "Restart-Computer -Force").returncode == 0
    assert chain.hil("twin", "advance", "40s").returncode == Exit.PASS
    done = chain.hil(
        "probe", "agent", "install", "--lab", LAB, "--guest", "vm002", "--guest", "vm003", "--yes", "--json"
    )
    first, second = json.loads(done.stdout)
    assert done.returncode == Exit.LAB
    assert first["guest"] == "vm002"
    assert "vm002" in first["error"]
    assert (second["guest"], second["state"]) == ("vm003", "running")
