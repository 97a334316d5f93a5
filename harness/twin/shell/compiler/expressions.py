"""Literals, variables, operators, casts, collections."""

from __future__ import annotations

import operator as py
from collections.abc import Callable
from typing import Final

from harness.twin.shell import arithmetic, textops
from harness.twin.shell.ast import (
    ArrayExpressionAst,
    ArrayLiteralAst,
    AttributedExpressionAst,
    BinaryExpressionAst,
    BinaryOperator,
    ConstantExpressionAst,
    ConvertExpressionAst,
    HashtableAst,
    NumberKind,
    ParenExpressionAst,
    PipelineAst,
    ScriptBlockExpressionAst,
    StringConstantExpressionAst,
    SubExpressionAst,
    TypeExpressionAst,
    UnaryExpressionAst,
    UnaryOperator,
    UsingExpressionAst,
)
from harness.twin.shell.casts import custom_object
from harness.twin.shell.comparison import comparison
from harness.twin.shell.compiler.core import Compiler, expression, raw_expression
from harness.twin.shell.compiler.typenames import resolve, resolve_or_none
from harness.twin.shell.conversion import convert, to_bool, try_convert
from harness.twin.shell.errors import runtime_error
from harness.twin.shell.frame import Frame
from harness.twin.shell.invocation import block_truth
from harness.twin.shell.objects import NOTHING, ORDERED, Int64, PSHashtable, PSObject
from harness.twin.shell.parser import parse
from harness.twin.shell.scriptblock import Evaluate, ScriptBlock
from harness.twin.shell.text import to_text
from harness.twin.shell.typesystem import TypeRef, is_instance, is_null, type_ref


@expression(ConstantExpressionAst)
def constant(_compiler: Compiler, node: ConstantExpressionAst) -> Evaluate:
    """A number."""
    value: object = node.value
    if node.kind is NumberKind.INT64 and isinstance(value, int):
        value = Int64(value)
    return lambda _frame: value


@expression(ParenExpressionAst)
def parentheses(compiler: Compiler, node: ParenExpressionAst) -> Evaluate:
    """``( … )``: the value, ``$null`` for no output."""
    inner = compiler.value(node.pipeline)

    def evaluate(frame: Frame) -> object:
        value = inner(frame)
        return None if value is NOTHING else value

    return evaluate


@raw_expression(ParenExpressionAst)
def raw_parentheses(compiler: Compiler, node: ParenExpressionAst) -> Evaluate:
    """``( … )`` in a pipeline."""
    return compiler.value(node.pipeline)


@expression(SubExpressionAst)
def subexpression(compiler: Compiler, node: SubExpressionAst) -> Evaluate:
    """``$( … )``."""
    inner = compiler.captured_block(node.sub_expression)

    def evaluate(frame: Frame) -> object:
        value = inner(frame)
        return None if value is NOTHING else value

    return evaluate


@raw_expression(SubExpressionAst)
def raw_subexpression(compiler: Compiler, node: SubExpressionAst) -> Evaluate:
    """``$( … )`` in a pipeline."""
    return compiler.captured_block(node.sub_expression)


@expression(ArrayExpressionAst)
def array_expression(compiler: Compiler, node: ArrayExpressionAst) -> Evaluate:
    """``@( … )``: always a list."""
    statements = node.sub_expression.statements
    if len(statements) == 1 and isinstance(statements[0], PipelineAst):
        pure = statements[0].pure_expression
        if isinstance(pure, ArrayLiteralAst):
            return compiler.expr(pure)
    return compiler.collected(compiler.block(node.sub_expression))


@expression(ArrayLiteralAst)
def array_literal(compiler: Compiler, node: ArrayLiteralAst) -> Evaluate:
    """``a, b``."""
    parts = [compiler.expr(element) for element in node.elements]

    def evaluate(frame: Frame) -> object:
        return [part(frame) for part in parts]

    return evaluate


@expression(HashtableAst)
def hashtable(compiler: Compiler, node: HashtableAst) -> Evaluate:
    """``@{ … }``."""
    return _table(compiler, node, "System.Collections.Hashtable")


def _table(compiler: Compiler, node: HashtableAst, full_name: str) -> Evaluate:
    pairs = [(compiler.expr(key), compiler.value(value)) for key, value in node.pairs]
    words = [key.value for key, _ in node.pairs if isinstance(key, StringConstantExpressionAst)]
    if len({word.lower() for word in words}) == len(pairs):
        return _table_of_words(full_name, words, [value_of for _, value_of in pairs])

    def evaluate(frame: Frame) -> object:
        made = PSHashtable((), full_name)
        for key_of, value_of in pairs:
            key = key_of(frame)
            value = value_of(frame)
            if is_null(key):
                raise runtime_error(
                    "A null key is not allowed in a hash literal.", "InvalidNullKey", "InvalidOperation"
                )
            if key in made:
                text = (
                    f"Item has already been added. Key in dictionary: '{to_text(key)}'  Key being added: "
                    f"'{to_text(key)}'"
                )
                raise runtime_error(text, "DuplicateKeyInHashLiteral", "InvalidOperation")
            made[key] = None if value is NOTHING else value
        return made

    return evaluate


def _table_of_words(full_name: str, words: list[str], values: list[Evaluate]) -> Evaluate:
    """The usual literal: keys are words, all different, so that nothing about them needs a look when it runs."""
    slots = [(word.lower(), word, value_of) for word, value_of in zip(words, values, strict=True)]

    def evaluate(frame: Frame) -> object:
        made = PSHashtable((), full_name)
        for low, word, value_of in slots:
            value = value_of(frame)
            made.add_word(low, word, None if value is NOTHING else value)
        return made

    return evaluate


@expression(ScriptBlockExpressionAst)
def script_block(compiler: Compiler, node: ScriptBlockExpressionAst) -> Evaluate:
    """``{ … }`` as a value."""
    block = compiler.script_block(node.script_block)
    return lambda _frame: ScriptBlock(block.ast, lambda: block.body)


@expression(TypeExpressionAst)
def type_expression(_compiler: Compiler, node: TypeExpressionAst) -> Evaluate:
    """``[type]``."""
    name = node.type_name
    return lambda frame: resolve(name, frame)


@expression(UsingExpressionAst)
def using_expression(compiler: Compiler, node: UsingExpressionAst) -> Evaluate:
    """``$using:x`` outside of a remote command."""
    inner = compiler.expr(node.child)
    text = (
        "A Using variable cannot be retrieved. A Using variable can be used only with Invoke-Command, Start-Job, or "
        "InlineScript in the script workflow. When it is used with Invoke-Command, the Using variable is valid only if "
        "the script block is invoked on a remote computer."
    )

    def evaluate(frame: Frame) -> object:
        read: Callable[[Evaluate], object] | None = frame.scope.value("__using__")  # type: ignore[assignment]
        if read is None:
            raise runtime_error(text, "UsingWithoutInvokeCommand", "InvalidOperation")
        return read(inner)

    return evaluate


# ------------------------------------------------------------------------------------------------------------ casts


@expression(AttributedExpressionAst)
def attributed(compiler: Compiler, node: AttributedExpressionAst) -> Evaluate:
    """``[attribute()]value``: the attribute says nothing about a value."""
    return compiler.expr(node.child)


@expression(ConvertExpressionAst)
def cast(compiler: Compiler, node: ConvertExpressionAst) -> Evaluate:
    """``[type]value``."""
    name = node.type_name.full_name.lower()
    child = node.child
    if isinstance(child, HashtableAst) and name in (
        "ordered",
        "pscustomobject",
        "psobject",
        "management.automation.pscustomobject",
    ):
        table = _table(compiler, child, ORDERED)
        if name == "ordered":
            return table
        return lambda frame: custom_object(table(frame))  # type: ignore[arg-type]
    if name == "ref":
        from harness.twin.shell.compiler.assignments import reference_to

        return reference_to(compiler, child)
    inner = compiler.expr(child)
    type_name = node.type_name

    def evaluate(frame: Frame) -> object:
        wanted = resolve(type_name, frame)
        value = inner(frame)
        if name == "pscustomobject" and isinstance(value, PSHashtable):
            return custom_object(value)
        return convert_in(frame, value, wanted)

    if name == "void":

        def discard(frame: Frame) -> object:
            inner(frame)
            return NOTHING

        return discard
    return evaluate


def convert_in(frame: Frame, value: object, wanted: TypeRef) -> object:
    """A cast that may need the session (classes of the script)."""
    if wanted.of_class:
        from harness.twin.shell.classes import cast_to_class

        return cast_to_class(frame, value, wanted)
    return convert(value, wanted)


# --------------------------------------------------------------------------------------------------------- operators

_ARITHMETIC: Final[dict[BinaryOperator, Callable[[object, object], object]]] = {
    BinaryOperator.ADD: arithmetic.add,
    BinaryOperator.SUBTRACT: arithmetic.subtract,
    BinaryOperator.MULTIPLY: arithmetic.multiply,
    BinaryOperator.DIVIDE: arithmetic.divide,
    BinaryOperator.REMAINDER: arithmetic.remainder,
    BinaryOperator.RANGE: arithmetic.number_range,
    BinaryOperator.FORMAT: textops.format_operator,
    BinaryOperator.BAND: lambda left, right: arithmetic.bitwise(left, right, py.and_),
    BinaryOperator.BOR: lambda left, right: arithmetic.bitwise(left, right, py.or_),
    BinaryOperator.BXOR: lambda left, right: arithmetic.bitwise(left, right, py.xor),
    BinaryOperator.SHL: lambda left, right: arithmetic.shift(left, right, True),
    BinaryOperator.SHR: lambda left, right: arithmetic.shift(left, right, False),
    BinaryOperator.XOR: lambda left, right: to_bool(left) != to_bool(right),
}
_COMPARED: Final = frozenset({"eq", "ne", "gt", "ge", "lt", "le", "contains", "notcontains", "in", "notin"})


@expression(BinaryExpressionAst)
def binary(compiler: Compiler, node: BinaryExpressionAst) -> Evaluate:
    """``left operator right``."""
    symbol = node.operator
    left, right = compiler.expr(node.left), compiler.expr(node.right)
    if symbol is BinaryOperator.AND:
        return lambda frame: to_bool(left(frame)) and to_bool(right(frame))
    if symbol is BinaryOperator.OR:
        return lambda frame: to_bool(left(frame)) or to_bool(right(frame))
    simple = _ARITHMETIC.get(symbol)
    if simple is None and symbol.family in _COMPARED:
        simple = comparison(symbol.family, symbol.case_sensitive)
    if simple is not None:
        combine = simple
        return lambda frame: combine(left(frame), right(frame))
    if symbol in (BinaryOperator.IS, BinaryOperator.IS_NOT, BinaryOperator.AS):
        return _type_operator(symbol, left, right, node)
    return _text_operator(symbol, left, right)


def _as_type(frame: Frame, value: object) -> TypeRef:
    if isinstance(value, TypeRef):
        return value
    name = to_text(value)
    tree = parse(f"[{name.strip('[]') if not name.endswith('[]') else name}]").script
    pipeline = tree.end_block.statements[0] if tree.end_block and tree.end_block.statements else None
    pure = pipeline.pure_expression if isinstance(pipeline, PipelineAst) else None
    found = resolve_or_none(pure.type_name, frame) if isinstance(pure, TypeExpressionAst) else None
    if found is None:
        raise runtime_error(
            f'Cannot convert value "{name}" to type "System.Type". Error: "Unable to find type [{name}]."',
            "RuntimeException",
            "InvalidOperation",
        )
    return found


def _type_operator(symbol: BinaryOperator, left: Evaluate, right: Evaluate, node: BinaryExpressionAst) -> Evaluate:
    custom = isinstance(node.right, TypeExpressionAst) and node.right.type_name.full_name.lower().endswith(
        "pscustomobject"
    )

    def is_it(frame: Frame) -> bool:
        value, wanted = left(frame), _as_type(frame, right(frame))
        if custom:
            return isinstance(value, PSObject)
        if wanted.is_class:
            from harness.twin.shell.classmembers import is_instance_of

            return is_instance_of(value, wanted)
        return is_instance(value, wanted)

    if symbol is BinaryOperator.IS:
        return is_it
    if symbol is BinaryOperator.IS_NOT:
        return lambda frame: not is_it(frame)

    def as_it(frame: Frame) -> object:
        value = left(frame)
        return try_convert(value, _as_type(frame, right(frame)))

    return as_it


def _text_operator(symbol: BinaryOperator, left: Evaluate, right: Evaluate) -> Evaluate:
    ignore = not symbol.case_sensitive
    family = symbol.family
    if family in ("like", "notlike"):
        return lambda frame: textops.like(left(frame), right(frame), ignore, family == "notlike")
    if family in ("match", "notmatch"):
        negate = family == "notmatch"

        def match(frame: Frame) -> object:
            return textops.match(
                left(frame), right(frame), ignore, negate, lambda table: frame.rs.set_matches(frame.scope, table)
            )

        return match
    if family == "replace":
        return lambda frame: textops.replace(left(frame), right(frame), ignore)
    if family == "split":

        def split(frame: Frame) -> object:
            return textops.split(
                left(frame), right(frame), ignore, lambda block, letter: block_truth(frame, block, letter)
            )

        return split

    def join(frame: Frame) -> object:
        value = left(frame)
        separator = right(frame)
        if isinstance(separator, list):
            separator = to_text(separator)
        return textops.join(value, to_text(separator))

    return join


@expression(UnaryExpressionAst)
def unary(compiler: Compiler, node: UnaryExpressionAst) -> Evaluate:
    """Prefix and postfix operators."""
    symbol = node.operator
    if symbol in (
        UnaryOperator.PREFIX_INCREMENT,
        UnaryOperator.PREFIX_DECREMENT,
        UnaryOperator.POSTFIX_INCREMENT,
        UnaryOperator.POSTFIX_DECREMENT,
    ):
        from harness.twin.shell.compiler.assignments import step

        return step(compiler, node)
    child = compiler.expr(node.child)
    if symbol in (UnaryOperator.NOT, UnaryOperator.EXCLAIM):
        return lambda frame: not to_bool(child(frame))
    if symbol is UnaryOperator.COMMA:
        return lambda frame: [child(frame)]
    if symbol is UnaryOperator.JOIN:
        return lambda frame: textops.join(child(frame), "")
    if symbol in (UnaryOperator.ISPLIT, UnaryOperator.CSPLIT):
        return lambda frame: textops.split_blanks(child(frame))
    act = {
        UnaryOperator.MINUS: arithmetic.negate,
        UnaryOperator.PLUS: arithmetic.plus,
        UnaryOperator.BNOT: arithmetic.bit_not,
    }[symbol]
    return lambda frame: act(child(frame))


__all__ = ["cast", "convert_in", "type_ref"]
