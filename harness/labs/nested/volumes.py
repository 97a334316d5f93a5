"""The machines' disks: an overlay on a base image that is never written, and sparse data disks."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path

from harness.errors import LabError
from harness.labs.nested.command import run
from harness.labs.nested.definition import Places
from harness.labs.nested.files import PART, remove
from harness.labs.nested.spec import MachineSpec, UefiBoot

OverlayMaker = Callable[[Path, str, Path], None]
"""Makes an overlay from a base image, the base's format, and the place of the overlay."""


def make_overlay(base: Path, base_format: str, overlay: Path) -> None:
    """Make an empty qcow2 overlay with `qemu-img`; the base and its format are named, never guessed by QEMU.

    Raises LabError when qemu-img is missing or refuses.
    """
    run(["qemu-img", "create", "-q", "-f", "qcow2", "-F", base_format, "-b", str(base), str(overlay)])


class Volumes:
    """Disks of the machines of one lab folder."""

    def __init__(self, places: Places, overlay: OverlayMaker = make_overlay) -> None:
        self._places, self._make_overlay = places, overlay

    def ensure(self, machine: MachineSpec) -> None:
        """Make what a machine's disks lack.  Raises LabError when its base image is missing."""
        for log in (self._places.serial_log(machine.name), self._places.variables(machine.name)):
            log.parent.mkdir(parents=True, exist_ok=True)
        if machine.base is not None and not (overlay := self._places.system_disk(machine.name)).exists():
            self._overlay(machine, machine.base, overlay)
        for disk in machine.disks:
            path = self._places.data_disk(machine.name, disk.serial)
            if not path.exists():
                part = _part_of(path)
                with part.open("wb") as file:
                    file.truncate(disk.size_bytes)
                part.replace(path)

    def _overlay(self, machine: MachineSpec, base: Path, overlay: Path) -> None:
        if not base.is_file():
            raise LabError(
                f"the base image {base} of machine '{machine.name}' is not there", hint="build or fetch the image first"
            )
        part = _part_of(overlay)
        self._make_overlay(base.resolve(), machine.base_format, part)
        part.replace(overlay)

    def state_files(self, machine: MachineSpec) -> dict[str, Path]:
        """What a machine remembers in files, by a name that is unique in the lab; all of them need not be there yet."""
        name, places = machine.name, self._places
        found = {f"{name}.{disk.serial}.raw": places.data_disk(name, disk.serial) for disk in machine.disks}
        if machine.base is not None:
            found[f"{name}.qcow2"] = places.system_disk(name)
        if isinstance(machine.boot, UefiBoot):
            found[f"{name}.fd"] = places.variables(name)
        return found

    def forget(self, machine: MachineSpec) -> None:
        """Remove a machine's disks and firmware variables; harmless when there are none."""
        for path in self.state_files(machine).values():
            remove(path)


def _part_of(path: Path) -> Path:
    path.parent.mkdir(parents=True, exist_ok=True)
    part = path.with_name(path.name + PART)
    remove(part)
    return part
