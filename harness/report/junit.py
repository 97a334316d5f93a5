"""`junit.xml` of a session, in the form that pytest calls xunit2: one test case for each scenario."""

from __future__ import annotations

from collections import Counter
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime
from typing import Any, Final
from xml.etree import ElementTree as ET

from harness.clock import utc_text
from harness.judge.text import explain_failure
from harness.report.wording import printable

ELEMENTS: Final = {
    "pass": "",
    "fail": "failure",
    "stuck": "failure",
    "guide-gap": "failure",
    "lab": "error",
    "harness": "error",
    "inconclusive": "error",
    "not-run": "skipped",
}
"""What a verdict is to a CI server; none that is not known ever counts as passed."""

PROPERTIES: Final = ("lab", "run_id", "subject", "machines")


@dataclass(frozen=True, slots=True)
class TestCase:
    """A row of the session's summary, and the run's results where there are any."""

    __test__ = False  # not a test, whatever pytest thinks of the name

    row: Mapping[str, Any]
    results: Mapping[str, Any] | None

    @property
    def element(self) -> str:
        """Name of the element that says what went wrong; empty for a pass."""
        return ELEMENTS.get(str(self.row["verdict"]), "error")


def junit_xml(session: str, started: datetime, wall_s: float, cases: Sequence[TestCase]) -> str:
    """The document.  Times are wall seconds; lab time is a property."""
    counts = Counter(case.element for case in cases)
    suites = ET.Element("testsuites", {"name": "hil"})
    suite = ET.SubElement(
        suites,
        "testsuite",
        {
            "name": printable(session),
            "tests": str(len(cases)),
            "failures": str(counts["failure"]),
            "errors": str(counts["error"]),
            "skipped": str(counts["skipped"]),
            "time": f"{wall_s:.3f}",
            "timestamp": utc_text(started),
        },
    )
    for case in cases:
        _add(suite, case)
    ET.indent(suites, " ")
    return '<?xml version="1.0" encoding="utf-8"?>\n' + ET.tostring(suites, encoding="unicode") + "\n"


def _add(suite: ET.Element, case: TestCase) -> None:
    row, results = case.row, case.results
    plan = str(results["plan"]) if results else ""
    attributes = {
        "classname": printable(f"{plan or 'hil'}.{row['lab']}"),
        "name": printable(f"{row['id']} {row['title']}"),
        "time": f"{row['wall_s'] or 0.0:.3f}",
    }
    element = ET.SubElement(suite, "testcase", attributes)
    properties = ET.SubElement(element, "properties")
    for name, value in _properties(case).items():
        ET.SubElement(properties, "property", {"name": name, "value": printable(value)})
    if not case.element:
        return
    body = explain_failure(results) if results else str(row["detail"]) or "the run left no results"
    message = str(row["detail"]).split("\n", 1)[0] or body.split("\n", 1)[0]
    trouble = ET.SubElement(element, case.element, {"message": printable(message), "type": str(row["verdict"])})
    trouble.text = printable(body)


def _properties(case: TestCase) -> dict[str, str]:
    row, results = case.row, case.results
    found = {name: str(row[name] or "") for name in PROPERTIES}
    found["verdict"] = str(row["verdict"])
    found["waived"] = str(row["waived"])
    if results:
        versions = results["versions"]
        found["evidence"] = str(results["label"])
        part = versions.get("of") or "solution"  # results of older judges know no other
        found[f"{part}.from"] = str(versions["from"] or "")
        found[f"{part}.to"] = str(versions["to"] or "")
        found["plan_sha256"] = str(results["plan_sha256"])
        found["seed"] = "" if results["seed"] is None else str(results["seed"])
    for name in ("lab_time_s", "longest_gap_s"):
        if row[name] is not None:
            found[name] = f"{row[name]:g}"
    return found
