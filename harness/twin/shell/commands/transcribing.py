"""``Start-Transcript`` and ``Stop-Transcript`` ([D] PSD 5.1; error texts [GK])."""

from __future__ import annotations

from collections.abc import Iterable
from typing import Final

from harness.twin.shell.commands.api import Call, Parameter
from harness.twin.shell.commands.providers import full_path
from harness.twin.shell.commands.table import CORE
from harness.twin.shell.objects import NoteProperty, PSObject
from harness.twin.shell.storage import storage_of
from harness.twin.shell.transcripts import Transcript

_HOST: Final = "Microsoft.PowerShell.Host"
_INVALID: Final = "System.Management.Automation.PSInvalidOperationException"


def _message(text: str, path: str) -> PSObject:
    made = PSObject(None, ["System.String", "System.Object"], text)
    made.members["path"] = NoteProperty("Path", path)
    return made


def _default_path(call: Call) -> str:
    """A file in the user's documents; its number follows from the moment [INF]."""
    folder = call.text("OutputDirectory") or f"{call.rs.environment.get('USERPROFILE', 'C:')}\\Documents"
    moment = call.rs.local_now
    number = f"{int(moment.timestamp() * 1000) % 16**8:08x}"
    name = f"PowerShell_transcript.{call.host.computer_name}.{number}.{moment:%Y%m%d%H%M%S}.txt"
    return f"{full_path(call, folder)}\\{name}"


@CORE.cmdlet(
    "Start-Transcript",
    module=_HOST,
    parameters=[
        Parameter("Path", "string", position=0, pipeline=("value", "name"), sets=("ByPath",)),
        Parameter("LiteralPath", "string", pipeline=("value", "name"), aliases=("PSPath",), sets=("ByLiteralPath",)),
        Parameter("OutputDirectory", "string", pipeline=("value", "name"), sets=("ByOutputDirectory",)),
        Parameter("Append", "switch"),
        Parameter("Force", "switch"),
        Parameter("NoClobber", "switch", aliases=("NoOverwrite",)),
        Parameter("IncludeInvocationHeader", "switch"),
        Parameter("UseMinimalHeader", "switch"),
    ],
    default_set="ByPath",
    should_process=True,
)
def start_transcript(call: Call) -> Iterable[object]:
    """From now on the console is also written to a file."""
    given = call.text("LiteralPath") or call.text("Path")
    path = full_path(call, given) if given else _default_path(call)
    files = storage_of(call.rs)
    there = files.kind(path) == "file"
    if there and call.switch("NoClobber") and not call.switch("Append"):
        text = f"File {path} already exists and NoClobber was specified."
        raise call.fail(text, "NoClobber", "ResourceExists", path, "System.UnauthorizedAccessException")
    if not call.should_process(path, "Start-Transcript"):
        return
    transcript = Transcript(call.rs, path, files.read(path) if there and call.switch("Append") else b"")
    if path.count("\\") > 1:
        files.make_folder(path.rpartition("\\")[0])
    transcript.begin(call.switch("UseMinimalHeader"))
    call.rs.transcripts.append(transcript)
    yield _message(f"Transcript started, output file is {given or path}", path)


@CORE.cmdlet("Stop-Transcript", module=_HOST)
def stop_transcript(call: Call) -> Iterable[object]:
    """Ends the transcript that was begun last."""
    if not call.rs.transcripts:
        text = "An error occurred stopping transcription: The host is not currently transcribing."
        raise call.fail(text, "InvalidOperation", "InvalidOperation", None, _INVALID)
    transcript = call.rs.transcripts.pop()
    transcript.end()
    yield _message(f"Transcript stopped, output file is {transcript.path}", transcript.path)
