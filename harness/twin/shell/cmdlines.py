"""Command lines of ``cmd.exe``: several commands in one line, and streams that go nowhere ([D] Windows commands)."""

from __future__ import annotations

import re
from dataclasses import dataclass
from typing import Final

_PART: Final = re.compile(r'"[^"]*"?|\^.|&&|\|\||[12]?>&[12]|[12]?>>?\s*[^\s&|<>]+|[&|<]|[^"^&|<>12]+|[12]')
_OPERATORS: Final = ("&", "&&", "||")


@dataclass(slots=True)
class CmdCommand:
    """One command of a line, and when it runs: always (``&``), after a success (``&&``) or after a failure (``||``)."""

    when: str
    line: str = ""
    quiet: bool = False
    """Its output goes to ``nul``."""
    silent: bool = False
    """Its error output goes to ``nul``."""
    merged: bool = False
    """Its error output goes where its output goes."""

    def runs_after(self, code: int) -> bool:
        """Whether it runs when the command before ended with *code*."""
        return self.when == "&" or (self.when == "&&") == (code == 0)


def split_commands(line: str) -> list[CmdCommand]:
    """The commands of a line.  Raises ValueError, with the part, for what is not simulated: pipes, files."""
    found = [CmdCommand("&")]
    for part in _PART.findall(line):
        last = found[-1]
        if part in _OPERATORS:
            found.append(CmdCommand(part))
        elif part in ("|", "<"):
            raise ValueError(part)
        elif ">" in part and not part.startswith(('"', "^")):
            _redirect(last, part)
        else:
            last.line += part[1:] if part.startswith("^") else part
    return found


def _redirect(command: CmdCommand, part: str) -> None:
    target = part.partition(">")[2].lstrip(">").strip().lower()
    if part == "2>&1":
        command.merged = True
    elif target == "nul" and part.startswith("2"):
        command.silent = True
    elif target == "nul":
        command.quiet = True
    else:
        raise ValueError(part)
