"""What the machines of a nested lab are: values, checked when they are made, that name nothing of a hypervisor's state.

All names that libvirt and the kernel see (domains, UUIDs, MAC addresses, taps, WWNs) are derived from the names of lab,
machine and network, so that a new process finds everything again without a record of it.
"""

from __future__ import annotations

import re
from collections.abc import Iterable
from dataclasses import dataclass, field
from hashlib import sha256
from pathlib import Path
from typing import Final, Literal
from uuid import UUID, uuid5

from harness.errors import ConfigError
from harness.labs.nested.namespace import Network

DomainType = Literal["qemu", "kvm", "test"]
"""`qemu` is emulation (TCG), `kvm` needs a working /dev/kvm, `test` is libvirt's mock: declared, never probed."""

DOMAIN_PREFIX: Final = "hil"
_NAMES: Final = re.compile(r"[A-Za-z0-9][A-Za-z0-9-]{0,30}")
_MACS: Final = re.compile(r"[0-9a-f][02468ace](:[0-9a-f]{2}){5}")
_NAMESPACE: Final = UUID("9b0e3b9e-6f0f-5d0e-8a55-1d0c6a7a4c11")
_SERIAL_LIMIT: Final = 20
"""Of virtio-blk; SCSI inquiry pages carry more, other tools cut there too."""
_SECTOR: Final = 512
_LEAST_MEMORY_MIB: Final = 32


@dataclass(frozen=True, slots=True)
class Nic:
    """One network card.  `mac` is empty for the address derived from lab, machine and network."""

    network: str
    mac: str = ""
    model: Literal["virtio", "e1000e"] = "virtio"

    def __post_init__(self) -> None:
        if self.mac and not _MACS.fullmatch(self.mac):
            raise ConfigError(
                f"MAC address '{self.mac}' is not a unicast one", hint="lower case, e.g. 52:54:00:0a:00:01"
            )


@dataclass(frozen=True, slots=True)
class DataDisk:
    """One data disk on the virtio-scsi controller, raw and sparse; the guest tells it by `serial` and WWN."""

    serial: str
    size_bytes: int

    def __post_init__(self) -> None:
        if not _NAMES.fullmatch(self.serial) or len(self.serial) > _SERIAL_LIMIT:
            raise ConfigError(
                f"serial number '{self.serial}' of a data disk cannot be used",
                hint=f"1 to {_SERIAL_LIMIT} letters, digits and hyphens",
            )
        if self.size_bytes <= 0 or self.size_bytes % _SECTOR:
            raise ConfigError(
                f"data disk {self.serial} of {self.size_bytes} bytes", hint=f"a positive multiple of {_SECTOR} bytes"
            )


@dataclass(frozen=True, slots=True)
class KernelBoot:
    """Boot a kernel of the host directly, without firmware: the fastest way up."""

    kernel: Path
    initrd: Path | None = None
    arguments: str = ""


@dataclass(frozen=True, slots=True)
class DiskBoot:
    """Boot the system disk as a BIOS machine."""


@dataclass(frozen=True, slots=True)
class UefiBoot:
    """Boot by UEFI firmware: with Secure Boot and enrolled keys, and an emulated TPM 2.0, unless told otherwise."""

    secure_boot: bool = True
    tpm: bool = True


Boot = KernelBoot | DiskBoot | UefiBoot


@dataclass(frozen=True, slots=True)
class MachineSpec:
    """One machine.

    `base` is the image under the system disk, which is an overlay on it; None for a machine without a system disk.
    Memory is in MiB.  `watchdog` is what the host does when the guest stops feeding the i6300esb.
    """

    name: str
    memory_mib: int
    vcpus: int = 1
    base: Path | None = None
    base_format: Literal["qcow2", "raw"] = "qcow2"
    boot: Boot = field(default_factory=DiskBoot)
    nics: tuple[Nic, ...] = ()
    disks: tuple[DataDisk, ...] = ()
    domain_type: DomainType = "qemu"
    system_bus: Literal["virtio", "sata"] = "virtio"
    cdroms: tuple[Path, ...] = ()
    watchdog: Literal["reset", "poweroff", "pause", "none", "inject-nmi"] = "none"

    def __post_init__(self) -> None:
        if not _NAMES.fullmatch(self.name):
            raise ConfigError(
                f"'{self.name}' cannot be the name of a machine", hint="letters, digits and hyphens, to 31"
            )
        if self.memory_mib < _LEAST_MEMORY_MIB or self.vcpus < 1:
            raise ConfigError(
                f"machine '{self.name}' has {self.memory_mib} MiB and {self.vcpus} processors",
                hint=f"at least {_LEAST_MEMORY_MIB} MiB and one processor",
            )
        if self.base is None and not isinstance(self.boot, KernelBoot):
            raise ConfigError(f"machine '{self.name}' has nothing to boot from", hint="give a base image or a kernel")
        _all_different(f"machine '{self.name}': networks of its cards", (nic.network for nic in self.nics))
        _all_different(f"machine '{self.name}': serial numbers of its disks", (disk.serial for disk in self.disks))


@dataclass(frozen=True, slots=True)
class MachinesSpec:
    """All machines of one lab and the networks between them.

    `namespace` is the network namespace in which bridges and taps are, empty for the machine's own.
    """

    lab: str
    networks: tuple[Network, ...]
    machines: tuple[MachineSpec, ...]
    namespace: str = ""

    def __post_init__(self) -> None:
        if not _NAMES.fullmatch(self.lab):
            raise ConfigError(
                f"'{self.lab}' cannot be the name of a nested lab", hint="letters, digits and hyphens, to 31"
            )
        _all_different(f"lab '{self.lab}': machines", (machine.name for machine in self.machines))
        _all_different(f"lab '{self.lab}': networks", (network.name for network in self.networks))
        known = {network.name for network in self.networks}
        for machine in self.machines:
            if missing := [nic.network for nic in machine.nics if nic.network not in known]:
                raise ConfigError(
                    f"machine '{machine.name}' has a card on network '{missing[0]}', which lab '{self.lab}' has not",
                    hint=f"networks: {', '.join(sorted(known)) or 'none'}",
                )
        macs = (self.mac(machine.name, nic.network) for machine in self.machines for nic in machine.nics)
        _all_different(f"lab '{self.lab}': MAC addresses", macs)

    def machine(self, name: str) -> MachineSpec:
        """The machine of this name.  Raises ConfigError when there is none."""
        for machine in self.machines:
            if machine.name == name:
                return machine
        names = ", ".join(machine.name for machine in self.machines)
        raise ConfigError(f"lab '{self.lab}' has no machine '{name}'", hint=f"its machines: {names}")

    def nic(self, machine: str, network: str) -> Nic:
        """The card of a machine on a network.  Raises ConfigError when there is none."""
        for nic in self.machine(machine).nics:
            if nic.network == network:
                return nic
        names = ", ".join(nic.network for nic in self.machine(machine).nics) or "none"
        raise ConfigError(f"machine '{machine}' has no card on network '{network}'", hint=f"its networks: {names}")

    def disk(self, machine: str, serial: str) -> DataDisk:
        """The data disk of a machine with this serial number.  Raises ConfigError when there is none."""
        for disk in self.machine(machine).disks:
            if disk.serial == serial:
                return disk
        serials = ", ".join(disk.serial for disk in self.machine(machine).disks) or "none"
        raise ConfigError(f"machine '{machine}' has no data disk '{serial}'", hint=f"its data disks: {serials}")

    def domain(self, machine: str) -> str:
        """Name of the machine's domain at the hypervisor."""
        return f"{DOMAIN_PREFIX}-{self.lab}-{machine}"

    def uuid(self, machine: str) -> UUID:
        """UUID of the machine, which the guest sees as the system UUID in SMBIOS."""
        return uuid5(_NAMESPACE, f"{self.lab}/{machine}")

    def mac(self, machine: str, network: str) -> str:
        """MAC address of a card: the given one, else one in QEMU's range 52:54:00."""
        if given := self.nic(machine, network).mac:
            return given
        tail = self._digest(machine, network)[:6]
        return f"52:54:00:{tail[0:2]}:{tail[2:4]}:{tail[4:6]}"

    def tap(self, machine: str, network: str) -> str:
        """The host's end of a card.  Not `vnet…`: libvirt keeps that prefix for names of its own."""
        return f"hil{self._digest(machine, network)[:11]}"

    def wwn(self, machine: str, serial: str) -> str:
        """World wide name of a data disk: NAA 5, a company number of QEMU's (52:54:00), then derived digits."""
        return f"5525400{self._digest(machine, serial)[:9]}"

    def _digest(self, machine: str, part: str) -> str:
        return sha256(f"{self.lab}/{machine}/{part}".encode()).hexdigest()


def _all_different(what: str, values: Iterable[str]) -> None:
    seen: set[str] = set()
    for value in values:
        if value in seen:
            raise ConfigError(f"{what}: '{value}' is there twice", hint="each needs one of its own")
        seen.add(value)
