"""All machines of a nested lab: made, snapshot, reverted and removed together.

Every method can be called again at any time with the same outcome.  Every mutation is in the step journal before it is
done, so that a process that finds a lab whose owner was killed can bring it to a state that somebody asked for
(`recovery`).
"""

from __future__ import annotations

from collections.abc import Callable
from copy import copy
from dataclasses import replace
from pathlib import Path
from typing import Final

from harness.errors import LabError
from harness.labs.nested.definition import Places, domain_xml
from harness.labs.nested.files import remove, write_whole
from harness.labs.nested.port import DomainState, Hypervisor
from harness.labs.nested.sets import PRISTINE, SnapshotSets, check_name
from harness.labs.nested.spec import MachineSpec, MachinesSpec
from harness.labs.nested.steps import StepJournal
from harness.labs.nested.undo import FAULT, Undo
from harness.labs.nested.volumes import Volumes

STEPS_NAME: Final = "steps.jsonl"
"""The step journal, in the lab's folder."""


class Machines:
    """The machines of one lab, in one folder, at one hypervisor."""

    def __init__(
        self,
        hypervisor: Hypervisor,
        spec: MachinesSpec,
        folder: Path,
        journal: StepJournal,
        volumes: Volumes | None = None,
    ) -> None:
        """`folder` is the lab's own and must be absolute.  Nothing is touched yet."""
        self.hypervisor, self.spec, self.folder, self.journal = hypervisor, spec, folder, journal
        self.places = Places(folder)
        self.volumes = volumes or Volumes(self.places)
        self.sets = SnapshotSets(folder / "sets")
        self._cause = ""

    # --- names -------------------------------------------------------------------------------------------------------

    @property
    def names(self) -> tuple[str, ...]:
        """Names of the machines in the order of the spec."""
        return tuple(machine.name for machine in self.spec.machines)

    def domain(self, machine: str) -> str:
        """Name of a machine's domain.  Raises ConfigError when there is no such machine."""
        return self.spec.domain(self.spec.machine(machine).name)

    def state(self, machine: str) -> DomainState:
        """What the hypervisor says about a machine."""
        return self.hypervisor.state(self.domain(machine))

    # --- together ----------------------------------------------------------------------------------------------------

    def ensure(self) -> None:
        """Make disks and definitions of all machines, as far as they are missing or the spec is another than before.

        A running machine stays as it is; its new definition counts from its next start.
        """
        with self.journal.step("ensure"):
            for machine in self.spec.machines:
                self.volumes.ensure(machine)
                self._define(machine)

    def _define(self, machine: MachineSpec) -> None:
        """The last definition is kept: faults change the hypervisor's, and must not be taken back by accident."""
        xml = domain_xml(self.spec, machine, self.places)
        kept = self._definition(machine)
        known = self.state(machine.name) is not DomainState.ABSENT
        if known and kept.is_file() and kept.read_text(encoding="utf-8") == xml:
            return
        self.hypervisor.define(xml)
        write_whole(kept, xml)

    def start(self) -> None:
        """Switch all machines on."""
        for machine in self.names:
            self.hypervisor.start(self.domain(machine))

    def stop(self) -> None:
        """Take the power from all machines."""
        for machine in self.names:
            self.hypervisor.stop(self.domain(machine))

    def snapshot(self, name: str) -> None:
        """Make a snapshot set of all machines, or replace the one of this name; all of it or nothing.

        Raises LabError when a machine is on, ConfigError for a name that cannot be used.
        """
        check_name(name)
        if on := [machine for machine in self.names if self.state(machine).on]:
            raise LabError(
                f"snapshot set '{name}': machine '{on[0]}' is on, and a set is made of machines that are off",
                hint="shut the guests down first; a power cut would leave their file systems dirty",
            )
        with self.journal.step("snapshot", name=name):
            sources = {label: path for label, path in self._state_files().items() if path.exists()}
            self.sets.make(name, sources)

    def revert(self, name: str) -> None:
        """Bring the disks, UEFI variables and TPMs of all machines back to a set; the machines are off afterwards.

        `pristine` needs no set: new overlays on the base images and empty data disks.  Faults stay: a pulled disk is
        not put back.  Raises LabError when there is no such set or it is damaged, before anything is touched.
        """
        if name != PRISTINE:
            self.sets.members(name)
        with self.journal.step("revert", name=name):
            self.stop()
            if name == PRISTINE:
                for machine in self.spec.machines:
                    self._forget_state(machine)
                    self.volumes.ensure(machine)
            else:
                self.sets.restore(name, self._state_files())

    def destroy(self) -> None:
        """Remove machines, disks and snapshot sets; the folder with its step journal stays, base images too."""
        with self.journal.step("destroy"):
            for machine in self.spec.machines:
                self.hypervisor.stop(self.domain(machine.name))
                self.hypervisor.undefine(self.domain(machine.name))
                self._forget_state(machine)
                remove(self._definition(machine))
                remove(self.places.serial_log(machine.name))
            remove(self.folder / "sets")

    # --- faults ------------------------------------------------------------------------------------------------------

    def acting_for(self, cause: str) -> Machines:
        """The same machines, for somebody whose deeds are all done for one cause: their records name it."""
        same = copy(self)
        same._cause = cause
        return same

    def carry_out(self, record: Undo, effect: Callable[[], None]) -> Undo:
        """Do a fault whose undoing is `record`, which is on disk before, with the cause for which it is done.

        Returns the record as it is on disk.  Its step stays open until it is undone.
        """
        self.spec.machine(record.machine)
        record = replace(record, cause=self._cause)
        if not self.is_open(record):
            self.journal.begin(FAULT, **record.plain())
        effect()
        return record

    def open_faults(self) -> dict[int, Undo]:
        """Records of all faults that were done, or begun, and not undone, by number of their step, oldest first."""
        return {step.number: Undo.read(step.details) for step in self.journal.open_steps if step.what == FAULT}

    def is_open(self, record: Undo) -> bool:
        """Whether such a fault was done, or begun, for the same cause and not undone."""
        return record in self.open_faults().values()

    def withdraw(self, record: Undo) -> None:
        """Note that a fault is not wanted any more for its cause, whatever others want."""
        for number, found in self.open_faults().items():
            if found == record:
                self.journal.end(number)

    def taken_back(self, record: Undo) -> None:
        """Note that a fault was undone: what is not there any more is there for no cause."""
        for number, found in self.open_faults().items():
            if found.is_same_deed(record):
                self.journal.end(number)

    # --- inside ------------------------------------------------------------------------------------------------------

    def _definition(self, machine: MachineSpec) -> Path:
        return self.folder / "definitions" / f"{machine.name}.xml"

    def _state_files(self) -> dict[str, Path]:
        """Everything that machines remember in files, by names unique in the lab."""
        found: dict[str, Path] = {}
        for machine in self.spec.machines:
            found |= self.volumes.state_files(machine)
            if (folder := self._tpm(machine)) is not None:
                found[f"{machine.name}.tpm"] = folder
        return found

    def _tpm(self, machine: MachineSpec) -> Path | None:
        return self.hypervisor.tpm_folder(self.spec.uuid(machine.name))

    def _forget_state(self, machine: MachineSpec) -> None:
        self.volumes.forget(machine)
        if (folder := self._tpm(machine)) is not None:
            remove(folder)
