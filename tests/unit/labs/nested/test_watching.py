"""The prober beside the guests of a nested lab: a process that begins, or says why not, and ends with its starter."""

from __future__ import annotations

import os
import signal
import subprocess
import sys
from contextlib import closing
from pathlib import Path

import pytest

from harness.clock import monotonic_ns, wait_until
from harness.errors import LabError
from harness.labs.models import Probe
from harness.labs.nested.watching import GuestWatch

PROBE = Probe()
GUESTS = [{"name": "vm001", "address": "127.0.0.1"}]

STARTER = """
import sys, time
from pathlib import Path
from harness.labs.models import Probe
from harness.labs.nested.watching import GuestWatch
GuestWatch("", [{"name": "vm001", "address": "127.0.0.1"}], Path(sys.argv[1]), Probe())
print("watches", flush=True)
time.sleep(60)
"""


def probers(folder: Path) -> list[int]:
    """Processes that write into a folder."""
    found = []
    for entry in Path("/proc").iterdir():
        try:
            line = (entry / "cmdline").read_bytes().decode() if entry.name.isdecimal() else ""
        except OSError:
            continue
        if "\0probe\0run\0" in line and str(folder) in line:
            found.append(int(entry.name))
    return found


def test_it_watches_from_its_first_moment_and_ends_when_it_is_closed(tmp_path: Path) -> None:
    folder = tmp_path / "watch"
    with closing(GuestWatch("", GUESTS, folder, PROBE)) as watch:
        assert len(probers(folder)) == 1
        window = watch.samples(0, monotonic_ns())
        assert (window.from_ns, window.to_ns, window.runs) == (0, 0, ()), "nothing is written yet"
    assert probers(folder) == []
    with pytest.raises(LabError, match="ended by itself"):
        watch.samples(0, 0)


def test_a_prober_that_does_not_begin_says_why(tmp_path: Path) -> None:
    with pytest.raises(LabError, match="did not begin") as caught:
        GuestWatch("", [{"name": "vm001", "address": "127.0.0.1", "colour": "red"}], tmp_path / "watch", PROBE)
    assert "colour" in (tmp_path / "watch" / "prober.log").read_text()
    assert "prober.log" in caught.value.hint
    assert probers(tmp_path) == []


def test_a_namespace_that_is_not_there_is_told(tmp_path: Path) -> None:
    with pytest.raises(LabError, match="hil-none"):
        GuestWatch("hil-none", GUESTS, tmp_path / "watch", PROBE)


def test_it_ends_with_a_lab_host_that_is_killed(tmp_path: Path) -> None:
    folder = tmp_path / "watch"
    with subprocess.Popen([sys.executable, "-c", STARTER, str(folder)], stdout=subprocess.PIPE, text=True) as starter:
        assert starter.stdout is not None
        assert starter.stdout.readline() == "watches\n"
        assert len(probers(folder)) == 1
        os.kill(starter.pid, signal.SIGKILL)
        wait_until(lambda: None if probers(folder) else True, within_s=10, what="the prober to end")
