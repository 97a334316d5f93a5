"""Members, indexes and method calls."""

from __future__ import annotations

from harness.twin.shell.ast import (
    ConvertExpressionAst,
    ExpressionAst,
    IndexExpressionAst,
    InvokeMemberExpressionAst,
    MemberExpressionAst,
    ParenExpressionAst,
    PipelineAst,
    StringConstantExpressionAst,
    TypeExpressionAst,
    TypeNameAst,
)
from harness.twin.shell.compiler.core import Compiler, expression
from harness.twin.shell.compiler.strings import is_plain_variable
from harness.twin.shell.compiler.typenames import resolve_or_none
from harness.twin.shell.frame import Frame
from harness.twin.shell.indexing import get_index
from harness.twin.shell.members import get_member, invoke_member
from harness.twin.shell.objects import NOTHING, NoteProperty, PSHashtable, PSObject
from harness.twin.shell.rows import Later
from harness.twin.shell.scriptblock import Evaluate
from harness.twin.shell.staticmembers import get_static, invoke_static
from harness.twin.shell.text import to_text
from harness.twin.shell.typesystem import TypeRef, find_type


@expression(MemberExpressionAst)
def member(compiler: Compiler, node: MemberExpressionAst) -> Evaluate:
    """``target.name`` and ``[type]::name``."""
    target = compiler.expr(node.target)
    if node.static:
        name_of = compiler.expr(node.member)

        def static(frame: Frame) -> object:
            value = target(frame)
            return get_static(frame, value, to_text(name_of(frame)))

        return static
    if isinstance(node.member, StringConstantExpressionAst):
        name = node.member.value
        low = name.lower()
        if is_plain_variable(node.target):
            return _of_variable(node.target.path.name.lower(), target, low, name)

        def named(frame: Frame) -> object:
            return get_member(frame.rs, target(frame), low, name, frame.scope.strict_level)

        return named
    compute = compiler.expr(node.member)

    def computed(frame: Frame) -> object:
        value = target(frame)
        name = to_text(compute(frame))
        return get_member(frame.rs, value, name.lower(), name, frame.scope.strict_level)

    return computed


def _of_variable(variable_low: str, target: Evaluate, low: str, name: str) -> Evaluate:
    """``$variable.name``, by far the most frequent one: variable of the innermost scope and plain property are read
    here, without a call of `get_member`, which reads the same; that is a quarter of a loop's time."""
    if variable_low == "psitem":
        variable_low = "_"

    def named(frame: Frame) -> object:
        found = frame.scope.vars.get(variable_low)
        value = target(frame) if found is None else found.value
        if type(value) is PSObject:
            row = value.row
            if row is None:
                member = value.members.get(low)
                if type(member) is NoteProperty:
                    return member.value
            elif (column := row[0].get(low)) is not None:
                item = row[1][column[0]]
                return item.read() if type(item) is Later else item
        return get_member(frame.rs, value, low, name, frame.scope.strict_level)

    return named


@expression(InvokeMemberExpressionAst)
def invoke(compiler: Compiler, node: InvokeMemberExpressionAst) -> Evaluate:
    """``target.name(arguments)`` and ``[type]::name(arguments)``."""
    target = compiler.expr(node.target)
    parts = [compiler.expr(argument) for argument in node.arguments]
    name_of = compiler.expr(node.member)
    if node.static:
        literal = isinstance(node.target, TypeExpressionAst)

        def static(frame: Frame) -> object:
            value = target(frame)
            if not isinstance(value, TypeRef) and not literal:
                value = find_type(to_text(value)) or value
            return invoke_static(frame, value, to_text(name_of(frame)), [part(frame) for part in parts])

        return static

    as_type = _cast_around(node.target)

    def evaluate(frame: Frame) -> object:
        value = target(frame)
        name = to_text(name_of(frame))
        if as_type is not None:
            wanted = resolve_or_none(as_type, frame)
            if wanted is not None and wanted.is_class:
                from harness.twin.shell.classes import call_as

                return call_as(frame, value, wanted, name, [part(frame) for part in parts])
        return invoke_member(frame.rs, value, name, [part(frame) for part in parts])

    return evaluate


def _cast_around(target: ExpressionAst) -> TypeNameAst | None:
    """The type of ``([Type]value)``: a method is called as a class of that name has it."""
    if isinstance(target, ParenExpressionAst) and isinstance(target.pipeline, PipelineAst):
        inner = target.pipeline.pure_expression
        if isinstance(inner, ConvertExpressionAst):
            return inner.type_name
    return None


@expression(IndexExpressionAst)
def index(compiler: Compiler, node: IndexExpressionAst) -> Evaluate:
    """``target[index]``."""
    target, at = compiler.expr(node.target), compiler.expr(node.index)
    as_key = isinstance(node.index, ConvertExpressionAst) and node.index.type_name.full_name.lower() in _OBJECT

    def evaluate(frame: Frame) -> object:
        whole, place = target(frame), at(frame)
        if as_key and isinstance(whole, PSHashtable) and whole.ordered:
            return whole.get(place)
        value = get_index(whole, place, frame.scope.strict_level)
        return None if value is NOTHING else value

    return evaluate


_OBJECT = ("object", "system.object")
"""Casts behind which a number is a key of an ordered dictionary, not a place [measured]."""
