"""Traffic classes and QoS policies ([D] WPD DcbQos, NetQos): which traffic gets which priority and share."""

from __future__ import annotations

from collections.abc import Iterator
from typing import Final

from harness.twin.cmdlets.declaring import given_input, property_of, selects
from harness.twin.cmdlets.farmodules import cim_module
from harness.twin.cmdlets.network.cim import changed, network, not_found, shape
from harness.twin.cmdlets.network.qos import ALIAS, DCB, DEFAULT, INDEX, class_rows, place_of, ranges, scope_of
from harness.twin.model.network import Adapter, QosPolicy, TrafficClass
from harness.twin.shell.commands.api import Call, Parameter
from harness.twin.shell.errors import PSError
from harness.twin.shell.objects import Byte, PSArray, PSObject, UInt16, UInt32

POLICIES: Final = cim_module("NetQos")
CLASS: Final = shape(
    "MSFT_NetQosTrafficClassSettingData",
    "Name Algorithm Bandwidth BandwidthPercentage Priority PriorityFriendly PolicySet InterfaceAlias InterfaceIndex",
)
POLICY: Final = shape(
    "MSFT_NetQosPolicySettingData",
    "Name Owner NetworkProfile Precedence Template NetDirectPort PriorityValue PriorityValue8021Action "
    "NetDirectPortMatchCondition TemplateMatchCondition DSCPValue DSCPAction JobObject",
)
_CLASS: Final = "MSFT_NetQosTrafficClassSettingData"
_POLICY: Final = "MSFT_NetQosPolicySettingData"
_CIM_ERROR: Final = "Microsoft.Management.Infrastructure.CimException"
_TEMPLATES: Final = ("SMB", "NFS", "LiveMigration", "iSCSI", "FCOE", "Cluster", "Default")
_NAMES: Final = Parameter("Name", "string[]", position=0, pipeline="name")
_INPUT: Final = Parameter("InputObject", "object[]", pipeline="value")
_STORE: Final = Parameter("PolicyStore", "string")


def _names(call: Call) -> list[str]:
    """Names on the line, else those of objects that came in."""
    came = None if call.has("Name") else given_input(call)
    if came is None:
        return call.texts("Name")
    return [str(property_of(item, "Name")) for item in (came if isinstance(came, list) else [came])]


def _wanted(call: Call, cim_class: str, known: list[str]) -> list[str]:
    wanted = _names(call)
    for name in wanted:
        if not any(selects([name], item) for item in known):
            not_found(call, cim_class, "Name", name)
    return [name for name in known if selects(wanted, name)]


def _refused(call: Call, system_error: int, text: str, category: str) -> PSError:
    return call.fail(text, f"Windows System Error {system_error}", category, call.text("Name"), _CIM_ERROR)


@DCB.cmdlet("Get-NetQosTrafficClass", _NAMES, ALIAS, INDEX)
def get_class(call: Call) -> Iterator[object]:
    """Traffic classes; the default one has what the others leave."""
    rows, scope = class_rows(network(call).qos), scope_of(call)
    names = _wanted(call, _CLASS, [row.name for row in rows])
    for adapter in [None] if scope is None else scope:
        yield from (make_class(row, adapter) for row in rows if row.name in names)


def make_class(row: TrafficClass, adapter: Adapter | None = None) -> PSObject:
    """The shell's object of a class."""
    numbers = PSArray([Byte(number) for number in row.priorities], "System.Byte")
    return CLASS.make(
        row.name, row.algorithm, Byte(row.percent), Byte(row.percent), numbers, ranges(row.priorities),
        *place_of(adapter), text=row.name,
    )  # fmt: skip


@DCB.cmdlet(
    "New-NetQosTrafficClass",
    Parameter("Name", "string", position=0, mandatory=True),
    Parameter("Algorithm", "string", mandatory=True, values=("ETS", "Strict")),
    Parameter("Priority", "int[]", mandatory=True, aliases=("Pri",)),
    Parameter("BandwidthPercentage", "int", aliases=("Bandwidth",), minimum=0, maximum=100),
    should_process=True,
)
def new_class(call: Call) -> Iterator[object]:
    """Makes a class out of priorities and bandwidth of the default one."""
    qos, name = network(call).qos, call.text("Name")
    default, *others = class_rows(qos)
    numbers = tuple(sorted(int(number) for number in call.get("Priority")))
    if any(row.name.lower() == name.lower() for row in others):
        raise _refused(call, 183, "Cannot create a file when that file already exists. ", "ResourceExists")
    if not set(numbers) <= set(default.priorities) or call.number("BandwidthPercentage") >= default.percent:
        raise _refused(call, 87, "The parameter is incorrect. ", "InvalidArgument")
    if call.should_process(name, "New-NetQosTrafficClass"):
        algorithm = "Strict" if call.text("Algorithm").lower() == "strict" else "ETS"
        row = TrafficClass(name, numbers, call.number("BandwidthPercentage"), algorithm)
        qos.classes.append(row)
        changed(call)
        yield make_class(row)


@DCB.cmdlet("Remove-NetQosTrafficClass", _NAMES, _INPUT, Parameter("PassThru", "switch"), should_process=True)
def remove_class(call: Call) -> None:
    """Takes classes away; their priorities and bandwidth go back to the default one, which stays."""
    qos = network(call).qos
    for name in _wanted(call, _CLASS, [row.name for row in class_rows(qos)]):
        if name != DEFAULT and call.should_process(name, "Remove-NetQosTrafficClass"):
            qos.classes = [row for row in qos.classes if row.name != name]
            changed(call)


@POLICIES.cmdlet("Get-NetQosPolicy", _NAMES, _STORE)
def get_policy(call: Call) -> Iterator[object]:
    """Policies that give traffic its priority."""
    policies = network(call).qos.policies
    names = _wanted(call, _POLICY, [item.name for item in policies])
    yield from (make_policy(item) for item in policies if item.name in names)


def make_policy(item: QosPolicy) -> PSObject:
    """The shell's object of a policy."""
    return POLICY.make(
        item.name, "PowerShell / WMI", "All", UInt32(127), item.template, UInt16(item.port), Byte(item.priority),
        Byte(item.priority), UInt16(item.port), item.template, -1, -1, None, text=item.name,
    )  # fmt: skip


@POLICIES.cmdlet(
    "New-NetQosPolicy",
    Parameter("Name", "string", position=0, mandatory=True),
    *(Parameter(name, "switch") for name in _TEMPLATES),
    Parameter("NetDirectPortMatchCondition", "int", aliases=("NetDirectPort",), minimum=0, maximum=65535),
    Parameter("PriorityValue8021Action", "int", aliases=("PriorityValue", "Priority"), minimum=0, maximum=7),
    _STORE,
    should_process=True,
)
def new_policy(call: Call) -> Iterator[object]:
    """Gives a kind of traffic a priority."""
    qos, name = network(call).qos, call.text("Name")
    if any(item.name.lower() == name.lower() for item in qos.policies):
        raise _refused(call, 183, "Cannot create a file when that file already exists. ", "ResourceExists")
    if call.should_process(name, "New-NetQosPolicy"):
        template = next((item for item in _TEMPLATES if call.switch(item)), "None")
        port = call.number("NetDirectPortMatchCondition")
        item = QosPolicy(name, call.number("PriorityValue8021Action"), template, port)
        qos.policies.append(item)
        changed(call)
        yield make_policy(item)


@POLICIES.cmdlet("Remove-NetQosPolicy", _NAMES, _INPUT, _STORE, Parameter("PassThru", "switch"), should_process=True)
def remove_policy(call: Call) -> None:
    """Takes policies away."""
    qos = network(call).qos
    for name in _wanted(call, _POLICY, [item.name for item in qos.policies]):
        if call.should_process(name, "Remove-NetQosPolicy"):
            qos.policies = [item for item in qos.policies if item.name != name]
            changed(call)
