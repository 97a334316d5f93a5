"""A lab of two machines on a rack that is not there."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path

import pytest

from harness.labs.nested.definition import Places
from harness.labs.nested.machines import STEPS_NAME, Machines
from harness.labs.nested.namespace import Network
from harness.labs.nested.spec import DataDisk, MachineSpec, MachinesSpec, Nic, UefiBoot
from harness.labs.nested.steps import StepJournal
from harness.labs.nested.volumes import Volumes
from harness.testing.hypervisors import FakeHypervisor, Rack

Opener = Callable[[], Machines]


def fake_overlay(base: Path, base_format: str, overlay: Path) -> None:
    overlay.write_text(f"{base_format} overlay on {base.name}")


@pytest.fixture
def spec(tmp_path: Path) -> MachinesSpec:
    base = tmp_path / "base.qcow2"
    base.write_text("base image")
    machines = tuple(
        MachineSpec(name, 128, base=base, boot=UefiBoot(), nics=(Nic("mgmt"),), disks=(DataDisk("d1", 4096),))
        for name in ("n1", "n2")
    )
    return MachinesSpec("lab", (Network("mgmt", "10.80.1.0/24"),), machines)


@pytest.fixture
def rack(tmp_path: Path) -> Rack:
    return Rack(tpm=tmp_path / "swtpm")


@pytest.fixture
def opened(spec: MachinesSpec, rack: Rack, tmp_path: Path) -> Opener:
    """Each call is what a new process does: nothing but files and the rack is known from before."""

    def reopened() -> Machines:
        folder = tmp_path / "lab"
        volumes = Volumes(Places(folder), fake_overlay)
        return Machines(FakeHypervisor(rack), spec, folder, StepJournal(folder / STEPS_NAME), volumes)

    return reopened
