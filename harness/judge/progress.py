"""The no-progress detector, run over a journal."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass, replace

from harness.judge.case import Case, elapsed
from harness.judge.timeline import Seen, Timeline, last_before
from harness.measure.progress import Fingerprint, ProgressDetector
from harness.values import Finding, UpdateObservation, Verdict

ACTIVE = frozenset({"Downloading", "Preparing", "HealthChecking", "Installing"})
"""States in which an update has something to do ([C] update states, class 'in progress')."""


@dataclass(frozen=True, slots=True)
class Stall:
    """The update showed no progress for `still_ns` from `since_ns` on; `seq` is the line of its last progress."""

    since_ns: int
    still_ns: int
    seq: int
    last: UpdateObservation


def fingerprint_of(timeline: Timeline, row: Seen[UpdateObservation]) -> Fingerprint:
    """What moves, as of the look `row`."""
    seen = row.value
    cluster = last_before(timeline.clusters, row.t_ns)
    return Fingerprint(
        phase=seen.phase,
        step=seen.step.path if seen.step else (),
        percent=seen.percent,
        run_state=seen.run_state.name if seen.run_state else "",
        nodes=tuple((node.name, node.state.name) for node in cluster.value.nodes) if cluster else (),
    )


def blind_at(timeline: Timeline, t_ns: int) -> bool:
    """Was no endpoint reachable at `t_ns`?"""
    reachable: dict[str, bool] = {}
    for row in timeline.endpoints:
        if row.t_ns <= t_ns:
            reachable[row.value.node] = row.value.reachable
    nodes = timeline.names("nodes") or tuple(reachable)
    return bool(nodes) and not any(reachable.get(node, True) for node in nodes)


def stalls_of(case: Case) -> Iterator[Stall]:
    """Each time without progress while the update had something to do, until its next progress or the end."""
    timeline = case.timeline
    detector: ProgressDetector | None = None
    origin: Seen[UpdateObservation] | None = None
    for row in timeline.updates:
        if row.value.state.name not in ACTIVE:
            detector = origin = None
            continue
        if detector is None:
            detector = ProgressDetector(case.stuck_after_ns)
        before_ns = detector.changed_ns
        still_ns = detector.feed(row.t_ns, None if blind_at(timeline, row.t_ns) else fingerprint_of(timeline, row))
        if detector.changed_ns != before_ns:
            origin = row
        elif origin is not None:
            yield Stall(origin.t_ns, still_ns, origin.seq, origin.value)


def longest_stall(case: Case) -> Stall | None:
    """The longest time without progress; None when the update was never seen at work."""
    if not any(row.value.state.name in ACTIVE for row in case.timeline.updates):
        return None
    first = next(row for row in case.timeline.updates if row.value.state.name in ACTIVE)
    return max(stalls_of(case), key=lambda stall: stall.still_ns, default=Stall(first.t_ns, 0, first.seq, first.value))


def judge_progress(case: Case) -> Iterator[Finding]:
    """The journal's own no-progress finding is completed by its last progress; one that nobody wrote is made."""
    stall = longest_stall(case)
    if stall is None or stall.still_ns <= case.stuck_after_ns or not case.timeline.updates:
        return
    last = case.timeline.updates[-1].value
    if last.state.name not in ACTIVE:
        return
    yield no_progress(case, stall, [case.timeline.updates[-1].seq])


def no_progress(case: Case, stall: Stall, evidence: list[int]) -> Finding:
    """The finding for a stall, with last progress and budget."""
    seen = stall.last
    step = " / ".join(seen.step.path) if seen.step else ""
    at = f"'{step}'" if step else f"phase '{seen.phase}'"
    percent = f" at {seen.percent:g} %" if seen.percent is not None else ""
    finding = case.fail(
        "no-progress",
        f"no progress in {at}{percent} since {case.at(stall.since_ns)}",
        stall.since_ns,
        [stall.seq, *evidence],
        node=seen.node or "",
        value=elapsed(stall.still_ns),
        limit=f"<= {elapsed(case.stuck_after_ns)}",
        outcome=Verdict.STUCK,
    )
    return replace(finding, phase=seen.phase or finding.phase, step=step or finding.step)
