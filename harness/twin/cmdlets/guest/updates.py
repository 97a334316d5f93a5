"""Updates and history entries as Windows Update's COM objects show them ([D] IUpdate, IUpdateHistoryEntry)."""

from __future__ import annotations

from typing import Any, Final

from harness.twin.cmdlets.declaring import property_of
from harness.twin.cmdlets.guest.com import ComCollection, add_method, add_value, com_object
from harness.twin.model.windows.catalog import GuestUpdate
from harness.twin.model.windows.offers import title_of
from harness.twin.model.windows.state import GuestOs, HistoryEntry
from harness.twin.shell.objects import PSObject

SUCCEEDED: Final = 2
FAILED: Final = 4
"""[D] OperationResultCode."""
_NEVER_RESTARTS, _MAY_RESTART = 0, 2
"""[D] InstallationRebootBehavior; 0 for hotpatch packages is [GK]."""
_REVISION: Final = 200
_INSTALLATION: Final = 1
_SOFTWARE: Final = 1


def update_object(machine: GuestOs, update: GuestUpdate, *, installed: bool) -> PSObject:
    """An ``IUpdate``."""
    made = com_object("IUpdate5")
    product = _category(machine.system.product.partition(" Datacenter")[0])
    fields: dict[str, object] = {
        "Title": title_of(machine, update),
        "Description": "Install this update to resolve issues in Windows.",
        "Identity": _identity(machine, update),
        "KBArticleIDs": ComCollection([update.number]),
        "Categories": ComCollection([_category("Security Updates"), product]),
        "MsrcSeverity": "Critical",
        "IsInstalled": installed,
        "IsHidden": False,
        "IsDownloaded": update.kb in machine.downloaded,
        "IsMandatory": False,
        "IsUninstallable": False,
        "IsBeta": False,
        "EulaAccepted": True,
        "RebootRequired": update is machine.staged,
        "IsPresent": installed or update is machine.staged,
        "InstallationBehavior": _behaviour(update),
        "LastDeploymentChangeTime": update.released.replace(tzinfo=None),
        "SupportUrl": f"https://support.microsoft.com/help/{update.number}",
        "Type": _SOFTWARE,
        "BrowseOnly": False,
        "PerUser": False,
        "AutoSelection": 0,
        "AutoDownload": 0,
    }
    for name, value in fields.items():
        add_value(made, name, value)
    add_method(made, "AcceptEula", lambda: None)
    made.text = str(fields["Title"])
    return made


def history_object(host: Any, machine: GuestOs, entry: HistoryEntry) -> PSObject:
    """An ``IUpdateHistoryEntry``; its date is UTC ([D])."""
    made = com_object("IUpdateHistoryEntry2")
    fields: dict[str, object] = {
        "Operation": _INSTALLATION,
        "ResultCode": entry.result,
        "HResult": entry.hresult,
        "Date": host.model.datetime_at(entry.t_ns).replace(tzinfo=None),
        "UpdateIdentity": _identity(machine, entry.update),
        "Title": title_of(machine, entry.update),
        "UnmappedResultCode": 0,
        "ClientApplicationID": entry.client,
        "ServerSelection": 1,
        "ServiceID": "",
    }
    for name, value in fields.items():
        add_value(made, name, value)
    return made


def updates_of(host: Any, collection: object) -> list[GuestUpdate]:
    """The model's updates behind a collection of ``IUpdate``."""
    items = collection if isinstance(collection, list) else []
    catalog = host.model.windows.catalog
    numbers = [property_of(item, "KBArticleIDs")[0] for item in items]
    return [catalog.update(f"KB{number}") for number in numbers]


def _identity(machine: GuestOs, update: GuestUpdate) -> PSObject:
    made = com_object("IUpdateIdentity")
    add_value(made, "RevisionNumber", _REVISION)
    add_value(made, "UpdateID", machine.update_ids[update.kb])
    return made


def _category(name: str) -> PSObject:
    made = com_object("ICategory")
    add_value(made, "Name", name)
    made.text = name
    return made


def _behaviour(update: GuestUpdate) -> PSObject:
    made = com_object("IInstallationBehavior")
    restart = _MAY_RESTART if update.needs_restart else _NEVER_RESTARTS
    for name, value in (
        ("RebootBehavior", restart),
        ("Impact", 0),
        ("CanRequestUserInput", False),
        ("RequiresNetworkConnectivity", False),
    ):
        add_value(made, name, value)
    return made
