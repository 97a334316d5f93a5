"""Private properties of cluster resources: ``Get-`` and ``Set-ClusterParameter`` ([D] WPD FailoverClusters).

Names and defaults [D] W32 resource private properties, ``DefaultMoveType`` and ``OfflineAction`` also
guest-and-host-maintenance 6.2; what somebody sets is kept and read back.  A drain here migrates live whatever
``DefaultMoveType`` says.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from typing import Final

from harness.twin.cmdlets.cluster import (
    CLUSTERS,
    EXCEPTION,
    INPUT,
    WHICH,
    missing,
    require_cluster,
)
from harness.twin.cmdlets.declaring import given_input, property_of, selects
from harness.twin.cmdlets.shapes import Shape
from harness.twin.model.cluster import ClusterModel
from harness.twin.shell.commands.api import Call, Parameter
from harness.twin.shell.errors import limitation
from harness.twin.shell.objects import PSHashtable, PSObject, UInt32
from harness.twin.shell.text import to_text

PARAMETER: Final = Shape(
    "Microsoft.FailoverClusters.PowerShell.ClusterParameter", "ClusterObject Name IsReadOnly ParameterType Value"
)
_CLUSTER_DEFAULT: Final = 0xFFFFFFFF
"""``DefaultMoveType``: as the cluster is set, live [P]."""
_SAVE: Final = 1
"""``OfflineAction`` [P]."""
_READ_ONLY: Final = ("vmid",)
_RESTART_TYPES: Final = ("Network Name", "IP Address")
_UNKNOWN: Final = (
    "Parameter '{1}' does not exist on the cluster object '{0}'. If you are trying to update an existing parameter, "
    "please make sure the parameter name is specified correctly. You can check for the current parameters by passing "
    'the .NET object received from the appropriate Get-Cluster* cmdlet to "| Get-ClusterParameter". If you are trying '
    "to update a common property on the cluster object, you should set the property directly on the .NET object "
    "received by the appropriate Get-Cluster* cmdlet. You can check for the current common properties by passing the "
    '.NET object received from the appropriate Get-Cluster* cmdlet to "| fl *". If you are trying to create a new '
    "unknown parameter, please use -Create with this Set-ClusterParameter cmdlet."
)
"""[GK]"""
Values = dict[str, object]


def _at_first(model: ClusterModel, resource: PSObject) -> Mapping[str, object]:
    """Properties as deployment left them.  Raises PSError for a kind of resource that has none here."""
    name, kind = str(resource.get("Name")), str(resource.get("ResourceType"))
    if kind in ("Virtual Machine", "Virtual Machine Configuration"):
        guest = model.guests.get(name.removeprefix("Virtual Machine Configuration ").removeprefix("Virtual Machine "))
        if guest is not None and kind == "Virtual Machine":
            move, off = UInt32(_CLUSTER_DEFAULT), UInt32(_SAVE)
            return {"VmID": guest.vm_id, "DefaultMoveType": move, "OfflineAction": off, "CheckHeartbeat": UInt32(1)}
        if guest is not None:
            return {"VmID": guest.vm_id}
    if kind == "Generic Service":
        return {"ServiceName": name, "StartupParameters": "", "UseNetworkName": UInt32(0)}
    if kind == "Network Name":
        shown = model.spec.cluster_name
        return {"Name": shown, "DnsName": shown, "HostRecordTTL": UInt32(1200), "RegisterAllProvidersIP": UInt32(0)}
    raise limitation(f"private properties of the cluster object '{name}' are not simulated")


def _values(model: ClusterModel, resource: PSObject) -> Values:
    """All properties with their present values."""
    low = str(resource.get("Name")).lower()
    found: Values = {}
    if low not in model.kept.resources:
        found = dict(_at_first(model, resource))
    for (owner, _), (shown, value) in model.kept.parameters.items():
        if owner == low:
            found[next((name for name in found if name.lower() == shown.lower()), shown)] = value
    return found


def _resource(call: Call) -> PSObject:
    came = given_input(call)
    if not isinstance(came, PSObject) or property_of(came, "ResourceType") is None:
        raise limitation(f"private properties of the cluster object '{to_text(came)}' are not simulated")
    return came


@CLUSTERS.cmdlet("Get-ClusterParameter", Parameter("Name", "string[]", position=0), INPUT, WHICH)
def get_parameter(call: Call) -> Iterator[object]:
    """Private properties of a resource that came in."""
    model, resource = require_cluster(call), _resource(call)
    for name, value in _values(model, resource).items():
        if selects(call.texts("Name"), name):
            kind = "UInt32" if isinstance(value, UInt32) else "String"
            yield PARAMETER.make(resource.get("Name"), name, name.lower() in _READ_ONLY, kind, value)


@CLUSTERS.cmdlet(
    "Set-ClusterParameter",
    Parameter("Name", "string", position=0, sets=("Single",), mandatory=True),
    Parameter("Value", "object", position=1, sets=("Single",)),
    Parameter("Multiple", "hashtable", sets=("Multiple",), mandatory=True),
    Parameter("Create", "switch"),
    Parameter("Delete", "switch", sets=("Single",)),
    INPUT,
    WHICH,
    default_set="Single",
)
def set_parameter(call: Call) -> None:
    """Sets private properties of a resource that came in; a new one needs ``-Create``."""
    model, resource = require_cluster(call), _resource(call)
    several: PSHashtable = call.get("Multiple") or PSHashtable([(call.text("Name"), call.get("Value"))])
    known, name = _values(model, resource), str(resource.get("Name"))
    for key in several:
        shown = to_text(key)
        old = next((value for item, value in known.items() if item.lower() == shown.lower()), None)
        if old is None and not call.switch("Create"):
            call.write_error(_UNKNOWN.format(name, shown), "Set-ClusterParameter", "NotSpecified", None, f"{EXCEPTION}")
            continue
        place = (name.lower(), shown.lower())
        if call.switch("Delete"):
            model.kept.parameters.pop(place, None)
        else:
            model.kept.parameters[place] = (shown, _typed(call, old, several.get(key)))
    if str(resource.get("ResourceType")) in _RESTART_TYPES:
        text = (
            f"The properties were stored, but not all changes will take effect until {name} is taken offline and then"
        )
        call.write_warning(f"{text} online again.")


def _typed(call: Call, old: object, value: object) -> object:
    """A value of the property's type.  Raises PSError for text where a number belongs."""
    if not isinstance(old, UInt32):
        return value if isinstance(value, int) else to_text(value)
    try:
        return UInt32(int(to_text(value)))
    except ValueError:
        text = f"Unable to save property changes for '{to_text(value)}'.\n    The parameter is incorrect"
        raise call.fail(text, call.declaration.name, "NotSpecified", exception=EXCEPTION) from None


@CLUSTERS.cmdlet(
    "Set-ClusterFaultDomain",
    Parameter("Name", "string", position=0, mandatory=True, pipeline="name"),
    Parameter("Location", "string"),
    Parameter("Description", "string"),
    Parameter("Fault", "string", aliases=("Parent",)),
)
def set_fault_domain(call: Call) -> None:
    """Says where a node stands; racks and sites are not simulated."""
    model = require_cluster(call)
    given_input(call)
    name = next((item for item in model.nodes if item.lower() == call.text("Name").lower()), None)
    if name is None:
        raise missing(call, "node", call.text("Name"))
    if call.has("Fault"):
        raise limitation("fault domains above a node are not simulated")
    for field in ("Location", "Description"):
        if call.has(field):
            model.kept.parameters[f"fault domain {name}".lower(), field.lower()] = (field, call.text(field))
