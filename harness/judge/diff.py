"""Compare two journals line by line, without what may differ between two runs of the same seed.

Left out: `t_mono_ns`, `t_wall`, `prev_sha256`, every key of `data` that begins with `wall_`, the key `host` anywhere in
`data`, and hash and size of an evidence file that holds wall times.  Everything else must be the same.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from itertools import zip_longest
from typing import Any

from harness.journal import Entry, Journal

FRAME = ("seq", "attempt", "t_lab_ns", "actor", "kind", "subject")


@dataclass(frozen=True, slots=True)
class Difference:
    """The first place at which a line differs: dotted `path` into the line, and both values (None: no such line or
    key)."""

    seq: int
    path: str
    left: object
    right: object


def strip(value: Any) -> Any:
    """A value without what is not compared; `wall_` keys at any depth."""
    if isinstance(value, Mapping):
        return {key: strip(item) for key, item in value.items() if key != "host" and not str(key).startswith("wall_")}
    if isinstance(value, list | tuple):
        return [strip(item) for item in value]
    return value


def comparable(entry: Entry) -> dict[str, Any]:
    """What of a line is compared."""
    frame = {name: getattr(entry, name) for name in FRAME}
    data = strip(entry.data)
    if entry.what == "evidence" and entry.data.get("wall_times"):
        data = {key: value for key, value in data.items() if key not in ("sha256", "bytes")}
    return {**frame, "kind": entry.kind.value, "data": data}


def diff(left: Journal, right: Journal) -> Iterator[Difference]:
    """One difference for each line that differs, in order."""
    for number, (a, b) in enumerate(zip_longest(left, right)):
        if a is None or b is None:
            yield Difference(number, "line", a.what if a else None, b.what if b else None)
            continue
        found = _first(comparable(a), comparable(b), ())
        if found:
            path, one, other = found
            yield Difference(number, ".".join(path), one, other)


def _first(left: Any, right: Any, path: tuple[str, ...]) -> tuple[tuple[str, ...], object, object] | None:
    if isinstance(left, Mapping) and isinstance(right, Mapping):
        keys: Sequence[str] = [*left, *(key for key in right if key not in left)]
        pairs = [(str(key), left.get(key), right.get(key)) for key in keys]
    elif isinstance(left, list) and isinstance(right, list):
        pairs = [(str(index), a, b) for index, (a, b) in enumerate(zip_longest(left, right))]
    else:
        # 1 and True, or 1 and 1.0, are different texts in a journal.
        return None if left == right and type(left) is type(right) else (path, left, right)
    return next((found for key, a, b in pairs if (found := _first(a, b, (*path, key)))), None)
