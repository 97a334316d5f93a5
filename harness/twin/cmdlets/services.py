"""``Get-Service`` and its relatives for the services that matter to an update.

[T] TSG Update; start types and display names [GK].
"""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any, Final

from harness.twin.cmdlets.computer import MANAGEMENT
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
    "ClusSvc": "Cluster Service",
    "vmms": "Hyper-V Virtual Machine Management",
    "smphost": "Microsoft Storage Spaces SMP",
    "Winmgmt": "Windows Management Instrumentation",
    "WinRM": "Windows Remote Management (WS-Management)",
}
_ON_DEMAND: Final = {"wuauserv": "Windows Update", "BITS": "Background Intelligent Transfer Service"}
"""Services which the guide on free space stops and starts [T]; start type Manual [GK], running at first [INF]."""
_WHICH: Final = (
    Parameter("Name", "string[]", position=0, pipeline=("value", "name"), aliases=("ServiceName",)),
    Parameter("DisplayName", "string[]"),
    Parameter("InputObject", "object", pipeline="value"),
    Parameter("PassThru", "switch"),
)


@MANAGEMENT.cmdlet(
    "Get-Service",
    Parameter("Name", "string[]", position=0, pipeline=("value", "name"), aliases=("ServiceName",)),
    Parameter("DisplayName", "string[]"),
)
def get_service(call: Call) -> Iterator[object]:
    """Services of this node, by name."""
    yield from _chosen(call)


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


def _control(call: Call, *, stop: bool, start: bool) -> Iterator[object]:
    node: Node = call.host.node
    for service in _chosen(call):
        name, shown = str(service.get("Name")), str(service.get("DisplayName"))
        if name not in _ON_DEMAND:
            raise limitation(f"{call.declaration.name} of the service '{name}' is not simulated")
        if not call.should_process(f"{shown} ({name})", call.declaration.name):
            continue
        if stop:
            node.stopped_services.add(name.lower())
        if start:
            node.stopped_services.discard(name.lower())
        if call.switch("PassThru"):
            yield _service(name, shown, running=start, automatic=False)


def _chosen(call: Call) -> Iterator[PSObject]:
    """Services by name or display name; a name without wildcard that does not exist is an error."""
    services = sorted(_services(call.host), key=lambda service: str(service.get("Name")).lower())
    wanted = call.texts("Name")
    came = given_input(call)
    if not wanted and came is not None:
        wanted = [str(property_of(came, "Name") or came)]
    for name in wanted:
        if not has_wildcard(name) and not any(str(item.get("Name")).lower() == name.lower() for item in services):
            text = f"Cannot find any service with service name '{name}'."
            call.write_error(
                text,
                "NoServiceFoundForGivenName",
                "ObjectNotFound",
                name,
                "Microsoft.PowerShell.Commands.ServiceCommandException",
            )
    for service in services:
        if selects(wanted, str(service.get("Name"))) and selects(
            call.texts("DisplayName"), str(service.get("DisplayName"))
        ):
            yield service


def _services(host: Any) -> Iterator[PSObject]:
    model: ClusterModel = host.model
    for name, shown in _PER_NODE.items():
        running = host.node.cluster_service if name == "ClusSvc" else True
        yield _service(name, shown, running=running, automatic=True)
    for name, shown in _ON_DEMAND.items():
        running = name.lower() not in host.node.stopped_services
        yield _service(name, shown, running=running, automatic=False)
    alone = len(model.nodes) == 1
    owners = {group.name: group for group in model.roles()}
    for group_name, service in SERVICES.items():
        group = owners.get(group_name)
        here = group is not None and group.owner == host.node.name and group.state is ClusterGroupState.Online
        # The cluster starts its services itself, so they are not started with Windows [GK].
        yield _service(service, service, running=here or alone, automatic=alone)


def _service(name: str, shown: str, *, running: bool, automatic: bool) -> PSObject:
    return SERVICE.make(
        name,
        shown,
        name,
        labelled(SERVICE_STATUS, "Running" if running else "Stopped"),
        labelled(SERVICE_START, "Automatic" if automatic else "Manual"),
        ".",
        text=name,
    )
