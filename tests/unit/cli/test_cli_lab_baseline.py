"""`hil lab baseline` with real lab hosts of the twin, and `hil lab clean`: what is said, and that nothing is left."""

from __future__ import annotations

import json
import os
import signal
import subprocess
import sys
from pathlib import Path
from typing import Any

import pytest

from harness import cli
from harness.cli.interrupts import FirstInterrupt
from harness.cli.labbaseline import Progress
from harness.clock import wait_until
from harness.exits import Exit
from harness.labs.host import STARTING_NAME
from harness.labs.hosting import all_hosts, find_host, folder_of
from harness.labs.lease import LeaseStore
from harness.labs.models import find_lab
from harness.paths import root
from tests.unit.cli.conftest import dead_holder
from tests.unit.labs.test_cleaning import killed_host

ONE = "twin-1node#1"
NESTED = "nested#1"


def nothing_runs() -> bool:
    return not any(host.alive for host in all_hosts()) and not any(row.holder for row in LeaseStore().rows())


def test_a_baseline_is_reached_described_and_given_back(capsys: pytest.CaptureFixture[str]) -> None:
    lab = find_lab("twin-1node")
    assert cli.main(["lab", "baseline", "twin-1node", "--json"]) == Exit.PASS
    said = capsys.readouterr()
    document: dict[str, Any] = json.loads(said.out)
    times = {key: document.pop(key) for key in ("start_s", "baseline_s", "release_s")}
    assert document == {
        "schema": 1,
        "lab": "twin-1node",
        "kind": "twin",
        "instance": ONE,
        "versions": lab.versions.model_dump(),
        "nodes": list(lab.nodes),
        "guests": list(lab.guests),
        "removed": [],
        "left": [],
    }
    assert times["start_s"] > 0.1
    assert min(times.values()) >= 0
    progress = said.err.splitlines()
    assert [line.split("  twin-1node: ")[0].strip()[-1] for line in progress] == ["s"] * len(progress)
    assert f"lab host of {ONE}, process" in said.err, "what the lab host says, as it says it"
    assert nothing_runs()


def test_people_read_what_the_instance_has(capsys: pytest.CaptureFixture[str]) -> None:
    killed_host(folder_of(NESTED) / "embed", NESTED)
    assert cli.main(["lab", "baseline", "twin-4node", "--instance", "3"]) == Exit.PASS
    said = capsys.readouterr()
    assert said.out.startswith("twin-4node#3 reached its baseline: solution 12.2509.1001.22, sbe 4.1.2509.3\n")
    assert "nodes:   NODE01, NODE02, NODE03, NODE04\nguests:  40 (vm001 … vm040)\n" in said.out
    assert "nothing is left" in said.out
    assert f"removed folder {folder_of(NESTED) / 'machines'} of {NESTED}" in said.err
    assert not (folder_of(NESTED) / "machines").exists()
    assert nothing_runs()


def test_a_lab_host_that_does_not_come_up_leaves_nothing(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    file = tmp_path / "odd.yaml"
    text = (root() / "labs" / "twin-1node.yaml").read_text()
    file.write_text(text.replace("12.2509.1001.22", "12.1111.1001.1").replace("lab: twin-1node", "lab: odd"))
    assert cli.main(["lab", "baseline", str(file)]) == Exit.LAB
    assert "the lab host of 'odd#1' did not start: " in capsys.readouterr().err
    assert nothing_runs()


def test_wrong_kinds_and_numbers_are_refused_before_anything_is_leased(capsys: pytest.CaptureFixture[str]) -> None:
    killed_host(folder_of(NESTED) / "embed", NESTED)
    rack = root() / "labs" / "physical-rack.example.yaml"
    assert cli.main(["lab", "baseline", str(rack)]) == Exit.USAGE
    assert "kind 'physical' cannot be hosted" in capsys.readouterr().err
    assert cli.main(["lab", "baseline", "twin-4node", "--instance", "5"]) == Exit.USAGE
    assert LeaseStore().rows() == []
    assert (folder_of(NESTED) / "machines").exists()


def test_an_instance_of_somebody_else_is_left_alone(capsys: pytest.CaptureFixture[str]) -> None:
    lease = LeaseStore().acquire("twin-4node#1", purpose="run x")
    assert cli.main(["lab", "baseline", "twin-4node", "--instance", "1"]) == Exit.LEASE
    LeaseStore().check(lease)
    assert all_hosts() == []


@pytest.mark.parametrize("number", [signal.SIGINT, signal.SIGTERM])
def test_interrupted_while_the_lab_host_starts_nothing_is_left(number: signal.Signals) -> None:
    command = [sys.executable, "-m", "harness.cli", "lab", "baseline", "twin-1node"]
    environment = {**os.environ, "HIL_ROOT": str(root()), "PYTHONPATH": str(root())}
    with subprocess.Popen(command, stderr=subprocess.PIPE, text=True, env=environment, cwd=root()) as process:
        assert process.stderr is not None
        assert "the lab host starts" in process.stderr.readline()
        process.send_signal(number)
        rest = process.stderr.read()
        assert process.wait(60) == Exit.INTERRUPTED
    assert "interrupted" in rest
    assert "Traceback" not in rest
    assert nothing_runs()


def test_a_lab_host_that_comes_up_after_a_kill_is_ended_by_the_next_baseline() -> None:
    """Only its own record tells of it: nobody waits for it any more, and it cannot be reached yet."""
    command = [sys.executable, "-m", "harness.cli", "lab", "baseline", "twin-1node"]
    environment = {**os.environ, "HIL_ROOT": str(root()), "PYTHONPATH": str(root())}
    with subprocess.Popen(command, stderr=subprocess.DEVNULL, env=environment, cwd=root()) as process:
        starting = folder_of(ONE) / STARTING_NAME
        wait_until(lambda: starting.exists() or None, within_s=30, what="the lab host", poll_s=0.01)
        process.kill()
    orphan = find_host(ONE).holder
    assert orphan is not None
    assert not orphan.proven_dead
    assert cli.main(["lab", "baseline", "twin-1node"]) == Exit.PASS
    assert orphan.proven_dead
    assert nothing_runs()


def test_only_the_first_interrupt_ends_what_goes_on() -> None:
    with FirstInterrupt() as interrupts:
        with pytest.raises(KeyboardInterrupt):
            signal.raise_signal(signal.SIGTERM)
        signal.raise_signal(signal.SIGINT)
        assert interrupts.count == 2
    with FirstInterrupt() as interrupts:
        interrupts.spared = True
        signal.raise_signal(signal.SIGINT)
        assert interrupts.count == 1


def test_a_line_of_a_log_is_shown_once_and_without_what_is_in_front(capsys: pytest.CaptureFixture[str]) -> None:
    progress = Progress("nested")
    for line in ("2026-11-30 13:10:46,123 INFO hil.nested: NODE01 boots", "NODE01 boots", "NODE02 boots"):
        progress.say(line)
    said = [line.partition("nested: ")[2] for line in capsys.readouterr().err.splitlines()]
    assert said == ["NODE01 boots", "NODE02 boots"]


# --- hil lab clean ----------------------------------------------------------------------------------------------------


def test_clean_says_what_it_would_remove_and_does_it_only_with_yes(
    tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    killed_host(tmp_path / "embed", NESTED)
    machines = folder_of(NESTED) / "machines"
    assert cli.main(["lab", "clean"]) == Exit.USAGE
    said = capsys.readouterr()
    assert f"would remove folder {machines} of {NESTED}" in said.err
    assert "nothing was done; add --yes" in said.out
    assert machines.exists()
    assert cli.main(["lab", "clean", "--yes", "--json"]) == Exit.PASS
    left = [{"kind": "folder", "name": str(path)} for path in (tmp_path / "embed", machines)]
    assert json.loads(capsys.readouterr().out) == {
        "schema": 1,
        "done": True,
        "instances": [{"instance": NESTED, "left": left, "trouble": None}],
    }
    assert not machines.exists()
    assert not (tmp_path / "embed").exists()
    assert cli.main(["lab", "clean"]) == Exit.PASS
    assert "nothing is left" in capsys.readouterr().out


def test_clean_says_why_something_stays(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    killed_host(tmp_path / "embed", NESTED)
    killed_host(tmp_path / "embed2", "nested#2", uri="nothing:///")
    LeaseStore().acquire(NESTED, purpose="run x")
    assert cli.main(["lab", "clean", "--yes"]) == Exit.LAB
    said = capsys.readouterr().err
    assert f"{NESTED} stays as it is: lab instance '{NESTED}' is held by" in said
    assert "nested#2 stays as it is: " in said
    LeaseStore().acquire("nested#2", purpose="run y")
    assert cli.main(["lab", "clean", "--yes"]) == Exit.LEASE
    assert (tmp_path / "embed").exists()


def test_a_dead_holder_does_not_keep_anything(tmp_path: Path) -> None:
    killed_host(tmp_path / "embed", NESTED)
    LeaseStore().acquire(NESTED, purpose="run x", holder=dead_holder())
    assert cli.main(["lab", "clean", "--yes"]) == Exit.PASS
    assert not (tmp_path / "embed").exists()
