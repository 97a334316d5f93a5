"""`hil bench`: how fast the harness is on this machine, next to a peer in the same run."""

from __future__ import annotations

from collections.abc import Sequence
from typing import TYPE_CHECKING, Annotated

import typer

from harness.cli.called import say
from harness.cli.table import echo_json, text_table
from harness.exits import Exit

if TYPE_CHECKING:
    from harness.bench.figures import Figure

app = typer.Typer(
    no_args_is_help=True,
    rich_markup_mode=None,
    help="Measure how fast the harness is on this machine, next to a peer in the same run.",
)

AsJson = Annotated[bool, typer.Option("--json", help="Machine-readable output.")]
ROUNDS = 150
HOLDS = 40


@app.callback()
def _bench() -> None:
    """A group, whatever the number of its commands."""


@app.command("shell")
def shell(
    rounds: Annotated[
        int, typer.Option("--rounds", metavar="N", min=1, help="How often each thing is measured.")
    ] = ROUNDS,
    as_json: AsJson = False,
) -> Exit:
    """The simulated machines' PowerShell: parser, commands over WinRM, memory of a hundred idle nodes.

    Takes about half a minute.  Leave the machine alone meanwhile: what else it does counts.
    Exit code 1 when a figure misses its limit.
    """
    from harness.bench.shell import measure  # the whole twin and two clients: not for commands that do not need them

    figures = measure(rounds, lambda text: typer.echo(f"… {text}", err=True))
    return _show(figures, as_json)


@app.command("probe")
def probe(as_json: AsJson = False) -> Exit:
    """The availability prober: cost of a probe, rate, exactness of outages, stalls, memory; beside fping and others.

    Takes about five minutes, needs root and iproute2 (guests are played in network namespaces of its own).  Leave the
    machine alone meanwhile.  A figure that cannot be measured here is shown as not-run, with what is missing.
    Exit code 1 when a figure misses its limit.
    """
    from harness.bench.probe import measure  # numpy and the sampler: not for commands that do not need them

    return _show(measure(lambda text: typer.echo(f"… {text}", err=True)), as_json)


@app.command("nested")
def nested(
    holds: Annotated[int, typer.Option("--holds", metavar="N", min=1, help="How many events are held.")] = HOLDS,
    as_json: AsJson = False,
) -> Exit:
    """Nested labs: how soon after an event its node stands still, and how soon a fault is in.

    Takes about a minute, needs root, libvirt and QEMU (`./hil --nested bench nested`).  Leave the machine alone
    meanwhile.  Without them its figures are shown as not-run, with what is missing.
    Exit code 1 when a figure misses its limit, 10 when none could be measured.
    """
    from harness.bench.nested import measure  # labs and libvirt: not for commands that do not need them

    figures = measure(holds, lambda text: typer.echo(f"… {text}", err=True))
    shown = _show(figures, as_json)
    return Exit.LAB if all(figure.value is None for figure in figures) else shown


def _show(figures: Sequence[Figure], as_json: bool) -> Exit:
    if as_json:
        echo_json([figure.plain() for figure in figures])
    else:
        say(_table(figures))
    return Exit.PRODUCT if any(figure.ok is False for figure in figures) else Exit.PASS


def _table(figures: Sequence[Figure]) -> str:
    head = ["figure", "value", "unit", "limit", "", "peer", "peer's", "ratio"]
    rows = []
    for figure in figures:
        ok = "not-run" if figure.ok is None else "ok" if figure.ok else "missed"
        sign = "≥" if figure.bound == "at least" else "≤"
        cells = [_number(figure.value), figure.unit, f"{sign} {figure.limit:g}{' ×' if figure.on_ratio else ''}", ok]
        rows.append([figure.name, *cells, figure.peer, _number(figure.peer_value), _number(figure.ratio)])
    remarks = [f"{figure.name}: {figure.remark}" for figure in figures if figure.remark]
    table = text_table(head, rows, right=["value", "limit", "peer's", "ratio"], whole=True)
    return "\n".join([table, "", *remarks])


def _number(value: float | None) -> str:
    if value is None:
        return "-"
    return f"{value:,.0f}" if value >= 1000 else f"{value:.3g}"
