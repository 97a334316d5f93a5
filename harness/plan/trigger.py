"""When a fault fires: event patterns, conditions and references to other faults.

    on:     phase.enter update/install/cau/node[*]/reboot nth=1     the first node that reboots
    after:  owner-dies.clean + 5s                                   relative to another fault
    while:  phase.in update/install and node.down == 0              must hold when the event is seen
    unless: storage.resync >= 1                                     must not hold

Grammar (words are separated by blanks):

    event      = kind [path] {attribute ("=" | "!=" | ">=" | "<=") value} ["nth=" number | "first" | "last" | "every"]
    path       = segment {"/" segment};  segment = name ["[" (number | name | "*") "]"] | "*" | "**"
    after      = fault-id "." state ["+" duration]
    condition  = term {"or" term};  term = factor {"and" factor}
    factor     = "not" factor | "(" condition ")" | "phase.in" path | fact sign number
    sign       = ">=" | "<=" | "==" | "!=" | ">" | "<"

Everything is parsed to values here and only evaluated by the runner; errors carry the offset in the text.
"""

from __future__ import annotations

import re
from collections.abc import Mapping
from dataclasses import dataclass
from datetime import timedelta
from typing import Annotated, Final, Literal

from pydantic import PlainSerializer, PlainValidator, WithJsonSchema

from harness.plan.path_pattern import PathPattern, parse_path
from harness.plan.quantity import format_duration, parse_duration
from harness.plan.text import TextError, closest, require_text
from harness.plan.vocabulary import EVENTS, FAULT_STATES, PATH_EVENTS

Which = Literal["nth", "last", "every"]
Sign = Literal["=", "!=", ">=", "<="]

_WORD = re.compile(r"\S+")
_ATTRIBUTE = re.compile(r"(?P<name>[A-Za-z_][\w.-]*)(?P<sign>!=|>=|<=|=)(?P<value>\S+)")
_AFTER = re.compile(r"\s*(?P<fault>[A-Za-z0-9][\w-]*)\.(?P<state>[a-z]+)\s*(?:\+\s*(?P<delay>\S+)\s*)?")
_SIGNS: Final[dict[str, Sign]] = {"=": "=", "!=": "!=", ">=": ">=", "<=": "<="}


@dataclass(frozen=True, slots=True)
class AttributeTest:
    """One attribute of an event compared with a value; numbers compare as numbers, everything else as text."""

    name: str
    sign: Sign
    value: str

    def accepts(self, attributes: Mapping[str, object]) -> bool:
        """Whether the event's attribute passes; a missing attribute passes only `!=`."""
        if self.name not in attributes:
            return self.sign == "!="
        actual = attributes[self.name]
        match self.sign:
            case "=":
                return _same(actual, self.value)
            case "!=":
                return not _same(actual, self.value)
        number, wanted = _as_number(actual), float(self.value)
        if number is None:
            return False
        return number >= wanted if self.sign == ">=" else number <= wanted

    def __str__(self) -> str:
        return f"{self.name}{self.sign}{self.value}"


@dataclass(frozen=True, slots=True)
class EventPattern:
    """Which events a trigger waits for, and which of the matching ones fires it.

    `which` is "nth" with `number` counted from 1, "every", or "last": the one after which no other can match, known
    only for patterns with `node[*]`, where the number of nodes tells.
    """

    kind: str
    path: PathPattern | None
    tests: tuple[AttributeTest, ...] = ()
    which: Which = "nth"
    number: int = 1

    def matches(self, kind: str, path: str = "", attributes: Mapping[str, object] | None = None) -> bool:
        """Whether one event matches, whatever its occurrence."""
        if kind != self.kind or (self.path is not None and not self.path.matches(path)):
            return False
        return all(test.accepts(attributes or {}) for test in self.tests)

    def __str__(self) -> str:
        occurrence = f"nth={self.number}" if self.which == "nth" else self.which
        parts = [self.kind, *([str(self.path)] if self.path else []), *map(str, self.tests), occurrence]
        return " ".join(parts)


@dataclass(frozen=True, slots=True)
class After:
    """Another fault of the scenario reached a state, plus a delay."""

    fault: str
    state: str
    delay: timedelta = timedelta(0)

    def __str__(self) -> str:
        return f"{self.fault}.{self.state}" + (f" + {format_duration(self.delay)}" if self.delay else "")


def parse_event(text: str) -> EventPattern:
    """An event pattern.  Raises TextError with the offset of the word that is wrong."""
    words = [(found.group(), found.start()) for found in _WORD.finditer(text)]
    if not words:
        raise TextError("a trigger must name an event, for example 'phase.enter update/install'")
    kind, kind_offset = words[0]
    if kind not in EVENTS:
        raise TextError(f"unknown event '{kind}'", offset=kind_offset, suggestion=closest(kind, EVENTS))
    path: PathPattern | None = None
    tests: list[AttributeTest] = []
    occurrence: tuple[Which, int] | None = None
    for word, offset in words[1:]:
        chosen = _occurrence(word, offset)
        if chosen is not None:
            if occurrence is not None:
                raise TextError(
                    f"'{word}' is the second occurrence; name one of nth=N, first, last, every", offset=offset
                )
            occurrence = chosen
        elif found := _ATTRIBUTE.fullmatch(word):
            tests.append(_test(found, offset))
        elif path is None and not tests and occurrence is None:
            path = parse_path(word, offset)
        else:
            raise TextError(
                f"'{word}' is neither an attribute (name=value) nor nth=N, first, last or every", offset=offset
            )
    if kind in PATH_EVENTS and path is None:
        raise TextError(f"'{kind}' needs a path, for example '{kind} update/install'", offset=kind_offset + len(kind))
    which, number = occurrence or ("nth", 1)
    if which == "last" and not (path and path.has_any_index):
        raise TextError("'last' is known only for a path with node[*]", offset=text.rfind("last"))
    return EventPattern(kind, path, tuple(tests), which, number)


def parse_after(text: str) -> After:
    """`owner-dies.clean + 5s`.  Raises TextError."""
    found = _AFTER.fullmatch(text)
    if found is None:
        raise TextError(f"'{text}' does not read '<fault>.<state> + <delay>', for example 'owner-dies.clean + 5s'")
    if found["state"] not in FAULT_STATES:
        raise TextError(
            f"unknown fault state '{found['state']}'; a fault can be {', '.join(FAULT_STATES)}",
            offset=found.start("state"),
            suggestion=closest(found["state"], FAULT_STATES),
        )
    delay = timedelta(0)
    if found["delay"]:
        try:
            delay = parse_duration(found["delay"])
        except TextError as error:
            raise TextError(error.message, offset=found.start("delay") + error.offset) from None
    return After(found["fault"], found["state"], delay)


def _occurrence(word: str, offset: int) -> tuple[Which, int] | None:
    match word:
        case "first":
            return "nth", 1
        case "last":
            return "last", 0
        case "every":
            return "every", 0
    if not word.startswith("nth="):
        return None
    number = word.removeprefix("nth=")
    if not number.isdecimal() or int(number) == 0:
        raise TextError(f"'{word}' must count from 1, for example nth=1", offset=offset + len("nth="))
    return "nth", int(number)


def _test(found: re.Match[str], offset: int) -> AttributeTest:
    sign = found["sign"]
    if sign in (">=", "<=") and _as_number(found["value"]) is None:
        raise TextError(f"'{found['value']}' is no number to compare with", offset=offset + found.start("value"))
    return AttributeTest(found["name"], _SIGNS[sign], found["value"])


def _as_number(value: object) -> float | None:
    try:
        return float(str(value))
    except ValueError:
        return None


def _same(actual: object, wanted: str) -> bool:
    left, right = _as_number(actual), _as_number(wanted)
    return left == right if left is not None and right is not None else str(actual) == wanted


def _event(value: object) -> EventPattern:
    if isinstance(value, EventPattern):
        return value
    return parse_event(require_text(value, "phase.enter update/install"))


def _after(value: object) -> After:
    return value if isinstance(value, After) else parse_after(require_text(value, "owner-dies.clean + 5s"))


Event = Annotated[
    EventPattern,
    PlainValidator(_event),
    PlainSerializer(str, return_type=str),
    WithJsonSchema({"type": "string", "examples": ["phase.enter update/install/cau/node[*]/reboot nth=1"]}),
]
AfterFault = Annotated[
    After,
    PlainValidator(_after),
    PlainSerializer(str, return_type=str),
    WithJsonSchema({"type": "string", "examples": ["owner-dies.clean + 5s"]}),
]
