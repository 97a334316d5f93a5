"""From a spec and a folder to machines under control, and back to nothing."""

from __future__ import annotations

from pathlib import Path
from typing import Final

from harness.labs.nested.embedroot import remove_root, root_of
from harness.labs.nested.faults import undo_all
from harness.labs.nested.hypervisor import Connection, embed_uri
from harness.labs.nested.machines import STEPS_NAME, Machines
from harness.labs.nested.namespace import ensure_namespace, remove_namespace
from harness.labs.nested.owner import claim, remove_claimed
from harness.labs.nested.recovery import recover
from harness.labs.nested.spec import MachinesSpec
from harness.labs.nested.steps import StepJournal

EMBED_NAME: Final = "libvirt"
"""In the lab's folder: state of the driver inside the process."""


def open_machines(spec: MachinesSpec, folder: Path, uri: str = "") -> Machines:
    """Claim the folder, make the namespace, connect, and settle what a killed process left.

    The owner's record comes before all else and names the namespace, the domains and the driver's folder: killed
    anywhere, nothing is outside of it (`leftovers`).

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


def discard_machines(machines: Machines, *, with_root: bool = False) -> None:
    """Take back faults, remove machines, network namespace and folder: nothing of the lab is left.

    `with_root` also removes the folder of the driver inside this process where that lies elsewhere; only for a
    process that opens no other lab after this one.  The owner's record goes last.
    """
    undo_all(machines)
    machines.destroy()
    machines.hypervisor.close()
    if machines.spec.namespace:
        remove_namespace(machines.spec.namespace)
    root = root_of(machines.hypervisor.uri)
    if with_root and root is not None:
        remove_root(root)
    remove_claimed(machines.folder)
