"""Grammar of script blocks: using statements, param block, named blocks, parameters."""

from __future__ import annotations

from abc import abstractmethod

from harness.twin.shell.ast import (
    AttributeAst,
    AttributeBaseAst,
    ExpressionAst,
    Extent,
    NamedBlockAst,
    ParamBlockAst,
    ParameterAst,
    ScriptBlockAst,
    StatementAst,
    StatementBlockAst,
    TrapStatementAst,
    UsingStatementAst,
    VariableExpressionAst,
    VariablePath,
)
from harness.twin.shell.parser.core import after, join
from harness.twin.shell.parser.cursor import Mode
from harness.twin.shell.parser.loops import LoopParser
from harness.twin.shell.parser.tokens import BLOCK_NAMES, END, SPLATTED, VARIABLE, Token


class BlockParser(LoopParser):
    """Script blocks and parameter lists."""

    def script_block(self, opening: Token | None, *, is_filter: bool = False) -> ScriptBlockAst:
        """The inside of a script or of ``{ … }``, whose ``{`` has been passed."""
        self.skip_new_lines()
        usings = self._using_statements() if opening is None else ()
        start = self.restore_point() if self.ungot is None else self.ungot.local
        param_block = self._param_block()
        if param_block is None:
            self.resync(start)
        self.skip_new_lines(semicolons=True)
        if self.peek().kind in BLOCK_NAMES:
            return self._named_blocks(opening, usings, param_block, is_filter=is_filter)
        return self._plain_body(opening, usings, param_block, is_filter=is_filter)

    def _using_statements(self) -> tuple[UsingStatementAst, ...]:
        found: list[UsingStatementAst] = []
        while (token := self.peek()).kind == "using":
            self.skip()
            statement = self.using_statement(token)
            if isinstance(statement, UsingStatementAst):
                found.append(statement)
            self.skip_new_lines(semicolons=True)
        self.resync(token)
        return tuple(found)

    @abstractmethod
    def using_statement(self, token: Token) -> StatementAst:
        """``using``; the keyword has been passed."""

    def _plain_body(
        self,
        opening: Token | None,
        usings: tuple[UsingStatementAst, ...],
        param_block: ParamBlockAst | None,
        *,
        is_filter: bool,
    ) -> ScriptBlockAst:
        statements: list[StatementAst] = []
        traps: list[TrapStatementAst] = []
        body: Extent | None = None
        while True:
            more, more_traps, extent = self.statement_list()
            statements += more
            traps += more_traps
            if extent is not None:
                body = join(body or extent, extent)
            extent_and_inside = self._close_block(opening, body or (param_block.extent if param_block else None))
            if extent_and_inside is not None:
                break
        extent, inside = extent_and_inside
        place = body or Extent(inside.end, inside.end)
        block = NamedBlockAst(place, "process" if is_filter else "end", tuple(statements), tuple(traps), True)
        return ScriptBlockAst(
            extent,
            self.source,
            param_block,
            usings,
            process_block=block if is_filter else None,
            end_block=None if is_filter else block,
            is_filter=is_filter,
            body=inside,
        )

    def _close_block(self, opening: Token | None, body: Extent | None) -> tuple[Extent, Extent] | None:
        """The end of a script block: its extent and its inside; ``None`` after a stray mark in a script."""
        token = self.next()
        if opening is None:
            whole = Extent(0, len(self.source.text))
            if token.kind == END:
                return whole, whole
            self.error(token, "UnexpectedToken", token.text)
            return None
        if token.kind == "}":
            return join(opening, token), Extent(opening.end, token.start)
        self.unget(token)
        self.open_error(opening, "MissingEndCurlyBrace", detected=token)
        extent = join(opening, body or opening)
        return extent, Extent(opening.end, extent.end)

    def _named_blocks(
        self,
        opening: Token | None,
        usings: tuple[UsingStatementAst, ...],
        param_block: ParamBlockAst | None,
        *,
        is_filter: bool,
    ) -> ScriptBlockAst:
        blocks: dict[str, NamedBlockAst] = {}
        last: Extent | None = None
        while (name := self.peek()).kind in BLOCK_NAMES:
            self.skip()
            last = name.extent
            body = self.statement_block()
            if body is None:
                self.open_error(after(name), "MissingNamedStatementBlock", name.kind)
                body = StatementBlockAst(name.extent, ())
            extent = last = join(name, body)
            if name.kind in blocks:
                self.error(extent, "DuplicateScriptCommandClause", name.kind)
            else:
                blocks[name.kind] = NamedBlockAst(extent, name.kind, body.statements, body.traps)
            self.skip_new_lines(semicolons=True)
        closed = self._close_block(opening, last or (param_block.extent if param_block else None))
        whole = Extent(0, len(self.source.text))
        extent, inside = closed or (whole, whole)
        return ScriptBlockAst(
            extent,
            self.source,
            param_block,
            usings,
            blocks.get("dynamicparam"),
            blocks.get("begin"),
            blocks.get("process"),
            blocks.get("end"),
            is_filter=is_filter,
            body=inside,
        )

    # --- parameters

    def _param_block(self) -> ParamBlockAst | None:
        self.skip_new_lines()
        attributes = self.attributes()
        self.skip_new_lines()
        keyword = self.peek()
        if keyword.kind != "param":
            return None
        self.skip()
        self.skip_new_lines()
        opening = self.next()
        if opening.kind != "(":
            self.unget(opening)
            return None
        parameters = self.parameter_list()
        self.skip_new_lines()
        closing = self.next()
        end = closing.extent
        if closing.kind != ")":
            self.unget(closing)
            end = parameters[-1].extent if parameters else opening.extent
            self.open_error(after(end), "MissingEndParenthesisInFunctionParameterList")
        for attribute in attributes:
            if not isinstance(attribute, AttributeAst):
                self.error(attribute, "TypeNotAllowedBeforeParam", attribute.type_name.full_name)
        kept = tuple(attribute for attribute in attributes if isinstance(attribute, AttributeAst))
        return ParamBlockAst(join(keyword, end), kept, tuple(parameters))

    def parameter_list(self) -> list[ParameterAst]:
        """Parameters with commas between, up to the closing parenthesis."""
        parameters: list[ParameterAst] = []
        comma: Token | None = None
        while True:
            with self.in_mode(Mode.EXPRESSION), self.commas(disabled=True):
                parameter = self._parameter_declaration()
            if parameter is None:
                if comma is not None:
                    self.open_error(after(comma), "MissingExpressionAfterToken", ",")
                return parameters
            parameters.append(parameter)
            self.skip_new_lines()
            comma = self.peek()
            if comma.kind != ",":
                return parameters
            self.skip()

    def _parameter_declaration(self) -> ParameterAst | None:
        self.skip_new_lines()
        attributes = self.attributes()
        self.skip_new_lines()
        token = self.next()
        if token.kind not in (VARIABLE, SPLATTED) or token.path is None:
            self.unget(token)
            return self._nameless_parameter(attributes)
        self.skip_new_lines()
        equals = self.peek()
        default: ExpressionAst | None = None
        if equals.kind == "=":
            self.skip()
            self.skip_new_lines()
            default = self.expression()
            if default is None:
                self.open_error(after(equals), "MissingExpressionAfterToken", equals.kind)
        name = VariableExpressionAst(token.extent, token.path, token.kind == SPLATTED)
        extent = join(attributes[0] if attributes else name, default or name)
        return ParameterAst(extent, name, tuple(attributes), default)

    def _nameless_parameter(self, attributes: list[AttributeBaseAst]) -> ParameterAst | None:
        if not attributes:
            return None
        self.open_error(after(attributes[-1]), "InvalidFunctionParameter")
        self.sync_on_error(")")
        extent = join(attributes[0], attributes[-1])
        name = VariableExpressionAst(extent, VariablePath("__error__", None, "__error__"))
        return ParameterAst(extent, name, tuple(attributes))
