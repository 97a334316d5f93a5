"""Cmdlets of the module ``ClusterAwareUpdating`` ([D] WPD ClusterAwareUpdating; report fields [T], [D] W32).

Without ``-ClusterName`` they ask the cluster of the node they run on, which a plain session can do [INF]; *against the
cluster name* they hop once more, which only a log-on with a credential to pass on can: CredSSP, or one at the console
([T]). The text of the refusal is the one of remoting ([T]); that CAU shows it unchanged is [INF].
"""

from __future__ import annotations

from collections.abc import Iterator
from datetime import UTC, datetime, timedelta
from typing import Final
from uuid import UUID

from harness.twin.cmdlets.cluster import require_cluster
from harness.twin.cmdlets.declaring import Module, classes, given_input, property_of
from harness.twin.cmdlets.kinds import CAU_RUN_STATE, RESULT_CODE, SUMMARY_STATUS, labelled
from harness.twin.cmdlets.shapes import Shape
from harness.twin.model.cluster import ClusterModel
from harness.twin.model.content import CauInstallResult, CauNodeProgress, CauRun
from harness.twin.model.states import SummaryStatus
from harness.twin.shell.commands.api import Call, Parameter
from harness.twin.shell.dateformat import format_date
from harness.twin.shell.objects import PSObject

CAU: Final = Module("ClusterAwareUpdating", classes("Microsoft.ClusterAwareUpdating.Commands.{}Command"))
_NAMESPACE: Final = "Microsoft.ClusterAwareUpdating"
_REMOTING: Final = "System.Management.Automation.Remoting.PSRemotingTransportException"

RUN: Final = Shape(f"{_NAMESPACE}.CauRun", "RunId RunStartTime CurrentOrchestrator NodeStatusNotifications NodeResults")
NOTIFICATION: Final = Shape(f"{_NAMESPACE}.NodeStatusNotification", "Node Status Timestamp")
LIVE_RESULT: Final = Shape(
    f"{_NAMESPACE}.NodeUpdateResult",
    "Node Status ErrorRecordData NumberOfSucceededUpdates NumberOfFailedUpdates InstallResults",
)
REPORT_FIELDS: Final = "ClusterResult Plugin TimingBreakdownUTC"
REPORT: Final = Shape(f"{_NAMESPACE}.CauReport", REPORT_FIELDS)
SUMMARY: Final = Shape(f"{_NAMESPACE}.CauReportSummary", REPORT_FIELDS)
"""What comes without ``-Detailed`` ([D] names the class only); that it has the same fields is [INF]."""
CLUSTER_RESULT: Final = Shape(
    f"{_NAMESPACE}.ClusterUpdateResult", "RunId StartTimestamp RunDuration Status ErrorRecordData NodeResults"
)
NODE_RESULT: Final = Shape(f"{_NAMESPACE}.NodeUpdateResult", "Node Status ErrorRecordData InstallResults UpgradeResult")
NODE: Final = Shape(f"{_NAMESPACE}.CauNode", "NodeName")
ERROR: Final = Shape(f"{_NAMESPACE}.ErrorRecordData", "FullyQualifiedErrorId ExceptionData")
INSTALLED: Final = Shape(
    f"{_NAMESPACE}.UpdateInstallResult",
    "NodeName UpdateId UpdateTitle UpdateDescription UpdateTimestamp UpdateResultCode ErrorCode SourcePlugin",
)

_WHICH: Final = Parameter("ClusterName", "string", position=0)


@CAU.cmdlet("Get-CauRun", _WHICH)
def get_run(call: Call) -> Iterator[object]:
    """The run in progress, or the state ``RunNotInProgress`` or ``RunFailed``."""
    model = require_local(call)
    history = model.cau
    if history.run is not None and history.run.active:
        yield _run(model, history.run)
    else:
        yield labelled(CAU_RUN_STATE, history.state.value)


@CAU.cmdlet(
    "Get-CauReport",
    _WHICH,
    Parameter("StartDate", "datetime", position=1, sets=("Range",)),
    Parameter("EndDate", "datetime", position=2, sets=("Range",)),
    Parameter("Last", "switch", sets=("Last",), mandatory=True),
    Parameter("Report", "object", pipeline="value", sets=("Report",), mandatory=True),
    Parameter("Detailed", "switch", sets=("Range", "Last")),
    default_set="Range",
)
def get_report(call: Call) -> Iterator[object]:
    """Reports of ended runs, oldest first; node results carry their updates with ``-Detailed`` only."""
    model = require_local(call)
    runs = model.cau.reports
    given = call.get("Report") if call.has("Report") else given_input(call)
    if given is not None:
        wanted = property_of(property_of(given, "ClusterResult"), "RunId")
        runs = [run for run in runs if UUID(run.run_id) == wanted]
    elif call.switch("Last"):
        runs = runs[-1:]
    for run in runs:
        if _within(model.datetime_at(run.started_ns), call.moment("StartDate"), call.moment("EndDate")):
            yield _report(model, run, detailed=given is not None or call.switch("Detailed"))


def require_local(call: Call) -> ClusterModel:
    """The model, unless the cluster's name asks for a hop that the log-on does not allow.  Raises PSError."""
    name = call.text("ClusterName")
    if name and not call.host.delegated:
        text = f"Connecting to remote server {name} failed with the following error message : Access is denied."
        raise call.fail(
            call.record(text, "AccessDenied", "OpenError", name, _REMOTING, command_class="PSSessionStateBroken")
        )
    return require_cluster(call)


def _within(when: datetime, start: datetime | None, end: datetime | None) -> bool:
    return (start is None or when >= _aware(start)) and (end is None or when <= _aware(end))


def _aware(moment: datetime) -> datetime:
    return moment if moment.tzinfo is not None else moment.replace(tzinfo=UTC)


def _run(model: ClusterModel, run: CauRun) -> PSObject:
    return RUN.make(
        UUID(run.run_id),
        model.datetime_at(run.started_ns),
        run.coordinator,
        [_notification(model, node) for node in run.nodes if node.result is None],
        [_live_result(model, run, node) for node in run.nodes if node.result is not None],
    )


def _notification(model: ClusterModel, node: CauNodeProgress) -> PSObject:
    when = model.datetime_at(node.timestamp_ns)
    text = f"\nNode      : {node.node}\nStatus    : {node.status}\nTimestamp : {format_date(when)}\n"
    return NOTIFICATION.make(node.node, node.status, when, text=text)


def _live_result(model: ClusterModel, run: CauRun, node: CauNodeProgress) -> PSObject:
    failed = sum(result.result_code != "Succeeded" for result in node.installed)
    succeeded = len(node.installed) - failed
    status = labelled(SUMMARY_STATUS, (node.result or SummaryStatus.Canceled).value)
    text = (
        f"\nNode                     : {node.node}\nStatus                   : {status}\n"
        f"ErrorRecordData          : {node.error or ''}\nNumberOfSucceededUpdates : {succeeded}\n"
        f"NumberOfFailedUpdates    : {failed}\nInstallResults           : {_NAMESPACE}.UpdateInstallResult[]\n"
    )
    installed = [_installed(model, run, result) for result in node.installed]
    return LIVE_RESULT.make(node.node, status, _error(None, node.error), succeeded, failed, installed, text=text)


def _report(model: ClusterModel, run: CauRun, *, detailed: bool) -> PSObject:
    result = CLUSTER_RESULT.make(
        UUID(run.run_id),
        model.datetime_at(run.started_ns),
        None if run.ended_ns is None else timedelta(microseconds=(run.ended_ns - run.started_ns) // 1000),
        labelled(SUMMARY_STATUS, (run.status or SummaryStatus.Canceled).value),
        _error(run.error_id, run.error),
        [_node_result(model, run, node, detailed=detailed) for node in run.nodes],
    )
    return (REPORT if detailed else SUMMARY).make(result, run.plugin, None)


def _node_result(model: ClusterModel, run: CauRun, node: CauNodeProgress, *, detailed: bool) -> PSObject:
    return NODE_RESULT.make(
        NODE.make(node.node, text=node.node),
        labelled(SUMMARY_STATUS, (node.result or SummaryStatus.Canceled).value),
        _error(None, node.error),
        [_installed(model, run, result) for result in node.installed] if detailed else [],
        None,
    )


def _error(error_id: str | None, text: str | None) -> PSObject | None:
    if error_id is None and text is None:
        return None
    return ERROR.make(error_id or "", text or "", text=text or error_id)


def _installed(model: ClusterModel, run: CauRun, result: CauInstallResult) -> PSObject:
    return INSTALLED.make(
        result.node,
        result.update_id,
        result.title,
        result.title,
        model.datetime_at(result.timestamp_ns),
        labelled(RESULT_CODE, result.result_code),
        0,
        run.plugin,
    )
