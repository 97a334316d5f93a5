"""Strings, expandable strings and variables."""

from __future__ import annotations

from collections.abc import Callable
from typing import TypeGuard

from harness.twin.shell.ast import (
    ExpandableStringExpressionAst,
    ExpressionAst,
    StringConstantExpressionAst,
    VariableExpressionAst,
)
from harness.twin.shell.compiler.core import Compiler, expression, raw_expression
from harness.twin.shell.errors import runtime_error
from harness.twin.shell.frame import Frame
from harness.twin.shell.objects import NOTHING
from harness.twin.shell.scriptblock import Evaluate
from harness.twin.shell.text import to_text


@expression(StringConstantExpressionAst)
def constant(_compiler: Compiler, node: StringConstantExpressionAst) -> Evaluate:
    """A string without anything to expand."""
    value = node.value
    return lambda _frame: value


@expression(ExpandableStringExpressionAst)
def expandable(compiler: Compiler, node: ExpandableStringExpressionAst) -> Evaluate:
    """``"… $x …"``: lists are joined by ``$OFS``."""
    parts = [_literal(part) if isinstance(part, str) else _expanded(_part(compiler, part)) for part in node.parts]
    if len(parts) == 1:
        return parts[0]
    return lambda frame: "".join([part(frame) for part in parts])


def _part(compiler: Compiler, part: ExpressionAst) -> Evaluate:
    if is_plain_variable(part):  # strict mode 1 lets a string name a variable that was never set
        return _plain_variable(part.path.name.lower(), part.path.name, raw=True, strict_from=2)
    return compiler.raw(part)


def _literal(text: str) -> Callable[[Frame], str]:
    return lambda _frame: text


def _expanded(inner: Evaluate) -> Callable[[Frame], str]:
    def evaluate(frame: Frame) -> str:
        value = inner(frame)
        if type(value) is str:
            return value
        return to_text(value, separator_of(frame)) if isinstance(value, list) else to_text(value)

    return evaluate


def separator_of(frame: Frame) -> str:
    """``$OFS``, a blank when it is not set."""
    variable = frame.scope.find("ofs")
    return " " if variable is None else to_text(variable.value)


_CONSTANTS = {"true": True, "false": False, "null": None}


def is_plain_variable(node: ExpressionAst) -> TypeGuard[VariableExpressionAst]:
    """Whether an expression is a variable without scope or drive that is kept in scopes."""
    if not isinstance(node, VariableExpressionAst) or node.path.qualifier is not None:
        return False
    low = node.path.name.lower()
    return low not in _CONSTANTS and low != "?"


@raw_expression(VariableExpressionAst)
def raw_variable(_compiler: Compiler, node: VariableExpressionAst) -> Evaluate:
    """A variable, as stored."""
    path = node.path
    low = path.name.lower()
    if path.qualifier is None:
        if low in _CONSTANTS:
            value = _CONSTANTS[low]
            return lambda _frame: value
        if low == "?":
            return lambda frame: frame.rs.ok
        return _plain_variable(low, path.name, raw=True)
    if path.drive is not None:
        return _drive_variable(path.drive, path.name)
    scope_name = path.scope or "local"

    def scoped(frame: Frame) -> object:
        if scope_name in ("local", "private"):
            found = frame.scope.vars.get(low)
        elif scope_name in ("global", "script"):
            found = frame.scope.outer(scope_name).vars.get(low)
        else:
            found = frame.scope.find(low)
        return None if found is None else found.value

    return scoped


def _plain_variable(low: str, name: str, *, raw: bool, strict_from: int = 1) -> Evaluate:
    """A variable without scope or drive; *raw* keeps ``NOTHING``; *strict_from*: when an unset one is an error."""
    if low == "psitem":
        low = "_"

    def evaluate(frame: Frame) -> object:
        scope = frame.scope
        found = scope.vars.get(low)
        if found is None:
            found = scope.find(low)
            if found is None:
                if scope.strict_level >= strict_from:
                    raise runtime_error(
                        f"The variable '${name}' cannot be retrieved because it has not been set.",
                        "VariableIsUndefined",
                        "InvalidOperation",
                        name,
                        target_name=name,
                        target_type="String",
                    )
                return None
        value = found.value
        return None if value is NOTHING and not raw else value

    return evaluate


def _drive_variable(drive: str, name: str) -> Evaluate:
    def evaluate(frame: Frame) -> object:
        if drive == "env":
            environment = frame.rs.environment
            for key, value in environment.items():
                if key.lower() == name.lower():
                    return value
            return None
        if drive == "function":
            function = frame.scope.find_function(name.lower())
            return function.block if function is not None else None
        if drive == "alias":
            return frame.scope.find_alias(name.lower()) or frame.rs.commands.find_alias(name)
        return None

    return evaluate


@expression(VariableExpressionAst)
def variable(compiler: Compiler, node: VariableExpressionAst) -> Evaluate:
    """A variable as a value."""
    if is_plain_variable(node):
        return _plain_variable(node.path.name.lower(), node.path.name, raw=False)
    read = raw_variable(compiler, node)

    def evaluate(frame: Frame) -> object:
        value = read(frame)
        return None if value is NOTHING else value

    return evaluate
