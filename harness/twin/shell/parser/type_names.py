"""Grammar of type names and attributes: what stands between square brackets."""

from __future__ import annotations

from harness.twin.shell.ast import (
    ArrayTypeName,
    AttributeAst,
    AttributeBaseAst,
    ErrorExpressionAst,
    ExpressionAst,
    Extent,
    GenericTypeName,
    NamedAttributeArgumentAst,
    StringConstantExpressionAst,
    StringKind,
    TypeConstraintAst,
    TypeName,
    TypeNameAst,
)
from harness.twin.shell.parser.core import ParserCore, after, before, cover, join
from harness.twin.shell.parser.cursor import Mode
from harness.twin.shell.parser.tokens import END, IDENTIFIER, NEW_LINE, Token

_NO_TYPE = ":ErrorTypeName:"


class TypeNameParser(ParserCore):
    """Type names, type constraints, attributes, simple names."""

    def simple_name(self) -> StringConstantExpressionAst | None:
        """A bare name (key, label, member), even if it is a keyword elsewhere."""
        self.scanner.want_simple_name = True
        token = self.peek()
        self.scanner.want_simple_name = False
        if token.kind != IDENTIFIER:
            return None
        self.skip()
        return StringConstantExpressionAst(token.extent, token.text, StringKind.BARE_WORD)

    # --- type names

    def type_name(self, *, assembly_allowed: bool) -> TypeNameAst | None:
        """A type name up to its end, without the closing bracket around it."""
        with self.in_mode(Mode.TYPE_NAME):
            token = self.next()
            if token.kind == IDENTIFIER:
                return self._finish_type_name(token, assembly_allowed=assembly_allowed)
            self.unget(token)
            return None

    def _finish_type_name(self, name: Token, *, bare: bool = False, assembly_allowed: bool = True) -> TypeNameAst:
        """``bare``: an argument of a generic type without brackets of its own, where a comma separates arguments."""
        token = self.peek()
        if token.kind == "[":
            self.skip()
            self.skip_new_lines()
            return self._bracketed_part(name, token, self.next(), bare=bare)
        if token.kind == "," and assembly_allowed and not bare:
            self.skip()
            return self._with_assembly(name, token)
        return TypeName(name.extent, name.text)

    def _with_assembly(self, name: Token, comma: Token) -> TypeNameAst:
        assembly = self.scanner.scan_assembly_name()
        if not assembly.strip():
            self.error(after(comma), "MissingAssemblyNameSpecification")
            return TypeName(name.extent, name.text)
        end = self.scanner.sub.offset(self.scanner.pos)
        return TypeName(Extent(name.start, end), name.text, assembly)

    def _bracketed_part(self, name: Token, bracket: Token, token: Token, *, bare: bool) -> TypeNameAst:
        plain = TypeName(name.extent, name.text)
        if token.kind in ("]", ","):
            return self._complete_array(plain, token)
        if token.kind in ("[", IDENTIFIER):
            return self._generic_type(name, token, bare=bare)
        if token.kind == END:
            self.unget(token)
            self.open_error(after(bracket), "MissingTypename")
        else:
            self.error(token, "UnexpectedToken", token.text)
            self.sync_on_error("]")
        return plain

    def _generic_argument(self, first: Token) -> TypeNameAst:
        if first.kind == IDENTIFIER:
            return self._finish_type_name(first, bare=True)
        token = self.next()
        if token.kind != IDENTIFIER:
            self.unget(token)
            self.open_error(after(token), "MissingTypename")
            return TypeName(first.extent, _NO_TYPE)
        argument = self._finish_type_name(token)
        closing = self.next()
        if closing.kind != "]":
            self.unget(closing)
            self.open_error(before(closing), "EndSquareBracketExpectedAtEndOfType")
        return argument

    def _generic_type(self, name: Token, first: Token, *, bare: bool) -> TypeNameAst:
        arguments = [self._generic_argument(first)]
        while True:
            self.skip_new_lines()
            closing = self.next()
            if closing.kind != ",":
                break
            self.skip_new_lines()
            token = self.peek()
            if token.kind in (IDENTIFIER, "["):
                self.skip()
                arguments.append(self._generic_argument(token))
            else:
                self.open_error(after(closing), "MissingTypename")
                arguments.append(TypeName(closing.extent, _NO_TYPE))
        end: Token | TypeNameAst = closing
        if closing.kind != "]":
            self.unget(closing)
            self.open_error(before(closing), "EndSquareBracketExpectedAtEndOfAttribute")
            end = arguments[-1]
        generic = TypeName(name.extent, name.text)
        result = GenericTypeName(join(name, end), generic, tuple(arguments))
        token = self.peek()
        if token.kind == "[":
            self.skip()
            return self._complete_array(result, self.next())
        if token.kind == "," and not bare:
            self.skip()
            return self._generic_with_assembly(result, token)
        return result

    def _generic_with_assembly(self, generic: GenericTypeName, comma: Token) -> GenericTypeName:
        assembly = self.scanner.scan_assembly_name()
        if not assembly:
            self.error(after(comma), "MissingAssemblyNameSpecification")
            return generic
        name = TypeName(generic.generic.extent, generic.generic.name, assembly)
        return GenericTypeName(generic.extent, name, generic.arguments)

    def _complete_array(self, element: TypeNameAst, token: Token) -> TypeNameAst:
        """The rest of ``element[…][…]``, whose first bracket has been passed."""
        while True:
            if token.kind == ",":
                element = self._dimensions(element, token)
            elif token.kind == "]":
                element = ArrayTypeName(join(element, token), element, 1)
            elif token.kind == END:
                self.unget(token)
                self.error(before(token), "EndSquareBracketExpectedAtEndOfAttribute")
            else:
                self.error(token, "UnexpectedToken", token.text)
                self.sync_on_error("]")
            token = self.peek()
            if token.kind == ",":
                self.skip()
                if not self.scanner.scan_assembly_name():
                    self.error(after(token), "MissingAssemblyNameSpecification")
                return element
            if token.kind != "[":
                return element
            self.skip()
            token = self.next()

    def _dimensions(self, element: TypeNameAst, comma: Token) -> TypeNameAst:
        rank = 1
        token = comma
        while token.kind == ",":
            rank, comma, token = rank + 1, token, self.next()
        if token.kind != "]":
            self.unget(token)
            self.error(after(comma), "EndSquareBracketExpectedAtEndOfAttribute")
            return ArrayTypeName(join(element, comma), element, rank)
        return ArrayTypeName(join(element, token), element, rank)

    # --- attributes

    def attributes(self, *, in_expression: bool = False) -> list[AttributeBaseAst]:
        """All attributes and type constraints that stand here, one after the other."""
        found: list[AttributeBaseAst] = []
        while (attribute := self.attribute()) is not None:
            found.append(attribute)
            if not in_expression or isinstance(attribute, AttributeAst):
                self.skip_new_lines()
        return found

    def attribute(self) -> AttributeBaseAst | None:
        """``[type]`` or ``[Name(arguments)]``."""
        bracket = self._attribute_bracket()
        if bracket is None:
            return None
        self.skip_new_lines()
        name = self.type_name(assembly_allowed=True)
        if name is None:
            self.resync(bracket)
            self.open_error(after(bracket), "MissingTypename")
            return None
        token = self.next()
        if token.kind == "(":
            return self._attribute_with_arguments(bracket, name, token)
        if token.kind == "]":
            return TypeConstraintAst(join(bracket, token), name)
        self.unget(token)
        self.error(before(token), "EndSquareBracketExpectedAtEndOfAttribute")
        return TypeConstraintAst(join(bracket, name), name)

    def _attribute_bracket(self) -> Token | None:
        if self.ungot is None:
            return self.scanner.attribute_bracket()
        return self.next() if self.ungot.kind == "[" else None

    def _attribute_with_arguments(self, bracket: Token, name: TypeNameAst, opening: Token) -> AttributeAst:
        self.skip_new_lines()
        with self.in_mode(Mode.EXPRESSION), self.commas(disabled=True):
            positional, named, last = self._attribute_arguments(opening.extent)
        self.skip_new_lines()
        token = self.next()
        end = last
        if token.kind == ")":
            end = token.extent
            self.skip_new_lines()
            closing = self.next()
            if closing.kind == "]":
                end = closing.extent
            else:
                self.unget(closing)
                self.open_error(after(token), "EndSquareBracketExpectedAtEndOfAttribute")
        else:
            self.unget(token)
            self.open_error(after(last), "MissingEndParenthesisInExpression")
            self.skip_new_lines()
            closing = self.next()
            if closing.kind == "]":
                end = closing.extent
            else:
                self.unget(closing)
        extent = cover(join(bracket, end), [*positional, *named])
        return AttributeAst(extent, name, tuple(positional), tuple(named))

    def _attribute_arguments(self, last: Extent) -> tuple[list[ExpressionAst], list[NamedAttributeArgumentAst], Extent]:
        positional: list[ExpressionAst] = []
        named: list[NamedAttributeArgumentAst] = []
        comma: Token | None = None
        while True:
            self.skip_new_lines()
            name = self.simple_name()
            if name is not None:
                last = self._named_argument(name, named) or last
            else:
                value = self.expression()
                if value is None and comma is not None:
                    self.open_error(after(comma), "MissingExpressionAfterToken", ",")
                    value = ErrorExpressionAst(after(comma))
                if value is not None:
                    positional.append(value)
                    last = value.extent
            self.skip_new_lines()
            comma = self.peek()
            if comma.kind != ",":
                return positional, named, last
            last = comma.extent
            self.skip()

    def _named_argument(
        self, name: StringConstantExpressionAst, named: list[NamedAttributeArgumentAst]
    ) -> Extent | None:
        """The rest of ``name = value`` or ``name``; returns where a value ended."""
        value: ExpressionAst | None = None
        token = self.peek()
        if token.kind == "=":
            self.skip()
            self.skip_new_lines()
            value = self.expression()
            if value is None:
                self.open_error(after(token), "MissingExpressionInNamedArgument")
                value = ErrorExpressionAst(after(token))
                self.sync_on_error(",", ")", "]", NEW_LINE)
        if any(name.value == other.name for other in named):
            self.error(name, "DuplicateNamedArgument", name.value)
        else:
            named.append(NamedAttributeArgumentAst(join(name, value or name), name.value, value))
        return value.extent if value else None
