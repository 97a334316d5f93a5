"""What guides look at: facts by name, and the read-only question that gets each.

The sweep asks for all facts that the catalogue's matchers name, before anything is touched.  Facts about the update
itself come from the last observation.
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from typing import Any, Final

from harness.azurelocal.command import Command
from harness.azurelocal.conditions import DRIVE, GROUPS, PLANS, SERVICE, read_health
from harness.transports.replies import Json
from harness.values import UpdateObservation


@dataclass(frozen=True, slots=True)
class EvidenceSource:
    """A fact that matchers may name.  `per_node`: a row of each node, which is asked itself."""

    meaning: str
    per_node: bool = False


SOURCES: Final[Mapping[str, EvidenceSource]] = {
    "update": EvidenceSource("the update as last seen: state, phase, step, error, percent, still_min"),
    "groups": EvidenceSource("clustered groups: name, owner, state, kind"),
    "plans": EvidenceSource("action plan instances: id, name, status, age_h"),
    "health": EvidenceSource("health check rows: scope, name, status, severity, target, detail"),
    "drives": EvidenceSource("system drive of each node: node, free_gb, temp_gb", per_node=True),
    "service": EvidenceSource("the Update Service: answer_s, error"),
}


def questions(names: Iterable[str], update_id: str) -> dict[str, Command[Any]]:
    """The question behind each of the facts that have to be asked for; `update` needs none."""
    known = {"groups": GROUPS, "plans": PLANS, "health": read_health(update_id), "drives": DRIVE, "service": SERVICE}
    return {name: known[name] for name in sorted(set(names)) if name in known}


def update_facts(seen: UpdateObservation | None, still_min: float) -> dict[str, Json]:
    """The fact `update`.  `still_min`: minutes without progress."""
    if seen is None:
        return {"state": "", "phase": "", "step": "", "error": "", "percent": None, "still_min": still_min}
    step = seen.step
    return {
        "state": seen.state.name,
        "phase": seen.phase,
        "step": " / ".join(step.path) if step else "",
        "error": step.error if step else "",
        "percent": seen.percent,
        "still_min": still_min,
    }
