"""``Get-Help``: the comment of a function, the syntax of a cmdlet ([D] about_Comment_Based_Help)."""

from __future__ import annotations

import re
from collections.abc import Iterable
from typing import Final

from harness.twin.shell.commands.api import Call, CommandDeclaration, Parameter
from harness.twin.shell.commands.syntax import syntax_text
from harness.twin.shell.commands.table import CORE, ENGINE
from harness.twin.shell.objects import PSObject
from harness.twin.shell.regexes import matches_wildcard
from harness.twin.shell.scriptblock import Function

_SECTION: Final = re.compile(r"^\s*\.([A-Za-z]+)(?:[ \t]+(.*?))?\s*$")
_BLOCK: Final = re.compile(r"<#(.*?)#>", re.DOTALL)
_LINES: Final = re.compile(r"(?:^[ \t]*#.*(?:\r?\n|$))+", re.MULTILINE)
_WORDS: Final = frozenset(
    {
        *("synopsis", "description", "parameter", "example", "inputs", "outputs", "notes", "link", "component", "role"),
        *("functionality", "externalhelp", "forwardhelptargetname", "forwardhelpcategory"),
    }
)


def help_sections(text: str) -> list[tuple[str, str, str]]:
    """The sections of the first comment that is help: keyword in lower case, its argument, its text."""
    comments = [found.group(1) for found in _BLOCK.finditer(text)]
    comments += [re.sub(r"^[ \t]*#", "", found.group(0), flags=re.MULTILINE) for found in _LINES.finditer(text)]
    for comment in comments:
        found: list[tuple[str, str, list[str]]] = []
        for line in comment.splitlines():
            match = _SECTION.match(line)
            if match is not None and match[1].lower() in _WORDS:
                found.append((match[1].lower(), match[2] or "", []))
            elif found:
                found[-1][2].append(line)
        if found:
            return [(name, argument, _dedented(lines)) for name, argument, lines in found]
    return []


def _dedented(lines: list[str]) -> str:
    margins = [len(line) - len(line.lstrip()) for line in lines if line.strip()]
    cut = min(margins, default=0)
    return "\n".join(line[cut:].rstrip() for line in lines).strip("\n")


def _texts(text: str) -> list[object]:
    return [PSObject.of_type("MamlParaTextItem", {"Text": text})] if text else []


def _parameters(function: Function, sections: list[tuple[str, str, str]]) -> list[object]:
    told = {argument.lower(): text for name, argument, text in sections if name == "parameter"}
    found: list[object] = []
    for one in function.body.parameters:
        declaration = one.declaration
        found.append(
            PSObject.of_type(
                "MamlCommandHelpInfo#parameter",
                {
                    "description": _texts(told.get(declaration.name.lower(), "")),
                    "name": declaration.name,
                    "type": PSObject.of_type("MamlType", {"name": declaration.kind.rpartition(".")[2]}),
                    "required": str(declaration.mandatory).lower(),
                    "position": "named" if declaration.position is None else str(declaration.position + 1),
                    "pipelineInput": str(bool(declaration.pipeline)).lower(),
                    "aliases": ", ".join(declaration.aliases),
                },
            )
        )
    return found


def _function_help(function: Function) -> PSObject:
    sections = help_sections(function.block.text)
    first = {name: text for name, _, text in reversed(sections)}
    syntax = syntax_text(function)
    examples: list[object] = [
        PSObject.of_type("MamlCommandHelpInfo#example", {"title": f"Example {at}", "code": text})
        for at, text in enumerate([text for name, _, text in sections if name == "example"], 1)
    ]
    return PSObject.of_type(
        "MamlCommandHelpInfo" if sections else "ExtendedFunctionHelpInfo",
        {
            "Name": function.name,
            "Category": "Function",
            "Synopsis": first.get("synopsis", syntax),
            "description": _texts(first.get("description", "")),
            "parameters": PSObject({"parameter": _parameters(function, sections)}),
            "examples": PSObject({"example": examples}),
            "alertSet": PSObject({"alert": _texts(first.get("notes", ""))}),
            "Syntax": syntax,
        },
    )


def _cmdlet_help(declaration: CommandDeclaration) -> PSObject:
    syntax = syntax_text(declaration)
    return PSObject.of_type(
        "MamlCommandHelpInfo",
        {
            "Name": declaration.name,
            "Category": "Cmdlet",
            "Synopsis": syntax,
            "Component": None,
            "Syntax": syntax,
            "ModuleName": declaration.module,
        },
    )


@CORE.cmdlet(
    "Get-Help",
    module=ENGINE,
    parameters=[
        Parameter("Name", "string", position=0, pipeline="name"),
        Parameter("Path", "string"),
        Parameter("Category", "string[]"),
        Parameter("Full", "switch"),
        Parameter("Detailed", "switch"),
        Parameter("Examples", "switch"),
        Parameter("Parameter", "string"),
        Parameter("Online", "switch"),
        Parameter("ShowWindow", "switch"),
    ],
)
def get_help(call: Call) -> Iterable[object]:
    """What is known about a command."""
    name = call.text("Name")
    own = call.scope.find_alias(name.lower())
    alias = call.rs.commands.find_alias(name) if own is None else own
    function = call.scope.find_function((alias or name).lower())
    declaration = call.rs.commands.find(alias or name)
    if function is not None:
        found = _function_help(function)
    elif declaration is not None:
        found = _cmdlet_help(declaration)
    else:
        call.write_error(
            f"Get-Help could not find {name} in a help file in this session. To download updated help topics type: "
            '"Update-Help". To get help online, search for the help topic in the TechNet library at '
            "https:/go.microsoft.com/fwlink/?LinkID=107116.",
            "HelpNotFound",
            "ResourceUnavailable",
            None,
            "Microsoft.PowerShell.Commands.HelpNotFoundException",
        )
        return
    if not call.has("Parameter"):
        yield found
        return
    parts = found.get("parameters")
    items = parts.get("parameter") if isinstance(parts, PSObject) else []
    for one in items if isinstance(items, list) else []:
        if isinstance(one, PSObject) and matches_wildcard(call.text("Parameter"), str(one.get("name"))):
            yield one
