"""States of a solution update as data: numbers, classes, phases and legal transitions.

The driver reads them to name what it sees, the judge to find what may not happen.  Sources: numbers [C]
`UpdateState.cs`, `UpdateRunState`; names without number [C] ARM specification; transitions [D] ASD
update/update-phases-23h2 unless tagged.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from enum import StrEnum
from typing import Final


class StateClass(StrEnum):
    """What a state means to a workflow."""

    RUNNING = "running"
    READY = "ready"
    INSTALLED = "installed"
    FAILED = "failed"
    BLOCKED = "blocked"
    IDLE = "idle"


class Phase(StrEnum):
    """Phases of an update in the product's words; a failed phase keeps its name."""

    DISCOVERY = "discovery"
    DOWNLOAD = "download"
    PREPARE = "prepare"
    HEALTH_CHECK = "health-check"
    READY = "ready"
    INSTALL = "install"
    SETTLED = "settled"


class Cause(StrEnum):
    """Who makes a transition happen: the product by itself, a start command, or something outside of this update."""

    PRODUCT = "product"
    START = "start"
    OUTSIDE = "outside"


@dataclass(frozen=True, slots=True)
class Transition:
    """One legal step from state to state."""

    before: str
    after: str
    cause: Cause


UPDATE_STATES: Final[Mapping[int, str]] = {
    0: "HasPrerequisite",
    1: "Obsolete",
    2: "Ready",
    3: "NotApplicableBecauseAnotherUpdateIsInProgress",
    4: "Preparing",
    5: "Installing",
    6: "Installed",
    7: "PreparationFailed",
    8: "InstallationFailed",
    9: "Invalid",
    10: "Recalled",
    11: "Downloading",
    12: "DownloadFailed",
    13: "HealthChecking",
    14: "HealthCheckFailed",
    15: "ReadyToInstall",
    16: "AdditionalContentRequired",
}
"""Per-update state by number [C]."""

RUN_STATES: Final[Mapping[int, str]] = {
    0: "Unknown",
    1: "Succeeded",
    2: "InProgress",
    3: "Failed",
    4: "HealthCheckSucceeded",
}
"""State of an update run by number [C]; the last one ends a preparation ([INF])."""

ACTIVE_STATES: Final = ("Downloading", "Preparing", "HealthChecking", "Installing")
FAILED_STATES: Final = ("DownloadFailed", "PreparationFailed", "HealthCheckFailed", "InstallationFailed")
STARTABLE_STATES: Final = ("Ready", "ReadyToInstall", *FAILED_STATES)
"""States in which the start command starts or resumes ([D]: on a failed state it resumes or re-runs readiness)."""

_BLOCKED: Final = (
    "HasPrerequisite",
    "Obsolete",
    "Invalid",
    "Recalled",
    "AdditionalContentRequired",
    "PendingOEMValidation",
    "ScanFailed",
    "HealthCheckExpired",
)

CLASS_OF: Final[Mapping[str, StateClass]] = {
    **dict.fromkeys(ACTIVE_STATES, StateClass.RUNNING),
    **dict.fromkeys(FAILED_STATES, StateClass.FAILED),
    **dict.fromkeys(_BLOCKED, StateClass.BLOCKED),
    "Ready": StateClass.READY,
    "ReadyToInstall": StateClass.READY,
    "Installed": StateClass.INSTALLED,
    "NotApplicableBecauseAnotherUpdateIsInProgress": StateClass.IDLE,
    "ScanInProgress": StateClass.IDLE,
}
"""Class by state name; a name that is not here is `idle`: nothing follows from it."""

PHASE_OF: Final[Mapping[str, Phase]] = {
    "Downloading": Phase.DOWNLOAD,
    "DownloadFailed": Phase.DOWNLOAD,
    "Preparing": Phase.PREPARE,
    "PreparationFailed": Phase.PREPARE,
    "HealthChecking": Phase.HEALTH_CHECK,
    "HealthCheckFailed": Phase.HEALTH_CHECK,
    "ReadyToInstall": Phase.READY,
    "Installing": Phase.INSTALL,
    "InstallationFailed": Phase.INSTALL,
    "Installed": Phase.SETTLED,
}
"""Phase by state name; every other state belongs to discovery."""

_SIBLING_BUSY: Final = "NotApplicableBecauseAnotherUpdateIsInProgress"
_WAITING: Final = (
    "Ready",
    "ReadyToInstall",
    "HasPrerequisite",
    "AdditionalContentRequired",
    _SIBLING_BUSY,
)
_EDGES: Final[Mapping[Cause, tuple[tuple[str, str], ...]]] = {
    Cause.PRODUCT: (
        ("Downloading", "Preparing"),
        ("Downloading", "DownloadFailed"),
        ("Preparing", "HealthChecking"),
        ("Preparing", "PreparationFailed"),
        ("HealthChecking", "HealthCheckFailed"),
        ("HealthChecking", "ReadyToInstall"),
        ("HealthChecking", "Installing"),
        ("Installing", "Installed"),
        ("Installing", "InstallationFailed"),
        ("DownloadFailed", "Ready"),
        ("PreparationFailed", "Ready"),
    ),
    Cause.START: (
        ("Ready", "Downloading"),
        ("ReadyToInstall", "Installing"),
        ("DownloadFailed", "Downloading"),
        ("PreparationFailed", "Downloading"),
        ("PreparationFailed", "Preparing"),
        ("HealthCheckFailed", "HealthChecking"),
        ("InstallationFailed", "Installing"),
    ),
    Cause.OUTSIDE: (
        ("HasPrerequisite", "Ready"),
        ("HasPrerequisite", "AdditionalContentRequired"),
        ("AdditionalContentRequired", "Ready"),
        ("AdditionalContentRequired", "HasPrerequisite"),
        ("Ready", _SIBLING_BUSY),
        ("ReadyToInstall", _SIBLING_BUSY),
        (_SIBLING_BUSY, "Ready"),
        (_SIBLING_BUSY, "ReadyToInstall"),
        *((state, end) for state in _WAITING for end in ("Obsolete", "Recalled", "Invalid")),
    ),
}

TRANSITIONS: Final[frozenset[Transition]] = frozenset(
    Transition(before, after, cause) for cause, edges in _EDGES.items() for before, after in edges
)
"""Every legal transition.  [INF]: a resumed preparation may begin again with the download; a waiting update of any
kind may be withdrawn or superseded."""


def classify_state(name: str) -> StateClass:
    """The class of a state; `idle` for an unknown or empty name."""
    return CLASS_OF.get(name, StateClass.IDLE)


def phase_of(name: str) -> Phase:
    """The phase to which a state belongs."""
    return PHASE_OF.get(name, Phase.DISCOVERY)


def is_legal(before: str, after: str, *, starts: int = 0) -> bool:
    """May a state seen as `before` be seen as `after` next, with `starts` start commands sent in between?

    States between two looks may go unseen, so any chain of legal transitions counts that needs no more start commands
    than were sent.  States without any known transition are not judged.
    """
    known = {transition.before for transition in TRANSITIONS} | {transition.after for transition in TRANSITIONS}
    if before == after or before not in known or after not in known:
        return True
    fewest = {before: 0}
    todo = [before]
    while todo:
        here = todo.pop()
        if here == _SIBLING_BUSY and here != before:
            continue  # whoever leaves it returns to where it came from, which is as good as never having left
        for transition in TRANSITIONS:
            if transition.before != here:
                continue
            needed = fewest[here] + (transition.cause is Cause.START)
            if needed <= starts and needed < fewest.get(transition.after, starts + 1):
                fewest[transition.after] = needed
                todo.append(transition.after)
    return after in fewest


def is_consistent(update_state: str, run_state: str) -> bool:
    """Do the states of an update and of its newest run agree: terminal together, and with the same outcome?

    [INF] from the two state lists; unknown states are not judged.  A new look may catch the two in the middle of a
    change: require it of two looks in a row.
    """
    state = classify_state(update_state)
    if run_state == "InProgress":
        return state is StateClass.RUNNING
    if run_state == "Failed":
        return state is StateClass.FAILED
    if run_state == "HealthCheckSucceeded":
        return update_state in ("ReadyToInstall", _SIBLING_BUSY)
    if run_state == "Succeeded":
        return state in (StateClass.INSTALLED, StateClass.READY)
    return True
