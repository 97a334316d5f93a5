"""What a process does that finds a lab which another one left in the middle of something."""

from __future__ import annotations

from harness.errors import LabError
from harness.labs.nested.faults import undo_all
from harness.labs.nested.machines import Machines
from harness.labs.nested.sets import PRISTINE
from harness.labs.nested.steps import Step
from harness.labs.nested.undo import FAULT


def recover(machines: Machines) -> list[str]:
    """Complete or remove every step that was begun and not ended; returns what was done, in words.

    A machine that was being made is made, a snapshot set that is not whole is removed, a revert or removal is done to
    its end, and faults are taken back, the last one first.  Killed in between, it can be done again.
    """
    whole_steps = [step for step in machines.journal.open_steps if step.what != FAULT]
    said = [_complete(machines, step) for step in whole_steps]
    taken_back = undo_all(machines)
    return said + [f"took back '{record.primitive}' on machine '{record.machine}'" for record in taken_back]


def _complete(machines: Machines, step: Step) -> str:
    """Do a step to its end under a step of its own, then close the old one."""
    name = str(step.details.get("name", ""))
    if step.what == "ensure":
        machines.ensure()
        said = "made the machines"
    elif step.what == "snapshot":
        said = f"snapshot set '{name}' is whole" if name in machines.sets.names() else f"removed part of set '{name}'"
    elif step.what == "revert":
        if name == PRISTINE or name in machines.sets.names():
            machines.revert(name)
            said = f"reverted to '{name}'"
        else:
            said = f"could not revert to '{name}': there is no such set"
    elif step.what == "destroy":
        machines.destroy()
        said = "removed the machines"
    else:
        raise LabError(
            f"step {step.number} of the step journal is '{step.what}', which this version does not know",
            hint="use the version that began it, or remove the lab and make it anew",
        )
    machines.journal.end(step.number)
    return said
