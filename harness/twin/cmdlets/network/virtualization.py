"""What the commands about virtual switches and the host's adapters on them share ([D] WPD Hyper-V; texts [GK])."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Final
from uuid import UUID

from harness.twin.cmdlets.declaring import given_input, property_of, selects
from harness.twin.cmdlets.guestadapters import ADAPTER_BASE
from harness.twin.cmdlets.network.cim import network, networks, strings
from harness.twin.cmdlets.shapes import Shape
from harness.twin.model.network import Adapter, NodeNetwork, VirtualSwitch
from harness.twin.model.network.virtual import Identities
from harness.twin.shell.commands.api import Call, Parameter
from harness.twin.shell.errors import PSError, limitation
from harness.twin.shell.objects import EnumType, PSArray, PSEnum, PSObject
from harness.twin.shell.regexes import has_wildcard
from harness.twin.shell.typesystem import register_enum

NAMESPACE: Final = "Microsoft.HyperV.PowerShell"
EXCEPTION: Final = f"{NAMESPACE}.VirtualizationException"
SWITCH: Final = Shape(
    f"{NAMESPACE}.VMSwitch",
    "Name Id SwitchType AllowManagementOS EmbeddedTeamingEnabled NetAdapterInterfaceDescription "
    "NetAdapterInterfaceDescriptions NetAdapterInterfaceGuid IovEnabled IovSupport IovSupportReasons "
    "SoftwareRscEnabled BandwidthReservationMode Notes ComputerName",
)
HOST_ADAPTER: Final = Shape(
    (f"{NAMESPACE}.VMInternalNetworkAdapter", ADAPTER_BASE, "System.Object"),
    "Name Id IsManagementOs VMName SwitchName SwitchId MacAddress Status IPAddresses DeviceId AdapterId ComputerName "
    "DynamicMacAddressEnabled Connected",
)
PASS: Final = Parameter("Passthru", "switch")
HOST: Final = Parameter("ManagementOS", "switch")
GUEST: Final = Parameter("VMName", "string[]")
TEAMED: Final = "Teamed-Interface"
"""[D] ASD: what a switch with a team shows as its adapter."""


def hyperv_enum(name: str, labels: dict[str, int]) -> EnumType:
    """An enumeration of the module."""
    return register_enum(EnumType(f"{NAMESPACE}.{name}", labels))


TYPE: Final = hyperv_enum("VMSwitchType", {"Private": 0, "Internal": 1, "External": 2})
BANDWIDTH: Final = hyperv_enum("VMSwitchBandwidthMode", {"Default": 0, "Weight": 1, "Absolute": 2, "None": 3})


def came_in(call: Call, parameter: str) -> list[object] | None:
    """Objects of the pipeline, or of a parameter that takes such objects; None without either."""
    found = call.get(parameter) if call.has(parameter) else given_input(call)
    if found is None:
        return None
    return list(found) if isinstance(found, list) else [found]


def names_wanted(call: Call, name: str = "Name", objects: str = "VMSwitch") -> list[str]:
    """Names on the line, else those of the objects that came in."""
    wanted = call.texts(name) if isinstance(call.get(name), list) else [call.text(name)] if call.has(name) else []
    came = None if wanted else came_in(call, objects)
    if came is None:
        return wanted
    return [item if isinstance(item, str) else str(property_of(item, "Name")) for item in came]


def missing(call: Call, kind: str, name: str) -> PSError:
    """There is no switch or adapter of this name [GK]."""
    text = f'Hyper-V was unable to find a virtual {kind} with name "{name}".'
    return call.fail(text, "InvalidParameter", "InvalidArgument", name, EXCEPTION)


def chosen_switches(call: Call, wanted: Sequence[str]) -> list[VirtualSwitch]:
    """Switches by name, all without one; a name without wildcard that does not exist is an error."""
    switches = network(call).switches
    for name in wanted:
        if not has_wildcard(name) and not any(item.name.lower() == name.lower() for item in switches):
            call.write_error(missing(call, "switch", name).record)
    return [item for item in switches if selects(wanted, item.name)]


def chosen_host_adapters(call: Call, wanted: Sequence[str]) -> list[Adapter]:
    """The host's adapters by the names that Hyper-V has for them."""
    ports = [(item.port.name, item) for item in network(call).adapters if item.port is not None]
    for name in wanted:
        if not has_wildcard(name) and not any(port.lower() == name.lower() for port, _ in ports):
            call.write_error(missing(call, "network adapter", name).record)
    return [item for port, item in ports if selects(wanted, port)]


def require_host(call: Call, objects: str = "") -> None:
    """Raises PSError unless the command is about the host's adapters: those of guests can only be read.

    ``objects`` names the parameter that takes such adapters from the pipeline.
    """
    came = came_in(call, objects) if objects else None
    of_guests = any(not isinstance(item, str) and not property_of(item, "IsManagementOs") for item in came or ())
    if of_guests or (came is None and not call.switch("ManagementOS")):
        name = call.declaration.name
        raise limitation(f"{name} for adapters of guests is not simulated; with -ManagementOS it is")


def identities(call: Call) -> Identities:
    """Where new adapters and switches of this machine get their identities."""
    return networks(call).identities(call.host.node.name)


def make_switch(call: Call, switch: VirtualSwitch) -> PSObject:
    """The shell's object of a switch."""
    own = network(call)
    members = own.members(switch)
    one = members[0].description if members else None
    switch_id = UUID(switch.guid)
    return SWITCH.make(
        switch.name,
        switch_id,
        PSEnum(TYPE, TYPE.labels[switch.kind]),
        bool(own.host_adapters(switch)),
        switch.embedded_teaming,
        TEAMED if switch.embedded_teaming else one,
        strings(item.description for item in members),
        PSArray([UUID(item.guid) for item in members], "System.Guid"),
        switch.iov,
        switch.kind == "External",
        None,
        True,
        PSEnum(BANDWIDTH, BANDWIDTH.labels[switch.bandwidth]),
        switch.notes,
        call.host.node.name,
        text=f"VMSwitch (Name = '{switch.name}') [Id = '{switch_id}']",
    )


def make_host_adapter(call: Call, own: NodeNetwork, adapter: Adapter) -> PSObject:
    """The shell's object of a host's adapter on a switch."""
    up, switch = own.is_up(adapter), own.switch_of(adapter)
    name = adapter.port.name if adapter.port else adapter.name
    return HOST_ADAPTER.make(
        name,
        f"Microsoft:{adapter.guid}",
        True,
        None,
        switch.name if switch else None,
        UUID(switch.guid) if switch else None,
        adapter.mac.replace("-", ""),
        PSArray(["Ok" if up else "Disconnected"], "System.String"),
        strings(address.ip for address in adapter.addresses),
        f"{{{adapter.guid}}}",
        adapter.guid,
        call.host.node.name,
        False,
        up,
        text=f"VMInternalNetworkAdapter, Name = '{name}'",
    )
