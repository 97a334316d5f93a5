"""`hil twin`: serve a simulated lab outside of any plan, and grant it lab time."""

from __future__ import annotations

import json
from typing import Annotated

import typer

from harness.cli import serving, twincheck, twinconformance, twinpages, twinshell
from harness.cli.called import say
from harness.cli.interrupts import Interrupts
from harness.cli.table import echo_json, text_table
from harness.clock import NS_PER_S
from harness.errors import ConfigError
from harness.exits import Exit
from harness.labs.models import LabFile, find_lab
from harness.plan.quantity import parse_duration
from harness.plan.text import TextError
from harness.report.wording import hours_text

app = typer.Typer(
    no_args_is_help=True, rich_markup_mode=None, help="Serve the simulated cluster, and grant it lab time."
)

AsJson = Annotated[bool, typer.Option("--json", help="Machine-readable output.")]


@app.command("serve")
def serve(
    lab: Annotated[str, typer.Argument(metavar="LAB", help="Name of a lab, or path of its YAML file.")],
    number: Annotated[
        int | None,
        typer.Option("--instance", metavar="N", help="Number of the instance (default: the first free one)."),
    ] = None,
    clock: Annotated[
        str | None, typer.Option("--clock", metavar="CLOCK", help="virtual, scaled:60 or real, instead of the file's.")
    ] = None,
    seed: Annotated[int | None, typer.Option("--seed", metavar="S", min=0, help="Seed instead of the file's.")] = None,
    as_json: AsJson = False,
) -> Exit:
    """Host a simulated lab, print how to reach it, and serve until Ctrl-C or SIGTERM.

    Any WinRM client can use it.  With --json the first line of output is one JSON object.  On a virtual clock lab time
    stands until `hil twin advance` grants some.
    """
    file = serving.with_clock(_simulated(find_lab(lab)), clock)
    with Interrupts() as interrupts:
        instances = serving.instance_names(file, number)
        service = serving.Service(file, instances, file.default_seed if seed is None else seed)
        try:
            if as_json:
                typer.echo(json.dumps(service.describe(), ensure_ascii=False))
            else:
                say(_readable(service))
            service.serve(lambda: interrupts.count == 0)
        finally:
            service.release()
    typer.echo(f"{service.lease.instance} was given back", err=True)
    return Exit.PASS


def _simulated(lab: LabFile) -> LabFile:
    """Raises ConfigError for a lab that is not simulated: this noun is about the twin alone."""
    if not lab.is_simulated:
        raise ConfigError(f"lab '{lab.lab}' is of kind '{lab.kind}', not simulated", hint="see: hil lab list")
    return lab


def _readable(service: serving.Service) -> str:
    lab = service.lab
    endpoints = service.endpoints()
    rows = [(each.node, each.url, each.tls_url, each.username, each.password) for each in endpoints]
    lines = [
        f"{service.lease.instance}: {len(lab.nodes)} nodes, {len(lab.guests)} guests, clock {service.file.clock}",
        text_table(("node", "url", "with TLS", "username", "password"), rows, whole=True),
        f"certificates are signed by: {endpoints[0].ca_file}",
    ]
    guests = [(each.node, each.url, each.username, each.password) for each in service.guest_endpoints()]
    if guests:
        lines.append(text_table(("guest", "url", "username", "password"), guests, whole=True))
    if not lab.clock.flows:
        lines.append(f"lab time stands; to let it pass: hil twin advance 10m --instance '{service.lease.instance}'")
    lines.append("serving until Ctrl-C")
    return "\n".join(lines)


@app.command("advance")
def advance(
    duration: Annotated[str, typer.Argument(metavar="DURATION", help="Lab time, e.g. 10m, 90s or 2h30m.")],
    instance: Annotated[
        str | None, typer.Option("--instance", metavar="INSTANCE", help="Which one, where several are served.")
    ] = None,
    as_json: AsJson = False,
) -> Exit:
    """Grant lab time to a served lab on a virtual clock, and print the lab time reached."""
    try:
        length = parse_duration(duration)
    except TextError as error:
        raise ConfigError(f"'{duration}' is no duration: {error.message}", hint="for example 10m") from error
    with Interrupts() as interrupts:
        granted = serving.grant(serving.served(instance), length, lambda: interrupts.count == 0)
    plain = granted.plain()
    if as_json:
        echo_json(plain)
    else:
        since = hours_text(granted.reached_ns / NS_PER_S)
        typer.echo(f"{granted.instance}: lab time {plain['lab_time']}, {since} after its zero")
    return Exit.PASS if plain["complete"] else Exit.INTERRUPTED


app.command("shell")(twinshell.shell)
app.command("check")(twincheck.check)
app.command("conformance")(twinconformance.conformance)
app.command("docs")(twinpages.docs)
