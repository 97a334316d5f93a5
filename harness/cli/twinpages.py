"""`hil twin docs`: the pages of the documentation that are made from the twin itself."""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from fnmatch import fnmatchcase
from pathlib import Path
from textwrap import fill
from typing import TYPE_CHECKING, Annotated, Any, Final

import typer
import yaml

from harness import paths
from harness.cli.twinconformance import measure, percent
from harness.errors import ConfigError
from harness.exits import Exit
from harness.report.wording import counted

if TYPE_CHECKING:
    from harness.labs.twin import CommandRow, Measured

CMDLETS: Final = "cmdlets.md"
CONFORMANCE: Final = "conformance.md"
WANTED: Final = "wanted_commands.yaml"
REASONS: Final = "reasons.yaml"
NO_REASON: Final = "-"
_MADE: Final = "<!-- Made by `hil twin docs`; do not edit. -->"
_PROGRAM: Final = "program"
_WIDTH: Final = 118
"""Characters of a line of the pages."""
_LANGUAGE: Final = "(no module)"


def docs(
    check: Annotated[bool, typer.Option("--check", help="Write nothing; say whether the pages are current.")] = False,
) -> Exit:
    """Write the reference pages about the twin's commands and its conformance anew.

    With --check nothing is written; exit code 4 when a page is not current.
    """
    for name, text in pages().items():
        file = paths.reference_dir() / name
        if check:
            if not file.is_file() or file.read_text(encoding="utf-8") != text:
                raise ConfigError(f"the page '{file}' is not current", hint="run: hil twin docs")
            continue
        paths.replace_file(file, text)
        typer.echo(f"wrote {file}")
    return Exit.PASS


def pages() -> dict[str, str]:
    """The pages by file name, as they should be."""
    from harness.labs.twin import shell_commands  # the whole twin: not for commands that do not need it

    cases = paths.cases_dir()
    return {
        CMDLETS: cmdlets_page(shell_commands(), read_wanted(paths.fixtures_dir() / "catalogs" / WANTED)),
        CONFORMANCE: conformance_page(measure(cases), Reasons(read_yaml(cases / REASONS)["reasons"])),
    }


def read_yaml(path: Path) -> dict[str, Any]:
    """A YAML file that ships with the harness."""
    loaded = yaml.safe_load(path.read_text(encoding="utf-8"))
    if not isinstance(loaded, dict) or loaded.get("schema") != 1:
        raise ConfigError(f"'{path}' is of no schema that this version reads", hint="take it from the same checkout")
    return loaded


# --- commands ---------------------------------------------------------------------------------------------------------


@dataclass(frozen=True, slots=True)
class Wanted:
    """A command that somebody may want: in how many blocks of guides, and why it is not there (empty: nobody said).

    ``elsewhere``: a real node does not have it either.
    """

    name: str
    blocks: int
    because: str
    elsewhere: bool = False


@dataclass(frozen=True, slots=True)
class Wants:
    """The commands that guides use, those of most blocks first, and those that the reference of the domain names."""

    guides: list[Wanted]
    reference: list[Wanted]


def read_wanted(path: Path) -> Wants:
    """Both lists, with the reasons."""
    loaded = read_yaml(path)
    reasons = {
        name.lower(): (name, group["because"], group.get("elsewhere", False))
        for group in loaded["missing"]
        for name in group["commands"]
    }

    def wanted(name: str, blocks: int) -> Wanted:
        spelled, because, elsewhere = reasons.get(name.lower(), (name, "", False))
        return Wanted(spelled, blocks, because, elsewhere)

    return Wants(
        [wanted(name, blocks) for name, blocks in loaded["blocks"].items()],
        [wanted(name, 0) for name in loaded["reference"]],
    )


def missing_commands(wanted: Iterable[Wanted]) -> list[Wanted]:
    """Those of them that no simulated machine knows."""
    from harness.labs.twin import shell_knows

    return [each for each in wanted if not shell_knows(each.name)]


def cmdlets_page(rows: Sequence[CommandRow], wants: Wants) -> str:
    """`docs/reference/cmdlets.md`."""
    nodes, guests = (len({row.name for row in rows if where in row.where}) for where in ("nodes", "guests"))
    lines = [
        "# Commands of the simulated machines",
        "",
        _MADE,
        "",
        _paragraph(
            f"Nodes know {nodes} commands and programs, managed guests {guests}. Beside the parameters named here a "
            "command takes the common ones (`-ErrorAction`, `-Verbose` …). A parameter that is not named fails as an "
            "unknown one does on Windows. Where nodes and guests have different commands of one name, each has its "
            "line. `hil twin check` finds what a script uses beyond this; what the whole twin models is in "
            "[The twin](../explanation/twin.md)."
        ),
    ]
    for module in sorted({row.module for row in rows}, key=_module_order):
        own = [row for row in rows if row.module == module]
        lines += ["", f"## {_module_title(module)}", "", "| Command | On | Parameters |", "|---|---|---|"]
        lines += [f"| `{row.name}` | {row.where} | {_parameters(row)} |" for row in own]
    return "\n".join([*lines, *_not_there(wants)])


def _not_there(wants: Wants) -> list[str]:
    """What of both lists is known, in numbers, and by name what is not."""
    guides, reference = missing_commands(wants.guides), missing_commands(wants.reference)
    return [
        "",
        "## Not there",
        "",
        _paragraph(
            f"The published troubleshooting guides use {counted(len(wants.guides), 'name')} in three of their "
            f"PowerShell blocks or more; {_share(wants.guides, guides)} An unknown command fails as on Windows, with "
            "`CommandNotFoundException`."
        ),
        "",
        "| Command | Blocks | On a node | Why |",
        "|---|---|---|---|",
        *(f"| `{each.name}` | {each.blocks} | {_there(each)} | {each.because or NO_REASON} |" for each in guides),
        "",
        _paragraph(
            f"The reference of the domain names {counted(len(wants.reference), 'command')}; "
            f"{_share(wants.reference, reference)}"
        ),
        "",
        "| Command | On a node | Why |",
        "|---|---|---|",
        *(f"| `{each.name}` | {_there(each)} | {each.because or NO_REASON} |" for each in reference),
        "",
    ]


def _share(wanted: Sequence[Wanted], missing: Sequence[Wanted]) -> str:
    known = len(wanted) - len(missing)
    absent = sum(each.elsewhere for each in missing)
    return (
        f"{known} of them are known ({percent(known, len(wanted))}), these {len(missing)} are not. A real node does "
        f"not have {absent} of those either; of the others {percent(known, len(wanted) - absent)} are known."
    )


def _there(each: Wanted) -> str:
    return "no" if each.elsewhere else "yes"


def _paragraph(text: str) -> str:
    return fill(text, _WIDTH, break_long_words=False, break_on_hyphens=False)


def _module_order(module: str) -> tuple[bool, bool, str]:
    return module == _PROGRAM, not module.startswith("Microsoft.PowerShell"), module.lower()


def _module_title(module: str) -> str:
    return "Programs" if module == _PROGRAM else module or _LANGUAGE


def _parameters(row: CommandRow) -> str:
    return " ".join(f"`-{name}`" for name in row.parameters) or "-"


# --- conformance ------------------------------------------------------------------------------------------------------


class Reasons:
    """Why cases do not agree, as written down by hand: the first entry that fits an id."""

    def __init__(self, entries: Sequence[Mapping[str, Any]]) -> None:
        self._entries = [(pattern, str(entry["because"])) for entry in entries for pattern in entry["cases"]]

    def of(self, case: str) -> str:
        """The reason of a case; empty when there is none."""
        return next((because for pattern, because in self._entries if fnmatchcase(case, pattern)), "")


def conformance_page(measured: Measured, reasons: Reasons) -> str:
    """`docs/reference/conformance.md`."""
    lines = [
        "# Conformance of the shell",
        "",
        _MADE,
        "",
        _paragraph(
            "The shell of the simulated machines against recordings of a real PowerShell engine. What was recorded, "
            "how near that is to Windows PowerShell 5.1, and what is compared: "
            "[README of the cases](../../tests/data/pwsh-cases/README.md). To measure again: `hil twin conformance`. "
            "A case that is not explained here was not looked into yet."
        ),
        "",
        *_figures(measured),
    ]
    for area in measured.areas:
        lines += ["", f"## {area.area}", ""]
        lines += _failing(area.wrong, reasons, f"All {area.cases} cases agree.")
        if area.not_counted:
            names = ", ".join(f"`{name}`" for name in area.not_counted)
            lines += [
                "",
                "Not counted, since 5.1 differs from the recording and nobody knows well enough how:",
                f"{names}.",
            ]
    if measured.process is not None:
        lines += ["", "## The program as a whole", ""]
        lines += _failing(measured.process.wrong, reasons, "All starts agree.")
    return "\n".join([*lines, ""])


def _figures(measured: Measured) -> list[str]:
    from harness.labs.twin import ASPECTS

    lines = [
        f"| Area | Cases | {' | '.join(aspect.capitalize() for aspect in ASPECTS)} | All | Agree |",
        "|---|" + "---:|" * (len(ASPECTS) + 3),
    ]
    for area in measured.areas:
        numbers = [area.cases, *(area.agreeing(aspect) for aspect in ASPECTS), area.all]
        lines.append(f"| {area.area} | {' | '.join(map(str, numbers))} | {percent(area.all, area.cases)} |")
    if measured.process is not None:
        process = measured.process
        lines += ["", f"Of {process.cases} starts of the console program {process.all} agree."]
    return lines


def _failing(wrong: Mapping[str, Mapping[str, str]], reasons: Reasons, none: str) -> list[str]:
    if not wrong:
        return [none]
    rows = [f"| `{case}` | {_kind(found)} | {reasons.of(case) or NO_REASON} |" for case, found in wrong.items()]
    return ["| Case | First difference | Why |", "|---|---|---|", *rows]


def _kind(found: Mapping[str, str]) -> str:
    aspect, difference = next(iter(found.items()))
    return "crash" if difference.startswith("crash: ") else aspect.replace("_", " ")
