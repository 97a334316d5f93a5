"""Measurements of a run and their limits.

One small function for each name of the catalogue; it returns the value in the catalogue's unit, or None when the
journal does not tell.  None with a limit on it makes the run inconclusive.
"""

from __future__ import annotations

from collections.abc import Callable, Collection, Iterable, Iterator, Mapping, Sequence
from typing import Final

from harness.errors import ConfigError
from harness.judge import guest_readings
from harness.judge.case import Case, Limit
from harness.judge.drains import joined, resyncs_of, seen_repairs
from harness.judge.explain import ORDERED
from harness.judge.invariants.guests import evidence_of
from harness.judge.invariants.nodes import beyond, nodes_away
from harness.judge.migrations import beyond_error_ns
from harness.judge.progress import longest_stall
from harness.judge.reading import UNSET, Reading
from harness.judge.timeline import first_after
from harness.measure.catalog import CATALOG, Quantity
from harness.measure.conditions import ConditionKind
from harness.measure.ledger import SERVICE_TROUBLE, Cause, Gap, VmLedger
from harness.measure.samples import Span
from harness.measure.units import convert, seconds, spoken
from harness.plan.budget import HISTORY, KEY_WORD
from harness.values import Finding, Measurement, Verdict

NO_BUDGET: Final = "no-budget:"
"""Begins the id of the finding that a limit from history has no value."""


def _longest(case: Case, gaps: Iterable[Gap]) -> Reading:
    if not case.ledger.sampled:
        return UNSET
    worst = max(gaps, key=lambda gap: (gap.duration_ns, -gap.start_ns), default=None)
    if worst is None:
        return Reading(0.0, detail="no such gap")
    still = ", still down" if worst.open else ""
    moved = f", {worst.owner_before} → {worst.owner_after}" if worst.owner_before != worst.owner_after else ""
    return Reading(
        seconds(worst.duration_ns),
        _lines(case, [worst]),
        f"{worst.vm} at {case.at(worst.start_ns)}, ± {seconds(worst.error_ns):.6g} s, {worst.cause}{moved}{still}",
        case.began_ns(worst),
    )


def _lines(case: Case, gaps: Sequence[Gap]) -> tuple[int, ...]:
    return tuple(sorted(set(evidence_of(case, gaps))))


def _counted(case: Case, gaps: Sequence[Gap]) -> Reading:
    if not case.ledger.sampled:
        return UNSET
    first = min(gaps, key=lambda gap: gap.start_ns, default=None)
    names = ", ".join(sorted({gap.vm for gap in gaps}))
    return Reading(float(len(gaps)), _lines(case, gaps[:3]), names, first.start_ns if first else None)


def _worst_vm(case: Case, value: Callable[[VmLedger], float]) -> Reading:
    if not case.ledger.sampled:
        return UNSET
    worst = max(case.ledger.vms, key=value)
    gaps = [gap for gap in worst.gaps if not gap.leading]
    first = min((gap.start_ns for gap in gaps), default=None)
    return Reading(value(worst), _lines(case, gaps[:3]), worst.vm if gaps else "", first)


def _ran(gap: Gap) -> bool:
    """Without restart, and after the first answer of the guest."""
    return gap.cause not in (Cause.RESTART, Cause.DOWN) and not gap.leading


def unexplained_gap(case: Case) -> Reading:
    """Longest gap that no fault explains."""
    return _longest(case, case.unexplained)


def migration_gap(case: Case) -> Reading:
    """Longest gap during a live migration."""
    return _longest(case, (gap for gap in case.ledger.gaps if gap.cause is Cause.LIVE_MIGRATION))


def restart_gap(case: Case) -> Reading:
    """Longest gap of a guest of a lost node; unset when a node was lost and no guest of it is known."""
    if not any(each.nodes for each in case.explanations):
        return Reading(0.0, detail="no fault took a node away") if case.ledger.sampled else UNSET
    if not any(each.vms for each in case.explanations):
        return Reading(None, detail="no virtual machine was seen on the lost node")
    return _longest(case, (gap for gap in case.ledger.gaps if gap.explained_by not in ("", ORDERED)))


def unexplained_restarts(case: Case) -> Reading:
    """Restarts that no fault explains."""
    return _counted(case, [gap for gap in case.unexplained if gap.cause is Cause.RESTART])


def down_at_end(case: Case) -> Reading:
    """Guests that did not answer when sampling ended."""
    return _counted(case, [gap for gap in case.ledger.gaps if gap.open])


def restarted_guests(case: Case) -> Reading:
    """Guests that restarted at least once."""
    first = {gap.vm: gap for gap in reversed(case.ledger.gaps) if gap.cause is Cause.RESTART}
    return _counted(case, sorted(first.values(), key=lambda gap: gap.vm))


def restart_outage(case: Case) -> Reading:
    """Longest gap that ended in a restart, or never."""
    return _longest(case, (gap for gap in case.ledger.gaps if gap.cause in (Cause.RESTART, Cause.DOWN)))


def outage(case: Case) -> Reading:
    """Longest gap without restart."""
    return _longest(case, (gap for gap in case.ledger.gaps if _ran(gap)))


def _longest_condition(case: Case, kinds: Collection[ConditionKind]) -> Reading:
    if not case.ledger.sampled:
        return UNSET
    rows = [(vm.vm, each) for vm in case.ledger.vms for each in vm.conditions if each.kind in kinds]
    if not rows:
        return Reading(0.0, detail="no such time")
    vm, worst = max(rows, key=lambda row: (row[1].duration_ns, -row[1].start_ns))
    error_s = seconds(worst.start_err_ns + worst.end_err_ns)
    detail = f"{vm} at {case.at(worst.start_ns)}, ± {error_s:.6g} s, {worst.kind}: {worst.reason}"
    return Reading(seconds(worst.duration_ns), detail=detail, at_ns=worst.start_ns)


def migration_difference(case: Case) -> Reading:
    """How far measured and logged blackouts are apart, beyond the error of both."""
    compared = [gap for gap in case.ledger.gaps if gap.host_blackout_ns is not None]
    if not compared:
        return Reading(None, detail="no host logged a live migration that belongs to a gap")
    worst = max(compared, key=lambda gap: (abs(beyond_error_ns(gap)), -gap.start_ns))
    detail = (
        f"{len(compared)} compared; {worst.vm} at {case.at(worst.start_ns)}: measured {seconds(worst.duration_ns):.6g}"
        f" ± {seconds(worst.error_ns):.6g} s, logged {seconds(worst.host_blackout_ns or 0):.6g} s"
    )
    return Reading(seconds(abs(beyond_error_ns(worst))), _lines(case, [worst]), detail, worst.start_ns)


def _nodes(case: Case, names: Callable[[int, frozenset[str]], Sequence[str]]) -> Reading:
    rows = [(len(names(t_ns, away)), -t_ns, seq, names(t_ns, away)) for seq, t_ns, away in nodes_away(case)]
    if not rows:
        return UNSET
    count, before, seq, worst = max(rows)
    return Reading(float(count), (seq,), ", ".join(sorted(worst)), -before)


def repairs_of(case: Case) -> tuple[Span, ...]:
    """Times with repair jobs: from events, else as looks at the cluster showed them."""
    told = resyncs_of(case.timeline)
    return joined(told, case.timeline.end_ns) if told else seen_repairs(case.timeline)


def resync(case: Case) -> Reading:
    """Longest time with repair jobs."""
    spans = repairs_of(case)
    if not spans:
        return Reading(0.0, detail="no repair job was seen") if case.timeline.clusters else UNSET
    first, last = max(spans, key=lambda span: span[1] - span[0])
    look = first_after(case.timeline.clusters, first)
    return Reading(seconds(last - first), (look.seq,) if look else (), f"from {case.at(first)}", first)


def update_duration(case: Case) -> Reading:
    """From the first start to the first sign that the update is Installed."""
    timeline = case.timeline
    installed = timeline.installed
    begun = timeline.begun
    if begun is None or installed is None:
        return Reading(None, detail="the update was not Installed")
    start_ns = _first_start_ns(case) or 0
    end_ns, end_seq = installed.t_ns, installed.seq
    for event in timeline.events:
        attrs = event.value.attrs
        # Other updates change their states at the same time.
        ours = attrs.get("update", installed.value.update_id) == installed.value.update_id
        done = event.value.kind == "update.state" and attrs.get("new") == "Installed"
        if ours and done and start_ns <= event.t_ns <= end_ns:
            end_ns, end_seq = event.t_ns, event.seq
            break
    return Reading(seconds(end_ns - start_ns) / 3600, (begun.seq, end_seq), at_ns=start_ns)


def _first_start_ns(case: Case) -> int | None:
    """When the update was started first, if by an earlier leg."""
    timeline = case.timeline
    if timeline.takeovers:
        return int(timeline.takeovers[0].value["first_start_ns"])
    return timeline.starts[0].t_ns if timeline.starts else None


def starts(case: Case) -> Reading:
    """Starts of the update that were no resume, those of earlier legs among them."""
    rows = [row for row in case.timeline.starts if not row.value.resume]
    taken = case.timeline.takeovers[:1]
    earlier = sum(int(row.value["starts"]) - int(row.value["resumes"]) for row in taken)
    return Reading(
        float(earlier + len(rows)),
        (*(row.seq for row in taken), *(row.seq for row in rows)),
        f"{earlier} in earlier legs" if taken else "",
        at_ns=rows[-1].t_ns if rows else None,
    )


def attempts(case: Case) -> Reading:
    """Starts and resumes of the update."""
    rows = case.timeline.starts
    return Reading(float(len(rows)), tuple(row.seq for row in rows), at_ns=rows[-1].t_ns if rows else None)


def stall(case: Case) -> Reading:
    """Longest time without progress."""
    found = longest_stall(case)
    if found is None:
        return UNSET
    return Reading(seconds(found.still_ns) / 60, (found.seq,), f"since {case.at(found.since_ns)}", found.since_ns)


def _stage(case: Case, name: str) -> tuple[int, int, int] | None:
    """Start and end of the last stage called `name`, and its line."""
    stages = case.timeline.stages
    index = next((i for i in reversed(range(len(stages))) if stages[i].value == name), None)
    if index is None or index + 1 >= len(stages):
        return None
    return stages[index].t_ns, stages[index + 1].t_ns, stages[index].seq


def settle(case: Case) -> Reading:
    """How long the settle stage took."""
    span = _stage(case, "settle")
    return Reading(seconds(span[1] - span[0]) / 60, (span[2],), at_ns=span[0]) if span else UNSET


def recovery(case: Case) -> Reading:
    """From the last revert until its target is proven clean, no repair runs any more, and its guests answer."""
    reverted = [each for each in case.explanations if each.episode.recover_ns is not None]
    if not reverted:
        return Reading(None, detail="no fault was reverted")
    last = max(reverted, key=lambda each: each.episode.recover_ns or 0)
    start_ns, end_ns = last.episode.recover_ns or 0, last.episode.clean_ns
    gaps = [gap for gap in case.ledger.gaps if gap.explained_by == last.episode.id]
    if end_ns is None or any(gap.open for gap in gaps):
        return Reading(None, detail=f"fault '{last.episode.id}' has not healed")
    end_ns = max(end_ns, *(gap.end_ns for gap in gaps), start_ns)
    end_ns = next((after for before, after in repairs_of(case) if before <= end_ns < after), end_ns)
    return Reading(seconds(end_ns - start_ns), last.episode.evidence, f"fault '{last.episode.id}'", start_ns)


def trigger_lag(case: Case) -> Reading:
    """Longest trigger lag."""
    rows = [(fault.lag_ns, fault) for fault in case.timeline.faults if fault.lag_ns is not None]
    if not rows:
        return Reading(None, detail="no fault was triggered by an event")
    lag_ns, fault = max(rows, key=lambda row: row[0])
    return Reading(seconds(lag_ns), (fault.intent_seq,), f"fault '{fault.id}'", fault.intent_ns)


def coverage(case: Case) -> Reading:
    """Coverage of the worst guest."""
    worst = min(case.ledger.vms, key=lambda vm: vm.coverage, default=None)
    blind = sum(each.end_ns - each.start_ns for each in case.ledger.unobserved)
    detail = f"{worst.vm}, {worst.coverage:.6f}; unobserved {seconds(blind):.6g} s" if worst else "nothing was sampled"
    return Reading(case.ledger.coverage, detail=detail, at_ns=case.ledger.from_ns)


def coverage_percent(case: Case) -> Reading:
    """Coverage in percent."""
    reading = coverage(case)
    value = None if reading.value is None else reading.value * 100
    return Reading(value, reading.evidence, reading.detail, reading.at_ns)


READINGS: Mapping[str, Callable[[Case], Reading]] = {
    "vm.gap.unexplained.longest": unexplained_gap,
    "vm.migration_gap.longest": migration_gap,
    "vm.restart_gap.longest": restart_gap,
    "vm.restarts.unexplained": unexplained_restarts,
    "vm.gap.count_max": lambda case: _worst_vm(case, lambda vm: float(sum(not gap.leading for gap in vm.gaps))),
    "vm.down.at_end": down_at_end,
    "vm.outage.longest": outage,
    "vm.outage.total": lambda case: _worst_vm(
        case, lambda vm: seconds(sum(gap.duration_ns for gap in vm.gaps if _ran(gap)))
    ),
    "vm.outage.count": lambda case: _worst_vm(case, lambda vm: float(sum(_ran(gap) for gap in vm.gaps))),
    "vm.restart.longest": restart_outage,
    "vm.service.longest": lambda case: _longest_condition(case, SERVICE_TROUBLE),
    "vm.brownout.longest": lambda case: _longest_condition(case, {ConditionKind.BROWN}),
    "vm.visible.total": lambda case: _worst_vm(case, lambda vm: seconds(vm.visible_ns)),
    "vm.migration.difference": migration_difference,
    "vm.restart.count": restarted_guests,
    "node.down.most": lambda case: _nodes(case, lambda _, away: tuple(away)),
    "node.down.unexplained": lambda case: _nodes(case, lambda t_ns, away: beyond(case, t_ns, away)),
    "resync.duration": resync,
    "update.duration": update_duration,
    "update.starts": starts,
    "update.attempts": attempts,
    "update.stall.longest": stall,
    "settle.duration": settle,
    "recovery.duration": recovery,
    "guest.update.count": guest_readings.updated_guests,
    "guest.left_alone.count": guest_readings.left_alone,
    "guest.update.longest": guest_readings.installing,
    "guest.restart.most": guest_readings.most_restarts,
    "guest.restart.parallel": guest_readings.most_away,
    "guest.restart.longest": guest_readings.longest_restart,
    "trigger.lag": trigger_lag,
    "sampler.coverage": coverage,
    "probe.coverage": coverage_percent,
}
"""How each measurement of the catalogue is taken."""


def within(value: float, op: str, limit: float) -> bool:
    """Does `value` keep the limit?"""
    return {"<=": value <= limit, "<": value < limit, ">=": value >= limit, ">": value > limit, "==": value == limit}[
        op
    ]


def measure(case: Case) -> tuple[tuple[Measurement, ...], tuple[Finding, ...]]:
    """All measurements, the limited ones first and in the plan's order, and what their limits say; those of updates in
    guests only where there were any."""
    readings = {name: take(case) for name, take in READINGS.items()}
    measurements: list[Measurement] = []
    findings: list[Finding] = []
    for limit in case.limits:
        quantity = CATALOG.get(limit.measurement)
        if quantity is None:
            reading = Reading(None, detail="this judge does not know such a measurement")
            quantity = Quantity(limit.measurement, limit.unit, "")
        else:
            reading = readings[limit.measurement]
        measurement = _limited(quantity, reading, limit)
        measurements.append(measurement)
        findings.extend(_breach(case, quantity, reading, measurement, limit))
    limited = {limit.measurement for limit in case.limits}
    for name, quantity in CATALOG.items():
        if name not in limited and not (name.startswith("guest.") and case.guest_updates is None):
            reading = readings[name]
            measurements.append(
                Measurement(name, quantity.unit, _rounded(reading), None, "", "none", reading.evidence, reading.detail)
            )
    return tuple(measurements), tuple(findings)


def _rounded(reading: Reading) -> float | None:
    return None if reading.value is None else round(reading.value, 9)


def _limited(quantity: Quantity, reading: Reading, limit: Limit) -> Measurement:
    value, unit = reading.value, limit.unit or quantity.unit
    outcome, detail = "unset", reading.detail
    if value is not None:
        try:
            value = round(convert(value, quantity.unit, unit), 9)
            if limit.value is not None:
                outcome = "pass" if within(value, limit.op, limit.value) else "fail"
        except ConfigError as error:
            value, detail = None, str(error)
    if limit.origin.startswith(HISTORY):
        detail = f"{detail}; limit from {limit.origin}" if detail else f"limit from {limit.origin}"
    return Measurement(quantity.name, unit, value, limit.value, limit.op, outcome, reading.evidence, detail)


def _breach(
    case: Case, quantity: Quantity, reading: Reading, measurement: Measurement, limit: Limit
) -> Iterator[Finding]:
    if measurement.outcome == "pass":
        return
    if limit.value is None:
        yield _without_budget(case, quantity, reading, limit)
        return
    bound = f"{limit.op} {spoken(limit.value, measurement.unit)}"
    if measurement.value is None:
        detail = f": {measurement.detail}" if measurement.detail else ""
        yield case.fail(
            f"unmeasured:{quantity.name}",
            f"'{quantity.name}' could not be measured{detail}",
            case.timeline.end_ns,
            reading.evidence,
            outcome=Verdict.INCONCLUSIVE,
            about="harness",
            limit=bound,
        )
        return
    detail = f" ({reading.detail})" if reading.detail else ""
    yield case.fail(
        f"limit:{quantity.name}",
        f"{quantity.meaning or quantity.name}: {spoken(measurement.value, measurement.unit)}, limit {bound}{detail}",
        reading.at_ns if reading.at_ns is not None else case.timeline.end_ns,
        reading.evidence,
        value=spoken(measurement.value, measurement.unit),
        limit=bound,
        outcome=Verdict.FAIL if quantity.about == "product" else Verdict.INCONCLUSIVE,
        about=quantity.about,
        attrs={"measurement": quantity.name, "origin": limit.origin},
    )


def _without_budget(case: Case, quantity: Quantity, reading: Reading, limit: Limit) -> Finding:
    """A number without a limit to compare it with proves nothing."""
    why = limit.origin.removeprefix(HISTORY).partition(KEY_WORD)[0].strip()
    return case.fail(
        f"{NO_BUDGET}{quantity.name}",
        f"'{quantity.name}' has no limit: {why or 'none was found'}",
        case.timeline.end_ns,
        reading.evidence,
        outcome=Verdict.INCONCLUSIVE,
        about="harness",
        attrs={"measurement": quantity.name, "origin": limit.origin},
    )
