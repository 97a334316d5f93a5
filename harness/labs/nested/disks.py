"""Data disks: pulled, put back, slow, with sectors that cannot be read or written.

Data disks are on a virtio-scsi controller: a SATA disk cannot be pulled from a running machine, and a virtio-blk disk
only when the guest answers.
"""

from __future__ import annotations

import errno
import os
from collections.abc import Sequence
from hashlib import sha256
from typing import Any, Final, Literal

from harness.clock import DeadlineExpiredError, wait_until
from harness.errors import ConfigError, FaultError, LabError
from harness.labs.nested.definition import disk_target, disk_xml
from harness.labs.nested.machines import Machines
from harness.labs.nested.undo import Undo

PULLED: Final = "pulled"
BAD: Final = "bad-disk"
SLOW: Final = "slow-disk"

_LET_GO_WITHIN_S: Final = 10.0


def pull_disk(machines: Machines, machine: str, serial: str) -> Undo:
    """Pull a data disk (16–120 ms): the guest sees it vanish; it stays out when the power is cut."""
    xml = _xml(machines, machine, serial)
    domain = machines.domain(machine)

    def effect() -> None:
        if machines.hypervisor.has_device(domain, _mark(serial)):
            machines.hypervisor.detach_device(domain, xml, _mark(serial))

    return machines.carry_out(Undo(PULLED, machine, {"serial": serial}), effect)


def put_disk_back(machines: Machines, machine: str, serial: str) -> None:
    """Plug a pulled data disk in again (15–25 ms), with what was on it; harmless when it is in."""
    record = Undo(PULLED, machine, {"serial": serial})
    undo_pulled(machines, record)
    machines.taken_back(record)


def fail_disk(
    machines: Machines,
    machine: str,
    serial: str,
    *,
    on: Literal["read", "write"] = "read",
    sectors: Sequence[int] = (),
    error: int = errno.EIO,
) -> Undo:
    """Have a data disk of a running machine answer with errors: everywhere, or where a request touches `sectors`.

    The disk is replaced in QEMU by one with the same identity behind `blkdebug`, so the guest sees it go and come back
    once; a power cut heals it.  Sectors are of 512 bytes.  Raises FaultError when the machine is off or the disk was
    pulled.
    """
    xml, domain = _xml(machines, machine, serial), machines.domain(machine)
    if not machines.state(machine).on:
        raise FaultError(f"disk {serial} of machine '{machine}' cannot fail: the machine is off", hint="switch it on")
    if _is_bad(machines, domain, serial):
        return machines.carry_out(Undo(BAD, machine, {"serial": serial}), lambda: None)
    if not machines.hypervisor.has_device(domain, _mark(serial)):
        raise FaultError(f"disk {serial} of machine '{machine}' is not plugged in", hint="put it back first")
    rules = [_rule(on, error, sector) for sector in sectors] or [_rule(on, error, None)]

    def effect() -> None:
        path = machines.places.data_disk(machine, serial)
        user = path.stat()
        machines.hypervisor.detach_device(domain, xml, _mark(serial), lasting=False)
        _let_go(machines, domain, f"ua-{serial}")
        # a daemon gives the file back to whom it was before, and its QEMU could not open it any more
        os.chown(path, user.st_uid, user.st_gid)
        image = {"driver": "file", "filename": str(path)}
        node = {"driver": "raw", "node-name": _node(serial), "discard": "unmap"}
        source = {"driver": "blkdebug", "image": image, "inject-error": rules}
        machines.hypervisor.monitor(domain, _command("blockdev-add", **node, file=source))
        machines.hypervisor.monitor(domain, _command("device_add", **_device(machines, machine, serial)))

    return machines.carry_out(Undo(BAD, machine, {"serial": serial}), effect)


def throttle_disk(machines: Machines, machine: str, serial: str, *, iops: int = 0, bytes_per_s: int = 0) -> Undo:
    """Make a data disk of a running machine slow (3 ms to set): operations or bytes per second, 0 for no limit."""
    if iops < 0 or bytes_per_s < 0 or iops + bytes_per_s == 0:
        raise ConfigError(
            f"disk {serial} of machine '{machine}' with {iops} operations and {bytes_per_s} bytes per second",
            hint="give a positive limit for one of them",
        )
    if not machines.state(machine).on:
        raise FaultError(f"disk {serial} of machine '{machine}' cannot be slow: it is off", hint="switch it on")
    target = disk_target(machines.spec.machine(machine), machines.spec.disk(machine, serial))
    domain, limits = machines.domain(machine), {"total_iops_sec": iops, "total_bytes_sec": bytes_per_s}
    record = Undo(SLOW, machine, {"serial": serial})
    return machines.carry_out(record, lambda: machines.hypervisor.throttle(domain, target, limits))


# --- taken back ------------------------------------------------------------------------------------------------------


def undo_pulled(machines: Machines, record: Undo) -> None:
    """Disk in."""
    serial, domain = str(record.parameters["serial"]), machines.domain(record.machine)
    if not machines.hypervisor.has_device(domain, _mark(serial)):
        machines.hypervisor.attach_device(domain, _xml(machines, record.machine, serial))


def undo_bad(machines: Machines, record: Undo) -> None:
    """The failing disk out, the sound one in; a machine that is off has the sound one at its next start anyway."""
    serial, domain = str(record.parameters["serial"]), machines.domain(record.machine)
    if not machines.state(record.machine).on:
        return
    if _is_bad(machines, domain, serial):
        machines.hypervisor.monitor(domain, _command("device_del", id=_bad(serial)))
        _let_go(machines, domain, _bad(serial))
    _remove_node(machines, domain, serial)
    if not machines.hypervisor.has_device(domain, _mark(serial)):
        machines.hypervisor.attach_device(domain, _xml(machines, record.machine, serial), lasting=False)


def undo_slow(machines: Machines, record: Undo) -> None:
    """Without limits; a machine that is off has none at its next start anyway."""
    serial = str(record.parameters["serial"])
    domain = machines.domain(record.machine)
    if machines.state(record.machine).on and machines.hypervisor.has_device(domain, _mark(serial)):
        target = disk_target(machines.spec.machine(record.machine), machines.spec.disk(record.machine, serial))
        machines.hypervisor.throttle(domain, target, {"total_iops_sec": 0, "total_bytes_sec": 0})


# --- inside ----------------------------------------------------------------------------------------------------------


def _xml(machines: Machines, machine: str, serial: str) -> str:
    spec = machines.spec
    return disk_xml(spec, spec.machine(machine), spec.disk(machine, serial), machines.places)


def _mark(serial: str) -> str:
    """How a data disk is told in a description."""
    return f"<serial>{serial}</serial>"


def _bad(serial: str) -> str:
    return f"bad-{serial}"


def _node(serial: str) -> str:
    """Name of a block node, of which QEMU takes at most 31 characters."""
    return f"hil-bad-{sha256(serial.encode()).hexdigest()[:16]}"


def _rule(on: str, error: int, sector: int | None) -> dict[str, Any]:
    """A rule of blkdebug: the event `none` happens when the node is made, so that the rule holds from then on."""
    where = {} if sector is None else {"sector": sector}
    return {"event": "none", "iotype": on, "errno": error, "once": False, "immediately": False, **where}


def _device(machines: Machines, machine: str, serial: str) -> dict[str, Any]:
    """The failing disk at the place, and with the identity, of the sound one."""
    spec = machines.spec
    unit = spec.machine(machine).disks.index(spec.disk(machine, serial))
    place = {"bus": "scsi0.0", "channel": 0, "scsi-id": 0, "lun": unit}
    identity = {"serial": serial, "wwn": int(spec.wwn(machine, serial), 16)}
    return {
        "driver": "scsi-hd",
        "id": _bad(serial),
        "drive": _node(serial),
        "rerror": "report",
        "werror": "report",
        **place,
        **identity,
    }


def _command(name: str, **arguments: Any) -> dict[str, Any]:
    return {"execute": name, "arguments": arguments} if arguments else {"execute": name}


def _devices(machines: Machines, domain: str) -> set[str]:
    """Names of the devices that were plugged into QEMU."""
    listed = machines.hypervisor.monitor(domain, _command("qom-list", path="/machine/peripheral"))
    return {str(one["name"]) for one in listed}


def _is_bad(machines: Machines, domain: str, serial: str) -> bool:
    return _bad(serial) in _devices(machines, domain)


def _has_node(machines: Machines, domain: str, serial: str) -> bool:
    nodes = machines.hypervisor.monitor(domain, _command("query-named-block-nodes", flat=True))
    return any(one.get("node-name") == _node(serial) for one in nodes)


def _remove_node(machines: Machines, domain: str, serial: str) -> None:
    """QEMU lets go of the image some time after it let go of the device: until then the node is "in use" [measured]."""

    def removed() -> bool | None:
        if not _has_node(machines, domain, serial):
            return True
        machines.hypervisor.monitor(domain, _command("blockdev-del", **{"node-name": _node(serial)}))
        return None

    what = f"{domain} to close disk {serial}"
    try:
        wait_until(removed, within_s=_LET_GO_WITHIN_S, what=what, tolerate=(LabError,))
    except DeadlineExpiredError as error:
        raise LabError(str(error), hint="the guest still uses the disk") from error


def _let_go(machines: Machines, domain: str, device: str) -> None:
    """Wait until a device is out of QEMU: only then its image can be opened again."""

    def gone() -> bool | None:
        return None if device in _devices(machines, domain) else True

    try:
        wait_until(gone, within_s=_LET_GO_WITHIN_S, what=f"{domain} to let go of {device}", poll_s=0.02)
    except DeadlineExpiredError as error:
        raise LabError(str(error), hint="the guest still uses the disk") from error
