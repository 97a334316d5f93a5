"""Network ATC: the intents and how they stand ([D] WPD NetworkATC; properties [D] ASD, [T] TSG and published labs)."""

from __future__ import annotations

from collections.abc import Iterator
from typing import Final

from harness.twin.cmdlets.network.cim import networks, refuse_elsewhere, strings
from harness.twin.cmdlets.network.overrides import (
    ADAPTER,
    ATC,
    CLUSTER,
    PROXY,
    QOS,
    RSS,
    STORAGE,
    SWITCH,
    VERSION,
    OverrideKind,
    instance_id,
)
from harness.twin.cmdlets.shapes import Shape
from harness.twin.model.cluster import ClusterModel
from harness.twin.model.entities import Node
from harness.twin.model.network import GLOBAL, GlobalOverrides, Intent
from harness.twin.shell.commands.api import Call, Parameter
from harness.twin.shell.errors import limitation
from harness.twin.shell.objects import EnumType, PSArray, PSEnum, PSObject
from harness.twin.shell.typesystem import register_enum

_FLAGS: Final = (
    "IntentName Scope IntentType IsComputeIntentSet IsStorageIntentSet IsOnlyStorage IsOnlyStorageSwitchless "
    "IsManagementIntentSet IsStretchIntentSet IsOnlyStretch IsSwitchlessIntentSet IsNetworkIntentType InstanceId "
    "ObjectVersion"
)
INTENT: Final = Shape(
    "FabricManager.NetworkIntent",
    "AdapterAdvancedParametersOverride RssConfigOverride QosPolicyOverride SwitchConfigOverride IPOverride "
    "SiteOverrides NetAdapterNameCsv StorageVLANs ManagementVLAN NetAdapterNamesAsList SwitchlessMapping "
    f"NetAdapterCommonProperties ResourceContentVersion {_FLAGS}",
)
GLOBALS: Final = Shape("FabricManager.GlobalIntent", f"ProxyOverride ClusterOverride ResourceContentVersion {_FLAGS}")
SYMMETRY: Final = Shape("FabricManager.NetAdapterSymmetry", "InstanceId ObjectVersion LinkSpeed ComponentID")
"""[T] published labs show properties, their order and the classes of overrides; the other type names are [INF]."""
STATUS: Final = Shape(
    "Microsoft.NetworkATC.IntentStatus",
    "IntentName Host IsComputeIntentSet IsManagementIntentSet IsStorageIntentSet IsStretchIntentSet LastUpdated "
    "LastSuccess RetryCount LastConfigApplied Error Progress ConfigurationStatus ProvisioningStatus",
)
"""[D] ASD: sample of ``Get-NetIntentStatus``; the type name is [INF]."""
_TYPES: Final = register_enum(
    EnumType(
        "FabricManager.IntentType",
        {"None": 0, "Compute": 2, "Storage": 4, "Management": 8, "Global": 1024},
    )
)
"""Numbers [T]: a combined intent shows its number, as 10 or 14; that of Global [INF]."""
_SCOPE: Final = "Cluster"
NAME: Final = Parameter("Name", "string")
CLUSTER_NAME: Final = Parameter("ClusterName", "string", position=1)
COMPUTER: Final = Parameter("ComputerName", "string", position=0)
GLOBAL_OVERRIDES: Final = Parameter("GlobalOverrides", "switch")
_TRIES: Final = 3
"""[T] RetryCount of an intent that has failed."""


@ATC.cmdlet("Get-NetIntent", COMPUTER, CLUSTER_NAME, NAME, GLOBAL_OVERRIDES)
def get_intent(call: Call) -> Iterator[object]:
    """The cluster's intents, or what holds for the whole cluster."""
    require_intents(call)
    if call.switch("GlobalOverrides"):
        found = networks(call).atc.globals
        if found is not None:
            yield make_globals(call, found)
        return
    for intent in chosen_intents(call):
        yield make_intent(call, intent)


@ATC.cmdlet("Get-NetIntentStatus", COMPUTER, CLUSTER_NAME, NAME, GLOBAL_OVERRIDES)
def get_status(call: Call) -> Iterator[object]:
    """How the intents stand on every node of the cluster."""
    require_intents(call)
    model: ClusterModel = call.host.model
    if call.switch("GlobalOverrides"):
        if networks(call).atc.globals is not None:
            yield from (_status(call, Intent(GLOBAL, ()), node) for node in model.nodes.values())
        return
    for intent in chosen_intents(call):
        yield from (_status(call, intent, node) for node in model.nodes.values())


def require_intents(call: Call) -> None:
    """Raises PSError for another machine or cluster, and for a node that is not in the cluster."""
    model: ClusterModel = call.host.model
    refuse_elsewhere(call, "ComputerName")
    own = {name.lower() for name in (model.spec.cluster_name, "localhost", ".", *model.nodes)}
    wanted = call.text("ClusterName").lower().removesuffix(f".{model.spec.domain.lower()}")
    if call.has("ClusterName") and wanted not in own:
        raise limitation(f"the intents of another cluster ('{call.text('ClusterName')}') are not simulated")
    if not call.host.node.member:
        raise limitation("Network ATC on a node that is not in the cluster is not simulated")


def chosen_intents(call: Call) -> list[Intent]:
    """The intent of a name, all without one; one that does not exist is an error."""
    wanted = call.text("Name").lower()
    found = [intent for intent in networks(call).atc.intents if not wanted or intent.shown_name == wanted]
    if not found and wanted:
        text = f"Intent with name {call.text('Name')} not found."  # text and id [INF]
        call.write_error(text, "IntentNotFound", "ObjectNotFound", call.text("Name"), "System.Exception")
    return found


def make_intent(call: Call, intent: Intent) -> PSObject:
    """The shell's object of an intent."""

    def override(kind: OverrideKind) -> PSObject:
        return kind.make(intent.overrides.get(kind.name, {}), instance_id(call, f"{kind.name}.{intent.shown_name}"))

    facts = networks(call).facts
    kinds = (intent.compute and 2) + (intent.storage and 4) + (intent.management and 8)
    vlans = [intent.vlan_of(facts, at) for at in range(len(intent.adapters))] if intent.storage else []
    only_storage = intent.storage and not (intent.compute or intent.management)
    return INTENT.make(
        *(override(kind) for kind in (ADAPTER, RSS, QOS, SWITCH, STORAGE)),
        None,
        "#".join(intent.adapters),
        PSArray(vlans, "System.Int32") if vlans else None,
        intent.management_vlan,
        strings(intent.adapters),
        None,
        SYMMETRY.make(
            instance_id(call, f"symmetry.{intent.shown_name}"), VERSION, facts.driver.bits_s, facts.driver.component
        ),
        intent.version,
        intent.shown_name,
        _SCOPE,
        PSEnum(_TYPES, kinds),
        intent.compute,
        intent.storage,
        only_storage,
        False,
        intent.management,
        False,
        False,
        False,
        True,
        instance_id(call, f"intent.{intent.shown_name}"),
        VERSION,
        text=intent.shown_name,
    )


def make_globals(call: Call, found: GlobalOverrides) -> PSObject:
    """The shell's object of what holds for the whole cluster."""
    return GLOBALS.make(
        PROXY.make(found.proxy, instance_id(call, "proxy")),
        CLUSTER.make(found.cluster, instance_id(call, "cluster")),
        found.version,
        GLOBAL,
        _SCOPE,
        PSEnum(_TYPES, _TYPES.labels["Global"]),
        *(False,) * 9,
        instance_id(call, "global"),
        VERSION,
        text=GLOBAL,
    )


def _status(call: Call, intent: Intent, node: Node) -> PSObject:
    """An intent fails where an adapter has lost its name ([D] ``PhysicalAdapterNotFound``).

    What was planted as a broken intent, and a node that is down, show as the health check of the update stack has them.
    """
    model, atc = call.host.model, networks(call).atc
    standing = atc.standing(intent, node)
    works = bool(model.conditions.network_intents_ok)
    alive, healthy = node.os_running and node.network_up, works and not standing.error
    period = networks(call).facts.check_ns
    checked = max(model.now_ns - model.now_ns % period, standing.since_ns)
    at = model.datetime_at(checked).strftime("%m/%d/%Y %H:%M:%S")
    states = ("Success", "Completed") if healthy and alive else ("Failed", "Completed" if standing.error else "Failed")
    if standing.pending and alive:
        states = ("Provisioning", "InProgress")
    return STATUS.make(
        intent.shown_name,
        node.name.lower(),
        intent.compute,
        intent.management,
        intent.storage,
        False,
        at if alive else "",
        at if alive and healthy and not standing.pending else "",
        0 if healthy else _TRIES,
        1,
        standing.error,
        "1 of 1" if works and not standing.pending else "0 of 1",
        *states,
        text=intent.shown_name,
    )
