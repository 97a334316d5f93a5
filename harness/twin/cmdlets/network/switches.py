"""Virtual switches and their adapters, of the module ``Hyper-V`` ([D] WPD Hyper-V; texts and enumerations [GK])."""

from __future__ import annotations

from collections.abc import Iterator
from typing import Final
from uuid import UUID

from harness.twin.cmdlets.declaring import given_input, property_of, selects
from harness.twin.cmdlets.hyperv import HYPERV
from harness.twin.cmdlets.network.cim import network, networks, refuse_elsewhere, strings
from harness.twin.cmdlets.shapes import Shape
from harness.twin.model.network import Adapter, NodeNetwork
from harness.twin.shell.commands.api import Call, Parameter
from harness.twin.shell.errors import limitation
from harness.twin.shell.objects import EnumType, PSArray, PSEnum, PSObject
from harness.twin.shell.regexes import has_wildcard
from harness.twin.shell.typesystem import register_enum

_NAMESPACE: Final = "Microsoft.HyperV.PowerShell"
SWITCH: Final = Shape(
    f"{_NAMESPACE}.VMSwitch",
    "Name Id SwitchType AllowManagementOS EmbeddedTeamingEnabled NetAdapterInterfaceDescription "
    "NetAdapterInterfaceDescriptions NetAdapterInterfaceGuid IovEnabled IovSupport BandwidthReservationMode Notes "
    "ComputerName",
)
TEAM: Final = Shape(
    f"{_NAMESPACE}.VMSwitchTeam",
    "Name Id NetAdapterInterfaceDescription NetAdapterInterfaceGuid TeamingMode LoadBalancingAlgorithm ComputerName",
)
HOST_ADAPTER: Final = Shape(
    f"{_NAMESPACE}.VMInternalNetworkAdapter",
    "Name Id IsManagementOs VMName SwitchName SwitchId MacAddress Status IPAddresses DeviceId AdapterId ComputerName "
    "DynamicMacAddressEnabled Connected",
)


def _enum(name: str, labels: dict[str, int]) -> EnumType:
    return register_enum(EnumType(f"{_NAMESPACE}.{name}", labels))


_TYPE: Final = _enum("VMSwitchType", {"Private": 0, "Internal": 1, "External": 2})
_MODE: Final = _enum("VMSwitchTeamingMode", {"SwitchIndependent": 1})
_BALANCING: Final = _enum("VMSwitchLoadBalancingAlgorithm", {"Dynamic": 5, "HyperVPort": 4})
"""SET supports switch-independent teaming only [D]; Network ATC takes HyperVPort ([D] ASD deploy/network-atc)."""
_BANDWIDTH: Final = _enum("VMSwitchBandwidthMode", {"Default": 0, "Weight": 1, "Absolute": 2, "None": 3})
_EXCEPTION: Final = f"{_NAMESPACE}.VirtualizationException"
_COMPUTER: Final = Parameter("ComputerName", "string[]")
_NAMES: Final = Parameter("Name", "string[]", position=0, pipeline="name", aliases=("SwitchName",))


@HYPERV.cmdlet("Get-VMSwitch", _NAMES, Parameter("SwitchType", "string[]"), Parameter("Id", "string[]"), _COMPUTER)
def get_switch(call: Call) -> Iterator[object]:
    """The virtual switch that Network ATC made."""
    _stay_here(call)
    for switch in _chosen(call, [_switch(call)], "switch"):
        kind = switch.get("SwitchType")
        label = kind.name if isinstance(kind, PSEnum) else ""
        if selects(call.texts("SwitchType"), label) and selects(call.texts("Id"), str(switch.get("Id"))):
            yield switch


@HYPERV.cmdlet("Get-VMSwitchTeam", _NAMES, Parameter("VMSwitch", "object[]", pipeline="value"), _COMPUTER)
def get_team(call: Call) -> Iterator[object]:
    """The team inside of the switch (SET)."""
    _stay_here(call)
    team = _team(network(call))
    switch = _switch(call)
    row = TEAM.make(
        switch.get("Name"),
        switch.get("Id"),
        strings(item.description for item in team),
        PSArray([UUID(item.guid) for item in team], "System.Guid"),
        PSEnum(_MODE, 1),
        PSEnum(_BALANCING, 4),
        call.host.node.name,
        text=str(switch.get("Name")),
    )
    yield from _chosen(call, [row], "switch")


@HYPERV.cmdlet(
    "Get-VMNetworkAdapter",
    Parameter("VMName", "string[]", position=0),
    Parameter("ManagementOS", "switch"),
    Parameter("All", "switch"),
    Parameter("Name", "string[]", aliases=("VMNetworkAdapterName",)),
    Parameter("SwitchName", "string[]"),
    Parameter("VM", "object[]", pipeline="value"),
    _COMPUTER,
)
def get_network_adapter(call: Call) -> Iterator[object]:
    """Adapters of the host on the switch; those of guests are not simulated."""
    _stay_here(call)
    if not call.switch("ManagementOS") or call.switch("All"):
        raise limitation("network adapters of guests are not simulated; Get-VMNetworkAdapter -ManagementOS is")
    own = network(call)
    rows = [_host_adapter(call, own, item) for item in own.adapters if not item.physical]
    for row in _chosen(call, rows, "network adapter"):
        if selects(call.texts("SwitchName"), str(row.get("SwitchName"))):
            yield row


def _stay_here(call: Call) -> None:
    if call.has("ComputerName"):
        for name in call.texts("ComputerName"):
            call.bound["ComputerName"] = name
            refuse_elsewhere(call, "ComputerName")


def _chosen(call: Call, rows: list[PSObject], kind: str) -> list[PSObject]:
    """Rows by name; one without wildcard that does not exist is an error [GK]."""
    came = given_input(call)
    wanted = call.texts("Name")
    if not wanted and came is not None:
        wanted = [str(property_of(item, "Name")) for item in (came if isinstance(came, list) else [came])]
    for name in wanted:
        if not has_wildcard(name) and not any(str(row.get("Name")).lower() == name.lower() for row in rows):
            text = f'Hyper-V was unable to find a virtual {kind} with name "{name}".'
            call.write_error(text, "InvalidParameter", "InvalidArgument", name, _EXCEPTION)
    return [row for row in rows if selects(wanted, str(row.get("Name")))]


def _team(own: NodeNetwork) -> list[Adapter]:
    return [item for item in own.adapters if item.teamed]


def _switch_id(own: NodeNetwork) -> UUID:
    """The switch's id; its random part is that of the host's adapter [INF]."""
    return UUID(int=UUID(own.management.guid).int ^ 1)


def _switch(call: Call) -> PSObject:
    own = network(call)
    team, name = _team(own), networks(call).facts.switch_name
    return SWITCH.make(
        name,
        _switch_id(own),
        PSEnum(_TYPE, 2),
        True,
        True,
        "Teamed-Interface",
        strings(item.description for item in team),
        PSArray([UUID(item.guid) for item in team], "System.Guid"),
        True,
        True,
        PSEnum(_BANDWIDTH, 3),
        "",
        call.host.node.name,
        text=f"VMSwitch (Name = '{name}') [Id = '{_switch_id(own)}']",
    )


def _host_adapter(call: Call, own: NodeNetwork, adapter: Adapter) -> PSObject:
    up = own.is_up(adapter)
    device = f"{{{adapter.guid}}}"
    return HOST_ADAPTER.make(
        adapter.name,
        f"Microsoft:{adapter.guid}",
        True,
        None,
        networks(call).facts.switch_name,
        _switch_id(own),
        adapter.mac.replace("-", ""),
        PSArray(["Ok" if up else "Disconnected"], "System.String"),
        strings(address.ip for address in adapter.addresses),
        device,
        adapter.guid,
        call.host.node.name,
        False,
        up,
        text=adapter.name,
    )
