"""`hil bench probe`: what its parts compute; what it measures is not asked here."""

from __future__ import annotations

import json
import os
import shutil
from dataclasses import replace
from pathlib import Path

import psutil
import pytest

from harness import cli
from harness.bench import probe, probe_accuracy, probe_cost, probe_memory, prober
from harness.bench.pauses import SHORTEST_NS, machine_watched
from harness.bench.peers import fping
from harness.bench.peers.usage import Usage, module_usage, own_module
from harness.bench.prober import Account, Assignment
from harness.clock import NS_PER_MS, NS_PER_S, monotonic_ns, pause
from harness.errors import HarnessError
from harness.exits import Exit
from harness.testing.outages.beds import LinkedNamespaces, Loopback, linked_namespaces, why_no_namespaces
from harness.testing.outages.responder import responding
from harness.testing.outages.script import Kind, Outage, Setup
from harness.testing.outages.truth import Silence, Truth
from harness.values import Signal

WHY_NOT = why_no_namespaces()
needs_namespaces = pytest.mark.skipif(bool(WHY_NOT), reason=WHY_NOT or "there are namespaces")
needs_fping = pytest.mark.skipif(shutil.which("fping") is None, reason="needs the program fping")


def test_without_namespaces_each_figure_says_why(
    capsys: pytest.CaptureFixture[str], monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(probe, "why_no_namespaces", lambda: "network namespaces need root")
    assert cli.main(["bench", "probe", "--json"]) is Exit.PASS
    figures = json.loads(capsys.readouterr().out)
    assert len(figures) == len(probe.FIGURES)
    assert {(one["ok"], one["value"], one["remark"]) for one in figures} == {
        ("not-run", None, "network namespaces need root")
    }


def test_cost_is_per_probe_and_without_the_start() -> None:
    whole, start = Usage(1.5, 60_000, 59_000, 6), Usage(0.5, 10_000, 10_000, 1)
    assert whole.beyond(start) == Usage(1.0, 50_000, 49_000, 5)
    assert whole.beyond(start).cpu_per_million_s == 20
    assert whole.beyond(start).rate_hz == 10_000
    assert whole + start == Usage(2.0, 70_000, 69_000, 6)
    assert Usage(1, 0, 0, 1).cpu_per_million_s == float("inf")


def turn(cpu_s: float, sent: int, lost: int = 0) -> Account:
    return Account(Usage(cpu_s, sent, sent, 4), lost=lost)


def test_only_turns_in_which_the_sampler_did_its_work_count() -> None:
    whole, slack, losing = turn(0.8, 40_000), turn(0.1, 38_000), turn(0.2, 40_000, lost=3)
    assert probe_cost._cheapest([turn(1.2, 40_000), slack, whole, losing], 1000) == (
        pytest.approx(20),
        "the sampler sent 100.0% of its probes in time and lost none",
    )
    value, why = probe_cost._cheapest([slack, losing], 1000)
    assert value is None
    assert why == (
        "in no turn did the sampler do its work: of its probes 95.0% sent in time, 0 lost; 100.0% sent in time, 3 lost"
    )


def test_outages_of_a_script_can_be_seen_and_told_apart() -> None:
    guests = Loopback().guests(probe_accuracy.NODES * probe_accuracy.GUESTS_PER_NODE)
    script = tuple(probe_accuracy.outages(guests))
    assert script == tuple(probe_accuracy.outages(guests)), "the same seed, the same script"
    assert Setup(guests, script).outages == script
    last_end: dict[str, int] = {}
    for outage in sorted(script, key=lambda one: one.start_ns):
        assert outage.length_ns >= 2 * probe_cost.INTERVAL_MS * NS_PER_MS, "longer than an interval: always seen"
        assert outage.start_ns - last_end.get(outage.vm, -NS_PER_S) >= 4 * probe_cost.INTERVAL_MS * NS_PER_MS
        last_end[outage.vm] = outage.end_ns
    whole = probe_accuracy.LEAD_S + probe_accuracy.SINGLE_S + probe_accuracy.NODE_S
    assert max(last_end.values()) <= whole * NS_PER_S
    silences = [Silence(one.vm, one.kind, "ping", one.start_ns, one.end_ns) for one in script]
    groups = probe_accuracy.grouped(silences[len(guests) * probe_accuracy.OUTAGES_PER_GUEST :])
    assert [len(group) for group in groups] == [50] * probe_accuracy.NODES * probe_accuracy.OUTAGES_PER_NODE


def watched(
    stalls: list[tuple[int, int]], pauses: list[tuple[int, int]] | None = None, *, realtime: bool = True
) -> probe_accuracy.Watched:
    silences = [
        Silence(f"vm{at}", Kind.FROZEN, "kernel", at * NS_PER_S, at * NS_PER_S + 300 * NS_PER_MS) for at in range(1, 9)
    ]
    account = Account(stalls=stalls, realtime=realtime)
    return probe_accuracy.Watched(Truth(0, tuple(silences)), account, [], pauses or [])


def test_outages_at_a_told_stall_are_left_out_and_too_many_say_nothing() -> None:
    at_an_edge = (2 * NS_PER_S + 350 * NS_PER_MS, 2 * NS_PER_S + 450 * NS_PER_MS)
    far = (2 * NS_PER_S + 450 * NS_PER_MS, 2 * NS_PER_S + 550 * NS_PER_MS)
    every = watched([]).truth.of("kernel")
    assert [one.vm for one in every if one not in watched([at_an_edge]).observed(every)] == ["vm2"]
    assert watched([far]).observed(every) == list(every)
    still = (3 * NS_PER_S + 302 * NS_PER_MS, 3 * NS_PER_S + 305 * NS_PER_MS)
    paused = watched([], [still])
    assert [one.vm for one in every if one not in paused.observed(every)] == ["vm3"]
    slow = replace(every[0], within_ns=probe_accuracy.KNOWN_NS + 1)
    assert paused.observed([slow]) == [], "its own truth is not known well enough"
    assert paused.left_out() == "; 1 of all 8 left out, for 1 pauses of the machine"
    assert watched([far]).too_disturbed() == ""
    assert watched([at_an_edge]).too_disturbed() == "", "one of eight may be"
    assert "8 of 8 outages" in watched([(0, 9 * NS_PER_S)]).too_disturbed()
    assert watched([], realtime=False).too_disturbed() == probe_accuracy.NOT_REALTIME


def test_without_nft_the_edges_are_not_run_and_say_why(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(probe_accuracy.shutil, "which", lambda _name: None)
    bed = LinkedNamespaces("none", "none")
    figures = probe_accuracy.edge_figures(probe.FIGURES, bed, lambda _text: None)
    assert [figure.name for figure in figures] == [
        probe.FIGURES[name].name for name in ("down", "up", "up-peer", "node")
    ]
    assert {(figure.value, "nftables" in figure.remark) for figure in figures} == {(None, True)}


def test_pauses_are_told_by_the_watchers_of_the_machine() -> None:
    with machine_watched() as pauses:
        watchers = psutil.Process().children()
        stopped_ns = monotonic_ns()
        for watcher in watchers:
            watcher.suspend()
        pause(0.1)
        for watcher in watchers:
            watcher.resume()
        pause(0.05)
        found = pauses()
    assert len(watchers) == len(os.sched_getaffinity(0))
    assert all(end - start >= SHORTEST_NS for start, end in found)
    seen = [span for span in found if span[0] <= stopped_ns + 50 * NS_PER_MS and span[1] >= stopped_ns + 90 * NS_PER_MS]
    assert len(seen) == len(watchers), "each of them was kept from running, as by a pause of its processor"


def test_memory_is_carried_on_along_its_slope() -> None:
    rising = [(float(at), 100_000 + max(0, 5000 - at * 500) + at * 2) for at in range(121)]
    assert probe_memory.growth(rising) == pytest.approx(2)
    assert probe_memory.extrapolated_mb(rising) == pytest.approx((100_000 + 14_400 * 2) * 1024 / 1e6)
    falling = [(float(at), 200_000 - at) for at in range(121)]
    assert probe_memory.extrapolated_mb(falling) == pytest.approx((200_000 - 120) * 1024 / 1e6)
    one_step = [(float(at), 100_000 + 1024 * (at >= 80)) for at in range(121)]
    assert probe_memory.growth(one_step) == 0
    leaking = [(float(at), 100_000 + 4 * (at // 3)) for at in range(121)]
    assert probe_memory.growth(leaking) == pytest.approx(4 / 3, rel=0.05)
    assert probe_memory.curve(falling).startswith("MB after 0 s 204.8, 10 s 204.8, 20 s")
    with pytest.raises(ValueError, match="a line needs two"):
        probe_memory.growth(falling[:60])


def test_a_peer_that_fails_says_why() -> None:
    pytest.importorskip("icmplib", reason="needs the packages of requirements/bench.txt")
    with pytest.raises(HarnessError, match="ended with code 1: KeyError: 'rounds'"):
        module_usage(own_module("icmplib_multiping"), {})


def test_an_assignment_and_its_account_survive_their_json_form() -> None:
    assignment = Assignment(Loopback().guests(4), 2, Signal.UDP, 4001, group=2)
    assert Assignment.from_plain(json.loads(json.dumps(assignment.plain()))) == assignment
    assert [target.group for target in assignment.targets()] == ["node0", "node0", "node1", "node1"]
    account = Account(Usage(1, 2, 3, 4), stalls=[(1, 2)], memory=[(0.5, 7)])
    assert Account.from_plain(json.loads(json.dumps(account.plain()))) == account


@needs_namespaces
def test_a_sampler_of_its_own_process_sees_what_the_responder_did(tmp_path: Path) -> None:
    samples = tmp_path / "samples.jsonl"
    with linked_namespaces() as bed:
        guests = bed.guests(4)
        setup = Setup(guests, (Outage(guests[1].vm, Kind.FROZEN, 300 * NS_PER_MS, 600 * NS_PER_MS),))
        with responding(bed, setup) as responder:
            assignment = Assignment(guests, 2, warm_s=0.5, late_ms=1000, samples=str(samples))
            with prober.probing(bed, assignment) as running:
                responder.begin()
                told = running.account()
            (silence,) = responder.truth().of("ping")
    lost = {run.vm for window in prober.read_windows(samples) for run in window.runs if run.answer == "lost"}
    assert lost == {guests[1].vm}
    assert silence.met > 0
    assert told.lost > 0
    assert told.usage.sent > 0
    assert told.memory


@needs_namespaces
@needs_fping
def test_fping_is_counted_whole_and_told_when_it_ends_early() -> None:
    with linked_namespaces() as bed:
        addresses = [guest.address for guest in bed.guests(20)]
        usage = fping.probe(bed, addresses, period_ms=20, rounds=5, processes=2)
        assert (usage.sent, usage.answered) == (100, 100)
        assert usage.cpu_s > 0
        with pytest.raises(HarnessError, match="fping ended with code"):
            fping.probe(bed, ["no-such-host.invalid"], period_ms=20, rounds=1)


@needs_namespaces
@pytest.mark.parametrize(
    ("peer", "style"),
    [("icmplib_multiping", ""), ("uvloop_udp", "timers"), ("uvloop_udp", "batches"), ("bare_udp", "")],
)
def test_the_peers_in_python_reach_every_guest(peer: str, style: str) -> None:
    if peer != "bare_udp":
        pytest.importorskip(peer.partition("_")[0], reason="needs the packages of requirements/bench.txt")
    with linked_namespaces() as bed:
        bed.allow_ping_sockets()
        guests = bed.guests(5)
        asked = {"addresses": [guest.address for guest in guests], "interval_ms": 100, "rounds": 2}
        asked |= {"port": 4001, "warm_s": 0.1, "seconds": 0.4, "style": style}
        with responding(bed, Setup(guests, udp_port=4001, kernel_answers=True)):
            usage = module_usage(bed.prober(own_module(peer)), asked)
    assert usage.sent > 0
    # The last answers of bare system calls are nobody's business.
    assert usage.answered == usage.sent if peer != "bare_udp" else usage.answered > 0
