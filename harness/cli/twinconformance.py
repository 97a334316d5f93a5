"""`hil twin conformance`: the twin's shell against what a real PowerShell did."""

from __future__ import annotations

from collections.abc import Mapping
from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Final

import typer

from harness import paths
from harness.cli.table import echo_json, text_table
from harness.errors import ConfigError
from harness.exits import Exit
from harness.report.wording import counted, shortened

if TYPE_CHECKING:
    from harness.labs.twin import Measured

_SHOWN: Final = 3
_LINE: Final = 200


def conformance(
    folder: Annotated[
        str | None, typer.Argument(metavar="[DIR]", help="Recorded cases (default: those of the checkout).")
    ] = None,
    shown: Annotated[
        int, typer.Option("--show", metavar="N", min=0, help="How many differences to show of each area.")
    ] = _SHOWN,
    as_json: Annotated[bool, typer.Option("--json", help="Machine-readable output.")] = False,
) -> Exit:
    """Run recorded cases on the twin's shell, and say how many agree in what.

    Counted are parse result, output (types and values), text, errors (id and category) and the other streams.  A case
    of which Windows PowerShell 5.1 is known to differ counts by windows-powershell-5.1.jsonl of the same directory;
    where that says nothing, it is not counted.  This measures and does not judge: the exit code is 0.
    """
    measured = measure(Path(folder) if folder is not None else paths.cases_dir())
    if as_json:
        echo_json(measured.plain())
        return Exit.PASS
    typer.echo(figures(measured))
    for line in first_differences(measured, shown):
        typer.echo(line)
    left_out = [name for area in measured.areas for name in area.not_counted]
    if left_out:
        typer.echo(
            f"not counted, since 5.1 differs and nobody wrote down how: {counted(len(left_out), 'case')}"
            f" ({', '.join(left_out[:_SHOWN])}{' …' if len(left_out) > _SHOWN else ''})"
        )
    return Exit.PASS


def measure(folder: Path) -> Measured:
    """Run the cases of a folder.  Raises ConfigError."""
    if not folder.is_dir():
        raise ConfigError(f"'{folder}' is no directory", hint="name one with *.expected.jsonl in it")
    from harness.labs.twin import measure_shell  # the whole twin: not for commands that do not need it

    return measure_shell(folder)


def figures(measured: Measured) -> str:
    """The table of all areas."""
    from harness.labs.twin import ASPECTS

    head = ("area", "cases", *ASPECTS, "all", "agree")
    rows = [
        (
            area.area,
            str(area.cases),
            *(str(area.agreeing(aspect)) for aspect in ASPECTS),
            str(area.all),
            percent(area.all, area.cases),
        )
        for area in measured.areas
    ]
    text = text_table(head, rows, right=head[1:])
    process = measured.process
    if process is not None:
        parts = [
            f"{name.replace('_', ' ')} {process.agreeing(name)}"
            for name in process.plain()
            if name not in ("cases", "all", "failing")
        ]
        text += f"\nthe program as a whole: {process.all} of {process.cases} starts agree ({', '.join(parts)})"
    return text


def percent(part: int, whole: int) -> str:
    """`96.9 %`, a dash of nothing."""
    return f"{100 * part / whole:.1f} %" if whole else "-"


def first_differences(measured: Measured, shown: int) -> list[str]:
    """The first difference of the first failing cases of each area."""
    groups: list[tuple[str, Mapping[str, Mapping[str, str]]]] = [(area.area, area.wrong) for area in measured.areas]
    if measured.process is not None:
        groups.append(("the program as a whole", measured.process.wrong))
    lines = []
    for name, wrong in groups:
        for case in list(wrong)[:shown]:
            aspect, difference = next(iter(wrong[case].items()))
            lines.append(f"  {case}: {aspect}: {shortened(difference, _LINE)}")
        if shown and len(wrong) > shown:
            lines.append(f"  … and {len(wrong) - shown} more of {name}")
    return lines
