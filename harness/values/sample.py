"""Availability samples, run-length coded."""

from __future__ import annotations

from dataclasses import dataclass
from enum import StrEnum
from typing import Final


class Answer(StrEnum):
    """What came back on a probe.

    `slow`: a reply, but late.  `refused`: the machine answered that its service does not (TCP reset, HTTP status of
    500 and more).  `lost`: nothing came within the time that a late reply is waited for.
    """

    OK = "ok"
    SLOW = "slow"
    REFUSED = "refused"
    LOST = "lost"


class Signal(StrEnum):
    """By which way a guest was asked, or made itself heard.

    `guest` is the only one of a lab that computes its samples: reachability and heartbeat in one.  `http` makes a
    connection for each request, `http-reused` keeps one.  `heartbeat` is pushed by the guest itself.
    """

    GUEST = "guest"
    ICMP = "icmp"
    UDP = "udp"
    TCP = "tcp"
    HTTP = "http"
    HTTP_REUSED = "http-reused"
    HEARTBEAT = "heartbeat"


@dataclass(frozen=True, slots=True)
class SampleRun:
    """`count` equal samples of one guest, the first at `first_ns`, then every `interval_ns` (lab time).

    `boot_id` and the heartbeat sequence numbers are what the guest itself reported: `heartbeat_first` and
    `heartbeat_last` are the numbers current at the first and the last sample of the run (the last ones known while
    nothing arrives).  A gap after which the numbers go on without a hole means *frozen*, one with a hole *isolated*, a
    new boot id *restarted*.

    The instant of a sample is when the probe left.  `error_ns` is how much later than that instant the guest may have
    been asked or may have answered: the round trip of an answered probe, the usual round trip of a lost one.  A run of
    one sample has an exact instant; within a longer run of a real prober they are those of its schedule.

    `prober` is empty, or names a second prober whose samples are merged with those of the first.  Runs of one guest,
    signal and prober follow each other in time without overlap.
    """

    vm: str
    first_ns: int
    interval_ns: int
    count: int
    answer: Answer
    boot_id: int
    heartbeat_first: int
    heartbeat_last: int
    signal: Signal = Signal.GUEST
    error_ns: int = 0
    prober: str = ""

    @property
    def last_ns(self) -> int:
        """Instant of the last sample."""
        return self.first_ns + (self.count - 1) * self.interval_ns


NO_BOOT: Final = 0
NO_HEARTBEAT: Final = -1
"""Boot id and heartbeat number of a sample that tells none."""


@dataclass(frozen=True, slots=True)
class ControlHealth:
    """How the measuring side itself fared in a window: samples it owed and missed, its own stalls (start, end), what
    its control targets answered (`vm` is the name of the control target), and times in which it could not see for
    another reason (start, end, reason)."""

    due: int
    missed: int
    stalls: tuple[tuple[int, int], ...] = ()
    targets: tuple[SampleRun, ...] = ()
    blind: tuple[tuple[int, int, str], ...] = ()


@dataclass(frozen=True, slots=True)
class SampleWindow:
    """All sample runs in the lab-time window (`from_ns`, `to_ns`]."""

    from_ns: int
    to_ns: int
    runs: tuple[SampleRun, ...]
    control: ControlHealth
