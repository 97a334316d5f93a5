"""Grammar of conditions and loops: if, switch, foreach, for, while, do."""

from __future__ import annotations

from dataclasses import replace

from harness.twin.shell.ast import (
    Ast,
    CommandExpressionAst,
    DoUntilStatementAst,
    DoWhileStatementAst,
    ErrorStatementAst,
    ExpressionAst,
    Extent,
    ForEachStatementAst,
    ForStatementAst,
    IfClause,
    IfStatementAst,
    PipelineAst,
    StatementAst,
    StatementBlockAst,
    StringConstantExpressionAst,
    StringKind,
    SwitchClause,
    SwitchFlags,
    SwitchStatementAst,
    VariableExpressionAst,
    WhileStatementAst,
)
from harness.twin.shell.parser.commands import CommandParser
from harness.twin.shell.parser.core import after, join
from harness.twin.shell.parser.tokens import END, PARAMETER, SPLATTED, VARIABLE, Token


def is_flag(token: Token, name: str) -> bool:
    """Whether a parameter token is ``name`` or the beginning of it."""
    return name.startswith(token.value.lower())


def _label(token: Token | None) -> str | None:
    return token.value if token is not None else None


class LoopParser(CommandParser):
    """Conditions and loops."""

    def statement_block(self) -> StatementBlockAst | None:
        """``{ statements }``, or ``None`` where no ``{`` stands."""
        self.skip_new_lines()
        opening = self.next()
        if opening.kind != "{":
            self.unget(opening)
            return None
        statements, traps, extent = self.statement_list()
        closing = self.next()
        end = closing.extent
        if closing.kind != "}":
            self.unget(closing)
            self.open_error(opening, "MissingEndCurlyBrace", detected=closing)
            end = extent or opening.extent
        return StatementBlockAst(join(opening, end), tuple(statements), tuple(traps))

    # --- if

    def if_statement(self, start: Token) -> StatementAst:
        """``if``; the keyword has been passed."""
        clauses: list[IfClause] = []
        keyword = start
        while True:
            clause = self._if_clause(start, keyword, clauses)
            if isinstance(clause, ErrorStatementAst):
                return clause
            clauses.append(clause)
            self.skip_new_lines()
            keyword = self.peek()
            if keyword.kind != "elseif":
                break
            self.skip()
        if keyword.kind != "else":
            return IfStatementAst(join(start, clauses[-1]), tuple(clauses))
        self.skip()
        self.skip_new_lines()
        otherwise = self.statement_block()
        if otherwise is None:
            self.open_error(after(keyword), "MissingStatementBlockAfterElse")
            return self.broken(start, keyword, *clauses)
        return IfStatementAst(join(start, otherwise), tuple(clauses), otherwise)

    def _if_clause(self, start: Token, keyword: Token, clauses: list[IfClause]) -> IfClause | ErrorStatementAst:
        self.skip_new_lines()
        opening = self.next()
        if opening.kind != "(":
            self.unget(opening)
            self.open_error(after(keyword), "MissingOpenParenthesisInIfStatement", keyword.text)
            return self.broken(start, keyword, *clauses)
        self.skip_new_lines()
        condition = self.pipeline()
        if condition is None:
            self.open_error(after(opening), "IfStatementMissingCondition", keyword.text)
        self.skip_new_lines()
        closing = self.next()
        if closing.kind != ")":
            self.unget(closing)
            if condition is not None:
                self.open_error(closing, "MissingEndParenthesisAfterStatement", keyword.text)
            return self.broken(start, condition or opening, *clauses, condition)
        self.skip_new_lines()
        body = self.statement_block()
        if body is None:
            self.open_error(closing, "MissingStatementBlock", keyword.text)
            return self.broken(start, closing, *clauses, condition)
        return IfClause(join(keyword, body), condition or ErrorStatementAst(after(opening)), body)

    # --- switch

    def switch_statement(self, label: Token | None, keyword: Token) -> StatementAst:
        """``switch``; the keyword has been passed."""
        return _SwitchReader(self, label or keyword, label).read()

    # --- foreach

    def foreach_statement(self, label: Token | None, keyword: Token) -> StatementAst:
        """``foreach``; the keyword has been passed."""
        start = label or keyword
        self.skip_new_lines()
        parallel, limit, bad_flag = self._foreach_flags()
        opening = self.next()
        if opening.kind != "(":
            self.unget(opening)
            self.open_error(after(keyword), "MissingOpenParenthesisAfterKeyword", keyword.kind)
            return self.broken(start, keyword)
        self.skip_new_lines()
        token = self.next()
        if token.kind not in (VARIABLE, SPLATTED) or token.path is None:
            self.unget(token)
            self.open_error(after(opening), "MissingVariableNameAfterForeach")
            return self.broken(start, opening)
        variable = VariableExpressionAst(token.extent, token.path)
        condition, body, failed_at = self._foreach_rest(variable)
        failed_at = failed_at or bad_flag
        if failed_at is not None or condition is None or body is None:
            return self.broken(start, failed_at or opening, variable, condition, body)
        extent = join(start, body)
        return ForEachStatementAst(extent, _label(label), variable, condition, body, parallel, limit)

    def _foreach_flags(self) -> tuple[bool, ExpressionAst | None, Extent | None]:
        parallel = False
        limit: ExpressionAst | None = None
        bad_flag: Extent | None = None
        while (token := self.peek()).kind == PARAMETER:
            self.skip()
            if is_flag(token, "parallel"):
                parallel = True
            elif is_flag(token, "throttlelimit"):
                self.skip_new_lines()
                limit = self.single_argument()
                if limit is None:
                    self.open_error(after(token), "MissingThrottleLimit")
            else:
                bad_flag = token.extent
                self.error(token, "InvalidForeachFlag", token.value)
            self.skip_new_lines()
        return parallel, limit, bad_flag

    def _foreach_rest(
        self, variable: VariableExpressionAst
    ) -> tuple[StatementAst | None, StatementBlockAst | None, Extent | None]:
        """What follows the variable: condition, body, and where it failed."""
        self.skip_new_lines()
        keyword = self.next()
        if keyword.kind != "in":
            self.unget(keyword)
            self.open_error(after(variable), "MissingInInForeach")
            return None, None, variable.extent
        self.skip_new_lines()
        condition = self.pipeline()
        if condition is None:
            self.open_error(after(keyword), "MissingForeachExpression")
            return None, None, keyword.extent
        self.skip_new_lines()
        closing = self.next()
        if closing.kind != ")":
            self.unget(closing)
            self.open_error(after(condition), "MissingEndParenthesisAfterForeach")
            return condition, None, condition.extent
        body = self.statement_block()
        if body is None:
            self.open_error(after(closing), "MissingForeachStatement")
            return condition, None, closing.extent
        return condition, body, None

    # --- for

    def for_statement(self, label: Token | None, keyword: Token) -> StatementAst:
        """``for``; the keyword has been passed."""
        start = label or keyword
        self.skip_new_lines()
        opening = self.next()
        if opening.kind != "(":
            self.unget(opening)
            self.open_error(after(keyword), "MissingOpenParenthesisAfterKeyword", keyword.kind)
            return self.broken(start, keyword)
        parts: list[StatementAst | None] = []
        last = opening.extent
        for number in range(3):
            self.skip_new_lines()
            part = self.pipeline()
            parts.append(part)
            last = part.extent if part is not None else last
            if number < 2 and self.peek().kind == ";":
                last = self.next().extent
        self.skip_new_lines()
        closing = self.next()
        if closing.kind != ")":
            self.unget(closing)
            self.open_error(after(last), "MissingEndParenthesisAfterStatement", keyword.kind)
            return self.broken(start, last, *parts)
        body = self.statement_block()
        if body is None:
            self.open_error(after(closing), "MissingLoopStatement", keyword.kind)
            return self.broken(start, closing, *parts)
        return ForStatementAst(join(start, body), _label(label), parts[0], parts[1], parts[2], body)

    # --- while, do

    def while_statement(self, label: Token | None, keyword: Token) -> StatementAst:
        """``while``; the keyword has been passed."""
        start = label or keyword
        self.skip_new_lines()
        opening = self.next()
        if opening.kind != "(":
            self.unget(opening)
            self.open_error(after(keyword), "MissingOpenParenthesisAfterKeyword", keyword.text)
            return self.broken(start, keyword)
        self.skip_new_lines()
        condition = self.pipeline()
        if condition is None:
            self.open_error(after(opening), "MissingExpressionAfterKeyword", keyword.kind)
        self.skip_new_lines()
        closing = self.next()
        if closing.kind != ")":
            self.unget(closing)
            if condition is not None:
                self.open_error(after(condition), "MissingEndParenthesisAfterStatement", keyword.kind)
            return self.broken(start, condition or opening, condition)
        self.skip_new_lines()
        body = self.statement_block()
        if body is None:
            self.open_error(after(closing), "MissingLoopStatement", keyword.kind)
            return self.broken(start, closing, condition)
        condition = condition or ErrorStatementAst(after(opening))
        return WhileStatementAst(join(start, body), _label(label), condition, body)

    def do_statement(self, label: Token | None, keyword: Token) -> StatementAst:
        """``do … while`` or ``do … until``; the keyword has been passed."""
        start = label or keyword
        body = self.statement_block()
        if body is None:
            self.open_error(after(keyword), "MissingLoopStatement", "do")
            return self.broken(start, keyword)
        self.skip_new_lines()
        kind = self.next()
        if kind.kind not in ("while", "until"):
            self.unget(kind)
            self.open_error(after(body), "MissingWhileOrUntilInDoWhile")
            return self.broken(start, body, body)
        self.skip_new_lines()
        opening = self.next()
        if opening.kind != "(":
            self.unget(opening)
            self.open_error(after(kind), "MissingOpenParenthesisAfterKeyword", kind.kind)
            return self.broken(start, kind, body)
        self.skip_new_lines()
        condition = self.pipeline()
        if condition is None:
            self.open_error(after(opening), "MissingExpressionAfterKeyword", kind.kind)
        self.skip_new_lines()
        closing = self.next()
        if closing.kind != ")":
            self.unget(closing)
            if condition is not None:
                self.open_error(after(condition), "MissingEndParenthesisAfterStatement", kind.kind)
        if closing.kind != ")" or condition is None:
            return self.broken(start, condition or opening, body, condition)
        made = DoUntilStatementAst if kind.kind == "until" else DoWhileStatementAst
        return made(join(start, closing), _label(label), condition, body)


class _SwitchReader:
    """Reads one switch statement; it goes on after most errors, so it has more state than fits a function."""

    def __init__(self, parser: LoopParser, start: Token, label: Token | None) -> None:
        self.parser = parser
        self.start = start
        self.label = label
        self.last: Extent = start.extent
        self.failed = False
        self.incomplete = False
        self.flags = SwitchFlags()
        self.file: ExpressionAst | None = None
        self.wants_file = False
        self.condition: StatementAst | None = None
        self.clauses: list[SwitchClause] = []
        self.default: StatementBlockAst | None = None

    def read(self) -> StatementAst:
        """The whole statement behind its keyword."""
        parser = self.parser
        parser.skip_new_lines()
        self._read_flags()
        self._read_condition()
        parser.skip_new_lines()
        opening = parser.next()
        closing: Token | None = None
        if opening.kind == "{":
            closing = self._read_clauses(opening)
        else:
            parser.unget(opening)
            if not self.incomplete:
                self._open_error(after(self.last), "MissingCurlyBraceInSwitchStatement")
        if self.failed or closing is None:
            nested: list[Ast | None] = [self.condition, *self.clauses]
            return parser.broken(self.start, self.last, *nested)
        extent = join(self.start, closing)
        clauses = tuple(self.clauses)
        condition = None if self.wants_file else self.condition
        return SwitchStatementAst(extent, _label(self.label), condition, self.flags, clauses, self.default, self.file)

    def _open_error(self, place: Extent, error_id: str, *, detected: Token | None = None) -> None:
        self.failed = True
        self.incomplete = self.parser.open_error(place, error_id, detected=detected)

    def _read_flags(self) -> None:
        parser = self.parser
        while (token := parser.peek()).kind == PARAMETER:
            parser.skip()
            self.last = token.extent
            if is_flag(token, "regex"):
                self.flags = replace(self.flags, regex=True, wildcard=False)
            elif is_flag(token, "wildcard"):
                self.flags = replace(self.flags, wildcard=True, regex=False)
            elif is_flag(token, "exact"):
                self.flags = replace(self.flags, regex=False, wildcard=False, exact=True)
            elif is_flag(token, "casesensitive"):
                self.flags = replace(self.flags, case_sensitive=True)
            elif is_flag(token, "parallel"):
                self.flags = replace(self.flags, parallel=True)
            elif is_flag(token, "file"):
                self._read_file(token)
            else:
                self.failed = True
                parser.error(token, "InvalidSwitchFlag", token.value)

    def _read_file(self, flag: Token) -> None:
        self.wants_file = True
        self.parser.skip_new_lines()
        self.file = self.parser.single_argument()
        if self.file is None:
            self._open_error(after(flag), "MissingFilenameOption")
            return
        self.last = self.file.extent
        element = CommandExpressionAst(self.file.extent, (), self.file)
        self.condition = PipelineAst(self.file.extent, (element,))

    def _read_condition(self) -> None:
        parser = self.parser
        opening = parser.peek()
        if opening.kind != "(":
            if self.condition is None and not self.wants_file:
                self._open_error(after(self.last), "PipelineValueRequired")
            return
        parser.skip()
        self.last = opening.extent
        if self.wants_file:
            self.failed = True
            parser.error(opening, "PipelineValueRequired")
        parser.skip_new_lines()
        self.condition = parser.pipeline()
        if self.condition is None:
            self._open_error(after(opening), "PipelineValueRequired")
        else:
            self.last = self.condition.extent
        parser.skip_new_lines()
        closing = parser.next()
        if closing.kind == ")":
            self.last = closing.extent
            return
        parser.unget(closing)
        if not self.incomplete:
            self._open_error(after(self.last), "MissingEndParenthesisInSwitchStatement")

    def _read_clauses(self, opening: Token) -> Token | None:
        """All clauses up to the closing mark, which is returned."""
        parser = self.parser
        self.last = opening.extent
        parser.skip_new_lines()
        while True:
            condition = parser.single_argument()
            if condition is None:
                self._open_error(after(self.last), "MissingSwitchConditionExpression")
                if parser.peek().kind == "}":
                    parser.skip()
                return None
            self.last = condition.extent
            self._read_clause_body(condition)
            parser.skip_new_lines(semicolons=True)
            token = parser.peek()
            if token.kind == "}":
                parser.skip()
                return token
            if token.kind == END:
                if not self.incomplete:
                    self._open_error(opening.extent, "MissingEndCurlyBrace", detected=token)
                return None

    def _read_clause_body(self, condition: ExpressionAst) -> None:
        body = self.parser.statement_block()
        if body is None:
            self._open_error(after(self.last), "MissingSwitchStatementClause")
            return
        self.last = body.extent
        bare = isinstance(condition, StringConstantExpressionAst) and condition.kind is StringKind.BARE_WORD
        if not (bare and isinstance(condition, StringConstantExpressionAst) and condition.value.lower() == "default"):
            self.clauses.append(SwitchClause(join(condition, body), condition, body))
            return
        if self.default is not None:
            self.failed = True
            self.parser.error(condition, "MultipleSwitchDefaultClauses")
        self.default = body
