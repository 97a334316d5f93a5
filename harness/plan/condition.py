"""Guards of a trigger (`while`, `unless`): boolean expressions over the current phase and facts about the cluster."""

from __future__ import annotations

import operator
import re
from collections.abc import Callable
from dataclasses import dataclass
from typing import Annotated, Final, Protocol

from pydantic import PlainSerializer, PlainValidator, WithJsonSchema

from harness.plan.path_pattern import PathPattern, parse_path
from harness.plan.text import TextError, closest, require_text
from harness.plan.vocabulary import FACTS

_TOKEN = re.compile(r">=|<=|==|!=|<|>|\(|\)|[^\s()<>=!]+|\S")
_SIGNS: Final[dict[str, Callable[[float, float], bool]]] = {
    ">=": operator.ge,
    "<=": operator.le,
    "==": operator.eq,
    "!=": operator.ne,
    ">": operator.gt,
    "<": operator.lt,
}


class Facts(Protocol):
    """What the runner knows when a trigger's event is seen."""

    def phase_path(self) -> str:
        """The deepest phase or step that runs now, e.g. `update/install/cau/node[2]/reboot`."""
        ...

    def fact(self, name: str) -> float:
        """The current value of a fact of `vocabulary.FACTS`."""
        ...


@dataclass(frozen=True, slots=True)
class InPhase:
    """The current phase is one of those that the pattern names, or lies below one."""

    path: PathPattern

    def holds(self, facts: Facts) -> bool:
        return self.path.contains(facts.phase_path())

    def __str__(self) -> str:
        return f"phase.in {self.path}"


@dataclass(frozen=True, slots=True)
class Compare:
    """A fact compared with a number."""

    fact: str
    sign: str
    number: float

    def holds(self, facts: Facts) -> bool:
        return _SIGNS[self.sign](facts.fact(self.fact), self.number)

    def __str__(self) -> str:
        return f"{self.fact} {self.sign} {self.number:.15g}"


@dataclass(frozen=True, slots=True)
class Not:
    """The operand does not hold."""

    operand: Condition

    def holds(self, facts: Facts) -> bool:
        return not self.operand.holds(facts)

    def __str__(self) -> str:
        return f"not {_grouped(self.operand)}"


@dataclass(frozen=True, slots=True)
class Both:
    """All operands hold."""

    operands: tuple[Condition, ...]

    def holds(self, facts: Facts) -> bool:
        return all(operand.holds(facts) for operand in self.operands)

    def __str__(self) -> str:
        return " and ".join(map(_grouped, self.operands))


@dataclass(frozen=True, slots=True)
class Either:
    """At least one operand holds."""

    operands: tuple[Condition, ...]

    def holds(self, facts: Facts) -> bool:
        return any(operand.holds(facts) for operand in self.operands)

    def __str__(self) -> str:
        return " or ".join(map(_grouped, self.operands))


Condition = InPhase | Compare | Not | Both | Either


def _grouped(operand: Condition) -> str:
    return f"({operand})" if isinstance(operand, Both | Either) else str(operand)


class _Parser:
    """Recursive descent over the tokens of one condition; lives for one call of parse_condition."""

    def __init__(self, text: str) -> None:
        self._tokens = [(found.group(), found.start()) for found in _TOKEN.finditer(text)]
        self._end = len(text.rstrip())
        self._next = 0

    def parse(self) -> Condition:
        condition = self._either()
        word, offset = self._peek()
        if word:
            raise TextError(f"unexpected '{word}'; expected 'and', 'or' or the end", offset=offset)
        return condition

    def _peek(self) -> tuple[str, int]:
        return self._tokens[self._next] if self._next < len(self._tokens) else ("", self._end)

    def _take(self) -> tuple[str, int]:
        token = self._peek()
        self._next += 1
        return token

    def _either(self) -> Condition:
        operands = [self._both()]
        while self._peek()[0] == "or":
            self._take()
            operands.append(self._both())
        return operands[0] if len(operands) == 1 else Either(tuple(operands))

    def _both(self) -> Condition:
        operands = [self._factor()]
        while self._peek()[0] == "and":
            self._take()
            operands.append(self._factor())
        return operands[0] if len(operands) == 1 else Both(tuple(operands))

    def _factor(self) -> Condition:
        word, offset = self._take()
        match word:
            case "":
                raise TextError(
                    "the condition ends too early; expected 'phase.in PATH' or 'FACT >= NUMBER'", offset=offset
                )
            case "not":
                return Not(self._factor())
            case "(":
                inner = self._either()
                closing, where = self._take()
                if closing != ")":
                    raise TextError("expected ')'", offset=where)
                return inner
            case "phase.in":
                path, where = self._take()
                if not path:
                    raise TextError("'phase.in' needs a path, for example 'phase.in update/install'", offset=where)
                return InPhase(parse_path(path, where))
            case _:
                return self._comparison(word, offset)

    def _comparison(self, fact: str, offset: int) -> Condition:
        if fact not in FACTS:
            raise TextError(f"unknown fact '{fact}'", offset=offset, suggestion=closest(fact, (*FACTS, "phase.in")))
        sign, where = self._take()
        if sign not in _SIGNS:
            raise TextError(f"expected a comparison after '{fact}', for example '{fact} >= 1'", offset=where)
        number, where = self._take()
        if not re.fullmatch(r"[0-9]+(\.[0-9]+)?", number):
            raise TextError(f"expected a number after '{sign}', found '{number}'", offset=where)
        return Compare(fact, sign, float(number))


def parse_condition(text: str) -> Condition:
    """A guard.  Raises TextError with the offset of the word that is wrong."""
    return _Parser(text).parse()


def _condition(value: object) -> Condition:
    if isinstance(value, InPhase | Compare | Not | Both | Either):
        return value
    return parse_condition(require_text(value, "phase.in update/install"))


Guard = Annotated[
    Condition,
    PlainValidator(_condition),
    PlainSerializer(str, return_type=str),
    WithJsonSchema({"type": "string", "examples": ["phase.in update/install and node.down == 0"]}),
]
