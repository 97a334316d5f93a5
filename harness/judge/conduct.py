"""What the run itself says about its worth: the conductor's own findings, how it ended, whether it could see."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import replace

from harness.judge.case import COVERAGE_FLOOR, Case
from harness.judge.faults import judge_faults
from harness.judge.invariants.outcome import failed_checks
from harness.judge.progress import blind_at, judge_progress, longest_stall, no_progress
from harness.judge.timeline import Seen
from harness.values import Finding, Verdict

_ENDINGS = {
    "aborted": ("aborted", "harness", Verdict.INCONCLUSIVE, "the run was interrupted"),
    "detached": ("run-unfinished", "harness", Verdict.INCONCLUSIVE, "the harness let go while the update still ran"),
    "lab-lost": ("lab-lost", "lab", Verdict.LAB, "the lab was lost"),
    "error": ("exception", "harness", Verdict.HARNESS, "the harness failed"),
    "": ("run-unfinished", "harness", Verdict.INCONCLUSIVE, "the journal ends in the middle of the run"),
}


def judge_conduct(case: Case) -> Iterator[Finding]:
    """All findings about the conduct of the run; one that the conductor wrote is not made a second time."""
    written = [_written(case, row) for row in case.timeline.findings]
    yield from written
    known = {_what(each) for each in written}
    for made in (_unreadable, _ending, _baseline, _coverage, _faults, judge_progress):
        # One that names no fault speaks for all of them.
        yield from (each for each in made(case) if _what(each) not in known and (each.id, None) not in known)


def _what(finding: Finding) -> tuple[str, object]:
    """What a finding is about: the same may befall two faults of a run."""
    return finding.id, finding.attrs.get("fault")


def _written(case: Case, row: Seen[Finding]) -> Finding:
    """A finding of the journal, its own line among its evidence; a failed update is completed by the health checks that
    failed, a no-progress one is checked against the journal."""
    finding = replace(row.value, evidence=tuple(sorted({*row.value.evidence, row.seq})))
    if finding.at_ns is None:
        finding = replace(finding, at_ns=row.t_ns)
    if finding.id == "update-failed":
        checks, seqs = failed_checks(case)
        return replace(finding, summary=finding.summary + checks, evidence=tuple(sorted({*finding.evidence, *seqs})))
    if finding.id != "no-progress":
        return finding
    if blind_at(case.timeline, row.t_ns):
        text = f"{finding.summary} (no endpoint was reachable, so this says nothing about the product)"
        return replace(finding, outcome=Verdict.LAB, about="lab", summary=text)
    stall = longest_stall(case)
    if stall is None:
        return finding
    full = no_progress(case, stall, list(finding.evidence))
    return replace(
        full,
        summary=finding.summary or full.summary,
        phase=finding.phase or full.phase,
        step=finding.step or full.step,
        node=finding.node or full.node,
        value=finding.value or full.value,
        limit=finding.limit or full.limit,
        attrs={**finding.attrs, "last_progress_ns": stall.since_ns, "last_progress": full.summary},
    )


def _unreadable(case: Case) -> Iterator[Finding]:
    for row in case.timeline.problems[:1]:
        more = f" (and {len(case.timeline.problems) - 1} more)" if len(case.timeline.problems) > 1 else ""
        text = f"line {row.seq + 1} of the journal: {row.value}{more}"
        yield case.fail("unreadable", text, row.t_ns, [row.seq], outcome=Verdict.HARNESS, about="harness")


def _ending(case: Case) -> Iterator[Finding]:
    attempts = case.timeline.attempts
    last = attempts[-1] if attempts else None
    reason = last.reason if last else ""
    if reason == "completed":
        return
    name, about, outcome, text = _ENDINGS.get(reason, _ENDINGS[""])
    detail = f": {last.detail}" if last and last.detail else ""
    seq = case.timeline.last.seq if last is None or last.end_seq is None else last.end_seq
    at_ns = case.timeline.end_ns if last is None or last.end_ns is None else last.end_ns
    yield case.fail(name, text + detail, at_ns, [seq], outcome=outcome, about=about)


def _baseline(case: Case) -> Iterator[Finding]:
    row = case.timeline.baselines[-1] if case.timeline.baselines else None
    if row is not None and row.value.get("outcome") != "ready":
        text = f"the lab did not reach the baseline: {row.value.get('reason') or 'no reason given'}"
        yield case.fail("not-at-baseline", text, row.t_ns, [row.seq], outcome=Verdict.LAB, about="lab")


def _coverage(case: Case) -> Iterator[Finding]:
    """Too little was sampled; where the plan limits the coverage, that limit speaks for itself."""
    coverage, floor = case.ledger.coverage, COVERAGE_FLOOR
    if case.bound(("sampler.coverage", "probe.coverage"), "ratio") is not None:
        return
    if coverage is None:
        if case.timeline.begun and case.timeline.completed:
            text = "no guest was sampled, so nothing is known about the workloads"
            yield case.fail(
                "low-coverage", text, case.timeline.end_ns, [], outcome=Verdict.INCONCLUSIVE, about="harness"
            )
    elif coverage < floor:
        worst = min(case.ledger.vms, key=lambda vm: vm.coverage)
        yield case.fail(
            "low-coverage",
            f"the sampler saw {coverage * 100:.4g} % of the time (worst guest {worst.vm}), floor {floor * 100:.6g} %",
            case.ledger.from_ns,
            [row.seq for row in case.timeline.windows if row.value.control.missed or row.value.control.stalls],
            outcome=Verdict.INCONCLUSIVE,
            about="harness",
            value=f"{coverage * 100:.4g} %",
            limit=f">= {floor * 100:.6g} %",
        )


def _faults(case: Case) -> Iterator[Finding]:
    timeline = case.timeline
    faults = timeline.scenario.get("faults") or ()
    # Where the update never began, nothing could come at its moment; why it did not begin is said already.
    planned = tuple(str(fault["id"]) for fault in faults if fault.get("id")) if timeline.begun else ()
    for finding in judge_faults(
        timeline.faults, timeline.missed, planned, timeline.end_ns, completed=timeline.completed
    ):
        phase, step = timeline.doing(finding.at_ns)
        yield replace(finding, phase=phase, step=step)
