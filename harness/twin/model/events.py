"""The model's event stream: every change of state, once, in order.

| kind | subject | attributes |
|---|---|---|
| ``phase.enter``, ``phase.exit`` | path, node | step; status on exit (``Success``, ``Error``); attempt below ``cau`` |
| ``phase.progress`` | path | percent |
| ``phase.retry`` | path, node lost | step |
| ``update.state`` | – | update, old, new |
| ``run.state`` | – | run, state |
| ``environment.state``, ``health.check`` | – | state; scope |
| ``cau.run``, ``cau.retry``, ``cau.coordinator``, ``cau.node-failed`` | node | state, status, attempt; source; error |
| ``node.power``, ``node.phase``, ``node.winrm``, ``node.network`` | node | state or phase, cause, boot_id |
| ``network.intent`` | node | intent, error: Network ATC has provisioned it |
| ``node.build`` | node | build |
| ``node.down``, ``node.joining``, ``node.up``, ``node.quarantined`` | node | planned; paused; until_ns |
| ``node.paused``, ``node.resumed``, ``node.drain`` | node | status |
| ``cluster.quorum``, ``cluster.stop`` | – | state (``lost``, ``restored``), reason |
| ``group.move``, ``csv.move`` | new owner | group or disk, source, reason |
| ``group.state`` | owner | group, state: somebody stopped or started it |
| ``cause.planted``, ``cause.lifted`` | node, if it has one | cause; its parameters when planted |
| ``storage.health``, ``storage.disks`` | disk / node | status, health |
| ``storage.resync.start``, ``.suspend``, ``.end`` | – | disk, bytes |
| ``vm.migration.start``, ``vm.migration.end`` | vm, node | target; status, error, blackout_ns |
| ``vm.off``, ``vm.restart``, ``vm.boot``, ``vm.answering`` | vm, node | cause; source; boot_id |
| ``vm.paused``, ``vm.resumed``, ``vm.saved``, ``vm.restored`` | vm, node | reason |
| ``guest.update`` | vm | kb, step (``downloading``, ``downloaded``, ``installing``, ``installed``), build |
| ``guest.restart``, ``guest.build`` | vm | process, user; build, kb |
| ``operation.end`` | – | name, number, ok |

Paths: ``update/discovery|download|prepare|health-check|ready|install|settled``; below ``install`` the steps of the plan
(``update/install/update-fod/node[NODE02]``) and CAU
(``update/install/cau/node[NODE01]/wait-storage|drain|install|reboot|resume``).
"""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import dataclass, field

AttrValue = str | int | bool | None


@dataclass(frozen=True, slots=True)
class ModelEvent:
    """One change.  ``t_ns`` is lab time; ``kind`` as in ``phase.enter`` or ``node.power``; ``path`` for phases only."""

    seq: int
    t_ns: int
    kind: str
    path: str = ""
    node: str | None = None
    vm: str | None = None
    attrs: Mapping[str, AttrValue] = field(default_factory=dict)


class EventLog:
    """Append-only list of events with subscribers, who are called at once and must not change the model."""

    def __init__(self) -> None:
        self.events: list[ModelEvent] = []
        self._subscribers: list[Callable[[ModelEvent], None]] = []

    def subscribe(self, callback: Callable[[ModelEvent], None]) -> Callable[[], None]:
        """Call *callback* for each further event; the returned function ends that."""
        self._subscribers.append(callback)
        return lambda: self._subscribers.remove(callback)

    def append(
        self,
        t_ns: int,
        kind: str,
        path: str = "",
        *,
        node: str | None = None,
        vm: str | None = None,
        attrs: Mapping[str, AttrValue] | None = None,
    ) -> ModelEvent:
        """Record one event and tell the subscribers."""
        event = ModelEvent(len(self.events), t_ns, kind, path, node, vm, attrs or {})
        self.events.append(event)
        for callback in tuple(self._subscribers):
            callback(event)
        return event
