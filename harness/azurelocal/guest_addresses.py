"""Addresses of the virtual machines on a host, as their own integration services tell it."""

from __future__ import annotations

from collections.abc import Mapping
from functools import cache
from typing import Final

from harness.azurelocal.command import Command
from harness.transports.powershell import script_json
from harness.transports.replies import Json, as_list, as_record, as_text

_READ: Final = "@(Get-VMNetworkAdapter -VMName *|ForEach-Object{@{vm=$_.VMName;at=@($_.IPAddresses)}})"
"""[D] WPD Hyper-V: adapters of the host's own virtual machines, clustered or not; IPAddresses is empty while a machine
does not run, or has no integration services [GK]."""


@cache
def read_guest_addresses() -> Command[Mapping[str, tuple[str, ...]]]:
    """Addresses by guest, of all virtual machines on the node it is sent to."""
    return Command("read-guest-addresses", script_json(_READ, depth=4), parse_guest_addresses)


def parse_guest_addresses(document: Json) -> Mapping[str, tuple[str, ...]]:
    """Addresses of all adapters of each guest; empty for one that tells none."""
    found: dict[str, tuple[str, ...]] = {}
    for row in map(as_record, as_list(document)):
        vm = as_text(row.get("vm"))
        if vm:
            told = [text for text in map(as_text, as_list(row.get("at"))) if text]
            found[vm] = tuple(dict.fromkeys((*found.get(vm, ()), *told)))
    return found
