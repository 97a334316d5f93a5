"""The shipped plans on the simulated lab, as a user starts them."""

from __future__ import annotations

import json
import subprocess
import sys
from pathlib import Path
from typing import Any

import pytest
import yaml

from harness.exits import Exit
from harness.paths import plans_dir, root
from harness.plan.yaml_source import load_source
from tests.e2e.chain import Chain

GUIDES = {
    "UPD-003": "upd-stuck-downloading-getcaudeviceinfo",
    "UPD-004": "upd-arb-offline",
    "UPD-005": "ev-systemdrive-free-space",
}
MONTHS = ("HP-001", "HP-002")
DEMO = ("UPD-001", "UPD-002", *GUIDES, "SBE-001", *MONTHS)
SABOTAGE = {
    "UPD-003": "plan_delete_without_effect",
    "UPD-004": "group_start_without_effect",
    "UPD-005": "cleanup_without_effect",
}


def results_of(chain: Chain) -> dict[str, dict[str, Any]]:
    """Scenario id → results.json."""
    documents = [json.loads((run / "results.json").read_text()) for run in chain.runs]
    return {document["scenario"]: document for document in documents}


def findings(document: dict[str, Any]) -> dict[str, dict[str, Any]]:
    """Finding id → finding."""
    return {finding["id"]: finding for finding in document["because"]}


def measured(document: dict[str, Any], name: str) -> float:
    """Value of one measurement."""
    return float(next(row["value"] for row in document["measurements"] if row["name"] == name))


def check_hotpatch_month(results: dict[str, Any]) -> None:
    """Two guests have the hotpatch without a restart; the others are as they were, each with its reason."""
    guests = {row["guest"]: row for row in results["guest_updates"]}
    updated = {
        name: (row["update"], row["build_after"]) for name, row in guests.items() if row["outcome"] == "installed"
    }
    assert updated == {"vm001": ("KB5072014", "26100.7392"), "vm002": ("KB5071413", "20348.4467")}
    assert all(row["restarts"] == 0 for row in guests.values())
    others = {name: row for name, row in guests.items() if name not in updated}
    assert all(row["outcome"] == "left-alone" and row["reasons"] for row in others.values())
    assert all(
        (row["build_before"], row["kbs_before"]) == (row["build_after"], row["kbs_after"]) for row in others.values()
    )
    assert others["vm004"]["standing"] == others["vm005"]["standing"] == "cumulative"
    assert "does not run" in others["vm004"]["reasons"][0]
    assert all("0x80070005" in row["refused"] for row in guests.values())
    assert measured(results, "vm.restart.count") == 0


def check_baseline_month(results: dict[str, Any]) -> None:
    """Three guests have the baseline after exactly one restart each, one after another."""
    guests = {row["guest"]: row for row in results["guest_updates"]}
    restarted = {name: row["restarts"] for name, row in guests.items() if row["outcome"] == "restarted"}
    assert restarted == {"vm003": 1, "vm006": 1, "vm007": 1}
    assert (guests["vm004"]["outcome"], guests["vm004"]["restarts"]) == ("left-alone", 0)
    assert measured(results, "guest.restart.parallel") == 1
    assert measured(results, "vm.restart.count") == 3
    assert measured(results, "vm.restarts.unexplained") == 0


@pytest.mark.full
def test_demo_passes_and_can_be_repeated(chain: Chain) -> None:
    """`hil demo`: all scenarios pass, with the measurements that make them worth something; one of them run again with
    the same seed and without workers gives the same journal."""
    done = chain.hil("demo")
    assert done.returncode == Exit.PASS, done.stdout + done.stderr
    summary = chain.summary()
    assert summary["exit_code"] == Exit.PASS
    assert {row["id"]: row["verdict"] for row in summary["scenarios"]} == dict.fromkeys(DEMO, "pass")
    assert all(row["subject"] == "simulated" and row["machines"] == "none" for row in summary["scenarios"])
    assert all(3 * 3600 < row["lab_time_s"] < 12 * 3600 for row in summary["scenarios"] if row["id"] not in MONTHS)
    assert all(scenario in done.stdout for scenario in DEMO)
    page = (chain.home / "reports" / "last" / "index.html").resolve()
    assert page.is_file()
    assert str(page.parent.name) in done.stdout

    results = results_of(chain)
    assert measured(results["UPD-001"], "vm.restart.count") == 0
    assert 0 < measured(results["UPD-001"], "vm.outage.longest") < 2
    assert measured(results["UPD-002"], "vm.restart.count") > 0
    assert 10 < measured(results["UPD-002"], "vm.restart.longest") < 360
    (fault,) = results["UPD-002"]["faults"]
    assert fault["confirmed"]
    assert fault["trigger_lag_s"] == 0
    for run in chain.runs:
        assert (run / "index.html").is_file()
        assert (run / "timeline.svg").is_file()
    for scenario, guide in GUIDES.items():
        (row,) = results[scenario]["guides"]
        assert (row["id"], row["rank"], row["first"], row["outcome"]) == (guide, 1, guide, "verified")
        assert row["excluded"], "a look-alike is ruled out by name"
        assert 0 < row["recovered_s"] < 3 * 3600
    extension = results["SBE-001"]
    assert extension["versions"] == {"of": "sbe", "from": "4.1.2509.3", "to": "4.1.2510.2", "reached": "4.1.2510.2"}
    assert measured(extension, "node.down.most") == 1, "each node restarts"

    check_hotpatch_month(results["HP-001"])
    check_baseline_month(results["HP-002"])

    first = _run(chain, "UPD-002")
    again = chain.hil("run", "start", "demo", "-k", "UPD_002", "--seed", str(results["UPD-002"]["seed"]), "-n", "1")
    assert again.returncode == Exit.PASS, again.stdout + again.stderr
    (second,) = [run for run in chain.runs if ".UPD-002." in run.name and run != first]
    compared = chain.hil("judge", "diff", str(first), str(second))
    assert compared.returncode == Exit.PASS, compared.stdout


@pytest.mark.full
def test_detects_finds_every_planted_defect(chain: Chain) -> None:
    """Bare pytest on detects.yaml ends with 1, and each finding names what was planted."""
    done = subprocess.run(
        [
            sys.executable,
            "-m",
            "pytest",
            str(plans_dir() / "detects.yaml"),
            "--hil-lab",
            "labs/twin-4node.yaml",
            "-n",
            "2",
        ],
        capture_output=True,
        text=True,
        timeout=280,
        env=chain.env,
        cwd=root(),
        check=False,
    )
    assert done.returncode == Exit.PRODUCT, done.stdout + done.stderr
    results = results_of(chain)
    verdicts = {name: document["verdict"] for name, document in results.items()}
    assert verdicts == {
        "DET-001": "fail",
        "DET-002": "fail",
        "DET-003": "fail",
        "DET-004": "stuck",
        "DET-005": "fail",
        "DET-007": "guide-gap",
        "DET-008": "stuck",
    }

    drained = findings(results["DET-001"])["drain-before-repair"]
    assert "-Repair'" in drained["summary"]
    assert drained["node"].startswith("NODE")
    assert drained["node"] in drained["summary"]
    lost = findings(results["DET-002"])["vm-not-restarted"]
    assert lost["about"] == "product"
    assert [lost["node"]] == results["DET-002"]["faults"][0]["target"]
    old = findings(results["DET-003"])["build-old"]
    assert "26100.6584" in old["summary"]
    assert "26100.6899" in old["limit"]
    stuck = findings(results["DET-004"])["no-progress"]
    assert "Failover ECE Service to new Node" in stuck["step"]
    left_out = findings(results["DET-005"])["sbe-old"]
    assert (left_out["node"], left_out["value"], left_out["limit"]) == ("NODE04", "4.1.2509.3", "4.1.2510.2")
    gap = findings(results["DET-007"])["guide-gap"]
    assert "upd-arb-offline" in gap["summary"]
    assert "the symptom stayed" in gap["summary"]
    silent = findings(results["DET-008"])["no-answer"]
    assert "the Update Service has not answered" in silent["summary"]
    evidence = _run(chain, "DET-004") / "evidence"
    assert (evidence / "update-runs.json").is_file()
    for scenario in verdicts:
        said = done.stdout.split(f"{scenario} on twin-4node: ", 1)[1].splitlines()[:15]
        text = "\n".join(said)
        for word in (
            "rehearsal: no evidence about the product",
            "whose:",
            "where:",
            "first cause:",
            "lab time",
            "next:",
        ):
            assert word in text, (scenario, word)


@pytest.mark.full
def test_hotpatch_that_restarts_its_guest_is_found(chain: Chain) -> None:
    done = chain.hil("run", "start", "detects", "-k", "DET_006", "-n", "1")
    assert done.returncode == Exit.PRODUCT, done.stdout + done.stderr
    results = results_of(chain)["DET-006"]
    rebooted = [finding for finding in results["because"] if finding["id"] == "guest-rebooted"]
    assert results["verdict"] == "fail"
    assert [finding["attrs"]["guest"] for finding in rebooted] == ["vm001", "vm002"]
    assert all("TrustedInstaller" in finding["summary"] and "1074" in finding["summary"] for finding in rebooted)
    assert results["cause"] == rebooted[0]
    assert "guest vm001" in done.stdout


@pytest.mark.full
@pytest.mark.parametrize("scenario", GUIDES)
def test_guide_with_a_sabotaged_remedy_never_passes(chain: Chain, scenario: str, tmp_path: Path) -> None:
    """The plans of the demo, on a product on which the guide's remedy changes nothing."""
    plan = load_source(plans_dir() / "demo.yaml").value
    (entry,) = [one for one in plan["scenarios"] if one["id"] == scenario]
    plan["scenarios"] = [{**entry, "provoke": [{"defect": SABOTAGE[scenario]}]}]
    plan["plan"] = "sabotage"
    path = tmp_path / "sabotage.yaml"
    path.write_text(yaml.safe_dump(plan, sort_keys=False))
    done = chain.hil("run", "start", str(path), "-n", "1")
    assert done.returncode in (Exit.PRODUCT, Exit.GUIDE_GAP), done.stdout + done.stderr
    results = results_of(chain)[scenario]
    assert results["verdict"] in ("guide-gap", "fail")
    (row,) = results["guides"]
    assert row["outcome"] == "not-verified"
    assert results["faults"][0]["reverted"], "the harness takes its own fault back"


def _run(chain: Chain, scenario: str) -> Path:
    return next(run for run in chain.runs if f".{scenario}." in run.name)
