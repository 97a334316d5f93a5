"""Starting a session: pytest's command line, defaults, refusals, and one real child."""

from __future__ import annotations

import json
import sys
from pathlib import Path

import pytest

from harness import cli
from harness.cli import demo, starting
from harness.cli.starting import Order
from harness.errors import ConfigError
from harness.exits import Exit
from harness.labs.models import find_lab
from harness.labs.nested import needs
from harness.paths import labs_dir, reports_dir, sessions_dir
from harness.plan.load import Plan, find_plan, load_plan, plan_reference
from harness.pytest_plugin.collect import function_name
from harness.run.obstacles import obstacles

FAKE_PYTEST = """
import json, pathlib, sys
folder = pathlib.Path(sys.argv[1])
print("collected 1 item")
for event in ({"event": "run.started", "id": "UPD-001", "run_id": "s.UPD-001.x", "lab": "x"},
              {"event": "run.finished", "id": "UPD-001", "run_id": "s.UPD-001.x", "lab": "x", "verdict": "not-run",
               "detail": "needs 16 nodes"}):
    with (folder / "session.jsonl").open("a") as stream:
        stream.write(json.dumps(event) + chr(10))
(folder / "summary.json").write_text(json.dumps({"exit_code": 10}))
sys.exit(1)
"""


@pytest.fixture
def plan() -> Plan:
    return load_plan(find_plan("demo"))


@pytest.fixture
def fake_pytest(monkeypatch: pytest.MonkeyPatch) -> None:
    def command(plan: Plan, order: Order, session_id: str, workers: int) -> list[str]:
        return [sys.executable, "-c", FAKE_PYTEST, str(sessions_dir() / session_id)]

    monkeypatch.setattr(starting, "pytest_command", command)


def test_the_order_becomes_a_command_line_of_pytest(plan: Plan) -> None:
    order = Order("demo", lab="twin-4node", expression="UPD-001", seed=7, record=True, extra=("-x",))
    command = starting.pytest_command(plan, order, "s1", 2)
    assert command[:4] == [sys.executable, "-m", "pytest", str(plan.path)]
    words = " ".join(command[4:])
    for part in ("-p no:cacheprovider", "--hil-session=s1", "-n 2", "--hil-lab=twin-4node", "--hil-seed=7"):
        assert part in words
    assert f"--hil-record --alluredir={sessions_dir() / 's1' / 'allure-results'}" in words
    assert command[-3:] == ["-k", "UPD_001", "-x"]


def test_without_its_plugin_allure_is_not_asked_for(plan: Plan) -> None:
    command = starting.pytest_command(plan, Order("demo", extra=("-p", "no:allure_pytest")), "s1", 1)
    assert not any(word.startswith("--alluredir") for word in command)


def test_one_scenario_at_a_time_needs_no_worker_processes(plan: Plan) -> None:
    command = starting.pytest_command(plan, Order("demo"), "s1", 1)
    assert command[command.index("-n") + 1] == "0"


def test_workers_are_bounded_by_scenarios_instances_and_processors(plan: Plan, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("os.sched_getaffinity", lambda pid: set(range(64)))
    labs = starting.labs_of(plan, Order("demo"))
    assert starting.worker_count(plan, Order("demo"), labs) == min(
        len(plan.scenarios), sum(lab.instances for lab in labs)
    )
    monkeypatch.setattr("os.sched_getaffinity", lambda pid: {0})
    assert starting.worker_count(plan, Order("demo"), labs) == 1
    assert starting.worker_count(plan, Order("demo", workers=3), labs) == 3
    with pytest.raises(ConfigError, match="unknown lab"):
        starting.labs_of(plan, Order("demo", lab="twin-5node"))


@pytest.mark.parametrize(
    ("given", "wanted"),
    [
        ("UPD-001", "UPD_001"),
        ("not (UPD-00 or DET)", "not (UPD_00 or DET)"),
        ("twin-4node and UPD-001", "twin-4node and UPD_001"),
        ("power_loss.nodes", "power_loss__nodes"),
    ],
)
def test_scenario_ids_select_the_tests_that_stand_for_them(given: str, wanted: str) -> None:
    ids = ["UPD-001", "UPD-002.power_loss.nodes", "DET-001"]
    assert starting.pytest_expression(given, ids) == wanted
    assert all(starting.pytest_expression(each, ids) in function_name(each) for each in ids)


@pytest.mark.parametrize("name", ["../evil", "", "a.b", "x" * 65])
def test_a_session_name_that_is_no_folder_name_is_refused(name: str) -> None:
    with pytest.raises(ConfigError, match="no name for a session"):
        starting.make_folder(name)


def test_a_session_is_never_written_twice() -> None:
    folder = starting.make_folder("nightly-1")
    (folder / "session.jsonl").touch()
    with pytest.raises(ConfigError, match="exists already"):
        starting.make_folder("nightly-1")


def test_a_real_child_is_followed_to_its_summary(fake_pytest: None, capsys: pytest.CaptureFixture[str]) -> None:
    assert cli.main(["run", "start", "demo", "--session", "s"]) == Exit.LAB
    shown = capsys.readouterr().out
    assert "verdict: not-run" in shown
    assert "UPD-001: needs 16 nodes" in shown
    assert f"report: {sessions_dir() / 's' / 'index.html'}" in shown
    assert (sessions_dir() / "s" / "pytest.log").read_text() == "collected 1 item\n"


def test_beside_json_progress_goes_to_stderr(fake_pytest: None, capsys: pytest.CaptureFixture[str]) -> None:
    assert cli.main(["run", "start", "demo", "--json"]) == Exit.LAB
    shown = capsys.readouterr()
    assert json.loads(shown.out)["exit_code"] == 10
    assert "verdict: not-run" in shown.err


def test_a_plan_with_mistakes_starts_nothing(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    broken = tmp_path / "broken.yaml"
    broken.write_text("schema: 1\nplan: broken\ntitle: t\nscenarois: []\n")
    assert cli.main(["run", "start", str(broken)]) == Exit.USAGE
    assert "broken.yaml:4" in capsys.readouterr().err
    assert not sessions_dir().exists()


def test_the_demo_is_a_start_of_the_demo_plan(
    monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    orders: list[Order] = []

    def run_session(order: Order, *, as_json: bool) -> Exit:
        orders.append(order)
        return Exit.GUIDE_GAP

    monkeypatch.setattr(demo, "run_session", run_session)
    assert cli.main(["demo", "-n", "1"]) == Exit.GUIDE_GAP
    assert orders == [Order(str(find_plan("demo")), workers=1)]
    assert "hil run show" in capsys.readouterr().out
    cli.main(["demo", "--json"])
    assert capsys.readouterr().out == ""


def test_words_behind_two_dashes_go_to_pytest(monkeypatch: pytest.MonkeyPatch) -> None:
    orders: list[Order] = []
    monkeypatch.setattr("harness.cli.run.run_session", lambda order, as_json: orders.append(order) or Exit.PASS)
    assert cli.main(["run", "start", "demo", "-k", "UPD", "--", "--maxfail=1", "-x"]) == Exit.PASS
    assert orders == [Order("demo", expression="UPD", extra=("--maxfail=1", "-x"))]


@pytest.mark.parametrize("lab", ["nested-windows", str(labs_dir() / "physical-rack.example.yaml")])
def test_a_lab_that_cannot_be_hosted_is_refused_before_its_secrets_are_asked_for(
    lab: str, capsys: pytest.CaptureFixture[str]
) -> None:
    assert cli.main(["run", "start", "demo", "--lab", lab]) == Exit.USAGE
    said = capsys.readouterr().err.splitlines()
    assert "cannot be hosted by this version" in said[0]
    assert said[1].startswith("  next: ")
    assert len(said) == 2
    assert not sessions_dir().exists()


def test_a_nested_lab_is_refused_on_a_machine_that_lacks_something(
    monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    monkeypatch.setattr(needs, "lab_lacks", lambda: [needs.Lack("libvirt-python", needs.BINDING_PACKAGES)])
    assert cli.main(["run", "start", "nested-smoke"]) == Exit.USAGE
    said = capsys.readouterr().err
    assert "lab 'nested-2node' cannot be used: nested labs need what is not here: libvirt-python" in said
    assert "./hil --nested doctor" in said
    assert not sessions_dir().exists()
    file = find_lab("nested-2node")
    for scenario in load_plan(find_plan("nested-smoke")).scenarios:
        assert any("need what is not here" in reason for reason in obstacles(scenario, file)), (
            "not-run beside other labs"
        )


def test_a_missing_secret_starts_nothing(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    text = (labs_dir() / "twin-4node.yaml").read_text(encoding="utf-8").replace("lab: twin-4node", "lab: mine")
    lab = tmp_path / "mine.yaml"
    lab.write_text(text.replace("secret://generated", "secret://env/HIL_NO_SUCH_SECRET"), encoding="utf-8")
    assert cli.main(["run", "start", "demo", "--lab", str(lab)]) == Exit.USAGE
    assert "HIL_NO_SUCH_SECRET" in capsys.readouterr().err
    assert not sessions_dir().exists()


def test_a_selection_of_nothing_leaves_no_session(capsys: pytest.CaptureFixture[str]) -> None:
    (reports_dir() / "sessions" / "before").mkdir(parents=True)
    (reports_dir() / "last").symlink_to("sessions/before")
    assert cli.main(["run", "start", "demo", "-k", "NOPE", "-n", "1"]) == Exit.NOTHING_SELECTED
    assert "the selection names no scenario" in capsys.readouterr().err
    assert [entry.name for entry in sessions_dir().iterdir()] == ["before"]
    assert (reports_dir() / "last").readlink() == Path("sessions/before")


def test_a_plan_elsewhere_is_named_by_its_path_later_on(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    assert plan_reference(find_plan("demo")) == "demo.yaml"
    elsewhere = tmp_path / "mine.yaml"
    assert plan_reference(elsewhere) == str(elsewhere)
    monkeypatch.chdir(tmp_path)
    inside = labs_dir() / "twin-4node.yaml"
    assert plan_reference(inside) == "labs/twin-4node.yaml"
    assert find_plan("labs/twin-4node.yaml") == inside, "from any folder"


def test_legs_of_a_campaign_need_one_worker(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("os.sched_getaffinity", lambda pid: set(range(8)))
    plan = load_plan(find_plan("campaign"))
    assert starting.worker_count(plan, Order("campaign"), starting.labs_of(plan, Order("campaign"))) == 1
