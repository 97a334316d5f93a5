"""Looks at guests as data of journal records (docs/reference/journal.md), there and back."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import asdict
from typing import Any

from harness.values import (
    GuestEvent,
    GuestInventory,
    GuestService,
    InstallResult,
    MonthlyUpdate,
    PastInstallation,
    TrainUpdate,
)

Plain = Mapping[str, Any]


def plain(value: Any) -> dict[str, Any]:
    """A value of `harness.values.guest` as plain data: tuples become lists."""
    return {key: _plain(item) for key, item in asdict(value).items()}


def _plain(item: Any) -> Any:
    return [_plain(each) for each in item] if isinstance(item, tuple | list) else item


def read_inventory(data: Plain) -> GuestInventory:
    """From `plain`.  Raises KeyError, TypeError or ValueError for something else."""
    fields = dict(data)
    for name in ("kbs", "pending", "pending_soft"):
        fields[name] = tuple(str(each) for each in fields[name])
    history = fields["history"]
    return GuestInventory(
        **{
            **fields,
            "services": _each(GuestService, fields["services"]),
            "events": _each(GuestEvent, fields["events"]),
            "history": None if history is None else _each(PastInstallation, history),
        }
    )


def _each(kind: Any, rows: Sequence[Plain]) -> tuple[Any, ...]:
    return tuple(kind(**row) for row in rows)


def read_result(data: Plain) -> InstallResult:
    """From `plain`.  Raises as `read_inventory`."""
    return InstallResult(**{**data, "offered": tuple(data["offered"])})


def read_update(data: Plain | None) -> MonthlyUpdate | None:
    """From `plain`, None for None.  Raises as `read_inventory`."""
    return None if data is None else MonthlyUpdate(**{**data, "kind": TrainUpdate(data["kind"])})
