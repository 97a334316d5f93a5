"""Which faults there are, and how to undo one from its record alone."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from typing import Final

from harness.errors import ConfigError, FaultError
from harness.faults.node_power import NodePowerLoss
from harness.faults.port import FaultMode
from harness.labs.lease import Lease
from harness.labs.port import Lab

_MODES: Final[Mapping[str, Callable[[], FaultMode]]] = {"node.power_loss": NodePowerLoss}


def mode_of(fault: str) -> FaultMode:
    """The implementation of the fault named `fault` in a plan.  Raises ConfigError when there is none yet."""
    try:
        return _MODES[fault]()
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
    if record.get("verb") != "power_on":
        raise FaultError(f"undo record {dict(record)} has no verb that this version knows", hint="undo it by hand")
    lab.power_on(record["node"], lease)
