"""Conversion between the units in which measurements and limits are written."""

from __future__ import annotations

from typing import Final

from harness.errors import ConfigError

_FACTORS: Final[dict[str, tuple[str, float]]] = {
    "ns": ("time", 1e-9),
    "us": ("time", 1e-6),
    "ms": ("time", 1e-3),
    "s": ("time", 1.0),
    "min": ("time", 60.0),
    "h": ("time", 3600.0),
    "d": ("time", 86400.0),
    "ratio": ("share", 1.0),
    "%": ("share", 0.01),
    "count": ("number", 1.0),
    "1": ("number", 1.0),
}


def comparable(unit: str, other: str) -> bool:
    """Do both units measure the same thing?"""
    return unit == other or (unit in _FACTORS and other in _FACTORS and _FACTORS[unit][0] == _FACTORS[other][0])


def convert(value: float, unit: str, to: str) -> float:
    """`value` in `unit`, expressed in `to`.  Raises ConfigError when the two do not measure the same thing."""
    if unit == to:
        return value
    if not comparable(unit, to):
        raise ConfigError(
            f"'{unit}' cannot be converted to '{to}'",
            hint=f"write the limit in one of: {', '.join(_FACTORS)}",
        )
    return value * _FACTORS[unit][1] / _FACTORS[to][1]


def seconds(nanoseconds: int) -> float:
    """Nanoseconds as seconds."""
    return nanoseconds / 1e9


def spoken(value: float, unit: str) -> str:
    """`value` with its unit as a page shows it: `2.25 s`, `1`, `99.95 %`."""
    if unit in ("count", "1"):
        return f"{value:g}"
    if unit == "ratio":
        return f"{value * 100:.6g} %"
    return f"{value:.6g} {unit}"
