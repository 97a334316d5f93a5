"""Samples that a prober writes later than they were taken are fetched to the last one."""

from __future__ import annotations

from dataclasses import dataclass, field
from pathlib import Path

import pytest

from harness.clock import NS_PER_S
from harness.journal import JournalWriter, Redactor
from harness.run.endpoints import Endpoints
from harness.run.loop import Loop
from harness.run.memory import RunMemory
from harness.run.sampling import REST_WITHIN_S, SAMPLE_EVERY_S, Sampling
from harness.run.scribe import Scribe
from harness.run.stop import StopFlag
from harness.testing.lab import ScriptedLab
from harness.values import SampleWindow

WINDOW_NS = 10 * NS_PER_S
LATE_NS = 5 * NS_PER_S


class LateLab(ScriptedLab):
    """Its prober writes ten seconds at once, five seconds later; after `ends_at_ns` nothing more."""

    ends_at_ns: int | None = None

    def samples(self, since_ns: int) -> SampleWindow:
        now_ns = self.clock.t_ns if self.ends_at_ns is None else min(self.clock.t_ns, self.ends_at_ns)
        written_ns = max(since_ns, (now_ns - LATE_NS) // WINDOW_NS * WINDOW_NS)
        whole = super().samples(since_ns)
        return SampleWindow(since_ns, written_ns, whole.runs, whole.control)


@dataclass
class Rig:
    lab: ScriptedLab
    folder: Path
    windows: list[tuple[int, int]] = field(default_factory=list)
    memory: RunMemory = field(default_factory=RunMemory)

    def __post_init__(self) -> None:
        self.loop = Loop(self.lab, Endpoints(self.lab.open_session), StopFlag())
        scribe = Scribe(JournalWriter(self.folder, Redactor()))
        self.sampling = Sampling(self.lab, self.loop, scribe, self.memory, self._take)

    def _take(self, window: SampleWindow) -> None:
        self.windows.append((window.from_ns, window.to_ns))

    def let_pass(self, seconds: int) -> None:
        to_ns = self.lab.clock.t_ns + seconds * NS_PER_S
        self.loop.run_until(lambda: self.lab.clock.t_ns >= to_ns)


@pytest.fixture
def late(tmp_path: Path) -> Rig:
    return Rig(LateLab(), tmp_path)


def test_the_last_samples_are_waited_for(late: Rig) -> None:
    late.let_pass(33)
    ended_ns = late.lab.clock.t_ns
    late.sampling.fetch_rest()
    assert late.memory.sampled_to_ns >= ended_ns
    assert late.lab.clock.t_ns < ended_ns + (WINDOW_NS + LATE_NS) + 5 * NS_PER_S, "and no longer than needed"


def test_every_window_begins_where_the_last_one_ended_and_none_is_empty(late: Rig) -> None:
    late.sampling.fetch_while(lambda: True)
    late.let_pass(3 * SAMPLE_EVERY_S)
    late.sampling.fetch_rest()
    starts, ends = zip(*late.windows, strict=True)
    assert starts == (0, *ends[:-1])
    assert all(start < end for start, end in late.windows)


def test_a_prober_that_writes_no_more_does_not_keep_the_run(tmp_path: Path) -> None:
    lab = LateLab()
    lab.ends_at_ns = 30 * NS_PER_S
    rig = Rig(lab, tmp_path)
    rig.let_pass(60)
    rig.sampling.fetch_rest()
    assert rig.memory.sampled_to_ns == 20 * NS_PER_S
    assert (60 + REST_WITHIN_S) * NS_PER_S <= lab.clock.t_ns < (90 + REST_WITHIN_S) * NS_PER_S


def test_a_lab_that_has_every_sample_at_once_is_asked_once(tmp_path: Path) -> None:
    rig = Rig(ScriptedLab(), tmp_path)
    rig.let_pass(10)
    ended_ns = rig.lab.clock.t_ns
    rig.sampling.fetch_rest()
    assert rig.windows == [(0, ended_ns)]
    assert rig.lab.clock.t_ns == ended_ns
