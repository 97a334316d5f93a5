"""What a lab saw happen, normalised over all sources."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field


@dataclass(frozen=True, slots=True)
class Event:
    """One event of the lab's stream.

    `seq` counts within the lab instance since its baseline; `t_ns` is the source's own time on the lab clock,
    `t_err_ns` its uncertainty; `path` is a phase path such as `update/install/cau/node[NODE02]/reboot` or empty;
    `kind` is e.g. `phase.enter`, `node.down`, `storage.resync.end`.
    """

    seq: int
    t_ns: int
    kind: str
    path: str = ""
    node: str | None = None
    vm: str | None = None
    source: str = "lab"
    t_err_ns: int = 0
    attrs: Mapping[str, object] = field(default_factory=dict)
