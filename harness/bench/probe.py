"""The prober: what a probe costs, how many one process manages, how exactly it tells outages, what memory it needs.

Guests are played in network namespaces of the bench's own: for exactness in one with a cable to the prober's, for cost
and rate in the prober's own, where the kernel answers for them and its share, the same for all, is smallest.  The truth
about outages is the responder's log of its own silence.
"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import replace
from typing import Final

from harness.bench.figures import Bound, Figure
from harness.bench.probe_accuracy import edge_figures, stall_figures
from harness.bench.probe_cost import datagram_figures, icmplib_figures, ping_figure, rate_figure
from harness.bench.probe_memory import memory_figure
from harness.testing.outages.beds import linked_namespaces, why_no_namespaces

Say = Callable[[str], None]

DATAGRAM_GUESTS: Final = 5000
_COST: Final = "CPU s per 10^6"
_FPING: Final = "fping"
_INTERVAL_MS: Final = 100
"""Of all measurements: ten probes a second."""


def _ratio(name: str, unit: str, bound: Bound, limit: float, peer: str) -> Figure:
    return Figure(name, None, unit, bound, limit, peer, on_ratio=True)


FIGURES: Final = {
    "ping-1000": _ratio("ICMP, 1000 guests × 10 Hz", _COST, Bound.AT_MOST, 0.65, _FPING),
    "ping-5000": _ratio("ICMP, 5000 guests × 10 Hz", _COST, Bound.AT_MOST, 0.45, _FPING),
    "ping-icmplib": _ratio("ICMP, 200 guests × 10 Hz", _COST, Bound.AT_MOST, 0.45, "icmplib, multiping"),
    "rate": _ratio("ICMP rate of one process without loss", "1/s", Bound.AT_LEAST, 15, _FPING),
    "rate-icmplib": _ratio("ICMP rate of one process, beside icmplib", "1/s", Bound.AT_LEAST, 15, "icmplib, multiping"),
    "datagram": _ratio(f"UDP echo, {DATAGRAM_GUESTS} guests × 10 Hz", _COST, Bound.AT_MOST, 0.25, "asyncio on uvloop"),
    "datagram-kernel": _ratio(
        "UDP echo, beside the kernel's part of it", _COST, Bound.AT_MOST, 1.35, "bare system calls"
    ),
    "down": Figure("start of an outage", None, "ms p99", Bound.AT_MOST, _INTERVAL_MS / 2 + 1, _FPING),
    "up": Figure("end of an outage", None, "ms p99", Bound.AT_MOST, 2, _FPING),
    "up-peer": _ratio("end of an outage, beside fping", "ms p99", Bound.AT_MOST, 0.1, _FPING),
    "node": Figure("outage of a node, both ends", None, "ms p99", Bound.AT_MOST, 5, _FPING),
    "false": Figure("outages that were none", None, "outages", Bound.AT_MOST, 0, _FPING),
    "told": Figure("own stops of 50 ms and more told", None, "%", Bound.AT_LEAST, 100),
    "memory": Figure("memory, 5000 guests, 4 h", None, "MB", Bound.AT_MOST, 300),
}
"""All figures, in the order in which they are shown; accuracy is that of single probes at ten a second."""


def measure(say: Say) -> list[Figure]:
    """All figures of the prober.  `say` hears what comes next.

    Where the machine gives no network namespaces nothing is measured, and each figure says why.
    """
    if missing := why_no_namespaces():
        return [replace(figure, remark=missing) for figure in FIGURES.values()]
    found: list[Figure] = []
    with linked_namespaces() as bed:
        near = bed.together()
        found.append(ping_figure(FIGURES["ping-1000"], near, 1000, say))
        found.append(ping_figure(FIGURES["ping-5000"], near, 5000, say))
        with bed.on_own_processors() as apart:
            rate = rate_figure(FIGURES["rate"], apart, say)
            icmplib = icmplib_figures(FIGURES["ping-icmplib"], FIGURES["rate-icmplib"], rate.value, apart, say)
        found += [icmplib[0], rate, icmplib[1]]
        found += datagram_figures(FIGURES["datagram"], FIGURES["datagram-kernel"], near, DATAGRAM_GUESTS, say)
        found += edge_figures(FIGURES, bed, say)
        found += stall_figures(FIGURES, bed, say)
        found.append(memory_figure(FIGURES["memory"], bed, say))
    return found
