"""Roles and features, Secure Boot and TPM of a node.

Features that the product installs [D] (ASD deploy: features of a machine); display names [GK].  Secure Boot and TPM 2.0
are requirements of the hardware ([D] ASD concepts/system-requirements), so every node here has them.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from typing import Final

from harness.twin.cmdlets.declaring import Module, classes, selects
from harness.twin.cmdlets.remoting import find_node
from harness.twin.cmdlets.shapes import Shape
from harness.twin.shell.commands.api import Call, Parameter
from harness.twin.shell.errors import limitation
from harness.twin.shell.formatting import Column, register_view
from harness.twin.shell.regexes import has_wildcard

MANAGER: Final = Module("ServerManager", classes("Microsoft.Windows.ServerManager.Commands.{}Command"))
SECURE_BOOT: Final = Module("SecureBoot", classes("Microsoft.SecureBoot.Commands.{}Command"))
TPM: Final = Module("TrustedPlatformModule", classes("Microsoft.Tpm.Commands.{}Command"))
_COMMANDS: Final = "Microsoft.Windows.ServerManager.Commands"
FEATURE: Final = Shape(f"{_COMMANDS}.Feature", "Name DisplayName Installed InstallState FeatureType")
RESULT: Final = Shape(f"{_COMMANDS}.FeatureOperationResult", "Success RestartNeeded ExitCode FeatureResult")
TPM_STATE: Final = Shape(
    "Microsoft.Tpm.Commands.TpmObject",
    "TpmPresent TpmReady TpmEnabled TpmActivated TpmOwned RestartPending LockedOut",
)
_FEATURES: Final[Mapping[str, tuple[str, str]]] = {
    "FS-FileServer": ("File Server", "Role Service"),
    "FS-Data-Deduplication": ("Data Deduplication", "Role Service"),
    "Hyper-V": ("Hyper-V", "Role"),
    "NetworkATC": ("Network ATC", "Feature"),
    "NetworkHUD": ("Network HUD", "Feature"),
    "BitLocker": ("BitLocker Drive Encryption", "Feature"),
    "Data-Center-Bridging": ("Data Center Bridging", "Feature"),
    "Failover-Clustering": ("Failover Clustering", "Feature"),
    "FS-SMBBW": ("SMB Bandwidth Limit", "Feature"),
    "Hyper-V-PowerShell": ("Hyper-V Module for Windows PowerShell", "Feature"),
    "RSAT-AD-PowerShell": ("Active Directory module for Windows PowerShell", "Feature"),
    "RSAT-Clustering-PowerShell": ("Failover Cluster Module for Windows PowerShell", "Feature"),
    "Storage-Replica": ("Storage Replica", "Feature"),
}


def installed_features() -> tuple[str, ...]:
    """Names of the features that the product installs."""
    return tuple(_FEATURES)


def register_feature_views() -> None:
    """Tell the formatter how features look."""
    columns: list[Column | str] = [
        Column("Display Name", lambda value: f"[X] {value.get('DisplayName')}"),  # type: ignore[attr-defined]
        "Name",
        Column("Install State", "InstallState", right=True),
    ]
    register_view(FEATURE.type_name, table=columns)
    register_view(
        RESULT.type_name, table=["Success", Column("Restart Needed", "RestartNeeded"), "ExitCode", "FeatureResult"]
    )


_WHERE: Final = (
    Parameter("ComputerName", "string", aliases=("Cn",)),
    Parameter("Credential", "object"),
    Parameter("LogPath", "string"),
)


def _require_reached(call: Call) -> None:
    """Every node has the same features; another one must be reached, which takes a second hop.  Raises PSError."""
    name = call.text("ComputerName")
    node = find_node(call, name) if name else call.host.node
    if node is not None and (node is call.host.node or (call.host.delegated and node.os_running)):
        return
    reason = "Access is denied." if node is not None and node.os_running else "The RPC server is unavailable."
    text = f"The request to list features available on the specified server failed. {reason}"
    error_id = "DISMAPI_Error__Failed_To_Enumerate_Features"
    raise call.fail(text, error_id, "DeviceError", name, "System.Exception")


@MANAGER.cmdlet("Get-WindowsFeature", Parameter("Name", "string[]", position=0, pipeline=("value", "name")), *_WHERE)
def get_feature(call: Call) -> Iterator[object]:
    """Installed features.  Raises PSError for one that is not among them: whether it exists is not known."""
    _require_reached(call)
    for name in call.texts("Name"):
        _require_known(name)
    if not call.texts("Name"):
        call.write_warning("twin limitation: only features are listed that the product installs")
    for name, (shown, kind) in _FEATURES.items():
        if selects(call.texts("Name"), name):
            yield FEATURE.make(name, shown, True, "Installed", kind, text=name)


@MANAGER.cmdlet(
    "Install-WindowsFeature",
    Parameter("Name", "string[]", position=0, mandatory=True, pipeline=("value", "name")),
    Parameter("IncludeManagementTools", "switch"),
    Parameter("IncludeAllSubFeature", "switch"),
    Parameter("Restart", "switch"),
    Parameter("Source", "string[]"),
    *_WHERE,
    should_process=True,
    aliases=("Add-WindowsFeature",),
)
def install_feature(call: Call) -> Iterator[object]:
    """Installs features: here those that are there already."""
    _require_reached(call)
    for name in call.texts("Name"):
        _require_known(name)
    if call.should_process(", ".join(call.texts("Name")), "Install-WindowsFeature"):
        yield RESULT.make(True, "No", "NoChangeNeeded", [])


def _require_known(name: str) -> None:
    if not has_wildcard(name) and not any(known.lower() == name.lower() for known in _FEATURES):
        raise limitation(f"the feature '{name}' is not simulated")


@SECURE_BOOT.cmdlet("Confirm-SecureBootUEFI")
def confirm_secure_boot(call: Call) -> Iterator[object]:
    """On."""
    del call
    yield True


@TPM.cmdlet("Get-Tpm")
def get_tpm(call: Call) -> Iterator[object]:
    """Present and ready ([D] requirement; the other states [INF])."""
    del call
    yield TPM_STATE.make(True, True, True, True, True, False, False)
