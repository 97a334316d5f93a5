"""Measurements of updates in guests."""

from __future__ import annotations

from harness.judge.case import Case
from harness.judge.guest_updates import GuestStory
from harness.judge.invariants.guest_updates import restart_absences, restarts_of
from harness.judge.reading import UNSET, Reading
from harness.measure.units import seconds

NO_RESTART = "no restart was ordered"


def updated_guests(case: Case) -> Reading:
    """Guests in which KB and build of the last look are the update's."""
    updates = case.guest_updates
    if updates is None or updates.begun_ns is None:
        return UNSET
    proven = [story for story in updates.chosen if story.proven]
    return _counted(proven)


def left_alone(case: Case) -> Reading:
    """Guests that do not get the update."""
    updates = case.guest_updates
    if updates is None or updates.begun_ns is None:
        return UNSET
    return _counted([story for story in updates.stories if not story.chosen])


def _counted(stories: list[GuestStory]) -> Reading:
    lines = sorted(seq for story in stories for seq in story.lines("standing", "done"))
    return Reading(float(len(stories)), tuple(lines), ", ".join(story.name for story in stories))


def installing(case: Case) -> Reading:
    """From the order to install until the task had ended; one that did not end counts until the run did."""
    stories = (
        [story for story in case.guest_updates.chosen if story.install_ns is not None] if case.guest_updates else []
    )
    if not stories:
        return UNSET

    def length_ns(story: GuestStory) -> int:
        end_ns = story.result.t_ns if story.result else case.timeline.end_ns
        return end_ns - (story.install_ns or 0)

    worst = max(stories, key=length_ns)
    return Reading(
        seconds(length_ns(worst)) / 60, tuple(worst.lines("install", "result")), worst.name, worst.install_ns
    )


def most_restarts(case: Case) -> Reading:
    """Restarts of the guest under update that had most of them."""
    rows = [(restarts_of(case, story), story) for story in (case.guest_updates.chosen if case.guest_updates else ())]
    known = [(count, story) for count, story in rows if count is not None]
    if not known or len(known) < len(rows):
        return UNSET
    count, worst = max(known, key=lambda row: row[0])
    at_ns = worst.restarts[0].ordered_ns if worst.restarts else worst.install_ns
    return Reading(float(count), tuple(worst.lines("inventory", "restart")), worst.name if count else "", at_ns)


def most_away(case: Case) -> Reading:
    """Guests under update that were away for a restart at one time."""
    if case.guest_updates is None or not case.ledger.sampled:
        return UNSET
    away = restart_absences(case, case.guest_updates)
    worst: list[str] = []
    for one in away:
        together = sorted({gap.vm for gap in away if gap.start_ns <= one.start_ns < gap.end_ns} | {one.vm})
        worst = max(worst, together, key=len)
    return Reading(float(len(worst)), detail=", ".join(worst))


def longest_restart(case: Case) -> Reading:
    """From the order to restart until the guest was found in service again; one that was not counts until the end."""
    if case.guest_updates is None or case.guest_updates.begun_ns is None:
        return UNSET
    rows = [one for story in case.guest_updates.chosen for one in story.restarts]
    if not rows:
        return Reading(0.0, detail=NO_RESTART)
    end_ns = case.timeline.end_ns
    worst = max(rows, key=lambda one: (end_ns if one.back_ns is None else one.back_ns) - one.ordered_ns)
    length_ns = (end_ns if worst.back_ns is None else worst.back_ns) - worst.ordered_ns
    seqs = (worst.seq,) if worst.back_seq is None else (worst.seq, worst.back_seq)
    return Reading(seconds(length_ns), seqs, worst.vm, worst.ordered_ns)
