"""The page of one session.  Results of different evidence classes stand in different tables, each with totals of its
own; no number on the page counts both."""

from __future__ import annotations

from collections import Counter
from collections.abc import Mapping, Sequence
from typing import Any, Final
from urllib.parse import quote

from harness.exits import Exit
from harness.report.commands import Command
from harness.report.paper import render

TEMPLATE: Final = "session.html.j2"
WAIVED: Final = "pass, waived"
ORDER: Final = ("fail", "stuck", "guide-gap", "harness", "lab", "inconclusive", "not-run", WAIVED, "pass", "")
NO_RESULT: Final = "no result"


def session_page(
    session: str, summary: Mapping[str, Any], rows: Sequence[Mapping[str, Any]], again: Sequence[Command]
) -> str:
    """The page as text; `rows` are those of the summary with the `label` of their evidence class and whether
    there is a `log`; `again` says how to run the same once more."""
    code = int(summary["exit_code"])
    return render(
        TEMPLATE,
        session=session,
        summary=summary,
        meaning=next((each.meaning for each in Exit if each == code), "no exit code of the harness"),
        groups=_groups(rows),
        again=again,
    )


def _groups(rows: Sequence[Mapping[str, Any]]) -> list[dict[str, Any]]:
    """Rows by evidence class, that about the product first, those without result last."""
    found: dict[tuple[int, str], list[Mapping[str, Any]]] = {}
    for row in rows:
        label = row["label"] or NO_RESULT
        rank = 0 if row["subject"] == "product" else 2 if label == NO_RESULT else 1
        found.setdefault((rank, label), []).append(row)
    return [
        {
            "label": label,
            "product": rank == 0,
            "totals": _totals(members),
            "rows": [{**row, "folder": f"../../runs/{quote(row['run_id'])}"} for row in members],
        }
        for (rank, label), members in sorted(found.items())
    ]


def _totals(rows: Sequence[Mapping[str, Any]]) -> list[tuple[str, int]]:
    """Verdicts and how often each occurs, worst first."""
    counts = Counter(WAIVED if row["waived"] and row["verdict"] == "pass" else str(row["verdict"]) for row in rows)
    return [(word, counts[word]) for word in ORDER if counts[word]]
