"""The only YAML reader of the harness: strict, safe, and able to say where each value stands.

- YAML 1.2 core scalars: `on`, `no` and `yes` are text, `010` is ten, `12:30` is text; a date is text.
- Duplicate keys, merge keys (`<<`), keys that are not text, unknown tags, recursive and exploding aliases are mistakes.
- The first key is `schema: 1`.
- Values carry no positions; a map from path to `Mark` beside them does, so that models stay plain.
"""

from __future__ import annotations

import re
from collections.abc import Iterator
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any, Final

import yaml
from yaml.composer import Composer
from yaml.nodes import MappingNode, Node, ScalarNode, SequenceNode
from yaml.parser import Parser
from yaml.reader import Reader, ReaderError
from yaml.resolver import BaseResolver
from yaml.scanner import Scanner

from harness.errors import ConfigError
from harness.plan.problem import Problem, SourceError

SCHEMA: Final = 1
SourcePath = tuple[str | int, ...]

_TAG = "tag:yaml.org,2002:"
_MOST_NODES: Final = 100_000  # after aliases are expanded; far above any plan, far below what hurts
_DEEPEST: Final = 64
_SCALARS: Final = (
    ("null", re.compile(r"(?:~|null|Null|NULL|)")),
    ("bool", re.compile(r"(?:true|True|TRUE|false|False|FALSE)")),
    ("int", re.compile(r"(?:[-+]?[0-9]+|0o[0-7]+|0x[0-9a-fA-F]+)")),
    (
        "float",
        re.compile(
            r"[-+]?(?:\.[0-9]+|[0-9]+(?:\.[0-9]*)?)(?:[eE][-+]?[0-9]+)?|[-+]?\.(?:inf|Inf|INF)|\.(?:nan|NaN|NAN)"
        ),
    ),
)


@dataclass(frozen=True, slots=True)
class Mark:
    """Where a value stands (line and column from 1), where its key stands, and where its text begins.

    `text_column` is None when offsets in the text do not map to one line (block and multi-line scalars).
    """

    line: int
    column: int
    key_line: int
    key_column: int
    text_column: int | None = None


@dataclass(frozen=True, slots=True)
class Source:
    """A loaded file: its name for messages, its lines, its plain value, and the mark of each path in it."""

    file: str
    lines: tuple[str, ...]
    value: dict[str, Any]
    marks: dict[SourcePath, Mark] = field(repr=False)

    def mark(self, path: SourcePath) -> Mark:
        """The mark of `path`, or of the nearest container above it."""
        while path not in self.marks:
            path = path[:-1]
        return self.marks[path]

    def problem(
        self, path: SourcePath, message: str, *, at_key: bool = False, offset: int = 0, suggestion: str | None = None
    ) -> Problem:
        """A mistake at `path`: at its key, at its value, or at an offset inside its text."""
        mark = self.mark(path)
        line, column = (mark.key_line, mark.key_column) if at_key and path in self.marks else (mark.line, mark.column)
        if not at_key and path in self.marks and mark.text_column is not None:
            column = mark.text_column + offset if offset else column
        return Problem(self.file, line, column, dotted(path), message, suggestion, self.line_text(line))

    def line_text(self, line: int) -> str:
        """The text of a line counted from 1; empty beyond the end."""
        return self.lines[line - 1] if 0 < line <= len(self.lines) else ""


def dotted(path: SourcePath) -> str:
    """`("scenarios", 0, "title")` as `scenarios.0.title`."""
    return ".".join(map(str, path))


def load_source(path: Path, *, name: str | None = None) -> Source:
    """Read a file.  Raises SourceError for mistakes in it and ConfigError when it cannot be read."""
    shown = name or display_name(path)
    try:
        raw = path.read_bytes()
    except OSError as error:
        raise ConfigError(
            f"cannot read '{shown}': {error.strerror}", hint="'hil plan list' and 'hil lab list' show what there is"
        ) from error
    try:
        text = raw.decode("utf-8-sig")
    except UnicodeDecodeError as error:
        line = raw[: error.start].count(b"\n") + 1
        raise SourceError([Problem(shown, line, 1, "", "the file is not UTF-8 text")]) from error
    return load_text(text, shown)


def load_text(text: str, file: str) -> Source:
    """Parse YAML text.  Raises SourceError with every mistake that the reader can find."""
    lines = tuple(text.splitlines())
    try:
        root = _compose(text)
    except ReaderError as error:
        line, column = _position(text, error.position)
        raise SourceError([Problem(file, line, column, "", "the file holds a character that YAML forbids")]) from error
    except yaml.MarkedYAMLError as error:
        raise SourceError([_syntax_problem(error, file, lines)]) from error
    if not isinstance(root, MappingNode):
        what = "the file is empty" if root is None else "the file must be a mapping"
        raise SourceError([Problem(file, 1, 1, "", f"{what}; it begins with 'schema: {SCHEMA}'")])
    builder = _Builder(file, lines)
    value = builder.build(root)
    builder.check_schema(root)
    if builder.problems:
        raise SourceError(builder.problems)
    return Source(file, lines, value, builder.marks)


def display_name(path: Path) -> str:
    """The path as a person would type it: relative to the working directory when it lies below."""
    try:
        return str(path.resolve().relative_to(Path.cwd()))
    except ValueError:
        return str(path)


class _CoreResolver(BaseResolver):
    """YAML 1.2 core: plain scalars become null, bool, int or float only by the patterns above."""

    def resolve(self, kind: type[Node], value: Any, implicit: Any) -> str:
        if kind is ScalarNode:
            if implicit[0]:
                for tag, pattern in _SCALARS:
                    if pattern.fullmatch(value):
                        return _TAG + tag
            return _TAG + "str"
        return _TAG + ("seq" if kind is SequenceNode else "map")


class _Composer(Reader, Scanner, Parser, Composer, _CoreResolver):
    """YAML text to a node graph; nothing is constructed."""

    def __init__(self, text: str) -> None:
        Reader.__init__(self, text)
        Scanner.__init__(self)
        Parser.__init__(self)
        Composer.__init__(self)
        _CoreResolver.__init__(self)


def _compose(text: str) -> Node | None:
    composer = _Composer(text)
    node: Node | None = composer.get_single_node()
    return node


class _Builder:
    """Turns one node graph into plain values and marks, collecting mistakes on the way."""

    def __init__(self, file: str, lines: tuple[str, ...]) -> None:
        self.marks: dict[SourcePath, Mark] = {}
        self.problems: list[Problem] = []
        self._file = file
        self._lines = lines
        self._count = 0
        self._open: list[Node] = []

    def build(self, root: MappingNode) -> dict[str, Any]:
        value: dict[str, Any] = self._value(root, (), root)
        return value

    def check_schema(self, root: MappingNode) -> None:
        first = root.value[0] if root.value else None
        if first is None or first[0].value != "schema":
            self._complain(first[0] if first else root, (), f"the first key must be 'schema: {SCHEMA}'")
        elif first[1].tag != _TAG + "int" or first[1].value != str(SCHEMA):
            self._complain(first[1], ("schema",), f"this version reads schema {SCHEMA}, not '{first[1].value}'")

    def _value(self, node: Node, path: SourcePath, key: Node) -> Any:
        self._count += 1
        if self._count > _MOST_NODES or len(self._open) > _DEEPEST or node in self._open:
            if self._count <= _MOST_NODES:
                self._complain(node, path, "an alias contains itself, or the nesting is deeper than 64")
            elif self._count == _MOST_NODES + 1:
                self._complain(
                    node, path, f"the file has more than {_MOST_NODES} values after its aliases are expanded"
                )
            return None
        self.marks[path] = _mark(node, key)
        self._open.append(node)
        try:
            return self._construct(node, path)
        finally:
            self._open.pop()

    def _construct(self, node: Node, path: SourcePath) -> Any:
        kind = node.tag.removeprefix(_TAG)
        if isinstance(node, MappingNode) and kind == "map":
            return dict(self._items(node, path))
        if isinstance(node, SequenceNode) and kind == "seq":
            return [self._value(child, (*path, number), child) for number, child in enumerate(node.value)]
        if isinstance(node, ScalarNode) and kind in ("str", "null", "bool", "int", "float"):
            return self._scalar(node, kind, path)
        self._complain(node, path, f"the tag '{node.tag.replace(_TAG, '!!')}' is not allowed")
        return None

    def _items(self, node: MappingNode, path: SourcePath) -> Iterator[tuple[str, Any]]:
        first_lines: dict[str, int] = {}
        for key, child in node.value:
            if not isinstance(key, ScalarNode):
                self._complain(key, path, "a key must be text")
                continue
            if key.value == "<<" and key.style is None:
                self._complain(key, path, "merge keys ('<<') are not allowed; use 'defaults' or write the keys out")
                continue
            if key.tag != _TAG + "str":
                self._complain(key, (*path, key.value), f'the key {key.value} is no text; quote it: "{key.value}"')
                continue
            if key.value in first_lines:
                message = f"the key '{key.value}' is there twice; the first is in line {first_lines[key.value]}"
                self._complain(key, (*path, key.value), message)
                continue
            first_lines[key.value] = key.start_mark.line + 1
            yield key.value, self._value(child, (*path, key.value), key)

    def _scalar(self, node: ScalarNode, kind: str, path: SourcePath) -> Any:
        text: str = node.value
        try:
            match kind:
                case "null":
                    return None
                case "bool":
                    return text.lower() == "true"
                case "int":
                    return int(text, 0) if text.startswith(("0o", "0x")) else int(text)
                case "float":
                    return _Decimal(text)
                case _:
                    return text
        except ValueError:
            self._complain(node, path, f"'{text}' does not fit its tag '!!{kind}'")
            return None

    def _complain(self, node: Node, path: SourcePath, message: str) -> None:
        line, column = node.start_mark.line + 1, node.start_mark.column + 1
        source_line = self._lines[line - 1] if line <= len(self._lines) else ""
        self.problems.append(Problem(self._file, line, column, dotted(path), message, None, source_line))


class _Decimal(float):
    """A float that remembers how it was written, so that a message about `12.2510` can show the lost zero."""

    text: str

    def __new__(cls, text: str) -> _Decimal:
        number = super().__new__(cls, text.replace(".inf", "inf").replace(".Inf", "inf").replace(".nan", "nan"))
        number.text = text
        return number

    def __str__(self) -> str:
        return self.text


def _mark(node: Node, key: Node) -> Mark:
    start, end = node.start_mark, node.end_mark
    text_column = None
    if isinstance(node, ScalarNode) and start.line == end.line and node.style in (None, "'", '"'):
        text_column = start.column + 1 + (0 if node.style is None else 1)
    return Mark(start.line + 1, start.column + 1, key.start_mark.line + 1, key.start_mark.column + 1, text_column)


def _position(text: str, index: int) -> tuple[int, int]:
    before = text[:index]
    return before.count("\n") + 1, index - (before.rfind("\n") + 1) + 1


def _syntax_problem(error: yaml.MarkedYAMLError, file: str, lines: tuple[str, ...]) -> Problem:
    mark = error.problem_mark or error.context_mark
    line, column = (mark.line + 1, mark.column + 1) if mark else (1, 1)
    source_line = lines[line - 1] if line <= len(lines) else ""
    message = f"not valid YAML: {error.problem or error.context}"
    if quoted := re.search(r":\s+(>=?\s*[^\s#][^#]*)", source_line):
        column = quoted.start(1) + 1
        message = f"a value that begins with '>' must be quoted: \"{quoted[1].strip()}\""
    elif "\t" in source_line[: len(source_line) - len(source_line.lstrip())]:
        message = "not valid YAML: indent with blanks, not with tabs"
    return Problem(file, line, column, "", message, None, source_line)
