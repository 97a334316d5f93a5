"""From the workflow that a scenario names to the object that knows how."""

from __future__ import annotations

from collections.abc import Sequence

from harness.errors import ConfigError
from harness.plan.models import Scenario
from harness.workflows.hotpatch import GuestHotpatch
from harness.workflows.port import GuestWorkflow, Workflow
from harness.workflows.solution import SolutionUpdate


def workflow_of(scenario: Scenario, nodes: Sequence[str]) -> Workflow | GuestWorkflow:
    """The workflow of `scenario` on a cluster of `nodes`.  Raises ConfigError for a kind that this version lacks."""
    wanted = scenario.workflow
    if wanted.guest_updates is not None:
        return GuestHotpatch(month=wanted.guest_updates.month)
    if wanted.kind != "solution" or wanted.target is None:
        raise ConfigError(
            f"workflow '{wanted.kind}' cannot be run by this version", hint="it can run: solution, hotpatch"
        )
    return SolutionUpdate(
        # form of a ResourceId: [D] ASD update-via-powershell-23h2
        update_id=f"redmond/Solution{wanted.target.solution}",
        nodes=tuple(nodes),
        prepare_only=wanted.options.prepare_only,
        ignore_warnings=wanted.options.ignore_warnings,
    )
