"""Files beside a case: what is drawn from the journal, and what of the run folder may leave it."""

from __future__ import annotations

import hashlib
import json
from collections.abc import Iterator
from pathlib import Path
from typing import Final

from harness.paths import LOG_NAME, RESULTS_NAME
from harness.report.allure.case import Attachment
from harness.report.allure.excerpt import journal_excerpt
from harness.report.record import RunRecord
from harness.report.timeline import lanes_of, timeline_csv, timeline_svg

LARGEST_BYTES: Final = 8 * 1024 * 1024
"""A larger file stays in the run folder: the report holds everything in one page."""
LEAK: Final = "secret-leak"
"""Finding of the last look for secrets in the run folder."""
MEDIA: Final = {
    ".json": ("application/json", "json"),
    ".csv": ("text/csv", "csv"),
    ".svg": ("image/svg+xml", "svg"),
    ".jsonl": ("text/plain", "txt"),
    ".log": ("text/plain", "txt"),
    ".txt": ("text/plain", "txt"),
    ".xml": ("application/xml", "xml"),
}


def drawn(record: RunRecord) -> Iterator[Attachment]:
    """What is made from the journal, which was redacted at its door."""
    lanes = lanes_of(record)
    yield Attachment("timeline", "image/svg+xml", "svg", timeline_svg(record, lanes).encode())
    yield Attachment("timeline (table)", "text/csv", "csv", timeline_csv(record, lanes).encode())
    yield Attachment("journal excerpt", "text/plain", "txt", journal_excerpt(record).encode(errors="replace"))
    text = json.dumps(record.results, indent=1, ensure_ascii=False) + "\n"
    yield Attachment(RESULTS_NAME, "application/json", "json", text.encode(errors="replace"))


def files_of(record: RunRecord) -> tuple[tuple[Attachment, ...], tuple[str, ...]]:
    """Files of the run folder that may leave it, and why others may not.

    The run process looks for secrets in all files at its end.  Files of a run that died before that, or in which one
    was found, stay where they are.  Evidence must have the hash that the journal says.
    """
    folder, results = record.journal.path.parent, record.results
    if any(finding["id"] == LEAK for finding in results["because"]):
        return (), ("files of the run folder, since a secret was found in one of them",)
    if not results["attempts"] or results["attempts"][-1]["ended"] is None:
        return (), ("evidence and run.log, since the run died before they were searched for secrets",)
    files: list[Attachment] = []
    left_out: list[str] = []
    for row in record.timeline.evidence:
        name = str(row.value.get("file") or "")
        reason = _why_not(folder / name, folder, str(row.value.get("sha256") or ""))
        if reason:
            left_out.append(f"{name}, since {reason}")
        else:
            files.append(_file(folder / name, name))
    log = folder / LOG_NAME
    if log.is_file() and 0 < log.stat().st_size <= LARGEST_BYTES:
        files.append(_file(log, LOG_NAME))
    return tuple({file.name: file for file in files}.values()), tuple(dict.fromkeys(left_out))


def _why_not(path: Path, folder: Path, sha256: str) -> str:
    """Why a file that the journal names is not attached; empty when nothing speaks against it."""
    if not path.is_file() or not path.resolve().is_relative_to(folder.resolve()):
        return "it is not in the run folder"
    if path.stat().st_size > LARGEST_BYTES:
        return f"it has more than {LARGEST_BYTES // 1024 // 1024} MiB"
    if hashlib.sha256(path.read_bytes()).hexdigest() != sha256:
        return "it is not the file that the journal names (other sha256)"
    return ""


def _file(path: Path, name: str) -> Attachment:
    media_type, extension = MEDIA.get(path.suffix, ("application/octet-stream", "bin"))
    return Attachment(name, media_type, extension, path=path)
