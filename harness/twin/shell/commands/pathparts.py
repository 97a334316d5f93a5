"""``Split-Path`` and ``Join-Path``: parts of paths, whether or not there is something at them ([D] PSD 5.1).

How the FileSystem provider cuts a path: [D] PowerShell, FileSystemProvider of 2016.
"""

from __future__ import annotations

from collections.abc import Iterable, Iterator
from typing import Final

from harness.twin.shell.commands.api import Call, Parameter
from harness.twin.shell.commands.pathcommands import resolved
from harness.twin.shell.commands.table import CORE, MANAGEMENT

_BY_PATH: Final = ("ParentSet", "LeafSet", "QualifierSet", "NoQualifierSet", "IsAbsoluteSet")


def _rooted(path: str) -> str:
    """A bare drive means its root."""
    return f"{path}\\" if path.endswith(":") else path


def parent_of(path: str) -> str:
    """The folder above; nothing for a root, a share and a bare name."""
    plain = path.replace("/", "\\").rstrip("\\")
    head, separator, _ = plain.rpartition("\\")
    if not separator:
        return ""
    if plain.startswith("\\\\"):
        return head if head.count("\\") > 2 else ""
    return _rooted(head) or "\\"


def leaf_of(path: str) -> str:
    """The last part; of a root the root, of a share nothing."""
    plain = path.replace("/", "\\").rstrip("\\")
    if plain.startswith("\\\\") and plain.count("\\") <= 3:
        return ""
    return plain.rpartition("\\")[2] if "\\" in plain else _rooted(plain)


def is_absolute(path: str) -> bool:
    """Whether a path names its drive or provider: a share does not."""
    return path.find(":") > 0 and not path.startswith((".\\", "./"))


def without_qualifier(path: str) -> str:
    """A path without its drive or provider."""
    if "::" in path:
        return path.partition("::")[2]
    rest = path.partition(":")[2]
    return rest if is_absolute(path) and rest else path


def _qualifier(call: Call, path: str) -> Iterator[object]:
    head, colon, rest = path.partition(":")
    if colon:
        yield head + ("::" if rest.startswith(":") else ":")
        return
    call.write_error(
        f"Cannot parse path because path '{path}' does not have a qualifier specified.",
        "ParsePathFormatError",
        "InvalidArgument",
        path,
        "System.FormatException",
    )


@CORE.cmdlet(
    "Split-Path",
    module=MANAGEMENT,
    parameters=[
        Parameter("Path", "string[]", position=0, mandatory=True, pipeline=("value", "name"), sets=_BY_PATH),
        Parameter(
            "LiteralPath", "string[]", mandatory=True, pipeline="name", aliases=("PSPath",), sets=("LiteralPathSet",)
        ),
        Parameter("Parent", "switch", sets=("ParentSet",)),
        Parameter("Leaf", "switch", sets=("LeafSet",)),
        Parameter("Qualifier", "switch", position=1, sets=("QualifierSet",)),
        Parameter("NoQualifier", "switch", sets=("NoQualifierSet",)),
        Parameter("IsAbsolute", "switch", sets=("IsAbsoluteSet",)),
        Parameter("Resolve", "switch"),
    ],
    default_set="ParentSet",
)
def split_path(call: Call) -> Iterable[object]:
    """Parts of paths."""
    given = call.texts("LiteralPath") or call.texts("Path")
    for path in resolved(call, given) if call.switch("Resolve") else given:
        if call.switch("Leaf"):
            yield leaf_of(path)
        elif call.switch("Qualifier"):
            yield from _qualifier(call, path)
        elif call.switch("NoQualifier"):
            yield without_qualifier(path)
        elif call.switch("IsAbsolute"):
            yield is_absolute(path)
        else:
            yield parent_of(path)


@CORE.cmdlet(
    "Join-Path",
    module=MANAGEMENT,
    parameters=[
        Parameter("Path", "string[]", position=0, mandatory=True, pipeline=("value", "name"), aliases=("PSPath",)),
        Parameter("ChildPath", "string", position=1, mandatory=True, pipeline="name", allow_empty=True),
        Parameter("Resolve", "switch"),
    ],
)
def join_path(call: Call) -> Iterable[object]:
    """A path and what is below it."""
    child = call.text("ChildPath").replace("/", "\\").lstrip("\\")
    joined = [f"{path.replace('/', chr(92)).rstrip(chr(92))}\\{child}" for path in call.texts("Path")]
    yield from resolved(call, joined) if call.switch("Resolve") else joined
