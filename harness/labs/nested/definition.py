"""Domain XML from a machine's spec: the Linux-like machine; `windows` builds on it.

Facts about libvirt and QEMU: measured with libvirt 9.0 and QEMU 7.2, and libvirt's "Domain XML format".
"""

from __future__ import annotations

import shutil
import subprocess
from dataclasses import dataclass
from pathlib import Path
from typing import Final
from xml.etree import ElementTree as ET

from harness.labs.nested.spec import DataDisk, KernelBoot, MachineSpec, MachinesSpec, Nic, UefiBoot

TB_CACHE_MIB: Final = 64
"""Cap of TCG's translation cache: by default a guest's resident memory grows past 1 GB [measured]."""
SYSTEM_TARGETS: Final = {"virtio": "vda", "sata": "sda"}
_SCSI_LETTERS: Final = "abcdefghijklmnopqrstuvwxyz"


@dataclass(frozen=True, slots=True)
class Places:
    """Where the files of a lab's machines are: all in the lab's folder."""

    folder: Path

    def system_disk(self, machine: str) -> Path:
        """The overlay that is the machine's system disk."""
        return self.folder / "volumes" / f"{machine}.qcow2"

    def data_disk(self, machine: str, serial: str) -> Path:
        """A data disk."""
        return self.folder / "volumes" / f"{machine}.{serial}.raw"

    def variables(self, machine: str) -> Path:
        """The machine's UEFI variables (NVRAM)."""
        return self.folder / "firmware" / f"{machine}.fd"

    def serial_log(self, machine: str) -> Path:
        """What the machine wrote to its serial port, boot after boot."""
        return self.folder / "serial" / f"{machine}.log"


def domain_xml(spec: MachinesSpec, machine: MachineSpec, places: Places) -> str:
    """The definition of one machine, as libvirt takes it."""
    domain = ET.Element("domain", type=machine.domain_type)
    _text(domain, "name", spec.domain(machine.name))
    _text(domain, "uuid", str(spec.uuid(machine.name)))
    _text(domain, "memory", str(machine.memory_mib), unit="MiB")
    _text(domain, "vcpu", str(machine.vcpus))
    domain.append(_os(machine, places))
    domain.append(_features(machine))
    if machine.domain_type != "test":
        # `maximum` is QEMU's `-cpu max`, the fastest under TCG [measured]
        ET.SubElement(domain, "cpu", mode="host-passthrough" if machine.domain_type == "kvm" else "maximum")
    ET.SubElement(domain, "clock", offset="utc")
    for event, action in (("on_poweroff", "destroy"), ("on_reboot", "restart"), ("on_crash", "preserve")):
        _text(domain, event, action)
    domain.append(_devices(spec, machine, places))
    ET.indent(domain)
    return ET.tostring(domain, encoding="unicode") + "\n"


def disk_xml(spec: MachinesSpec, machine: MachineSpec, disk: DataDisk, places: Places) -> str:
    """One data disk, as it stands in the definition: to plug it in or pull it."""
    return ET.tostring(_data_disk(spec, machine, disk, places), encoding="unicode")


def interface_xml(spec: MachinesSpec, machine: MachineSpec, nic: Nic, *, up: bool) -> str:
    """One network card with its cable in or out."""
    element = _interface(spec, machine, nic)
    ET.SubElement(element, "link", state="up" if up else "down")
    return ET.tostring(element, encoding="unicode")


def disk_target(machine: MachineSpec, disk: DataDisk) -> str:
    """Name of a data disk at the hypervisor (not in the guest): `sdb`, `sdc`, …"""
    return f"sd{_SCSI_LETTERS[machine.disks.index(disk) + 1]}"


def disk_alias(disk: DataDisk) -> str:
    """Name of a data disk's device in QEMU; libvirt lets users choose those that begin with `ua-`."""
    return f"ua-{disk.serial}"


def schema_fault(xml: str) -> str | None:
    """What libvirt's own schema says against a definition: empty when nothing, None when it cannot be asked.

    Needs xmllint (package libxml2-utils) and libvirt's schemas (package libvirt0).
    """
    schema = next((path for path in _SCHEMAS if path.exists()), None)
    if schema is None or shutil.which("xmllint") is None:
        return None
    done = subprocess.run(
        ["xmllint", "--noout", "--relaxng", str(schema), "-"],
        input=xml,
        capture_output=True,
        text=True,
        check=False,
        timeout=60,
    )
    return "" if done.returncode == 0 else done.stderr.strip()


_SCHEMAS: Final = tuple(Path(folder) / "libvirt/schemas/domain.rng" for folder in ("/usr/share", "/usr/local/share"))


def _os(machine: MachineSpec, places: Places) -> ET.Element:
    boot = machine.boot
    os = ET.Element("os")
    kind = _text(os, "type", "hvm", arch="x86_64")
    if machine.domain_type != "test":
        kind.set("machine", "q35")
    if isinstance(boot, UefiBoot):
        os.set("firmware", "efi")
        secure = "yes" if boot.secure_boot else "no"
        firmware = ET.SubElement(os, "firmware")
        for name in ("enrolled-keys", "secure-boot"):
            ET.SubElement(firmware, "feature", enabled=secure, name=name)
        _text(os, "nvram", str(places.variables(machine.name)))
    elif isinstance(boot, KernelBoot):
        _text(os, "kernel", str(boot.kernel))
        if boot.initrd:
            _text(os, "initrd", str(boot.initrd))
        if boot.arguments:
            _text(os, "cmdline", boot.arguments)
    return os


def _features(machine: MachineSpec) -> ET.Element:
    features = ET.Element("features")
    for name in ("acpi", "apic"):
        ET.SubElement(features, name)
    if isinstance(machine.boot, UefiBoot):
        ET.SubElement(features, "smm", state="on" if machine.boot.secure_boot else "off")
    if machine.domain_type == "qemu":
        _text(ET.SubElement(features, "tcg"), "tb-cache", str(TB_CACHE_MIB), unit="MiB")
    return features


def _devices(spec: MachinesSpec, machine: MachineSpec, places: Places) -> ET.Element:
    devices = ET.Element("devices")
    if machine.base is not None:
        devices.append(_system_disk(machine, places))
    devices.extend([_cdrom(image, at) for at, image in enumerate(machine.cdroms)])
    if machine.disks:
        ET.SubElement(devices, "controller", type="scsi", index="0", model="virtio-scsi")
        devices.extend([_data_disk(spec, machine, disk, places) for disk in machine.disks])
    ET.SubElement(devices, "controller", type="usb", model="none" if not _has_display(machine) else "qemu-xhci")
    devices.extend([_interface(spec, machine, nic) for nic in machine.nics])
    serial = ET.SubElement(devices, "serial", type="file")
    ET.SubElement(serial, "source", path=str(places.serial_log(machine.name)), append="on")
    ET.SubElement(serial, "target", port="0")
    if _has_display(machine):
        _add_display(devices)
    if isinstance(machine.boot, UefiBoot) and machine.boot.tpm:
        tpm = ET.SubElement(devices, "tpm", model="tpm-crb")
        ET.SubElement(tpm, "backend", type="emulator", version="2.0")
    if machine.watchdog != "none":
        ET.SubElement(devices, "watchdog", model="i6300esb", action=machine.watchdog)
    ET.SubElement(devices, "memballoon", model="virtio")
    ET.SubElement(devices, "panic", model="isa")
    return devices


def _has_display(machine: MachineSpec) -> bool:
    """A display costs memory and time, and with one OVMF is silent on the serial port: only where firmware needs it."""
    return isinstance(machine.boot, UefiBoot)


def _add_display(devices: ET.Element) -> None:
    ET.SubElement(devices, "input", type="tablet", bus="usb")
    graphics = ET.SubElement(devices, "graphics", type="vnc", port="-1", autoport="yes", listen="127.0.0.1")
    ET.SubElement(graphics, "listen", type="address", address="127.0.0.1")
    ET.SubElement(ET.SubElement(devices, "video"), "model", type="vga")


def _system_disk(machine: MachineSpec, places: Places) -> ET.Element:
    disk = ET.Element("disk", type="file", device="disk")
    ET.SubElement(disk, "driver", name="qemu", type="qcow2", discard="unmap")
    ET.SubElement(disk, "source", file=str(places.system_disk(machine.name)))
    ET.SubElement(disk, "target", dev=SYSTEM_TARGETS[machine.system_bus], bus=machine.system_bus)
    if not isinstance(machine.boot, KernelBoot):
        ET.SubElement(disk, "boot", order="1")
    return disk


def _cdrom(image: Path, at: int) -> ET.Element:
    disk = ET.Element("disk", type="file", device="cdrom")
    ET.SubElement(disk, "driver", name="qemu", type="raw")
    ET.SubElement(disk, "source", file=str(image))
    ET.SubElement(disk, "target", dev=f"sd{_SCSI_LETTERS[-1 - at]}", bus="sata")
    ET.SubElement(disk, "readonly")
    ET.SubElement(disk, "boot", order=str(at + 2))
    return disk


def _data_disk(spec: MachinesSpec, machine: MachineSpec, disk: DataDisk, places: Places) -> ET.Element:
    element = ET.Element("disk", type="file", device="disk")
    # `report` gives errors to the guest, as a real disk does, instead of pausing the machine
    ET.SubElement(element, "driver", name="qemu", type="raw", error_policy="report", discard="unmap")
    ET.SubElement(element, "source", file=str(places.data_disk(machine.name, disk.serial)))
    ET.SubElement(element, "target", dev=disk_target(machine, disk), bus="scsi")
    _text(element, "serial", disk.serial)
    _text(element, "wwn", spec.wwn(machine.name, disk.serial))
    ET.SubElement(element, "alias", name=disk_alias(disk))
    unit = str(machine.disks.index(disk))
    ET.SubElement(element, "address", type="drive", controller="0", bus="0", target="0", unit=unit)
    return element


def _interface(spec: MachinesSpec, machine: MachineSpec, nic: Nic) -> ET.Element:
    element = ET.Element("interface", type="bridge")
    ET.SubElement(element, "mac", address=spec.mac(machine.name, nic.network))
    ET.SubElement(element, "source", bridge=nic.network)
    ET.SubElement(element, "target", dev=spec.tap(machine.name, nic.network))
    ET.SubElement(element, "model", type=nic.model)
    return element


def _text(parent: ET.Element, tag: str, text: str, **attributes: str) -> ET.Element:
    child = ET.SubElement(parent, tag, attributes)
    child.text = text
    return child
