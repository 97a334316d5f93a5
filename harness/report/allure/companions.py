"""The files beside the results: environment, executor, categories."""

from __future__ import annotations

import json
import re
from collections.abc import Iterable, Mapping, Sequence
from pathlib import Path
from typing import Any, Final

from harness import __version__
from harness.errors import HarnessError
from harness.paths import replace_file
from harness.report.allure.folder import results_in

ENVIRONMENT: Final = "environment.properties"
EXECUTOR: Final = "executor.json"
CATEGORIES: Final = "categories.json"
EXECUTOR_TYPE: Final = "azurelocal-hil"
_MARK: Final = f"# {EXECUTOR_TYPE}\n"


def _category(name: str, status: str, words: str) -> dict[str, Any]:
    # Allure 2 matches the whole message, Allure 3 a part of it, and their dialects share no flag for "any line".
    return {"name": name, "matchedStatuses": [status], "messageRegex": rf"^({words})\b[\s\S]*"}


CATEGORY_LIST: Final[Sequence[Mapping[str, Any]]] = (
    _category("Product failed", "failed", "fail|stuck"),
    _category("Guide gap", "failed", "guide-gap"),
    _category("Lab", "broken", "lab"),
    _category("Harness", "broken", "harness"),
    _category("Too little evidence", "broken", "inconclusive|unfinished"),
    _category("Not run", "skipped", "not-run"),
)
"""By the word with which the message of a case begins."""


def write_companions(folder: Path, name: str, order: int) -> None:
    """Write the three files for the results that stand in `folder`.

    `name` and `order` are those of the build: a session's id, and a number that grows with time.  A file that somebody
    else put there stays.  Raises HarnessError.
    """
    documents = [document for _, document in results_in(folder)]
    texts = {
        ENVIRONMENT: _MARK + environment_text(documents),
        EXECUTOR: json.dumps(executor_of(name, order), indent=1, ensure_ascii=False) + "\n",
        CATEGORIES: json.dumps(list(CATEGORY_LIST), indent=1) + "\n",
    }
    try:
        folder.mkdir(parents=True, exist_ok=True)
        for file, text in texts.items():
            if _ours(folder / file):
                replace_file(folder / file, text)
    except OSError as error:
        raise HarnessError(f"cannot write to '{folder}': {error.strerror}", hint="free space on the disk") from error


def _ours(path: Path) -> bool:
    """May it be replaced: is it not there, or written by us?"""
    if not path.exists():
        return True
    text = path.read_text(encoding="utf-8", errors="replace")
    marks = {ENVIRONMENT: _MARK, EXECUTOR: f'"type": "{EXECUTOR_TYPE}"', CATEGORIES: '"Too little evidence"'}
    return marks[path.name] in text


def executor_of(name: str, order: int) -> dict[str, Any]:
    """Who ran it."""
    return {
        "name": f"azurelocal-hil {__version__}",
        "type": EXECUTOR_TYPE,
        "buildName": name,
        "buildOrder": order,
        "reportName": name,
    }


def environment_text(documents: Iterable[Mapping[str, Any]]) -> str:
    """Java properties: what the results have in common, or each of the different values."""
    found: dict[str, dict[str, None]] = {"evidence": {}, "harness": {__version__: None}}
    for document in documents:
        for row in document.get("parameters") or ():
            if row.get("name") != "verdict":
                found.setdefault(str(row.get("name")), {})[str(row.get("value"))] = None
        found["evidence"] |= dict.fromkeys(evidence_of(document))
    return "".join(f"{_key(name)}={_value(', '.join(values))}\n" for name, values in found.items() if values)


def evidence_of(document: Mapping[str, Any]) -> tuple[str, ...]:
    """Evidence class of a result: its parent suite."""
    labels = document.get("labels") or ()
    return tuple(str(row.get("value")) for row in labels if row.get("name") == "parentSuite")


def _key(name: str) -> str:
    """A key of a properties file ends at the first space or colon."""
    return re.sub(r"[^A-Za-z0-9_.-]", "_", name)


def _value(text: str) -> str:
    """Properties files are Latin-1, with escapes for the rest."""
    escaped = text.replace("\\", "\\\\").replace("\n", "\\n").replace("\r", "\\r")
    return "".join(char if char.isascii() else "".join(_units(char)) for char in escaped)


def _units(char: str) -> Iterable[str]:
    raw = char.encode("utf-16-be", errors="surrogatepass")
    return (f"\\u{int.from_bytes(raw[i : i + 2], 'big'):04x}" for i in range(0, len(raw), 2))
