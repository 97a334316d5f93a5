"""Commands that ask other nodes: with ``-CimSession`` or ``-ComputerName`` the same command runs there.

They go over WinRM: with a log-on that may not go on, access is denied as everywhere ([D]).  Ids and texts [GK].
"""

from __future__ import annotations

from collections.abc import Iterable, Iterator
from typing import Any, Final

from harness.twin.cmdlets.declaring import Body, property_of
from harness.twin.cmdlets.remoting import connect, find_node
from harness.twin.shell.commands.api import Call
from harness.twin.shell.errors import PSError
from harness.twin.shell.objects import PSObject

CIM_ERROR: Final = "Microsoft.Management.Infrastructure.CimException"
_TIMEOUT: Final = "HRESULT 0x80338126"
"""ERROR_WINRM_CANNOT_CONNECT."""


class CallThere(Call):
    """A running command that sees another machine; its streams stay those of this one."""

    __slots__ = ("there",)

    def __init__(self, call: Call, there: Any) -> None:
        for name in Call.__slots__:
            setattr(self, name, getattr(call, name))
        self.there = there

    @property
    def host(self) -> Any:
        """The other machine."""
        return self.there


def machine_names(given: object) -> list[str]:
    """Names of machines out of texts, sessions and nodes."""
    items = given if isinstance(given, list) else [] if given is None else [given]
    return [str(property_of(item, "ComputerName") or property_of(item, "Name") or item) for item in items]


def host_of(call: Call, name: str) -> Any:
    """The machine to ask; None after an error.  Raises PSError where the log-on may not go on."""
    if not name or find_node(call, name) is call.host.node:
        return call.host
    try:
        return connect(call, name).runspace.host
    except PSError as error:
        if error.record.error_id == "TwinLimitation":
            raise
        if error.record.error_id == "AccessDenied":
            raise call.fail("Access is denied. ", "HRESULT 0x80070005", "PermissionDenied", name, CIM_ERROR) from None
        text = error.record.message.partition("error message : ")[2]
        call.write_error(text, _TIMEOUT, "ConnectionError", name, CIM_ERROR)
        return None


def on_machines(call: Call, names: Iterable[str], body: Body, *, stamped: bool = True) -> Iterator[object]:
    """Run a command for each machine; ``stamped``: objects say in ``PSComputerName`` where they come from."""
    for name in names:
        host = host_of(call, name)
        if host is None:
            continue
        for item in body(call if host is call.host else CallThere(call, host)) or ():
            if stamped and isinstance(item, PSObject):
                item.set("PSComputerName", name)
            yield item
