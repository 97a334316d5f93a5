"""Judge a run folder again: same journal, same verdict, offline, years later."""

from __future__ import annotations

import hashlib
import json
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from harness.journal import read_journal
from harness.journal.writer import FILE_NAME
from harness.judge.judgement import JUDGE_VERSION, Judgement, judge
from harness.judge.results import read_results, results_text
from harness.judge.shortage import Shortage, shortage_of
from harness.measure.ledger_document import ledger_text
from harness.paths import LEDGER_NAME, RESULTS_NAME


@dataclass(frozen=True, slots=True)
class Replay:
    """A judgement made again, and how it compares with what the folder holds.

    With a `shortage` the journal lacks lines that `stored` saw; it then stands first among the differences.
    """

    judgement: Judgement
    stored: dict[str, Any] | None
    differences: tuple[str, ...]
    shortage: Shortage | None = None

    @property
    def same(self) -> bool:
        """Nothing differs from the stored files."""
        return not self.differences


def replay(run_folder: Path) -> Replay:
    """Judge the journal in `run_folder` again and compare with `results.json`, `ledger.json` and the evidence files.

    Raises JournalError when there is no journal, BrokenJournalError (with the line) when it was changed.
    """
    judgement = judge(read_journal(run_folder / FILE_NAME))
    stored = read_results(run_folder)
    shortage = shortage_of(judgement.journal, stored)
    if shortage is None:
        return Replay(judgement, stored, tuple(_differences(run_folder, judgement, stored)))
    # What else differs in the results follows from the missing lines.
    return Replay(judgement, stored, (str(shortage), *_evidence_differences(run_folder, judgement)), shortage)


def _differences(folder: Path, judgement: Judgement, stored: dict[str, Any] | None) -> Iterator[str]:
    if stored is not None:
        fresh = json.loads(results_text(judgement))
        # The folder may have been moved since; another version of the judge has to agree on the verdict only.
        same_judge = stored.get("judge") == fresh["judge"]
        compared = [name for name in fresh if name != "folder"] if same_judge else ["verdict", "effective"]
        names = [name for name in compared if fresh[name] != stored.get(name)]
        yield from (f"{RESULTS_NAME}: '{name}' differs from what the journal says now" for name in names)
    ledger = folder / LEDGER_NAME
    same_ledger = stored is None or stored.get("judge", {}).get("version") == JUDGE_VERSION
    if same_ledger and ledger.exists() and ledger.read_text(encoding="utf-8") != ledger_text(judgement.ledger):
        yield f"{LEDGER_NAME}: differs from what the journal says now"
    yield from _evidence_differences(folder, judgement)


def _evidence_differences(folder: Path, judgement: Judgement) -> Iterator[str]:
    # A later attempt may have written a file again: its last line counts.
    newest = {str(row.value.get("file") or ""): row for row in judgement.case.timeline.evidence}
    for name, row in newest.items():
        yield from _evidence(folder, name, str(row.value.get("sha256") or ""), row.seq)


def _evidence(folder: Path, name: str, wanted: str, seq: int) -> Iterator[str]:
    path = folder / name
    if not path.is_file():
        yield f"{name}: named by journal line {seq + 1}, but not there"
    elif hashlib.sha256(path.read_bytes()).hexdigest() != wanted:
        yield f"{name}: its content is not the one whose hash journal line {seq + 1} holds"
