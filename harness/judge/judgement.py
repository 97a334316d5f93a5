"""The judge's whole work on one journal."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from datetime import date
from typing import Any, Final

from harness.errors import HarnessError
from harness.journal import Journal
from harness.judge.case import Case, case_of
from harness.judge.conduct import judge_conduct
from harness.judge.decide import Decision, decide, in_order
from harness.judge.faults import FaultEpisode
from harness.judge.guides import judge_guides
from harness.judge.invariants import judge_invariants
from harness.judge.measurements import measure
from harness.judge.phases import PhaseSpan, phases_of
from harness.judge.timeline import timeline_of
from harness.judge.waivers import Waiver, waive, waivers_of
from harness.measure.ledger import Ledger
from harness.values import Finding, Measurement, Subject, Verdict, evidence_label

JUDGE_VERSION: Final = "2"
"""Counts changes that can change a verdict; every verdict records it."""


@dataclass(frozen=True, slots=True)
class Judgement:
    """What the judge says about one run, and what it rests on.

    `verdict` is what the findings say; `effective` is what counts beside the waivers (the same without any).
    """

    decision: Decision
    findings: tuple[Finding, ...]
    measurements: tuple[Measurement, ...]
    phases: tuple[PhaseSpan, ...]
    faults: tuple[FaultEpisode, ...]
    ledger: Ledger
    case: Case
    journal: Journal

    @property
    def verdict(self) -> Verdict:
        """Outcome of the run."""
        return self.decision.verdict

    @property
    def effective(self) -> Verdict:
        """Outcome of the run beside its waivers; exit codes and gates follow this one."""
        return self.decision.effective

    @property
    def waived(self) -> bool:
        """Do waivers make a difference?"""
        return self.decision.waived

    @property
    def header(self) -> Mapping[str, Any]:
        """The run's header record."""
        return self.case.timeline.header

    @property
    def label(self) -> str:
        """What the result is evidence of."""
        try:
            subject = Subject(str(self.case.timeline.lab.get("subject")))
        except ValueError:
            subject = Subject.SIMULATED
        return evidence_label(subject)


def judge(journal: Journal) -> Judgement:
    """Judge a verified journal.  Pure: the same journal always gives the same judgement.

    Raises BrokenJournalError when the journal has no readable header, HarnessError when the header's limits or waivers
    cannot be read.
    """
    timeline = timeline_of(journal)
    case = case_of(timeline)
    measurements, breaches = measure(case)
    # What the conductor had already said is not said again in other words.
    written = {row.value.id for row in timeline.findings}
    derived = [
        finding for finding in (*judge_invariants(case), *judge_guides(case), *breaches) if finding.id not in written
    ]
    day = date.fromisoformat(timeline.first.t_wall[:10])
    findings = waive(in_order((*judge_conduct(case), *derived)), _waivers(timeline.header), day)
    return Judgement(
        decision=decide(findings),
        findings=findings,
        measurements=measurements,
        phases=phases_of(timeline),
        faults=timeline.faults,
        ledger=case.ledger,
        case=case,
        journal=journal,
    )


def _waivers(header: Mapping[str, Any]) -> tuple[Waiver, ...]:
    try:
        return waivers_of(header.get("waivers") or ())
    except (KeyError, TypeError, ValueError) as error:
        raise HarnessError(
            f"the journal's header holds a waiver that cannot be read: {error!r}",
            hint="a waiver has finding, reason, owner, expires",
        ) from error
