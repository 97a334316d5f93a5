"""`hil demo`: the demo plan, exactly as `hil run start demo` runs it."""

from __future__ import annotations

from typing import Annotated, Final

import typer

from harness.cli.called import say
from harness.cli.starting import Order, run_session
from harness.exits import Exit
from harness.paths import plans_dir, reports_dir

PLAN: Final = "demo.yaml"

app = typer.Typer()


@app.command()
def demo(
    as_json: Annotated[bool, typer.Option("--json", help="Print the results as JSON.")] = False,
    workers: Annotated[
        int | None, typer.Option("-n", metavar="N", min=1, help="Scenarios at the same time (default: as many as fit).")
    ] = None,
) -> Exit:
    """Run the demo plan on the simulated cluster and write its report.

    Nothing outside this machine is touched.  Exit code: that of the worst verdict.
    """
    code = run_session(Order(plan=str(plans_dir() / PLAN), workers=workers), as_json=as_json)
    if not as_json:
        say(f"  open it in a browser; it is also at {reports_dir() / 'last' / 'index.html'}")
        say("  what happened in one run: hil run list, then hil run show RUN")
    return code
