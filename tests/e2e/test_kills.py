"""`kill -9` of every process of the chain, at positions spread over a run with a fault: nothing is lost, nothing
leaks."""

from __future__ import annotations

import json
import random
import subprocess
from pathlib import Path

import psutil
import pytest

from harness.exits import Exit
from tests.e2e.chain import Chain, await_lines, kill, of_kind

LINES_OF_A_GUEST_RUN = 172
"""About how many lines the journal of HP-002 has."""

LINES_OF_A_RUN = 1700
"""About how many lines the journal of UPD-002 has; positions are drawn below."""

VICTIMS = ("cli", "controller", "worker", "conductor")
SEED = 20260101


def positions(victim: str, count: int) -> list[int]:
    """Journal lengths at which to strike, spread over the run and drawn anew for each victim."""
    stream = random.Random(f"{SEED}/{victim}")
    step = LINES_OF_A_RUN // count
    return [1 + index * step + stream.randrange(step) for index in range(count)]


def cases(count: int) -> list[object]:
    """`count` cases for each victim; one run takes all but the lab host's together."""
    return [
        pytest.param(victim, position, id=f"{victim}-{position}")
        for victim in (*VICTIMS, "labhost")
        for position in positions(victim, count)
    ]


def pid_of(chain: Chain, victim: str, cli: psutil.Process, run: Path) -> int:
    """The process to kill."""
    if victim == "cli":
        return cli.pid
    conductor = of_kind(run, "attempt.begin")[0]["data"]["host"]["pid"]
    if victim == "conductor":
        return int(conductor)
    if victim == "worker":
        return psutil.Process(conductor).ppid()
    if victim == "controller":
        session = next((chain.home / "reports" / "sessions").iterdir())
        started = json.loads((session / "session.jsonl").read_text().splitlines()[0])
        return int(started["pid"])
    ready = next((chain.home / "state" / "labs").glob("*/host.json"))
    return int(json.loads(ready.read_text())["pid"])


@pytest.mark.full
@pytest.mark.parametrize(("victim", "position"), cases(count=10))
def test_killed_process_loses_nothing(chain: Chain, victim: str, position: int) -> None:
    """Preconditions: UPD-002 under way.  Steps: kill -9 one process, then `hil run resume`.

    Expected: the harness' own processes: the same verdict, one update start, the fault clean; the lab host: verdict
    lab. Nothing is left running, and the lease is free.
    """
    process = chain.begin("run", "start", "demo", "-k", "UPD_002", "-n", "2", "--seed", "1")
    run = chain.run_of("UPD-002")
    assert await_lines(run, position, alive=lambda: process.poll() is None)
    kill(pid_of(chain, victim, psutil.Process(process.pid), run))
    resumed = chain.hil("run", "resume", run.name)
    process.wait(timeout=120)
    chain.await_silence()

    results = json.loads((run / "results.json").read_text())
    if victim == "labhost":
        assert (results["verdict"], resumed.returncode) == ("lab", Exit.LAB)
    else:
        assert_update_survived(run, resumed)
    assert_nothing_left(chain)
    assert chain.hil("judge", "replay", str(run)).returncode == resumed.returncode


def assert_nothing_left(chain: Chain) -> None:
    """No lease is held."""
    labs = json.loads(chain.hil("lab", "list", "--json").stdout)
    assert not any(instance["lease"] for lab in labs for instance in lab["instances"])


def assert_update_survived(run: Path, resumed: subprocess.CompletedProcess[str]) -> None:
    """The verdict of an undisturbed run, one start of the update, the fault clean."""
    results = json.loads((run / "results.json").read_text())
    assert (results["verdict"], resumed.returncode) == ("pass", Exit.PASS), resumed.stdout + resumed.stderr
    assert len(of_kind(run, "update.started")) == 1
    assert {row["data"]["run_id"] for row in of_kind(run, "update.started")}
    assert len(of_kind(run, "fault.inject")) == 1
    assert [row["data"]["to"] for row in of_kind(run, "fault.state")][-1] == "clean"


@pytest.mark.full
def test_processes_killed_one_after_the_other_lose_nothing(chain: Chain) -> None:
    """Preconditions: UPD-002 under way.  Steps: kill -9 the command line, a worker, pytest and the run process, each a
    quarter of the run later, then `hil run resume`.

    Expected: the same verdict, one update start, the fault clean; nothing is left running, and the lease is free.
    """
    process = chain.begin("run", "start", "demo", "-k", "UPD_002", "-n", "2", "--seed", "1")
    run = chain.run_of("UPD-002")
    assert await_lines(run, 1, alive=lambda: process.poll() is None)
    conductor = psutil.Process(pid_of(chain, "conductor", psutil.Process(process.pid), run))
    victims = [pid_of(chain, victim, psutil.Process(process.pid), run) for victim in ("cli", "worker", "controller")]
    for quarter, victim in enumerate([*victims, conductor.pid], start=1):
        assert await_lines(run, quarter * LINES_OF_A_RUN // 5, alive=conductor.is_running)
        kill(victim)
    resumed = chain.hil("run", "resume", run.name)
    process.wait(timeout=120)
    chain.await_silence()
    assert_update_survived(run, resumed)
    assert_nothing_left(chain)
    assert chain.hil("judge", "replay", str(run)).returncode == resumed.returncode


def guest_positions(count: int) -> list[int]:
    """Journal lengths of HP-002 at which its conductor is killed."""
    step = LINES_OF_A_GUEST_RUN // count
    return [1 + index * step + random.Random(f"{SEED}/guests/{index}").randrange(step) for index in range(count)]


@pytest.mark.full
@pytest.mark.parametrize("position", guest_positions(count=12))
def test_killed_update_of_guests_restarts_no_guest_twice(chain: Chain, position: int) -> None:
    """Preconditions: HP-002 under way.  Steps: kill -9 its conductor, then `hil run resume`.

    Expected: pass, every guest restarted once, by its own word and by that of the samples.
    """
    process = chain.begin("run", "start", "demo", "-k", "HP_002", "-n", "1", "--seed", "1")
    run = chain.run_of("HP-002")
    assert await_lines(run, position, alive=lambda: process.poll() is None)
    kill(int(of_kind(run, "attempt.begin")[0]["data"]["host"]["pid"]))
    resumed = chain.hil("run", "resume", run.name)
    process.wait(timeout=120)
    chain.await_silence()
    results = json.loads((run / "results.json").read_text())
    assert (results["verdict"], resumed.returncode) == ("pass", Exit.PASS), resumed.stdout + resumed.stderr
    rows = {row["guest"]: (row["outcome"], row["restarts"]) for row in results["guest_updates"]}
    assert rows == {
        "vm003": ("restarted", 1),
        "vm004": ("left-alone", 0),
        "vm006": ("restarted", 1),
        "vm007": ("restarted", 1),
    }
