"""Rows: the values of an object whose property names it shares with many others."""

from __future__ import annotations

from collections.abc import Callable, Iterable


class Later:
    """A value that is costly and seldom read.  It must come from what does not change any more."""

    __slots__ = ("_compute", "_value")

    def __init__(self, compute: Callable[[], object]) -> None:
        self._compute: Callable[[], object] | None = compute
        self._value: object = None

    def read(self, _owner: object = None) -> object:
        """The value, computed once."""
        if self._compute is not None:
            self._value = self._compute()
            self._compute = None
        return self._value


Columns = dict[str, tuple[int, str]]
"""The property names that many objects share: by lower-case name, the place in a row and the name as it is shown."""

Row = tuple[Columns, tuple[object, ...]]
"""Columns, and the values in their order; a ``Later`` is computed when it is read."""


def columns_of(names: Iterable[str]) -> Columns:
    """The columns of these names."""
    return {name.lower(): (place, name) for place, name in enumerate(names)}
