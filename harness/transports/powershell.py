"""Writing PowerShell scripts: values as literals, the JSON wrapper, and the command line that carries a script.

A value never enters a script by concatenation: write `<<name>>` in a template and give the value to `fill`.
"""

from __future__ import annotations

import base64
import hashlib
import math
import re
from collections.abc import Mapping, Sequence
from functools import lru_cache
from typing import Final

from harness.transports.replies import PowerShellError, Reply, UnreadableReplyError, parse_json_reply

__all__ = [
    "MAX_INLINE_UNITS",
    "STATEMENTS",
    "PowerShellError",
    "Reply",
    "UnreadableReplyError",
    "Value",
    "command_line",
    "fill",
    "literal",
    "parse_json_reply",
    "script_json",
]

Value = None | bool | int | float | str | Sequence["Value"] | Mapping[str, "Value"]

MAX_INLINE_UNITS: Final = 3000
"""UTF-16 units of a script that fit -EncodedCommand, since cmd.exe takes 8191 characters in all."""

_PROGRAM: Final = "powershell.exe -NoProfile -NonInteractive -EncodedCommand "
STATEMENTS: Final = "powershell.exe -NoLogo -NoProfile -NonInteractive -Command -"
"""Runs statements from standard input one by one, as if typed; a text of several lines ends at an empty one."""
_BOOTSTRAP: Final = (
    ". ([ScriptBlock]::Create([Text.Encoding]::UTF8.GetString([Convert]::FromBase64String((@($input) -join '')))))"
)
_INPUT_LINE_CHARS: Final = 4000
_SINGLE_QUOTES: Final = re.compile("(['\u2018\u2019\u201a\u201b])")
"""All characters that PowerShell reads as a single quote; each stands for itself when doubled."""
_PLACEHOLDER: Final = re.compile(r"<<([A-Za-z_]\w*)>>")

_WRAPPER: Final = (
    "$ProgressPreference='SilentlyContinue';$ErrorActionPreference='Stop'\n"
    "try{$hil=&{\n%(body)s\n}\n"
    "'[hil:%(mark)s]'+(ConvertTo-Json -InputObject $hil -Compress -Depth %(depth)d)+'[/hil:%(mark)s]'\n"
    '}catch{$hil=@{id=$_.FullyQualifiedErrorId;category="$($_.CategoryInfo.Category)";'
    "message=$_.Exception.Message;line=$_.InvocationInfo.ScriptLineNumber}\n"
    "'[hil:%(mark)s!]'+(ConvertTo-Json -InputObject $hil -Compress)+'[/hil:%(mark)s]'}"
)


def literal(value: Value) -> str:
    """`value` as a PowerShell expression that evaluates to it.

    Raises ValueError for what no script text can carry (NUL, lone surrogates, infinities), TypeError for other types.
    """
    if value is None:
        return "$null"
    if isinstance(value, bool):
        return "$true" if value else "$false"
    if isinstance(value, int):
        return str(value) if value >= 0 else f"({value})"
    if isinstance(value, float):
        if not math.isfinite(value):
            raise ValueError(f"a script cannot carry the number {value}")
        return f"([double]{value!r})"
    if isinstance(value, str):
        return _quote(value)
    if isinstance(value, Mapping):
        return "@{" + ";".join(f"{_quote(key)}={literal(item)}" for key, item in value.items()) + "}"
    if isinstance(value, Sequence) and not isinstance(value, (bytes, bytearray)):
        # The comma in front of a single element keeps an array in an array from being unrolled.
        return "@(" + ("," if len(value) == 1 else "") + ",".join(literal(item) for item in value) + ")"
    raise TypeError(f"a script cannot carry a value of type {type(value).__name__}")


def _quote(text: str) -> str:
    if "\0" in text:
        raise ValueError("a script cannot carry a text with a NUL character")
    if any("\ud800" <= character <= "\udfff" for character in text):
        raise ValueError("a script cannot carry a text with half a surrogate pair")
    return "'" + _SINGLE_QUOTES.sub(r"\1\1", text) + "'"


def fill(template: str, **values: Value) -> str:
    """`template` with every `<<name>>` replaced by the literal of that value.

    Raises ValueError when template and values do not name the same things.
    """
    wanted = set(_PLACEHOLDER.findall(template))
    if wanted != set(values):
        raise ValueError(f"a template names {sorted(wanted)}, the values are {sorted(values)}")
    literals = {name: literal(value) for name, value in values.items()}
    return _PLACEHOLDER.sub(lambda match: literals[match.group(1)], template)


@lru_cache(maxsize=64)
def script_json(body: str, *, depth: int = 6) -> str:
    """A script that runs `body` and prints its output as one JSON document between markers, or its error as one.

    `depth` counts levels of nesting below the top; deeper objects become text.  Equal bodies give equal scripts: the
    mark is a hash.  Such scripts, one below the other, are a script again that prints as many documents.
    """
    mark = hashlib.sha256(body.encode("utf-8", "surrogatepass")).hexdigest()[:8]
    return _WRAPPER % {"body": body, "mark": mark, "depth": depth}


@lru_cache(maxsize=64)
def command_line(script: str) -> tuple[str, bytes | None]:
    """The command line that runs `script`, and what to write to its standard input (None: nothing).

    A script too long for a command line travels as base64 lines on standard input to a short bootstrap.
    """
    if _utf16_units(script) <= MAX_INLINE_UNITS:
        return _PROGRAM + _encode(script), None
    encoded = base64.b64encode(script.encode()).decode()
    lines = [encoded[start : start + _INPUT_LINE_CHARS] for start in range(0, len(encoded), _INPUT_LINE_CHARS)]
    return _PROGRAM + _encode(_BOOTSTRAP), ("\n".join(lines) + "\n").encode()


def _encode(script: str) -> str:
    return base64.b64encode(script.encode("utf-16-le")).decode()


def _utf16_units(text: str) -> int:
    return len(text.encode("utf-16-le", "surrogatepass")) // 2
