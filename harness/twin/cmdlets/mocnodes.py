"""Machines as the virtual machine management (MOC) lists them, and code of the orchestrator.

[D] ASD manage/suspend-resume: a machine leaves the list before maintenance by hand and returns to it; [D]
azure-local-updates 1.5 and 3.1: packages below ``C:\\NugetStore``.  Shapes of the objects [INF].
"""

from __future__ import annotations

from collections.abc import Iterator
from typing import Final

from harness.twin.cmdlets.declaring import Module, selects
from harness.twin.cmdlets.fileobjects import files_of
from harness.twin.cmdlets.shapes import Shape
from harness.twin.model.cluster import ClusterModel
from harness.twin.shell.commands.api import Call, Parameter
from harness.twin.shell.objects import PSObject

MOC: Final = Module("Moc", lambda name: name)
CLOUD: Final = Module("CloudCommon", lambda name: name)
NODE: Final = Shape("System.Management.Automation.PSCustomObject", "name fqdn status")
_STORE: Final = "C:\\NugetStore"
_NODE_NAME: Final = Parameter("nodeName", "string", position=0, mandatory=True)


def _node(model: ClusterModel, name: str) -> PSObject:
    state = "Active" if model.nodes[name].os_running else "Inactive"
    return NODE.make(name, f"{name}.{model.spec.domain}".lower(), state, text=name)


@MOC.cmdlet("Get-MocPhysicalNode", Parameter("nodeName", "string", position=0))
def get_node(call: Call) -> Iterator[object]:
    """The machines in the list."""
    model: ClusterModel = call.host.model
    wanted = [call.text("nodeName")] if call.has("nodeName") else []
    for name in model.nodes:
        if name not in model.kept.moc_removed and selects(wanted, name):
            yield _node(model, name)


def _name_given(call: Call) -> str:
    """A machine of the cluster by name or full name.  Raises PSError for another."""
    model: ClusterModel = call.host.model
    short = call.text("nodeName").lower().removesuffix(f".{model.spec.domain.lower()}")
    found = next((name for name in model.nodes if name.lower() == short), None)
    if found is None:
        text = f"The node '{call.text('nodeName')}' was not found."
        raise call.fail(text, "NotFound", "ObjectNotFound", call.text("nodeName"), "System.InvalidOperationException")
    return found


@MOC.cmdlet("New-MocPhysicalNode", _NODE_NAME)
def new_node(call: Call) -> Iterator[object]:
    """Puts a machine back into the list."""
    name = _name_given(call)
    call.host.model.kept.moc_removed.discard(name)
    yield _node(call.host.model, name)


@MOC.cmdlet("Remove-MocPhysicalNode", _NODE_NAME)
def remove_node(call: Call) -> None:
    """Takes a machine out of the list; where its guests are does not change."""
    call.host.model.kept.moc_removed.add(_name_given(call))


@CLOUD.cmdlet("Get-ASArtifactPath", Parameter("NugetName", "string", position=0, mandatory=True))
def get_artifact_path(call: Call) -> Iterator[object]:
    """Folder of a package of the orchestrator: its name with the version of the services; made at the first call."""
    model: ClusterModel = call.host.model
    services = next(item.version for item in model.environment.package_versions if item.package_type == "Services")
    path = f"{_STORE}\\{call.text('NugetName')}.{services}"
    files_of(call).make_folder(f"{path}\\content")
    yield path
