"""Sorting plain values."""

from __future__ import annotations

import functools
from collections.abc import Callable, Iterable
from typing import TypeVar

from harness.twin.shell.comparison import compare_text, order
from harness.twin.shell.errors import PSError
from harness.twin.shell.text import to_text

_T = TypeVar("_T")


def _compare(left: object, right: object) -> int:
    try:
        return order(left, right)
    except PSError:
        return compare_text(to_text(left), to_text(right), True)


_SHORT = 16


def sort_in_place(items: list[_T], compare: Callable[[_T, _T], int]) -> None:
    """Sort, equal ones in their order. Short lists are sorted by insertion, as .NET does it: with values of different
    types the order depends on which of two is asked about the other."""
    if len(items) > _SHORT:
        items.sort(key=functools.cmp_to_key(compare))
        return
    for at in range(1, len(items)):
        item, place = items[at], at
        while place and compare(items[place - 1], item) > 0:
            items[place] = items[place - 1]
            place -= 1
        items[place] = item


def sorted_values(items: Iterable[object]) -> list[object]:
    """Values in the order of the language."""
    return sorted(items, key=functools.cmp_to_key(_compare))
