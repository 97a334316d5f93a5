"""Events which Windows writes around updates, restarts and failures ([D] ids; message texts [GK])."""

from __future__ import annotations

from typing import Final, Protocol

from harness.twin.model.entities import OsBuild
from harness.twin.model.windows.catalog import GuestUpdate
from harness.twin.model.windows.offers import title_of
from harness.twin.model.windows.state import GuestOs

SYSTEM: Final = "System"
SETUP: Final = "Setup"
UPDATE_CLIENT: Final = "Microsoft-Windows-WindowsUpdateClient"
SERVICING: Final = "Microsoft-Windows-Servicing"
EVENT_LOG: Final = "EventLog"
KERNEL: Final = "Microsoft-Windows-Kernel-General"
POWER: Final = "Microsoft-Windows-Kernel-Power"
USER32: Final = "User32"
CRITICAL, ERROR = 1, 2


class LogKeeper(Protocol):
    """A Windows with event logs: a guest, or a node's as it is read."""

    @property
    def computer_name(self) -> str:
        """NetBIOS name."""

    @property
    def build(self) -> OsBuild:
        """Build in force."""

    def write(
        self,
        t_ns: int,
        log: str,
        provider: str,
        number: int,
        message: str,
        values: tuple[str, ...] = (),
        level: int = 4,
    ) -> None:
        """Append an event to a log."""


def download_started(machine: GuestOs, t_ns: int, update: GuestUpdate) -> None:
    """WindowsUpdateClient 44."""
    text = "Windows Update started downloading an update."
    machine.write(t_ns, SYSTEM, UPDATE_CLIENT, 44, text, (title_of(machine, update), machine.update_ids[update.kb]))


def install_started(machine: GuestOs, t_ns: int, update: GuestUpdate) -> None:
    """WindowsUpdateClient 43, Servicing 1."""
    title = title_of(machine, update)
    text = f"Installation Started: Windows has started installing the following update: {title}"
    machine.write(t_ns, SYSTEM, UPDATE_CLIENT, 43, text, (title, machine.update_ids[update.kb]))
    text = f"Initiating changes for package {update.kb}. Current state is Absent. Target state is Installed."
    machine.write(t_ns, SETUP, SERVICING, 1, text, (update.kb, "Absent", "Installed"))


def restart_needed(machine: GuestOs, t_ns: int, update: GuestUpdate) -> None:
    """Servicing 4, WindowsUpdateClient 21."""
    text = f"A reboot is necessary before package {update.kb} can be changed to the Installed state."
    machine.write(t_ns, SETUP, SERVICING, 4, text, (update.kb, "Installed"))
    text = (
        "Restart Required: To complete the installation of the following updates, the computer must be restarted: "
        f"- {title_of(machine, update)}"
    )
    machine.write(t_ns, SYSTEM, UPDATE_CLIENT, 21, text, (title_of(machine, update),))


def installed(machine: GuestOs, t_ns: int, update: GuestUpdate) -> None:
    """Servicing 2, WindowsUpdateClient 19."""
    text = f"Package {update.kb} was successfully changed to the Installed state."
    machine.write(t_ns, SETUP, SERVICING, 2, text, (update.kb, "Installed"))
    title = title_of(machine, update)
    text = f"Installation Successful: Windows successfully installed the following update: {title}"
    machine.write(t_ns, SYSTEM, UPDATE_CLIENT, 19, text, (title, machine.update_ids[update.kb], "200"))


def restart_requested(machine: LogKeeper, t_ns: int, process: str, user: str) -> None:
    """User32 1074."""
    name = machine.computer_name
    text = (
        f"The process {process} ({name}) has initiated the restart of computer {name} on behalf of user {user} for "
        "the following reason: No title for this reason could be found\r\n Reason Code: 0x800000ff\r\n Shutdown Type: "
        "restart\r\n Comment: "
    )
    machine.write(
        t_ns, SYSTEM, USER32, 1074, text, (f"{process} ({name})", name, "", "0x800000ff", "restart", "", user)
    )


def stopped(machine: LogKeeper, t_ns: int) -> None:
    """EventLog 6006, Kernel-General 13: an orderly end."""
    machine.write(t_ns, SYSTEM, EVENT_LOG, 6006, "The Event log service was stopped.")
    machine.write(t_ns, SYSTEM, KERNEL, 13, "The operating system is shutting down at system time.")


def started(machine: LogKeeper, t_ns: int, *, orderly: bool) -> None:
    """Kernel-General 12, EventLog 6009 and 6005; before that, after a failure, Kernel-Power 41 and EventLog 6008."""
    machine.write(t_ns, SYSTEM, KERNEL, 12, "The operating system started at system time.")
    if not orderly:
        text = (
            "The system has rebooted without cleanly shutting down first. This error could be caused if the system "
            "stopped responding, crashed, or lost power unexpectedly."
        )
        machine.write(t_ns, SYSTEM, POWER, 41, text, ("0",), CRITICAL)
        machine.write(t_ns, SYSTEM, EVENT_LOG, 6008, "The previous system shutdown was unexpected.", (), ERROR)
    version = f"10.00. {machine.build.build} "
    text = f"Microsoft (R) Windows (R) {version} Multiprocessor Free."
    machine.write(t_ns, SYSTEM, EVENT_LOG, 6009, text, (version, str(machine.build.build)))
    machine.write(t_ns, SYSTEM, EVENT_LOG, 6005, "The Event log service was started.")
