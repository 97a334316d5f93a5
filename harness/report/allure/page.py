"""The report: one HTML file for each evidence class, made by Allure 3 and sealed."""

from __future__ import annotations

import json
import re
import shutil
import tempfile
from collections.abc import Callable, Mapping
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Any, Final

from harness.errors import HarnessError
from harness.paths import replace_file
from harness.report.allure.companions import CATEGORY_LIST, evidence_of
from harness.report.allure.folder import results_in
from harness.report.allure.labels import NO_RUN
from harness.report.allure.node import find_node, generate, install
from harness.report.allure.sealing import sealed
from harness.values import Subject, evidence_label

HISTORY_LIMIT: Final = 50
PRODUCT: Final = evidence_label(Subject.PRODUCT)


@dataclass(frozen=True, slots=True)
class Wish:
    """What is asked for: the report `name` of the folder `results`, in the folder `output`.

    `history` is the file with earlier reports of the same labs, None to show none; only with `remember` this report
    becomes a part of it.
    """

    name: str
    results: Path
    output: Path
    history: Path | None = None
    remember: bool = False


def build_report(wish: Wish, say: Callable[[str], None]) -> tuple[Path, ...]:
    """Write `index.html`, or a page for each evidence class where there are several, and return their paths.

    Raises ConfigError when Node is missing, HarnessError when a page cannot be made or would load something.
    """
    wish = replace(wish, results=wish.results.absolute(), output=wish.output.absolute())  # Allure works elsewhere
    node = find_node()
    allure = install(say)
    classes = evidence_classes(wish.results)
    if not classes:
        raise HarnessError(f"'{wish.results}' holds no results", hint="name a session or a run: hil report list")
    pages = []
    try:
        wish.output.mkdir(parents=True, exist_ok=True)
        for label, uuids in classes.items():
            with tempfile.TemporaryDirectory(prefix=".allure-", dir=wish.output) as made:
                work = Path(made)
                results = wish.results if len(classes) == 1 else _part(wish.results, uuids, work / "allure-results")
                name = f"{wish.name} · {label}"
                kept = _earlier(wish.history, name, work / "history.jsonl")
                page = generate(node, allure, results, _config(name, kept), work)
                path = wish.output / ("index.html" if len(classes) == 1 else f"{_slug(label)}.html")
                replace_file(path, sealed(page.read_text(encoding="utf-8")))
                if wish.remember and wish.history is not None:
                    replace_file(wish.history, kept.read_text(encoding="utf-8"))
                pages.append(path)
    except OSError as error:
        raise HarnessError(
            f"cannot write the report to '{wish.output}': {error}", hint="free space on the disk"
        ) from error
    return tuple(pages)


def evidence_classes(results: Path) -> Mapping[str, frozenset[str]]:
    """Evidence class → the results of it.  No page adds them up; scenarios without a run stand with the first class."""
    found: dict[str, set[str]] = {}
    for _, document in results_in(results):
        label = next(iter(evidence_of(document)), NO_RUN)
        found.setdefault(label, set()).add(str(document.get("uuid")))
    lost = found.pop(NO_RUN, set())
    labels = sorted(found, key=lambda label: (label != PRODUCT, label)) or ([NO_RUN] if lost else [])
    return {
        label: frozenset(found.get(label, set()) | (lost if number == 0 else set()))
        for number, label in enumerate(labels)
    }


def _config(name: str, history: Path) -> dict[str, Any]:
    return {
        "name": name,
        "historyPath": str(history),
        "historyLimit": HISTORY_LIMIT,
        "appendHistory": True,
        "categories": list(CATEGORY_LIST),
        "plugins": {
            "awesome": {
                "options": {
                    "singleFile": True,
                    "reportLanguage": "en",
                    "groupBy": ["parentSuite", "suite", "subSuite"],
                }
            }
        },
    }


def _part(results: Path, uuids: frozenset[str], folder: Path) -> Path:
    """A folder with some of the results and everything else."""
    shutil.copytree(results, folder)
    for path, document in results_in(folder):
        if str(document.get("uuid")) not in uuids:
            path.unlink()
    return folder


def _earlier(history: Path | None, name: str, copy: Path) -> Path:
    """A copy of the history without the report of that name: built again, it replaces itself."""
    lines = history.read_text(encoding="utf-8").splitlines() if history is not None and history.exists() else []
    copy.write_text("".join(f"{line}\n" for line in lines if _name_in(line) not in (None, name)), encoding="utf-8")
    return copy


def _name_in(line: str) -> str | None:
    try:
        return str(json.loads(line)["name"])
    except (ValueError, KeyError, TypeError):
        return None


def _slug(label: str) -> str:
    """`rehearsal: no evidence …` → `rehearsal`; the other is `evidence`."""
    return re.split(r"[^a-z]", label.lower(), maxsplit=1)[0] or "report"
