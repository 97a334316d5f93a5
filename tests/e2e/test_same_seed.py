"""The same seed gives the same journal, however processes and threads are scheduled; another seed gives another one."""

from __future__ import annotations

import hashlib
import json

import pytest

from harness.exits import Exit
from harness.journal import read_journal
from tests.e2e.chain import Chain


@pytest.mark.full
@pytest.mark.timeout(1800)
def test_same_seed_same_journal(chain: Chain) -> None:
    """UPD-002 twenty times, with two workers and without: `hil judge diff` finds no difference."""
    for index in range(20):
        workers = "2" if index % 2 else "1"
        done = chain.hil("run", "start", "demo", "-k", "UPD_002", "--seed", "7", "-n", workers)
        assert done.returncode == Exit.PASS, done.stdout + done.stderr
    first, *others = chain.runs
    for other in others:
        compared = chain.hil("judge", "diff", str(first), str(other))
        assert compared.returncode == Exit.PASS, compared.stdout


@pytest.mark.full
def test_other_seed_other_times_same_verdict(chain: Chain) -> None:
    """Two seeds: the journals differ, the verdicts do not.  Transcripts are named by their hash."""
    for seed in ("7", "8"):
        done = chain.hil("run", "start", "demo", "-k", "UPD_002", "--seed", seed, "-n", "1", "--record")
        assert done.returncode == Exit.PASS, done.stdout + done.stderr
    one, other = chain.runs
    for run in (one, other):
        rows = [entry.data for entry in read_journal(run / "journal.jsonl") if entry.what == "evidence"]
        (row,) = [row for row in rows if row["file"] == "evidence/transcript.jsonl"]
        content = (run / row["file"]).read_bytes()
        assert (hashlib.sha256(content).hexdigest(), len(content)) == (row["sha256"], row["bytes"])
        assert {json.loads(line)["node"] for line in content.splitlines()} == {f"NODE0{n}" for n in (1, 2, 3, 4)}
    assert chain.hil("judge", "diff", str(one), str(other)).returncode != Exit.PASS
    ended = [json.loads((run / "results.json").read_text())["lab_duration_s"] for run in (one, other)]
    assert ended[0] != ended[1]


@pytest.mark.full
def test_same_seed_same_journal_of_guests(chain: Chain) -> None:
    """HP-002 six times: tasks, restarts and looks at guests come in the same order at the same lab time."""
    for _ in range(6):
        done = chain.hil("run", "start", "demo", "-k", "HP_002", "--seed", "7", "-n", "1")
        assert done.returncode == Exit.PASS, done.stdout + done.stderr
    first, *others = chain.runs
    for other in others:
        compared = chain.hil("judge", "diff", str(first), str(other))
        assert compared.returncode == Exit.PASS, compared.stdout
