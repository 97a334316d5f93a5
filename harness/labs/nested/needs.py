"""What of this machine nested labs need, what their tests need beyond that, and which Debian packages bring it.

`requirements/nested.apt` lists the same packages for `./hil test --nested`, which installs them; a test keeps both
equal.
"""

from __future__ import annotations

import os
import shutil
import subprocess
from collections.abc import Mapping
from dataclasses import dataclass
from importlib.util import find_spec
from pathlib import Path
from typing import Final

from harness.labs.nested.definition import TB_CACHE_MIB
from harness.labs.nested.image.programs import environment
from harness.labs.nested.namespace import why_no_namespaces

BINDING_PACKAGES: Final = ("gcc", "libvirt-dev", "pkg-config", "python3-dev")
"""With them `./hil --nested doctor` builds the binding."""
DRIVER_PACKAGE: Final = "libvirt-daemon-driver-qemu"
LAB_PROGRAMS: Final[Mapping[str, str]] = {
    "qemu-system-x86_64": "qemu-system-x86",
    "qemu-img": "qemu-utils",
    "ip": "iproute2",
    "tc": "iproute2",
    "nft": "nftables",
    "modprobe": "kmod",
}
"""Program → its Debian package; without one of these no nested lab runs."""
FURTHER_PROGRAMS: Final[Mapping[str, str]] = {
    "libvirtd": "libvirt-daemon-system",
    "virtlogd": "libvirt-daemon-system",
    "mmdebstrap": "mmdebstrap",
    "cpio": "cpio",
    "swtpm": "swtpm",
    "swtpm_setup": "swtpm-tools",
    "xorriso": "xorriso",
    "xmllint": "libxml2-utils",
}
"""Program → its Debian package; each opens a part: a daemon of one's own, node images, TPM, answer files."""
FIRMWARE: Final = Path("/usr/share/OVMF/OVMF_CODE_4M.ms.fd")
FIRMWARE_PACKAGE: Final = "ovmf"
MEMORY: Final = Path("/proc/meminfo")
MORE_MEMORY: Final = "end what uses memory here, or choose fewer nodes or a smaller nested.memory_mib"

_DRIVERS: Final = "*/libvirt/connection-driver/libvirt_driver_qemu.so"
_LIBRARIES: Final = ("lib", "lib64")
_PREFIX: Final = "hil-try"


@dataclass(frozen=True, slots=True)
class Lack:
    """One thing that is not there, and the Debian packages that bring it (none where no package can)."""

    what: str
    packages: tuple[str, ...] = ()


def lab_lacks() -> list[Lack]:
    """What is missing without which no nested lab runs on this machine."""
    found = [] if find_spec("libvirt") else [Lack("libvirt-python", BINDING_PACKAGES)]
    if not _has_driver():
        found.append(Lack("libvirt's QEMU driver", (DRIVER_PACKAGE,)))
    found += _programs(LAB_PROGRAMS)
    if os.geteuid() != 0:
        found.insert(0, Lack("root"))
    elif not any(lack.what == "ip" for lack in found) and (why := why_no_namespaces(_PREFIX)):
        found.insert(0, Lack(why))
    return found


def further_lacks() -> list[Lack]:
    """What is missing of the parts that only some labs and tests need."""
    found = _programs(FURTHER_PROGRAMS)
    if not FIRMWARE.exists():
        found.append(Lack(f"firmware {FIRMWARE.name}", (FIRMWARE_PACKAGE,)))
    return found


def memory_short(machines: int, memory_mib: int) -> str:
    """Why `machines` with so much memory each do not fit into what this machine has free; empty when they do.

    An emulator takes its guest's memory little by little: without this the kernel would end one in the middle of a run.
    """
    wanted_mib = machines * (memory_mib + TB_CACHE_MIB)
    free_mib = int(MEMORY.read_text(encoding="ascii").partition("MemAvailable:")[2].split()[0]) // 1024
    if wanted_mib <= free_mib:
        return ""
    return f"its {machines} machines want {wanted_mib} MiB of memory in all, of which {free_mib} MiB are free"


def named(lacks: list[Lack]) -> str:
    """The names of what is missing, in a row."""
    return ", ".join(lack.what for lack in lacks)


def remedy(lacks: list[Lack]) -> str:
    """The commands that bring what is missing; empty when none can."""
    steps = []
    wanted = [lack for lack in lacks if lack.packages != BINDING_PACKAGES or not can_build()]
    if packages := sorted({package for lack in wanted for package in lack.packages}):
        steps.append(f"apt-get install -y --no-install-recommends {' '.join(packages)}")
    if any(lack.packages == BINDING_PACKAGES for lack in lacks):
        steps.append("./hil --nested doctor")
    if os.geteuid() != 0:
        steps.insert(0, "become root")
    return ", then ".join(steps)


def can_build() -> bool:
    """Whether all is here that the binding is built from."""
    if not all(map(shutil.which, ("gcc", "pkg-config"))):
        return False
    return subprocess.run(["pkg-config", "--exists", "libvirt"], check=False).returncode == 0


def _programs(wanted: Mapping[str, str]) -> list[Lack]:
    path = environment()["PATH"]
    return [
        Lack(program, (package,)) for program, package in wanted.items() if shutil.which(program, path=path) is None
    ]


def _has_driver() -> bool:
    """Debian has it below the folder of the architecture, others below lib64."""
    places = [Path("/usr", name) for name in _LIBRARIES]
    return any(next(place.glob(pattern), None) for place in places for pattern in (_DRIVERS, _DRIVERS[2:]))
