"""Shared steps of the model tests."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import pytest

from harness.twin.model import ClusterModel, ModelEvent, ModelSpec

UPDATE = "redmond/Solution12.2510.1002.94"
SECOND = 1_000_000_000
MINUTE = 60 * SECOND
HOUR = 60 * MINUTE


class Plant:
    """A model with the steps which most tests need."""

    def __init__(self, **spec: Any) -> None:
        self.model = ClusterModel(ModelSpec(**spec))

    def start(self) -> str:
        """Start the monthly update."""
        return self.model.start_update(UPDATE)

    def until(self, kind: str, path: str = "", limit_ns: int = 60 * HOUR, **wanted: object) -> ModelEvent:
        """Run to the next event which matches; fail if there is none."""

        def matches(event: ModelEvent) -> bool:
            fields = {"node": event.node, "vm": event.vm, **event.attrs}
            return (
                event.kind == kind and path in ("", event.path) and all(fields.get(k) == v for k, v in wanted.items())
            )

        event = self.model.run_until(self.model.now_ns + limit_ns, matches)
        assert event is not None, f"no event {kind} {path} {wanted} within {limit_ns} ns"
        return event

    def advance(self, ns: int) -> None:
        """Let time pass."""
        self.model.run_until(self.model.now_ns + ns)

    def finish(self, limit_ns: int = 60 * HOUR) -> str:
        """Run until the update is settled or has failed; return its state's name."""

        def ended(event: ModelEvent) -> bool:
            settled = event.kind == "phase.exit" and event.path == "update/settled"
            return settled or (event.kind == "update.state" and str(event.attrs["new"]).endswith("Failed"))

        self.model.run_until(self.model.now_ns + limit_ns, ended)
        return self.model.updates.row(UPDATE).state.name

    def of(self, kind: str, **wanted: object) -> list[ModelEvent]:
        """All events of one kind so far."""
        return [
            event
            for event in self.model.events
            if event.kind == kind
            and all({"node": event.node, "vm": event.vm, **event.attrs}.get(k) == v for k, v in wanted.items())
        ]


@pytest.fixture
def make_plant() -> Callable[..., Plant]:
    """Builds plants from specification keywords."""
    return Plant
