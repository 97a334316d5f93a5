"""Grammar of what defines names: functions, classes, enums, and using statements."""

from __future__ import annotations

from dataclasses import dataclass, field

from harness.twin.shell.ast import (
    AttributeAst,
    AttributeBaseAst,
    ErrorStatementAst,
    ExpressionAst,
    Extent,
    FunctionDefinitionAst,
    FunctionMemberAst,
    HashtableAst,
    MemberAst,
    ParameterAst,
    PropertyMemberAst,
    StatementAst,
    StringConstantExpressionAst,
    TypeConstraintAst,
    TypeDefinitionAst,
    TypeKind,
    UsingStatementAst,
)
from harness.twin.shell.parser.blocks import BlockParser
from harness.twin.shell.parser.core import Located, after, join
from harness.twin.shell.parser.cursor import Mode
from harness.twin.shell.parser.tokens import (
    END,
    GENERIC,
    HERE_EXPANDABLE,
    HERE_LITERAL,
    IDENTIFIER,
    INPUT_REDIRECTION,
    NEW_LINE,
    REDIRECTION,
    SPLATTED,
    STRING_EXPANDABLE,
    STRING_LITERAL,
    VARIABLE,
    Token,
)

_NO_FUNCTION_NAME = frozenset(
    [
        *("|", "(", "{", "@(", "@{", "}", ")", ";", "&&", "||", "&", END, REDIRECTION, INPUT_REDIRECTION),
        *(VARIABLE, SPLATTED, STRING_LITERAL, STRING_EXPANDABLE, HERE_LITERAL, HERE_EXPANDABLE),
    ]
)
_MEMBER_ENDS = (NEW_LINE, ";", "}")
_ALIAS_ALLOWED = ("namespace", "module")
_ALIAS_REQUIRED = ("type", "command")


@dataclass(slots=True)
class _MemberHead:
    """What stands before a member's name."""

    start: Extent
    token: Token = field(default_factory=lambda: Token(END, 0, 0, 0, ""))
    last: Located | None = None
    attributes: list[AttributeAst] = field(default_factory=list)
    constraint: TypeConstraintAst | None = None
    is_static: bool = False
    is_hidden: bool = False


class DefinitionParser(BlockParser):
    """Functions, classes, enums, using statements."""

    # --- functions

    def function_definition(self, keyword: Token) -> StatementAst:
        """``function``, ``filter`` or ``workflow``; the keyword has been passed."""
        self.skip_new_lines()
        name = self.next()
        if name.kind in _NO_FUNCTION_NAME:
            self.unget(name)
            self.open_error(after(keyword), "MissingNameAfterKeyword", keyword.text)
            return ErrorStatementAst(keyword.extent)
        parameters, failed, closing = self._function_parameters()
        opening = self.next()
        if opening.kind != "{":
            self.unget(opening)
            if failed is None:
                failed = (closing or name).extent
                self.open_error(after(failed), "MissingFunctionBody")
        if failed is not None:
            return self.broken(keyword, failed, *(parameters or ()))
        is_filter, is_workflow = keyword.kind == "filter", keyword.kind == "workflow"
        saved, self.scanner.in_workflow = self.scanner.in_workflow, is_workflow
        body = self.script_block(opening, is_filter=is_filter)
        self.scanner.in_workflow = saved
        text = name.value if name.kind == GENERIC else name.text
        return FunctionDefinitionAst(join(keyword, body), text, body, parameters, is_filter, is_workflow)

    def _function_parameters(self) -> tuple[tuple[ParameterAst, ...] | None, Extent | None, Token | None]:
        """Parameters in parentheses, the place where they failed, and the closing parenthesis."""
        self.skip_new_lines()
        opening = self.peek()
        if opening.kind != "(":
            return None, None, None
        self.skip()
        parameters = self.parameter_list()
        self.skip_new_lines()
        closing = self.next()
        failed: Extent | None = None
        if closing.kind != ")":
            self.unget(closing)
            failed = parameters[-1].extent if parameters else opening.extent
            self.open_error(after(failed), "MissingEndParenthesisInFunctionParameterList")
        self.skip_new_lines()
        return tuple(parameters), failed, closing

    def _name_after(self, keyword: Token) -> StringConstantExpressionAst | None:
        """The name that must follow *keyword* and the line breaks after it; None, with an error, without one."""
        self.skip_new_lines()
        name = self.simple_name()
        if name is None:
            self.open_error(after(keyword), "MissingNameAfterKeyword", keyword.text)
        else:
            self.skip_new_lines()
        return name

    # --- classes

    def class_definition(self, attributes: list[AttributeBaseAst], keyword: Token) -> StatementAst:
        """``class``; the keyword has been passed."""
        name = self._name_after(keyword)
        if name is None:
            return ErrorStatementAst(keyword.extent)
        with self.in_mode(Mode.SIGNATURE):
            bases = self._base_types()
            opening = self.next()
            if opening.kind != "{":
                self.unget(opening)
                last: Located = bases[-1] if bases else name
                self.open_error(after(last), "MissingTypeBody", keyword.kind)
                return self.broken(keyword, last, *bases)
            members, end = self._class_members(name.value, opening)
            closing = self.next()
            if closing.kind == "}":
                end = closing.extent
            else:
                self.unget(closing)
                self.open_error(end, "MissingEndCurlyBrace")
        kept = tuple(attribute for attribute in attributes if isinstance(attribute, AttributeAst))
        extent = join(attributes[0] if attributes else keyword, end)
        return TypeDefinitionAst(extent, name.value, TypeKind.CLASS, tuple(members), tuple(bases), kept)

    def _base_types(self) -> list[TypeConstraintAst]:
        bases: list[TypeConstraintAst] = []
        mark = self.peek()
        if mark.kind != ":":
            return bases
        self.skip()
        self.skip_new_lines()
        while True:
            base = self.type_name(assembly_allowed=False)
            if base is None:
                self.open_error(after(mark), "TypeNameExpected")
                return bases
            bases.append(TypeConstraintAst(base.extent, base))
            self.skip_new_lines()
            mark = self.peek()
            if mark.kind != ",":
                return bases
            self.skip()
            self.skip_new_lines()

    def _class_members(self, class_name: str, opening: Token) -> tuple[list[MemberAst], Extent]:
        members: list[MemberAst] = []
        end = opening.extent
        while True:
            head = self._member_head()
            if head.token.kind == VARIABLE:
                member: MemberAst | None = self._property(head)
            elif head.token.kind == IDENTIFIER:
                member = self._method(head, class_name)
                if member is None:
                    self.sync_on_error("}", consume=False)
                    if not head.attributes and head.constraint is None:
                        return members, end
            else:
                if head.last is None:
                    return members, end
                self.open_error(after(head.last), "IncompleteMemberDefinition")
                if not head.attributes and head.constraint is None:
                    return members, end
                member = None
            if member is not None:
                members.append(member)
                end = member.extent

    def _member_head(self) -> _MemberHead:
        head: _MemberHead | None = None
        while True:
            self.skip_new_lines()
            attribute = self.attribute()
            if attribute is not None:
                head = head or _MemberHead(attribute.extent)
                self._add_attribute(head, attribute)
                continue
            token = self.peek()
            head = head or _MemberHead(token.extent)
            head.token = token
            if token.kind not in ("static", "hidden"):
                return head
            if (token.kind == "static" and head.is_static) or (token.kind == "hidden" and head.is_hidden):
                self.error(token, "DuplicateQualifier", token.text)
            head.is_static = head.is_static or token.kind == "static"
            head.is_hidden = head.is_hidden or token.kind == "hidden"
            head.last = token
            self.skip()

    def _add_attribute(self, head: _MemberHead, attribute: AttributeBaseAst) -> None:
        head.last = attribute
        if isinstance(attribute, AttributeAst):
            head.attributes.append(attribute)
        elif isinstance(attribute, TypeConstraintAst) and head.constraint is None:
            head.constraint = attribute
        else:
            self.error(attribute, "TooManyTypes")

    def _property(self, head: _MemberHead) -> MemberAst:
        self.skip()
        value: ExpressionAst | None = None
        equals = self.peek()
        if equals.kind == "=":
            self.skip()
            self.skip_new_lines()
            value = self.expression()
        end = self._member_end((value or head.token).extent, missing=False)
        return PropertyMemberAst(
            join(head.start, end),
            head.token.path.text if head.token.path else "",
            tuple(head.attributes),
            head.is_static,
            head.is_hidden,
            head.constraint,
            value,
        )

    def _member_end(self, end: Extent, *, missing: bool) -> Extent:
        """The end of a property or enum label, whose value is not known to be ``missing``."""
        terminator = self.peek()
        if terminator.kind not in _MEMBER_ENDS and not missing:
            self.open_error(after(end), "MissingPropertyTerminator")
        self.skip_new_lines(semicolons=True)
        return terminator.extent if terminator.kind == ";" else end

    def _method(self, head: _MemberHead, class_name: str) -> MemberAst | None:
        """A method or constructor; ``None`` when it could not be read."""
        self.skip()
        name = head.token
        failed: Extent | None = None
        closing: Token | None = None
        parameters: tuple[ParameterAst, ...] | None = ()
        if self.peek().kind == "(":
            parameters, failed, closing = self._function_parameters()
        else:
            self.open_error(after(name), "MissingMethodParameterList")
        is_constructor = name.text.lower() == class_name.lower()
        base_arguments: tuple[ExpressionAst, ...] | None = None
        if is_constructor and not head.is_static:
            base_arguments, base_failed = self._base_call()
            failed = base_failed or failed
        opening = self.next()
        if opening.kind != "{":
            self.unget(opening)
            if failed is None:
                failed = (closing or name).extent
                self.open_error(after(failed), "MissingFunctionBody")
        if failed is not None:
            return None
        with self.in_mode(Mode.COMMAND):
            body = self.script_block(opening)
        return FunctionMemberAst(
            join(head.start, body),
            name.text,
            tuple(head.attributes),
            head.is_static,
            head.is_hidden,
            parameters or (),
            body,
            head.constraint,
            is_constructor,
            base_arguments,
            name.extent,
        )

    def _base_call(self) -> tuple[tuple[ExpressionAst, ...] | None, Extent | None]:
        """``: base(…)`` of a constructor: its arguments, and where it failed."""
        self.skip_new_lines()
        with self.in_mode(Mode.SIGNATURE):
            colon = self.peek()
            if colon.kind != ":":
                return None, None
            self.skip()
            self.skip_new_lines()
            base = self.peek()
            if base.kind != "base":
                self.open_error(after(colon), "MissingBaseCtorCall")
                return None, colon.extent
            self.skip()
            self.skip_new_lines()
            opening = self.peek()
            if opening.kind != "(":
                self.open_error(after(base), "MissingMethodParameterList")
                return None, base.extent
            self.skip()
            arguments, _ = self.call_arguments(opening)
            self.skip_new_lines()
            return tuple(arguments), None

    # --- enums

    def enum_definition(self, attributes: list[AttributeBaseAst], keyword: Token) -> StatementAst:
        """``enum``; the keyword has been passed."""
        name = self._name_after(keyword)
        if name is None:
            return ErrorStatementAst(keyword.extent)
        opening = self.next()
        if opening.kind != "{":
            self.unget(opening)
            self.open_error(after(name), "MissingTypeBody", keyword.kind)
            return self.broken(keyword, name)
        members: list[MemberAst] = []
        end = opening.extent
        while (member := self._enum_label()) is not None:
            members.append(member)
            end = member.extent
        closing = self.next()
        if closing.kind == "}":
            end = closing.extent
        else:
            self.unget(closing)
            self.open_error(after(end), "MissingEndCurlyBrace")
        kept = tuple(attribute for attribute in attributes if isinstance(attribute, AttributeAst))
        extent = join(attributes[0] if attributes else keyword, end)
        return TypeDefinitionAst(extent, name.value, TypeKind.ENUM, tuple(members), (), kept)

    def _enum_label(self) -> MemberAst | None:
        self.skip_new_lines()
        name = self.simple_name()
        if name is None:
            return None
        end = name.extent
        value: ExpressionAst | None = None
        missing = False
        with self.in_mode(Mode.EXPRESSION):
            equals = self.peek()
            if equals.kind == "=":
                self.skip()
                value = self.expression()
                missing = value is None
                if missing:
                    self.error(after(equals), "ExpectedValueExpression", equals.kind)
                end = value.extent if value is not None else equals.extent
        end = self._member_end(end, missing=missing)
        return PropertyMemberAst(join(name, end), name.value, (), True, initial_value=value)

    # --- using

    def using_statement(self, token: Token) -> StatementAst:
        """``using``; the keyword has been passed."""
        kind = self.next()
        if kind.kind not in (*_ALIAS_ALLOWED, *_ALIAS_REQUIRED, "assembly"):
            self.unget(kind)
            self.open_error(after(token), "MissingUsingStatementDirective")
            return ErrorStatementAst(token.extent)
        item_token = self.next()
        if item_token.kind in (END, NEW_LINE):
            self.unget(item_token)
            self.open_error(after(kind), "MissingUsingItemName")
            return self.broken(token, kind)
        item = self.argument(item_token)
        if item is None:
            self.error(item_token, "InvalidValueForUsingItemName", item_token.text)
            return self.broken(token, kind)
        is_name = isinstance(item, StringConstantExpressionAst)
        if not is_name and (kind.kind != "module" or not isinstance(item, HashtableAst)):
            text = self.source.slice(item.extent)
            self.error(join(token, item), "InvalidValueForUsingItemName", text)
            return self.broken(token, item)
        return self._using_alias(token, kind.kind, item)

    def _using_alias(self, token: Token, kind: str, item: ExpressionAst) -> StatementAst:
        name = item.value if isinstance(item, StringConstantExpressionAst) else None
        module = item if isinstance(item, HashtableAst) else None
        alias: str | None = None
        end = item.extent
        if kind != "assembly" and module is None:
            equals = self.peek()
            if equals.kind == "=":
                self.skip()
                value = self._alias_value(equals)
                if value is None:
                    return self.broken(token, equals, item)
                end = value.extent
                if kind == "module" and isinstance(value, HashtableAst):
                    module = value
                elif isinstance(value, StringConstantExpressionAst):
                    alias = value.value
                else:
                    return self.broken(token, value, item, value)
            elif kind in _ALIAS_REQUIRED:
                self.open_error(after(item), "MissingEqualsInUsingAlias")
                return self.broken(token, item, item)
        self._statement_end()
        return UsingStatementAst(join(token, end), kind, name, module, alias)

    def _alias_value(self, equals: Token) -> ExpressionAst | None:
        token = self.next()
        if token.kind == END:
            self.unget(token)
            self.open_error(after(equals), "MissingNamespaceAlias")
            return None
        return self.argument(token)

    def _statement_end(self) -> None:
        token = self.peek()
        if token.kind in (NEW_LINE, ";"):
            self.skip()
        elif token.kind != END:
            self.open_error(token, "MissingStatementTerminator")
