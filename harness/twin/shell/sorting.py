"""Sorting plain values."""

from __future__ import annotations

import functools
from collections.abc import Iterable

from harness.twin.shell.comparison import compare_text, order
from harness.twin.shell.errors import PSError
from harness.twin.shell.text import to_text


def _compare(left: object, right: object) -> int:
    try:
        return order(left, right)
    except PSError:
        return compare_text(to_text(left), to_text(right), True)


def sorted_values(items: Iterable[object]) -> list[object]:
    """Values in the order of the language."""
    return sorted(items, key=functools.cmp_to_key(_compare))
