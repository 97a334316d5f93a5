"""How scenarios are spread over xdist workers.

Each scenario is a unit of work of its own, handed out in plan order; the legs of a campaign are one unit, since each
goes on where the one before ended.  An xdist worker must know its next test before
it begins one, so it is given at most one scenario ahead.  A scenario that took its worker down is never started again
(stock schedulers re-run it: pytest-dev/pytest-xdist#1371, #1386); exclusivity of labs comes from the lease alone.
"""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

from xdist.scheduler import LoadScopeScheduling


class ScenarioScheduling(LoadScopeScheduling):  # type: ignore[misc]  # xdist is untyped
    """Each node id is a scope of its own, and a crashed one counts as done.

    `campaign_of` names the campaign of a node id, None for a scenario that is no leg.
    """

    def __init__(self, config: Any, log: Any, campaign_of: Callable[[str], str | None]) -> None:
        super().__init__(config, log)
        self._campaign_of = campaign_of

    def _split_scope(self, nodeid: str) -> str:
        return self._campaign_of(nodeid) or nodeid

    def remove_node(self, node: Any) -> str | None:
        """A worker went down: what it had not begun goes back into the queue; return the scenario it was running."""
        pending = [
            nodeid for unit in self.assigned_work.pop(node).values() for nodeid, done in unit.items() if not done
        ]
        if not pending:
            return None
        crashed, *waiting = pending
        for nodeid in waiting:
            self.workqueue.setdefault(self._split_scope(nodeid), {})[nodeid] = False
        for other in self.assigned_work:
            self._reschedule(other)
        return str(crashed)
