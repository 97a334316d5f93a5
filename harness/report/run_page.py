"""The page of one run: what its tables show, as plain values."""

from __future__ import annotations

import json
from collections.abc import Iterator, Mapping, Sequence
from pathlib import Path
from typing import Any, Final
from urllib.parse import quote

from harness.judge.case import elapsed
from harness.measure.catalog import CATALOG
from harness.measure.units import comparable, convert, spoken
from harness.report.availability_page import AVAILABILITY_NAME
from harness.report.commands import next_commands
from harness.report.fault_story import FaultStory, fault_stories
from harness.report.guest_ledger import choices_of
from harness.report.guest_rows import guest_counts, guest_rows
from harness.report.paper import render
from harness.report.record import Plain, RunRecord
from harness.report.wording import duration_text, length_text, shortened, span_text

TEMPLATE: Final = "run.html.j2"
GAPS_SHOWN: Final = 40
LINES_SHOWN: Final = 8
LINE_CHARS: Final = 320
SIGNS: Final = {"<=": "≤", ">=": "≥", "==": "="}
HEALED: Final = {"clean": "yes", "planned": "never came", "armed": "never came", "missed": "never came"}

WHOSE: Final = {
    "product": "it broke a limit or an invariant beyond what faults explain",
    "lab": "it could not do its part; nothing is said about the product",
    "harness": "it failed, or saw too little; nothing is said about the product",
    "scenario": "it could not be carried out as planned; nothing is said about the product",
}
"""What it means that a finding is about one of these."""

ABORTED: Final = {"aborted": "the run was asked to stop; nothing is said about the product"}
"""Findings that are nobody's fault."""

WHOSE_BY_OUTCOME: Final = {
    ("product", "stuck"): "it made no progress beyond its budget, while the ways to ask it were healthy",
    ("product", "guide-gap"): "it recovered, but not as the published guide says",
    ("product", "inconclusive"): "but too little is known of it for a verdict",
}


def run_page(record: RunRecord, svg: str, files: Sequence[str]) -> str:
    """The page as text; `svg` is the timeline, `files` are the names of the files beside it, relative to its folder."""
    results, header = record.results, record.timeline.header
    cause = results["cause"]
    return render(
        TEMPLATE,
        results=results,
        header=header,
        cause=cause,
        culprit=_culprit(cause) if cause else "",
        whose=_whose(cause) if cause else "",
        product=results["subject"] == "product",
        headline=_headline(results),
        commands=next_commands(results, header),
        guests=results["worst_guests"],
        lines=tuple(_lines(record, cause["evidence"])) if cause else (),
        svg=svg,
        choices=choices_of(record.ledger),
        measurements=tuple(_measurements(results)),
        faults=tuple(_fault(record, story) for story in fault_stories(record)),
        guest_rows=tuple(guest_rows(results)),
        guest_counts=guest_counts(results),
        gaps=tuple(_gaps(record)),
        gap_count=len(record.gaps),
        phases=tuple(_phases(record)),
        files=tuple({"href": quote(name), "name": name} for name in files),
        evidence={row.value.get("file"): row.value for row in record.timeline.evidence},
        coverage=record.ledger["coverage"],
    )


def _culprit(cause: Plain) -> str:
    """Whose fault the finding that decided is."""
    return "nobody" if cause["id"] in ABORTED else f"the {cause['about']}"


def _whose(cause: Plain) -> str:
    """What it means that this finding decided."""
    if cause["id"] in ABORTED:
        return ABORTED[cause["id"]]
    about = str(cause["about"])
    return WHOSE_BY_OUTCOME.get((about, str(cause["outcome"])), WHOSE.get(about, ""))


def _headline(results: Plain) -> str:
    """One sentence under the verdict."""
    if results["cause"]:
        return str(results["cause"]["summary"])
    limited = [each for each in results["measurements"] if each["outcome"] == "pass"]
    return f"All {len(limited)} limited measurements are inside their limits, and every invariant held."


def _measurements(results: Plain) -> Iterator[dict[str, Any]]:
    order = {"fail": 0, "unset": 1, "pass": 2, "none": 3}
    for each in sorted(results["measurements"], key=lambda each: order[each["outcome"]]):
        quantity = CATALOG.get(each["name"])
        limited, sign = each["limit"] is not None, each["comparison"]
        yield {
            "name": each["name"],
            "value": "not measured" if each["value"] is None else _reading(each["value"], each["unit"]),
            "limit": f"{SIGNS.get(sign, sign)} {_reading(each['limit'], each['unit'])}" if limited else "",
            "unit": each["unit"],
            "outcome": each["outcome"],
            "meaning": quantity.meaning if quantity else "",
            "detail": each["detail"],
            "evidence": each["evidence"],
        }


def _reading(value: float, unit: str) -> str:
    """A value with its unit, long times also as people say them: `25080 s (6 h 58 min)`."""
    text = spoken(value, unit)
    if not comparable(unit, "s") or abs(value_s := convert(value, unit, "s")) < 120:
        return text
    said = duration_text(value_s)
    return text if said == text else f"{text} ({said})"


def _fault(record: RunRecord, story: FaultStory) -> dict[str, Any]:
    """One row of the fault table."""
    healed = HEALED.get(story.state, "no" if story.intent_ns is not None else "never came")
    return {
        "id": story.id,
        "kind": story.kind,
        "trigger": story.trigger,
        "source": record.moment(story.source_ns),
        "lag": story.lag_text,
        "target": story.target_text,
        "injected": record.moment(story.injected_ns if story.injected_ns is not None else story.intent_ns),
        "confirmed": record.moment(story.confirmed_ns) or ("not confirmed" if story.intent_ns is not None else ""),
        "proof": story.confirm_proof,
        "undo": story.undo,
        "reverted": record.moment(story.recover_ns),
        "why": story.why_recover or story.why_missed,
        "healed": healed,
        "clean": record.moment(story.clean_ns),
        "clean_proof": story.clean_proof,
        "state": story.state,
        "evidence": story.evidence,
    }


def _gaps(record: RunRecord) -> Iterator[dict[str, Any]]:
    """The longest gaps, longest first."""
    longest = sorted(record.gaps, key=lambda row: (-row[1]["duration_ns"], row[0], row[1]["start_ns"]))
    for vm, gap in longest[:GAPS_SHOWN]:
        owners = [gap["owner_before"], gap["owner_after"]]
        yield {
            "vm": vm,
            "length": length_text(gap["duration_ns"]),
            "error": length_text(gap["error_ns"]),
            "cause": gap["cause"],
            "start": record.moment(gap["start_ns"]),
            "owner": " → ".join(dict.fromkeys(owner for owner in owners if owner)),
            "explained": gap["explained_by"],
            "open": gap["open"],
        }


def _phases(record: RunRecord) -> Iterator[dict[str, Any]]:
    for span in record.phases:
        end_ns = record.end_ns if span.end_ns is None else span.end_ns
        yield {
            "path": span.path,
            "depth": span.path.count("/"),
            "name": span.path.rpartition("/")[2],
            "start": elapsed(span.start_ns),
            "length": span_text(end_ns - span.start_ns),
            "status": span.status or ("not seen to end" if span.end_ns is None else ""),
            "source": span.source,
            "evidence": span.evidence,
        }


def _lines(record: RunRecord, evidence: Sequence[int]) -> Iterator[dict[str, str]]:
    """The journal lines behind the finding that decided; of samples only those that were not answered."""
    entries = record.journal.entries
    for seq in evidence[:LINES_SHOWN]:
        if 0 <= seq < len(entries):
            entry = entries[seq]
            content = {key: value for key, value in entry.data.items() if key != "what"}
            if entry.what == "samples":
                content["runs"] = [run for run in content.get("runs") or () if not run[3]]
            yield {
                "seq": str(seq),
                "time": "" if entry.t_lab_ns is None else elapsed(entry.t_lab_ns),
                "who": f"{entry.actor} · {entry.kind.value} · {entry.subject}",
                "what": entry.what,
                "content": shortened(json.dumps(content, ensure_ascii=False), LINE_CHARS),
            }


def files_of(folder: Path, evidence: Mapping[str, Any]) -> tuple[str, ...]:
    """Files of a run folder that a page links to: the known ones first, then the evidence."""
    pages = (AVAILABILITY_NAME, "timeline.svg", "timeline.csv")
    known = ("journal.jsonl", "results.json", "ledger.json", "plan.json", *pages, "run.log")
    there = [name for name in known if (folder / name).is_file() or name in pages]
    more = [
        path.relative_to(folder).as_posix()
        for place in ("evidence", "samples")
        for path in sorted((folder / place).rglob("*"))
        if path.is_file()
    ]
    return tuple(dict.fromkeys([*there, *more, *(name for name in evidence if (folder / name).is_file())]))
