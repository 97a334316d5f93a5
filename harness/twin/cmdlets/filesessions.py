"""``Copy-Item -ToSession`` and ``-FromSession``: files from node to node through an open session ([D] PSD 5.1)."""

from __future__ import annotations

from collections.abc import Iterator

from harness.twin.cmdlets.fileobjects import Place, expand, files_of, picked, report_absent, write_fault
from harness.twin.cmdlets.remoting import Link
from harness.twin.model.files import Entry, File, FileError, Folder, NodeFiles
from harness.twin.shell.commands.api import Call
from harness.twin.shell.commands.providers import full_path
from harness.twin.shell.objects import PSObject
from harness.twin.shell.regexes import has_wildcard


def through_session(call: Call) -> bool:
    """Whether a copy goes through a session."""
    return call.has("ToSession") or call.has("FromSession")


def copy_through_session(call: Call, path: str) -> Iterator[object]:
    """Copy what a path means to the other side; nothing comes back ([D])."""
    there = _files_there(call)
    source, target = (files_of(call), there) if call.has("ToSession") else (there, files_of(call))
    wanted = call.text("Destination") if call.has("ToSession") else full_path(call, call.text("Destination", "."))
    for place in _places(call, source, path):
        if not picked(call, place.entry.name):
            continue
        exact = f"{wanted.rstrip(chr(92))}\\{place.entry.name}" if isinstance(target.find(wanted), Folder) else wanted
        if not call.should_process(f"Item: {place.path} Destination: {exact}", "Copy File"):
            continue
        try:
            if isinstance(place.entry, Folder) and not call.switch("Recurse"):
                target.make_folder(exact)
            else:
                _bring(target, place.entry, exact)
        except FileError as error:
            write_fault(call, error, "CopyFileInfoItemIOError")
    yield from ()


def _files_there(call: Call) -> NodeFiles:
    """The files on the other side of the session.  Raises PSError for a session that is not open."""
    session = call.get("ToSession") if call.has("ToSession") else call.get("FromSession")
    link = session.hidden if isinstance(session, PSObject) else None
    if not isinstance(link, Link) or not link.alive:
        text = "The runspace state is not valid for this operation. The session must be open."
        kind = "System.ArgumentException"
        raise call.fail(text, "InvalidRunspaceState", "InvalidArgument", session, kind)
    files: NodeFiles = link.node.files
    return files


def _places(call: Call, source: NodeFiles, path: str) -> list[Place]:
    if has_wildcard(path) and not call.has("LiteralPath"):
        return list(expand(source, path))
    entry = source.find(path)
    if entry is None:
        report_absent(call, path)
        return []
    return [Place(source.canonical(path), entry)]


def _bring(target: NodeFiles, entry: Entry, path: str) -> None:
    """Make a copy on another machine; what is below a folder comes along."""
    if isinstance(entry, File):
        made = target.allocate(path, entry.size) if entry.content is None else target.write(path, entry.content)
        made.modified_ns = entry.modified_ns
        return
    target.make_folder(path)
    for child in entry.sorted_children():
        _bring(target, child, f"{path.rstrip(chr(92))}\\{child.name}")
