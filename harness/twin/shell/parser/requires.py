"""``#requires`` lines: what a script asks for before it runs."""

from __future__ import annotations

import re
from collections.abc import Callable
from dataclasses import replace

from harness.twin.shell.ast import (
    Ast,
    CommandAst,
    CommandParameterAst,
    ConstantExpressionAst,
    ExpressionAst,
    Extent,
    ScriptRequirements,
    StringConstantExpressionAst,
)
from harness.twin.shell.parser.constants import is_constant
from harness.twin.shell.parser.core import ParserCore
from harness.twin.shell.parser.tokens import SubText

_VERSION = re.compile(r"\d+(\.\d+){0,3}")
_NAMES = ("runasadministrator", "shellid", "pssnapin", "psedition", "version", "assembly", "modules")


def read_requirements(parser: ParserCore, read_command: Callable[[], CommandAst | None]) -> ScriptRequirements | None:
    """All ``#requires`` lines of the text together; ``None`` without any."""
    lines = [parser.scanner.requires[start] for start in sorted(parser.scanner.requires)]
    if not lines:
        return None
    found = ScriptRequirements()
    for extent in lines:
        saved = parser.scanner.enter(SubText(parser.source.text[extent.start + 1 : extent.end], extent.start + 1))
        command = read_command()
        parser.ungot = None
        parser.scanner.leave(saved)
        if command is not None:
            found = _add_line(parser, command, found)
    return found


def _add_line(parser: ParserCore, command: CommandAst, found: ScriptRequirements) -> ScriptRequirements:
    elements = list(command.elements[1:])
    snap_in = any(isinstance(e, CommandParameterAst) and _full_name(e) == "pssnapin" for e in elements)
    while elements:
        element = elements.pop(0)
        if not isinstance(element, CommandParameterAst):
            parser.error(element, "ScriptRequiresInvalidFormat")
            continue
        value: Ast | None = element.argument
        if value is None and elements and isinstance(elements[0], ExpressionAst):
            value = elements.pop(0)
        found = _add_parameter(parser, element, value, found, snap_in=snap_in)
    return found


def _full_name(parameter: CommandParameterAst) -> str | None:
    return next((name for name in _NAMES if name.startswith(parameter.name.lower())), None)


def _add_parameter(
    parser: ParserCore,
    parameter: CommandParameterAst,
    value: Ast | None,
    found: ScriptRequirements,
    *,
    snap_in: bool,
) -> ScriptRequirements:
    name = _full_name(parameter)
    if name == "runasadministrator":
        if value is not None:
            parser.error(parameter, "ParameterCannotHaveArgument", parameter.name)
        return replace(found, run_as_administrator=True)
    if value is None:
        parser.error(parameter, "ParameterRequiresArgument", parameter.name)
        return found
    if not is_constant(value):
        parser.error(value, "RequiresArgumentMustBeConstant")
        return found
    if name == "version":
        return found if snap_in else _add_version(parser, parameter.extent, value, found)
    if name == "modules":
        return replace(found, modules=(*found.modules, parser.source.slice(value.extent)))
    if name == "assembly":
        return found
    if name is None:
        parser.error(parameter, "ScriptRequiresInvalidFormat")
        return found
    return _add_text(parser, parameter.extent, name, value, found)


def _add_version(parser: ParserCore, place: Extent, value: Ast, found: ScriptRequirements) -> ScriptRequirements:
    is_text = isinstance(value, StringConstantExpressionAst)
    text = value.value if isinstance(value, StringConstantExpressionAst) else parser.source.slice(value.extent)
    if not (is_text or isinstance(value, ConstantExpressionAst)) or not _VERSION.fullmatch(text):
        parser.error(value, "RequiresVersionInvalid")
        return found
    version = text if "." in text else f"{text}.0"
    if found.version is not None and found.version != version:
        parser.error(place, "ParameterAlreadyBound", "version")
        return found
    return replace(found, version=version)


def _add_text(
    parser: ParserCore, place: Extent, name: str, value: Ast, found: ScriptRequirements
) -> ScriptRequirements:
    if not isinstance(value, StringConstantExpressionAst):
        parser.error(value, "RequiresInvalidStringArgument", name)
        return found
    if name == "pssnapin":
        return replace(found, snap_ins=(*found.snap_ins, value.value))
    if (found.shell_id if name == "shellid" else found.edition) is not None:
        parser.error(place, "ParameterAlreadyBound", name)
        return found
    return replace(found, shell_id=value.value) if name == "shellid" else replace(found, edition=value.value)
