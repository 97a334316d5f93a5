"""The owner of a lab is killed (SIGKILL); the next process finds everything again, or removes it."""

from __future__ import annotations

import json
import signal
import subprocess
import sys
from collections.abc import Iterator
from pathlib import Path

import pytest

from harness.labs.nested.leftovers import LeftoverKind, clean, leftovers
from harness.labs.nested.namespace import exists, owned_name, remove_namespace
from harness.testing.tinyguest import TinyGuest
from tests.nested.conftest import PREFIX

pytestmark = pytest.mark.nested

OPEN = """
import json, os, signal, sys
from pathlib import Path
from harness.labs.nested import cables, power
from harness.labs.nested.opening import discard_machines, open_machines
from harness.testing.tinyguest import TinyGuest
from tests.nested.conftest import Bed, two_machines
folder, namespace = Path(sys.argv[1]), sys.argv[2]
guest = TinyGuest(Path(sys.argv[3]), Path(sys.argv[4]))
machines = open_machines(two_machines(guest, "killed", namespace, folder.parent), folder)
bed = Bed(machines)
"""
BEGIN = OPEN + "machines.ensure()\nbed.boot()\n"
DIE = "os.kill(os.getpid(), signal.SIGKILL)\n"


def control_groups() -> set[Path]:
    """Those that libvirt made for the machines of these tests; others may come and go beside them."""
    groups = Path("/sys/fs/cgroup")
    return {*groups.glob("machine*/qemu-*-hil-killed-*"), *groups.glob("*/machine*/qemu-*-hil-killed-*")}


class Owners:
    """Processes that open the same lab one after the other."""

    def __init__(self, guest: TinyGuest, folder: Path) -> None:
        self.guest, self.labs = guest, folder / "labs"
        self.folder = self.labs / "killed"
        self.namespace = owned_name(PREFIX, "killed")
        self.labs.mkdir()

    def run(self, code: str) -> dict[str, object]:
        """What the process wrote as JSON before its end."""
        arguments = [str(self.folder), self.namespace, str(self.guest.kernel), str(self.guest.initrd)]
        done = subprocess.run(
            [sys.executable, "-c", code, *arguments], capture_output=True, text=True, check=False, timeout=240
        )
        expected = -signal.SIGKILL if code.endswith(DIE) else 0
        assert done.returncode == expected, done.stderr
        said: dict[str, object] = json.loads(done.stdout or "{}")
        return said


@pytest.fixture
def owners(guest: TinyGuest, short_folder: Path, request: pytest.FixtureRequest) -> Iterator[Owners]:
    folder = short_folder / f"k{abs(hash(request.node.name)) % 1000}"
    folder.mkdir()
    made = Owners(guest, folder)
    yield made
    clean(made.labs)
    remove_namespace(made.namespace)


def test_running_machines_are_found_again_and_faults_are_taken_back(owners: Owners) -> None:
    owners.run(BEGIN + "cables.link_down(machines, 'n1', 'mgmt')\npower.suspend(machines, 'n2')\n" + DIE)
    said = owners.run(
        OPEN
        + "found = {name: str(machines.state(name)) for name in machines.names}\n"
        + "found |= {'answers': [bed.answers(name, within_s=10) for name in machines.names]}\n"
        + "found |= {'counts': [line for line in bed.said('n1') if line.startswith('COUNT')]}\n"
        + "found |= {'open': len(machines.journal.open_steps)}\n"
        + "discard_machines(machines)\n"
        + "print(json.dumps(found))\n"
    )
    assert said == {"n1": "running", "n2": "running", "answers": [True, True], "counts": ["COUNT 1"], "open": 0}
    assert not owners.folder.exists()
    assert not exists(owners.namespace)


def test_a_power_cut_whose_author_died_is_taken_back(owners: Owners) -> None:
    owners.run(BEGIN + "power.power_off(machines, 'n1')\n" + DIE)
    said = owners.run(OPEN + "print(json.dumps({'n1': str(machines.state('n1'))}))\ndiscard_machines(machines)\n")
    assert said == {"n1": "running"}


def test_what_nobody_opens_again_is_found_and_removed(owners: Owners) -> None:
    before = control_groups()
    owners.run(BEGIN + "cables.lose(machines, 'n1', 'mgmt', 30)\n" + DIE)
    found = leftovers(owners.labs)
    kinds = [left.kind for left in found]
    assert kinds.count(LeftoverKind.PROCESS) == 2, "one QEMU for each machine"
    assert LeftoverKind.NAMESPACE in kinds
    assert LeftoverKind.FOLDER in kinds
    assert clean(owners.labs) == found
    assert leftovers(owners.labs) == []
    assert not exists(owners.namespace)
    assert not owners.folder.exists()
    assert control_groups() <= before
    for left in found:
        if left.kind is LeftoverKind.PROCESS:
            assert (
                not Path(f"/proc/{left.name}/cmdline").exists() or not Path(f"/proc/{left.name}/cmdline").read_bytes()
            )
