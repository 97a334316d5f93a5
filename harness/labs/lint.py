"""Checks of plan and lab files together: what `hil plan lint` finds without touching a lab."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import replace
from pathlib import Path
from typing import Any, Final

from pydantic import BaseModel

from harness.errors import ConfigError
from harness.labs.models import LabFile, find_lab, load_lab
from harness.plan.file import PlanFile
from harness.plan.fits import Misfit, fits, versions_named
from harness.plan.load import Plan, is_lab_file, load_plan
from harness.plan.models import Scenario
from harness.plan.problem import Problem, SourceError
from harness.plan.releases import SBES, SOLUTIONS, Releases, table_of
from harness.plan.yaml_source import Source, SourcePath, load_source

SCHEMA_FILES: Final[dict[str, type[BaseModel]]] = {"testplan.schema.json": PlanFile, "lab.schema.json": LabFile}


def lint_file(path: Path) -> list[Problem]:
    """All mistakes of one plan or lab file, including scenarios that do not fit the lab which they name; and warnings.

    Raises ConfigError when the file cannot be read.
    """
    try:
        source = load_source(path)
        if is_lab_file(source):
            return list(_lab_problems(load_lab(path), source))
        return list(_plan_problems(load_plan(path), source))
    except SourceError as error:
        return list(error.problems)


def _lab_problems(lab: LabFile, source: Source) -> Iterator[Problem]:
    version = lab.versions.solution
    if (problem := _release_problem(SOLUTIONS, version, source, ("versions", "solution"))) is not None:
        yield problem if lab.releases is None else replace(problem, is_warning=False)
    sbe = lab.versions.sbe
    if sbe is not None and (problem := _release_problem(SBES, sbe, source, ("versions", "sbe"))) is not None:
        yield problem if lab.sbe_releases is None else replace(problem, is_warning=False)


def _plan_problems(plan: Plan, source: Source) -> Iterator[Problem]:
    """Mistakes where a lab cannot do what is asked; warnings where a version is not known and the lab may know it."""
    positions = {entry["id"]: number for number, entry in enumerate(source.value["scenarios"])}
    labs: dict[str, LabFile | None] = {}
    for scenario in plan.scenarios:
        if scenario.lab not in labs:
            labs[scenario.lab] = _lab(scenario.lab)
        lab = labs[scenario.lab]
        at = ("scenarios", positions[scenario.base_id])
        if lab is None:
            message = f"the lab '{scenario.lab}' has mistakes; lint its file"
            yield source.problem((*at, "id"), message)
        misfits = fits(scenario, lab) if lab is not None else []
        for misfit in misfits:
            yield source.problem(_place(source, at, scenario, misfit.part), _text(misfit))
        reported = {misfit.part for misfit in misfits}
        for part, version in versions_named(scenario):
            problem = _release_problem(table_of(part), version, source, _place(source, at, scenario, part))
            if problem is not None and part not in reported:
                yield problem


def _release_problem(table: Releases, version: str, source: Source, place: SourcePath) -> Problem | None:
    message = table.unknown(version)
    if message is None:
        return None
    return replace(source.problem(place, message, suggestion=table.nearest(version)), is_warning=True)


def _place(source: Source, at: SourcePath, scenario: Scenario, part: str) -> SourcePath:
    """Where a version stands that may have come from the scenario, its matrix or the defaults; else the scenario's
    id."""
    version = dict(versions_named(scenario)).get(part)
    key = part.rpartition(".")[2]
    for start in (at, ("defaults",)):
        for path in source.marks:
            if path[: len(start)] == start and key in path and _value(source, path) == version:
                return path
    return (*at, "id")


def _value(source: Source, path: SourcePath) -> object:
    found: Any = source.value
    for part in path:
        found = found[part]
    return found


def _text(misfit: Misfit) -> str:
    return f"{misfit.part}: does not fit lab '{misfit.lab}': {misfit.message}"


def _lab(name: str) -> LabFile | None:
    try:
        return find_lab(name)
    except ConfigError:
        return None


def json_schemas() -> dict[str, dict[str, Any]]:
    """File name → JSON Schema, for editors."""
    return {
        name: {"$schema": "https://json-schema.org/draft/2020-12/schema", **model.model_json_schema()}
        for name, model in SCHEMA_FILES.items()
    }
