"""How large a single value may become: all machines of a lab share the memory of one process."""

from __future__ import annotations

from typing import Final

from harness.twin.shell.errors import limitation

LARGEST: Final = 2**26
"""Characters of a text, items of a list."""


def fitting(count: int) -> int:
    """The number of characters or items of a value that is about to be made.  Raises a limitation for too many."""
    if count > LARGEST:
        raise limitation(f"no text or list has more than {LARGEST:,} characters or items")
    return count
