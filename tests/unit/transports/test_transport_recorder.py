"""Transcripts: masked, one file for each process, silent once closed."""

from __future__ import annotations

import json
from fnmatch import fnmatch
from pathlib import Path

from harness.journal import Redactor
from harness.transports.recorder import TRANSCRIPTS, Exchange, Recorder, transcript_of

EXCHANGE = Exchange("NODE01", "Get-Secret 'hunter22'", 1.5, "hunter22", "", 0)


def test_secrets_are_masked_and_nothing_follows_the_end(tmp_path: Path) -> None:
    redactor = Redactor()
    redactor.register("hunter22")
    recorder = Recorder(tmp_path / "evidence" / transcript_of(1), redactor)
    recorder.write(EXCHANGE)
    recorder.close()
    recorder.write(EXCHANGE)
    (line,) = (tmp_path / "evidence" / "transcript.jsonl").read_text(encoding="utf-8").splitlines()
    assert "hunter22" not in line
    found = json.loads(line)
    assert (found["node"], found["script"], found["stdout"]) == ("NODE01", "Get-Secret '***'", "***")


def test_each_attempt_has_a_file_of_its_own() -> None:
    names = [transcript_of(attempt) for attempt in (1, 2, 3)]
    assert len(set(names)) == 3
    assert all(fnmatch(name, TRANSCRIPTS) for name in names)
