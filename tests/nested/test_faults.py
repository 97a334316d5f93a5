"""What can be done to a machine under libvirt, seen from outside and by its guest, and taken back."""

from __future__ import annotations

import pytest

from harness.clock import NS_PER_S, monotonic_ns, wait_until
from harness.labs.nested import cables, disks, faults, outside, power
from harness.labs.nested.machines import Machines
from harness.labs.nested.steps import StepJournal
from harness.testing.tinyguest import NODE_UP
from tests.nested.conftest import Bed, by_another, on, ping, pings

pytestmark = [pytest.mark.nested, on("embed", full=["system"])]


@pytest.fixture(autouse=True)
def guests_up(bed: Bed) -> None:
    """Faults of the test before are taken back; a guest that does not answer afterwards is started anew."""
    faults.undo_all(bed.machines)
    bed.machines.ensure()
    names = bed.machines.names
    silent = [name for name in names if not bed.machines.state(name).on or not bed.answers(name, within_s=3)]
    for name in silent:
        bed.machines.hypervisor.stop(bed.machines.domain(name))
    if silent:
        bed.boot(*silent)


def test_cable_out_and_in(bed: Bed) -> None:
    record = cables.link_down(bed.machines, "n1", "mgmt")
    cables.link_down(bed.machines, "n1", "mgmt")
    assert bed.silent("n1")
    assert bed.answers("n1", "storage")
    by_another(bed.machines, record)
    assert bed.answers("n1")


def test_a_cable_stays_out_when_the_power_is_cut(bed: Bed) -> None:
    record = cables.link_down(bed.machines, "n1", "mgmt")
    bed.machines.hypervisor.stop(bed.machines.domain("n1"))
    bed.boot("n1")
    assert bed.answers("n1", "storage")
    assert bed.silent("n1")
    by_another(bed.machines, record)
    assert bed.answers("n1")


def test_lost_packets(bed: Bed) -> None:
    record = cables.lose(bed.machines, "n1", "mgmt", 100)
    assert bed.silent("n1")
    assert bed.answers("n1", "storage")
    cables.lose(bed.machines, "n1", "mgmt", 50, "from")
    answers = pings(bed.namespace, bed.address("n1"), 100, within_s=3)
    assert 20 <= answers <= 80, "half of a hundred, give or take six standard deviations"
    by_another(bed.machines, record)
    assert pings(bed.namespace, bed.address("n1"), 20, within_s=10) == 20


def test_a_parted_network_keeps_the_others_whole(bed: Bed) -> None:
    since = bed.mark("n1")
    record = cables.part(bed.machines, "storage", ["n1"])
    bed.hears("n1", "PEER failed", since, within_s=15)
    for machine in bed.machines.names:
        assert bed.answers(machine, "storage"), "the lab host reaches both sides"
        assert bed.answers(machine, "mgmt")
    since = bed.mark("n1")
    by_another(bed.machines, record)
    bed.hears("n1", "PEER ok", since, within_s=15)


def test_a_slow_line(bed: Bed) -> None:
    def ten_pings_s() -> float:
        begin = monotonic_ns()
        assert all(ping(bed.namespace, bed.address("n1"), timeout_s=3, size=1400) for _ in range(10))
        return (monotonic_ns() - begin) / NS_PER_S

    record = cables.shape(bed.machines, "n1", "mgmt", 64)
    assert ten_pings_s() > 1, "115 kbit less the burst of 32 at 64 kbit/s"
    by_another(bed.machines, record)
    assert ten_pings_s() < 1
    faults.undo(bed.machines, record)


def test_a_pulled_disk_is_gone_and_comes_back(bed: Bed) -> None:
    since = bed.mark("n1")
    record = disks.pull_disk(bed.machines, "n1", "DATA1")
    disks.pull_disk(bed.machines, "n1", "DATA1")
    bed.hears("n1", "DISKS 1", since, within_s=10)
    since = bed.mark("n1")
    by_another(bed.machines, record)
    bed.hears("n1", "DISKS 2", since, within_s=10)


def test_a_disk_that_cannot_be_read(bed: Bed) -> None:
    since = bed.mark("n1")
    record = disks.fail_disk(bed.machines, "n1", "DATA1")
    disks.fail_disk(bed.machines, "n1", "DATA1")
    disks.fail_disk(bed.machines, "n1", "DATA2")
    bed.hears("n1", "READ failed", since, within_s=15)
    since = bed.mark("n1")
    by_another(bed.machines, record)
    faults.undo_all(bed.machines)
    bed.hears("n1", "READ ok", since, within_s=15)
    assert bed.machines.hypervisor.has_device(bed.machines.domain("n1"), "<serial>DATA2</serial>")


def test_a_slow_disk(bed: Bed) -> None:
    record = disks.throttle_disk(bed.machines, "n1", "DATA1", bytes_per_s=65536)
    domain = bed.machines.domain("n1")
    assert bed.machines.hypervisor.has_device(domain, "<total_bytes_sec>65536</total_bytes_sec>")
    by_another(bed.machines, record)
    assert not bed.machines.hypervisor.has_device(domain, "<total_bytes_sec>")


def test_memory_squeezed(bed: Bed) -> None:
    def left_mib() -> int:
        answer = bed.machines.hypervisor.monitor(bed.machines.domain("n1"), {"execute": "query-balloon"})
        return int(answer["actual"]) >> 20

    record = power.squeeze(bed.machines, "n1", 80)
    wait_until(lambda: True if left_mib() <= 80 else None, within_s=30, what="the balloon")
    by_another(bed.machines, record)
    wait_until(lambda: True if left_mib() == 96 else None, within_s=30, what="the balloon")
    assert bed.answers("n1")


def test_starved_processors(bed: Bed) -> None:
    record = power.starve(bed.machines, "n1", 0.1)
    assert bed.machines.hypervisor.has_device(bed.machines.domain("n1"), "<quota>10000</quota>")
    by_another(bed.machines, record)
    assert not bed.machines.hypervisor.has_device(bed.machines.domain("n1"), "<quota>10000</quota>")


def test_an_nmi_reaches_the_guest(bed: Bed) -> None:
    assert power.inject_nmi(bed.machines, "n1").primitive == power.PULSE
    assert bed.machines.journal.open_steps == ()


def by_name(machines: Machines, cause: str) -> None:
    """Lift a cause of n1 as a new process would: with what the files tell."""
    machines.journal = StepJournal(machines.folder / "steps.jsonl")
    outside.lift(Machines(machines.hypervisor, machines.spec, machines.folder, machines.journal), cause, "n1")


def test_a_frozen_guest_is_silent_until_the_cause_is_lifted(bed: Bed) -> None:
    outside.plant(bed.machines, "machine-frozen", "n1")
    outside.plant(bed.machines, "machine-frozen", "n1")
    assert bed.silent("n1")
    by_name(bed.machines, "machine-frozen")
    assert bed.answers("n1", within_s=5)


def test_all_cables_out_and_packets_lost_are_lifted_apart(bed: Bed) -> None:
    outside.plant(bed.machines, "packets-lost", "n1", {"percent": 100})
    outside.plant(bed.machines, "cables-out", "n1")
    assert bed.silent("n1")
    assert bed.silent("n1", "storage")
    by_name(bed.machines, "cables-out")
    assert bed.answers("n1", "storage", within_s=5)
    assert bed.silent("n1")
    by_name(bed.machines, "packets-lost")
    assert bed.answers("n1", within_s=5)


def test_two_partings_of_one_network_do_not_hide_each_other(bed: Bed) -> None:
    def reached() -> bool | None:
        told = [line for line in bed.said("n1") if line.startswith("PEER")]
        return True if told[-1:] == ["PEER ok"] else None

    wait_until(reached, within_s=30, what="n1 to reach n2")
    since = bed.mark("n1")
    outside.plant(bed.machines, "network-parted", "n1", {"network": "storage"})
    outside.plant(bed.machines, "network-parted", "n2", {"network": "storage"})
    bed.hears("n1", "PEER failed", since, within_s=15)
    since = bed.mark("n1")
    by_name(bed.machines, "network-parted")
    with pytest.raises(pytest.fail.Exception, match="did not say 'PEER ok'"):
        bed.hears("n1", "PEER ok", since, within_s=5)
    outside.lift(bed.machines, "network-parted", "n2")
    bed.hears("n1", "PEER ok", since, within_s=15)


def test_a_reset_guest_starts_anew(bed: Bed) -> None:
    since = bed.mark("n1")
    outside.plant(bed.machines, "machine-reset", "n1")
    bed.hears("n1", NODE_UP, since)
    assert bed.machines.journal.open_steps == ()
