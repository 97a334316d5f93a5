"""Whom a fault hits: a set expression over roles, evaluated when the fault fires.

    owner_of(update_service) & not self        one & not self        next_to_update        minority & up

Grammar: `expression = term {"|" term}`, `term = factor {"&" factor}`,
`factor = "not" factor | "(" expression ")" | role`, `role = name ["(" argument ")"]`.

The selectors `one` and `minority` draw from the set that the rest of the expression names; they stand once, as a factor
of the outermost `&`.
"""

from __future__ import annotations

import re
from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass
from typing import Annotated, Protocol

from pydantic import PlainSerializer, PlainValidator, WithJsonSchema

from harness.plan.text import TextError, closest, require_text
from harness.plan.vocabulary import CLUSTER_GROUPS, ROLES, SELECTORS

_TOKEN = re.compile(r"[A-Za-z0-9_][\w.-]*|[&|()]|\S")
_NAME = re.compile(r"[A-Za-z0-9_][\w.-]*")


class RoleFacts(Protocol):
    """The cluster's roles at the instant when a fault fires."""

    def nodes(self) -> frozenset[str]:
        """All nodes of the lab."""
        ...

    def role(self, name: str, argument: str | None) -> frozenset[str]:
        """The nodes that play a role of `vocabulary.ROLES` now; empty when nobody does."""
        ...


@dataclass(frozen=True, slots=True)
class Role:
    """A role, with its argument where it takes one."""

    name: str
    argument: str | None = None

    def members(self, facts: RoleFacts) -> frozenset[str]:
        return facts.role(self.name, self.argument)

    def __str__(self) -> str:
        return self.name if self.argument is None else f"{self.name}({self.argument})"


@dataclass(frozen=True, slots=True)
class Except:
    """All nodes but those of the operand (`not`)."""

    operand: NodeSet

    def members(self, facts: RoleFacts) -> frozenset[str]:
        return facts.nodes() - self.operand.members(facts)

    def __str__(self) -> str:
        return f"not {_grouped(self.operand)}"


@dataclass(frozen=True, slots=True)
class Common:
    """Nodes that are in all operands (`&`)."""

    operands: tuple[NodeSet, ...]

    def members(self, facts: RoleFacts) -> frozenset[str]:
        return frozenset.intersection(*(operand.members(facts) for operand in self.operands))

    def __str__(self) -> str:
        return " & ".join(map(_grouped, self.operands))


@dataclass(frozen=True, slots=True)
class Joined:
    """Nodes that are in any operand (`|`)."""

    operands: tuple[NodeSet, ...]

    def members(self, facts: RoleFacts) -> frozenset[str]:
        return frozenset.union(*(operand.members(facts) for operand in self.operands))

    def __str__(self) -> str:
        return " | ".join(map(_grouped, self.operands))


NodeSet = Role | Except | Common | Joined


@dataclass(frozen=True, slots=True)
class Target:
    """A target expression: a set of nodes, and how many are drawn from it (None: all of them)."""

    nodes: NodeSet
    selector: str | None = None

    @property
    def only_self(self) -> bool:
        """Whether the fault can hit only the node of the event that fired."""
        operands = self.nodes.operands if isinstance(self.nodes, Common) else (self.nodes,)
        return Role("self") in operands

    def roles(self) -> frozenset[Role]:
        """All roles that the expression mentions."""
        return frozenset(_roles(self.nodes))

    def most(self, node_count: int) -> int:
        """The largest number of nodes that the target can name in a cluster of `node_count` nodes."""
        bound = min(_most(self.nodes, node_count), node_count)
        match self.selector:
            case "one":
                return min(bound, 1)
            case "minority":
                return min(bound, (node_count - 1) // 2)
            case _:
                return bound

    def resolve(self, facts: RoleFacts, draw: Callable[[Sequence[str], int], Sequence[str]]) -> tuple[str, ...]:
        """The nodes, sorted by name; empty when no node plays the roles now.

        `draw(candidates, count)` chooses from sorted candidates; the runner passes the fault's own random stream.
        """
        candidates = sorted(self.nodes.members(facts))
        if self.selector is None:
            return tuple(candidates)
        count = 1 if self.selector == "one" else (len(facts.nodes()) - 1) // 2
        return tuple(sorted(draw(candidates, min(count, len(candidates)))))

    def __str__(self) -> str:
        if self.selector is None:
            return str(self.nodes)
        if self.nodes == Role("all"):
            return self.selector
        rest = f"({self.nodes})" if isinstance(self.nodes, Joined) else str(self.nodes)
        return f"{self.selector} & {rest}"


@dataclass(frozen=True, slots=True)
class _Selector:
    """A selector as the parser met it; never part of a finished target."""

    name: str
    offset: int


_Parsed = Role | Except | Common | Joined | _Selector


def _grouped(operand: NodeSet) -> str:
    return f"({operand})" if isinstance(operand, Common | Joined) else str(operand)


def _roles(nodes: NodeSet) -> Iterator[Role]:
    match nodes:
        case Role():
            yield nodes
        case Except(operand=operand):
            yield from _roles(operand)
        case Common(operands=operands) | Joined(operands=operands):
            for operand in operands:
                yield from _roles(operand)


def _most(nodes: NodeSet, node_count: int) -> int:
    match nodes:
        case Role(name=name):
            bound = ROLES[name].most
            return node_count if bound is None else bound
        case Except():
            return node_count
        case Common(operands=operands):
            return min(_most(operand, node_count) for operand in operands)
        case Joined(operands=operands):
            return sum(_most(operand, node_count) for operand in operands)


class _Parser:
    """Recursive descent over the tokens of one target; lives for one call of parse_target."""

    def __init__(self, text: str) -> None:
        self._tokens = [(found.group(), found.start()) for found in _TOKEN.finditer(text)]
        self._end = len(text.rstrip())
        self._next = 0

    def parse(self) -> Target:
        factors = self._outer_factors()
        selectors = [factor for factor in factors if isinstance(factor, _Selector)]
        sets = [factor for factor in factors if not isinstance(factor, _Selector)]
        if len(selectors) > 1:
            raise TextError(
                "a target can draw only once: use 'one' or 'minority', not both", offset=selectors[1].offset
            )
        nodes: NodeSet = Role("all") if not sets else sets[0] if len(sets) == 1 else Common(tuple(sets))
        return Target(nodes, selectors[0].name if selectors else None)

    def _outer_factors(self) -> list[_Parsed]:
        factors = self._factors()
        if self._peek()[0] == "|":
            operands = [self._joinable(factors)]
            while self._peek()[0] == "|":
                self._take()
                operands.append(self._joinable(self._factors()))
            factors = [Joined(tuple(operands))]
        word, offset = self._peek()
        if word:
            raise TextError(f"unexpected '{word}'; expected '&', '|' or the end", offset=offset)
        return factors

    def _peek(self) -> tuple[str, int]:
        return self._tokens[self._next] if self._next < len(self._tokens) else ("", self._end)

    def _take(self) -> tuple[str, int]:
        token = self._peek()
        self._next += 1
        return token

    def _factors(self) -> list[_Parsed]:
        factors = [self._factor()]
        while self._peek()[0] == "&":
            self._take()
            factors.append(self._factor())
        return factors

    def _joinable(self, factors: list[_Parsed]) -> NodeSet:
        sets = [self._plain(factor) for factor in factors]
        return sets[0] if len(sets) == 1 else Common(tuple(sets))

    def _plain(self, factor: _Parsed) -> NodeSet:
        if isinstance(factor, _Selector):
            raise TextError(
                f"'{factor.name}' must stand in the outermost '&', for example 'one & not self'", offset=factor.offset
            )
        return factor

    def _factor(self) -> _Parsed:
        word, offset = self._take()
        if word == "":
            raise TextError("the target ends too early; expected a role such as 'next_to_update'", offset=offset)
        if word == "not":
            return Except(self._plain(self._factor()))
        if word == "(":
            inner = self._inner()
            closing, where = self._take()
            if closing != ")":
                raise TextError("expected ')'", offset=where)
            return inner
        if word in SELECTORS:
            return _Selector(word, offset)
        return self._role(word, offset)

    def _inner(self) -> NodeSet:
        operands = [self._joinable(self._factors())]
        while self._peek()[0] == "|":
            self._take()
            operands.append(self._joinable(self._factors()))
        return operands[0] if len(operands) == 1 else Joined(tuple(operands))

    def _role(self, name: str, offset: int) -> Role:
        if name not in ROLES:
            known = (*ROLES, *SELECTORS)
            if not _NAME.fullmatch(name):
                raise TextError(f"unexpected '{name}'; expected a role such as 'next_to_update'", offset=offset)
            raise TextError(f"unknown role '{name}'", offset=offset, suggestion=closest(name, known))
        takes = ROLES[name].takes
        if takes is None:
            if self._peek()[0] == "(":
                raise TextError(f"'{name}' takes no argument", offset=self._peek()[1])
            return Role(name)
        if self._take()[0] != "(":
            raise TextError(f"'{name}' takes {takes} in brackets", offset=offset + len(name))
        argument, where = self._take()
        if not _NAME.fullmatch(argument):
            raise TextError(f"'{name}' takes {takes} in brackets", offset=where)
        if name == "owner_of" and argument not in CLUSTER_GROUPS:
            raise TextError(
                f"unknown cluster group '{argument}'", offset=where, suggestion=closest(argument, CLUSTER_GROUPS)
            )
        closing, where = self._take()
        if closing != ")":
            raise TextError("expected ')'", offset=where)
        return Role(name, argument)


def parse_target(text: str) -> Target:
    """A target expression.  Raises TextError with the offset of the word that is wrong."""
    return _Parser(text).parse()


def _target(value: object) -> Target:
    return value if isinstance(value, Target) else parse_target(require_text(value, "one & not self"))


NodeTarget = Annotated[
    Target,
    PlainValidator(_target),
    PlainSerializer(str, return_type=str),
    WithJsonSchema({"type": "string", "examples": ["owner_of(update_service) & not self", "next_to_update"]}),
]
