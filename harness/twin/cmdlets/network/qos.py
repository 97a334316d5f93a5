"""Data centre bridging and quality of service ([D] WPD DcbQos, NetQos, NetAdapter; classes of storage [D] ASD)."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from typing import Final

from harness.twin.cmdlets.declaring import selects
from harness.twin.cmdlets.network.adapters import DESCRIPTION, HIDDEN, NAME
from harness.twin.cmdlets.network.cim import ADAPTERS, CimModule, choose, chosen_adapters, network, not_found, shape
from harness.twin.model.network import Adapter, Qos, TrafficClass
from harness.twin.shell.commands.api import Call, Parameter
from harness.twin.shell.objects import Byte, PSArray, PSObject, UInt16, UInt32

DCB: Final = CimModule("DcbQos")
POLICIES: Final = CimModule("NetQos")

FLOW: Final = shape(
    "MSFT_NetQosFlowControlSettingData", "Priority Enabled PolicySet InterfaceAlias InterfaceIndex IfAlias IfIndex"
)
CLASS: Final = shape(
    "MSFT_NetQosTrafficClassSettingData",
    "Name Algorithm Bandwidth BandwidthPercentage Priority PriorityFriendly PolicySet InterfaceAlias InterfaceIndex",
)
DCBX: Final = shape("MSFT_NetQosDcbxSettingData", "Willing PolicySet InterfaceAlias InterfaceIndex IfAlias IfIndex")
POLICY: Final = shape(
    "MSFT_NetQosPolicySettingData",
    "Name Owner NetworkProfile Precedence Template NetDirectPort PriorityValue PriorityValue8021Action "
    "NetDirectPortMatchCondition TemplateMatchCondition DSCPValue DSCPAction JobObject",
)
ADAPTER_QOS: Final = shape(
    "MSFT_NetAdapterQosSettingData",
    "Name InterfaceDescription Enabled OperationalTrafficClasses OperationalFlowControl OperationalClassifications "
    "RemoteTrafficClasses RemoteFlowControl RemoteClassifications",
)
_PRIORITIES: Final = range(8)
_DEFAULT: Final = "[Default]"
_ALIAS: Final = Parameter("InterfaceAlias", "string", position=1, aliases=("IfAlias", "Name"))
_INDEX: Final = Parameter("InterfaceIndex", "object", aliases=("IfIndex",))
_PRIORITY: Final = Parameter("Priority", "int[]", position=0)


def _scope(call: Call) -> list[Adapter] | None:
    """The adapters that a command names; None for the whole machine."""
    if not call.has("InterfaceAlias") and not call.has("InterfaceIndex"):
        return None
    adapters = [item for item in network(call).adapters if item.physical]
    found = choose(call, "MSFT_NetQosDcbxSettingData", "InterfaceAlias", adapters, lambda item: item.name)
    return choose(call, "MSFT_NetQosDcbxSettingData", "InterfaceIndex", found, lambda item: item.index)


def _place(adapter: Adapter | None) -> tuple[object, ...]:
    """PolicySet, alias and index of a setting."""
    if adapter is None:
        return "Global", None, None
    return "AdapterSpecific", adapter.name, UInt32(adapter.index)


@DCB.cmdlet("Get-NetQosFlowControl", _PRIORITY, _ALIAS, _INDEX)
def get_flow(call: Call) -> Iterator[object]:
    """Priority flow control of each priority."""
    qos, scope = network(call).qos, _scope(call)
    wanted = [int(number) for number in call.get("Priority") or _PRIORITIES]
    for adapter in [None] if scope is None else scope:
        policy_set, alias, index = _place(adapter)
        for priority in _PRIORITIES:
            if priority in wanted:
                enabled = priority in qos.flow_control
                yield FLOW.make(Byte(priority), enabled, policy_set, alias, index, alias, index)


@DCB.cmdlet("Enable-NetQosFlowControl", _PRIORITY, Parameter("PassThru", "switch"), should_process=True)
def enable_flow(call: Call) -> None:
    """Switches flow control of priorities on.  That Network ATC sets it back is not simulated."""
    _switch(call, network(call).qos.flow_control.add)


@DCB.cmdlet("Disable-NetQosFlowControl", _PRIORITY, Parameter("PassThru", "switch"), should_process=True)
def disable_flow(call: Call) -> None:
    """Switches flow control of priorities off."""
    _switch(call, network(call).qos.flow_control.discard)


def _switch(call: Call, change: Callable[[int], None]) -> None:
    for number in call.get("Priority") or _PRIORITIES:
        if call.should_process(f"Priority {number}", call.declaration.name):
            change(int(number))


@DCB.cmdlet("Get-NetQosTrafficClass", Parameter("Name", "string[]", position=0), _ALIAS, _INDEX)
def get_class(call: Call) -> Iterator[object]:
    """Traffic classes; the default one has what the others leave."""
    qos, scope = network(call).qos, _scope(call)
    names = [_DEFAULT, *(item.name for item in qos.classes)]
    for name in call.texts("Name"):
        if not any(selects([name], known) for known in names):
            not_found(call, "MSFT_NetQosTrafficClassSettingData", "Name", name)
    for adapter in [None] if scope is None else scope:
        for row in _class_rows(qos):
            if selects(call.texts("Name"), row.name):
                numbers = _own_priorities(qos, row)
                yield CLASS.make(
                    row.name, "ETS", Byte(row.percent), Byte(row.percent),
                    PSArray([Byte(number) for number in numbers], "System.Byte"), _ranges(numbers), *_place(adapter),
                )  # fmt: skip


def _class_rows(qos: Qos) -> list[TrafficClass]:
    left = 100 - sum(item.percent for item in qos.classes)
    return [TrafficClass(_DEFAULT, -1, left, "None"), *qos.classes]


def _own_priorities(qos: Qos, row: TrafficClass) -> list[int]:
    taken = {item.priority for item in qos.classes}
    return [row.priority] if row.priority >= 0 else [number for number in _PRIORITIES if number not in taken]


def _ranges(numbers: list[int]) -> str:
    """``0-2,4-6``."""
    parts: list[list[int]] = []
    for number in numbers:
        if parts and parts[-1][-1] == number - 1:
            parts[-1].append(number)
        else:
            parts.append([number])
    return ",".join(str(part[0]) if len(part) == 1 else f"{part[0]}-{part[-1]}" for part in parts)


@DCB.cmdlet("Get-NetQosDcbxSetting", Parameter("InterfaceAlias", "string", position=0, aliases=("IfAlias",)), _INDEX)
def get_dcbx(call: Call) -> Iterator[object]:
    """Whether adapters take their settings from the switch; deployment says no [T]."""
    scope = _scope(call)
    for adapter in [None] if scope is None else scope:
        yield _dcbx(network(call).qos, adapter)


def _dcbx(qos: Qos, adapter: Adapter | None) -> PSObject:
    policy_set, alias, index = _place(adapter)
    willing = qos.willing if adapter is None or adapter.willing is None else adapter.willing
    return DCBX.make(willing, policy_set, alias, index, alias, index)


@DCB.cmdlet(
    "Set-NetQosDcbxSetting",
    Parameter("InterfaceAlias", "string", position=0, aliases=("IfAlias",)),
    _INDEX,
    Parameter("Willing", "bool", mandatory=True),
    Parameter("PassThru", "switch"),
    should_process=True,
)
def set_dcbx(call: Call) -> Iterator[object]:
    """Says whether adapters take their settings from the switch."""
    qos, scope = network(call).qos, _scope(call)
    for adapter in [None] if scope is None else scope:
        if not call.should_process(adapter.name if adapter else "Global", "Set-NetQosDcbxSetting"):
            continue
        if adapter is None:
            qos.willing = bool(call.get("Willing"))
        else:
            adapter.willing = bool(call.get("Willing"))
        if call.switch("PassThru"):
            yield _dcbx(qos, adapter)


@POLICIES.cmdlet("Get-NetQosPolicy", Parameter("Name", "string[]", position=0), Parameter("PolicyStore", "string"))
def get_policy(call: Call) -> Iterator[object]:
    """Policies that give traffic its priority: those of storage and of the cluster ([D] ASD deploy/network-atc)."""
    classes = network(call).qos.classes
    for name in call.texts("Name"):
        if not any(selects([name], item.name) for item in classes):
            not_found(call, "MSFT_NetQosPolicySettingData", "Name", name)
    for item in classes:
        if selects(call.texts("Name"), item.name):
            yield POLICY.make(
                item.name, "PowerShell / WMI", "All", UInt32(127), item.template, UInt16(item.port),
                Byte(item.priority), Byte(item.priority), UInt16(item.port), item.template, -1, -1, None,
                text=item.name,
            )  # fmt: skip


@ADAPTERS.cmdlet("Get-NetAdapterQos", NAME, DESCRIPTION, HIDDEN)
def get_adapter_qos(call: Call) -> Iterator[object]:
    """What the adapters do: those for storage have flow control.  There is no switch that tells its own settings."""
    own = network(call)
    for adapter in chosen_adapters(
        call, [item for item in own.adapters if item.physical], "MSFT_NetAdapterQosSettingData"
    ):
        enabled = any(item.keyword == "*QOS" and item.value == "1" for item in adapter.advanced)
        active = sorted(own.qos.flow_control) if adapter.lossless else []
        flow = f"Priority {_ranges(active)} Enabled" if active else "All Priorities Disabled"
        yield ADAPTER_QOS.make(
            adapter.name, adapter.description, enabled, _table(own.qos) if enabled else None,
            flow if enabled else None, "Not Available" if enabled else None, *("Not Available",) * 3,
            text=adapter.name,
        )  # fmt: skip


def _table(qos: Qos) -> str:
    rows = [
        f"{at:>2} {'ETS':<6} {f'{row.percent}%':>9} {_ranges(_own_priorities(qos, row))}"
        for at, row in enumerate(_class_rows(qos))
    ]
    return "\n".join(["TC TSA    Bandwidth Priorities", "-- ---    --------- ----------", *rows])
