"""`hil judge`: judge a journal again, compare two, explain a verdict."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Annotated

import typer

from harness.cli import judgeclaim
from harness.cli.called import say
from harness.errors import ConfigError
from harness.exits import OF_VERDICT, Exit
from harness.journal import Journal, read_journal
from harness.journal.writer import FILE_NAME
from harness.judge.diff import diff as differences_of
from harness.judge.replay import replay as replay_run
from harness.judge.results import results_of
from harness.judge.text import LOOK_FURTHER, explain_failure
from harness.run.job import find_run

app = typer.Typer(
    no_args_is_help=True, rich_markup_mode=None, help="Judge a journal again, compare two, explain a verdict."
)

app.command("claim")(judgeclaim.claim)
app.command("compare")(judgeclaim.compare_runs)

Run = Annotated[str, typer.Argument(help="Id of a run, a unique part of it, its folder or journal, or `last`.")]
AsJson = Annotated[bool, typer.Option("--json", help="Machine-readable output.")]


def folder_of(run: str) -> Path:
    """The run folder that `run` names.  Raises ConfigError when there is none."""
    given = Path(run)
    folder = given.parent if given.name == FILE_NAME else given if given.is_dir() else find_run(run)
    if not (folder / FILE_NAME).is_file():
        raise ConfigError(f"'{run}' is no run that began: '{folder}' has no {FILE_NAME}", hint="see: hil run list")
    return folder


def journal_of(run: str) -> Journal:
    """The verified journal of `run`, which may also name a journal file of any name.  Raises ConfigError,
    JournalError."""
    given = Path(run)
    return read_journal(given if given.is_file() else folder_of(run) / FILE_NAME)


@app.command()
def replay(run: Run, as_json: AsJson = False) -> None:
    """Judge a run again from its journal, offline.

    Exit code: that of the verdict; 3 when the journal is broken or was shortened, or when the stored results are not
    what the journal says.
    """
    found = replay_run(folder_of(run))
    judgement = found.judgement
    if as_json:
        plain = results_of(judgement).model_dump(mode="json", by_alias=True)
        typer.echo(json.dumps({"same": found.same, "differences": found.differences, "results": plain}, indent=1))
    else:
        stored = found.stored["verdict"] if found.stored else "none stored"
        lines = f"{len(judgement.journal.entries)} lines"
        chain = f"{lines}, chain holds" if found.shortage is None else f"{lines} of {found.shortage.expected}"
        typer.echo(f"verdict {judgement.verdict} (stored: {stored}), {chain}")
        typer.echo(judgement.label)
        for text in found.differences:
            typer.echo(f"  {text}")
    raise typer.Exit(Exit.HARNESS if not found.same else OF_VERDICT[judgement.effective.value])


@app.command()
def diff(left: Run, right: Run, as_json: AsJson = False) -> None:
    """Compare two journals without wall times and hosts.  Exit code 0 when they are the same, 1 when not."""
    one, other = journal_of(left), journal_of(right)
    found = list(differences_of(one, other))
    if as_json:
        rows = [{"seq": each.seq, "path": each.path, "left": each.left, "right": each.right} for each in found]
        lines = [len(one.entries), len(other.entries)]
        typer.echo(json.dumps({"same": not found, "lines": lines, "differences": rows}, indent=1))
    elif not found:
        typer.echo(f"same: {len(one.entries)} lines")
    else:
        for each in found[:10]:
            typer.echo(f"line {each.seq + 1}: {each.path}: {_shown(each.left)} | {_shown(each.right)}")
        typer.echo(f"{len(found)} lines differ of {len(one.entries)} and {len(other.entries)}")
    raise typer.Exit(Exit.PRODUCT if found else Exit.PASS)


def _shown(value: object) -> str:
    text = json.dumps(value, ensure_ascii=False)
    return text if len(text) <= 60 else text[:57] + "…"


@app.command()
def explain(run: Run, as_json: AsJson = False) -> None:
    """Say in at most fifteen lines why a run has its verdict, and what to do next."""
    found = replay_run(folder_of(run))
    if found.shortage is not None:
        typer.echo(f"warning: {found.shortage}", err=True)
    plain = results_of(found.judgement).model_dump(mode="json", by_alias=True)
    if as_json:
        keys = ("run_id", "verdict", "effective", "cause", "because")
        typer.echo(json.dumps({key: plain[key] for key in keys}, indent=1))
    else:
        say(explain_failure(plain, look=LOOK_FURTHER))
