"""Power and processors of a machine: off, on, reset, frozen, starved, short of memory, interrupted.

Each function does one thing at once and returns how to take it back.  Times are those measured under emulation.
"""

from __future__ import annotations

from collections.abc import Callable
from typing import Final

from harness.errors import ConfigError, FaultError
from harness.labs.nested.machines import Machines
from harness.labs.nested.undo import Undo

POWER: Final = "power"
FREEZE: Final = "freeze"
STARVE: Final = "starve"
SQUEEZE: Final = "squeeze"
PULSE: Final = "pulse"
"""Over as soon as it is done: nothing is to be taken back."""

_PERIOD_US: Final = 100_000
_LEAST_QUOTA_US: Final = 1_000


def power_off(machines: Machines, machine: str) -> Undo:
    """Cut the power (dirty, 1.2–2 s).

    The guest's memory is gone.  What reached QEMU survives in the host's page cache, so a disk's volatile write cache
    cannot be lost this way.
    """
    cut, dark = Undo(POWER, machine, {"was": "on"}), Undo(POWER, machine, {"was": "off"})
    domain = machines.domain(machine)
    # a second cut is the first one: the machine was on before it
    record = cut if machines.state(machine).on or machines.is_open(cut) else dark
    return machines.carry_out(record, lambda: machines.hypervisor.stop(domain))


def power_on(machines: Machines, machine: str) -> Undo:
    """Switch on (0.3–1.1 s); the guest comes up later.  After `power_off` this takes that back."""
    cut, dark = Undo(POWER, machine, {"was": "on"}), Undo(POWER, machine, {"was": "off"})
    if machines.is_open(cut):
        undo_power(machines, cut)
        machines.taken_back(cut)
        return cut
    domain = machines.domain(machine)
    record = cut if machines.state(machine).on else dark
    return machines.carry_out(record, lambda: machines.hypervisor.start(domain))


def reset(machines: Machines, machine: str) -> Undo:
    """Press the reset button (10–45 ms)."""
    domain = _running(machines, machine, "reset")
    return _pulse(machines, machine, "reset", lambda: machines.hypervisor.reset(domain))


def inject_nmi(machines: Machines, machine: str) -> Undo:
    """Raise a non-maskable interrupt (2–50 ms): a blue screen on Windows, a line in the log on Linux."""
    domain = _running(machines, machine, "nmi")
    return _pulse(machines, machine, "nmi", lambda: machines.hypervisor.inject_nmi(domain))


def suspend(machines: Machines, machine: str) -> Undo:
    """Freeze the processors (3–25 ms): like a hung node, heartbeats stop and memory stays."""
    domain = _running(machines, machine, FREEZE)
    return machines.carry_out(Undo(FREEZE, machine), lambda: machines.hypervisor.suspend(domain))


def resume(machines: Machines, machine: str) -> None:
    """Let frozen processors go on (3–25 ms); harmless when they run."""
    undo_freeze(machines, Undo(FREEZE, machine))
    machines.taken_back(Undo(FREEZE, machine))


def starve(machines: Machines, machine: str, share: float) -> Undo:
    """Leave each processor a `share` (0 to 1) of its time (1 ms to set).  Raises ConfigError for other shares."""
    quota_us = round(share * _PERIOD_US)
    if not _LEAST_QUOTA_US <= quota_us < _PERIOD_US:
        raise ConfigError(f"machine '{machine}' with a share of {share:g} of its processors", hint="0.01 to 0.99")
    domain = _running(machines, machine, STARVE)
    return machines.carry_out(Undo(STARVE, machine), lambda: machines.hypervisor.set_quota(domain, quota_us))


def squeeze(machines: Machines, machine: str, memory_mib: int) -> Undo:
    """Have the balloon leave the guest `memory_mib` MiB (3–5 ms to set); needs the guest's balloon driver.

    Raises ConfigError when that is not less than the machine has.
    """
    whole = machines.spec.machine(machine).memory_mib
    if not 0 < memory_mib < whole:
        raise ConfigError(
            f"machine '{machine}' has {whole} MiB and is to keep {memory_mib}", hint="say less than it has"
        )
    domain = _running(machines, machine, SQUEEZE)
    effect = memory_mib * 1024
    return machines.carry_out(Undo(SQUEEZE, machine), lambda: machines.hypervisor.set_memory(domain, effect))


# --- taken back ------------------------------------------------------------------------------------------------------


def undo_power(machines: Machines, record: Undo) -> None:
    """Back to on or off as it was."""
    domain = machines.domain(record.machine)
    if record.parameters["was"] == "on":
        machines.hypervisor.start(domain)
    else:
        machines.hypervisor.stop(domain)


def undo_freeze(machines: Machines, record: Undo) -> None:
    """Let the processors go on, where the machine is still on."""
    machines.hypervisor.resume(machines.domain(record.machine))


def undo_starve(machines: Machines, record: Undo) -> None:
    """All of the processors' time again; a machine that is off has it at its next start anyway."""
    if machines.state(record.machine).on:
        machines.hypervisor.set_quota(machines.domain(record.machine), -1)


def undo_squeeze(machines: Machines, record: Undo) -> None:
    """All of the memory again; a machine that is off has it at its next start anyway."""
    if machines.state(record.machine).on:
        whole = machines.spec.machine(record.machine).memory_mib
        machines.hypervisor.set_memory(machines.domain(record.machine), whole * 1024)


def undo_pulse(machines: Machines, record: Undo) -> None:
    """Nothing: it is over."""


# --- inside ----------------------------------------------------------------------------------------------------------


def _running(machines: Machines, machine: str, primitive: str) -> str:
    """The domain of a machine that has power.  Raises FaultError otherwise."""
    if not (state := machines.state(machine)).on:
        raise FaultError(
            f"'{primitive}' on machine '{machine}', which is {state}: it needs a machine that is on",
            hint="switch it on first",
        )
    return machines.domain(machine)


def _pulse(machines: Machines, machine: str, name: str, effect: Callable[[], None]) -> Undo:
    record = Undo(PULSE, machine, {"of": name})
    machines.carry_out(record, effect)
    machines.taken_back(record)
    return record
