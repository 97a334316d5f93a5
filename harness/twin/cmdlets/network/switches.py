"""Virtual switches of a node: what is there, and how they come, change and go ([D] WPD Hyper-V; texts [GK])."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from typing import Final

from harness.twin.cmdlets.declaring import selects
from harness.twin.cmdlets.hyperv import HYPERV
from harness.twin.cmdlets.network.cim import changed, network, networks
from harness.twin.cmdlets.network.virtualization import (
    EXCEPTION,
    PASS,
    chosen_switches,
    identities,
    make_switch,
    missing,
    names_wanted,
)
from harness.twin.model.network import Adapter, VirtualSwitch
from harness.twin.model.network.virtual import add_host_adapter, add_switch, remove_switch
from harness.twin.shell.commands.api import Call, Parameter
from harness.twin.shell.errors import limitation

_NAMES: Final = Parameter("Name", "string[]", position=0, pipeline="name", aliases=("SwitchName",))
_OBJECTS: Final = Parameter("VMSwitch", "object[]", pipeline="value")
_ADAPTER: Final = Parameter("NetAdapterName", "string[]", aliases=("InterfaceAlias",))
_DESCRIPTION: Final = Parameter("NetAdapterInterfaceDescription", "string[]")
_TYPES: Final = ("Private", "Internal", "External")


@HYPERV.cmdlet("Get-VMSwitch", _NAMES, Parameter("SwitchType", "string[]"), Parameter("Id", "string[]"))
def get_switch(call: Call) -> Iterator[object]:
    """The virtual switches of this node."""
    for switch in chosen_switches(call, names_wanted(call)):
        if selects(call.texts("SwitchType"), switch.kind) and selects(call.texts("Id"), switch.guid):
            yield make_switch(call, switch)


@HYPERV.cmdlet(
    "New-VMSwitch",
    Parameter("Name", "string", position=0, mandatory=True, aliases=("SwitchName",)),
    _ADAPTER,
    _DESCRIPTION,
    Parameter("SwitchType", "string", values=_TYPES[:2]),
    Parameter("AllowManagementOS", "bool"),
    Parameter("EnableEmbeddedTeaming", "bool"),
    Parameter("EnableIov", "bool"),
    Parameter("MinimumBandwidthMode", "string", values=("Default", "Weight", "Absolute", "None")),
    Parameter("Notes", "string"),
    should_process=True,
)
def new_switch(call: Call) -> Iterator[object]:
    """Makes a switch; the host gets an adapter on it unless ``-AllowManagementOS $false`` [GK]."""
    own, name = network(call), call.text("Name")
    if own.find_switch(name) is not None:
        raise limitation(f"a second virtual switch named '{name}' is not simulated")
    members = physical_adapters(call)
    kind = "External" if members else call.text("SwitchType").capitalize()
    if not kind:
        raise limitation("New-VMSwitch without -NetAdapterName or -SwitchType is not simulated")
    for member in members:
        require_unbound(call, member)
    if not call.should_process(name, "New-VMSwitch"):
        return
    switch = add_switch(own, identities(call), name, members, kind)
    switch.embedded_teaming = bool(call.get("EnableEmbeddedTeaming", len(members) > 1))
    switch.iov, switch.notes = bool(call.get("EnableIov", False)), call.text("Notes")
    switch.bandwidth = "None" if switch.iov else _bandwidth(call)
    if kind != "Private" and call.get("AllowManagementOS", True):
        add_host_adapter(own, identities(call), switch, name)
    changed(call)
    yield make_switch(call, switch)


def _bandwidth(call: Call) -> str:
    """The mode of bandwidth; what it is by default [D]."""
    mode = call.text("MinimumBandwidthMode", "Default").capitalize()
    return "Absolute" if mode == "Default" else mode


def physical_adapters(call: Call) -> list[Adapter]:
    """The adapters that a command names.  Raises PSError for one that is not there."""
    own = network(call)
    found = []
    for parameter in ("NetAdapterName", "NetAdapterInterfaceDescription"):
        for text in call.texts(parameter):
            attribute = "name" if parameter == "NetAdapterName" else "description"
            match = [
                item for item in own.adapters if item.physical and getattr(item, attribute).lower() == text.lower()
            ]
            if not match:
                message = f'Hyper-V was unable to find a network adapter with name "{text}".'
                raise call.fail(message, "InvalidParameter", "InvalidArgument", text, EXCEPTION)
            found += match
    return found


def require_unbound(call: Call, adapter: Adapter) -> None:
    """Raises PSError for an adapter that belongs to a switch already."""
    if adapter.switch:
        text = (
            "Failed while adding virtual Ethernet switch connections.\n"
            f"External Ethernet adapter '{adapter.description}' is already bound to the Microsoft Virtual Switch "
            "protocol."
        )
        raise call.fail(text, "OperationFailed", "NotSpecified", adapter.name, EXCEPTION)


@HYPERV.cmdlet(
    "Set-VMSwitch",
    _NAMES,
    _OBJECTS,
    Parameter("NetAdapterName", "string[]", aliases=("InterfaceAlias",)),
    Parameter("AllowManagementOS", "bool"),
    Parameter("Notes", "string"),
    PASS,
    should_process=True,
)
def set_switch(call: Call) -> Iterator[object]:
    """Changes notes, the physical adapter of an external switch, and whether the host has an adapter on it."""
    own = network(call)
    for switch in chosen_switches(call, names_wanted(call)):
        if not call.should_process(switch.name, "Set-VMSwitch"):
            continue
        if call.has("NetAdapterName"):
            _rebind(call, switch, physical_adapters(call))
        if call.has("Notes"):
            switch.notes = call.text("Notes")
        hosted = own.host_adapters(switch)
        if call.get("AllowManagementOS") is True and not hosted:
            add_host_adapter(own, identities(call), switch, switch.name)
        elif call.get("AllowManagementOS") is False:
            for adapter in hosted:
                own.drop(adapter)
        changed(call)
        if call.switch("Passthru"):
            yield make_switch(call, switch)


def _rebind(call: Call, switch: VirtualSwitch, adapters: Sequence[Adapter]) -> None:
    own = network(call)
    if switch.embedded_teaming or len(adapters) != 1:
        raise limitation("Set-VMSwitch -NetAdapterName is simulated for one adapter of a switch without team")
    if adapters[0].switch != switch.guid:
        require_unbound(call, adapters[0])
    for member in own.members(switch):
        member.switch = ""
    adapters[0].switch, switch.kind = switch.guid, "External"


@HYPERV.cmdlet(
    "Rename-VMSwitch",
    Parameter("Name", "string[]", position=0, aliases=("SwitchName",)),
    Parameter("NewName", "string", position=1, mandatory=True),
    _OBJECTS,
    PASS,
    should_process=True,
)
def rename_switch(call: Call) -> Iterator[object]:
    """Gives a switch another name; its adapters keep theirs."""
    for switch in chosen_switches(call, names_wanted(call)):
        if call.should_process(switch.name, "Rename-VMSwitch"):
            switch.name = call.text("NewName")
            changed(call)
            if call.switch("Passthru"):
                yield make_switch(call, switch)


@HYPERV.cmdlet("Remove-VMSwitch", _NAMES, _OBJECTS, Parameter("Force", "switch"), should_process=True)
def drop_switch(call: Call) -> None:
    """Takes switches away, with the host's adapters on them and their addresses.

    What running guests do without their switch is not simulated: drain the node first, as guides do.
    """
    wanted = names_wanted(call)
    if not wanted:
        raise missing(call, "switch", "")
    own = network(call)
    for switch in chosen_switches(call, wanted):
        _require_no_guests(call, switch)
        if call.should_process(switch.name, "Remove-VMSwitch"):
            remove_switch(own, switch)
            changed(call)


def _require_no_guests(call: Call, switch: VirtualSwitch) -> None:
    """Guests are on the switches of the intents for compute."""
    used = any(intent.compute and intent.switch_name == switch.name for intent in networks(call).atc.intents)
    node = call.host.node.name
    running = [guest.name for guest in call.host.model.guests.values() if guest.owner == node and guest.running]
    if used and running:
        raise limitation(
            f"what running guests do without their virtual switch is not simulated; {node} runs {len(running)}: "
            "drain it first"
        )
