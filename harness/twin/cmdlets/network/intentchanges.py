"""Adding, changing, removing and retrying intents of Network ATC ([D] WPD NetworkATC; texts [INF] but the tagged)."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Final

from harness.twin.cmdlets.costs import load_costs
from harness.twin.cmdlets.network.cim import networks
from harness.twin.cmdlets.network.intents import (
    CLUSTER_NAME,
    COMPUTER,
    GLOBAL_OVERRIDES,
    NAME,
    chosen_intents,
    require_intents,
)
from harness.twin.cmdlets.network.overrides import ADAPTER, ATC, CLUSTER, PROXY, QOS, RSS, STORAGE, SWITCH
from harness.twin.model.errors import ModelError
from harness.twin.model.network import GLOBAL, GlobalOverrides, Intent
from harness.twin.shell.commands.api import Call, Parameter
from harness.twin.shell.errors import limitation

_EXCEPTION: Final = "System.Exception"
_WAIT: Final = Parameter("Wait", "switch")
_NAMED: Final = Parameter("ClusterName", "string")
_GLOBALS: Final = (
    Parameter("GlobalClusterOverrides", "object"),
    Parameter("GlobalProxyOverrides", "object"),
)
_COMMON: Final = (
    Parameter("AdapterPropertyOverrides", "object"),
    Parameter("QoSPolicyOverrides", "object"),
    Parameter("AdapterRssPropertyOverrides", "object", aliases=("AdapterRssOverrides",)),
    Parameter("SwitchPropertyOverrides", "object", aliases=("SwitchOverrides", "SwitchConfigOverrides")),
    Parameter("StorageOverrides", "object"),
    Parameter("StorageVlans", "int[]", aliases=("StorageVlan",)),
    Parameter("ManagementVlan", "int", minimum=0, maximum=4094),
    _WAIT,
)
_OVERRIDES: Final = {
    "AdapterPropertyOverrides": ADAPTER,
    "QoSPolicyOverrides": QOS,
    "AdapterRssPropertyOverrides": RSS,
    "SwitchPropertyOverrides": SWITCH,
    "StorageOverrides": STORAGE,
}


@ATC.cmdlet(
    "Add-NetIntent",
    COMPUTER,
    _NAMED,
    NAME,
    Parameter("AdapterName", "string[]"),
    Parameter("Compute", "switch"),
    Parameter("Management", "switch"),
    Parameter("Storage", "switch"),
    Parameter("Stretch", "switch"),
    Parameter("Switchless", "switch"),
    *_COMMON,
    *_GLOBALS,
)
def add_intent(call: Call) -> None:
    """Adds an intent; Network ATC provisions it on every node, one that is down later."""
    require_intents(call)
    if _set_globals(call, new=True):
        return
    if call.switch("Stretch") or call.switch("Switchless"):
        raise limitation("Add-NetIntent -Stretch and -Switchless are not simulated")
    compute, management, storage = (call.switch(name) for name in ("Compute", "Management", "Storage"))
    if not call.text("Name") or not call.texts("AdapterName") or not (compute or management or storage):
        raise _invalid(call, "An intent needs a name, adapters and one of -Compute, -Management and -Storage.")
    intent = Intent(call.text("Name"), tuple(call.texts("AdapterName")), compute, management, storage)
    _read(call, intent)
    try:
        networks(call).atc.add(intent)
    except ModelError as error:
        raise call.fail(error.message, error.id, "InvalidArgument", intent.name, _EXCEPTION) from None
    _wait(call, intent, list(call.host.model.nodes))


@ATC.cmdlet(
    "Set-NetIntent", Parameter("Name", "string", position=0), Parameter("ComputerName", "string"), _NAMED, *_COMMON,
    *_GLOBALS,
)  # fmt: skip
def set_intent(call: Call) -> None:
    """Changes VLANs and overrides of an intent, or what holds for the whole cluster."""
    require_intents(call)
    if _set_globals(call, new=False):
        return
    for intent in _required(call):
        _read(call, intent)
        intent.version += 1
        nodes = list(call.host.model.nodes)
        networks(call).atc.apply(intent, nodes)
        _wait(call, intent, nodes)


@ATC.cmdlet(
    "Update-NetIntentAdapter",
    Parameter("Name", "string", mandatory=True),
    Parameter("AdapterName", "string[]", mandatory=True),
    Parameter("ComputerName", "string"),
    _NAMED,
    _WAIT,
)
def update_adapters(call: Call) -> None:
    """Gives an intent other adapters; Network ATC provisions it anew."""
    require_intents(call)
    for intent in chosen_intents(call):
        try:
            networks(call).atc.move(intent, tuple(call.texts("AdapterName")))
        except ModelError as error:
            raise call.fail(error.message, error.id, "InvalidArgument", intent.name, _EXCEPTION) from None
        _wait(call, intent, list(call.host.model.nodes))


@ATC.cmdlet(
    "Remove-NetIntent",
    Parameter("Name", "string", position=0),
    Parameter("ComputerName", "string"),
    CLUSTER_NAME,
    GLOBAL_OVERRIDES,
    Parameter("SkipServiceStop", "bool"),
)
def remove_intent(call: Call) -> None:
    """Removes an intent; switches and addresses that it brought stay on the nodes [D]."""
    require_intents(call)
    atc = networks(call).atc
    if call.switch("GlobalOverrides"):
        if atc.globals is None:
            raise _not_found(call, GLOBAL)
        atc.globals = None
        return
    for intent in _required(call):
        atc.remove(intent)


@ATC.cmdlet(
    "Set-NetIntentRetryState",
    NAME,
    Parameter("ComputerName", "string"),
    _NAMED,
    Parameter("NodeName", "string"),
    GLOBAL_OVERRIDES,
    _WAIT,
)
def retry_intent(call: Call) -> None:
    """Lets Network ATC provision an intent once more on one node; without a node's name on this one."""
    require_intents(call)
    node = call.text("NodeName", call.host.node.name).partition(".")[0].upper()
    if node not in call.host.model.nodes:
        raise _invalid(call, f"The node {call.text('NodeName')} was not found in the cluster.")
    if call.switch("GlobalOverrides"):
        if networks(call).atc.globals is None:
            raise _not_found(call, GLOBAL)
        _say(call, GLOBAL)
        return
    for intent in _required(call):
        networks(call).atc.apply(intent, [node])
        _say(call, call.text("Name"))
        _wait(call, intent, [node])


def _say(call: Call, name: str) -> None:
    """What the command writes to the console [T]."""
    if call.rs.host_write is not None:
        call.rs.host_write(f"-- Successfully reset Intent retry state for '{name}'\n")


def _required(call: Call) -> list[Intent]:
    if not call.text("Name"):
        raise _invalid(call, "The name of an intent is missing.")
    return chosen_intents(call)


def _set_globals(call: Call, *, new: bool) -> bool:
    """Whether the command is about the whole cluster: then it is done."""
    given = {
        kind: call.get(name) for name, kind in (("GlobalClusterOverrides", CLUSTER), ("GlobalProxyOverrides", PROXY))
    }
    if not any(value is not None for value in given.values()):
        return False
    atc = networks(call).atc
    if new and atc.globals is not None:
        raise _invalid(call, "Global overrides exist already; change them with Set-NetIntent.")
    found = atc.globals = atc.globals or GlobalOverrides(version=0)
    for kind, value in given.items():
        if value is not None:
            (found.cluster if kind is CLUSTER else found.proxy).update(kind.read(value))
    found.version += 1
    return True


def _read(call: Call, intent: Intent) -> None:
    """VLANs and overrides of the line go into an intent; what is not set stays [D]."""
    for name, kind in _OVERRIDES.items():
        if call.get(name) is not None:
            intent.overrides[kind.name] = intent.overrides.get(kind.name, {}) | kind.read(call.get(name))
    if call.has("StorageVlans"):
        intent.storage_vlans = tuple(int(number) for number in call.get("StorageVlans"))
    intent.management_vlan = call.number("ManagementVlan", intent.management_vlan)


def _wait(call: Call, intent: Intent, nodes: Sequence[str]) -> None:
    """``-Wait``: until the intent is provisioned on the nodes that run."""
    if call.switch("Wait"):
        model = call.host.model
        running = [name for name in nodes if model.nodes[name].os_running]
        call.wait(load_costs().wait_s("operation_at_most"), lambda: not networks(call).atc.is_pending(intent, running))


def _invalid(call: Call, text: str) -> Exception:
    return call.fail(text, "InvalidArgument", "InvalidArgument", call.text("Name") or None, _EXCEPTION)


def _not_found(call: Call, name: str) -> Exception:
    return call.fail(f"Intent with name {name} not found.", "IntentNotFound", "ObjectNotFound", name, _EXCEPTION)
