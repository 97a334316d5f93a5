"""Classes of exceptions that scripts name in ``catch``: those of the product's modules and of Windows' management.

Names are those that the commands report; base classes [D] .NET Framework reference, for the product's own [GK].
"""

from __future__ import annotations

from typing import Final

from harness.twin.shell.errors import BASES
from harness.twin.shell.typesystem import register_type

_SYSTEM: Final = "System.SystemException"
_BASES: Final = {
    "Microsoft.AzureStack.Common.Infrastructure.Http.Client.ErrorModel.ConnectionFailureException": "System.Exception",
    "Microsoft.FailoverClusters.PowerShell.ClusterCmdletException": "System.Exception",
    "Microsoft.HyperV.PowerShell.VirtualizationException": "System.Exception",
    "Microsoft.PowerShell.Cmdletization.Cim.CimJobException": _SYSTEM,
    "Microsoft.PowerShell.Commands.ProcessCommandException": _SYSTEM,
    "Microsoft.PowerShell.Commands.ServiceCommandException": _SYSTEM,
    "System.Diagnostics.Eventing.Reader.EventLogException": "System.Exception",
    "System.Management.ManagementException": _SYSTEM,
    "System.Net.NetworkInformation.PingException": "System.InvalidOperationException",
    "System.Runtime.InteropServices.COMException": _SYSTEM,
}

for _name, _base in _BASES.items():
    BASES.setdefault(_name, _base)
    register_type(_name)
