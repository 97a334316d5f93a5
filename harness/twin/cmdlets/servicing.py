"""Packages of Windows and the component store of a node: module ``Dism`` ([D] WPD DISM; names of packages [GK]).

Of each installed update there is one package; the cumulative update's carries the build.  An update that waits for its
restart is InstallPending ([D] guest-and-host-maintenance 2.6).  The store is never corrupt here.
"""

from __future__ import annotations

from collections.abc import Iterable, Iterator
from datetime import datetime
from typing import Final

from harness.twin.cmdlets.costs import load_costs
from harness.twin.cmdlets.declaring import Module, classes
from harness.twin.cmdlets.fileobjects import files_of
from harness.twin.cmdlets.kinds import labelled
from harness.twin.cmdlets.shapes import Shape
from harness.twin.cmdlets.windows import local_time
from harness.twin.model.entities import Node, OsBuild
from harness.twin.shell.commands.api import Call, Parameter
from harness.twin.shell.commands.providers import full_path
from harness.twin.shell.errors import limitation
from harness.twin.shell.objects import EnumType
from harness.twin.shell.typesystem import register_enum

DISM: Final = Module("Dism", classes("Microsoft.Dism.Commands.{}Command"))
_OBJECTS: Final = "Microsoft.Dism.Commands"
PACKAGE: Final = Shape(f"{_OBJECTS}.BasicPackageObject", "PackageName PackageState ReleaseType InstallTime Online")
IMAGE: Final = Shape(f"{_OBJECTS}.ImageObject", "ImageHealthState Online RestartNeeded")
STATE: Final = register_enum(
    EnumType(
        f"{_OBJECTS}.PackageFeatureState",
        {
            "NotPresent": 0,
            "UninstallPending": 1,
            "Staged": 2,
            "Removed": 3,
            "Installed": 4,
            "InstallPending": 5,
            "Superseded": 6,
            "PartiallyInstalled": 7,
        },
    )
)
_ONLINE: Final = Parameter("Online", "switch", mandatory=True, sets=("Online",))
_IMAGE: Final = Parameter("Path", "string", mandatory=True, sets=("Offline",))
_PACKAGE_PATH: Final = Parameter("PackagePath", "string", mandatory=True)
_NO_RESTART: Final = Parameter("NoRestart", "switch")
GET_PACKAGE: Final = (
    _ONLINE,
    _IMAGE,
    Parameter("PackageName", "string"),
    Parameter("PackagePath", "string"),
)
_NOT_VALID: Final = "The specified package is not valid Windows package."
Row = tuple[str, str, int | None]
_COM: Final = "System.Runtime.InteropServices.COMException"


def _require_online(call: Call) -> None:
    if call.has("Path"):
        raise limitation("offline images are not simulated")


def packages_of(node: Node) -> Iterator[Row]:
    """Name, state and time of each package."""
    for kb in node.kbs:
        yield package_name(kb.kb, node.os_build), "Installed", kb.installed_ns
    if node.staged_build is not None:
        for name in node.staged_kbs:
            yield package_name(name, node.staged_build), "InstallPending", None


def package_name(what: str, build: OsBuild) -> str:
    """Identity of a package of Windows."""
    return f"Package_for_{what}~31bf3856ad364e35~amd64~~{build}.1.0"


def package_objects(call: Call, rows: Iterable[Row]) -> Iterator[object]:
    """The packages that ``Get-WindowsPackage`` asks for; a name that no package has is an error."""
    _require_online(call)
    if call.has("PackagePath"):
        raise limitation("what is inside a package file is not simulated")
    found = False
    for name, state, installed_ns in rows:
        if not call.has("PackageName") or name.lower() == call.text("PackageName").lower():
            found = True
            day: datetime | None = None if installed_ns is None else local_time(call.host, installed_ns)
            yield PACKAGE.make(name, labelled(STATE, state), "Update", day, True, text=name)
    if not found and call.has("PackageName"):
        raise call.fail(_NOT_VALID, call.declaration.class_name, "NotSpecified", exception=_COM)


@DISM.cmdlet("Get-WindowsPackage", *GET_PACKAGE, default_set="Online")
def get_package(call: Call) -> Iterator[object]:
    """Packages of the running Windows."""
    yield from package_objects(call, packages_of(call.host.node))


@DISM.cmdlet(
    "Add-WindowsPackage",
    _ONLINE,
    _IMAGE,
    _PACKAGE_PATH,
    _NO_RESTART,
    Parameter("IgnoreCheck", "switch"),
    Parameter("PreventPending", "switch"),
    default_set="Online",
)
def add_package(call: Call) -> None:
    """Installs a package file: none of Windows' is among the files here, so one that is missing is an error."""
    _require_online(call)
    path = full_path(call, call.text("PackagePath"))
    if not files_of(call).exists(path):
        text = "The system cannot find the file specified.\r\n"
        raise call.fail(text, call.declaration.class_name, "NotSpecified", exception=_COM)
    raise limitation(f"installing '{path}' is not simulated")


@DISM.cmdlet(
    "Remove-WindowsPackage", _ONLINE, _IMAGE, Parameter("PackageName", "string"), _NO_RESTART, default_set="Online"
)
def remove_package(call: Call) -> None:
    """Removing an installed package is not simulated; one that is not there is an error."""
    _require_online(call)
    if any(name.lower() == call.text("PackageName").lower() for name, _, _ in packages_of(call.host.node)):
        raise limitation(f"removing the package '{call.text('PackageName')}' is not simulated")
    raise call.fail(_NOT_VALID, call.declaration.class_name, "NotSpecified", exception=_COM)


@DISM.cmdlet(
    "Repair-WindowsImage",
    _ONLINE,
    _IMAGE,
    Parameter("CheckHealth", "switch"),
    Parameter("ScanHealth", "switch"),
    Parameter("RestoreHealth", "switch"),
    Parameter("StartComponentCleanup", "switch"),
    Parameter("Source", "string[]"),
    Parameter("LimitAccess", "switch"),
    _NO_RESTART,
    default_set="Online",
)
def repair_image(call: Call) -> Iterator[object]:
    """State of the component store, and its cleanup; both take lab time, but for ``-CheckHealth``."""
    _require_online(call)
    if call.switch("StartComponentCleanup"):
        call.wait(load_costs().wait_s("component_cleanup"))
        call.host.node.files.clean_components()
    elif not call.switch("CheckHealth"):
        call.wait(load_costs().wait_s("component_analysis"))
    yield IMAGE.make("Healthy", True, False)
