"""The case that Allure is told about: identity, status, steps, what may leave the run folder; the offline writer."""

from __future__ import annotations

import hashlib
import json
import shutil
from pathlib import Path
from typing import Any

import pytest

from harness.journal import Kind
from harness.judge.results import write_results
from harness.report.allure.build import Order, case_of_folder, case_without_run, interrupted
from harness.report.allure.case import BROKEN, FAILED, OF_VERDICT, PASSED, SKIPPED, AllureCase, Step
from harness.report.allure.companions import CATEGORY_LIST, write_companions
from harness.report.allure.folder import keep_only, results_in, write_case
from harness.report.allure.page import evidence_classes
from harness.report.allure.rendering import document_of
from harness.report.allure.session import Turn, complete_results, rebuild_results
from harness.report.junit import ELEMENTS
from harness.testing.journals import JournalBuilder
from harness.testing.stories import Story, Telling, tell
from harness.values import Verdict
from tests.unit.report.conftest import SESSION, Reports

WAIVER = {"finding": "drain-before-repair", "reason": "known", "owner": "lab team", "expires": "2099-01-01"}


def judged(folder: Path, story: str, **changes: Any) -> AllureCase:
    tell(folder, story, **changes)
    write_results(folder)
    return case_of_folder(folder)


def step_named(case: AllureCase, name: str) -> Step:
    return next(step for root in case.steps for step in root.walk() if step.name.startswith(name))


# --- identity and status ----------------------------------------------------------------------------------------------


def test_two_runs_of_a_scenario_share_their_history_and_nothing_else(tmp_path: Path) -> None:
    one, other = (judged(tmp_path / f"s{number}.UPD-001.twin-4node", "upd-001") for number in (1, 2))
    assert one.history_id == other.history_id
    assert one.full_name == "demo.UPD-001[lab=twin-4node]"
    assert one.uuid != other.uuid
    assert one.history_id != judged(tmp_path / "s1.DET-001.x", "det-001").history_id


def test_every_verdict_has_a_status_and_agrees_with_junit() -> None:
    assert set(OF_VERDICT) == {verdict.value for verdict in Verdict}
    words = {"": PASSED, "failure": FAILED, "error": BROKEN, "skipped": SKIPPED}
    assert {verdict: words[element] for verdict, element in ELEMENTS.items()} == OF_VERDICT


@pytest.mark.parametrize(
    ("scenario", "status", "begins"),
    [
        ("UPD-001", PASSED, "pass: "),
        ("UPD-002", PASSED, "pass: "),
        ("DET-001", FAILED, "fail: "),
        ("DET-004", FAILED, "stuck: "),
        ("UPD-007", BROKEN, "unfinished: "),
    ],
)
def test_status_and_message_follow_the_verdict(reports: Reports, scenario: str, status: str, begins: str) -> None:
    case = case_of_folder(reports.run(scenario))
    assert case.status == status
    assert case.message.startswith(begins)
    assert "rehearsal: no evidence about the product" in case.message
    assert case.trace.startswith(f"{scenario} on twin-4node: ")


def test_a_waived_failure_passes_and_says_so(tmp_path: Path) -> None:
    case = judged(tmp_path / "s.DET-001.x", "det-001", waivers=(WAIVER,))
    assert case.status == PASSED
    assert case.message.startswith("pass: fail is waived (lab team: known, until 2099-01-01)")
    assert ("tag", "waived") in case.labels
    assert "counts as **pass**: waived" in case.description
    assert step_named(case, "finding drain-before-repair").status == PASSED


@pytest.mark.parametrize("story", ["upd-001", "det-003"])
def test_a_run_without_an_end_is_broken_whatever_was_found(tmp_path: Path, story: str) -> None:
    folder = tmp_path / "s.X.y"
    tell(folder, story)
    lines = (folder / "journal.jsonl").read_bytes().splitlines(keepends=True)
    (folder / "journal.jsonl").write_bytes(b"".join(lines[:-1]) + lines[-1][:20])
    case = case_of_folder(folder)
    assert case.status == BROKEN
    assert case.message.startswith("unfinished: the run did not come to its end (its journal stops in the middle")


def test_an_interrupted_test_is_broken_although_the_journal_says_pass(reports: Reports) -> None:
    case = interrupted(case_of_folder(reports.run("UPD-001")), "interrupted by the operator")
    assert (case.status, case.message) == (BROKEN, "inconclusive: interrupted by the operator")


def test_a_folder_without_a_journal_is_broken_and_named_by_its_order(tmp_path: Path) -> None:
    folder = tmp_path / "s.UPD-001.twin-4node"
    folder.mkdir()
    order = {"scenario": {"id": "UPD-001", "title": "T", "severity": "blocker"}, "plan": {"name": "demo"}}
    (folder / "plan.json").write_text(json.dumps({**order, "lab": {"lab": "twin-4node"}, "session": "s", "seed": 3}))
    case = case_of_folder(folder, detail="no address is free")
    assert (case.status, case.message) == (BROKEN, "harness: no address is free")
    assert case.full_name == "demo.UPD-001[lab=twin-4node]"
    assert ("severity", "blocker") in case.labels


def test_a_broken_journal_is_broken_and_says_where(tmp_path: Path) -> None:
    folder = tmp_path / "s.UPD-001.x"
    tell(folder, "upd-001")
    content = (folder / "journal.jsonl").read_bytes()
    (folder / "journal.jsonl").write_bytes(content.replace(b'"seed":7', b'"seed":8', 1))
    case = case_of_folder(folder)
    assert case.status == BROKEN
    assert "the hash chain does not hold" in case.message


def test_a_scenario_that_does_not_fit_is_skipped_with_the_reason() -> None:
    order = Order("s.A.lab", {"name": "demo"}, {"id": "A", "title": "T"}, "lab")
    case = case_without_run(order, "not-run", "needs 16 nodes\nmore")
    assert (case.status, case.message) == (SKIPPED, "not-run: needs 16 nodes")
    assert case.labels[0] == ("parentSuite", "no run: no evidence")


# --- labels, parameters, steps ----------------------------------------------------------------------------------------


def test_labels_keep_rehearsal_and_evidence_apart(reports: Reports, tmp_path: Path) -> None:
    rehearsal = case_of_folder(reports.run("UPD-001"))
    assert ("parentSuite", "rehearsal: no evidence about the product") in rehearsal.labels
    assert {("tag", "rehearsal"), ("tag", "subject:simulated"), ("tag", "machines:none")} <= set(rehearsal.labels)
    told = Telling(tmp_path / "s.UPD-001.x", Story())
    told.builder.subject, told.builder.machines = "product", "physical"
    told.tell()
    evidence = case_of_folder(told.builder.folder)
    assert ("parentSuite", "evidence about the product") in evidence.labels
    assert ("tag", "rehearsal") not in evidence.labels
    for case in (rehearsal, evidence):
        write_case(tmp_path / "results", case)
    assert {label: len(uuids) for label, uuids in evidence_classes(tmp_path / "results").items()} == {
        "evidence about the product": 1,
        "rehearsal: no evidence about the product": 1,
    }


def test_no_parameter_takes_part_in_the_identity(reports: Reports) -> None:
    document = document_of(case_of_folder(reports.run("UPD-001")))
    shown = {row["name"]: row["value"] for row in document["parameters"]}
    assert {"lab", "seed", "version from", "version to", "subject", "machines"} <= set(shown)
    assert all(row["excluded"] is True and "mode" not in row for row in document["parameters"])


def test_phases_are_nested_and_timed_in_lab_time(reports: Reports) -> None:
    case = case_of_folder(reports.run("UPD-001"))
    install = step_named(case, "install")
    turns = [step.name for step in step_named(case, "cau").steps]
    assert turns == ["NODE01", "NODE02", "NODE03", "NODE04"]
    assert [step.name for step in step_named(case, "NODE02").steps] == ["drain", "reboot"]
    for step in install.walk():
        assert step.status == PASSED
        assert all(step.start_ms <= below.start_ms <= below.stop_ms <= step.stop_ms for below in step.steps)
    drain = step_named(case, "NODE02").steps[0]
    assert drain.stop_ms - drain.start_ms == 200_000


def test_a_turn_of_which_only_the_parts_were_told_is_a_step(tmp_path: Path) -> None:
    builder = JournalBuilder(tmp_path / "s.X.y")
    builder.note(0, "attempt.begin", resumed=False, torn_sha256=None, host={})
    builder.event(10, "phase.enter", "update/install/cau/node[NODE01]/drain")
    builder.event(20, "phase.exit", "update/install/cau/node[NODE01]/drain", status="Success")
    builder.event(20, "phase.enter", "update/install/cau/node[NODE01]/reboot")
    builder.event(50, "phase.exit", "update/install/cau/node[NODE01]/reboot", status="Error")
    builder.note(60, "attempt.end", reason="completed", detail="")
    builder.write()
    turn = step_named(case_of_folder(builder.folder), "NODE01")
    assert (turn.stop_ms - turn.start_ms, turn.status) == (40_000, FAILED)
    assert [step.status for step in turn.steps] == [PASSED, FAILED]


def test_the_step_of_the_first_cause_fails_with_all_around_it(reports: Reports) -> None:
    case = case_of_folder(reports.run("DET-001"))
    blamed = [step for step in step_named(case, "install").walk() if "began to drain" in step.message]
    assert [step.name for step in blamed] == ["drain"]
    assert (step_named(case, "install").status, step_named(case, "NODE01").status) == (FAILED, PASSED)


def test_a_phase_that_never_ended_has_the_status_of_the_case(reports: Reports) -> None:
    assert step_named(case_of_folder(reports.run("DET-004")), "install").status == FAILED
    assert step_named(case_of_folder(reports.run("UPD-007")), "install").status == BROKEN


def test_the_life_of_a_fault_is_a_step(reports: Reports) -> None:
    clean = step_named(case_of_folder(reports.run("UPD-002")), "fault second-node-dies")
    assert clean.status == PASSED
    assert [step.name.split()[0].rstrip(":") for step in clean.steps] == ["injected", "confirmed", "reverted", "clean"]
    assert step_named(case_of_folder(reports.run("UPD-007")), "fault second-node-dies").status == BROKEN


def test_limits_are_steps_with_value_and_limit(reports: Reports) -> None:
    limits = step_named(case_of_folder(reports.run("UPD-001")), "limits")
    assert limits.name == f"limits: {len(limits.steps)} of {len(limits.steps)} kept"
    assert any(step.name == "vm.gap.unexplained.longest: 0.4 s, limit <= 2 s" for step in limits.steps)


def test_what_a_plan_says_cannot_break_out_of_the_description(hostile: Path) -> None:
    case = case_of_folder(hostile)
    assert "<" not in case.description
    json.dumps(document_of(case)).encode()


# --- attachments ------------------------------------------------------------------------------------------------------


def with_evidence(folder: Path, **ending: Any) -> Path:
    """A sound run with an evidence file that the journal names, and a log."""
    told = Telling(folder, Story())
    content = b'{"state": "Succeeded"}\n'
    digest = hashlib.sha256(content).hexdigest()
    named = {"file": "evidence/update.json", "sha256": digest, "bytes": len(content), "about": "x"}
    told.builder.add(5, Kind.OBSERVATION, "conductor", "evidence", "evidence", **named)
    if ending:
        told.builder.finding(6, ending["finding"], "harness", "harness", "file holds a secret in clear")
    told.tell()
    (folder / "evidence").mkdir()
    (folder / "evidence" / "update.json").write_bytes(content)
    (folder / "run.log").write_text("lab host started\n")
    return folder


def names(case: AllureCase) -> list[str]:
    return [attachment.name for attachment in case.attachments]


DRAWN = ["timeline", "timeline (table)", "journal excerpt", "results.json"]


def test_named_evidence_and_the_log_are_attached(tmp_path: Path) -> None:
    case = case_of_folder(with_evidence(tmp_path / "s.X.y"))
    assert names(case) == [*DRAWN, "evidence/update.json", "run.log"]
    assert "Not attached" not in case.description


def test_changed_evidence_is_not_attached(tmp_path: Path) -> None:
    folder = with_evidence(tmp_path / "s.X.y")
    (folder / "evidence" / "update.json").write_text("{}")
    case = case_of_folder(folder)
    assert names(case) == [*DRAWN, "run.log"]
    assert "Not attached: evidence/update.json, since it is not the file that the journal names" in case.description


def test_no_file_leaves_a_run_in_which_a_secret_was_found(tmp_path: Path) -> None:
    case = case_of_folder(with_evidence(tmp_path / "s.X.y", finding="secret-leak"))
    assert names(case) == DRAWN
    assert case.status == BROKEN
    assert "a secret was found" in case.description


def test_no_file_leaves_a_run_that_died_before_the_search_for_secrets(tmp_path: Path) -> None:
    folder = with_evidence(tmp_path / "s.X.y")
    lines = (folder / "journal.jsonl").read_bytes().splitlines(keepends=True)
    (folder / "journal.jsonl").write_bytes(b"".join(lines[:-1]))
    assert names(case_of_folder(folder)) == DRAWN


def test_the_excerpt_marks_the_decisive_lines_and_is_bounded(reports: Reports) -> None:
    record = reports.record("DET-003")
    case = case_of_folder(reports.run("DET-003"))
    text = next(each for each in case.attachments if each.name == "journal excerpt").content.decode()
    marked = [int(line.split()[1]) for line in text.splitlines() if line.startswith(">")]
    assert marked == sorted(record.results["cause"]["evidence"])
    assert len(text.splitlines()) < 200


# --- the offline writer -----------------------------------------------------------------------------------------------


def test_writing_twice_gives_the_same_files(reports: Reports, tmp_path: Path) -> None:
    case = case_of_folder(reports.run("UPD-002"))
    write_case(tmp_path, case)
    first = {path.name: path.read_bytes() for path in tmp_path.iterdir()}
    write_case(tmp_path, case)
    assert {path.name: path.read_bytes() for path in tmp_path.iterdir()} == first
    document = json.loads(first[f"{case.uuid}-result.json"])
    assert {row["source"] for row in document["attachments"]} == set(first) - {f"{case.uuid}-result.json"}


def test_a_result_under_another_name_is_replaced_with_what_it_attached(reports: Reports, tmp_path: Path) -> None:
    case = case_of_folder(reports.run("UPD-001"))
    stale = {"uuid": case.uuid, "attachments": [{"source": "old-attachment.txt"}, {"source": "../kept"}]}
    (tmp_path / "live-result.json").write_text(json.dumps(stale))
    (tmp_path / "old-attachment.txt").write_text("x")
    write_case(tmp_path, case)
    assert [path.name for path, _ in results_in(tmp_path)] == [f"{case.uuid}-result.json"]
    assert not (tmp_path / "old-attachment.txt").exists()


def test_only_what_was_chosen_is_kept(reports: Reports, tmp_path: Path) -> None:
    cases = [case_of_folder(reports.run(name)) for name in ("UPD-001", "DET-001")]
    for case in cases:
        write_case(tmp_path, case)
    keep_only(tmp_path, {cases[0].uuid})
    assert {document["uuid"] for _, document in results_in(tmp_path)} == {cases[0].uuid}
    assert len(list(tmp_path.iterdir())) == 1 + len(cases[0].attachments)


def test_companions_say_what_ran_and_leave_foreign_files_alone(reports: Reports, tmp_path: Path) -> None:
    write_case(tmp_path, case_of_folder(reports.run("UPD-001")))
    (tmp_path / "executor.json").write_text('{"name": "Jenkins", "type": "jenkins"}')
    write_companions(tmp_path, SESSION, 1)
    write_companions(tmp_path, SESSION, 1)
    environment = (tmp_path / "environment.properties").read_text()
    assert "evidence=rehearsal: no evidence about the product\n" in environment
    assert "version_to=12.2510.1002.94\n" in environment
    assert json.loads((tmp_path / "executor.json").read_text())["name"] == "Jenkins"
    listed = json.loads((tmp_path / "categories.json").read_text())
    assert [row["name"] for row in listed] == [row["name"] for row in CATEGORY_LIST]


def test_a_session_whose_workers_died_has_one_result_for_each_scenario(reports: Reports, tmp_path: Path) -> None:
    live = case_of_folder(reports.run("UPD-001"))
    write_case(tmp_path, live)
    runs = reports.folder / "runs"
    turns = [
        Turn(Order(live.run_id, {}, {"id": "UPD-001"}, "twin-4node"), "pass", ""),
        Turn(Order(reports.run("UPD-007").name, {}, {"id": "UPD-007"}, "twin-4node"), "harness", "worker crashed"),
        Turn(Order(f"{SESSION}.UPD-009.x", {"name": "demo"}, {"id": "UPD-009"}, "x"), "not-run", "no turn"),
    ]
    for _ in range(2):
        complete_results(tmp_path, SESSION, turns, runs)
    found = {document["name"].split()[0]: document["status"] for _, document in results_in(tmp_path)}
    assert found == {"UPD-001": PASSED, "UPD-007": BROKEN, "UPD-009": SKIPPED}


def test_a_resumed_run_replaces_what_its_session_knew(reports: Reports, tmp_path: Path) -> None:
    session, runs = tmp_path / "sessions" / SESSION, tmp_path / "runs"
    run = runs / f"{SESSION}.UPD-007.twin-4node"
    shutil.copytree(reports.run("UPD-007"), run)
    row = {"run_id": f"{SESSION}.UPD-008.x", "id": "UPD-008", "title": "", "lab": "x", "verdict": "not-run"}
    session.mkdir(parents=True)
    (session / "summary.json").write_text(json.dumps({"scenarios": [{**row, "detail": "does not fit"}]}))
    folder = rebuild_results(session, runs)
    assert sorted(document["status"] for _, document in results_in(folder)) == [BROKEN, SKIPPED]
    shutil.rmtree(run)
    judged(run, "upd-001")
    rebuild_results(session, runs)
    assert sorted(document["status"] for _, document in results_in(folder)) == [PASSED, SKIPPED]
