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
    """Sort as .NET sorts a list: equal items may change places in a list of more than 16, and with values of different
    types the order depends on which of two is asked about the other."""
    if len(items) > 1:
        _intro_sort(items, compare, 0, len(items) - 1, 2 * (len(items).bit_length() - 1))


def _intro_sort(items: list[_T], compare: Callable[[_T, _T], int], low: int, high: int, depth: int) -> None:
    while high > low:
        size = high - low + 1
        if size <= _SHORT:
            _short_sort(items, compare, low, high)
            return
        if depth == 0:  # .NET turns to a heap here; no order of equal items is to be expected then
            items[low : high + 1] = sorted(items[low : high + 1], key=functools.cmp_to_key(compare))
            return
        depth -= 1
        pivot = _partition(items, compare, low, high)
        _intro_sort(items, compare, pivot + 1, high, depth)
        high = pivot - 1


def _short_sort(items: list[_T], compare: Callable[[_T, _T], int], low: int, high: int) -> None:
    if high - low == 1:
        _order(items, compare, low, high)
        return
    if high - low == 2:
        _order_three(items, compare, low, high - 1, high)
        return
    for at in range(low + 1, high + 1):
        item, place = items[at], at
        while place > low and compare(item, items[place - 1]) < 0:
            items[place] = items[place - 1]
            place -= 1
        items[place] = item


def _order(items: list[_T], compare: Callable[[_T, _T], int], first: int, second: int) -> None:
    if first != second and compare(items[first], items[second]) > 0:
        items[first], items[second] = items[second], items[first]


def _order_three(items: list[_T], compare: Callable[[_T, _T], int], low: int, middle: int, high: int) -> None:
    _order(items, compare, low, middle)
    _order(items, compare, low, high)
    _order(items, compare, middle, high)


def _partition(items: list[_T], compare: Callable[[_T, _T], int], low: int, high: int) -> int:
    """Put what is smaller than the middle one of three before it; its place."""
    middle = low + (high - low) // 2
    _order_three(items, compare, low, middle, high)
    pivot = items[middle]
    items[middle], items[high - 1] = items[high - 1], items[middle]
    left, right = low, high - 1
    while left < right:
        left += 1
        while left < high - 1 and compare(items[left], pivot) < 0:
            left += 1
        right -= 1
        while right > low and compare(pivot, items[right]) < 0:
            right -= 1
        if left >= right:
            break
        items[left], items[right] = items[right], items[left]
    items[left], items[high - 1] = items[high - 1], items[left]
    return left


def sorted_values(items: Iterable[object]) -> list[object]:
    """Values in the order of the language."""
    return sorted(items, key=functools.cmp_to_key(_compare))
