"""Type names as written between square brackets."""

from __future__ import annotations

from harness.twin.shell.ast.base import Ast
from harness.twin.shell.ast.declaring import node


@node
class TypeName(Ast):
    """A plain type name as written (``System.Int32``, ``pscustomobject``), ``assembly`` without the comma before it."""

    name: str
    assembly: str | None = None

    @property
    def full_name(self) -> str:
        """The name as .NET shows it, without the assembly."""
        return self.name


@node
class ArrayTypeName(Ast):
    """``element[]`` (rank 1), ``element[,]`` (rank 2) …"""

    element: TypeNameAst
    rank: int

    @property
    def full_name(self) -> str:
        """The name as .NET shows it."""
        return f"{self.element.full_name}[{',' * (self.rank - 1)}]"


@node
class GenericTypeName(Ast):
    """``generic[argument, …]``, as in ``System.Collections.Generic.List[string]``."""

    generic: TypeName
    arguments: tuple[TypeNameAst, ...]

    @property
    def full_name(self) -> str:
        """The name as .NET shows it."""
        return f"{self.generic.full_name}[{','.join(argument.full_name for argument in self.arguments)}]"


TypeNameAst = TypeName | ArrayTypeName | GenericTypeName
