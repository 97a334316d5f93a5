"""Classes and enums that a script defines."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from typing import Any

from harness.twin.shell.ast import (
    FunctionMemberAst,
    ParameterAst,
    PropertyMemberAst,
    TypeConstraintAst,
    TypeDefinitionAst,
    TypeKind,
    TypeNameAst,
)
from harness.twin.shell.classmembers import (
    ClassDefinition,
    ClassMember,
    Instance,
    choose,
    is_instance_of,
    members_of_instance,
    no_overload,
)
from harness.twin.shell.compiler.core import Compiler, statement
from harness.twin.shell.compiler.definitions import attribute_checks, compile_body
from harness.twin.shell.compiler.typenames import resolve
from harness.twin.shell.conversion import convert, to_integer
from harness.twin.shell.errors import NetException, exception_chain, is_exception, runtime_error
from harness.twin.shell.frame import Frame
from harness.twin.shell.invocation import call_method_body, one_value
from harness.twin.shell.members import called, invoke_member, set_member
from harness.twin.shell.objects import NOTHING, EnumType, NoteProperty, PSHashtable, PSMethod, PSObject, TypedProperty
from harness.twin.shell.scope import Scope
from harness.twin.shell.scriptblock import Run, ScriptBlock
from harness.twin.shell.staticmembers import construct, default_of
from harness.twin.shell.text import to_text
from harness.twin.shell.typesystem import TypeRef, find_type, is_null, type_chain, type_name, type_text
from harness.twin.shell.validation import ValidationError

_COLLECTIONS = frozenset(
    {
        "System.Collections.ArrayList",
        "System.Collections.Hashtable",
        "System.Collections.Queue",
        "System.Collections.Stack",
        "System.Collections.SortedList",
    }
)
"""Classes of .NET that a script's class can derive from."""


class LateType(TypeRef):
    """A type constraint that names a class of the script, resolved when a value comes."""

    def __init__(self, name: TypeNameAst) -> None:
        super().__init__(name.full_name, None, (), name)


def _resolved(frame: Frame, wanted: TypeRef) -> TypeRef:
    return resolve(wanted.definition, frame) if isinstance(wanted, LateType) else wanted  # type: ignore[arg-type]


def cast_to_class(frame: Frame, value: object, wanted: TypeRef) -> object:
    """``[Class]value``: an instance stays, a hashtable sets properties, anything else goes to the constructor."""
    target = _resolved(frame, wanted)
    if not target.is_class:
        return convert(value, target)
    if is_null(value) or is_instance_of(value, target):
        return None if is_null(value) else value
    if isinstance(value, PSHashtable):
        made = new_instance(frame, target, [])
        for key, item in value.items():
            set_member(frame.rs, made, to_text(key), item)
        return made
    return new_instance(frame, target, [value])


@statement(TypeDefinitionAst)
def type_definition(compiler: Compiler, node: TypeDefinitionAst) -> Run:
    """``enum`` and ``class``."""
    if node.kind is TypeKind.ENUM:
        return _enum(compiler, node)
    members = _members(compiler, node)

    def run(frame: Frame) -> None:
        base: ClassDefinition | None = None
        net_base: TypeRef | None = None
        for constraint in node.base_types:
            found = resolve(constraint.type_name, frame)
            if isinstance(found.definition, ClassDefinition):
                base = found.definition
            elif found.full_name in _COLLECTIONS or is_exception(found.full_name):
                net_base = found
        definition = ClassDefinition(node.name, base, net_base or (base.net_base if base is not None else None))
        for member in members:
            if member.block is None:
                definition.properties.append(member)
            elif member.name.lower() == node.name.lower():
                definition.constructors.append(member)
            else:
                definition.methods.append(member)
        for member in definition.properties:
            if member.static:
                value = member.initial(frame) if member.initial is not None else _default(frame, member)
                definition.statics[member.name.lower()] = NoteProperty(member.name, value)
        frame.rs.global_scope.put(f"__class__{node.name.lower()}", TypeRef(node.name, None, (), definition))

    return run


def _enum(compiler: Compiler, node: TypeDefinitionAst) -> Run:
    initials = [
        (
            member.name,
            compiler.expr(member.initial_value)
            if isinstance(member, PropertyMemberAst) and member.initial_value
            else None,
        )
        for member in node.members
    ]
    flags = any(
        attribute.type_name.full_name.lower() in ("flags", "flagsattribute", "system.flags")
        for attribute in node.attributes
    )

    def run(frame: Frame) -> None:
        labels: dict[str, int] = {}
        following = 0
        for name, initial in initials:
            if initial is not None:
                following = int(to_integer(initial(frame), TypeRef("System.Int32")))
            labels[name] = following
            following += 1
        enum = EnumType(node.name, labels, flags)
        frame.rs.global_scope.put(f"__class__{node.name.lower()}", TypeRef(enum.name, None, (), enum))

    return run


def _members(compiler: Compiler, node: TypeDefinitionAst) -> list[ClassMember]:
    found = []
    for member in node.members:
        if isinstance(member, PropertyMemberAst):
            found.append(
                ClassMember(
                    member.name,
                    member.property_type.type_name if member.property_type is not None else None,
                    compiler.expr(member.initial_value) if member.initial_value is not None else None,
                    static=member.is_static,
                    hidden=member.is_hidden,
                    checks=attribute_checks(compiler, member.attributes),
                )
            )
        elif isinstance(member, FunctionMemberAst) and member.body is not None:
            found.append(_method(compiler, member))
    return found


def _method(compiler: Compiler, member: FunctionMemberAst) -> ClassMember:
    tree, parameters = member.body, member.parameters
    assert tree is not None  # noqa: S101 - the caller looked
    returns = member.return_type
    return ClassMember(
        member.name,
        returns.type_name if returns is not None else None,
        block=ScriptBlock(tree, lambda: compile_body(compiler, tree, parameters, False)),
        parameters=tuple(_kind_of(one) for one in parameters),
        static=member.is_static,
        void=returns is None or returns.type_name.full_name.lower() in ("void", "system.void"),
        base_arguments=tuple(compiler.expr(one) for one in member.base_arguments or ()),
        hidden=member.is_hidden,
        signature=", ".join(f"{_written(_kind_of(one))} {one.name.path.text}" for one in parameters),
    )


def _kind_of(parameter: ParameterAst) -> TypeNameAst | None:
    kinds = [one.type_name for one in parameter.attributes if isinstance(one, TypeConstraintAst)]
    return kinds[-1] if kinds else None


def _written(name: TypeNameAst | None) -> str:
    """A type as definitions of members show it; without one it is an object."""
    if name is None:
        return "System.Object"
    plain = name.full_name.removesuffix("[]")
    return type_text(find_type(plain) or TypeRef(plain)) + "[]" * (plain != name.full_name)


def member_texts(made: PSObject) -> list[tuple[str, str, str]]:
    """Name, kind and definition of what a script's class gives an instance; hidden members are left out."""
    definition = made.hidden.definition if isinstance(made.hidden, TypeRef) else None
    if not isinstance(definition, ClassDefinition):
        return []
    found: dict[str, tuple[str, str, str]] = {}
    for one in definition.chain():
        for member in (*one.properties, *one.methods):
            if member.static or member.hidden:
                continue
            if member.block is None:
                row = (member.name, "Property", f"{_written(member.type)} {member.name} {{get;set;}}")
            else:
                result = "void" if member.void else _written(member.type)
                row = (member.name, "Method", f"{result} {member.name}({member.signature})")
            found[member.name.lower()] = row
    return list(found.values())


def _default(frame: Frame, member: ClassMember) -> object:
    if member.type is None:
        return None
    wanted = resolve(member.type, frame)
    return None if wanted.is_class else default_of(wanted)


def new_instance(frame: Frame, wanted: TypeRef, arguments: Sequence[object]) -> object:
    """``[Class]::new(…)``."""
    definition = wanted.definition
    assert isinstance(definition, ClassDefinition)  # noqa: S101 - script classes have one
    made = _empty_instance(wanted, definition)
    table = members_of_instance(made)
    for one in definition.chain():
        for member in one.properties:
            if not member.static:
                value = member.initial(frame) if member.initial is not None else _default(frame, member)
                if member.initial is not None and member.type is not None:
                    value = cast_to_class(frame, value, resolve(member.type, frame))
                table[member.name.lower()] = TypedProperty(member.name, value, _admission(frame, member), member.hidden)
    for one in definition.chain():
        for member in one.methods:
            if not member.static:
                low = member.name.lower()
                taken = low in table and not isinstance(table[low], PSMethod)
                table[called(low) if taken else low] = _bound_method(frame, definition, member)
    _construct(frame, definition, made, arguments)
    return made


def _empty_instance(wanted: TypeRef, definition: ClassDefinition) -> Instance:
    """A value of a class without its members."""
    names = tuple(one.name for one in reversed(definition.chain()))
    base = definition.net_base
    if base is not None and is_exception(base.full_name):
        made = NetException(definition.name, f"Exception of type '{definition.name}' was thrown.")
        made.derived = (*names, *exception_chain(base.full_name))
        return made
    inner = construct(None, base, []) if base is not None else None
    chain = (*names, "System.Object") if inner is None else (*names, *type_chain(inner))
    found = PSObject(None, chain, inner, net_type=definition.name)
    found.hidden = wanted
    return found


def _admission(frame: Frame, member: ClassMember) -> Callable[[object], object]:
    """What happens to a value before it is stored in a property: it is cast, then checked."""
    checks = [make(frame) for make in member.checks]

    def admit(value: object) -> object:
        if member.type is not None:
            value = cast_to_class(frame, value, resolve(member.type, frame))
        for check in checks:
            try:
                check(value)
            except ValidationError as fault:
                raise runtime_error(str(fault), "ValidationError", "InvalidData") from None
        return value

    return admit


def _bound_method(frame: Frame, definition: ClassDefinition, member: ClassMember) -> PSMethod:
    same = definition.overloads(member.name)

    def call(this: object, *arguments: object) -> object:
        return _run(frame, choose(frame, member.name, same, arguments), this, arguments)

    return PSMethod(member.name, call)


def call_as(frame: Frame, value: object, wanted: TypeRef, name: str, arguments: Sequence[object]) -> object:
    """``([Base]$value).Method(…)``: the method as the base has it, whatever a derived class made of it."""
    definition = wanted.definition
    assert isinstance(definition, ClassDefinition)  # noqa: S101 - script classes have one
    same = definition.overloads(name)
    if not same:
        return invoke_member(frame.rs, value, name, arguments)
    return _run(frame, choose(frame, same[0].name, same, arguments), value, arguments)


def _run(frame: Frame, member: ClassMember, this: object, arguments: Sequence[object]) -> object:
    assert member.block is not None  # noqa: S101 - methods have one
    before = frame.rs.propagate
    frame.rs.propagate = True
    try:
        output = call_method_body(
            frame.rs, member.block, arguments, frame.rs.global_scope, frame.streams, {"this": this}
        )
    finally:
        frame.rs.propagate = before
    if member.void:
        return NOTHING
    value = one_value(output)
    return value if member.type is None else cast_to_class(frame, value, resolve(member.type, frame))


def _construct(frame: Frame, definition: ClassDefinition, made: Instance, arguments: Sequence[object]) -> None:
    if not definition.constructors:
        if arguments:
            raise no_overload("new", len(arguments))
        if definition.base is not None:
            _construct(frame, definition.base, made, [])
        return
    chosen = choose(frame, "new", definition.constructors, arguments)
    values = _base_values(frame, chosen, arguments)
    if definition.base is not None:
        _construct(frame, definition.base, made, values)
    elif isinstance(made, NetException) and definition.net_base is not None and values:
        made.take(construct(None, definition.net_base, values))
    _run(frame, chosen, made, arguments)


def _base_values(frame: Frame, chosen: ClassMember, arguments: Sequence[object]) -> list[object]:
    """What a constructor hands to that of its base."""
    if not chosen.base_arguments or chosen.block is None:
        return []
    inner = Frame(frame.rs, Scope(frame.rs.global_scope), frame.out, frame.streams, frame.source)
    for parameter, value in zip(chosen.block.body.parameters, arguments, strict=False):
        inner.scope.put(parameter.declaration.name, value)
    return [argument(inner) for argument in chosen.base_arguments]


def static_value(frame: Frame, wanted: TypeRef, name: str) -> object:
    """``[Class]::Property``."""
    definition = wanted.definition
    assert isinstance(definition, ClassDefinition)  # noqa: S101 - script classes have one
    for one in reversed(definition.chain()):
        found = one.statics.get(name.lower())
        if found is not None:
            return found.value
    return None


def set_static(_frame: Frame, wanted: TypeRef, name: str, value: object) -> None:
    """``[Class]::Property = …``."""
    definition = wanted.definition
    assert isinstance(definition, ClassDefinition)  # noqa: S101 - script classes have one
    for one in reversed(definition.chain()):
        found = one.statics.get(name.lower())
        if found is not None:
            found.value = value
            return
    raise runtime_error(
        f"The property '{name}' cannot be found on this object. Verify that the property exists and can be set.",
        "PropertyAssignmentException",
        "InvalidOperation",
    )


def invoke_static_method(frame: Frame, wanted: TypeRef, name: str, arguments: Sequence[object]) -> object:
    """``[Class]::Method(…)``."""
    definition: Any = wanted.definition
    same = definition.overloads(name, static=True)
    if same:
        return _run(frame, choose(frame, same[0].name, same, arguments), None, arguments)
    raise runtime_error(
        f"Method invocation failed because [{wanted.full_name}] does not contain a method named '{name}'.",
        "MethodNotFound",
        "InvalidOperation",
        name,
        target_name=name,
        target_type="String",
    )


__all__ = [
    "LateType",
    "cast_to_class",
    "invoke_static_method",
    "new_instance",
    "set_static",
    "static_value",
    "type_name",
]
