"""Grammar of the other statements, and the choice among all of them."""

from __future__ import annotations

from collections.abc import Callable

from harness.twin.shell.ast import (
    Ast,
    AttributeAst,
    AttributeBaseAst,
    BlockStatementAst,
    BreakStatementAst,
    CatchClauseAst,
    ConfigurationDefinitionAst,
    ContinueStatementAst,
    DataStatementAst,
    ErrorStatementAst,
    ExitStatementAst,
    ExpressionAst,
    Extent,
    ReturnStatementAst,
    StatementAst,
    StatementBlockAst,
    StringConstantExpressionAst,
    ThrowStatementAst,
    TrapStatementAst,
    TryStatementAst,
    TypeConstraintAst,
)
from harness.twin.shell.parser.core import after, join
from harness.twin.shell.parser.definitions import DefinitionParser
from harness.twin.shell.parser.loops import is_flag
from harness.twin.shell.parser.tokens import (
    END,
    GENERIC,
    KEYWORDS,
    LABEL,
    PARAMETER,
    STATEMENTS_WITHOUT_ATTRIBUTES,
    Token,
)

_LOOPS = ("switch", "foreach", "for", "while", "do")
_ORPHANS = ("else", "elseif", "catch", "until")


class StatementParser(DefinitionParser):
    """Any statement."""

    def statement_list(self) -> tuple[list[StatementAst], list[TrapStatementAst], Extent | None]:
        """Statements up to a closing mark: the statements, the traps, and where they are (``None`` without any)."""
        statements: list[StatementAst] = []
        traps: list[TrapStatementAst] = []
        first: StatementAst | None = None
        last: StatementAst | None = None
        self.skip_new_lines(semicolons=True)
        while (found := self.statement()) is not None:
            signature = self.scanner.signature_start
            if signature is not None and signature < found.extent.start:
                self.error(found, "TokenAfterEndOfValidScriptText")
            if isinstance(found, TrapStatementAst):
                traps.append(found)
            else:
                statements.append(found)
            first, last = first or found, found
            self.skip_new_lines(semicolons=True)
            if self.peek().kind in (")", "}"):
                break
        return statements, traps, join(first, last) if first is not None and last is not None else None

    def statement(self) -> StatementAst | None:
        """A statement, or ``None`` at the end of the list."""
        token = self.next()
        attributes: list[AttributeBaseAst] = []
        start = token.local
        if token.kind == GENERIC and token.text[0] == "[":
            token, attributes = self._attributed_keyword(token)
        read = _STATEMENTS.get(token.kind)
        if read is not None:
            return read(self, token)
        kind = token.kind
        if kind == "class":
            return self.class_definition(attributes, token)
        if kind == "enum":
            return self.enum_definition(attributes, token)
        if kind == LABEL:
            return self._labelled(token)
        if kind == END and not attributes:
            self.unget(token)
            return None
        if kind in _ORPHANS and self.log.errors:
            self.skip_new_lines()
            return self.statement()
        if attributes:
            self.resync(start)
        else:
            self.unget(token)
        return self.pipeline()

    def _attributed_keyword(self, token: Token) -> tuple[Token, list[AttributeBaseAst]]:
        """Attributes before a keyword; where none of both follow, ``token`` again and no attributes."""
        self.resync(token)
        attributes = self.attributes()
        following = self.next()
        if not attributes:
            return following, []
        types = [attribute for attribute in attributes if isinstance(attribute, TypeConstraintAst)]
        if following.kind in STATEMENTS_WITHOUT_ATTRIBUTES:
            if types:
                self.resync(token)
                return self.next(), attributes
            self.error(attributes[0], "UnexpectedAttribute", attributes[0].type_name.full_name)
        elif following.kind in KEYWORDS:
            if types:
                self.error(types[0], "TypeNotAllowedBeforeStatement", types[0].type_name.full_name)
        else:
            self.resync(token)
            return self.next(), attributes
        return following, attributes

    def _labelled(self, label: Token) -> StatementAst | None:
        self.skip_new_lines()
        token = self.next()
        if token.kind not in _LOOPS:
            self.resync(label)
            return self.pipeline()
        if token.kind == "switch":
            return self.switch_statement(label, token)
        if token.kind == "foreach":
            return self.foreach_statement(label, token)
        if token.kind == "for":
            return self.for_statement(label, token)
        return self.while_statement(label, token) if token.kind == "while" else self.do_statement(label, token)

    def _unlabelled(self, token: Token) -> StatementAst | None:
        """A loop or switch without label."""
        if token.kind == "switch":
            return self.switch_statement(None, token)
        if token.kind == "foreach":
            return self.foreach_statement(None, token)
        if token.kind == "for":
            return self.for_statement(None, token)
        return self.while_statement(None, token) if token.kind == "while" else self.do_statement(None, token)

    # --- control flow

    def _break_or_continue(self, token: Token) -> StatementAst:
        label = self.label_or_key()
        made = BreakStatementAst if token.kind == "break" else ContinueStatementAst
        return made(join(token, label or token), label)

    def _return(self, token: Token) -> StatementAst:
        pipeline = self.pipeline()
        return ReturnStatementAst(join(token, pipeline or token), pipeline)

    def _throw(self, token: Token) -> StatementAst:
        pipeline = self.pipeline()
        return ThrowStatementAst(join(token, pipeline or token), pipeline)

    def _exit(self, token: Token) -> StatementAst:
        pipeline = self.pipeline()
        return ExitStatementAst(join(token, pipeline or token), pipeline)

    # --- try, trap

    def _trap(self, token: Token) -> StatementAst:
        start = self.restore_point()
        self.skip_new_lines()
        constraint = self.attribute()
        if isinstance(constraint, AttributeAst):
            self.resync(start)
        caught = constraint if isinstance(constraint, TypeConstraintAst) else None
        body = self.statement_block()
        if body is None:
            self.open_error(after(caught or token), "MissingTrapStatement")
            return self.broken(token, caught or token, caught)
        return TrapStatementAst(join(token, body), caught, body)

    def _try(self, token: Token) -> StatementAst:
        self.skip_new_lines()
        body = self.statement_block()
        if body is None:
            self.open_error(after(token), "MissingTryStatementBlock")
            return self.broken(token, token)
        catches: list[CatchClauseAst] = []
        failed: Extent | None = None
        while (clause := self._catch()) is not None:
            if isinstance(clause, Extent):
                failed = clause
                break
            catches.append(clause)
        final: StatementBlockAst | None = None
        self.skip_new_lines()
        keyword = self.peek()
        if keyword.kind == "finally":
            self.skip()
            final = self.statement_block()
            if final is None:
                failed = keyword.extent
                self.open_error(after(keyword), "MissingFinallyStatementBlock", keyword.kind)
        if not catches and final is None and failed is None:
            failed = body.extent
            self.open_error(after(body), "MissingCatchOrFinally")
        if failed is not None:
            return self.broken(token, failed, body, *catches)
        return TryStatementAst(join(token, final or catches[-1]), body, tuple(catches), final)

    def _catch(self) -> CatchClauseAst | Extent | None:
        """A catch clause, ``None`` where none stands, or the place where it failed."""
        self.skip_new_lines()
        token = self.next()
        if token.kind != "catch":
            self.unget(token)
            return None
        types: list[TypeConstraintAst] = []
        comma: Token | None = None
        failed: Extent | None = None
        while True:
            start = self.restore_point()
            self.skip_new_lines()
            constraint = self.attribute()
            if constraint is None:
                if comma is not None:
                    failed = comma.extent
                    self.open_error(after(comma), "MissingTypeLiteralToken")
                break
            if not isinstance(constraint, TypeConstraintAst):
                self.resync(start)
                break
            types.append(constraint)
            self.skip_new_lines()
            if self.peek().kind != ",":
                break
            comma = self.next()
        body = self.statement_block()
        if body is not None and failed is None:
            return CatchClauseAst(join(token, body), tuple(types), body)
        if failed is None:
            failed = types[-1].extent if types else token.extent
            self.open_error(after(failed), "MissingCatchHandlerBlock")
        return failed

    # --- data, workflow blocks, configurations, reserved words

    def _data(self, token: Token) -> StatementAst:
        self.skip_new_lines()
        name = self.simple_name()
        self.skip_new_lines()
        commands: list[ExpressionAst] = []
        flag = self.peek()
        failed: Extent | None = None
        if flag.kind == PARAMETER:
            self.skip()
            failed = self._supported_commands(flag, commands)
        if failed is not None:
            return self.broken(token, failed, *commands)
        body = self.statement_block()
        if body is None:
            last: Token | Ast = commands[-1] if commands else name or token
            self.open_error(after(last), "MissingStatementBlockForDataSection")
            return self.broken(token, last, *commands)
        return DataStatementAst(join(token, body), name.value if name else None, tuple(commands), body)

    def _supported_commands(self, flag: Token, commands: list[ExpressionAst]) -> Extent | None:
        failed: Extent | None = None
        if not is_flag(flag, "supportedcommand"):
            failed = flag.extent
            self.error(flag, "InvalidParameterForDataSectionStatement", flag.value)
        last = flag
        while True:
            self.skip_new_lines()
            command = self.single_argument(name=True)
            if command is None:
                if failed is None:
                    self.open_error(after(last), "MissingValueForSupportedCommandInDataSectionStatement")
                return last.extent
            commands.append(command)
            if self.peek().kind != ",":
                return failed
            last = self.next()

    def _workflow_block(self, token: Token) -> StatementAst:
        body = self.statement_block()
        if body is None:
            self.open_error(after(token), "MissingStatementAfterKeyword", token.text)
            return self.broken(token, token)
        return BlockStatementAst(join(token, body), token.kind, body)

    def _configuration(self, token: Token) -> StatementAst:
        """``configuration name { … }``. Its resources are read as commands: none are installed in the twin."""
        self.skip_new_lines()
        name_token = self.next()
        if name_token.kind == "{":
            self.error(after(token), "MissingConfigurationName")
            return self.broken(token, self.script_block_expression(name_token))
        if name_token.kind == END:
            self.unget(name_token)
            self.open_error(after(name_token), "MissingConfigurationName")
            return self.broken(token, token)
        name = self.argument(name_token)
        if name is None:
            self.error(after(name_token), "ParameterRequiresArgument", name_token.text)
            self.open_error(name_token, "MissingConfigurationName")
        elif isinstance(name, StringConstantExpressionAst) and not self._is_plain_name(name.value):
            self.error(name, "InvalidConfigurationName", name.value)
        self.skip_new_lines()
        opening = self.next()
        if opening.kind != "{" or name is None:
            self.unget(opening)
            if opening.kind != "{":
                self.open_error(after(opening), "MissingCurlyInConfigurationStatement")
            return self.broken(token, name or token, name)
        body = self.script_block_expression(opening)
        return ConfigurationDefinitionAst(join(token, body), name, body)

    @staticmethod
    def _is_plain_name(text: str) -> bool:
        return text.isascii() and text.isidentifier() and text[0] != "_"

    def _reserved(self, token: Token) -> StatementAst:
        self.error(token, "ReservedKeywordNotAllowed", token.kind)
        return ErrorStatementAst(token.extent)

    def _late_using(self, token: Token) -> StatementAst:
        found = self.using_statement(token)
        self.error(found, "UsingMustBeAtStartOfScript")
        return found


_STATEMENTS: dict[str, Callable[[StatementParser, Token], StatementAst | None]] = {
    "if": StatementParser.if_statement,
    **dict.fromkeys(_LOOPS, StatementParser._unlabelled),
    **dict.fromkeys(["function", "filter", "workflow"], StatementParser.function_definition),
    "return": StatementParser._return,
    "throw": StatementParser._throw,
    "exit": StatementParser._exit,
    "break": StatementParser._break_or_continue,
    "continue": StatementParser._break_or_continue,
    "trap": StatementParser._trap,
    "try": StatementParser._try,
    "data": StatementParser._data,
    "parallel": StatementParser._workflow_block,
    "sequence": StatementParser._workflow_block,
    "configuration": StatementParser._configuration,
    **dict.fromkeys(["from", "define", "var"], StatementParser._reserved),
    "using": StatementParser._late_using,
}
