"""What a property argument finds in an object: the properties that a name, a pattern or a block stands for.

Keys of a hashtable are no properties here, and neither are ``Count`` and ``Length`` of a single value (5.1).
"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass

from harness.twin.shell.commands.api import Call
from harness.twin.shell.dotnet.registry import NetProperty, members_of
from harness.twin.shell.errors import NetError, PSError
from harness.twin.shell.invocation import one_value, value_runner
from harness.twin.shell.members import INTRINSICS, MISSING, BoundMethod, find_member, integrated, property_list
from harness.twin.shell.objects import PropertySet, PSHashtable, PSObject, bare_value, read_member
from harness.twin.shell.propertyargs import ColumnSpec
from harness.twin.shell.regexes import has_wildcard, wildcard
from harness.twin.shell.runspace import Runspace


@dataclass(frozen=True, slots=True)
class Found:
    """One property: its name as the object spells it, its value, and the error when reading failed."""

    name: str
    value: object
    error: PSError | None = None


def own_property(rs: Runspace, item: object, low: str) -> object:
    """The value of a property that an object has itself, or ``MISSING``. Raises ``PSError`` when its getter fails."""
    if isinstance(item, PSHashtable):
        if item.extra and low in item.extra:
            return read_member(item, item.extra[low])
        member = members_of(PSHashtable).get(low)
        return member.getter(item) if isinstance(member, NetProperty) else MISSING
    if low in ("count", "length") and not has_own(item, low):
        return MISSING
    found = find_member(rs, item, low)
    if isinstance(found, BoundMethod):
        return MISSING
    if low in INTRINSICS and not (isinstance(item, PSObject) and low in item.members):
        return MISSING
    return found


def has_own(item: object, low: str) -> bool:
    """Whether an object has a member itself: ``Count`` and ``Length`` are added to any value by the language."""
    bare = bare_value(item)
    if isinstance(item, PSObject) and (low in item.members or bare is item):
        return low in item.members
    return isinstance(bare, PSHashtable) or low in members_of(type(bare))


def matching(rs: Runspace, item: object, name: str) -> list[Found]:
    """The properties of an object that a name or a pattern stands for, each once; a property set stands for its
    own."""
    if has_wildcard(name):
        pattern = wildcard(name)
        return [Found(one, value) for one, value in _listed(rs, item) if pattern.match(one)]
    low = name.lower()
    try:
        value = own_property(rs, item, low)
    except PSError as fault:
        return [Found(name, None, fault)]
    except NetError:
        return [Found(name, None)]
    if value is MISSING:
        return []
    if isinstance(value, PropertySet):
        return [one for part in value.names for one in matching(rs, item, part)]
    return [Found(_spelled(rs, item, low, name), value)]


def _listed(rs: Runspace, item: object) -> list[tuple[str, object]]:
    if isinstance(item, PSHashtable):
        return [pair for pair in property_list(rs, item) if own_property(rs, item, pair[0].lower()) is not MISSING]
    return integrated(rs, item)


def _spelled(rs: Runspace, item: object, low: str, given: str) -> str:
    if isinstance(item, PSObject):
        column = item.row[0].get(low) if item.row is not None else None
        if column is not None:
            return column[1]
        member = item.members.get(low)
        if member is not None:
            return member.name
    own = members_of(type(bare_value(item))).get(low)
    if own is not None:
        return own.name
    return next((name for name, _ in property_list(rs, item) if name.lower() == low), given)


def column_reader(call: Call, column: ColumnSpec) -> Callable[[object], list[Found]]:
    """A function that gives what a column finds in an object; a block's error becomes that of its result."""
    rs, block = call.rs, column.block
    if block is None:
        return lambda item: matching(rs, item, column.expression)
    evaluate = value_runner(rs, block, call.scope, call.streams)

    def read(item: object) -> list[Found]:
        before = rs.propagate
        rs.propagate = True
        try:
            return [Found(block.text, one_value(evaluate(item)))]
        except PSError as fault:
            return [Found(block.text, None, fault)]
        finally:
            rs.propagate = before

    return read
