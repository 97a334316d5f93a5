"""What dead owners left is found and removed: all of it, wherever they or the cleaning were killed, and no more."""

from __future__ import annotations

import json
import subprocess
import sys
from collections.abc import Iterator
from pathlib import Path

import pytest

from harness.labs.nested import opening
from harness.labs.nested.embedroot import is_ours, prepare_root, remove_root, root_of
from harness.labs.nested.hypervisor import embed_uri
from harness.labs.nested.leftovers import Leftover, LeftoverKind, clean, leftovers
from harness.labs.nested.namespace import (
    Network,
    ensure_namespace,
    exists,
    owned_name,
    processes_in,
    remove_namespace,
    why_no_namespaces,
)
from harness.labs.nested.owner import OWNER_NAME, claim, owner_of
from harness.labs.nested.spec import MachinesSpec
from harness.netns import entered
from harness.testing.hypervisors import FakeHypervisor, Rack
from tests.unit.labs.nested.test_killed_anywhere import KilledError, lines_watched

WHY_NOT = why_no_namespaces("hil-try")
namespaces = pytest.mark.skipif(bool(WHY_NOT), reason=WHY_NOT)


class Site:
    """The folder of all lab hosts, one of them with machines, and libvirt's state outside of it."""

    def __init__(self, folder: Path, spec: MachinesSpec) -> None:
        self.labs, self.spec = folder / "labs", spec
        self.machines = self.labs / "lab#1" / "machines"
        self.root = folder / "embed"
        self.uri = f"qemu:///embed?root={self.root}"

    def claim(self, folder: Path | None = None) -> None:
        claim(folder or self.machines, self.spec, self.uri)

    def owner_dies(self) -> None:
        """As if the process that claimed the folder had been another one, which is gone."""
        record = self.machines / OWNER_NAME
        if record.exists():
            plain = json.loads(record.read_text())
            plain["holder"]["started"] += 1
            record.write_text(json.dumps(plain))

    def left_whole(self) -> None:
        """A lab with some state whose owner is dead."""
        self.claim()
        prepare_root(self.uri)
        files = ["disks/n1.qcow2", *"abcdefgh"]  # enough that a record removed in any order is not the last by chance
        paths = [*(self.machines / file for file in files), self.root / "lib" / "n1.xml", self.root / "etc" / "more"]
        for path in paths:
            path.parent.mkdir(parents=True, exist_ok=True)
            path.write_text("state")
        self.owner_dies()

    def is_clean(self) -> bool:
        return not self.machines.exists() and not self.root.exists()


@pytest.fixture
def site(tmp_path: Path, spec: MachinesSpec) -> Site:
    return Site(tmp_path, spec)


def test_libvirts_state_outside_of_the_folder_goes_too(site: Site) -> None:
    site.left_whole()
    found = [Leftover("lab", LeftoverKind.FOLDER, str(path)) for path in (site.root, site.machines)]
    assert leftovers(site.labs) == found
    assert clean(site.labs) == found
    assert site.is_clean()
    assert leftovers(site.labs) == []


def test_an_address_is_made_without_a_folder_and_a_folder_not_without_an_address(tmp_path: Path) -> None:
    folder = Path("/run/hil-none")
    assert root_of(embed_uri(folder)) == folder
    assert not folder.exists()
    for uri in ("qemu:///system", "test:///default", "qemu+ssh://host/system?root=/srv"):
        assert root_of(uri) is None


@pytest.mark.parametrize("content", ["etc/qemu.conf", "etc/passwd", "file"])
def test_a_folder_that_was_not_made_here_stays(site: Site, content: str) -> None:
    theirs = site.root / content
    theirs.parent.mkdir(parents=True)
    theirs.write_text("somebody else's")
    site.claim()
    site.owner_dies()
    assert [left.name for left in clean(site.labs)] == [str(site.machines)]
    assert theirs.read_text() == "somebody else's"
    remove_root(site.root)
    assert theirs.exists()


def test_a_link_is_not_followed(site: Site, tmp_path: Path) -> None:
    prepare_root(f"qemu:///embed?root={tmp_path / 'elsewhere'}")
    site.root.symlink_to(tmp_path / "elsewhere")
    assert not is_ours(site.root)


def test_what_a_living_owner_names_too_stays(site: Site) -> None:
    site.left_whole()
    site.claim(site.labs / "lab#2" / "machines")
    assert [left.name for left in clean(site.labs, only=[site.machines])] == [str(site.machines)]
    assert is_ours(site.root)
    assert owner_of(site.labs / "lab#2" / "machines") is not None


def test_only_the_folders_that_were_named_are_cleaned(site: Site) -> None:
    site.left_whole()
    assert clean(site.labs, only=[]) == []
    assert site.machines.exists()


def test_a_folder_without_a_record_is_removed_only_when_it_is_empty(site: Site) -> None:
    site.machines.mkdir(parents=True)
    (site.machines / f".{OWNER_NAME}.part").write_text("{")
    assert leftovers(site.labs) == [Leftover("", LeftoverKind.FOLDER, str(site.machines))]
    (site.machines / "disk").write_text("somebody's")
    assert clean(site.labs) == []
    (site.machines / "disk").unlink()
    clean(site.labs)
    assert not site.machines.exists()


def test_machines_are_told_by_the_labs_own_paths_and_not_by_name_or_uuid(site: Site) -> None:
    """A lab of the same name in another state folder has the same names and UUIDs, and may be alive."""
    site.left_whole()
    owner = owner_of(site.machines)
    assert owner is not None
    ((name, uuid), *_) = owner.domains.items()
    words = [
        f"{site.machines}/disks/n1.qcow2",
        f"{site.root}/lib/qemu/key",
        uuid,
        name,
        f"{site.root}2/lib",
        f"/mnt{site.machines}/disk",
    ]
    command = ["qemu-system-fake", "-c", "input()"]
    machines = [subprocess.Popen([*command, word], executable=sys.executable, stdin=subprocess.PIPE) for word in words]
    try:
        found = leftovers(site.labs)
        pids = [left.name for left in found if left.kind is LeftoverKind.PROCESS]
        assert pids == [str(machine.pid) for machine in machines[:2]]
        assert clean(site.labs) == found
        assert [machine.wait(10) for machine in machines[:2]] == [-9, -9]
        assert [machine.poll() for machine in machines[2:]] == [None] * 4
    finally:
        for machine in machines:
            machine.kill()
            machine.communicate()


class RemovedError(BaseException):
    """As SIGKILL at the moment when something would be removed."""


class Reaper:
    """Kills at the removal of a number that is counted down; an audit hook lasts as long as the process."""

    left = -1

    def __call__(self, event: str, _arguments: object) -> None:
        if event in ("os.remove", "os.rmdir") and self.left >= 0:
            self.left -= 1
            if self.left < 0:
                raise RemovedError


@pytest.fixture(scope="module")
def reaper() -> Iterator[Reaper]:
    made = Reaper()
    sys.addaudithook(made)
    yield made
    made.left = -1


def test_a_cleaning_that_was_killed_at_any_removal_is_done_by_the_next(site: Site, reaper: Reaper) -> None:
    for removals in range(100):
        site.left_whole()
        reaper.left = removals
        try:
            clean(site.labs)
        except RemovedError:
            assert leftovers(site.labs), f"after {removals} removals nothing tells of the rest"
            clean(site.labs)
            assert site.is_clean(), f"after {removals} removals something stays"
        else:
            break
    reaper.left = -1
    assert 8 <= removals < 100, "each file and folder was tried"


def use_double(monkeypatch: pytest.MonkeyPatch, folder: Path) -> None:
    """Open machines at a double that makes the driver's folder as the real connection does."""

    class Double(FakeHypervisor):
        def __init__(self, uri: str, _namespace: str) -> None:
            prepare_root(uri)
            super().__init__(Rack(tpm=folder / "swtpm"))
            self._uri = uri

        @property
        def uri(self) -> str:
            return self._uri

    monkeypatch.setattr(opening, "Connection", Double)


@pytest.mark.parametrize("with_root", [True, False])
def test_discarding_leaves_the_drivers_folder_to_a_process_that_still_needs_it(
    site: Site, monkeypatch: pytest.MonkeyPatch, tmp_path: Path, with_root: bool
) -> None:
    use_double(monkeypatch, tmp_path)
    machines = opening.open_machines(site.spec, site.machines, site.uri)
    opening.discard_machines(machines, with_root=with_root)
    assert not site.machines.exists()
    assert site.root.exists() != with_root


def test_an_opening_that_was_killed_at_any_line_leaves_nothing_outside_of_a_record(
    site: Site, monkeypatch: pytest.MonkeyPatch, tmp_path: Path
) -> None:
    use_double(monkeypatch, tmp_path)
    killed = 0
    for lines in range(2000):
        remaining = iter(range(lines))

        def seen(_point: object, remaining: Iterator[int] = remaining) -> None:
            if next(remaining, None) is None:
                raise KilledError

        try:
            with lines_watched(seen):
                opening.open_machines(site.spec, site.machines, site.uri)
        except KilledError:
            killed += 1
        else:
            break
        finally:
            site.owner_dies()
            clean(site.labs)
        assert site.is_clean(), f"killed after {lines} lines"
    assert 30 < killed < 2000


@namespaces
def test_whatever_runs_in_the_namespace_is_found_and_ended(site: Site) -> None:
    name = owned_name("hil-try", "left")
    site.spec = MachinesSpec("lab", (Network("mgmt", "10.80.1.0/24"),), site.spec.machines, name)
    site.left_whole()
    ensure_namespace(name)
    try:
        with entered(name):
            prober = subprocess.Popen([sys.executable, "-c", "input()"], stdin=subprocess.PIPE)
        with prober:
            assert processes_in(name) == [prober.pid]
            found = clean(site.labs)
            kinds = [(left.kind, left.name) for left in found]
            assert kinds[:2] == [(LeftoverKind.PROCESS, str(prober.pid)), (LeftoverKind.NAMESPACE, name)]
            assert prober.wait(10) == -9
        assert not exists(name)
        assert processes_in(name) == []
        assert site.is_clean()
    finally:
        remove_namespace(name)


@namespaces
def test_a_namespace_in_which_machines_of_another_folder_run_stays(site: Site, tmp_path: Path) -> None:
    """A lab of the same name in another state folder: nothing here tells whether its owner lives."""
    name = owned_name("hil-try", "both")
    site.spec = MachinesSpec("lab", (Network("mgmt", "10.80.1.0/24"),), site.spec.machines, name)
    site.left_whole()
    ensure_namespace(name)
    try:
        command = ["qemu-system-fake", "-c", "input()", f"{tmp_path}/other/machines/disk"]
        with entered(name):
            other = subprocess.Popen(command, executable=sys.executable, stdin=subprocess.PIPE)
        with other:
            assert [left.kind for left in clean(site.labs)] == [LeftoverKind.FOLDER] * 2
            assert processes_in(name) == [other.pid]
            other.kill()
        assert site.is_clean()
    finally:
        remove_namespace(name)


@namespaces
def test_a_namespace_that_was_never_finished_goes_too(site: Site) -> None:
    """`ip netns add` makes a file first, then what it stands for."""
    name = owned_name("hil-try", "part")
    path = Path("/run/netns") / name
    path.touch()
    remove_namespace(name)
    assert not path.exists()
