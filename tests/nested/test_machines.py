"""What guests see of their machines, at the driver inside the process and at a daemon."""

from __future__ import annotations

import pytest

from harness.errors import LabError
from harness.labs.nested import faults, power
from harness.labs.nested.hypervisor import Connection
from harness.labs.nested.port import DomainEvent, DomainState
from harness.labs.nested.undo import Undo
from tests.nested.conftest import Bed, on

pytestmark = [pytest.mark.nested, on("embed", full=["system"])]


@pytest.fixture(autouse=True)
def machines_off(bed: Bed) -> None:
    """Each test begins with all machines off, without faults, at the pristine state."""
    faults.undo_all(bed.machines)
    bed.machines.ensure()
    bed.machines.revert("pristine")


def test_guests_come_up_and_answer_on_both_networks(bed: Bed) -> None:
    bed.boot()
    for machine in bed.machines.names:
        for network in ("mgmt", "storage"):
            assert bed.answers(machine, network), f"{machine} on {network}"
    assert bed.machines.state("n1") is DomainState.RUNNING
    bed.hears("n1", "DISKS 2")


def test_ensure_leaves_running_machines_alone(bed: Bed) -> None:
    bed.boot("n1")
    since = bed.mark("n1")
    bed.machines.ensure()
    assert bed.machines.state("n1") is DomainState.RUNNING
    assert bed.answers("n1")
    assert "COUNT" not in " ".join(bed.said("n1", since))


def test_power_is_cut_and_comes_back(bed: Bed) -> None:
    bed.boot("n1")
    record = power.power_off(bed.machines, "n1")
    assert bed.machines.state("n1") is DomainState.OFF
    assert bed.silent("n1")
    power.power_off(bed.machines, "n1")
    since = bed.mark("n1")
    faults.undo(bed.machines, Undo.read(record.plain()))
    bed.hears("n1", "COUNT 2", since)
    assert bed.answers("n1", within_s=10)


def test_reset_starts_the_guest_again(bed: Bed) -> None:
    told: list[DomainEvent] = []
    hypervisor = bed.machines.hypervisor
    assert isinstance(hypervisor, Connection)
    hypervisor.listen(told.append)
    bed.boot("n1")
    since = bed.mark("n1")
    power.reset(bed.machines, "n1")
    bed.hears("n1", "COUNT 2", since)
    assert "rebooted" in [event.detail for event in told]


def test_frozen_guests_are_silent_and_go_on_where_they_were(bed: Bed) -> None:
    bed.boot("n1")
    since = bed.mark("n1")
    record = power.suspend(bed.machines, "n1")
    assert bed.machines.state("n1") is DomainState.PAUSED
    assert bed.silent("n1")
    faults.undo(bed.machines, record)
    assert bed.answers("n1")
    assert not [line for line in bed.said("n1", since) if line.startswith("COUNT")]


def test_sets_bring_disks_back(bed: Bed) -> None:
    bed.boot("n1")
    power.power_off(bed.machines, "n1")
    bed.machines.snapshot("once")
    for count in (2, 3):
        since = bed.mark("n1")
        bed.boot("n1")
        bed.hears("n1", f"COUNT {count}", since)
        bed.machines.stop()
    bed.machines.revert("once")
    since = bed.mark("n1")
    bed.boot("n1")
    bed.hears("n1", "COUNT 2", since)


def test_starting_without_a_base_tells_what_to_do(bed: Bed) -> None:
    bed.machines.places.system_disk("n2").unlink()
    with pytest.raises(LabError, match="cannot be switched on") as caught:
        bed.machines.hypervisor.start(bed.machines.domain("n2"))
    assert caught.value.hint
