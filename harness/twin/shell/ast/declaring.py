"""How the classes of the tree are declared."""

from __future__ import annotations

from dataclasses import dataclass, field
from typing import TypeVar, dataclass_transform

_Class = TypeVar("_Class")


@dataclass_transform(frozen_default=True, eq_default=False, field_specifiers=(field,))
def node(cls: type[_Class]) -> type[_Class]:
    """Declare a class of nodes: compared by identity and never changed.

    That nothing changes a node is for the type checker to see. At run time a node is a plain dataclass, since a frozen
    one takes more than twice as long to make.
    """
    return dataclass(slots=True, eq=False)(cls)


@dataclass_transform(frozen_default=True)
def value(cls: type[_Class]) -> type[_Class]:
    """Declare a class of values, such as a place in the text: compared and hashed by its fields, and never changed."""
    return dataclass(slots=True, unsafe_hash=True)(cls)
