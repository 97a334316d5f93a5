"""Two tiny guests on two networks, at a hypervisor inside this process or at a daemon that the test starts."""

from __future__ import annotations

import os
import shutil
import socket
import struct
import subprocess
import tempfile
from collections.abc import Iterator
from contextlib import ExitStack, contextmanager, suppress
from dataclasses import dataclass
from pathlib import Path

import pytest

from harness.clock import DeadlineExpiredError, monotonic_ns, wait_until
from harness.errors import HarnessError
from harness.labs.nested.hypervisor import embed_uri
from harness.labs.nested.machines import Machines
from harness.labs.nested.namespace import (
    Network,
    ensure_namespace,
    owned_name,
    remove_namespace,
    remove_orphans,
    why_no_namespaces,
)
from harness.labs.nested.opening import discard_machines, open_machines
from harness.labs.nested.spec import DataDisk, MachineSpec, MachinesSpec, Nic
from harness.netns import entered
from harness.paths import state_dir
from harness.testing.tinyguest import NODE_UP, TinyGuest, blank_image, tiny_guest

PREFIX = "hil-try"
UP_WITHIN_S = 90.0
NETWORKS = (Network("mgmt", "10.80.1.0/24", "10.80.1.1"), Network("storage", "10.80.2.0/24", "10.80.2.1"))
DISKS = (DataDisk("DATA1", 8 << 20), DataDisk("DATA2", 8 << 20))
PROGRAMS = ("qemu-system-x86_64", "qemu-img", "nft", "tc")


def why_not() -> str:
    """What is missing for nested labs on this machine; empty when nothing is."""
    if missing := why_no_namespaces(PREFIX):
        return missing
    try:
        import libvirt  # noqa: F401
    except ImportError:
        return "needs libvirt-python: ./hil --nested doctor"
    absent = [program for program in PROGRAMS if shutil.which(program) is None]
    return f"needs the program {absent[0]} (packages qemu-system-x86, qemu-utils, nftables)" if absent else ""


def pytest_collection_modifyitems(items: list[pytest.Item]) -> None:
    """A process does not reach a local daemon any more once it has opened the driver inside itself."""
    items.sort(key=lambda item: item.path.parent == Path(__file__).parent and "[system" not in item.name)


@pytest.fixture(scope="session", autouse=True)
def machine_can_nest() -> None:
    if missing := why_not():
        pytest.skip(missing)
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
    """One echo request with `size` bytes and its answer ([D] RFC 792), from the lab host's side."""
    with entered(namespace), socket.socket(socket.AF_INET, socket.SOCK_RAW, socket.IPPROTO_ICMP) as sock:
        number = monotonic_ns() & 0xFFFF
        head = struct.pack("!BBHHH", 8, 0, 0, os.getpid() & 0xFFFF, number)
        total = sum(struct.unpack("!4H", head))
        total = (total & 0xFFFF) + (total >> 16)
        packet = head[:2] + struct.pack("!H", ~total & 0xFFFF) + head[4:] + bytes(size)
        sock.settimeout(timeout_s)
        with suppress(OSError):
            sock.sendto(packet, (address, 0))
            for _ in range(20):
                answer = sock.recv(2048)
                if answer[20] == 0 and answer[24:28] == head[4:8]:
                    return True
    return False


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


@pytest.fixture(scope="module", params=["embed", "system"])
def bed(request: pytest.FixtureRequest, guest: TinyGuest, short_folder: Path, embedded: str) -> Iterator[Bed]:
    """A lab with both machines defined and off."""
    kind = str(request.param)
    namespace = owned_name(PREFIX, kind)
    folder = short_folder / f"{kind}-{request.module.__name__.rpartition('_')[2]}"
    folder.mkdir()
    with ExitStack() as stack:
        stack.callback(remove_namespace, namespace)
        ensure_namespace(namespace)
        uri = stack.enter_context(daemon(namespace, folder)) if kind == "system" else embedded
        spec = two_machines(guest, f"try-{kind}", namespace, folder)
        machines = open_machines(spec, folder / "lab", uri)
        stack.callback(discard_machines, machines)
        machines.ensure()
        yield Bed(machines)
