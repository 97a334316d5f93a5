"""The object of ``Get-VMNetworkAdapter`` for a guest's adapter ([D] WPD Hyper-V; properties and texts [GK])."""

from __future__ import annotations

from typing import Final
from uuid import UUID

from harness.twin.cmdlets.shapes import Shape
from harness.twin.model.cluster import ClusterModel
from harness.twin.model.entities import Guest
from harness.twin.model.states import VmState
from harness.twin.shell.objects import PSArray, PSObject

ADAPTER_NAME: Final = "Network Adapter"
"""[GK] Hyper-V's name for the adapter of a new virtual machine."""
ADAPTER_BASE: Final = "Microsoft.HyperV.PowerShell.VMNetworkAdapterBase"
"""[GK] What adapters of the host and of guests have in common, their default view too."""
GUEST_ADAPTER: Final = Shape(
    ("Microsoft.HyperV.PowerShell.VMNetworkAdapter", ADAPTER_BASE, "System.Object"),
    "Name Id IsManagementOs IsLegacy IsSynthetic VMName VMId SwitchName SwitchId Connected MacAddress "
    "DynamicMacAddressEnabled Status IPAddresses AdapterId ComputerName IsDeleted",
)
_WITHOUT_STATUS: Final = (VmState.Off, VmState.OffCritical, VmState.Saved, VmState.Other)


def make_guest_adapter(model: ClusterModel, guest: Guest) -> PSObject:
    """The shell's object of a guest's adapter; a guest that is off has neither status nor addresses [GK]."""
    adapter = model.networks.guests.of(guest)
    status = [] if guest.state in _WITHOUT_STATUS else ["Ok" if adapter.switch else "NoContact"]
    return GUEST_ADAPTER.make(
        ADAPTER_NAME,
        f"Microsoft:{guest.vm_id.upper()}\\{adapter.guid}",
        False,
        False,
        True,
        guest.name,
        UUID(guest.vm_id),
        adapter.switch.name if adapter.switch else None,
        UUID(adapter.switch.guid) if adapter.switch else None,
        adapter.switch is not None,
        adapter.mac.replace("-", ""),
        True,
        PSArray(status, "System.String"),
        PSArray(adapter.addresses, "System.String"),
        adapter.guid,
        guest.owner,
        False,
        text=f"VMNetworkAdapter (Name = '{ADAPTER_NAME}', VMName = '{guest.name}')",
    )
