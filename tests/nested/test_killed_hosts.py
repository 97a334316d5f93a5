"""Harness and lab host are killed (SIGKILL) while a lab is made or a plan runs on it; `hil lab baseline` converges.

Points are drawn from a seed: who is killed, and when.
"""

from __future__ import annotations

import os
import random
import signal
import subprocess
from contextlib import suppress
from pathlib import Path

import pytest

from harness.clock import pause, wait_until
from harness.labs.nested.image import why_not_buildable
from harness.labs.nested.image.build import image_ready
from tests.nested.labs import LAB, Place

pytestmark = [pytest.mark.nested, pytest.mark.xdist_group("lab"), pytest.mark.timeout(900)]

QUICK = 1
POINTS = 20
MAKING_S = 30.0
"""A lab is made, and let go of, in about this time on a quiet machine."""
RUNNING_S = 60.0
CONVERGES_WITHIN_S = 300.0
VICTIMS = ("host", "harness", "all")
HOST = "harness.labs.start"
PROBER = "\0probe\0run\0"


def points() -> list[object]:
    return [pytest.param(seed, marks=[] if seed < QUICK else [pytest.mark.full]) for seed in range(POINTS)]


def kill(place: Place, victim: str) -> list[str]:
    """SIGKILL to the lab host, to everything of the harness but that, or to all; returns what was killed."""
    killed = []
    for pid, line in place.processes():
        is_host = HOST in line
        if victim == "all" or (is_host if victim == "host" else not is_host and PROBER not in line):
            with suppress(ProcessLookupError):
                os.kill(pid, signal.SIGKILL)
                killed.append(line)
    return killed


def wait_for_host(place: Place, process: subprocess.Popen[bytes]) -> None:
    ready = place.state / "labs" / f"{LAB}#1" / "host.json"
    wait_until(lambda: ready.exists() or process.poll() is not None or None, within_s=300, what="the lab host")


@pytest.mark.parametrize("seed", points())
def test_the_next_baseline_converges_and_nothing_leaks(seed: int, tmp_path: Path) -> None:
    if image_ready() is None and (missing := why_not_buildable()):
        pytest.skip(missing)
    place, draw = Place(tmp_path), random.Random(f"killed-{seed}")
    victim, running = VICTIMS[seed % len(VICTIMS)], seed % 2 == 1
    if running:
        process = place.start("run", "start", "nested-smoke", "-k", "NST-001", "-n", "1")
        wait_for_host(place, process)
        pause(draw.uniform(0, RUNNING_S))
    else:
        process = place.start("lab", "baseline", LAB, "--instance", "1")
        pause(draw.uniform(0, MAKING_S))
    kill(place, victim)
    process.wait(300)  # where only its lab host is gone, it says so and ends by itself

    code, document, said = place.hil("lab", "baseline", LAB, "--instance", "1", within_s=CONVERGES_WITHIN_S)
    assert code == 0, said
    assert document["nodes"] == ["NODE01", "NODE02"]
    assert document["left"] == []
    assert place.left() == []
