"""What all parts of the model share: clock, calibration, random streams, event log and the entities.

Processes are SimPy generators.  Work which happens *on* a machine waits with :meth:`World.wait`, which raises
:class:`NodeLostError` at the instant the machine's operating system stops; nothing has to be cancelled from outside.
"""

from __future__ import annotations

from collections.abc import Callable, Generator
from typing import Any

import simpy
from simpy.events import AnyOf, Event

from harness.twin.model.calibration import Calibration, Duration
from harness.twin.model.catalog import Catalogs
from harness.twin.model.entities import ClusterGroup, Guest, Node
from harness.twin.model.errors import ModelError
from harness.twin.model.events import AttrValue, EventLog, ModelEvent
from harness.twin.model.random import Streams
from harness.twin.model.scaling import scaled
from harness.twin.model.spec import ModelSpec

Process = Generator[Event, Any, Any]


class NodeLostError(Exception):
    """The machine stopped on which the caller's work ran; ``node`` is its name."""

    def __init__(self, node: str) -> None:
        super().__init__(node)
        self.node = node


class Bell:
    """Wakes everybody who waits for a change of some part of the state."""

    def __init__(self, env: simpy.Environment) -> None:
        self._env = env
        self._event = env.event()

    def ring(self) -> None:
        """Something changed."""
        if self._event.callbacks:
            event, self._event = self._event, self._env.event()
            event.succeed()

    def wait(self) -> Event:
        """The next ring."""
        return self._event


class World:
    """Shared state of one model."""

    def __init__(self, spec: ModelSpec, catalogs: Catalogs) -> None:
        self.spec = spec
        self.catalogs = catalogs
        self.calibration: Calibration = scaled(catalogs.calibration, spec.scale).with_overrides(spec.overrides)
        self.streams = Streams(spec.seed)
        self.env = simpy.Environment(0)
        self.log = EventLog()
        self.nodes: dict[str, Node] = {}
        self.guests: dict[str, Guest] = {}
        self.groups: dict[str, ClusterGroup] = {}
        self.lost: dict[str, Event] = {}
        """Per node: triggers when its operating system stops, and stays so until it runs again."""

    @property
    def now(self) -> int:
        """Lab time in nanoseconds."""
        return int(self.env.now)

    def node(self, name: str) -> Node:
        """The node *name*, in any case of letters.  Raises ModelError."""
        found = self.nodes.get(name) or self.nodes.get(name.upper())
        if found is None:
            raise ModelError(
                "NodeNotFound", f"The cluster node '{name}' was not found; it has {', '.join(self.nodes)}."
            )
        return found

    def draw(self, stream: str, duration: Duration) -> int:
        """A time around *duration* from the named stream, in nanoseconds."""
        return self.streams.around(stream, duration.ns, duration.spread)

    def emit(
        self, kind: str, path: str = "", *, node: str | None = None, vm: str | None = None, **attrs: AttrValue
    ) -> ModelEvent:
        """Record one event at the present instant."""
        return self.log.append(self.now, kind, path, node=node, vm=vm, attrs=attrs)

    def wait(self, ns: int, *nodes: str) -> Process:
        """Let *ns* pass while all *nodes* run.  Raises NodeLostError for the first which does not."""
        if not nodes:
            yield self.env.timeout(ns)
            return
        losses = [self.lost[name] for name in dict.fromkeys(nodes)]
        yield AnyOf(self.env, [self.env.timeout(ns), *losses])
        for name in nodes:
            if self.lost[name].triggered:
                raise NodeLostError(name)

    def wait_until(
        self, condition: Callable[[], bool], bell: Bell, timeout_ns: int | None = None, *nodes: str
    ) -> Process:
        """Wait until *condition* holds, tested at each ring of *bell*; return whether it did before the timeout.

        Raises NodeLostError if one of *nodes* stops meanwhile.
        """
        deadline = None if timeout_ns is None else self.env.timeout(timeout_ns)
        while not condition():
            for name in nodes:
                if self.lost[name].triggered:
                    raise NodeLostError(name)
            if deadline is not None and deadline.processed:
                return False
            events = [bell.wait(), *(self.lost[name] for name in nodes)]
            yield AnyOf(self.env, events if deadline is None else [*events, deadline])
        return True
