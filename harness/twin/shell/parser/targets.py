"""What may stand on the left of an assignment or beside ``++`` and ``--``."""

from __future__ import annotations

from collections.abc import Iterator

from harness.twin.shell.ast import (
    ArrayLiteralAst,
    Ast,
    AttributedExpressionAst,
    ConvertExpressionAst,
    ExpressionAst,
    IndexExpressionAst,
    MemberExpressionAst,
    ParenExpressionAst,
    PipelineAst,
    VariableExpressionAst,
)

_ASSIGNABLE = (VariableExpressionAst, MemberExpressionAst, IndexExpressionAst)
_REFERENCE = frozenset(["ref", "psreference", "management.automation.psreference"])


def plain_type_name(name: str) -> str:
    """A type name in lower case without ``System.`` before it."""
    return name.lower().removeprefix("system.")


def is_reference(node: AttributedExpressionAst) -> bool:
    """Whether a cast is to ``[ref]``."""
    return isinstance(node, ConvertExpressionAst) and plain_type_name(node.type_name.full_name) in _REFERENCE


def bad_targets(target: ExpressionAst, *, simple: bool) -> Iterator[tuple[Ast, str]]:
    """Parts of ``target`` that cannot be assigned to, each with an error id; empty: the error of the operator.

    ``simple`` is the plain ``=``, which alone takes several targets.
    """
    if isinstance(target, ArrayLiteralAst):
        if not simple:
            yield target, ""
            return
        for element in target.elements:
            yield from bad_targets(element, simple=True)
    elif isinstance(target, ParenExpressionAst):
        inner = target.pipeline.pure_expression if isinstance(target.pipeline, PipelineAst) else None
        if inner is None:
            yield target.pipeline, ""
        else:
            yield from bad_targets(inner, simple=simple)
    elif isinstance(target, AttributedExpressionAst):
        yield from _bad_typed_target(target, simple=simple)
    elif not isinstance(target, _ASSIGNABLE):
        yield target, ""


def _bad_typed_target(target: AttributedExpressionAst, *, simple: bool) -> Iterator[tuple[Ast, str]]:
    inner: ExpressionAst = target
    casts = 0
    reference: Ast | None = None
    while isinstance(inner, AttributedExpressionAst):
        if isinstance(inner, ConvertExpressionAst):
            casts += 1
            if is_reference(inner):
                reference = inner.attribute
            elif plain_type_name(inner.type_name.full_name) == "void":
                yield inner.attribute, "VoidTypeConstraintNotAllowed"
        inner = inner.child
    if reference is not None and casts > 1:
        yield reference, "ReferenceNeedsToBeByItselfInTypeConstraint"
    else:
        yield from bad_targets(inner, simple=simple)
