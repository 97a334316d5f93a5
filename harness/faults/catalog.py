"""Which faults there are, and how to undo one from its record alone."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from types import MappingProxyType
from typing import Any, Final

from harness.errors import ConfigError, FaultError
from harness.faults.causes import CAUSES, Cause, PlantedCause
from harness.faults.node_away import CausedAbsence
from harness.faults.node_power import NodePowerCycle, NodePowerLoss
from harness.faults.port import FaultMode
from harness.labs.lease import Lease
from harness.labs.port import Lab

Make = Callable[[Mapping[str, Any]], FaultMode]


def _planted(cause: Cause) -> Make:
    return lambda parameters: PlantedCause(cause, parameters)


_MODES: Final[Mapping[str, Make]] = {
    "node.power_loss": lambda parameters: NodePowerLoss(),
    "node.power_cycle": lambda parameters: NodePowerCycle("machine-reset", parameters),
    "node.hang": lambda parameters: CausedAbsence("machine-frozen", parameters),
    "network.isolate": lambda parameters: CausedAbsence("cables-out", parameters),
    **{fault: _planted(cause) for fault, cause in CAUSES.items()},
}


def mode_of(fault: str, parameters: Mapping[str, Any] = MappingProxyType({})) -> FaultMode:
    """The implementation of the fault named `fault` in a plan, with its parameters.

    Raises ConfigError when there is none yet.
    """
    try:
        return _MODES[fault](parameters)
    except KeyError:
        known = ", ".join(sorted(_MODES))
        raise ConfigError(
            f"fault '{fault}' cannot be injected by this version", hint=f"it can inject: {known}"
        ) from None


def undo(record: Mapping[str, str], lab: Lab, lease: Lease) -> None:
    """Revert a fault from its journalled undo record; doing so twice is the same as once.

    The one way in which faults are reverted, planned or not, so that it is never out of practice.  Raises FaultError
    for a record of an unknown verb.
    """
    match record.get("verb"):
        case "power_on":
            lab.power_on(record["node"], lease)
        case "lift":
            lab.lift(record["cause"], record["node"] or None, lease)
        case _:
            raise FaultError(f"undo record {dict(record)} has no verb that this version knows", hint="undo it by hand")
