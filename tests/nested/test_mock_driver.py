"""The contract as far as libvirt's mock driver goes: definitions and power, no guests, no QEMU.

It has no events of its own devices, no monitor, and keeps nothing when the connection closes.
"""

from __future__ import annotations

import subprocess
import sys
from collections.abc import Iterator
from pathlib import Path

import pytest

from harness.errors import LabError
from harness.labs.nested import faults, power
from harness.labs.nested.hypervisor import Connection
from harness.labs.nested.machines import STEPS_NAME, Machines
from harness.labs.nested.namespace import Network
from harness.labs.nested.port import DomainState
from harness.labs.nested.spec import KernelBoot, MachineSpec, MachinesSpec, Nic
from harness.labs.nested.steps import StepJournal

pytestmark = pytest.mark.nested


@pytest.fixture
def machines(tmp_path: Path) -> Iterator[Machines]:
    kernel = KernelBoot(tmp_path / "vmlinuz")
    pair = tuple(MachineSpec(name, 64, boot=kernel, nics=(Nic("mgmt"),), domain_type="test") for name in ("n1", "n2"))
    spec = MachinesSpec("mock", (Network("mgmt", "10.80.1.0/24"),), pair)
    made = Machines(Connection("test:///default"), spec, tmp_path, StepJournal(tmp_path / STEPS_NAME))
    made.ensure()
    yield made
    made.destroy()
    made.hypervisor.close()


def test_definitions_come_and_go(machines: Machines) -> None:
    ours = {"hil-mock-n1", "hil-mock-n2"}
    assert ours <= set(machines.hypervisor.domains())
    machines.ensure()
    machines.destroy()
    assert not ours & set(machines.hypervisor.domains())
    assert machines.state("n1") is DomainState.ABSENT


def test_power_and_freezing(machines: Machines) -> None:
    machines.start()
    record = power.power_off(machines, "n1")
    assert machines.state("n1") is DomainState.OFF
    faults.undo(machines, record)
    assert machines.state("n1") is DomainState.RUNNING
    frozen = power.suspend(machines, "n2")
    assert machines.state("n2") is DomainState.PAUSED
    faults.undo(machines, frozen)
    assert machines.state("n2") is DomainState.RUNNING


def test_what_the_driver_cannot_do_is_a_clear_error(machines: Machines) -> None:
    machines.start()
    with pytest.raises(LabError, match="monitor of hil-mock-n1") as caught:
        machines.hypervisor.monitor(machines.domain("n1"), {"execute": "query-status"})
    assert caught.value.hint


def test_an_unknown_domain(machines: Machines) -> None:
    with pytest.raises(LabError, match="no domain hil-none"):
        machines.hypervisor.start("hil-none")
    machines.hypervisor.stop("hil-none")
    machines.hypervisor.undefine("hil-none")


def test_a_scheme_that_no_driver_knows() -> None:
    with pytest.raises(LabError, match="no connection") as caught:
        Connection("nothing:///")
    assert caught.value.hint


def test_a_daemon_that_does_not_run() -> None:
    """In a process of its own: this one may have opened the driver inside itself."""
    code = (
        "from harness.errors import LabError\n"
        "from harness.labs.nested.hypervisor import Connection\n"
        "try:\n    Connection('qemu+unix:///system?socket=/nonexistent/libvirt-sock')\n"
        "except LabError as error:\n    raise SystemExit(f'{error} | {error.hint}')\n"
    )
    done = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=False, timeout=60)
    assert "no connection" in done.stderr
    assert "start the daemons" in done.stderr
