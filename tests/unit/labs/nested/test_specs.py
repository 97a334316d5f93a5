"""Specs refuse what a hypervisor or guest could not take, and derive the same names in every process."""

from __future__ import annotations

from pathlib import Path

import pytest

from harness.errors import ConfigError
from harness.labs.nested.namespace import Network
from harness.labs.nested.spec import DataDisk, KernelBoot, MachineSpec, MachinesSpec, Nic

KERNEL = KernelBoot(Path("/images/vmlinuz"))
NETWORK = Network("mgmt", "10.80.1.0/24", "10.80.1.1")


def machine(name: str = "n1", nics: tuple[Nic, ...] = (Nic("mgmt"),)) -> MachineSpec:
    return MachineSpec(name, 128, boot=KERNEL, nics=nics)


@pytest.mark.parametrize(
    ("make", "words"),
    [
        (lambda: MachineSpec("n 1", 128, boot=KERNEL), "name"),
        (lambda: MachineSpec("n1", 8, boot=KERNEL), "MiB"),
        (lambda: MachineSpec("n1", 128), "nothing to boot from"),
        (lambda: machine(nics=(Nic("mgmt"), Nic("mgmt"))), "twice"),
        (lambda: Nic("mgmt", "53:54:00:00:00:01"), "unicast"),
        (lambda: DataDisk("d1", 1000), "1000 bytes"),
        (lambda: DataDisk("d" * 21, 512), "serial"),
        (lambda: Network("a-very-long-name", "10.0.0.0/8"), "bridge"),
        (lambda: Network("mgmt", "10.80.1.0/24", "10.81.1.1"), "not in"),
        (lambda: Network("mgmt", "10.80.1.0/33"), "mgmt"),
        (lambda: MachinesSpec("lab", (), (machine(),)), "has not"),
        (lambda: MachinesSpec("lab", (NETWORK,), (machine(), machine())), "twice"),
        (
            lambda: MachinesSpec(
                "lab",
                (NETWORK,),
                (
                    machine("n1", (Nic("mgmt", "52:54:00:00:00:01"),)),
                    machine("n2", (Nic("mgmt", "52:54:00:00:00:01"),)),
                ),
            ),
            "MAC addresses",
        ),
    ],
)
def test_what_cannot_be_is_refused_with_a_hint(make: object, words: str) -> None:
    assert callable(make)
    with pytest.raises(ConfigError, match=words) as caught:
        make()
    assert caught.value.hint


def test_derived_names_are_stable_distinct_and_short_enough() -> None:
    nics = (Nic("mgmt"), Nic("storage"))
    networks = (NETWORK, Network("storage", "10.80.2.0/24"))
    machines = tuple(
        MachineSpec(f"n{at}", 128, boot=KERNEL, nics=nics, disks=(DataDisk("d1", 512), DataDisk("d2", 512)))
        for at in range(1, 17)
    )
    spec, other = MachinesSpec("lab", networks, machines), MachinesSpec("other", networks, machines)
    pairs = [(one.name, nic.network) for one in machines for nic in nics]
    macs = {some.mac(*pair) for some in (spec, other) for pair in pairs}
    taps = {some.tap(*pair) for some in (spec, other) for pair in pairs}
    wwns = {some.wwn(one.name, disk.serial) for some in (spec, other) for one in machines for disk in one.disks}
    assert len(macs) == len(taps) == len(wwns) == 64
    assert all(len(tap) <= 15 for tap in taps)
    assert all(len(wwn) == 16 and int(wwn, 16) for wwn in wwns)
    assert spec.mac("n1", "mgmt") == "52:54:00:0c:67:03"
    assert str(spec.uuid("n1")) == "285294ed-8495-58f0-a411-158d752917f1"
    assert spec.uuid("n1") != other.uuid("n1")


def test_an_unknown_machine_network_or_disk_is_named_with_what_there_is() -> None:
    spec = MachinesSpec("lab", (NETWORK,), (machine(),))
    for call, known in (
        (lambda: spec.machine("n9"), "n1"),
        (lambda: spec.nic("n1", "storage"), "mgmt"),
        (lambda: spec.disk("n1", "d9"), "none"),
    ):
        with pytest.raises(ConfigError) as caught:
            call()
        assert known in caught.value.hint
