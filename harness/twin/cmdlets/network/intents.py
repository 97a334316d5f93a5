"""Network ATC: the intents and how they stand ([D] WPD NetworkATC; properties [D] ASD, [T] TSG Networking)."""

from __future__ import annotations

from collections.abc import Iterator
from datetime import timedelta
from typing import Final

from harness.twin.cmdlets.declaring import Module, classes
from harness.twin.cmdlets.network.cim import networks, refuse_elsewhere, strings
from harness.twin.cmdlets.shapes import Shape
from harness.twin.model.cluster import ClusterModel
from harness.twin.model.entities import Node
from harness.twin.model.network import IntentFacts
from harness.twin.shell.commands.api import Call, Parameter
from harness.twin.shell.errors import limitation
from harness.twin.shell.objects import EnumType, PSArray, PSEnum, PSObject
from harness.twin.shell.typesystem import register_enum

ATC: Final = Module("NetworkATC", classes("FabricManager.FeatureStaging.{}"))
"""The class in error ids is [INF]."""
INTENT: Final = Shape(
    "Microsoft.NetworkATC.Intent",
    "IntentName Scope IntentType IsComputeIntentSet IsStorageIntentSet IsOnlyStorage IsManagementIntentSet "
    "IsStretchIntentSet IsOnlyStretch IsNetworkIntentType NetAdapterNamesAsList NetAdapterNameCsv StorageVLANs "
    "ManagementVLAN",
)
"""[D] as Azure shows the intents of an edge device; type name and order [INF]."""
STATUS: Final = Shape(
    "Microsoft.NetworkATC.IntentStatus",
    "IntentName Host IsComputeIntentSet IsManagementIntentSet IsStorageIntentSet IsStretchIntentSet LastUpdated "
    "LastSuccess RetryCount LastConfigApplied Error Progress ConfigurationStatus ProvisioningStatus",
)
"""[D] ASD: sample of ``Get-NetIntentStatus``; the type name is [INF]."""
_TYPES: Final = register_enum(
    EnumType("Microsoft.NetworkATC.IntentType", {"None": 0, "Compute": 2, "Storage": 4, "Management": 8}, flags=True)
)
_SCOPE: Final = "Cluster"
_PERIOD_S: Final = 900
"""[GK] Network ATC looks after an intent about every quarter of an hour."""
_NAME: Final = Parameter("Name", "string")
_CLUSTER: Final = Parameter("ClusterName", "string", position=1)
_COMPUTER: Final = Parameter("ComputerName", "string", position=0)
_GLOBAL: Final = Parameter("GlobalOverrides", "switch")


@ATC.cmdlet("Get-NetIntent", _COMPUTER, _CLUSTER, _NAME, _GLOBAL)
def get_intent(call: Call) -> Iterator[object]:
    """The cluster's two intents."""
    _require(call)
    for intent in _chosen(call):
        kinds = (intent.compute and 2) + (intent.storage and 4) + (intent.management and 8)
        vlans = networks(call).facts.storage_vlans if intent.storage else ()
        yield INTENT.make(
            intent.name.lower(),
            _SCOPE,
            PSEnum(_TYPES, kinds),
            intent.compute,
            intent.storage,
            intent.storage and not intent.compute,
            intent.management,
            False,
            False,
            True,
            strings(intent.adapters),
            ",".join(intent.adapters),
            PSArray(vlans, "System.Int32") if vlans else None,
            None,
            text=intent.name.lower(),
        )


@ATC.cmdlet("Get-NetIntentStatus", _COMPUTER, _CLUSTER, _NAME, _GLOBAL)
def get_status(call: Call) -> Iterator[object]:
    """How the intents stand on every node of the cluster."""
    _require(call)
    model: ClusterModel = call.host.model
    for intent in _chosen(call):
        yield from (_status(model, intent, node) for node in model.nodes.values())


def _require(call: Call) -> None:
    """Raises PSError for another cluster, for a node without cluster, and for overrides."""
    model: ClusterModel = call.host.model
    refuse_elsewhere(call, "ComputerName")
    own = {name.lower() for name in (model.spec.cluster_name, "localhost", ".", *model.nodes)}
    wanted = call.text("ClusterName").lower().removesuffix(f".{model.spec.domain.lower()}")
    if call.has("ClusterName") and wanted not in own:
        raise limitation(f"the intents of another cluster ('{call.text('ClusterName')}') are not simulated")
    if call.switch("GlobalOverrides"):
        raise limitation("global overrides of Network ATC are not simulated")
    if not call.host.node.member:
        raise limitation("Network ATC on a node that is not in the cluster is not simulated")


def _chosen(call: Call) -> list[IntentFacts]:
    intents = list(networks(call).facts.intents)
    wanted = call.text("Name").lower()
    found = [intent for intent in intents if not wanted or intent.name.lower() == wanted]
    if not found:
        text = f"Intent with name {call.text('Name')} not found."  # text and id [INF]
        call.write_error(text, "IntentNotFound", "ObjectNotFound", call.text("Name"), "System.Exception")
    return found


def _status(model: ClusterModel, intent: IntentFacts, node: Node) -> PSObject:
    """An intent fails where an adapter has lost its name ([D] ``PhysicalAdapterNotFound``).

    What was planted as a broken intent, and a node that is down, show as the health check of the update stack has them.
    """
    missing = [] if node.network is None else node.network.missing_adapters(intent.name)
    healthy = model.conditions.network_intents_ok and not missing
    alive = node.os_running and node.network_up
    ago = timedelta(seconds=model.now_ns // 10**9 % _PERIOD_S)
    at = (model.datetime_at(model.now_ns) - ago).strftime("%m/%d/%Y %H:%M:%S")
    return STATUS.make(
        intent.name.lower(),
        node.name.lower(),
        intent.compute,
        intent.management,
        intent.storage,
        False,
        at if alive else "",
        at if alive and healthy else "",
        0 if healthy else 3,
        1,
        "PhysicalAdapterNotFound" if missing else "",
        "1 of 1" if healthy else "0 of 1",
        "Success" if healthy and alive else "Failed",
        "Completed" if healthy and alive else "Failed",
        text=intent.name.lower(),
    )
