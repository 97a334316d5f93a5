"""``Resolve-Path``, ``Convert-Path``, ``New-TemporaryFile``, ``Get-FileHash``, ``Import-PowerShellDataFile``
([D] PSD 5.1), over the files that a session sees."""

from __future__ import annotations

import hashlib
from collections.abc import Iterable, Iterator
from typing import Final

from harness.twin.shell.arguments import Argument
from harness.twin.shell.ast import CommandAst, HashtableAst, PipelineAst
from harness.twin.shell.ast.base import walk
from harness.twin.shell.commands.api import Call, Parameter
from harness.twin.shell.commands.providers import SESSION_DRIVES, full_path, report_missing, split_drive
from harness.twin.shell.commands.table import CORE, MANAGEMENT, UTILITY
from harness.twin.shell.compiler import compile_tree
from harness.twin.shell.dotnet.files import temp_file, tidied
from harness.twin.shell.dotnet.streams import Stream
from harness.twin.shell.errors import NetError
from harness.twin.shell.formatting import Column, register_view
from harness.twin.shell.frame import Frame
from harness.twin.shell.lookup import not_found, resolve_name
from harness.twin.shell.objects import NOTHING, PSObject
from harness.twin.shell.parser import parse
from harness.twin.shell.regexes import has_wildcard
from harness.twin.shell.storage import storage_of, text_of
from harness.twin.shell.text import to_text

_PATHS: Final = [
    Parameter("Path", "string[]", position=0, mandatory=True, pipeline=("value", "name"), sets=("Path",)),
    Parameter("LiteralPath", "string[]", mandatory=True, pipeline="name", aliases=("PSPath",), sets=("LiteralPath",)),
]
_FILE_SYSTEM: Final = "Microsoft.PowerShell.Core\\FileSystem"


def run_command(call: Call, name: str, *arguments: str) -> list[object]:
    """What another command of this machine gives."""
    target = resolve_name(call.rs.frames[-1], name)
    if target is None:
        raise not_found(name)
    frame = Frame(call.rs, call.scope, call.out, call.streams)
    given = [Argument(None, one, None, None) for one in arguments]
    processor = target.start(frame, given, call.invocation, call.streams, False)
    found: list[object] = []
    processor.out = found.append
    try:
        processor.begin(False)
        processor.process(NOTHING)
        processor.end()
    finally:
        processor.close()
    return found


def found_paths(call: Call) -> Iterator[str]:
    """The paths that a call names, full and without dots; one that is not there is reported."""
    return resolved(call, call.texts("LiteralPath") or call.texts("Path"))


def resolved(call: Call, paths: Iterable[str]) -> Iterator[str]:
    """What paths mean here, full and without dots; one that is not there is reported."""
    for given in paths:
        path = given.removeprefix(f"{_FILE_SYSTEM}::")
        if split_drive(path)[0] in SESSION_DRIVES:
            yield path
            continue
        whole = full_path(call, path)
        if has_wildcard(path) and not call.has("LiteralPath"):
            yield from storage_of(call.rs).expand(whole)
        elif storage_of(call.rs).kind(tidied(whole)):
            yield tidied(whole)
        else:
            report_missing(call, path)


@CORE.cmdlet(
    "Resolve-Path",
    module=MANAGEMENT,
    parameters=[*_PATHS, Parameter("Relative", "switch")],
    default_set="Path",
)
def resolve_path(call: Call) -> Iterable[object]:
    """What paths mean: full, without wildcards and dots."""
    base = call.rs.location.rstrip("\\") + "\\"
    for path in found_paths(call):
        if call.switch("Relative"):
            inside = path.lower().startswith(base.lower())
            yield f".\\{path[len(base) :]}" if inside else path
            continue
        yield PSObject.of_type(
            "System.Management.Automation.PathInfo",
            {"Drive": path[:1], "Provider": _FILE_SYSTEM, "ProviderPath": path, "Path": path},
            text=path,
        )


@CORE.cmdlet("Convert-Path", module=MANAGEMENT, parameters=_PATHS, default_set="Path")
def convert_path(call: Call) -> Iterable[object]:
    """Paths as their provider writes them."""
    yield from found_paths(call)


@CORE.cmdlet("New-TemporaryFile", module=UTILITY, should_process=True)
def new_temporary_file(call: Call) -> Iterable[object]:
    """A new empty file in the folder for temporary files."""
    yield from run_command(call, "Get-Item", to_text(temp_file()))


@CORE.cmdlet(
    "Get-FileHash",
    module=UTILITY,
    parameters=[
        *_PATHS,
        Parameter("InputStream", "object", mandatory=True, sets=("Stream",)),
        Parameter(
            "Algorithm", "string", values=("SHA1", "SHA256", "SHA384", "SHA512", "MACTripleDES", "MD5", "RIPEMD160")
        ),
    ],
    default_set="Path",
)
def get_file_hash(call: Call) -> Iterable[object]:
    """Hashes of files."""
    algorithm = call.text("Algorithm", "SHA256").upper()
    stream = call.get("InputStream")
    if isinstance(stream, Stream):
        yield _hash(algorithm, stream.take(len(stream.data)), None)
        return
    for path in found_paths(call):
        if storage_of(call.rs).kind(path) == "file":
            yield _hash(algorithm, storage_of(call.rs).read(path), path)


def _hash(algorithm: str, data: bytes, path: str | None) -> PSObject:
    digest = hashlib.new(algorithm.lower(), data).hexdigest().upper()
    return PSObject.of_type(
        "Microsoft.Powershell.Utility.FileHash", {"Algorithm": algorithm, "Hash": digest, "Path": path}
    )


@CORE.cmdlet(
    "Import-PowerShellDataFile",
    module=UTILITY,
    parameters=[
        Parameter("Path", "string[]", position=0, mandatory=True, sets=("Path",)),
        Parameter("LiteralPath", "string[]", mandatory=True, aliases=("PSPath",), sets=("LiteralPath",)),
    ],
    default_set="Path",
)
def import_data_file(call: Call) -> None:
    """The table that a ``.psd1`` file holds; a file with commands is none."""
    for path in found_paths(call):
        try:
            result = parse(text_of(storage_of(call.rs).read(path)))
        except NetError as fault:
            call.write_error(fault.exception.message, "FailedToReadFile", "ReadError", path, fault.exception.type_name)
            continue
        body = result.script.end_block
        statements = body.statements if body is not None else ()
        only = statements[0] if len(statements) == 1 else None
        pure = only.pure_expression if isinstance(only, PipelineAst) else None
        if (
            result.errors
            or not isinstance(pure, HashtableAst)
            or any(isinstance(one, CommandAst) for one in walk(pure))
        ):
            text = f"The file '{path}' could not be parsed as a PowerShell Data File."
            error_id = "CouldNotParseAsPowerShellDataFile"
            call.write_error(text, error_id, "ParserError", path, "System.InvalidOperationException")
            continue
        run = compile_tree(result.script).body.end
        if run is not None:
            run(Frame(call.rs, call.scope, call.out, call.streams, result.source, "<ScriptBlock>"))


register_view("System.Management.Automation.PathInfo", table=["Path"])
register_view(
    "Microsoft.Powershell.Utility.FileHash",
    table=[Column("Algorithm", width=15), Column("Hash", width=70), Column("Path")],
    auto=False,
)
