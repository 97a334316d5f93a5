"""The journal on disk: chain, attempts, one owner, durability, and what happens when the disk is full."""

from __future__ import annotations

import errno
import json
import os
import subprocess
import sys
from pathlib import Path
from typing import Any

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from harness.errors import JournalError
from harness.journal import SCHEMA, BrokenJournalError, JournalWriter, Kind, Redactor, read_journal
from harness.journal.entry import GENESIS, line_sha256
from harness.journal.writer import FILE_NAME
from tests.examples import examples

KEYS = ["seq", "attempt", "t_lab_ns", "t_mono_ns", "t_wall", "actor", "kind", "subject", "data", "prev_sha256"]


def write(folder: Path, *whats: str, kind: Kind = Kind.NOTE) -> Path:
    writer = JournalWriter(folder, Redactor())
    for what in whats:
        writer.append(kind, "conductor", "run", {"what": what, "schema": SCHEMA, "number": 17, "text": "Grüße"})
    writer.close()
    return writer.path


class TestChain:
    def test_lines_are_numbered_chained_and_keep_their_keys_in_order(self, tmp_path: Path) -> None:
        raw = write(tmp_path, "header", "one", "two").read_bytes().splitlines()
        previous = GENESIS
        for number, line in enumerate(raw):
            document = json.loads(line)
            assert list(document) == KEYS
            assert (document["seq"], document["attempt"], document["prev_sha256"]) == (number, 1, previous)
            previous = line_sha256(line)
        journal = read_journal(tmp_path / FILE_NAME)
        assert [entry.to_line() for entry in journal] == raw
        assert journal.last_sha256 == previous
        assert journal.header.what == "header"

    def test_next_process_is_the_next_attempt_on_the_same_chain(self, tmp_path: Path) -> None:
        write(tmp_path, "header", "one")
        write(tmp_path, "two")
        write(tmp_path, "three", "four")
        assert [entry.attempt for entry in read_journal(tmp_path / FILE_NAME)] == [1, 1, 2, 3, 3]

    def test_lab_time_is_asked_at_every_line(self, tmp_path: Path) -> None:
        writer = JournalWriter(tmp_path, Redactor())
        times = iter((5, 8))
        assert writer.append(Kind.NOTE, "a", "b", {}).t_lab_ns is None
        writer.lab_time = lambda: next(times)
        assert [writer.append(Kind.NOTE, "a", "b", {}).t_lab_ns for _ in range(2)] == [5, 8]

    @pytest.mark.parametrize("text", ["half a pair \ud83d", "\udcff", "line\nbreak", "\x00", "\u2028"])
    def test_any_text_of_a_product_can_be_written_and_read(self, tmp_path: Path, text: str) -> None:
        writer = JournalWriter(tmp_path, Redactor())
        writer.append(Kind.NOTE, "a", "b", {"what": "x", "text": text})
        (entry,) = read_journal(writer.path)
        assert entry.data["text"] == text
        writer.path.read_bytes().decode()

    def test_unknown_schema_is_refused_by_name(self, tmp_path: Path) -> None:
        writer = JournalWriter(tmp_path, Redactor())
        writer.append(Kind.NOTE, "conductor", "run", {"what": "header", "schema": 99})
        with pytest.raises(BrokenJournalError, match="schema 99"):
            _ = read_journal(writer.path).header

    def test_journal_without_header_is_no_journal(self, tmp_path: Path) -> None:
        with pytest.raises(BrokenJournalError, match="header"):
            _ = read_journal(write(tmp_path, "other")).header


@pytest.fixture(scope="module")
def sound(tmp_path_factory: pytest.TempPathFactory) -> bytes:
    return write(tmp_path_factory.mktemp("sound"), "header", "one", "two", "three").read_bytes()


class TestDamage:
    @settings(max_examples=examples(300), deadline=None)
    @given(place=st.integers(0, 10**6), byte=st.integers(0, 255))
    def test_changed_byte_is_found_and_its_line_named(
        self, sound: bytes, tmp_path_factory: pytest.TempPathFactory, place: int, byte: int
    ) -> None:
        """In every line but the last, to which no later line can testify."""
        last_line = sound.rstrip(b"\n").rfind(b"\n") + 1
        place %= last_line
        if sound[place] == byte:
            return
        number = sound[:place].count(b"\n") + 1
        path = tmp_path_factory.getbasetemp() / "changed.jsonl"
        path.write_bytes(sound[:place] + bytes([byte]) + sound[place + 1 :])
        with pytest.raises(BrokenJournalError) as caught:
            read_journal(path)
        message = str(caught.value)
        assert f":{number}:" in message or f"line {number}," in message, message

    @settings(max_examples=examples(60), deadline=None)
    @given(place=st.integers(0, 10**6))
    def test_missing_byte_is_found(self, sound: bytes, tmp_path_factory: pytest.TempPathFactory, place: int) -> None:
        place %= sound.rstrip(b"\n").rfind(b"\n") + 1
        path = tmp_path_factory.getbasetemp() / "shorter.jsonl"
        path.write_bytes(sound[:place] + sound[place + 1 :])
        with pytest.raises(BrokenJournalError):
            read_journal(path)

    def test_missing_and_swapped_lines_are_found(self, sound: bytes, tmp_path: Path) -> None:
        lines = sound.splitlines(keepends=True)
        path = tmp_path / "x.jsonl"
        for changed in (lines[1:], lines[:1] + lines[2:], [lines[0], lines[2], lines[1], lines[3]], [*lines, lines[3]]):
            path.write_bytes(b"".join(changed))
            with pytest.raises(BrokenJournalError):
                read_journal(path)

    @pytest.mark.parametrize("old_new", [(b'"seq":3', b'"seq": 3'), (b'"attempt":1', b'"attempt":1.0')])
    def test_line_in_another_form_is_found_even_at_the_end(
        self, tmp_path: Path, sound: bytes, old_new: tuple[bytes, bytes]
    ) -> None:
        head, _, last = sound.rstrip(b"\n").rpartition(b"\n")
        path = tmp_path / "x.jsonl"
        path.write_bytes(head + b"\n" + last.replace(*old_new, 1) + b"\n")
        with pytest.raises(BrokenJournalError, match=":4:"):
            read_journal(path)

    def test_number_out_of_range_is_damage_and_no_crash(self, tmp_path: Path, sound: bytes) -> None:
        path = tmp_path / "x.jsonl"
        path.write_bytes(sound.replace(b'"attempt":1', b'"attempt":9e999', 1))
        with pytest.raises(BrokenJournalError, match=":1:"):
            read_journal(path)

    def test_header_that_was_cut_off_is_named(self, tmp_path: Path) -> None:
        with pytest.raises(JournalError, match="cannot read"):
            read_journal(tmp_path / "none.jsonl")


class TestTorn:
    @pytest.mark.parametrize("left", [1, 20, 200])
    def test_torn_last_line_is_tolerated_cut_and_its_hash_noted(self, tmp_path: Path, left: int) -> None:
        path = write(tmp_path, "header", "one", "two")
        whole = path.read_bytes().splitlines(keepends=True)
        path.write_bytes(b"".join(whole[:2]) + whole[2][:left])
        journal = read_journal(path)
        assert (len(journal.entries), journal.torn) == (2, whole[2][:left])
        writer = JournalWriter(tmp_path, Redactor())
        assert writer.torn_sha256 == line_sha256(whole[2][:left])
        assert path.read_bytes() == b"".join(whole[:2])
        assert (writer.append(Kind.NOTE, "a", "b", {"what": "on"}).seq, writer.attempt) == (2, 2)
        assert [entry.what for entry in read_journal(path)] == ["header", "one", "on"]

    def test_first_line_torn(self, tmp_path: Path) -> None:
        (tmp_path / FILE_NAME).write_bytes(b'{"seq":0')
        writer = JournalWriter(tmp_path, Redactor())
        assert (writer.attempt, writer.seq, writer.path.read_bytes()) == (1, 0, b"")

    def test_whole_line_without_its_newline_does_not_count(self, tmp_path: Path) -> None:
        path = write(tmp_path, "header", "one")
        path.write_bytes(path.read_bytes()[:-1])
        assert [entry.what for entry in read_journal(path)] == ["header"]


class TestOwner:
    def test_second_writer_is_refused_until_the_first_lets_go(self, tmp_path: Path) -> None:
        first = JournalWriter(tmp_path, Redactor())
        with pytest.raises(JournalError, match="another process writes"):
            JournalWriter(tmp_path, Redactor())
        first.close()
        JournalWriter(tmp_path, Redactor()).close()

    def test_broken_journal_is_not_written_to_and_not_kept_locked(self, tmp_path: Path) -> None:
        path = write(tmp_path, "header", "one")
        sound = path.read_bytes()
        path.write_bytes(sound.replace(b"17", b"18", 1))
        for _ in range(2):
            with pytest.raises(BrokenJournalError):
                JournalWriter(tmp_path, Redactor())
        path.write_bytes(sound)
        JournalWriter(tmp_path, Redactor()).close()

    def test_closed_writer_refuses(self, tmp_path: Path) -> None:
        writer = JournalWriter(tmp_path, Redactor())
        writer.close()
        writer.close()
        with pytest.raises(JournalError):
            writer.append(Kind.INTENT, "a", "b", {})


class TestDurability:
    def test_lines_with_consequences_are_synced_before_append_returns(
        self, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
    ) -> None:
        synced: list[int] = []
        sizes: list[int] = []
        writer = JournalWriter(tmp_path, Redactor())
        monkeypatch.setattr(os, "fsync", lambda fd: (synced.append(fd), sizes.append(writer.path.stat().st_size)))
        expected = 0
        for kind in Kind:
            writer.append(kind, "a", "b", {})
            expected += kind in (Kind.INTENT, Kind.EFFECT, Kind.UNDO)
            assert len(synced) == expected, kind
            if kind.durable:
                assert sizes[-1] == writer.path.stat().st_size
        assert expected == 3


WORK = """
import resource, signal, sys
from pathlib import Path
from harness.errors import JournalError
from harness.journal import JournalWriter, Kind, Redactor, read_journal
signal.signal(signal.SIGXFSZ, signal.SIG_IGN)
resource.setrlimit(resource.RLIMIT_FSIZE, (2000, 2000))
writer = JournalWriter(Path(sys.argv[1]), Redactor())
written = refused = 0
for number in range(20):
    try:
        writer.append(Kind.INTENT, "conductor", "run", {"what": "x", "text": "y" * 100})
        assert not refused, "a later line was accepted"
        written += 1
    except JournalError:
        refused += 1
print(written, refused)
"""


class TestFullDisk:
    def test_no_space_leaves_whole_lines_and_refuses_everything_after(self, tmp_path: Path) -> None:
        done = subprocess.run([sys.executable, "-c", WORK, str(tmp_path)], capture_output=True, text=True, check=False)
        written, refused = map(int, done.stdout.split())
        assert (written > 2, refused > 2, written + refused) == (True, True, 20), done.stderr
        journal = read_journal(tmp_path / FILE_NAME)
        assert (len(journal.entries), journal.torn) == (written, b"")

    @pytest.mark.parametrize("failing", ["write", "short write", "fsync"])
    def test_every_failure_is_cut_back(self, tmp_path: Path, monkeypatch: pytest.MonkeyPatch, failing: str) -> None:
        writer = JournalWriter(tmp_path, Redactor())
        writer.append(Kind.NOTE, "a", "b", {"what": "sound"})
        real_write = os.write

        def fail(*_: Any) -> int:
            raise OSError(errno.ENOSPC, "No space left on device")

        if failing == "fsync":
            monkeypatch.setattr(os, "fsync", fail)
        else:
            monkeypatch.setattr(os, "write", fail if failing == "write" else lambda fd, raw: real_write(fd, raw[:7]))
        with pytest.raises(JournalError, match="nothing was done without its line"):
            writer.append(Kind.INTENT, "a", "b", {"what": "lost"})
        monkeypatch.undo()
        with pytest.raises(JournalError):
            writer.append(Kind.NOTE, "a", "b", {"what": "later"})
        journal = read_journal(writer.path)
        assert ([entry.what for entry in journal], journal.torn) == (["sound"], b"")
