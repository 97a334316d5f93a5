"""Does a matcher hold?  Yes, no, or nobody knows."""

from __future__ import annotations

import re
from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from fnmatch import fnmatchcase
from typing import Any

from harness.guides.model import Matcher

Facts = Mapping[str, Any]
"""Fact name → what was found: a mapping, or a list of mappings.  A fact that could not be had is absent."""


@dataclass(frozen=True, slots=True)
class Match:
    """`holds` is None when the fact could not be had.  `rows` are those that passed; `said` shows what was seen."""

    matcher: str
    holds: bool | None
    said: str
    rows: tuple[Mapping[str, Any], ...] = ()

    def plain(self) -> dict[str, Any]:
        """As the journal holds it."""
        return {"matcher": self.matcher, "holds": self.holds, "said": self.said}


def match(matcher: Matcher, facts: Facts) -> Match:
    """Put one matcher to the facts."""
    name, _, inner = matcher.fact.partition(".")
    if name not in facts:
        return Match(matcher.id, None, f"nothing is known about '{name}'")
    found = facts[name]
    if isinstance(found, Mapping):
        value = found.get(inner or matcher.field)
        return Match(matcher.id, _passes(matcher, value), f"{matcher.fact} is {_shown(value)}", (found,))
    looked_at = [row for row in found if _fits(row, matcher.where)]
    passed = tuple(row for row in looked_at if _passes(matcher, row.get(matcher.field)))
    holds = {
        "any": bool(passed),
        "all": bool(looked_at) and len(passed) == len(looked_at),
        "none": not passed,
    }[matcher.rows]
    return Match(matcher.id, holds, _said(matcher, looked_at, passed), passed)


def _fits(row: Mapping[str, Any], where: Mapping[str, str]) -> bool:
    return all(fnmatchcase(str(row.get(key, "")).lower(), pattern.lower()) for key, pattern in where.items())


def _passes(matcher: Matcher, value: Any) -> bool:
    if matcher.matches is not None:
        return re.search(matcher.matches, " ".join(str(value or "").split()), re.IGNORECASE) is not None
    if matcher.is_ is not None:
        return _same(value, matcher.is_)
    if matcher.not_ is not None:
        return value is not None and not _same(value, matcher.not_)
    if matcher.in_ is not None:
        return any(_same(value, wanted) for wanted in matcher.in_)
    if not isinstance(value, int | float) or isinstance(value, bool):
        return False
    return value < matcher.below if matcher.below is not None else value > (matcher.above or 0.0)


def _same(value: Any, wanted: Any) -> bool:
    return str(value).lower() == str(wanted).lower()


def _said(matcher: Matcher, looked_at: Iterable[Mapping[str, Any]], passed: Iterable[Mapping[str, Any]]) -> str:
    rows = list(passed) or list(looked_at)
    if not rows:
        return f"{matcher.fact}: no such row"
    shown = "; ".join(f"{_label(row)} {matcher.field} {_shown(row.get(matcher.field))}" for row in rows[:3])
    return f"{matcher.fact}: {shown}" + (f" and {len(rows) - 3} more" if len(rows) > 3 else "")


def _label(row: Mapping[str, Any]) -> str:
    return str(row.get("name") or row.get("node") or "")


def _shown(value: Any) -> str:
    text = " ".join(str(value).split())
    return repr(text if len(text) <= 160 else f"{text[:157]}…") if isinstance(value, str) else text
