"""Writing the page of a run."""

from __future__ import annotations

from pathlib import Path
from typing import Any, Final

from harness.journal import read_journal
from harness.journal.writer import FILE_NAME
from harness.judge.judgement import judge
from harness.judge.results import write_judgement
from harness.paths import PAGE_NAME
from harness.report.availability_page import AVAILABILITY_NAME, availability_page
from harness.report.paper import write_page
from harness.report.record import RunRecord, judged_record, load_record
from harness.report.run_page import files_of, run_page
from harness.report.timeline import lanes_of, timeline_csv, timeline_svg

SVG_NAME: Final = "timeline.svg"
CSV_NAME: Final = "timeline.csv"


def write_run_page(run_folder: Path) -> None:
    """Write `index.html`, `availability.html`, `timeline.svg` and `timeline.csv` of a run folder, each replaced
    atomically.

    They depend on the journal and the results alone: the same journal always gives the same bytes.  Raises JournalError
    when there is no journal, BrokenJournalError when its chain does not hold, HarnessError when a file cannot be
    written.
    """
    write_pages(run_folder, load_record(run_folder))


def write_report(run_folder: Path) -> dict[str, Any]:
    """Judge the journal of a run folder once, write its results and then its page; return the results.

    Raises what `write_results` and `write_run_page` raise.
    """
    judgement = judge(read_journal(run_folder / FILE_NAME))
    results = write_judgement(run_folder, judgement)
    write_pages(run_folder, judged_record(judgement, results))
    return results


def write_pages(run_folder: Path, record: RunRecord) -> None:
    """Write the pages of a record, its picture and its table.  Raises HarnessError when a file cannot be written.

    A watch without a run has one page: its timeline, and the ledger by class, node and VM.
    """
    lanes = lanes_of(record)
    svg = timeline_svg(record, lanes)
    write_page(run_folder / SVG_NAME, svg)
    write_page(run_folder / CSV_NAME, timeline_csv(record, lanes))
    if record.watch:
        write_page(run_folder / PAGE_NAME, availability_page(record, svg))
        return
    named = {str(row.value.get("file") or ""): row.value for row in record.timeline.evidence}
    write_page(run_folder / AVAILABILITY_NAME, availability_page(record))
    write_page(run_folder / PAGE_NAME, run_page(record, svg, files_of(run_folder, named)))
