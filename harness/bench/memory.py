"""Resident memory of a process."""

from __future__ import annotations

import re
from pathlib import Path


def resident_kib(status: Path = Path("/proc/self/status")) -> int:
    """Resident memory of a process from its status file.  Raises LookupError where the system does not tell."""
    found = re.search(r"^VmRSS:\s+(\d+) kB$", status.read_text(), re.MULTILINE)
    if found is None:
        raise LookupError(f"{status} names no VmRSS")
    return int(found[1])
