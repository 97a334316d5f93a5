"""How exactly a prober tells when an outage began and ended: its edges against the truth of the responder.

An edge lies between two samples of different answers, and is put half way between them.
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass, replace
from itertools import pairwise
from typing import Final

from harness.bench.peers.fping import Ping
from harness.measure.ledger import Ledger
from harness.testing.outages.truth import Silence
from harness.values import Answer, SampleRun, SampleWindow, Signal

ANSWERED: Final = frozenset({Answer.OK, Answer.SLOW})


@dataclass(frozen=True, slots=True)
class Edge:
    """Between `before_ns` and `after_ns` a guest fell silent (`down`) or was back; monotonic clock."""

    before_ns: int
    after_ns: int
    down: bool

    @property
    def at_ns(self) -> float:
        """Where it is put."""
        return (self.before_ns + self.after_ns) / 2


Edges = Mapping[str, Sequence[Edge]]
"""By guest, in order of time."""


def sampled_edges(windows: Iterable[SampleWindow], signal: Signal) -> dict[str, list[Edge]]:
    """All edges in a sampler's windows."""
    runs: dict[str, list[SampleRun]] = {}
    for window in windows:
        for run in window.runs:
            if run.signal is signal:
                runs.setdefault(run.vm, []).append(run)
    found = {}
    for vm, own in runs.items():
        own.sort(key=lambda run: run.first_ns)
        found[vm] = [
            Edge(one.last_ns, other.first_ns, one.answer in ANSWERED)
            for one, other in pairwise(own)
            if (one.answer in ANSWERED) is not (other.answer in ANSWERED)
        ]
    return found


def ledger_edges(ledger: Ledger) -> dict[str, list[Edge]]:
    """The edges of all gaps of a ledger: what the harness says about an outage."""
    found: dict[str, list[Edge]] = {}
    for gap in ledger.gaps:
        found.setdefault(gap.vm, []).extend(
            (
                Edge(gap.start_ns - gap.start_err_ns, gap.start_ns + gap.start_err_ns, True),
                Edge(gap.end_ns - gap.end_err_ns, gap.end_ns + gap.end_err_ns, False),
            )
        )
    return found


def fping_edges(pings: Iterable[Ping], names: Mapping[str, str], ahead_ns: int) -> dict[str, list[Edge]]:
    """The edges that fping's output shows.  `names` gives the guest of an address; the real-time clock is `ahead_ns`
    of the monotonic one."""
    by_guest: dict[str, list[Ping]] = {}
    for ping in pings:
        by_guest.setdefault(names[ping.address], []).append(ping)
    return {
        vm: [
            Edge(one.left_ns - ahead_ns, other.left_ns - ahead_ns, one.answered)
            for one, other in pairwise(own)
            if one.answered is not other.answered
        ]
        for vm, own in by_guest.items()
    }


@dataclass(frozen=True, slots=True)
class Errors:
    """How far the edges are from the truth, in nanoseconds, and how many outages were not seen at all."""

    down_ns: tuple[float, ...]
    up_ns: tuple[float, ...]
    unseen: int = 0


def single_errors(edges: Edges, silences: Iterable[Silence]) -> Errors:
    """Errors of each guest's own edges.  An outage that was not seen counts with its whole length, twice."""
    down, up, unseen = [], [], 0
    for silence in silences:
        pair = _pair(edges.get(silence.vm, ()), silence)
        if pair is None:
            unseen += 1
            down.append(float(silence.end_ns - silence.start_ns))
            up.append(float(silence.end_ns - silence.start_ns))
            continue
        down.append(abs(pair[0].at_ns - silence.start_ns))
        up.append(abs(pair[1].at_ns - silence.end_ns))
    return Errors(tuple(down), tuple(up), unseen)


def node_errors(edges: Edges, groups: Iterable[Sequence[Silence]]) -> Errors:
    """Errors of the edges that the guests of a node have in common: what all of them say together.

    The guests fell silent after the last that answered still did, and before the first that did not.
    """
    down, up, unseen = [], [], 0
    for group in groups:
        pairs = [pair for silence in group if (pair := _pair(edges.get(silence.vm, ()), silence))]
        start_ns, end_ns = group[0].start_ns, group[0].end_ns
        if not pairs:
            unseen += 1
            down.append(float(end_ns - start_ns))
            up.append(float(end_ns - start_ns))
            continue
        down.append(abs(common([pair[0] for pair in pairs]).at_ns - start_ns))
        up.append(abs(common([pair[1] for pair in pairs]).at_ns - end_ns))
    return Errors(tuple(down), tuple(up), unseen)


def common(edges: Sequence[Edge]) -> Edge:
    """The edge that several guests share, as all of them together show it."""
    return Edge(max(edge.before_ns for edge in edges), min(edge.after_ns for edge in edges), edges[0].down)


def _pair(edges: Sequence[Edge], silence: Silence) -> tuple[Edge, Edge] | None:
    """The two edges of the outage that is one with a silence; None when there is none that overlaps it."""
    for down, up in pairwise(edges):
        if down.down and not up.down and down.at_ns < silence.end_ns and up.at_ns > silence.start_ns:
            return down, up
    return None


def lost_stretches(windows: Iterable[SampleWindow], signal: Signal) -> int:
    """How often a guest did not answer for a sample or more, outside of the times that the sampler calls unobserved.

    Stricter than the ledger, to which a single lost probe is no outage.
    """
    windows = list(windows)
    stalls = [span for window in windows for span in window.control.stalls]
    wrong = [replace(window, runs=tuple(run for run in window.runs if not _inside(run, stalls))) for window in windows]
    leading = {run.vm: run for window in reversed(wrong) for run in reversed(window.runs) if run.signal is signal}
    return sum(run.answer not in ANSWERED for run in leading.values()) + sum(
        edge.down for edges in sampled_edges(wrong, signal).values() for edge in edges
    )


def _inside(run: SampleRun, spans: Iterable[tuple[int, int]]) -> bool:
    return any(start <= run.first_ns and run.last_ns <= end for start, end in spans)


def told_share(stops: Sequence[tuple[int, int]], stalls: Sequence[tuple[int, int]], least_ns: int) -> float:
    """Which share (0 to 1) of the stops that lasted `least_ns` or longer are covered by a stall, up to `least_ns`."""
    owed = [stop for stop in stops if stop[1] - stop[0] >= least_ns]
    if not owed:
        raise ValueError("no stop was long enough")
    told = [
        any(start - stop_start <= least_ns and stop_end - end <= least_ns for start, end in stalls)
        for stop_start, stop_end in owed
    ]
    return sum(told) / len(told)
