"""Teams inside of virtual switches (SET), and the switches' extensions ([D] WPD Hyper-V; properties [GK])."""

from __future__ import annotations

from collections.abc import Iterator
from typing import Final
from uuid import UUID

from harness.twin.cmdlets.declaring import selects
from harness.twin.cmdlets.hyperv import HYPERV
from harness.twin.cmdlets.network.cim import changed, network, strings
from harness.twin.cmdlets.network.switches import physical_adapters, require_unbound
from harness.twin.cmdlets.network.virtualization import (
    EXCEPTION,
    NAMESPACE,
    PASS,
    chosen_switches,
    hyperv_enum,
    missing,
    names_wanted,
)
from harness.twin.cmdlets.shapes import Shape
from harness.twin.model.network import Adapter, VirtualSwitch
from harness.twin.model.network.virtual import FILTERING_PLATFORM
from harness.twin.shell.commands.api import Call, Parameter
from harness.twin.shell.errors import limitation
from harness.twin.shell.objects import PSArray, PSEnum, PSObject

TEAM: Final = Shape(
    f"{NAMESPACE}.VMSwitchTeam",
    "Name Id NetAdapterInterfaceDescription NetAdapterInterfaceGuid TeamingMode LoadBalancingAlgorithm ComputerName",
)
EXTENSION: Final = Shape(
    f"{NAMESPACE}.EthernetSwitchExtension",
    "Id Name Vendor Version ExtensionType ParentExtensionId ParentExtensionName SwitchId SwitchName Enabled Running "
    "ComputerName",
)
SYSTEM_EXTENSION: Final = Shape(f"{NAMESPACE}.InstalledEthernetSwitchExtension", "Id Name Vendor Version ExtensionType")
_MODE: Final = hyperv_enum("VMSwitchTeamingMode", {"SwitchIndependent": 1})
_BALANCING: Final = hyperv_enum("VMSwitchLoadBalancingAlgorithm", {"Dynamic": 5, "HyperVPort": 4})
"""SET supports switch-independent teaming only [D]; Network ATC takes HyperVPort ([D] ASD deploy/network-atc)."""
_KIND: Final = hyperv_enum("EthernetSwitchExtensionType", {"Unknown": 0, "Capture": 1, "Filter": 2, "Forwarding": 3})
_EXTENSIONS: Final = {
    "Microsoft NDIS Capture": ("430BDADD-BAB0-41AB-A369-94B67FA5BE0A", "Capture"),
    FILTERING_PLATFORM: ("EA24CD6C-D17A-4348-9190-09F0D5BE83DD", "Filter"),
}
"""Those of every host [GK]; Azure's virtual filtering comes with a role that the product does not install [T]."""
_NAMES: Final = Parameter("Name", "string[]", position=0, pipeline="name", aliases=("SwitchName",))
_SWITCHES: Final = Parameter("VMSwitchName", "string[]", position=0, aliases=("SwitchName",))
_OBJECTS: Final = Parameter("VMSwitch", "object[]", pipeline="value")
_ADAPTERS: Final = (
    Parameter("NetAdapterName", "string[]", aliases=("InterfaceAlias",)),
    Parameter("NetAdapterInterfaceDescription", "string[]"),
)


@HYPERV.cmdlet("Get-VMSwitchTeam", _NAMES, _OBJECTS)
def get_team(call: Call) -> Iterator[object]:
    """The teams inside of switches; naming a switch without one is an error."""
    wanted = names_wanted(call)
    for switch in chosen_switches(call, wanted):
        if switch.embedded_teaming:
            yield make_team(call, switch)
        elif switch.name.lower() in (name.lower() for name in wanted):
            call.write_error(missing(call, "switch", switch.name).record)


def make_team(call: Call, switch: VirtualSwitch) -> PSObject:
    """The shell's object of a team."""
    members = network(call).members(switch)
    return TEAM.make(
        switch.name,
        UUID(switch.guid),
        strings(item.description for item in members),
        PSArray([UUID(item.guid) for item in members], "System.Guid"),
        PSEnum(_MODE, 1),
        PSEnum(_BALANCING, _BALANCING.labels[switch.balancing]),
        call.host.node.name,
        text=switch.name,
    )


@HYPERV.cmdlet(
    "Set-VMSwitchTeam",
    _NAMES,
    _OBJECTS,
    *_ADAPTERS,
    Parameter("TeamingMode", "string", values=("SwitchIndependent",)),
    Parameter("LoadBalancingAlgorithm", "string", values=("Dynamic", "HyperVPort")),
    PASS,
    should_process=True,
)
def set_team(call: Call) -> Iterator[object]:
    """Sets the members of a team, and how it balances load."""
    yield from _change(call, "Name", physical_adapters(call) or None)


@HYPERV.cmdlet("Add-VMSwitchTeamMember", _SWITCHES, _OBJECTS, *_ADAPTERS, PASS, should_process=True)
def add_member(call: Call) -> Iterator[object]:
    """Adds physical adapters to a team."""
    yield from _change(call, "VMSwitchName", physical_adapters(call), keep=True)


@HYPERV.cmdlet("Remove-VMSwitchTeamMember", _SWITCHES, _OBJECTS, *_ADAPTERS, PASS, should_process=True)
def remove_member(call: Call) -> Iterator[object]:
    """Takes physical adapters out of a team; what is left without any is not simulated."""
    gone = physical_adapters(call)
    for switch in chosen_switches(call, names_wanted(call, "VMSwitchName")):
        left = [item for item in network(call).members(switch) if item not in gone]
        yield from _change(call, "VMSwitchName", left)


def _change(call: Call, parameter: str, members: list[Adapter] | None, *, keep: bool = False) -> Iterator[object]:
    own = network(call)
    for switch in chosen_switches(call, names_wanted(call, parameter)):
        if not switch.embedded_teaming:
            text = f"The virtual switch '{switch.name}' has no embedded team."  # [INF]
            raise call.fail(text, "InvalidParameter", "InvalidArgument", switch.name, EXCEPTION)
        before = own.members(switch)
        after = before if members is None else [*before, *members] if keep else members
        if not after:
            raise limitation("a team without members is not simulated")
        for item in after:
            if item not in before:
                require_unbound(call, item)
        if call.should_process(switch.name, call.declaration.name):
            for item in own.adapters:
                if item in before or item in after:
                    item.switch = switch.guid if item in after else ""
            switch.balancing = _balancing(call, switch)
            changed(call)
            if call.switch("Passthru"):
                yield make_team(call, switch)


def _balancing(call: Call, switch: VirtualSwitch) -> str:
    wanted = call.text("LoadBalancingAlgorithm").lower()
    return next((label for label in _BALANCING.labels if label.lower() == wanted), switch.balancing)


# --- extensions


@HYPERV.cmdlet("Get-VMSwitchExtension", _SWITCHES, Parameter("Name", "string[]", position=1), _OBJECTS)
def get_extension(call: Call) -> Iterator[object]:
    """Extensions of switches."""
    for switch in chosen_switches(call, names_wanted(call, "VMSwitchName")):
        for name in _extensions(call):
            yield _extension(call, switch, name)


@HYPERV.cmdlet("Get-VMSystemSwitchExtension", Parameter("Name", "string[]", position=0))
def get_system_extension(call: Call) -> Iterator[object]:
    """Extensions that are installed."""
    for name in _extensions(call):
        guid, kind = _EXTENSIONS[name]
        build = call.host.node.os_build.version
        yield SYSTEM_EXTENSION.make(guid, name, "Microsoft", build, PSEnum(_KIND, _KIND.labels[kind]), text=name)


_TOGGLE: Final = (
    Parameter("Name", "string[]", position=0),
    Parameter("VMSwitchName", "string[]", position=1, aliases=("SwitchName",)),
    Parameter("VMSwitch", "object[]"),
    Parameter("VMSwitchExtension", "object[]", pipeline="value"),
)


@HYPERV.cmdlet("Enable-VMSwitchExtension", *_TOGGLE)
def enable_extension(call: Call) -> Iterator[object]:
    """Enables extensions on switches."""
    yield from _toggle(call, enabled=True)


@HYPERV.cmdlet("Disable-VMSwitchExtension", *_TOGGLE)
def disable_extension(call: Call) -> Iterator[object]:
    """Disables extensions on switches."""
    yield from _toggle(call, enabled=False)


def _toggle(call: Call, *, enabled: bool) -> Iterator[object]:
    pairs = [(item, switch) for item in _wanted_objects(call) for switch in chosen_switches(call, [item.switch])]
    if not pairs:
        switches = chosen_switches(call, names_wanted(call, "VMSwitchName"))
        pairs = [(_Wanted(name, ""), switch) for name in _extensions(call) for switch in switches]
    for item, switch in pairs:
        (switch.extensions.add if enabled else switch.extensions.discard)(item.name)
        yield _extension(call, switch, item.name)


class _Wanted:
    """An extension that came in as an object."""

    def __init__(self, name: str, switch: str) -> None:
        self.name, self.switch = name, switch


def _wanted_objects(call: Call) -> list[_Wanted]:
    came = call.get("VMSwitchExtension") or []
    return [_Wanted(str(item.get("Name")), str(item.get("SwitchName"))) for item in came]


def _extensions(call: Call) -> list[str]:
    """Names of extensions; one that is not there is an error."""
    wanted = call.texts("Name")
    for name in wanted:
        if not any(selects([name], known) for known in _EXTENSIONS):
            call.write_error(missing(call, "switch extension", name).record)
    return [name for name in _EXTENSIONS if selects(wanted, name)]


def _extension(call: Call, switch: VirtualSwitch, name: str) -> PSObject:
    guid, kind = _EXTENSIONS[name]
    enabled = name in switch.extensions
    return EXTENSION.make(
        guid, name, "Microsoft", call.host.node.os_build.version, PSEnum(_KIND, _KIND.labels[kind]), None, None,
        UUID(switch.guid), switch.name, enabled, enabled, call.host.node.name, text=name,
    )  # fmt: skip
