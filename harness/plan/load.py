"""Plan files to scenarios: read, check everything, expand the matrix, resolve."""

from __future__ import annotations

from collections.abc import Collection
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from harness import paths
from harness.errors import ConfigError
from harness.plan.campaign import campaign_objections, count_legs
from harness.plan.checking import objection_problem, validate
from harness.plan.file import Defaults, Matrix, PlanHeader, ScenarioEntry
from harness.plan.matrix import Variant, variants
from harness.plan.models import Scenario
from harness.plan.problem import Problem, SourceError
from harness.plan.resolve import resolve
from harness.plan.rules import objections
from harness.plan.text import Objections, closest
from harness.plan.yaml_source import Source, SourcePath, load_source


@dataclass(frozen=True, slots=True)
class Plan:
    """A plan file: name, title, and scenarios in the order of the file, variants in the order of their axes."""

    path: Path
    name: str
    title: str
    scenarios: tuple[Scenario, ...]

    def scenario(self, scenario_id: str) -> Scenario:
        """The scenario with this id.  Raises ConfigError."""
        for scenario in self.scenarios:
            if scenario.id == scenario_id:
                return scenario
        known = [scenario.id for scenario in self.scenarios]
        near = closest(scenario_id, known)
        raise ConfigError(
            f"plan '{self.name}' has no scenario '{scenario_id}'" + (f" (did you mean '{near}'?)" if near else ""),
            hint=f"it has {', '.join(known)}",
        )


def known_labs() -> frozenset[str]:
    """Names of the lab files of the checkout, without examples."""
    files = paths.labs_dir().glob("*.yaml")
    return frozenset(path.stem for path in files if not path.name.endswith(".example.yaml"))


def load_plan(path: Path, *, labs: Collection[str] | None = None) -> Plan:
    """Read, check, expand and resolve a plan file; `labs` are the known lab names (default: those of the checkout).

    Raises SourceError with every mistake found; ConfigError when the file cannot be read, or is a lab file.
    """
    source = load_source(path)
    if is_lab_file(source):
        raise ConfigError(
            f"'{source.file}' is a lab file, not a plan: it says where scenarios run, not which",
            hint=f"name a plan, and this lab with it: --lab {source.file}",
        )
    return _PlanReader(source, known_labs() if labs is None else labs).read(path)


def is_lab_file(source: Source) -> bool:
    """Does the file describe a lab, as its keys tell?"""
    return "lab" in source.value and "scenarios" not in source.value and "plan" not in source.value


def find_plan(name: str) -> Path:
    """The path of a plan given by name (`demo`) or by path.  Raises ConfigError for a name that no plan has."""
    if name.endswith((".yaml", ".yml")):
        for path in (Path(name), paths.root() / name):
            if path.is_file():
                return path
    named = paths.plans_dir() / f"{name.removesuffix('.yaml')}.yaml"
    if named.is_file():
        return named
    known = [found.stem for found in plan_files()]
    near = closest(name, known)
    raise ConfigError(
        f"there is no plan '{name}'" + (f" (did you mean '{near}'?)" if near else ""),
        hint=f"known plans: {', '.join(known) or 'none'}; a path to a YAML file works too",
    )


def plan_reference(path: Path) -> str:
    """How commands name the plan file at `path` later on: the file's name alone where the plan's name will do, else
    its path, from the checkout where it lies inside."""
    resolved = path.resolve()
    if resolved.parent == paths.plans_dir().resolve():
        return path.name
    checkout = paths.root().resolve()
    return str(resolved.relative_to(checkout) if resolved.is_relative_to(checkout) else resolved)


def plan_files() -> list[Path]:
    """All plan files of the checkout."""
    return sorted(paths.plans_dir().glob("*.yaml"))


class _PlanReader:
    """Collects the scenarios and the mistakes of one file."""

    def __init__(self, source: Source, labs: Collection[str]) -> None:
        self._source = source
        self._labs = labs
        self._problems: list[Problem] = []
        self._ids: dict[str, int] = {}
        self._scenarios: list[Scenario] = []
        self._places: list[SourcePath] = []

    def read(self, path: Path) -> Plan:
        header, problems = validate(PlanHeader, self._source.value, self._source)
        self._problems += problems
        defaults = header.defaults if header else self._defaults_alone()
        plan = header.plan if header else "unnamed"
        if header and header.plan != path.stem:
            self._problems.append(
                self._source.problem(("plan",), f"the plan is called '{plan}', but its file '{path.name}'")
            )
        self._check_lab(self._source.value.get("defaults"), ("defaults",))
        entries = self._source.value.get("scenarios")
        for position, raw in enumerate(entries if isinstance(entries, list) else []):
            self._entry(raw, position, defaults, plan)
        scenarios = count_legs(self._scenarios)
        if not self._problems:  # else legs may be missing here that are there in the file
            for position, found in campaign_objections(scenarios):
                self._problems.append(objection_problem(found, self._source, self._places[position]))
        if self._problems or header is None:
            raise SourceError(self._problems)
        return Plan(path, header.plan, header.title, scenarios)

    def _defaults_alone(self) -> Defaults:
        """The defaults of a file whose header has mistakes, so that its scenarios can be checked all the same."""
        found, _ = validate(Defaults, self._source.value.get("defaults", {}), self._source, ("defaults",))
        return found or Defaults()

    def _entry(self, raw: Any, position: int, defaults: Defaults, plan: str) -> None:
        at: SourcePath = ("scenarios", position)
        if not isinstance(raw, dict):
            validate(ScenarioEntry, raw, self._source, at)
            self._problems.append(self._source.problem(at, "a scenario must be a mapping"))
            return
        self._check_id(raw.get("id"), at)
        self._check_lab(raw, at)
        matrix: Matrix | None = None
        if "matrix" in raw:
            matrix, problems = validate(Matrix, raw["matrix"], self._source, (*at, "matrix"))
            self._problems += problems
        try:
            for variant in variants(raw, matrix):
                self._variant(variant, at, defaults, plan)
        except Objections as found:
            self._problems += [objection_problem(item, self._source, at) for item in found.items]

    def _variant(self, variant: Variant, at: SourcePath, defaults: Defaults, plan: str) -> None:
        placed = _Placed(self._source, at, variant)
        entry, problems = validate(ScenarioEntry, variant.raw, placed.source, ("scenarios", at[1]))
        self._problems += problems
        if entry is None:
            return
        self._check_lab(variant.raw, at, variant)
        try:
            scenario = resolve(entry, defaults, plan, suffix=variant.suffix, axes=placed.axes)
        except Objections as found:
            self._problems += [objection_problem(item, placed.source, at) for item in found.items]
            return
        self._problems += [objection_problem(item, placed.source, at) for item in objections(scenario)]
        self._scenarios.append(scenario)
        self._places.append(at)

    def _check_id(self, scenario_id: Any, at: SourcePath) -> None:
        if not isinstance(scenario_id, str):
            return
        if scenario_id in self._ids:
            line = self._ids[scenario_id]
            self._problems.append(
                self._source.problem(
                    (*at, "id"), f"the scenario id '{scenario_id}' is there twice; the first is in line {line}"
                )
            )
        self._ids.setdefault(scenario_id, self._source.mark((*at, "id")).line)

    def _check_lab(self, raw: Any, at: SourcePath, variant: Variant | None = None) -> None:
        lab = raw.get("lab") if isinstance(raw, dict) else None
        if isinstance(lab, str) and lab not in self._labs:
            where = variant.origin(("lab",)) if variant else ("lab",)
            near = closest(lab, self._labs)
            message = f"unknown lab '{lab}'" + (
                "" if near else f"; known labs: {', '.join(sorted(self._labs)) or 'none'}"
            )
            self._problems.append(self._source.problem((*at, *where), message, suggestion=near))


class _Placed:
    """One variant as if it stood in the file: values that the matrix laid over it carry the marks of the matrix."""

    def __init__(self, source: Source, at: SourcePath, variant: Variant) -> None:
        marks = dict(source.marks)
        for overlaid, written in variant.origins:
            start = (*at, *written)
            for path in [path for path in marks if path[: len(start)] == start]:
                marks[(*at, *overlaid, *path[len(start) :])] = marks[path]
        self.source = Source(source.file, source.lines, source.value, marks)
        self.axes = tuple((axis, _scalar(value)) for axis, value in variant.coordinates)


def _scalar(value: Any) -> str | int | float | bool:
    return value if isinstance(value, str | int | float | bool) else str(value)
