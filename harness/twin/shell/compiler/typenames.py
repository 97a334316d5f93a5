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
        generic = _named(name.generic.name, frame)
        arguments = [resolve_or_none(argument, frame) for argument in name.arguments]
        if generic is None or None in arguments:
            return None
        return generic_of(generic, tuple(argument for argument in arguments if argument is not None))
    if frame is not None and frame.rs is not None:  # attributes may be read where no session runs
        own = frame.rs.global_scope.vars.get(f"__class__{name.name.lower()}")
        if own is not None and isinstance(own.value, TypeRef):
            return own.value
    return _named(name.name, frame)


def _named(name: str, frame: Frame | None) -> TypeRef | None:
    """The type of a name, also one below a namespace of ``using namespace``."""
    found = find_type(name)
    if found is None and frame is not None:
        spaces = (find_type(f"{space}.{name}") for space in frame.rs.namespaces)
        found = next((one for one in spaces if one is not None), None)
    return found


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
