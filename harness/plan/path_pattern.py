"""Patterns over the phase tree, such as `update/install/cau/node[*]/reboot`.

A path of an event has the same shape without wildcards, and names the node: `update/install/cau/node[NODE02]/reboot`.
`*` stands for one segment, `**` for any number of segments, `node[*]` for any node.
"""

from __future__ import annotations

import re
from dataclasses import dataclass
from functools import lru_cache

from harness.plan.text import TextError, closest
from harness.plan.vocabulary import NODE_STEPS, PHASES

_SEGMENT = re.compile(r"(?P<name>[A-Za-z][A-Za-z0-9_.-]*)(?:\[(?P<index>\*|[A-Za-z0-9_.-]+)\])?")


@dataclass(frozen=True, slots=True)
class Segment:
    """One step of a path pattern: a name or a wildcard, and the index in brackets (None: none, "*": any)."""

    name: str
    index: str | None = None

    def accepts(self, other: Segment) -> bool:
        """Whether this pattern segment accepts a plain segment."""
        if self.name == "*":
            return True
        return self.name == other.name and (
            self.index == other.index or (self.index == "*" and other.index is not None)
        )

    def __str__(self) -> str:
        return self.name if self.index is None else f"{self.name}[{self.index}]"


@dataclass(frozen=True, slots=True)
class PathPattern:
    """A parsed path pattern."""

    segments: tuple[Segment, ...]

    @property
    def has_any_index(self) -> bool:
        """Whether the pattern ranges over all nodes (`node[*]`)."""
        return any(segment.index == "*" for segment in self.segments)

    def matches(self, path: str) -> bool:
        """Whether a path without wildcards is one of those that the pattern names."""
        return _match(self.segments, _plain_segments(path))

    def contains(self, path: str) -> bool:
        """Whether the path is one of those that the pattern names, or lies below one (`phase.in`)."""
        plain = _plain_segments(path)
        return any(_match(self.segments, plain[:length]) for length in range(len(plain), 0, -1))

    def __str__(self) -> str:
        return "/".join(map(str, self.segments))


def parse_path(text: str, offset: int = 0) -> PathPattern:
    """A path pattern; `offset` is where it lies in the surrounding text.

    The root, the product's phases and the steps of a node's turn are checked against the vocabulary, since a misspelt
    path would silently never match.  Raises TextError.
    """
    segments: list[Segment] = []
    position = offset
    for part in text.split("/"):
        if part in ("*", "**"):
            segments.append(Segment(part))
        else:
            found = _SEGMENT.fullmatch(part)
            if found is None:
                raise TextError(f"'{part}' is no part of a path; write for example 'node[*]'", offset=position)
            _check_word(segments, found["name"], position)
            segments.append(Segment(found["name"], found["index"]))
        position += len(part) + 1
    return PathPattern(tuple(segments))


def _check_word(before: list[Segment], name: str, offset: int) -> None:
    known: tuple[str, ...]
    names = [segment.name for segment in before]
    if not names:
        known, what = ("update",), "a path begins with"
    elif names == ["update"]:
        known, what = PHASES, "the phases of an update are"
    elif len(names) > 1 and names[-2:] == ["cau", "node"]:
        known, what = NODE_STEPS, "the steps of a node's turn are"
    else:
        return
    if name not in known:
        raise TextError(
            f"unknown path part '{name}'; {what} {', '.join(known)}", offset=offset, suggestion=closest(name, known)
        )


@lru_cache(maxsize=4096)
def _plain_segments(path: str) -> tuple[Segment, ...]:
    segments = []
    for part in path.split("/"):
        found = _SEGMENT.fullmatch(part)
        segments.append(Segment(found["name"], found["index"]) if found else Segment(part))
    return tuple(segments)


def _match(pattern: tuple[Segment, ...], path: tuple[Segment, ...]) -> bool:
    if not pattern:
        return not path
    if pattern[0].name == "**":
        return any(_match(pattern[1:], path[skip:]) for skip in range(len(path) + 1))
    return bool(path) and pattern[0].accepts(path[0]) and _match(pattern[1:], path[1:])
