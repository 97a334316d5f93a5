"""`hil faults`: what can go wrong on purpose."""

from __future__ import annotations

from typing import Annotated

import typer

from harness.cli.table import echo_json, text_table
from harness.errors import ConfigError
from harness.faults import mode_of
from harness.plan.vocabulary import FAULTS

app = typer.Typer(no_args_is_help=True, rich_markup_mode=None, help="List what can go wrong on purpose.")


@app.callback()
def faults() -> None:
    """List what can go wrong on purpose, and what a lab must be able to do for it."""


@app.command("list")
def list_faults(
    as_json: Annotated[bool, typer.Option("--json", help="Machine-readable output.")] = False,
) -> None:
    """List the faults that plans may name, and which of them this version can inject."""
    known = {name: is_injectable(name) for name in FAULTS}
    if as_json:
        rows = [
            {
                "fault": name,
                "meaning": word.meaning,
                "lifetime": word.lifetime,
                "capability": word.capability,
                "takes_node_down": word.takes_node_down,
                "touches_storage": word.touches_storage,
                "injectable": known[name],
            }
            for name, word in FAULTS.items()
        ]
        echo_json(rows)
        return
    table = [(name, "yes" if known[name] else "-", word.capability, word.meaning) for name, word in FAULTS.items()]
    typer.echo(text_table(("fault", "can inject", "lab needs", "meaning"), table))
    typer.echo(f"{sum(known.values())} of {len(known)} can be injected by this version; a plan may name any")


def is_injectable(name: str) -> bool:
    """Is there an implementation?"""
    try:
        mode_of(name)
    except ConfigError:
        return False
    return True
