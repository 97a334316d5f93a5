"""How members of .NET types are declared and called.

A method has overloads, written as in .NET: ``"string value, int count"``; the last parameter may be
``params char[] x``.
The overload is picked by the number of arguments, then by how little has to be converted.
"""

from __future__ import annotations

from collections.abc import Callable, Sequence
from decimal import Decimal
from typing import Any, Final

from harness.twin.shell.conversion import convert
from harness.twin.shell.errors import ErrorRecord, NetError, NetException, PSError, limitation, runtime_error
from harness.twin.shell.numberformat import BadFormatError
from harness.twin.shell.objects import Char, bare_value
from harness.twin.shell.text import to_text
from harness.twin.shell.typesystem import TypeRef, array_of, find_type, is_instance, is_null, type_name

Implementation = Callable[..., object]


class Overload:
    """One signature of a method."""

    __slots__ = ("call", "names", "types", "variadic")

    def __init__(self, signature: str, call: Implementation) -> None:
        self.call = call
        self.names: list[str] = []
        self.types: list[TypeRef] = []
        self.variadic = False
        for part in filter(None, (piece.strip() for piece in signature.split(","))):
            words = part.split()
            if words[0] == "params":
                self.variadic = True
                words = words[1:]
            self.types.append(_type(words[0]))
            self.names.append(words[1])

    def accepts(self, count: int) -> bool:
        """Whether so many arguments fit."""
        return count >= len(self.types) - 1 if self.variadic else count == len(self.types)

    def type_at(self, index: int) -> TypeRef:
        """The type of an argument."""
        if self.variadic and index >= len(self.types) - 1:
            last = self.types[-1]
            return last.element or last
        return self.types[index]


def _type(name: str) -> TypeRef:
    if name.endswith("[]"):
        return array_of(_type(name[:-2]))
    found = find_type(name)
    if found is None:
        return TypeRef("System.Object")
    return found


class NetMethod:
    """A method with its overloads."""

    __slots__ = ("name", "overloads")

    def __init__(self, name: str) -> None:
        self.name = name
        self.overloads: list[Overload] = []


class NetProperty:
    """A property: how it is read, and set. ``kind`` is ``Property``, or what PowerShell itself adds to the type:
    ``AliasProperty``, ``ScriptProperty``, ``NoteProperty``."""

    __slots__ = ("getter", "kind", "name", "setter")

    def __init__(
        self,
        name: str,
        getter: Callable[[Any], object],
        setter: Callable[[Any, object], None] | None = None,
        kind: str = "Property",
    ) -> None:
        self.name = name
        self.getter = getter
        self.setter = setter
        self.kind = kind


Members = dict[str, NetProperty | NetMethod]
INSTANCE: Final[dict[type, Members]] = {}
STATIC: Final[dict[str, Members]] = {}
CONSTRUCTORS: Final[dict[str, NetMethod]] = {}
_CACHE: Final[dict[type, Members]] = {}


def members_of(kind: type) -> Members:
    """All instance members of values of a Python class, by lower-case name; those of the class itself come first."""
    found = _CACHE.get(kind)
    if found is None:
        found = {}
        for base in kind.__mro__:
            for low, member in INSTANCE.get(base, {}).items():
                found.setdefault(low, member)
        _CACHE[kind] = found
    return found


PRESENT: Final[dict[type, Callable[[Any, str], bool]]] = {}
"""For a class that stands for several .NET ones: whether a value has a property."""


_FOUND: Final[dict[type, Callable[[Any, str], bool] | None]] = {}


def _present(kind: type) -> Callable[[Any, str], bool] | None:
    """The rule of a class or of its nearest base."""
    if kind not in _FOUND:
        _FOUND[kind] = next((PRESENT[base] for base in kind.__mro__ if base in PRESENT), None)
    return _FOUND[kind]


def net_properties(value: object) -> list[NetProperty]:
    """The properties of a value that .NET and PowerShell declare for its type, in order."""
    present = _present(type(value))
    return [
        member
        for low, member in members_of(type(value)).items()
        if isinstance(member, NetProperty) and (present is None or present(value, low))
    ]


def prop(
    kind: type,
    name: str,
    getter: Callable[[Any], object],
    setter: Callable[[Any, object], None] | None = None,
    member: str = "Property",
) -> None:
    """Declare an instance property."""
    INSTANCE.setdefault(kind, {})[name.lower()] = NetProperty(name, getter, setter, member)


def _method(table: Members, name: str) -> NetMethod:
    found = table.get(name.lower())
    if not isinstance(found, NetMethod):
        found = NetMethod(name)
        table[name.lower()] = found
    return found


def method(kind: type, name: str, *signatures: str) -> Callable[[Implementation], Implementation]:
    """Decorator: an instance method (called with the value first)."""

    def register(call: Implementation) -> Implementation:
        target = _method(INSTANCE.setdefault(kind, {}), name)
        target.overloads.extend(Overload(signature, call) for signature in signatures or ("",))
        return call

    return register


def static(type_full_name: str, name: str, *signatures: str) -> Callable[[Implementation], Implementation]:
    """Decorator: a static method."""

    def register(call: Implementation) -> Implementation:
        target = _method(STATIC.setdefault(type_full_name, {}), name)
        target.overloads.extend(Overload(signature, call) for signature in signatures or ("",))
        return call

    return register


def static_prop(type_full_name: str, name: str, getter: Callable[[], object]) -> None:
    """Declare a static property or field."""
    STATIC.setdefault(type_full_name, {})[name.lower()] = NetProperty(name, lambda _none: getter())


def constructor(type_full_name: str, *signatures: str) -> Callable[[Implementation], Implementation]:
    """Decorator: a constructor."""

    def register(call: Implementation) -> Implementation:
        target = CONSTRUCTORS.setdefault(type_full_name, NetMethod(type_full_name.rpartition(".")[2]))
        target.overloads.extend(Overload(signature, call) for signature in signatures or ("",))
        return call

    return register


# ------------------------------------------------------------------------------------------------------- calling


def distance(value: object, wanted: TypeRef) -> int:
    """How far a value is from a parameter's type; the overload with the least sum is called."""
    bare = bare_value(value)
    if is_null(bare):
        return 2
    have = type_name(bare)
    if have == wanted.full_name:
        return 0
    if wanted.full_name == "System.Object":
        return 5
    if is_instance(bare, wanted):
        return 1
    if isinstance(bare, bool):
        return 30
    if isinstance(bare, int | float | Decimal) and wanted.full_name in _WIDENING:
        return (
            2 + _WIDENING.index(wanted.full_name)
            if isinstance(bare, int) or wanted.full_name == "System.Double"
            else 12
        )
    if isinstance(bare, Char) and wanted.full_name == "System.String":
        return 3
    if isinstance(bare, str) and wanted.full_name == "System.Char":
        return 4 if len(bare) == 1 else 40
    if isinstance(bare, str) and wanted.enum is not None:
        return 8 if bare.lower() in wanted.enum.by_name else 40
    return 20 if wanted.full_name == "System.Double" or not isinstance(bare, str) else 21


_WIDENING: Final = ("System.Int32", "System.Int64", "System.Decimal", "System.Double")


def _prepared(overload: Overload, arguments: Sequence[object]) -> list[object]:
    if not overload.variadic:
        return [convert(value, wanted) for value, wanted in zip(arguments, overload.types, strict=True)]
    fixed = len(overload.types) - 1
    head = [convert(value, wanted) for value, wanted in zip(arguments[:fixed], overload.types, strict=False)]
    rest = list(arguments[fixed:])
    if len(rest) == 1 and isinstance(rest[0], list):
        return [*head, convert(rest[0], overload.types[-1])]
    element = overload.types[-1].element or overload.types[-1]
    if element.full_name == "System.Char" and len(rest) == 1 and isinstance(rest[0], str):
        return [*head, convert(rest[0], overload.types[-1])]
    return [*head, [convert(value, element) for value in rest]]


def _score(overload: Overload, arguments: Sequence[object]) -> int:
    total = 3 if overload.variadic else 0
    for at, value in enumerate(arguments):
        wanted = overload.type_at(at)
        if (
            overload.variadic
            and at == len(overload.types) - 1
            and len(arguments) == len(overload.types)
            and isinstance(value, list)
        ):
            continue
        weight = 10 if at == 0 and isinstance(value, int | float | Decimal) else 1
        total += weight * distance(value, wanted)
    return total


def call_method(target: NetMethod, this: Sequence[object], arguments: Sequence[object]) -> object:
    """Call the best overload. ``this`` holds the value for an instance method and nothing for a static one."""
    fitting = [overload for overload in target.overloads if overload.accepts(len(arguments))]
    if not fitting:
        raise runtime_error(
            f'Cannot find an overload for "{target.name}" and the argument count: "{len(arguments)}".',
            "MethodCountCouldNotFindBest",
            "NotSpecified",
            type_name="System.Management.Automation.MethodException",
        )
    if len(fitting) > 1:
        fitting.sort(key=lambda overload: _score(overload, arguments))
    chosen = fitting[0]
    plain = [bare_value(value) for value in arguments]
    prepared = _convert_arguments(target, chosen, plain)
    try:
        return chosen.call(*this, *prepared)
    except NetError as fault:
        raise invocation_error(target.name, len(arguments), fault.exception) from None
    except BadFormatError:
        bad = NetException("System.FormatException", "Input string was not in a correct format.")
        raise invocation_error(target.name, len(arguments), bad) from None
    except _UNFORESEEN as fault:
        shown = ", ".join(type_name(value) for value in plain)
        raise limitation(f"{target.name}({shown}) with these values is not simulated ({fault})") from fault


_UNFORESEEN: Final = (TypeError, AttributeError, ValueError, LookupError, ArithmeticError, AssertionError)
"""What values raise in Python that a member was not written for: said loudly, and the session lives on."""


def _convert_arguments(target: NetMethod, chosen: Overload, plain: list[object]) -> list[object]:
    try:
        return _prepared(chosen, plain)
    except PSError as fault:
        for at, value in enumerate(plain):
            wanted = chosen.type_at(at)
            try:
                convert(value, wanted)
            except PSError as cause:
                name = chosen.names[min(at, len(chosen.names) - 1)]
                text = (
                    f'Cannot convert argument "{name}", with value: "{to_text(value)}", for "{target.name}" to type '
                    f'"{wanted}": "{cause.record.message}"'
                )
                raise runtime_error(
                    text,
                    "MethodArgumentConversionInvalidCastArgument",
                    "NotSpecified",
                    type_name="System.Management.Automation.MethodException",
                    inner=cause.record.exception,
                ) from None
        raise fault


def invocation_error(name: str, count: int, inner: NetException) -> PSError:
    """``Exception calling "Name" with "n" argument(s): "…"``."""
    record = ErrorRecord(
        NetException(
            "System.Management.Automation.MethodInvocationException",
            f'Exception calling "{name}" with "{count}" argument(s): "{inner.message}"',
            inner,
        ),
        inner.short_name,
    )
    return PSError(record)
