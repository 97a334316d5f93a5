"""Adapters on virtual switches: ``*-VMNetworkAdapter`` of the host, and those of guests to read.

[D] WPD Hyper-V; properties [GK].
"""

from __future__ import annotations

from collections.abc import Iterator
from typing import Final

from harness.twin.cmdlets.declaring import selects
from harness.twin.cmdlets.guestadapters import ADAPTER_NAME, make_guest_adapter
from harness.twin.cmdlets.hyperv import HYPERV
from harness.twin.cmdlets.hypervcontrol import guests_given
from harness.twin.cmdlets.network.cim import changed, network
from harness.twin.cmdlets.network.virtualization import (
    GUEST,
    HOST,
    NAMESPACE,
    PASS,
    chosen_host_adapters,
    hyperv_enum,
    identities,
    make_host_adapter,
    missing,
    names_wanted,
    require_host,
)
from harness.twin.cmdlets.shapes import Shape
from harness.twin.model.network import Adapter, Port, VirtualSwitch
from harness.twin.model.network.virtual import add_host_adapter
from harness.twin.shell.commands.api import Call, Parameter
from harness.twin.shell.errors import limitation
from harness.twin.shell.objects import PSEnum, PSObject
from harness.twin.shell.regexes import has_wildcard

ISOLATION: Final = Shape(
    f"{NAMESPACE}.VMNetworkAdapterIsolationSetting",
    "IsolationMode AllowUntaggedTraffic DefaultIsolationID MultiTenantStack ParentAdapter IsTemplate ComputerName",
)
VLAN: Final = Shape(
    f"{NAMESPACE}.VMNetworkAdapterVlanSetting",
    "OperationMode AccessVlanId NativeVlanId AllowedVlanIdList AllowedVlanIdListString ParentAdapter IsTemplate "
    "ComputerName",
)
MAPPING: Final = Shape(
    f"{NAMESPACE}.VMNetworkAdapterTeamMappingSetting", "NetAdapterName NetAdapterDeviceId ParentAdapter ComputerName"
)
_ISOLATION_MODE: Final = hyperv_enum(
    "VMNetworkAdapterIsolationMode", {"None": 0, "NativeVirtualSubnet": 1, "ExternalVirtualSubnet": 2, "Vlan": 3}
)
_VLAN_MODE: Final = hyperv_enum("VMNetworkAdapterVlanMode", {"Untagged": 0, "Access": 1, "Trunk": 2, "Private": 3})
_ON_OFF: Final = hyperv_enum("OnOffState", {"On": 0, "Off": 1})

_NAME: Final = Parameter("Name", "string", aliases=("VMNetworkAdapterName",))
_OBJECTS: Final = Parameter("VMNetworkAdapter", "object[]", pipeline="value")
_WHICH: Final = (HOST, GUEST, Parameter("VMNetworkAdapterName", "string", aliases=("Name",)), _OBJECTS)


@HYPERV.cmdlet(
    "Get-VMNetworkAdapter",
    Parameter("VMName", "string[]", position=0, mandatory=True, sets=("VMName",)),
    Parameter("ManagementOS", "switch", mandatory=True, sets=("ManagementOS",)),
    Parameter("All", "switch", mandatory=True, sets=("All",)),
    Parameter("VM", "object[]", position=0, mandatory=True, pipeline="value", sets=("VMObject",)),
    Parameter("Name", "string[]", aliases=("VMNetworkAdapterName",)),
    Parameter("SwitchName", "string[]", sets=("ManagementOS",)),
    default_set="VMName",
)
def get_network_adapter(call: Call) -> Iterator[object]:
    """Adapters of the guests of this host that are named or came in, of the host on its switches, or all of both."""
    if call.switch("ManagementOS") or call.switch("All"):
        yield from _host_adapters(call)
    if not call.switch("ManagementOS"):
        yield from _guest_adapters(call)


def _host_adapters(call: Call) -> Iterator[object]:
    own = network(call)
    for adapter in chosen_host_adapters(call, call.texts("Name")):
        switch = own.switch_of(adapter)
        if selects(call.texts("SwitchName"), switch.name if switch else ""):
            yield make_host_adapter(call, own, adapter)


def _guest_adapters(call: Call) -> Iterator[object]:
    if call.switch("All"):
        call.bound["VMName"] = ["*"]
    wanted = call.texts("Name")
    for guest in guests_given(call, "VMName"):
        if selects(wanted, ADAPTER_NAME):
            yield make_guest_adapter(call.host.model, guest)
        elif not call.switch("All") and not any(map(has_wildcard, wanted)):
            call.write_error(missing(call, "network adapter", ", ".join(wanted)).record)


@HYPERV.cmdlet(
    "Add-VMNetworkAdapter",
    Parameter("VMName", "string[]", position=0),
    HOST,
    _NAME,
    Parameter("SwitchName", "string"),
    Parameter("StaticMacAddress", "string"),
    Parameter("DynamicMacAddress", "switch"),
    PASS,
    should_process=True,
)
def add_adapter(call: Call) -> Iterator[object]:
    """Gives the host one more adapter on a switch; ``Get-NetAdapter`` shows it as ``vEthernet (NAME)``."""
    require_host(call)
    own, switch = network(call), _switch(call)
    name = call.text("Name", switch.name)
    if own.find_port(name) is not None:
        raise limitation(f"a second adapter of the host named '{name}' is not simulated")
    if switch.kind == "Private":
        raise limitation("an adapter of the host on a private switch is not simulated")
    if call.should_process(name, "Add-VMNetworkAdapter"):
        adapter = add_host_adapter(own, identities(call), switch, name)
        _set_mac(adapter, call.text("StaticMacAddress"))
        changed(call)
        if call.switch("Passthru"):
            yield make_host_adapter(call, own, adapter)


def _switch(call: Call) -> VirtualSwitch:
    """The switch of a name; the only one without a name [GK]."""
    own, name = network(call), call.text("SwitchName")
    if not name and len(own.switches) == 1:
        return own.switches[0]
    found = own.find_switch(name)
    if found is None:
        raise missing(call, "switch", name)
    return found


def _set_mac(adapter: Adapter, text: str) -> None:
    digits = text.replace("-", "").replace(":", "").upper()
    if digits:
        if len(digits) != 12 or set(digits) - set("0123456789ABCDEF"):
            raise limitation(f"what Hyper-V says to the MAC address '{text}' is not simulated")
        adapter.mac = "-".join(digits[at : at + 2] for at in range(0, 12, 2))


@HYPERV.cmdlet(
    "Remove-VMNetworkAdapter",
    Parameter("VMName", "string[]", position=0),
    HOST,
    _NAME,
    Parameter("SwitchName", "string"),
    _OBJECTS,
    PASS,
    should_process=True,
)
def remove_adapter(call: Call) -> Iterator[object]:
    """Takes adapters of the host away, with their addresses."""
    require_host(call, "VMNetworkAdapter")
    own = network(call)
    for adapter in chosen_host_adapters(call, names_wanted(call, "Name", "VMNetworkAdapter")):
        switch = own.switch_of(adapter)
        if call.has("SwitchName") and (switch is None or switch.name.lower() != call.text("SwitchName").lower()):
            continue
        row = make_host_adapter(call, own, adapter)
        if call.should_process(str(row.get("Name")), "Remove-VMNetworkAdapter"):
            own.drop(adapter)
            changed(call)
            if call.switch("Passthru"):
                yield row


@HYPERV.cmdlet(
    "Rename-VMNetworkAdapter",
    HOST,
    GUEST,
    Parameter("Name", "string", position=0, aliases=("VMNetworkAdapterName",)),
    Parameter("NewName", "string", position=1, mandatory=True),
    _OBJECTS,
    PASS,
    should_process=True,
)
def rename_adapter(call: Call) -> Iterator[object]:
    """Renames an adapter of the host; Windows then calls it ``vEthernet (NEW NAME)`` [GK]."""
    require_host(call, "VMNetworkAdapter")
    own = network(call)
    for adapter, port in _ports(call, "Name"):
        if call.should_process(port.name, "Rename-VMNetworkAdapter"):
            port.name = call.text("NewName")
            adapter.name = f"vEthernet ({port.name})"
            changed(call)
            if call.switch("Passthru"):
                yield make_host_adapter(call, own, adapter)


@HYPERV.cmdlet(
    "Set-VMNetworkAdapter",
    HOST,
    GUEST,
    _NAME,
    _OBJECTS,
    Parameter("StaticMacAddress", "string"),
    PASS,
    should_process=True,
)
def set_adapter(call: Call) -> Iterator[object]:
    """Sets the MAC address of an adapter of the host."""
    require_host(call, "VMNetworkAdapter")
    for adapter, port in _ports(call, "Name"):
        if call.should_process(port.name, "Set-VMNetworkAdapter"):
            _set_mac(adapter, call.text("StaticMacAddress"))
            if call.switch("Passthru"):
                yield make_host_adapter(call, network(call), adapter)


def _ports(call: Call, parameter: str = "VMNetworkAdapterName") -> list[tuple[Adapter, Port]]:
    adapters = chosen_host_adapters(call, names_wanted(call, parameter, "VMNetworkAdapter"))
    return [(adapter, adapter.port) for adapter in adapters if adapter.port is not None]


# --- isolation, VLANs, team mapping


@HYPERV.cmdlet("Get-VMNetworkAdapterIsolation", *_WHICH)
def get_isolation(call: Call) -> Iterator[object]:
    """How the traffic of the host's adapters is kept apart; Network ATC sets VLANs in this way [T]."""
    require_host(call, "VMNetworkAdapter")
    yield from (_isolation(call, adapter, port) for adapter, port in _ports(call))


@HYPERV.cmdlet(
    "Set-VMNetworkAdapterIsolation",
    *_WHICH,
    Parameter("IsolationMode", "string", values=("None", "Vlan")),
    Parameter("AllowUntaggedTraffic", "bool"),
    Parameter("DefaultIsolationID", "int", minimum=0, maximum=4094),
    PASS,
    should_process=True,
)
def set_isolation(call: Call) -> Iterator[object]:
    """Sets the VLAN of host adapters; what the physical switches do with another one is not simulated."""
    require_host(call, "VMNetworkAdapter")
    for adapter, port in _ports(call):
        _refuse_vlan(call, adapter, call.number("DefaultIsolationID", port.isolation_id) != port.isolation_id)
        if call.should_process(port.name, "Set-VMNetworkAdapterIsolation"):
            port.isolation = call.text("IsolationMode", port.isolation).capitalize()
            port.isolation_id = call.number("DefaultIsolationID", port.isolation_id)
            port.untagged_allowed = bool(call.get("AllowUntaggedTraffic", port.untagged_allowed))
            changed(call)
            if call.switch("Passthru"):
                yield _isolation(call, adapter, port)


@HYPERV.cmdlet("Get-VMNetworkAdapterVlan", *_WHICH)
def get_vlan(call: Call) -> Iterator[object]:
    """VLANs of the host's adapters."""
    require_host(call, "VMNetworkAdapter")
    yield from (_vlan(call, adapter, port) for adapter, port in _ports(call))


@HYPERV.cmdlet(
    "Set-VMNetworkAdapterVlan",
    *_WHICH,
    Parameter("Untagged", "switch"),
    Parameter("Access", "switch"),
    Parameter("VlanId", "int", aliases=("AccessVlanId",), minimum=0, maximum=4094),
    Parameter("Trunk", "switch"),
    Parameter("NativeVlanId", "int", minimum=0, maximum=4094),
    Parameter("AllowedVlanIdList", "string"),
    PASS,
    should_process=True,
)
def set_vlan(call: Call) -> Iterator[object]:
    """Sets the VLAN of host adapters; what the physical switches do with another one is not simulated."""
    require_host(call, "VMNetworkAdapter")
    for adapter, port in _ports(call):
        mode = next((name for name in ("Untagged", "Access", "Trunk") if call.switch(name)), "")
        if not mode or (mode == "Access") is not call.has("VlanId"):
            raise limitation("Set-VMNetworkAdapterVlan is simulated with -Untagged, -Access -VlanId or -Trunk")
        _refuse_vlan(call, adapter, call.number("VlanId", call.number("NativeVlanId")) != port.vlan)
        if call.should_process(port.name, "Set-VMNetworkAdapterVlan"):
            port.mode, port.vlan = mode, call.number("VlanId")
            port.native_vlan, port.allowed_vlans = call.number("NativeVlanId"), call.text("AllowedVlanIdList")
            if call.switch("Passthru"):
                yield _vlan(call, adapter, port)


def _refuse_vlan(call: Call, adapter: Adapter, other: bool) -> None:
    """Raises PSError where another VLAN would take the node's management address along."""
    if other and any(address.ip == network(call).management_ip for address in adapter.addresses):
        raise limitation("another VLAN for the management address is not simulated: there are no physical switches")


@HYPERV.cmdlet("Get-VMNetworkAdapterTeamMapping", *_WHICH, Parameter("SwitchName", "string"))
def get_mapping(call: Call) -> Iterator[object]:
    """Which member of the team an adapter should use: those for storage have one [D]."""
    require_host(call, "VMNetworkAdapter")
    own = network(call)
    for adapter, port in _ports(call):
        member = next((item for item in own.adapters if item.guid == port.mapped_to), None)
        if member is not None:
            row = make_host_adapter(call, own, adapter)
            yield MAPPING.make(member.name, f"{{{member.guid}}}", row, call.host.node.name, text=member.name)


@HYPERV.cmdlet(
    "Set-VMNetworkAdapterTeamMapping",
    *_WHICH,
    Parameter("SwitchName", "string"),
    Parameter("PhysicalNetAdapterName", "string", mandatory=True),
    PASS,
    should_process=True,
)
def set_mapping(call: Call) -> Iterator[object]:
    """Says which member of the team adapters should use."""
    require_host(call, "VMNetworkAdapter")
    own, text = network(call), call.text("PhysicalNetAdapterName")
    member = own.find(text)
    for adapter, port in _ports(call):
        if member is None or not member.physical or member.switch != adapter.switch:
            raise missing(call, "network adapter", text)
        if call.should_process(port.name, "Set-VMNetworkAdapterTeamMapping"):
            port.mapped_to = member.guid
            if call.switch("Passthru"):
                yield make_host_adapter(call, own, adapter)


def _isolation(call: Call, adapter: Adapter, port: Port) -> PSObject:
    return ISOLATION.make(
        PSEnum(_ISOLATION_MODE, _ISOLATION_MODE.labels[port.isolation]),
        port.untagged_allowed,
        port.isolation_id,
        PSEnum(_ON_OFF, 1),
        make_host_adapter(call, network(call), adapter),
        False,
        call.host.node.name,
    )


def _vlan(call: Call, adapter: Adapter, port: Port) -> PSObject:
    return VLAN.make(
        PSEnum(_VLAN_MODE, _VLAN_MODE.labels[port.mode]),
        port.vlan,
        port.native_vlan,
        _numbers(port.allowed_vlans),
        port.allowed_vlans,
        make_host_adapter(call, network(call), adapter),
        False,
        call.host.node.name,
    )


def _numbers(text: str) -> list[int]:
    """The VLANs of a list like ``1-3,10``."""
    found: list[int] = []
    for part in text.replace(" ", "").split(","):
        low, _, high = part.partition("-")
        if low.isdecimal() and (not high or high.isdecimal()):
            found += range(int(low), int(high or low) + 1)
    return found
