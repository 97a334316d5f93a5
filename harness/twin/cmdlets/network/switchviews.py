"""Default views of virtual switches, teams and the host's adapters on them [GK]."""

from __future__ import annotations

from harness.twin.cmdlets import guestadapters
from harness.twin.cmdlets.declaring import property_of
from harness.twin.cmdlets.network import hostadapters, teams, virtualization
from harness.twin.shell.formatting import Column, register_view


def register_virtualization_views() -> None:
    """Tell the formatter how they look."""
    register_view(virtualization.SWITCH.type_name, table=["Name", "SwitchType", "NetAdapterInterfaceDescription"])
    register_view(
        guestadapters.ADAPTER_BASE,
        table=["Name", "IsManagementOs", "VMName", "SwitchName", "MacAddress", "Status", "IPAddresses"],
    )
    register_view(
        teams.TEAM.type_name,
        table=["Name", "NetAdapterInterfaceDescription", "TeamingMode", "LoadBalancingAlgorithm"],
    )
    register_view(
        hostadapters.VLAN.type_name,
        table=[
            Column("VMName", lambda row: property_of(property_of(row, "ParentAdapter"), "VMName")),
            Column("VMNetworkAdapterName", lambda row: property_of(property_of(row, "ParentAdapter"), "Name")),
            Column("Mode", "OperationMode"),
            Column("VlanList", _vlans),
        ],
    )


def _vlans(row: object) -> object:
    """The VLAN of an untagged or access adapter; native and allowed ones of a trunk."""
    if str(property_of(row, "OperationMode")) == "Trunk":
        return f"{property_of(row, 'NativeVlanId')},{property_of(row, 'AllowedVlanIdListString')}"
    return property_of(row, "AccessVlanId")
