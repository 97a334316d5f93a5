"""`hil judge claim` and `hil judge compare` on stored runs."""

from __future__ import annotations

import json
from collections.abc import Callable
from dataclasses import replace
from pathlib import Path
from typing import Any

import pytest

from harness import cli
from harness.exits import Exit
from harness.judge.results import write_results
from harness.paths import runs_dir
from harness.testing.journals import Outage
from harness.testing.stories import STORIES, Telling
from tests.unit.cli.conftest import Running

Store = Callable[..., Path]
Output = pytest.CaptureFixture[str]


@pytest.fixture
def store() -> Store:
    """A judged run in the reports folder."""
    number = 0

    def stored(story: str = "upd-001", *, subject: str = "simulated", name: str = "", **changes: Any) -> Path:
        nonlocal number
        number += 1
        scenario = changes.get("scenario_id", "UPD-001")
        folder = runs_dir() / (name or f"2026010{number}-000000-aaa{number}.{scenario}.twin-4node")
        telling = Telling(folder, replace(STORIES[story], **{"poll_s": 300, **changes}))
        telling.builder.seed, telling.builder.subject = number, subject
        telling.tell()
        write_results(folder)
        return folder

    return stored


def lines_of(capsys: Output) -> list[str]:
    return capsys.readouterr().out.splitlines()


class TestClaim:
    def test_all_stored_runs(self, store: Store, capsys: Output) -> None:
        store(), store()
        assert cli.main(["judge", "claim", "--limit", "2s", "--per", "drain"]) == Exit.PASS
        lines = lines_of(capsys)
        assert lines[1] == "rehearsal: no evidence about the product"
        assert (
            "  0 of 8 drains had a virtual machine away for more than 2 s: "
            "at most 31.2 % at 95 %, if drains are independent" in lines
        )
        assert "    at most 10 %: 21 more drains (29 in all, about 6 more runs)" in lines

    def test_failed_runs_and_their_names(self, store: Store, capsys: Output) -> None:
        store()
        bad = store(outages=(Outage("vm05", 400, 460, "restart"),))
        assert cli.main(["judge", "claim", "--limit", "2s"]) == Exit.PASS
        text = capsys.readouterr().out
        assert "1 of 2 runs had a virtual machine away for more than 2 s: at most 97.5 % at 95 %" in text
        assert f"beyond it: {bad.name}" in text

    def test_without_limit_the_verdicts_count(self, store: Store, capsys: Output) -> None:
        store(), store("det-001")
        assert cli.main(["judge", "claim"]) == Exit.PASS
        assert "1 of 2 runs ended with verdict fail or stuck" in capsys.readouterr().out

    def test_evidence_and_rehearsal_have_a_claim_each(self, store: Store, capsys: Output) -> None:
        store(), store(subject="product")
        assert cli.main(["judge", "claim", "--limit", "2s"]) == Exit.PASS
        lines = lines_of(capsys)
        assert lines[1] == "evidence about the product"
        assert lines.count("rehearsal: no evidence about the product") == 1
        assert "2 kinds of runs were not mixed: each has a claim of its own" in lines

    def test_runs_by_name_by_pattern_by_folder(self, store: Store, tmp_path: Path, capsys: Output) -> None:
        first, second = store(), store()
        for words in (
            ["aaa1", "aaa2"],
            ["*UPD-001*"],
            [str(first), str(second / "journal.jsonl")],
            [str(runs_dir())],
            ["--runs", str(runs_dir())],
            ["aaa1", "--runs", str(runs_dir())],
        ):
            assert cli.main(["judge", "claim", *words, "--json"]) == Exit.PASS
            (found,) = json.loads(capsys.readouterr().out)["claims"]
            assert found["n"] == 2, words

    def test_left_out_runs_are_named_with_the_reason(self, store: Store, capsys: Output) -> None:
        store()
        broken = Running("20260202-000000-beef.UPD-001.twin-4node")
        broken.begin()
        broken.end()
        assert cli.main(["judge", "claim", "--limit", "2s"]) == Exit.PASS
        lines = lines_of(capsys)
        assert "1 run left out:" in lines
        assert f"  {broken.run_id}: it was not judged yet: hil report build {broken.run_id}" in lines

    def test_one_scenario_of_many(self, store: Store, capsys: Output) -> None:
        store(), store("upd-002", scenario_id="UPD-002")
        assert cli.main(["judge", "claim", "--scenario", "UPD-002", "--json"]) == Exit.PASS
        document = json.loads(capsys.readouterr().out)
        assert [claim["scenarios"] for claim in document["claims"]] == [["UPD-002"]]
        assert document["left_out"] == []

    def test_json_has_what_the_text_says(self, store: Store, capsys: Output) -> None:
        store()
        words = [
            "judge",
            "claim",
            "--limit",
            "2s",
            "--per",
            "vm",
            "--correlation",
            "0",
            "--confidence",
            "90 %",
            "--json",
        ]
        assert cli.main(words) == Exit.PASS
        (found,) = json.loads(capsys.readouterr().out)["claims"]
        assert (found["n"], found["failures"], found["effective"]) == (8, 0, {"n": 8, "failures": 0})
        assert found["failure_probability_at_most"] == pytest.approx(1 - 0.1 ** (1 / 8))
        assert found["label"] == "rehearsal: no evidence about the product"

    @pytest.mark.parametrize(
        ("words", "code", "message"),
        [
            (["--metric", "vm.outage.longst"], Exit.USAGE, "did you mean vm.outage.longest?"),
            (["--limit", "2"], Exit.USAGE, "--limit: the duration '2' has no unit"),
            (["--limit", "2s", "--metric", "vm.outage.count"], Exit.USAGE, "--limit: '2s' is no value such as '3'"),
            (["--limit", "2s", "--metric", "verdict"], Exit.USAGE, "a verdict has no limit"),
            (["--per", "drain", "--metric", "update.duration"], Exit.USAGE, "is a number of a whole run"),
            (["--confidence", "101%"], Exit.USAGE, "--confidence: the confidence 101% must be at least"),
            (["--correlation", "2"], Exit.USAGE, "--correlation: 2 is not between 0 and 1"),
            (["--per", "node"], Exit.USAGE, "'node' is not one of 'run', 'drain', 'vm'"),
            (["--runs", "nowhere"], Exit.USAGE, "'nowhere' is no folder"),
            (["nobody"], Exit.USAGE, "no run matches 'nobody'"),
            (["no*body"], Exit.USAGE, "no run matches 'no*body'"),
            (
                ["--scenario", "UPD-002"],
                Exit.NOTHING_SELECTED,
                "no stored run is of scenario 'UPD-002'; did you mean UPD-001?",
            ),
        ],
    )
    def test_mistakes(self, store: Store, capsys: Output, words: list[str], code: Exit, message: str) -> None:
        store()
        assert cli.main(["judge", "claim", *words]) == code
        assert message in capsys.readouterr().err

    def test_no_run_at_all(self, capsys: Output) -> None:
        assert cli.main(["judge", "claim"]) == Exit.NOTHING_SELECTED
        assert "there is no stored run" in capsys.readouterr().err

    def test_no_run_that_counts(self, capsys: Output) -> None:
        run = Running()
        run.begin()
        run.end()
        assert cli.main(["judge", "claim"]) == Exit.NOTHING_SELECTED
        said = capsys.readouterr().err
        assert "no stored run says anything about this" in said
        assert "it was not judged yet" in said


class TestCompare:
    def groups(self, store: Store) -> tuple[list[str], list[str]]:
        first = [str(store(name=f"old-{number}")) for number in range(5)]
        slow = [Outage("vm05", 400, 403 + number, "isolated") for number in range(5)]
        second = [str(store(name=f"new-{number}", outages=(slow[number],))) for number in range(5)]
        return first, second

    def test_worse_is_exit_code_1(self, store: Store, capsys: Output) -> None:
        self.groups(store)
        assert cli.main(["judge", "compare", "old-*", "--with", "new-*", "--limit", "2s"]) == Exit.PRODUCT
        lines = lines_of(capsys)
        assert "  WORSE" in lines
        assert "  beyond 2 s: 0 of 5, then 5 of 5" in lines
        assert any("p = 0.00397" in line for line in lines)
        assert "rehearsal: no evidence about the product" in lines

    def test_the_other_way_round_is_not_worse(self, store: Store, capsys: Output) -> None:
        first, second = self.groups(store)
        options = [word for run in first for word in ("--with", run)]
        assert cli.main(["judge", "compare", *second, *options]) == Exit.PASS
        assert "no change for the worse was shown" in capsys.readouterr().out

    def test_json(self, store: Store, capsys: Output) -> None:
        self.groups(store)
        assert cli.main(["judge", "compare", "old-*", "--with", "new-*", "--json"]) == Exit.PRODUCT
        document = json.loads(capsys.readouterr().out)
        assert document["worse"]
        assert document["comparisons"][0]["longer"]["exact"]
        assert document["comparisons"][0]["n"] == [5, 5]
        assert document["not_compared"] == [[], []]

    @pytest.mark.parametrize(
        ("words", "code", "message"),
        [
            (["old-0"], Exit.USAGE, "a comparison needs two groups of runs"),
            (["--with", "old-0"], Exit.USAGE, "a comparison needs two groups of runs"),
            (["old-0", "--with", "old-*"], Exit.USAGE, "run 'old-0' is in both groups"),
            (["old-0", "--with", "product"], Exit.NOTHING_SELECTED, "no kind of run is in both groups"),
            (["old-0", "--with", "old-1", "--per", "vm"], Exit.USAGE, "not independent"),
            (["old-0", "--with", "nobody"], Exit.USAGE, "no run matches 'nobody'"),
        ],
    )
    def test_mistakes(self, store: Store, capsys: Output, words: list[str], code: Exit, message: str) -> None:
        store(name="old-0"), store(name="old-1"), store(name="product", subject="product")
        assert cli.main(["judge", "compare", *words]) == code
        assert message in capsys.readouterr().err
