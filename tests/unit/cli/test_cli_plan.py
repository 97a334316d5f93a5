"""`hil plan fits`: what can be started on a lab, and why the rest cannot."""

from __future__ import annotations

import json
from pathlib import Path

import pytest

from harness import cli
from harness.exits import Exit
from harness.labs.lease import LeaseStore
from harness.labs.models import find_lab
from harness.labs.nested import needs
from harness.paths import labs_dir, plans_dir
from harness.plan.load import load_plan
from harness.run.obstacles import obstacles


def test_every_shipped_scenario_fits_the_lab_that_it_names(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(needs, "lab_lacks", list)  # whatever machine this is
    for path in plans_dir().glob("*.yaml"):
        for scenario in load_plan(path).scenarios:
            assert obstacles(scenario, find_lab(scenario.lab)) == ()


def test_reasons_stand_below_the_scenario(capsys: pytest.CaptureFixture[str]) -> None:
    assert cli.main(["plan", "fits", "twin-1node", "demo"]) == Exit.PASS
    lines = capsys.readouterr().out.splitlines()
    assert lines[0] == "twin-1node: 4 of 4 instances free"
    assert lines[2].split()[:4] == ["UPD-001", "does", "not", "fit"]
    assert "needs.nodes: needs >= 4, the lab has 1" in lines[3]
    assert not any("DET-001" in line for line in lines), "only the plans that were named"


def test_json_counts_free_instances_and_names_every_plan(capsys: pytest.CaptureFixture[str]) -> None:
    LeaseStore().acquire("twin-4node#1", purpose="test")
    assert cli.main(["plan", "fits", "twin-4node", "--json"]) == Exit.PASS
    found = json.loads(capsys.readouterr().out)
    assert (found["lab"], found["free"]) == ("twin-4node", found["instances"] - 1)
    assert [plan["plan"] for plan in found["plans"]] == sorted(path.stem for path in plans_dir().glob("*.yaml"))
    unfit = {each["id"]: each["reasons"] for plan in found["plans"] for each in plan["scenarios"] if not each["fits"]}
    smoke = [unfit.pop(name) for name in ("NST-001", "NST-002")]
    assert all(reasons == ["budgets.poll: 30s is below the lab's poll budget of 1m"] for reasons in smoke)
    assert sorted(unfit) == ["DET-006", "HP-001", "HP-002"]
    assert all(reasons == ["workflow.guests: none of the lab's guests can be managed"] for reasons in unfit.values())


def test_a_lab_that_this_version_cannot_host_fits_nothing() -> None:
    rack = find_lab(str(labs_dir() / "physical-rack.example.yaml"))
    for scenario in load_plan(plans_dir() / "demo.yaml").scenarios:
        assert any("cannot be hosted" in reason for reason in obstacles(scenario, rack))


def test_what_this_version_cannot_do_is_an_obstacle_too(tmp_path: Path) -> None:
    plan = tmp_path / "demo.yaml"
    text = (plans_dir() / "demo.yaml").read_text(encoding="utf-8")
    plan.write_text(text.replace("fault: node.power_loss", "fault: network.degrade"), encoding="utf-8")
    loss = load_plan(plan).scenario("UPD-002")
    found = obstacles(loss, find_lab(loss.lab))
    assert any(reason.startswith("faults.") and "network.degrade" in reason for reason in found)


def test_an_unknown_lab_is_a_usage_error(capsys: pytest.CaptureFixture[str]) -> None:
    assert cli.main(["plan", "fits", "twin-4nodes"]) == Exit.USAGE
    assert "did you mean 'twin-4node'" in capsys.readouterr().err
