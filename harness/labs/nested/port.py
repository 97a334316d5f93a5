"""The hypervisor as machines, power and faults see it: what a double and libvirt have in common."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import dataclass
from enum import StrEnum
from pathlib import Path
from typing import Any, Protocol
from uuid import UUID


class DomainState(StrEnum):
    """What the hypervisor says about a domain."""

    ABSENT = "absent"
    OFF = "off"
    RUNNING = "running"
    PAUSED = "paused"
    """Frozen from outside, or stopped by an I/O error."""
    CRASHED = "crashed"
    """The guest's panic was told to the host (pvpanic); the process may still be there."""

    @property
    def on(self) -> bool:
        """Whether the machine has power: its memory is kept."""
        return self in (DomainState.RUNNING, DomainState.PAUSED, DomainState.CRASHED)


@dataclass(frozen=True, slots=True)
class DomainEvent:
    """Something the hypervisor told by itself.

    `kind` is `lifecycle`, `reboot`, `watchdog`, `io-error` or `device-removed`; `detail` says which one in words;
    `t_mono_ns` is this machine's monotonic time at which it arrived here.
    """

    domain: str
    kind: str
    detail: str
    t_mono_ns: int


class Hypervisor(Protocol):
    """Domains by name.  All methods raise LabError when the hypervisor refuses; `domain` must exist unless said
    otherwise."""

    @property
    def uri(self) -> str:
        """Where it is, in libvirt's words."""

    def close(self) -> None:
        """Let go of the connection; domains stay as they are."""

    def listen(self, listener: Callable[[DomainEvent], None]) -> None:
        """Have `listener` called with every event from now on, in the hypervisor's own thread: it must be quick."""

    def domains(self) -> tuple[str, ...]:
        """Names of all domains, on or off, sorted."""

    def state(self, domain: str) -> DomainState:
        """State of a domain; `absent` for an unknown one."""

    def define(self, xml: str) -> None:
        """Make the domain known, or give it a new definition that counts from its next start."""

    def undefine(self, domain: str) -> None:
        """Forget a domain that is off, with its UEFI variables and TPM state; harmless when it is unknown."""

    def start(self, domain: str) -> None:
        """Switch on; harmless when it is on."""

    def stop(self, domain: str) -> None:
        """Take the power away (dirty); harmless when it is off or unknown."""

    def reset(self, domain: str) -> None:
        """Press the reset button."""

    def suspend(self, domain: str) -> None:
        """Freeze the processors; harmless when they are frozen."""

    def resume(self, domain: str) -> None:
        """Let frozen processors go on; harmless when they run."""

    def update_device(self, domain: str, xml: str) -> None:
        """Change a device, now where the machine is on, and in its definition."""

    def attach_device(self, domain: str, xml: str, *, lasting: bool = True) -> None:
        """Plug a device in, now where the machine is on, and in its definition when it is to be `lasting`."""

    def detach_device(self, domain: str, xml: str, mark: str, *, lasting: bool = True) -> None:
        """Pull a device, now where the machine is on, and in its definition when it is to be `lasting`.

        Returns once `mark`, such as its serial number, does not stand in the description any more.
        """

    def has_device(self, domain: str, mark: str) -> bool:
        """Whether `mark` stands in the description of the machine: the running one's where it is on."""

    def throttle(self, domain: str, target: str, limits: Mapping[str, int]) -> None:
        """Limit a disk of a running machine (`total_iops_sec`, `total_bytes_sec`, …; 0 is no limit)."""

    def set_memory(self, domain: str, kib: int) -> None:
        """Have the balloon of a running machine leave the guest so much."""

    def set_quota(self, domain: str, quota_us: int) -> None:
        """Give each processor of a running machine so many of 100000 microseconds; -1 for all of them."""

    def inject_nmi(self, domain: str) -> None:
        """Raise a non-maskable interrupt."""

    def monitor(self, domain: str, command: Mapping[str, Any]) -> Any:
        """Say a QMP command to QEMU and return its answer; libvirt marks the domain as tainted."""

    def tpm_folder(self, uuid: UUID) -> Path | None:
        """Where the emulated TPM of a machine keeps its state; None when that is not on this machine."""
