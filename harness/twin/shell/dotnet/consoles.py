"""``[Console]`` and ``[Threading.Thread]`` ([D] .NET Framework reference).

The output of a process of WinRS is a pipe, its input is at its end.  What asks the screen for a size or a place
therefore fails, as it does there [GK].
"""

from __future__ import annotations

from collections.abc import Callable
from typing import Final

from harness.twin.shell.dotnet.assemblies import setting
from harness.twin.shell.dotnet.registry import STATIC, NetProperty, static, static_prop
from harness.twin.shell.dotnet.strings import named_encoding, string_format
from harness.twin.shell.errors import net_error
from harness.twin.shell.hostinterface import write_console
from harness.twin.shell.objects import NOTHING
from harness.twin.shell.session import current
from harness.twin.shell.text import to_text
from harness.twin.shell.typesystem import ENUMS

_CONSOLE: Final = "System.Console"
_COLOURS: Final = ENUMS["system.consolecolor"]


def _no_screen(*_arguments: object) -> object:
    raise net_error("System.IO.IOException", "The handle is invalid.\r\n")


def _written(ending: str) -> Callable[..., object]:
    def write(template: object = "", *arguments: list[object]) -> object:
        text = to_text(template)
        if arguments:
            text = to_text(string_format(text, list(arguments[0])))
        return write_console(text.replace("\r\n", "\n") + ending)

    return write


for _name, _ending in (("Write", ""), ("WriteLine", "\n")):
    static(_CONSOLE, _name, "object value", "string format, params object[] arg")(_written(_ending))
static(_CONSOLE, "WriteLine", "")(lambda: write_console("\n"))
static(_CONSOLE, "ReadLine")(lambda: None)
static(_CONSOLE, "Read")(lambda: -1)
for _name in ("Beep", "ResetColor"):
    static(_CONSOLE, _name)(lambda: NOTHING)
for _name in ("Clear", "ReadKey"):
    static(_CONSOLE, _name)(_no_screen)
for _name in ("SetCursorPosition", "SetWindowSize", "SetBufferSize", "SetWindowPosition"):
    static(_CONSOLE, _name, "int first, int second")(_no_screen)
for _name in (
    "WindowWidth",
    "WindowHeight",
    "BufferWidth",
    "BufferHeight",
    "CursorLeft",
    "CursorTop",
    "CursorVisible",
    "LargestWindowWidth",
    "LargestWindowHeight",
    "Title",
):
    STATIC.setdefault(_CONSOLE, {})[_name.lower()] = NetProperty(_name, _no_screen, lambda _none, _value: None)
static_prop(_CONSOLE, "IsOutputRedirected", lambda: True)
static_prop(_CONSOLE, "IsErrorRedirected", lambda: True)
static_prop(_CONSOLE, "IsInputRedirected", lambda: True)
static_prop(_CONSOLE, "KeyAvailable", lambda: False)
setting(_CONSOLE, "OutputEncoding", named_encoding("UTF8"))
setting(_CONSOLE, "InputEncoding", named_encoding("UTF8"))
setting(_CONSOLE, "ForegroundColor", _COLOURS("Gray"))
setting(_CONSOLE, "BackgroundColor", _COLOURS("Black"))
setting(_CONSOLE, "TreatControlCAsInput", False)


@static("System.Threading.Thread", "Sleep", "int millisecondsTimeout", "timespan timeout")
def sleep(length: object) -> object:
    """Lab time passes."""
    seconds = length / 1000 if isinstance(length, int) else getattr(length, "total_seconds", float)()
    if seconds < 0:
        text = "Number must be either non-negative and less than or equal to Int32.MaxValue or -1."
        raise net_error("System.ArgumentOutOfRangeException", f"{text}\r\nParameter name: millisecondsTimeout")
    current().host.wait(seconds)
    return NOTHING
