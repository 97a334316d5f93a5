"""Ctrl-C with real processes and real signals: it reaches the command line alone, which passes it on to the run."""

from __future__ import annotations

import os
import signal
import sys
import threading
from pathlib import Path

import pytest

from harness import cli
from harness.cli import starting
from harness.cli.starting import Order
from harness.exits import Exit
from harness.paths import sessions_dir
from harness.plan.load import Plan
from tests.unit.cli.conftest import RUN_ID

CHECKOUT = Path(__file__).resolve().parents[3]

CHILD = """
import signal, sys, threading
from pathlib import Path
from harness.exits import Exit
from tests.unit.cli.conftest import Running, Session
stopped = threading.Event()
signal.signal(signal.SIGINT, lambda *_: stopped.set())
session, run = Session(Path(sys.argv[1])), Running()
session.started(run)
run.begin()
assert stopped.wait(20)
assert (session.folder / "stop").exists()
run.end("aborted")
run.results("inconclusive")
session.finished(run, "inconclusive")
session.summary(Exit.INTERRUPTED)
"""


@pytest.fixture
def child(monkeypatch: pytest.MonkeyPatch) -> None:
    """One process that is pytest and run at once."""

    def command(plan: Plan, order: Order, session_id: str, workers: int) -> list[str]:
        return [sys.executable, "-c", CHILD, str(sessions_dir() / session_id)]

    monkeypatch.setattr(starting, "pytest_command", command)
    monkeypatch.setenv("PYTHONPATH", str(CHECKOUT))


def interrupt_when(path: Path, text: bytes) -> threading.Thread:
    """Press Ctrl-C once `text` stands in the file."""

    def press() -> None:
        for _ in range(2000):
            if path.exists() and text in path.read_bytes():
                os.kill(os.getpid(), signal.SIGINT)
                return
            threading.Event().wait(0.01)

    thread = threading.Thread(target=press, daemon=True)
    thread.start()
    return thread


def test_ctrl_c_becomes_an_undo_and_exit_code_2(child: None, places: Path, capsys: pytest.CaptureFixture[str]) -> None:
    before = signal.getsignal(signal.SIGINT)
    thread = interrupt_when(places / "reports" / "runs" / RUN_ID / "journal.jsonl", b"attempt.begin")
    assert cli.main(["run", "start", "demo", "--session", "s"]) == Exit.INTERRUPTED
    thread.join()
    shown = capsys.readouterr().out
    assert f"asked run {RUN_ID} to stop" in shown
    assert "UPD-001   inconclusive" in shown
    assert signal.getsignal(signal.SIGINT) is before
