"""Recordings: written window by window, read back the same, replayed to the same ledger."""

from __future__ import annotations

from dataclasses import replace
from datetime import UTC, datetime
from pathlib import Path

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from harness.errors import ConfigError, HarnessError
from harness.measure.ledger_document import ledger_text
from harness.measure.windows import shifted
from harness.probes.recording import FILE_NAME, Header, Recorder, read_recording
from harness.testing.watched import Trouble, Watched
from harness.values import Answer, ControlHealth, SampleRun, SampleWindow, Signal
from tests.examples import examples

MS = 1_000_000
ORIGIN_NS = 5_000_000_123
GUESTS = ({"name": "web01", "node": "NODE01", "class": "web", "signals": ["icmp", "heartbeat"]},)
HEADER = Header("rack7", datetime(2025, 11, 12, tzinfo=UTC), 100 * MS, GUESTS, ("nothing",), ORIGIN_NS)


def window(from_ns: int, to_ns: int, *runs: SampleRun) -> SampleWindow:
    canary = SampleRun("canary", from_ns + 1, 100 * MS, 1, Answer.OK, 0, -1, -1, Signal.ICMP, 40_000)
    return SampleWindow(from_ns, to_ns, runs, ControlHealth(12, 1, ((from_ns, from_ns + 60 * MS),), (canary,)))


def recorded(folder: Path, *windows: SampleWindow) -> None:
    recorder = Recorder(folder, HEADER)
    for each in windows:
        recorder.take(each)
    recorder.close()


def test_what_was_written_is_read_in_its_own_time(tmp_path: Path) -> None:
    seen = window(
        ORIGIN_NS, ORIGIN_NS + 500 * MS, SampleRun("web01", ORIGIN_NS + 7, MS, 3, Answer.SLOW, 1, 2, 3, Signal.UDP, 9)
    )
    recorded(tmp_path, seen)
    recording = read_recording(tmp_path)
    assert recording.header == HEADER
    own = shifted(seen, -ORIGIN_NS)
    assert recording.windows == (replace(own, runs=()),)
    assert recording.runs == own.runs
    assert recording.runs[0].first_ns == 7
    assert not recording.torn


def test_torn_last_line_is_left_out(tmp_path: Path) -> None:
    recorded(tmp_path, window(ORIGIN_NS, ORIGIN_NS + MS), window(ORIGIN_NS + MS, ORIGIN_NS + 2 * MS))
    file = tmp_path / FILE_NAME
    file.write_text(file.read_text()[:-20])
    recording = read_recording(tmp_path)
    assert (len(recording.windows), recording.torn) == (1, True)


def test_recording_is_never_overwritten(tmp_path: Path) -> None:
    recorded(tmp_path)
    with pytest.raises(HarnessError):
        Recorder(tmp_path, HEADER)


@pytest.mark.parametrize("text", ["", "{}\n", '{"what": "recording", "schema": 9}\n', "no json\n"])
def test_other_files_are_no_recordings(tmp_path: Path, text: str) -> None:
    (tmp_path / FILE_NAME).write_text(text)
    with pytest.raises(ConfigError):
        read_recording(tmp_path)


def test_ledger_knows_class_and_node(tmp_path: Path) -> None:
    pings = SampleRun("web01", ORIGIN_NS, 100 * MS, 20, Answer.OK, 0, -1, -1, Signal.ICMP)
    lost = SampleRun("web01", ORIGIN_NS + 2000 * MS, 100 * MS, 5, Answer.LOST, 0, -1, -1, Signal.ICMP)
    recorded(tmp_path, window(ORIGIN_NS, ORIGIN_NS + 2500 * MS, pings, lost))
    (vm,) = read_recording(tmp_path).ledger().vms
    assert (vm.vm_class, vm.gaps[0].owner_before) == ("web", "NODE01")


@settings(max_examples=examples(30), deadline=None)
@given(st.lists(st.integers(10, 400), min_size=1, max_size=6), st.integers(1, 30))
def test_replay_gives_the_same_bytes(tmp_path_factory: pytest.TempPathFactory, lengths: list[int], pieces: int) -> None:
    """However the samples were cut into windows, and as often as they are read."""
    at, troubles = 1000, []
    for length in lengths:
        troubles.append(Trouble("frozen", at * MS, (at + length) * MS))
        at += length + 700
    watched = Watched("web01", at * MS, {Signal.ICMP: 100 * MS, Signal.HEARTBEAT: 20 * MS}, troubles)
    runs = sorted(watched.runs(), key=lambda run: (run.first_ns, run.signal))
    size = -(-len(runs) // pieces)
    folder = tmp_path_factory.mktemp("recording")
    edges = [*(runs[cut].first_ns for cut in range(size, len(runs), size)), at * MS]
    windows, before = [], 0
    for number, edge in enumerate(edges):
        mine = tuple(runs[number * size : (number + 1) * size])
        windows.append(shifted(SampleWindow(before, edge, mine, ControlHealth(1, 0)), ORIGIN_NS))
        before = edge
    recorded(folder, *windows)
    texts = {ledger_text(read_recording(folder).ledger()) for _ in range(2)}
    assert len(texts) == 1
