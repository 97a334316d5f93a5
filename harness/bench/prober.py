"""The sampler in a process of its own, as benchmarks run it.

``python -m harness.bench.prober`` reads an assignment as a line of JSON, says ``ready`` when the sampler is warm, and
writes what it cost and what it saw as another line when its time is over.
"""

from __future__ import annotations

import gc
import json
import sys
from collections.abc import Iterator, Mapping
from concurrent.futures import ThreadPoolExecutor
from contextlib import contextmanager
from dataclasses import asdict, dataclass, field
from pathlib import Path
from typing import Any, Final, Self, TextIO

from harness.bench.memory import resident_kib
from harness.bench.peers.usage import Usage, own_cpu_s
from harness.clock import NS_PER_MS, NS_PER_S, monotonic_ns
from harness.errors import HarnessError
from harness.measure.samples import window_from_record, window_line
from harness.probes.priority import quick_switches, raised
from harness.probes.sampler import Sampler
from harness.probes.settings import SamplerSettings
from harness.probes.target import ProbeSignal, ProbeTarget
from harness.testing.outages.beds import Bed
from harness.testing.outages.child import READY, Child, ready_child
from harness.testing.outages.script import Guest
from harness.values import Answer, SampleWindow, Signal

_LOOK_NS: Final = NS_PER_S // 2
"""Windows are taken from the sampler, and its memory is looked at, this often."""


@dataclass(frozen=True, slots=True)
class Assignment:
    """Whom to ask how, and for how long.

    `groups` is how many guests in a row are of one node; 0 for no nodes.  `samples` is the file that gets the windows;
    empty drops them.
    """

    guests: tuple[Guest, ...]
    seconds: float
    signal: Signal = Signal.ICMP
    port: int = 0
    interval_ms: int = 100
    warm_s: float = 1.0
    late_ms: int = 5000
    group: int = 0
    samples: str = ""

    def plain(self) -> dict[str, Any]:
        """As JSON."""
        return asdict(self)

    @classmethod
    def from_plain(cls, plain: Mapping[str, Any]) -> Self:
        """From JSON."""
        return cls(
            **dict(plain)
            | {"guests": tuple(Guest(**one) for one in plain["guests"]), "signal": Signal(plain["signal"])}
        )

    def targets(self) -> list[ProbeTarget]:
        """As the sampler takes them."""
        signals = (ProbeSignal(self.signal, self.port),)
        return [
            ProbeTarget(guest.vm, guest.address, signals, f"node{at // self.group}" if self.group else "")
            for at, guest in enumerate(self.guests)
        ]


@dataclass(slots=True)
class Account:
    """What came of an assignment.  `usage` is of the time after the warm-up; all else of the whole."""

    usage: Usage = field(default_factory=lambda: Usage(0, 0, 0, 0))
    due: int = 0
    missed: int = 0
    lost: int = 0
    """Probes of guests that were judged lost."""
    stalls: list[tuple[int, int]] = field(default_factory=list)
    latest_slot_ns: int = 0
    realtime: bool = False
    """Whether the machine let it come before ordinary processes, as the sampler asks for."""
    memory: list[tuple[float, int]] = field(default_factory=list)
    """Seconds since the warm-up, resident KiB."""

    def plain(self) -> dict[str, Any]:
        """As JSON."""
        return asdict(self)

    @classmethod
    def from_plain(cls, plain: Mapping[str, Any]) -> Self:
        """From JSON."""
        lists = {name: [tuple(one) for one in plain[name]] for name in ("stalls", "memory")}
        return cls(**dict(plain) | lists | {"usage": Usage(**plain["usage"])})


class Probing:
    """A sampler at work in another process."""

    def __init__(self, child: Child) -> None:
        self.process = child.process
        self._answers = child.answers

    def account(self) -> Account:
        """Wait for its end.  Raises HarnessError when it failed."""
        text = self._answers.readline()
        if self.process.wait(30) or not text:
            raise HarnessError(f"the prober ended with code {self.process.returncode}, without an account")
        return Account.from_plain(json.loads(text))


@contextmanager
def probing(bed: Bed, assignment: Assignment) -> Iterator[Probing]:
    """A sampler on the probers' side of a bed, warm when the block begins.  Raises LabError when it does not start."""
    command = bed.prober([sys.executable, "-m", "harness.bench.prober"])
    with ready_child(command, assignment.plain(), "prober") as child:
        yield Probing(child)


def probe(bed: Bed, assignment: Assignment) -> Account:
    """Carry out an assignment from start to end."""
    with probing(bed, assignment) as running:
        return running.account()


def read_windows(path: Path) -> list[SampleWindow]:
    """What a prober wrote to its file of samples."""
    with path.open() as lines:
        return [window_from_record(json.loads(line)) for line in lines]


def carry_out(assignment: Assignment, say: TextIO) -> Account:
    """The work of the process."""
    account = Account()
    settings = SamplerSettings(
        interval_ns=assignment.interval_ms * NS_PER_MS, late_limit_ns=assignment.late_ms * NS_PER_MS
    )
    targets = assignment.targets()
    gc.collect()
    sampler = Sampler(targets, settings)
    work = _Work(sampler, settings, assignment, account)
    try:
        gc.freeze()
        with quick_switches(), raised() as account.realtime:
            work.step(assignment.warm_s, watched=False)
            say.write(READY)
            say.flush()
            work.step(assignment.seconds, watched=True)
            sampler.run(until_ns=monotonic_ns())
        work.take_windows()
    finally:
        work.close()
        sampler.close()
    health = sampler.health()
    account.due, account.missed, account.stalls = health.due, health.missed, list(health.stalls)
    account.latest_slot_ns = health.latest_slot_ns
    return account


class _Work:
    def __init__(self, sampler: Sampler, settings: SamplerSettings, assignment: Assignment, account: Account) -> None:
        self._sampler, self._settings, self._assignment, self._account = sampler, settings, assignment, account
        self._samples = Path(assignment.samples).open("w") if assignment.samples else None  # noqa: SIM115 - see close
        self._writer = ThreadPoolExecutor(1, "writer")
        """Windows are written beside the sampler, as `harness.probes.prober` does it."""

    def step(self, seconds: float, *, watched: bool) -> None:
        """Let the sampler work for so long."""
        before_s, started_ns, before = own_cpu_s(), monotonic_ns(), self._sampler.health().sent
        end_ns, look_ns = started_ns + round(seconds * NS_PER_S), started_ns
        step = self._sampler.step
        while (now_ns := monotonic_ns()) < end_ns:
            step()
            if now_ns >= look_ns:
                look_ns += _LOOK_NS
                self.take_windows()
                if watched:
                    self._account.memory.append(((now_ns - started_ns) / NS_PER_S, resident_kib()))
        if watched:
            sent = self._sampler.health().sent - before
            wall_s = (monotonic_ns() - started_ns) / NS_PER_S
            self._account.usage = Usage(own_cpu_s() - before_s, sent, sent, wall_s)

    def take_windows(self) -> None:
        """Take what is finished from the sampler."""
        for window in self._sampler.windows():
            self._writer.submit(self._write, window)

    def _write(self, window: SampleWindow) -> None:
        self._account.lost += sum(run.count for run in window.runs if run.answer is Answer.LOST)
        if self._samples:
            self._samples.writelines((*window_line(window, self._settings.interval_ns), "\n"))

    def close(self) -> None:
        self._writer.shutdown()
        if self._samples:
            self._samples.close()


def main() -> None:
    """One line in, two out."""
    account = carry_out(Assignment.from_plain(json.loads(sys.stdin.readline())), sys.stdout)
    print(json.dumps(account.plain()), flush=True)  # noqa: T201 - the protocol of this process


if __name__ == "__main__":
    main()
