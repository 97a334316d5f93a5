"""Registry values of a node, as far as something asks for them ([T] TSG Update: OS version from four values)."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from typing import Any, Final

from harness.twin.cmdlets.computer import MANAGEMENT
from harness.twin.cmdlets.registryvalues import as_object, as_values
from harness.twin.cmdlets.windows import EDITION, PRODUCT, display_version
from harness.twin.model.entities import Node
from harness.twin.shell.commands.api import Call, Parameter
from harness.twin.shell.errors import limitation

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
        yield from as_object(call, *_find_key(call.host, path))


@MANAGEMENT.cmdlet("Get-ItemPropertyValue", *_PATH)
def get_item_property_value(call: Call) -> Iterator[object]:
    """Values of a registry key, bare."""
    for path in call.texts("Path"):
        yield from as_values(call, *_find_key(call.host, path))


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
