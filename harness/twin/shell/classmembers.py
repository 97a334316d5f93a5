"""What a script's class is made of, and which of its methods a call means."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass, field
from typing import Final

from harness.twin.shell.ast import TypeNameAst
from harness.twin.shell.compiler.typenames import resolve
from harness.twin.shell.dotnet.registry import distance
from harness.twin.shell.errors import NetException, PSError, runtime_error
from harness.twin.shell.frame import Frame
from harness.twin.shell.objects import Member, NoteProperty, PSObject
from harness.twin.shell.scriptblock import Evaluate, ScriptBlock
from harness.twin.shell.typesystem import TypeRef, is_null


@dataclass(slots=True, eq=False)
class ClassMember:
    """A property (with its type and initial value) or a method (with its block and the types of its parameters)."""

    name: str
    type: TypeNameAst | None = None
    initial: Evaluate | None = None
    block: ScriptBlock | None = None
    parameters: tuple[TypeNameAst | None, ...] = ()
    static: bool = False
    hidden: bool = False
    checks: tuple[Callable[[Frame], Callable[[object], None]], ...] = ()
    void: bool = False
    base_arguments: tuple[Evaluate, ...] = ()
    signature: str = ""


@dataclass(slots=True, eq=False)
class ClassDefinition:
    """A class: its members, its base, its static values."""

    name: str
    base: ClassDefinition | None
    net_base: TypeRef | None = None
    properties: list[ClassMember] = field(default_factory=list)
    methods: list[ClassMember] = field(default_factory=list)
    constructors: list[ClassMember] = field(default_factory=list)
    statics: dict[str, NoteProperty] = field(default_factory=dict)

    def chain(self) -> list[ClassDefinition]:
        """The class and its bases, most general first."""
        return [*(self.base.chain() if self.base is not None else []), self]

    def overloads(self, name: str, static: bool = False) -> list[ClassMember]:
        """The methods of a name; one of a derived class hides that of its base with the same parameters."""
        found: dict[tuple[str, ...], ClassMember] = {}
        for one in reversed(self.chain()):
            for member in one.methods:
                if member.static is static and member.name.lower() == name.lower():
                    key = tuple("" if kind is None else kind.full_name.lower() for kind in member.parameters)
                    found.setdefault(key, member)
        return list(found.values())


Instance = PSObject | NetException
"""A value of a class: an object, or an exception where the class derives from one."""


def is_instance_of(value: object, wanted: TypeRef) -> bool:
    """``-is [Class]``."""
    return isinstance(value, PSObject | NetException) and wanted.full_name in value.type_names


def members_of_instance(made: Instance) -> dict[str, Member]:
    """The members that the class gave a value, by lower-case name."""
    if isinstance(made, PSObject):
        return made.members
    if made.extra is None:
        made.extra = {}
    return made.extra


def no_overload(name: str, count: int) -> PSError:
    """No method or constructor takes these arguments."""
    return runtime_error(
        f'Cannot find an overload for "{name}" and the argument count: "{count}".',
        "MethodCountCouldNotFindBest",
        "NotSpecified",
        type_name="System.Management.Automation.MethodException",
    )


_FAR: Final = 50
"""Distance of an argument that is no value of the class that a parameter wants."""


def choose(frame: Frame, name: str, candidates: Sequence[ClassMember], arguments: Sequence[object]) -> ClassMember:
    """The method that takes the arguments with the least conversion.  Raises ``PSError`` when none takes so many."""
    fitting = [one for one in candidates if len(one.parameters) == len(arguments)]
    if not fitting:
        raise no_overload(name, len(arguments))
    if len(fitting) == 1:
        return fitting[0]
    return min(fitting, key=lambda one: _distance(frame, one, arguments))


def _distance(frame: Frame, member: ClassMember, arguments: Sequence[object]) -> int:
    return sum(_far(frame, value, kind) for value, kind in zip(arguments, member.parameters, strict=True))


def _far(frame: Frame, value: object, kind: TypeNameAst | None) -> int:
    wanted = TypeRef("System.Object") if kind is None else resolve(kind, frame)
    if not wanted.is_class:
        return distance(value, wanted)
    return 0 if is_null(value) or is_instance_of(value, wanted) else _FAR
