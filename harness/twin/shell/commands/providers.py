"""Paths: the drives ``env:``, ``variable:``, ``function:``, ``alias:``, and what can be said without a file system.

A machine with files gives the host a ``files`` member with ``exists(path) -> bool``; the commands for content are the
domain's.
"""

from __future__ import annotations

import re
from collections.abc import Iterable
from dataclasses import replace
from typing import Final

from harness.twin.shell.commands.api import Call, Parameter
from harness.twin.shell.commands.table import CORE, MANAGEMENT
from harness.twin.shell.commands.variables import alias_object, alias_options, all_aliases, variable_object
from harness.twin.shell.enginecontext import path_info
from harness.twin.shell.errors import PSError, limitation
from harness.twin.shell.objects import PSObject
from harness.twin.shell.regexes import has_wildcard, wildcard
from harness.twin.shell.scope import Alias, Variable
from harness.twin.shell.scriptblock import Function, ScriptBlock
from harness.twin.shell.storage import absolute, storage_of
from harness.twin.shell.text import to_text

SESSION_DRIVES: Final = ("env", "variable", "function", "alias")
_OTHER_DRIVES: Final = (*SESSION_DRIVES, "hklm", "hkcu", "cert", "wsman")
_ITEM_MISSING: Final = "System.Management.Automation.ItemNotFoundException"


def split_drive(path: str) -> tuple[str, str]:
    """Drive (lower case, empty for none) and the rest of a path."""
    match = re.match(r"^(?:[\w.]+\\)?([A-Za-z]\w*)::?(.*)$", path)
    return (match[1].lower(), match[2].lstrip("\\/")) if match else ("", path)


def _entries(call: Call, drive: str) -> dict[str, object]:
    if drive == "env":
        return {name: _environment_item(name, value) for name, value in sorted(call.rs.environment.items())}
    if drive == "variable":
        return {
            one.name: variable_object(one)
            for low, one in sorted(call.scope.visible().items())
            if not low.startswith("__")
        }
    if drive == "function":
        found: dict[str, object] = {}
        for scope in call.scope.chain():
            for function in (scope.functions or {}).values():
                found.setdefault(function.name, _function_item(function))
        return found
    return {name: alias_object(name, target) for name, target in sorted(all_aliases(call).items())}


def _environment_item(name: str, value: str) -> PSObject:
    names = ("System.Collections.DictionaryEntry", "System.Object")
    return PSObject.of_type(names, {"Key": name, "Value": value, "Name": name})


def _function_item(function: Function) -> PSObject:
    made = PSObject.of_type(
        ("System.Management.Automation.FunctionInfo", "System.Management.Automation.CommandInfo", "System.Object"),
        {
            "CommandType": "Function",
            "Name": function.name,
            "Version": None,
            "Source": "",
            "Definition": function.block.text,
        },
        text=function.name,
    )
    made.hidden = function
    return made


def items_at(call: Call, path: str) -> list[object]:
    """The items of the session's drives that a path means."""
    drive, name = split_drive(path)
    entries = _entries(call, drive)
    if has_wildcard(name):
        pattern = wildcard(name)
        return [item for key, item in entries.items() if pattern.match(key)]
    return [item for key, item in entries.items() if key.lower() == name.lower()]


def report_missing(call: Call, path: str) -> None:
    drive, _ = split_drive(path)
    if drive and drive not in SESSION_DRIVES and len(drive) > 1:
        _report_drive(call, drive)
        return
    shown = path if drive else full_path(call, path)
    call.write_error(
        f"Cannot find path '{shown}' because it does not exist.", "PathNotFound", "ObjectNotFound", shown, _ITEM_MISSING
    )


def _report_drive(call: Call, drive: str) -> None:
    kind = "System.Management.Automation.DriveNotFoundException"
    text = f"Cannot find drive. A drive with the name '{drive}' does not exist."
    call.write_error(text, "DriveNotFound", "ObjectNotFound", drive, kind)


def full_path(call: Call, path: str) -> str:
    """A path below the current location, or on a drive that the session made."""
    return absolute(real_path(call, path), call.rs.location)


def real_path(call: Call, path: str) -> str:
    """A path with the root of a drive that the session made (name, provider, root) in the place of its name."""
    found = call.rs.drives.get(path.partition(":")[0].lower()) if call.rs.drives and ":" in path else None
    return path if found is None else f"{found[2]}\\{path.partition(':')[2].lstrip(chr(92))}"


def path_exists(call: Call, path: str) -> bool:
    """Whether something is at a path."""
    drive, name = split_drive(path)
    if drive in SESSION_DRIVES:
        return not name or bool(items_at(call, path))
    files = getattr(call.host, "files", None)
    if files is not None:
        return bool(files.exists(full_path(call, path)))
    return bool(storage_of(call.rs).kind(full_path(call, path)))


_PATH: Final = Parameter("Path", "string[]", position=0, mandatory=True, pipeline=("value", "name"))
_LITERAL: Final = Parameter("LiteralPath", "string[]", mandatory=True, pipeline="name", aliases=("PSPath",))


@CORE.cmdlet(
    "Test-Path",
    module=MANAGEMENT,
    parameters=[
        replace(_PATH, sets=("Path",)),
        replace(_LITERAL, sets=("LiteralPath",)),
        Parameter("PathType", "string", aliases=("Type",)),
        Parameter("IsValid", "switch"),
    ],
    default_set="Path",
)
def test_path(call: Call) -> Iterable[object]:
    """Whether paths exist."""
    for path in call.texts("LiteralPath") or call.texts("Path"):
        yield path_exists(call, path)


@CORE.cmdlet(
    "Get-Item", module=MANAGEMENT, parameters=[_PATH, Parameter("Force", "switch"), Parameter("Filter", "string")]
)
def get_item(call: Call) -> Iterable[object]:
    """The item at a path."""
    for path in call.texts("Path"):
        drive, _ = split_drive(path)
        found = items_at(call, path) if drive in SESSION_DRIVES else []
        if not found and not has_wildcard(path):
            report_missing(call, path)
        yield from found


@CORE.cmdlet(
    "Get-ChildItem",
    module=MANAGEMENT,
    parameters=[
        Parameter("Path", "string[]", position=0, pipeline=("value", "name")),
        Parameter("Filter", "string", position=1),
        Parameter("Recurse", "switch"),
        Parameter("Force", "switch"),
        Parameter("Name", "switch"),
        Parameter("File", "switch"),
        Parameter("Directory", "switch"),
    ],
)
def get_child_item(call: Call) -> Iterable[object]:
    """The items of a drive."""
    for path in call.texts("Path") or ["."]:
        drive, name = split_drive(path)
        if drive in SESSION_DRIVES:
            found = items_at(call, path) if name else list(_entries(call, drive).values())
            if name and not found and not has_wildcard(path):
                report_missing(call, path)
            yield from found
        else:
            report_missing(call, path)


def _store(call: Call, path: str, value: object) -> None:
    drive, name = split_drive(path)
    if drive == "env":
        call.rs.environment[name] = to_text(value)
    elif drive == "variable":
        call.scope.assign(name, value)
    elif drive == "function" and isinstance(value, ScriptBlock):
        if call.scope.functions is None:
            call.scope.functions = {}
        call.scope.functions[name.lower()] = Function(name, value)
    elif drive == "alias":
        if call.scope.aliases is None:
            call.scope.aliases = {}
        call.scope.aliases[name.lower()] = Alias(to_text(value), name)
    else:
        report_missing(call, path)


@CORE.cmdlet(
    "Set-Item",
    module=MANAGEMENT,
    parameters=[
        _PATH,
        Parameter("Value", "object", position=1, pipeline=("value", "name")),
        Parameter("Force", "switch"),
        Parameter("PassThru", "switch"),
    ],
    should_process=True,
)
def set_item(call: Call) -> None:
    """Sets the item at a path."""
    for path in call.texts("Path"):
        if call.should_process(f"Item: {path} Value: {to_text(call.get('Value'))}", "Set Item"):
            _store(call, path, call.get("Value"))


@CORE.cmdlet(
    "New-Item",
    module=MANAGEMENT,
    parameters=[
        _PATH,
        Parameter("Name", "string"),
        Parameter("ItemType", "string", aliases=("Type",)),
        Parameter("Value", "object"),
        Parameter("Force", "switch"),
    ],
    should_process=True,
)
def new_item(call: Call) -> Iterable[object]:
    """A new item on a drive of the session."""
    for path in call.texts("Path"):
        if split_drive(path)[0] in SESSION_DRIVES and items_at(call, path) and not call.switch("Force"):
            call.write_error(
                f"The item '{path}' already exists.\r\nParameter name: path",
                "Argument",
                "InvalidArgument",
                None,
                "System.Management.Automation.PSArgumentException",
            )
            continue
        if not call.should_process(f"Item: {path}", "New Item"):
            continue
        _store(call, path, call.get("Value"))
        yield from items_at(call, path) if split_drive(path)[0] in SESSION_DRIVES else []


@CORE.cmdlet(
    "Remove-Item",
    module=MANAGEMENT,
    parameters=[
        replace(_PATH, sets=("Path",)),
        replace(_LITERAL, sets=("LiteralPath",)),
        Parameter("Recurse", "switch"),
        Parameter("Force", "switch"),
    ],
    default_set="Path",
    should_process=True,
)
def remove_item(call: Call) -> None:
    """Removes the item at a path."""
    files = storage_of(call.rs)
    for path in call.texts("LiteralPath") or call.texts("Path"):
        drive, name = split_drive(path)
        if not call.should_process(f"Item: {path}", "Remove Item"):
            continue
        if drive == "env" and name in call.rs.environment:
            del call.rs.environment[name]
        elif drive == "variable" and name.lower() in call.scope.vars:
            del call.scope.vars[name.lower()]
        elif drive == "function" and call.scope.functions and name.lower() in call.scope.functions:
            del call.scope.functions[name.lower()]
        elif drive == "alias" and name.lower() in all_aliases(call):
            _remove_alias(call, name)
        elif files.kind(full_path(call, path)) == "file":
            files.delete(full_path(call, path))
        elif not has_wildcard(path):
            report_missing(call, path)


def _remove_alias(call: Call, name: str) -> None:
    options = alias_options(call, name.lower())
    if "Constant" in options or ("ReadOnly" in options and not call.switch("Force")):
        call.write_error(
            f"Alias was not removed because alias {name} is constant or read-only.",
            "AliasNotRemovable",
            "WriteError",
            name,
            "System.Management.Automation.SessionStateUnauthorizedAccessException",
        )
        return
    if call.scope.aliases is None:
        call.scope.aliases = {}
    call.scope.aliases.pop(name.lower(), None)
    if call.scope.find_alias(name.lower()) or call.rs.commands.find_alias(name):
        call.scope.aliases[name.lower()] = Alias("", name)


# -------------------------------------------------------------------------------------------------------------- paths


@CORE.cmdlet("Get-Location", module=MANAGEMENT)
def get_location(call: Call) -> Iterable[object]:
    """The current location."""
    yield path_info(call.rs.location)


@CORE.cmdlet(
    "Set-Location",
    module=MANAGEMENT,
    parameters=[
        Parameter("Path", "string", position=0, pipeline=("value", "name"), sets=("Path",)),
        Parameter("LiteralPath", "string", mandatory=True, pipeline="name", aliases=("PSPath",), sets=("LiteralPath",)),
        Parameter("PassThru", "switch"),
    ],
    default_set="Path",
)
def set_location(call: Call) -> Iterable[object]:
    """Changes the current location."""
    path = call.text("LiteralPath") or call.text("Path")
    if path:
        go_to(call, path)
    if call.switch("PassThru"):
        yield path_info(call.rs.location)


def go_to(call: Call, path: str) -> None:
    """Make *path* the current location; one that is not there is an error, as on Windows."""
    if path == "~" or path.startswith("~\\"):
        path = f"{call.host.environment.get('USERPROFILE', '~')}{path[1:]}"
    drive, name = split_drive(path)
    here, _ = split_drive(call.rs.location)
    if drive and drive == here and not name and not path.endswith("\\"):
        return  # a drive by itself is the place where one is on it
    place = full_path(call, path)
    if len(drive) > 1 and drive not in _OTHER_DRIVES:
        _report_drive(call, drive)
        return
    if storage_of(call.rs).has_folders and not _can_go(call, drive, place):
        return
    call.rs.location = place


def _can_go(call: Call, drive: str, place: str) -> bool:
    """Whether a machine with files has that place; an error when not."""
    if drive in _OTHER_DRIVES:
        raise limitation(f"the current location is always on drive C:, not on {drive.upper()}:")
    if drive not in ("", "c"):
        _report_drive(call, place.partition(":")[0])
        return False
    if not path_exists(call, place):
        report_missing(call, place)
        return False
    return True


__all__ = ["PSError", "Variable", "path_exists", "split_drive"]
