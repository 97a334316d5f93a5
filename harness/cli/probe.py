"""`hil probe`: watch guests over the network, and read what was seen."""

from __future__ import annotations

from dataclasses import asdict
from datetime import timedelta
from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Final

import typer

from harness import paths
from harness.cli import probeagent
from harness.cli.called import say
from harness.cli.interrupts import Interrupts
from harness.cli.table import echo_json, text_table
from harness.clock import Deadline, utc_now
from harness.errors import ConfigError
from harness.exits import Exit
from harness.judge.case import COVERAGE_FLOOR
from harness.measure.ledger_document import ledger_document, ledger_text
from harness.measure.states import states_of
from harness.measure.units import seconds
from harness.paths import LEDGER_NAME, PAGE_NAME
from harness.plan.quantity import parse_duration
from harness.plan.text import TextError, closest
from harness.probes.independence import ClusterUnderTest, Need, objections, surroundings
from harness.probes.recording import FILE_NAME, Recording, read_recording
from harness.probes.target_file import ProbeFile, load_probe_file

if TYPE_CHECKING:
    from harness.measure.ledger import Ledger, VmLedger
    from harness.probes.prober import Prober
    from harness.probes.sampler import SamplerHealth
    from harness.values import SampleWindow

app = typer.Typer(
    no_args_is_help=True, rich_markup_mode=None, help="Watch guests over the network, and read what was seen."
)

Targets = Annotated[Path, typer.Argument(metavar="FILE", help="Probe file: docs/reference/probe-file.md.")]
Folder = Annotated[Path, typer.Argument(metavar="FOLDER", help="Folder of a recording, or its samples.jsonl.")]
AsJson = Annotated[bool, typer.Option("--json", help="Machine-readable output.")]
SHOWN: Final = 20
"""Guests in the table of a ledger, unless all are asked for."""


app.add_typer(probeagent.app, name="agent")


@app.callback()
def probe() -> None:
    """Watch guests over the network, and read what was seen."""


@app.command()
def check(file: Targets, as_json: AsJson = False) -> Exit:
    """Say whether this machine may watch the guests of a probe file, and what it cannot do.

    Exit code 10 when it must not: it is one of these guests, or needs one as name server, domain controller or gateway.
    """
    from harness.probes.permission import permission
    from harness.probes.prober import check_beforehand

    watched = load_probe_file(file)
    check_beforehand(watched)
    against, allowed = _against(watched), permission()
    if as_json:
        found = {"icmp": allowed.icmp, "half_open": allowed.half_open, "against": against}
        echo_json({"guests": len(watched.guests), **found})
    else:
        typer.echo(f"{watched.name}: {len(watched.guests)} guests, every {watched.interval_ns / 1e6:g} ms")
        typer.echo(f"ICMP: {'yes' if allowed.icmp else 'not allowed'}")
        typer.echo(f"TCP: {'half-open' if allowed.half_open else 'by whole connections'}")
        for text in against:
            typer.echo(f"refused: {text}")
    return Exit.LAB if against else Exit.PASS


@app.command()
def run(
    file: Targets,
    length: Annotated[
        str, typer.Option("--for", metavar="TIME", help="How long: 90s, 4h.  Without: until Ctrl-C.")
    ] = "",
    out: Annotated[Path | None, typer.Option("--out", metavar="FOLDER", help="New folder for the recording.")] = None,
    as_json: AsJson = False,
) -> Exit:
    """Watch the guests of a probe file until the time is over, or until Ctrl-C, and make their ledger.

    What is seen is on the disk fifteen seconds later, a minute with thousands of guests: a killed prober loses no more.
    """
    from harness.probes.prober import Prober, check_beforehand

    watched = load_probe_file(file)
    lasts = _length(length)
    against = _against(watched)
    if against:
        raise ConfigError(
            f"this machine must not watch '{watched.name}': {'; '.join(against)}",
            hint="start it on a machine outside of the cluster that uses no server inside",
        )
    check_beforehand(watched)
    folder = out or paths.reports_dir() / "probes" / f"{utc_now():%Y%m%d-%H%M%S}.{watched.name}"
    _make(folder)
    prober = Prober(watched, folder)
    for text in prober.lost:
        typer.echo(f"without: {text}", err=True)
    typer.echo(f"watching {len(watched.guests)} guests into {folder}; Ctrl-C ends it", err=True)
    try:
        _watch(prober, lasts)
        for text in prober.heartbeats_told():
            typer.echo(text, err=True)
    finally:
        prober.close()
    recording = read_recording(folder)
    _write(folder, recording)
    _show(recording, as_json, every=False)
    typer.echo(f"report: {folder / PAGE_NAME}", err=True)
    return Exit.PASS


@app.command()
def report(folder: Folder) -> Exit:
    """Make ledger, timeline and page of a recording again from its samples."""
    place = folder if folder.is_dir() else folder.parent
    _write(place, read_recording(folder))
    typer.echo(place / PAGE_NAME)
    return Exit.PASS


def _write(folder: Path, recording: Recording) -> None:
    from harness.report.record import watch_record  # pages and their templates: not for commands that make none
    from harness.report.run import write_pages

    made = recording.ledger()
    paths.replace_file(folder / LEDGER_NAME, ledger_text(made))
    header = recording.header
    nodes = list(dict.fromkeys(guest["node"] for guest in header.guests if guest["node"]))
    lab = {"nodes": nodes, "epoch": header.epoch.isoformat(), "guests": [dict(guest) for guest in header.guests]}
    write_pages(folder, watch_record(ledger_document(made), recording.windows, name=header.name, lab=lab))


def _make(folder: Path) -> None:
    if (folder / FILE_NAME).exists():
        raise ConfigError(f"'{folder}' holds a recording already", hint="give --out another folder")
    try:
        folder.mkdir(parents=True, exist_ok=True)
    except OSError as error:
        raise ConfigError(f"cannot make '{folder}': {error.strerror}", hint="give --out a folder of yours") from error


def _watch(prober: Prober, lasts: timedelta | None) -> None:
    """Run the prober until the time is over or the operator wants it to end."""
    deadline = None if lasts is None else Deadline.after(lasts.total_seconds())
    with Interrupts() as interrupts:
        prober.run(
            lambda: interrupts.count > 0 or (deadline is not None and deadline.expired()),
            lambda window, health: typer.echo(_progress(window, health), err=True),
        )


def _progress(window: SampleWindow, health: SamplerHealth) -> str:
    away = {run.vm for run in window.runs if run.answer == "lost"}
    named = ", ".join(sorted(away)[:5]) + (f" and {len(away) - 5} more" if len(away) > 5 else "")
    told = f"lost probes of {len(away)} guests ({named})" if away else "all probes answered"
    own = f"{health.missed} of {health.due} probes missed, {len(health.stalls)} stalls"
    return f"{seconds(window.to_ns):8.0f} s  {told}; {own}"


@app.command()
def ledger(
    folder: Folder,
    as_json: AsJson = False,
    every: Annotated[bool, typer.Option("--all", help="All guests, not only those that were away longest.")] = False,
    guest: Annotated[str, typer.Option("--guest", metavar="NAME", help="The states of this guest over time.")] = "",
    same: Annotated[
        bool, typer.Option("--check", help="Compare with the ledger.json beside it; exit code 3 if they differ.")
    ] = False,
) -> Exit:
    """Make the ledger of a recording again from its samples, and show it."""
    recording = read_recording(folder)
    if same:
        return _compare(folder, recording)
    if guest:
        _show_guest(recording.ledger(), guest, as_json)
        return Exit.PASS
    _show(recording, as_json, every=every)
    return Exit.PASS


def _compare(folder: Path, recording: Recording) -> Exit:
    beside = (folder if folder.is_dir() else folder.parent) / LEDGER_NAME
    if not beside.is_file():
        raise ConfigError(
            f"'{beside}' does not exist",
            hint="hil probe run writes it at its end; hil probe report FOLDER makes it again",
        )
    equal = beside.read_bytes() == ledger_text(recording.ledger()).encode()
    typer.echo("same, byte for byte" if equal else f"'{beside}' is not what its samples say")
    return Exit.PASS if equal else Exit.HARNESS


def _show(recording: Recording, as_json: bool, *, every: bool) -> None:
    made = recording.ledger()
    if as_json:
        echo_json(ledger_document(made))
        return
    say(_table(made, every=every))
    if recording.torn:
        typer.echo("the last line was cut off and is left out")


def _show_guest(made: Ledger, name: str, as_json: bool) -> None:
    vm = next((each for each in made.vms if each.vm.casefold() == name.casefold()), None)
    if vm is None:
        near = closest(name, [each.vm for each in made.vms])
        raise ConfigError(
            f"the recording has no guest '{name}'" + (f" (did you mean '{near}'?)" if near else ""),
            hint="hil probe ledger FOLDER --all lists them",
        )
    spans = states_of(vm.gaps, vm.conditions, made.unobserved, (made.from_ns, made.to_ns))
    if as_json:
        echo_json([asdict(span) | {"signals": list(span.signals)} for span in spans])
        return
    # Conditions lie beside the states: a guest that is up can be out of use.
    troubles = [(each.start_ns, each.duration_ns, each.kind.value, each.signals, each.reason) for each in vm.conditions]
    lines = [
        (span.start_ns, span.end_ns - span.start_ns, span.state.value, span.signals, span.reason) for span in spans
    ]
    rows = [
        [f"{seconds(start_ns):.3f} s", f"{seconds(length_ns):.3f} s", what, " ".join(signals), reason]
        for start_ns, length_ns, what, signals, reason in sorted([*lines, *troubles], key=lambda row: row[0])
    ]
    say(text_table(["from", "for", "state or condition", "signals", "reason"], rows, right=["from", "for"], whole=True))


def _table(made: Ledger, *, every: bool) -> str:
    worst = sorted(made.vms, key=lambda vm: (-vm.longest_ns, vm.coverage, vm.vm))
    shown = worst if every else [vm for vm in worst if vm.gaps or vm.conditions or vm.coverage < COVERAGE_FLOOR][:SHOWN]
    covered = "nothing was sampled" if made.coverage is None else f"least coverage {made.coverage:.4%}"
    blind = sum(each.end_ns - each.start_ns for each in made.unobserved)
    lines = [
        f"{len(made.vms)} guests, {seconds(made.to_ns - made.from_ns):.1f} s, {covered}, "
        f"unobserved {seconds(blind):.3f} s, {len(made.gaps)} gaps"
    ]
    if shown:
        head = ["guest", "class", "gaps", "longest", "±", "state", "total", "out of use", "coverage"]
        lines.append(
            text_table(head, [_row(vm) for vm in shown], right=["gaps", "longest", "±", "total", "out of use"])
        )
    lines += [
        f"node {each.node} {each.kind} at {seconds(each.at_ns):.3f} s ± {seconds(each.err_ns) * 1000:.1f} ms, "
        f"{len(each.vms)} guests together"
        for each in made.node_edges
    ]
    return "\n".join(lines)


def _row(vm: VmLedger) -> list[str]:
    worst = max(vm.gaps, key=lambda gap: gap.duration_ns, default=None)
    error = f"{seconds(worst.error_ns):.3f} s" if worst else "-"
    return [
        vm.vm,
        vm.vm_class,
        str(len(vm.gaps)),
        f"{seconds(vm.longest_ns):.3f} s",
        error,
        worst.state.value if worst else ", ".join(sorted({each.kind.value for each in vm.conditions})) or "up",
        f"{seconds(vm.total_ns):.3f} s",
        f"{seconds(vm.visible_ns):.3f} s",
        f"{vm.coverage:.3%}",
    ]


def _against(watched: ProbeFile) -> list[str]:
    """Why this machine must not watch them."""
    relies = watched.relies_on
    named = [Need("domain controller", at) for at in relies.domain_controllers]
    named += [Need("name server", at) for at in relies.dns] + [Need("gateway", at) for at in relies.gateways]
    nodes = tuple({guest.node for guest in watched.guests if guest.node})
    guests = {guest.name: (guest.address,) for guest in watched.guests}
    return objections(ClusterUnderTest(guests, nodes), surroundings(named))


def _length(text: str) -> timedelta | None:
    if not text:
        return None
    hint = "write a time such as 90s, 30m or 4h"
    try:
        lasts = parse_duration(text)
    except TextError as error:
        raise ConfigError(f"--for: {error}", hint=hint) from error
    if not lasts:
        raise ConfigError(f"--for: in {text} nothing can be seen", hint=hint)
    return lasts
