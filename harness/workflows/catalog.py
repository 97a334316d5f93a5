"""From the workflow that a scenario names to the object that knows how."""

from __future__ import annotations

from collections.abc import Sequence

from harness.errors import ConfigError
from harness.plan.models import Scenario
from harness.workflows.hotpatch import GuestHotpatch
from harness.workflows.port import GuestWorkflow, Workflow
from harness.workflows.sbe import SbeUpdate
from harness.workflows.solution import SolutionUpdate


def workflow_of(scenario: Scenario, nodes: Sequence[str]) -> Workflow | GuestWorkflow:
    """The workflow of `scenario` on a cluster of `nodes`.  Raises ConfigError for a kind that this version lacks."""
    wanted, target = scenario.workflow, scenario.workflow.target
    if wanted.guest_updates is not None:
        return GuestHotpatch(month=wanted.guest_updates.month)
    # forms of a ResourceId: [D] ASD update-via-powershell-23h2
    if wanted.kind == "solution" and target is not None:
        return SolutionUpdate(
            update_id=f"redmond/Solution{target.solution}",
            nodes=tuple(nodes),
            prepare_only=wanted.options.prepare_only,
            ignore_warnings=wanted.options.ignore_warnings,
        )
    if wanted.kind == "sbe" and target is not None:
        return SbeUpdate(
            update_id=f"redmond/SBE{target.sbe}",
            nodes=tuple(nodes),
            prepare_only=wanted.options.prepare_only,
            ignore_warnings=wanted.options.ignore_warnings,
            content=wanted.options.content,
        )
    raise ConfigError(
        f"workflow '{wanted.kind}' cannot be run by this version", hint="it can run: solution, sbe, hotpatch"
    )
