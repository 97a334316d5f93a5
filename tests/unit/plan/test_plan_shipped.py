"""The plans and labs that ship: golden renderings, round trip, fit, schemas, command line.

HIL_UPDATE_GOLDEN=1 writes the renderings anew; look at the difference before you keep them.
"""

from __future__ import annotations

import json
import os
from collections.abc import Iterable
from datetime import timedelta
from pathlib import Path

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from harness import paths
from harness.cli import main
from harness.cli.faults import is_injectable
from harness.errors import ConfigError
from harness.labs.lint import json_schemas, lint_file
from harness.labs.models import LabFile, find_lab, lab_names, load_lab
from harness.plan.fits import fits
from harness.plan.load import find_plan, load_plan, plan_files
from harness.plan.models import Scenario, limit_of
from harness.plan.plain import canonical_json, from_plain, plan_sha256, to_plain
from harness.plan.releases import SOLUTIONS
from harness.plan.render import render
from harness.plan.vocabulary import (
    CAPABILITIES,
    CLUSTER_GROUPS,
    DEFECTS,
    EVENTS,
    FACTS,
    FAULTS,
    NODE_STEPS,
    PHASES,
    ROLES,
    SELECTORS,
)
from tests.examples import examples

GOLDEN = Path(__file__).resolve().parents[2] / "golden" / "plans"
PLANS = plan_files()
LAB_FILES = sorted(paths.labs_dir().glob("*.yaml"))


def shipped() -> list[Scenario]:
    return [scenario for path in PLANS for scenario in load_plan(path).scenarios]


@pytest.mark.parametrize("path", PLANS, ids=lambda path: path.stem)
def test_golden_rendering(path: Path) -> None:
    text = "\n".join(render(scenario) for scenario in load_plan(path).scenarios)
    golden = GOLDEN / f"{path.stem}.txt"
    if os.environ.get("HIL_UPDATE_GOLDEN") == "1":
        golden.write_text(text, encoding="utf-8")
    assert text == golden.read_text(encoding="utf-8"), "if that is meant: HIL_UPDATE_GOLDEN=1"


def test_no_golden_file_without_a_plan() -> None:
    assert {path.stem for path in GOLDEN.glob("*.txt")} == {path.stem for path in PLANS}


@pytest.mark.parametrize("path", [*PLANS, *LAB_FILES], ids=lambda path: path.name)
def test_shipped_file_has_no_mistakes_and_names_its_schema(path: Path) -> None:
    assert lint_file(path) == []
    kind = "testplan" if path in PLANS else "lab"
    first = path.read_text(encoding="utf-8").splitlines()[0]
    assert first == f"# yaml-language-server: $schema=../reports/schemas/{kind}.schema.json"


@pytest.mark.parametrize("scenario", shipped(), ids=lambda scenario: scenario.id)
def test_plain_data_restores_the_scenario(scenario: Scenario) -> None:
    plain = json.loads(json.dumps(to_plain(scenario)))
    assert from_plain(plain) == scenario
    assert plan_sha256(from_plain(plain)) == plan_sha256(scenario)


durations = st.timedeltas(min_value=timedelta(milliseconds=1), max_value=timedelta(days=2))
limits = st.tuples(
    st.floats(0, 1e6, allow_nan=False), st.sampled_from(["vm.outage.longest", "vm.restart.count", "probe.coverage"])
)


@settings(max_examples=examples(60))
@given(
    base=st.sampled_from(shipped()),
    poll=durations,
    lasts=durations,
    bound=limits,
    title=st.text(min_size=1).filter(str.strip),
    target=st.sampled_from(["one & not self", "next_to_update", "self | node(2)", "minority & up"]),
)
def test_any_scenario_survives_plain_data(
    base: Scenario, poll: timedelta, lasts: timedelta, bound: tuple[float, str], title: str, target: str
) -> None:
    plain = to_plain(base)
    plain["title"] = title
    plain["budgets"]["poll"] = poll
    for fault in plain["faults"]:
        fault.update({"for": lasts, "target": target})
    changed = Scenario.model_validate(plain)
    limit = limit_of(
        bound[1],
        {"ge": bound[0], "le": None, "unit": {"vm.outage.longest": "s", "probe.coverage": "%"}.get(bound[1], "count")},
    )
    changed = changed.model_copy(update={"limits": (limit,)})
    assert from_plain(json.loads(canonical_json(to_plain(changed)))) == changed


def test_scenarios_are_deeply_frozen() -> None:
    assert len({hash(scenario) for scenario in shipped()}) == len(shipped())


def test_saved_scenario_of_another_shape_is_refused() -> None:
    plain = to_plain(load_plan(find_plan("demo")).scenarios[0])
    with pytest.raises(ConfigError, match=r"saved scenario 'UPD-001' cannot be read: limitz"):
        from_plain({**plain, "limitz": {}})
    with pytest.raises(ConfigError, match="cannot be read: budgets"):
        from_plain({key: value for key, value in plain.items() if key != "budgets"})
    with pytest.raises(ConfigError, match="not in canonical form"):
        from_plain({**plain, "budgets": {**plain["budgets"], "poll": "60s"}})


def test_demo_is_what_it_promises() -> None:
    clean, loss, *others = load_plan(find_plan("demo")).scenarios
    ditches = [one for one in others if one.guides is not None]
    (extension,) = [one for one in others if one.workflow.kind == "sbe"]
    assert clean.start is not None
    assert clean.workflow.target is not None
    assert (clean.start.solution, clean.workflow.target.solution) == ("12.2509.1001.22", "12.2510.1002.94")
    assert clean.faults == ()
    assert (str(loss.faults[0].on), str(loss.faults[0].target)) == (
        "phase.enter update/install/cau/node[*]/reboot nth=1",
        "one & not self",
    )
    assert loss.faults[0].lasts == timedelta(minutes=10)
    assert loss.workflow.resume.on_failure > 0
    led_out = {one.id: (one.faults[0].fault, one.guides and one.guides.expect) for one in ditches}
    assert led_out == {
        "UPD-003": ("update.orphan_plan", ("upd-stuck-downloading-getcaudeviceinfo",)),
        "UPD-004": ("resource_bridge.stop", ("upd-arb-offline",)),
        "UPD-005": ("node.fill_system_drive", ("ev-systemdrive-free-space",)),
    }
    assert (extension.id, extension.workflow.kind, extension.faults) == ("SBE-001", "sbe", ())
    assert all(str(one.faults[0].until.event) == "guide.done nth=1" for one in ditches if one.faults[0].until)
    months = {one.id: one.workflow.guest_updates for one in others if one.workflow.guest_updates is not None}
    assert {name: (wanted.month, wanted.window is not None) for name, wanted in months.items()} == {
        "HP-001": ("2025-12", False),
        "HP-002": ("2026-01", True),
    }


def test_detects_plants_each_defect_once() -> None:
    planted = [one.defect for scenario in load_plan(find_plan("detects")).scenarios for one in scenario.provoke]
    assert planted == [
        "cau_skips_storage_wait",
        "no_ha_restart",
        "installed_with_old_build",
        "step_hangs",
        "sbe_skips_a_node",
        "hotpatch_reboots_guest",
        "group_start_without_effect",
    ]


def test_misfits_name_part_and_offer() -> None:
    loss = load_plan(find_plan("demo")).scenario("UPD-002")
    rack = load_lab(paths.labs_dir() / "physical-rack.example.yaml")
    assert [(misfit.part, misfit.message) for misfit in fits(loss, rack)] == [
        ("needs.nodes", "needs >= 4, the lab has 2"),
        ("needs.guests", "needs >= 40, the lab has 2"),
        ("needs.capabilities",
         "the lab does not declare 'hold' (the lab can hold an event until a fault is in place (no trigger lag))"),
        ("budgets.poll", "1m is below the lab's poll budget of 2m"),
    ]  # fmt: skip
    assert fits(loss, find_lab(loss.lab)) == []


def test_version_counts_where_the_lab_cannot_reset() -> None:
    lab = find_lab("twin-4node")
    clean = load_plan(find_plan("demo")).scenario("UPD-001")
    older = lab.versions.model_copy(update={"solution": "12.2508.1001.52"})
    fixed = lab.model_copy(update={"capabilities": ("guest_probes",), "versions": older})
    assert [misfit.part for misfit in fits(clean, fixed)] == ["from"]


def test_no_shipped_lab_declares_faults_that_nothing_can_inject() -> None:
    declared = {name for lab in lab_names() for name in find_lab(lab).capabilities}
    usable = {name for name, word in FAULTS.items() if word.capability in declared}
    assert usable == {
        "node.power_loss",
        "node.power_cycle",
        "node.hang",
        "network.isolate",
        "node.fill_system_drive",
        "update.orphan_plan",
        "resource_bridge.stop",
        "update_service.wedge",
    }
    assert all(is_injectable(name) for name in usable)


@pytest.mark.parametrize("name", sorted(json_schemas()))
def test_committed_schema_is_current(name: str) -> None:
    committed = json.loads((paths.schemas_dir() / name).read_text(encoding="utf-8"))
    assert committed == json_schemas()[name], "run: hil plan schema"


def test_command_line(capsys: pytest.CaptureFixture[str], tmp_path: Path) -> None:
    assert main(["plan", "list"]) == 0
    assert "UPD-002" in capsys.readouterr().out
    assert main(["plan", "list", "--json"]) == 0
    assert [plan["plan"] for plan in json.loads(capsys.readouterr().out)] == [path.stem for path in PLANS]
    assert main(["plan", "show", "demo", "UPD-001", "--json"]) == 0
    shown = json.loads(capsys.readouterr().out)
    assert shown.pop("sha256") == plan_sha256(from_plain(shown))
    assert main(["plan", "render", "demo", "UPD-002"]) == 0
    assert "power_loss on one & not self" in capsys.readouterr().out
    assert main(["plan", "schema", "--check"]) == 0
    assert main(["plan", "show", "dmo"]) == 4
    assert "there is no plan 'dmo' (did you mean 'demo'?)" in capsys.readouterr().err


def test_command_line_lints(capsys: pytest.CaptureFixture[str], tmp_path: Path) -> None:
    wrong = tmp_path / "wrong.yaml"
    wrong.write_text("schema: 1\nlab: wrong\nkind: twyn\n", encoding="utf-8")
    assert main(["plan", "lint", str(wrong), "--json"]) == 4
    problems = json.loads(capsys.readouterr().out)
    assert ("kind", 3, 7, "twin") in [(p["path"], p["line"], p["column"], p["suggestion"]) for p in problems]
    assert main(["plan", "lint", *map(str, PLANS)]) == 0
    assert main(["plan", "lint", str(tmp_path / "absent.yaml")]) == 4


def test_lint_finds_scenarios_that_do_not_fit(tmp_path: Path) -> None:
    text = (paths.plans_dir() / "demo.yaml").read_text(encoding="utf-8").replace("lab: twin-4node", "lab: twin-1node")
    path = tmp_path / "demo.yaml"
    path.write_text(text, encoding="utf-8")
    messages = [problem.message for problem in lint_file(path)]
    assert "needs.nodes: does not fit lab 'twin-1node': needs >= 4, the lab has 1" in messages


def demo_with(tmp_path: Path, old: str, new: str) -> Path:
    """The demo plan with other words in it."""
    path = tmp_path / "demo.yaml"
    path.write_text(find_plan("demo").read_text(encoding="utf-8").replace(old, new), encoding="utf-8")
    return path


@pytest.mark.parametrize(
    ("known", "wrong", "part"),
    [("12.2510.1002.94", "12.2510.1002.95", "workflow.target"), ("12.2509.1001.22", "12.2509.1001.23", "from")],
)
def test_a_release_that_a_simulated_lab_lacks_is_a_mistake_with_its_place(
    tmp_path: Path, known: str, wrong: str, part: str
) -> None:
    problems = lint_file(demo_with(tmp_path, known, wrong))
    assert problems
    for problem in problems:
        assert not problem.is_warning
        assert f"{part}: does not fit" in problem.message
        assert f"no release '{wrong}'" in problem.message
        assert f"did you mean '{known}'" in problem.message
        assert wrong in problem.source_line


def test_a_release_that_only_the_plant_may_know_is_a_warning(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    monkeypatch.setattr(LabFile, "releases", None)
    plan = demo_with(tmp_path, "12.2510.1002.94", "12.2610.1001.7")
    assert main(["plan", "lint", str(plan), "--json"]) == 0
    found = json.loads(capsys.readouterr().out)
    assert {problem["severity"] for problem in found} == {"warning"}
    assert main(["plan", "lint", str(plan)]) == 0
    assert ", 0 mistakes, " in capsys.readouterr().out


@pytest.mark.parametrize(
    ("version", "near"),
    [("12.2509.1001.23", "12.2509.1001.22"), ("12.2510.1002.90", "12.2510.1002.88"), ("1", None)],
)
def test_the_release_that_was_meant_is_of_the_same_month(version: str, near: str | None) -> None:
    assert SOLUTIONS.nearest(version) == near


def test_a_lab_file_with_a_release_that_nobody_knows(tmp_path: Path) -> None:
    for name, warns in (("twin-4node", False), ("nested-2node", False), ("nested-windows.example", True)):
        text = (paths.labs_dir() / f"{name}.yaml").read_text(encoding="utf-8")
        path = tmp_path / f"{name}.yaml"
        path.write_text(text.replace("12.2509.1001.22", "12.2509.1001.29"), encoding="utf-8")
        (problem,) = lint_file(path)
        assert (problem.is_warning, problem.suggestion) == (warns, "12.2509.1001.22")


def test_lint_takes_names_of_plans_and_labs(capsys: pytest.CaptureFixture[str]) -> None:
    assert main(["plan", "lint", "demo", "twin-4node"]) == 0
    assert capsys.readouterr().out == "2 files checked, 0 mistakes\n"
    assert main(["plan", "lint", "dmo"]) == 4
    assert "did you mean 'demo'" in capsys.readouterr().err


@pytest.mark.parametrize("command", [["run", "start"], ["plan", "show"], ["plan", "fits", "twin-4node"]])
def test_a_lab_file_given_as_a_plan_is_called_one(command: list[str], capsys: pytest.CaptureFixture[str]) -> None:
    assert main([*command, str(paths.labs_dir() / "twin-4node.yaml")]) == 4
    said = capsys.readouterr().err
    assert "is a lab file, not a plan" in said
    assert len(said.splitlines()) == 2


@pytest.mark.parametrize(
    ("page", "words"),
    [
        ("plan-file.md", [FAULTS, EVENTS, FACTS, ROLES, SELECTORS, CLUSTER_GROUPS, DEFECTS, NODE_STEPS, PHASES]),
        ("lab-file.md", [CAPABILITIES, LabFile.model_fields.keys() - {"schema_"}]),
    ],
)
def test_reference_page_names_every_word(page: str, words: list[Iterable[str]]) -> None:
    text = (paths.root() / "docs" / "reference" / page).read_text(encoding="utf-8")
    assert [word for table in words for word in table if f"`{word}" not in text] == []
