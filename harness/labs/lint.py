"""Checks of plan and lab files together: what `hil plan lint` finds without touching a lab."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path
from typing import Any, Final

from pydantic import BaseModel

from harness.errors import ConfigError
from harness.labs.models import LabFile, find_lab, load_lab
from harness.plan.file import PlanFile
from harness.plan.fits import Misfit, fits
from harness.plan.load import Plan, load_plan
from harness.plan.problem import Problem, SourceError
from harness.plan.yaml_source import Source, load_source

SCHEMA_FILES: Final[dict[str, type[BaseModel]]] = {"testplan.schema.json": PlanFile, "lab.schema.json": LabFile}


def lint_file(path: Path) -> list[Problem]:
    """All mistakes of one plan or lab file, including scenarios that do not fit the lab which they name.

    Raises ConfigError when the file cannot be read.
    """
    try:
        source = load_source(path)
        if "lab" in source.value and "scenarios" not in source.value:
            load_lab(path)
            return []
        return list(_misfit_problems(load_plan(path), source))
    except SourceError as error:
        return list(error.problems)


def _misfit_problems(plan: Plan, source: Source) -> Iterator[Problem]:
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
            continue
        for misfit in fits(scenario, lab):
            yield source.problem((*at, "id"), _text(misfit))


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
