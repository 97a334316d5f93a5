"""The update moves through legal states, and forward ([D] ASD update-phases-23h2)."""

from __future__ import annotations

from collections.abc import Iterator
from itertools import pairwise
from typing import Final

from harness.judge.case import Case
from harness.judge.timeline import Timeline
from harness.measure.update_states import is_consistent, is_legal
from harness.values import Finding

ENDED = frozenset({"Installed", "InstallationFailed"})


def transitions_are_legal(case: Case) -> Iterator[Finding]:
    """Invariant 4: the state of the update changes only as the product's state machine allows.

    Start commands count from the look before the old state was first seen: the product may take a while to heed one.
    """
    timeline = case.timeline
    since_ns = 0
    for before, after in pairwise(timeline.updates):
        old, new = before.value.state.name, after.value.state.name
        if old == new and before.value.update_id == after.value.update_id:
            continue
        starts = sum(since_ns <= row.t_ns <= after.t_ns for row in timeline.starts)
        since_ns = before.t_ns
        if before.value.update_id == after.value.update_id and not is_legal(old, new, starts=starts):
            yield case.fail(
                "illegal-transition",
                f"the update went from {old} to {new}, which its state machine does not allow",
                after.t_ns,
                [before.seq, after.seq],
                node=after.value.node or "",
                value=f"{old} → {new}",
            )


def percent_rises(case: Case) -> Iterator[Finding]:
    """Invariant 4: the percentage never falls within one phase of a run, except after a resume (the plan is made
    anew)."""
    timeline = case.timeline
    for before, after in pairwise(timeline.updates):
        old, new = before.value, after.value
        same = old.run_id is not None and (old.run_id, old.phase, old.state) == (new.run_id, new.phase, new.state)
        if not same or old.percent is None or new.percent is None or new.percent >= old.percent:
            continue
        if not timeline.resumed_between(before.t_ns, after.t_ns):
            yield case.fail(
                "percent-fell",
                f"progress fell from {old.percent:g} % to {new.percent:g} % within run {new.run_id}",
                after.t_ns,
                [before.seq, after.seq],
                node=new.node or "",
                value=f"{new.percent:g} %",
                limit=f"{old.percent:g} %",
            )


def run_and_update_agree(case: Case) -> Iterator[Finding]:
    """Invariant 4: update and run end together and alike.  Two looks in a row must disagree in the same way, since
    state and run are asked one after the other."""
    for before, after in pairwise(case.timeline.updates):
        old, new = before.value, after.value
        if new.run_state is None or (old.state, old.run_state, old.run_id) != (new.state, new.run_state, new.run_id):
            continue
        if new.state.name in ENDED and not is_consistent(new.state.name, new.run_state.name):
            yield case.fail(
                "run-disagrees",
                f"the update is {new.state.name} but its run is {new.run_state.name}",
                before.t_ns,
                [before.seq, after.seq],
                value=new.run_state.name,
            )
            return


DISCOVERY: Final = "update/discovery"


def steps_not_repeated(case: Case) -> Iterator[Finding]:
    """Invariant 6: a step that had succeeded is not run again after a resume, unless it is part of one that had not.

    Looking for updates is no step of one: whoever asks for the environment may begin it again ([D] update phases).
    """
    timeline = case.timeline
    done: dict[str, int] = {}
    for row in timeline.events:
        event = row.value
        if event.kind == "phase.exit":
            if str(event.attrs.get("status", "")).lower() in ("success", "succeeded"):
                done[event.path] = row.seq
            else:
                done.pop(event.path, None)
        elif (
            event.kind == "phase.enter"
            and event.path in done
            and event.path != DISCOVERY
            and _whole(event.path, done, timeline, row.t_ns)
        ):
            text = f"step '{event.path}' was run again although it had succeeded"
            yield case.fail("step-repeated", text, row.t_ns, [done[event.path], row.seq], node=event.node or "")


def _whole(path: str, done: dict[str, int], timeline: Timeline, t_ns: int) -> bool:
    """After a resume, and not inside a node's turn that is run again as a whole?"""
    first_exit = min(row.t_ns for row in timeline.events if row.value.kind == "phase.exit" and row.value.path == path)
    parent = path.rpartition("/")[0]
    in_turn = "node[" in parent and parent not in done
    return not in_turn and timeline.resumed_between(first_exit, t_ns)
