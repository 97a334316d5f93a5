"""Whole updates as journals: a sound one, and each way in which it can go wrong that the judge must see.

A `Story` says what differs from the sound update of a four-node cluster.  Durations are shorter than a product's;
their order is the product's ([D] node by node: drain, install, restart, resume, repair).
"""

from __future__ import annotations

from dataclasses import dataclass, field, replace
from itertools import pairwise
from pathlib import Path
from typing import Any, Final

from harness.journal import Journal, Kind
from harness.testing.journals import GuestSamples, JournalBuilder, Outage, enum

OLD_BUILD: Final = "26100.6584"
NEW_BUILD: Final = "26100.6899"
TARGET: Final = "12.2510.1002.94"
LIMITS: Final = (
    {"measurement": "vm.gap.unexplained.longest", "op": "<=", "value": 2, "unit": "s", "origin": "plan"},
    {"measurement": "vm.restart_gap.longest", "op": "<=", "value": 360, "unit": "s", "origin": "plan"},
    {"measurement": "vm.restarts.unexplained", "op": "<=", "value": 0, "unit": "count", "origin": "plan"},
    {"measurement": "update.duration", "op": "<=", "value": 10, "unit": "h", "origin": "plan"},
    {"measurement": "sampler.coverage", "op": ">=", "value": 0.999, "unit": "ratio", "origin": "plan"},
)

START_S: Final = 60
TURNS_S: Final = 1800
BLACKOUT_S: Final = 0.4
"""Pause of a live migration."""
RESTART_S: Final = 75
"""A guest of a dead node answers again: noticed, restarted, booted."""
POWER_OFF_S: Final = 600
BOOT_S: Final = 240


@dataclass(frozen=True)
class Story:
    """What happens.  `turn_s` is the time of one node's turn, `poll_s` the time between two looks.

    `power_loss`: NODE03 loses its power while NODE01 restarts, and gets it back after ten minutes.  `ha_restart`
    False: its guests are not restarted elsewhere.  `drain_early_s`: the second node begins to drain this long before
    the repair after the first turn is done (negative: after it).  `old_node` keeps the old build.  `hangs`: the
    second turn never ends. `by_looks`: the lab tells no events.
    """

    power_loss: bool = False
    ha_restart: bool = True
    drain_early_s: float = -200.0
    old_node: str | None = None
    hangs: bool = False
    by_looks: bool = False
    turn_s: int = 1500
    poll_s: int = 60
    limits: tuple[dict[str, Any], ...] = LIMITS
    waivers: tuple[dict[str, Any], ...] = ()
    outages: tuple[Outage, ...] = ()
    guests: int = 8
    scenario_id: str = "UPD-001"


@dataclass
class Facts:
    """Values that change at known times."""

    rows: dict[str, list[tuple[float, Any]]] = field(default_factory=dict)

    def set(self, t_s: float, key: str, value: Any) -> None:
        """From `t_s` on, `key` is `value`."""
        self.rows.setdefault(key, []).append((t_s, value))

    def at(self, t_s: float, key: str, default: Any = None) -> Any:
        """The value at `t_s`."""
        known = [row for row in self.rows.get(key, ()) if row[0] <= t_s]
        return max(enumerate(known), key=lambda item: (item[1][0], item[0]))[1][1] if known else default


class Telling:
    """Tells one story to a journal builder."""

    def __init__(self, folder: Path, story: Story) -> None:
        self.story = story
        faults = [{"id": "second-node-dies", "fault": "node.power_loss"}] if story.power_loss else []
        self.builder = JournalBuilder(
            folder,
            guests=[f"vm{number:02d}" for number in range(1, story.guests + 1)],
            limits=story.limits,
            waivers=story.waivers,
            scenario={
                "id": story.scenario_id,
                "title": "Solution update leaves guests running",
                "workflow": {"kind": "solution", "target": {"solution": TARGET}, "options": {"prepare_only": False}},
                "faults": faults,
                "budgets": {"stuck_after": "75m", "settle": "2h"},
            },
        )
        self.nodes = list(self.builder.nodes)
        self.samples = GuestSamples(self.builder.guests, self.builder.interval_ns, list(story.outages))
        self.facts = Facts()
        self.end_s = 0.0
        self.home = {vm: self.nodes[i % len(self.nodes)] for i, vm in enumerate(self.builder.guests)}

    def tell(self) -> Journal:
        """The journal of the story."""
        self._frame_start()
        self._prepare()
        done_s = self._turns()
        self.end_s = done_s + 900
        if self.story.hangs:
            self._hang(done_s)
        else:
            self._install(done_s)
        self._look()
        self._frame_end(done_s)
        return self.builder.write()

    # --- parts -------------------------------------------------------------------------------------------------------

    def _event(self, t_s: float, kind: str, path: str = "", **more: Any) -> None:
        if not self.story.by_looks:
            self.builder.event(t_s, kind, path, **more)

    def _frame_start(self) -> None:
        self.builder.note(
            0, "attempt.begin", resumed=False, torn_sha256=None, host={"pid": 1, "boot_id": "b", "epoch": 1}
        )
        self.builder.note(0, "stage", stage="baseline")
        self.builder.note(0, "baseline", outcome="ready", reason="", versions={"solution": "12.2509.1001.22"})
        self.builder.note(0, "stage", stage="probes-on")
        self.builder.note(START_S, "stage", stage="update")
        self.builder.start(START_S)

    def _prepare(self) -> None:
        marks = (
            (START_S + 10, "Downloading", "download"),
            (600, "Preparing", "prepare"),
            (900, "HealthChecking", "health-check"),
        )
        self.facts.set(0, "state", ("Ready", "discovery"))
        for t_s, state, phase in marks:
            self.facts.set(t_s, "state", (state, phase))
        self.facts.set(1500, "state", ("Installing", "install"))
        for (begin, _, phase), end in zip(marks, (600, 900, 1500), strict=True):
            self._event(begin, "phase.enter", f"update/{phase}")
            self._event(end, "phase.exit", f"update/{phase}", status="Success")
        self._event(1500, "phase.enter", "update/install")
        self.facts.set(1500, "step", ["Update Host OS"])

    def _turns(self) -> float:
        """Every node's turn; returns when the last one is done."""
        begin_s = float(TURNS_S)
        self._event(begin_s, "phase.enter", "update/install/cau")
        for number, node in enumerate(self.nodes):
            if self.story.hangs and number == 1:
                return begin_s
            repaired_s = self._turn(begin_s, node, number)
            early = self.story.drain_early_s if number == 0 else -200.0
            begin_s = repaired_s - early - 60
        self._event(begin_s, "phase.exit", "update/install/cau", status="Success")
        return begin_s + 120

    def _turn(self, begin_s: float, node: str, number: int) -> float:
        path = f"update/install/cau/node[{node}]"
        drain_s, reboot_s, up_s = begin_s + 60, begin_s + 400, begin_s + 700
        lost_s = reboot_s + 5 if self.story.power_loss and number == 0 else None
        repaired_s = begin_s + self.story.turn_s - 100 + (POWER_OFF_S + BOOT_S if lost_s else 0)
        self._event(begin_s, "phase.enter", path, node=node)
        self._event(drain_s, "phase.enter", f"{path}/drain", node=node)
        self._event(drain_s, "node.drain", node=node, status="InProgress")
        self.facts.set(drain_s, f"node/{node}", "Paused")
        self.facts.set(drain_s, f"drain/{node}", "InProgress")
        self.facts.set(drain_s, "step", ["Update Host OS", f"Drain {node}"])
        self.facts.set(drain_s, "percent", 20 + number * 20)
        self._move(drain_s + 20, node, self.nodes[(number + 1) % len(self.nodes)])
        self._event(drain_s + 200, "phase.exit", f"{path}/drain", node=node, status="Success")
        self._storage(drain_s + 1, "Warning", "Degraded")
        self.facts.set(drain_s + 200, f"drain/{node}", "Completed")
        self._event(reboot_s, "phase.enter", f"{path}/reboot", node=node)
        self.facts.set(reboot_s, "step", ["Update Host OS", f"Restart {node}"])
        self._down(reboot_s, node)
        if lost_s:
            self._lose_power(lost_s)
        self._up(up_s, node, "Paused")
        self._event(up_s, "phase.exit", f"{path}/reboot", node=node, status="Success")
        self.facts.set(up_s + 30, f"node/{node}", "Up")
        self.facts.set(up_s + 30, f"drain/{node}", "NotInitiated")
        self._repair((lost_s + POWER_OFF_S + BOOT_S if lost_s else up_s) + 40, repaired_s)
        self._move(up_s + 60, "", node)
        self._event(up_s + 120, "phase.exit", path, node=node, status="Success")
        self.facts.set(up_s + 120, "percent", 30 + number * 20)
        return repaired_s

    def _storage(self, t_s: float, health: str, status: str) -> None:
        self._event(t_s, "storage.health", disk="UserStorage_1", health=health, status=status)
        self.facts.set(t_s, "disk", (health, status))

    def _repair(self, begin_s: float, end_s: float) -> None:
        self._storage(begin_s, "Warning", "In service")
        self._event(begin_s, "storage.resync.start", disk="UserStorage_1")
        self.facts.set(begin_s, "job", (begin_s, end_s))
        self._event(end_s, "storage.resync.end", disk="UserStorage_1")
        self.facts.set(end_s, "job", None)
        self._storage(end_s, "Healthy", "OK")

    def _down(self, t_s: float, node: str) -> None:
        self._event(t_s, "node.down", node=node)
        self.facts.set(t_s, f"node/{node}", "Down")

    def _up(self, t_s: float, node: str, state: str) -> None:
        self._event(t_s, "node.up", node=node)
        self.facts.set(t_s, f"node/{node}", state)

    def _owner(self, t_s: float, vm: str) -> str:
        return str(self.facts.at(t_s, f"owner/{vm}", self.home[vm]))

    def _move(self, t_s: float, source: str, target: str) -> None:
        """Live-migrate all guests of `source` to `target`, or (no source) those at home on `target` back to it."""
        if self.facts.at(t_s, f"node/{target}", "Up") == "Down":
            target = next(node for node in self.nodes if self.facts.at(t_s, f"node/{node}", "Up") == "Up")
        for number, vm in enumerate(self.builder.guests):
            owner, at_s = self._owner(t_s, vm), t_s + 10 * number
            wanted = owner == source if source else self.home[vm] == target and owner != target
            if not wanted or self.facts.at(t_s, f"dead/{vm}"):
                continue
            self._event(at_s - 8, "vm.migration.start", vm=vm, node=owner, target=target)
            self.samples.outages.append(Outage(vm, at_s, at_s + BLACKOUT_S))
            self._event(at_s + BLACKOUT_S, "vm.migration.end", vm=vm, node=target, status="ok")
            self.facts.set(at_s, f"owner/{vm}", target)

    def _lose_power(self, t_s: float) -> None:
        node, back_s = "NODE03", t_s + POWER_OFF_S + BOOT_S
        self.builder.cluster(t_s, **self._cluster(t_s))
        self.builder.fault(
            "second-node-dies",
            "node.power_loss",
            node,
            t_s,
            confirmed=t_s + 15,
            recover=t_s + POWER_OFF_S,
            clean=back_s + 20,
        )
        self._down(t_s + 10, node)
        for vm in self.builder.guests:
            if self._owner(t_s, vm) != node:
                continue
            end_s = t_s + RESTART_S if self.story.ha_restart else back_s + RESTART_S
            target = "NODE04" if self.story.ha_restart else node
            self.samples.outages.append(Outage(vm, t_s, end_s, "restart"))
            self._event(end_s - 40, "vm.restart", vm=vm, node=target, source=node)
            self.facts.set(end_s - 40, f"owner/{vm}", target)
        self._storage(t_s + 10, "Warning", "Incomplete")
        self._up(back_s, node, "Up")

    def _hang(self, t_s: float) -> None:
        self.facts.set(t_s, "step", ["Update Host OS", "Failover ECE Service to new Node"])
        self.end_s = t_s + 6000
        self.builder.finding(
            self.end_s - 10,
            "no-progress",
            "product",
            "stuck",
            "no progress for 100 min in install, step 'Update Host OS / Failover ECE Service to new Node'",
            at_ns=round(t_s * 1e9),
            value="100 min",
            limit="75 min",
        )

    def _install(self, t_s: float) -> None:
        self._event(t_s, "phase.exit", "update/install", status="Success")
        self.facts.set(t_s, "state", ("Installed", "settled"))

    def _look(self) -> None:
        """All looks of the run and all samples."""
        t_s = 0.0
        while t_s <= self.end_s:
            state, phase = self.facts.at(t_s, "state")
            running = state in ("Installing", "Preparing", "Downloading", "HealthChecking")
            step = self.facts.at(t_s, "step") if state == "Installing" else None
            self.builder.update(
                t_s,
                state,
                phase,
                percent=float(self.facts.at(t_s, "percent", 10)) if state == "Installing" else None,
                run_id="run-1" if state != "Ready" else None,
                run_state=enum("InProgress" if running else "Succeeded") if state != "Ready" else None,
                step={"path": step, "status": "InProgress", "error": ""} if step else None,
                current_version=TARGET if state == "Installed" else "12.2509.1001.22",
            )
            self.builder.cluster(t_s, **self._cluster(t_s))
            t_s += self.story.poll_s
        edges = [*range(0, int(self.end_s), 300), self.end_s]
        for begin_s, end_s in pairwise(edges):
            self.builder.samples(begin_s, end_s, self.samples)

    def _cluster(self, t_s: float) -> dict[str, Any]:
        job = self.facts.at(t_s, "job")
        jobs = []
        if job:
            share = (t_s - job[0]) / (job[1] - job[0])
            done = round(200e9 * share)
            row = {"name": "UserStorage_1-Repair", "state": "Running", "percent": round(share * 100)}
            jobs = [{**row, "bytes_processed": done, "bytes_total": 200_000_000_000}]
        return {
            "nodes": {node: self.facts.at(t_s, f"node/{node}", "Up") for node in self.nodes},
            "drains": {node: self.facts.at(t_s, f"drain/{node}", "NotInitiated") for node in self.nodes},
            "owners": {vm: self._owner(t_s, vm) for vm in self.builder.guests},
            "disk": self.facts.at(t_s, "disk", ("Healthy", "OK")),
            "jobs": jobs,
        }

    def _frame_end(self, done_s: float) -> None:
        builder, end_s = self.builder, self.end_s
        if not self.story.hangs:
            builder.note(done_s + 60, "stage", stage="settle")
            builds = {node: OLD_BUILD if node == self.story.old_node else NEW_BUILD for node in self.nodes}
            builder.records.append((end_s, *final_record(builds)))
        builder.note(end_s, "stage", stage="probes-off")
        builder.note(end_s, "stage", stage="release")
        builder.note(end_s, "attempt.end", reason="completed", detail="")


def final_record(builds: dict[str, str], **changes: Any) -> tuple[Kind, str, str, dict[str, Any]]:
    """The final look of a sound update, with `changes`."""
    data = {
        "what": "final",
        "update_state": enum("Installed", 6),
        "current_version": TARGET,
        "environment_state": enum("AppliedSuccessfully", 1),
        "target": TARGET,
        "builds": builds,
        "expected_build": NEW_BUILD,
        "cau_run": "RunNotInProgress",
        "cau_report": {"status": "Succeeded", "nodes": dict.fromkeys(builds, "Succeeded")},
        **changes,
    }
    return Kind.OBSERVATION, "node/NODE01", "final", data


STORIES: Final[dict[str, Story]] = {
    "upd-001": Story(),
    "upd-002": Story(power_loss=True, scenario_id="UPD-002"),
    "det-001": Story(drain_early_s=200.0, scenario_id="DET-001"),
    "det-002": Story(power_loss=True, ha_restart=False, scenario_id="DET-002"),
    "det-003": Story(old_node="NODE03", scenario_id="DET-003"),
    "det-004": Story(hangs=True, scenario_id="DET-004"),
}
"""The stories by the scenario that they look like."""


def tell(folder: Path, story: Story | str, **changes: Any) -> Journal:
    """Write the journal of a story (or of one of `STORIES`, with `changes`) into `folder` and read it back."""
    chosen = STORIES[story] if isinstance(story, str) else story
    return Telling(folder, replace(chosen, **changes)).tell()
