"""What a host logged about a live migration."""

from __future__ import annotations

from dataclasses import dataclass


@dataclass(frozen=True, slots=True)
class LoggedMigration:
    """One event of a host about a completed live migration: 20415, or 20417 for a blackout longer than expected.

    `at` is UTC in ISO 8601 by the host's clock, `blackout_s` how long the guest stood still by the host's own account.
    """

    vm: str
    at: str
    event_id: int
    blackout_s: float
