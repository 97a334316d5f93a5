"""The tree of a script block as objects: ``$block.Ast``, its parts and where they stand ([D] .NET reference)."""

from __future__ import annotations

import re
from enum import Enum
from typing import Any, Final

from harness.twin.shell.ast import Ast, Extent, ParameterAst, SourceText, TypeConstraintAst, VariablePath
from harness.twin.shell.ast.base import walk
from harness.twin.shell.compiler.typenames import resolve_or_none
from harness.twin.shell.conversion import to_bool
from harness.twin.shell.dotnet.registry import method, prop
from harness.twin.shell.invocation import call_block, one_value
from harness.twin.shell.members import ADAPTERS, LISTED, MISSING
from harness.twin.shell.objects import NetList
from harness.twin.shell.scriptblock import ScriptBlock
from harness.twin.shell.session import current
from harness.twin.shell.text import register_text
from harness.twin.shell.typesystem import TypeRef, register_chain, register_value_type

_LANGUAGE: Final = "System.Management.Automation.Language."
_NAMES: Final = {
    ("pipelineast", "pipelineelements"): "elements",
    ("commandast", "commandelements"): "elements",
    ("redirectionast", "fromstream"): "stream",
    ("variableexpressionast", "variablepath"): "path",
    ("pipelineast", "elements"): "",
    ("variableexpressionast", "path"): "",
    ("commandast", "elements"): "",
}
"""Properties whose names differ from the tree's own; an empty one does not exist."""


class ExtentView:
    """A stretch of the text."""

    __slots__ = ("extent", "source")

    def __init__(self, extent: Extent, source: SourceText) -> None:
        self.extent = extent
        self.source = source

    @property
    def text(self) -> str:
        """The text itself."""
        return self.source.slice(self.extent)


class TreeView:
    """A node."""

    __slots__ = ("node", "parent", "source")

    def __init__(self, node: Ast, source: SourceText, parent: TreeView | None = None) -> None:
        self.node = node
        self.source = source
        self.parent = parent

    @property
    def full_name(self) -> str:
        """The class of the node."""
        return _LANGUAGE + type(self.node).__name__


def _declare(kind: type[Ast]) -> None:
    """Make a class of nodes known to ``[…]``, with its bases."""
    names = [one.__name__ for one in kind.__mro__ if issubclass(one, Ast)]
    register_chain((*(f"{_LANGUAGE}{name}" for name in names), "System.Object"))
    for below in kind.__subclasses__():
        _declare(below)


_declare(Ast)


def _value(view: TreeView, value: Any) -> object:
    if isinstance(value, Ast):
        return TreeView(value, view.source, view)
    if isinstance(value, Extent):
        return ExtentView(value, view.source)
    if isinstance(value, tuple):
        return NetList(
            [_value(view, one) for one in value],
            f"System.Collections.ObjectModel.ReadOnlyCollection`1[{_LANGUAGE}Ast]",
        )
    if isinstance(value, Enum):
        return "".join(word.capitalize() for word in value.name.split("_"))
    return value


def _fields(view: TreeView) -> dict[str, str]:
    """Names of a node's properties in lower case, with the fields that hold them."""
    kind = type(view.node).__name__.lower()
    names = [name for base in type(view.node).__mro__ for name in getattr(base, "__annotations__", {})]
    found = {name.replace("_", ""): name for name in names if name != "source"}
    for (owner, shown), field in _NAMES.items():
        if owner == kind:
            found.pop(shown, None)
            if field:
                found[shown] = field
    return found


def read_tree(view: TreeView, low: str) -> object:
    """A property of a node."""
    if low == "parent":
        return view.parent
    if low == "statictype" and isinstance(view.node, ParameterAst):
        return _static_type(view)
    field = _fields(view).get(low)
    return MISSING if field is None else _value(view, getattr(view.node, field))


def _pascal(name: str) -> str:
    return "".join(word.capitalize() for word in name.split("_"))


def list_tree(view: TreeView) -> list[tuple[str, object]]:
    """The properties of a node."""
    return [(_pascal(field), _value(view, getattr(view.node, field))) for field in _fields(view).values()]


def find_all(view: TreeView, predicate: ScriptBlock, _nested: bool = True) -> NetList:
    """``FindAll``: the nodes that a block accepts."""
    rs = current()
    frame = rs.frames[-1] if rs.frames else rs.frame()
    found = []
    for node in walk(view.node):
        shown = TreeView(node, view.source)
        if to_bool(one_value(call_block(rs, predicate, [shown], frame.scope, frame.streams))):
            found.append(shown)
    return NetList(found, f"System.Collections.Generic.List`1[{_LANGUAGE}Ast]")


def command_name(view: TreeView) -> str | None:
    """``GetCommandName`` of a command."""
    elements = getattr(view.node, "elements", ())
    text = view.source.slice(elements[0].extent) if elements else ""
    return text.strip("'\"") if text and not re.match(r"[$({&]", text) else None


register_value_type(TreeView, lambda view: view.full_name if isinstance(view, TreeView) else "")
register_value_type(ExtentView, _LANGUAGE + "InternalScriptExtent")
register_text(TreeView, lambda view: view.source.slice(view.node.extent) if isinstance(view, TreeView) else "")
register_text(ExtentView, lambda view: view.text if isinstance(view, ExtentView) else "")
ADAPTERS[TreeView] = read_tree
LISTED[TreeView] = list_tree
method(TreeView, "FindAll", "object predicate, bool searchNestedScriptBlocks")(find_all)
method(TreeView, "GetCommandName")(command_name)
prop(ExtentView, "File", lambda this: this.source.file or None)


def _place(name: str, start: bool, part: str) -> None:
    def read(this: ExtentView) -> object:
        offset = this.extent.start if start else this.extent.end
        return getattr(this.source.position(offset), part)

    prop(ExtentView, name, read)


_place("StartLineNumber", True, "line")
_place("StartColumnNumber", True, "column")
_place("EndLineNumber", False, "line")
_place("EndColumnNumber", False, "column")
prop(ExtentView, "Text", lambda this: this.text)
prop(ExtentView, "StartOffset", lambda this: this.extent.start)
prop(ExtentView, "EndOffset", lambda this: this.extent.end)


def _tree(block: ScriptBlock) -> TreeView:
    return TreeView(block.ast, block.ast.source)


prop(ScriptBlock, "Ast", _tree)

# ----------------------------------------------------------------------------------------------- names of variables

_PATH: Final = "System.Management.Automation.VariablePath"
register_value_type(VariablePath, _PATH)
register_text(VariablePath, lambda value: value.text if isinstance(value, VariablePath) else "")
prop(VariablePath, "UserPath", lambda this: this.text)
prop(VariablePath, "IsGlobal", lambda this: this.scope == "global")
prop(VariablePath, "IsLocal", lambda this: this.scope == "local")
prop(VariablePath, "IsPrivate", lambda this: this.scope == "private")
prop(VariablePath, "IsScript", lambda this: this.scope == "script")
prop(VariablePath, "IsUnqualified", lambda this: this.qualifier is None)
prop(VariablePath, "IsUnscopedVariable", lambda this: this.qualifier is None)
prop(VariablePath, "IsVariable", lambda this: this.drive is None)
prop(VariablePath, "IsDriveQualified", lambda this: this.drive is not None)
prop(VariablePath, "DriveName", lambda this: this.drive)


def _static_type(view: TreeView) -> object:
    """The type that a parameter declares; without one it is an object."""
    constraints = [one for one in getattr(view.node, "attributes", ()) if isinstance(one, TypeConstraintAst)]
    found = resolve_or_none(constraints[-1].type_name, None) if constraints else None
    return found or TypeRef("System.Object")
