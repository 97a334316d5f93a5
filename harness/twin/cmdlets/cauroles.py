"""The clustered role of CAU, its setup test, plug-ins, and what an operator does to a run.

[D] WPD ClusterAwareUpdating; rules of ``Test-CauSetup`` [D] WSD cluster-aware-updating-requirements; a healthy system
has no role ([D] azure-local-updates 6.3), and two rules fail for want of one.  The role's schedule starts nothing
here: the orchestrator runs CAU itself.  Types of the objects [GK].
"""

from __future__ import annotations

from collections.abc import Iterator
from typing import Final

from harness.twin.cmdlets.cau import CAU, require_local
from harness.twin.cmdlets.declaring import Body, selects
from harness.twin.cmdlets.fileobjects import files_of, write_fault
from harness.twin.cmdlets.shapes import Shape
from harness.twin.model.clusterkept import CauRole
from harness.twin.model.files import FileError
from harness.twin.model.states import CauRunState, CheckStatus
from harness.twin.shell.commands.api import Call, Parameter
from harness.twin.shell.commands.providers import full_path
from harness.twin.shell.errors import PSError, limitation

_NAMESPACE: Final = "Microsoft.ClusterAwareUpdating"
PARAMETER: Final = Shape(f"{_NAMESPACE}.CauParameter", "Name Value")
RULE: Final = Shape(f"{_NAMESPACE}.CauSetupTestResult", "RuleId Title State Severity FailedMachines")
PLUGIN: Final = Shape(f"{_NAMESPACE}.CauPluginInfo", "Name")
_WHICH: Final = Parameter("ClusterName", "string", position=0)
_FORCE: Final = Parameter("Force", "switch")
_PLUGINS: Final = ("Microsoft.WindowsUpdatePlugin", "Microsoft.HotfixPlugin", "Microsoft.RollingUpgradePlugin")
"""[D] azure-local-updates 6.1."""
_RUN_OPTIONS: Final = (
    Parameter("CauPluginName", "string[]"),
    Parameter("CauPluginArguments", "object[]"),
    Parameter("MaxFailedNodes", "int", minimum=0),
    Parameter("MaxRetriesPerNode", "int", minimum=0, maximum=64),
    Parameter("NodeOrder", "string[]"),
    Parameter("PreUpdateScript", "string"),
    Parameter("PostUpdateScript", "string"),
    Parameter("RebootTimeoutMinutes", "int", minimum=1),
    Parameter("RequireAllNodesOnline", "switch"),
    Parameter("FailbackMode", "string", values=("NoFailback", "Immediate", "Policy")),
    Parameter("StopAfter", "object"),
    Parameter("WarnAfter", "object"),
    Parameter("ConfigurationName", "string"),
)
_SCHEDULE: Final = (
    Parameter("StartDate", "datetime"),
    Parameter("DaysOfWeek", "string[]"),
    Parameter("WeeksOfMonth", "int[]"),
    Parameter("IntervalWeeks", "int"),
)
_SETTINGS: Final = tuple(item.name for item in (*_SCHEDULE, *_RUN_OPTIONS))
_CLEARS_SINCE: Final = 26100
"""24H2."""
_RECOVERY_AT_MOST_S: Final = 3600
"""A bound for the simulation only."""
_NO_ROLE: Final = "The CAU clustered role is not installed on the cluster."


def _role(call: Call) -> CauRole:
    """The role.  Raises PSError where there is none; text and id are [INF]."""
    role: CauRole | None = require_local(call).kept.cau_role
    if role is None:
        raise _refused(call, _NO_ROLE, "ClusterRoleNotFound")
    return role


def _refused(call: Call, text: str, error_id: str) -> PSError:
    return call.fail(text, error_id, "InvalidOperation", exception=f"{_NAMESPACE}.ClusterUpdateException")


@CAU.cmdlet("Get-CauClusterRole", _WHICH)
def get_role(call: Call) -> Iterator[object]:
    """Settings of the role, one row each."""
    role = _role(call)
    yield PARAMETER.make("Status", "Online" if role.enabled else "Offline")
    for name, value in role.settings.items():
        yield PARAMETER.make(name, value)


def _take_settings(call: Call, role: CauRole) -> None:
    for name in _SETTINGS:
        if call.has(name):
            role.settings[name] = call.get(name)


@CAU.cmdlet(
    "Add-CauClusterRole",
    _WHICH,
    *_SCHEDULE,
    *_RUN_OPTIONS,
    Parameter("VirtualComputerObjectName", "string"),
    Parameter("GroupName", "string"),
    Parameter("EnableFirewallRules", "switch"),
    Parameter("SuspendClusterNodeTimeoutMinutes", "int"),
    _FORCE,
    should_process=True,
)
def add_role(call: Call) -> None:
    """Adds the role; there can be one."""
    model = require_local(call)
    if model.kept.cau_role is not None:
        text = "The CAU clustered role is already installed on the cluster."
        raise _refused(call, text, "ClusterRoleAlreadyInstalled")
    if call.should_process(model.spec.cluster_name, "Add-CauClusterRole"):
        model.kept.cau_role = role = CauRole()
        _take_settings(call, role)


@CAU.cmdlet("Set-CauClusterRole", _WHICH, *_SCHEDULE, *_RUN_OPTIONS, _FORCE, should_process=True)
def set_role(call: Call) -> None:
    """Changes settings of the role."""
    role = _role(call)
    if call.should_process(require_local(call).spec.cluster_name, "Set-CauClusterRole"):
        _take_settings(call, role)


@CAU.cmdlet("Remove-CauClusterRole", _WHICH, _FORCE, should_process=True)
def remove_role(call: Call) -> None:
    """Removes the role."""
    _role(call)
    model = require_local(call)
    if call.should_process(model.spec.cluster_name, "Remove-CauClusterRole"):
        model.kept.cau_role = None


def _switching(*, on: bool) -> Body:
    def switch(call: Call) -> None:
        role = _role(call)
        if call.should_process(require_local(call).spec.cluster_name, call.declaration.name):
            role.enabled = on

    return switch


CAU.cmdlet("Enable-CauClusterRole", _WHICH, _FORCE, should_process=True)(_switching(on=True))
CAU.cmdlet("Disable-CauClusterRole", _WHICH, _FORCE, should_process=True)(_switching(on=False))


@CAU.cmdlet("Test-CauSetup", _WHICH)
def test_setup(call: Call) -> Iterator[object]:
    """The rules that the health checks of an update show too; the two about the role follow the role itself."""
    model = require_local(call)
    role = model.kept.cau_role
    for number, check in enumerate(model.check_now("TestCauSetup"), 1):
        passed = check.status is CheckStatus.SUCCESS
        if "clustered role" in check.title:
            passed = role is not None and (role.enabled or "installed" in check.title)
        severity = "Info" if passed else "Error" if check.severity.name == "CRITICAL" else "Warning"
        failed = [] if passed else list(model.nodes)
        yield RULE.make(number, check.title, "Succeeded" if passed else "Failed", severity, failed, text=check.title)


@CAU.cmdlet("Get-CauPlugin", Parameter("Name", "string[]", position=0))
def get_plugin(call: Call) -> Iterator[object]:
    """Plug-ins that are registered on this node."""
    for name in _PLUGINS:
        if selects(call.texts("Name"), name):
            yield PLUGIN.make(name, text=name)


@CAU.cmdlet("Invoke-CauScan", _WHICH, *_RUN_OPTIONS)
def invoke_scan(call: Call) -> Iterator[object]:
    """What the plug-in would install: nothing, as no node gets updates but by the orchestrator ([D] 10.1)."""
    require_local(call)
    plugin = call.texts("CauPluginName") or [_PLUGINS[0]]
    if plugin[0].lower() != _PLUGINS[0].lower():
        raise limitation(f"a scan by the plug-in '{plugin[0]}' is not simulated")
    yield from ()


@CAU.cmdlet(
    "Invoke-CauRun",
    _WHICH,
    *_RUN_OPTIONS,
    Parameter("ForceRecovery", "switch"),
    Parameter("ClearCorruptReports", "switch"),
    Parameter("EnableFirewallRules", "switch"),
    _FORCE,
    should_process=True,
)
def invoke_run(call: Call) -> None:
    """With ``-ForceRecovery``: clears the state of a failed run and resumes nodes that it left paused.

    A run of an operator's own is not simulated.  ``-ClearCorruptReports`` is there from 24H2 on ([D] 6.1).
    """
    model = require_local(call)
    if call.switch("ClearCorruptReports") and call.host.node.os_build.build < _CLEARS_SINCE:
        kind = "System.Management.Automation.ParameterBindingException"
        text = "A parameter cannot be found that matches parameter name 'ClearCorruptReports'."
        raise call.fail(text, "NamedParameterNotFound", "InvalidArgument", exception=kind)
    if model.cau.run is not None and model.cau.run.active:
        raise _refused(call, "An Updating Run is already in progress on the cluster.", "RunInProgress")
    if not call.switch("ForceRecovery"):
        raise limitation("a CAU run that an operator starts is not simulated; only -ForceRecovery is")
    if call.should_process(model.spec.cluster_name, "Invoke-CauRun") and model.cau.state is CauRunState.RunFailed:
        operation = model.recover_cau()
        call.wait(_RECOVERY_AT_MOST_S, lambda: operation.done)


@CAU.cmdlet("Stop-CauRun", _WHICH, Parameter("Wait", "switch"), _FORCE, should_process=True)
def stop_run(call: Call) -> None:
    """Without a run there is nothing to stop; stopping the orchestrator's is not simulated."""
    model = require_local(call)
    if model.cau.run is None or not model.cau.run.active:
        raise _refused(call, "There is no Updating Run in progress on the cluster.", "RunNotInProgress")
    raise limitation("stopping a CAU run of the orchestrator is not simulated")


@CAU.cmdlet(
    "Save-CauDebugTrace",
    Parameter("ClusterName", "string", position=0),
    Parameter("FilePath", "string", position=1),
    Parameter("RunId", "string"),
    Parameter("FeatureUpdateLogs", "string", values=("None", "FailedSetup", "All")),
    _FORCE,
    should_process=True,
)
def save_trace(call: Call) -> Iterator[object]:
    """Writes an archive of traces; here a small file with the reports' ids [INF]."""
    model = require_local(call)
    path = full_path(call, call.text("FilePath") or f"{model.spec.cluster_name}_CauDebugTrace.zip")
    ids = "\r\n".join(run.run_id for run in model.cau.reports)
    if not call.should_process(path, "Save-CauDebugTrace"):
        return
    try:
        files_of(call).write(path, f"CAU debug trace of {model.spec.cluster_name}\r\n{ids}\r\n".encode())
    except FileError as error:
        write_fault(call, error, "SaveCauDebugTraceError")
        return
    yield path
