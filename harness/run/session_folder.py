"""What test runner and command line agree on about a session's folder."""

from __future__ import annotations

import secrets
from typing import Final

from harness.clock import utc_now

STOP_NAME: Final = "stop"
"""A file of this name in the session folder keeps further scenarios from starting."""


def new_session_id() -> str:
    """Sortable by time, and unique on this machine."""
    return f"{utc_now():%Y%m%d-%H%M%S}-{secrets.token_hex(2)}"


def run_id_of(session_id: str, scenario_id: str, lab: str) -> str:
    """The name of a run: sortable by session, readable by scenario."""
    return f"{session_id}.{scenario_id}.{lab}"
