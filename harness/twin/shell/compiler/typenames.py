"""Type names as written to types."""

from __future__ import annotations

from harness.twin.shell.ast import ArrayTypeName, GenericTypeName, TypeNameAst
from harness.twin.shell.errors import runtime_error
from harness.twin.shell.frame import Frame
from harness.twin.shell.typesystem import TypeRef, array_of, find_type, generic_of


def resolve_or_none(name: TypeNameAst, frame: Frame | None) -> TypeRef | None:
    """The type, or ``None`` when there is none of that name."""
    if isinstance(name, ArrayTypeName):
        element = resolve_or_none(name.element, frame)
        return array_of(element, name.rank) if element is not None else None
    if isinstance(name, GenericTypeName):
        generic = find_type(name.generic.name)
        arguments = [resolve_or_none(argument, frame) for argument in name.arguments]
        if generic is None or None in arguments:
            return None
        if generic.full_name == "System.Nullable":
            return arguments[0]
        return generic_of(generic, tuple(argument for argument in arguments if argument is not None))
    if frame is not None and frame.rs is not None:  # attributes may be read where no session runs
        own = frame.rs.global_scope.vars.get(f"__class__{name.name.lower()}")
        if own is not None and isinstance(own.value, TypeRef):
            return own.value
    return find_type(name.name)


def resolve(name: TypeNameAst, frame: Frame | None) -> TypeRef:
    """The type. Raises ``PSError`` (TypeNotFound)."""
    found = resolve_or_none(name, frame)
    if found is None:
        shown = name.full_name
        raise runtime_error(
            f"Unable to find type [{shown}].",
            "TypeNotFound",
            "InvalidOperation",
            shown,
            target_name=shown,
            target_type="TypeName",
        )
    return found
