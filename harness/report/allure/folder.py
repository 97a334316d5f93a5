"""The offline writer: cases to a folder that Allure reads.  The same case twice is one result."""

from __future__ import annotations

import json
from collections.abc import Container, Iterator, Sequence
from pathlib import Path
from typing import Any

from harness.errors import HarnessError
from harness.paths import replace_file
from harness.report.allure.case import AllureCase
from harness.report.allure.rendering import document_of, result_file


def write_case(folder: Path, case: AllureCase) -> Path:
    """Write a result and its attachments; a result of the same run that stands there is replaced.

    A file of the run folder that can no longer be read is left out.  Raises HarnessError when nothing can be written.
    """
    document = document_of(case)
    try:
        folder.mkdir(parents=True, exist_ok=True)
        before = [(path, stored) for path, stored in results_in(folder) if stored.get("uuid") == case.uuid]
        written = set(_write_attachments(folder, case))
        document["attachments"] = [each for each in document.get("attachments", ()) if each["source"] in written]
        path = folder / result_file(case)
        replace_file(path, json.dumps(document, ensure_ascii=False))
        for stale, stored in before:
            if stale != path:
                stale.unlink(missing_ok=True)
            for source in _sources(stored) - written:
                (folder / source).unlink(missing_ok=True)
    except OSError as error:
        raise HarnessError(
            f"cannot write Allure results to '{folder}': {error.strerror}",
            hint="free space on the disk; results can be made again at any time: hil report allure",
        ) from error
    return path


def _write_attachments(folder: Path, case: AllureCase) -> Iterator[str]:
    for attachment in case.attachments:
        name = case.attachment_file(attachment)
        try:
            content = attachment.content
        except OSError:
            continue
        part = folder / f".{name}.part"
        part.write_bytes(content)
        part.replace(folder / name)
        yield name


def results_in(folder: Path) -> Iterator[tuple[Path, dict[str, Any]]]:
    """Each result of a folder with its content; files that cannot be read are passed over."""
    for path in sorted(folder.glob("*-result.json")):
        try:
            document = json.loads(path.read_text(encoding="utf-8"))
        except (OSError, ValueError):
            continue
        if isinstance(document, dict):
            yield path, document


def keep_only(folder: Path, uuids: Container[str]) -> None:
    """Remove the results of other runs, with what they attach."""
    for path, document in results_in(folder):
        if document.get("uuid") not in uuids:
            path.unlink(missing_ok=True)
            for source in _sources(document):
                (folder / source).unlink(missing_ok=True)


def known_uuids(folder: Path) -> frozenset[str]:
    """Identifiers of the results that stand in a folder."""
    return frozenset(str(document.get("uuid")) for _, document in results_in(folder))


def _sources(document: dict[str, Any]) -> set[str]:
    """Files that a stored result attaches; plain names only."""
    rows: Sequence[dict[str, Any]] = document.get("attachments") or ()
    names = {str(row.get("source") or "") for row in rows}
    return {name for name in names if name and Path(name).name == name}
