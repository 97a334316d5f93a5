"""Variants of one scenario: the cross product of a matrix, laid over the scenario as it was written.

Variants are made from the raw mapping, before validation, so that a bad axis value is reported where it stands.
"""

from __future__ import annotations

import copy
import itertools
import re
from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from typing import Any

from harness.plan.file import Matrix
from harness.plan.text import Objection, Objections
from harness.plan.yaml_source import SourcePath

_SLUG = re.compile(r"[^a-z0-9.]+")


@dataclass(frozen=True, slots=True)
class Variant:
    """One variant: the suffix of its id, its coordinates, the raw scenario, and where overlaid values were written.

    `origins` maps the path of an overlaid value to its path in the file; both below the scenario.
    """

    suffix: str
    coordinates: tuple[tuple[str, Any], ...]
    raw: dict[str, Any]
    origins: tuple[tuple[SourcePath, SourcePath], ...]

    def origin(self, path: SourcePath) -> SourcePath:
        """Where in the file the value at `path` was written."""
        for overlaid, written in self.origins:
            if path[: len(overlaid)] == overlaid:
                return (*written, *path[len(overlaid) :])
        return path


def variants(raw: Mapping[str, Any], matrix: Matrix | None) -> list[Variant]:
    """All variants of a raw scenario; one without a suffix when there is no matrix.

    Raises Objections when an axis names nothing that exists, or when nothing or two equal variants are left.
    """
    bare = {key: value for key, value in raw.items() if key != "matrix"}
    if matrix is None:
        return [Variant("", (), bare, ())]
    found = [_variant(bare, combination) for combination in _combinations(matrix)]
    if not found:
        raise Objections([Objection(("matrix", "exclude"), "no variant is left after 'exclude'")])
    suffixes = [variant.suffix for variant in found]
    for suffix in suffixes:
        if suffixes.count(suffix) > 1:
            raise Objections([Objection(("matrix",), f"two variants have the same id suffix '{suffix}'")])
    return found


_Combination = dict[str, tuple[Any, SourcePath]]


def _combinations(matrix: Matrix) -> Iterator[_Combination]:
    axes: list[list[tuple[str, Any, SourcePath]]] = [
        [(axis, value, ("matrix", "axes", axis, position)) for position, value in enumerate(values)]
        for axis, values in matrix.axes.items()
    ]
    for cells in itertools.product(*axes):
        combination = {axis: (value, where) for axis, value, where in cells}
        if not any(_agrees(combination, entry) for entry in matrix.exclude):
            yield combination
    for position, entry in enumerate(matrix.include):
        yield {axis: (entry[axis], ("matrix", "include", position, axis)) for axis in matrix.axes}


def _agrees(combination: _Combination, entry: Mapping[str, Any]) -> bool:
    return all(combination[axis][0] == value for axis, value in entry.items())


def _variant(bare: Mapping[str, Any], combination: _Combination) -> Variant:
    raw = copy.deepcopy(dict(bare))
    origins = []
    for axis, (value, where) in combination.items():
        path = _locate(raw, axis)
        _place(raw, path, copy.deepcopy(value))
        origins.append((path, where))
    coordinates = tuple((axis, value) for axis, (value, _) in combination.items())
    return Variant("-".join(_slug(value) for _, value in coordinates), coordinates, raw, tuple(origins))


def _locate(raw: Mapping[str, Any], axis: str) -> SourcePath:
    """The path of an axis such as `faults.owner-dies.for` in the raw scenario; members of a list are named by their id.

    A measurement's name holds dots, so everything after `limits.` is one key.
    """
    parts = axis.split(".", 1) if axis.startswith("limits.") else axis.split(".")
    if parts[0] in ("id", "matrix", "schema"):
        raise Objections([Objection(("matrix", "axes", axis), f"'{parts[0]}' cannot vary", at_key=True)])
    path: list[str | int] = []
    current: Any = raw
    for part in parts:
        if isinstance(current, list):
            positions = [
                number for number, item in enumerate(current) if isinstance(item, Mapping) and item.get("id") == part
            ]
            if not positions:
                message = f"the axis '{axis}' names '{part}', but nothing in '{'.'.join(map(str, path))}' has this id"
                raise Objections([Objection(("matrix", "axes", axis), message, at_key=True)])
            path.append(positions[0])
            current = current[positions[0]]
        else:
            path.append(part)
            current = current.get(part) if isinstance(current, Mapping) else None
    return tuple(path)


def _place(raw: dict[str, Any], path: SourcePath, value: Any) -> None:
    current: Any = raw
    for part in path[:-1]:
        if isinstance(current, dict) and not isinstance(current.get(part), dict | list):
            current[part] = {}
        current = current[part]
    current[path[-1]] = value


def _slug(value: Any) -> str:
    """An axis value as part of an id: the words of it, small, joined by hyphens."""
    if isinstance(value, Mapping):
        return "-".join(_slug(item) for item in value.values())
    if isinstance(value, list | tuple):
        return "-".join(_slug(item) for item in value)
    return _SLUG.sub("-", str(value).lower()).strip("-.") or "none"
