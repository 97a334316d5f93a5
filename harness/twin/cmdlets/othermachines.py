"""``-ComputerName`` of commands that read another machine by themselves, without a session there ([D] PSD 5.1).

They go the old ways (service control manager, remote registry, DCOM), which need the same log-on as a session does.
What Windows says when it cannot get through is one text for each command, whatever the reason [GK].
"""

from __future__ import annotations

from collections.abc import Callable, Iterable, Iterator
from dataclasses import dataclass
from typing import Any, Final

from harness.twin.cmdlets.remoting import connect, find_node
from harness.twin.shell.commands.api import Call, Parameter
from harness.twin.shell.errors import PSError

COMPUTERS: Final = Parameter("ComputerName", "string[]", aliases=("Cn",))
COMPUTER: Final = Parameter("ComputerName", "string", aliases=("Cn",))
_LOCAL: Final = ("", ".", "localhost")


@dataclass(frozen=True, slots=True)
class Refusal:
    """What a command says when it does not get through: text, with the computer as ``{}``, and class of exception."""

    text: str
    exception: str


SERVICE_MANAGER: Final = Refusal(
    "Cannot open Service Control Manager on computer '{}'. This operation might require other privileges.",
    "System.InvalidOperationException",
)
PROCESSES: Final = Refusal("Couldn't connect to remote machine.", "System.InvalidOperationException")
HOTFIXES: Final = Refusal(
    "The RPC server is unavailable. (Exception from HRESULT: 0x800706BA)", "System.Runtime.InteropServices.COMException"
)
WIN_EVENTS: Final = Refusal("The RPC server is unavailable", "System.Diagnostics.Eventing.Reader.EventLogException")
EVENT_LOGS: Final = Refusal("The network path was not found.\r\n", "System.IO.IOException")


class _Elsewhere(Call):
    """The same call, asked on another machine."""

    __slots__ = ("_there",)

    def __init__(self, call: Call, host: Any) -> None:
        super().__init__(call.rs, call.declaration)
        for name in Call.__slots__:
            setattr(self, name, getattr(call, name))
        self._there = host

    @property
    def host(self) -> Any:
        """The other machine."""
        return self._there


def on_computers(call: Call, read: Callable[[Call], Iterable[Any]], refusal: Refusal) -> Iterator[Any]:
    """What *read* gives on this machine, or on each that ``-ComputerName`` names.

    ``MachineName`` of what says ``.`` for its own machine becomes the name that was given.  Raises PSError where a
    machine does not answer or does not take the log-on.
    """
    given = call.get("ComputerName") or ""
    for name in given if isinstance(given, list) else [str(given)]:
        is_here = name.lower() in _LOCAL or find_node(call, name) is call.host.node
        there = call if is_here else _Elsewhere(call, _reach(call, name, refusal))
        for item in read(there):
            if name and item.get("MachineName") == ".":
                item.set("MachineName", name)
            yield item
        call.failed = call.failed or there.failed


def _reach(call: Call, name: str, refusal: Refusal) -> Any:
    try:
        return connect(call, name).runspace.host
    except PSError as error:
        if error.record.error_id == "TwinLimitation":
            raise
        text = refusal.text.format(name)
        raise call.fail(text, refusal.exception, "NotSpecified", None, refusal.exception) from None
