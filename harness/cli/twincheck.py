"""`hil twin check`: what simulated machines would not understand, before a script goes near one."""

from __future__ import annotations

from collections import Counter
from dataclasses import dataclass
from enum import StrEnum
from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Any

import typer

from harness.cli.scripttext import read_scripts
from harness.cli.table import echo_json
from harness.exits import Exit
from harness.report.wording import counted

if TYPE_CHECKING:
    from harness.labs.twin import Finding

_KINDS = ("parse-error", "unknown-command", "unknown-parameter", "unsupported")


class Machines(StrEnum):
    """Kinds of machines that a script is meant for."""

    ANY = "any"
    NODES = "nodes"
    GUESTS = "guests"


@dataclass(frozen=True, slots=True)
class FileFindings:
    """What was found in one file, each finding with its line and column there."""

    file: str
    found: tuple[tuple[int, int, Finding], ...]

    def plain(self) -> dict[str, Any]:
        """As JSON: the names by kind, each once, and every single finding."""
        names: dict[str, dict[str, None]] = {kind: {} for kind in _KINDS}
        for _, _, finding in self.found:
            names[finding.kind][finding.name] = None
        return {
            "file": self.file,
            "parse_errors": [
                {"id": finding.name, "line": line, "column": column, "message": finding.message}
                for line, column, finding in self.found
                if finding.kind == "parse-error"
            ],
            "unknown_commands": list(names["unknown-command"]),
            "unknown_parameters": list(names["unknown-parameter"]),
            "unsupported": list(names["unsupported"]),
            "findings": [
                {
                    "kind": finding.kind.value,
                    "name": finding.name,
                    "line": line,
                    "column": column,
                    "message": finding.message,
                    "suggestion": finding.suggestion,
                }
                for line, column, finding in self.found
            ],
        }

    def lines(self) -> list[str]:
        """For people: `file:line:column: message (did you mean …?)`."""
        return [f"{self.file}:{line}:{column}: {_said(finding)}" for line, column, finding in self.found]


def _said(finding: Finding) -> str:
    head = f"{finding.name}: " if finding.kind == "parse-error" else ""
    meant = f" (did you mean '{finding.suggestion}'?)" if finding.suggestion else ""
    return f"{head}{finding.message}{meant}"


def check(
    files: Annotated[
        list[str], typer.Argument(metavar="FILE…", help="Scripts, or Markdown files with fenced PowerShell blocks.")
    ],
    machines: Annotated[
        Machines, typer.Option("--on", help="On which machines the scripts are meant to run; either will do for 'any'.")
    ] = Machines.ANY,
    as_json: Annotated[bool, typer.Option("--json", help="Machine-readable output.")] = False,
) -> Exit:
    """Say what simulated machines would not understand in scripts.  Runs nothing; exit code 4 when something is found.

    Found are PowerShell's own parse errors, commands and parameters that neither nodes nor guests know, and constructs
    that their shell does not support.  Functions and aliases of the same file count as known.
    """
    found = check_files([Path(file) for file in files], machines)
    if as_json:
        echo_json({"files": [each.plain() for each in found]})
    else:
        for line in (line for each in found for line in each.lines()):
            typer.echo(line)
        counts = Counter(finding.kind.value for each in found for _, _, finding in each.found)
        words = [counted(counts[kind], kind.replace("-", " ")) for kind in _KINDS[:3]]
        words.append(counted(counts["unsupported"], "unsupported construct"))
        typer.echo(", ".join([f"{counted(len(found), 'file')} checked", *words]))
    return Exit.USAGE if any(each.found for each in found) else Exit.PASS


def check_files(paths: list[Path], machines: Machines = Machines.ANY) -> list[FileFindings]:
    """Check files, each for itself.  Raises ConfigError for one that cannot be read, before any is checked."""
    scripts = [(path, read_scripts(path)) for path in paths]
    from harness.labs.twin import check_powershell  # the whole twin: not for commands that do not need it

    wanted = "" if machines is Machines.ANY else machines.value
    checked = []
    for path, blocks in scripts:
        found = [
            (*block.place(finding.line, finding.column), finding)
            for block, findings in zip(blocks, check_powershell([block.text for block in blocks], wanted), strict=True)
            for finding in findings
        ]
        checked.append(FileFindings(str(path), tuple(found)))
    return checked
