"""Settings of the sampler, each with where its default comes from.

Tags: [FA n] is section n of the project's notes on faults and availability, measured there; [INF] is inferred.
"""

from __future__ import annotations

from dataclasses import dataclass

from harness.clock import NS_PER_MS, NS_PER_S
from harness.errors import ConfigError


@dataclass(frozen=True, slots=True)
class BurstStage:
    """From `after_ns` of suspicion on, a suspect is asked once in `stride` times `burst_ns`; 0: no more than others."""

    after_ns: int
    stride: int


@dataclass(frozen=True, slots=True)
class SamplerSettings:
    """How often guests are asked and how their answers are judged.  All times in nanoseconds.

    Raises ConfigError when the numbers do not go together.
    """

    interval_ns: int = 100 * NS_PER_MS
    """Time between two probes of one guest and signal. [FA 5.1]"""
    slot_ns: int = 2 * NS_PER_MS
    """The interval is cut into slots; what leaves in a slot leaves together. [FA 5.2]"""
    regular_ns: int = 6 * NS_PER_MS
    """Probes in turn leave no further apart than this: to wake costs as much as to send twenty [measured].  Those out
    of turn may leave in every slot.  What the guests of a node have in common is known to half of it. [INF]"""
    drain_ns: int = 20 * NS_PER_MS
    """Replies are taken from the kernel this often: it has stamped them, so doing so late costs no exactness. [INF]"""
    look_ns: int = 100 * NS_PER_MS
    """Replies are looked at this often as long as none is missing. [INF]"""
    burst_drain_ns: int = 8 * NS_PER_MS
    """The same while there are suspects, so that they are not asked longer than needed. [INF]"""
    patience_ns: int = 15 * NS_PER_MS
    """A probe unanswered for this long above the usual round trip makes its guest a suspect. [FA 5.2]"""
    late_limit_ns: int = 5 * NS_PER_S
    """A reply within this time is late, not lost; samples leave the sampler this much after they were taken.
    [FA 5.4]"""
    stall_ns: int = 50 * NS_PER_MS
    """A stop of the prober itself longer than this is reported as unobserved time. [FA 5.4]"""
    burst_ns: int = 2 * NS_PER_MS
    """Time between two probes of a suspect at first; the end of an outage is known to half of it.  An emulated guest
    that is asked as often as that has no time left for anything else [measured]. [FA 5.2]"""
    burst_cap: int = 256
    """Most guests in burst at one time; more wait for a place. [FA 5.2]"""
    burst_stages: tuple[BurstStage, ...] = (
        BurstStage(0, 1),
        BurstStage(30 * NS_PER_S, 5),
        BurstStage(300 * NS_PER_S, 25),
        BurstStage(1800 * NS_PER_S, 0),
    )
    """Back-off in long outages: a guest that restarts is back within minutes; who is away for half an hour is asked
    as all others are. [INF]"""
    slow_factor: int = 5
    """Slow is a round trip above this multiple of the guest's own 99th percentile. [FA 5.3]"""
    slow_floor_ns: int = 10 * NS_PER_MS
    """No round trip below is slow, whatever the guest's usual one. [INF]"""
    slow_unknown_ns: int = 500 * NS_PER_MS
    """What is slow while a guest has answered less than `baseline_least` times. [INF]"""
    baseline_least: int = 100
    """Answers that a 99th percentile needs. [INF]"""
    window_ns: int = 10 * NS_PER_S
    """A window of samples is cut this often. [INF]"""
    source_change_ns: int = 600 * NS_PER_S
    """ICMP identifiers and source ports change this often, so that no firewall session can freeze. [FA 5.4; the time
    is INF]"""

    def __post_init__(self) -> None:
        if self.slot_ns <= 0 or self.interval_ns < self.slot_ns or self.interval_ns % self.slot_ns:
            raise ConfigError(
                f"sample interval {self.interval_ns} ns is no multiple of the slot of {self.slot_ns} ns",
                hint="Choose an interval of whole slots, such as 100 ms with slots of 2 ms.",
            )
        if self.late_limit_ns < self.interval_ns or self.patience_ns >= self.late_limit_ns:
            raise ConfigError(
                f"late limit {self.late_limit_ns} ns must exceed the patience ({self.patience_ns} ns) and be at least"
                f" the interval ({self.interval_ns} ns)",
                hint="5 s is the usual late limit.",
            )
        if self.regular_ns < self.slot_ns:
            raise ConfigError("probes cannot leave more often than once a slot", hint="Raise regular_ns.")
        if min(self.drain_ns, self.burst_drain_ns) < self.slot_ns:
            raise ConfigError("replies cannot be read more often than once a slot", hint="Raise drain_ns.")
        if not self.slot_ns <= self.burst_ns <= self.interval_ns or self.burst_ns % self.slot_ns:
            raise ConfigError(
                f"a silent guest cannot be asked every {self.burst_ns} ns: that is no multiple of the slot"
                f" ({self.slot_ns} ns) up to the interval ({self.interval_ns} ns)",
                hint="2 ms is usual; guests that are slow to answer need more, such as 50 ms.",
            )
        if not self.burst_stages or self.burst_stages[0].after_ns:
            raise ConfigError("the first burst stage must begin with the suspicion", hint="Give it after_ns=0.")

    @property
    def slots(self) -> int:
        """Slots in one interval."""
        return self.interval_ns // self.slot_ns

    @property
    def burst_slots(self) -> tuple[BurstStage, ...]:
        """The stages of a burst with strides in slots, which are never longer than the interval."""
        slots = self.burst_ns // self.slot_ns
        return tuple(BurstStage(each.after_ns, min(each.stride * slots, self.slots)) for each in self.burst_stages)

    @property
    def turns(self) -> tuple[int, ...]:
        """The slots of an interval in which probes in turn leave, evenly spread."""
        count = min(-(-self.interval_ns // self.regular_ns), self.slots)
        return tuple(turn * self.slots // count for turn in range(count))

    @property
    def drain_slots(self) -> int:
        """Slots between two readings of the replies."""
        return self.drain_ns // self.slot_ns

    @property
    def burst_drain_slots(self) -> int:
        """The same while there are suspects."""
        return self.burst_drain_ns // self.slot_ns
