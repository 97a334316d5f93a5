"""`hil run` around single runs: list, show, watch, stop, resume, in every state a run can be in."""

from __future__ import annotations

import json
import signal
from pathlib import Path
from typing import Any

import pytest

from harness import cli
from harness.cli import attending, called
from harness.cli.interrupts import Interrupts
from harness.cli.runstate import inspect_run
from harness.exits import Exit
from harness.labs.holder import Holder
from harness.labs.hosting import folder_of
from harness.run.stop import StopFlag
from tests.unit.cli.conftest import RUN_ID, Running, Script, dead_holder

LIMIT = {"id": "limit", "about": "product", "outcome": "fail", "summary": "vm07 was out for 9 s", "evidence": [7]}
CAUSE = LIMIT | dict.fromkeys(("phase", "step", "node", "value", "limit"), "") | {"at_ns": None, "attrs": {}}


@pytest.fixture
def ended() -> Running:
    run = Running()
    run.begin(dead_holder())
    run.end()
    run.results()
    return run


@pytest.fixture
def dead() -> Running:
    run = Running()
    run.begin(dead_holder())
    run.writer.close()
    return run


@pytest.fixture
def script(monkeypatch: pytest.MonkeyPatch) -> Script:
    """What the others do while a command waits."""
    script = Script()
    monkeypatch.setattr(attending, "pause", script.pause)
    return script


def living_until_told(monkeypatch: pytest.MonkeyPatch) -> list[bool]:
    """This process, which conducts all living runs of these tests, is gone as soon as the list is not empty."""
    gone: list[bool] = []
    monkeypatch.setattr(Holder, "proven_dead", property(lambda self: bool(gone)))
    monkeypatch.setattr("harness.cli.attending.living", lambda host: None if gone else Holder.me())
    monkeypatch.setattr("harness.cli.runstate.living", lambda host: None if gone else Holder.me())
    return gone


# --- states -----------------------------------------------------------------------------------------------------------


def test_states_follow_from_journal_process_and_lab_host(places: Path) -> None:
    run = Running()
    assert inspect_run(run.folder).state == "not-begun"
    run.begin(dead_holder())
    assert inspect_run(run.folder).state == "resumable"
    run.writer.close()
    run.begin(resumed=True)
    assert inspect_run(run.folder).state == "running"
    run.end("completed")
    assert inspect_run(run.folder).state == "running", "until the process that judges is gone"


@pytest.mark.parametrize(
    ("reason", "state"),
    [
        ("completed", "ended"),
        ("lab-lost", "ended"),
        ("aborted", "ended"),
        ("error", "ended"),
        ("detached", "resumable"),
    ],
)
def test_an_attempt_that_gave_the_lab_back_has_ended_whoever_has_the_lab_now(reason: str, state: str) -> None:
    run = Running()
    run.begin(dead_holder())
    run.end(reason)
    me = Holder.me()
    host = folder_of("twin-4node#1")
    host.mkdir(parents=True)
    plain = {"host": me.host, "boot_id": me.boot_id, "pid": me.pid, "started": me.started}
    (host / "host.json").write_text(json.dumps(plain))
    assert inspect_run(run.folder).state == state


def test_list_tells_that_a_killed_run_can_be_resumed(dead: Running, capsys: pytest.CaptureFixture[str]) -> None:
    assert cli.main(["run", "list"]) == Exit.PASS
    assert capsys.readouterr().out.splitlines()[1].split()[:4] == [RUN_ID, "twin-4node", "resumable", "-"]


def test_list_shows_a_waived_failure_as_such(ended: Running, capsys: pytest.CaptureFixture[str]) -> None:
    ended.results("fail", effective="pass", waived=True)
    assert cli.main(["run", "list"]) == Exit.PASS
    assert "pass (fail waived)" in capsys.readouterr().out
    assert cli.main(["run", "list", "--json"]) == Exit.PASS
    assert json.loads(capsys.readouterr().out)[0]["waived"] is True


def test_list_shows_every_run_with_its_state(ended: Running, capsys: pytest.CaptureFixture[str]) -> None:
    Running(RUN_ID.replace("001", "002"), "UPD-002").begin()
    assert cli.main(["run", "list"]) == Exit.PASS
    head, first, second, evidence = capsys.readouterr().out.splitlines()
    assert head.split() == ["run", "lab", "state", "verdict", "subject"]
    assert first.split()[:5] == [RUN_ID, "twin-4node", "ended", "pass", "simulated"]
    assert second.split()[2:5] == ["running", "-", "-"]
    assert evidence == "simulated: rehearsal: no evidence about the product"
    assert cli.main(["run", "list", "--json"]) == Exit.PASS
    rows = json.loads(capsys.readouterr().out)
    assert [(row["scenario"], row["state"], row["pid"] is None) for row in rows] == [
        ("UPD-001", "ended", True),
        ("UPD-002", "running", False),
    ]


def test_list_of_nothing_says_how_to_begin(capsys: pytest.CaptureFixture[str]) -> None:
    assert cli.main(["run", "list"]) == Exit.PASS
    assert "hil demo" in capsys.readouterr().out


def test_show_explains_the_verdict_and_names_the_files(ended: Running, capsys: pytest.CaptureFixture[str]) -> None:
    ended.results("fail", cause=CAUSE, because=[CAUSE])
    assert cli.main(["run", "show", "last"]) == Exit.PASS
    shown = capsys.readouterr().out
    assert str(ended.journal) in shown
    assert "vm07 was out for 9 s" in shown
    assert "whose:       the product's" in shown
    assert cli.main(["run", "show", "UPD-001", "--json"]) == Exit.PASS
    document = json.loads(capsys.readouterr().out)
    assert document["results"]["verdict"] == "fail"
    assert document["files"]["journal"] == str(ended.journal)


def test_show_and_explain_lead_further_than_to_themselves(ended: Running, capsys: pytest.CaptureFixture[str]) -> None:
    ended.results("fail", cause=CAUSE, because=[CAUSE])
    assert cli.main(["run", "show", "last"]) == Exit.PASS
    assert f"next:        hil report open {RUN_ID}" in capsys.readouterr().out


def test_a_stopped_run_is_nobodys_fault(ended: Running, capsys: pytest.CaptureFixture[str]) -> None:
    stopped = {**CAUSE, "id": "aborted", "about": "harness", "summary": "the run was stopped by the operator"}
    ended.results("inconclusive", cause=stopped, because=[stopped])
    assert cli.main(["run", "show", "last"]) == Exit.PASS
    shown = capsys.readouterr().out
    assert "whose:       nobody's, the run was asked to stop (aborted)" in shown
    assert "the harness'" not in shown


def test_ctrl_c_and_stop_are_told_as_the_operators_doing(monkeypatch: pytest.MonkeyPatch) -> None:
    handlers: dict[int, Any] = {}
    monkeypatch.setattr(signal, "signal", handlers.__setitem__)
    flags = StopFlag(), StopFlag()
    for flag, number in zip(flags, (signal.SIGINT, signal.SIGTERM), strict=True):
        flag.on_signals()
        handlers[number](number, None)
    assert [flag.reason for flag in flags] == ["stopped by the operator", "stopped by SIGTERM"]


def test_commands_are_spelt_as_the_program_was_called(
    dead: Running, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    monkeypatch.setenv("HIL_CALLED_AS", "./hil")
    assert cli.main(["run", "show", str(dead.folder)]) == Exit.PASS
    assert f"next: ./hil run resume {RUN_ID}" in capsys.readouterr().out
    assert cli.main(["run", "show", "nonsense"]) == Exit.USAGE
    assert "next: see the runs with: ./hil run list" in capsys.readouterr().err
    assert cli.main(["run", "show"]) == Exit.USAGE
    assert "`./hil run show --help`" in capsys.readouterr().err


def test_commands_of_pages_and_of_the_program_itself_are_spelt_anew() -> None:
    assert called.spelled("hil: no run; ./hil run list, docs/hil run") == "hil: no run; hil run list, docs/hil run"


def test_several_matches_are_named(ended: Running, capsys: pytest.CaptureFixture[str]) -> None:
    other = Running(RUN_ID.replace("001", "002"), "UPD-002")
    assert cli.main(["run", "show", "UPD"]) == Exit.USAGE
    said = capsys.readouterr().err
    assert "2 runs match 'UPD'" in said
    assert f"  {RUN_ID}\n  {other.run_id}\n" in said


def test_an_empty_name_matches_nothing(ended: Running, capsys: pytest.CaptureFixture[str]) -> None:
    assert cli.main(["run", "show", ""]) == Exit.USAGE
    assert "the name of the run is empty" in capsys.readouterr().err


def test_show_of_a_dead_run_names_the_next_command(dead: Running, capsys: pytest.CaptureFixture[str]) -> None:
    assert cli.main(["run", "show", str(dead.folder)]) == Exit.PASS
    assert f"next: hil run resume {RUN_ID}" in capsys.readouterr().out


def test_an_unknown_run_is_wrong_usage(capsys: pytest.CaptureFixture[str]) -> None:
    assert cli.main(["run", "show", "nonsense"]) == Exit.USAGE
    assert "hil run list" in capsys.readouterr().err


# --- watch ------------------------------------------------------------------------------------------------------------


def test_watch_follows_a_living_run_to_its_verdict(
    script: Script, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    gone = living_until_told(monkeypatch)
    run = Running()
    run.begin()
    script.then(lambda: run.event(90, "phase.enter", "update/prepare"))
    script.then(lambda: (run.end(), run.results("stuck"), gone.append(True)))
    assert cli.main(["run", "watch", RUN_ID]) == Exit.PRODUCT
    shown = capsys.readouterr().out
    assert "UPD-001        0:01:30  prepare" in shown
    assert "UPD-001   stuck" in shown


def test_ctrl_c_ends_the_watching_and_not_the_run(
    script: Script, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    living_until_told(monkeypatch)
    Running().begin()
    script.then(lambda: signal.raise_signal(signal.SIGINT)).then(lambda: None)
    assert cli.main(["run", "watch", "last"]) == Exit.INTERRUPTED
    assert "the run goes on" in capsys.readouterr().err


def test_a_run_whose_process_dies_meanwhile_is_to_be_resumed(
    script: Script, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    gone = living_until_told(monkeypatch)
    Running().begin()
    script.then(lambda: gone.append(True))
    assert cli.main(["run", "watch", "last"]) == Exit.HARNESS
    assert f"next: hil run resume {RUN_ID}" in capsys.readouterr().err


# --- stop -------------------------------------------------------------------------------------------------------------


def test_stop_says_what_it_would_do(asked: list[tuple[int, int]], capsys: pytest.CaptureFixture[str]) -> None:
    Running().begin()
    assert cli.main(["run", "stop", "last"]) == Exit.USAGE
    assert "add --yes" in capsys.readouterr().out
    assert asked == []


def test_stop_asks_waits_and_reports(
    script: Script,
    asked: list[tuple[int, int]],
    monkeypatch: pytest.MonkeyPatch,
    capsys: pytest.CaptureFixture[str],
) -> None:
    gone = living_until_told(monkeypatch)
    run = Running()
    run.begin()
    script.then(lambda: (run.end("aborted"), run.results("inconclusive"), gone.append(True)))
    assert cli.main(["run", "stop", "last", "--yes"]) == Exit.PASS
    assert asked == [(Holder.me().pid, signal.SIGINT)]
    assert "inconclusive" in capsys.readouterr().out


def test_nobody_can_be_asked_to_stop_a_dead_run(dead: Running, capsys: pytest.CaptureFixture[str]) -> None:
    assert cli.main(["run", "stop", "last", "--yes"]) == Exit.USAGE
    assert "resumable" in capsys.readouterr().err


# --- resume -----------------------------------------------------------------------------------------------------------


@pytest.mark.parametrize(("verdict", "code"), [("pass", Exit.PASS), ("fail", Exit.PRODUCT), ("lab", Exit.LAB)])
def test_a_run_that_ended_is_not_resumed(
    ended: Running, verdict: str, code: Exit, capsys: pytest.CaptureFixture[str], monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(attending, "RunProcess", None)
    ended.results(verdict)
    assert cli.main(["run", "resume", "last"]) == code
    assert "nothing to resume" in capsys.readouterr().out


def test_a_stopped_run_whose_lab_is_gone_stays_interrupted(capsys: pytest.CaptureFixture[str]) -> None:
    run = Running()
    run.begin(dead_holder())
    run.end("aborted")
    run.results("inconclusive")
    assert cli.main(["run", "resume", "last"]) == Exit.INTERRUPTED


def test_a_living_run_is_waited_for(
    script: Script, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    monkeypatch.setattr(attending, "RunProcess", None)
    gone = living_until_told(monkeypatch)
    run = Running()
    run.begin()
    script.then(lambda: (run.end(), run.results(), gone.append(True)))
    assert cli.main(["run", "resume", "last"]) == Exit.PASS
    assert "waiting for it" in capsys.readouterr().out


class FakeProcess:
    """Stands for the process that a resume starts: this one, until the script ends it."""

    code = 0

    def __init__(self, folder: Path, *, resume: bool) -> None:
        assert resume
        self.pid = Holder.me().pid

    def wait(self) -> int:
        return self.code


def test_a_dead_run_is_conducted_by_a_new_process(
    dead: Running, script: Script, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    gone: list[bool] = []
    monkeypatch.setattr(Holder, "proven_dead", property(lambda self: bool(gone)))
    monkeypatch.setattr(attending, "RunProcess", FakeProcess)
    monkeypatch.setattr(FakeProcess, "code", 13)
    script.then(lambda: dead.begin(resumed=True))
    monkeypatch.setattr("harness.cli.runstate.living", lambda host: None)
    script.then(lambda: (dead.end(), dead.results("guide-gap"), gone.append(True)))
    assert cli.main(["run", "resume", "last"]) == Exit.GUIDE_GAP
    shown = capsys.readouterr().out
    assert f"resumed by process {Holder.me().pid}" in shown
    assert "guide-gap" in shown


def test_ctrl_c_in_a_resumed_run_stops_it_and_a_second_one_leaves_it(
    dead: Running,
    script: Script,
    asked: list[tuple[int, int]],
    monkeypatch: pytest.MonkeyPatch,
    capsys: pytest.CaptureFixture[str],
) -> None:
    monkeypatch.setattr(Holder, "proven_dead", property(lambda self: False))
    monkeypatch.setattr(attending, "RunProcess", FakeProcess)
    interrupts: list[Interrupts] = []
    monkeypatch.setattr(attending, "Interrupts", lambda: interrupts.append(Interrupts()) or interrupts[0])
    script.then(lambda: setattr(interrupts[0], "count", 1)).then(lambda: None)
    script.then(lambda: setattr(interrupts[0], "count", 2)).then(lambda: None)
    assert cli.main(["run", "resume", "last"]) == Exit.DETACHED
    assert asked == [(Holder.me().pid, signal.SIGINT)]
    assert f"hil run watch {RUN_ID}" in capsys.readouterr().err


def test_a_run_without_a_journal_is_not_resumed(capsys: pytest.CaptureFixture[str]) -> None:
    Running()
    assert cli.main(["run", "resume", "last"]) == Exit.USAGE
    assert "no journal yet" in capsys.readouterr().err


def test_what_ended_before_the_judge_spoke_is_judged_now(
    capsys: pytest.CaptureFixture[str], monkeypatch: pytest.MonkeyPatch
) -> None:
    run = Running()
    run.begin(dead_holder())
    run.end()
    spoken: list[Path] = []
    monkeypatch.setattr(
        "harness.report.run.write_report", lambda folder: (spoken.append(folder), run.results("inconclusive"))
    )
    assert cli.main(["run", "resume", "last"]) == Exit.INCONCLUSIVE
    assert spoken == [run.folder]


def test_a_run_that_never_began_says_what_its_process_said(capsys: pytest.CaptureFixture[str]) -> None:
    run = Running()
    (run.folder / "run.log").write_text("the lab host of 'twin-4node#1' did not start: no address is free\n")
    assert cli.main(["run", "show", "last"]) == Exit.PASS
    assert "no address is free" in capsys.readouterr().out
