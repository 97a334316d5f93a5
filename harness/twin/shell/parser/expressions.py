"""Grammar of expressions: operators by precedence, arrays, casts."""

from __future__ import annotations

from harness.twin.shell.ast import (
    ArrayLiteralAst,
    AttributeAst,
    AttributeBaseAst,
    AttributedExpressionAst,
    BinaryExpressionAst,
    ConvertExpressionAst,
    ErrorExpressionAst,
    ExpressionAst,
    TypeExpressionAst,
    UnaryExpressionAst,
    UnaryOperator,
)
from harness.twin.shell.parser.core import after, join
from harness.twin.shell.parser.cursor import Mode
from harness.twin.shell.parser.primaries import PrimaryParser
from harness.twin.shell.parser.tokens import (
    BINARY_OPERATORS,
    NEW_LINE,
    PARAMETER,
    PRECEDENCE,
    UNARY_OPERATORS,
    Token,
)

_POSTFIX = {"++": UnaryOperator.POSTFIX_INCREMENT, "--": UnaryOperator.POSTFIX_DECREMENT}


class ExpressionParser(PrimaryParser):
    """Whole expressions."""

    def expression(self) -> ExpressionAst | None:
        """A whole expression, or ``None`` where none begins."""
        saved = self.scanner.mode
        self.set_mode(Mode.EXPRESSION)
        found = self._array_literal()
        if found is not None:
            token = self.peek()
            if token.kind in PRECEDENCE:
                found = self._binary_expression(found)
                token = self.peek()
            if token.kind == PARAMETER:
                found = self._stray_parameter(token, found)
        self.set_mode(saved)
        return found

    def _binary_expression(self, first: ExpressionAst) -> ExpressionAst:
        """Operands and operators, the first operand read; equal precedence groups to the left."""
        operands = [first]
        operators: list[Token] = []
        while (token := self.peek()).kind in PRECEDENCE:
            self.skip()
            while operators and PRECEDENCE[token.kind] <= PRECEDENCE[operators[-1].kind]:
                self._reduce(operands, operators)
            operators.append(token)
            self.skip_new_lines()
            operand = self._array_literal()
            if operand is None:
                self.open_error(after(token), "ExpectedValueExpression", token.text)
                operand = ErrorExpressionAst(after(token))
            operands.append(operand)
        while operators:
            self._reduce(operands, operators)
        return operands[0]

    def _reduce(self, operands: list[ExpressionAst], operators: list[Token]) -> None:
        right, left, token = operands.pop(), operands.pop(), operators.pop()
        operator = BINARY_OPERATORS.get(token.kind)
        if operator is None:
            self.late_errors.append((token.extent, "InvalidEndOfLine", token.kind))
            operands.append(ErrorExpressionAst(join(left, right), (left, right)))
        else:
            operands.append(BinaryExpressionAst(join(left, right), left, operator, right, token.extent))

    def _stray_parameter(self, token: Token, found: ExpressionAst) -> ExpressionAst:
        self.error(token, "UnexpectedToken", token.text)
        self.skip()
        return ErrorExpressionAst(join(found, token), (found,))

    def _array_literal(self) -> ExpressionAst | None:
        first = self.unary_expression()
        comma = self.peek()
        if comma.kind != "," or self.comma_disabled or first is None:
            return first
        elements = [first]
        while comma.kind == ",":
            self.skip()
            self.skip_new_lines()
            element = self.unary_expression()
            if element is None:
                self.open_error(after(comma), "MissingExpressionAfterToken", comma.text)
                elements.append(ErrorExpressionAst(comma.extent))
                break
            elements.append(element)
            comma = self.peek()
        return ArrayLiteralAst(join(first, elements[-1]), tuple(elements))

    def unary_expression(self) -> ExpressionAst | None:
        """An expression without binary operators and commas."""
        token = self._signed_token()
        found: ExpressionAst | None
        if token.kind in UNARY_OPERATORS:
            if self.comma_disabled and token.kind == ",":
                return None
            found = self._prefixed(token)
            if isinstance(found, ErrorExpressionAst):
                return found
        elif token.kind == "[":
            found = self._typed_expression(token)
            if found is None or isinstance(found, ErrorExpressionAst):
                return found
        else:
            found = self.primary_expression()
        if found is not None:
            token = self.peek()
            if token.kind in _POSTFIX:
                self.skip()
                found = UnaryExpressionAst(join(found, token), _POSTFIX[token.kind], found)
        return found

    def _signed_token(self) -> Token:
        """The next token, where a sign belongs to the number behind it."""
        scanner = self.scanner
        saved = scanner.allow_signed_numbers
        scanner.allow_signed_numbers = True
        if self.ungot is not None and self.ungot.kind == "-":
            self.resync(self.ungot)
        token = self.peek()
        scanner.allow_signed_numbers = saved
        return token

    def _prefixed(self, token: Token) -> ExpressionAst:
        self.skip()
        self.skip_new_lines()
        child = self.unary_expression()
        if child is None:
            self.open_error(after(token), "MissingExpressionAfterOperator", token.text)
            return ErrorExpressionAst(token.extent)
        if token.kind == ",":
            return ArrayLiteralAst(join(token, child), (child,))
        return UnaryExpressionAst(join(token, child), UNARY_OPERATORS[token.kind], child)

    # --- casts, attributes, type literals

    def _typed_expression(self, token: Token) -> ExpressionAst | None:
        attributes = self.attributes(in_expression=True)
        if not attributes:
            return None
        last = attributes[-1]
        found: ExpressionAst | None
        if isinstance(last, AttributeAst):
            self.skip_new_lines()
            child = self.unary_expression()
            if child is None:
                self.open_error(last, "UnexpectedAttribute", last.type_name.full_name)
                return ErrorExpressionAst(join(token, last))
            found = AttributedExpressionAst(join(last, child), last, child)
        else:
            found = self._after_type(last)
        for attribute in reversed(attributes[:-1]):
            made = AttributedExpressionAst if isinstance(attribute, AttributeAst) else ConvertExpressionAst
            found = made(join(attribute, found), attribute, found)
        return found

    def _after_type(self, constraint: AttributeBaseAst) -> ExpressionAst:
        """A static member of the type, a cast, or the type itself."""
        operator = None if self.ungot is not None else self.scanner.member_operator(brackets=False)
        literal = TypeExpressionAst(constraint.extent, constraint.type_name)
        if operator is not None:
            return self.postfix(operator, literal)
        if self.peek().kind not in (NEW_LINE, ","):
            child = self.unary_expression()
            if child is not None:
                return ConvertExpressionAst(join(constraint, child), constraint, child)
        return literal
