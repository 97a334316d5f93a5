"""``New-`` and ``Remove-PSDrive``: further names for folders and registry keys; and the drive ``Cert:``
([D] PSD 5.1 about_Providers; texts [GK]).

A session has a drive for ``Cert:``, and nothing is known of what a node's certificate stores hold.
"""

from __future__ import annotations

from collections.abc import Iterator
from typing import Final

from harness.twin.cmdlets.computer import MANAGEMENT
from harness.twin.cmdlets.fileobjects import PROVIDER_ACTS, files_of
from harness.twin.cmdlets.files import drive_object
from harness.twin.cmdlets.registrykeys import is_registry_path
from harness.twin.model.files import Folder
from harness.twin.shell.commands.api import Call, Parameter
from harness.twin.shell.commands.providers import SESSION_DRIVES, full_path
from harness.twin.shell.errors import limitation

_KINDS: Final = {"filesystem": "FileSystem", "registry": "Registry"}
_TAKEN: Final = ("c", "hklm", "hkcu", "cert", "wsman", *SESSION_DRIVES)


def _no_stores(_call: Call, path: str) -> Iterator[object]:
    raise limitation(f"the certificate store '{path}' is not simulated")


PROVIDER_ACTS["cert"] = dict.fromkeys(
    ("Get-ChildItem", "Get-Item", "Test-Path", "Remove-Item", "Get-Content"), _no_stores
)


@MANAGEMENT.cmdlet(
    "New-PSDrive",
    Parameter("Name", "string", position=0, mandatory=True, pipeline="name"),
    Parameter("PSProvider", "string", position=1, mandatory=True, pipeline="name"),
    Parameter("Root", "string", position=2, mandatory=True, pipeline="name"),
    Parameter("Description", "string", pipeline="name"),
    Parameter("Scope", "string", pipeline="name"),
    Parameter("Persist", "switch"),
    Parameter("Credential", "object", pipeline="name"),
    should_process=True,
)
def new_drive(call: Call) -> Iterator[object]:
    """A name for a folder of this node, or for a registry key."""
    name, root = call.text("Name"), call.text("Root")
    kind = _KINDS.get(call.text("PSProvider").lower())
    if kind is None:
        text = f"Cannot find a provider with the name '{call.text('PSProvider')}'."
        raise call.fail(text, "ProviderNotFound", "ObjectNotFound", call.text("PSProvider"), _PROVIDER_MISSING)
    if name.lower() in call.rs.drives or name.lower() in _TAKEN:
        text = f"A drive with the name '{name}' already exists."
        kind_of = "System.Management.Automation.SessionStateException"
        raise call.fail(text, "DriveAlreadyExists", "ResourceExists", name, kind_of)
    if root.startswith("\\\\"):
        raise limitation(f"a drive for the share '{root}' is not simulated")
    if kind == "FileSystem":
        root = full_path(call, root)
        if not isinstance(files_of(call).find(root), Folder):
            text = f'The specified drive root "{root}" either does not exist, or it is not a folder.'
            raise call.fail(text, "DriveRootError", "ReadError", name, "System.IO.IOException")
    elif not is_registry_path(root):
        raise limitation(f"the registry key '{root}' is not simulated")
    if call.should_process(f"Name: {name} Provider: {kind} Root: {root}", "New drive"):
        call.rs.drives[name.lower()] = (name, kind, root.rstrip("\\"))
        yield drive_object(call, name, kind, root)


_PROVIDER_MISSING: Final = "System.Management.Automation.ProviderNotFoundException"


@MANAGEMENT.cmdlet(
    "Remove-PSDrive",
    Parameter("Name", "string[]", position=0, mandatory=True, pipeline="name"),
    Parameter("PSProvider", "string[]", pipeline="name"),
    Parameter("Scope", "string", pipeline="name"),
    Parameter("Force", "switch"),
    should_process=True,
)
def remove_drive(call: Call) -> None:
    """Forgets names; what they stood for stays."""
    for name in call.texts("Name"):
        if name.lower() not in call.rs.drives:
            text = f"Cannot find drive. A drive with the name '{name}' does not exist."
            kind = "System.Management.Automation.DriveNotFoundException"
            call.write_error(text, "DriveNotFound", "ObjectNotFound", name, kind)
        elif call.should_process(f"Name: {name}", "Remove Drive"):
            del call.rs.drives[name.lower()]
