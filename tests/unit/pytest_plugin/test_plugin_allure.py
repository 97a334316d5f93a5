"""The live writer in a real pytest session with a worker: one result for each scenario, equal to the offline one."""

from __future__ import annotations

import json
import os
import subprocess
import sys
from pathlib import Path
from typing import Any

import pytest

from harness.paths import root
from harness.report.allure.build import case_of_folder
from harness.report.allure.folder import results_in
from harness.report.allure.rendering import document_of
from harness.report.allure.session import rebuild_results

PLAN = """\
schema: 1
plan: night
title: A night
defaults:
  lab: twin-4node
  from: {solution: 12.2509.1001.22}
scenarios:
  - id: A-001
    title: Passes
    severity: critical
    workflow: &update {kind: solution, target: {solution: 12.2510.1002.94}}
  - {id: A-002, title: Fails, workflow: *update}
  - {id: A-003, title: Is too large, workflow: *update, needs: {nodes: ">= 16"}}
  - {id: A-004, title: Loses its worker, workflow: *update}
"""
RUNS = """\
import os
from harness.judge.results import write_results
from harness.pytest_plugin import running
from harness.testing.stories import tell

class ToldRun:
    def __init__(self, folder):
        self.folder = folder

    def wait(self):
        scenario = self.folder.name.split(".")[1]
        if scenario == "A-004":
            os._exit(9)
        tell(self.folder, {"A-001": "upd-002", "A-002": "det-003"}[scenario], scenario_id=scenario)
        print("printed while the scenario ran")
        write_results(self.folder)
        return 0

running.RunProcess = ToldRun
"""
ORDINARY = "def test_ordinary():\n    print('hello')\n"


@pytest.fixture(scope="module")
def night(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A folder with the reports of the session and its `allure` results."""
    home = tmp_path_factory.mktemp("night")
    (home / "night.yaml").write_text(PLAN)
    (home / "told_runs.py").write_text(RUNS)
    (home / "test_ordinary.py").write_text(ORDINARY)
    words = ["night.yaml", "test_ordinary.py", "-p", "told_runs", "-p", "no:cacheprovider", "-n", "1", "-q"]
    done = subprocess.run(
        [sys.executable, "-m", "pytest", *words, "--hil-session=s1", "--alluredir=allure", "--clean-alluredir"],
        cwd=home,
        env={
            **os.environ,
            "HIL_REPORTS": str(home / "reports"),
            "HIL_STATE": str(home / "state"),
            "HIL_ROOT": str(root()),
            "PYTHONPATH": os.pathsep.join([str(root()), str(home)]),
        },
        capture_output=True,
        text=True,
        timeout=120,
        check=False,
    )
    assert (home / "allure").is_dir(), done.stdout + done.stderr
    return home


def written(night: Path) -> dict[str, dict[str, Any]]:
    """Name → result; a scenario that has two fails here."""
    found: dict[str, dict[str, Any]] = {}
    for _, document in results_in(night / "allure"):
        name = str(document["name"]).split()[0]
        assert name not in found
        found[name] = document
    return found


def run_of(night: Path, scenario: str) -> Path:
    return night / "reports" / "runs" / f"s1.{scenario}.twin-4node"


def test_each_scenario_has_exactly_one_result(night: Path) -> None:
    statuses = {name: document["status"] for name, document in written(night).items()}
    assert statuses == {
        "A-001": "passed",
        "A-002": "failed",
        "A-003": "skipped",
        "A-004": "broken",
        "test_ordinary": "passed",
    }


@pytest.mark.parametrize("scenario", ["A-001", "A-002"])
def test_the_live_result_is_the_offline_one(night: Path, scenario: str) -> None:
    live, offline = written(night)[scenario], document_of(case_of_folder(run_of(night, scenario)))
    assert set(live) == set(offline)
    for field in offline:
        assert live[field] == offline[field], field
    for row in live["attachments"]:
        assert (night / "allure" / row["source"]).is_file()


def test_what_pytest_caught_is_not_published_for_scenarios(night: Path) -> None:
    texts = [path.read_text(errors="replace") for path in (night / "allure").glob("*-attachment.txt")]
    assert not any("printed while" in text for text in texts)
    assert any("hello" in text for text in texts)


def test_a_scenario_that_did_not_fit_or_lost_its_worker_says_why(night: Path) -> None:
    found = written(night)
    assert found["A-003"]["statusDetails"]["message"].startswith("not-run: scenario 'A-003' does not fit lab")
    assert found["A-003"]["fullName"] == "night.A-003[lab=twin-4node]"
    assert found["A-004"]["statusDetails"]["message"].startswith("harness: worker 'gw0' crashed")
    assert {"name": "suite", "value": "A night"} in found["A-004"]["labels"]


def test_the_files_beside_the_results_are_there(night: Path) -> None:
    assert json.loads((night / "allure" / "executor.json").read_text())["buildName"] == "s1"
    assert "machines=none" in (night / "allure" / "environment.properties").read_text()
    assert (night / "allure" / "categories.json").is_file()


def test_the_session_can_be_told_again_offline(night: Path) -> None:
    folder = rebuild_results(night / "reports" / "sessions" / "s1", night / "reports" / "runs")
    again = {document["name"].split()[0]: document for _, document in results_in(folder)}
    assert {name: document["status"] for name, document in again.items()} == {
        name: document["status"] for name, document in written(night).items() if name != "test_ordinary"
    }
    assert again["A-001"] == written(night)["A-001"]
