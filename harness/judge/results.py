"""`results.json` and `ledger.json` of a run folder."""

from __future__ import annotations

import json
from collections.abc import Iterator, Mapping
from pathlib import Path
from typing import Any

from harness.clock import lab_utc, utc_text
from harness.errors import JournalError
from harness.journal import read_journal
from harness.journal.writer import FILE_NAME
from harness.judge.case import elapsed
from harness.judge.document import (
    RESULTS_SCHEMA,
    AttemptPart,
    FaultPart,
    FindingPart,
    GuestPart,
    GuestUpdatePart,
    GuidePart,
    JournalPart,
    JudgePart,
    LabPart,
    LegPart,
    MeasurementPart,
    PhasePart,
    ResultsDocument,
    VersionsPart,
)
from harness.judge.explain import active_faults
from harness.judge.guides import consultations_of
from harness.judge.invariants.guest_updates import restarts_of
from harness.judge.judgement import JUDGE_VERSION, Judgement, judge
from harness.judge.shortage import refuse_shortage
from harness.measure.ledger_document import ledger_text
from harness.measure.units import seconds
from harness.paths import LEDGER_NAME, RESULTS_NAME, replace_file
from harness.values import Finding


def results_of(judgement: Judgement) -> ResultsDocument:
    """The document of a judgement."""
    timeline, header, journal = judgement.case.timeline, judgement.header, judgement.journal
    lab, scenario = timeline.lab, timeline.scenario
    plan, host = header.get("plan") or {}, header.get("host") or {}
    begun_ns = next((entry.t_lab_ns for entry in journal if entry.t_lab_ns is not None), 0)
    folder = journal.path.parent.name
    return ResultsDocument(
        schema=RESULTS_SCHEMA,
        run_id=str(host.get("run_id") or folder),
        folder=folder,
        scenario=str(scenario.get("id") or ""),
        title=str(scenario.get("title") or ""),
        plan=str(plan.get("name") or ""),
        plan_sha256=str(plan.get("sha256") or ""),
        seed=header.get("seed"),
        subject=str(lab.get("subject") or ""),
        machines=str(lab.get("machines") or ""),
        label=judgement.label,
        lab=LabPart(name=str(lab.get("name") or ""), kind=str(lab.get("kind") or "")),
        versions=_versions(judgement),
        leg=_leg(judgement),
        started=timeline.first.t_wall,
        ended=timeline.last.t_wall,
        lab_started=_utc(judgement, begun_ns),
        lab_ended=_utc(judgement, timeline.end_ns),
        lab_duration_s=seconds(timeline.end_ns - begun_ns),
        verdict=judgement.verdict.value,
        effective=judgement.effective.value,
        waived=judgement.waived,
        cause=_finding(judgement, judgement.decision.cause) if judgement.decision.cause else None,
        because=[_finding(judgement, finding) for finding in judgement.findings],
        phases=list(_phases(judgement)),
        faults=list(_faults(judgement)),
        measurements=list(_measurements(judgement)),
        guides=list(_guides(judgement)),
        attempts=list(_attempts(judgement)),
        worst_guests=list(_guests(judgement)),
        guest_updates=list(_guest_updates(judgement)),
        judge=JudgePart(version=JUDGE_VERSION, harness=str(header.get("harness") or "")),
        journal=JournalPart(
            sha256=journal.last_sha256,
            lines=len(journal.entries),
            bytes=journal.size_bytes,
            torn=bool(journal.torn),
        ),
    )


def results_text(judgement: Judgement) -> str:
    """The text of `results.json`; the same journal always gives the same bytes."""
    plain = results_of(judgement).model_dump(mode="json", by_alias=True)
    return json.dumps(plain, indent=1, ensure_ascii=False) + "\n"


def write_results(run_folder: Path) -> dict[str, Any]:
    """Judge the journal of a run folder, write `ledger.json` and `results.json` there, each replaced atomically, and
    return the content of the latter.

    Raises JournalError when the journal cannot be read or the files cannot be written, BrokenJournalError when its
    chain does not hold.
    """
    return write_judgement(run_folder, judge(read_journal(run_folder / FILE_NAME)))


def write_judgement(run_folder: Path, judgement: Judgement) -> dict[str, Any]:
    """`write_results` for a journal that has been judged already.

    Raises JournalError when a file cannot be written, and when the journal lacks lines that the results in the folder
    saw: those are then the only trace of what is missing, and stay.
    """
    refuse_shortage(judgement.journal, read_results(run_folder))
    _replace(run_folder / LEDGER_NAME, ledger_text(judgement.ledger))
    text = results_text(judgement)
    _replace(run_folder / RESULTS_NAME, text)
    plain: dict[str, Any] = json.loads(text)
    return plain


def read_results(run_folder: Path) -> dict[str, Any] | None:
    """The content of `results.json` in a run folder, None without one.  Raises JournalError when it cannot be read."""
    path = run_folder / RESULTS_NAME
    try:
        loaded = json.loads(path.read_text(encoding="utf-8"))
    except FileNotFoundError:
        return None
    except (OSError, ValueError) as error:
        raise JournalError(f"cannot read '{path}': {error}", hint="delete it and judge again") from error
    return loaded if isinstance(loaded, dict) else None


def _replace(path: Path, text: str) -> None:
    try:
        replace_file(path, text)
    except OSError as error:
        raise JournalError(
            f"cannot write '{path}': {error.strerror}", hint="free space on the disk, then: hil judge replay"
        ) from error


def _utc(judgement: Judgement, t_ns: int) -> str:
    return utc_text(lab_utc(judgement.case.epoch, t_ns))


def _optional_utc(judgement: Judgement, t_ns: int | None) -> str | None:
    return None if t_ns is None else _utc(judgement, t_ns)


def _versions(judgement: Judgement) -> VersionsPart:
    timeline = judgement.case.timeline
    scenario, last = timeline.scenario, timeline.updates[-1].value.current_version if timeline.updates else None
    baseline = (timeline.baselines[0].value.get("versions") or {}) if timeline.baselines else {}
    final: Mapping[str, Any] = timeline.final.value if timeline.final else {}
    target = (scenario.get("workflow") or {}).get("target") or {}
    if target.get("sbe"):
        before = baseline.get("sbe") or (scenario.get("from") or {}).get("sbe")
        wanted, reached = target["sbe"], (final.get("sbe") or {}).get("current")
    else:
        before = baseline.get("solution") or (timeline.updates[0].value.current_version if timeline.updates else None)
        wanted, reached = final.get("target") or target.get("solution"), final.get("current_version") or last
    return VersionsPart.model_validate(
        {
            "of": "sbe" if target.get("sbe") else "solution",
            "from": before or None,
            "to": wanted or None,
            "reached": reached or None,
        }
    )


def _leg(judgement: Judgement) -> LegPart | None:
    timeline = judgement.case.timeline
    leg = timeline.scenario.get("leg")
    if not leg:
        return None
    return LegPart(
        campaign=str(leg["campaign"]),
        number=int(leg["number"]),
        of=int(leg["of"]),
        taken_over=str(timeline.takeovers[0].value["run"]) if timeline.takeovers else None,
        handed_over=bool(timeline.handovers),
    )


def _finding(judgement: Judgement, finding: Finding) -> FindingPart:
    at_ns = finding.at_ns
    return FindingPart(
        id=finding.id,
        about=finding.about,
        outcome=finding.outcome.value,
        summary=finding.summary,
        at_ns=at_ns,
        at=_optional_utc(judgement, at_ns),
        lab_time=None if at_ns is None else elapsed(at_ns),
        phase=finding.phase,
        step=finding.step,
        node=finding.node,
        value=finding.value,
        limit=finding.limit,
        faults_active=_active(judgement, finding),
        waived_by=finding.waived_by,
        evidence=list(finding.evidence),
        attrs=dict(finding.attrs),
    )


def _active(judgement: Judgement, finding: Finding) -> list[str]:
    """Faults active at the first cause; a gap may seem to begin up to one sample before the fault that made it."""
    if finding.at_ns is None:
        return []
    return list(active_faults(judgement.case.explanations, finding.at_ns + judgement.ledger.interval_ns))


def _phases(judgement: Judgement) -> Iterator[PhasePart]:
    for span in judgement.phases:
        yield PhasePart(
            path=span.path,
            node=span.node,
            start_ns=span.start_ns,
            end_ns=span.end_ns,
            start=_utc(judgement, span.start_ns),
            end=_optional_utc(judgement, span.end_ns),
            status=span.status,
            source="event" if span.source == "event" else "observation",
            evidence=list(span.evidence),
        )


def _faults(judgement: Judgement) -> Iterator[FaultPart]:
    for explanation in judgement.case.explanations:
        fault = explanation.episode
        yield FaultPart(
            id=fault.id,
            kind=fault.kind,
            target=list(fault.targets),
            injected_at=_utc(judgement, fault.injected_ns if fault.injected_ns is not None else fault.intent_ns),
            trigger_lag_s=None if fault.lag_ns is None else seconds(fault.lag_ns),
            confirmed=fault.confirmed_ns is not None,
            reverted=fault.clean_ns is not None,
            confirmed_at=_optional_utc(judgement, fault.confirmed_ns),
            reverted_at=_optional_utc(judgement, fault.clean_ns),
            explains=sorted(explanation.vms),
            evidence=list(fault.evidence),
        )


def _measurements(judgement: Judgement) -> Iterator[MeasurementPart]:
    for each in judgement.measurements:
        yield MeasurementPart.model_validate(
            {
                "name": each.name,
                "unit": each.unit,
                "value": each.value,
                "limit": each.limit,
                "comparison": each.comparison,
                "outcome": each.outcome,
                "evidence": list(each.evidence),
                "detail": each.detail,
            }
        )


def _guides(judgement: Judgement) -> Iterator[GuidePart]:
    for one in consultations_of(judgement.case.timeline.guides):
        yield GuidePart.model_validate(
            {
                "id": one.expected,
                "rank": one.rank,
                "symptom": one.summary,
                "remedy": "; ".join(one.steps),
                "recovered_s": None if one.recovered_ns is None else seconds(one.recovered_ns),
                "outcome": one.outcome,
                "first": one.first,
                "excluded": list(one.excluded),
                "evidence": list(one.evidence),
            }
        )


def _attempts(judgement: Judgement) -> Iterator[AttemptPart]:
    for each in judgement.case.timeline.attempts:
        yield AttemptPart(
            number=each.number,
            resumed=each.resumed,
            started=each.wall_begin,
            ended=each.wall_end,
            reason=each.reason,
            detail=each.detail,
        )


def _guests(judgement: Judgement) -> Iterator[GuestPart]:
    """The guests with the longest gaps, worst first."""
    longest = [max(vm.gaps, key=lambda gap: gap.duration_ns) for vm in judgement.ledger.vms if vm.gaps]
    for gap in sorted(longest, key=lambda gap: (-gap.duration_ns, gap.vm))[:5]:
        yield GuestPart(
            vm=gap.vm,
            longest_s=seconds(gap.duration_ns),
            error_s=seconds(gap.error_ns),
            cause=gap.cause.value,
            explained_by=gap.explained_by,
            down=gap.open,
        )


def _guest_updates(judgement: Judgement) -> Iterator[GuestUpdatePart]:
    """Every guest of a workflow that updates Windows in guests, in the order in which they were looked at."""
    updates = judgement.case.guest_updates
    for story in updates.stories if updates else ():
        before = story.before.value if story.before else None
        after = story.after.value if story.after else None
        done_ns = story.result.t_ns if story.result else None
        restart = story.restarts[-1] if story.restarts else None
        back_ns = restart.back_ns if restart else None
        yield GuestUpdatePart(
            guest=story.name,
            standing=story.standing.value if story.standing else None,
            reasons=list(story.reasons),
            kind=story.update.kind.value if story.update else None,
            update=story.update.kb if story.update else None,
            outcome=story.outcome,
            detail=story.detail,
            proven=story.proven,
            build_before=before.shown_build if before else None,
            build_after=after.shown_build if after else None,
            kbs_before=list(before.kbs) if before else [],
            kbs_after=list(after.kbs) if after else [],
            restarts=restarts_of(judgement.case, story),
            install_s=None if done_ns is None or story.install_ns is None else seconds(done_ns - story.install_ns),
            restart_s=None if restart is None or back_ns is None else seconds(back_ns - restart.ordered_ns),
            refused=story.refused,
            evidence=story.lines("inventory", "standing", "install", "result", "restart", "restarted", "done"),
        )
