"""The session folder: summary, JUnit, page."""

from __future__ import annotations

import json
import shlex
from datetime import UTC, datetime
from pathlib import Path, PurePosixPath
from typing import Any
from xml.etree import ElementTree as ET

import pytest

from harness.cli import main
from harness.exits import Exit
from harness.judge.results import write_results
from harness.report.commands import session_commands, start_command
from harness.report.run import write_run_page
from harness.report.scenario_row import ScenarioRow
from harness.report.session import rebuild_session, write_session
from harness.report.session_page import session_page
from harness.testing.stories import tell

STARTED = datetime(2025, 11, 12, 22, 0, tzinfo=UTC)
ENDED = datetime(2025, 11, 12, 22, 1, tzinfo=UTC)
SCENARIOS = ("UPD-001", "UPD-002", "DET-001", "DET-004", "UPD-007")
KEYS = {
    "waived",
    "label",
    "id",
    "title",
    "verdict",
    "run_id",
    "lab",
    "subject",
    "machines",
    "lab_time_s",
    "wall_s",
    "longest_gap_s",
    "detail",
}


def rows_of(reports: Any) -> list[ScenarioRow]:
    rows = []
    for scenario in SCENARIOS:
        folder = reports.run(scenario)
        row = ScenarioRow(id=scenario, title=f"Title <of> {scenario}", run_id=folder.name, lab="twin-4node")
        row.read_results(folder)
        rows.append(row)
    skipped = ScenarioRow(id="HW-001", title="On hardware", run_id="none", lab="rack", verdict="not-run")
    skipped.detail = "lab 'rack' does not declare 'power'"
    return [*rows, skipped]


@pytest.fixture
def session(reports: Any) -> Path:
    folder = Path(reports.folder) / "sessions" / "20251112-220000-ab12"
    folder.mkdir(parents=True, exist_ok=True)
    write_session(folder, STARTED, ENDED, 60.0, 1, rows_of(reports))
    last = Path(reports.folder) / "last"
    last.unlink(missing_ok=True)
    last.symlink_to("sessions/20251112-220000-ab12")
    return folder


def test_a_row_reads_what_the_results_say(reports: Any) -> None:
    row = rows_of(reports)[1]
    assert (row.verdict, row.subject, row.machines, row.detail) == ("pass", "simulated", "none", "")
    assert row.longest_gap_s == pytest.approx(75, abs=0.2)
    assert row.lab_time_s == pytest.approx(9860, abs=1000)
    assert row.wall_s is not None and row.wall_s >= 0
    assert set(row.plain()) == KEYS


def test_a_row_without_results_stays_as_it_was(tmp_path: Path) -> None:
    row = ScenarioRow(id="UPD-001", title="t", run_id="r", lab="l", verdict="harness")
    row.read_results(tmp_path)
    (tmp_path / "results.json").write_text("{ torn")
    row.read_results(tmp_path)
    assert row == ScenarioRow(id="UPD-001", title="t", run_id="r", lab="l", verdict="harness")


def test_the_verdict_of_a_row_is_the_one_beside_the_waivers(tmp_path: Path) -> None:
    waiver = {"finding": "drain-before-repair", "reason": "known", "owner": "lab team", "expires": "2099-01-01"}
    tell(tmp_path, "det-001", waivers=(waiver,))
    results = write_results(tmp_path)
    row = ScenarioRow(id="x", title="t", run_id="r", lab="l")
    row.read_results(tmp_path)
    assert (results["verdict"], row.verdict, row.waived) == ("fail", "pass", "fail")
    (tmp_path / "sessions" / "s").mkdir(parents=True)
    write_session(tmp_path / "sessions" / "s", STARTED, ENDED, 60.0, 0, [row])
    page = (tmp_path / "sessions" / "s" / "index.html").read_text(encoding="utf-8")
    assert "fail, waived" in page
    assert "pass, waived" in page


def test_a_run_without_gaps_and_one_without_samples_differ(reports: Any, tmp_path: Path) -> None:
    results = json.loads((reports.run("DET-004") / "results.json").read_text())
    ledger = json.loads((reports.run("DET-004") / "ledger.json").read_text())
    quiet = [{**vm, "longest_ns": 0, "gaps": []} for vm in ledger["vms"]]
    for vms, wanted in ((quiet, 0.0), ([], None), ([{**vm, "samples": 0} for vm in quiet], None)):
        (tmp_path / "results.json").write_text(json.dumps(results))
        (tmp_path / "ledger.json").write_text(json.dumps({**ledger, "vms": vms}))
        row = ScenarioRow(id="x", title="t", run_id="r", lab="l")
        row.read_results(tmp_path)
        assert row.longest_gap_s == wanted


def test_the_summary_has_exactly_the_agreed_shape(session: Path) -> None:
    summary = json.loads((session / "summary.json").read_text())
    assert list(summary) == ["started", "ended", "wall_s", "exit_code", "scenarios"]
    assert (summary["started"], summary["wall_s"], summary["exit_code"]) == ("2025-11-12T22:00:00.000Z", 60.0, 1)
    assert all(set(row) == KEYS for row in summary["scenarios"])
    assert [row["verdict"] for row in summary["scenarios"]] == [
        "pass",
        "pass",
        "fail",
        "stuck",
        "inconclusive",
        "not-run",
    ]


def test_junit_says_failure_error_or_skipped_by_verdict(session: Path) -> None:
    root = ET.parse(session / "junit.xml").getroot()  # noqa: S314 - our own file
    suite = root.find("testsuite")
    assert root.tag == "testsuites" and suite is not None
    assert {key: suite.get(key) for key in ("tests", "failures", "errors", "skipped")} == {
        "tests": "6",
        "failures": "2",
        "errors": "1",
        "skipped": "1",
    }
    kinds = {str(case.get("name"))[:7]: [child.tag for child in case] for case in suite.iter("testcase")}
    assert kinds["UPD-001"] == ["properties"]
    assert kinds["DET-001"] == kinds["DET-004"] == ["properties", "failure"]
    assert kinds["UPD-007"] == ["properties", "error"]
    assert kinds["HW-001 "] == ["properties", "skipped"]
    failure = next(case for case in suite.iter("testcase") if "DET-001" in str(case.get("name"))).find("failure")
    assert failure is not None and "began to drain" in str(failure.get("message"))
    assert "next:" in str(failure.text) and "evidence:" in str(failure.text)


def test_junit_names_lab_solution_run_and_evidence_class(session: Path, reports: Any) -> None:
    case = next(ET.parse(session / "junit.xml").getroot().iter("testcase"))  # noqa: S314 - our own file
    told = {item.get("name"): item.get("value") for item in case.iter("property")}
    wanted = {
        "lab": "twin-4node",
        "run_id": reports.run("UPD-001").name,
        "subject": "simulated",
        "machines": "none",
        "solution.from": "12.2509.1001.22",
        "solution.to": "12.2510.1002.94",
        "evidence": "rehearsal: no evidence about the product",
    }
    assert wanted.items() <= told.items()
    assert float(str(case.get("time"))) >= 0


def test_the_page_links_to_runs_that_exist(session: Path, reports: Any) -> None:
    for scenario in SCENARIOS:
        write_run_page(reports.run(scenario))
    text = (session / "index.html").read_text()
    for scenario in SCENARIOS:
        link = f"../../runs/{reports.run(scenario).name}/index.html"
        assert f'href="{link}"' in text
        assert (session / link).is_file()
    assert "Title &lt;of&gt; UPD-001" in text
    assert "runs/none" not in text


def test_no_total_mixes_evidence_classes() -> None:
    def row(name: str, verdict: str, subject: str, label: str) -> dict[str, Any]:
        numbers = {"lab_time_s": 1.0, "wall_s": 1.0, "longest_gap_s": 0.0, "detail": ""}
        more = {"run_id": name, "lab": "l", "machines": "physical", "title": name, "waived": ""}
        return {"id": name, "verdict": verdict, "subject": subject, "label": label, "log": False, **more, **numbers}

    about, rehearsal = "evidence about the product", "rehearsal: no evidence about the product"
    rows = [row(f"T-{i}", "pass", "simulated", rehearsal) for i in range(7)]
    rows += [row(f"P-{i}", "pass", "product", about) for i in range(2)]
    summary = {"started": "s", "ended": "e", "wall_s": 1.0, "exit_code": 0}
    page = session_page("x", summary, rows, ())
    product, _, rest = page.partition("<h2>Rehearsal")
    assert '<b class="num">2</b>' in product and '<b class="num">7</b>' in rest
    assert '<b class="num">9</b>' not in page
    assert product.index("Evidence about the product") > 0
    assert all(f"P-{i}" in product for i in range(2)) and "T-0" not in product


def test_a_session_of_one_plan_is_run_again_with_one_command(reports: Any) -> None:
    runs = [(row.results, {}) for row in rows_of(reports) if row.results]
    commands = session_commands(runs)
    assert [command.line for command in commands] == ["./hil run start demo --lab twin-4node --seed 7"]


@pytest.mark.parametrize(
    ("file", "word"),
    [("demo.yaml", "demo"), ("/tmp/plans/mine.yaml", "/tmp/plans/mine.yaml"), ("plans/a b.yaml", "'plans/a b.yaml'")],
)
def test_a_plan_run_by_path_is_run_again_by_path(reports: Any, file: str, word: str) -> None:
    results = next(row.results for row in rows_of(reports) if row.results)
    plan = {"plan": {"name": PurePosixPath(file).stem, "file": file}}
    (command,) = session_commands([(results, plan)])
    assert command.line == f"./hil run start {word} --lab twin-4node --seed 7"
    assert start_command(results, plan).startswith(f"./hil run start {word} --lab twin-4node -k ")


def test_a_session_on_several_labs_names_the_scenarios_of_each(reports: Any) -> None:
    runs = [(row.results, {}) for row in rows_of(reports) if row.results]
    other = {**runs[0][0], "scenario": "HP-001", "lab": {"name": "twin-2node-guests", "kind": "twin"}}
    lines = [command.line for command in session_commands([*runs, (other, {})])]
    ids = " or ".join(dict.fromkeys(str(results["scenario"]) for results, _ in runs))
    assert lines == [
        f"./hil run start demo --lab twin-4node -k {shlex.quote(ids)} --seed 7",
        "./hil run start demo --lab twin-2node-guests -k HP-001 --seed 7",
    ]


def test_a_leg_is_run_again_with_its_campaign(reports: Any) -> None:
    results = next(row.results for row in rows_of(reports) if row.results)
    leg = {"campaign": "night", "number": 2, "of": 3, "taken_over": "x", "handed_over": True}
    line = start_command({**results, "leg": leg}, {"plan": {"name": "demo"}})
    assert line == "./hil run start demo --lab twin-4node -k night --seed 7"


def test_an_empty_session_has_a_page(tmp_path: Path) -> None:
    write_session(tmp_path, STARTED, ENDED, 0.1, 5, [])
    assert "No scenario was selected" in (tmp_path / "index.html").read_text()
    assert ET.parse(tmp_path / "junit.xml").getroot().find("testsuite") is not None  # noqa: S314


def test_a_rebuilt_session_is_the_same(session: Path, reports: Any) -> None:
    names = ("summary.json", "junit.xml", "index.html")
    before = [(session / name).read_bytes() for name in names]
    rebuild_session(session, reports.folder / "runs")
    assert [(session / name).read_bytes() for name in names] == before


# --- hil report ------------------------------------------------------------------------------------------------------


@pytest.fixture
def command_line(session: Path, reports: Any, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("HIL_REPORTS", str(reports.folder))
    for name in ("DISPLAY", "WAYLAND_DISPLAY"):
        monkeypatch.delenv(name, raising=False)


@pytest.mark.usefixtures("command_line")
def test_open_prints_the_page_of_session_and_run(reports: Any, capsys: pytest.CaptureFixture[str]) -> None:
    assert main(["report", "open"]) == Exit.PASS
    assert capsys.readouterr().out.strip().endswith("sessions/20251112-220000-ab12/index.html")
    assert main(["report", "build", reports.run("DET-001").name]) == Exit.PASS
    capsys.readouterr()
    assert main(["report", "open", "DET-001"]) == Exit.PASS
    assert Path(capsys.readouterr().out.strip()) == reports.run("DET-001") / "index.html"


@pytest.mark.usefixtures("command_line")
def test_build_makes_pages_from_journals_alone(reports: Any, session: Path, capsys: pytest.CaptureFixture[str]) -> None:
    folder = reports.run("DET-004")
    for name in ("index.html", "timeline.svg", "results.json"):
        (folder / name).unlink(missing_ok=True)
    (session / "index.html").unlink()
    assert main(["report", "build", "last"]) == Exit.PASS
    assert len(capsys.readouterr().out.splitlines()) == len(SCENARIOS) + 1
    assert (folder / "index.html").is_file() and (folder / "results.json").is_file()
    assert (session / "index.html").is_file()


@pytest.mark.usefixtures("command_line")
def test_list_tells_verdicts_for_people_and_for_scripts(capsys: pytest.CaptureFixture[str]) -> None:
    assert main(["report", "list", "--json"]) == Exit.PASS
    sessions = json.loads(capsys.readouterr().out)
    assert [each["session"] for each in sessions] == ["20251112-220000-ab12"]
    assert main(["report", "list"]) == Exit.PASS
    assert "stuck        DET-004" in capsys.readouterr().out


@pytest.mark.usefixtures("command_line")
def test_a_run_that_is_not_there_is_a_usage_error(capsys: pytest.CaptureFixture[str]) -> None:
    assert main(["report", "open", "NO-SUCH"]) == Exit.USAGE
    assert "next:" in capsys.readouterr().err
