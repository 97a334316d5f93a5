"""A lab in memory: the `Lab` port on a virtual (or flowing) clock, with a script instead of a product.

    lab = ScriptedLab(nodes=4)
    lab.say_at(60, "phase.enter", "update/install")     # an event after 60 s of lab time
    lab.do_at(90, lambda: lab.set_state("NODE02", "Down"))
    endpoints = Endpoints(lab.open_session)             # nodes answer what `lab.answers` says

Power takes its time, as with machines: a node that loses power stops answering at once and is missed by the cluster
after `NOTICE_S`; switched on, it is a member again after `BOOT_S`.  Everything done to the lab stands in `lab.deeds`.
"""

from __future__ import annotations

import heapq
import json
from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from datetime import UTC, datetime
from fnmatch import fnmatchcase
from typing import Final

from harness.azurelocal.cluster import observe_cluster
from harness.azurelocal.command import BETWEEN
from harness.clock import NS_PER_S, monotonic_ns
from harness.errors import LeaseError, ProductError, TransportError
from harness.labs.holder import Holder
from harness.labs.lease import Lease
from harness.labs.port import Baseline, BaselineSpec, Endpoint, Hold, PowerState
from harness.transports.replies import Json, Reply
from harness.values import Answer, ControlHealth, Event, Machines, SampleRun, SampleWindow, Subject

NOTICE_S: Final = 10
"""Lab time until the cluster misses a node without power."""

BOOT_S: Final = 120
"""Lab time until a node that was switched on is a member of the cluster again."""

EPOCH: Final = datetime(2025, 11, 12, 22, 0, tzinfo=UTC)
SAMPLE_NS: Final = 100_000_000


def lease_of(instance: str = "scripted#1", epoch: int = 1) -> Lease:
    """A lease that this process holds, without a store."""
    return Lease(instance, epoch, Holder.me())


@dataclass(slots=True)
class ScriptedNode:
    """What the cluster says of a node, and whether it has power and answers."""

    state: str = "Up"
    powered: bool = True
    serving: bool = True

    @property
    def answers(self) -> bool:
        """Does the node's management endpoint answer?"""
        return self.powered and self.serving


@dataclass(order=True, slots=True)
class _Planned:
    t_ns: int
    number: int
    action: Callable[[], None] = field(compare=False)


class ScriptedClock:
    """Lab time of a scripted lab.  With a `rate`, it flows with the wall, so many lab seconds in one of it."""

    def __init__(self, rate: float | None) -> None:
        self.epoch = EPOCH
        self.flows = rate is not None
        self.rate = rate or 0.0
        self.t_ns = 0
        self.run_to: Callable[[int], int] = lambda to_ns: to_ns
        self._began_ns = monotonic_ns()

    def now_ns(self) -> int:
        """Lab time now."""
        if self.flows:
            self.run_to(int((monotonic_ns() - self._began_ns) * self.rate))
        return self.t_ns

    def catch_up(self) -> int:
        """Lab time now."""
        return self.now_ns()

    def advance(self, to_ns: int) -> int:
        """Let lab time pass until `to_ns` or the first held event."""
        return self.run_to(to_ns)


class ScriptedLab:
    """Implements `harness.labs.port.Lab`."""

    def __init__(self, nodes: int = 4, guests: int = 2, *, rate: float | None = None) -> None:
        self.name, self.instance, self.kind = "scripted", "scripted#1", "double"
        self.subject, self.machines = Subject.SIMULATED, Machines.NONE
        self.capabilities = frozenset({"power", "hold", "events", "reset", "guest_probes"})
        self.nodes = tuple(f"NODE{number:02}" for number in range(1, nodes + 1))
        self.guests = tuple(f"vm{number:02}" for number in range(1, guests + 1))
        self.machines_of_guests: dict[str, ScriptedNode] = {}
        """Guests with an endpoint of their own."""
        self.sample_interval_ns = SAMPLE_NS
        self.clock = ScriptedClock(rate)
        self.clock.run_to = self._run_to
        self.cluster = {name: ScriptedNode() for name in self.nodes}
        self.owners: dict[str, str] = {"Cluster Group": self.nodes[0]}
        self.jobs: list[str] = []
        self.answers: dict[str, Callable[[str], Json]] = {observe_cluster().script: lambda node: self._tell_cluster()}
        self.asked: list[tuple[str, str]] = []
        self.deeds: list[tuple[str, str, int]] = []
        self.on_baseline: Callable[[BaselineSpec], Baseline] = lambda spec: Baseline(True, "", dict(spec.versions))
        self.holds: dict[str, Hold] = {}
        self.planted: dict[str, dict[str, object]] = {}
        self._events: list[Event] = []
        self._plan: list[_Planned] = []
        self._planned = 0
        self._held = False
        self._epoch = 0

    # --- script ------------------------------------------------------------------------------------------------------

    def do_at(self, t_s: float, action: Callable[[], None]) -> None:
        """Let `action` happen at lab time `t_s` (seconds)."""
        self._planned += 1
        heapq.heappush(self._plan, _Planned(round(t_s * NS_PER_S), self._planned, action))

    def do_after(self, delay_s: float, action: Callable[[], None]) -> None:
        """Let `action` happen `delay_s` from now."""
        self.do_at(self.clock.t_ns / NS_PER_S + delay_s, action)

    def say(self, kind: str, path: str = "", node: str | None = None, **attrs: object) -> None:
        """An event happens now; an armed hold stops lab time at it."""
        event = Event(len(self._events), self.clock.t_ns, kind, path, node, source="script", attrs=attrs)
        self._events.append(event)
        self._held = self._held or any(
            fnmatchcase(kind, hold.kind) and fnmatchcase(path, hold.path.replace("[", "[[]"))
            for hold in self.holds.values()
        )

    def say_at(self, t_s: float, kind: str, path: str = "", node: str | None = None, **attrs: object) -> None:
        """An event happens at lab time `t_s`."""
        self.do_at(t_s, lambda: self.say(kind, path, node, **attrs))

    def set_state(self, node: str, state: str) -> None:
        """The cluster sees `node` in `state` from now on, and says so."""
        before, self.cluster[node].state = self.cluster[node].state, state
        if before != state and "Down" in (before, state):
            self.say("node.down" if state == "Down" else "node.up", node=node)

    def _run_to(self, to_ns: int) -> int:
        self._held = False
        while self._plan and self._plan[0].t_ns <= to_ns and not self._held:
            planned = heapq.heappop(self._plan)
            self.clock.t_ns = max(self.clock.t_ns, planned.t_ns)
            planned.action()
        if not self._held:
            self.clock.t_ns = max(self.clock.t_ns, to_ns)
        return self.clock.t_ns

    @property
    def guest_classes(self) -> dict[str, str]:
        """None is in a class."""
        return {}

    @property
    def managed_guests(self) -> tuple[str, ...]:
        """Guests with an endpoint of their own."""
        return tuple(self.machines_of_guests)

    def machine(self, name: str) -> ScriptedNode:
        """A node, or a guest with an endpoint."""
        return self.cluster[name] if name in self.cluster else self.machines_of_guests[name]

    # --- what nodes answer -------------------------------------------------------------------------------------------

    def open_session(self, node: str) -> ScriptedSession:
        """A session to `node`, for `harness.run.endpoints.Endpoints`."""
        return ScriptedSession(self, node)

    def _tell_cluster(self) -> Json:
        def state(node: ScriptedNode) -> dict[str, str]:
            return {"state": node.state, "drain": "Completed" if node.state == "Paused" else "NotInitiated"}

        groups = [f"Online|Cluster|{owner}|{name}" for name, owner in self.owners.items()]
        guests = [f"Online|VirtualMachine|{self.nodes[-1]}|{name}" for name in self.guests]
        return {
            "nodes": [{"name": name, **state(node)} for name, node in self.cluster.items()],
            "groups": [*groups, *guests],
            "disks": [{"name": "Volume01", "health": "Healthy", "state": "OK"}],
            "jobs": [{"name": name, "state": "Running", "percent": 1, "done": 1, "total": 9} for name in self.jobs],
            "pools": [],
        }

    # --- port --------------------------------------------------------------------------------------------------------

    def _fence(self, lease: Lease) -> None:
        if lease.epoch < self._epoch:
            raise LeaseError(f"lease epoch {lease.epoch} is older than {self._epoch}", hint="this process lost the lab")
        self._epoch = lease.epoch

    def endpoint(self, name: str, kind: str) -> Endpoint:
        """An address that nobody listens on."""
        return Endpoint(name, kind, "127.0.0.1", 1, "user", "a secret of the double")

    def baseline(self, spec: BaselineSpec, lease: Lease) -> Baseline:
        """What `on_baseline` says."""
        self._fence(lease)
        return self.on_baseline(spec)

    def power_state(self, node: str) -> PowerState:
        """On or off."""
        return PowerState.ON if self.cluster[node].powered else PowerState.OFF

    def power_off(self, node: str, lease: Lease) -> None:
        """Cut the power; the cluster misses the node after `NOTICE_S`."""
        self._fence(lease)
        self.deeds.append(("power_off", node, self.clock.t_ns))
        self.cluster[node].powered = False

        def noticed() -> None:
            if not self.cluster[node].powered:
                self.set_state(node, "Down")

        self.do_after(NOTICE_S, noticed)

    def power_on(self, node: str, lease: Lease) -> None:
        """Switch on; the node is a member again after `BOOT_S`."""
        self._fence(lease)
        self.deeds.append(("power_on", node, self.clock.t_ns))
        if not self.cluster[node].powered:
            self.cluster[node].powered = True
            self.do_after(BOOT_S, lambda: self.set_state(node, "Up"))

    def plant(self, cause: str, node: str | None, parameters: Mapping[str, object], lease: Lease) -> None:
        """Remembered in `planted`; what it brings about is for the test's answers to say."""
        self._fence(lease)
        self.deeds.append(("plant", f"{cause} {node or ''}".strip(), self.clock.t_ns))
        self.planted[cause] = dict(parameters)

    def lift(self, cause: str, node: str | None, lease: Lease) -> None:
        """Forgotten."""
        self._fence(lease)
        self.deeds.append(("lift", f"{cause} {node or ''}".strip(), self.clock.t_ns))
        self.planted.pop(cause, None)

    def events(self, since: int) -> list[Event]:
        """Events with a number greater than `since`."""
        return self._events[since + 1 :]

    def hold(self, hold: Hold, lease: Lease) -> None:
        """Stop lab time at the next event that matches."""
        self._fence(lease)
        self.holds[hold.id] = hold

    def unhold(self, hold_id: str, lease: Lease) -> None:
        """Forget a hold."""
        self._fence(lease)
        self.holds.pop(hold_id, None)

    def held_ns(self, hold_id: str) -> int | None:
        """Lab time itself stands still."""

    def consoles(self) -> Mapping[str, str]:
        """There are none."""
        return {}

    def samples(self, since_ns: int) -> SampleWindow:
        """Every guest answered every sample."""
        now_ns = self.clock.t_ns
        first_ns = (since_ns // SAMPLE_NS + 1) * SAMPLE_NS
        count = now_ns // SAMPLE_NS - since_ns // SAMPLE_NS
        runs = tuple(SampleRun(guest, first_ns, SAMPLE_NS, count, Answer.OK, 1, 1, 1) for guest in self.guests if count)
        return SampleWindow(since_ns, now_ns, runs, ControlHealth(count * len(self.guests), 0))

    def release(self, lease: Lease) -> None:
        """Nothing is left of a double."""
        self._fence(lease)


class ScriptedSession:
    """A session to one node: `lab.answers` by script; any other script prints 1."""

    def __init__(self, lab: ScriptedLab, node: str) -> None:
        self._lab, self._node = lab, node

    def run(self, script: str, *, within_s: float = 60.0, repeatable: bool = True, second_hop: bool = False) -> Reply:
        """The scripted answer.  Raises TransportError while the node does not answer."""
        del within_s, repeatable, second_hop
        self._lab.asked.append((self._node, script))
        if not self._lab.machine(self._node).answers:
            raise TransportError(f"'{self._node}' does not answer", hint="ask another node")
        texts = [_document(self._lab.answers.get(part, _one), self._node) for part in script.split(BETWEEN)]
        if not self._lab.machine(self._node).answers:
            raise TransportError(f"'{self._node}' hung up", hint="ask another node")
        return Reply("".join(texts), "", 0)

    def close(self) -> None:
        """Nothing to let go of."""


def _document(tell: Callable[[str], Json], node: str) -> str:
    try:
        mark, content = "00000000", tell(node)
    except ProductError as error:
        mark, content = "00000000!", {"message": str(error)}
    return f"[hil:{mark}]{json.dumps(content)}[/hil:00000000]"


def _one(node: str) -> Json:
    return 1
