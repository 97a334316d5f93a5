"""A plan file as a test module: each scenario becomes a real test function `test_<ID>[lab=<name>]`.

A subclass of `pytest.Module`, so that fixtures, marks, selection and time-outs work as for any test (a custom Item
gets no fixtures: pytest-dev/pytest#3639).
"""

from __future__ import annotations

import types
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import pytest

from harness.errors import HarnessError
from harness.labs.models import LabFile, find_lab
from harness.labs.secrets import check_secrets
from harness.labs.start import why_not_hosted
from harness.plan.load import load_plan
from harness.plan.models import Scenario
from harness.pytest_plugin.options import HilOptions
from harness.pytest_plugin.outcome import ScenarioBroken, ScenarioFailed
from harness.pytest_plugin.running import run_scenario, seed_of
from harness.run.obstacles import obstacles


class ScenarioFunction(pytest.Function):
    """A scenario's test; a failure shows the judge's text instead of a traceback through the plug-in.

    `scenario`, `lab`, `plan_title` and `seed` say what it runs.
    """

    scenario: Scenario
    lab: LabFile
    plan_title: str
    seed: int

    def repr_failure(self, excinfo: pytest.ExceptionInfo[BaseException], style: Any = None) -> Any:
        """The text that says whose fault it is, where, and what to do next."""
        if isinstance(excinfo.value, ScenarioFailed | ScenarioBroken | HarnessError):
            return str(excinfo.value)
        return super().repr_failure(excinfo)


class PlanModule(pytest.Module):
    """The scenarios of one plan file."""

    def _getobj(self) -> types.ModuleType:
        return types.ModuleType(self.path.stem)

    def collect(self) -> Iterator[pytest.Item | pytest.Collector]:
        """Load and check the plan; a mistake in it is a collection error with file, line and column."""
        options = HilOptions.of(self.config)
        try:
            plan = load_plan(self.path)
            pairs = [(scenario, find_lab(options.lab or scenario.lab)) for scenario in plan.scenarios]
            for lab in {lab.lab: lab for _, lab in pairs}.values():
                if not why_not_hosted(lab):  # scenarios of the others are not-run
                    check_secrets(lab)
        except HarnessError as error:
            raise self.CollectError(f"{error}\n{error.hint}".rstrip()) from None
        for scenario, lab in pairs:
            yield self._function(plan.path, plan.title, scenario, lab, options)

    def _function(
        self, path: Path, title: str, scenario: Scenario, lab: LabFile, options: HilOptions
    ) -> ScenarioFunction:
        name = f"{function_name(scenario.id)}[lab={lab.lab}]"
        function: ScenarioFunction = ScenarioFunction.from_parent(
            self,
            name=name,
            callobj=_test_of(path, title, scenario, lab, options),
            originalname=function_name(scenario.id),
        )
        function.scenario, function.lab, function.plan_title = scenario, lab, title
        function.seed = seed_of(lab, options)
        if scenario.leg is not None:
            function.extra_keyword_matches.add(scenario.leg.campaign)  # `-k night` selects its legs
        reasons = obstacles(scenario, lab)
        if reasons:
            text = f"scenario '{scenario.id}' does not fit lab '{lab.lab}': {'; '.join(reasons)}"
            function.add_marker(pytest.mark.skip(reason=f"not-run: {text}"))
        return function


def function_name(scenario_id: str) -> str:
    """`UPD-001` → `test_UPD_001`; the matrix suffix keeps its dots as underscores."""
    return "test_" + scenario_id.replace("-", "_").replace(".", "__")


def _test_of(
    path: Path, title: str, scenario: Scenario, lab: LabFile, options: HilOptions
) -> Callable[[pytest.FixtureRequest], None]:
    def test(request: pytest.FixtureRequest) -> None:
        run_scenario(request.node, path, title, scenario, lab, options)

    test.__doc__ = scenario.title
    return test
