"""`hil lab`: list, show, release and check labs; bring one to its baseline, clean up after killed lab hosts."""

from __future__ import annotations

import errno
import json
import os
import socket
from collections.abc import Iterator
from dataclasses import asdict
from itertools import product
from typing import Annotated, Final

import typer

from harness.cli import labbaseline
from harness.cli.called import say
from harness.cli.doctor import LAB_ADDRESSES, Check, State
from harness.cli.doctor import show as show_checks
from harness.cli.labimage import app as image_app
from harness.cli.labstate import InstanceState, all_labs, find_instance, instance_table, lab_state
from harness.cli.table import echo_json
from harness.errors import ConfigError, HarnessError
from harness.exits import Exit
from harness.labs.hosting import end_host
from harness.labs.lease import LeaseStore
from harness.labs.models import LabFile, NestedLab, find_lab
from harness.labs.nested.image import image_ready, why_not_buildable
from harness.labs.start import how_to_host, why_not_hosted

app = typer.Typer(no_args_is_help=True, rich_markup_mode=None, help="List labs; lease, release and inspect instances.")
app.add_typer(image_app, name="image")

AsJson = Annotated[bool, typer.Option("--json", help="Machine-readable output.")]
LabName = Annotated[str, typer.Argument(metavar="LAB", help="Name of a lab, or path of its YAML file.")]

PRIVILEGED: Final = 1024


@app.command("list")
def list_labs(as_json: AsJson = False) -> None:
    """List all lab instances: who holds them, and whether they are hosted."""
    labs = all_labs()
    if as_json:
        echo_json([lab.plain() for lab in labs])
    else:
        typer.echo(instance_table(labs))


@app.command("show")
def show(lab: LabName, as_json: AsJson = False) -> None:
    """Show a lab file as the harness reads it, and its instances."""
    file = find_lab(lab)
    state = lab_state(file)
    plain = file.model_dump(mode="json", by_alias=True, exclude_none=True)
    if as_json:
        echo_json({**state.plain(), "file": plain})
        return
    lines = {
        "lab": f"{file.lab}  {file.title}",
        "kind": f"{file.kind}, clock {file.clock}"
        + (f", lab time zero {file.epoch.isoformat()}" if file.epoch else ""),
        "nodes": ", ".join(file.nodes),
        "guests": f"{len(file.guests)} ({file.guests[0]} … {file.guests[-1]})" if file.guests else "none",
        "versions": ", ".join(f"{name} {value}" for name, value in plain["versions"].items()),
        "capabilities": ", ".join(file.capabilities),
        "poll budget": str(plain["poll"]["budget"]),
        **({"nested": _nested_words(file.nested)} if file.nested else {}),
    }
    typer.echo("\n".join(f"{name + ':':<14}{text}" for name, text in lines.items()))
    typer.echo("\n" + instance_table([state]))


def _nested_words(nested: NestedLab) -> str:
    machines = f"{nested.processors} × {nested.domain_type}, {nested.memory_mib} MiB each"
    if nested.subject == "emulated":
        return f"a stand-in for the product (rehearsal), {machines}, scale {nested.scale:g}, {nested.uri}"
    return f"the product itself, {nested.uri}, snapshot {nested.snapshot or 'none'}"


@app.command("release")
def release(
    instance: Annotated[str, typer.Argument(metavar="INSTANCE", help="For example twin-4node#1.")],
    yes: Annotated[bool, typer.Option("--yes", help="Do it.")] = False,
) -> Exit:
    """End the lab host of an instance, take the lease away from its holder, and the taint off."""
    state = find_instance(instance)
    if state.is_untouched:
        typer.echo(f"{state.instance} is free already")
        return Exit.PASS
    say("\n".join(_consequences(state, "" if yes else "would ")))
    if not yes:
        typer.echo("nothing was done; add --yes")
        return Exit.USAGE
    LeaseStore().clear(state.instance)  # first, so that its holder is refused from now on
    end_host(state.instance)
    typer.echo(f"{state.instance} is free")
    return Exit.PASS


app.command("baseline")(labbaseline.baseline)
app.command("clean")(labbaseline.clean)


def _consequences(state: InstanceState, would: str) -> Iterator[str]:
    if state.host.alive and state.host.holder:
        yield f"{would}end the lab host of {state.instance} (process {state.host.holder.pid}); its state is lost"
    if state.is_kept and state.lease:
        yield f"{would}no longer keep it for {state.lease.purpose}, whose next leg finds nothing to go on with"
    elif state.is_held and state.lease:
        yield f"{would}take the lease away from {state.lease.holder} ({state.lease.purpose}), which loses the lab"
        if state.lease.purpose.startswith("run "):
            yield f"  kinder, since it undoes faults: hil run stop {state.lease.purpose.removeprefix('run ')} --yes"
    elif state.lease and state.lease.holder:
        yield f"{would}clear the lease that {state.lease.holder} left"
    if state.tainted:
        yield f"{would}take the taint off: {state.tainted}"


@app.command("doctor")
def doctor(lab: LabName, as_json: AsJson = False) -> Exit:
    """Check whether this machine can host a lab: its file loads, and what hosts it is here.

    For a simulated lab that is addresses and ports that can be bound, for a nested one libvirt and the node image.

    Exit 0 when it can; 4 when something needed is missing.
    """
    checks = list(check_lab(lab))
    if as_json:
        typer.echo(json.dumps({"schema": 1, "checks": [asdict(check) for check in checks]}, indent=2))
    else:
        show_checks(checks)
    lacking = [check.name for check in checks if check.needed and check.state is State.MISSING]
    if lacking:
        raise ConfigError(f"lab '{lab}' cannot be used here: {', '.join(lacking)}", hint="see the lines above")
    return Exit.PASS


def check_lab(name: str) -> Iterator[Check]:
    """One check after the other; what follows a lab file with mistakes is not asked."""
    try:
        lab = find_lab(name)
    except HarnessError as error:
        yield Check("lab file", State.MISSING, str(error), error.hint, needed=True)
        return
    yield Check("lab file", State.OK, f"{lab.lab}: {len(lab.nodes)} nodes, {len(lab.guests)} guests", needed=True)
    if why_not := why_not_hosted(lab):
        remedy = how_to_host(lab) or "hil lab list shows the kinds of the others"
        yield Check("provider", State.MISSING, why_not, remedy, needed=True)
        return
    yield check_port(lab) if lab.is_simulated else check_image()
    yield check_instances(lab)


def check_image() -> Check:
    """Is there the image from which nodes of an emulated lab boot, or can it be built?"""
    try:
        if image := image_ready():
            return Check("node image", State.OK, str(image.disk.parent), needed=True)
        lacks = why_not_buildable()
    except HarnessError as error:
        return Check("node image", State.MISSING, str(error), error.hint, needed=True)
    if lacks:
        return Check(
            "node image", State.MISSING, f"it cannot be built here: {lacks}", "bring what is missing", needed=True
        )
    found = "not built yet; the first start builds it, in a minute or two"
    return Check("node image", State.WARN, found, "hil lab image build")


def check_port(lab: LabFile) -> Check:
    """Can simulated nodes have addresses of their own with the lab's two WinRM ports?"""
    ports = {"winrm.port": lab.winrm.port, "winrm.tls_port": lab.winrm.tls_port}
    for key, port in ports.items():
        if port < PRIVILEGED and os.geteuid() != 0:
            remedy = f"choose one above 1023: {key}"
            return Check("winrm", State.MISSING, f"port {port} needs root", remedy, needed=True)
    for address, port in product(LAB_ADDRESSES, ports.values()):
        with socket.socket() as listener:
            listener.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
            try:
                listener.bind((address, port))
            except OSError as error:
                if error.errno == errno.EADDRINUSE:
                    found = f"{address}:{port} is in use; instances take the next free addresses"
                    return Check("winrm", State.WARN, found, "hil lab list shows ours", needed=True)
                remedy = "all of 127.0.0.0/8 must be local, as on any Linux; check `ip addr show lo`"
                return Check("winrm", State.MISSING, f"{address}:{port}: {error.strerror}", remedy, needed=True)
    shown = " and ".join(map(str, ports.values()))
    return Check("winrm", State.OK, f"{' and '.join(LAB_ADDRESSES)}, ports {shown}", needed=True)


def check_instances(lab: LabFile) -> Check:
    """Is an instance free?"""
    instances = lab_state(lab).instances
    free = [each.instance for each in instances if not (each.is_held or each.tainted)]
    if free:
        return Check("instances", State.OK, f"{len(free)} of {len(instances)} free")
    return Check("instances", State.WARN, "none is free", "hil lab list shows who holds them")
