"""Shared by the tests of the command line: own folders, a session that plays by a script, no waiting."""

from __future__ import annotations

import json
import os
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import pytest

from harness.cli import interrupts
from harness.journal import JournalWriter, Kind, Redactor
from harness.journal.writer import FILE_NAME
from harness.labs.holder import Holder
from harness.run.job import Job

RUN_ID = "20260101-000000-abcd.UPD-001.twin-4node"


@pytest.fixture(autouse=True)
def places(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """Reports and state below the test's own folder."""
    monkeypatch.setenv("HIL_REPORTS", str(tmp_path / "reports"))
    monkeypatch.setenv("HIL_STATE", str(tmp_path / "state"))
    return tmp_path


class Running:
    """A run as its process would write it."""

    def __init__(self, run_id: str = RUN_ID, scenario: str = "UPD-001") -> None:
        self.run_id, self.scenario = run_id, scenario
        self.lab_s = 0.0
        job = Job(
            run_id=run_id,
            session=run_id.partition(".")[0],
            scenario={"id": scenario, "title": "Solution update leaves guests running"},
            plan={"name": "demo", "title": "", "file": "demo.yaml", "sha256": "0" * 64},
            lab={"lab": "twin-4node"},
            instances=("twin-4node#1",),
            seed=1,
        )
        job.save()
        self.folder = job.folder

    @property
    def journal(self) -> Path:
        return self.folder / FILE_NAME

    def open(self) -> None:
        """Begin or continue the journal."""
        self.writer = JournalWriter(self.folder, Redactor())
        self.writer.lab_time = lambda: round(self.lab_s * 1e9)

    def note(self, what: str, subject: str = "run", **data: Any) -> None:
        self.writer.append(Kind.NOTE, "conductor", subject, {"what": what, **data})

    def begin(self, holder: Holder | None = None, *, resumed: bool = False) -> None:
        self.open()
        me = holder or Holder.me()
        if self.writer.seq == 0:
            host = {"instance": "twin-4node#1", "run_id": self.run_id}
            lab = {"name": "twin-4node"}
            self.note("header", schema=1, scenario={"id": self.scenario}, lab=lab, host=host)
        host = {"pid": me.pid, "boot_id": me.boot_id, "started": me.started, "epoch": 1}
        self.note("attempt.begin", resumed=resumed, torn_sha256=None, host=host)

    def event(self, lab_s: float, kind: str, path: str) -> None:
        self.lab_s = lab_s
        data = {"what": "event", "kind": kind, "path": path, "node": None, "vm": None}
        self.writer.append(Kind.OBSERVATION, "lab", "event", data)

    def end(self, reason: str = "completed") -> None:
        self.note("attempt.end", reason=reason, detail="")
        self.writer.close()

    def results(self, verdict: str = "pass", **more: Any) -> None:
        """What the judge would leave."""
        plain = {
            "run_id": self.run_id,
            "folder": self.folder.name,
            "scenario": self.scenario,
            "title": "Solution update leaves guests running",
            "lab": {"name": "twin-4node", "kind": "twin"},
            "label": "rehearsal: no evidence about the product",
            "verdict": verdict,
            "effective": verdict,
            "waived": False,
            "subject": "simulated",
            "machines": "none",
            "cause": None,
            "because": [],
            "worst_guests": [{"vm": "vm07", "longest_s": 1.25, "cause": "frozen", "down": False}],
            "started": "2026-01-01T00:00:00.000Z",
            "ended": "2026-01-01T00:01:30.500Z",
            "lab_duration_s": 12345.0,
            **more,
        }
        (self.folder / "results.json").write_text(json.dumps(plain), encoding="utf-8")


def dead_holder() -> Holder:
    """A process of this machine that is gone."""
    me = Holder.me()
    return Holder(me.host, me.boot_id, me.pid, me.started + 1)


class Session:
    """A session folder as the pytest controller would write it."""

    def __init__(self, folder: Path) -> None:
        self.folder = folder
        folder.mkdir(parents=True, exist_ok=True)

    def write(self, event: str, **data: Any) -> None:
        with (self.folder / "session.jsonl").open("a", encoding="utf-8") as stream:
            stream.write(json.dumps({"event": event, "t_wall": "2026-01-01T00:00:00.000Z", **data}) + "\n")

    def started(self, run: Running) -> None:
        self.write("run.started", id=run.scenario, title="t", run_id=run.run_id, lab="twin-4node")

    def finished(self, run: Running, verdict: str = "pass", detail: str = "") -> None:
        row = {"id": run.scenario, "run_id": run.run_id, "lab": "twin-4node", "verdict": verdict, "detail": detail}
        self.write("run.finished", **row)

    def summary(self, exit_code: int) -> None:
        (self.folder / "summary.json").write_text(json.dumps({"schema": 1, "exit_code": exit_code}), encoding="utf-8")


class Script:
    """A child process whose life is a list of steps: one for each pause of whoever waits for it."""

    pid = 4711

    def __init__(self, code: int = 0) -> None:
        self.steps: list[Callable[[], object]] = []
        self.code = code

    def then(self, step: Callable[[], object]) -> Script:
        self.steps.append(step)
        return self

    def poll(self) -> int | None:
        return None if self.steps else self.code

    def pause(self, _seconds: float) -> None:
        if not self.steps:
            raise AssertionError("waited for a process that had ended")
        self.steps.pop(0)()


@pytest.fixture
def asked(monkeypatch: pytest.MonkeyPatch) -> Iterator[list[tuple[int, int]]]:
    """Signals that would have been sent: (process, number)."""
    sent: list[tuple[int, int]] = []
    monkeypatch.setattr(os, "kill", lambda pid, number: sent.append((pid, number)))
    yield sent


@pytest.fixture
def counter() -> interrupts.Interrupts:
    """Interrupts without signals: the test counts."""
    return interrupts.Interrupts()
