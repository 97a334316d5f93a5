"""What keeps a scenario from being started on a lab.  Asked before anything is leased, of declarations alone."""

from __future__ import annotations

from harness.errors import ConfigError
from harness.faults import mode_of
from harness.labs.models import LabFile
from harness.labs.start import why_not_hosted
from harness.plan.fits import fits
from harness.plan.models import Scenario
from harness.workflows.catalog import workflow_of


def obstacles(scenario: Scenario, lab: LabFile) -> tuple[str, ...]:
    """Each reason with the part of the scenario or lab that it is about; empty when the scenario can be started.

    Two sources: what the lab declares (`harness.plan.fits`), and what this version of the harness can do.
    """
    found = [f"{misfit.part}: {misfit.message}" for misfit in fits(scenario, lab)]
    if why_not := why_not_hosted(lab):
        found.append(f"lab: {why_not}")
    try:
        workflow_of(scenario, lab.nodes)
    except ConfigError as error:
        found.append(f"workflow: {error}")
    for fault in scenario.faults:
        try:
            mode_of(fault.fault)
        except ConfigError as error:
            found.append(f"faults.{fault.id}: {error}")
    return tuple(found)
