"""One scenario's row in a session's summary, and the name of the summary."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from datetime import datetime
from pathlib import Path
from typing import Any, Final

from harness.clock import NS_PER_S
from harness.paths import LEDGER_NAME, RESULTS_NAME
from harness.report.reading import read_json

SUMMARY_NAME: Final = "summary.json"


@dataclass(slots=True)
class ScenarioRow:
    """One scenario of a session.

    `verdict` is the one that counts beside the waivers, empty while there is none; `waived` is what the findings said
    where waivers made a difference, else empty; `detail` says why in one line; `label` says what it is evidence of.
    `lab_time_s` is the lab time from the first to the last journal line, `wall_s` the wall time between them,
    `longest_gap_s` the longest gap of any guest (0 without gap, None when nothing was probed).
    """

    id: str
    title: str
    run_id: str
    lab: str
    verdict: str = ""
    detail: str = ""
    subject: str = ""
    machines: str = ""
    label: str = ""
    waived: str = ""
    lab_time_s: float | None = None
    wall_s: float | None = None
    longest_gap_s: float | None = None
    results: Mapping[str, Any] | None = field(default=None, repr=False, compare=False)

    def read_results(self, run_folder: Path) -> None:
        """Fill in what `results.json` and `ledger.json` say; without the former nothing changes."""
        results = read_json(run_folder / RESULTS_NAME)
        if results is None:
            return
        self.results = results
        self.verdict = str(results["effective"])
        self.waived = str(results["verdict"]) if results["waived"] else ""
        self.subject, self.machines = str(results["subject"]), str(results["machines"])
        self.label = str(results["label"])
        cause = results["cause"]
        self.detail = str(cause["summary"]) if cause else ""
        self.lab_time_s = float(results["lab_duration_s"])
        wall = datetime.fromisoformat(results["ended"]) - datetime.fromisoformat(results["started"])
        self.wall_s = round(wall.total_seconds(), 3)
        self.longest_gap_s = _longest_gap_s(results, read_json(run_folder / LEDGER_NAME))

    def plain(self) -> dict[str, Any]:
        """The row of `summary.json`."""
        return {
            "id": self.id,
            "title": self.title,
            "verdict": self.verdict,
            "waived": self.waived,
            "run_id": self.run_id,
            "lab": self.lab,
            "subject": self.subject,
            "machines": self.machines,
            "label": self.label,
            "lab_time_s": self.lab_time_s,
            "wall_s": self.wall_s,
            "longest_gap_s": self.longest_gap_s,
            "detail": self.detail,
        }

    @property
    def verdict_text(self) -> str:
        """The verdict with what was waived: `pass (fail waived)`."""
        return f"{self.verdict} ({self.waived} waived)" if self.waived else self.verdict


def _longest_gap_s(results: Mapping[str, Any], ledger: Mapping[str, Any] | None) -> float | None:
    """Longest gap of the ledger; of the five worst guests when there is no ledger."""
    if ledger is not None:
        probed = [vm["longest_ns"] for vm in ledger["vms"] if vm["samples"]]
        return max(probed) / NS_PER_S if probed else None
    return max((float(guest["longest_s"]) for guest in results["worst_guests"]), default=None)
