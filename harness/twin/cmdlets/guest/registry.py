"""The registry of a guest, as far as update workflows read it.

Keys and values [D] for hotpatch prerequisites and for pending restarts (CBS, Windows Update); ``LCUVer`` and the
version values [GK]; that ``LCUVer`` stays with the cumulative update under a hotpatch is [INF].
"""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Mapping
from typing import Final

from harness.twin.cmdlets.guest.modules import MANAGEMENT, machine_of, run_core
from harness.twin.cmdlets.registryvalues import as_object, as_values, key_object
from harness.twin.model.windows.state import GuestOs
from harness.twin.shell.commands.api import Call, Parameter

_PREFIXES: Final = (
    "registry::hkey_local_machine",
    "microsoft.powershell.core\\registry::hkey_local_machine",
    "hkey_local_machine",
    "hklm:",
)
_WINDOWS: Final = "SOFTWARE\\Microsoft\\Windows\\CurrentVersion"
VERSION_KEY: Final = "SOFTWARE\\Microsoft\\Windows NT\\CurrentVersion"
HOTPATCH_KEY: Final = f"{VERSION_KEY}\\Update\\TargetingInfo\\DynamicInstalled\\Hotpatch.amd64"
MEMORY_KEY: Final = "SYSTEM\\CurrentControlSet\\Control\\Session Manager\\Memory Management"
DEVICE_GUARD_KEY: Final = "SYSTEM\\CurrentControlSet\\Control\\DeviceGuard"
CBS_KEY: Final = f"{_WINDOWS}\\Component Based Servicing"
UPDATE_KEY: Final = f"{_WINDOWS}\\WindowsUpdate\\Auto Update"
_SETUP_KEY: Final = f"{VERSION_KEY}\\Winlogon\\AutoLogonChecked"
_ENROLMENT: Final = {26100: "10.0.26100.1742", 20348: "10.0.20348.1129"}
"""Version of the enrolment entry: 20348 [D] WSD enable-hotpatch-azure-edition; 26100 [INF], first build that may."""
_TABLE_SIZE: Final = 0x1000
"""[D] HotPatchTableSize."""
_IDLE, _RESTART, _WORKING = 0, 1, 2


def registry_of(machine: GuestOs) -> dict[str, dict[str, object]]:
    """All keys that exist, each with its values."""
    build = machine.build
    keys: dict[str, dict[str, object]] = {
        VERSION_KEY: {
            "CurrentBuild": str(build.build),
            "CurrentBuildNumber": str(build.build),
            "CurrentMajorVersionNumber": 10,
            "CurrentMinorVersionNumber": 0,
            "DisplayVersion": machine.system.display_version,
            "EditionID": machine.system.edition_id,
            "InstallationType": machine.system.installation_type,
            "LCUVer": machine.cumulative.build.version,
            "ProductName": machine.system.product,
            "UBR": build.ubr,
        },
        MEMORY_KEY: {"HotPatchTableSize": _TABLE_SIZE if machine.spec.enrolled else 0},
        DEVICE_GUARD_KEY: {"EnableVirtualizationBasedSecurity": int(machine.spec.vbs != "off")},
        CBS_KEY: {},
        f"{CBS_KEY}\\Interface": {"ServicingInProgress": _servicing(machine)},
        UPDATE_KEY: {},
        _SETUP_KEY: {},
    }
    if machine.spec.enrolled:
        version = _ENROLMENT.get(machine.system.build, build.version)
        keys[HOTPATCH_KEY] = {"Name": "Hotpatch Enrollment Package", "Version": version}
    if machine.staged is not None:
        keys[f"{CBS_KEY}\\RebootPending"] = {}
        keys[f"{UPDATE_KEY}\\RebootRequired"] = {machine.update_ids[machine.staged.kb]: 1}
    return keys


def _servicing(machine: GuestOs) -> int:
    """``ServicingInProgress``: 0 idle, 1 restart pending, 2 working [C]."""
    return _WORKING if machine.installing else _RESTART if machine.restart_pending else _IDLE


def key_of(path: str) -> str | None:
    """Lower-case name of a key below HKEY_LOCAL_MACHINE; None for a path elsewhere."""
    low = path.replace("/", "\\").rstrip("\\").lower()
    for prefix in _PREFIXES:
        if low == prefix or low.startswith(f"{prefix}\\"):
            return low.removeprefix(prefix).strip("\\")
    return None


def key_exists(machine: GuestOs, key: str) -> bool:
    """Whether a key is there, with values or as the parent of one."""
    return any(name.lower() == key or name.lower().startswith(f"{key}\\") for name in registry_of(machine)) or not key


def _find(call: Call, path: str) -> tuple[str, Mapping[str, object]] | None:
    """Full name and values of a key; reports an error for one that is missing."""
    wanted = key_of(path)
    for name, values in registry_of(machine_of(call)).items():
        if name.lower() == wanted:
            return f"HKEY_LOCAL_MACHINE\\{name}", values
    if wanted is not None and key_exists(machine_of(call), wanted):
        return f"HKEY_LOCAL_MACHINE\\{wanted}", {}
    kind = "System.Management.Automation.ItemNotFoundException"
    call.write_error(
        f"Cannot find path '{path}' because it does not exist.", "PathNotFound", "ObjectNotFound", path, kind
    )
    return None


_PATH: Final = (
    Parameter(
        "Path",
        "string[]",
        position=0,
        mandatory=True,
        pipeline=("value", "name"),
        aliases=("LiteralPath", "PSPath"),
    ),
    Parameter("Name", "string[]", position=1),
)


@MANAGEMENT.cmdlet("Get-ItemProperty", *_PATH)
def get_item_property(call: Call) -> Iterator[object]:
    """Values of registry keys, one object for each key."""
    for path in call.texts("Path"):
        found = _find(call, path)
        if found is not None:
            yield from as_object(call, *found)


@MANAGEMENT.cmdlet("Get-ItemPropertyValue", *_PATH)
def get_item_property_value(call: Call) -> Iterator[object]:
    """Values of registry keys, bare."""
    for path in call.texts("Path"):
        found = _find(call, path)
        if found is not None:
            yield from as_values(call, *found)


@MANAGEMENT.cmdlet("Get-Item", _PATH[0], Parameter("Force", "switch"), Parameter("Filter", "string"))
def get_item(call: Call) -> Iterable[object] | None:
    """A registry key; other paths as everywhere."""
    if any(key_of(path) is None for path in call.texts("Path")):
        return run_core("Get-Item", call)
    return _keys(call)


def _keys(call: Call) -> Iterator[object]:
    for path in call.texts("Path"):
        found = _find(call, path)
        if found is not None:
            yield key_object(*found)


@MANAGEMENT.cmdlet(
    "Get-ChildItem",
    Parameter("Path", "string[]", position=0, pipeline=("value", "name"), aliases=("LiteralPath", "PSPath")),
    Parameter("Filter", "string", position=1),
    Parameter("Recurse", "switch"),
    Parameter("Force", "switch"),
    Parameter("Name", "switch"),
    Parameter("File", "switch"),
    Parameter("Directory", "switch"),
)
def get_child_item(call: Call) -> Iterable[object] | None:
    """The keys below a registry key; other paths as everywhere."""
    paths = call.texts("Path")
    if not paths or any(key_of(path) is None for path in paths):
        return run_core("Get-ChildItem", call)
    return _below(call, paths)


def _below(call: Call, paths: list[str]) -> Iterator[object]:
    keys = registry_of(machine_of(call))
    for path in paths:
        if _find(call, path) is not None:
            parent = key_of(path) or ""
            for name, values in keys.items():
                rest = name.lower().removeprefix(f"{parent}\\")
                if rest != name.lower() and (call.switch("Recurse") or "\\" not in rest):
                    yield key_object(f"HKEY_LOCAL_MACHINE\\{name}", values)
