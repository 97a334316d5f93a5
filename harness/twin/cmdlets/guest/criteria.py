"""Search criteria of Windows Update ([D] IUpdateSearcher::Search), and which updates they take."""

from __future__ import annotations

import re
from dataclasses import dataclass
from typing import Final

_TERM: Final = re.compile(
    r"\s*(?P<name>[A-Za-z]+)\s*(?P<operator>!=|=|\bcontains\b)\s*(?:'(?P<text>[^']*)'|(?P<number>\d+))\s*", re.I
)
_FLAGS: Final = (
    "isassigned",
    "browseonly",
    "autoselectonwebsites",
    "isinstalled",
    "ishidden",
    "ispresent",
    "rebootrequired",
)
_TEXTS: Final = ("type", "deploymentaction", "updateid", "categoryids", "revisionnumber")


class CriteriaError(ValueError):
    """The text is no criteria (WU_E_INVALID_CRITERIA)."""


@dataclass(frozen=True, slots=True)
class Term:
    """One comparison; name in lower case, value as text in lower case."""

    name: str
    operator: str
    value: str


Criteria = tuple[tuple[Term, ...], ...]
"""Alternatives, each of terms that must all hold: OR is allowed at the top level only [D]."""


def parse_criteria(text: str) -> Criteria:
    """Read criteria; empty ones mean the documented default.  Raises CriteriaError."""
    plain = text.strip() or "(IsInstalled=0 and IsHidden=0)"
    return tuple(_conjunction(part) for part in re.split(r"\bor\b", plain, flags=re.I))


def _conjunction(text: str) -> tuple[Term, ...]:
    plain = text.strip()
    if plain.startswith("(") and plain.endswith(")"):
        plain = plain[1:-1]
    return tuple(_term(part) for part in re.split(r"\band\b", plain, flags=re.I))


def _term(text: str) -> Term:
    found = _TERM.fullmatch(text)
    if found is None:
        raise CriteriaError(text)
    name, value = found["name"].lower(), (found["text"] if found["number"] is None else found["number"]).lower()
    if name in _FLAGS and (found["operator"] != "=" or value not in ("0", "1")):
        raise CriteriaError(text)
    if name not in (*_FLAGS, *_TEXTS):
        raise CriteriaError(text)
    return Term(name, found["operator"].lower(), value)


@dataclass(frozen=True, slots=True)
class Facts:
    """What criteria can ask of an update."""

    update_id: str
    installed: bool
    restart_required: bool


def takes(criteria: Criteria, facts: Facts) -> bool:
    """Whether an update matches: all here are assigned software in no category that can be asked for."""
    return any(all(_holds(term, facts) for term in terms) for terms in criteria)


def _holds(term: Term, facts: Facts) -> bool:
    flags = {
        "isassigned": True,
        "browseonly": False,
        "autoselectonwebsites": True,
        "isinstalled": facts.installed,
        "ishidden": False,
        "ispresent": facts.installed or facts.restart_required,
        "rebootrequired": facts.restart_required,
    }
    if term.name in flags:
        return flags[term.name] == (term.value == "1")
    own = {"type": "software", "deploymentaction": "installation", "updateid": facts.update_id}.get(term.name)
    equal = own is None or own == term.value
    return not equal if term.operator == "!=" else equal
