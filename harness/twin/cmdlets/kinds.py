"""The product's enumerations as shell values: a name in text, a number in JSON.

Labels and numbers come from ``model.states``, which has their sources; names of the .NET types are [GK] where none is
given.  Service states and start modes [D] System.ServiceProcess.
"""

from __future__ import annotations

from enum import IntEnum
from typing import Final

from harness.twin.model import states
from harness.twin.shell.objects import EnumType, PSEnum
from harness.twin.shell.typesystem import register_enum

UPDATE_MODELS: Final = "Microsoft.AzureStack.Services.Update.ResourceProvider.UpdateService.Models"
"""Namespace of the update objects, as the one published type name has it ([T] TSG Update-preparation-fails)."""
_CLUSTER: Final = "Microsoft.FailoverClusters.PowerShell"
_SERVICE: Final = "System.ServiceProcess"


class EnumKind:
    """One enumeration of the product, made from the model's."""

    __slots__ = ("_values", "type")

    def __init__(self, full_name: str, members: type[IntEnum]) -> None:
        self.type = register_enum(EnumType(full_name, {item.name: item.value for item in members}))
        self._values = {int(item): PSEnum(self.type, int(item)) for item in members}

    def __call__(self, member: int) -> PSEnum:
        """The shell's value of a member."""
        return self._values[int(member)]


UPDATE_STATE: Final = EnumKind(f"{UPDATE_MODELS}.UpdateState", states.UpdateState)
RUN_STATE: Final = EnumKind(f"{UPDATE_MODELS}.UpdateRunState", states.UpdateRunState)
ENVIRONMENT_STATE: Final = EnumKind(f"{UPDATE_MODELS}.UpdateEnvironmentState", states.EnvironmentState)
HEALTH_STATE: Final = EnumKind(f"{UPDATE_MODELS}.HealthState", states.HealthState)
CHECK_STATUS: Final = EnumKind(f"{UPDATE_MODELS}.HealthCheckStatus", states.CheckStatus)
SEVERITY: Final = EnumKind(f"{UPDATE_MODELS}.HealthCheckSeverity", states.Severity)

NODE_STATE: Final = EnumKind(f"{_CLUSTER}.ClusterNodeState", states.ClusterNodeState)
DRAIN_STATUS: Final = EnumKind(f"{_CLUSTER}.ClusterNodeDrainStatus", states.DrainStatus)
GROUP_STATE: Final = EnumKind(f"{_CLUSTER}.ClusterGroupState", states.ClusterGroupState)
VM_STATE: Final = EnumKind("Microsoft.HyperV.PowerShell.VMState", states.VmState)

STATUS_INFORMATION: Final = register_enum(
    EnumType(
        f"{_CLUSTER}.ClusterNodeStatusInformation",
        {"Normal": 0} | {item.name or "": item.value for item in states.NodeStatusInformation if item.value},
        flags=True,
    )
)
RESOURCE_STATE: Final = register_enum(
    EnumType(
        f"{_CLUSTER}.ClusterResourceState",
        {
            "Unknown": -1,
            "Inherited": 0,
            "Initializing": 1,
            "Online": 2,
            "Offline": 3,
            "Failed": 4,
            "Pending": 128,
            "OnlinePending": 129,
            "OfflinePending": 130,
        },
    )
)
"""CLUSTER_RESOURCE_STATE ([D] W32 clusapi)."""

GROUP_TYPE: Final = register_enum(
    EnumType(
        f"{_CLUSTER}.GroupType",
        {
            "Unknown": 9999,
            "Cluster": 1,
            "AvailableStorage": 2,
            "ClusterStoragePool": 5,
            "GenericService": 108,
            "VirtualMachine": 111,
            "InfrastructureFileServer": 122,
        },
    )
)
"""CLUSGROUP_TYPE ([D] W32 clusapi), as far as the cluster has such groups; the names are [GK]."""

FAILBACK: Final = register_enum(
    EnumType(f"{_CLUSTER}.ResumeClusterNodeFailbackType", {"NoFailback": 0, "Immediate": 1, "Policy": 2})
)
"""Values of ``Resume-ClusterNode -Failback`` ([D] WPD FailoverClusters/Resume-ClusterNode; numbers [INF])."""

CAU_RUN_STATE: Final = register_enum(
    EnumType(
        "Microsoft.ClusterAwareUpdating.RunState",
        {item.value: at for at, item in enumerate(states.CauRunState)},
    )
)
"""What ``Get-CauRun`` gives without a run ([D] WPD ClusterAwareUpdating/Get-CauRun; numbers [INF])."""

SERVICE_STATUS: Final = register_enum(
    EnumType(
        f"{_SERVICE}.ServiceControllerStatus",
        {
            "Stopped": 1,
            "StartPending": 2,
            "StopPending": 3,
            "Running": 4,
            "ContinuePending": 5,
            "PausePending": 6,
            "Paused": 7,
        },
    )
)
SERVICE_START: Final = register_enum(
    EnumType(f"{_SERVICE}.ServiceStartMode", {"Boot": 0, "System": 1, "Automatic": 2, "Manual": 3, "Disabled": 4})
)

SUMMARY_STATUS: Final = register_enum(
    EnumType(
        "Microsoft.ClusterAwareUpdating.SummaryStatus",
        {item.value: at for at, item in enumerate(states.SummaryStatus)},
    )
)
"""Result of a CAU run or node ([D] W32 cauwmiv2; numbers by that order [INF])."""

RESULT_CODE: Final = register_enum(
    EnumType(
        "Microsoft.ClusterAwareUpdating.ResultCode",
        {"NotStarted": 0, "InProgress": 1, "Succeeded": 2, "SucceededWithErrors": 3, "Failed": 4, "Aborted": 5},
    )
)
"""Named and numbered as its ancestor OperationResultCode of Windows Update ([D] W32 wuapi; the same here [INF])."""


_RUNSPACES: Final = "System.Management.Automation.Runspaces"
RUNSPACE_STATE: Final = register_enum(
    EnumType(
        f"{_RUNSPACES}.RunspaceState",
        {"BeforeOpen": 0, "Opening": 1, "Opened": 2, "Closed": 3, "Closing": 4, "Broken": 5, "Disconnecting": 6}
        | {"Disconnected": 7, "Connecting": 8},
    )
)
RUNSPACE_AVAILABILITY: Final = register_enum(
    EnumType(
        f"{_RUNSPACES}.RunspaceAvailability",
        {"None": 0, "Available": 1, "AvailableForNestedCommand": 2, "Busy": 3, "RemoteDebug": 4},
    )
)


def labelled(kind: EnumType, label: str) -> PSEnum:
    """The value of a label that the code knows to exist."""
    return PSEnum(kind, kind.labels[label])
