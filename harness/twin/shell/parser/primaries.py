"""Grammar of primary expressions: literals, variables, brackets of all kinds, members, indexes and calls."""

from __future__ import annotations

from harness.twin.shell.ast import (
    ArrayExpressionAst,
    ConstantExpressionAst,
    ErrorExpressionAst,
    ErrorStatementAst,
    ExpandableStringExpressionAst,
    ExpressionAst,
    Extent,
    HashtableAst,
    IndexExpressionAst,
    InvokeMemberExpressionAst,
    MemberExpressionAst,
    NumberKind,
    ParenExpressionAst,
    ScriptBlockExpressionAst,
    StatementAst,
    StatementBlockAst,
    StringConstantExpressionAst,
    StringKind,
    StringPart,
    SubExpressionAst,
    UsingExpressionAst,
    VariableExpressionAst,
    VariablePath,
)
from harness.twin.shell.parser.core import after, join
from harness.twin.shell.parser.cursor import Mode
from harness.twin.shell.parser.strings import split_variable_path
from harness.twin.shell.parser.tokens import (
    HERE_EXPANDABLE,
    HERE_LITERAL,
    NEW_LINE,
    NUMBER,
    SPLATTED,
    STRING_EXPANDABLE,
    STRING_LITERAL,
    UNARY_OPERATORS,
    VARIABLE,
    Token,
)
from harness.twin.shell.parser.type_names import TypeNameParser

_STRING_KINDS = {
    STRING_LITERAL: StringKind.SINGLE_QUOTED,
    STRING_EXPANDABLE: StringKind.DOUBLE_QUOTED,
    HERE_LITERAL: StringKind.SINGLE_QUOTED_HERE,
    HERE_EXPANDABLE: StringKind.DOUBLE_QUOTED_HERE,
}


class PrimaryParser(TypeNameParser):
    """Primary expressions with what may follow them directly."""

    def primary_expression(self, *, members: bool = True) -> ExpressionAst | None:
        """A primary expression; with ``members``, also ``.name``, ``::name``, ``[index]`` and calls behind it."""
        token = self.next()
        kind = token.kind
        found: ExpressionAst
        if kind in (VARIABLE, SPLATTED):
            found = self.variable(token, members=members)
        elif kind in _STRING_KINDS:
            found = self.string(token, _STRING_KINDS[kind])
        elif kind == NUMBER:
            value, number_kind = token.number or (0, NumberKind.INT32)
            found = ConstantExpressionAst(token.extent, value, number_kind)
        elif kind == "(":
            found = self._parenthesized(token)
        elif kind in ("$(", "@("):
            found = self._sub_expression(token)
        elif kind == "@{":
            found = self._hashtable(token)
        elif kind == "{":
            found = self.script_block_expression(token)
        else:
            self.unget(token)
            return None
        return self.postfix(self._member_token(), found) if members else found

    def variable(self, token: Token, *, members: bool) -> ExpressionAst:
        """A variable token as an expression; ``$using:…`` takes its members along."""
        path = token.path or VariablePath("", None, "")
        splatted = token.kind == SPLATTED
        if path.qualifier != "using" or not path.name:
            return VariableExpressionAst(token.extent, path, splatted)
        child: ExpressionAst = VariableExpressionAst(token.extent, split_variable_path(path.name), splatted)
        if members:
            child = self.postfix(self._member_token(), child)
        return UsingExpressionAst(child.extent, child)

    def string(self, token: Token, kind: StringKind) -> ExpressionAst:
        """A string token as an expression, its subexpressions parsed."""
        if token.parts is None:
            return StringConstantExpressionAst(token.extent, token.value, kind)
        parts: list[StringPart] = []
        for piece in token.parts:
            if isinstance(piece, Token):
                parts.append(self._nested(piece))
            elif parts and isinstance(parts[-1], str):
                parts[-1] += piece
            elif piece:
                parts.append(piece)
        return ExpandableStringExpressionAst(token.extent, tuple(parts), kind)

    def _nested(self, piece: Token) -> ExpressionAst:
        if piece.sub_text is None:
            return self.variable(piece, members=False)
        saved = self.scanner.enter(piece.sub_text)
        found = self.primary_expression()
        self.ungot = None
        self.scanner.leave(saved)
        return found or ErrorExpressionAst(piece.extent)

    def _member_token(self) -> Token | None:
        return None if self.ungot is not None else self.scanner.member_operator(brackets=True)

    # --- what follows an expression directly

    def postfix(self, token: Token | None, target: ExpressionAst) -> ExpressionAst:
        """Members, indexes and calls behind ``target``, the first of which begins with ``token``."""
        while token is not None:
            self.skip_new_lines()
            target = self._index(target, token) if token.kind == "[" else self._member(target, token)
            token = self._member_token()
        return target

    def _index(self, target: ExpressionAst, bracket: Token) -> ExpressionAst:
        self.skip_new_lines()
        index = self.expression()
        missing = index is None
        if index is None:
            self.open_error(after(bracket), "MissingArrayIndexExpression")
            index = ErrorExpressionAst(bracket.extent)
        self.skip_new_lines()
        closing = self.next()
        if closing.kind == "]":
            return IndexExpressionAst(join(target, closing), target, index)
        self.unget(closing)
        if not missing:
            self.open_error(after(index), "MissingEndSquareBracket")
        return IndexExpressionAst(join(target, index), target, index)

    def _member(self, target: ExpressionAst, operator: Token) -> ExpressionAst:
        member = self._member_name()
        static = operator.kind == "::"
        if member is None:
            self.open_error(after(operator), "MissingPropertyName")
            member = self.single_argument() or ErrorExpressionAst(join(target, operator))
            return MemberExpressionAst(join(target, member), target, member, static)
        opening = None if self.ungot is not None else self.scanner.call_opening()
        if opening is None:
            return MemberExpressionAst(join(target, member), target, member, static)
        if opening.kind == "(":
            arguments, end = self.call_arguments(opening)
        else:
            self.skip_new_lines()
            block = self.script_block_expression(opening)
            arguments, end = [block], block.extent
        return InvokeMemberExpressionAst(join(target, end), target, member, static, tuple(arguments))

    def _member_name(self) -> ExpressionAst | None:
        name = self.simple_name()
        if name is not None:
            return name
        kind = self.peek().kind
        if kind in UNARY_OPERATORS or kind == "[":
            return self.unary_expression()
        return self.primary_expression(members=False)

    def call_arguments(self, opening: Token) -> tuple[list[ExpressionAst], Extent]:
        """The arguments of a call, whose ``(`` has been passed, and where they end."""
        arguments: list[ExpressionAst] = []
        comma: Token | None = None
        with self.commas(disabled=True):
            while True:
                self.skip_new_lines()
                argument = self.expression()
                if argument is None:
                    break
                arguments.append(argument)
                self.skip_new_lines()
                comma = self.next()
                if comma.kind != ",":
                    self.unget(comma)
                    comma = None
                    break
            if comma is not None:
                self.open_error(after(comma), "MissingExpressionAfterToken", ",")
            self.skip_new_lines()
            closing = self.next()
        if closing.kind == ")":
            return arguments, closing.extent
        self.unget(closing)
        last = arguments[-1].extent if arguments else opening.extent
        if comma is None:
            self.open_error(after(last), "MissingEndParenthesisInMethodCall")
            return arguments, last
        return arguments, comma.extent

    # --- brackets

    def _parenthesized(self, opening: Token) -> ExpressionAst:
        with self.in_mode(Mode.COMMAND), self.commas(disabled=False):
            self.skip_new_lines()
            pipeline = self.pipeline()
            if pipeline is None:
                self.open_error(after(opening), "ExpectedExpression")
                pipeline = ErrorStatementAst(after(opening))
            self.skip_new_lines()
            closing = self.next()
            end = closing.extent
            if closing.kind != ")":
                self.unget(closing)
                self.open_error(after(pipeline), "MissingEndParenthesisInExpression")
                end = pipeline.extent
        return ParenExpressionAst(join(opening, end), pipeline)

    def _sub_expression(self, opening: Token) -> ExpressionAst:
        with self.in_mode(Mode.COMMAND), self.commas(disabled=False):
            self.skip_new_lines()
            statements, traps, extent = self.statement_list()
            self.skip_new_lines()
            closing = self.next()
            end = closing.extent
            if closing.kind != ")":
                self.unget(closing)
                self.open_error(closing, "MissingEndParenthesisInSubexpression")
                end = extent or opening.extent
        block = StatementBlockAst(extent or after(opening), tuple(statements), tuple(traps))
        if opening.kind == "$(":
            return SubExpressionAst(join(opening, end), block)
        return ArrayExpressionAst(join(opening, end), block)

    def script_block_expression(self, opening: Token) -> ScriptBlockExpressionAst:
        """``{ … }``, whose ``{`` has been passed."""
        with self.in_mode(Mode.COMMAND), self.commas(disabled=False):
            self.skip_new_lines()
            block = self.script_block(opening)
        return ScriptBlockExpressionAst(block.extent, block)

    def _hashtable(self, opening: Token) -> ExpressionAst:
        self.skip_new_lines()
        pairs: list[tuple[ExpressionAst, StatementAst]] = []
        while (pair := self._key_and_value()) is not None:
            pairs.append(pair)
            if self.peek().kind not in (NEW_LINE, ";"):
                break
            self.skip_new_lines(semicolons=True)
        closing = self.next()
        end = closing.extent
        if closing.kind != "}":
            self.unget(closing)
            last = pairs[-1][1].extent if pairs else opening.extent
            self.open_error(after(last), "IncompleteHashLiteral", detected=closing)
            end = last
        return HashtableAst(join(opening, end), tuple(pairs))

    def _key_and_value(self) -> tuple[ExpressionAst, StatementAst] | None:
        with self.in_mode(Mode.EXPRESSION):
            key = self.label_or_key()
            if key is None:
                return None
            equals = self.next()
        if equals.kind != "=":
            self.unget(equals)
            self.error(after(key), "MissingEqualsInHashLiteral")
            self.sync_on_error("}", ";", NEW_LINE)
            return key, ErrorStatementAst(after(key))
        with self.in_mode(Mode.COMMAND):
            self.skip_new_lines()
            statement = self.statement()
            if statement is None:
                self.open_error(after(equals), "MissingStatementInHashLiteral")
                statement = ErrorStatementAst(after(equals))
        return key, statement

    def label_or_key(self) -> ExpressionAst | None:
        """A bare name or any expression without operators between operands."""
        name = self.simple_name()
        if name is not None:
            return name
        if self.peek().kind in (NEW_LINE, ";"):
            return None
        with self.commas(disabled=True):
            return self.unary_expression()
