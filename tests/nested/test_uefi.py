"""Machines as Windows nodes need them: UEFI with Secure Boot and a TPM, whose state goes with snapshot sets."""

from __future__ import annotations

import shutil
from collections.abc import Iterator
from pathlib import Path

import pytest

from harness.clock import pause
from harness.labs.nested import needs, power
from harness.labs.nested.command import run
from harness.labs.nested.machines import Machines
from harness.labs.nested.namespace import Network, owned_name
from harness.labs.nested.opening import discard_machines, open_machines
from harness.labs.nested.port import DomainState
from harness.labs.nested.spec import DataDisk, MachineSpec, MachinesSpec, Nic, UefiBoot
from harness.labs.nested.windows import Answers, answer_file, write_answer_medium
from harness.testing.tinyguest import blank_image
from tests.nested.conftest import PREFIX

pytestmark = [pytest.mark.nested, pytest.mark.xdist_group("uefi")]

SECRET = "not-a-real-one"


@pytest.fixture(scope="module")
def machines(short_folder: Path, embedded: str) -> Iterator[Machines]:
    if not needs.FIRMWARE.exists() or shutil.which("swtpm_setup") is None:
        pytest.skip("needs the packages ovmf, swtpm and swtpm-tools")
    if shutil.which("xorriso") is None:
        pytest.skip("needs the package xorriso")
    folder = short_folder / "uefi"
    medium = folder / "answers.iso"
    write_answer_medium(answer_file(Answers("NODE01")), SECRET, medium)
    node = MachineSpec(
        "n1",
        256,
        base=blank_image(folder / "base.raw"),
        base_format="raw",
        boot=UefiBoot(),
        nics=(Nic("mgmt", model="e1000e"),),
        disks=(DataDisk("DATA1", 1 << 20),),
        system_bus="sata",
        cdroms=(medium,),
        watchdog="reset",
    )
    spec = MachinesSpec("uefi", (Network("mgmt", "10.80.1.0/24"),), (node,), owned_name(PREFIX, "uefi"))
    made = open_machines(spec, folder / "lab", embedded)
    try:
        made.ensure()
        yield made
    finally:
        discard_machines(made)


def test_the_medium_has_the_answers_for_its_owner_only(machines: Machines) -> None:
    medium = machines.folder.parent / "answers.iso"
    assert medium.stat().st_mode & 0o077 == 0
    listed = run(["xorriso", "-indev", str(medium), "-find", "/"]).stdout
    assert "autounattend.xml" in listed
    assert SECRET.encode("utf-16-le") not in medium.read_bytes()


def test_firmware_variables_and_tpm_go_with_a_set(machines: Machines) -> None:
    machines.start()
    assert machines.state("n1") is DomainState.RUNNING
    pause(3)
    assert machines.state("n1") is DomainState.RUNNING, "the firmware runs"
    power.power_off(machines, "n1")
    variables = machines.places.variables("n1")
    tpm = machines.hypervisor.tpm_folder(machines.spec.uuid("n1"))
    assert tpm is not None
    files = {path: path.read_bytes() for path in (variables, *tpm.rglob("*")) if path.is_file()}
    assert len(files) >= 2, "variables, and the state of the TPM"
    machines.snapshot("clean")
    for path in files:
        path.write_bytes(b"spoilt")
    machines.revert("clean")
    assert {path: path.read_bytes() for path in files} == files
    machines.start()
    assert machines.state("n1") is DomainState.RUNNING
    machines.revert("pristine")
    assert not variables.exists()
    assert not tpm.exists()
    machines.start()
    assert variables.exists()
    assert machines.state("n1") is DomainState.RUNNING
    machines.stop()
