"""How exactly outages are told, and what becomes of the answers while the prober itself is stopped or starved."""

from __future__ import annotations

import os
import random
import shutil
import signal
import subprocess
import sys
import tempfile
from collections.abc import Iterator, Mapping, Sequence
from contextlib import closing, contextmanager
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Final

from harness.bench.edges import (
    Edges,
    Errors,
    fping_edges,
    ledger_edges,
    lost_stretches,
    node_errors,
    single_errors,
    told_share,
)
from harness.bench.figures import Figure, percentile
from harness.bench.pauses import Span, machine_watched
from harness.bench.peers import fping
from harness.bench.peers.usage import Usage
from harness.bench.probe_cost import INTERVAL_MS, Say
from harness.bench.prober import Account, Assignment, probing, read_windows
from harness.clock import NS_PER_MS, NS_PER_S, monotonic_ns, pause, wall_minus_monotonic_ns
from harness.errors import HarnessError
from harness.measure.ledger import build_ledger
from harness.testing.outages.beds import LinkedNamespaces
from harness.testing.outages.responder import responding
from harness.testing.outages.script import Guest, Kind, Outage, Setup, node_wide
from harness.testing.outages.silencer import INSTALL_NFT
from harness.testing.outages.truth import Silence, Truth
from harness.values import SampleWindow, Signal

NODES: Final = 8
GUESTS_PER_NODE: Final = 50
OUTAGES_PER_GUEST: Final = 2
OUTAGES_PER_NODE: Final = 7
SINGLE_S: Final = 13
NODE_S: Final = 15
LEAD_S: Final = 1
SHORTEST_NS: Final = 250 * NS_PER_MS
LONGEST_NS: Final = 450 * NS_PER_MS

MOST_LEFT_OUT: Final = 0.3
WATCHES: Final = 3
CALM_PAUSES: Final = 20
BY_A_STALL_NS: Final = INTERVAL_MS * NS_PER_MS
BY_A_PAUSE_NS: Final = 3 * NS_PER_MS
"""How far from a stop of its own, or from one of the machine, the sampler's edges are wider for it: a pause delays one
slot or two."""

KNOWN_NS: Final = 2 * NS_PER_MS
"""Where the filter that silences a guest took longer to change, the truth itself is not known exactly enough."""

STALL_GUESTS: Final = 600
STOPS: Final = 4
STOP_S: Final = 0.7
HOGS: Final = 2
HOGGED_S: Final = 6
TOLD_FROM_NS: Final = 50 * NS_PER_MS

NOT_REALTIME: Final = (
    "needs the scheduling class SCHED_FIFO, which is not granted here: run as root, or with CAP_SYS_NICE"
)


def silences_of(truth: Truth, *, node_wide: bool) -> list[Silence]:
    """What befell single guests, or whole nodes."""
    split_ns = truth.begin_ns + (LEAD_S + SINGLE_S) * NS_PER_S
    return [one for one in truth.of("kernel") if (one.start_ns >= split_ns) is node_wide]


@dataclass(frozen=True, slots=True)
class Watched:
    """The outages as the sampler saw them, and the responder's truth."""

    truth: Truth
    account: Account
    windows: list[SampleWindow]
    pauses: Sequence[Span] = ()
    """Of the machine."""

    def observed(self, silences: Sequence[Silence]) -> list[Silence]:
        """Those whose edges are known well enough, and do not lie in a time that the sampler itself calls unobserved,
        where it claims no exactness, or in a pause of the machine, which is not the sampler's."""
        disturbed = [(start - BY_A_STALL_NS, end + BY_A_STALL_NS) for start, end in self.account.stalls]
        disturbed += [(start - BY_A_PAUSE_NS, end + BY_A_PAUSE_NS) for start, end in self.pauses]
        return [
            one
            for one in silences
            if one.within_ns <= KNOWN_NS
            and not any(start <= edge <= end for start, end in disturbed for edge in (one.start_ns, one.end_ns))
        ]

    def errors(self, *, node_wide: bool) -> Errors:
        """Of observed outages of single guests or of whole nodes."""
        return _errors(
            ledger_edges(build_ledger(self.windows)),
            self.observed(silences_of(self.truth, node_wide=node_wide)),
            node_wide=node_wide,
        )

    def too_disturbed(self) -> str:
        """Why these outages say nothing; empty when they do."""
        if not self.account.realtime:
            return NOT_REALTIME
        for whole_node in (False, True):
            every = silences_of(self.truth, node_wide=whole_node)
            left_out = len(every) - len(self.observed(every))
            if left_out > MOST_LEFT_OUT * len(every):
                where = "pauses of the machine, or in stops of the sampler that it tells"
                return f"the machine is too busy: {left_out} of {len(every)} outages lie in {where}"
        return ""

    def left_out(self) -> str:
        """How many outages were left out, for a remark."""
        every = self.truth.of("kernel")
        count = len(every) - len(self.observed(every))
        return f"; {count} of all {len(every)} left out, for {len(self.pauses)} pauses of the machine"


def _errors(edges: Edges, silences: Sequence[Silence], *, node_wide: bool) -> Errors:
    return node_errors(edges, grouped(silences)) if node_wide else single_errors(edges, silences)


def edge_figures(figures: Mapping[str, Figure], bed: LinkedNamespaces, say: Say) -> list[Figure]:
    """`down`, `up`, `up-peer` and `node` of the given figures."""
    if shutil.which("nft") is None:
        return [replace(figures[name], remark=INSTALL_NFT) for name in ("down", "up", "up-peer", "node")]
    seconds = LEAD_S + SINGLE_S + NODE_S
    say(f"outages of {NODES * GUESTS_PER_NODE} guests, alone and by node, for {seconds} s")
    watched = calm_watch(bed, say)
    if disturbed := watched.too_disturbed():
        return [replace(figures[name], remark=disturbed) for name in ("down", "up", "up-peer", "node")]
    single, node = (watched.errors(node_wide=whole_node) for whole_node in (False, True))
    say("the same for fping")
    peers = peer_errors(bed)
    peer_single, peer_node = peers or (None, None)
    excuse = "" if peers else fping.INSTALL
    left_out = watched.left_out()
    seen = _seen(single) + left_out
    peer_down, peer_up = (peer_single.down_ns, peer_single.up_ns) if peer_single else (None, None)
    return [
        _edge(figures["down"], single.down_ns, peer_down, seen, ""),
        _edge(figures["up"], single.up_ns, peer_up, seen, ""),
        _edge(figures["up-peer"], single.up_ns, peer_up, seen, excuse),
        _edge(
            figures["node"],
            (*node.down_ns, *node.up_ns),
            (*peer_node.down_ns, *peer_node.up_ns) if peer_node else None,
            f"{len(node.down_ns)} outages of {GUESTS_PER_NODE} guests at once, {node.unseen} of them unseen{left_out}",
            "",
        ),
    ]


def _edge(figure: Figure, own: Sequence[float], peer: Sequence[float] | None, remark: str, excuse: str) -> Figure:
    return replace(
        figure,
        value=percentile(own, 99) / NS_PER_MS,
        peer_value=percentile(peer, 99) / NS_PER_MS if peer else None,
        remark=excuse or remark,
    )


def _seen(errors: Errors) -> str:
    median_ms = percentile(errors.down_ns, 50) / NS_PER_MS, percentile(errors.up_ns, 50) / NS_PER_MS
    return (
        f"{len(errors.down_ns)} outages of single guests, {errors.unseen} of them unseen; medians {median_ms[0]:.1f} ms"
        f" down, {median_ms[1]:.2f} ms up"
    )


def outages(guests: Sequence[Guest], seed: int = 1) -> Iterator[Outage]:
    """First outages of single guests, then of whole nodes, all of random length at random instants."""
    draw = random.Random(seed)
    lead_ns, single_ns = LEAD_S * NS_PER_S, SINGLE_S * NS_PER_S
    for guest in guests:
        for start_ns, length_ns in _spread(draw, OUTAGES_PER_GUEST, single_ns):
            yield Outage(guest.vm, draw.choice((Kind.FROZEN, Kind.ISOLATED)), lead_ns + start_ns, length_ns)
    for node in range(NODES):
        vms = [guest.vm for guest in guests[node * GUESTS_PER_NODE : (node + 1) * GUESTS_PER_NODE]]
        for start_ns, length_ns in _spread(draw, OUTAGES_PER_NODE, NODE_S * NS_PER_S):
            yield from node_wide(vms, Kind.ISOLATED, lead_ns + single_ns + start_ns, length_ns)


def _spread(draw: random.Random, count: int, span_ns: int) -> Iterator[tuple[int, int]]:
    """Starts and lengths, one in each equal part of a span, with at least four intervals between them."""
    part_ns = span_ns // count
    for at in range(count):
        length_ns = draw.randint(SHORTEST_NS, LONGEST_NS)
        rest_ns = part_ns - length_ns - 4 * INTERVAL_MS * NS_PER_MS
        yield at * part_ns + draw.randint(0, rest_ns), length_ns


def grouped(silences: Sequence[Silence]) -> list[list[Silence]]:
    """Silences that began at the same instant."""
    groups: dict[int, list[Silence]] = {}
    for silence in silences:
        groups.setdefault(silence.start_ns, []).append(silence)
    return list(groups.values())


def _played(bed: LinkedNamespaces) -> tuple[Setup, int]:
    """The outages, and how many seconds they take.  Sampler and peer are shown them one after the other: three
    real-time processes on two processors would keep each other waiting.  The kernel answers for the guests: how long a
    responder turns a packet round would count as the prober's error."""
    guests = bed.guests(NODES * GUESTS_PER_NODE)
    return Setup(guests, tuple(outages(guests)), kernel_answers=True, realtime=True), LEAD_S + SINGLE_S + NODE_S + 1


def calm_watch(bed: LinkedNamespaces, say: Say) -> Watched:
    """Play the outages again while the machine stands still often; the time with the fewest pauses counts, whatever the
    sampler saw in it."""
    watched = watch(bed)
    for _ in range(WATCHES - 1):
        if len(watched.pauses) <= CALM_PAUSES:
            break
        say(f"once more: the machine stood still {len(watched.pauses)} times")
        watched = min(watched, watch(bed), key=lambda one: len(one.pauses))
    return watched


def watch(bed: LinkedNamespaces) -> Watched:
    """Play the outages to a sampler."""
    setup, seconds = _played(bed)
    with tempfile.TemporaryDirectory() as name, responding(bed, setup) as responder, machine_watched() as pauses:
        samples = Path(name) / "samples.jsonl"
        assignment = Assignment(setup.guests, seconds, warm_s=2, group=GUESTS_PER_NODE, samples=str(samples))
        with probing(bed, assignment) as running:
            responder.begin()
            account = running.account()
        return Watched(responder.truth(), account, read_windows(samples), pauses())


def peer_errors(bed: LinkedNamespaces) -> tuple[Errors, Errors] | None:
    """Errors of single guests' and of nodes' outages as fping saw them; None where it is not installed."""
    if not fping.installed():
        return None
    setup, seconds = _played(bed)
    names = {guest.address: guest.vm for guest in setup.guests}
    rounds = (seconds + LEAD_S) * 1000 // INTERVAL_MS
    with tempfile.TemporaryDirectory() as name, responding(bed, setup) as responder:
        peer = fping.Watch(bed, list(names), period_ms=INTERVAL_MS, rounds=rounds, folder=Path(name))
        with closing(peer):
            responder.begin(monotonic_ns() + LEAD_S * NS_PER_S)
            edges = fping_edges(peer.pings(), names, wall_minus_monotonic_ns())
        truth = responder.truth()
    single, node = (
        _errors(edges, silences_of(truth, node_wide=whole_node), node_wide=whole_node) for whole_node in (False, True)
    )
    return single, node


def stall_figures(figures: Mapping[str, Figure], bed: LinkedNamespaces, say: Say) -> list[Figure]:
    """`false` and `told` of the given figures: no guest is ever silent, the probers are stopped and starved."""
    guests = bed.guests(STALL_GUESTS)
    say(f"{STOPS} stops of {STOP_S * 1000:.0f} ms, then {HOGGED_S} s beside {HOGS} busy loops")
    seconds = STOPS * (1 + STOP_S) + HOGGED_S + 1
    excuse = "" if fping.installed() else fping.INSTALL
    peer: Usage | None = None
    with tempfile.TemporaryDirectory() as name:
        samples = Path(name) / "samples.jsonl"
        with probing(bed, Assignment(guests, seconds, samples=str(samples))) as running:
            pids = [running.process.pid]
            if excuse:
                stops = disturb(pids)
            else:
                addresses = [guest.address for guest in guests]
                rounds = round(seconds * 1000 / INTERVAL_MS)
                with closing(fping.Fping(bed, addresses, period_ms=INTERVAL_MS, rounds=rounds)) as other:
                    stops = disturb(pids + other.pids)
                    try:
                        peer = other.usage()
                    except HarnessError as error:
                        excuse = str(error)
            account = running.account()
        windows = read_windows(samples)
    told = told_share(stops, account.stalls, TOLD_FROM_NS)
    left_out = (
        f"{account.missed} of {account.due} probes left out as missed, {lost_stretches(windows, Signal.ICMP)} times a"
        " probe lost"
    )
    return [
        replace(
            figures["false"],
            value=float(len(build_ledger(windows).gaps)),
            peer_value=float(peer.sent - peer.answered) if peer else None,
            remark=f"{left_out}; {excuse or 'the peer: pings that it calls lost, stopped and starved likewise'}",
        ),
        replace(
            figures["told"],
            value=told * 100,
            remark=f"{len(stops)} stops of {STOP_S * 1000:.0f} ms; {len(account.stalls)} stalls told in all",
        ),
    ]


def disturb(pids: Sequence[int]) -> list[tuple[int, int]]:
    """Stop these processes several times, then starve them; when they were stopped, by the monotonic clock."""
    stops = []
    for _ in range(STOPS):
        pause(1)
        start_ns = monotonic_ns()
        for pid in pids:
            os.kill(pid, signal.SIGSTOP)
        pause(STOP_S)
        end_ns = monotonic_ns()
        for pid in pids:
            os.kill(pid, signal.SIGCONT)
        stops.append((start_ns, end_ns))
    with hogs():
        pause(HOGGED_S)
    return stops


@contextmanager
def hogs() -> Iterator[None]:
    """Processes that want all of the processor, for the length of a block."""
    busy = [subprocess.Popen([sys.executable, "-I", "-c", "while True: pass"]) for _ in range(HOGS)]
    try:
        yield
    finally:
        for process in busy:
            process.kill()
            process.wait()
