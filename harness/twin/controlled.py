"""What a controller may do with any lab that has a model at its heart."""

from __future__ import annotations

from collections.abc import Mapping, Sequence

from harness.twin.engine import HoldPattern, LabEngine
from harness.twin.machine import Plant
from harness.twin.model import ClusterModel, ModelEvent


class ControlledLab:
    """A plant and the engine that moves its time."""

    engine: LabEngine
    _plant: Plant

    @property
    def model(self) -> ClusterModel:
        """The model that is there now; for whoever holds the engine's baton."""
        return self._plant.model

    @property
    def nodes(self) -> Sequence[str]:
        """Node names in cluster order."""
        return tuple(self._plant.model.nodes)

    @property
    def guests(self) -> Sequence[str]:
        """Guest names."""
        return tuple(self._plant.model.guests)

    @property
    def now_ns(self) -> int:
        """Lab time."""
        return self.engine.now_ns

    def advance(self, to_ns: int) -> int:
        """Grant lab time; return the time reached."""
        return self.engine.advance(to_ns)

    def hold(self, hold_id: str, kind: str, path: str) -> None:
        """Stop lab time at the next event of this kind and path."""
        self.engine.hold(hold_id, HoldPattern(kind, path))

    def unhold(self, hold_id: str) -> None:
        """Forget a hold."""
        self.engine.unhold(hold_id)

    def events(self, since: int) -> list[ModelEvent]:
        """Events with a number greater than `since`."""
        with self.engine.baton():
            return self._plant.model.events[since + 1 :]

    def plant(self, cause: str, node: str | None, parameters: Mapping[str, object]) -> None:
        """Bring a cause about now; nothing happens while it is in effect.

        Raises ModelError for a cause, node or parameter that does not exist.
        """
        with self.engine.baton():
            self._plant.model.plant(cause, node, parameters)

    def lift(self, cause: str, node: str | None) -> None:
        """Take a planted cause away now; nothing happens when it was not planted.  Raises ModelError."""
        with self.engine.baton():
            self._plant.model.lift(cause, node)
