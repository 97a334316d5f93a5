"""Registry values as ``Get-ItemProperty`` and ``Get-ItemPropertyValue`` give them, of nodes and of guests alike.

Properties and the error [GK].
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping

from harness.twin.cmdlets.declaring import selects
from harness.twin.shell.commands.api import Call
from harness.twin.shell.objects import CUSTOM_OBJECT, PSObject
from harness.twin.shell.regexes import has_wildcard


def as_object(call: Call, key: str, values: Mapping[str, object]) -> Iterator[object]:
    """The values that the call names, as properties of one object; nothing where there are none."""
    picked = _picked(call, key, values)
    if picked:
        yield PSObject({**picked, **location(key)}, CUSTOM_OBJECT)


def as_values(call: Call, key: str, values: Mapping[str, object]) -> Iterator[object]:
    """The same, bare."""
    yield from _picked(call, key, values).values()


def location(key: str) -> dict[str, object]:
    """What the provider adds to each object of a key below HKEY_LOCAL_MACHINE."""
    parent, _, child = key.rpartition("\\")
    provider = "Microsoft.PowerShell.Core\\Registry"
    return {
        "PSPath": f"{provider}::{key}",
        "PSParentPath": f"{provider}::{parent}",
        "PSChildName": child,
        "PSDrive": "HKCU" if key.startswith("HKEY_CURRENT_USER") else "HKLM",
        "PSProvider": provider,
    }


def _picked(call: Call, key: str, values: Mapping[str, object]) -> dict[str, object]:
    wanted = call.texts("Name")
    for name in wanted:
        if not has_wildcard(name) and not any(selects([name], known) for known in values):
            kind = "System.Management.Automation.PSArgumentException"
            call.write_error(f"Property {name} does not exist at path {key}.", kind, "InvalidArgument", name, kind)
    return {name: value for name, value in values.items() if selects(wanted, name)}
