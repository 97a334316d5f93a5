"""What was typed at a prompt, for the arrow keys: kept from one session to the next, without what may be a secret."""

from __future__ import annotations

import os
import re
from types import ModuleType
from typing import Final

from harness import paths

FILE: Final = "twin-shell-history"
"""In the state folder."""
LENGTH: Final = 1000
_SECRET: Final = re.compile(r"(?i)password|asplaintext|token|apikey|secret|credential")


class History:
    """The line editor's history while it is entered; nothing where Python has no line editor."""

    def __init__(self) -> None:
        self._file = paths.state_dir() / FILE
        self._editor = _editor()

    def __enter__(self) -> History:
        if self._editor is not None:
            self._editor.clear_history()
            for line in self._read():
                self._editor.add_history(line)
        return self

    def __exit__(self, *_: object) -> None:
        if self._editor is None:
            return
        count = self._editor.get_current_history_length()
        lines = [self._editor.get_history_item(at) or "" for at in range(1, count + 1)]
        self._write(worth_keeping(lines))
        self._editor.clear_history()

    def _read(self) -> list[str]:
        try:
            return self._file.read_text(encoding="utf-8", errors="replace").splitlines()
        except OSError:
            return []

    def _write(self, lines: list[str]) -> None:
        """For the eyes of this user alone; a folder that cannot be written to costs the history, nothing else."""
        try:
            number = os.open(self._file, os.O_WRONLY | os.O_CREAT | os.O_TRUNC, 0o600)
            with open(number, "w", encoding="utf-8") as file:  # noqa: PTH123 - opened with its mode above
                file.writelines(f"{line}\n" for line in lines)
        except OSError:
            return


def worth_keeping(lines: list[str]) -> list[str]:
    """The newest lines, without empty ones, repetitions in a row, and those that may hold a secret."""
    kept: list[str] = []
    for line in lines:
        if line.strip() and not _SECRET.search(line) and (not kept or kept[-1] != line):
            kept.append(line)
    return kept[-LENGTH:]


def _editor() -> ModuleType | None:
    try:
        import readline
    except ImportError:
        return None
    return readline
