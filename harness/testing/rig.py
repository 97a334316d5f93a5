"""A rig: conductor, journal and scripted lab, put together as in a run process, which can be killed at any line.

rig = Rig(folder, load_scenario(file, plan_text(FAULT)), lab, ScriptedUpdate(lab))
rig.attempt(dies_at=17)     # None: this process died right after line 17
rig.attempt()               # the next one goes on
"""

from __future__ import annotations

from collections.abc import Callable, Mapping
from pathlib import Path
from typing import Any, Final

from harness.journal import Entry, JournalWriter, Kind, Redactor, read_journal
from harness.plan.load import load_plan
from harness.plan.models import Scenario
from harness.plan.plain import to_plain
from harness.run.conductor import Conductor
from harness.run.endpoints import Endpoints
from harness.run.job import Job
from harness.run.legs import Handover
from harness.run.memory import RunMemory, remember
from harness.run.scribe import Scribe
from harness.run.stop import StopFlag
from harness.testing.guests import ScriptedGuests
from harness.testing.lab import ScriptedLab, lease_of
from harness.testing.update import ScriptedUpdate

PLAN: Final = """\
schema: 1
plan: sample
title: A sample
defaults:
  lab: scripted
  from: {{solution: 12.2509.1001.22}}
  budgets: {{poll: 60s, stuck_after: {stuck_after}, settle: 30m, deadline: {deadline}}}
scenarios:
  - id: UPD-001
    title: Something
    workflow: {{kind: solution, target: {{solution: 12.2510.1002.94}}, resume: {{on_failure: {resumes}}}}}
    tolerates: {{nodes_down: {nodes_down}, resync: {resync}}}
"""

FAULT: Final = """\
      - id: dies
        fault: node.power_loss
        on: phase.enter update/install/cau/node[*]/reboot nth=1
        hold: true
        target: node(4)
        for: 3m
        precision: <= 500ms
        confirm: {within: 2m}
        recover: {within: 10m}
"""


class KilledError(BaseException):
    """The process is gone, at exactly this line."""


class MortalWriter(JournalWriter):
    """Dies before or after it writes line `dies_at`; calls `on_line` after every other one."""

    def __init__(self, folder: Path, redactor: Redactor, *, dies_at: int | None, dies_before: bool) -> None:
        super().__init__(folder, redactor)
        self.dies_at, self.dies_before = dies_at, dies_before
        self.on_line: Callable[[Entry], None] = lambda entry: None

    def append(self, kind: Kind, actor: str, subject: str, data: Mapping[str, Any]) -> Entry:
        """Write one line, or die."""
        if self.dies_before and self.seq == self.dies_at:
            raise KilledError
        entry = super().append(kind, actor, subject, data)
        self.on_line(entry)
        if entry.seq == self.dies_at:
            raise KilledError
        return entry


class Rig:
    """One run on a scripted lab; every `attempt` is a fresh process' share of it.

    `received`: what the leg before left, for a later leg of a campaign.
    """

    def __init__(
        self,
        folder: Path,
        scenario: Scenario,
        lab: ScriptedLab,
        update: ScriptedUpdate | ScriptedGuests,
        received: Handover | None = None,
    ) -> None:
        self.received = received
        self.folder, self.scenario, self.lab, self.update = folder, scenario, lab, update
        self.redactor = Redactor()
        self.stop = StopFlag()
        self.lease = lease_of()
        self.conductor: Conductor | None = None
        self._read_bytes = -1
        self._lines: tuple[Entry, ...] = ()
        self.on_line: Callable[[Entry, Conductor], None] = lambda entry, conductor: None
        self.before_step: Callable[[], None] = lambda: None

    def attempt(self, *, dies_at: int | None = None, dies_before: bool = False) -> str | None:
        """Conduct, or go on; how it ended, None when it died."""
        path = self.folder / "journal.jsonl"
        memory = remember(read_journal(path)) if path.exists() else RunMemory()
        writer = MortalWriter(self.folder, self.redactor, dies_at=dies_at, dies_before=dies_before)
        writer.lab_time = self.lab.clock.now_ns
        scribe = Scribe(writer)
        job = Job(self.folder.name, "s", to_plain(self.scenario), {"name": "sample"}, {}, ("scripted#1",), 7)
        endpoints = Endpoints(self.lab.open_session)
        try:
            if writer.seq == 0:
                scribe.header(job, self.lab, "test")
            scribe.attempt_begin(resumed=path.exists(), torn_sha256=writer.torn_sha256, epoch=1)
            if self.received is not None and memory.received is None:
                memory = remember([scribe.leg_taken_over(self.received)])
            self.conductor = conductor = Conductor(
                job, self.scenario, self.lab, self.lease, scribe, endpoints, self.update, memory, self.stop
            )
            conductor.before_step(self.before_step)
            writer.on_line = lambda entry: self.on_line(entry, conductor)
            reason = conductor.conduct()
            scribe.attempt_end(reason)
        except KilledError:
            return None
        finally:
            endpoints.close()
            writer.close()
        return reason

    @property
    def lines(self) -> tuple[Entry, ...]:
        """The journal."""
        path = self.folder / "journal.jsonl"
        if path.stat().st_size != self._read_bytes:
            self._read_bytes, self._lines = path.stat().st_size, read_journal(path).entries
        return self._lines

    def whats(self, prefix: str = "") -> list[str]:
        """Names of all records, findings with their id, fault states with where they led."""
        return [text for text in map(_name, self.lines) if text.startswith(prefix)]

    def find(self, what: str) -> list[Entry]:
        """All records of this name."""
        return [entry for entry in self.lines if entry.what == what]

    def findings(self) -> list[str]:
        """Ids of all findings."""
        return [str(entry.data["id"]) for entry in self.find("finding")]


def _name(entry: Entry) -> str:
    match entry.what:
        case "finding":
            return f"finding {entry.data['id']}"
        case "fault.state":
            return f"fault.state {entry.data['to']}"
        case what:
            return what


def plan_text(faults: str = "", *, guides: str = "", **changes: Any) -> str:
    """A plan with one scenario; `changes` are `resumes`, `stuck_after`, `deadline`, `nodes_down`, `resync`.

    `faults` and `guides` are YAML, the latter in flow style.
    """
    defaults = {"stuck_after": "75m", "deadline": "13h", "resumes": 0, "nodes_down": 2, "resync": "busy"}
    text = PLAN.format(**{**defaults, **changes}) + (f"    guides: {guides}\n" if guides else "")
    return text + (f"    faults:\n{faults}" if faults else "")


def load_scenario(file: Path, text: str) -> Scenario:
    """The scenario of a plan text."""
    file.write_text(text)
    return load_plan(file, labs={"scripted"}).scenarios[0]
