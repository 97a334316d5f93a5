"""Definitions of machines: golden files, and libvirt's own schema where it is installed."""

from __future__ import annotations

from pathlib import Path
from xml.etree import ElementTree as ET

import pytest

from harness.labs.nested.definition import Places, disk_xml, domain_xml, interface_xml, schema_fault
from harness.labs.nested.namespace import Network
from harness.labs.nested.spec import DataDisk, DiskBoot, KernelBoot, MachineSpec, MachinesSpec, Nic, UefiBoot
from harness.labs.nested.windows import windows_machine

GOLDEN = Path(__file__).parents[3] / "golden" / "nested"
IMAGES = Path("/images")
NETWORKS = (Network("mgmt", "10.80.1.0/24", "10.80.1.1"), Network("storage", "10.80.2.0/24"))
BOTH = (Nic("mgmt"), Nic("storage"))
FIXED = (Nic("mgmt"), Nic("storage", "52:54:00:0a:00:01"))
DISKS = (DataDisk("DATA1", 1 << 30), DataDisk("DATA2", 1 << 30))

MACHINES = {
    "kernel": MachineSpec(
        "kernel",
        256,
        base=IMAGES / "node.qcow2",
        boot=KernelBoot(IMAGES / "vmlinuz", IMAGES / "initrd", "console=ttyS0"),
        nics=FIXED,
        disks=DISKS,
        watchdog="reset",
    ),
    "disk": MachineSpec(
        "disk", 512, vcpus=2, base=IMAGES / "node.qcow2", boot=DiskBoot(), nics=BOTH, domain_type="kvm"
    ),
    "uefi": MachineSpec(
        "uefi", 512, base=IMAGES / "node.qcow2", boot=UefiBoot(secure_boot=False, tpm=False), nics=BOTH
    ),
    "windows": windows_machine(
        "windows",
        base=IMAGES / "empty.qcow2",
        installer=IMAGES / "installer.iso",
        answers=IMAGES / "answers.iso",
        networks=("mgmt", "storage"),
        disks=DISKS,
    ),
}
SPEC = MachinesSpec("golden", NETWORKS, tuple(MACHINES.values()), namespace="hil-golden")
PLACES = Places(Path("/labs/golden"))


@pytest.mark.parametrize("name", sorted(MACHINES))
def test_definition_is_the_golden_one(name: str) -> None:
    assert domain_xml(SPEC, MACHINES[name], PLACES) == (GOLDEN / f"{name}.xml").read_text()


@pytest.mark.parametrize("name", sorted(MACHINES))
def test_definition_follows_libvirts_schema(name: str) -> None:
    fault = schema_fault(domain_xml(SPEC, MACHINES[name], PLACES))
    if fault is None:
        pytest.skip("needs xmllint (package libxml2-utils) and libvirt's schemas (package libvirt0)")
    assert fault == ""


def test_the_schema_check_can_fail() -> None:
    fault = schema_fault(
        domain_xml(SPEC, MACHINES["kernel"], PLACES).replace("<vcpu>", "<cpus>").replace("</vcpu>", "</cpus>")
    )
    if fault is None:
        pytest.skip("needs xmllint (package libxml2-utils) and libvirt's schemas (package libvirt0)")
    assert "domain" in fault


def test_a_disk_or_card_alone_is_what_the_definition_says() -> None:
    machine = MACHINES["kernel"]
    whole = ET.fromstring(domain_xml(SPEC, machine, PLACES))  # noqa: S314 - our own
    ET.indent(whole, "")
    plain = ET.tostring(whole, encoding="unicode").replace("\n", "")
    assert disk_xml(SPEC, machine, DISKS[1], PLACES) in plain
    card = interface_xml(SPEC, machine, FIXED[0], up=False)
    assert card.replace('<link state="down" />', "") in plain
    assert 'state="up"' in interface_xml(SPEC, machine, FIXED[0], up=True)
