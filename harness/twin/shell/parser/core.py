"""What all grammar modules share: one token of lookahead, the scanner's mode, error reports, extents."""

from __future__ import annotations

from abc import ABC, abstractmethod
from collections.abc import Iterable

from harness.twin.shell.ast import (
    Ast,
    ErrorStatementAst,
    ExpressionAst,
    Extent,
    ScriptBlockAst,
    SourceText,
    StatementAst,
    TrapStatementAst,
)
from harness.twin.shell.parser.cursor import Mode
from harness.twin.shell.parser.errors import ErrorLog
from harness.twin.shell.parser.scanner import Scanner
from harness.twin.shell.parser.tokens import END, MODE_INVARIANT, NEW_LINE, Token

Located = Token | Ast | Extent


def extent_of(place: Located) -> Extent:
    """Where a token or node is."""
    return place if isinstance(place, Extent) else place.extent


def join(first: Located, last: Located) -> Extent:
    """From the start of one to the end of the other."""
    start = first.extent.start if isinstance(first, Ast) else first.start
    end = last.extent.end if isinstance(last, Ast) else last.end
    return Extent(start, max(start, end))


def after(place: Located) -> Extent:
    """The empty place right behind."""
    end = place.extent.end if isinstance(place, Ast) else place.end
    return Extent(end, end)


def before(place: Located) -> Extent:
    """The empty place one character before."""
    start = max(extent_of(place).start - 1, 0)
    return Extent(start, start)


def cover(extent: Extent, nodes: Iterable[Ast]) -> Extent:
    """An extent made wide enough for nodes that error recovery left behind its end."""
    for node in nodes:
        if node.extent.end > extent.end or node.extent.start < extent.start:
            extent = Extent(min(extent.start, node.extent.start), max(extent.end, node.extent.end))
    return extent


class ParserCore(ABC):
    """State of one parse. The grammar is spread over subclasses; what they need of each other is abstract here."""

    def __init__(self, text: str, file: str = "") -> None:
        self.source = SourceText(text, file)
        self.log = ErrorLog(self.source)
        self.scanner = Scanner(text, self.log)
        self.ungot: Token | None = None
        self.comma_disabled = False
        self.late_errors: list[tuple[Extent, str, str]] = []

    @abstractmethod
    def expression(self) -> ExpressionAst | None:
        """A whole expression, or ``None`` where none begins."""

    @abstractmethod
    def unary_expression(self) -> ExpressionAst | None:
        """An expression without binary operators and commas."""

    @abstractmethod
    def pipeline(self) -> StatementAst | None:
        """A pipeline or assignment."""

    @abstractmethod
    def single_argument(self, *, name: bool = False) -> ExpressionAst | None:
        """One word or primary expression, as after ``-File`` or ``>``; ``name`` leaves words unexpanded."""

    @abstractmethod
    def statement(self) -> StatementAst | None:
        """A statement, or ``None`` at the end of the list."""

    @abstractmethod
    def statement_list(self) -> tuple[list[StatementAst], list[TrapStatementAst], Extent | None]:
        """Statements up to a closing mark: the statements, the traps, and where they are (``None`` without any)."""

    @abstractmethod
    def script_block(self, opening: Token | None, *, is_filter: bool = False) -> ScriptBlockAst:
        """The inside of a script or of ``{ … }``, whose ``{`` has been passed."""

    # --- tokens

    def next(self) -> Token:
        """Take the next token."""
        token = self.ungot
        if token is None:
            return self.scanner.next_token()
        self.ungot = None
        return token

    def peek(self) -> Token:
        """Look at the next token."""
        if self.ungot is None:
            self.ungot = self.scanner.next_token()
        return self.ungot

    def skip(self) -> None:
        """Take the token that has been peeked at."""
        self.ungot = None

    def unget(self, token: Token) -> None:
        """Put back the token just taken."""
        self.ungot = token

    def resync(self, place: Token | int) -> None:
        """Go back to a token or to a point from ``restore_point``."""
        self.ungot = None
        self.scanner.pos = place if isinstance(place, int) else place.local

    def restore_point(self) -> int:
        """Where the scanner stands."""
        return self.scanner.pos

    def set_mode(self, mode: Mode) -> None:
        """Change the mode; a peeked token that would be another one in the new mode is scanned again."""
        if mode is self.scanner.mode:
            return
        if self.ungot is not None and self.ungot.kind not in MODE_INVARIANT:
            self.resync(self.ungot)
        self.scanner.mode = mode

    def in_mode(self, mode: Mode) -> _InMode:
        """Another mode for a while: ``with parser.in_mode(…)``."""
        return _InMode(self, mode)

    def commas(self, *, disabled: bool) -> _Commas:
        """Whether, for a while, a comma separates (arguments, parameters) instead of making arrays."""
        return _Commas(self, disabled)

    def skip_new_lines(self, *, semicolons: bool = False) -> None:
        """Pass line ends, comments and, on request, semicolons."""
        kind = None if self.ungot is None else self.ungot.kind
        if kind is None or kind == NEW_LINE or (semicolons and kind == ";"):
            self.ungot = None
            self.scanner.skip_trivia(semicolons=semicolons)

    def sync_on_error(self, *kinds: str, consume: bool = True) -> None:
        """Skip to the closing mark in ``kinds`` that fits the nesting, or to another of ``kinds`` outside of marks."""
        depth = {"()": int(")" in kinds), "{}": int("}" in kinds), "[]": int("]" in kinds)}
        while True:
            token = self.next()
            kind = token.kind
            for pair in depth:
                if kind == pair[0]:
                    depth[pair] += 1
                elif kind == pair[1]:
                    depth[pair] -= 1
                    if depth[pair] == 0 and kind in kinds:
                        if not consume:
                            self.unget(token)
                        return
            if kind == END:
                self.unget(token)
                return
            if kind in kinds and not any(depth.values()):
                return

    # --- errors

    def error(self, place: Located, error_id: str, *arguments: str) -> None:
        """Report an error at a place."""
        self.log.report(extent_of(place), error_id, *arguments)

    def open_error(self, place: Located, error_id: str, *arguments: str, detected: Located | None = None) -> bool:
        """Report something that may only be unfinished; returns whether the text ends there."""
        found_at = None if detected is None else extent_of(detected)
        return self.log.report_open(extent_of(place), error_id, *arguments, detected=found_at)

    @staticmethod
    def broken(first: Located, last: Located, *nested: Ast | None) -> ErrorStatementAst:
        """The statement that could not be read."""
        kept = tuple(node for node in nested if node is not None)
        return ErrorStatementAst(cover(join(first, last), kept), kept)


class _InMode:
    """Sets the mode and sets it back."""

    __slots__ = ("mode", "parser", "saved")

    def __init__(self, parser: ParserCore, mode: Mode) -> None:
        self.parser, self.mode = parser, mode

    def __enter__(self) -> None:
        self.saved = self.parser.scanner.mode
        self.parser.set_mode(self.mode)

    def __exit__(self, *_: object) -> None:
        self.parser.set_mode(self.saved)


class _Commas:
    """Sets what a comma means and sets it back."""

    __slots__ = ("disabled", "parser", "saved")

    def __init__(self, parser: ParserCore, disabled: bool) -> None:
        self.parser, self.disabled = parser, disabled

    def __enter__(self) -> None:
        self.saved = self.parser.comma_disabled
        self.parser.comma_disabled = self.disabled

    def __exit__(self, *_: object) -> None:
        self.parser.comma_disabled = self.saved
