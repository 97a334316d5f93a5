"""Which files of the harness the node service consists of: what it imports, and what that imports.

The imports are read, not carried out, so that nothing of the service runs here.  A module that is imported by a
computed name is not found.
"""

from __future__ import annotations

import ast
import sys
from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Final

from harness.errors import ConfigError

SERVICE: Final = "harness.twin.nodes.service"
PACKAGE: Final = "harness"


@dataclass(frozen=True, slots=True)
class ServiceCode:
    """Files by their path below the folder that Python searches, and the packages of others that they need.

    `foreign` has the top-level name of each, and the file that imports it first.
    """

    files: Mapping[str, Path]
    foreign: Mapping[str, str]


def import_closure(module: str, top: Path) -> ServiceCode:
    """All files of the package below `top` that come along when `module` is imported, whenever they would.

    Raises ConfigError when a module is missing or is no Python.
    """
    files: dict[str, Path] = {}
    waiting = [(module, "the node image")]
    while waiting:
        name, asked_by = waiting.pop()
        found = _file_of(name, top)
        if found is None:
            raise ConfigError(
                f"the module '{name}' is missing, which {asked_by} imports", hint="restore the file, or drop the import"
            )
        if (relative := found.relative_to(top).as_posix()) in files:
            continue
        files[relative] = found
        waiting += [(needed, relative) for needed in _needed(name, found, top)]
    return with_foreign(files)


def with_foreign(files: Mapping[str, Path]) -> ServiceCode:
    """Given files with the packages of others that they import when they are imported themselves.

    Raises ConfigError for a file that is no Python.
    """
    foreign: dict[str, str] = {}
    for relative, file in sorted(files.items()):
        if file.suffix == ".py":
            for node in _parsed(file).body:
                for name in _absolute_names(node):
                    if name not in sys.stdlib_module_names and name != PACKAGE:
                        foreign.setdefault(name, relative)
    return ServiceCode(dict(sorted(files.items())), foreign)


def _file_of(module: str, top: Path) -> Path | None:
    """The file of a module or package; None when there is none."""
    place = top.joinpath(*module.split("."))
    if (package := place / "__init__.py").is_file():
        return package
    return file if (file := place.with_name(f"{place.name}.py")).is_file() else None


def _needed(module: str, file: Path, top: Path) -> Iterator[str]:
    """The packages above a module, and what it imports anywhere in its text."""
    parts = module.split(".")
    yield from (".".join(parts[:count]) for count in range(1, len(parts)))
    package = parts if file.name == "__init__.py" else parts[:-1]
    for node in ast.walk(_parsed(file)):
        if isinstance(node, ast.Import):
            yield from (alias.name for alias in node.names if alias.name.partition(".")[0] == PACKAGE)
        elif isinstance(node, ast.ImportFrom):
            base = ".".join([*package[: len(package) + 1 - node.level], *([node.module] if node.module else [])])
            source = base if node.level else node.module or ""
            if source.partition(".")[0] == PACKAGE:
                yield source
                names = (f"{source}.{alias.name}" for alias in node.names)
                yield from (name for name in names if _file_of(name, top) is not None)


def _absolute_names(node: ast.stmt) -> Iterator[str]:
    """Top-level names of an import statement; what else a statement holds may be meant for other places."""
    if isinstance(node, ast.Import):
        yield from (alias.name.partition(".")[0] for alias in node.names)
    elif isinstance(node, ast.ImportFrom) and node.module and not node.level:
        yield node.module.partition(".")[0]


def _parsed(file: Path) -> ast.Module:
    try:
        return ast.parse(file.read_bytes(), filename=str(file))
    except SyntaxError as error:
        raise ConfigError(
            f"'{file}' is no Python: {error}", hint="correct it; it is a part of the node image"
        ) from error
