"""The page of a run: what an engineer must see first, and that nothing in a journal can break it."""

from __future__ import annotations

import hashlib
import json
import re
from collections.abc import Callable
from html.parser import HTMLParser
from pathlib import Path
from typing import Any
from urllib.parse import unquote

import pytest

from harness.clock import NS_PER_S, monotonic_ns
from harness.errors import JournalError
from harness.journal import BrokenJournalError, Kind
from harness.judge.results import RESULTS_NAME
from harness.paths import PAGE_NAME
from harness.report.availability_page import AVAILABILITY_NAME
from harness.report.fault_story import fault_stories, shown_times
from harness.report.record import load_record
from harness.report.run import CSV_NAME, SVG_NAME, write_run_page
from harness.report.run_page import run_page
from harness.report.timeline import lanes_of, timeline_svg
from harness.testing.journals import JournalBuilder
from harness.testing.stories import tell
from harness.values import NO_EVIDENCE_LABEL

VOID = {"meta", "br", "link", "img", "hr", "input"}
RUNS = ("UPD-001", "UPD-002", "DET-001", "DET-002", "DET-003", "DET-004", "UPD-007")


class Document(HTMLParser):
    """Text, tags and links of a page; insists that every tag is closed where it was opened."""

    def __init__(self, text: str) -> None:
        super().__init__()
        self.open: list[str] = []
        self.tags: list[str] = []
        self.links: list[str] = []
        self.ids: set[str] = set()
        self.words: list[str] = []
        self.handlers: list[str] = []
        self.feed(text)
        self.close()
        assert not self.open

    def handle_starttag(self, tag: str, attrs: list[tuple[str, str | None]]) -> None:
        self.tags.append(tag)
        self.links += [value or "" for name, value in attrs if name in ("href", "src", "action", "xlink:href")]
        self.ids |= {value or "" for name, value in attrs if name == "id"}
        self.handlers += [name for name, _ in attrs if name.startswith("on")]
        if tag not in VOID:
            self.open.append(tag)

    def handle_startendtag(self, tag: str, attrs: list[tuple[str, str | None]]) -> None:
        self.handle_starttag(tag, attrs)
        if tag not in VOID:
            self.open.pop()

    def handle_endtag(self, tag: str) -> None:
        assert self.open.pop() == tag

    def handle_data(self, data: str) -> None:
        if self.open[-1:] != ["style"]:
            self.words.append(data)

    @property
    def text(self) -> str:
        """What a person reads, with single blanks."""
        return re.sub(r"\s+", " ", " ".join(self.words))

    @property
    def first(self) -> str:
        """What stands before the timeline."""
        return self.text.partition(" Timeline of ")[0]


def page_of(folder: Path) -> str:
    record = load_record(folder)
    return run_page(record, timeline_svg(record, lanes_of(record)), ("journal.jsonl", CSV_NAME, SVG_NAME))


@pytest.mark.parametrize("scenario", RUNS)
def test_a_page_is_well_formed_and_loads_nothing(reports: Any, scenario: str) -> None:
    text = page_of(reports.run(scenario))
    page = Document(text)
    assert not {"script", "link", "img", "iframe", "object", "base"} & set(page.tags)
    assert not [link for link in page.links if re.match(r"[a-z]+:|//", link)]
    assert "http" not in text.replace("http://www.w3.org/2000/svg", "").replace("http-equiv", "")
    assert "@import" not in text
    assert all(target.removeprefix("#") in page.ids for target in page.links if target.startswith("#"))


@pytest.mark.parametrize("scenario", RUNS)
def test_every_page_names_its_evidence_class_first(reports: Any, scenario: str) -> None:
    first = Document(page_of(reports.run(scenario))).first
    assert NO_EVIDENCE_LABEL in first
    assert "subject simulated, machines none" in first


@pytest.mark.parametrize("scenario", [name for name in RUNS if not name.startswith("UPD-00") or name == "UPD-007"])
def test_what_decided_stands_before_everything_else(reports: Any, scenario: str) -> None:
    results = load_record(reports.run(scenario)).results
    cause, first = results["cause"], Document(page_of(reports.run(scenario))).first
    wanted = [
        results["verdict"],
        f"the {cause['about']}",
        cause["id"],
        cause["summary"],
        cause["phase"],
        cause["node"],
        cause["value"],
        cause["limit"],
        cause["at"],
        cause["lab_time"],
        f"still active: {', '.join(cause['faults_active'])}" if cause["faults_active"] else "none active",
        f"runs/{results['folder']}/journal.jsonl",
        *(guest["vm"] for guest in results["worst_guests"]),
        results["run_id"],
    ]
    missing = [text for text in wanted if text and re.sub(r"\s+", " ", text) not in first]
    assert missing == []


def test_a_pass_shows_each_limited_measurement_and_how_to_replay(reports: Any) -> None:
    page = Document(page_of(reports.run("UPD-002")))
    assert "restart second-node-dies" in page.first
    assert "vm.restart_gap.longest 75" in page.first
    assert f"hil judge replay {reports.run('UPD-002').name}" in page.text
    assert "./hil run start demo --lab twin-4node -k UPD-002 --seed 7" in page.text


def test_a_waived_failure_says_both(tmp_path: Path) -> None:
    waiver = {"finding": "drain-before-repair", "reason": "known", "owner": "lab team", "expires": "2099-01-01"}
    tell(tmp_path / "run", "det-001", waivers=(waiver,))
    first = Document(page_of(tmp_path / "run")).first
    assert "Counts as pass" in first
    assert "waived by" in first


def test_an_unfinished_run_says_how_to_go_on(reports: Any) -> None:
    page = Document(page_of(reports.run("UPD-007")))
    assert f"hil run resume {reports.run('UPD-007').name}" in page.first
    assert "wrote no last line" in page.text
    assert "torn last line left out" in page.text


def test_the_fault_table_tells_the_whole_life(reports: Any) -> None:
    text = Document(page_of(reports.run("UPD-002"))).text
    row = text[text.index("Target expression → target") :]
    for part in ("node.power_loss", "one → NODE03", "lag 0.000 s", "cluster NODE02: seen", "undo: power_on NODE03"):
        assert part in row


def test_each_proof_stands_where_it_belongs(tmp_path: Path) -> None:
    builder = JournalBuilder(tmp_path / "run")
    builder.note(0, "attempt.begin", resumed=False)
    builder.fault("dies", "node.power_loss", "NODE03", 10, confirmed=20, recover=30, clean=40, lag_ns=250_000_000)
    for _, _, _, _, data in builder.records:
        if data["what"] in ("fault.confirmed", "fault.clean"):
            data["by"] = [{"source": data["what"], "node": "NODE01", "fact": "seen"}]
    builder.write()
    (story,) = fault_stories(load_record(tmp_path / "run"))
    assert (story.confirm_proof, story.clean_proof) == ("fault.confirmed NODE01: seen", "fault.clean NODE01: seen")
    assert [t_ns // NS_PER_S for _, _, t_ns in shown_times(story)] == [10, 20, 30, 40]
    assert (story.target_text, story.lag_text, story.state) == ("one → NODE03", "0.250 s", "clean")


def test_a_fault_that_comes_twice_is_two_stories(tmp_path: Path) -> None:
    builder = JournalBuilder(tmp_path / "run", scenario={"id": "X-001", "faults": [{"id": "dies"}, {"id": "never"}]})
    builder.fault("dies", "node.power_loss", "NODE03", 10, confirmed=20, recover=30, clean=40)
    builder.fault("dies", "node.power_loss", "NODE02", 50, confirmed=60)
    builder.add(70, Kind.NOTE, "conductor", "fault/never", "fault.missed", why="too late", rearmed=False)
    builder.write()
    told = [(story.id, story.targets, story.state) for story in fault_stories(load_record(tmp_path / "run"))]
    assert told == [("dies", ("NODE03",), "clean"), ("never", (), "missed"), ("dies", ("NODE02",), "active")]


def test_names_from_the_lab_cannot_break_out_of_the_page(hostile: Path) -> None:
    write_run_page(hostile)
    text = (hostile / PAGE_NAME).read_text(encoding="utf-8")
    page = Document(text)
    assert "script" not in page.tags
    assert "b" not in page.tags
    assert page.handlers == []
    assert "<b>" in page.text
    assert "<script>alert('title')</script> & more" in page.text
    assert "\x01" not in text
    assert "x\ufffdy" in page.text


def test_names_from_the_lab_cannot_break_out_of_the_page_of_availability(hostile: Path) -> None:
    write_run_page(hostile)
    text = (hostile / AVAILABILITY_NAME).read_text(encoding="utf-8")
    page = Document(text)
    assert "script" not in page.tags
    assert page.handlers == []
    assert "<b>" in page.text
    assert "\x01" not in text
    assert {unquote(link) for link in page.links} == {"index.html", CSV_NAME, "ledger.json"}


def test_links_to_files_lead_to_files(hostile: Path) -> None:
    (hostile / "evidence").mkdir()
    (hostile / "evidence" / "a b#?%.txt").write_text("x")
    write_run_page(hostile)
    page = Document((hostile / PAGE_NAME).read_text(encoding="utf-8"))
    files = {unquote(link) for link in page.links if not link.startswith("#")}
    assert "evidence/a b#?%.txt" in files
    assert "evidence/a%20b%23%3F%25.txt" in page.links
    assert all((hostile / name).is_file() for name in files)


def test_the_same_journal_gives_the_same_bytes(reports: Any) -> None:
    folder = reports.run("DET-001")
    names = (PAGE_NAME, AVAILABILITY_NAME, SVG_NAME, CSV_NAME)

    def hashes() -> list[str]:
        write_run_page(folder)
        return [hashlib.sha256((folder / name).read_bytes()).hexdigest() for name in names]

    assert hashes() == hashes()
    assert not list(folder.glob(".*.part"))


def test_results_of_another_journal_are_not_shown(tmp_path: Path, reports: Any) -> None:
    for name in ("journal.jsonl", "ledger.json"):
        (tmp_path / name).write_bytes((reports.run("DET-001") / name).read_bytes())
    stale = json.loads((reports.run("UPD-001") / RESULTS_NAME).read_text())
    (tmp_path / RESULTS_NAME).write_text(json.dumps(stale))
    assert load_record(tmp_path).results["verdict"] == "fail"


def test_without_results_the_journal_is_judged(tmp_path: Path, reports: Any) -> None:
    (tmp_path / "journal.jsonl").write_bytes((reports.run("DET-004") / "journal.jsonl").read_bytes())
    made, stored = load_record(tmp_path), load_record(reports.run("DET-004"))
    assert made.results["verdict"] == "stuck"
    assert made.ledger == stored.ledger


def test_no_page_without_an_intact_journal(tmp_path: Path, reports: Any) -> None:
    with pytest.raises(JournalError):
        write_run_page(tmp_path)
    changed = (reports.run("UPD-001") / "journal.jsonl").read_bytes().replace(b"NODE03", b"NODE04", 1)
    (tmp_path / "journal.jsonl").write_bytes(changed)
    with pytest.raises(BrokenJournalError):
        write_run_page(tmp_path)
    assert not (tmp_path / PAGE_NAME).exists()


def test_a_large_run_stays_small_and_quick(large: Callable[[], Path]) -> None:
    record = load_record(large())
    assert len(record.nodes) == 16
    assert len(record.ledger["vms"]) == 400
    began_ns = monotonic_ns()
    text = run_page(record, timeline_svg(record, lanes_of(record)), ())
    spent_s = (monotonic_ns() - began_ns) / 1e9
    assert len(text.encode()) < 2_000_000
    assert spent_s < 1.5
    assert len(record.gaps) >= 800
