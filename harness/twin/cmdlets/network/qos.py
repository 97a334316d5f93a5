"""Data centre bridging and quality of service ([D] WPD DcbQos, NetQos, NetAdapter; classes of storage [D] ASD)."""

from __future__ import annotations

from collections.abc import Callable, Iterator, Sequence
from typing import Final

from harness.twin.cmdlets.farmodules import cim_module
from harness.twin.cmdlets.network.adapters import DESCRIPTION, HIDDEN, NAME
from harness.twin.cmdlets.network.cim import ADAPTERS, changed, choose, chosen_adapters, network, shape
from harness.twin.model.network import Adapter, Qos, TrafficClass
from harness.twin.shell.commands.api import Call, Parameter
from harness.twin.shell.objects import Byte, PSObject, UInt32

DCB: Final = cim_module("DcbQos")

FLOW: Final = shape(
    "MSFT_NetQosFlowControlSettingData", "Priority Enabled PolicySet InterfaceAlias InterfaceIndex IfAlias IfIndex"
)
DCBX: Final = shape("MSFT_NetQosDcbxSettingData", "Willing PolicySet InterfaceAlias InterfaceIndex IfAlias IfIndex")
ADAPTER_QOS: Final = shape(
    "MSFT_NetAdapterQosSettingData",
    "Name InterfaceDescription Enabled OperationalTrafficClasses OperationalFlowControl OperationalClassifications "
    "RemoteTrafficClasses RemoteFlowControl RemoteClassifications",
)
_PRIORITIES: Final = range(8)
DEFAULT: Final = "[Default]"
"""Name of the class that is always there [D]."""
ALIAS: Final = Parameter("InterfaceAlias", "string", position=1, aliases=("IfAlias", "Name"))
INDEX: Final = Parameter("InterfaceIndex", "object", aliases=("IfIndex",))
_PRIORITY: Final = Parameter("Priority", "int[]", position=0)


def scope_of(call: Call) -> list[Adapter] | None:
    """The adapters that a command names; None for the whole machine."""
    if not call.has("InterfaceAlias") and not call.has("InterfaceIndex"):
        return None
    adapters = [item for item in network(call).adapters if item.physical]
    found = choose(call, "MSFT_NetQosDcbxSettingData", "InterfaceAlias", adapters, lambda item: item.name)
    return choose(call, "MSFT_NetQosDcbxSettingData", "InterfaceIndex", found, lambda item: item.index)


def place_of(adapter: Adapter | None) -> tuple[object, ...]:
    """PolicySet, alias and index of a setting."""
    if adapter is None:
        return "Global", None, None
    return "AdapterSpecific", adapter.name, UInt32(adapter.index)


@DCB.cmdlet("Get-NetQosFlowControl", _PRIORITY, ALIAS, INDEX)
def get_flow(call: Call) -> Iterator[object]:
    """Priority flow control of each priority."""
    qos, scope = network(call).qos, scope_of(call)
    wanted = [int(number) for number in call.get("Priority") or _PRIORITIES]
    for adapter in [None] if scope is None else scope:
        policy_set, alias, index = place_of(adapter)
        for priority in _PRIORITIES:
            if priority in wanted:
                enabled = priority in qos.flow_control
                yield FLOW.make(Byte(priority), enabled, policy_set, alias, index, alias, index)


@DCB.cmdlet("Enable-NetQosFlowControl", _PRIORITY, Parameter("PassThru", "switch"), should_process=True)
def enable_flow(call: Call) -> None:
    """Switches flow control of priorities on."""
    _switch(call, network(call).qos.flow_control.add)


@DCB.cmdlet("Disable-NetQosFlowControl", _PRIORITY, Parameter("PassThru", "switch"), should_process=True)
def disable_flow(call: Call) -> None:
    """Switches flow control of priorities off."""
    _switch(call, network(call).qos.flow_control.discard)


def _switch(call: Call, change: Callable[[int], None]) -> None:
    for number in call.get("Priority") or _PRIORITIES:
        if call.should_process(f"Priority {number}", call.declaration.name):
            change(int(number))
            changed(call)


def class_rows(qos: Qos) -> list[TrafficClass]:
    """All classes: the default one first, with the priorities and the bandwidth that the others leave."""
    taken = {number for item in qos.classes for number in item.priorities}
    left = 100 - sum(item.percent for item in qos.classes)
    return [TrafficClass(DEFAULT, tuple(number for number in _PRIORITIES if number not in taken), left), *qos.classes]


def ranges(numbers: Sequence[int]) -> str:
    """``0-2,4-6``."""
    parts: list[list[int]] = []
    for number in numbers:
        if parts and parts[-1][-1] == number - 1:
            parts[-1].append(number)
        else:
            parts.append([number])
    return ",".join(str(part[0]) if len(part) == 1 else f"{part[0]}-{part[-1]}" for part in parts)


@DCB.cmdlet("Get-NetQosDcbxSetting", Parameter("InterfaceAlias", "string", position=0, aliases=("IfAlias",)), INDEX)
def get_dcbx(call: Call) -> Iterator[object]:
    """Whether adapters take their settings from the switch; deployment says no [T]."""
    scope = scope_of(call)
    for adapter in [None] if scope is None else scope:
        yield _dcbx(network(call).qos, adapter)


def _dcbx(qos: Qos, adapter: Adapter | None) -> PSObject:
    policy_set, alias, index = place_of(adapter)
    willing = qos.willing if adapter is None or adapter.willing is None else adapter.willing
    return DCBX.make(willing, policy_set, alias, index, alias, index)


@DCB.cmdlet(
    "Set-NetQosDcbxSetting",
    Parameter("InterfaceAlias", "string", position=0, aliases=("IfAlias",)),
    INDEX,
    Parameter("Willing", "bool", mandatory=True),
    Parameter("PassThru", "switch"),
    should_process=True,
)
def set_dcbx(call: Call) -> Iterator[object]:
    """Says whether adapters take their settings from the switch."""
    qos, scope = network(call).qos, scope_of(call)
    for adapter in [None] if scope is None else scope:
        if not call.should_process(adapter.name if adapter else "Global", "Set-NetQosDcbxSetting"):
            continue
        if adapter is None:
            qos.willing = bool(call.get("Willing"))
        else:
            adapter.willing = bool(call.get("Willing"))
        if call.switch("PassThru"):
            yield _dcbx(qos, adapter)


@ADAPTERS.cmdlet("Get-NetAdapterQos", NAME, DESCRIPTION, HIDDEN)
def get_adapter_qos(call: Call) -> Iterator[object]:
    """What the adapters do: those for storage have flow control.  There is no switch that tells its own settings."""
    own = network(call)
    for adapter in chosen_adapters(
        call, [item for item in own.adapters if item.physical], "MSFT_NetAdapterQosSettingData"
    ):
        enabled = any(item.keyword == "*QOS" and item.value == "1" for item in adapter.advanced)
        active = sorted(own.qos.flow_control) if adapter.lossless else []
        flow = f"Priority {ranges(active)} Enabled" if active else "All Priorities Disabled"
        yield ADAPTER_QOS.make(
            adapter.name, adapter.description, enabled, _table(own.qos) if enabled else None,
            flow if enabled else None, "Not Available" if enabled else None, *("Not Available",) * 3,
            text=adapter.name,
        )  # fmt: skip


def _table(qos: Qos) -> str:
    rows = [
        f"{at:>2} {row.algorithm:<6} {f'{row.percent}%':<9} {ranges(row.priorities)}"
        for at, row in enumerate(class_rows(qos))
    ]
    return "\n".join(["TC TSA    Bandwidth Priorities", "-- ---    --------- ----------", *rows])
