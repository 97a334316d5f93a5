"""The run process: what its exit code says when it ends before there is a journal."""

from __future__ import annotations

from pathlib import Path

import pytest

from harness.cli import conduct
from harness.errors import LeaseError
from harness.exits import Exit
from harness.run.stop import StopFlag


@pytest.mark.parametrize(
    ("raised", "code"),
    [(LeaseError("held by somebody", hint="wait"), Exit.LEASE), (RuntimeError("a defect"), Exit.HARNESS)],
    ids=["refused", "defect"],
)
def test_exit_code_never_reads_as_a_verdict_on_the_product(
    raised: Exception, code: Exit, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    def fail(_folder: Path) -> None:
        raise raised

    monkeypatch.setattr(conduct, "load_job", fail)
    monkeypatch.setattr(StopFlag, "on_signals", lambda _self: None)
    monkeypatch.setattr(conduct, "_log_to_stderr", lambda _redactor: None)
    assert conduct.main([str(tmp_path)]) == code
