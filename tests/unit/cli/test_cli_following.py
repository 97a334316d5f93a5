"""Following growing files: every whole line once, whatever a crash or a late start does to the file."""

from __future__ import annotations

from pathlib import Path

from hypothesis import given
from hypothesis import strategies as st

from harness.cli.following import Tail, read_entries, read_events
from harness.cli.runview import RunView
from harness.labs.holder import Holder
from harness.run.launch import living
from harness.testing.stories import tell
from tests.unit.cli.conftest import Running, dead_holder


def test_a_file_that_comes_late_is_read_from_its_start(tmp_path: Path) -> None:
    tail = Tail(tmp_path / "journal.jsonl")
    assert tail.read() == []
    tail.path.write_bytes(b"one\ntwo\n")
    assert tail.read() == [b"one", b"two"]
    assert tail.read() == []


@given(st.binary(max_size=80), st.lists(st.integers(0, 80), max_size=8))
def test_any_way_of_growing_gives_each_whole_line_once(content: bytes, cuts: list[int]) -> None:
    import tempfile

    with tempfile.TemporaryDirectory() as folder:
        tail = Tail(Path(folder) / "file")
        seen: list[bytes] = []
        for cut in sorted(min(cut, len(content)) for cut in [*cuts, len(content)]):
            tail.path.write_bytes(content[:cut])
            seen += tail.read()
    assert seen == content.split(b"\n")[:-1]


def test_a_torn_line_that_the_next_attempt_cuts_off_is_never_seen(places: Path) -> None:
    run = Running()
    run.begin(dead_holder())
    run.writer.close()
    tail = Tail(run.journal)
    with run.journal.open("ab") as stream:
        stream.write(b'{"seq":2,"attempt":1,"t_lab')
    assert [entry.what for entry in read_entries(tail)] == ["header", "attempt.begin"]
    run.begin(resumed=True)
    run.end()
    assert [entry.what for entry in read_entries(tail)] == ["attempt.begin", "attempt.end"]


def test_only_new_bytes_are_read(tmp_path: Path, monkeypatch: object) -> None:
    tail = Tail(tmp_path / "file")
    tail.path.write_bytes(b"a" * 1000 + b"\n")
    tail.read()
    with tail.path.open("r+b") as stream:
        stream.write(b"b" * 1000)  # what was read is not looked at again
    with tail.path.open("ab") as stream:
        stream.write(b"new\n")
    assert tail.read() == [b"new"]


def test_lines_that_are_none_are_left_out(tmp_path: Path) -> None:
    (tmp_path / "session.jsonl").write_text('{"event": "x"}\nnonsense\n[1]\n{"other": 1}\n')
    assert read_events(Tail(tmp_path / "session.jsonl")) == [{"event": "x"}]


def test_a_conductor_lives_only_as_the_same_process_of_the_same_boot() -> None:
    me = Holder.me()
    host = {"pid": me.pid, "boot_id": me.boot_id, "started": me.started}
    assert living(host) == me
    assert living({**host, "started": me.started + 1}) is None
    assert living({**host, "boot_id": "another"}) is None
    assert living({**host, "pid": 2**22 + 1}) is None
    assert living(None) is None


def test_a_whole_update_ends_at_its_last_phase_with_the_guests_it_touched(tmp_path: Path) -> None:
    tell(tmp_path / "run", "upd-002")
    view = RunView(scenario="?", run_id="r")
    news = [each for entry in read_entries(Tail(tmp_path / "run" / "journal.jsonl")) for each in view.take(entry)]
    told = [each.text for each in news]
    assert view.scenario == "UPD-002"
    assert any(text.startswith("install / cau / drain  NODE02") for text in told)
    assert [each.text for each in news if each.mark] == [
        "fault second-node-dies injected into NODE03",
        "fault second-node-dies is being reverted (planned)",
        "fault second-node-dies clean",
    ]
    assert "vm03" in view.affected, "a guest of the node that lost its power"
    assert view.lab_s > 3600
    assert view.ended == "completed"
    assert not view.faults


def test_a_lab_without_events_shows_the_steps_that_looks_tell(tmp_path: Path) -> None:
    tell(tmp_path / "run", "upd-001", by_looks=True)
    view = RunView(scenario="?", run_id="r")
    told = [news.text for entry in read_entries(Tail(tmp_path / "run" / "journal.jsonl")) for news in view.take(entry)]
    assert any(text.startswith("install / Update Host OS") for text in told)
    assert len(told) < 40, "a line for a change, not for a look"
