"""The same journal always gives the same verdict; a changed byte is found; two journals are compared."""

from __future__ import annotations

import hashlib
import json
import re
from pathlib import Path
from typing import TYPE_CHECKING, Any

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from harness.cli import main
from harness.errors import JournalError
from harness.exits import Exit
from harness.journal import BrokenJournalError, JournalWriter, Kind, Redactor
from harness.judge.diff import diff
from harness.judge.document import LedgerDocument, Part, ResultsDocument, schema_of
from harness.judge.replay import replay
from harness.judge.results import write_results
from harness.judge.text import MOST_LINES, explain_failure
from harness.paths import schemas_dir
from harness.testing.stories import STORIES, Telling
from tests.examples import examples

if TYPE_CHECKING:
    from tests.unit.judge.conftest import Tell


def folder_of(tell: Tell, story: str, extra: Any = None, **changes: Any) -> Path:
    folder = tell(story, extra, **changes).path.parent
    write_results(folder)
    return folder


class TestReplay:
    def test_says_the_same_again(self, tell: Tell) -> None:
        folder = folder_of(tell, "det-001")
        found = replay(folder)
        assert found.same
        assert found.stored is not None
        assert found.stored["verdict"] == found.judgement.verdict == "fail"

    def test_writes_the_same_bytes_twice(self, tell: Tell) -> None:
        folder = folder_of(tell, "upd-002")
        first = [(folder / name).read_bytes() for name in ("results.json", "ledger.json")]
        write_results(folder)
        assert [(folder / name).read_bytes() for name in ("results.json", "ledger.json")] == first
        assert not list(folder.glob("*.part"))

    @settings(max_examples=examples(25), deadline=None, suppress_health_check=[HealthCheck.function_scoped_fixture])
    @given(where=st.floats(0, 0.999), flip=st.integers(1, 255))
    def test_any_changed_byte_is_reported_with_its_line(self, tell: Tell, where: float, flip: int) -> None:
        path = self.journal(tell)
        raw = bytearray(self.raw)
        index = int(where * (len(raw) - 1))
        raw[index] ^= flip
        path.write_bytes(raw)
        line = self.raw[:index].count(b"\n") + 1
        if line == self.raw.count(b"\n"):
            return  # the last line is covered by no later one; its form is checked, not its content
        with pytest.raises(BrokenJournalError, match=rf"journal\.jsonl:({line}|{line + 1}): "):
            replay(path.parent)

    raw = b""
    path: Path | None = None

    def journal(self, tell: Tell) -> Path:
        if TestReplay.path is None:
            TestReplay.path = tell("upd-001", poll_s=2990).path
            TestReplay.raw = TestReplay.path.read_bytes()
        return TestReplay.path

    def test_results_that_somebody_edited_differ(self, tell: Tell) -> None:
        folder = folder_of(tell, "det-003")
        results = json.loads((folder / "results.json").read_text())
        (folder / "results.json").write_text(json.dumps(results | {"verdict": "pass"}))
        assert replay(folder).differences == ("results.json: 'verdict' differs from what the journal says now",)

    def test_older_judge_has_to_agree_on_the_verdict_only(self, tell: Tell) -> None:
        folder = folder_of(tell, "det-003")
        results = json.loads((folder / "results.json").read_text())
        old = results | {"judge": {"version": "0", "harness": "0.0.1"}, "measurements": []}
        (folder / "results.json").write_text(json.dumps(old))
        assert replay(folder).same
        (folder / "results.json").write_text(json.dumps(old | {"effective": "pass"}))
        assert not replay(folder).same

    def test_evidence_is_checked_against_its_hash(self, tell: Tell) -> None:
        def keep(telling: Telling) -> None:
            for name, content in (("a.txt", b"kept"), ("b.txt", b"lost")):
                digest = hashlib.sha256(content).hexdigest()
                telling.builder.note(9, "evidence", file=name, sha256=digest, bytes=4, about="log")

        folder = folder_of(tell, "upd-001", keep)
        (folder / "a.txt").write_bytes(b"kept")
        assert [text.split(":")[0] for text in replay(folder).differences] == ["b.txt"]
        (folder / "a.txt").write_bytes(b"Kept")
        assert [text.split(":")[0] for text in replay(folder).differences] == ["a.txt", "b.txt"]

    def test_torn_last_line_is_tolerated(self, tell: Tell) -> None:
        path = tell("upd-001").path
        path.write_bytes(path.read_bytes() + b'{"seq":99')
        assert replay(path.parent).judgement.verdict == "pass"


def cut(folder: Path, lines: int) -> list[bytes]:
    """Take lines away at the end of the journal; returns those that are left."""
    path = folder / "journal.jsonl"
    left = path.read_bytes().splitlines(keepends=True)[:-lines]
    path.write_bytes(b"".join(left))
    return left


class TestLinesMissingAtTheEnd:
    @pytest.mark.parametrize("lines", [1, 30])
    def test_are_told_with_their_number(self, tell: Tell, lines: int, capsys: pytest.CaptureFixture[str]) -> None:
        folder = folder_of(tell, "det-001")
        left = len(cut(folder, lines))
        assert main(["judge", "replay", str(folder)]) == Exit.HARNESS
        said = capsys.readouterr().out
        assert f"{left} lines found, {left + lines} expected by results.json" in said
        assert "chain holds" not in said
        assert "results.json: '" not in said  # what differs follows from the missing lines

    def test_results_of_the_whole_journal_are_not_overwritten(
        self, tell: Tell, capsys: pytest.CaptureFixture[str]
    ) -> None:
        folder = folder_of(tell, "upd-001")
        before = {name: (folder / name).read_bytes() for name in ("results.json", "ledger.json")}
        cut(folder, 1)
        assert main(["report", "build", str(folder)]) == Exit.HARNESS
        assert "was shortened" in capsys.readouterr().err
        assert {name: (folder / name).read_bytes() for name in before} == before
        assert not (folder / "index.html").exists()

    def test_a_journal_that_was_cut_and_then_continued_is_found(self, tell: Tell) -> None:
        folder = folder_of(tell, "upd-001")
        cut(folder, 2)
        writer = JournalWriter(folder, Redactor())
        for number in range(5):
            writer.append(Kind.NOTE, "conductor", "run", {"what": "mark", "number": number})
        writer.close()
        assert "shortened and continued" in replay(folder).differences[0]
        with pytest.raises(JournalError, match="shortened and continued"):
            write_results(folder)

    def test_a_journal_that_only_grew_is_judged_anew(self, tell: Tell) -> None:
        folder = folder_of(tell, "upd-001")
        writer = JournalWriter(folder, Redactor())
        writer.append(Kind.NOTE, "conductor", "run", {"what": "attempt.begin", "resumed": True, "host": {}})
        writer.close()
        assert replay(folder).shortage is None
        assert write_results(folder)["verdict"] == "inconclusive"

    @pytest.mark.parametrize("lines", [1, 2, 10, 50])
    def test_without_results_an_unfinished_journal_never_passes(self, tell: Tell, lines: int) -> None:
        folder = tell("upd-001").path.parent
        cut(folder, lines)
        assert "run-unfinished" in [finding["id"] for finding in write_results(folder)["because"]]
        assert replay(folder).judgement.effective == "inconclusive"

    def test_explain_warns(self, tell: Tell, capsys: pytest.CaptureFixture[str]) -> None:
        folder = folder_of(tell, "upd-001")
        cut(folder, 1)
        assert main(["judge", "explain", str(folder)]) == Exit.PASS
        assert "warning: the journal was shortened" in capsys.readouterr().err


class TestDiff:
    def test_same_story_twice_differs_in_nothing_but_wall_fields(self, tell: Tell) -> None:
        one, other = tell("upd-002"), tell("upd-002")
        assert one.last_sha256 != other.last_sha256
        assert list(diff(one, other)) == []

    def test_host_and_wall_keys_are_left_out_at_any_depth(self, tell: Tell) -> None:
        def note(number: int) -> Any:
            deep = {"host": number, "wall_ms": number, "kept": {"host": number, "wall_s": number, "x": 1}}
            return lambda telling: telling.builder.note(9, "mark", rows=[deep], **deep)

        assert list(diff(tell("upd-001", note(1)), tell("upd-001", note(2)))) == []

    def test_first_difference_of_a_line_is_named(self, tell: Tell) -> None:
        def note(number: int) -> Any:
            return lambda telling: telling.builder.note(9, "mark", rows=[{"x": [1, number]}])

        (found,) = diff(tell("upd-001", note(1)), tell("upd-001", note(2)))
        assert (found.path, found.left, found.right) == ("data.rows.0.x.1", 1, 2)

    def test_number_and_truth_value_differ(self, tell: Tell) -> None:
        def note(value: object) -> Any:
            return lambda telling: telling.builder.note(9, "mark", x=value)

        assert len(list(diff(tell("upd-001", note(1)), tell("upd-001", note(True))))) == 1

    def test_missing_lines_are_named(self, tell: Tell) -> None:
        longer = tell("upd-001", lambda telling: telling.builder.add(99_999, Kind.NOTE, "judge", "run", "mark"))
        (found,) = diff(tell("upd-001"), longer)
        assert (found.path, found.left, found.right) == ("line", None, "mark")


class TestCommands:
    def test_replay_exits_with_the_verdict(self, tell: Tell, capsys: pytest.CaptureFixture[str]) -> None:
        assert main(["judge", "replay", str(folder_of(tell, "upd-001"))]) == Exit.PASS
        assert "verdict pass (stored: pass)" in capsys.readouterr().out
        assert main(["judge", "replay", str(folder_of(tell, "det-003"))]) == Exit.PRODUCT

    def test_replay_of_a_changed_journal_names_the_line(self, tell: Tell, capsys: pytest.CaptureFixture[str]) -> None:
        folder = folder_of(tell, "upd-001")
        path = folder / "journal.jsonl"
        raw = path.read_bytes()
        before, _, after = raw.partition(b'"state":{"name":"Ready"')
        path.write_bytes(before + b'"state":{"name":"Reads"' + after)
        line = before.count(b"\n") + 1
        assert main(["judge", "replay", str(folder)]) == Exit.HARNESS
        said = capsys.readouterr().err
        assert re.search(rf"journal\.jsonl:({line}|{line + 1}): .*was changed", said)

    def test_replay_as_json(self, tell: Tell, capsys: pytest.CaptureFixture[str]) -> None:
        folder = folder_of(tell, "det-004")
        assert main(["judge", "replay", str(folder), "--json"]) == Exit.PRODUCT
        plain = json.loads(capsys.readouterr().out)
        assert plain["same"] is True
        assert plain["results"]["verdict"] == "stuck"

    def test_diff(self, tell: Tell, capsys: pytest.CaptureFixture[str]) -> None:
        one, other = str(tell("upd-001").path), str(tell("upd-001").path)
        assert main(["judge", "diff", one, other]) == Exit.PASS
        assert "same" in capsys.readouterr().out
        assert main(["judge", "diff", one, str(tell("det-003").path), "--json"]) == Exit.PRODUCT
        plain = json.loads(capsys.readouterr().out)
        assert plain["differences"][0]["path"] == "data.scenario.id"

    def test_explain(self, tell: Tell, capsys: pytest.CaptureFixture[str]) -> None:
        assert main(["judge", "explain", str(folder_of(tell, "det-001"))]) == Exit.PASS
        assert "NODE02" in capsys.readouterr().out

    def test_unknown_run_is_a_usage_error(self, tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
        assert main(["judge", "replay", str(tmp_path)]) == Exit.USAGE
        assert "next:" in capsys.readouterr().err


@pytest.mark.parametrize("story", sorted(STORIES))
def test_explanation_fits_and_names_everything(tell: Tell, story: str) -> None:
    folder = tell(story).path.parent
    results = write_results(folder)
    lines = explain_failure(results).splitlines()
    assert len(lines) <= MOST_LINES
    assert results["label"] in lines[0]
    assert lines[-1].startswith("next:")
    if results["cause"]:
        text = "\n".join(lines)
        assert results["cause"]["at"] in text
        assert results["cause"]["lab_time"] in text
        assert results["cause"]["node"] in text


def test_explanation_names_the_fault_that_was_active(tell: Tell) -> None:
    text = explain_failure(write_results(tell("det-002").path.parent))
    assert "faults then: second-node-dies" in text


def test_explanation_of_many_findings_still_fits(tell: Tell) -> None:
    def pile(telling: Telling) -> None:
        for number in range(30):
            telling.builder.finding(
                100 + number, f"bad-{number}", "product", "fail", "x " * 300, node="NODE01", step="s"
            )

    text = explain_failure(write_results(tell("det-002", pile).path.parent))
    assert len(text.splitlines()) <= MOST_LINES
    assert "more findings" in text


@pytest.mark.parametrize(("document", "name"), [(ResultsDocument, "results"), (LedgerDocument, "ledger")])
def test_published_schema_is_that_of_the_model(document: type[Part], name: str) -> None:
    stored = json.loads((schemas_dir() / f"{name}.schema.json").read_text())
    assert stored == schema_of(document, f"{name}.schema.json")
