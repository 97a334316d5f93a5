"""Command lines of Windows: how a program's C runtime splits them."""

from __future__ import annotations

import re
from typing import Final

_PLAIN: Final = re.compile(r'[^\\" \t]+')
"""Characters without a meaning of their own; an encoded script is thousands of them."""


def split_command_line(line: str) -> list[str]:
    """Words of a command line by the rules of Microsoft's C runtime (backslashes count only before a quote)."""
    words: list[str] = []
    current, started, quoted = "", False, False
    at = 0
    while at < len(line):
        plain = _PLAIN.match(line, at)
        if plain is not None:
            current += plain[0]
            started = True
            at = plain.end()
            continue
        letter = line[at]
        if letter == "\\":
            count = 0
            while at < len(line) and line[at] == "\\":
                count += 1
                at += 1
            if at < len(line) and line[at] == '"':
                current += "\\" * (count // 2)
                if count % 2:
                    current += '"'
                    at += 1
            else:
                current += "\\" * count
            started = True
            continue
        if letter == '"':
            if quoted and at + 1 < len(line) and line[at + 1] == '"':
                current += '"'
                at += 1
            else:
                quoted = not quoted
            started = True
        elif letter in " \t" and not quoted:
            if started:
                words.append(current)
            current, started = "", False
        else:  # a blank in quotes
            current += letter
        at += 1
    if started:
        words.append(current)
    return words
