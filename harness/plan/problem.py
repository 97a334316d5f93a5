"""A mistake in a YAML file, with the place where a person finds it."""

from __future__ import annotations

import re
from collections.abc import Sequence
from dataclasses import dataclass
from typing import Final

from harness.errors import ConfigError

_MAY_SHOW_A_SECRET: Final = re.compile(r"(?i)(?:secret|passw|token|credential)\w*['\"]?\s*:(?!\s*['\"]?secret://)")
_SHOWN: Final = 12  # problems printed in full; a message fits one screen


@dataclass(frozen=True, slots=True, order=True)
class Problem:
    """One mistake: file, line and column (from 1), the path of the value in the file, and what is wrong with it.

    A warning is something that may be meant; it keeps nothing from being started.
    """

    file: str
    line: int
    column: int
    path: str
    message: str
    suggestion: str | None = None
    source_line: str = ""
    is_warning: bool = False

    @property
    def headline(self) -> str:
        """`file:line:column: path: message (did you mean 'x'?)`."""
        where = f"{self.file}:{self.line}:{self.column}: " + (f"{self.path}: " if self.path else "")
        return (
            where
            + ("warning: " if self.is_warning else "")
            + self.message
            + (f" (did you mean '{self.suggestion}'?)" if self.suggestion else "")
        )

    def __str__(self) -> str:
        """Headline, line of the file, caret below the column; a line that may hold a secret is left out."""
        if not self.source_line.strip() or _MAY_SHOW_A_SECRET.search(self.source_line):
            return self.headline
        pad = "".join("\t" if char == "\t" else " " for char in self.source_line[: self.column - 1])
        return f"{self.headline}\n    {self.source_line}\n    {pad}^"

    def to_plain(self) -> dict[str, object]:
        """For `--json`."""
        return {
            "file": self.file,
            "line": self.line,
            "column": self.column,
            "path": self.path,
            "message": self.message,
            "suggestion": self.suggestion,
            "severity": "warning" if self.is_warning else "mistake",
        }


class SourceError(ConfigError):
    """One or more mistakes in YAML files.  All that could be found are in `problems`; correct them and start again."""

    def __init__(self, problems: Sequence[Problem], *, again: str = "hil plan lint FILE") -> None:
        """`again` is the command that shows them once more."""
        self.problems = tuple(sorted(set(problems)))
        files = ", ".join(sorted({problem.file for problem in self.problems}))
        count = len(self.problems)
        shown = [str(problem) for problem in self.problems[:_SHOWN]]
        shown += [problem.headline for problem in self.problems[_SHOWN : 2 * _SHOWN]]
        rest = count - 2 * _SHOWN
        if rest > 0:
            shown.append(f"… and {rest} more")
        head = f"{count} mistake{'s' if count > 1 else ''} in {files}; nothing was started"
        super().__init__("\n".join([head, *shown]), hint=f"correct the file; '{again}' shows them again")
