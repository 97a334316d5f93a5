"""Rigs for the tests of this folder."""

from __future__ import annotations

from pathlib import Path
from typing import Any, Protocol

import pytest

from harness.plan.models import Scenario
from harness.testing.lab import ScriptedLab
from harness.testing.rig import Rig, load_scenario, plan_text
from harness.testing.update import ScriptedUpdate


class Build(Protocol):
    """A new rig: faults as YAML, a lab, an update, changes of the plan."""

    def __call__(
        self, faults: str = "", *, lab: ScriptedLab | None = None, update: ScriptedUpdate | None = None, **changes: Any
    ) -> Rig: ...


@pytest.fixture
def build(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Build:
    monkeypatch.setenv("HIL_REPORTS", str(tmp_path))
    count = 0
    scenarios: dict[str, Scenario] = {}

    def built(
        faults: str = "", *, lab: ScriptedLab | None = None, update: ScriptedUpdate | None = None, **changes: Any
    ) -> Rig:
        nonlocal count
        count += 1
        folder = tmp_path / "runs" / f"run-{count}"
        folder.mkdir(parents=True)
        text = plan_text(faults, **changes)
        if text not in scenarios:
            scenarios[text] = load_scenario(tmp_path / "sample.yaml", text)
        lab = lab or ScriptedLab()
        return Rig(folder, scenarios[text], lab, update or ScriptedUpdate(lab))

    return built
