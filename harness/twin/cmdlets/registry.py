"""The registry of a node in the shell: values by ``…-ItemProperty``, keys as items ([D] PSD 5.1).

Error ids and texts [GK].  What is known of a real node's registry, and what fails loudly, is in registrykeys.py.
"""

from __future__ import annotations

from collections.abc import Iterator
from typing import Final

from harness.twin.cmdlets.computer import MANAGEMENT
from harness.twin.cmdlets.fileobjects import PROVIDER_ACTS, REGISTRY_ACTS
from harness.twin.cmdlets.registrykeys import (
    KINDS,
    all_keys,
    children_of,
    find_key,
    full_name,
    is_registry_path,
    make_value,
    parse_key,
)
from harness.twin.cmdlets.registryvalues import as_object, as_values, key_object, location
from harness.twin.model.registry import RegistryValue
from harness.twin.shell.commands import providers
from harness.twin.shell.commands.api import Call, Parameter
from harness.twin.shell.errors import limitation
from harness.twin.shell.objects import PSObject
from harness.twin.shell.regexes import has_wildcard

_PATH: Final = Parameter(
    "Path", "string[]", position=0, mandatory=True, pipeline=("value", "name"), aliases=("LiteralPath", "PSPath")
)
_FORCE: Final = Parameter("Force", "switch")
_PASS: Final = Parameter("PassThru", "switch")
_KIND: Final = Parameter("PropertyType", "string", pipeline="name", aliases=("Type",))
_IO: Final = "System.IO.IOException"
_ABSENT: Final = "System.Management.Automation.ItemNotFoundException"
_ARGUMENT: Final = "System.Management.Automation.PSArgumentException"


@MANAGEMENT.cmdlet("Get-ItemProperty", _PATH, Parameter("Name", "string[]", position=1), _FORCE)
def get_item_property(call: Call) -> Iterator[object]:
    """Values of a registry key as one object."""
    for key, values in _each(call):
        yield from as_object(call, full_name(key), _data(values))


@MANAGEMENT.cmdlet("Get-ItemPropertyValue", _PATH, Parameter("Name", "string[]", position=1), _FORCE)
def get_item_property_value(call: Call) -> Iterator[object]:
    """Values of a registry key, bare."""
    for key, values in _each(call):
        yield from as_values(call, full_name(key), _data(values))


@MANAGEMENT.cmdlet(
    "Set-ItemProperty",
    _PATH,
    Parameter("Name", "string", position=1, mandatory=True, pipeline="name", aliases=("PSProperty",)),
    Parameter("Value", "object", position=2, mandatory=True, pipeline="name", allow_null=True),
    _KIND,
    _FORCE,
    _PASS,
    should_process=True,
)
def set_item_property(call: Call) -> Iterator[object]:
    """Sets a value; one that is not there is made."""
    for key, values in _each(call):
        known = _named(values, call.text("Name"))
        kind = call.text("PropertyType") or (_kind_name(values[known]) if known is not None else "")
        yield from _put(call, key, kind)


@MANAGEMENT.cmdlet(
    "New-ItemProperty",
    _PATH,
    Parameter("Name", "string", position=1, mandatory=True, aliases=("PSProperty",)),
    _KIND,
    Parameter("Value", "object", pipeline="name", allow_null=True),
    _FORCE,
    should_process=True,
)
def new_item_property(call: Call) -> Iterator[object]:
    """Makes a value; one that is there already is an error without ``-Force``."""
    for key, values in _each(call):
        if _named(values, call.text("Name")) is not None and not call.switch("Force"):
            call.write_error("The property already exists.", _IO, "WriteError", call.texts("Path")[0], _IO)
            continue
        call.bound = {**call.bound, "PassThru": True}
        yield from _put(call, key, call.text("PropertyType") or "String")


@MANAGEMENT.cmdlet(
    "Remove-ItemProperty",
    _PATH,
    Parameter("Name", "string[]", position=1, mandatory=True, aliases=("PSProperty",)),
    _FORCE,
    should_process=True,
)
def remove_item_property(call: Call) -> None:
    """Removes values that somebody wrote."""
    for key, values in _each(call):
        for name in call.texts("Name"):
            known = _named(values, name)
            if known is None:
                text = f"Property {name} does not exist at path {full_name(key)}."
                call.write_error(text, _ARGUMENT, "InvalidArgument", name, _ARGUMENT)
            elif call.should_process(f"Item: {full_name(key)} Property: {known}", "Remove Property"):
                _remove_value(call, key, known)


def _remove_value(call: Call, key: str, name: str) -> None:
    if not call.host.node.registry.drop_value(key, name):
        raise limitation(f"removing the value '{name}' of Windows' own key '{full_name(key)}'")


def _put(call: Call, key: str, kind: str) -> Iterator[object]:
    name = call.text("Name")
    if kind and kind.lower() not in KINDS:
        text = f"Cannot process argument because the value of argument \"type\" is not valid: '{kind}'."
        raise call.fail(text, "Argument", "InvalidArgument", kind, _ARGUMENT)
    if not call.should_process(f"Item: {full_name(key)} Property: {name}", "Set Property"):
        return
    try:
        value = make_value(call.get("Value"), kind)
    except ValueError:
        text = "Input string was not in a correct format."
        call.write_error(text, "System.FormatException", "InvalidArgument", name, "System.FormatException")
        return
    call.host.node.registry.put(key, name, value)
    if call.switch("PassThru"):
        yield PSObject({name: value.data, **location(full_name(key))})


def _each(call: Call) -> Iterator[tuple[str, dict[str, RegistryValue]]]:
    """The keys at the paths.  Raises PSError for paths outside of the registry and for what is not simulated."""
    for path in (providers.real_path(call, given) for given in call.texts("Path")):
        key = parse_key(path)
        if key is None or has_wildcard(path):
            raise limitation(f"{call.declaration.name} of the item '{path}' is not simulated")
        found = find_key(call.host.node, key, path)
        if found is None:
            _report_absent(call, path)
        else:
            yield found


def _report_absent(call: Call, path: str) -> None:
    text = f"Cannot find path '{path}' because it does not exist."
    call.write_error(text, "PathNotFound", "ObjectNotFound", path, _ABSENT)


def _named(values: dict[str, RegistryValue], name: str) -> str | None:
    return next((known for known in values if known.lower() == name.lower()), None)


def _kind_name(value: RegistryValue) -> str:
    return next(name for name, kind in KINDS.items() if kind == value.kind)


def _data(values: dict[str, RegistryValue]) -> dict[str, object]:
    return {name: value.data for name, value in values.items()}


# --- keys as items


def _test_path(call: Call, path: str) -> Iterator[object]:
    key = parse_key(path)
    yield key is not None and find_key(call.host.node, key, path) is not None


def _get_item(call: Call, path: str) -> Iterator[object]:
    found = find_key(call.host.node, parse_key(path) or "", path)
    if found is None:
        _report_absent(call, path)
    else:
        yield _key(*found)


def _get_child_item(call: Call, path: str) -> Iterator[object]:
    key = parse_key(path) or ""
    if call.switch("Recurse"):
        raise limitation("Get-ChildItem -Recurse of registry keys is not simulated")
    if find_key(call.host.node, key, path) is None:
        _report_absent(call, path)
        return
    for found in children_of(call.host.node, key):
        yield _key(*found)


def _new_item(call: Call, path: str) -> Iterator[object]:
    whole = f"{path.rstrip(chr(92))}\\{call.text('Name')}" if call.has("Name") else path
    key = parse_key(whole) or ""
    registry = call.host.node.registry
    if key.lower() in all_keys(call.host.node) and not call.switch("Force"):
        text = "A key in this path already exists."
        call.write_error(text, _IO, "ResourceExists", whole, _IO)
        return
    if not call.should_process(f"Key: {full_name(key)}", "New Item"):
        return
    registry.make(key)
    if call.has("Value"):
        registry.put(key, "(default)", make_value(call.get("Value"), "String"))
    yield _key(*all_keys(call.host.node)[key.lower()])


def _remove_item(call: Call, path: str) -> Iterator[object]:
    key = parse_key(path) or ""
    if find_key(call.host.node, key, path) is None:
        _report_absent(call, path)
        return
    entry = call.host.node.registry.keys.get(key.lower())
    if entry is None or not entry.made:
        raise limitation(f"removing Windows' own key '{full_name(key)}'")
    if call.should_process(f"Item: {full_name(key)}", "Remove Key"):
        call.host.node.registry.drop(key)
    yield from ()


def _key(key: str, values: dict[str, RegistryValue]) -> PSObject:
    return key_object(full_name(key), {name: value.data for name, value in values.items()})


@MANAGEMENT.cmdlet(
    "Set-Item",
    _PATH,
    Parameter("Value", "object", position=1, pipeline=("value", "name")),
    Parameter("Concatenate", "switch"),
    _FORCE,
    _PASS,
    should_process=True,
)
def set_item(call: Call) -> Iterator[object]:
    """The default value of a registry key, a setting of WinRM; items of the session's drives as everywhere."""
    for path in call.texts("Path"):
        own = PROVIDER_ACTS.get(providers.split_drive(path)[0], {}).get("Set-Item")
        if own is not None:
            yield from own(call, path) or ()
            continue
        if not is_registry_path(path):
            call.bound = {**call.bound, "Path": [path]}
            providers.set_item(call)
            continue
        key = parse_key(path) or ""
        if find_key(call.host.node, key, path) is None:
            _report_absent(call, path)
        elif call.should_process(f"Item: {full_name(key)}", "Set Item"):
            call.host.node.registry.put(key, "(default)", make_value(call.get("Value"), "String"))


REGISTRY_ACTS.update(
    {
        "Test-Path": _test_path,
        "Get-Item": _get_item,
        "Get-ChildItem": _get_child_item,
        "New-Item": _new_item,
        "Remove-Item": _remove_item,
    }
)
