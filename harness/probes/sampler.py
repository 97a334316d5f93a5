"""The sampler: thousands of guests asked by one thread, and what they answered as windows of samples.

Each slot has an absolute time.  Its probes leave in one call for each signal; every few slots the replies are read,
and only then is anything judged, so that a reply that waits in the kernel is never taken for a loss.  What the prober
itself could not do is told apart from what guests did not answer: a probe that the kernel did not take (its interface
is down, no route, no room, a local firewall) and a slot for which the prober came too late are *missed*, not lost,
and stops of the prober are stalls.
"""

from __future__ import annotations

import errno
import os
import threading
from collections import Counter, deque
from collections.abc import Sequence
from dataclasses import dataclass, replace
from typing import Final

from harness.errors import ConfigError
from harness.measure.blind import CANARY
from harness.measure.windows import joined
from harness.probes.burst import BurstTable
from harness.probes.clocks import ClockStep, MachineClock, ProbeClock
from harness.probes.gathering import Gathering
from harness.probes.priority import may_be_raised, raised
from harness.probes.schedule import Ints, Segment, build_schedule
from harness.probes.settings import SamplerSettings
from harness.probes.stretches import Cut, Stretches
from harness.probes.target import ProbeSignal, ProbeTarget
from harness.probes.tracker import FAIR_NS, FAIR_NS_EACH, Handed, Tracker
from harness.probes.wire import BURST, Replies, Source, Unsent, Wire
from harness.probes.wires import open_wires
from harness.values import ControlHealth, SampleWindow, Signal

OWN: Final = ProbeTarget(CANARY, "127.0.0.1", (ProbeSignal(Signal.ICMP),), CANARY)
"""The prober itself: when it does not answer, nothing that was seen at that time counts."""
NO_WAY: Final = frozenset({errno.ENETDOWN, errno.ENETUNREACH, errno.ENODEV, errno.EADDRNOTAVAIL})
"""What the kernel says when this machine has no way to a network at all."""
NO_WAY_OUT: Final = "prober: its own network was down"
RENEW_NS: Final = 1_000_000_000
"""The baseline of a tenth of the columns is computed anew this often. [INF]"""
CUT_PARTS: Final = 50
"""A window is turned into runs in this many parts, one after each reading, lest a slot be late. [INF]"""
CUT_PIECES: Final = 16_384
"""A window is cut early when it holds so many pieces of stretches. [INF]"""


@dataclass(frozen=True, slots=True)
class SamplerHealth:
    """How the sampler itself fares: probes sent in turn so far, probes owed (judged ones), of these missed, replies
    that came twice or too late, probes the kernel did not take by reason, stops (start, end), steps of the machine's
    clock, greatest lateness of a slot (that of a stall at most), and suspected columns now."""

    sent: int
    due: int
    missed: int
    duplicates: int
    not_taken: dict[str, int]
    stalls: tuple[tuple[int, int], ...]
    clock_steps: tuple[ClockStep, ...]
    latest_slot_ns: int
    suspects: int


class Sampler:
    """Probes `targets` until told to stop.  One thread calls `run`; `windows`, `samples` and `health` may be called
    from another.

    All times are those of `clock`: the machine's monotonic one unless another origin is given, so lab time when the
    clock's origin is the lab's epoch.  `wires` and `clock` can be replaced for tests.  Signals that no wire carries
    are left to `sources`.  Raises ConfigError for targets that have one name, LabError when the machine lets nothing be
    sent.
    """

    def __init__(
        self,
        targets: Sequence[ProbeTarget],
        settings: SamplerSettings | None = None,
        control_targets: Sequence[ProbeTarget] = (OWN,),
        *,
        clock: ProbeClock | None = None,
        wires: Sequence[Wire] | None = None,
        sources: Sequence[Source] = (),
        prober: str = "",
    ) -> None:
        asked = (*targets, *control_targets)
        _check_names(asked)
        self._settings = settings or SamplerSettings()
        self._clock = clock or MachineClock()
        self._control = frozenset(target.vm for target in control_targets)
        self._sources = tuple(sources)
        opened = tuple(open_wires(asked) if wires is None else wires)
        self._wires: dict[Signal, Wire] = {wire.signal: wire for wire in opened}
        self.schedule = build_schedule(asked, self._settings, self._wires)
        self._stretches = Stretches(self.schedule, self._settings.interval_ns, prober)
        self._burst = BurstTable(self.schedule, self._settings)
        self._tracker = Tracker(self.schedule, self._settings, self._stretches, self._burst)
        for wire in self._wires.values():
            wire.prepare(self.schedule, self._burst.room)
        self._make_plan()
        self._handed: list[Handed] = []
        """What was sent since replies were looked at last."""
        self._now_ns, self._sleep_until = self._clock.now_ns, self._clock.sleep_until
        self._slot_ns, self._slots = self._settings.slot_ns, self._settings.slots
        self._to_turn = _to_next(self._settings.turns, self._slots)
        """For each slot of an interval: in how many slots the next one follows in which probes in turn leave."""
        self._drain_slots, self._burst_drain_slots = self._settings.drain_slots, self._settings.burst_drain_slots
        self._gathering = Gathering(tuple(self._wires.values()), self._clock, self._settings)
        self._ready: deque[SampleWindow] = deque()
        self._cut: tuple[Cut, SampleWindow] | None = None
        self._stalls: list[tuple[int, int]] = []
        self._told_stalls = 0
        self._told = (0, 0)
        self._not_taken: Counter[str] = Counter()
        self._no_way = 0
        """Probes of the round under way that found none."""
        self._blind: list[tuple[int, int, str]] = []
        self._latest_slot_ns = 0
        self._busy = bool(self._sources)
        self._begin(self._clock.now_ns())

    def _make_plan(self) -> None:
        self._plan = [
            [(self._wires[s.signal].sender(s), s.stop - s.start, s) for s in segments]
            for segments in self.schedule.by_slot
        ]
        """What is sent in each slot of a round: calls that send, the number of their probes, and their segment."""

    def _begin(self, now_ns: int) -> None:
        """Slot 0 is the next one after `now_ns`."""
        self._zero_ns = now_ns + self._settings.slot_ns
        self._slot = 0
        self._number = -1
        """The round under way."""
        self._read_slot = 0
        """The slot in which replies are read next."""
        self._final_slot = 0
        """Probes of slots before this one have had all their time when replies were looked at last."""
        self._awake_ns = now_ns
        self._from_ns = now_ns
        self._renew_ns = now_ns + RENEW_NS
        self._source_ns = now_ns + self._settings.source_change_ns

    def run(self, *, until_ns: int | None = None, stop: threading.Event | None = None) -> None:
        """Probe until `until_ns` or until `stop` is set; then wait for late replies and cut the last window.

        May be called again; what lies between counts as missed.
        """
        now_ns = self._clock.now_ns()
        if self._slot == 0:
            self._begin(now_ns)
        else:
            self._go_on_at(((now_ns - self._zero_ns) // self._slot_ns // self._slots + 1) * self._slots)
        with raised():
            while not (stop is not None and stop.is_set()) and (until_ns is None or self._due_ns() < until_ns):
                self.step()
            self._linger()

    def _due_ns(self) -> int:
        return self._zero_ns + self._slot * self._settings.slot_ns

    def step(self) -> None:
        """Sleep until the next slot and do what it asks for."""
        slot = self._slot
        due_ns = self._zero_ns + slot * self._slot_ns
        self._sleep_until(due_ns)
        start_ns = woken_ns = self._now_ns()
        if woken_ns - due_ns > self._latest_slot_ns:
            start_ns = self._too_late(woken_ns, woken_ns - due_ns)
            slot = self._slot
        place = slot % self._slots
        if place == 0:
            self._begin_round(slot // self._slots)
        reads = slot >= self._read_slot
        if reads:
            # Before anything is sent: all answers of near guests to what was sent before are there.
            looks = self._gathering.gather() or self._burst.suspects
            start_ns = self._now_ns()
        for send, count, segment in self._plan[place]:
            done = send()
            end_ns = self._now_ns()
            self._handed.append((slot, segment, start_ns, end_ns))
            self._gathering.asked += count
            if done != count:
                self._not_all(segment, done)
            start_ns = end_ns
        if self._busy:
            self._do_more(slot, on_time=woken_ns - due_ns < self._slot_ns)
        if reads:
            self._attend(slot, looks=bool(looks))
        else:
            # Never in one step with a look: each takes as long as a slot when many guests are away.
            self._finalise()
        self._slot = slot + 1 if self._busy else self._next_used(slot)
        self._awake_ns = woken_ns

    def _next_used(self, slot: int) -> int:
        """The next slot after `slot` in which anything is to do, unless there is more to do than usual."""
        return min(slot + self._to_turn[slot % self._slots], max(self._read_slot, slot + 1))

    def _attend(self, slot: int, *, looks: bool) -> None:
        """Look at the replies that were taken if need be, and say when to take them next: while something is done in
        every slot in one in which no probe in turn is sent, so that none waits for it; else in one for which the
        sampler wakes anyway."""
        if looks:
            self._look()
        self._tend()
        at = slot + (self._burst_drain_slots if self._burst.suspects else self._drain_slots)
        turn = at - 1 + self._to_turn[(at - 1) % self._slots]
        self._read_slot = (at + 1 if at == turn else at) if self._busy else turn

    def _do_more(self, slot: int, *, on_time: bool) -> None:
        """What only some samplers have to do in each slot, and all of them at times."""
        if self._burst.suspects and on_time:
            self._send_burst(slot)
        for source in self._sources:
            source.step(self._now_ns())

    def _not_all(self, segment: Segment, done: int) -> None:
        """The kernel took only `done` probes of `segment` at first."""
        unsent = self._wires[segment.signal].send_rest(segment, done)
        self._gathering.asked -= len(unsent)
        self._tracker.not_sent(self._number, segment, unsent)
        self._note(unsent)

    def _too_late(self, now_ns: int, late_ns: int) -> int:
        """This slot is later than any before; gives the time at which to go on, in a later slot if need be."""
        expected_ns = max(now_ns - late_ns, self._awake_ns)
        # So much of a stop may have been over before anything was due.
        stall_ns = self._settings.stall_ns - max(self._to_turn) * self._slot_ns
        if now_ns - expected_ns > stall_ns:
            self._stalled(expected_ns, now_ns)
        if late_ns <= self._settings.interval_ns // 2:
            self._latest_slot_ns = min(late_ns, stall_ns)
            return now_ns
        self._go_on_at((now_ns - self._zero_ns) // self._slot_ns)
        return self._clock.now_ns()

    def _go_on_at(self, slot: int) -> None:
        """Leave out the slots before `slot`.  What was not sent must be known before anything is judged."""
        self._tracker.skip(self._slot, slot)
        self._read()
        if slot // self._slots != self._number:
            self._begin_round(slot // self._slots)
            self._tracker.skip(self._slot, slot)
        self._slot = slot

    def _stalled(self, expected_ns: int, now_ns: int) -> None:
        """Nothing was done from `expected_ns` on."""
        if self._stalls and len(self._stalls) > self._told_stalls and self._stalls[-1][1] >= expected_ns:
            self._stalls[-1] = (self._stalls[-1][0], now_ns)
        else:
            self._stalls.append((expected_ns, now_ns))

    def _begin_round(self, number: int) -> None:
        if self._no_way:
            self._tell_no_way()
        self._number = number
        self._tracker.begin(number)
        for wire in self._wires.values():
            wire.begin(number)

    def _tell_no_way(self) -> None:
        """Most probes of the last round had no way out: nothing was seen in it, nor in what may have been before."""
        if 2 * self._no_way >= self.schedule.size:
            now_ns, interval_ns = self._clock.now_ns(), self._settings.interval_ns
            since_ns = now_ns - 2 * interval_ns
            if self._blind and self._blind[-1][1] >= since_ns:
                since_ns = self._blind.pop()[0]
            self._blind.append((since_ns, now_ns, NO_WAY_OUT))
        self._no_way = 0

    def _note(self, unsent: Unsent) -> None:
        """Remember why the kernel did not take probes."""
        self._not_taken.update(os.strerror(number) for _, number in unsent)
        self._no_way += sum(number in NO_WAY for _, number in unsent)

    def _send_burst(self, slot: int) -> None:
        for signal, wire in self._wires.items():
            for part in self._burst.due(signal, slot):
                start_ns = self._clock.now_ns()
                unsent = wire.send_chosen(part[0], part[1], slot)
                end_ns = self._clock.now_ns()
                fair_ns = FAIR_NS + (part[1] - part[0]) * FAIR_NS_EACH
                slack_ns = end_ns - start_ns if end_ns - start_ns > fair_ns else 0
                self._burst.sent(signal, slot, part, start_ns, end_ns, unsent, slack_ns)
                if unsent:
                    self._note(unsent)

    def _read(self) -> None:
        """Read all replies and judge."""
        self._gathering.gather()
        self._look()
        self._finalise()

    def _look(self) -> None:
        """Look at all replies gathered, and find suspects."""
        self._tracker.sent(self._handed)
        self._handed.clear()
        at_ns = self._gathering.at_ns
        for replies, times in self._gathering.replies():
            if replies.columns.size:
                self._take(replies, times, at_ns)
        suspects = self._tracker.overdue(at_ns)
        changed = suspects.size and self._burst.suspect(suspects, self._tracker.baseline.usual, at_ns)
        if self._burst.stage(self._slot, at_ns) or changed:
            self._choose()
        final_ns = at_ns - self._settings.late_limit_ns - self._settings.interval_ns // 2
        self._final_slot = (final_ns - self._zero_ns) // self._settings.slot_ns

    def _take(self, replies: Replies, times: Ints, at_ns: int) -> None:
        if int(replies.numbers.max()) < BURST:
            columns, left = self._tracker.take(replies.columns, replies.numbers, times, replies.refused)
            self._answered(columns, left, at_ns)
            return
        for regular in (True, False):
            chosen = (replies.numbers < BURST) == regular
            taker = self._tracker.take if regular else self._burst.take
            refused = None if replies.refused is None else replies.refused[chosen]
            numbers = replies.numbers[chosen] & (BURST - 1)
            columns, left = taker(replies.columns[chosen], numbers, times[chosen], refused)
            self._answered(columns, left, at_ns)

    def _answered(self, columns: Ints, left: Ints, at_ns: int) -> None:
        if self._burst.answered(columns, left, self._slot, at_ns):
            self._choose()

    def _choose(self) -> None:
        self._busy = bool(self._burst.suspects or self._sources)
        for signal, wire in self._wires.items():
            wire.choose(self._burst.chosen(signal))

    def _finalise(self, *, all_of_them: bool = False) -> None:
        self._tracker.finalise(self._final_slot, all_of_them=all_of_them)
        self._burst.release(self._tracker.final_slot)

    def _tend(self) -> None:
        """What is due now and then."""
        now_ns = self._clock.now_ns()
        if self._cut is not None:
            self._cut_on()
        elif self._final_ns() - self._from_ns >= self._settings.window_ns or self._stretches.closed > CUT_PIECES:
            self._start_cut()
        if now_ns >= self._renew_ns:
            self._renew_ns = now_ns + RENEW_NS
            self._tracker.baseline.renew()
        if now_ns >= self._source_ns:
            self._source_ns = now_ns + self._settings.source_change_ns
            for wire in self._wires.values():
                wire.change_source()
            self._make_plan()
            self._choose()

    def _final_ns(self) -> int:
        """All samples up to this instant are judged."""
        boundary_ns = self._zero_ns + self._tracker.final_slot * self._settings.slot_ns - 1
        return max(boundary_ns, self._stretches.latest_ns)

    def _start_cut(self) -> None:
        to_ns = self._final_ns()
        due, missed = self._tracker.due, self._tracker.missed
        stalls = tuple(span for span in self._stalls[self._told_stalls :] if span[0] <= to_ns)
        control = ControlHealth(due - self._told[0], missed - self._told[1], stalls)
        blind = tuple(each for each in self._blind if each[0] <= to_ns)
        self._blind = [each for each in self._blind if each[1] > to_ns]
        control = replace(control, blind=blind)
        runs = tuple(run for source in self._sources for run in source.runs(to_ns))
        self._cut = (self._stretches.cut(), SampleWindow(self._from_ns, to_ns, runs, control))
        self._told_stalls += len(stalls)
        self._told = (due, missed)
        self._from_ns = to_ns

    def _cut_on(self) -> None:
        if self._cut is None:
            return
        cut, window = self._cut
        if not cut.work(CUT_PARTS):
            return
        runs, targets = list(window.runs), list(window.control.targets)
        for run in cut.runs():
            (targets if run.vm in self._control else runs).append(run)
        control = replace(window.control, targets=tuple(targets))
        self._ready.append(SampleWindow(window.from_ns, window.to_ns, tuple(runs), control))
        self._cut = None

    def _linger(self) -> None:
        """Wait until all probes are answered or have had all their time; judge them and cut the last window."""
        self._tracker.skip(self._slot, (self._slot // self._slots + 1) * self._slots)
        end_ns = self._clock.now_ns() + self._settings.late_limit_ns
        while True:
            self._read()
            now_ns = self._clock.now_ns()
            if now_ns >= end_ns or not self._tracker.waiting():
                break
            self._clock.sleep_until(now_ns + self._settings.drain_ns)
        self._awake_ns = self._clock.now_ns()
        self._cut_whole()
        self._final_slot = self._slot
        self._finalise(all_of_them=True)
        if self._final_ns() > self._from_ns:
            self._start_cut()
            self._cut_whole()

    def _cut_whole(self) -> None:
        while self._cut is not None:
            self._cut_on()

    def windows(self) -> list[SampleWindow]:
        """The windows finished since the last call, each once; they do not stay in the sampler."""
        return [self._ready.popleft() for _ in range(len(self._ready))]

    def samples(self, since_ns: int) -> SampleWindow:
        """All finished windows behind `since_ns` in one.  What lies before it is dropped: who asks from an instant on
        has what was before.

        The newest samples are those of `window_ns` and the late limit ago.  `since_ns` should be the end of a window.
        """
        while self._ready and self._ready[0].to_ns <= since_ns:
            self._ready.popleft()
        return joined(list(self._ready), since_ns)

    def health(self) -> SamplerHealth:
        """See SamplerHealth."""
        return SamplerHealth(
            self._gathering.asked,
            self._tracker.due,
            self._tracker.missed,
            self._tracker.duplicates,
            dict(self._not_taken),
            tuple(self._stalls),
            tuple(self._gathering.converter.steps),
            self._latest_slot_ns,
            self._burst.suspects,
        )

    def capabilities_lost(self) -> tuple[str, ...]:
        """What this machine does not let the prober do, in words."""
        lost = [text for wire in self._wires.values() for text in wire.capabilities_lost()]
        if not may_be_raised():
            lost.append(
                "the prober may not run before other processes: on a busy machine slots are late and samples"
                " are missed; give it CAP_SYS_NICE"
            )
        return tuple(lost)

    def close(self) -> None:
        """Give up all sockets and close the sources."""
        for wire in self._wires.values():
            wire.close()
        for source in self._sources:
            source.close()


def _to_next(turns: Sequence[int], slots: int) -> list[int]:
    """For each of `slots` in how many slots the next of `turns` follows, the first of which is 0; at least one."""
    return [min(turn for turn in (*turns, slots) if turn > slot) - slot for slot in range(slots)]


def _check_names(targets: Sequence[ProbeTarget]) -> None:
    twice = [name for name, count in Counter(target.vm for target in targets).items() if count > 1]
    if twice:
        raise ConfigError(
            f"{len(twice)} probe targets share a name with another, the first is '{twice[0]}'",
            hint="Give each guest and each control target a name of its own.",
        )
