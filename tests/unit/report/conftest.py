"""Run folders as a night leaves them: a pass, two failures, a standstill, and a run that was killed."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path

import pytest

from harness.journal import Kind
from harness.journal.writer import FILE_NAME
from harness.judge.results import write_results
from harness.report.record import RunRecord, load_record
from harness.testing.journals import JournalBuilder, Outage
from harness.testing.stories import STORIES, Story, Telling, tell

SESSION = "20251112-220000-ab12"
GUESTS = 40


@dataclass(frozen=True)
class Reports:
    """A reports folder with runs in it."""

    folder: Path

    def run(self, scenario: str) -> Path:
        """The folder of a scenario's run."""
        return self.folder / "runs" / f"{SESSION}.{scenario}.twin-4node"

    def record(self, scenario: str) -> RunRecord:
        return load_record(self.run(scenario))


@pytest.fixture(scope="session")
def reports(tmp_path_factory: pytest.TempPathFactory) -> Reports:
    """All sample runs, judged; nobody changes them."""
    made = Reports(tmp_path_factory.mktemp("reports"))
    for name, story in STORIES.items():
        folder = made.run(name.upper())
        tell(folder, story, guests=GUESTS)
    told = armed(made.run("UPD-007"), "upd-002")
    told.builder.write()
    kill(made.run("UPD-007"), "fault.recover")
    for folder in (made.folder / "runs").iterdir():
        write_results(folder)
    return made


def armed(folder: Path, name: str) -> Telling:
    """A story with what the conductor writes about the life of its fault, and a blind prober, not yet written."""
    story = STORIES[name]
    told = Telling(folder, Story(power_loss=story.power_loss, guests=GUESTS, scenario_id="UPD-007"))
    told.tell()
    (folder / FILE_NAME).unlink()
    states = {"from": "new", "to": "ready", "why": "armed"}
    told.builder.add(1, Kind.NOTE, "conductor", "fault/second-node-dies", "fault.state", **states)
    rows = [row for row in told.builder.records if row[4]["what"] == "samples"]
    rows[1][4]["control"]["missed"] = 3
    rows[1][4]["control"]["stalls"] = [[400_000_000_000, 401_000_000_000]]
    return told


def kill(folder: Path, at_record: str) -> None:
    """Cut the journal at the first line of that record, half of which was written."""
    path = folder / FILE_NAME
    lines = path.read_bytes().splitlines(keepends=True)
    cut = next(number for number, line in enumerate(lines) if f'"what":"{at_record}"'.encode() in line)
    path.write_bytes(b"".join(lines[:cut]) + lines[cut][: len(lines[cut]) // 2])


@pytest.fixture
def hostile(tmp_path: Path) -> Path:
    """A run whose names try to break out of the page."""
    folder = tmp_path / "runs" / "r'\"<&>"
    guests = ["<b>", 'a"onload="alert(1)', "x\x01y", "</title><script>alert(1)</script>"]
    story = Story(guests=len(guests), outages=(Outage("<b>", 1000, 1004),))
    told = Telling(folder, story)
    rename(told.builder, dict(zip(told.builder.guests, guests, strict=True)), told)
    told.tell()
    write_results(folder)
    return folder


def rename(builder: JournalBuilder, names: dict[str, str], told: Telling) -> None:
    """Give guests other names before the story is told."""
    told.home = {names[vm]: node for vm, node in told.home.items()}
    builder.guests = told.samples.guests = list(names.values())
    builder.scenario = {**builder.scenario, "title": "<script>alert('title')</script> & more"}


@pytest.fixture(scope="session")
def large(tmp_path_factory: pytest.TempPathFactory) -> Callable[[], Path]:
    """A run of sixteen nodes and four hundred guests."""

    def make() -> Path:
        folder = tmp_path_factory.mktemp("large") / "run"
        told = Telling(folder, Story(guests=400, poll_s=3600, turn_s=1500))
        told.builder.nodes = told.nodes = [f"NODE{number:02d}" for number in range(1, 17)]
        told.home = {vm: told.nodes[i % 16] for i, vm in enumerate(told.builder.guests)}
        told.tell()
        write_results(folder)
        return folder

    return make
