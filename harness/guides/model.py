"""A guide as a value: what it looks like when it applies, what to do, and how to see that it helped.

The wording is ours; texts in matchers and commands in steps are facts of the document named in `source`.
"""

from __future__ import annotations

import re
from typing import Annotated, Any, Final, Literal

from pydantic import AfterValidator, BeforeValidator, Field, StrictBool, StrictInt, model_validator

from harness.guides.evidence import SOURCES
from harness.plan.models import Line, Name, Value
from harness.plan.quantity import Duration
from harness.plan.text import Objection, Objections, TextError, closest

Scalar = str | int | float | bool
TESTS: Final = ("is", "not", "in", "matches", "below", "above")
_ROW: Final = re.compile(r"(?P<matcher>[a-z0-9][a-z0-9-]*)\.(?P<field>[a-z_]+)")


def _fact(text: str) -> str:
    name = text.partition(".")[0]
    if name not in SOURCES:
        raise TextError(f"unknown fact '{name}'", suggestion=closest(name, SOURCES))
    return text


def _pattern(text: str) -> str:
    try:
        re.compile(text)
    except re.error as error:
        raise TextError(f"'{text}' is no regular expression: {error}") from None
    return text


def _row(text: str) -> str:
    if not _ROW.fullmatch(text):
        raise TextError(f"'{text}' names no field of a matcher's rows; write for example 'stale-plan.id'")
    return text


Fact = Annotated[str, AfterValidator(_fact)]
Pattern = Annotated[str, AfterValidator(_pattern)]
RowField = Annotated[str, AfterValidator(_row)]


def _one_or_many(value: Any) -> Any:
    return (value,) if isinstance(value, str | int | float | bool) else value


class Matcher(Value):
    """A test on one fact.  Exactly one of the tests is given.

    A fact is a value (`update.error`) or a list of rows (`groups`).  Of a list, rows that fit `where` (field → text
    with `*`) are looked at, and `field` of a row is tested; `rows` says how many must pass.  `below` and `above` are
    numbers in the unit that the field's name ends with.  Text is compared without case.
    """

    id: Name
    fact: Fact
    where: dict[str, str] = Field(default_factory=dict)
    field: str = ""
    rows: Literal["any", "all", "none"] = "any"
    is_: Scalar | None = Field(default=None, alias="is")
    not_: Scalar | None = Field(default=None, alias="not")
    in_: Annotated[tuple[Scalar, ...], BeforeValidator(_one_or_many)] | None = Field(default=None, alias="in")
    matches: Pattern | None = None
    below: float | None = None
    above: float | None = None

    @model_validator(mode="after")
    def _check_one_test(self) -> Matcher:
        given = [name for name in TESTS if self.test(name) is not None]
        if len(given) != 1:
            raise Objections(
                [Objection((), f"a matcher has exactly one of {', '.join(TESTS)}; found {given or 'none'}")]
            )
        return self

    def test(self, name: str) -> Any:
        """The operand of a test, None when it is not this matcher's."""
        return getattr(self, f"{name}_" if name in ("is", "not", "in") else name)

    @property
    def is_text(self) -> bool:
        """Does it look for words of the product?  Such a matcher says more than one on a state."""
        return self.matches is not None


class RemedyStep(Value):
    """One thing to do: a script on nodes, or an action of the harness.

    `on`: `any` node that answers, `each` node, or the nodes in a field of a matcher's rows (`low-drive.node`).  In the
    script `<<name>>` stands for a value of the guide's `bind`, or for `<<update_id>>`.  A script may be run twice.
    `destructive` steps reboot or drain, delete state, or end processes: only a plan's approval opens their gate.
    """

    id: Name
    does: Line
    script: Line | None = None
    action: Literal["resume-update"] | None = None
    on: Literal["any", "each"] | RowField = "any"
    destructive: StrictBool = False
    within: Duration | None = None

    @model_validator(mode="after")
    def _check_kind(self) -> RemedyStep:
        if (self.script is None) == (self.action is None):
            raise Objections([Objection((), f"the step '{self.id}' needs either a 'script' or an 'action'")])
        if self.script is not None and self.within is None:
            raise Objections([Objection((), f"the step '{self.id}' needs 'within': how long may its script take?")])
        return self


class Source(Value):
    """The document: repository and path of a published guide, or the title of a product page."""

    repository: Line
    path: Line


class Guide(Value):
    """One published guide.

    `nominated`: one trigger nominates it (`any`), or all must hold (`all`).  It applies when it is nominated, every
    `confirm` holds and no `exclude` does.  `verify` must hold, with facts newer than the remedy, within `recovers`.
    `rank` breaks ties (smaller first), as in the catalogue of guides.
    """

    schema_: Literal[1] = Field(alias="schema")
    guide: Name
    title: Line
    source: Source
    phase: Line
    nominated: Literal["any", "all"] = "any"
    trigger: Annotated[tuple[Matcher, ...], Field(min_length=1)]
    confirm: tuple[Matcher, ...] = ()
    exclude: tuple[Matcher, ...] = ()
    bind: dict[str, RowField] = Field(default_factory=dict)
    remedy: tuple[RemedyStep, ...] = ()
    verify: tuple[Matcher, ...] = ()
    recovers: Duration | None = None
    rank: Annotated[StrictInt, Field(ge=1, le=1000)] = 1000

    @model_validator(mode="after")
    def _check_references(self) -> Guide:
        objections = [*self._twice(), *self._unknown_rows(), *self._unfinished()]
        if objections:
            raise Objections(objections)
        return self

    def _twice(self) -> list[Objection]:
        ids = [item.id for item in (*self.trigger, *self.confirm, *self.exclude)]
        return [
            Objection((), f"the matcher id '{name}' is there twice") for name in sorted(set(ids)) if ids.count(name) > 1
        ]

    def _unknown_rows(self) -> list[Objection]:
        known = {item.id for item in (*self.trigger, *self.confirm)}
        used = [*self.bind.values(), *(step.on for step in self.remedy if "." in step.on)]
        return [
            Objection((), f"'{text}' names no trigger or confirm matcher of this guide")
            for text in used
            if text.partition(".")[0] not in known
        ]

    def _unfinished(self) -> list[Objection]:
        if self.remedy and not (self.verify and self.recovers is not None):
            return [
                Objection((), "a guide with a 'remedy' needs 'verify' and 'recovers': how is success seen, and when?")
            ]
        return []

    @property
    def facts(self) -> frozenset[str]:
        """Names of the facts that its matchers look at."""
        matchers = (*self.trigger, *self.confirm, *self.exclude, *self.verify)
        return frozenset(matcher.fact.partition(".")[0] for matcher in matchers)
