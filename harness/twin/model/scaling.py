"""A calibration in which an update's own work takes a part of its time.

For clusters whose nodes are machines of their own: heartbeats, detection, boots and migrations take what they take, but
nobody waits hours for a download, an installation or a resync that are only modelled.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import replace
from types import MappingProxyType
from typing import Any, Final

from harness.twin.model.calibration import Calibration, Duration, Quantity, Rate

DURATIONS: Final[Mapping[str, tuple[str, ...]]] = MappingProxyType(
    {
        "update": (
            "discovery",
            "device_info",
            "download_poll",
            "prepare",
            "readiness_base",
            "readiness_per_node",
            "system_health",
            "switch_run",
        ),
        "cau": ("settle", "scan", "stage", "install", "report"),
        "sbe": ("scan", "stage", "install"),
        "storage": ("repair_start", "maintenance_enter", "maintenance_leave"),
    }
)
"""Entries that are work of an update or of storage; the tasks of the plan (`steps`) are too."""
RATES: Final[Mapping[str, tuple[str, ...]]] = MappingProxyType(
    {"update": ("download_rate",), "storage": ("repair_rate", "optimize_rate")}
)
"""The same work as rates, which grow."""


def scaled(calibration: Calibration, scale: float) -> Calibration:
    """The work of updates and storage takes `scale` of its time; everything else is as it was.

    Raises ValueError for a scale that is not above 0 and at most 1.
    """
    if not 0 < scale <= 1:
        raise ValueError(f"a scale of {scale:g}: above 0 and at most 1 is expected")
    if scale == 1:
        return calibration
    result = calibration
    for table, kind, factor in ((DURATIONS, Duration, scale), (RATES, Rate, 1 / scale)):
        for section, entries in table.items():
            part: Any = getattr(result, section)
            values = {entry: _times(getattr(part, entry), kind, factor) for entry in entries}
            changed: dict[str, Any] = {section: replace(part, **values)}
            result = replace(result, **changed)
    return replace(result, steps={name: _times(step, Duration, scale) for name, step in result.steps.items()})


def _times(quantity: Any, kind: type[Quantity], factor: float) -> Any:
    if not isinstance(quantity, kind):
        raise TypeError(f"{quantity} is not a {kind.__name__}")
    return replace(quantity, value=quantity.value * factor)
