"""Packages of a guest's Windows, and the installer that refuses network log-ons ([D] WPD DISM, KB2773898).

Names of packages: guest-and-host-maintenance 1.7 [GK]: the cumulative update is the roll-up, a hotpatch has its own.
"""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from typing import IO, Any, Final

from harness.twin.cmdlets.declaring import Module, classes
from harness.twin.cmdlets.guest.modules import machine_of
from harness.twin.cmdlets.servicing import GET_PACKAGE, Row, package_name, package_objects
from harness.twin.model.windows.catalog import UpdateKind
from harness.twin.model.windows.state import GuestOs
from harness.twin.shell.commands.api import Call
from harness.twin.shell.host import Writer

GUEST_DISM: Final = Module("Dism", classes("Microsoft.Dism.Commands.{}Command"))
ACCESS_DENIED: Final = 5


@GUEST_DISM.cmdlet("Get-WindowsPackage", *GET_PACKAGE, default_set="Online")
def get_package(call: Call) -> Iterator[object]:
    """The cumulative update, the hotpatch, and what waits for a restart."""
    yield from package_objects(call, _rows(machine_of(call)))


def _rows(machine: GuestOs) -> Iterator[Row]:
    times = {kb.kb: kb.installed_ns for kb in machine.kbs}
    for update in (machine.cumulative, machine.hotpatch):
        if update is not None:
            kind = "HotPatch" if update.kind is UpdateKind.HOTPATCH else "RollupFix"
            yield package_name(kind, update.build), "Installed", times.get(update.kb)
    if machine.staged is not None:
        yield package_name("RollupFix", machine.staged.build), "InstallPending", None


def wusa(host: Any, words: Sequence[str], stdin: IO[bytes], stdout: Writer, stderr: Writer) -> int:
    """Refused to a network log-on with exit code 5 ([D]); for others installing a file is not simulated."""
    del stdin, stdout
    if host.logon == "network":
        return ACCESS_DENIED
    stderr(f"twin limitation: '{' '.join(words)}' is not simulated\r\n".encode())
    return 1
