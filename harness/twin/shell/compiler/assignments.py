"""Assignments, ``++`` and ``--``, and ``[ref]``."""

from __future__ import annotations

from collections.abc import Callable
from typing import Final

from harness.twin.shell import arithmetic
from harness.twin.shell.ast import (
    ArrayLiteralAst,
    AssignmentOperator,
    AssignmentStatementAst,
    AttributedExpressionAst,
    ConvertExpressionAst,
    ExpressionAst,
    IndexExpressionAst,
    MemberExpressionAst,
    ParenExpressionAst,
    PipelineAst,
    UnaryExpressionAst,
    UnaryOperator,
    VariableExpressionAst,
)
from harness.twin.shell.compiler.core import Compiler, statement
from harness.twin.shell.compiler.definitions import attribute_checks
from harness.twin.shell.compiler.expressions import convert_in
from harness.twin.shell.compiler.typenames import resolve
from harness.twin.shell.conversion import convert
from harness.twin.shell.dotnet.registry import STATIC, NetProperty
from harness.twin.shell.errors import PSError, limitation, runtime_error
from harness.twin.shell.frame import Frame
from harness.twin.shell.indexing import get_index, set_index
from harness.twin.shell.members import get_member, set_member
from harness.twin.shell.objects import NOTHING, Reference
from harness.twin.shell.scope import Scope, Variable, not_writable
from harness.twin.shell.scriptblock import Evaluate, Function, Run, ScriptBlock
from harness.twin.shell.text import to_text
from harness.twin.shell.typesystem import TypeRef, type_name
from harness.twin.shell.validation import ValidationError

Assign = Callable[[Frame, object], None]
_COMBINE: Final[dict[AssignmentOperator, Callable[[object, object], object]]] = {
    AssignmentOperator.PLUS_EQUALS: arithmetic.add,
    AssignmentOperator.MINUS_EQUALS: arithmetic.subtract,
    AssignmentOperator.MULTIPLY_EQUALS: arithmetic.multiply,
    AssignmentOperator.DIVIDE_EQUALS: arithmetic.divide,
    AssignmentOperator.REMAINDER_EQUALS: arithmetic.remainder,
}


@statement(AssignmentStatementAst)
def assignment(compiler: Compiler, node: AssignmentStatementAst) -> Run:
    """``left = right``: no output."""
    act = assignment_value(compiler, node)

    def run(frame: Frame) -> None:
        act(frame)

    return run


def assignment_value(compiler: Compiler, node: AssignmentStatementAst) -> Evaluate:
    """An assignment as a value: what was assigned."""
    extent = node.extent
    right = compiler.value(node.right)
    target = assigner(compiler, node.left)
    if node.operator is AssignmentOperator.EQUALS:
        pure = isinstance(node.right, PipelineAst) and node.right.pure_expression is not None

        def plain(frame: Frame) -> object:
            frame.pos = extent
            value = right(frame)
            frame.pos = extent
            target(frame, value)
            if pure:
                frame.rs.ok = True
            return value

        return plain
    combine = _COMBINE[node.operator]
    left = compiler.expr(_readable(node.left))

    def combined(frame: Frame) -> object:
        frame.pos = extent
        before = left(frame)
        value = right(frame)
        frame.pos = extent
        result = combine(before, None if value is NOTHING else value)
        target(frame, result)
        frame.rs.ok = True
        return result

    return combined


def _readable(node: ExpressionAst) -> ExpressionAst:
    while isinstance(node, AttributedExpressionAst):
        node = node.child
    return node


def assigner(compiler: Compiler, node: ExpressionAst) -> Assign:
    """What stores a value at the left side of an assignment."""
    if isinstance(node, VariableExpressionAst):
        return _variable(node)
    if isinstance(node, MemberExpressionAst):
        return _member(compiler, node)
    if isinstance(node, IndexExpressionAst):
        target, index = compiler.expr(node.target), compiler.expr(node.index)

        def store(frame: Frame, value: object) -> None:
            set_index(target(frame), index(frame), None if value is NOTHING else value)

        return store
    if isinstance(node, ArrayLiteralAst):
        return _several([assigner(compiler, element) for element in node.elements])
    if isinstance(node, ConvertExpressionAst):
        return _typed(compiler, node)
    if isinstance(node, AttributedExpressionAst):
        return _attributed(compiler, node)
    if isinstance(node, ParenExpressionAst) and isinstance(node.pipeline, PipelineAst):
        inner = node.pipeline.pure_expression
        if inner is not None:
            return assigner(compiler, inner)
    what = compiler.source.slice(node.extent)

    def refuse(_frame: Frame, _value: object) -> None:
        raise limitation(f"assignment to {what}")

    return refuse


def _variable(node: VariableExpressionAst) -> Assign:
    path = node.path
    name, low = path.name, path.name.lower()
    if path.drive is not None:
        return _drive(path.drive, name)
    qualifier = path.scope
    if qualifier in ("global", "script"):
        wanted = qualifier
        return lambda frame, value: store_variable(frame.scope.outer(wanted), name, value)
    if qualifier == "private":

        def private(frame: Frame, value: object) -> None:
            store_variable(frame.scope, name, value)
            frame.scope.vars[low].options |= {"Private"}

        return private

    def local(frame: Frame, value: object) -> None:
        found = frame.scope.vars.get(low)
        if found is not None and found.type is None and not found.options and not found.checks:
            found.value = value
        else:
            store_variable(frame.scope, name, value)

    return local


def store_variable(scope: Scope, name: str, value: object) -> None:
    """Set a variable: its type converts, its validations check, its options may refuse."""
    low = name.lower()
    if low in ("true", "false", "null"):
        if low == "null":
            return
        raise not_writable(name)
    found = scope.vars.get(low)
    if found is None:
        scope.assign(name, value)
        return
    if found.fixed:
        raise not_writable(found.name)
    if found.type is not None:
        value = typed_value(found, None if value is NOTHING else value, scope)
    for check in found.checks:
        check(value)
    found.value = value


def typed_value(variable: Variable, value: object, scope: Scope | None = None) -> object:
    """A value for a variable with a type.

    In the scope of a function or block the engine converts where it assigns; a variable of the session, one with
    validations or one behind a reference is asked, and answers with an error of its metadata.
    """
    assert variable.type is not None  # noqa: S101 - narrows
    try:
        return convert(value, variable.type) if variable.cast is None else variable.cast(value)
    except PSError as fault:
        if scope is not None and scope.kind != "global" and not variable.checks:
            raise
        raise runtime_error(
            fault.record.exception.message,
            "RuntimeException",
            "MetadataError",
            type_name="System.Management.Automation.ArgumentTransformationMetadataException",
            inner=fault.record.exception,
        ) from None


def _drive(drive: str, name: str) -> Assign:
    def store(frame: Frame, value: object) -> None:
        if drive == "env":
            environment = frame.rs.environment
            key = next((known for known in environment if known.lower() == name.lower()), name)
            if value is None or value is NOTHING or value == "":
                environment.pop(key, None)
            else:
                environment[key] = to_text(value)
            return
        if drive == "function" and isinstance(value, ScriptBlock):
            if frame.scope.functions is None:
                frame.scope.functions = {}
            frame.scope.functions[name.lower()] = Function(name, value)
            return
        raise limitation(f"assignment to drive {drive}:")

    return store


def _member(compiler: Compiler, node: MemberExpressionAst) -> Assign:
    target, name_of = compiler.expr(node.target), compiler.expr(node.member)

    def store(frame: Frame, value: object) -> None:
        owner = target(frame)
        plain = None if value is NOTHING else value
        if node.static:
            if isinstance(owner, TypeRef) and owner.is_class:
                from harness.twin.shell.classes import set_static

                set_static(frame, owner, to_text(name_of(frame)), plain)
                return
            found = (
                STATIC.get(owner.full_name, {}).get(to_text(name_of(frame)).lower())
                if isinstance(owner, TypeRef)
                else None
            )
            if isinstance(found, NetProperty) and found.setter is not None:
                found.setter(None, plain)
                return
        set_member_of(frame, owner, to_text(name_of(frame)), plain)

    return store


def set_member_of(frame: Frame, owner: object, name: str, value: object) -> None:
    """``owner.name = value``."""
    set_member(frame.rs, owner, name, value)


def _several(targets: list[Assign]) -> Assign:
    def store(frame: Frame, value: object) -> None:
        items = value if isinstance(value, list) else [] if value is NOTHING else [value]
        last = len(targets) - 1
        for at, target in enumerate(targets):
            if at < last:
                target(frame, items[at] if at < len(items) else None)
            else:
                rest = items[last:]
                target(frame, rest[0] if len(rest) == 1 else list(rest) if rest else None)

    return store


def _typed(compiler: Compiler, node: ConvertExpressionAst) -> Assign:
    name = node.type_name
    child = node.child
    inner = assigner(compiler, child)

    def store(frame: Frame, value: object) -> None:
        wanted = resolve(name, frame)
        if isinstance(child, VariableExpressionAst) and child.path.drive is None:
            scope = frame.scope.outer(child.path.scope) if child.path.scope in ("global", "script") else frame.scope
            variable = scope.vars.get(child.path.name.lower())
            if variable is not None and not variable.fixed:
                variable.type = None
            fresh = Variable(child.path.name)
            fresh.type, fresh.checks = wanted, () if variable is None else variable.checks
            fresh.cast = (lambda one: convert_in(frame, one, wanted)) if wanted.of_class else None
            inner(frame, typed_value(fresh, None if value is NOTHING else value, scope))
            if wanted.full_name != "System.Object":
                kept = scope.vars[child.path.name.lower()]
                kept.type, kept.cast = wanted, fresh.cast
            return
        inner(frame, convert(None if value is NOTHING else value, wanted))

    return store


def _attributed(compiler: Compiler, node: AttributedExpressionAst) -> Assign:
    inner = assigner(compiler, node.child)
    target = node.child
    checks = attribute_checks(compiler, (node.attribute,))

    def store(frame: Frame, value: object) -> None:
        inner(frame, value)
        while_target = _readable(target)
        if isinstance(while_target, VariableExpressionAst):
            variable = frame.scope.vars.get(while_target.path.name.lower())
            if variable is not None:
                made = variable_checks(frame, variable.name, checks)
                for check in made:
                    check(value)
                variable.checks = made

    return store


def variable_checks(frame: Frame, name: str, checks: object) -> tuple[Callable[[object], None], ...]:
    """Validations that stay on a variable, with the variable's own error."""
    made: list[Callable[[object], None]] = []
    for make in checks:  # type: ignore[attr-defined]
        check = make(frame)

        def guarded(value: object, check: Callable[[object], None] = check) -> None:
            try:
                check(value)
            except ValidationError:
                raise runtime_error(
                    f"The variable cannot be validated because the value {to_text(value)} is not a valid value "
                    f"for the {name} variable.",
                    "ValidateSetFailure",
                    "MetadataError",
                    type_name="System.Management.Automation.ValidationMetadataException",
                ) from None

        made.append(guarded)
    return tuple(made)


# ---------------------------------------------------------------------------------------------------------- ++ and --


def step(compiler: Compiler, node: UnaryExpressionAst) -> Evaluate:
    """``++x``, ``x++``, ``--x``, ``x--`` as values."""
    read = compiler.expr(node.child)
    write = assigner(compiler, node.child)
    change = 1 if node.operator in (UnaryOperator.PREFIX_INCREMENT, UnaryOperator.POSTFIX_INCREMENT) else -1
    prefix = node.operator in (UnaryOperator.PREFIX_INCREMENT, UnaryOperator.PREFIX_DECREMENT)
    sign = "++" if change > 0 else "--"

    def evaluate(frame: Frame) -> object:
        before = read(frame)
        if before is not None and not isinstance(before, int | float) and not hasattr(before, "quantize"):
            raise runtime_error(
                f"The '{sign}' operator works only on numbers. The operand is a '{_shown(before)}'.",
                "OperatorRequiresNumber",
                "InvalidOperation",
                sign,
                target_name=sign,
                target_type="String",
            )
        after = arithmetic.add(0 if before is None else before, change)
        write(frame, after)
        return after if prefix else (0 if before is None else before)

    return evaluate


def _shown(value: object) -> str:
    return type_name(value)


def reference_to(compiler: Compiler, child: ExpressionAst) -> Evaluate:
    """``[ref]$x``: the variable itself."""
    read, write = compiler.expr(child), None
    target = _readable(child)
    if isinstance(target, VariableExpressionAst) or (isinstance(target, MemberExpressionAst) and not target.static):
        write = assigner(compiler, target)

    def evaluate(frame: Frame) -> object:
        if isinstance(target, VariableExpressionAst):
            low = target.path.name.lower()
            found = frame.scope.find(low)
            if found is None:
                raise runtime_error(
                    "[ref] cannot be applied to a variable that does not exist.",
                    "NonExistingVariableReference",
                    "InvalidOperation",
                    target.path.name,
                )
            variable = found

            def put(value: object) -> None:
                if low == "null":  # what is put there is lost
                    return
                if variable.fixed:
                    raise not_writable(variable.name)
                variable.value = typed_value(variable, value) if variable.type is not None else value

            return Reference(lambda: variable.value, put)
        if write is not None:
            store = write
            return Reference(lambda: read(frame), lambda value: store(frame, value))
        box = [read(frame)]
        return Reference(lambda: box[0], lambda value: box.__setitem__(0, value))

    return evaluate


__all__ = [
    "assigner",
    "assignment_value",
    "get_index",
    "get_member",
    "reference_to",
    "step",
    "store_variable",
    "variable_checks",
]
