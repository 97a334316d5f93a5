"""Shares, optional features, locale and trust of a node ([D] PSD 5.1, WPD; values [GK]).

Shares are those that every Windows has and the one of the update stack; nobody has a file open through one.
"""

from __future__ import annotations

from collections.abc import Iterator
from typing import Final

from harness.twin.cmdlets.computer import MANAGEMENT
from harness.twin.cmdlets.declaring import Module, selects
from harness.twin.cmdlets.features import installed_features
from harness.twin.cmdlets.servicing import DISM
from harness.twin.cmdlets.shapes import Shape
from harness.twin.model.entities import Node
from harness.twin.shell.commands.api import Call, Parameter
from harness.twin.shell.errors import limitation
from harness.twin.shell.formatting import register_view
from harness.twin.shell.regexes import has_wildcard

SMB: Final = Module("SmbShare", lambda name: name)
INTERNATIONAL: Final = Module("International", lambda name: name)
SHARE: Final = Shape(
    "Microsoft.Management.Infrastructure.CimInstance#ROOT/Microsoft/Windows/SMB/MSFT_SmbShare",
    "Name ScopeName Path Description Special ContinuouslyAvailable",
)
FEATURE: Final = Shape("Microsoft.Dism.Commands.BasicFeatureObject", "FeatureName State Online")
RESTART: Final = Shape("Microsoft.Dism.Commands.ImageObject", "Path Online RestartNeeded")
LOCALE: Final = Shape("System.Globalization.CultureInfo", "LCID Name DisplayName")
_UPDATES: Final = "C:\\ClusterStorage\\Infrastructure_1\\Shares\\SU1_Infrastructure_1"


def register_fact_views() -> None:
    """Tell the formatter how these look."""
    register_view(SHARE.type_name, table=["Name", "ScopeName", "Path", "Description"])
    register_view(FEATURE.type_name, list=["FeatureName", "State"])
    register_view(LOCALE.type_name, table=["LCID", "Name", "DisplayName"])


@SMB.cmdlet("Get-SmbShare", Parameter("Name", "string[]", position=0), Parameter("Special", "bool"))
def get_share(call: Call) -> Iterator[object]:
    """Shares of this node, and the update stack's where its volume is coordinated."""
    cluster = call.host.model.spec.cluster_name
    rows = [
        ("ADMIN$", "*", "C:\\Windows", "Remote Admin", True, False),
        ("C$", "*", "C:\\", "Default share", True, False),
        ("ClusterStorage$", cluster, "C:\\ClusterStorage", "Cluster Shared Volumes Default Share", True, True),
        ("IPC$", "*", "", "Remote IPC", True, False),
    ]
    if call.host.node.member:
        rows.append(("SU1_Infrastructure_1", cluster, _UPDATES, "", False, True))
    for name in call.texts("Name"):
        if not has_wildcard(name) and not any(row[0].lower() == name.lower() for row in rows):
            text = f"No MSFT_SMBShare objects found with property 'Name' equal to '{name}'.  Verify the value of the "
            kind = "Microsoft.PowerShell.Cmdletization.Cim.CimJobException"
            error_id = "CmdletizationQuery_NotFound_Name"
            call.write_error(f"{text}property and retry.", error_id, "ObjectNotFound", name, kind)
    for row in rows:
        if selects(call.texts("Name"), row[0]) and (not call.has("Special") or row[4] == call.switch("Special")):
            yield SHARE.make(*row, text=row[0])


@SMB.cmdlet("Get-SmbOpenFile", Parameter("FileId", "object[]", position=0), Parameter("ClientComputerName", "string[]"))
def get_open_file(call: Call) -> Iterator[object]:
    """None: files are reached on their node."""
    del call
    yield from ()


_NEEDED: Final = ("hyper-v", "failover-clustering", "networkatc", "fs-fileserver", "bitlocker")
_FEATURE: Final = (
    Parameter("Online", "switch", mandatory=True),
    Parameter("FeatureName", "string[]", position=0, pipeline="name"),
    Parameter("All", "switch"),
    Parameter("NoRestart", "switch"),
    Parameter("Remove", "switch"),
)


@DISM.cmdlet("Get-WindowsOptionalFeature", *_FEATURE[:2])
def get_feature(call: Call) -> Iterator[object]:
    """Optional features that the product installs.  Raises PSError for one that is not among them."""
    for name in call.texts("FeatureName"):
        if not has_wildcard(name) and not any(known.lower() == name.lower() for known in installed_features()):
            raise limitation(f"the optional feature '{name}' is not simulated")
    for name in installed_features():
        if selects(call.texts("FeatureName"), name):
            off = name.lower() in call.host.node.kept.removed_features
            state = "DisablePending" if call.host.node.pending_reboot else "Disabled"
            yield FEATURE.make(name, state if off else "Enabled", True, text=name)


@DISM.cmdlet("Disable-WindowsOptionalFeature", *_FEATURE)
def disable_feature(call: Call) -> Iterator[object]:
    """Switches a feature off; the restart that completes it stays pending ([T] TSG Update/CauPostVersionCheck)."""
    yield from _switch_feature(call, on=False)


@DISM.cmdlet("Enable-WindowsOptionalFeature", *_FEATURE)
def enable_feature(call: Call) -> Iterator[object]:
    """Switches a feature on again; one that is on stays so."""
    yield from _switch_feature(call, on=True)


def _switch_feature(call: Call, *, on: bool) -> Iterator[object]:
    node: Node = call.host.node
    for name in call.texts("FeatureName"):
        if not any(known.lower() == name.lower() for known in installed_features()):
            raise limitation(f"the optional feature '{name}' is not simulated")
        if name.lower() in _NEEDED:
            raise limitation(f"a node without '{name}' is not simulated")
        off = node.kept.removed_features
        changed = (name.lower() in off) == on
        (off.discard if on else off.add)(name.lower())
        if changed:
            node.pending_reboot = True
        if changed and not call.switch("NoRestart"):
            call.host.model.restart_node(node.name)
        yield RESTART.make("", True, changed)


@INTERNATIONAL.cmdlet("Get-WinSystemLocale")
def get_locale(call: Call) -> Iterator[object]:
    """English of the United States."""
    del call
    yield LOCALE.make(1033, "en-US", "English (United States)", text="en-US")


@MANAGEMENT.cmdlet(
    "Test-ComputerSecureChannel",
    Parameter("Repair", "switch"),
    Parameter("Server", "string"),
    Parameter("Credential", "object"),
)
def test_channel(call: Call) -> Iterator[object]:
    """Whether the domain is reached: the trust itself is never broken."""
    yield bool(call.host.node.management_up and call.host.node.network_up)
