"""What must hold when Windows in guests is updated.

A hotpatch is installed and nobody notices: no restart, no pending restart, no service in another process, no time
without answer.  A baseline takes exactly one restart of each guest, inside its window and one guest at a time.  A guest
that gets neither is as it was.  Which signs make the proof is [INF]; each of them is documented where it is read.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator, Mapping, Sequence
from dataclasses import replace
from itertools import pairwise
from typing import Any, Final

from harness.judge.case import Case
from harness.judge.explain import ORDERED
from harness.judge.guest_updates import DONE, GuestStory, GuestUpdates
from harness.judge.invariants.guests import evidence_of
from harness.measure.guest_changes import (
    differences,
    disturbed_services,
    moment,
    new_events,
    new_pending,
    same_boot,
)
from harness.measure.ledger import Cause, Gap
from harness.measure.units import seconds
from harness.values import Finding, GuestEvent, GuestInventory, TrainUpdate, Verdict

NOTICED_S: Final = 0.25
"""A guest under hotpatch may be without answer for so long [INF]."""

RESTART_REQUESTED: Final = 1074
"""[D] User32: who asked for a restart, and why."""

PHASE: Final = "guests"


def _fail(
    case: Case,
    story: GuestStory,
    name: str,
    text: str,
    at_ns: int | None,
    evidence: Sequence[int],
    *,
    outcome: Verdict = Verdict.FAIL,
    about: str = "product",
    value: str = "",
    limit: str = "",
    attrs: Mapping[str, Any] | None = None,
) -> Finding:
    """A finding about one guest."""
    finding = case.fail(
        name,
        f"guest {story.name}: {text}",
        case.timeline.end_ns if at_ns is None else at_ns,
        evidence,
        value=value,
        limit=limit,
        outcome=outcome,
        about=about,
        attrs={"guest": story.name, **(attrs or {})},
    )
    return replace(finding, phase=PHASE, step=story.name)


def _gaps(case: Case, story: GuestStory) -> list[Gap]:
    """Gaps of a guest after its first answer, oldest first."""
    found = [gap for gap in case.ledger.gaps if gap.vm == story.name and not gap.leading]
    return sorted(found, key=lambda gap: gap.start_ns)


def restarts_by_faults(case: Case, story: GuestStory) -> int:
    """Restarts of a guest that a journalled fault explains."""
    return sum(gap.cause is Cause.RESTART and gap.explained_by not in ("", ORDERED) for gap in _gaps(case, story))


def unexplained_restarts(case: Case, story: GuestStory) -> list[Gap]:
    """Gaps in which a guest restarted although neither a fault nor an order explains it."""
    return [gap for gap in _gaps(case, story) if gap.cause is Cause.RESTART and not gap.explained_by]


def restarts_of(case: Case, story: GuestStory) -> int | None:
    """How often a guest restarted, less what faults explain: by its own word, and by what was seen from outside."""
    seen = sum(gap.cause is Cause.RESTART for gap in _gaps(case, story)) if case.ledger.sampled else None
    told = story.boots
    if seen is None and told is None:
        return None
    return max(0, max(seen or 0, told or 0) - restarts_by_faults(case, story))


# --- evidence ---------------------------------------------------------------------------------------------------------


def guest_workflow_ran(case: Case) -> Iterator[Finding]:
    """The workflow began, had something to do, and came to an end."""
    updates = case.guest_updates
    if updates is None or not case.timeline.completed:
        return
    if updates.begun_ns is None:
        if not case.timeline.findings:
            text = "the update of guests was never begun"
            yield case.fail(
                "guests-not-begun", text, case.timeline.end_ns, [], outcome=Verdict.INCONCLUSIVE, about="harness"
            )
        return
    seqs = [] if updates.seq is None else [updates.seq]
    if not updates.chosen:
        text = f"none of the guests gets the update of {updates.month}, so nothing was proven"
        yield case.fail(
            "guests-none-updated", text, updates.begun_ns, seqs, outcome=Verdict.INCONCLUSIVE, about="scenario"
        )


def guests_are_known(case: Case) -> Iterator[Finding]:
    """Every guest was looked at before and after."""
    updates = case.guest_updates
    if updates is None or updates.begun_ns is None or not case.timeline.completed:
        return
    for story in updates.stories:
        missing = [word for word, look in (("before", story.before), ("after", story.after)) if look is None]
        if missing:
            text = f"no inventory {' and none '.join(missing)} the update: what was done to it is not known"
            yield _fail(
                case,
                story,
                "guest-inventory-missing",
                text,
                None,
                story.lines("standing", "inventory"),
                outcome=Verdict.INCONCLUSIVE,
                about="lab" if story.before is None else "harness",
            )


# --- the update -------------------------------------------------------------------------------------------------------


def guest_updates_succeed(case: Case) -> Iterator[Finding]:
    """Every guest that was to get the update has it: by the KB and by the build."""
    for story in _chosen(case):
        if story.outcome == "failed":
            yield _fail(
                case,
                story,
                "guest-update-failed",
                story.detail,
                story.done_ns,
                story.lines("install", "result", "done"),
            )
        elif story.outcome == "not-offered":
            yield _fail(
                case,
                story,
                "guest-update-not-offered",
                story.detail,
                story.done_ns,
                story.lines("result", "done"),
                outcome=Verdict.LAB,
                about="lab",
            )
        elif story.outcome in DONE and story.after is not None and not story.proven:
            yield _not_in_force(case, story)


def _not_in_force(case: Case, story: GuestStory) -> Finding:
    seen, update = story.after, story.update
    has = "nothing" if seen is None else f"build {seen.value.shown_build} with {', '.join(seen.value.kbs) or 'no KB'}"
    wanted = "" if update is None else f"{update.kb} (build {update.shown_build})"
    return _fail(
        case,
        story,
        "guest-update-not-in-force",
        f"the installation of {wanted} ended well, but the guest has {has}",
        story.done_ns,
        story.lines("inventory", "result", "done"),
        value=has,
        limit=wanted,
    )


# --- hotpatches -------------------------------------------------------------------------------------------------------


def hotpatch_restarts_nobody(case: Case) -> Iterator[Finding]:
    """A hotpatched guest is the same start of the operating system: in its own words, its log, and from outside."""
    for story in _chosen(case):
        if not story.hotpatched or story.before is None or story.install_ns is None:
            continue
        gaps = unexplained_restarts(case, story)
        after = story.after.value if story.after else None
        booted = after is not None and not same_boot(story.before.value, after)
        events = new_events(story.before.value, after) if after else ()
        told = (story.boots or 0) > restarts_by_faults(case, story) and (booted or bool(events))
        if gaps or told:
            yield _rebooted(case, story, gaps, events)


def _rebooted(case: Case, story: GuestStory, gaps: Sequence[Gap], events: Sequence[GuestEvent]) -> Finding:
    words = [f"restarted, although {story.update.kb} is a hotpatch" if story.update else ""]
    if gaps:
        words.append(f"away for {seconds(gaps[0].duration_ns):.4g} s")
    if events:
        who = next((event.detail for event in events if event.id == RESTART_REQUESTED), "")
        words += [f"asked for by {who}"] if who else []
        words.append(f"events {', '.join(dict.fromkeys(str(event.id) for event in events))}")
    if story.before and story.after:
        words.append(f"started {_second(story.before.value.booted)} before, {_second(story.after.value.booted)} after")
    return _fail(
        case,
        story,
        "guest-rebooted",
        "; ".join(words),
        gaps[0].start_ns if gaps else story.install_ns,
        [*story.lines("inventory", "install", "result"), *evidence_of(case, gaps[:1])],
        value=str(max(len(gaps), story.boots or 0)),
        limit="0",
        attrs={"events": [event.id for event in events]},
    )


def _second(text: str) -> str:
    """A moment to the second; one that cannot be read as it is."""
    found = moment(text)
    return text if found is None else found.strftime("%Y-%m-%dT%H:%M:%SZ")


def hotpatch_leaves_nothing_pending(case: Case) -> Iterator[Finding]:
    """Neither Windows Update nor the registry asks for a restart that was not asked for before."""
    for story in _chosen(case):
        if not story.hotpatched or story.result is None:
            continue
        result = story.result.value
        signs = [*_compared(story, new_pending)]
        signs += ["the result of the installation"] if result.restart_required else []
        signs += ["Microsoft.Update.SystemInfo"] if result.system_restart_required else []
        if signs:
            text = f"after the hotpatch a restart is pending: {', '.join(signs)}"
            yield _fail(
                case,
                story,
                "guest-restart-pending",
                text,
                story.result.t_ns,
                story.lines("inventory", "result"),
                attrs={"signs": signs},
            )


def hotpatch_keeps_services(case: Case) -> Iterator[Finding]:
    """Services run in the same processes; where the guest restarted, that is said already."""
    for story in _chosen(case):
        if not story.hotpatched or story.before is None or story.after is None:
            continue
        disturbed = _compared(story, disturbed_services)
        if disturbed and same_boot(story.before.value, story.after.value):
            text = f"services run in other processes than before the hotpatch, or not at all: {', '.join(disturbed)}"
            yield _fail(
                case,
                story,
                "guest-service-restarted",
                text,
                story.install_ns,
                story.lines("inventory", "install", "result"),
                value=str(len(disturbed)),
                limit="0",
                attrs={"services": list(disturbed)},
            )


def hotpatch_is_not_noticed(case: Case) -> Iterator[Finding]:
    """While a hotpatch is installed the guest answers all the time; live migrations and restarts are judged apart."""
    for story in _chosen(case):
        if not story.hotpatched or story.install_ns is None:
            continue
        until_ns = story.done_ns if story.done_ns is not None else case.timeline.end_ns
        noticed = [
            gap
            for gap in _gaps(case, story)
            if gap.cause in (Cause.FROZEN, Cause.ISOLATED, Cause.UNKNOWN)
            and not gap.explained_by
            and gap.end_ns >= story.install_ns
            and gap.start_ns <= until_ns
            and seconds(gap.duration_ns) > NOTICED_S
        ]
        if noticed:
            worst = max(noticed, key=lambda gap: gap.duration_ns)
            length = f"{seconds(worst.duration_ns):.4g} s"
            yield _fail(
                case,
                story,
                "guest-interrupted",
                f"it did not answer for {length} while the hotpatch was installed",
                worst.start_ns,
                [*story.lines("install", "result"), *evidence_of(case, [worst])],
                value=length,
                limit=f"{NOTICED_S} s",
            )


# --- baselines --------------------------------------------------------------------------------------------------------


def baseline_restarts_once(case: Case) -> Iterator[Finding]:
    """Each guest with a baseline restarts exactly once, and nothing waits for another restart."""
    for story in _chosen(case):
        if story.update is None or story.update.kind is not TrainUpdate.BASELINE:
            continue
        if story.outcome == "restart-pending":
            text = f"{story.update.kb} waits for a restart that did not come: {story.detail}"
            yield _fail(case, story, "guest-restart-missed", text, story.done_ns, story.lines("result", "done"))
        elif story.outcome == "not-back":
            seqs = story.lines("restart", "restarting", "done")
            yield _fail(case, story, "guest-not-back", story.detail, story.restarts[0].ordered_ns, seqs)
        ordered, happened = len(story.restarts), restarts_of(case, story)
        if happened is not None and happened > max(1, ordered):
            text = f"it restarted {happened} times; the baseline needs one restart"
            seqs = story.lines("inventory", "restart", "restarted")
            yield _fail(case, story, "guest-restarted-again", text, None, seqs, value=str(happened), limit="1")
        pending = _compared(story, new_pending) if story.outcome == "restarted" else ()
        if pending:
            text = f"after its restart another one is pending: {', '.join(pending)}"
            yield _fail(
                case, story, "guest-restart-pending", text, story.done_ns, story.lines("inventory", "restarted")
            )


def restarts_keep_their_window(case: Case) -> Iterator[Finding]:
    """Guests are away for their restart inside the window only."""
    updates = case.guest_updates
    if updates is None or updates.window is None:
        return
    opens_ns, closes_ns = updates.window
    for story in updates.chosen:
        for one in story.restarts:
            gap = next((gap for gap in _gaps(case, story) if one.covers(gap.start_ns, gap.end_ns)), None)
            ends = [t_ns for t_ns in (one.back_ns, gap.end_ns if gap else None) if t_ns is not None]
            end_ns = min(ends, default=case.timeline.end_ns)
            if one.ordered_ns < opens_ns or end_ns > closes_ns:
                span = f"from {case.at(opens_ns)} to {case.at(closes_ns)}"
                text = f"it was away from {case.at(one.ordered_ns)} to {case.at(end_ns)}; the window was {span}"
                seqs = [*story.lines("restart", "restarted"), *([] if updates.seq is None else [updates.seq])]
                yield _fail(case, story, "guest-restart-outside-window", text, one.ordered_ns, seqs)


def one_guest_at_a_time(case: Case) -> Iterator[Finding]:
    """No two guests with a baseline are away for a restart at the same time."""
    updates = case.guest_updates
    if updates is None:
        return
    baselines = {story.name for story in updates.chosen if not story.hotpatched}
    absences = [gap for gap in restart_absences(case, updates) if gap.vm in baselines]
    away = sorted(absences, key=lambda gap: gap.start_ns)
    for before, after in pairwise(away):
        if after.start_ns < before.end_ns and before.vm != after.vm:
            text = (
                f"guests {before.vm} and {after.vm} were away for a restart at the same time, {case.at(after.start_ns)}"
            )
            finding = case.fail(
                "guests-away-together",
                text,
                after.start_ns,
                evidence_of(case, [before, after]),
                value="2",
                limit="1",
                attrs={"guests": [before.vm, after.vm]},
            )
            yield replace(finding, phase=PHASE, step=after.vm)
            return


def restart_absences(case: Case, updates: GuestUpdates) -> list[Gap]:
    """Gaps of guests under update in which they restarted, less those that faults explain."""
    names = {story.name for story in updates.chosen if story.install_ns is not None}
    return [
        gap
        for gap in case.ledger.gaps
        if gap.vm in names
        and not gap.leading
        and gap.cause in (Cause.RESTART, Cause.DOWN)
        and gap.explained_by in ("", ORDERED)
    ]


# --- others -----------------------------------------------------------------------------------------------------------


def others_are_left_alone(case: Case) -> Iterator[Finding]:
    """A guest that does not get the update is as it was: nothing installed, nothing pending, not restarted."""
    updates = case.guest_updates
    for story in updates.stories if updates else ():
        if story.chosen or story.before is None or story.after is None:
            continue
        found = differences(story.before.value, story.after.value)
        if found and not restarts_by_faults(case, story):
            text = f"it was to be left alone ({'; '.join(story.reasons)}), but differs: {'; '.join(found)}"
            seqs = story.lines("inventory", "standing")
            yield _fail(case, story, "guest-touched", text, story.after.t_ns, seqs, attrs={"differences": list(found)})


def _chosen(case: Case) -> tuple[GuestStory, ...]:
    return () if case.guest_updates is None else case.guest_updates.chosen


def _compared(
    story: GuestStory, compare: Callable[[GuestInventory, GuestInventory], tuple[str, ...]]
) -> tuple[str, ...]:
    """What a comparison of the two looks finds; nothing without both."""
    if story.before is None or story.after is None:
        return ()
    return compare(story.before.value, story.after.value)
