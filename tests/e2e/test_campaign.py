"""Several scenarios on one update, as a user starts them."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

import pytest
import yaml

from harness.exits import Exit
from harness.paths import plans_dir
from harness.plan.yaml_source import load_source
from tests.e2e.chain import Chain, await_lines, kill, of_kind

LEGS = ("CMP-001", "CMP-002", "CMP-003")


def results(chain: Chain) -> dict[str, dict[str, Any]]:
    """Scenario id → results.json."""
    paths = [run / "results.json" for run in chain.runs]
    documents = [json.loads(path.read_text()) for path in paths if path.exists()]
    return {document["scenario"]: document for document in documents}


@pytest.mark.full
def test_legs_share_one_update(chain: Chain) -> None:
    """Own verdicts, one start, one completed installation, one instance, and nothing left in the end."""
    done = chain.hil("run", "start", "campaign", "-n", "2")
    assert done.returncode == Exit.PASS, done.stdout + done.stderr
    judged = results(chain)
    assert {name: document["verdict"] for name, document in judged.items()} == dict.fromkeys(LEGS, "pass")
    runs = {name: chain.run_of(name) for name in LEGS}
    assert [len(of_kind(runs[name], "update.start")) for name in LEGS] == [1, 0, 0]
    assert [len(of_kind(runs[name], "baseline")) for name in LEGS] == [1, 0, 0]
    assert [len(of_kind(runs[name], "final")) for name in LEGS] == [0, 0, 1]
    (look,) = of_kind(runs["CMP-003"], "runs")
    assert [run["state"]["name"] for run in look["data"]["runs"]] == ["Succeeded"]
    instances = {of_kind(runs[name], "header")[0]["data"]["host"]["instance"] for name in LEGS}
    assert len(instances) == 1
    assert [judged[name]["leg"]["taken_over"] for name in LEGS] == [None, runs["CMP-001"].name, runs["CMP-002"].name]
    assert [judged[name]["leg"]["handed_over"] for name in LEGS] == [True, True, False]
    for name in ("CMP-001", "CMP-002"):
        assert judged[name]["faults"][0]["confirmed"]
        assert judged[name]["faults"][0]["reverted"]
    for before, after in (("CMP-001", "CMP-002"), ("CMP-002", "CMP-003")):
        let_go, went_on = of_kind(runs[before], "samples")[-1], of_kind(runs[after], "samples")[0]
        assert let_go["data"]["to_ns"] == went_on["data"]["from_ns"]
    page = (runs["CMP-002"] / "index.html").read_text()
    assert "leg 2 of 3 of campaign night" in page
    chain.await_silence()


def test_leg_alone_is_not_run(chain: Chain) -> None:
    """It has nothing to go on with, and says so; nothing is begun."""
    done = chain.hil("run", "start", "campaign", "-k", "CMP_002", "-n", "1")
    assert done.returncode == Exit.LAB, done.stdout + done.stderr
    (row,) = chain.summary()["scenarios"]
    assert row["verdict"] == "not-run"
    assert "goes on where 'CMP-001' ends" in row["detail"]
    assert chain.runs == []


@pytest.mark.full
def test_leg_that_gets_stuck_spoils_the_later_ones(chain: Chain, tmp_path: Path) -> None:
    plan = load_source(plans_dir() / "campaign.yaml").value
    first = plan["scenarios"][0]
    first["provoke"] = [{"defect": "step_hangs", "with": {"step": "Failover ECE Service to new Node"}}]
    first["leg"]["until"] = "phase.enter update/install/version-stamp"
    plan["plan"] = "spoilt"
    path = tmp_path / "spoilt.yaml"
    path.write_text(yaml.safe_dump(plan, sort_keys=False))
    done = chain.hil("run", "start", str(path), "-n", "1")
    assert done.returncode == Exit.PRODUCT, done.stdout + done.stderr
    judged = results(chain)
    assert {name: document["verdict"] for name, document in judged.items()} == {
        "CMP-001": "stuck",
        "CMP-002": "inconclusive",
        "CMP-003": "inconclusive",
    }
    for name in LEGS[1:]:
        assert judged[name]["cause"]["id"] == "leg-spoilt"
        assert of_kind(chain.run_of(name), "update.start") == []
    chain.await_silence()


@pytest.mark.full
def test_killed_leg_is_resumed(chain: Chain) -> None:
    """`kill -9` of the second leg's process: it is resumed and comes to its end; the third was spoilt meanwhile."""
    session = chain.begin("run", "start", "campaign", "-n", "1")
    run = chain.run_of("CMP-002")
    assert await_lines(run, 200, alive=lambda: session.poll() is None)
    (begun,) = of_kind(run, "attempt.begin")
    kill(begun["data"]["host"]["pid"])
    session.wait(120)
    assert results(chain)["CMP-003"]["cause"]["id"] == "leg-spoilt"
    done = chain.hil("run", "resume", run.name)
    assert done.returncode == Exit.PASS, done.stdout + done.stderr
    assert len(of_kind(run, "leg.handed_over")) == 1
    assert of_kind(run, "update.start") == []
