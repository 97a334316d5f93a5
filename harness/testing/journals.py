"""Journals without a lab: records in order of lab time, written by the real writer.

`JournalBuilder` knows the record layout of docs/reference/journal.md and nothing of updates;
`harness.testing.stories` tells whole updates with it.  Times are seconds of lab time.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any, Final

from harness.journal import SCHEMA, Journal, JournalWriter, Kind, Redactor, read_journal

NS: Final = 1_000_000_000
BEATS_PER_S: Final = 10
EPOCH: Final = "2025-11-12T22:00:00+00:00"


def ns(seconds: float) -> int:
    """Seconds as nanoseconds."""
    return round(seconds * NS)


def enum(name: str, value: int | None = None) -> dict[str, Any]:
    """An enumeration member as records hold it."""
    return {"name": name, "value": value}


@dataclass(frozen=True, slots=True)
class Outage:
    """A guest does not answer from `start_s` until `end_s` (None: never again).

    `kind`: `frozen` (the guest stands still), `isolated` (it runs unheard), `restart` (it comes back with a new boot
    id).
    """

    vm: str
    start_s: float
    end_s: float | None
    kind: str = "frozen"


@dataclass
class GuestSamples:
    """What a sampler with period `interval_ns` gets from guests with known outages."""

    guests: Sequence[str]
    interval_ns: int
    outages: list[Outage] = field(default_factory=list)

    def runs(self, vm: str, from_ns: int, to_ns: int) -> list[list[Any]]:
        """The run-length coded samples of `vm` in (`from_ns`, `to_ns`], in record form."""
        mine = sorted((each for each in self.outages if each.vm == vm), key=lambda each: each.start_s)
        spans = [(ns(each.start_s), None if each.end_s is None else ns(each.end_s)) for each in mine]
        edges = sorted({edge for span in spans for edge in span if edge is not None and from_ns < edge <= to_ns})
        rows: list[list[Any]] = []
        for start, end in zip([from_ns + 1, *edges], [*(edge - 1 for edge in edges), to_ns], strict=True):
            first = -(-start // self.interval_ns) * self.interval_ns
            last = end // self.interval_ns * self.interval_ns
            if first > last:
                continue
            ok = not any(down <= first and (up is None or first < up) for down, up in spans)
            boot, beat = self._state(mine, first)
            beat_last = self._state(mine, last)[1] if ok else beat
            count = (last - first) // self.interval_ns + 1
            rows.append([vm, first, count, ok, boot, beat, beat_last])
        return rows

    def _state(self, mine: Sequence[Outage], t_ns: int) -> tuple[int, int]:
        """Boot id and heartbeat number last heard at `t_ns`."""
        boot, ran_ns, since_ns = 1, 0, 0
        for outage in mine:
            start_ns = ns(outage.start_s)
            if start_ns > t_ns:
                break
            ended = outage.end_s is not None and ns(outage.end_s) <= t_ns
            if not ended:
                return boot, (ran_ns + start_ns - since_ns) * BEATS_PER_S // NS
            if outage.kind == "isolated":
                continue
            ran_ns += start_ns - since_ns
            since_ns = ns(outage.end_s or 0)
            if outage.kind == "restart":
                boot, ran_ns = boot + 1, 0
        return boot, (ran_ns + t_ns - since_ns) * BEATS_PER_S // NS


@dataclass
class JournalBuilder:
    """Collects records with their lab time and writes them in that order.

    `folder` is the run folder (made when missing).  Records of the same time keep the order in which they were added.
    """

    folder: Path
    nodes: Sequence[str] = ("NODE01", "NODE02", "NODE03", "NODE04")
    guests: Sequence[str] = ("vm01", "vm02", "vm03", "vm04", "vm05", "vm06", "vm07", "vm08")
    interval_ns: int = NS // 10
    subject: str = "simulated"
    machines: str = "none"
    scenario: Mapping[str, Any] = field(default_factory=lambda: {"id": "UPD-001", "title": "Solution update"})
    limits: Sequence[Mapping[str, Any]] = ()
    waivers: Sequence[Mapping[str, Any]] = ()
    seed: int = 7
    records: list[tuple[float, Kind, str, str, dict[str, Any]]] = field(default_factory=list)
    events: int = 0

    def add(self, t_s: float, kind: Kind, actor: str, subject: str, what: str, /, **data: Any) -> None:
        """Any record at lab time `t_s`."""
        self.records.append((t_s, kind, actor, subject, {"what": what, **data}))

    def note(self, t_s: float, what: str, **data: Any) -> None:
        """A note of the conductor about the run."""
        self.add(t_s, Kind.NOTE, "conductor", "run", what, **data)

    def event(self, t_s: float, kind: str, path: str = "", /, **more: Any) -> None:
        """An event of the lab; `node` and `vm` are its own keys, the rest are attributes."""
        node, vm, number = more.pop("node", None), more.pop("vm", None), self.events
        self.events += 1
        row = {"t_ns": ns(t_s), "t_err_ns": more.pop("t_err_ns", 0), "kind": kind, "path": path, "node": node, "vm": vm}
        self.add(
            t_s, Kind.OBSERVATION, "lab", "event", "event", number=number, **row, source="lab", attrs=more, lag_ns=0
        )

    def update(self, t_s: float, state: str, phase: str, **more: Any) -> None:
        """A look at the update."""
        row = {
            "update_id": more.get("update_id", "Microsoft12.2510.1002.94"),
            "state": enum(state),
            "phase": phase,
            "percent": more.get("percent"),
            "run_id": more.get("run_id"),
            "run_state": more.get("run_state"),
            "step": more.get("step"),
            "current_version": more.get("current_version", "12.2509.1001.22"),
            "environment_state": None,
            "health_state": None,
            "node": more.get("node", "NODE01"),
        }
        self.add(t_s, Kind.OBSERVATION, f"node/{row['node']}", "update", "update", **row)

    def cluster(self, t_s: float, **rows: Any) -> None:
        """A look at the cluster; what is not given is healthy and idle."""
        nodes = rows.get("nodes") or {}
        owners = rows.get("owners") or {vm: self.nodes[i % len(self.nodes)] for i, vm in enumerate(self.guests)}
        health, operational = rows.get("disk", ("Healthy", "OK"))
        data = {
            "nodes": [
                {
                    "name": name,
                    "state": enum(nodes.get(name, "Up")),
                    "drain": enum((rows.get("drains") or {}).get(name, "NotInitiated")),
                    "os_build": None,
                }
                for name in self.nodes
            ],
            "groups": [],
            "disks": [{"name": "UserStorage_1", "health": health, "operational": operational}],
            "jobs": rows.get("jobs") or [],
            "pool": {
                "name": "SU1_Pool",
                "health": "Healthy",
                "operational": "OK",
                "read_only": rows.get("read_only", False),
            },
            "guests": [{"name": vm, "owner": owners[vm], "state": enum("Running", 2)} for vm in self.guests],
        }
        self.add(t_s, Kind.OBSERVATION, "node/NODE01", "cluster", "cluster", **data)

    def samples(self, from_s: float, to_s: float, guests: GuestSamples, **control: Any) -> None:
        """One window of samples."""
        from_ns, to_ns = ns(from_s), ns(to_s)
        runs = [row for vm in guests.guests for row in guests.runs(vm, from_ns, to_ns)]
        due = (to_ns - from_ns) // guests.interval_ns * len(guests.guests)
        data = {"from_ns": from_ns, "to_ns": to_ns, "interval_ns": guests.interval_ns, "runs": runs}
        control = {"due": due, "missed": 0, "stalls": []} | control
        self.add(to_s, Kind.SAMPLES, "probe", "guests", "samples", **data, control=control)

    def start(self, t_s: float, *, number: int = 1, resume: bool = False, started_s: float | None = None) -> None:
        """Start or resume the update: intent and effect."""
        options = {"prepare_only": False, "ignore_warnings": False}
        intent = {"key": f"k{number}", "update_id": "Microsoft12.2510.1002.94", "options": options}
        self.add(t_s, Kind.INTENT, "conductor", "update", "update.start", **intent, number=number, resume=resume)
        effect = {"number": number, "run_id": "run-1", "adopted": False, "node": "NODE01"}
        self.add(
            t_s + 5 if started_s is None else started_s, Kind.EFFECT, "conductor", "update", "update.started", **effect
        )

    def fault(self, name: str, kind: str, target: str, at_s: float, **when: Any) -> None:
        """The life of a fault; `confirmed`, `recover`, `clean` are seconds of lab time or None, `lag_ns` its
        trigger's lag."""
        subject = f"fault/{name}"
        trigger = {"event_number": 0, "t_source_ns": ns(at_s), "t_seen_ns": ns(at_s), "lag_ns": when.get("lag_ns", 0)}
        trigger["precision_ns"] = when.get("precision_ns")
        undo = {"verb": "power_on", "node": target}
        intent = {"fault": kind, "target": target, "target_expression": "one", "undo": undo, "trigger": trigger}
        self.add(at_s, Kind.INTENT, "conductor", subject, "fault.inject", **intent, recover_at_ns=None)
        self.add(at_s, Kind.EFFECT, "conductor", subject, "fault.injected", target=target)
        proof = [{"source": "cluster", "node": "NODE02", "fact": "seen"}]
        for what, record, key in (
            (Kind.OBSERVATION, "fault.confirmed", "confirmed"),
            (Kind.UNDO, "fault.recover", "recover"),
            (Kind.UNDO, "fault.clean", "clean"),
        ):
            if when.get(key) is not None:
                data = {"why": "planned", "target": target} if key == "recover" else {"by": proof}
                self.add(when[key], what, "conductor", subject, record, **data)

    def finding(self, t_s: float, name: str, about: str, outcome: str, summary: str, **more: Any) -> None:
        """A finding of the conductor."""
        row = {
            "at_ns": ns(t_s),
            "evidence": [],
            "phase": "",
            "step": "",
            "node": "",
            "value": "",
            "limit": "",
            "attrs": {},
        }
        data = {"id": name, "about": about, "outcome": outcome, "summary": summary, **row, **more}
        self.add(t_s, Kind.FINDING, "conductor", "run", "finding", **data)

    def write(self) -> Journal:
        """Write header and records, and read them back verified."""
        self.folder.mkdir(parents=True, exist_ok=True)
        writer = JournalWriter(self.folder, Redactor())
        clock = [0]
        writer.lab_time = lambda: clock[0]
        writer.append(Kind.NOTE, "conductor", "run", self.header())
        for t_s, kind, actor, subject, data in sorted(self.records, key=lambda record: record[0]):
            clock[0] = ns(t_s)
            writer.append(kind, actor, subject, data)
        writer.close()
        return read_journal(writer.path)

    def header(self) -> dict[str, Any]:
        """The header record."""
        return {
            "what": "header",
            "schema": SCHEMA,
            "harness": "0.1.0",
            "scenario": dict(self.scenario),
            "plan": {"name": "demo", "file": "demo.yaml", "sha256": "0" * 64},
            "lab": {
                "name": "twin-4node",
                "kind": "twin",
                "clock": "virtual",
                "epoch": EPOCH,
                "subject": self.subject,
                "machines": self.machines,
                "nodes": list(self.nodes),
                "guests": list(self.guests),
                "capabilities": ["events", "hold", "power", "reset"],
                "sample_interval_ns": self.interval_ns,
            },
            "seed": self.seed,
            "limits": [dict(limit) for limit in self.limits],
            "waivers": [dict(waiver) for waiver in self.waivers],
            "host": {"run_id": self.folder.name, "instance": "twin-4node#1", "pid": 1, "boot_id": "b", "machine": "m"},
        }
