"""`hil guides`: the published troubleshooting guides that the harness can follow."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Annotated, Any

import typer

from harness.cli.table import echo_json, text_table
from harness.errors import ConfigError
from harness.guides import Diagnosis, Guide, Matcher, diagnose, find_guide, load_catalogue
from harness.guides.evidence import SOURCES
from harness.plan.quantity import format_duration
from harness.run.job import find_run

app = typer.Typer(no_args_is_help=True, rich_markup_mode=None, help="Published troubleshooting guides.")

JSON = Annotated[bool, typer.Option("--json", help="Machine-readable output.")]


@app.callback()
def guides() -> None:
    """Published troubleshooting guides as data: list them, show one, and put evidence to them."""


@app.command("list")
def list_guides(as_json: JSON = False) -> None:
    """List the guides: what they are about, and whether the harness can follow them or only tell them apart."""
    catalogue = load_catalogue()
    if as_json:
        echo_json([guide.model_dump(mode="json", by_alias=True) for guide in catalogue])
        return
    table = [(guide.guide, guide.phase, _use(guide), guide.title) for guide in catalogue]
    typer.echo(text_table(("guide", "phase", "use", "title"), table))


def _use(guide: Guide) -> str:
    if not guide.remedy:
        return "told apart"
    return "followed, destructive" if any(step.destructive for step in guide.remedy) else "followed"


@app.command("show")
def show_guide(name: Annotated[str, typer.Argument(help="Id of the guide.")], as_json: JSON = False) -> None:
    """Show one guide: when it applies, what it does, how success is seen."""
    guide = find_guide(name)
    if as_json:
        echo_json(guide.model_dump(mode="json", by_alias=True))
        return
    typer.echo(f"{guide.guide}  {guide.title}")
    typer.echo(f"source: {guide.source.repository}, {guide.source.path}")
    _matchers(f"nominated by {'all' if guide.nominated == 'all' else 'any'} of", guide.trigger)
    _matchers("confirmed by", guide.confirm)
    _matchers("ruled out by", guide.exclude)
    for number, step in enumerate(guide.remedy, 1):
        gate = " [destructive: needs the plan's approval]" if step.destructive else ""
        where = f", on {step.on}" if step.script else ""
        typer.echo(f"step {number}: {step.does}{where}{gate}")
        for line in (step.script or "").splitlines():
            typer.echo(f"    {line}")
    _matchers("verified by", guide.verify)
    if guide.recovers is not None:
        typer.echo(f"within {format_duration(guide.recovers)}")


def _matchers(title: str, matchers: tuple[Matcher, ...]) -> None:
    if matchers:
        typer.echo(f"{title}:")
    for matcher in matchers:
        typer.echo(f"  {matcher.id}: {describe(matcher)}")


def describe(matcher: Matcher) -> str:
    """A matcher in words."""
    words = {"is": "is", "not": "is not", "in": "is one of", "matches": "matches", "below": "<", "above": ">"}
    name, test = next((word, matcher.test(word)) for word in words if matcher.test(word) is not None)
    rows = f"{matcher.rows} row of " if matcher.where or matcher.field else ""
    where = "".join(f", {key} like '{text}'" for key, text in matcher.where.items())
    field = f": {matcher.field}" if matcher.field else ""
    value = ", ".join(map(str, test)) if isinstance(test, tuple) else repr(test)
    return f"{rows}{matcher.fact}{where}{field} {words[name]} {value}"


@app.command("diagnose")
def diagnose_evidence(
    what: Annotated[str, typer.Argument(help="A run, or a file of evidence (evidence/guide-1.json of a run).")],
    as_json: JSON = False,
) -> None:
    """Put evidence to all guides and show the ranking with its reasons."""
    catalogue = load_catalogue()
    found = [(path, diagnose(catalogue, _facts(path))) for path in _files(what)]
    if as_json:
        echo_json([{"file": str(path), "candidates": _plain(diagnosis)} for path, diagnosis in found])
        return
    for path, diagnosis in found:
        first = diagnosis.first.guide.guide if diagnosis.first else "no guide applies"
        typer.echo(f"{path}: {first}{' (ambiguous)' if diagnosis.ambiguous else ''}")
        for rank, one in enumerate(diagnosis.candidates, 1):
            why = f" by '{one.excluded_by}'" if one.excluded_by else ""
            typer.echo(f"  {rank}. {one.guide.guide}: {one.standing.value}{why}")
            for match in (*one.triggers, *one.confirms):
                sign = {True: "+", False: "-", None: "?"}[match.holds]
                typer.echo(f"     {sign} {match.matcher}: {match.said}")


def _plain(diagnosis: Diagnosis) -> list[dict[str, Any]]:
    return [one.plain(rank) for rank, one in enumerate(diagnosis.candidates, 1)]


def _files(what: str) -> list[Path]:
    path = Path(what)
    if path.is_file():
        return [path]
    files = sorted((find_run(what) / "evidence").glob("guide-*.json"))
    if not files:
        raise ConfigError(
            f"run '{what}' has no evidence for guides", hint="it is collected when the update is in trouble"
        )
    return files


def _facts(path: Path) -> dict[str, Any]:
    try:
        facts = json.loads(path.read_text(encoding="utf-8"))
    except (OSError, ValueError) as error:
        raise ConfigError(f"'{path}' cannot be read as evidence: {error}", hint="it must be a JSON object") from error
    unknown = sorted(set(facts) - set(SOURCES)) if isinstance(facts, dict) else ["(no object)"]
    if unknown:
        raise ConfigError(
            f"'{path}' holds '{unknown[0]}', which is no fact of guides", hint=f"facts are: {', '.join(SOURCES)}"
        )
    return dict(facts)
