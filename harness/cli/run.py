"""`hil run`: start, list, show, watch, stop and resume runs."""

from __future__ import annotations

from typing import Annotated

import typer

from harness.cli import attending
from harness.cli.called import say
from harness.cli.outcome import log_tail
from harness.cli.runstate import RunState, all_runs, files_of, inspect_run
from harness.cli.starting import Order, run_session
from harness.cli.table import echo_json, text_table
from harness.errors import ConfigError
from harness.exits import Exit
from harness.judge.text import LOOK_FURTHER, explain_failure
from harness.paths import LOG_NAME
from harness.run.job import find_run

app = typer.Typer(no_args_is_help=True, rich_markup_mode=None, help="Start, watch, resume and stop runs.")

AsJson = Annotated[bool, typer.Option("--json", help="Machine-readable output.")]
RunName = Annotated[str, typer.Argument(metavar="RUN", help="Id of a run, a unique part of it, its folder, or `last`.")]


@app.command("start", context_settings={"allow_extra_args": True})
def start(
    context: typer.Context,
    plan: Annotated[str, typer.Argument(metavar="PLAN", help="Name of a plan, or path of its YAML file.")],
    lab: Annotated[
        str | None,
        typer.Option("--lab", metavar="LAB", help="Lab name or file instead of the one each scenario names."),
    ] = None,
    workers: Annotated[
        int | None, typer.Option("-n", metavar="N", min=1, help="Scenarios at the same time (default: as many as fit).")
    ] = None,
    expression: Annotated[
        str, typer.Option("-k", metavar="EXPR", help="Only scenarios that match, e.g. 'UPD-001 or DET'.")
    ] = "",
    seed: Annotated[int | None, typer.Option("--seed", metavar="S", min=0, help="Seed instead of the lab's.")] = None,
    session: Annotated[str | None, typer.Option("--session", metavar="ID", help="Name of the session folder.")] = None,
    record: Annotated[bool, typer.Option("--record", help="Keep redacted transcripts of all conversations.")] = False,
    as_json: AsJson = False,
) -> Exit:
    """Run a plan: every scenario becomes a run, conducted by a process of its own.

    What stands behind `--` goes to pytest.  Ctrl-C stops: runs undo their faults first.  A second Ctrl-C leaves them
    alone.
    """
    order = Order(plan, lab, workers, expression, seed, session, record, tuple(context.args))
    return run_session(order, as_json=as_json)


@app.command("list")
def list_runs(as_json: AsJson = False) -> None:
    """List all runs, the newest last."""
    states = all_runs()
    if as_json:
        echo_json([state.plain() for state in states])
    elif not states:
        say("no runs yet; start with: hil demo")
    else:
        # A run id begins with the time of its session.
        rows = [(each.run_id, each.lab, each.state, each.verdict_text or "-", each.subject or "-") for each in states]
        say(text_table(("run", "lab", "state", "verdict", "subject"), rows))
        for subject, label in sorted({(each.subject, each.label) for each in states if each.label}):
            say(f"{subject}: {label}")


@app.command("show")
def show(run: RunName, as_json: AsJson = False) -> None:
    """Show a run: state, verdict with its reasons, and where its files are."""
    state = inspect_run(find_run(run))
    if as_json:
        echo_json({**state.plain(), "files": files_of(state.folder), "results": dict(state.results) or None})
        return
    process = f", process {state.conductor.pid}" if state.conductor else ""
    reason = f" ({state.reason})" if state.reason else ""
    lines = {
        "run": state.run_id,
        "scenario": f"{state.scenario}  {state.title}",
        "plan": state.plan,
        "lab": state.instance or state.lab,
        "state": f"{state.state}{reason}{process}, {state.attempts} attempt{'' if state.attempts == 1 else 's'}",
        **files_of(state.folder),
    }
    say("\n".join(f"{name + ':':<12} {text}" for name, text in lines.items() if text))
    if state.results:
        say("\n" + explain_failure(state.results, look=LOOK_FURTHER))
    elif state.state != "ended":
        verb = {"running": "watch", "resumable": "resume"}.get(state.state)
        say("\n" + "\n".join(log_tail(state.folder)))
        say(f"next: hil run {verb} {state.run_id}" if verb else "no journal: it is about to begin, or never did")


@app.command("watch")
def watch(run: RunName, as_json: AsJson = False) -> Exit:
    """Follow a living run, from any terminal; Ctrl-C ends the watching, not the run.

    Exit code: that of the verdict once the run has ended.
    """
    state = inspect_run(find_run(run))
    if state.state == "running":
        return attending.watch(state, as_json=as_json)
    _refuse_unbegun(state)
    return attending.conclude(state.folder, as_json=as_json)


@app.command("stop")
def stop(run: RunName, yes: Annotated[bool, typer.Option("--yes", help="Do it.")] = False) -> Exit:
    """Ask a living run to undo its faults and end, and wait for it."""
    state = inspect_run(find_run(run))
    if state.conductor is None:
        raise ConfigError(f"no process conducts run '{state.run_id}': it is {state.state}", hint="see: hil run list")
    if not yes:
        say(f"would ask process {state.conductor.pid} to stop run {state.run_id} on {state.instance}:")
        say("  active faults are undone, the lab is given back, the verdict becomes inconclusive")
        say("nothing was done; add --yes")
        return Exit.USAGE
    return attending.stop(state, state.conductor)


@app.command("resume")
def resume(run: RunName, as_json: AsJson = False) -> Exit:
    """Go on with a run whose process is gone; wait for one whose process lives; say what came of one that ended.

    Exit code: that of the verdict.
    """
    state = inspect_run(find_run(run))
    _refuse_unbegun(state)
    if state.state == "resumable":
        return attending.resume(state, as_json=as_json)
    if not as_json:
        say(
            f"run {state.run_id} is conducted by process {state.conductor.pid}: waiting for it"
            if state.conductor
            else f"run {state.run_id} has ended ({state.reason}); there is nothing to resume"
        )
    return (
        attending.watch(state, as_json=as_json)
        if state.conductor
        else attending.conclude(state.folder, as_json=as_json)
    )


def _refuse_unbegun(state: RunState) -> None:
    """Raises ConfigError for a run that never got as far as a journal."""
    if state.state == "not-begun":
        raise ConfigError(
            f"run '{state.run_id}' has no journal yet: it is about to begin, or it died before it touched anything",
            hint=f"look again in a few seconds, or read {state.folder / LOG_NAME}",
        )
