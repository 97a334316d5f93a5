"""Registry values as ``Get-ItemProperty`` and ``Get-ItemPropertyValue`` give them, of nodes and of guests alike.

Properties and the error [GK].
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from typing import Final

from harness.twin.cmdlets.declaring import selects
from harness.twin.shell.commands.api import Call
from harness.twin.shell.formatting import Column, register_view
from harness.twin.shell.objects import CUSTOM_OBJECT, PSObject
from harness.twin.shell.regexes import has_wildcard
from harness.twin.shell.text import to_text

_KEY: Final = "Microsoft.Win32.RegistryKey"
_SHOWN: Final = 4
"""Elements of a value of several that are shown."""


def key_object(full_name: str, values: Mapping[str, object]) -> PSObject:
    """A key as an item, with the values that its view shows."""
    fields = {"Name": full_name, "Property": list(values), "ValueCount": len(values), **location(full_name)}
    made = PSObject.of_type(_KEY, fields, text=full_name)
    made.hidden = dict(values)
    return made


def register_key_views() -> None:
    """Keys below a heading with the key above them, each with its values [GK]."""
    register_view(
        _KEY,
        table=[Column("Name", "PSChildName", 30), Column("Property", _values)],
        auto=False,
        wrap=True,
        group_by="PSParentPath",
        heading=lambda parent: f"Hive: {to_text(parent).rpartition('::')[2]}",
    )


def _values(key: object) -> str:
    values = key.hidden if isinstance(key, PSObject) and isinstance(key.hidden, dict) else {}
    width = max(map(len, values), default=0)
    return "\r\n".join(f"{name:<{width}} : {_value(value)}" for name, value in values.items())


def _value(value: object) -> str:
    if not isinstance(value, list):
        return to_text(value)
    return "{" + ", ".join(map(to_text, value[:_SHOWN])) + ("...}" if len(value) > _SHOWN else "}")


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
