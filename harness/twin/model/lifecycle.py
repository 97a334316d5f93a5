"""Which update states may follow which: the published state machine ([D] ASD update/update-phases-23h2).

An update in an active state excludes all others; a failed one can be started again, which resumes it.
"""

from __future__ import annotations

from collections.abc import Mapping
from types import MappingProxyType

from harness.twin.model.states import UpdateState as S

ACTIVE = frozenset({S.Downloading, S.Preparing, S.HealthChecking, S.Installing})
"""States in which no other update can be started."""

STARTABLE = frozenset(
    {S.Ready, S.ReadyToInstall, S.DownloadFailed, S.PreparationFailed, S.HealthCheckFailed, S.InstallationFailed}
)
"""States from which ``Start-SolutionUpdate`` starts or resumes."""

_SIBLING = S.NotApplicableBecauseAnotherUpdateIsInProgress

TRANSITIONS: Mapping[S, frozenset[S]] = MappingProxyType(
    {
        S.Ready: frozenset({S.Downloading, _SIBLING, S.Obsolete, S.Recalled}),
        S.Downloading: frozenset({S.Preparing, S.DownloadFailed}),
        S.Preparing: frozenset({S.HealthChecking, S.PreparationFailed}),
        S.HealthChecking: frozenset({S.ReadyToInstall, S.Installing, S.HealthCheckFailed}),
        S.ReadyToInstall: frozenset({S.Installing, _SIBLING, S.Obsolete}),
        S.Installing: frozenset({S.Installed, S.InstallationFailed}),
        S.Installed: frozenset(),
        S.DownloadFailed: frozenset({S.Downloading, _SIBLING, S.Obsolete}),
        S.PreparationFailed: frozenset({S.Preparing, _SIBLING, S.Obsolete}),
        S.HealthCheckFailed: frozenset({S.HealthChecking, _SIBLING, S.Obsolete}),
        S.InstallationFailed: frozenset({S.Installing, S.Obsolete}),
        S.HasPrerequisite: frozenset({S.Ready, S.AdditionalContentRequired, _SIBLING, S.Obsolete}),
        S.AdditionalContentRequired: frozenset({S.Ready, S.HasPrerequisite, _SIBLING, S.Obsolete}),
        _SIBLING: frozenset(
            {
                S.Ready,
                S.ReadyToInstall,
                S.DownloadFailed,
                S.PreparationFailed,
                S.HealthCheckFailed,
                S.HasPrerequisite,
                S.AdditionalContentRequired,
                S.Obsolete,
            }
        ),
        S.Obsolete: frozenset(),
        S.Recalled: frozenset(),
        S.Invalid: frozenset(),
    }
)


class IllegalTransitionError(RuntimeError):
    """The model tried a change of state which the product does not have: a defect of the twin, please report it."""


def check_transition(row: str, old: S, new: S) -> None:
    """Raise IllegalTransitionError unless the state machine has the edge."""
    if new not in TRANSITIONS[old]:
        raise IllegalTransitionError(f"update '{row}': {old.name} -> {new.name} is not an edge of the state machine")
