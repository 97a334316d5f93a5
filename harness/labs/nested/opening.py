"""From a spec and a folder to machines under control, and back to nothing."""

from __future__ import annotations

from pathlib import Path
from typing import Final

from harness.labs.nested.faults import undo_all
from harness.labs.nested.files import remove
from harness.labs.nested.hypervisor import Connection, embed_uri
from harness.labs.nested.machines import STEPS_NAME, Machines
from harness.labs.nested.namespace import ensure_namespace, remove_namespace
from harness.labs.nested.owner import claim
from harness.labs.nested.recovery import recover
from harness.labs.nested.spec import MachinesSpec
from harness.labs.nested.steps import StepJournal

EMBED_NAME: Final = "libvirt"
"""In the lab's folder: state of the driver inside the process."""


def open_machines(spec: MachinesSpec, folder: Path, uri: str = "") -> Machines:
    """Claim the folder, make the namespace, connect, and settle what a killed process left.

    Without `uri` the driver inside this process is used, with its state in the folder.  Machines that a killed owner
    left running are found again as they are.  Raises LeaseError when a living process owns the folder, LabError when
    something of the machine is missing.
    """
    folder.mkdir(parents=True, exist_ok=True)
    address = uri or embed_uri(folder / EMBED_NAME)
    claim(folder, spec, address)
    journal = StepJournal(folder / STEPS_NAME)
    if spec.namespace:
        ensure_namespace(spec.namespace, spec.networks)
    machines = Machines(Connection(address, spec.namespace), spec, folder, journal)
    recover(machines)
    return machines


def discard_machines(machines: Machines) -> None:
    """Take back faults, remove machines, network namespace and folder: nothing of the lab is left."""
    undo_all(machines)
    machines.destroy()
    machines.hypervisor.close()
    if machines.spec.namespace:
        remove_namespace(machines.spec.namespace)
    remove(machines.folder)
