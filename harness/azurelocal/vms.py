"""Virtual machines as one host sees them.  Their roles and owners come with `cluster.observe_cluster`."""

from __future__ import annotations

from typing import Final

from harness.azurelocal.command import Command
from harness.azurelocal.enums import VM_STATES, read_enum
from harness.transports.powershell import script_json
from harness.transports.replies import Json, as_list, as_number, as_record, as_text
from harness.values import VmStatus

_LIST: Final = '@(Get-VM|ForEach-Object{@{name=$_.Name;state="$($_.State)";uptime=$_.Uptime.TotalSeconds}})'


def list_vms(node: str) -> Command[tuple[VmStatus, ...]]:
    """The virtual machines on `node`, to be sent to that node: a bare Get-VM sees its own host only."""
    return Command("list-vms", script_json(_LIST, depth=3), lambda document: parse_vms(document, node))


def parse_vms(document: Json, node: str) -> tuple[VmStatus, ...]:
    """The answer to `list_vms`."""
    rows = (as_record(row) for row in as_list(document))
    return tuple(
        VmStatus(
            name=as_text(row.get("name")),
            owner=node,
            state=read_enum(row.get("state"), VM_STATES),
            uptime_s=as_number(row.get("uptime")),
        )
        for row in rows
    )
