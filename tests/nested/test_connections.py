"""Which addresses lead to a hypervisor, what the message says where one does not, and what a driver cannot do."""

from __future__ import annotations

import subprocess
import sys

import pytest

from harness.errors import LabError
from harness.labs.nested.hypervisor import Connection
from tests.nested.conftest import Bed, on

pytestmark = pytest.mark.nested


@on("mock")
def test_what_a_driver_cannot_do_is_a_clear_error(bed: Bed) -> None:
    bed.machines.start()
    with pytest.raises(LabError, match="monitor of hil-try-mock-n1") as caught:
        bed.machines.hypervisor.monitor(bed.machines.domain("n1"), {"execute": "query-status"})
    assert caught.value.hint


@on("embed")
def test_a_daemon_is_not_reached_next_to_the_driver_inside(bed: Bed) -> None:
    assert bed.machines.hypervisor.uri.startswith("qemu:///embed")
    with pytest.raises(LabError, match="inside itself") as caught:
        Connection("qemu:///system")
    assert "another process" in caught.value.hint


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
