"""Two tiny guests on two networks: at libvirt's driver inside this process, at a daemon that the test starts, or at its
mock, where they are names only."""

from __future__ import annotations

import shutil
import socket
import struct
import subprocess
import tempfile
from collections.abc import Iterator, Sequence
from contextlib import ExitStack, contextmanager, suppress
from dataclasses import dataclass
from pathlib import Path

import pytest

from harness.clock import NS_PER_S, DeadlineExpiredError, monotonic_ns, wait_until
from harness.errors import HarnessError
from harness.labs.nested import faults, needs
from harness.labs.nested.hypervisor import embed_uri
from harness.labs.nested.machines import Machines
from harness.labs.nested.namespace import (
    Network,
    ensure_namespace,
    owned_name,
    remove_namespace,
    remove_orphans,
)
from harness.labs.nested.opening import discard_machines, open_machines
from harness.labs.nested.spec import DataDisk, KernelBoot, MachineSpec, MachinesSpec, Nic
from harness.labs.nested.steps import StepJournal
from harness.labs.nested.undo import Undo
from harness.netns import entered
from harness.paths import state_dir
from harness.testing.tinyguest import NODE_UP, TinyGuest, blank_image, tiny_guest

PREFIX = "hil-try"
UP_WITHIN_S = 90.0
NETWORKS = (Network("mgmt", "10.80.1.0/24", "10.80.1.1"), Network("storage", "10.80.2.0/24", "10.80.2.1"))
DISKS = (DataDisk("DATA1", 8 << 20), DataDisk("DATA2", 8 << 20))
BEGIN = ("smoke", "system", "image", "embed", "mock")
"""Groups of tests in the order in which they begin, before all others."""


def on(*drivers: str, full: Sequence[str] = ()) -> pytest.MarkDecorator:
    """Run tests on these drivers: `embed` (inside this process), `system` (a daemon), `mock` (test:///default); on
    those in `full` only with `--full`.  All tests on a driver share a process, and so the bed."""
    parameters = []
    for name in (*drivers, *full):
        marks = [pytest.mark.xdist_group(name), *([pytest.mark.full] if name in full else [])]
        parameters.append(pytest.param(name, marks=marks))
    return pytest.mark.parametrize("bed", parameters, indirect=True, scope="session")


@pytest.hookimpl(trylast=True)
def pytest_collection_modifyitems(items: list[pytest.Item]) -> None:
    """Which groups begin: a process does not reach a local daemon any more once it has opened the driver inside
    itself, and the smoke plan and the tests with a node image take longest."""

    def place(item: pytest.Item) -> int:
        if item.path.parent != Path(__file__).parent:
            return -1
        group = next((str(mark.args[0]) for mark in item.iter_markers("xdist_group")), "")
        return BEGIN.index(group) if group in BEGIN else len(BEGIN)

    items.sort(key=place)


@pytest.fixture(scope="session", autouse=True)
def machine_can_nest() -> None:
    if lacks := needs.lab_lacks():
        pytest.skip(f"needs {needs.named(lacks)}: {needs.remedy(lacks)}")
    remove_orphans(PREFIX)


@pytest.fixture(scope="session")
def guest(machine_can_nest: None, short_folder: Path) -> TinyGuest:
    """Kept in the state folder, since it is a download of 40 MB; copied to where a daemon's QEMU may read it."""
    try:
        kept = tiny_guest(state_dir() / "tinyguest")
    except HarnessError as error:
        pytest.skip(f"no guest: {error}")
    guest = TinyGuest(short_folder / "vmlinuz", short_folder / "initrd.gz")
    for original, copy in ((kept.kernel, guest.kernel), (kept.initrd, guest.initrd)):
        shutil.copyfile(original, copy)
        copy.chmod(0o644)
    return guest


@dataclass
class Bed:
    """A lab under test, and how its guests look from outside."""

    machines: Machines

    @property
    def namespace(self) -> str:
        return self.machines.spec.namespace

    def address(self, machine: str, network: str = "mgmt") -> str:
        third = 1 + [one.name for one in NETWORKS].index(network)
        return f"10.80.{third}.{11 + self.machines.names.index(machine)}"

    def answers(self, machine: str, network: str = "mgmt", *, within_s: float = 2.0) -> bool:
        """Whether a guest answers one of the pings of so many seconds."""
        try:
            wait_until(
                lambda: True if ping(self.namespace, self.address(machine, network)) else None,
                within_s=within_s,
                what="an answer",
            )
        except DeadlineExpiredError:
            return False
        return True

    def silent(self, machine: str, network: str = "mgmt", *, within_s: float = 5.0) -> bool:
        """Whether a guest becomes silent: three pings in a row without an answer."""

        def nothing() -> bool | None:
            return None if any(ping(self.namespace, self.address(machine, network)) for _ in range(3)) else True

        try:
            return wait_until(nothing, within_s=within_s, what="silence")
        except DeadlineExpiredError:
            return False

    def said(self, machine: str, since: int = 0) -> list[str]:
        """Whole lines of the serial port."""
        log = self.machines.places.serial_log(machine)
        text = log.read_bytes()[since:].decode(errors="replace") if log.exists() else ""
        return [line.strip() for line in text.splitlines()]

    def mark(self, machine: str) -> int:
        """How much the serial port has said so far."""
        log = self.machines.places.serial_log(machine)
        return log.stat().st_size if log.exists() else 0

    def hears(self, machine: str, line: str, since: int = 0, *, within_s: float = UP_WITHIN_S) -> None:
        """Wait for a line on the serial port."""
        try:
            wait_until(lambda: True if line in self.said(machine, since) else None, within_s=within_s, what=line)
        except DeadlineExpiredError:
            pytest.fail(f"'{machine}' did not say '{line}' in {within_s:g} s but: {self.said(machine, since)[-20:]}")

    def boot(self, *names: str) -> None:
        """Switch machines on and wait for their guests."""
        marks = {name: self.mark(name) for name in names or self.machines.names}
        for name in marks:
            self.machines.hypervisor.start(self.machines.domain(name))
        for name, since in marks.items():
            self.hears(name, NODE_UP, since)


def ping(namespace: str, address: str, *, timeout_s: float = 0.3, size: int = 0) -> bool:
    """One echo request with `size` bytes and its answer, from the lab host's side."""
    return pings(namespace, address, 1, within_s=timeout_s, size=size) == 1


def pings(namespace: str, address: str, count: int, *, within_s: float, size: int = 0) -> int:
    """How many of so many echo requests, sent at once, are answered ([D] RFC 792); returns when all are."""
    missing = set(range(count))
    own = (monotonic_ns() & 0xFFFF).to_bytes(2)
    with entered(namespace), socket.socket(socket.AF_INET, socket.SOCK_RAW, socket.IPPROTO_ICMP) as sock:
        with suppress(OSError):  # a bridge without this neighbour
            for number in missing:
                sock.sendto(echo_request(own, number) + bytes(size), (address, 0))
        deadline_ns = monotonic_ns() + round(within_s * NS_PER_S)
        while missing and (left_ns := deadline_ns - monotonic_ns()) > 0:
            sock.settimeout(left_ns / NS_PER_S)
            with suppress(OSError):
                answer = sock.recv(2048)
                if answer[20] == 0 and answer[24:26] == own:
                    missing.discard(int.from_bytes(answer[26:28]))
    return count - len(missing)


def echo_request(own: bytes, number: int) -> bytes:
    """The head of the packet; zeros after it do not change its checksum."""
    total = 0x0800 + int.from_bytes(own) + number
    while total > 0xFFFF:
        total = (total & 0xFFFF) + (total >> 16)
    return struct.pack("!BBH2sH", 8, 0, ~total & 0xFFFF, own, number)


def by_another(machines: Machines, record: Undo) -> None:
    """Take back as a new process would: from the plain record, with what the files tell."""
    journal = StepJournal(machines.folder / "steps.jsonl")
    assert any(step.details == record.plain() for step in journal.open_steps), "on disk before it was done"
    again = Machines(machines.hypervisor, machines.spec, machines.folder, journal)
    faults.undo(again, Undo.read(record.plain()))
    machines.journal = journal


def two_machines(guest: TinyGuest, lab: str, namespace: str, folder: Path) -> MachinesSpec:
    base = blank_image(folder / "base.raw")
    machines = tuple(
        MachineSpec(
            name,
            96,
            base=base,
            base_format="raw",
            boot=guest.boot(f"10.80.1.{at}/24", f"10.80.2.{at}/24", peer=f"10.80.2.{peer}"),
            nics=(Nic("mgmt"), Nic("storage")),
            disks=DISKS if name == "n1" else (),
        )
        for at, peer, name in ((11, 12, "n1"), (12, 11, "n2"))
    )
    return MachinesSpec(lab, NETWORKS, machines, namespace)


@pytest.fixture(scope="session")
def short_folder() -> Iterator[Path]:
    """QEMU's sockets need a short path, and a daemon's QEMU one that others may enter."""
    folder = Path(tempfile.mkdtemp(prefix="hiln-"))
    folder.chmod(0o755)
    yield folder
    shutil.rmtree(folder)


@pytest.fixture(scope="session")
def embedded(short_folder: Path) -> str:
    """The driver inside this process, which has one folder for good."""
    return embed_uri(short_folder / "libvirt")


@contextmanager
def daemon(namespace: str, folder: Path) -> Iterator[str]:
    """virtlogd and libvirtd of our own, in the namespace; skips where there are none or others run."""
    for program in ("libvirtd", "virtlogd"):
        if shutil.which(program) is None:
            pytest.skip(f"needs {program} (package libvirt-daemon-system)")
    if Path("/run/libvirt/libvirt-sock").exists() and _taken("/run/libvirt/libvirt-sock"):
        pytest.skip("a libvirtd runs on this machine; it is left alone")
    with ExitStack() as stack:
        for program in ("virtlogd", "libvirtd"):
            log = stack.enter_context((folder / f"{program}.log").open("wb"))
            with entered(namespace):
                process = subprocess.Popen(
                    [program, "--pid-file", str(folder / f"{program}.pid")],
                    stdin=subprocess.DEVNULL,
                    stdout=log,
                    stderr=log,
                )
            stack.callback(process.wait, 20)
            stack.callback(process.terminate)
        wait_until(lambda: True if _taken("/run/libvirt/libvirt-sock") else None, within_s=30, what="libvirtd")
        yield "qemu:///system"


def _taken(path: str) -> bool:
    with socket.socket(socket.AF_UNIX) as sock:
        try:
            sock.connect(path)
        except OSError:
            return False
        return True


def mock_machines(folder: Path) -> MachinesSpec:
    """The same two for libvirt's mock, which runs nothing: disks are files, kernels are names."""
    base = blank_image(folder / "base.raw")
    machines = tuple(
        MachineSpec(
            name,
            96,
            base=base,
            base_format="raw",
            boot=KernelBoot(folder / "vmlinuz"),
            nics=(Nic("mgmt"), Nic("storage")),
            disks=DISKS if name == "n1" else (),
            domain_type="test",
        )
        for name in ("n1", "n2")
    )
    return MachinesSpec("try-mock", NETWORKS, machines)


@pytest.fixture(scope="session")
def bed(request: pytest.FixtureRequest, short_folder: Path) -> Iterator[Bed]:
    """A lab with both machines defined and off, on the driver that the test names by `on`."""
    kind = str(request.param)
    folder = short_folder / kind
    folder.mkdir()
    with ExitStack() as stack:
        stack.callback(shutil.rmtree, folder)
        if kind == "mock":
            spec, uri = mock_machines(folder), "test:///default"
        else:
            namespace = owned_name(PREFIX, kind)
            stack.callback(remove_namespace, namespace)
            ensure_namespace(namespace)
            spec = two_machines(request.getfixturevalue("guest"), f"try-{kind}", namespace, folder)
            embedded = kind == "embed"
            uri = request.getfixturevalue("embedded") if embedded else stack.enter_context(daemon(namespace, folder))
        machines = open_machines(spec, folder / "lab", uri)
        stack.callback(discard_machines, machines)
        machines.ensure()
        yield Bed(machines)
