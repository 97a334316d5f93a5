"""`hil plan`: list, show, check and render test plans, and tell which fit a lab."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Annotated, Any

import typer
import yaml

from harness import paths
from harness.cli.labstate import lab_state
from harness.errors import ConfigError
from harness.exits import Exit
from harness.judge.document import document_schemas
from harness.labs.lint import json_schemas, lint_file
from harness.labs.models import find_lab, lab_names
from harness.plan.load import Plan, find_plan, load_plan, plan_files
from harness.plan.models import Scenario
from harness.plan.plain import plan_sha256, to_plain
from harness.plan.render import render
from harness.report.wording import counted
from harness.run.obstacles import obstacles

plan_app = typer.Typer(no_args_is_help=True, help="List, show and check test plans.")

PlanName = Annotated[str, typer.Argument(metavar="PLAN", help="Name of a plan, or path of its YAML file.")]
ScenarioName = Annotated[str | None, typer.Argument(metavar="[ID]", help="Only this scenario.")]
Json = Annotated[bool, typer.Option("--json", help="Machine-readable.")]


@plan_app.command("list")
def list_plans(as_json: Json = False) -> None:
    """List all plans with their scenarios."""
    plans = [load_plan(path) for path in plan_files()]
    if as_json:
        typer.echo(_json([_summary(plan) for plan in plans]))
        return
    for plan in plans:
        typer.echo(f"{plan.name}  {plan.title}")
        for scenario in plan.scenarios:
            typer.echo(f"  {_line(scenario)}")


@plan_app.command("show")
def show_plan(plan: PlanName, scenario_id: ScenarioName = None, as_json: Json = False) -> None:
    """Show a plan's scenarios, or every value of one scenario."""
    loaded = load_plan(find_plan(plan))
    if scenario_id is not None:
        plain = _plain(loaded.scenario(scenario_id))
        typer.echo(_json(plain) if as_json else yaml.safe_dump(plain, sort_keys=False, allow_unicode=True).rstrip())
    elif as_json:
        scenarios = [_plain(scenario) for scenario in loaded.scenarios]
        typer.echo(_json({**_summary(loaded), "scenarios": scenarios}))
    else:
        typer.echo(f"{loaded.name}  {loaded.title}")
        for scenario in loaded.scenarios:
            typer.echo(f"  {_line(scenario)}")


@plan_app.command("fits")
def show_fits(
    lab: Annotated[str, typer.Argument(metavar="LAB", help="Name of a lab, or path of its YAML file.")],
    plans: Annotated[
        list[str] | None, typer.Argument(metavar="[PLAN…]", help="Only these plans, by name or path.")
    ] = None,
    as_json: Json = False,
) -> None:
    """Say which scenarios can be started on a lab, and why the others cannot.  Touches nothing."""
    file = find_lab(lab)
    state = lab_state(file)
    chosen = [load_plan(find_plan(name)) for name in plans or []] or [load_plan(path) for path in plan_files()]
    found = [(plan, [(each, obstacles(each, file)) for each in plan.scenarios]) for plan in chosen]
    free = sum(not (each.is_held or each.tainted) for each in state.instances)
    if as_json:
        rows = [
            {
                "plan": plan.name,
                "file": str(plan.path),
                "scenarios": [
                    {"id": each.id, "title": each.title, "fits": not reasons, "reasons": list(reasons)}
                    for each, reasons in scenarios
                ],
            }
            for plan, scenarios in found
        ]
        typer.echo(_json({"lab": state.name, "instances": len(state.instances), "free": free, "plans": rows}))
        return
    typer.echo(f"{state.name}: {free} of {len(state.instances)} instances free")
    for plan, scenarios in found:
        typer.echo(f"{plan.name}  {plan.title}")
        for each, reasons in scenarios:
            typer.echo(f"  {each.id:<12} {'does not fit' if reasons else 'fits':<13} {each.title}")
            typer.echo("".join(f"{'':<15}{reason}\n" for reason in reasons), nl=False)


@plan_app.command("render")
def render_plan(plan: PlanName, scenario_id: ScenarioName = None) -> None:
    """Print scenarios as trees of numbered steps."""
    loaded = load_plan(find_plan(plan))
    chosen = loaded.scenarios if scenario_id is None else (loaded.scenario(scenario_id),)
    typer.echo("\n".join(render(scenario, sha256=plan_sha256(scenario)) for scenario in chosen).rstrip())


@plan_app.command("lint")
def lint(
    files: Annotated[
        list[str], typer.Argument(metavar="FILE…", help="Plan and lab files; names of plans and labs work too.")
    ],
    as_json: Json = False,
) -> Exit:
    """Check plan and lab files; exit code 4 when something is wrong.

    Warnings are about what may be meant, such as a release that this checkout does not know; they do not change the
    exit code.
    """
    problems = [problem for file in files for problem in lint_file(_file_of(file))]
    mistakes = [problem for problem in problems if not problem.is_warning]
    if as_json:
        typer.echo(_json([problem.to_plain() for problem in problems]))
    else:
        for problem in problems:
            typer.echo(str(problem))
        warnings = len(problems) - len(mistakes)
        parts = [counted(len(files), "file") + " checked", counted(len(mistakes), "mistake")]
        typer.echo(", ".join([*parts, counted(warnings, "warning")] if warnings else parts))
    return Exit.USAGE if mistakes else Exit.PASS


def _file_of(name: str) -> Path:
    """The file that `name` means: a path, else the name of a plan or of a lab.  Raises ConfigError."""
    path = Path(name)
    if path.is_file() or name.endswith((".yaml", ".yml")) or path.name != name:
        return path
    return paths.labs_dir() / f"{name}.yaml" if name in lab_names() else find_plan(name)


@plan_app.command("schema")
def export_schemas(
    check: Annotated[bool, typer.Option("--check", help="Write nothing; say whether the files are current.")] = False,
) -> None:
    """Write the JSON Schemas of plan and lab files, which editors use, and of the documents of a run."""
    folder = paths.schemas_dir()
    for name, schema in {**json_schemas(), **document_schemas()}.items():
        file, text = folder / name, _json(schema) + "\n"
        if check:
            if not file.is_file() or file.read_text(encoding="utf-8") != text:
                raise ConfigError(f"schema '{file}' is not current", hint="run: hil plan schema")
            continue
        folder.mkdir(parents=True, exist_ok=True)
        file.write_text(text, encoding="utf-8")
        typer.echo(f"wrote {file}")


def _line(scenario: Scenario) -> str:
    return f"{scenario.id:<12} {scenario.severity:<9} {scenario.lab:<18} {scenario.title}"


def _plain(scenario: Scenario) -> dict[str, Any]:
    return {**to_plain(scenario), "sha256": plan_sha256(scenario)}


def _summary(plan: Plan) -> dict[str, Any]:
    keys = ("id", "title", "severity", "lab", "consumes")
    scenarios = [{key: getattr(scenario, key) for key in keys} for scenario in plan.scenarios]
    return {"plan": plan.name, "title": plan.title, "file": str(plan.path), "scenarios": scenarios}


def _json(value: object) -> str:
    return json.dumps(value, indent=2, ensure_ascii=False)
