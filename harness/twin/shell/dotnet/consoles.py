"""``[Console]`` and ``[Threading.Thread]`` as far as scripts without a screen use them ([D] .NET reference)."""

from __future__ import annotations

from typing import Final

from harness.twin.shell.dotnet.registry import STATIC, NetProperty, static, static_prop
from harness.twin.shell.dotnet.strings import ENCODINGS, Encoding
from harness.twin.shell.errors import net_error
from harness.twin.shell.objects import NOTHING
from harness.twin.shell.session import current
from harness.twin.shell.text import net_text, to_text
from harness.twin.shell.textops import format_text

CONSOLE: Final = "System.Console"
_CHOSEN: Final = "console_encoding"
"""The session's variable, which no script sees, that keeps what was chosen."""


def _write(text: str) -> object:
    """Text on the console of the program; a client of the engine has none, and nothing is kept of it."""
    write = current().host_write
    if write is not None:
        write(text)
    return NOTHING


def _filled(first: object, rest: list[object]) -> str:
    return format_text(to_text(first), rest) if rest else net_text(first)


static(CONSOLE, "Write", "object value", "string format, params object[] arg")(
    lambda first, rest=(): _write(_filled(first, list(rest)))
)
static(CONSOLE, "WriteLine", "", "object value", "string format, params object[] arg")(
    lambda first="", rest=(): _write(f"{_filled(first, list(rest))}\n")
)


def _encoding(_none: object) -> object:
    return current().global_scope.value(f"__{_CHOSEN}") or ENCODINGS["UTF8"]


def _choose(_none: object, value: object) -> None:
    if not isinstance(value, Encoding):
        raise net_error("System.ArgumentNullException", "Value cannot be null.\r\nParameter name: value")
    current().global_scope.put(f"__{_CHOSEN}", value)


for _name in ("OutputEncoding", "InputEncoding"):
    STATIC.setdefault(CONSOLE, {})[_name.lower()] = NetProperty(_name, _encoding, _choose)
static_prop(CONSOLE, "IsOutputRedirected", lambda: True)
static_prop(CONSOLE, "IsInputRedirected", lambda: True)
static_prop(CONSOLE, "IsErrorRedirected", lambda: True)


@static("System.Threading.Thread", "Sleep", "int millisecondsTimeout", "timespan timeout")
def sleep(length: object) -> object:
    """Lab time passes."""
    seconds = length / 1000 if isinstance(length, int) else getattr(length, "total_seconds", float)()
    if seconds < 0:
        text = "Number must be either non-negative and less than or equal to Int32.MaxValue or -1."
        raise net_error("System.ArgumentOutOfRangeException", f"{text}\r\nParameter name: millisecondsTimeout")
    current().host.wait(seconds)
    return NOTHING
