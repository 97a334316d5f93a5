"""Diagnostic data, discovery diagnostics and overrides of the update stack ([D] azure-local-updates 2, 3.1, 8.3, 9.2).

Collections and their history are kept; no content is made.  Parameters of ``Set-OverrideUpdateConfiguration`` beyond
the documented one are not known.
"""

from __future__ import annotations

from collections.abc import Iterator
from datetime import UTC, datetime, timedelta
from typing import Final

from harness.twin.cmdlets.clusterobjects import make_id
from harness.twin.cmdlets.declaring import Module
from harness.twin.cmdlets.fileobjects import files_of, write_fault
from harness.twin.cmdlets.service import require_service
from harness.twin.cmdlets.shapes import Shape, dictionary
from harness.twin.cmdlets.updates import UPDATES
from harness.twin.cmdlets.windows import local_time
from harness.twin.model.cluster import ClusterModel
from harness.twin.model.clusterkept import LogCollection
from harness.twin.model.files import FileError
from harness.twin.shell.commands.api import Call, Parameter
from harness.twin.shell.commands.providers import full_path
from harness.twin.units import NS_PER_S

OBSERVABILITY: Final = Module("Microsoft.AzureStack.Observability", lambda name: name)
COLLECTION: Final = Shape(
    "Microsoft.AzureStack.Observability.LogCollection",
    "TimeCollected Status CollectionFromDate CollectionToDate LogCollectionId Type LogUploadSizeMb UploadNumberOfFiles "
    "Directory Location Error",
)
DISCOVERY: Final = Shape(
    "Microsoft.AzureStack.Lcm.PowerShell.DiscoveryDiagnosticInfo",
    "SolutionManifestResult SbeManifestResult Configuration",
)
MANIFEST: Final = Shape("Microsoft.AzureStack.Lcm.PowerShell.ManifestResult", "ManifestSource Status Description")
CONFIGURATION: Final = Shape("Microsoft.AzureStack.Lcm.PowerShell.DiscoveryConfiguration", "ComponentUris")
ROLES: Final = (
    "ALM",
    "ArcAgent",
    "BareMetal",
    "CommonInfra",
    "DeploymentLogs",
    "ECE",
    "Extension",
    "FleetDiagnosticsAgent",
    "HCICloudService",
    "DownloadService",
    "Health",
    "HostNetwork",
    "MOC_ARB",
    "NC",
    "ObservabilityLogmanTraces",
    "ObservabilityVolume",
    "OEMDiagnostics",
    "OSUpdateLogs",
    "RemoteSupportAgent",
    "TestObservability",
    "URP",
)
_SOLUTION: Final = "https://aka.ms/AzureEdgeUpdates"
_SBE: Final = "https://aka.ms/AzureStackSBEUpdate"
"""[D] azure-local-updates 2: addresses of the two manifests; that of an extension ends with the vendor."""
_READ: Final = "Successfully read the discovery manifest."
_NOT_READ: Final = (
    "There was an exception reading the discovery manifest: An error occurred while sending the request.."
)
"""[T]"""
_COLLECTION_S: Final = 20 * 60
"""How long a collection takes [INF]."""
_HOUR_NS: Final = 3600 * NS_PER_S


def _aware(moment: datetime) -> datetime:
    return moment if moment.tzinfo is not None else moment.replace(tzinfo=UTC)


def _ns(model: ClusterModel, moment: datetime | None, default_ns: int) -> int:
    return default_ns if moment is None else (_aware(moment) - model.spec.epoch) // timedelta(microseconds=1) * 1000


@OBSERVABILITY.cmdlet(
    "Send-DiagnosticData",
    Parameter("FilterByRole", "string[]", values=ROLES),
    Parameter("FromDate", "datetime"),
    Parameter("ToDate", "datetime"),
    Parameter("CollectSddc", "bool"),
    Parameter("BypassObsAgent", "switch"),
    Parameter("SaveToPath", "string"),
    Parameter("ShareCredential", "object"),
    Parameter("SupplementaryLogs", "string"),
    Parameter("NoLogCollection", "switch"),
)
def send_data(call: Call) -> None:
    """Collects logs of the last hour or of the window given, at most 24 hours, and sends or saves them ([D])."""
    model: ClusterModel = call.host.model
    to_ns = _ns(model, call.moment("ToDate"), model.now_ns)
    from_ns = _ns(model, call.moment("FromDate"), to_ns - _HOUR_NS)
    if not 0 < to_ns - from_ns <= 24 * _HOUR_NS:
        text = "The time window must be at most 24 hours, and FromDate must be before ToDate."
        raise call.fail(text, "InvalidTimeWindow", "InvalidArgument", exception="System.ArgumentException")
    if any(item.ended_ns > model.now_ns for item in model.kept.collections):
        text = "A log collection is already in progress."
        raise call.fail(text, "LogCollectionInProgress", "ResourceBusy", exception="System.InvalidOperationException")
    directory = ""
    if call.has("SaveToPath"):
        directory = full_path(call, call.text("SaveToPath"))
        try:
            files_of(call).make_folder(directory)
        except FileError as error:
            write_fault(call, error, "SendDiagnosticDataError")
            return
    started, number = model.now_ns, str(len(model.kept.collections))
    identity = make_id(model, "log collection", number)
    ended = started + _COLLECTION_S * NS_PER_S
    model.kept.collections.append(LogCollection(identity, started, ended, from_ns, to_ns, directory))
    call.wait(_COLLECTION_S)


@OBSERVABILITY.cmdlet("Get-LogCollectionHistory")
def get_history(call: Call) -> Iterator[object]:
    """Collections, newest first; sizes are not simulated."""
    model: ClusterModel = call.host.model
    for item in reversed(model.kept.collections):
        ended = item.ended_ns <= model.now_ns
        yield COLLECTION.make(
            local_time(call.host, item.started_ns),
            "Succeeded" if ended else "InProgress",
            local_time(call.host, item.from_ns),
            local_time(call.host, item.to_ns),
            item.collection_id,
            "OnDemand",
            None,
            None,
            item.directory,
            "Share" if item.directory else "Azure",
            None,
        )


@UPDATES.cmdlet("Get-SolutionDiscoveryDiagnosticInfo")
def get_discovery(call: Call) -> Iterator[object]:
    """What the last discovery read; ``SolutionManifestResult`` is named like its sibling [INF]."""
    model = require_service(call)
    reached = model.conditions.content_reachable
    vendor = model.environment.hardware_model.partition(" ")[0]
    extension = model.kept.oem_update_uri or f"{_SBE}/{vendor}"
    results = [
        MANIFEST.make(uri, "Ok" if reached else "ConnectionFailure", _READ if reached else _NOT_READ)
        for uri in (_SOLUTION, extension)
    ]
    uris = dictionary([("Solution", _SOLUTION), ("SBE", extension)])
    yield DISCOVERY.make(*results, CONFIGURATION.make(uris))


@UPDATES.cmdlet("Set-OverrideUpdateConfiguration", Parameter("OverrideOemUpdateUri", "string", position=0))
def set_override(call: Call) -> None:
    """Where extensions are looked for from now on; an empty text goes back to the vendor's address."""
    require_service(call).kept.oem_update_uri = call.text("OverrideOemUpdateUri")


@UPDATES.cmdlet("Enable-SolutionFeature", Parameter("Name", "string", position=0, mandatory=True))
def enable_feature(call: Call) -> None:
    """A feature flag; the documented one shows versions of the 24H2 line, which the list here has in any case."""
    require_service(call).kept.features.add(call.text("Name").lower())
