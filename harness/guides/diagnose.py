"""Which guide applies: a ranked list with reasons, never a guess.

A nominated guide applies when every confirmation holds and nothing excludes it.  More of the product's own words, then
more confirmations, come first; the catalogue's rank breaks a tie only between guides that say the same thing.
"""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass
from enum import StrEnum
from typing import Any

from harness.guides.matching import Facts, Match, match
from harness.guides.model import Guide


class Standing(StrEnum):
    """What the evidence says of a guide."""

    APPLIES = "applies"
    UNPROVEN = "unproven"
    """Nominated, but a confirmation could not be had."""
    EXCLUDED = "excluded"
    SILENT = "silent"
    """Not nominated."""


@dataclass(frozen=True, slots=True)
class Candidate:
    """One guide and what speaks for and against it.  `excluded_by` names the matcher that rules it out."""

    guide: Guide
    standing: Standing
    triggers: tuple[Match, ...]
    confirms: tuple[Match, ...]
    excluded_by: str = ""

    def rows(self, text: str) -> list[Any]:
        """The values of `matcher.field` in the rows that passed."""
        name, _, field = text.partition(".")
        found = next(item for item in (*self.triggers, *self.confirms) if item.matcher == name)
        return [row[field] for row in found.rows if row.get(field) is not None]

    @property
    def weight(self) -> tuple[int, int, int]:
        """Sorts candidates of the same standing: the heaviest first."""
        texts = {matcher.id for matcher in (*self.guide.trigger, *self.guide.confirm) if matcher.is_text}
        words = sum(bool(item.holds) and item.matcher in texts for item in (*self.triggers, *self.confirms))
        held = sum(bool(item.holds) for item in self.confirms)
        return (words, held, -self.guide.rank)

    def plain(self, rank: int) -> dict[str, Any]:
        """As the journal holds it."""
        return {
            "guide": self.guide.guide,
            "rank": rank,
            "standing": self.standing.value,
            "triggers": [item.plain() for item in self.triggers],
            "confirms": [item.plain() for item in self.confirms],
            "excluded_by": self.excluded_by,
        }


@dataclass(frozen=True, slots=True)
class Diagnosis:
    """Candidates, the likeliest first; guides that nothing nominates are left out."""

    candidates: tuple[Candidate, ...]

    @property
    def first(self) -> Candidate | None:
        """The guide to follow, None when none applies."""
        applying = [one for one in self.candidates if one.standing is Standing.APPLIES]
        return applying[0] if applying else None

    @property
    def ambiguous(self) -> bool:
        """Do the two likeliest guides say the same of themselves, apart from the catalogue's rank?"""
        applying = [one.weight[:2] for one in self.candidates if one.standing is Standing.APPLIES]
        return len(applying) > 1 and applying[0] == applying[1]


_ORDER = {Standing.APPLIES: 0, Standing.UNPROVEN: 1, Standing.EXCLUDED: 2}


def diagnose(guides: Iterable[Guide], facts: Facts) -> Diagnosis:
    """Put all guides to the facts."""
    found = [candidate for guide in guides if (candidate := judge(guide, facts)).standing is not Standing.SILENT]
    found.sort(key=lambda one: (_ORDER[one.standing], *(-part for part in one.weight), one.guide.guide))
    return Diagnosis(tuple(found))


def judge(guide: Guide, facts: Facts) -> Candidate:
    """What the facts say of one guide."""
    triggers = tuple(match(item, facts) for item in guide.trigger)
    held = [bool(item.holds) for item in triggers]
    if not (all(held) if guide.nominated == "all" else any(held)):
        return Candidate(guide, Standing.SILENT, triggers, ())
    confirms = tuple(match(item, facts) for item in guide.confirm)
    against = [item.matcher for item in confirms if item.holds is False]
    against += [item.id for item in guide.exclude if match(item, facts).holds]
    if against:
        return Candidate(guide, Standing.EXCLUDED, triggers, confirms, against[0])
    standing = Standing.UNPROVEN if any(item.holds is None for item in confirms) else Standing.APPLIES
    return Candidate(guide, standing, triggers, confirms)
