"""The smallest guest that shows what a nested lab does to a machine: a kernel, busybox and one script.

It answers pings on the addresses of its kernel arguments, and says on its serial port, one line each: `NODE-UP`, how
often it has started from this system disk (`COUNT n`), how many data disks it sees (`DISKS n`), whether the first one
can be read (`READ ok`, `READ failed`) and whether another guest answers (`PEER ok`, `PEER failed`).

Kernel and busybox are Debian's packages, downloaded and unpacked, not installed.
"""

from __future__ import annotations

import gzip
import shutil
import stat
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import Final

from harness.errors import LabError
from harness.labs.nested.command import run
from harness.labs.nested.files import remove
from harness.labs.nested.image.fingerprint import contents, digest_of
from harness.labs.nested.image.store import ImageStore
from harness.labs.nested.spec import KernelBoot

NODE_UP: Final = "NODE-UP"
_QUICK: Final = "console=ttyS0 quiet nokaslr tsc=reliable no_timer_check cryptomgr.notests mitigations=off panic=-1"
"""Arguments that save a second under emulation [measured]."""
_PACKAGES: Final = ("linux-image-cloud-amd64", "busybox-static")
_MODULES: Final = ("virtio_pci", "virtio_net", "virtio_blk", "virtio_scsi", "virtio_balloon", "sd_mod")
_DOWNLOAD_WITHIN_S: Final = 300.0
_KIND: Final = "tinyguest"
_KERNEL_NAME: Final = "vmlinuz"
_INITRD_NAME: Final = "initrd.gz"

_INIT: Final = """\
#!/bin/busybox sh
/bin/busybox --install -s /bin
export PATH=/bin
mount -t devtmpfs dev /dev
mount -t proc proc /proc
mount -t sysfs sys /sys
exec </dev/ttyS0 >/dev/ttyS0 2>&1
for module in $(cat /modules/order); do insmod /modules/$module; done
for word in $(cat /proc/cmdline); do
  case $word in
    hil.eth*=*)
      card=${word%%=*}; card=${card#hil.}
      ip address add ${word#*=} dev $card; ip link set $card up;;
    hil.peer=*) peer=${word#*=};;
  esac
done
if [ -b /dev/vda ]; then
  count=$(dd if=/dev/vda bs=512 count=1 2>/dev/null | tr -d '\\000')
  count=$((count + 1))
  echo $count | dd of=/dev/vda bs=512 count=1 conv=sync,fsync 2>/dev/null
  echo COUNT $count
fi
echo NODE-UP
disks=; read=; heard=
while true; do
  now=$(ls /sys/block | grep -c '^sd')
  [ "$now" = "$disks" ] || echo DISKS $now
  disks=$now
  first=$(ls /sys/block | grep '^sd' | head -n 1)
  if [ -n "$first" ]; then
    if dd if=/dev/$first of=/dev/null bs=4096 count=1 iflag=direct 2>/dev/null; then now=ok; else now=failed; fi
    [ "$now" = "$read" ] || echo READ $now
    read=$now
  fi
  if [ -n "$peer" ]; then
    if ping -c 1 -W 1 $peer >/dev/null 2>&1; then now=ok; else now=failed; fi
    [ "$now" = "$heard" ] || echo PEER $now
    heard=$now
  fi
  sleep 0.3
done
"""


@dataclass(frozen=True, slots=True)
class TinyGuest:
    """Kernel and initrd of the guest."""

    kernel: Path
    initrd: Path

    def boot(self, *addresses: str, peer: str = "") -> KernelBoot:
        """Boot with these addresses (`10.80.1.11/24`) on the cards in their order; `peer` is pinged once a second."""
        cards = [f"hil.eth{at}={address}" for at, address in enumerate(addresses)]
        told = [f"hil.peer={peer}"] if peer else []
        return KernelBoot(self.kernel, self.initrd, " ".join([_QUICK, *cards, *told]))


def tiny_guest(folder: Path) -> TinyGuest:
    """The guest, made in `folder` unless it is there; processes that ask at the same time wait for the first.

    Raises LabError when the packages cannot be downloaded.
    """
    store = ImageStore(folder)
    digest = digest_of(contents({"tinyguest.py": Path(__file__)}))
    with store.building(lambda _: None):
        stored = store.find(_KIND, digest) or store.make(_KIND, digest, _make)
    return TinyGuest(stored.folder / _KERNEL_NAME, stored.folder / _INITRD_NAME)


def _make(into: Path) -> None:
    unpacked = into / "unpacked"
    unpacked.mkdir()
    _download(into, unpacked)
    found = sorted(unpacked.glob("boot/vmlinuz-*"))
    if not found:
        raise LabError(f"no kernel came with {_PACKAGES[0]}", hint="apt-get update, then again")
    shutil.copyfile(found[-1], into / _KERNEL_NAME)
    (into / _INITRD_NAME).write_bytes(gzip.compress(_archive(unpacked), 1))
    remove(unpacked)


def blank_image(path: Path, size_bytes: int = 1 << 20) -> Path:
    """A raw base image of zeros: the guest's count begins at one."""
    path.parent.mkdir(parents=True, exist_ok=True)
    with path.open("wb") as file:
        file.truncate(size_bytes)
    return path


def _download(folder: Path, unpacked: Path) -> None:
    """The kernel's package is empty and depends on the one of the newest version."""
    policy = run(["apt-cache", "depends", "--important", _PACKAGES[0]]).stdout
    kernel = next((line.split()[-1] for line in policy.splitlines() if "linux-image-" in line and ":" in line), "")
    if not kernel:
        raise LabError(f"apt does not know {_PACKAGES[0]}", hint="apt-get update, then again")
    for package in (kernel, _PACKAGES[1]):
        here = folder / "packages"
        remove(here)
        here.mkdir()
        # not as the user _apt, who may not write here
        command = [
            "sh",
            "-c",
            'cd "$1" && apt-get download -q -o APT::Sandbox::User=root "$2"',
            "sh",
            str(here),
            package,
        ]
        run(command, within_s=_DOWNLOAD_WITHIN_S)
        for archive in here.glob("*.deb"):
            run(["dpkg-deb", "-x", str(archive), str(unpacked)], within_s=_DOWNLOAD_WITHIN_S)
        remove(here)


def _archive(unpacked: Path) -> bytes:
    """The initrd as a cpio archive in the format that kernels read ([D] initramfs buffer format)."""
    modules = {path.name.removesuffix(".ko").replace("-", "_"): path for path in unpacked.glob("lib/modules/*/**/*.ko")}
    order = list(_with_needed(modules))
    parts = [_entry(name, stat.S_IFDIR | 0o755) for name in ("bin", "dev", "proc", "sys", "modules")]
    parts.append(_entry("dev/console", stat.S_IFCHR | 0o600, device=(5, 1)))
    parts.append(_entry("bin/busybox", stat.S_IFREG | 0o755, (unpacked / "bin/busybox").read_bytes()))
    parts.append(_entry("init", stat.S_IFREG | 0o755, _INIT.encode()))
    parts += [_entry(f"modules/{name}.ko", stat.S_IFREG | 0o644, modules[name].read_bytes()) for name in order]
    parts.append(_entry("modules/order", stat.S_IFREG | 0o644, "".join(f"{name}.ko\n" for name in order).encode()))
    return b"".join([*parts, _entry("TRAILER!!!", 0)])


def _with_needed(modules: dict[str, Path]) -> Iterator[str]:
    """The wanted modules, each after those that it needs; what the kernel has built in is no file."""
    seen: set[str] = set()

    def visit(name: str) -> Iterator[str]:
        if name in seen or name not in modules:
            return
        seen.add(name)
        needed = modules[name].read_bytes().partition(b"\0depends=")[2].partition(b"\0")[0].decode()
        for one in filter(None, needed.split(",")):
            yield from visit(one.replace("-", "_"))
        yield name

    for name in _MODULES:
        yield from visit(name)


def _entry(name: str, mode: int, content: bytes = b"", device: tuple[int, int] = (0, 0)) -> bytes:
    path = name.encode() + b"\0"
    fields = (0, mode, 0, 0, 1, 0, len(content), 0, 0, *device, len(path), 0)
    head = b"070701" + b"".join(f"{field:08X}".encode() for field in fields) + path
    return _padded(head) + _padded(content)


def _padded(text: bytes) -> bytes:
    return text + b"\0" * (-len(text) % 4)
