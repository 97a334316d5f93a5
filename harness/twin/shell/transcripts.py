"""Transcripts of a session: what the console shows is also written to a file ([D] PSD 5.1 Start-Transcript)."""

from __future__ import annotations

from typing import TYPE_CHECKING, Final

from harness.twin.shell.automatic import PROCESS_ID, version_table
from harness.twin.shell.storage import storage_of
from harness.twin.shell.text import to_text

if TYPE_CHECKING:
    from harness.twin.shell.runspace import Runspace

_LINE: Final = "*" * 22
_TIME: Final = "%Y%m%d%H%M%S"


class Transcript:
    """A file that grows with the console; UTF-8 with a mark, as 5.1 writes it [GK]."""

    __slots__ = ("data", "path", "rs")

    def __init__(self, rs: Runspace, path: str, before: bytes) -> None:
        self.rs = rs
        self.path = path
        self.data = before or "\ufeff".encode()

    def add(self, text: str) -> None:
        """More of what the console shows."""
        self.data += text.replace("\r\n", "\n").replace("\n", "\r\n").encode("utf-8", "replace")
        storage_of(self.rs).write(self.path, self.data)

    def begin(self, minimal: bool) -> None:
        """The head of the file."""
        self.add("\n".join([_LINE, "Windows PowerShell transcript start", *_facts(self.rs, minimal), _LINE, ""]))

    def end(self) -> None:
        """The foot of the file."""
        now = self.rs.local_now.strftime(_TIME)
        self.add("\n".join([_LINE, "Windows PowerShell transcript end", f"End time: {now}", _LINE, ""]))


def _facts(rs: Runspace, minimal: bool) -> list[str]:
    host, user = rs.host, rs.environment.get("USERNAME", "")
    now = rs.local_now.strftime(_TIME)
    if minimal:
        return [f"Start time: {now}"]
    name = f"{rs.environment.get('USERDOMAIN', host.computer_name)}\\{user}"
    version = ".".join(host.os_version.split(".")[:3])
    known = version_table(rs.global_scope.value("psversiontable")["PSVersion"], host.os_version)  # type: ignore[index]
    return [
        f"Start time: {now}",
        f"Username: {name}",
        f"RunAs User: {name}",
        "Configuration Name: ",
        f"Machine: {host.computer_name} (Microsoft Windows NT {version}.0)",
        "Host Application: powershell.exe",
        f"Process ID: {PROCESS_ID}",
        *(f"{key}: {to_text(value, ', ')}" for key, value in known.items()),
    ]
