"""Cmdlets of ``Microsoft.AzureStack.Lcm.PowerShell``: solution updates ([D] ASD update/update-via-powershell-23h2)."""

from __future__ import annotations

from collections.abc import Iterator
from typing import Final

from harness.twin.cmdlets.costs import load_costs
from harness.twin.cmdlets.declaring import Module, classes, given_input, property_of
from harness.twin.cmdlets.plans import refusal
from harness.twin.cmdlets.service import require_service
from harness.twin.cmdlets.updateobjects import make_environment, make_run, make_update
from harness.twin.model.cluster import ClusterModel
from harness.twin.model.content import UpdateRun
from harness.twin.model.errors import ModelError
from harness.twin.model.lifecycle import ACTIVE
from harness.twin.shell.commands.api import Call, Parameter
from harness.twin.shell.commands.providers import full_path
from harness.twin.units import NS_PER_S

UPDATES: Final = Module("Microsoft.AzureStack.Lcm.PowerShell", classes("Microsoft.AzureStack.Lcm.PowerShell.{}Cmdlet"))

_FULL: Final = Parameter("FullHealthCheckDetails", "switch")
_INPUT: Final = Parameter("InputObject", "object", pipeline="value")
"""The pipeline's parameter; its real name is not published [INF]."""


@UPDATES.cmdlet("Get-SolutionUpdateEnvironment", _FULL)
def get_environment(call: Call) -> Iterator[object]:
    """The environment; reading it also starts a discovery now and then."""
    model = require_service(call)
    _refresh(model)
    yield make_environment(model, full=call.switch("FullHealthCheckDetails"))


@UPDATES.cmdlet("Get-SolutionUpdate", Parameter("Id", "string", position=0), _FULL)
def get_update(call: Call) -> Iterator[object]:
    """All listed updates, or the one with that resource id; an id that is not listed gives nothing [INF]."""
    model = require_service(call)
    wanted = call.text("Id").lower()
    for row in model.rows:
        if not wanted or row.resource_id.lower() == wanted:
            yield make_update(model, row, full=call.switch("FullHealthCheckDetails"))


@UPDATES.cmdlet(
    "Start-SolutionUpdate",
    _INPUT,
    Parameter("Id", "string"),
    Parameter("PrepareOnly", "switch"),
    Parameter("IgnoreWarnings", "switch"),
)
def start_update(call: Call) -> Iterator[object]:
    """Starts or resumes the update; gives the run's resource id."""
    model = require_service(call)
    update_id = call.text("Id") or _resource_id(call)
    try:
        yield model.start_update(
            update_id,
            prepare_only=call.switch("PrepareOnly"),
            ignore_warnings=call.switch("IgnoreWarnings"),
        )
    except ModelError as error:
        raise refusal(call, error) from None


@UPDATES.cmdlet(
    "Add-SolutionUpdate",
    Parameter("SourceFolder", "string", position=0, mandatory=True),
    Parameter("SkipSbeVersionValidation", "switch"),
)
def add_update(call: Call) -> None:
    """Imports the package in a folder of this node; the list shows it after the discovery that this starts.

    Parameters [D] ASD update/import-discover-updates-offline-23h2.  Bundles of solution updates are not simulated.
    """
    model = require_service(call)
    folder = full_path(call, call.text("SourceFolder"))
    try:
        model.import_package(call.host.node.name, folder, any_version=call.switch("SkipSbeVersionValidation"))
    except ModelError as error:
        raise refusal(call, error) from None


@UPDATES.cmdlet("Get-SolutionUpdateRun", _INPUT, Parameter("Id", "string"), Parameter("MaxDepth", "int"))
def get_run(call: Call) -> Iterator[object]:
    """The run with ``-Id``, or all runs of the update that came in, oldest first."""
    model = require_service(call)
    depth = call.number("MaxDepth") if call.has("MaxDepth") else None
    for run in _wanted_runs(call, model):
        yield make_run(model, run, depth)


@UPDATES.cmdlet("Invoke-SolutionUpdatePrecheck", Parameter("SystemHealth", "switch"))
def invoke_precheck(call: Call) -> None:
    """Starts the system health checks again and returns."""
    model = require_service(call)
    try:
        model.precheck()
    except ModelError as error:
        raise refusal(call, error) from None


def _refresh(model: ClusterModel) -> None:
    """Discovery at most once in the calibrated time, and not while an update is at work [INF]."""
    every_ns = round(load_costs().wait_s("discovery_every") * NS_PER_S)
    idle = not any(row.state in ACTIVE for row in model.rows)
    if idle and model.now_ns - model.environment.last_checked_ns >= every_ns:
        model.discover()


def _wanted_runs(call: Call, model: ClusterModel) -> list[UpdateRun]:
    if not call.has("Id"):
        update_id = _resource_id(call)
        return model.updates.runs_of(update_id)
    try:
        return [model.updates.run(call.text("Id"))]
    except ModelError as error:
        raise refusal(call, error) from None


def _resource_id(call: Call) -> str:
    """Resource id of the update that came in.  Raises PSError for something else."""
    came = given_input(call)
    found = property_of(came, "ResourceId")
    if not isinstance(found, str):
        raise call.fail(
            "The input object is not an update. Pipe the output of Get-SolutionUpdate to the command.",
            "InputObjectNotBound",
            "InvalidArgument",
            came,
            "System.Management.Automation.ParameterBindingException",
        )
    return found
