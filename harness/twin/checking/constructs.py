"""What the shell does not support, found by compiling a script instead of running it."""

from __future__ import annotations

import re
from collections.abc import Iterator
from typing import Any, Final

from harness.twin.checking.definitions import Definitions
from harness.twin.checking.findings import Finding, FindingKind, finding_at
from harness.twin.checking.typewords import type_word
from harness.twin.shell.ast import (
    AssignmentStatementAst,
    Ast,
    CatchClauseAst,
    CommandAst,
    ConvertExpressionAst,
    Extent,
    ForEachStatementAst,
    FunctionDefinitionAst,
    InvokeMemberExpressionAst,
    MemberExpressionAst,
    NamedBlockAst,
    ScriptBlockAst,
    SourceText,
    StringConstantExpressionAst,
    TypeConstraintAst,
    TypeExpressionAst,
    TypeNameAst,
    VariableExpressionAst,
    walk,
)
from harness.twin.shell.compiler import Compiler
from harness.twin.shell.compiler.definitions import compile_body
from harness.twin.shell.compiler.typenames import resolve_or_none
from harness.twin.shell.dotnet.registry import CONSTRUCTORS, STATIC
from harness.twin.shell.errors import NetError, PSError
from harness.twin.shell.scriptblock import Evaluate, ScriptBlock
from harness.twin.shell.shell import library
from harness.twin.shell.typesystem import TypeRef

__all__ = ["construct_findings", "library"]

_ASSIGNABLE_DRIVES: Final = ("env", "function")
_WORD: Final = re.compile(r"(?<=[a-z])(?=[A-Z])")
_SHOWN: Final = 60
"""Characters of a construct that a finding shows."""


class _Recorder(Compiler):
    """A compiler that notes what it cannot compile, and compiles every block at once."""

    def __init__(self, source: SourceText) -> None:
        super().__init__(source)
        self.refused: list[Ast] = []

    def unsupported(self, node: Ast) -> Evaluate:
        self.refused.append(node)
        return super().unsupported(node)

    def script_block(self, node: ScriptBlockAst, parameters: Any = None, is_filter: bool = False) -> ScriptBlock:
        body = compile_body(self, node, parameters, is_filter)
        return ScriptBlock(node, lambda: body)


def construct_findings(tree: ScriptBlockAst, own: Definitions) -> Iterator[Finding]:
    """Findings about syntax, .NET types and static members; the tree must be one without parse errors."""
    source = tree.source
    recorder = _Recorder(source)
    try:
        recorder.script_block(tree)
    except (PSError, NetError):
        pass  # an attribute that fails when it is read: the run will say so
    except RecursionError:
        yield _finding(source, tree.extent, "a script nested this deeply")
    refused = {(type(node), node.extent): node for node in recorder.refused}
    for node in refused.values():
        yield _finding(source, node.extent, _construct_name(node))
    for node in walk(tree):
        what = _refused_at_run_time(node)
        if what:
            yield _finding(source, node.extent, what)
    yield from _types(tree, own)


def _finding(source: SourceText, extent: Extent, what: str) -> Finding:
    text = " ".join(source.slice(extent).split())
    shown = text if len(text) <= _SHOWN else f"{text[: _SHOWN - 3]}..."
    message = f"{what} is not supported" + ("" if shown == what else f": {shown}")
    return finding_at(source, extent, FindingKind.UNSUPPORTED, what, message)


def _construct_name(node: Ast) -> str:
    """What an operator calls it: ``workflow``, ``dynamicparam``."""
    if isinstance(node, FunctionDefinitionAst):
        return "workflow"
    if isinstance(node, ForEachStatementAst):
        return "foreach -parallel"
    if isinstance(node, NamedBlockAst):
        return node.kind
    return _WORD.sub(" ", type(node).__name__.removesuffix("Ast")).lower()


def _refused_at_run_time(node: Ast) -> str:
    if isinstance(node, AssignmentStatementAst) and isinstance(node.left, VariableExpressionAst):
        drive = node.left.path.drive
        if drive is not None and drive not in _ASSIGNABLE_DRIVES:
            return f"assignment to drive {drive}:"
    return ""


# --- types and their static members


def _types(tree: ScriptBlockAst, own: Definitions) -> Iterator[Finding]:
    caught = {node for clause in walk(tree) if isinstance(clause, CatchClauseAst) for node in clause.types}
    for node in walk(tree):
        named = _type_of(node)
        if named is not None and node not in caught and not _known(named, own):
            yield _finding(tree.source, node.extent, f"type [{named.full_name}]")
        if isinstance(node, MemberExpressionAst) and node.static:
            what = _unknown_member(node, own)
            if what:
                yield _finding(tree.source, node.extent, what)
        if isinstance(node, CommandAst) and (what := _new_object(node, own)):
            yield _finding(tree.source, node.extent, what)


def _type_of(node: Ast) -> TypeNameAst | None:
    if isinstance(node, TypeExpressionAst | ConvertExpressionAst | TypeConstraintAst):
        return node.type_name
    return None


def _known(name: TypeNameAst, own: Definitions) -> bool:
    plain = name.full_name.lower().rstrip("[],")
    return plain in own.types or resolve_or_none(name, None) is not None or _generic_of_own(name, own)


def _generic_of_own(name: TypeNameAst, own: Definitions) -> bool:
    """A generic or array made of a class of the script."""
    arguments = getattr(name, "arguments", ())
    return bool(arguments) and all(_known(argument, own) for argument in arguments)


def _unknown_member(node: MemberExpressionAst, own: Definitions) -> str:
    """A static member that the shell lacks, of a type that it knows."""
    if not isinstance(node.target, TypeExpressionAst) or not isinstance(node.member, StringConstantExpressionAst):
        return ""
    named = node.target.type_name
    found = resolve_or_none(named, None)
    if found is None or named.full_name.lower() in own.types or found.enum is not None or found.is_class:
        return ""
    low = node.member.value.lower()
    called = isinstance(node, InvokeMemberExpressionAst)
    if called and low == "new":
        known = _constructible(found)
    else:
        owner = "System.Array" if found.element is not None else found.full_name
        known = low in STATIC.get(owner, {}) or (called and low in STATIC.get("System.Object", {}))
    return "" if known else f"[{named.full_name}]::{node.member.value}{'()' if called else ''}"


def _constructible(found: TypeRef) -> bool:
    return found.element is not None or bool(found.arguments) or found.full_name in CONSTRUCTORS


def _new_object(node: CommandAst, own: Definitions) -> str:
    """``New-Object`` of a type, named literally, that the shell lacks."""
    written, named = type_word(node)
    if not written or written.lower() in own.types:
        return ""
    return "" if named is not None and _known(named, own) else f"New-Object {written}"
