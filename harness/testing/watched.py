"""A guest under several probes, without a network: what a prober would have noted of a guest whose troubles are known.

Times are nanoseconds.  Each signal is asked at its own instants; an answer that stays away for `PATIENCE_NS` makes all
of the guest's probes ask every `SLOT_NS` until one is answered, as the sampler does.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from typing import Final, Literal

from harness.probes.runs import RunBuilder
from harness.values import NO_BOOT, NO_HEARTBEAT, Answer, SampleRun, Signal

SLOT_NS: Final = 2_000_000
PATIENCE_NS: Final = 37_000_000
"""The sampler's patience of 15 ms, 20 ms until it reads again, and a slot: its latest."""
SILENT_BEATS: Final = 3

MachineTrouble = Literal["frozen", "isolated", "restarted"]
OtherTrouble = Literal["filtered", "refused", "slow"]


@dataclass(frozen=True, slots=True)
class Trouble:
    """From `start_ns` until before `end_ns` something is wrong with the machine, or with `signals` alone."""

    kind: MachineTrouble | OtherTrouble
    start_ns: int
    end_ns: int
    signals: frozenset[Signal] = frozenset()

    def covers(self, t_ns: int) -> bool:
        """Is `t_ns` in it?"""
        return self.start_ns <= t_ns < self.end_ns


@dataclass(frozen=True, slots=True)
class Watched:
    """One guest with its troubles; `intervals_ns` says how often each signal asks, `phases_ns` when first."""

    vm: str
    to_ns: int
    intervals_ns: Mapping[Signal, int]
    troubles: Sequence[Trouble] = ()
    phases_ns: Mapping[Signal, int] = field(default_factory=dict)
    rtt_ns: int = 0
    prober: str = ""

    def runs(self) -> list[SampleRun]:
        """All runs of all signals."""
        asked = [signal for signal in self.intervals_ns if signal is not Signal.HEARTBEAT]
        extra = self._burst(asked)
        found = [run for signal in asked for run in self._asked(signal, extra)]
        if Signal.HEARTBEAT in self.intervals_ns:
            found += self._heard()
        return found

    def away(self, t_ns: int) -> Trouble | None:
        """The trouble of the machine at `t_ns`."""
        machine = ("frozen", "isolated", "restarted")
        return next((each for each in self.troubles if each.kind in machine and each.covers(t_ns)), None)

    def _answer(self, signal: Signal, t_ns: int) -> Answer:
        if self.away(t_ns):
            return Answer.LOST
        words = {"filtered": Answer.LOST, "refused": Answer.REFUSED, "slow": Answer.SLOW}
        mine = [each for each in self.troubles if signal in each.signals and each.covers(t_ns)]
        return words[mine[0].kind] if mine else Answer.OK

    def _instants(self, signal: Signal) -> range:
        interval_ns = self.intervals_ns[signal]
        return range(self.phases_ns.get(signal, 0) or interval_ns, self.to_ns + 1, interval_ns)

    def _burst(self, signals: Sequence[Signal]) -> list[int]:
        """Instants at which all probes ask because one of them is in doubt."""
        found: list[int] = []
        lost = {
            t_ns for signal in signals for t_ns in self._instants(signal) if self._answer(signal, t_ns) is Answer.LOST
        }
        for t_ns in sorted(lost):
            if found and t_ns <= found[-1]:
                continue
            at_ns = max(t_ns + PATIENCE_NS, found[-1] + SLOT_NS if found else 0)
            while at_ns <= self.to_ns:
                found.append(at_ns)
                if any(self._answer(each, at_ns) is not Answer.LOST for each in signals):
                    break
                at_ns += SLOT_NS
        return found

    def _asked(self, signal: Signal, extra: Sequence[int]) -> list[SampleRun]:
        interval_ns = self.intervals_ns[signal]
        builder = RunBuilder(self.vm, signal, interval_ns, prober=self.prober)
        regular = self._instants(signal)
        for t_ns in sorted({*regular, *extra}):
            stands_ns = interval_ns if t_ns in regular else SLOT_NS
            builder.take(t_ns, self._answer(signal, t_ns), self.rtt_ns, interval_ns=stands_ns)
        return builder.flush()

    def _heard(self) -> list[SampleRun]:
        """Heartbeats as a sink hears them; the guest counts while it runs, and from 1 after each boot."""
        interval_ns = self.intervals_ns[Signal.HEARTBEAT]
        builder = RunBuilder(self.vm, Signal.HEARTBEAT, interval_ns, prober=self.prober)
        boot, number, missing, before = 1, 0, list[int](), NO_HEARTBEAT
        for t_ns in self._instants(Signal.HEARTBEAT):
            trouble = self.away(t_ns)
            number += trouble is None or trouble.kind == "isolated"
            if trouble is not None and trouble.kind == "restarted" and not missing:
                boot, number = boot + 1, 0
            if trouble is not None or self._answer(Signal.HEARTBEAT, t_ns) is Answer.LOST:
                missing.append(t_ns)
                continue
            if len(missing) >= SILENT_BEATS:
                for lost_ns in missing:
                    builder.take(lost_ns, Answer.LOST, boot_id=NO_BOOT, heartbeat=before)
            missing, before = [], number
            builder.take(t_ns, Answer.OK, self.rtt_ns, boot_id=boot, heartbeat=number)
        for lost_ns in missing if len(missing) >= SILENT_BEATS else ():
            builder.take(lost_ns, Answer.LOST, boot_id=NO_BOOT, heartbeat=before)
        return builder.flush()
