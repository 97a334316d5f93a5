"""Registry values of a node, as far as something asks for them ([T] TSG Update: OS version from four values)."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from typing import Any, Final

from harness.twin.cmdlets.computer import MANAGEMENT
from harness.twin.cmdlets.declaring import selects
from harness.twin.cmdlets.windows import EDITION, PRODUCT, display_version
from harness.twin.model.entities import Node
from harness.twin.shell.commands.api import Call, Parameter
from harness.twin.shell.errors import limitation
from harness.twin.shell.objects import CUSTOM_OBJECT, PSObject
from harness.twin.shell.regexes import has_wildcard

_DRIVE: Final = "hklm:\\"
_PREFIXES: Final = (_DRIVE, "hkey_local_machine\\", "registry::hkey_local_machine\\")
_VERSION_KEY: Final = "SOFTWARE\\Microsoft\\Windows NT\\CurrentVersion"
_PATH: Final = (
    Parameter("Path", "string[]", position=0, mandatory=True, pipeline=("value", "name"), aliases=("LiteralPath",)),
    Parameter("Name", "string[]", position=1),
)


@MANAGEMENT.cmdlet("Get-ItemProperty", *_PATH)
def get_item_property(call: Call) -> Iterator[object]:
    """Values of a registry key as one object."""
    for path in call.texts("Path"):
        key, values = _find_key(call.host, path)
        wanted = call.texts("Name")
        _check_names(call, key, values, wanted)
        picked = {name: value for name, value in values.items() if selects(wanted, name)}
        if picked:
            yield PSObject({**picked, **_location(key)}, CUSTOM_OBJECT)


@MANAGEMENT.cmdlet("Get-ItemPropertyValue", *_PATH)
def get_item_property_value(call: Call) -> Iterator[object]:
    """Values of a registry key, bare."""
    for path in call.texts("Path"):
        key, values = _find_key(call.host, path)
        _check_names(call, key, values, call.texts("Name"))
        yield from (value for name, value in values.items() if selects(call.texts("Name"), name))


def _find_key(host: Any, path: str) -> tuple[str, Mapping[str, object]]:
    """Full name and values of a key.  Raises PSError for what is not simulated: a real node has a great many more."""
    low = path.replace("/", "\\").rstrip("\\").lower()
    prefix = next((item for item in _PREFIXES if low.startswith(item)), None)
    if prefix is None or low.removeprefix(prefix) != _VERSION_KEY.lower():
        raise limitation(f"the item '{path}' is not simulated")
    return f"HKEY_LOCAL_MACHINE\\{_VERSION_KEY}", _current_version(host.node)


def _current_version(node: Node) -> dict[str, object]:
    build = str(node.os_build.build)
    return {
        "CurrentBuild": build,
        "CurrentBuildNumber": build,
        "CurrentMajorVersionNumber": 10,
        "CurrentMinorVersionNumber": 0,
        "DisplayVersion": display_version(node),
        "EditionID": EDITION,
        "ProductName": PRODUCT,
        "UBR": node.os_build.ubr,
    }


def _check_names(call: Call, key: str, values: Mapping[str, object], wanted: list[str]) -> None:
    for name in wanted:
        if not has_wildcard(name) and not any(selects([name], known) for known in values):
            kind = "System.Management.Automation.PSArgumentException"
            call.write_error(f"Property {name} does not exist at path {key}.", kind, "InvalidArgument", name, kind)


def _location(key: str) -> dict[str, object]:
    parent, _, child = key.rpartition("\\")
    provider = "Microsoft.PowerShell.Core\\Registry"
    return {
        "PSPath": f"{provider}::{key}",
        "PSParentPath": f"{provider}::{parent}",
        "PSChildName": child,
        "PSDrive": "HKLM",
        "PSProvider": provider,
    }
