"""Taking back any primitive by its record, whoever did it: the one list of primitives that leave something behind."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from typing import Final

from harness.errors import FaultError
from harness.labs.nested import cables, disks, power
from harness.labs.nested.machines import Machines
from harness.labs.nested.port import DomainState
from harness.labs.nested.undo import Undo

_UNDOINGS: Final[Mapping[str, Callable[[Machines, Undo], None]]] = {
    power.POWER: power.undo_power,
    power.FREEZE: power.undo_freeze,
    power.STARVE: power.undo_starve,
    power.SQUEEZE: power.undo_squeeze,
    power.PULSE: power.undo_pulse,
    cables.CABLE: cables.undo_cable,
    cables.RULES: cables.undo_rules,
    cables.SHAPING: cables.undo_shaping,
    disks.PULLED: disks.undo_pulled,
    disks.BAD: disks.undo_bad,
    disks.SLOW: disks.undo_slow,
}

_OUTSIDE: Final = frozenset({cables.RULES, cables.SHAPING})
"""Those that lie in the lab's network, not in the machine: they can be left when the machine is gone."""


def undo_all(machines: Machines) -> list[Undo]:
    """Take back every fault of the lab that is still open, the last one first; returns their records."""
    records = _open(machines)
    for record in records:
        undo(machines, record)
    return records


def undo_cause(machines: Machines, cause: str, machine: str) -> list[Undo]:
    """Take back every open fault that was done to a machine for one cause, the last one first; returns their records.

    What was done for another cause as well stays until that one is taken back too: a frozen machine that a hold lets go
    of stays frozen.
    """
    mine = [record for record in _open(machines) if (record.cause, record.machine) == (cause, machine)]
    for record in mine:
        if not _is_shared(machines, record):
            undo(machines, record)
        machines.withdraw(record)
    return mine


def _is_shared(machines: Machines, record: Undo) -> bool:
    return any(other.is_same_deed(record) and other != record for other in _open(machines))


def _open(machines: Machines) -> list[Undo]:
    return list(reversed(machines.open_faults().values()))


def undo(machines: Machines, record: Undo) -> None:
    """Take a primitive back; harmless when it was taken back before, or never came about.

    Raises FaultError for a record of a primitive that this version does not know.
    """
    undoing = _UNDOINGS.get(record.primitive)
    if undoing is None:
        raise FaultError(
            f"the fault '{record.primitive}' on machine '{record.machine}' cannot be undone: it is unknown",
            hint=f"known: {', '.join(sorted(_UNDOINGS))}",
        )
    if record.primitive in _OUTSIDE or machines.state(record.machine) is not DomainState.ABSENT:
        undoing(machines, record)
    machines.taken_back(record)
