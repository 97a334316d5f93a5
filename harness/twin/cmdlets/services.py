"""``Get-Service`` and its relatives for the services that matter to an update.

[T] TSG Update; start types and display names [GK].
"""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass
from typing import Any, Final

from harness.twin.cmdlets.computer import MANAGEMENT
from harness.twin.cmdlets.computernames import COMPUTERS, SERVICE_MANAGER, on_computers
from harness.twin.cmdlets.declaring import given_input, property_of, selects
from harness.twin.cmdlets.kinds import SERVICE_START, SERVICE_STATUS, labelled
from harness.twin.cmdlets.shapes import Shape
from harness.twin.model.cluster import ClusterModel
from harness.twin.model.entities import Node
from harness.twin.model.groups import SERVICES
from harness.twin.model.states import ClusterGroupState
from harness.twin.shell.commands.api import Call, Parameter
from harness.twin.shell.errors import limitation
from harness.twin.shell.objects import PSObject
from harness.twin.shell.regexes import has_wildcard

SERVICE: Final = Shape(
    ("System.ServiceProcess.ServiceController", "System.ComponentModel.Component", "System.Object"),
    "Name DisplayName ServiceName Status StartType MachineName",
)
_PER_NODE: Final = {
    "ECEAgent": "ECEAgent",
    "Azure Stack HCI Download Standalone Tool Agent": "Azure Stack HCI Download Standalone Tool Agent",
    "AzureStack Agent Lifecycle Agent": "AzureStack Agent Lifecycle Agent",
    "LcmController": "LcmController",
    "mochostagent": "MOC Host Agent Service",
    "wssdagent": "MOC NodeAgent Service",
    "himds": "Azure Hybrid Instance Metadata Service",
    "GCArcService": "Guest Configuration Arc Service",
    "ExtensionService": "Guest Configuration Extension service",
    "ClusSvc": "Cluster Service",
    "vmms": "Hyper-V Virtual Machine Management",
    "smphost": "Microsoft Storage Spaces SMP",
    "Winmgmt": "Windows Management Instrumentation",
    "WinRM": "Windows Remote Management (WS-Management)",
}
_ON_DEMAND: Final = {"wuauserv": "Windows Update", "BITS": "Background Intelligent Transfer Service"}
"""Services which the guide on free space stops and starts [T]; start type Manual [GK], running at first [INF]."""
_RESTARTED: Final = (*list(_PER_NODE)[:9], "vmms", "smphost")
"""Services whose restart changes nothing that the model has: agents, and Hyper-V's and storage's management [GK]."""
_WHICH: Final = (
    Parameter("Name", "string[]", position=0, pipeline=("value", "name"), aliases=("ServiceName",)),
    Parameter("DisplayName", "string[]"),
    Parameter("InputObject", "object", pipeline="value"),
    Parameter("PassThru", "switch"),
)


@dataclass(frozen=True, slots=True)
class ServiceRow:
    """A service of a node.  ``start`` is Automatic, Manual or Disabled."""

    name: str
    shown: str
    running: bool
    start: str


@MANAGEMENT.cmdlet(
    "Get-Service",
    Parameter("Name", "string[]", position=0, pipeline=("value", "name"), aliases=("ServiceName",)),
    Parameter("DisplayName", "string[]"),
    Parameter("InputObject", "object"),
    COMPUTERS,
)
def get_service(call: Call) -> Iterator[object]:
    """Services of this node or others, by name."""
    yield from on_computers(call, lambda there: (_service(row) for row in _chosen(there)), SERVICE_MANAGER)


@MANAGEMENT.cmdlet("Start-Service", *_WHICH, should_process=True)
def start_service(call: Call) -> Iterator[object]:
    """Starts services; one that runs stays as it is."""
    yield from _control(call, stop=False, start=True)


@MANAGEMENT.cmdlet(
    "Stop-Service", *_WHICH, Parameter("Force", "switch"), Parameter("NoWait", "switch"), should_process=True
)
def stop_service(call: Call) -> Iterator[object]:
    """Stops services."""
    yield from _control(call, stop=True, start=False)


@MANAGEMENT.cmdlet("Restart-Service", *_WHICH, Parameter("Force", "switch"), should_process=True)
def restart_service(call: Call) -> Iterator[object]:
    """Stops services and starts them."""
    yield from _control(call, stop=True, start=True)


@MANAGEMENT.cmdlet(
    "Set-Service",
    Parameter("Name", "string", position=0, pipeline=("value", "name"), aliases=("ServiceName", "SN")),
    Parameter("StartupType", "string", aliases=("StartMode", "SM", "ST"), values=("Automatic", "Manual", "Disabled")),
    Parameter("Status", "string", values=("Running", "Stopped")),
    Parameter("InputObject", "object", pipeline="value"),
    Parameter("PassThru", "switch"),
    should_process=True,
)
def set_service(call: Call) -> Iterator[object]:
    """Sets how a service starts, and starts or stops it."""
    for row in _chosen(call, [call.text("Name")] if call.has("Name") else []):
        if not call.should_process(f"{row.shown} ({row.name})", "Set-Service"):
            continue
        if call.has("StartupType"):
            set_start(call.host, row, call.text("StartupType").capitalize())
        if call.has("Status"):
            running = call.text("Status").lower() == "running"
            control(call.host, row, stop=not running, start=running, what="Set-Service")
        if call.switch("PassThru"):
            yield _service(find_service(call.host, row.name) or row)


def _control(call: Call, *, stop: bool, start: bool) -> Iterator[object]:
    for row in _chosen(call):
        if not call.should_process(f"{row.shown} ({row.name})", call.declaration.name):
            continue
        if start and not stop and row.start == "Disabled" and not row.running:
            text = f"Service '{row.shown} ({row.name})' cannot be started due to the following error: Cannot start "
            kind = "Microsoft.PowerShell.Commands.ServiceCommandException"
            full = f"{text}service {row.name} on computer '.'."
            call.write_error(full, "CouldNotStartService", "OpenError", row.name, kind)
            continue
        control(call.host, row, stop=stop, start=start, what=call.declaration.name)
        if call.switch("PassThru"):
            yield _service(find_service(call.host, row.name) or row)


def control(host: Any, row: ServiceRow, *, stop: bool, start: bool, what: str) -> None:
    """Stop a service, start it, or both.  Raises PSError where the consequences are not modelled."""
    node: Node = host.node
    model: ClusterModel = host.model
    if (start and not stop and row.running) or (stop and not start and not row.running):
        return
    low = row.name.lower()
    if not (stop and start and row.name in _RESTARTED) and row.name not in _ON_DEMAND:
        raise limitation(f"{what} of the service '{row.name}' is not simulated")
    if stop and row.running:
        node.stopped_services.add(low)
        node.service_events.append((model.now_ns, row.shown, False))
    if start:
        node.stopped_services.discard(low)
        node.restarted_services[low] = model.now_ns
        node.service_events.append((model.now_ns, row.shown, True))


def set_start(host: Any, row: ServiceRow, start: str) -> None:
    """Set how a service starts.  Raises PSError for one whose start with Windows the model relies on."""
    if start == row.start:
        return
    if row.name not in _ON_DEMAND:
        raise limitation(f"another start type of the service '{row.name}' is not simulated")
    host.node.service_starts[row.name.lower()] = start


def find_service(host: Any, name: str) -> ServiceRow | None:
    """A service by its name."""
    return next((row for row in services_of(host) if row.name.lower() == name.lower()), None)


def report_no_service(call: Call, name: str) -> None:
    """No service is called *name* ([GK] text)."""
    text = f"Cannot find any service with service name '{name}'."
    exception = "Microsoft.PowerShell.Commands.ServiceCommandException"
    call.write_error(text, "NoServiceFoundForGivenName", "ObjectNotFound", name, exception)


def _chosen(call: Call, names: list[str] | None = None) -> Iterator[ServiceRow]:
    """Services by name or display name; a name without wildcard that does not exist is an error."""
    services = sorted(services_of(call.host), key=lambda row: row.name.lower())
    wanted = call.texts("Name") if names is None else names
    came = given_input(call)
    if not wanted and came is not None:
        wanted = [str(property_of(came, "Name") or came)]
    for name in wanted:
        if not has_wildcard(name) and not any(row.name.lower() == name.lower() for row in services):
            report_no_service(call, name)
    for row in services:
        if selects(wanted, row.name) and selects(call.texts("DisplayName"), row.shown):
            yield row


def services_of(host: Any) -> Iterator[ServiceRow]:
    """The services of this node that the model knows of."""
    model: ClusterModel = host.model
    starts: dict[str, str] = host.node.service_starts
    for name, shown in _PER_NODE.items():
        running = host.node.cluster_service if name == "ClusSvc" else True
        yield ServiceRow(name, shown, running, "Automatic")
    for name, shown in _ON_DEMAND.items():
        running = name.lower() not in host.node.stopped_services
        yield ServiceRow(name, shown, running, starts.get(name.lower(), "Manual"))
    alone = len(model.nodes) == 1
    owners = {group.name: group for group in model.roles()}
    for group_name, service in SERVICES.items():
        group = owners.get(group_name)
        here = group is not None and group.owner == host.node.name and group.state is ClusterGroupState.Online
        # The cluster starts its services itself, so they are not started with Windows [GK].
        yield ServiceRow(service, service, here or alone, "Automatic" if alone else "Manual")


def _service(row: ServiceRow) -> PSObject:
    return SERVICE.make(
        row.name,
        row.shown,
        row.name,
        labelled(SERVICE_STATUS, "Running" if row.running else "Stopped"),
        labelled(SERVICE_START, row.start),
        ".",
        text=row.name,
    )
