"""A session seen from the command line: pytest as a child, followed through the files that it and its runs write."""

from __future__ import annotations

import subprocess
from collections.abc import Mapping
from pathlib import Path
from typing import Any, Final, Protocol

from harness.cli.following import Tail, read_entries, read_events
from harness.cli.interrupts import Interrupts
from harness.cli.progress import Progress
from harness.cli.runview import News, RunView
from harness.clock import pause
from harness.journal.writer import FILE_NAME
from harness.paths import runs_dir
from harness.run.launch import ask_to_stop, living
from harness.run.session_folder import STOP_NAME

SESSION_FILE: Final = "session.jsonl"
TICK_S: Final = 0.2


class Child(Protocol):
    """The pytest process."""

    @property
    def pid(self) -> int:
        """Process id."""

    def poll(self) -> int | None:
        """Its exit code, None while it runs."""


class FollowedRun:
    """One run of the session: its journal, and what is known from it."""

    def __init__(self, event: Mapping[str, Any]) -> None:
        self.id = str(event.get("id", ""))
        self.run_id = str(event.get("run_id", ""))
        self.folder = runs_dir() / self.run_id
        self.row: dict[str, Any] = dict(event)
        self.view = RunView(scenario=self.id, run_id=self.run_id, lab=str(event.get("lab", "")))
        self._tail = Tail(self.folder / FILE_NAME)
        self.asked_to_stop = False

    def read(self) -> list[News]:
        """What is new in the journal."""
        return [news for entry in read_entries(self._tail) for news in self.view.take(entry)]

    @property
    def finished(self) -> bool:
        """Has the session heard of the end?"""
        return bool(self.view.verdict)

    @property
    def lives(self) -> bool:
        """Does a process conduct it now?"""
        return living(self.view.conductor) is not None

    def ask_to_stop(self) -> bool:
        """Ask once, as soon as there is somebody to ask; True when somebody was asked now."""
        holder = None if self.asked_to_stop or self.finished else living(self.view.conductor)
        if holder is None:
            return False
        ask_to_stop(holder)
        self.asked_to_stop = True
        return True


class SessionWatch:
    """Follows one session until its pytest ends, and passes an interrupt on to the runs."""

    def __init__(self, folder: Path, child: Child, progress: Progress, interrupts: Interrupts) -> None:
        self.folder = folder
        self.runs: dict[str, FollowedRun] = {}
        self.stopping = False
        self._child, self._progress, self._interrupts = child, progress, interrupts
        self._tail = Tail(folder / SESSION_FILE)

    def follow(self) -> bool:
        """Until the child has ended: True; False when a second interrupt asked to leave it alone."""
        while True:
            ended = self._child.poll() is not None  # asked before reading, so that the last lines are read
            self.read()
            self._progress.refresh([run.view for run in self.runs.values()])
            if ended:
                return True
            if self._interrupts.count > 1:
                return False
            if self._interrupts.count == 1:
                self._stop()
            pause(TICK_S)

    def read(self) -> None:
        """Take in what is new in the session and in the journals that it names."""
        events = read_events(self._tail)
        finished = [event for event in events if event["event"] == "run.finished"]
        for event in events:
            if event["event"] in ("run.started", "run.finished"):
                self.runs.setdefault(str(event.get("run_id", "")), FollowedRun(event))
        for run in self.runs.values():
            for news in run.read():
                self._progress.tell(run.view, news)
        for event in finished:
            self._finish(self.runs[str(event.get("run_id", ""))], event)

    def _finish(self, run: FollowedRun, event: Mapping[str, Any]) -> None:
        run.row.update(event)
        run.view.verdict = str(event.get("verdict") or "none")
        evidence = f" · {event['label']}" if event.get("label") else ""
        self._progress.tell(run.view, News(f"verdict: {run.view.verdict}{evidence}", mark=True))

    def _stop(self) -> None:
        """Keep scenarios from starting, and ask every living run; again for one that has only just begun."""
        if not self.stopping:
            self.stopping = True
            (self.folder / STOP_NAME).touch()
            self._progress.say(
                "stopping: no further scenario begins; runs undo their faults, which can take minutes"
                " (Ctrl-C again leaves them alone)"
            )
        for run in self.runs.values():
            if run.ask_to_stop():
                self._progress.say(f"asked run {run.run_id} to stop")


def start_pytest(command: list[str], log: Path, cwd: Path) -> subprocess.Popen[bytes]:
    """Start pytest in an OS session of its own, so that Ctrl-C and a lost terminal reach only the command line."""
    with log.open("wb") as output:
        return subprocess.Popen(
            command, stdin=subprocess.DEVNULL, stdout=output, stderr=output, start_new_session=True, cwd=cwd
        )
