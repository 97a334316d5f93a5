"""The steps of a case: phases of the update, lives of faults, findings, limits."""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Sequence
from dataclasses import dataclass, field, replace
from typing import Any, Final

from harness.clock import lab_utc
from harness.judge.phases import PhaseSpan
from harness.measure.units import spoken
from harness.report.allure.case import BROKEN, FAILED, OF_VERDICT, PASSED, SKIPPED, Parameter, Step
from harness.report.allure.guest_steps import left_alone_steps
from harness.report.fault_story import FaultStory, fault_stories, shown_times
from harness.report.record import Plain, RunRecord, seqs_text

STATUS: Final = {
    "": PASSED,
    "success": PASSED,
    "succeeded": PASSED,
    "error": FAILED,
    "failed": FAILED,
    "skipped": SKIPPED,
}
"""What the end of a phase means; words that are not known are broken.  [D] action plans end with Success, Error or
Skipped, CAU runs with Succeeded or Failed."""

RESTING: Final = frozenset({"update/discovery", "update/ready", "update/settled"})
"""Phases in which nothing is under way: a run may end in them."""

OF_LIMIT: Final = {"pass": PASSED, "fail": FAILED, "unset": BROKEN}


def steps_of(record: RunRecord, case_status: str) -> tuple[Step, ...]:
    """All steps of a run; phases that were not seen to end have the status of the case, unless that is a skip."""
    return (
        *_phases(record, case_status),
        *left_alone_steps(record, milliseconds(record, record.begin_ns)),
        *(_fault(record, story) for story in fault_stories(record)),
        *_findings(record),
        *_limits(record),
    )


def milliseconds(record: RunRecord, t_ns: int) -> int:
    """Lab time as milliseconds since 1970, UTC of the lab."""
    return round(lab_utc(record.epoch, t_ns).timestamp() * 1000)


# --- phases -----------------------------------------------------------------------------------------------------------


@dataclass(slots=True)
class _Branch:
    """A phase while the tree is built; `span` None: the lab told of what is in it, never of itself (a node's turn)."""

    path: str
    span: PhaseSpan | None = None
    below: list[_Branch] = field(default_factory=list)

    @property
    def start_ns(self) -> int:
        """When it, or the first part of it, began."""
        return self.span.start_ns if self.span else min(each.start_ns for each in self.below)

    @property
    def end_ns(self) -> int | None:
        """When it, or the last part of it, ended; None when that was not seen."""
        if self.span is not None:
            return self.span.end_ns
        ends = [each.end_ns for each in self.below]
        return None if None in ends else max(end for end in ends if end is not None)


def _phases(record: RunRecord, case_status: str) -> Iterator[Step]:
    cause = record.results["cause"]
    for branch in _tree(record.phases):
        step = _phase(record, branch, case_status)
        marked = cause and cause["at_ns"] is not None and branch.path not in RESTING
        yield _marked(record, step, branch, cause) if marked else step


def _tree(spans: Sequence[PhaseSpan]) -> list[_Branch]:
    """Phases below those that their path continues; of several with the same path, below the newest."""
    root = _Branch("update")
    newest: dict[str, _Branch] = {"update": root}

    def branch_at(path: str) -> _Branch:
        if path not in newest:
            newest[path] = _Branch(path)
            branch_at(path.rpartition("/")[0] or "update").below.append(newest[path])
        return newest[path]

    for span in sorted(spans, key=_place):
        if branch_at(span.path).span is not None:
            del newest[span.path]
        branch_at(span.path).span = span
    return root.below


def _place(span: PhaseSpan) -> tuple[int, int, float]:
    """Earlier ones first; of those that begin together the outer one, then the one that ends first."""
    return span.start_ns, span.path.count("/"), float("inf") if span.end_ns is None else span.end_ns


def _phase(record: RunRecord, branch: _Branch, case_status: str) -> Step:
    end_ns = record.end_ns if branch.end_ns is None else branch.end_ns
    unfinished = PASSED if case_status == SKIPPED or branch.path in RESTING else case_status
    below = tuple(_phase(record, each, case_status) for each in branch.below)
    if branch.end_ns is None:
        status = unfinished
    elif branch.span is not None:
        status = STATUS.get(branch.span.status.lower(), BROKEN)
    else:
        status = _worst(step.status for step in below)
    return Step(
        name=_phase_name(branch.path),
        status=status,
        start_ms=milliseconds(record, branch.start_ns),
        stop_ms=milliseconds(record, max(branch.start_ns, end_ns)),
        message="not seen to end" if branch.end_ns is None and unfinished != PASSED else "",
        parameters=tuple(_said(branch.span)) if branch.span else (),
        steps=below,
    )


def _said(span: PhaseSpan) -> Iterator[Parameter]:
    if span.node:
        yield Parameter("node", span.node)
    if span.status:
        yield Parameter("ended", span.status)
    if span.source != "event":
        yield Parameter("seen", "by looks, not by events")
    yield Parameter("journal", seqs_text(span.evidence))


def _phase_name(path: str) -> str:
    """The last part of a path; of a node's turn or share the node."""
    name = path.rpartition("/")[2]
    return name[5:-1] if name.startswith("node[") and name.endswith("]") else name


def _marked(record: RunRecord, step: Step, branch: _Branch, cause: Plain) -> Step:
    """`step` with the deepest step in which the first cause lies, and all above it, given the cause's status."""
    end_ns = record.end_ns if branch.end_ns is None else branch.end_ns
    if not branch.start_ns <= cause["at_ns"] < end_ns or cause["waived_by"]:
        return step
    below = tuple(_marked(record, each, part, cause) for each, part in zip(step.steps, branch.below, strict=True))
    status = _worst((step.status, OF_VERDICT.get(cause["outcome"], BROKEN)))
    return replace(step, status=status, steps=below, message=step.message if below != step.steps else cause["summary"])


def _worst(statuses: Iterable[str]) -> str:
    """The worst of some statuses; passed without any."""
    order = (FAILED, BROKEN, PASSED, SKIPPED)
    return min(statuses, key=order.index, default=PASSED)


# --- faults -----------------------------------------------------------------------------------------------------------


def _fault(record: RunRecord, story: FaultStory) -> Step:
    """The life of a fault: passed once it is clean, skipped when it never came, broken when it is not as planned."""
    moments = tuple(shown_times(story))
    begin_ns = min((t_ns for _, _, t_ns in moments), default=record.begin_ns)
    end_ns = max((t_ns for _, _, t_ns in moments), default=begin_ns)
    never = story.intent_ns is None and story.missed_ns is None and story.invalid_ns is None
    status = PASSED if story.state == "clean" else SKIPPED if never else BROKEN
    said = {"trigger": story.trigger, "target": story.target_text, "lag": story.lag_text, "undo": story.undo}
    return Step(
        name=f"fault {story.id}: {story.kind} {', '.join(story.targets)}".rstrip(),
        status=status,
        start_ms=milliseconds(record, begin_ns),
        stop_ms=milliseconds(record, end_ns),
        message="" if status == PASSED else f"state at the end: {story.state}",
        parameters=tuple(Parameter(name, value) for name, value in said.items() if value),
        steps=tuple(
            Step(text, BROKEN if glyph == "missed" else PASSED, *(2 * (milliseconds(record, t_ns),)))
            for glyph, text, t_ns in moments
        ),
    )


# --- what the judge says ----------------------------------------------------------------------------------------------


def _findings(record: RunRecord) -> Iterator[Step]:
    """Findings as steps of their own, by first cause; a waived one passes and says who answers for it."""
    for finding in record.results["because"]:
        waived = str(finding["waived_by"])
        at_ns = record.end_ns if finding["at_ns"] is None else int(finding["at_ns"])
        moment = milliseconds(record, at_ns)
        said = {key: str(finding[key]) for key in ("phase", "step", "node", "value", "limit")}
        said |= {"faults then": ", ".join(finding["faults_active"]), "journal": seqs_text(finding["evidence"])}
        said["waived by"] = waived
        yield Step(
            name=f"finding {finding['id']}: {finding['outcome']}{' (waived)' if waived else ''}",
            status=PASSED if waived else OF_VERDICT.get(finding["outcome"], BROKEN),
            start_ms=moment,
            stop_ms=moment,
            message=str(finding["summary"]),
            parameters=tuple(Parameter(name, value) for name, value in said.items() if value),
        )


def _limits(record: RunRecord) -> Iterator[Step]:
    """One step for all limited measurements, the broken ones first."""
    order = {"fail": 0, "unset": 1, "pass": 2}
    rows = [row for row in record.results["measurements"] if row["outcome"] in order]
    steps = tuple(_limit(record, row) for row in sorted(rows, key=lambda row: order[row["outcome"]]))
    if not steps:
        return
    held = sum(step.status == PASSED for step in steps)
    moment = milliseconds(record, record.end_ns)
    yield Step(
        name=f"limits: {held} of {len(steps)} kept",
        status=_worst(step.status for step in steps),
        start_ms=moment,
        stop_ms=moment,
        steps=steps,
    )


def _limit(record: RunRecord, row: dict[str, Any]) -> Step:
    moment = milliseconds(record, record.end_ns)
    value = "not measured" if row["value"] is None else spoken(row["value"], row["unit"])
    limit = "" if row["limit"] is None else f", limit {row['comparison']} {spoken(row['limit'], row['unit'])}"
    status = OF_LIMIT[row["outcome"]]
    return Step(
        name=f"{row['name']}: {value}{limit}",
        status=status,
        start_ms=moment,
        stop_ms=moment,
        message="" if status == PASSED else str(row["detail"]),
        parameters=(Parameter("journal", seqs_text(row["evidence"])),) if row["evidence"] else (),
    )
