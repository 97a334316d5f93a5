"""Writing the page of a run."""

from __future__ import annotations

from pathlib import Path
from typing import Final

from harness.report.paper import replace_file
from harness.report.record import load_record
from harness.report.run_page import files_of, run_page
from harness.report.timeline import lanes_of, timeline_csv, timeline_svg

PAGE_NAME: Final = "index.html"
SVG_NAME: Final = "timeline.svg"
CSV_NAME: Final = "timeline.csv"


def write_run_page(run_folder: Path) -> None:
    """Write `index.html`, `timeline.svg` and `timeline.csv` of a run folder, each replaced atomically.

    They depend on the journal and the results alone: the same journal always gives the same bytes.  Raises JournalError
    when there is no journal, BrokenJournalError when its chain does not hold, HarnessError when a file cannot be
    written.
    """
    record = load_record(run_folder)
    lanes = lanes_of(record)
    svg = timeline_svg(record, lanes)
    named = {str(row.value.get("file") or ""): row.value for row in record.timeline.evidence}
    replace_file(run_folder / SVG_NAME, svg)
    replace_file(run_folder / CSV_NAME, timeline_csv(record, lanes))
    replace_file(run_folder / PAGE_NAME, run_page(record, svg, files_of(run_folder, named)))
