"""Registration of the cluster with Azure as a node sees it: ``Get-AzureStackHCI``, ``azcmagent`` and others.

[D] ASD deploy (output of the cmdlet), azure-local-updates 3.1: ``ConnectionStatus`` and ``RegistrationStatus``; names
and ids of resources are made here.  Nothing of Azure is behind it: what is registered is connected while the content
is reachable; other values [INF].  Attestation: guest-and-host-maintenance 1.2 [D].
"""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from datetime import timedelta
from typing import IO, Any, Final

from harness.twin.cmdlets.clusterobjects import make_id
from harness.twin.cmdlets.declaring import Module, classes
from harness.twin.cmdlets.shapes import Shape
from harness.twin.cmdlets.systemprograms import loud
from harness.twin.cmdlets.windows import local_time
from harness.twin.model.cluster import ClusterModel
from harness.twin.shell.commands.api import Call, Parameter
from harness.twin.shell.errors import limitation
from harness.twin.shell.host import Writer
from harness.twin.units import NS_PER_DAY

HCI: Final = Module("AzureStackHCI", classes("Microsoft.AzureStack.HCI.Commands.{}Command"))
STATUS: Final = Shape(
    "Microsoft.AzureStack.HCI.AzureStackHCIStatus",
    "ClusterStatus RegistrationStatus RegistrationDate AzureResourceName AzureResourceUri ConnectionStatus "
    "LastConnected IMDSAttestation DiagnosticLevel Region",
)
ATTESTATION: Final = Shape(
    "Microsoft.AzureStack.HCI.AttestationStatus", "ComputerName Status Expiration LastUpdated Version"
)
VM_ATTESTATION: Final = Shape("Microsoft.AzureStack.HCI.VMAttestation", "Name AttestationHost Status")
_REGISTERED_DAYS: Final = 60
"""How long before lab time 0 the cluster was registered [INF]."""
_GROUP: Final = "rg-lab"
_REGION: Final = "eastus"
_EXPIRES_DAYS: Final = 30
"""[D] More than 30 days without synchronising: expired."""
_SYNC_EVERY_HOURS: Final = 12
"""[D] The cluster synchronises every 12 hours by itself."""


def _uri(model: ClusterModel) -> str:
    subscription = make_id(model, "subscription", model.spec.cluster_name)
    place = f"/Subscriptions/{subscription}/resourceGroups/{_GROUP}/providers/Microsoft.AzureStackHCI/clusters"
    return f"{place}/{model.spec.cluster_name}"


def _synced_ns(model: ClusterModel) -> int:
    """When the cluster last synchronised: by itself every 12 hours, or by command."""
    every_ns = _SYNC_EVERY_HOURS * 3600 * 10**9
    by_itself = model.now_ns // every_ns * every_ns
    return max(by_itself, model.kept.synced_ns if model.kept.synced_ns is not None else by_itself)


def connected(model: ClusterModel) -> bool:
    """The cluster reaches Azure."""
    return model.conditions.content_reachable


@HCI.cmdlet("Get-AzureStackHCI")
def get_status(call: Call) -> Iterator[object]:
    """Status of the registration; ``OutOfPolicy`` while the subscription is not active ([T] values)."""
    model: ClusterModel = call.host.model
    active = model.conditions.subscription_active
    status = "Connected" if connected(model) else "Disconnected"
    yield STATUS.make(
        "Clustered" if call.host.node.member else "NotYet",
        "Registered" if active else "OutOfPolicy",
        local_time(call.host, -_REGISTERED_DAYS * NS_PER_DAY),
        model.spec.cluster_name,
        _uri(model),
        status if active else "OutOfPolicy",
        local_time(call.host, _synced_ns(model)),
        "Connected" if connected(model) else "Expired",
        "Enhanced",
        _REGION,
    )


@HCI.cmdlet("Sync-AzureStackHCI")
def sync(call: Call) -> None:
    """Synchronises now.  Raises PSError when Azure cannot be reached; the text is [INF]."""
    model: ClusterModel = call.host.model
    if not connected(model):
        text = "Azure Stack HCI is not able to connect to Azure."
        raise call.fail(
            text, "SyncAzureStackHCIFailed", "ConnectionError", exception="System.InvalidOperationException"
        )
    model.kept.synced_ns = model.now_ns


@HCI.cmdlet("Get-AzureStackHCIAttestation", Parameter("ComputerName", "string[]", position=0))
def get_attestation(call: Call) -> Iterator[object]:
    """Azure verification for VMs on this node."""
    if call.has("ComputerName"):
        raise limitation("Get-AzureStackHCIAttestation -ComputerName is not simulated")
    model: ClusterModel = call.host.model
    synced = local_time(call.host, _synced_ns(model))
    status = "Active" if connected(model) else "Inactive"
    yield ATTESTATION.make(call.host.computer_name, status, synced + timedelta(days=_EXPIRES_DAYS), synced, 2)


@HCI.cmdlet("Get-AzStackHCIVMAttestation", Parameter("Local", "switch"))
def get_vm_attestation(call: Call) -> Iterator[object]:
    """Guests of this node and whether the verification reaches them; of all nodes without ``-Local``."""
    model: ClusterModel = call.host.model
    for guest in model.guests.values():
        if guest.owner == call.host.computer_name or not call.switch("Local"):
            status = "Connected" if guest.running and connected(model) else "Disconnected"
            yield VM_ATTESTATION.make(guest.name, guest.owner, status, text=guest.name)


# --- azcmagent


_SHOW: Final = (
    ("Resource Name", "name"),
    ("Resource Group Name", "group"),
    ("Resource Namespace", "namespace"),
    ("Resource Id", "id"),
    ("Subscription ID", "subscription"),
    ("Tenant ID", "tenant"),
    ("VM ID", "vm"),
    ("Azure Region", "region"),
    ("Agent Status", "status"),
    ("Agent Last Heartbeat", "heartbeat"),
    ("GC Service (gcarcservice)", "gc"),
    ("Extension Service (extensionservice)", "extension"),
    ("Agent Service (himds)", "himds"),
)
"""Fields of ``azcmagent show`` [D] ARC azcmagent-show, in part."""
_JSON: Final = {
    "name": "resourceName",
    "group": "resourceGroup",
    "status": "status",
    "region": "location",
    "vm": "vmId",
}


@loud
def azcmagent(host: Any, words: Sequence[str], _stdin: IO[bytes], stdout: Writer, _stderr: Writer) -> int:
    """``azcmagent show [-j]``: the agent of this machine; the other verbs change Azure's side, which is not there."""
    options = [word.lower() for word in words[1:]]
    if options[:1] != ["show"] or set(options[1:]) - {"-j", "--json"}:
        raise limitation(f"'{' '.join(words)}' is not simulated; only 'azcmagent show' is")
    found = _agent(host)
    if len(options) > 1:
        pairs = ",".join(f'"{_JSON[key]}":"{found[key]}"' for key in _JSON)
        stdout(f"{{{pairs}}}\r\n".encode())
        return 0
    stdout("".join(f"{label:<39}: {found[key]}\r\n" for label, key in _SHOW).encode())
    return 0


def _agent(host: Any) -> dict[str, str]:
    model: ClusterModel = host.model
    subscription = make_id(model, "subscription", model.spec.cluster_name)
    name = str(host.computer_name)
    namespace = "Microsoft.HybridCompute"
    beat = model.datetime_at(model.now_ns)
    return {
        "name": name,
        "group": _GROUP,
        "namespace": namespace,
        "id": f"/subscriptions/{subscription}/resourceGroups/{_GROUP}/providers/{namespace}/machines/{name}",
        "subscription": subscription,
        "tenant": make_id(model, "tenant", model.spec.cluster_name),
        "vm": make_id(model, "machine", name),
        "region": _REGION,
        "status": "Connected" if connected(model) else "Disconnected",
        "heartbeat": f"{beat:%Y-%m-%dT%H:%M:%SZ}",
        "gc": "running",
        "extension": "running",
        "himds": "running",
    }


PROGRAMS: Final = {"azcmagent": azcmagent}
