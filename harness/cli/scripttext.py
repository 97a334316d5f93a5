"""PowerShell text out of files: scripts as they are, Markdown by its fenced blocks."""

from __future__ import annotations

import codecs
import re
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import Final

from harness.errors import ConfigError

MARKDOWN: Final = (".md", ".markdown")
LANGUAGES: Final = ("powershell", "ps1", "azurepowershell", "azurepowershell-interactive")
"""First words behind a fence that mean PowerShell, in any case."""

_FENCE: Final = re.compile(r"^(?P<indent>[ \t]*)(?P<mark>`{3,}|~{3,})[ \t]*(?P<language>[^\s`{]*)[^`]*$")
_MARKS: Final = ((codecs.BOM_UTF8, "utf-8-sig"), (codecs.BOM_UTF16_LE, "utf-16"), (codecs.BOM_UTF16_BE, "utf-16"))
_ANSI: Final = "cp1252"
_HINT: Final = "name a script or a Markdown file"


@dataclass(frozen=True, slots=True)
class Script:
    """A script of a file: its text, the line of the file on which it begins, and how far its lines are indented."""

    text: str
    first_line: int = 1
    indents: tuple[int, ...] = ()

    def place(self, line: int, column: int) -> tuple[int, int]:
        """A place in the text as line and column of the file."""
        indent = self.indents[line - 1] if line <= len(self.indents) else 0
        return self.first_line + line - 1, column + indent


def read_scripts(path: Path) -> list[Script]:
    """The scripts of a file.  Raises ConfigError when it cannot be read as text."""
    text = read_text(path)
    return list(fenced(text)) if path.suffix.lower() in MARKDOWN else [Script(text)]


def read_text(path: Path) -> str:
    """A file as Windows PowerShell reads it: by its mark, else as UTF-8 where it is that, else in the ANSI code page.

    Raises ConfigError.
    """
    try:
        content = path.read_bytes()
    except OSError as error:
        raise ConfigError(f"'{path}' cannot be read: {error.strerror}", hint=_HINT) from error
    for mark, encoding in _MARKS:
        if content.startswith(mark):
            return content.decode(encoding, "replace")
    if b"\0" in content:
        raise ConfigError(f"'{path}' is no text", hint=_HINT)
    try:
        return content.decode("utf-8")
    except UnicodeDecodeError:
        return content.decode(_ANSI, "replace")


def fenced(text: str) -> Iterator[Script]:
    """The fenced PowerShell blocks of a Markdown text; a block that is not closed goes on to the end."""
    lines = text.splitlines()
    at = 0
    while at < len(lines):
        opening = _FENCE.match(lines[at])
        at += 1
        if opening is None:
            continue
        first = at
        closing = re.compile(rf"^[ \t]*{re.escape(opening['mark'][0])}{{{len(opening['mark'])},}}[ \t]*$")
        while at < len(lines) and not closing.match(lines[at]):
            at += 1
        if opening["language"].lower() in LANGUAGES:
            yield _block(lines[first:at], first + 1, len(opening["indent"]))
        at += 1


def _block(lines: list[str], first_line: int, indent: int) -> Script:
    """The lines of a block without the indentation of its fence, as far as they have it."""
    indents = [min(indent, len(line) - len(line.lstrip(" \t"))) for line in lines]
    text = "\n".join(line[cut:] for line, cut in zip(lines, indents, strict=True))
    return Script(text, first_line, tuple(indents))
