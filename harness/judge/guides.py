"""Did the published guide lead out of the trouble?

Four assertions for each trouble that the plan expects a guide for: its symptom was seen, the right guide ranked first,
its remedy was carried out and verified with newer facts, and the update was at work again in time.  A guide that did
not do that while the update recovered all the same is a *guide gap*; where the update did not recover, that is found
elsewhere and weighs more.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from typing import Any, Final

from harness.judge.case import Case, duration_s, elapsed
from harness.judge.timeline import Seen
from harness.values import Finding, Verdict

OUTCOMES: Final[Mapping[str, str]] = {
    "verified": "its remedy helped",
    "not-verified": "its remedy was carried out, and the symptom stayed",
    "step-failed": "a step of its remedy could not be carried out",
    "not-first": "another guide ranked first",
    "not-approved": "its remedy has destructive steps that the plan does not approve",
    "no-diagnosis": "no guide applies to what was seen",
    "unfinished": "it was not followed to its end",
}


@dataclass(frozen=True, slots=True)
class Consultation:
    """One trouble and what became of the guide: `evidence` are the journal lines, `recovered_ns` the time from trouble
    to work (None: never)."""

    number: int
    expected: str
    kind: str
    summary: str
    at_ns: int
    first: str
    rank: int | None
    standing: str
    excluded: tuple[str, ...]
    steps: tuple[str, ...]
    outcome: str
    recovered_ns: int | None
    evidence: tuple[int, ...]

    @property
    def symptom_seen(self) -> bool:
        """Did the evidence nominate the expected guide?"""
        return self.rank is not None


def consultations_of(rows: Sequence[Seen[Mapping[str, Any]]]) -> tuple[Consultation, ...]:
    """All troubles of a run, from its `guide.*` records.  A trouble that a new process took on again counts once."""
    numbers = sorted({int(row.value["number"]) for row in rows})
    return tuple(_consultation(number, [row for row in rows if row.value["number"] == number]) for number in numbers)


def _consultation(number: int, rows: Sequence[Seen[Mapping[str, Any]]]) -> Consultation:
    def last(what: str) -> Mapping[str, Any]:
        return next((row.value for row in reversed(rows) if row.value["what"] == what), {})

    trouble, diagnosis, done = last("guide.trouble"), last("guide.diagnosis"), last("guide.done")
    expected = str(trouble.get("expected") or "")
    candidates = diagnosis.get("candidates") or ()
    own = next((one for one in candidates if one["guide"] == expected), None)
    recovered = last("guide.recovered").get("after_ns")
    return Consultation(
        number=number,
        expected=expected,
        kind=str(trouble.get("kind") or ""),
        summary=str(trouble.get("summary") or ""),
        at_ns=rows[0].t_ns,
        first=str(diagnosis.get("first") or ""),
        rank=own["rank"] if own else None,
        standing=str(own["standing"]) if own else "",
        excluded=tuple(f"{one['guide']} by '{one['excluded_by']}'" for one in candidates if one["excluded_by"]),
        steps=tuple(str(row.value["does"]) for row in rows if row.value["what"] == "guide.step"),
        outcome=str(done.get("outcome") or "unfinished"),
        recovered_ns=int(recovered) if recovered is not None else None,
        evidence=tuple(row.seq for row in rows),
    )


def judge_guides(case: Case) -> Iterator[Finding]:
    """Findings about the guides that the plan expects."""
    policy = case.timeline.scenario.get("guides")
    if not isinstance(policy, Mapping) or not case.timeline.completed:
        return
    found = consultations_of(case.timeline.guides)
    within_s = duration_s(policy.get("within"))
    for one in found:
        yield from _judge(case, one, within_s)
    missing = [str(name) for name in policy.get("expect") or ()][len(found) :]
    if missing:
        text = f"the trouble for which guide '{missing[0]}' was expected never came"
        yield case.fail(
            "guide-not-needed", text, case.timeline.end_ns, [], outcome=Verdict.INCONCLUSIVE, about="scenario"
        )


def _judge(case: Case, one: Consultation, within_s: float | None) -> Iterator[Finding]:
    what = f"guide '{one.expected}'"
    if not one.symptom_seen and one.outcome != "unfinished":
        yield _gap(case, one, "guide-symptom-missing", f"{what} does not recognise the trouble: {one.summary}")
    elif one.outcome != "verified":
        more = f": '{one.first}' did" if one.outcome == "not-first" and one.first else ""
        yield _gap(case, one, "guide-gap", f"{what} did not lead out of the trouble: {OUTCOMES[one.outcome]}{more}")
    elif one.recovered_ns is None:
        yield _gap(case, one, "guide-gap", f"{what} was followed, but the update was not seen at work again")
    elif within_s is not None and one.recovered_ns / 1e9 > within_s:
        limit = f"<= {elapsed(int(within_s * 1e9))}"
        text = f"{what} helped, but the update was at work again only after {elapsed(one.recovered_ns)}"
        yield _gap(case, one, "guide-slow", text, value=elapsed(one.recovered_ns), limit=limit)


def _gap(case: Case, one: Consultation, name: str, text: str, *, value: str = "", limit: str = "") -> Finding:
    return case.fail(
        name,
        text,
        one.at_ns,
        one.evidence[:12],
        outcome=Verdict.GUIDE_GAP,
        value=value or one.outcome,
        limit=limit or "verified",
        attrs={"number": one.number},
    )
