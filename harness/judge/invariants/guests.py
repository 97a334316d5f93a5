"""Virtual machines stay up; those of a lost node come back within their budget."""

from __future__ import annotations

from collections.abc import Iterator, Sequence

from harness.judge.case import Case, listed
from harness.judge.explain import Explanation
from harness.measure.ledger import Cause, Gap
from harness.measure.units import seconds
from harness.values import Finding, Verdict


def evidence_of(case: Case, gaps: Sequence[Gap]) -> list[int]:
    """The sample lines in which the gaps begin and end."""
    found = []
    for gap in gaps:
        marks = [mark for mark in (gap.first_bad_ns, gap.first_ok_ns, gap.last_ok_ns) if mark is not None]
        found += [
            row.seq
            for row in case.timeline.windows
            if any(row.value.from_ns < mark <= row.value.to_ns for mark in marks)
        ]
    return found


def guests_answer_at_all(case: Case) -> Iterator[Finding]:
    """A guest that did not answer before the update started cannot tell anything about the update."""
    begin_ns = case.timeline.begun.t_ns if case.timeline.begun else case.ledger.to_ns
    silent = [
        gap for gap in case.ledger.gaps if gap.leading and (gap.first_ok_ns is None or gap.first_ok_ns > begin_ns)
    ]
    if silent:
        names = [gap.vm for gap in silent]
        yield case.fail(
            "vm-silent-at-start",
            f"virtual machines did not answer when the update began: {listed(names)}",
            case.ledger.from_ns,
            evidence_of(case, silent[:1]),
            about="lab",
            outcome=Verdict.INCONCLUSIVE,
            attrs={"vms": names},
        )


def guests_keep_running(case: Case) -> Iterator[Finding]:
    """Invariant 3, first half: a guest whose node no fault took away neither restarts nor stays away."""
    restarted = [gap for gap in case.unexplained if gap.cause is Cause.RESTART]
    if restarted:
        first = min(restarted, key=lambda gap: gap.start_ns)
        names = sorted({gap.vm for gap in restarted})
        yield case.fail(
            "vm-restarted",
            f"virtual machines restarted and no fault explains it: {listed(names)}",
            first.start_ns,
            evidence_of(case, [first]),
            node=first.owner_before,
            value=str(len(restarted)),
            limit="0",
            attrs={"vms": names},
        )
    down = [gap for gap in case.unexplained if gap.open]
    if down:
        first = min(down, key=lambda gap: gap.start_ns)
        names = sorted({gap.vm for gap in down})
        yield case.fail(
            "vm-down",
            f"virtual machines went away and never answered again, and no fault explains it: {listed(names)}",
            first.start_ns,
            evidence_of(case, [first]),
            node=first.owner_before,
            value=f"{seconds(first.duration_ns):.6g} s",
            attrs={"vms": names},
        )


def guests_answer_again(case: Case) -> Iterator[Finding]:
    """Invariant 3, second half: a guest of a lost node answers again within its restart budget."""
    budget_s = case.restart_budget_s
    for explanation in case.explanations:
        gaps = [
            gap for gap in case.ledger.gaps if gap.explained_by == explanation.episode.id and gap.vm in explanation.vms
        ]
        beyond = [gap for gap in gaps if seconds(gap.duration_ns) > budget_s]
        # Back on the node that was lost: nobody restarted it, its node came back.
        dead = [gap for gap in beyond if gap.open or gap.owner_after in explanation.nodes]
        late = [gap for gap in beyond if gap not in dead]
        young = [gap for gap in gaps if gap.open and seconds(gap.duration_ns) <= budget_s]
        if dead:
            yield _not_back(case, explanation, dead, "vm-not-restarted", "were not restarted on another node")
        if late:
            yield _not_back(case, explanation, late, "vm-restarted-late", "were restarted too late")
        if young:
            yield _not_back(case, explanation, young, "vm-still-down", "had not answered when sampling ended")


def _not_back(case: Case, explanation: Explanation, gaps: Sequence[Gap], name: str, what: str) -> Finding:
    worst = max(gaps, key=lambda gap: (gap.duration_ns, gap.vm))
    names = sorted({gap.vm for gap in gaps})
    lost = ", ".join(sorted(explanation.nodes))
    away_s = seconds(worst.duration_ns)
    return case.fail(
        name,
        f"virtual machines of lost node {lost} {what}: {listed(names)}; away for up to {away_s:.6g} s, "
        f"budget {case.restart_budget_s:.6g} s (fault '{explanation.episode.id}')",
        min(case.began_ns(gap) for gap in gaps),
        [explanation.episode.intent_seq, *evidence_of(case, [worst])],
        node=lost,
        value=f"{away_s:.6g} s",
        limit=f"{case.restart_budget_s:.6g} s",
        outcome=Verdict.INCONCLUSIVE if name == "vm-still-down" else Verdict.FAIL,
        attrs={"vms": names, "fault": explanation.episode.id},
    )
