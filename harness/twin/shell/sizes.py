"""How large a single value may become: all machines of a lab share the memory of one process."""

from __future__ import annotations

from typing import Final

from harness.twin.shell.errors import limitation

LONGEST_TEXT: Final = 2**26
"""Characters."""
LONGEST_LIST: Final = 2**23
"""Items."""


def text_size(length: int) -> int:
    """The length of a text that is about to be made.  Raises a limitation for too much."""
    if length > LONGEST_TEXT:
        raise limitation(f"no text is longer than {LONGEST_TEXT:,} characters")
    return length


def list_size(count: int) -> int:
    """The number of items of a list that is about to be made.  Raises a limitation for too many."""
    if count > LONGEST_LIST:
        raise limitation(f"no list has more than {LONGEST_LIST:,} items")
    return count
