"""``$Host`` and ``Get-Host``: the console of a process that nobody sits at ([D] .NET reference; sizes [GK])."""

from __future__ import annotations

import uuid
from collections.abc import Callable
from functools import cache
from typing import TYPE_CHECKING, Final

from harness.twin.shell.errors import net_error
from harness.twin.shell.objects import NOTHING, ComputedProperty, NoteProperty, PSEnum, PSMethod, PSObject
from harness.twin.shell.session import current
from harness.twin.shell.text import to_text
from harness.twin.shell.typesystem import ENUMS

if TYPE_CHECKING:
    from harness.twin.shell.versions import Version

_HOST: Final = "System.Management.Automation.Internal.Host."
_COLOURS: Final = ENUMS["system.consolecolor"]
_IDENTITY: Final = uuid.UUID("5f0c2a52-7f0b-4a8e-9d57-3f5a6f1f0001")
"""[INF] Every session reports the same instance."""
WIDTH, HEIGHT, LINES = 120, 50, 3000
"""Window and buffer of the hidden console."""
NOBODY: Final = "Windows PowerShell is in NonInteractive mode. Read and Prompt functionality is not available."
_SEVERE: Final = {"error": "", "warning": "WARNING: ", "verbose": "VERBOSE: ", "debug": "DEBUG: "}


def write_console(text: str) -> object:
    """Text on the console of the session, past all streams."""
    rs = current()
    if rs.host_write is not None:
        rs.host_write(text)
    return NOTHING


def _size(width: int, height: int) -> PSObject:
    return PSObject.of_type(
        "System.Management.Automation.Host.Size", {"Width": width, "Height": height}, text=f"{width},{height}"
    )


def _place(left: int, top: int) -> PSObject:
    return PSObject.of_type(
        "System.Management.Automation.Host.Coordinates", {"X": left, "Y": top}, text=f"{left},{top}"
    )


def _colour(name: str) -> PSEnum:
    return _COLOURS(name)


def _refused(*_arguments: object) -> object:
    raise net_error("System.Management.Automation.PSInvalidOperationException", NOBODY)


def _raw_interface() -> PSObject:
    return PSObject.of_type(
        f"{_HOST}InternalHostRawUserInterface",
        {
            "ForegroundColor": _colour("Gray"),
            "BackgroundColor": _colour("Black"),
            "CursorPosition": _place(0, 0),
            "WindowPosition": _place(0, 0),
            "CursorSize": 25,
            "BufferSize": _size(WIDTH, LINES),
            "WindowSize": _size(WIDTH, HEIGHT),
            "MaxWindowSize": _size(WIDTH, HEIGHT),
            "MaxPhysicalWindowSize": _size(WIDTH, HEIGHT),
            "KeyAvailable": False,
            "WindowTitle": "Windows PowerShell",
        },
    )


def _add(target: PSObject, name: str, call: object) -> None:
    target.members[name.lower()] = PSMethod(name, call)  # type: ignore[arg-type]


def _shown(prefix: str, newline: str) -> object:
    def write(_this: object, *arguments: object) -> object:
        # Two colours may come before the text.
        text = to_text(arguments[-1]) if arguments else ""
        return write_console(f"{prefix}{text}{newline}")

    return write


def _user_interface() -> PSObject:
    raw = _raw_interface()
    for name in ("ReadKey", "GetBufferContents"):
        _add(raw, name, _refused)
    for name in ("FlushInputBuffer", "SetBufferContents", "ScrollBufferContents"):
        _add(raw, name, lambda *_arguments: NOTHING)
    made = PSObject.of_type(f"{_HOST}InternalHostUserInterface", {"RawUI": raw, "SupportsVirtualTerminal": False})
    for name in ("ReadLine", "ReadLineAsSecureString", "Prompt", "PromptForChoice", "PromptForCredential"):
        _add(made, name, _refused)
    _add(made, "Write", _shown("", ""))
    _add(made, "WriteLine", _shown("", "\n"))
    for stream, prefix in _SEVERE.items():
        _add(made, f"Write{stream.capitalize()}Line", _shown(prefix, "\n"))
    return made


def _made_when_asked(name: str, make: Callable[[], PSObject]) -> ComputedProperty:
    """A property whose object is made once, when somebody reads it."""
    once = cache(make)
    return ComputedProperty(name, lambda _this: once(), kind="Property")


def host_object(version: Version, culture: str) -> PSObject:
    """The host of a new session."""
    made = PSObject.of_type(
        (f"{_HOST}InternalHost", "System.Management.Automation.Host.PSHost", "System.Object"),
        {
            "Name": "ConsoleHost",
            "Version": version,
            "InstanceId": _IDENTITY,
            "UI": None,
            "CurrentCulture": culture,
            "CurrentUICulture": culture,
            "PrivateData": None,
            "DebuggerEnabled": True,
            "IsRunspacePushed": False,
            "Runspace": PSObject.of_type("System.Management.Automation.Runspaces.LocalRunspace", {"Name": "Runspace1"}),
        },
    )

    # Most sessions never ask for these, and each command of a client begins a session.
    for name, make in (("UI", _user_interface), ("PrivateData", _colours)):
        made.members[name.lower()] = _made_when_asked(name, make)

    def leave(_this: object, code: int) -> object:
        from harness.twin.shell.errors import ExitSignal

        raise ExitSignal(int(code))

    _add(made, "SetShouldExit", leave)
    return made


def _colours() -> PSObject:
    pairs = {
        "Error": ("Red", "Black"),
        "Warning": ("Yellow", "Black"),
        "Debug": ("Yellow", "Black"),
        "Verbose": ("Yellow", "Black"),
        "Progress": ("Yellow", "DarkCyan"),
    }
    made = PSObject.of_type("Microsoft.PowerShell.ConsoleHost+ConsoleColorProxy", {})
    for kind, (front, back) in pairs.items():
        for ground, name in (("Foreground", front), ("Background", back)):
            made.members[f"{kind}{ground}Color".lower()] = NoteProperty(f"{kind}{ground}Color", _colour(name))
    return made
