"""The time zone of a node ([D] PSD 5.1)."""

from __future__ import annotations

from collections.abc import Iterator
from datetime import timedelta
from typing import Final

from harness.twin.cmdlets.computer import MANAGEMENT
from harness.twin.cmdlets.shapes import Shape
from harness.twin.shell.commands.api import Call

ZONE: Final = Shape(
    "System.TimeZoneInfo", "Id DisplayName StandardName DaylightName BaseUtcOffset SupportsDaylightSavingTime"
)


@MANAGEMENT.cmdlet("Get-TimeZone", aliases=("gtz",))
def get_zone(call: Call) -> Iterator[object]:
    """UTC, in which all times here are."""
    del call
    name = "Coordinated Universal Time"
    yield ZONE.make("UTC", f"(UTC) {name}", name, name, timedelta(0), False, text=f"(UTC) {name}")
