"""What a probe costs in processor time, and how many a second one process manages."""

from __future__ import annotations

from collections.abc import Callable, Iterator, Sequence
from contextlib import ExitStack, closing
from dataclasses import replace
from typing import Final

from harness.bench.figures import Figure
from harness.bench.peers import fping
from harness.bench.peers.usage import Usage, module_usage, own_module
from harness.bench.prober import Account, Assignment, probe
from harness.clock import Deadline
from harness.errors import HarnessError
from harness.testing.outages.beds import LinkedNamespaces
from harness.testing.outages.responder import responding
from harness.testing.outages.script import Setup
from harness.values import Signal

Say = Callable[[str], None]

INTERVAL_MS: Final = 100
SECONDS: Final = 4
TURNS: Final = 5
UDP_TURNS: Final = 2
UDP_PORT: Final = 4001
LATE_MS: Final = 1000
TURNS_S: Final = 50
"""No further turn begins after so long: on a busy machine each takes much longer."""
LEAST_IN_TIME: Final = 0.97
"""Of its probes, for a turn of the sampler to count: what was left out costs nothing."""
FPING_EACH: Final = 625
"""Guests of one fping process: asked ten times a second, it has sequence numbers for 655."""
RATE_SECONDS: Final = 3
FPING_RATES: Final = (600, 650, 700)
"""Guests asked ten times a second by one process, for longer than fping keeps a sequence number."""
SAMPLER_RATES: Final = (2000, 4000, 6000, 8000, 9000, 9500, 10_000, 11_000, 12_000, 14_000, 17_000, 20_000)
TRIES: Final = 2
FPING_TRIES: Final = 5
"""A pause of the machine loses fping some of its pings."""
ICMPLIB_GUESTS: Final = 200


def ping_figure(figure: Figure, bed: LinkedNamespaces, guests: int, say: Say) -> Figure:
    """Processor time of a ping, the kernel answers: sampler and fping in turns, of each its cheapest turn."""
    addresses = [guest.address for guest in bed.guests(guests)]
    # As many as can go on all night, not only for the few seconds until one process is out of sequence numbers.
    processes = -(-guests // FPING_EACH)
    rounds = SECONDS * 1000 // INTERVAL_MS

    def ask_fping(rounds: int) -> Usage:
        return fping.probe(bed, addresses, period_ms=INTERVAL_MS, rounds=rounds, processes=processes)

    own: list[Account] = []
    peers: list[Usage] = []
    start, excuse = _tried(lambda: ask_fping(1)) if fping.installed() else (None, fping.INSTALL)
    for turn in _turns(TURNS):
        say(f"{guests} guests, 10 pings a second each: turn {turn + 1} of {TURNS}")
        own.append(probe(bed, Assignment(bed.guests(guests), SECONDS, late_ms=LATE_MS)))
        if start:
            usage, excuse = _tried(lambda: ask_fping(rounds + 1))
            peers += [usage.beyond(start)] if usage else []
    value, did = _cheapest(own, guests)
    return replace(
        figure,
        value=value,
        peer=f"fping, {processes} process{'es' if processes > 1 else ''}",
        peer_value=min((one.cpu_per_million_s for one in peers), default=None),
        remark=excuse or f"cheapest of {len(own)} turns of {SECONDS} s; {did}",
    )


def icmplib_figures(cpu: Figure, rate: Figure, rate_hz: float | None, bed: LinkedNamespaces, say: Say) -> list[Figure]:
    """The same beside icmplib.  `rate_hz` is the sampler's highest rate, measured before."""
    say(f"icmplib, {ICMPLIB_GUESTS} guests")
    guests = bed.guests(ICMPLIB_GUESTS)
    asked = {
        "addresses": [guest.address for guest in guests],
        "rounds": SECONDS * 1000 // INTERVAL_MS,
        "interval_ms": INTERVAL_MS,
    }
    value, did = _cheapest([probe(bed, Assignment(guests, SECONDS, late_ms=LATE_MS))], len(guests))
    bed.allow_ping_sockets()
    peer, excuse = _tried(lambda: module_usage(bed.prober(own_module("icmplib_multiping")), asked))
    share = f"; icmplib got {peer.answered / peer.sent:.1%} of its pings back" if peer else ""
    return [
        replace(
            cpu,
            value=value,
            peer_value=peer.cpu_per_million_s if peer else None,
            remark=excuse or f"{did}{share}",
        ),
        replace(
            rate,
            value=rate_hz,
            peer_value=peer.rate_hz if peer else None,
            remark=excuse or f"icmplib was to ask {len(guests)} guests 10 times a second",
        ),
    ]


def rate_figure(figure: Figure, bed: LinkedNamespaces, say: Say) -> Figure:
    """The highest rate of one process at which no ping is lost and none left out.

    Of the prober, not of the kernel that answers: the guests of `bed` should have processors of their own.
    """
    say("highest rate without loss: fping")
    peer_hz, excuse = _fping_rate_hz(bed) if fping.installed() else (None, fping.INSTALL)
    kept = _kept_rate(bed, say)
    scheduled = "with" if kept and kept[1].realtime else "without"
    return replace(
        figure,
        value=kept[0] * 1000 / INTERVAL_MS if kept else 0.0,
        peer_value=peer_hz,
        remark=excuse or f"{scheduled} real-time priority; fping has 65,535 sequence numbers for each 10 s",
    )


def _kept_rate(bed: LinkedNamespaces, say: Say) -> tuple[int, Account] | None:
    """Guests at the highest rate: upwards from the middle of the rates, or downwards until one is kept."""
    middle = len(SAMPLER_RATES) // 2
    best: tuple[int, Account] | None = None
    for rates in (SAMPLER_RATES[middle:], SAMPLER_RATES[:middle][::-1]):
        for guests in rates:
            say(f"highest rate without loss: {guests * 1000 // INTERVAL_MS:,} a second")
            assignment = Assignment(bed.guests(guests), RATE_SECONDS, late_ms=LATE_MS)
            kept = next((one for _ in range(TRIES) if _kept(one := probe(bed, assignment), guests)), None)
            if kept:
                best = (guests, kept)
            if (kept is None) is (rates[0] >= SAMPLER_RATES[middle]):
                break
        if best:
            break
    return best


def _kept(account: Account, guests: int) -> bool:
    """Whether nothing was lost, nothing left out, and the pace kept.

    What the sampler had no time for in its last round, because it was told to end, it calls missed too.
    """
    owed = guests * RATE_SECONDS * 1000 // INTERVAL_MS
    return account.lost == 0 and account.missed <= guests and account.usage.sent >= 0.99 * owed


def _fping_rate_hz(bed: LinkedNamespaces) -> tuple[float | None, str]:
    """fping's highest rate without loss, tried again when there is none; or why there is none."""
    for _ in range(FPING_TRIES):
        if guests := _fping_guests(bed):
            return guests * 1000 / INTERVAL_MS, ""
    return None, "fping lost pings at every rate: the machine is too busy"


def _fping_guests(bed: LinkedNamespaces) -> int:
    """As many guests as one process asks without loss for longer than it keeps sequence numbers; 0 when it never does.

    The candidates run at the same time: each needs a tenth of a processor.
    """
    rounds = (fping.SEQUENCE_KEPT_S + 1) * 1000 // INTERVAL_MS
    with ExitStack() as stack:
        running = {}
        for guests in FPING_RATES:
            addresses = [guest.address for guest in bed.guests(guests)]
            process = fping.Fping(bed, addresses, period_ms=INTERVAL_MS, rounds=rounds, realtime=True)
            running[guests] = stack.enter_context(closing(process))
        best = 0
        for guests, process in running.items():
            usage, _ = _tried(process.usage)
            if usage and usage.answered == usage.sent and usage.wall_s < rounds * INTERVAL_MS / 1000 + 1:
                best = guests
        return best


def datagram_figures(
    beside_uvloop: Figure, beside_kernel: Figure, bed: LinkedNamespaces, guests: int, say: Say
) -> list[Figure]:
    """Processor time of a datagram that a responder sends back: sampler and a prober on uvloop in turns, and what the
    system calls take by themselves."""
    asked = {
        "addresses": [guest.address for guest in bed.guests(guests)],
        "port": UDP_PORT,
        "interval_ms": INTERVAL_MS,
        "warm_s": 1,
        "seconds": SECONDS,
    }

    def ask(peer: str, style: str = "") -> tuple[Usage | None, str]:
        return _tried(lambda: module_usage(bed.prober(own_module(peer)), asked | {"style": style}))

    own: list[Account] = []
    peers: list[Usage] = []
    excuse = ""
    with responding(bed, Setup(bed.guests(guests), udp_port=UDP_PORT, realtime=True)):
        for turn in _turns(UDP_TURNS):
            say(f"{guests} guests, 10 datagrams a second each: turn {turn + 1} of {UDP_TURNS}")
            own.append(
                probe(bed, Assignment(bed.guests(guests), SECONDS, Signal.UDP, UDP_PORT, INTERVAL_MS, late_ms=LATE_MS))
            )
            if not excuse:
                usage, excuse = ask("uvloop_udp", "timers")
                peers += [usage] if usage else []
        batches = None if excuse else ask("uvloop_udp", "batches")[0]
        kernel, no_kernel = ask("bare_udp")
    value, did = _cheapest(own, guests)
    peer = min(peers, key=lambda one: one.cpu_per_million_s, default=None)
    told = f"cheapest of {len(own)} turns of {SECONDS} s; {did}{_share('the peer', peer)}"
    told += _share("a loop on uvloop that sends in batches and notices no loss", batches)
    same = "sendmmsg and recvmmsg at the same pace, with nothing done about what comes back"
    return [
        _beside(beside_uvloop, value, peer, excuse or told),
        _beside(beside_kernel, value, kernel, no_kernel or same),
    ]


def _share(who: str, usage: Usage | None) -> str:
    """What a peer managed, as the continuation of a remark."""
    if usage is None:
        return ""
    did = f"got {usage.answered / usage.sent:.1%} of its {usage.sent} probes back"
    return f"; {who} needed {usage.cpu_per_million_s:.1f} and {did}"


def _beside(figure: Figure, value: float | None, peer: Usage | None, remark: str) -> Figure:
    """A cost beside that of a peer."""
    return replace(figure, value=value, peer_value=peer.cpu_per_million_s if peer else None, remark=remark)


def _turns(count: int) -> Iterator[int]:
    """So many turns, fewer when they take too long."""
    deadline = Deadline.after(TURNS_S)
    for turn in range(count):
        if turn and deadline.expired():
            return
        yield turn


def _cheapest(accounts: Sequence[Account], guests: int) -> tuple[float | None, str]:
    """The lowest cost of a probe in turns in which the sampler did its work, and how it did; None when in no turn."""
    shares = [account.usage.sent / (guests * account.usage.wall_s * 1000 / INTERVAL_MS) for account in accounts]
    good = [
        (account.usage.cpu_per_million_s, share)
        for account, share in zip(accounts, shares, strict=True)
        if share >= LEAST_IN_TIME and not account.lost
    ]
    if good:
        return min(good)[0], f"the sampler sent {min(good)[1]:.1%} of its probes in time and lost none"
    did = (f"{share:.1%} sent in time, {account.lost} lost" for account, share in zip(accounts, shares, strict=True))
    return None, f"in no turn did the sampler do its work: of its probes {'; '.join(did)}"


def _tried(work: Callable[[], Usage]) -> tuple[Usage | None, str]:
    """A peer's usage, or why there is none."""
    try:
        return work(), ""
    except HarnessError as error:
        return None, str(error)
