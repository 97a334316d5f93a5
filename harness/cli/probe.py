"""`hil probe`: watching guests from outside, and what is put into them for that."""

from __future__ import annotations

import typer

from harness.cli import probeagent

app = typer.Typer(no_args_is_help=True, rich_markup_mode=None, help="Watch guests over the network.")


@app.callback()
def probe() -> None:
    """Watch guests over the network."""


app.add_typer(probeagent.app, name="agent")
