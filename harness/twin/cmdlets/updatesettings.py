"""``Get-``, ``Enable-``, ``Disable-UpdateSetting`` and ``Get-StampInformation`` of the update stack.

[D] ASD update/update-settings (names, defaults, since 2604, no failback above 16 machines); that a setting's object has
``Name`` and ``Enabled`` is [INF].  Fields of the stamp [T]; its ids are made here.
"""

from __future__ import annotations

from collections.abc import Iterator
from typing import Final

from harness.twin.cmdlets.clusterobjects import make_id
from harness.twin.cmdlets.declaring import Module, selects
from harness.twin.cmdlets.service import require_service
from harness.twin.cmdlets.shapes import Shape
from harness.twin.cmdlets.updates import UPDATES
from harness.twin.model.catalog import version_key
from harness.twin.model.cluster import FAILBACK_LIMIT, SETTINGS_SINCE, ClusterModel
from harness.twin.shell.commands.api import Call, Parameter
from harness.twin.shell.lookup import not_found
from harness.twin.shell.objects import PSObject

STAMP: Final = Module("ECEClient", lambda name: name)
SETTING: Final = Shape("Microsoft.AzureStack.Lcm.PowerShell.UpdateSetting", "Name Enabled")
STAMP_FIELDS: Final = "StampVersion ServicesVersion OEMVersion DeploymentID CloudID InstallationMethod"
STAMP_INFORMATION: Final = Shape("System.Management.Automation.PSCustomObject", STAMP_FIELDS)
_NAMES: Final = ("SkipForceDrain", "VMFailback")
_NAME: Final = Parameter("Name", "string", position=0, values=_NAMES)


def _require(call: Call) -> ClusterModel:
    """The model, when its version has settings.  Raises PSError as for an unknown command before that."""
    model = require_service(call)
    if version_key(model.environment.current_version)[:2] < SETTINGS_SINCE:
        raise not_found(call.declaration.name)
    return model


def _setting(model: ClusterModel, name: str) -> PSObject:
    on = model.settings.skip_force_drain if name == _NAMES[0] else model.settings.vm_failback
    return SETTING.make(name, on, text=name)


@UPDATES.cmdlet("Get-UpdateSetting", _NAME)
def get_setting(call: Call) -> Iterator[object]:
    """The settings, and whether they are on."""
    model = _require(call)
    wanted = [call.text("Name")] if call.has("Name") else []
    yield from (_setting(model, name) for name in _NAMES if selects(wanted, name))


@UPDATES.cmdlet("Enable-UpdateSetting", _NAME)
def enable_setting(call: Call) -> None:
    """Switches a setting on."""
    _switch(call, on=True)


@UPDATES.cmdlet("Disable-UpdateSetting", _NAME)
def disable_setting(call: Call) -> None:
    """Switches a setting off."""
    _switch(call, on=False)


def _switch(call: Call, *, on: bool) -> None:
    model = _require(call)
    if call.text("Name").lower() == _NAMES[0].lower():
        model.settings.skip_force_drain = on
    elif len(model.nodes) > FAILBACK_LIMIT:
        text = f"The setting VMFailback cannot be changed on a system of more than {FAILBACK_LIMIT} machines."
        raise call.fail(
            text, "InvalidOperation", "InvalidOperation", call.text("Name"), "System.InvalidOperationException"
        )
    else:
        model.settings.vm_failback = on


@STAMP.cmdlet("Get-StampInformation")
def get_stamp_information(call: Call) -> Iterator[object]:
    """Versions and ids of the deployment; no deployment here was an upgrade ([T]: then the method is named)."""
    model = require_service(call)
    found = model.environment
    services = next((item.version for item in found.package_versions if item.package_type == "Services"), "")
    identity, cloud = (make_id(model, kind, model.spec.cluster_name) for kind in ("deployment", "cloud"))
    yield STAMP_INFORMATION.make(found.current_version, services, found.current_sbe_version, identity, cloud, None)
