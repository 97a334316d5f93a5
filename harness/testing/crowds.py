"""Runs with many guests, as a prober with fused signals leaves them: a journal, and the ledger document beside it.

record = crowd_record(folder, Crowd(nodes=16, vms=1000))

The journal holds the update, its faults, and the prober's windows without the guests' own samples; the ledger is told
directly, since a thousand guests over seven hours are for a prober to sample and not for a test.  The story: a rolling
drain, one node that loses power meanwhile, one that is cut off for twenty seconds, brownouts while storage repairs, a
stall of the prober and a control target that falls silent.  Lengths are made up; they show shapes, no product.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from itertools import pairwise
from pathlib import Path
from random import Random
from typing import Any, Final

from harness.journal import Journal, Kind
from harness.judge.judgement import judge
from harness.judge.results import results_of
from harness.judge.timeline import timeline_of
from harness.measure.gaps import STATE_OF, Cause
from harness.measure.ledger_document import LEDGER_SCHEMA
from harness.report.guest_ledger import SERVICE, summed
from harness.report.record import RunRecord, record_of
from harness.testing.journals import JournalBuilder, ns

CLASSES: Final = ("sql", "web", "web", "web", "desktop", "desktop")
EDGE_S: Final = 0.05
"""Error of an edge found by the interval of 100 ms alone."""
BURST_S: Final = 0.001
"""Error of a return found by burst, and of an edge that many guests share."""
BEGIN_S: Final = 1800.0
STALL: Final = (4000.0, 4001.3)
SILENT: Final = (9000.0, 9015.0)


@dataclass(frozen=True)
class Crowd:
    """Size of the story.  `turn_s` is the time of one node's turn, `balanced` the share of guests that are moved once
    more after the update; `quiet` nodes have their turn without drain."""

    nodes: int = 16
    vms: int = 1000
    turn_s: float = 1500.0
    balanced: float = 0.95
    quiet: int = 0
    seed: int = 7


@dataclass
class _Guest:
    name: str
    home: str
    kind: str
    gaps: list[dict[str, Any]] = field(default_factory=list)
    conditions: list[dict[str, Any]] = field(default_factory=list)


class _Telling:
    def __init__(self, folder: Path, crowd: Crowd) -> None:
        self.crowd, self.random = crowd, Random(crowd.seed)
        width = len(str(crowd.vms))
        self.nodes = [f"NODE{number:02d}" for number in range(1, crowd.nodes + 1)]
        self.guests = [
            _Guest(f"vm{number:0{width}d}", self.nodes[number % crowd.nodes], CLASSES[number % len(CLASSES)])
            for number in range(crowd.vms)
        ]
        faults = [{"id": "node-dies", "fault": "node.power_loss"}]
        scenario = {"id": "UPD-900", "title": "Solution update of a full cluster", "faults": faults}
        names = [guest.name for guest in self.guests]
        self.builder = JournalBuilder(folder, nodes=self.nodes, guests=names, scenario=scenario)
        self.edges: list[dict[str, Any]] = []
        self.end_s = BEGIN_S + crowd.nodes * crowd.turn_s + 3600

    def tell(self) -> tuple[Journal, dict[str, Any]]:
        """Journal and ledger."""
        for begin_s, end_s, name in ((70, 600, "download"), (600, 900, "prepare"), (900, 1500, "health-check")):
            self._span(begin_s, end_s, f"update/{name}")
        self._span(1500, self.end_s - 600, "update/install")
        self._span(BEGIN_S, BEGIN_S + self.crowd.nodes * self.crowd.turn_s, "update/install/cau")
        self._frame()
        lost, cut = self.nodes[len(self.nodes) // 2], self.nodes[-1]
        self._lose(BEGIN_S + 1.4 * self.crowd.turn_s, lost)
        self._cut(BEGIN_S + 0.9 * self.crowd.turn_s, cut)
        for number, node in enumerate(self.nodes):
            self._turn(BEGIN_S + number * self.crowd.turn_s, node, drained=number >= self.crowd.quiet)
        self._balance()
        self._windows()
        return self.builder.write(), self._ledger()

    # --- the update --------------------------------------------------------------------------------------------------

    def _frame(self) -> None:
        builder = self.builder
        builder.note(0, "attempt.begin", resumed=False, torn_sha256=None, host={})
        for t_s, stage in ((0, "baseline"), (30, "probes-on"), (60, "update"), (self.end_s - 500, "settle")):
            builder.note(t_s, "stage", stage=stage)
        builder.start(60)
        owners = {guest.name: guest.home for guest in self.guests}
        builder.cluster(0, owners=owners)
        builder.cluster(self.end_s - 1, owners=owners)
        builder.note(self.end_s, "attempt.end", reason="completed", detail="")

    def _span(self, begin_s: float, end_s: float, path: str, **more: Any) -> None:
        self.builder.event(begin_s, "phase.enter", path, **more)
        self.builder.event(end_s, "phase.exit", path, status="Success", **more)

    def _turn(self, begin_s: float, node: str, *, drained: bool) -> None:
        turn_s, path = self.crowd.turn_s, f"update/install/cau/node[{node}]"
        drain_s, reboot_s, up_s, done_s = (begin_s + turn_s * share for share in (0.04, 0.45, 0.62, 0.95))
        self._span(begin_s, begin_s + turn_s, path, node=node)
        self._span(drain_s, reboot_s - 10, f"{path}/drain", node=node)
        self._span(reboot_s, up_s, f"{path}/reboot", node=node)
        self.builder.event(drain_s, "node.drain", node=node, status="InProgress")
        self.builder.event(reboot_s, "node.down", node=node, planned=True)
        self.builder.event(up_s, "node.up", node=node)
        self.builder.event(up_s + 20, "storage.resync.start", disk="UserStorage_1")
        self.builder.event(done_s, "storage.resync.end", disk="UserStorage_1")
        mine = [guest for guest in self.guests if guest.home == node] if drained else []
        for place, guest in enumerate(mine):
            away = self._other(node)
            share = (place + self.random.random() / 2) / max(1, len(mine))
            for start_s, length_s, owners in (
                (drain_s + 20, reboot_s - drain_s - 60, (node, away)),
                (up_s + 60, done_s - up_s - 90, (away, node)),
            ):
                phase = f"{path}/drain" if owners[0] == node else path
                self._migrate(guest, start_s + share * length_s, owners, phase)

    def _migrate(self, guest: _Guest, at_s: float, owners: tuple[str, str], phase: str) -> None:
        if any(gap["open"] for gap in guest.gaps):
            return
        length_s = self.random.lognormvariate(-0.9, 0.6)
        self._gap(guest, at_s, length_s, "live-migration", owners, phase=phase, reason="count went on without a hole")
        if self.random.random() < 0.8:
            host_s = max(0.02, length_s + self.random.gauss(0, 0.03))
            guest.gaps[-1]["host_blackout_ns"] = ns(host_s)
            guest.gaps[-1]["host_difference_ns"] = guest.gaps[-1]["duration_ns"] - ns(host_s)

    def _other(self, node: str) -> str:
        return self.random.choice([each for each in self.nodes if each != node])

    # --- what goes wrong ---------------------------------------------------------------------------------------------

    def _lose(self, at_s: float, node: str) -> None:
        mine = [guest for guest in self.guests if guest.home == node]
        builder, back_s = self.builder, at_s + 700
        builder.fault("node-dies", "node.power_loss", node, at_s, confirmed=at_s + 12, recover=at_s + 500, clean=back_s)
        builder.event(at_s + 1, "node.down", node=node)
        builder.event(back_s - 40, "node.up", node=node)
        self._edge(node, "down", at_s, mine)
        for guest in mine:
            owners = (node, self._other(node))
            length_s = self.random.uniform(45, 160)
            why = {"reason": "new boot id", "explained_by": "node-dies", "errors": (BURST_S, BURST_S)}
            self._gap(guest, at_s + self.random.uniform(0, 0.002), length_s, "restart", owners, **why)
        if mine:
            mine[-1].gaps[-1] |= {"cause": "down", "state": "down", "open": True, "first_ok_ns": None}
            length_ns = ns(self.end_s) - mine[-1].gaps[-1]["start_ns"]
            mine[-1].gaps[-1] |= {"end_ns": ns(self.end_s), "duration_ns": length_ns, "reason": "never heard again"}
            mine[-1].gaps[-1]["owner_after"] = ""
        near = {self.nodes[(self.nodes.index(node) + step) % len(self.nodes)] for step in (1, 2)}
        for guest in self.guests:
            if guest.home in near and self.random.random() < 0.4:
                start_s = at_s + self.random.uniform(5, 400)
                self._condition(guest, "brown", start_s, self.random.uniform(10, 240), "replies late: over 5 × usual")
        for number, kind in enumerate(("service-down", "connections-broken", "filtered", "unreachable", "path") * 3):
            guest = self.guests[(number * 17 + 3) % len(self.guests)]
            self._condition(
                guest, kind, 5000 + 900 * number % (self.end_s - 6000), 120 + 40 * number, f"seen as {kind}"
            )

    def _cut(self, at_s: float, node: str) -> None:
        mine = [guest for guest in self.guests if guest.home == node]
        self._edge(node, "down", at_s, mine)
        self._edge(node, "up", at_s + 20, mine)
        for guest in mine:
            shared = {"reason": "count went on by gap × rate", "errors": (BURST_S, BURST_S)}
            self._gap(guest, at_s, 20 + self.random.uniform(0, 0.002), "isolated", (node, node), **shared)
        for guest in self.guests[:: max(1, len(self.guests) // 8)]:
            self._gap(guest, self.random.uniform(100, 1500), self.random.uniform(0.1, 4), "frozen", (guest.home,) * 2)
        odd = self.guests[1]
        self._gap(odd, 400, 0.1, "unknown", (odd.home, odd.home), reason="too short to tell")

    def _balance(self) -> None:
        for guest in self.guests:
            if self.random.random() < self.crowd.balanced:
                at_s = self.random.uniform(self.end_s - 3000, self.end_s - 600)
                self._migrate(guest, at_s, (guest.home, self._other(guest.home)), "update/install")

    # --- the ledger --------------------------------------------------------------------------------------------------

    def _gap(
        self, guest: _Guest, at_s: float, length_s: float, cause: str, owners: tuple[str, str], **more: Any
    ) -> None:
        errors = more.pop("errors", (EDGE_S, BURST_S))
        start_ns, end_ns = ns(at_s), ns(at_s + length_s)
        guest.gaps.append(
            {
                "start_ns": start_ns,
                "start_err_ns": ns(errors[0]),
                "end_ns": end_ns,
                "end_err_ns": ns(errors[1]),
                "last_ok_ns": start_ns - ns(errors[0]),
                "first_bad_ns": start_ns + ns(errors[0]),
                "first_ok_ns": end_ns + ns(errors[1]),
                "cause": cause,
                "state": STATE_OF[Cause(cause)].value,
                "boot_before": 1,
                "boot_after": 2 if cause == "restart" else 1,
                "owner_before": owners[0],
                "owner_after": owners[1],
                "explained_by": "",
                "duration_ns": end_ns - start_ns,
                "error_ns": ns(sum(errors)),
                "open": False,
                "reason": "",
                "signals": ["icmp", "udp", "heartbeat"],
                "lost": max(1, round(10 * length_s)),
                "phase": "",
                "host_blackout_ns": None,
                "host_difference_ns": None,
                **more,
            }
        )

    def _condition(self, guest: _Guest, kind: str, at_s: float, length_s: float, reason: str) -> None:
        signals = ["icmp"] if kind == "filtered" else ["http", "tcp"] if kind != "brown" else ["icmp", "udp", "http"]
        edges = {"start_ns": ns(at_s), "start_err_ns": ns(EDGE_S), "end_ns": ns(at_s + length_s), "end_err_ns": ns(0.1)}
        told = {"duration_ns": edges["end_ns"] - edges["start_ns"], "signals": signals, "reason": reason}
        guest.conditions.append({"kind": kind, **edges, **told})

    def _edge(self, node: str, kind: str, at_s: float, guests: Sequence[_Guest]) -> None:
        names = [guest.name for guest in guests]
        self.edges.append({"node": node, "kind": kind, "at_ns": ns(at_s), "err_ns": ns(BURST_S), "vms": names})

    def _windows(self) -> None:
        """The prober's own health; the samples themselves are left out."""
        interval_ns, window_s = self.builder.interval_ns, 300
        targets = {"canary": (), "switch": (SILENT,)}
        for number in range(int(self.end_s // window_s)):
            begin_s, end_s = number * window_s, (number + 1) * window_s
            stalled = begin_s <= STALL[0] < end_s
            missed = 13 * len(self.guests) if stalled else self.random.choice((0, 0, 0, 2, 5)) if number > 40 else 0
            control = {
                "due": window_s * 10 * len(self.guests),
                "missed": missed,
                "stalls": [[ns(STALL[0]), ns(STALL[1])]] if stalled else [],
                "targets": [row for name, cuts in targets.items() for row in _target(name, begin_s, end_s, cuts)],
            }
            edges = {"from_ns": ns(begin_s), "to_ns": ns(end_s), "interval_ns": interval_ns}
            self.builder.add(end_s, Kind.SAMPLES, "probe", "guests", "samples", **edges, runs=[], control=control)

    def _ledger(self) -> dict[str, Any]:
        vms = [_vm(guest, ns(self.end_s) // self.builder.interval_ns) for guest in self.guests]
        windows = [data["control"] for *_, data in self.builder.records if data.get("control")]
        blind = [(STALL, "prober stalled: not scheduled for 1.3 s"), (SILENT, "control target switch silent")]
        return {
            "schema": LEDGER_SCHEMA,
            "from_ns": 0,
            "to_ns": ns(self.end_s),
            "interval_ns": self.builder.interval_ns,
            "coverage": min(vm["coverage"] for vm in vms),
            "control": {key: sum(window[key] for window in windows) for key in ("due", "missed")},
            "unobserved": [{"start_ns": ns(a), "end_ns": ns(b), "reason": reason} for (a, b), reason in blind],
            "node_edges": self.edges,
            "classes": [dict(summed(name, [vm for vm in vms if vm["class"] == name])) for name in sorted(set(CLASSES))],
            "vms": vms,
        }


def _target(name: str, begin_s: float, end_s: float, cuts: Sequence[tuple[float, float]]) -> list[list[Any]]:
    """Sample runs of a control target, once a second."""
    moments = sorted({begin_s, end_s, *(edge for cut in cuts for edge in cut if begin_s < edge < end_s)})
    rows: list[list[Any]] = []
    for start, end in pairwise(moments):
        silent = any(cut[0] <= start < cut[1] for cut in cuts)
        rows.append([name, ns(start), int(end - start), not silent, 0, -1, -1, "icmp", ns(1)])
    return rows


def _vm(guest: _Guest, samples: int) -> dict[str, Any]:
    gaps = sorted(guest.gaps, key=lambda gap: int(gap["start_ns"]))
    total_ns = sum(gap["duration_ns"] for gap in gaps)
    return {
        "vm": guest.name,
        "class": guest.kind,
        "coverage": 0.9994,
        "samples": samples,
        "count": len(gaps),
        "longest_ns": max((gap["duration_ns"] for gap in gaps), default=0),
        "total_ns": total_ns,
        "visible_ns": total_ns + sum(row["duration_ns"] for row in guest.conditions if row["kind"] in SERVICE),
        "gaps": gaps,
        "conditions": sorted(guest.conditions, key=lambda row: int(row["start_ns"])),
    }


def crowd_record(folder: Path, crowd: Crowd) -> RunRecord:
    """The story as a report reads it; its journal is written into `folder`."""
    journal, ledger = _Telling(folder, crowd).tell()
    results = results_of(judge(journal)).model_dump(mode="json", by_alias=True)
    results["worst_guests"] = _worst(ledger)
    return record_of(journal, timeline_of(journal), results, ledger)


def _worst(ledger: Mapping[str, Any]) -> list[dict[str, Any]]:
    """The five longest gaps, as the judge would name them."""
    vms = sorted((vm for vm in ledger["vms"] if vm["gaps"]), key=lambda vm: (-vm["longest_ns"], vm["vm"]))
    found = []
    for vm in vms[:5]:
        gap = max(vm["gaps"], key=lambda gap: int(gap["duration_ns"]))
        found.append(
            {
                "vm": vm["vm"],
                "longest_s": gap["duration_ns"] / 1e9,
                "error_s": gap["error_ns"] / 1e9,
                "cause": gap["cause"],
                "explained_by": gap["explained_by"],
                "down": gap["open"],
            }
        )
    return found
