"""Modules in files: ``Import-Module`` of a path, or of a name below a folder of ``$env:PSModulePath``
([D] about_Modules, about_Module_Manifests)."""

from __future__ import annotations

import re
from collections.abc import Iterator
from typing import Final

from harness.twin.shell.commands.api import Call
from harness.twin.shell.commands.modules import Exports, publish, run_module
from harness.twin.shell.errors import limitation
from harness.twin.shell.frame import Frame
from harness.twin.shell.objects import PSHashtable, PSObject
from harness.twin.shell.regexes import matches_wildcard
from harness.twin.shell.scope import Scope, Variable
from harness.twin.shell.scriptblock import Function
from harness.twin.shell.scriptfiles import load_script
from harness.twin.shell.storage import absolute, storage_of
from harness.twin.shell.text import to_text
from harness.twin.shell.typesystem import is_null
from harness.twin.shell.versions import Version

_ENDINGS: Final = (".psd1", ".psm1", ".ps1")


def module_file(call: Call, name: str) -> str:
    """The file that a module name or path means; empty when there is none."""
    if re.search(r"[\\/]", name) or name.lower().endswith(_ENDINGS):
        return _file_at(call, absolute(name, call.rs.location))
    known = next((value for key, value in call.rs.environment.items() if key.lower() == "psmodulepath"), "")
    for folder in filter(None, known.split(";")):
        found = _file_at(call, f"{folder.rstrip(chr(92))}\\{name}")
        if found:
            return found
    return ""


def _file_at(call: Call, path: str) -> str:
    """A module file itself, or that of a folder which has its name; a version may stand between."""
    files = storage_of(call.rs)
    if path.lower().endswith(_ENDINGS):
        return path if files.kind(path) == "file" else ""
    leaf = path.rpartition("\\")[2]
    for ending in _ENDINGS[:2]:
        for candidate in (f"{path}\\{leaf}{ending}", f"{path}{ending}"):
            if files.kind(candidate) == "file":
                return candidate
    versions = [one for one in files.expand(f"{path}\\*") if re.search(r"\\\d+(\.\d+){1,3}$", one)]
    for folder in sorted(versions, key=lambda one: [int(part) for part in one.rpartition("\\")[2].split(".")])[::-1]:
        for ending in _ENDINGS[:2]:
            if files.kind(f"{folder}\\{leaf}{ending}") == "file":
                return f"{folder}\\{leaf}{ending}"
    return ""


def import_file(call: Call, path: str) -> Iterator[object]:
    """Load a module from a file, with what its manifest names; gives the module when asked to."""
    name = re.sub(r"(?i)\.ps[dm]?1$", "", path.rpartition("\\")[2])
    manifest = _manifest(call, path) if path.lower().endswith(".psd1") else PSHashtable()
    functions: dict[str, Function] = {}
    variables: list[Variable] = []
    for part in _parts(call, path, manifest):
        own, shown = _load(call, part)
        functions.update(own)
        variables += shown
    limits = _texts(manifest, "FunctionsToExport") if "functionstoexport" in manifest else ["*"]
    wanted = call.texts("Function") if call.has("Function") else ["*"]
    chosen = {one: block for one, block in functions.items() if _fits(limits, one) and _fits(wanted, one)}
    if call.text("Prefix"):
        chosen = {_prefixed(one, call.text("Prefix")): block for one, block in chosen.items()}
    publish(call.rs, chosen, variables)
    call.rs.modules[name.lower()] = name
    if call.switch("PassThru"):
        version = Version.parse(to_text(manifest.get("ModuleVersion", "0.0")))
        shown_functions = PSHashtable([(one, one) for one in chosen])
        yield PSObject.of_type(
            "System.Management.Automation.PSModuleInfo",
            {
                "Name": name,
                "Path": path,
                "ModuleType": "Manifest" if manifest else "Script",
                "Version": version,
                "ModuleBase": path.rpartition("\\")[0],
                "ExportedFunctions": shown_functions,
                "ExportedCommands": shown_functions,
            },
            text=name,
        )


def _manifest(call: Call, path: str) -> PSHashtable:
    found: list[object] = []
    run = load_script(call.rs, path).body.end
    if run is not None:
        run(Frame(call.rs, Scope(call.rs.global_scope), found.append, call.streams))
    if len(found) != 1 or not isinstance(found[0], PSHashtable):
        text = f"The module manifest '{path}' could not be processed because it is not a valid Windows PowerShell "
        text += "module manifest file."
        raise call.fail(text, "Modules_InvalidManifest", "ResourceUnavailable", path)
    return found[0]


def _texts(manifest: PSHashtable, key: str) -> list[str]:
    value = manifest.get(key)
    if is_null(value):
        return []
    return [to_text(one) for one in value] if isinstance(value, list) else [to_text(value)]


def _parts(call: Call, path: str, manifest: PSHashtable) -> Iterator[str]:
    """The files of a module: what a manifest names beside itself, or the one file."""
    if not path.lower().endswith(".psd1"):
        yield path
        return
    folder = path.rpartition("\\")[0]
    names = [*_texts(manifest, "NestedModules"), *_texts(manifest, "RootModule"), *_texts(manifest, "ModuleToProcess")]
    for name in names:
        if name.lower().endswith((".dll", ".cdxml")):
            raise limitation(f"the module '{name}' is not a script; it is not simulated")
        found = _file_at(call, absolute(name, folder))
        if not found:
            text = f"The module to process '{name}', listed in field 'ModuleToProcess/RootModule' of module manifest "
            text += f"'{path}' was not processed because no valid module was found in any module directory."
            raise call.fail(text, "Modules_ModuleFileNotFound", "ResourceUnavailable", path)
        yield found


def _load(call: Call, path: str) -> tuple[dict[str, Function], list[Variable]]:
    """Run a script of a module in a scope of its own; its functions and variables that can be seen outside."""
    scope = Scope(call.rs.global_scope, "script")
    for name, value in (("PSScriptRoot", path.rpartition("\\")[0]), ("PSCommandPath", path)):
        scope.vars[name.lower()] = Variable(name, value)
    exports = Exports()
    _, functions = run_module(call, load_script(call.rs, path), scope, exports)
    wanted = exports.functions if exports.said else ["*"]
    shown = exports.names(exports.variables, [one.name for one in scope.vars.values()])
    return {name: functions[name] for name in exports.names(wanted, functions)}, [
        scope.vars[name.lower()] for name in shown
    ]


def _fits(patterns: list[str], name: str) -> bool:
    return any(matches_wildcard(pattern, name) for pattern in patterns)


def _prefixed(name: str, prefix: str) -> str:
    verb, dash, noun = name.partition("-")
    return f"{verb}-{prefix}{noun}" if dash else f"{prefix}{name}"
