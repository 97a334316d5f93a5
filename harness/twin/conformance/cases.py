"""Reading recorded cases, and what Windows PowerShell 5.1 is known to do otherwise.

A folder holds ``AREA.expected.jsonl`` for each area, perhaps ``process.jsonl``, and perhaps
``windows-powershell-5.1.jsonl``: one object a line with ``id``, ``because`` and the fields in which 5.1 differs from
the recording of that id.
"""

from __future__ import annotations

import json
from collections.abc import Mapping
from pathlib import Path
from typing import Any, Final

PARSE: Final = "parse"
OUTPUT: Final = "output"
TEXT: Final = "text"
ERRORS: Final = "errors"
STREAMS: Final = "streams"
ASPECTS: Final = (PARSE, OUTPUT, TEXT, ERRORS, STREAMS)
"""What is compared of a case, in this order: the first aspect that differs is a case's first difference."""

SUFFIX: Final = ".expected.jsonl"
PROCESSES: Final = "process.jsonl"
WINDOWS_POWERSHELL: Final = "windows-powershell-5.1.jsonl"

Case = Mapping[str, Any]


class CasesError(Exception):
    """A folder of recordings cannot be read; the message names file and line."""


def read_lines(path: Path) -> list[dict[str, Any]]:
    """The objects of a file of JSON lines, each with an ``id``.  Raises CasesError."""
    found: list[dict[str, Any]] = []
    try:
        lines = path.read_text(encoding="utf-8").splitlines()
    except (OSError, UnicodeDecodeError) as error:
        raise CasesError(f"'{path}' cannot be read: {error}") from error
    for number, line in enumerate(lines, 1):
        if not line.strip():
            continue
        try:
            row = json.loads(line)
        except ValueError as error:
            raise CasesError(f"{path}:{number}: {error}") from error
        if not isinstance(row, dict) or not isinstance(row.get("id"), str):
            raise CasesError(f"{path}:{number}: this is no JSON object with an 'id'")
        found.append(row)
    return found


def area_files(folder: Path) -> dict[str, Path]:
    """The files of recordings by area, in the order of their names.  Raises CasesError when there is none."""
    files = {path.name.removesuffix(SUFFIX): path for path in sorted(folder.glob(f"*{SUFFIX}"))}
    if not files:
        raise CasesError(f"there is no '*{SUFFIX}' in '{folder}'")
    return files


def read_known(folder: Path) -> dict[str, dict[str, Any]]:
    """What is known of 5.1, by id; nothing where the folder does not say.  Raises CasesError."""
    path = folder / WINDOWS_POWERSHELL
    return {row["id"]: row for row in read_lines(path)} if path.is_file() else {}


def expected_of(case: Case, known: Mapping[str, Case]) -> Case | None:
    """What 5.1 does with a case; ``None`` when it differs from the recording and nobody wrote down how.

    A difference may be noted at another recorded case alone, which the line then names with ``like``.  Of parse errors
    that stand in place of recorded ones only as many are compared as are listed.
    """
    changes = known.get(case["id"])
    if "differs51" not in case and (changes is None or "like" not in changes):
        return case
    if changes is None:
        return None
    changed = {name: value for name, value in changes.items() if name not in ("id", "because", "like")}
    if "parse_errors" in changed:
        changed["parse_errors_listed"] = len(changed["parse_errors"])
    return {**case, **changed}
