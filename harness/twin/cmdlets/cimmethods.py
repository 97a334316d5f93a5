"""``Get-CimClass``, ``Invoke-CimMethod``, ``New-CimInstance`` and ``Remove-CimInstance`` on a node ([D] PSD 5.1, W32).

Methods that the model can carry out: restart, start and stop of services, pending restart.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator, Mapping
from typing import Final

from harness.twin.cmdlets.cim import all_classes, maker_of
from harness.twin.cmdlets.ciminstances import CIMV2, class_wanted, picked
from harness.twin.cmdlets.computer import CIM
from harness.twin.cmdlets.declaring import given_input, property_of, selects
from harness.twin.cmdlets.hardwareclasses import cim_shape
from harness.twin.cmdlets.services import control, find_service
from harness.twin.cmdlets.shapes import Shape
from harness.twin.shell.commands.api import Call, Parameter
from harness.twin.shell.errors import limitation
from harness.twin.shell.objects import PSHashtable, PSObject, UInt32
from harness.twin.shell.text import to_text

CLASS: Final = Shape(
    "Microsoft.Management.Infrastructure.CimClass",
    "CimClassName CimClassMethods CimClassProperties CimSystemProperties",
)
RESULT: Final = Shape("Microsoft.Management.Infrastructure.CimMethodResult", "ReturnValue PSComputerName")
_OK: Final = UInt32(0)
_RESTART_FLAGS: Final = (2, 6)
"""``Win32Shutdown``: reboot, forced reboot ([D] W32)."""
Method = Callable[[Call, PSObject | None, Mapping[str, object]], Mapping[str, object]]


def _service_method(*, stop: bool, start: bool) -> Method:
    def run(call: Call, instance: PSObject | None, given: Mapping[str, object]) -> Mapping[str, object]:
        del given
        row = find_service(call.host, str(property_of(instance, "Name")))
        if row is None:
            raise limitation("a method of a service needs its instance")
        control(call.host, row, stop=stop, start=start, what="the WMI method")
        return {}

    return run


def _reboot(call: Call, instance: PSObject | None, given: Mapping[str, object]) -> Mapping[str, object]:
    del instance, given
    call.host.model.restart_node(call.host.node.name)
    return {}


def _win32_shutdown(call: Call, instance: PSObject | None, given: Mapping[str, object]) -> Mapping[str, object]:
    if int(to_text(given.get("flags", -1))) not in _RESTART_FLAGS:
        raise limitation("of Win32Shutdown only a restart (flags 2 and 6) is simulated")
    return _reboot(call, instance, given)


def _pending(call: Call, instance: PSObject | None, given: Mapping[str, object]) -> Mapping[str, object]:
    del instance, given
    return {"PendingReboot": bool(call.host.node.pending_reboot)}


_METHODS: Final[Mapping[str, Mapping[str, Method]]] = {
    "win32_operatingsystem": {"Reboot": _reboot, "Win32Shutdown": _win32_shutdown},
    "win32_service": {
        "StartService": _service_method(stop=False, start=True),
        "StopService": _service_method(stop=True, start=False),
    },
    "msft_wusettings": {"IsPendingReboot": _pending},
}


@CIM.cmdlet(
    "Get-CimClass",
    Parameter("ClassName", "string", position=0),
    Parameter("Namespace", "string", position=1),
    Parameter("MethodName", "string"),
    Parameter("PropertyName", "string"),
)
def get_class(call: Call) -> Iterator[object]:
    """Classes that are simulated, with the methods of them that are; properties are those of an instance."""
    namespace = call.text("Namespace", CIMV2).replace("\\", "/").lower()
    wanted = [call.text("ClassName")] if call.has("ClassName") else []
    found = [name for place, name in all_classes() if place == namespace and selects(wanted, name)]
    if not found:
        raise limitation(f"the CIM class {call.text('ClassName')} in {namespace} is not simulated")
    for name in found:
        instance = next(maker_of(namespace, name)(call.host), None)
        shown = name if instance is None else instance.type_names[0].rpartition("/")[2]
        names = [] if instance is None else [item for item, _ in instance.properties()]
        methods = list(_METHODS.get(name, {}))
        if selects([call.text("MethodName")] if call.has("MethodName") else [], *methods[:1] or [""]):
            yield CLASS.make(shown, methods, names, None, text=f"{namespace}:{shown}")


@CIM.cmdlet(
    "Invoke-CimMethod",
    Parameter("ClassName", "string", position=0, aliases=("Class",), sets=("Class",)),
    Parameter("InputObject", "object", position=0, pipeline="value", aliases=("CimInstance",), sets=("Instance",)),
    Parameter("Query", "string", sets=("Query",), mandatory=True),
    Parameter("MethodName", "string", position=1, mandatory=True, aliases=("Name",)),
    Parameter("Arguments", "hashtable", position=2),
    Parameter("Namespace", "string"),
    default_set="Class",
    should_process=True,
)
def invoke_method(call: Call) -> Iterator[object]:
    """Carries out a method of a class or of instances."""
    came = given_input(call)
    instances: list[PSObject | None] = [came if isinstance(came, PSObject) else None]
    if call.has("Query"):
        namespace, name = class_wanted(call)
        instances = list(picked(call, maker_of(namespace, name)(call.host)))
    elif isinstance(came, PSObject):
        name = came.type_names[0].rpartition("/")[2].lower()
    else:
        name = call.text("ClassName").lower()
    methods = _METHODS.get(name, {})
    shown = next((item for item in methods if item.lower() == call.text("MethodName").lower()), None)
    if shown is None:
        raise limitation(f"the method {call.text('MethodName')} of {name or 'no class'} is not simulated")
    arguments: PSHashtable = call.get("Arguments") or PSHashtable()
    given = {to_text(key).lower(): arguments.get(key) for key in arguments}
    for instance in instances:
        if call.should_process(name, shown):
            result = RESULT.make(_OK, None)
            for field, value in methods[shown](call, instance, given).items():
                result.set(field, value)
            yield result


@CIM.cmdlet(
    "New-CimInstance",
    Parameter("ClassName", "string", position=0, mandatory=True),
    Parameter("Property", "hashtable", position=1, aliases=("Arguments",)),
    Parameter("Namespace", "string"),
    Parameter("Key", "string[]"),
    Parameter("ClientOnly", "switch", aliases=("Local",)),
)
def new_instance(call: Call) -> Iterator[object]:
    """An instance in memory with ``-ClientOnly``; creating one in WMI is not simulated."""
    if not call.switch("ClientOnly"):
        raise limitation(f"creating an instance of {call.text('ClassName')} is not simulated; -ClientOnly is")
    given: PSHashtable = call.get("Property") or PSHashtable()
    names = [to_text(key) for key in given]
    shape = cim_shape(call.text("ClassName"), " ".join(names), call.text("Namespace", CIMV2).replace("\\", "/"))
    yield shape.make(*(given.get(key) for key in given), text=call.text("ClassName"))
