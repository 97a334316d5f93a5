"""Grammar of pipelines, commands, arguments and redirections."""

from __future__ import annotations

from harness.twin.shell.ast import (
    ArrayLiteralAst,
    AssignmentStatementAst,
    CommandAst,
    CommandBaseAst,
    CommandElementAst,
    CommandExpressionAst,
    CommandParameterAst,
    ErrorExpressionAst,
    ErrorStatementAst,
    ExpressionAst,
    Extent,
    FileRedirectionAst,
    InvocationOperator,
    MergingRedirectionAst,
    PipelineAst,
    RedirectionAst,
    RedirectionStream,
    StatementAst,
    StringConstantExpressionAst,
    StringKind,
)
from harness.twin.shell.parser.characters import is_identifier_start
from harness.twin.shell.parser.core import after, join
from harness.twin.shell.parser.cursor import Mode
from harness.twin.shell.parser.expressions import ExpressionParser
from harness.twin.shell.parser.tokens import (
    ASSIGNMENT_OPERATORS,
    END,
    GENERIC,
    HERE_EXPANDABLE,
    HERE_LITERAL,
    IDENTIFIER,
    INPUT_REDIRECTION,
    NEW_LINE,
    NUMBER,
    PARAMETER,
    REDIRECTION,
    SPLATTED,
    STRING_EXPANDABLE,
    STRING_LITERAL,
    VARIABLE,
    Token,
)

_PIPELINE_ENDS = frozenset([";", NEW_LINE, ")", "}", END])
_COMMAND_ENDS = _PIPELINE_ENDS | {"|", "&&", "||"}
_NO_ARGUMENT = _COMMAND_ENDS | {REDIRECTION, INPUT_REDIRECTION, "&", "--", ","}
_PRIMARY = frozenset(
    [
        *(VARIABLE, SPLATTED, NUMBER, STRING_LITERAL, STRING_EXPANDABLE, HERE_LITERAL, HERE_EXPANDABLE),
        *("(", "$(", "@(", "@{", "{"),
    ]
)
_WORDS = (IDENTIFIER, GENERIC)
_REDIRECTIONS = (REDIRECTION, INPUT_REDIRECTION)
_STOP_PARSING = "--%"


class _Command:
    """A command while it is being read."""

    __slots__ = ("elements", "end", "redirections", "saw_dashes", "verbatim")

    def __init__(self, end: Extent) -> None:
        self.elements: list[CommandElementAst] = []
        self.redirections: list[RedirectionAst] = []
        self.end = end
        self.saw_dashes = False
        self.verbatim: str | None = None

    def add(self, element: CommandElementAst) -> None:
        self.elements.append(element)
        self.end = element.extent


class CommandParser(ExpressionParser):
    """Pipelines and commands."""

    def pipeline(self) -> StatementAst | None:
        """A pipeline or assignment."""
        elements: list[CommandBaseAst] = []
        pipe: Token | None = None
        while True:
            found, assigned = (None, None) if self._at_command() else self._expression_element()
            if found is not None and elements:
                self.error(found, "ExpressionsMustBeFirstInPipeline")
            if found is not None and assigned is not None:
                return self._assignment(found, assigned)
            element = self.command() if found is None else self._with_redirections(found)
            if element is not None:
                elements.append(element)
            elif elements or self.peek().kind == "|":
                place = after(pipe) if pipe is not None else self.peek().extent
                self.open_error(place, "EmptyPipeElement")
            pipe = self.peek()
            if pipe.kind in _PIPELINE_ENDS or not self._pass_pipe(pipe):
                break
        return PipelineAst(join(elements[0], elements[-1]), tuple(elements)) if elements else None

    def _at_command(self) -> bool:
        """Whether a command's name has been peeked at: no expression begins with a letter."""
        token = self.ungot
        if token is None or self.scanner.mode is not Mode.COMMAND:
            return False
        return token.kind in _WORDS and is_identifier_start(token.text[0])

    def _pass_pipe(self, pipe: Token) -> bool:
        """Pass what joins pipeline elements; returns whether the pipeline goes on."""
        if pipe.kind not in ("|", "&&", "||"):
            self.error(pipe, "UnexpectedToken", pipe.text)
            return False
        self.skip()
        self.skip_new_lines()
        if pipe.kind != "|":
            self.error(pipe, "InvalidEndOfLine", pipe.text)
        if self.peek().kind != END:
            return True
        if pipe.kind == "|":
            self.open_error(after(pipe), "EmptyPipeElement")
        return False

    def _expression_element(self) -> tuple[ExpressionAst | None, Token | None]:
        """An expression, if one stands here, and the assignment operator behind it."""
        saved = self.scanner.mode
        self.set_mode(Mode.EXPRESSION)
        found = self.expression()
        assigned = None
        if found is not None and self.peek().kind in ASSIGNMENT_OPERATORS:
            assigned = self.next()
        self.set_mode(saved)
        return found, assigned

    def _assignment(self, left: ExpressionAst, operator: Token) -> StatementAst:
        self.skip_new_lines()
        right = self.statement()
        if right is None:
            self.open_error(after(operator), "ExpectedValueExpression", operator.kind)
            right = ErrorStatementAst(after(operator))
        kind = ASSIGNMENT_OPERATORS[operator.kind]
        return AssignmentStatementAst(join(left, right), left, kind, right, operator.extent)

    def _with_redirections(self, found: ExpressionAst) -> CommandExpressionAst:
        redirections: list[RedirectionAst] = []
        end = found.extent
        while (token := self.peek()).kind in _REDIRECTIONS:
            self.skip()
            redirection, place = self._redirection(token, redirections)
            end = place if redirection is not None else end
        return CommandExpressionAst(join(found, end), tuple(redirections), found)

    # --- redirections

    def _redirection(self, token: Token, redirections: list[RedirectionAst]) -> tuple[RedirectionAst | None, Extent]:
        result: RedirectionAst
        stream = token.from_stream or RedirectionStream.ALL
        if token.to_stream is None:
            location = self.single_argument()
            if location is None:
                self.error(after(token), "MissingFileSpecification")
                location = ErrorExpressionAst(token.extent)
            if token.kind == INPUT_REDIRECTION:
                self.error(token, "RedirectionNotSupported", token.text)
                return None, join(token, location)
            result = FileRedirectionAst(join(token, location), stream, location, token.append)
        else:
            if token.to_stream is not RedirectionStream.OUTPUT or stream is token.to_stream:
                self.error(token, "RedirectionNotSupported", token.text)
            result = MergingRedirectionAst(token.extent, stream)
        if any(other.from_stream is stream for other in redirections):
            name = "* stream" if stream is RedirectionStream.ALL else f"{stream.name.lower()} stream"
            self.error(result, "StreamAlreadyRedirected", name)
        else:
            redirections.append(result)
        return result, result.extent

    # --- arguments

    def single_argument(self, *, name: bool = False) -> ExpressionAst | None:
        """One word or primary expression, as after ``-File`` or ``>``; ``name`` leaves words unexpanded."""
        if self.peek().kind in (",", END):
            return None
        with self.in_mode(Mode.COMMAND):
            token = self.next()
            if token.kind in _NO_ARGUMENT:
                self.unget(token)
                return None
            return self._word(token, expand=not name)

    def _word(self, token: Token, *, expand: bool) -> ExpressionAst:
        if token.kind in _PRIMARY:
            self.unget(token)
            return self.primary_expression() or ErrorExpressionAst(token.extent)
        if token.kind != GENERIC:
            return StringConstantExpressionAst(token.extent, token.text, StringKind.BARE_WORD)
        if expand:
            return self.string(token, StringKind.BARE_WORD)
        return StringConstantExpressionAst(token.extent, token.value, StringKind.BARE_WORD)

    def argument(self, token: Token) -> ExpressionAst | None:
        """A command's argument beginning with ``token``: one value or several with commas between."""
        values: list[ExpressionAst] = []
        comma: Token | None = None
        while True:
            if token.kind in _NO_ARGUMENT:
                self.unget(token)
                if comma is None:
                    return None
                self.open_error(after(comma), "MissingExpression", ",")
                return ErrorExpressionAst(join(values[0], comma), tuple(values))
            value = self._word(token, expand=True)
            values.append(value)
            verbatim = token.kind == GENERIC and token.value == _STOP_PARSING
            if verbatim or self.peek().kind != ",":
                break
            comma = self.next()
            self.skip_new_lines()
            token = self.next()
        return values[0] if comma is None else ArrayLiteralAst(join(values[0], values[-1]), tuple(values))

    # --- commands

    def command(self) -> CommandAst | None:
        """A command, or ``None`` where none begins."""
        saved = self.scanner.mode
        self.set_mode(Mode.COMMAND)
        first = token = self.next()
        read = _Command(token.extent)
        invocation = InvocationOperator.NONE
        if token.kind in (".", "&"):
            invocation = InvocationOperator(token.kind)
            token = self.next()
        at_name = True
        while token.kind not in _COMMAND_ENDS:
            if not self._command_element(read, token, at_name=at_name, invocation=invocation):
                break
            at_name = False
            token = self.next()
        else:
            self.unget(token)
        self.set_mode(saved)
        if not read.elements:
            if invocation is not InvocationOperator.NONE:
                self.error(first, "MissingExpression", first.text)
            return None
        extent = join(first, read.end)
        return CommandAst(extent, tuple(read.redirections), tuple(read.elements), invocation, read.verbatim)

    def _command_element(self, read: _Command, token: Token, *, at_name: bool, invocation: InvocationOperator) -> bool:
        """One name, argument, parameter or redirection; returns whether the command goes on."""
        kind = token.kind
        if kind == "&":
            read.end = token.extent
            self.error(token, "AmpersandNotAllowed")
        elif kind == "--":
            read.add(self._bare(token) if read.saw_dashes else CommandParameterAst(token.extent, "-"))
            read.saw_dashes = True
        elif kind == ",":
            read.end = token.extent
            self.error(token, "MissingArgument")
            self.skip_new_lines()
        elif kind == PARAMETER:
            read.add(self._bare(token) if at_name or read.saw_dashes else self._parameter(token))
        elif kind in _REDIRECTIONS:
            if at_name:
                read.add(self._bare(token))
            else:
                read.end = self._redirection(token, read.redirections)[1]
        elif kind == "inlinescript" and at_name and invocation is InvocationOperator.NONE:
            return self._inline_script(read, token)
        elif at_name:
            read.add(self._word(token, expand=invocation is not InvocationOperator.NONE))
        else:
            return self._command_argument(read, token)
        return True

    def _command_argument(self, read: _Command, token: Token) -> bool:
        value = self.argument(token)
        read.add(value or ErrorExpressionAst(token.extent))
        if token.kind != GENERIC or token.value != _STOP_PARSING:
            return True
        if self.ungot is not None:
            return True
        rest = self.scanner.verbatim_argument()
        read.add(StringConstantExpressionAst(rest.extent, rest.value, StringKind.BARE_WORD))
        read.verbatim = rest.value
        return False

    @staticmethod
    def _bare(token: Token) -> StringConstantExpressionAst:
        return StringConstantExpressionAst(token.extent, token.text, StringKind.BARE_WORD)

    def _parameter(self, token: Token) -> CommandParameterAst:
        if not token.colon or self.peek().kind == ",":
            return CommandParameterAst(token.extent, token.value)
        value = self.argument(self.next())
        if value is None:
            self.error(after(token), "ParameterRequiresArgument", token.text)
            return CommandParameterAst(token.extent, token.value)
        return CommandParameterAst(join(token, value), token.value, value)

    def _inline_script(self, read: _Command, token: Token) -> bool:
        read.add(self._bare(token))
        self.skip_new_lines()
        opening = self.next()
        if opening.kind != "{":
            self.unget(opening)
            self.open_error(after(token), "MissingStatementAfterKeyword", token.text)
            return False
        read.add(self.script_block_expression(opening))
        return True
