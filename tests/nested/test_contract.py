"""The contract of a hypervisor and of machines on it: one suite for the driver inside the process, for a daemon and for
libvirt's mock.

It needs no guest: what guests see of the same is in test_machines.py and test_faults.py, for the drivers that have any.
"""

from __future__ import annotations

import pytest

from harness.clock import wait_until
from harness.errors import ConfigError, LabError
from harness.labs.nested import faults, power
from harness.labs.nested.hypervisor import Connection
from harness.labs.nested.machines import Machines
from harness.labs.nested.port import DomainEvent, DomainState
from harness.labs.nested.undo import Undo
from tests.nested.conftest import Bed, by_another, on

pytestmark = [pytest.mark.nested, on("system", "embed", "mock")]


@pytest.fixture
def machines(bed: Bed) -> Machines:
    """Each test begins with all machines defined and off, without faults, at the pristine state."""
    faults.undo_all(bed.machines)
    bed.machines.ensure()
    bed.machines.revert("pristine")
    return bed.machines


def test_definitions_come_and_go(machines: Machines) -> None:
    ours = {machines.domain(name) for name in machines.names}
    assert len(ours) == 2
    assert ours <= set(machines.hypervisor.domains())
    machines.ensure()
    machines.hypervisor.start(machines.domain("n1"))
    machines.destroy()
    assert not ours & set(machines.hypervisor.domains())
    assert machines.state("n1") is DomainState.ABSENT
    machines.destroy()


def test_on_and_off_and_both_again(machines: Machines) -> None:
    domain = machines.domain("n1")
    assert machines.state("n1") is DomainState.OFF
    for _ in range(2):
        machines.hypervisor.start(domain)
        assert machines.state("n1") is DomainState.RUNNING
        assert machines.state("n2") is DomainState.OFF
    for _ in range(2):
        machines.hypervisor.stop(domain)
        assert machines.state("n1") is DomainState.OFF


def test_ensure_leaves_a_running_machine_on(machines: Machines) -> None:
    machines.hypervisor.start(machines.domain("n1"))
    told: list[DomainEvent] = []
    listen(machines, told)
    machines.ensure()
    assert machines.state("n1") is DomainState.RUNNING
    power.suspend(machines, "n1")
    wait_until(lambda: told or None, within_s=5, what="an event")
    assert [event.detail for event in told][:1] == ["suspended (paused)"], "nothing happened before"


def test_a_power_cut_is_taken_back(machines: Machines) -> None:
    machines.hypervisor.start(machines.domain("n1"))
    record = power.power_off(machines, "n1")
    assert power.power_off(machines, "n1") == record, "a second cut is the same one"
    assert machines.state("n1") is DomainState.OFF
    by_another(machines, record)
    assert machines.state("n1") is DomainState.RUNNING
    assert machines.journal.open_steps == ()


def test_a_frozen_machine_goes_on(machines: Machines) -> None:
    machines.start()
    record = power.suspend(machines, "n2")
    power.suspend(machines, "n2")
    assert (machines.state("n1"), machines.state("n2")) == (DomainState.RUNNING, DomainState.PAUSED)
    by_another(machines, record)
    assert machines.state("n2") is DomainState.RUNNING
    faults.undo(machines, Undo.read(record.plain()))
    assert machines.state("n2") is DomainState.RUNNING


def test_a_machine_stays_on_through_its_reset(machines: Machines) -> None:
    machines.hypervisor.start(machines.domain("n1"))
    power.reset(machines, "n1")
    assert machines.state("n1") is DomainState.RUNNING
    assert machines.journal.open_steps == ()


def test_sets_bring_the_files_of_all_machines_back(machines: Machines) -> None:
    disks = [machines.places.system_disk(name) for name in machines.names]
    before = [disk.read_bytes() for disk in disks]
    machines.snapshot("kept")
    for disk in disks:
        disk.write_bytes(b"spoilt")
    machines.revert("kept")
    assert [disk.read_bytes() for disk in disks] == before
    machines.hypervisor.start(machines.domain("n2"))
    machines.revert("kept")
    assert {machines.state(name) for name in machines.names} == {DomainState.OFF}


def test_a_set_of_running_machines_is_refused(machines: Machines) -> None:
    machines.hypervisor.start(machines.domain("n2"))
    with pytest.raises(LabError, match="'n2' is on"):
        machines.snapshot("never")
    with pytest.raises(LabError, match="no snapshot set 'never'"):
        machines.revert("never")
    assert machines.state("n2") is DomainState.RUNNING


def test_events_are_told_in_words_with_the_time_they_came(machines: Machines) -> None:
    told: list[DomainEvent] = []
    listen(machines, told)
    machines.hypervisor.start(machines.domain("n2"))
    power.suspend(machines, "n2")
    power.resume(machines, "n2")
    power.power_off(machines, "n2")
    expected = ["started", "suspended (paused)", "resumed", "stopped (destroyed)"]

    def words() -> list[str]:
        return [event.detail for event in told if event.domain == machines.domain("n2")]

    wait_until(lambda: expected[-1] in words() or None, within_s=5, what="the last event")
    said = iter(words())
    assert all(word in said for word in expected), f"not in this order: {words()}"
    times = [event.t_mono_ns for event in told]
    assert times == sorted(times)
    assert times[0] > 0


def test_an_unknown_domain(machines: Machines) -> None:
    hypervisor = machines.hypervisor
    assert hypervisor.state("hil-none") is DomainState.ABSENT
    with pytest.raises(LabError, match="no domain hil-none") as caught:
        hypervisor.start("hil-none")
    assert caught.value.hint
    hypervisor.stop("hil-none")
    hypervisor.undefine("hil-none")
    with pytest.raises(ConfigError, match="no machine 'n3'"):
        machines.state("n3")


def test_a_definition_that_is_none(machines: Machines) -> None:
    with pytest.raises(LabError, match="refuses a definition") as caught:
        machines.hypervisor.define("<domain/>")
    assert caught.value.hint


def listen(machines: Machines, told: list[DomainEvent]) -> None:
    assert isinstance(machines.hypervisor, Connection)
    machines.hypervisor.listen(told.append)
