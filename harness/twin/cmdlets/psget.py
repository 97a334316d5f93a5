"""``Install-Module`` and the other commands of PowerShellGet 1.0 over a small gallery ([D] PSD 5.1; texts [GK]).

Installing a module here makes it known as installed; its commands do not come with it.  The gallery can be reached
while the update content can: both are the internet.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator
from typing import Final

from harness.twin.cmdlets.declaring import Module, given_input, property_of, selects
from harness.twin.cmdlets.shapes import Shape
from harness.twin.cmdlets.windows import local_time
from harness.twin.model.catalog import version_key
from harness.twin.model.cluster import ClusterModel
from harness.twin.model.gallery import GalleryModule, installed_modules, load_gallery
from harness.twin.shell.commands.api import Call, Parameter
from harness.twin.shell.errors import PSError
from harness.twin.shell.formatting import register_view
from harness.twin.shell.objects import PSObject
from harness.twin.shell.regexes import has_wildcard

GET: Final = Module("PowerShellGet", lambda name: name)
INFO: Final = Shape(
    ("Microsoft.PowerShell.Commands.PSRepositoryItemInfo", "System.Management.Automation.PSCustomObject"),
    "Name Version Type Description InstalledDate UpdatedDate Repository RepositorySourceLocation "
    "PackageManagementProvider InstalledLocation",
)
PACKAGE: Final = Shape("Microsoft.PackageManagement.Packaging.SoftwareIdentity", "Name Version Source ProviderName")
REPOSITORY: Final = Shape(
    "Microsoft.PowerShell.Commands.PSRepository", "Name SourceLocation Trusted Registered InstallationPolicy"
)
_INSTALL: Final = "Microsoft.PowerShell.PackageManagement.Cmdlets.InstallPackage"
_FIND: Final = "Microsoft.PowerShell.PackageManagement.Cmdlets.FindPackage"
_GET: Final = "Microsoft.PowerShell.PackageManagement.Cmdlets.GetPackage"
_UNINSTALL: Final = "Microsoft.PowerShell.PackageManagement.Cmdlets.UninstallPackage"
_NAME: Final = Parameter("Name", "string[]", position=0, pipeline=("value", "name"))
_VERSIONS: Final = (
    Parameter("MinimumVersion", "string"),
    Parameter("MaximumVersion", "string"),
    Parameter("RequiredVersion", "string"),
)
_COMMON: Final = (
    Parameter("Force", "switch"),
    Parameter("AcceptLicense", "switch"),
    Parameter("AllowPrerelease", "switch"),
    Parameter("Scope", "string", values=("CurrentUser", "AllUsers")),
)


def register_gallery_views() -> None:
    """Tell the formatter how modules look."""
    register_view(INFO.type_name, table=["Version", "Name", "Repository", "Description"])
    register_view(PACKAGE.type_name, table=["Name", "Version", "Source", "ProviderName"])
    register_view(REPOSITORY.type_name, table=["Name", "InstallationPolicy", "SourceLocation"])


def _info(call: Call, module: GalleryModule, version: str, installed_ns: int | None) -> PSObject:
    gallery = load_gallery()
    day = None if installed_ns is None else local_time(call.host, installed_ns)
    place = f"C:\\Program Files\\WindowsPowerShell\\Modules\\{module.name}\\{version}" if day is not None else None
    return INFO.make(
        module.name,
        version,
        "Module",
        module.description,
        day,
        None,
        gallery.repository,
        gallery.source,
        "NuGet",
        place,
        text=module.name,
    )


def _reachable(call: Call) -> bool:
    model: ClusterModel = call.host.model
    return model.conditions.content_reachable


def _no_match(call: Call, name: str, command_class: str) -> PSError:
    """No such module: in a repository that answers, or among the installed ones."""
    installed = command_class in (_GET, _UNINSTALL)
    text = f"No match was found for the specified search criteria and module name{'s' if installed else ''} '{name}'."
    if not installed:
        text += " Try Get-PSRepository to see all available registered module repositories."
    error_id = "NoMatchFound" if installed else "NoMatchFoundForCriteria"
    return call.fail(call.record(text, error_id, "ObjectNotFound", command_class, "System.Exception", command_class))


def _require_gallery(call: Call) -> None:
    repository = call.texts("Repository")
    gallery = load_gallery()
    if repository and not any(name.lower() == gallery.repository.lower() for name in repository):
        text = f"Unable to find repository '{repository[0]}'. Use Get-PSRepository to see all available repositories."
        raise call.fail(text, "SourceNotFound", "InvalidArgument", repository[0], "System.ArgumentException")
    if not _reachable(call):
        call.write_warning(f"Unable to resolve package source '{gallery.source}'.")


def _fits(call: Call) -> Callable[[str], bool]:
    """Whether a version is one that is asked for."""
    least, most, exact = (call.text(name) for name in ("MinimumVersion", "MaximumVersion", "RequiredVersion"))

    def fits(version: str) -> bool:
        key = version_key(version)
        return (
            (not exact or key == version_key(exact))
            and (not least or key >= version_key(least))
            and (not most or key <= version_key(most))
        )

    return fits


@GET.cmdlet(
    "Find-Module",
    _NAME,
    *_VERSIONS,
    Parameter("AllVersions", "switch"),
    Parameter("Repository", "string[]"),
    Parameter("AllowPrerelease", "switch"),
)
def find_module(call: Call) -> Iterator[object]:
    """Modules of the gallery, their newest version."""
    _require_gallery(call)
    for name in call.texts("Name") or ["*"]:
        found = [module for module in load_gallery().modules if _reachable(call) and selects([name], module.name)]
        found = [module for module in found if any(_fits(call)(version) for version in module.versions)]
        if not found and not has_wildcard(name):
            call.write_error(_no_match(call, name, _FIND).record)
        for module in found:
            versions = [version for version in reversed(module.versions) if _fits(call)(version)]
            yield from (
                _info(call, module, version, None)
                for version in (versions if call.switch("AllVersions") else versions[:1])
            )


@GET.cmdlet(
    "Install-Module",
    _NAME,
    *_VERSIONS,
    *_COMMON,
    Parameter("Repository", "string[]"),
    Parameter("AllowClobber", "switch"),
    Parameter("SkipPublisherCheck", "switch"),
    Parameter("PassThru", "switch"),
    Parameter("InputObject", "object", pipeline="value"),
    should_process=True,
)
def install_module(call: Call) -> Iterator[object]:
    """Installs modules; a version that is there stays as it is, another comes beside it with ``-Force``."""
    _require_gallery(call)
    came = given_input(call)
    for name in call.texts("Name") or [str(property_of(came, "Name"))]:
        module = load_gallery().find(name) if _reachable(call) else None
        versions = [] if module is None else [item for item in module.versions if _fits(call)(item)]
        if module is None or not versions:
            call.write_error(_no_match(call, name, _INSTALL).record)
            continue
        have = installed_modules(call.host.node).get(module.name, {})
        version = versions[-1]
        if version in have and not call.switch("Force"):
            continue
        if have and not call.switch("Force") and not call.has("RequiredVersion"):
            newest = max(have, key=version_key)
            call.write_warning(
                f"Version '{newest}' of module '{module.name}' is already installed at 'C:\\Program "
                f"Files\\WindowsPowerShell\\Modules\\{module.name}\\{newest}'. To install version '{version}', run "
                "Install-Module and add the -Force parameter, this command will install version "
                f"'{version}' side-by-side with version '{newest}'."
            )
            continue
        if call.should_process(f"Version '{version}' of module '{module.name}'", "Install-Module"):
            installed_modules(call.host.node).setdefault(module.name, {})[version] = call.host.model.now_ns
            if call.switch("PassThru"):
                yield _info(call, module, version, call.host.model.now_ns)


@GET.cmdlet("Get-InstalledModule", _NAME, *_VERSIONS, Parameter("AllVersions", "switch"))
def get_installed(call: Call) -> Iterator[object]:
    """Installed modules; of each the newest version, or all."""
    have = installed_modules(call.host.node)
    for name in call.texts("Name") or ["*"]:
        found = False
        for module in (load_gallery().find(item) for item in list(have) if selects([name], item)):
            versions = [] if module is None else sorted(have[module.name], key=version_key, reverse=True)
            versions = [version for version in versions if _fits(call)(version)]
            for version in versions if call.switch("AllVersions") else versions[:1]:
                found = True
                yield _info(call, module, version, have[module.name][version])  # type: ignore[arg-type, union-attr]
        if not found and not has_wildcard(name):
            call.write_error(_no_match(call, name, _GET).record)


@GET.cmdlet(
    "Uninstall-Module",
    _NAME,
    *_VERSIONS,
    *_COMMON[:1],
    Parameter("AllVersions", "switch"),
    Parameter("InputObject", "object", pipeline="value"),
    should_process=True,
)
def uninstall_module(call: Call) -> None:
    """Removes modules: the newest version, the one that is named, or all."""
    came = given_input(call)
    version = str(property_of(came, "Version") or "")
    for name in call.texts("Name") or [str(property_of(came, "Name"))]:
        have = installed_modules(call.host.node)
        shown = next((item for item in have if item.lower() == name.lower()), None)
        fitting = sorted((item for item in have.get(shown or "", {}) if _fits(call)(item)), key=version_key)
        if version:
            fitting = [item for item in fitting if item == version]
        if shown is None or not fitting:
            call.write_error(_no_match(call, name, _UNINSTALL).record)
            continue
        for gone in fitting if call.switch("AllVersions") else fitting[-1:]:
            if call.should_process(f"Version '{gone}' of module '{shown}'", "Uninstall-Module"):
                del have[shown][gone]
        if not have[shown]:
            del have[shown]


@GET.cmdlet("Update-Module", _NAME, *_VERSIONS[1:], *_COMMON, should_process=True)
def update_module(call: Call) -> None:
    """Installs the newest version beside the present one."""
    have = installed_modules(call.host.node)
    _require_gallery(call)
    for name in call.texts("Name") or list(have):
        shown = next((item for item in have if item.lower() == name.lower()), None)
        if shown is None:
            text = f"Module '{name}' was not updated because no valid module was found in the module directory. "
            text += "Verify that the module is located in the folder specified by $env:PSModulePath."
            call.write_error(
                text, "ModuleNotInstalledOnThisMachine", "InvalidOperation", name, "System.InvalidOperationException"
            )
            continue
        module = load_gallery().find(shown) if _reachable(call) else None
        versions = [] if module is None else [item for item in module.versions if _fits(call)(item)]
        if not versions:
            call.write_error(_no_match(call, shown, _FIND).record)
        elif versions[-1] not in have[shown] and call.should_process(shown, "Update-Module"):
            have[shown][versions[-1]] = call.host.model.now_ns


@GET.cmdlet("Get-PSRepository", Parameter("Name", "string[]", position=0))
def get_repository(call: Call) -> Iterator[object]:
    """The gallery."""
    gallery = load_gallery()
    if selects(call.texts("Name"), gallery.repository):
        yield REPOSITORY.make(gallery.repository, gallery.source, False, True, "Untrusted", text=gallery.repository)


@GET.cmdlet("Get-Package", _NAME, Parameter("ProviderName", "string[]"), Parameter("AllVersions", "switch"))
def get_package(call: Call) -> Iterator[object]:
    """Installed packages: the modules of the gallery; programs and updates are not listed."""
    providers = [name.lower() for name in call.texts("ProviderName")]
    if providers and "powershellget" not in providers:
        call.write_warning("twin limitation: only packages of the provider PowerShellGet are simulated")
        return
    gallery = load_gallery()
    for name, versions in installed_modules(call.host.node).items():
        ordered = sorted(versions, key=version_key, reverse=True)
        for version in ordered if call.switch("AllVersions") else ordered[:1]:
            if selects(call.texts("Name"), name):
                yield PACKAGE.make(name, version, gallery.source, "PowerShellGet", text=name)
