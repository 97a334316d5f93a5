"""``[IO.File]``, ``[IO.Directory]`` and ``[IO.Path]`` over the files of the session ([GK] .NET Framework)."""

from __future__ import annotations

import hashlib
import re
from collections.abc import Iterable
from typing import Final

from harness.twin.shell.dotnet.registry import static, static_prop
from harness.twin.shell.dotnet.strings import Encoding
from harness.twin.shell.errors import net_error
from harness.twin.shell.objects import NOTHING, Byte, Char, PSArray
from harness.twin.shell.session import current
from harness.twin.shell.storage import Storage, absolute, storage_of, text_of
from harness.twin.shell.text import to_text

_FILE: Final = "System.IO.File"
_FOLDER: Final = "System.IO.Directory"
_PATH: Final = "System.IO.Path"
_STRING: Final = "System.String"


def _files() -> Storage:
    return storage_of(current())


def full_path(path: str) -> str:
    """Relative paths of .NET begin at the directory of the process, not at the session's location."""
    if not path:
        raise net_error("System.ArgumentException", "Empty path name is not legal.")
    return absolute(path, current().host.location)


def _codec(encoding: object) -> str:
    return encoding.codec if isinstance(encoding, Encoding) else "utf-8"


def _marked(text: str, encoding: object) -> bytes:
    data = text.encode(_codec(encoding), "surrogatepass")
    if isinstance(encoding, Encoding) and encoding.codec.startswith("utf"):
        return "\ufeff".encode(encoding.codec) + data
    return data


def _data(path: str) -> bytes:
    place, files = full_path(path), _files()
    folder = place.rpartition("\\")[0]
    if files.has_folders and "\\" in folder and files.kind(folder) != "folder":
        raise net_error("System.IO.DirectoryNotFoundException", f"Could not find a part of the path '{place}'.")
    return files.read(place)


@static(_FILE, "ReadAllText", "string path", "string path, Text.Encoding encoding")
def read_all_text(path: str, encoding: object = None) -> str:
    """The text of a file."""
    return text_of(_data(path), _codec(encoding))


@static(_FILE, "ReadAllLines", "string path", "string path, Text.Encoding encoding")
def read_all_lines(path: str, encoding: object = None) -> PSArray:
    """The lines of a file."""
    return PSArray(text_of(_data(path), _codec(encoding)).splitlines(), _STRING)


static(_FILE, "ReadLines", "string path")(read_all_lines)


@static(_FILE, "ReadAllBytes", "string path")
def read_all_bytes(path: str) -> PSArray:
    """All bytes of a file."""
    return PSArray([Byte(value) for value in _data(path)], "System.Byte")


@static(_FILE, "WriteAllBytes", "string path, byte[] bytes")
def write_all_bytes(path: str, data: list[int]) -> object:
    """Write a file anew."""
    _files().write(full_path(path), bytes(data))
    return NOTHING


@static(_FILE, "WriteAllText", "string path, string contents", "string path, string contents, Text.Encoding encoding")
def write_all_text(path: str, text: str, encoding: object = None) -> object:
    """Write a file anew, in UTF-8 without a mark unless an encoding is given."""
    _files().write(full_path(path), _marked(text, encoding))
    return NOTHING


@static(_FILE, "WriteAllLines", "string path, string[] contents", "string path, string[] contents, object encoding")
def write_all_lines(path: str, lines: Iterable[object], encoding: object = None) -> object:
    """Write lines into a file."""
    _files().write(full_path(path), _marked("".join(f"{to_text(line)}\r\n" for line in lines), encoding))
    return NOTHING


@static(_FILE, "AppendAllText", "string path, string contents", "string path, string contents, Text.Encoding encoding")
def append_all_text(path: str, text: str, encoding: object = None) -> object:
    """Write at the end of a file."""
    place, files = full_path(path), _files()
    known = files.kind(place) == "file"
    data = text.encode(_codec(encoding), "surrogatepass") if known else _marked(text, encoding)
    files.write(place, (files.read(place) if known else b"") + data)
    return NOTHING


static(_FILE, "Exists", "string path")(lambda path: bool(path) and _files().kind(full_path(path)) == "file")
static(_FOLDER, "Exists", "string path")(lambda path: bool(path) and _files().kind(full_path(path)) == "folder")


@static(_FILE, "Delete", "string path")
def delete_file(path: str) -> object:
    """Delete a file; one that does not exist is no error."""
    _files().delete(full_path(path))
    return NOTHING


@static(_FILE, "Copy", "string sourceFileName, string destFileName", "string source, string dest, bool overwrite")
def copy_file(source: str, target: str, overwrite: bool = False) -> object:
    """Copy a file."""
    place = full_path(target)
    if _files().kind(place) and not overwrite:
        raise net_error("System.IO.IOException", f"The file '{place}' already exists.")
    _files().write(place, _files().read(full_path(source)))
    return NOTHING


# -------------------------------------------------------------------------------------------------------------- paths

static_prop(_PATH, "DirectorySeparatorChar", lambda: Char("\\"))
static_prop(_PATH, "AltDirectorySeparatorChar", lambda: Char("/"))
static_prop(_PATH, "PathSeparator", lambda: Char(";"))
static_prop(_PATH, "VolumeSeparatorChar", lambda: Char(":"))


def temp_folder() -> str:
    """The folder for temporary files of the session's user, with a backslash at its end."""
    found = next((value for key, value in current().environment.items() if key.lower() in ("temp", "tmp")), "")
    return (found or "C:\\Windows\\Temp").rstrip("\\") + "\\"


static(_PATH, "GetTempPath")(temp_folder)


@static(_PATH, "GetTempFileName")
def temp_file() -> str:
    """A new empty file with a name of its own."""
    number, files = 1, _files()
    while files.kind(f"{temp_folder()}tmp{number:X}.tmp"):
        number += 1
    path = f"{temp_folder()}tmp{number:X}.tmp"
    files.write(path, b"")
    return path


@static(_PATH, "GetRandomFileName")
def random_file_name() -> str:
    """A name of eight and three characters; each is another one, in the same order on every run."""
    rs = current()
    number = int(to_text(rs.global_scope.value("__filenames__", 0)) or 0) + 1
    rs.global_scope.put("__filenames__", number)
    digest = hashlib.sha256(f"{rs.host.computer_name}{rs.host.now()}{number}".encode()).digest()
    letters = "".join("abcdefghijklmnopqrstuvwxyz012345"[one % 32] for one in digest[:11])
    return f"{letters[:8]}.{letters[8:]}"


def _cut(path: str) -> int:
    return max(path.rfind("\\"), path.rfind("/"), path.rfind(":")) + 1


def _leaf(path: str) -> str:
    return path[_cut(path) :]


def _extension(path: str) -> str:
    leaf = _leaf(path)
    at = leaf.rfind(".")
    return leaf[at:] if 0 <= at < len(leaf) - 1 else ""


def _stem(path: str) -> str:
    leaf = _leaf(path)
    return leaf[: leaf.rfind(".")] if "." in leaf else leaf


def _parent(path: str) -> str | None:
    if re.fullmatch(r"[A-Za-z]:\\?|\\\\[^\\]+\\[^\\]+\\?", path):
        return None
    head = path[: _cut(path)].replace("/", "\\")
    return head if head.endswith(":\\") else head.rstrip("\\")


def _combined(parts: list[str]) -> str:
    found = ""
    for part in parts:
        if re.match(r"^(?:[A-Za-z]:|\\|/)", part) or not found:
            found = part
        elif part:
            found = f"{found}{part}" if found.endswith(("\\", "/", ":")) else f"{found}\\{part}"
    return found


def _changed(path: str, extension: str) -> str:
    bare = path[: len(path) - len(_leaf(path))] + _stem(path)
    return bare if not extension else f"{bare}.{extension.lstrip('.')}"


def tidied(path: str) -> str:
    """A full path without ``.`` and ``..``."""
    full = full_path(path).replace("/", "\\")
    root = re.match(r"[A-Za-z]:\\?|\\\\[^\\]+\\[^\\]+|\\?", full)
    head = root.group(0) if root else ""
    kept: list[str] = []
    for part in full[len(head) :].split("\\"):
        if part == "..":
            del kept[-1:]
        elif part not in ("", "."):
            kept.append(part)
    tail = "\\" if full.endswith("\\") and kept else ""
    return head.rstrip("\\") + "\\" + "\\".join(kept) + tail


for _name, _function in (
    ("GetFileName", _leaf),
    ("GetFileNameWithoutExtension", _stem),
    ("GetExtension", _extension),
    ("GetDirectoryName", _parent),
    ("GetFullPath", tidied),
):
    static(_PATH, _name, "string path")(_function)
static(_PATH, "HasExtension", "string path")(lambda path: bool(_extension(path)))
static(_PATH, "IsPathRooted", "string path")(lambda path: re.match(r"^(?:[A-Za-z]:|\\|/)", path) is not None)
static(_PATH, "Combine", "params string[] paths")(_combined)
static(_PATH, "ChangeExtension", "string path, string extension")(_changed)
static(_PATH, "GetPathRoot", "string path")(
    lambda path: (re.match(r"[A-Za-z]:\\?|\\\\[^\\]+\\[^\\]+|[\\/]?", path) or [""])[0].replace("/", "\\")
)
static(_PATH, "GetInvalidFileNameChars")(
    lambda: PSArray([Char(one) for one in '"<>|\0' + "".join(map(chr, range(1, 32))) + ":*?\\/"], "System.Char")
)
