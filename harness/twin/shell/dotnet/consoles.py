"""``[Console]::WriteLine`` and ``[Net.Dns]::GetHostName`` ([D] .NET Framework reference)."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Final

from harness.twin.shell.dotnet.registry import static
from harness.twin.shell.hostinterface import write_console
from harness.twin.shell.objects import NOTHING
from harness.twin.shell.session import current
from harness.twin.shell.text import net_text
from harness.twin.shell.textops import format_text

_CONSOLE: Final = "System.Console"


def _text(value: object, arguments: Sequence[object]) -> str:
    """A value as it is, or a format with its arguments."""
    shown = "" if value is NOTHING else net_text(value)
    return format_text(shown, list(arguments)) if arguments else shown


@static(_CONSOLE, "WriteLine", "", "object value", "string format, params object[] arg")
def write_line(value: object = NOTHING, arguments: Sequence[object] = ()) -> object:
    """Text and the end of the line on the console, past all streams."""
    return write_console(f"{_text(value, arguments)}\n")


@static(_CONSOLE, "Write", "object value", "string format, params object[] arg")
def write(value: object, arguments: Sequence[object] = ()) -> object:
    """Text on the console."""
    return write_console(_text(value, arguments))


static("System.Net.Dns", "GetHostName", "")(lambda: str(current().host.computer_name))
