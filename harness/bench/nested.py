"""Nested labs: how soon after an event its node stands still, and how soon a fault is in.

Nodes of the lab are paused and resumed in its cluster again and again, each time with a hold on the event.  Times are
lab time, which is this machine's: from the moment that the cluster gives to its event.
"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass, field, replace
from typing import Final

from harness.bench.figures import Bound, Figure, percentile
from harness.clock import NS_PER_S, monotonic_ns, pause, wait_until
from harness.labs.instance import HostedInstance
from harness.labs.lease import Lease
from harness.labs.models import find_lab
from harness.labs.port import Hold
from harness.labs.remote import RemoteLab
from harness.labs.start import why_not_hosted
from harness.run.loop import LOOK_EVERY_S
from harness.run.sessions import to_winrm
from harness.transports.winrm import WinRmShell
from harness.values import Event

Say = Callable[[str], None]

LAB: Final = "nested-2node"
HOLDS: Final = 40
FIGURES: Final = {
    "hold": Figure(
        "event until its node stands still", None, "ms p99", Bound.AT_MOST, 500, "the same machine frozen by request"
    ),
    "fault": Figure("event until a fault is in", None, "ms p99", Bound.AT_MOST, 1000),
}
_HOLD: Final = "bench"
_HELD_WITHIN_S: Final = 30.0
_ALONE: Final = 10
"""How often a machine is frozen by request, for comparison."""


@dataclass
class Lags:
    """Milliseconds."""

    held: list[float] = field(default_factory=list)
    fault: list[float] = field(default_factory=list)
    alone: list[float] = field(default_factory=list)


def measure(holds: int, say: Say) -> list[Figure]:
    """All figures.  `say` hears what comes next.

    Where this machine can host no nested lab nothing is measured, and each figure says why.
    """
    file = find_lab(LAB)
    if missing := why_not_hosted(file):
        return [replace(figure, remark=missing) for figure in FIGURES.values()]
    say(f"lab {LAB} comes up")
    hosted = HostedInstance(file, file.instance_names, file.default_seed, purpose="bench", say=say)
    try:
        say(f"{holds} events are held")
        lags = _lags(hosted.lab, hosted.lease, holds)
    finally:
        hosted.release()
    return figures_of(lags)


def figures_of(lags: Lags) -> list[Figure]:
    """The figures of what was measured."""
    held = f"{len(lags.held)} events, middle {percentile(lags.held, 50):.0f} ms, longest {max(lags.held):.0f} ms"
    fault = f"middle {percentile(lags.fault, 50):.0f} ms, longest {max(lags.fault):.0f} ms; all cables of the node out"
    peer = percentile(lags.alone, 99)
    return [
        replace(FIGURES["hold"], value=percentile(lags.held, 99), peer_value=peer, remark=held),
        replace(FIGURES["fault"], value=percentile(lags.fault, 99), remark=fault),
    ]


def _lags(lab: RemoteLab, lease: Lease, holds: int) -> Lags:
    """One node asks for the other to be paused and resumed in turns."""
    asking, held = lab.nodes[0], lab.nodes[1]
    shell = WinRmShell(to_winrm(lab.endpoint(asking, "winrm")))
    lags = Lags()
    try:
        for number in range(holds):
            kind, verb = ("node.paused", "Suspend") if number % 2 == 0 else ("node.resumed", "Resume")
            seen = max((event.seq for event in lab.events(-1)), default=-1)
            lab.hold(Hold(_HOLD, kind, "*"), lease)
            shell.run(f"{verb}-ClusterNode -Name {held} | Out-Null", repeatable=False)
            event = _await_event(lab, kind, seen)
            lab.plant("cables-out", held, {}, lease)
            lags.fault.append((lab.clock.now_ns() - event.t_ns) / 1e6)
            lag_ns = wait_until(lambda: lab.held_ns(_HOLD), within_s=_HELD_WITHIN_S, what=f"{held} to stand still")
            lags.held.append(lag_ns / 1e6)
            lab.lift("cables-out", held, lease)
            lab.unhold(_HOLD, lease)
        for _ in range(_ALONE):
            began_ns = monotonic_ns()
            lab.plant("machine-frozen", held, {}, lease)
            lags.alone.append((monotonic_ns() - began_ns) / 1e6)
            lab.lift("machine-frozen", held, lease)
    finally:
        shell.close()
    return lags


def _await_event(lab: RemoteLab, kind: str, since: int) -> Event:
    """As the conductor waits for one: it looks every now and then."""
    deadline_ns = lab.clock.now_ns() + round(_HELD_WITHIN_S * NS_PER_S)
    while lab.clock.now_ns() < deadline_ns:
        for event in lab.events(since):
            if event.kind == kind:
                return event
        pause(LOOK_EVERY_S)
    raise TimeoutError(f"no event '{kind}' within {_HELD_WITHIN_S:g} s")
