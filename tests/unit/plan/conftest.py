"""Plans written in the tests, and what is wrong with them."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path

import pytest

from harness.plan.load import Plan, load_plan
from harness.plan.problem import SourceError

LABS = ("twin-4node", "twin-1node", "twin-16node")

HEADER = """\
schema: 1
plan: sample
title: A sample
defaults: {lab: twin-4node, from: {solution: 12.2509.1001.22}}
scenarios:
"""

SCENARIO = """\
  - id: UPD-001
    title: Something
    workflow: {kind: solution, target: {solution: 12.2510.1002.94}}
"""

FAULT = """\
    faults:
      - id: dies
        fault: node.power_loss
        on: phase.enter update/download
        target: one
        for: 10m
"""


@dataclass(frozen=True)
class Sample:
    """Parts of a plan file: `header` ends before the first scenario, `fault` belongs below `scenario`."""

    header: str = HEADER
    scenario: str = SCENARIO
    fault: str = FAULT

    @property
    def sound(self) -> str:
        """A plan without mistakes."""
        return self.header + self.scenario + self.fault


@pytest.fixture
def sample() -> Sample:
    """Parts to build plans from."""
    return Sample()


@pytest.fixture
def load(tmp_path: Path) -> Callable[[str], Plan]:
    """Loads a whole plan file called sample.yaml."""

    def load_text(text: str) -> Plan:
        path = tmp_path / "sample.yaml"
        path.write_text(text, encoding="utf-8")
        return load_plan(path, labs=LABS)

    return load_text


@pytest.fixture
def mistakes(load: Callable[[str], Plan]) -> Callable[[str], list[str]]:
    """The headlines of all mistakes of a plan file, without the folder; empty when it is sound."""

    def find(text: str) -> list[str]:
        try:
            load(text)
        except SourceError as error:
            return [problem.headline.replace(problem.file, "sample.yaml") for problem in error.problems]
        return []

    return find
