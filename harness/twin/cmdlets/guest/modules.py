"""The PowerShell modules of a guest, and what its commands share."""

from __future__ import annotations

from collections.abc import Iterable
from datetime import datetime
from typing import Any, Final

from harness.twin.cmdlets.declaring import Module, classes
from harness.twin.model.windows.state import GuestOs
from harness.twin.shell.commands.api import Call
from harness.twin.shell.commands.core import CORE
from harness.twin.shell.objects import LOCAL

MANAGEMENT: Final = Module("Microsoft.PowerShell.Management", classes("Microsoft.PowerShell.Commands.{}Command"))
UTILITY: Final = Module("Microsoft.PowerShell.Utility", classes("Microsoft.PowerShell.Commands.{}Command"))
DIAGNOSTICS: Final = Module("Microsoft.PowerShell.Diagnostics", classes("Microsoft.PowerShell.Commands.{}Command"))
CIM: Final = Module("CimCmdlets", classes("Microsoft.Management.Infrastructure.CimCmdlets.{}Command"))
SECURE_BOOT: Final = Module("SecureBoot", classes("Microsoft.SecureBoot.Commands.{}Command"))


def machine_of(call: Call) -> GuestOs:
    """The Windows that the command runs on."""
    found: GuestOs = call.host.machine
    return found


def run_core(name: str, call: Call) -> Iterable[object] | None:
    """Run the core's command of this name instead, for what a guest does not do differently."""
    declared = CORE.find(name)
    if declared is None:
        raise LookupError(f"the core has no command '{name}'")
    run: Any = declared.run
    result: Iterable[object] | None = run(call)
    return result


def local_time(host: Any, t_ns: int) -> datetime:
    """An instant as the guest's local time."""
    moment: datetime = host.model.datetime_at(t_ns)
    return moment.replace(tzinfo=LOCAL)
