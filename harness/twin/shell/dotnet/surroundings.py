"""``[Environment]`` beside variables, ``[BitConverter]`` and ``[Tuple]``."""

from __future__ import annotations

import re
from collections.abc import Callable
from typing import Final

from harness.twin.shell.dotnet.registry import PRESENT, prop, static, static_prop
from harness.twin.shell.errors import ExitSignal, net_error
from harness.twin.shell.objects import (
    Byte,
    EnumType,
    Int16,
    Int64,
    PSArray,
    PSHashtable,
    PSObject,
    UInt16,
    UInt32,
    UInt64,
)
from harness.twin.shell.session import current
from harness.twin.shell.text import register_text, to_text
from harness.twin.shell.typesystem import ENUMS, register_enum, register_type, register_value_type, type_name
from harness.twin.shell.versions import Version

ENVIRONMENT: Final = "System.Environment"
_FOLDERS: Final = {
    "Desktop": "%USERPROFILE%\\Desktop",
    "Programs": "%APPDATA%\\Microsoft\\Windows\\Start Menu\\Programs",
    "MyDocuments": "%USERPROFILE%\\Documents",
    "Personal": "%USERPROFILE%\\Documents",
    "UserProfile": "%USERPROFILE%",
    "ApplicationData": "%APPDATA%",
    "LocalApplicationData": "%LOCALAPPDATA%",
    "CommonApplicationData": "C:\\ProgramData",
    "CommonDocuments": "C:\\Users\\Public\\Documents",
    "Windows": "C:\\Windows",
    "System": "C:\\Windows\\system32",
    "SystemX86": "C:\\Windows\\SysWOW64",
    "ProgramFiles": "C:\\Program Files",
    "ProgramFilesX86": "C:\\Program Files (x86)",
    "CommonProgramFiles": "C:\\Program Files\\Common Files",
}
_FOLDER: Final = register_enum(
    EnumType(
        "System.Environment+SpecialFolder",
        {
            "Desktop": 0,
            "Programs": 2,
            "MyDocuments": 5,
            "Personal": 5,
            "ApplicationData": 26,
            "LocalApplicationData": 28,
            "CommonApplicationData": 35,
            "Windows": 36,
            "System": 37,
            "ProgramFiles": 38,
            "UserProfile": 40,
            "SystemX86": 41,
            "ProgramFilesX86": 42,
            "CommonProgramFiles": 43,
            "CommonDocuments": 46,
        },
    )
)
_PLATFORM: Final = ENUMS["system.platformid"]


def expanded(text: str) -> str:
    """A text with ``%NAME%`` replaced by environment variables; unknown ones stay."""
    known = {name.lower(): value for name, value in current().environment.items()}
    return re.sub(r"%([^%]+)%", lambda found: known.get(found.group(1).lower(), found.group(0)), text)


def _os_version() -> PSObject:
    parts = [int(part) for part in current().host.os_version.split(".")]
    version = Version(parts[0], parts[1], parts[2], 0)
    text = f"Microsoft Windows NT {version}"
    return PSObject.of_type(
        "System.OperatingSystem",
        {"Platform": _PLATFORM("Win32NT"), "ServicePack": "", "Version": version, "VersionString": text},
        text=text,
    )


def _variables(_target: object = None) -> PSHashtable:
    return PSHashtable(list(current().environment.items()))


def _leave(code: int) -> object:
    raise ExitSignal(code)


static_prop(ENVIRONMENT, "OSVersion", _os_version)
static_prop(ENVIRONMENT, "Version", lambda: Version(4, 0, 30319, 42000))
static_prop(ENVIRONMENT, "CurrentDirectory", lambda: current().host.location)
static_prop(ENVIRONMENT, "SystemDirectory", lambda: "C:\\Windows\\system32")
static_prop(ENVIRONMENT, "SystemPageSize", lambda: 4096)
static_prop(ENVIRONMENT, "UserInteractive", lambda: False)
static_prop(ENVIRONMENT, "HasShutdownStarted", lambda: False)
static_prop(ENVIRONMENT, "ExitCode", lambda: 0)
static_prop(ENVIRONMENT, "TickCount", lambda: int(current().host.now().timestamp() * 1000) % 2**31)
static(ENVIRONMENT, "GetFolderPath", "System.Environment+SpecialFolder folder")(
    lambda folder: expanded(_FOLDERS.get(folder.name, ""))
)
static(ENVIRONMENT, "ExpandEnvironmentVariables", "string name")(expanded)
static(ENVIRONMENT, "GetEnvironmentVariables", "", "EnvironmentVariableTarget target")(_variables)
static(ENVIRONMENT, "GetLogicalDrives")(lambda: PSArray(["C:\\"], "System.String"))
static(ENVIRONMENT, "GetCommandLineArgs")(lambda: PSArray(["powershell.exe"], "System.String"))
static(ENVIRONMENT, "Exit", "int exitCode")(_leave)

# ------------------------------------------------------------------------------------------------------- bits and bytes

BITS: Final = "System.BitConverter"
_SIZES: Final[dict[type, int]] = {Int64: 8, UInt64: 8, UInt32: 4, int: 4, Int16: 2, UInt16: 2, Byte: 2}
static_prop(BITS, "IsLittleEndian", lambda: True)


@static(BITS, "GetBytes", "object value")
def get_bytes(value: object) -> PSArray:
    """A whole number or truth as bytes, the lowest first."""
    if isinstance(value, bool):
        data = bytes([value])
    elif isinstance(value, int):
        size = _SIZES.get(type(value), 4)
        data = (int(value) & ((1 << (8 * size)) - 1)).to_bytes(size, "little")
    else:
        data = to_text(value).encode("utf-16-le")[:2]
    return PSArray([Byte(one) for one in data], "System.Byte")


def _reader(name: str, kind: Callable[[int], int], size: int, signed: bool) -> None:
    @static(BITS, name, "byte[] value, int startIndex")
    def read(data: list[int], at: int) -> int:
        piece = bytes(data[at : at + size])
        if len(piece) < size:
            raise net_error(
                "System.ArgumentException",
                "Destination array is not long enough to copy all the items in the collection. Check array index and "
                "length.",
            )
        return kind(int.from_bytes(piece, "little", signed=signed))


_reader("ToInt16", Int16, 2, True)
_reader("ToInt32", int, 4, True)
_reader("ToInt64", Int64, 8, True)
_reader("ToUInt16", UInt16, 2, False)
_reader("ToUInt32", UInt32, 4, False)
_reader("ToUInt64", UInt64, 8, False)


# --------------------------------------------------------------------------------------------------------------- tuples


class Tuple:
    """A few values together."""

    __slots__ = ("items",)

    def __init__(self, *items: object) -> None:
        self.items = items

    @property
    def full_name(self) -> str:
        """Its class: closed over the types of what it holds."""
        return f"System.Tuple`{len(self.items)}[{','.join(type_name(one) for one in self.items)}]"


register_type("System.Tuple")
register_value_type(Tuple, lambda value: value.full_name if isinstance(value, Tuple) else "")
register_text(
    Tuple, lambda value: f"({', '.join(to_text(one) for one in value.items)})" if isinstance(value, Tuple) else ""
)
for _count in range(1, 8):
    static("System.Tuple", "Create", ", ".join(f"object item{at}" for at in range(1, _count + 1)))(Tuple)
    prop(
        Tuple,
        f"Item{_count}",
        lambda this, at=_count - 1: this.items[at] if at < len(this.items) else None,  # type: ignore[misc]
    )
PRESENT[Tuple] = lambda this, low: int(low.removeprefix("item")) <= len(this.items)
__all__ = ["Tuple", "expanded"]
