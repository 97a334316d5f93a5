"""The node image is built and booted: what its first process does with a service that lives, dies and gives orders.

A stand-in plays the node service: the token on the kernel's command line tells it what to do.
"""

from __future__ import annotations

import json
import re
import shutil
import socket
import subprocess
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import pytest

from harness.clock import wait_until
from harness.labs.nested.image import Card, NodeImage, boot_line, build_image, image_ready, why_not_buildable
from harness.labs.nested.image.store import ImageStore

pytestmark = [pytest.mark.nested, pytest.mark.xdist_group("image")]

QEMU = "qemu-system-x86_64"
BOOT_WITHIN_S = 180.0  # three seconds on an idle machine
MACS = ("52:54:00:00:00:01", "52:54:00:00:00:02")
STAND_IN = r"""
import os, signal, subprocess, sys, time
from pathlib import Path

from cryptography.hazmat.primitives.ciphers.aead import AESGCM

say = lambda *words: print("SERVICE", *words, flush=True)
task, run, disk = os.environ["HIL_TOKEN"], Path("/run/hil"), Path("/var/tmp")
signal.signal(signal.SIGTERM, lambda *_: (say("asked to end"), sys.exit(0)))
starts = run / "starts"
starts.write_bytes((starts.read_bytes() if starts.exists() else b"") + b".")
say("start", starts.stat().st_size, os.environ["HIL_NODE"], os.environ["HIL_BOOT"], os.environ["HIL_BRAIN"])
say("key", len(AESGCM.generate_key(256)), "host", os.uname().nodename, "guests", os.environ.get("HIL_INTERFACE"))

if task == "die" and starts.stat().st_size < 3:
    sys.exit(7)
if task == "addresses":
    for line in subprocess.run(["ip", "-o", "-4", "address"], capture_output=True, text=True).stdout.splitlines():
        say("address", *line.split()[1:4])
if task in ("reboot", "poweroff", "nonsense") and not (disk / "ordered").exists():
    with open(disk / "ordered", "w") as file:
        file.write(task)
        os.fsync(file.fileno())
    (run / "order").write_text(task)
if task == "write":
    record = disk / "record"
    if record.exists():
        say("found", len(record.read_bytes()), *sorted(set(record.read_bytes())))
    with open(record, "wb", buffering=0) as file:
        for number in range(1, 250):
            file.seek(0)
            file.write(bytes([number]) * 4096)
            os.fsync(file.fileno())
            say("wrote", number)
before = None
while True:
    if task == "cards":
        command = ["ip", "-o", "-4", "address", "show", "up"]
        words = subprocess.run(command, capture_output=True, text=True).stdout.split()
        now = [word for word in words if "/" in word]
        if now != before:
            say("cards", *now)
        before = now
    time.sleep(1)
"""


class Node:
    """A virtual machine that boots the image; its disk is an overlay in `folder`, which outlives the machine."""

    def __init__(self, folder: Path, image: NodeImage, token: str) -> None:
        self._folder, self._image, self._token = folder, image, token
        self._boots = 0
        overlay = folder / "overlay.qcow2"
        command = ["qemu-img", "create", "-q", "-f", "qcow2", "-b", str(image.disk), "-F", "qcow2", str(overlay)]
        subprocess.run(command, check=True, timeout=20)

    def start(self) -> None:
        self._boots += 1
        self.console = self._folder / f"console-{self._boots}.log"
        cards = [Card(mac, f"10.9.{number}.1/24") for number, mac in enumerate(MACS, start=1)]
        line = boot_line("NODE01", cards=cards, brain="10.9.1.254:4711", token=self._token)
        command = [
            *(QEMU, "-machine", "q35", "-accel", "tcg,tb-size=64", "-cpu", "max", "-m", "256"),
            *("-nodefaults", "-display", "none", "-no-user-config"),
            *("-kernel", str(self._image.kernel), "-initrd", str(self._image.initrd), "-append", line),
            *("-drive", f"file={self._folder / 'overlay.qcow2'},if=none,id=root,format=qcow2"),
            *("-device", "virtio-blk-pci,drive=root"),
            *("-serial", f"file:{self.console}", "-qmp", f"unix:{self._folder / 'qmp'},server=on,wait=off"),
        ]
        for number, mac in enumerate(MACS, start=1):
            command += ["-netdev", f"user,id=net{number},restrict=on"]
            command += ["-device", f"pcie-root-port,id=port{number},slot={number}"]
            command += ["-device", f"virtio-net-pci,netdev=net{number},id=card{number},mac={mac},bus=port{number}"]
        self._process = subprocess.Popen(command, stdin=subprocess.DEVNULL)

    @property
    def text(self) -> str:
        return self.console.read_text(errors="replace") if self.console.exists() else ""

    def sees(self, pattern: str, *, times: int = 1, within_s: float = BOOT_WITHIN_S) -> list[Any]:
        """Wait until the console has lines with `pattern`, at least so many; return what was found."""

        def probe() -> list[Any] | None:
            found = re.findall(pattern, self.text, re.MULTILINE)
            assert self._process.poll() is None or len(found) >= times, f"it ended:\n{self.text}"
            return found if len(found) >= times else None

        return wait_until(probe, within_s=within_s, what=f"'{pattern}' on the console", poll_s=0.1)

    def ends(self, within_s: float = 60.0) -> int:
        return self._process.wait(within_s)

    def cut_power(self) -> None:
        self._process.kill()
        self._process.wait(20)

    def ask(self, execute: str, **arguments: Any) -> Any:
        """One command of QEMU's control protocol."""
        with socket.socket(socket.AF_UNIX) as sock:
            sock.settimeout(20)
            sock.connect(str(self._folder / "qmp"))
            lines = sock.makefile("r")
            lines.readline()
            for command in ({"execute": "qmp_capabilities"}, {"execute": execute, "arguments": arguments}):
                sock.sendall(json.dumps(command).encode() + b"\n")
                while "event" in (answer := json.loads(lines.readline())):
                    pass
                assert "return" in answer, answer
        return answer["return"]

    def close(self) -> None:
        if self._process.poll() is None:
            self.cut_power()


@pytest.fixture(scope="module")
def service(tmp_path_factory: pytest.TempPathFactory) -> dict[str, Path]:
    folder = tmp_path_factory.mktemp("service")
    (folder / "empty").write_text("")
    (folder / "service.py").write_text(STAND_IN)
    packages = ("harness", "harness/twin", "harness/twin/nodes")
    names = {f"{package}/__init__.py": folder / "empty" for package in packages}
    return {**names, "harness/twin/nodes/service.py": folder / "service.py"}


@pytest.fixture(scope="module")
def image(service: dict[str, Path]) -> Iterator[NodeImage]:
    """Operating system and packages are those of the state folder, built where it has none; the disk is removed."""
    if missing := why_not_buildable():
        pytest.skip(missing)
    if shutil.which(QEMU) is None:
        pytest.skip(f"{QEMU} missing (apt-get install -y qemu-system-x86)")
    built = build_image(lambda _: None, service_files=service)
    yield built
    shutil.rmtree(built.disk.parent)


@pytest.fixture
def boot(tmp_path: Path, image: NodeImage) -> Iterator[Callable[[str], Node]]:
    nodes: list[Node] = []

    def started(token: str) -> Node:
        node = Node(tmp_path, image, token)
        node.start()
        nodes.append(node)
        return node

    yield started
    for node in nodes:
        node.close()


def test_an_unchanged_image_is_found(image: NodeImage, service: dict[str, Path]) -> None:
    assert image_ready(service) == image
    assert build_image(lambda line: pytest.fail(line), service_files=service) == image
    assert {entry.name for entry in image.disk.parent.iterdir()} == {"kernel", "initrd", "disk.qcow2", "made.json"}


@pytest.mark.full
def test_nothing_is_left_of_a_build_from_nothing(
    service: dict[str, Path], tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    if missing := why_not_buildable():
        pytest.skip(missing)
    monkeypatch.setenv("HIL_STATE", str(tmp_path))
    said: list[str] = []
    built = build_image(said.append, service_files=service)
    assert sum(line.split(": ")[1].startswith("made in") for line in said) == 3
    assert image_ready(service) == built
    folder = ImageStore().folder
    assert not [entry.name for entry in folder.iterdir() if entry.name.startswith(".")]
    assert not list(Path("/tmp").glob("mmdebstrap.*"))
    assert str(folder) not in Path("/proc/self/mounts").read_text()


def test_a_change_of_the_service_makes_the_disk_only(
    image: NodeImage, service: dict[str, Path], tmp_path: Path
) -> None:
    changed = tmp_path / "service.py"
    changed.write_text(STAND_IN + "\n# changed\n")
    said: list[str] = []
    other = build_image(said.append, service_files={**service, "harness/twin/nodes/service.py": changed})
    assert said[:2] == ["operating system: unchanged", "Python packages: unchanged"]
    assert other.digest != image.digest
    shutil.rmtree(other.disk.parent)
    assert image.disk.is_file()


def test_a_package_that_the_image_lacks_is_refused(image: NodeImage, service: dict[str, Path], tmp_path: Path) -> None:
    needy = tmp_path / "service.py"
    needy.write_text("import yaml\n")
    with pytest.raises(Exception, match="imports 'yaml', which the node image does not have"):
        build_image(lambda _: None, service_files={**service, "harness/twin/nodes/service.py": needy})
    assert image_ready(service) == image


def test_a_node_comes_up_with_name_and_addresses(boot: Callable[[str], Node]) -> None:
    node = boot("addresses")
    node.sees(r"^NODE-UP NODE01\r?$")
    [(boot_id, brain)] = node.sees(r"^SERVICE start 1 NODE01 ([0-9a-f-]{36}) (\S+)\r?$")
    assert brain == "10.9.1.254:4711"
    [(host, card)] = node.sees(r"^SERVICE key 32 host (\S+) guests (\S+)\r?$")
    assert host == "NODE01"
    found = node.sees(r"^SERVICE address (\S+) inet (\S+)\r?$", times=3)
    assert ("lo", "127.0.0.1/8") in found
    assert (card, "10.9.1.1/24") in found
    assert "10.9.2.1/24" in {address for _, address in found}
    assert boot_id != Path("/proc/sys/kernel/random/boot_id").read_text().strip()


def test_a_service_that_dies_is_started_again(boot: Callable[[str], Node]) -> None:
    node = boot("die")
    node.sees(r"^SERVICE start 3 NODE01")
    again = node.sees(r"^NODE-SERVICE NODE01 ended with (\d+), starts again in (\d+) s\r?$", times=2)
    assert again[:2] == [("7", "1"), ("7", "2")]
    assert len(node.sees(r"^NODE-UP NODE01")) == 1


@pytest.mark.full  # the smoke plan has nodes restart too
def test_an_order_to_reboot_is_obeyed(boot: Callable[[str], Node]) -> None:
    node = boot("reboot")
    node.sees(r"^NODE-DOWN NODE01 reboot\r?$")
    boots = node.sees(r"^SERVICE start 1 NODE01 ([0-9a-f-]{36})", times=2)
    assert boots[0] != boots[1]
    assert len(node.sees(r"^NODE-UP NODE01", times=2)) == 2


def test_an_order_to_power_off_is_obeyed(boot: Callable[[str], Node]) -> None:
    node = boot("poweroff")
    node.sees(r"^NODE-DOWN NODE01 poweroff\r?$")
    assert node.ends() == 0


def test_an_unknown_order_is_told_and_forgotten(boot: Callable[[str], Node]) -> None:
    node = boot("nonsense")
    node.sees(r"^NODE-FAILED NODE01 unknown order 'nonsense'\r?$")
    node.ask("system_powerdown")
    assert node.ends() == 0
    assert node.text.count("unknown order") == 1


def test_the_power_button_ends_the_service_first(boot: Callable[[str], Node]) -> None:
    node = boot("stay")
    node.sees(r"^SERVICE key")
    node.ask("system_powerdown")
    assert node.ends() == 0
    said = node.text
    assert said.index("SERVICE asked to end") < said.index("NODE-DOWN NODE01 poweroff")


def test_what_was_synchronized_survives_a_power_cut(boot: Callable[[str], Node]) -> None:
    node = boot("write")
    last = max(map(int, node.sees(r"^SERVICE wrote (\d+)\r?$", times=20)))
    node.cut_power()
    last = max(last, *map(int, re.findall(r"^SERVICE wrote (\d+)\r?$", node.text, re.MULTILINE)))
    node.start()
    [(size, numbers)] = node.sees(r"^SERVICE found (\d+) ([\d ]+)\r?$")
    assert size == "4096"
    assert len(numbers.split()) == 1, "a block is old or new, never half"
    assert int(numbers) >= last


def test_a_card_that_comes_back_gets_its_address_again(boot: Callable[[str], Node]) -> None:
    node = boot("cards")
    node.sees(r"^SERVICE cards .*10\.9\.2\.1/24")
    node.ask("device_del", id="card2")
    node.sees(r"^SERVICE cards (?!.*10\.9\.2\.1/24)", within_s=120)
    node.ask("device_add", driver="virtio-net-pci", netdev="net2", id="card2", mac=MACS[1], bus="port2")
    node.sees(r"^SERVICE cards .*10\.9\.2\.1/24", times=2, within_s=120)
