"""What must hold during every update, whatever the plan limits.

One small function for each invariant: `(case) -> findings`.  Each judges the product beyond what a journalled fault
explains.  They are listed by what they are about: nodes, storage, guests, states, outcome, sbe, updates in guests.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator

from harness.judge.case import Case
from harness.judge.invariants.campaign import installed_once
from harness.judge.invariants.guest_updates import (
    baseline_restarts_once,
    guest_updates_succeed,
    guest_workflow_ran,
    guests_are_known,
    hotpatch_is_not_noticed,
    hotpatch_keeps_services,
    hotpatch_leaves_nothing_pending,
    hotpatch_restarts_nobody,
    one_guest_at_a_time,
    others_are_left_alone,
    restarts_keep_their_window,
)
from harness.judge.invariants.guests import guests_answer_again, guests_answer_at_all, guests_keep_running
from harness.judge.invariants.migrations import hosts_agree
from harness.judge.invariants.nodes import one_node_at_a_time, quorum_holds
from harness.judge.invariants.outcome import (
    builds_are_new,
    cau_is_idle,
    environment_is_applied,
    failure_leaves_no_node_paused,
    guests_are_home,
    nodes_are_up,
    update_ended,
    version_is_target,
)
from harness.judge.invariants.sbe import every_node_has_the_extension, extension_is_target
from harness.judge.invariants.states import (
    percent_rises,
    run_and_update_agree,
    steps_not_repeated,
    transitions_are_legal,
)
from harness.judge.invariants.storage import disks_hold, drains_wait_for_storage, pool_is_writable
from harness.values import Finding

Invariant = Callable[[Case], Iterator[Finding]]

INVARIANTS: tuple[Invariant, ...] = (
    one_node_at_a_time,
    quorum_holds,
    drains_wait_for_storage,
    pool_is_writable,
    disks_hold,
    guests_answer_at_all,
    guests_keep_running,
    guests_answer_again,
    hosts_agree,
    transitions_are_legal,
    percent_rises,
    run_and_update_agree,
    steps_not_repeated,
    update_ended,
    version_is_target,
    builds_are_new,
    extension_is_target,
    every_node_has_the_extension,
    environment_is_applied,
    cau_is_idle,
    nodes_are_up,
    guests_are_home,
    failure_leaves_no_node_paused,
    installed_once,
    guest_workflow_ran,
    guests_are_known,
    guest_updates_succeed,
    hotpatch_restarts_nobody,
    hotpatch_leaves_nothing_pending,
    hotpatch_keeps_services,
    hotpatch_is_not_noticed,
    baseline_restarts_once,
    restarts_keep_their_window,
    one_guest_at_a_time,
    others_are_left_alone,
)


def judge_invariants(case: Case) -> Iterator[Finding]:
    """Findings of all invariants."""
    for invariant in INVARIANTS:
        yield from invariant(case)
