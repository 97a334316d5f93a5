"""``New-``, ``Get-`` and ``Remove-CimSession``: sessions by which commands ask other nodes ([D] PSD 5.1 CimCmdlets)."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass, field
from typing import Final
from uuid import UUID, uuid5

from harness.twin.cmdlets.computer import CIM
from harness.twin.cmdlets.declaring import given_input, property_of, selects
from harness.twin.cmdlets.elsewhere import host_of
from harness.twin.cmdlets.shapes import Shape
from harness.twin.shell.commands.api import Call, Parameter
from harness.twin.shell.errors import limitation
from harness.twin.shell.formatting import register_view
from harness.twin.shell.objects import PSObject, UInt32
from harness.twin.shell.runspace import Runspace

SESSION: Final = Shape(
    ("Microsoft.Management.Infrastructure.CimSession", "System.Object"), "Id Name InstanceId ComputerName Protocol"
)
_ROOT: Final = UUID("5f7a9c2e-3d4b-4e1f-8a6c-1b2d3e4f5a6b")
"""Names of sessions are made from it [INF]."""


@dataclass(slots=True)
class CimLink:
    """A session of this program."""

    number: int
    computer: str
    name: str
    identity: UUID = field(default=_ROOT)


def register_cim_session_views() -> None:
    """Tell the formatter how a session looks."""
    register_view(SESSION.type_name, list=["Id", "Name", "InstanceId", "ComputerName", "Protocol"])


def _links(rs: Runspace) -> list[CimLink]:
    found: list[CimLink] = rs.cim_sessions
    return found


def _object(link: CimLink) -> PSObject:
    return SESSION.make(
        UInt32(link.number), link.name, link.identity, link.computer, "WSMAN", text=f"CimSession: {link.computer}"
    )


@CIM.cmdlet(
    "New-CimSession",
    Parameter("ComputerName", "string[]", position=0, pipeline=("value", "name"), aliases=("CN", "ServerName")),
    Parameter("Name", "string"),
    Parameter("Credential", "object"),
    Parameter("Authentication", "string"),
    Parameter("OperationTimeoutSec", "int"),
    aliases=("ncms",),
)
def new_session(call: Call) -> Iterator[object]:
    """Opens sessions; a machine that cannot be reached is an error."""
    if call.has("Credential"):
        raise limitation("New-CimSession with a credential of a script's own is not simulated")
    links = _links(call.rs)
    for name in call.texts("ComputerName") or ["localhost"]:
        if host_of(call, name) is None:
            continue
        number = max((link.number for link in links), default=0) + 1
        identity = uuid5(_ROOT, f"{call.host.computer_name}/{name}/{number}/{call.host.model.now_ns}")
        link = CimLink(number, name, call.text("Name", f"CimSession{number}"), identity)
        links.append(link)
        yield _object(link)


@CIM.cmdlet(
    "Get-CimSession",
    Parameter("ComputerName", "string[]", position=0),
    Parameter("Name", "string[]"),
    Parameter("Id", "int[]"),
    aliases=("gcms",),
)
def get_session(call: Call) -> Iterator[object]:
    """The sessions of this program."""
    ids = [int(number) for number in call.get("Id") or []]
    for link in _links(call.rs):
        named = selects(call.texts("ComputerName"), link.computer) and selects(call.texts("Name"), link.name)
        if named and (not ids or link.number in ids):
            yield _object(link)


@CIM.cmdlet(
    "Remove-CimSession",
    Parameter("CimSession", "object[]", position=0, pipeline="value"),
    Parameter("ComputerName", "string[]"),
    Parameter("Name", "string[]"),
    Parameter("Id", "int[]"),
    aliases=("rcms",),
    should_process=True,
)
def remove_session(call: Call) -> None:
    """Closes sessions."""
    came = call.get("CimSession") or given_input(call) or []
    ids = [int(property_of(item, "Id")) for item in (came if isinstance(came, list) else [came])]
    ids += [int(number) for number in call.get("Id") or []]
    for link in list(_links(call.rs)):
        there = call.has("ComputerName") and selects(call.texts("ComputerName"), link.computer)
        named = call.has("Name") and selects(call.texts("Name"), link.name)
        chosen = link.number in ids or there or named
        if chosen and call.should_process(f"CimSession: {link.computer}", "Remove-CimSession"):
            _links(call.rs).remove(link)
