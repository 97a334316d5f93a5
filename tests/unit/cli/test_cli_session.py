"""Following a session: progress, the way Ctrl-C takes, exit codes, and what is said when pytest dies."""

from __future__ import annotations

import io
import json
import signal
from pathlib import Path

import pytest
from rich.console import Console

from harness.cli import session as session_module
from harness.cli import starting
from harness.cli.interrupts import Interrupts
from harness.cli.progress import LineProgress, LiveProgress, Progress, choose_progress, live_table
from harness.cli.runview import RunView
from harness.cli.session import SessionWatch
from harness.errors import ConfigError, HarnessError, NothingSelectedError
from harness.exits import Exit
from harness.labs.holder import Holder
from tests.unit.cli.conftest import RUN_ID, Running, Script, Session, dead_holder

SECOND = RUN_ID.replace("UPD-001", "UPD-002")


@pytest.fixture
def session(places: Path) -> Session:
    return Session(places / "reports" / "sessions" / "s1")


@pytest.fixture
def script(monkeypatch: pytest.MonkeyPatch) -> Script:
    script = Script()
    monkeypatch.setattr(session_module, "pause", script.pause)
    return script


@pytest.fixture
def lines() -> io.StringIO:
    return io.StringIO()


@pytest.fixture
def watch(session: Session, script: Script, counter: Interrupts, lines: io.StringIO) -> SessionWatch:
    return SessionWatch(session.folder, script, LineProgress(lines), counter)


def test_lines_tell_phases_faults_and_verdict_in_order(
    session: Session, script: Script, watch: SessionWatch, lines: io.StringIO, capsys: pytest.CaptureFixture[str]
) -> None:
    runs: list[Running] = []

    def begin() -> None:
        runs.append(Running())
        session.started(runs[0])

    script.then(begin).then(lambda: runs[0].begin())
    script.then(lambda: runs[0].event(60, "phase.enter", "update/install"))
    script.then(lambda: runs[0].event(3661, "phase.enter", "update/install/cau/node[NODE01]/drain"))
    script.then(lambda: (runs[0].end(), runs[0].results(), session.finished(runs[0]), session.summary(0)))
    assert watch.follow() is True
    assert lines.getvalue().splitlines() == [
        "UPD-001        0:00:00  on twin-4node#1",
        "UPD-001        0:01:00  install",
        "UPD-001        1:01:01  install / cau / drain  NODE01",
        "UPD-001        1:01:01  verdict: pass",
    ]
    assert starting.conclude(watch, 0, as_json=False) is Exit.PASS
    shown = capsys.readouterr().out.splitlines()
    assert shown == [
        "scenario  verdict  longest VM gap  lab time  wall time",
        "UPD-001   pass             1.25 s   3:25:45    0:01:30",
        "rehearsal: no evidence about the product",
        f"report: {session.folder / 'index.html'}",
    ]


def test_ctrl_c_stops_what_runs_and_what_begins_later(
    session: Session,
    script: Script,
    watch: SessionWatch,
    lines: io.StringIO,
    counter: Interrupts,
    asked: list[tuple[int, int]],
    capsys: pytest.CaptureFixture[str],
) -> None:
    first, late = Running(), Running(SECOND, "UPD-002")
    first.begin()
    session.started(first)
    session.started(late)
    script.then(lambda: setattr(counter, "count", 1))
    script.then(lambda: None).then(late.begin).then(lambda: None)

    def end() -> None:
        for run in (first, late):
            run.end("aborted")
            run.results("inconclusive")
            session.finished(run, "inconclusive")
        session.summary(Exit.LAB)  # the scenarios that were kept from starting are not-run

    script.then(end)
    assert watch.follow() is True
    assert (session.folder / "stop").exists()
    assert asked == [(Holder.me().pid, signal.SIGINT)] * 2, "each run once, the late one as soon as it can be asked"
    assert lines.getvalue().count("stopping:") == 1
    assert starting.conclude(watch, 1, as_json=False) is Exit.INTERRUPTED
    assert "interrupted" in capsys.readouterr().out


@pytest.mark.parametrize("code", [Exit.TAINTED, Exit.PRODUCT, Exit.HARNESS])
def test_an_interrupt_hides_nothing_that_is_worse(session: Session, watch: SessionWatch, code: Exit) -> None:
    session.summary(code)
    watch.stopping = True
    assert starting.conclude(watch, 1, as_json=False) is code


def test_a_second_ctrl_c_leaves_the_runs_alone_and_says_how_to_get_back(
    session: Session,
    script: Script,
    watch: SessionWatch,
    counter: Interrupts,
    asked: list[tuple[int, int]],
    capsys: pytest.CaptureFixture[str],
) -> None:
    run, lost = Running(), Running(SECOND, "UPD-002")
    run.begin()
    lost.begin(dead_holder())
    session.started(run)
    session.started(lost)
    script.then(lambda: setattr(counter, "count", 1)).then(lambda: setattr(counter, "count", 2)).then(lambda: None)
    assert watch.follow() is False
    assert starting.leave(watch, script.pid) is Exit.DETACHED
    said = capsys.readouterr().err
    assert "process 4711" in said
    assert f"hil run watch {run.run_id}" in said
    assert f"hil run resume {lost.run_id}" in said
    assert len(asked) == 1


def test_a_pytest_that_died_names_what_lives_and_what_can_be_resumed(session: Session, watch: SessionWatch) -> None:
    alive, lost = Running(), Running(SECOND, "UPD-002")
    alive.begin()
    lost.begin(dead_holder())
    session.started(alive)
    session.started(lost)
    (session.folder / "pytest.log").write_text("collected 2 items\nKilled\n")
    watch.read()
    with pytest.raises(HarnessError) as raised:
        starting.conclude(watch, -9, as_json=False)
    assert raised.value.code == "HARNESS"
    assert "code -9" in str(raised.value)
    assert "Killed" in str(raised.value)
    assert f"run {alive.run_id} goes on: hil run watch" in str(raised.value)
    assert f"hil run resume {lost.run_id}" in str(raised.value)


def test_words_that_pytest_does_not_know_are_wrong_usage(session: Session, watch: SessionWatch) -> None:
    (session.folder / "pytest.log").write_text("ERROR: unrecognized arguments: --nonsense\n")
    with pytest.raises(ConfigError, match="--nonsense"):
        starting.conclude(watch, 4, as_json=False)


def test_an_empty_selection_is_no_success(session: Session, watch: SessionWatch) -> None:
    with pytest.raises(NothingSelectedError):
        starting.conclude(watch, 5, as_json=False)
    assert not session.folder.exists()


def test_json_is_one_document(session: Session, watch: SessionWatch, capsys: pytest.CaptureFixture[str]) -> None:
    run = Running()
    run.begin()
    run.end()
    run.results("fail", cause={"summary": "vm07 was out for 9 s", "id": "limit"})
    session.started(run)
    session.finished(run, "fail")
    session.summary(Exit.PRODUCT)
    watch.read()
    assert starting.conclude(watch, 1, as_json=True) is Exit.PRODUCT
    document = json.loads(capsys.readouterr().out)
    assert (document["schema"], document["session"], document["exit_code"]) == (1, "s1", 1)
    assert document["scenarios"][0] | {"folder": ""} == {
        "id": "UPD-001",
        "title": "t",
        "lab": "twin-4node",
        "run_id": run.run_id,
        "verdict": "fail",
        "waived": "",
        "subject": "simulated",
        "machines": "none",
        "detail": "vm07 was out for 9 s",
        "longest_gap_s": 1.25,
        "lab_time_s": 12345.0,
        "wall_s": 90.5,
        "label": "rehearsal: no evidence about the product",
        "folder": "",
    }


def test_the_live_table_fits_the_screen_and_leaves_marks(session: Session, watch: SessionWatch) -> None:
    run = Running(SECOND, "UPD-002.power=all-nodes.seed=12345")
    run.begin()
    session.started(run)
    run.event(60, "phase.enter", "update/install/cau/node[NODE01]/a rather long name of a step in the action plan")
    watch.read()
    view = next(iter(watch.runs.values())).view
    out = io.StringIO()
    console = Console(file=out, width=100, force_terminal=True, color_system=None)
    progress: Progress = LiveProgress(console)
    progress.refresh([view])
    progress.say("stopping [not markup]")
    progress.close()
    shown = out.getvalue()
    assert "stopping [not markup]" in shown
    plain = Console(file=io.StringIO(), width=100, record=True)
    plain.print(live_table([view]))
    lines = plain.export_text().splitlines()
    assert "NODE01" in lines[1]
    assert all(len(line.rstrip()) <= 100 for line in lines)


@pytest.mark.parametrize(
    ("tty", "environ", "as_json", "kind"),
    [
        (True, {}, False, LiveProgress),
        (False, {}, False, LineProgress),
        (True, {"NO_COLOR": "1"}, False, LineProgress),
        (True, {"CI": "true"}, False, LineProgress),
        (True, {}, True, LineProgress),
    ],
)
def test_lines_where_no_table_can_move(
    tty: bool, environ: dict[str, str], as_json: bool, kind: type, monkeypatch: pytest.MonkeyPatch
) -> None:
    stream = io.StringIO()
    monkeypatch.setattr(stream, "isatty", lambda: tty)
    monkeypatch.setattr("sys.stdout", stream)
    progress = choose_progress(as_json=as_json, environ=environ)
    progress.close()
    assert isinstance(progress, kind)


def test_a_reader_that_left_does_not_end_the_session(
    session: Session, script: Script, counter: Interrupts, monkeypatch: pytest.MonkeyPatch
) -> None:
    class Closed(io.StringIO):
        def write(self, text: str) -> int:
            raise BrokenPipeError

    monkeypatch.setattr("sys.stdout", Closed())
    run = Running()
    session.started(run)
    script.then(run.begin).then(lambda: (session.finished(run, "fail"), session.summary(Exit.PRODUCT)))
    watch = SessionWatch(session.folder, script, LineProgress(), counter)
    assert watch.follow() is True
    assert starting.conclude(watch, 1, as_json=False) is Exit.PRODUCT, "the exit code stays honest"


@pytest.mark.parametrize("width", [60, 80, 100, 140])
def test_a_narrow_terminal_keeps_scenario_phase_and_wall_whole(width: int) -> None:
    views = [
        RunView(f"UPD-00{number}.power_loss.nodes", "r", phase="health-check", node="NODE01", step="cau / install" * 3)
        for number in range(3)
    ]
    views.append(RunView("DET-001", "r", verdict="inconclusive"))
    plain = Console(file=io.StringIO(), width=width, force_terminal=False)
    plain.print(live_table(views, width))
    head, *rows = plain.file.getvalue().splitlines()  # type: ignore[attr-defined]
    assert head.split()[0] == "scenario" and head.split()[-1] == "wall"
    assert len(rows) == len(views), "no row is wrapped"
    assert all(len(row) <= width for row in rows)
    for view, row in zip(views, rows, strict=True):
        assert view.scenario[:24] in row or view.scenario[:23] in row
        assert (view.verdict or view.phase) in row
        assert row.rstrip().endswith("0:00:00")
    assert ("step" in head) == (width >= 80)
    assert ("%" in head) == (width >= 100)
