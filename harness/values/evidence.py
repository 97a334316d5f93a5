"""Evidence class: what a result is evidence about.  Set by the lab provider, carried by everything that shows a
result."""

from __future__ import annotations

from enum import StrEnum
from typing import Final


class Subject(StrEnum):
    """Does real Azure Local run there?"""

    PRODUCT = "product"
    EMULATED = "emulated"
    SIMULATED = "simulated"


class Machines(StrEnum):
    """What the nodes are."""

    PHYSICAL = "physical"
    VIRTUAL = "virtual"
    NONE = "none"


NO_EVIDENCE_LABEL: Final = "rehearsal: no evidence about the product"


def evidence_label(subject: Subject) -> str:
    """The words that must stand beside every result of this subject."""
    return "evidence about the product" if subject is Subject.PRODUCT else NO_EVIDENCE_LABEL
