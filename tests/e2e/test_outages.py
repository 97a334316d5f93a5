"""The prober against guests whose troubles are known: every outage within its stated error, none missed, none invented.

A responder plays the guests in a network namespace and logs its own silence; `hil probe run` watches them from another.
"""

from __future__ import annotations

import json
import os
import random
import shutil
import signal
import subprocess
import sys
from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass
from pathlib import Path

import pytest
import yaml

from harness.clock import NS_PER_MS, NS_PER_S, monotonic_ns, pause
from harness.measure.conditions import Condition, ConditionKind
from harness.measure.gaps import State
from harness.measure.ledger import Gap, Ledger
from harness.probes.recording import read_recording
from harness.testing.outages.beds import Bed, LinkedNamespaces, linked_namespaces, why_no_namespaces
from harness.testing.outages.responder import responding
from harness.testing.outages.script import AWAY, Guest, Kind, Outage, Setup
from harness.testing.outages.truth import Truth

INTERVAL_NS = 100 * NS_PER_MS
SHORTEST_NS, LONGEST_NS = 100 * NS_PER_MS, 5 * NS_PER_S
APART_NS = 2 * NS_PER_S
"""Between two troubles of one guest: late answers of the one must not meet the other."""
SETTLE_NS = 3 * NS_PER_S
UDP, TCP, HTTP, BEATS = 7007, 7008, 7009, 8514
LATE_NS = 700 * NS_PER_MS
"""Beyond what counts as slow for a guest that has not answered often enough to have a usual round trip."""
BROWN_LEAST_NS = 300 * NS_PER_MS
HTTP_LEAST_NS = 1500 * NS_PER_MS
"""HTTP is asked once a second: shorter troubles of a service may fall between two requests."""

STATES = {
    Kind.FROZEN: State.FROZEN,
    Kind.ISOLATED: State.ISOLATED,
    Kind.RESTARTED: State.RESTARTED,
    Kind.DOWN: State.DOWN,
}
CONDITIONS = {
    Kind.SERVICE_DOWN: ConditionKind.SERVICE_DOWN,
    Kind.CONNECTIONS_BROKEN: ConditionKind.CONNECTIONS_BROKEN,
    Kind.FILTERED: ConditionKind.FILTERED,
    Kind.BROWN: ConditionKind.BROWN,
}

pytestmark = pytest.mark.skipif(
    bool(why_no_namespaces()) or shutil.which("nft") is None,
    reason=why_no_namespaces() or "silencing what a kernel answers needs nft (package nftables)",
)


def script(guests: Sequence[Guest], length_ns: int, seed: int) -> tuple[Outage, ...]:
    """Troubles of all kinds, one after the other for each guest; lengths spread evenly over their logarithm."""
    draw = random.Random(seed)
    kinds = [*Kind]
    found = []
    for number, guest in enumerate(guests):
        at_ns, turn = SETTLE_NS + draw.randrange(APART_NS), number
        while True:
            kind = kinds[turn % len(kinds)]
            turn += 1
            if kind is Kind.DOWN:
                continue  # last, below: it is for good
            span_ns = round(SHORTEST_NS * (LONGEST_NS / SHORTEST_NS) ** draw.random())
            if kind in (Kind.SERVICE_DOWN, Kind.CONNECTIONS_BROKEN):
                span_ns = max(span_ns, HTTP_LEAST_NS)
            if kind is Kind.BROWN:
                span_ns = max(span_ns, BROWN_LEAST_NS)
            if at_ns + span_ns > length_ns - 2 * SETTLE_NS:
                break
            found.append(Outage(guest.vm, kind, at_ns, span_ns))
            at_ns += span_ns + APART_NS + draw.randrange(NS_PER_S)
        if number % 8 == 0 and at_ns < length_ns - SETTLE_NS:
            found.append(Outage(guest.vm, Kind.DOWN, at_ns, length_ns))
    return tuple(found)


def probe_file(folder: Path, guests: Sequence[Guest], bed: Bed) -> Path:
    """Watch them by everything there is."""
    plain = {
        "schema": 1,
        "name": "outages",
        "heartbeats": {"address": bed.prober_address, "port": BEATS, "interval": "20ms"},
        "guests": [
            {
                "name": guest.vm,
                "address": guest.address,
                "node": f"NODE{number % 4 + 1:02}",
                "udp": UDP,
                "tcp": TCP,
                "http": f"http://{guest.address}:{HTTP}/",
                "http_reused": f"http://{guest.address}:{HTTP}/kept",
                "heartbeat": True,
            }
            for number, guest in enumerate(guests)
        ],
    }
    path = folder / "guests.yaml"
    path.write_text(yaml.safe_dump(plain, sort_keys=False))
    return path


@dataclass(frozen=True)
class Watch:
    """What was played and what was seen, on one clock."""

    outages: tuple[Outage, ...]
    truth: Truth
    ledger: Ledger
    origin_ns: int

    def edges(self, outage: Outage) -> tuple[tuple[int, int], tuple[int, int]]:
        """Earliest and latest begin and end of a trouble, over the kinds of packets, in the ledger's time."""
        mine = [
            each
            for each in self.truth.silences
            if each.vm == outage.vm and abs(each.start_ns - self.truth.begin_ns - outage.start_ns) < 500 * NS_PER_MS
        ]
        begins, ends = [each.start_ns for each in mine], [each.end_ns for each in mine]
        for each in mine:
            if each.packets == "kernel":  # A change of a filter takes its time: from the first to the second.
                begins += [edge for edge in (each.last_answered_ns, each.first_met_ns) if edge]
                ends += [edge for edge in (each.last_met_ns, each.first_answered_ns) if edge]
            elif each.last_answered_ns:  # What had been due before was sent a little late.
                begins.append(max(each.start_ns, each.last_answered_ns))
        origin_ns = self.origin_ns
        return (min(begins) - origin_ns, max(begins) - origin_ns), (min(ends) - origin_ns, max(ends) - origin_ns)

    def disturbed(self, from_ns: int, to_ns: int) -> bool:
        """Did prober or responder stall near that time?"""
        own = [(each.start_ns, each.end_ns) for each in self.ledger.unobserved]
        others = [(start - self.origin_ns, end - self.origin_ns) for start, end in self.truth.stalls]
        return any(start - NS_PER_S < to_ns and from_ns < end + NS_PER_S for start, end in (*own, *others))


def watch(
    folder: Path,
    *,
    guests: int,
    length_s: int,
    seed: int = 1,
    quiet: bool = False,
    disturb: Callable[[int, LinkedNamespaces], None] | None = None,
) -> Watch:
    """Play a script (a `quiet` one has no troubles) and watch it; `disturb` gets the prober's process."""
    with linked_namespaces() as bed:
        played = bed.guests(guests)
        outages = () if quiet else script(played, length_s * NS_PER_S, seed)
        setup = Setup(
            played,
            outages,
            heartbeats_to=(bed.prober_address, BEATS),
            heartbeat_ms=20,
            udp_port=UDP,
            tcp_port=TCP,
            http_port=HTTP,
            late_ns=LATE_NS,
            realtime=True,
            seed=seed,
        )
        command = [sys.executable, "-m", "harness.cli", "probe", "run", str(probe_file(folder, played, bed))]
        out = folder / "recording"
        with responding(bed, setup) as responder:
            with subprocess.Popen(
                bed.prober([*command, "--for", f"{length_s + 4}s", "--out", str(out)]),
                stdout=subprocess.DEVNULL,
                stderr=subprocess.PIPE,
                text=True,
            ) as prober:
                assert prober.stderr is not None
                first = next((line for line in prober.stderr if line.startswith("watching")), "")
                begin_ns = responder.begin(monotonic_ns() + NS_PER_S)
                if disturb is not None:
                    disturb(prober.pid, bed)
                told = first + prober.stderr.read()
            assert prober.returncode == 0, told
            truth = responder.truth()
    assert truth.begin_ns == begin_ns
    recording = read_recording(out)
    checked = subprocess.run(
        [sys.executable, "-m", "harness.cli", "probe", "ledger", str(out), "--check"], capture_output=True, text=True
    )
    assert checked.returncode == 0, checked.stdout
    header = json.loads((out / "samples.jsonl").read_text().partition("\n")[0])
    return Watch(outages, truth, recording.ledger(), header["origin_ns"])


def complaints(seen: Watch) -> Iterator[str]:
    """Everything in which the ledger differs from the truth by more than it says."""
    gaps = {vm.vm: list(vm.gaps) for vm in seen.ledger.vms}
    conditions = {vm.vm: vm.conditions for vm in seen.ledger.vms}
    for outage in seen.outages:
        begins, ends = seen.edges(outage)
        name = f"{outage.vm} {outage.kind} at {begins[0] / NS_PER_S:.3f} s for {outage.length_ns / NS_PER_S:.3f} s"
        if outage.kind in AWAY:
            mine = [gap for gap in gaps[outage.vm] if gap.start_ns < ends[1] and gap.end_ns > begins[0]]
            if not mine:
                if outage.length_ns > INTERVAL_NS and not seen.disturbed(begins[0], ends[1]):
                    yield f"{name}: missed, its edges {begins} and {ends}"
                continue
            gap = mine[0]
            gaps[outage.vm].remove(gap)
            yield from (f"{name}: {text}" for text in wrong_edges(gap, outage, begins, ends))
            if gap.state is not STATES[outage.kind] and outage.length_ns > 2 * INTERVAL_NS:
                yield f"{name}: state {gap.state}"
        else:
            kind = CONDITIONS[outage.kind]
            met = [each for each in conditions[outage.vm] if each.kind is kind]
            near = [each for each in met if each.start_ns < ends[1] + NS_PER_S and each.end_ns > begins[0] - NS_PER_S]
            if seen.disturbed(begins[0], ends[1]) or outage.length_ns <= 2 * INTERVAL_NS:
                continue
            if not near:
                yield f"{name}: no condition {kind}, but {[each.kind.value for each in conditions[outage.vm]]}"
            # A reset connection is replaced by the next sample, so that trouble is no longer than that.
            elif outage.kind is not Kind.CONNECTIONS_BROKEN:
                yield from (f"{name}: {text}" for text in wrong_edges(near[0], outage, begins, ends))
    for vm, left in gaps.items():
        for gap in left:
            # A responder that did not come to work sent no heartbeats: nobody else was heard of then either.
            if gap.signals != ("heartbeat",) or not seen.disturbed(gap.start_ns, gap.end_ns):
                yield f"{vm}: invented {gap}"


def wrong_edges(gap: Gap | Condition, outage: Outage, begins: tuple[int, int], ends: tuple[int, int]) -> Iterator[str]:
    """Edges beyond their error bars."""
    if not begins[0] - gap.start_err_ns <= gap.start_ns <= begins[1] + gap.start_err_ns:
        yield f"begin {_off(gap.start_ns - begins[0], gap.start_err_ns)}, {gap}"
    if outage.kind is not Kind.DOWN and not ends[0] - gap.end_err_ns <= gap.end_ns <= ends[1] + gap.end_err_ns:
        yield f"end {_off(gap.end_ns - ends[1], gap.end_err_ns)}, {gap}"


def _off(by_ns: int, stated_ns: int) -> str:
    return f"{by_ns / NS_PER_MS:.3f} ms off, stated ± {stated_ns / NS_PER_MS:.3f}"


def summary(seen: Watch) -> str:
    """How many of which kind, for whoever reads the log."""
    counts = {kind.value: sum(each.kind is kind for each in seen.outages) for kind in Kind}
    blind = sum(each.end_ns - each.start_ns for each in seen.ledger.unobserved)
    return (
        f"{len(seen.outages)} troubles {counts}, unobserved {blind / NS_PER_S:.3f} s, coverage {seen.ledger.coverage}"
    )


def test_known_outages_are_found_within_their_error(tmp_path: Path) -> None:
    seen = watch(tmp_path, guests=24, length_s=11, seed=monotonic_ns() % 1000)
    assert not [*complaints(seen)], summary(seen)


@pytest.mark.full
def test_three_hundred_outages_of_every_kind(tmp_path: Path) -> None:
    seen = watch(tmp_path, guests=64, length_s=60, seed=7)
    away = [each for each in seen.outages if each.kind in AWAY]
    assert len(seen.outages) >= 300
    assert {each.kind for each in seen.outages} == set(Kind)
    assert len(away) >= 120
    assert not [*complaints(seen)], summary(seen)


def stop_and_cut(pid: int, bed: LinkedNamespaces) -> None:
    """Stop the prober twice, then take its own network away for a while."""
    pause(3)
    for length_s in (0.2, 0.7):
        os.kill(pid, signal.SIGSTOP)
        pause(length_s)
        os.kill(pid, signal.SIGCONT)
        pause(2)
    routes = ["ip", "-n", bed.prober_namespace, "route"]
    found = subprocess.run([*routes, "show", "10.77.0.0/17"], capture_output=True, text=True, check=True).stdout.split()
    subprocess.run([*routes, "del", "10.77.0.0/17"], check=True)
    pause(1.5)
    subprocess.run([*routes, "add", *found], check=True)


@pytest.mark.full
def test_faults_of_the_prober_are_told_and_no_outage_is_made_of_them(tmp_path: Path) -> None:
    seen = watch(tmp_path, guests=40, length_s=12, quiet=True, disturb=stop_and_cut)
    assert seen.ledger.gaps == ()
    stalls = [each for each in seen.ledger.unobserved if "stall" in each.reason]
    assert any(each.end_ns - each.start_ns > 600 * NS_PER_MS for each in stalls)
    assert len(stalls) >= 2
    down = [each for each in seen.ledger.unobserved if "network was down" in each.reason]
    assert sum(each.end_ns - each.start_ns for each in down) >= 1400 * NS_PER_MS
    assert seen.ledger.coverage is not None
    assert seen.ledger.coverage < 0.9
