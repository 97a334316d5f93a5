"""The model's event stream: every change of state, once, in order."""

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
