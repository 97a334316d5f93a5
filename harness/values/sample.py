"""Availability samples, run-length coded."""

from __future__ import annotations

from dataclasses import dataclass


@dataclass(frozen=True, slots=True)
class SampleRun:
    """`count` equal samples of one guest, the first at `first_ns`, then every `interval_ns` (lab time).

    `ok` says whether the probe was answered.  `boot_id` and the heartbeat sequence numbers are what the guest itself
    reported: `heartbeat_first`/`heartbeat_last` are the numbers current at the first and the last sample of the run
    (the last ones known while nothing arrives).  A gap after which the numbers go on without a hole means *frozen*,
    one with a hole *isolated*, a new boot id *restarted*.
    """

    vm: str
    first_ns: int
    interval_ns: int
    count: int
    ok: bool
    boot_id: int
    heartbeat_first: int
    heartbeat_last: int


@dataclass(frozen=True, slots=True)
class ControlHealth:
    """How the measuring side itself fared in a window: samples it owed and missed, and its own stalls (start, end)."""

    due: int
    missed: int
    stalls: tuple[tuple[int, int], ...] = ()


@dataclass(frozen=True, slots=True)
class SampleWindow:
    """All sample runs in the lab-time window (`from_ns`, `to_ns`]."""

    from_ns: int
    to_ns: int
    runs: tuple[SampleRun, ...]
    control: ControlHealth
