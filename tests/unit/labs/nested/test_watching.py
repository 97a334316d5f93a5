"""The prober beside the guests of a nested lab: a process that begins, or says why not, and ends with its starter."""

from __future__ import annotations

import json
import os
import signal
import subprocess
import sys
from collections.abc import Callable
from contextlib import closing
from dataclasses import dataclass, field
from pathlib import Path

import pytest

from harness.clock import NS_PER_S, monotonic_ns, wait_until
from harness.errors import LabError
from harness.labs.models import Probe
from harness.labs.nested.watching import MOST_PROBERS, NOBODY_WATCHED, SAMPLES_NAME, GuestWatch, Recording
from harness.measure.samples import window_record
from harness.values import Answer, ControlHealth, SampleRun, SampleWindow

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


@dataclass
class Scripted:
    """Probers that write a recording of one window each and end when they are told to."""

    begun_ns: list[int]
    """When each begins to watch; one more never does."""
    processes: list[subprocess.Popen[bytes]] = field(default_factory=list)

    def start(self, watch: GuestWatch, namespace: str, recording: Recording) -> subprocess.Popen[bytes]:
        number = len(self.processes)
        if number < len(self.begun_ns):
            header = {"what": "recording", "origin_ns": self.begun_ns[number]}
            run = SampleRun("vm001", 0, NS_PER_S, 10, Answer.OK, 0, 0, 0)
            window = window_record(SampleWindow(0, 10 * NS_PER_S, (run,), ControlHealth(10, 0)), NS_PER_S)
            (recording.folder / SAMPLES_NAME).write_text(f"{json.dumps(header)}\n{json.dumps(window)}\n")
        recording.log.write_text("no room\n")
        process = subprocess.Popen(["sleep", "60" if number < len(self.begun_ns) else "0"])
        self.processes.append(process)
        return process

    def end(self, number: int) -> None:
        """End one and wait for the next."""
        self.await_number(number)
        self.processes[number].kill()
        self.await_number(number + 1)

    def await_number(self, number: int) -> None:
        wait_until(lambda: len(self.processes) > number or None, within_s=10, what=f"prober {number}")


@pytest.fixture
def scripted(monkeypatch: pytest.MonkeyPatch) -> Callable[..., Scripted]:
    def install(*begun_s: int) -> Scripted:
        probers = Scripted([second * NS_PER_S for second in begun_s])
        monkeypatch.setattr(GuestWatch, "_start", lambda *given: probers.start(*given))
        return probers

    return install


def test_a_prober_that_ends_is_followed_by_another_and_the_time_between_is_told(
    tmp_path: Path, scripted: Callable[..., Scripted]
) -> None:
    probers = scripted(100, 130)
    with closing(GuestWatch("", GUESTS, tmp_path / "watch", PROBE)) as watch:
        probers.end(0)
        window = watch.samples(0, 100 * NS_PER_S)
        assert (window.from_ns, window.to_ns) == (0, 40 * NS_PER_S)
        assert window.control.blind == ((10 * NS_PER_S, 30 * NS_PER_S, NOBODY_WATCHED),)
        assert [run.first_ns // NS_PER_S for run in window.runs] == [0, 30]
        later = watch.samples(15 * NS_PER_S, 100 * NS_PER_S)
        assert (later.from_ns, later.to_ns) == (15 * NS_PER_S, 40 * NS_PER_S)
        assert later.control.blind == ((15 * NS_PER_S, 30 * NS_PER_S, NOBODY_WATCHED),)


def test_probers_that_end_again_and_again_end_the_watch(tmp_path: Path, scripted: Callable[..., Scripted]) -> None:
    probers = scripted(*range(100, 100 + 20 * MOST_PROBERS, 20))
    with closing(GuestWatch("", GUESTS, tmp_path / "watch", PROBE)) as watch:
        for number in range(MOST_PROBERS - 1):
            probers.end(number)
        probers.processes[-1].kill()
        wait_until(lambda: None if watches(watch) else True, within_s=10, what="the watch to end")
        with pytest.raises(LabError, match="ended by itself: no room"):
            watch.samples(0, 0)
    assert len(probers.processes) == MOST_PROBERS


def test_one_that_does_not_begin_after_another_ends_the_watch(
    tmp_path: Path, scripted: Callable[..., Scripted]
) -> None:
    probers = scripted(100)
    with closing(GuestWatch("", GUESTS, tmp_path / "watch", PROBE)) as watch:
        probers.end(0)
        wait_until(lambda: None if watches(watch) else True, within_s=10, what="the watch to end")
    assert len(probers.processes) == 2


def watches(watch: GuestWatch) -> bool:
    try:
        watch.samples(0, 0)
    except LabError:
        return False
    return True


@pytest.mark.full
def test_a_real_prober_that_was_ended_leaves_what_it_saw_to_the_next(tmp_path: Path) -> None:
    folder = tmp_path / "watch"
    with closing(GuestWatch("", GUESTS, folder, PROBE)) as watch:
        zero_ns = monotonic_ns()
        for number in (1, 2):
            [prober] = probers(folder)
            os.kill(prober, signal.SIGTERM)
            follower = folder / str(number + 1) / SAMPLES_NAME
            wait_until(lambda f=follower: f.exists() or None, within_s=60, what="another prober to begin")
        window = wait_until(lambda: told(watch, zero_ns), within_s=60, what="samples of the third prober")
    assert [reason for _, _, reason in window.control.blind] == [NOBODY_WATCHED] * 2
    assert {run.answer for run in window.runs} == {Answer.OK}


def told(watch: GuestWatch, zero_ns: int) -> SampleWindow | None:
    window = watch.samples(0, zero_ns)
    spans = window.control.blind
    return window if len(spans) == 2 and window.to_ns > spans[-1][1] else None


def test_a_prober_that_does_not_begin_says_why(tmp_path: Path) -> None:
    with pytest.raises(LabError, match="did not begin") as caught:
        GuestWatch("", [{"name": "vm001", "address": "127.0.0.1", "colour": "red"}], tmp_path / "watch", PROBE)
    assert "colour" in (tmp_path / "watch" / "1" / "prober.log").read_text()
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
