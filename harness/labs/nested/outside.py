"""Causes that a nested lab brings about from outside of its nodes: what the lab host's verbs plant and lift do.

A cause is one or more primitives on one machine (`power`, `cables`, `disks`).  Their records name it, so that a process
that knows nothing but the lab's folder can lift it.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from typing import Any, Final

from harness.errors import ConfigError, FaultError, LabError
from harness.labs.nested import cables, disks, power
from harness.labs.nested.faults import undo_cause
from harness.labs.nested.machines import Machines
from harness.labs.nested.parameters import Parameter, read_parameters

BringAbout = Callable[[Machines, str, Mapping[str, Any]], object]
"""Does it to a machine, with a value for each parameter."""


@dataclass(frozen=True, slots=True)
class OutsideCause:
    """One cause.

    `pulse`: it is over as soon as it is done, so there is nothing to lift, and planting it twice does it twice.
    """

    meaning: str
    bring_about: BringAbout
    parameters: Mapping[str, Parameter] = field(default_factory=dict)
    pulse: bool = False


# --- what is done ----------------------------------------------------------------------------------------------------


def _cables_out(machines: Machines, node: str, given: Mapping[str, Any]) -> None:
    every = [nic.network for nic in machines.spec.machine(node).nics]
    for network in [given["network"]] if given["network"] else every or [_network(machines, node, given)]:
        cables.link_down(machines, node, network)


def _packets_lost(machines: Machines, node: str, given: Mapping[str, Any]) -> None:
    cables.lose(machines, node, _network(machines, node, given), given["percent"], given["direction"])


def _line_slow(machines: Machines, node: str, given: Mapping[str, Any]) -> None:
    cables.shape(machines, node, _network(machines, node, given), given["kbit_per_s"])


def _network_parted(machines: Machines, node: str, given: Mapping[str, Any]) -> None:
    cables.part(machines, _network(machines, node, given), [node])


def _disk_out(machines: Machines, node: str, given: Mapping[str, Any]) -> None:
    disks.pull_disk(machines, node, _serial(machines, node, given))


def _disk_failing(machines: Machines, node: str, given: Mapping[str, Any]) -> None:
    disks.fail_disk(machines, node, _serial(machines, node, given), on=given["on"], sectors=given["sectors"])


def _disk_slow(machines: Machines, node: str, given: Mapping[str, Any]) -> None:
    serial = _serial(machines, node, given)
    disks.throttle_disk(machines, node, serial, iops=given["iops"], bytes_per_s=given["bytes_per_s"])


def _memory_short(machines: Machines, node: str, given: Mapping[str, Any]) -> None:
    wanted = given["memory_mib"]
    power.squeeze(machines, node, machines.spec.machine(node).memory_mib // 2 if wanted is None else wanted)


def _processors_short(machines: Machines, node: str, given: Mapping[str, Any]) -> None:
    power.starve(machines, node, given["share"])


def _network(machines: Machines, node: str, given: Mapping[str, Any]) -> str:
    """The network that was given, else that of the machine's first card."""
    if given["network"]:
        return str(given["network"])
    if not (nics := machines.spec.machine(node).nics):
        raise ConfigError(f"machine '{node}' has no network card", hint="give it one in the lab file")
    return nics[0].network


def _serial(machines: Machines, node: str, given: Mapping[str, Any]) -> str:
    """The data disk that was given, else the machine's first."""
    if given["serial"]:
        return str(given["serial"])
    if not (found := machines.spec.machine(node).disks):
        raise ConfigError(f"machine '{node}' has no data disk", hint="give it one in the lab file")
    return found[0].serial


# --- which there are -------------------------------------------------------------------------------------------------

_NETWORK: Final = Parameter("network of the card; default: that of the machine's first one", "text")
_DIRECTIONS: Final = ("from", "to", "both")
_SERIAL: Final = Parameter("serial number of the data disk; default: the machine's first one", "text")

OUTSIDE: Final[Mapping[str, OutsideCause]] = {
    "machine-frozen": OutsideCause(
        "the processors stand still; memory and links stay", lambda machines, node, _: power.suspend(machines, node)
    ),
    "machine-reset": OutsideCause(
        "the reset button is pressed", lambda machines, node, _: power.reset(machines, node), pulse=True
    ),
    "machine-crashed": OutsideCause(
        "a non-maskable interrupt: a blue screen on Windows, a line in the log on Linux",
        lambda machines, node, _: power.inject_nmi(machines, node),
        pulse=True,
    ),
    "cables-out": OutsideCause(
        "network cables are pulled",
        _cables_out,
        {"network": Parameter("network of the only card that loses its cable; default: all cards", "text")},
    ),
    "packets-lost": OutsideCause(
        "packets of a card are lost at random",
        _packets_lost,
        {
            "percent": Parameter("share of the packets that is lost, 0.1 to 100", "number", 30),
            "network": _NETWORK,
            "direction": Parameter("those the machine sends, is to receive, or both", "text", "both", _DIRECTIONS),
        },
    ),
    "line-slow": OutsideCause(
        "a card receives slowly",
        _line_slow,
        {"kbit_per_s": Parameter("kbit/s that get through", "whole number", 1000), "network": _NETWORK},
    ),
    "network-parted": OutsideCause(
        "on one network the machine and all others do not reach each other", _network_parted, {"network": _NETWORK}
    ),
    "disk-out": OutsideCause("a data disk is pulled", _disk_out, {"serial": _SERIAL}),
    "disk-failing": OutsideCause(
        "a data disk answers with errors; a power cut heals it",
        _disk_failing,
        {
            "serial": _SERIAL,
            "on": Parameter("what fails", "text", "read", ("read", "write")),
            "sectors": Parameter("numbers of the bad sectors of 512 bytes; default: all are bad", "whole numbers", ()),
        },
    ),
    "disk-slow": OutsideCause(
        "a data disk is slow",
        _disk_slow,
        {
            "serial": _SERIAL,
            "iops": Parameter("operations per second, 0 for no limit", "whole number", 50),
            "bytes_per_s": Parameter("bytes per second, 0 for no limit", "whole number", 0),
        },
    ),
    "memory-short": OutsideCause(
        "the balloon takes memory away from the guest",
        _memory_short,
        {"memory_mib": Parameter("MiB that are left; default: half of what the machine has", "whole number")},
    ),
    "processors-short": OutsideCause(
        "each processor has a share of its time only",
        _processors_short,
        {"share": Parameter("the share, 0.01 to 0.99", "number", 0.1)},
    ),
}
"""Causes by name."""


def is_outside(cause: str) -> bool:
    """Is this a cause that is brought about from outside, and not by the cluster's own model?"""
    return cause in OUTSIDE


def plant(machines: Machines, cause: str, node: str | None, parameters: Mapping[str, object] | None = None) -> None:
    """Bring a cause about on the machine of a node; harmless when it is there, and the newest parameters count.

    Raises LabError for a cause, node or parameter that there is not, a value that cannot be, and a machine that is not
    in the state for it; nothing is done then.  Also when the hypervisor refuses: what was done until then, `lift` takes
    back.
    """
    known, name = _known(cause), _machine(machines, cause, node)
    given = read_parameters(f"'{cause}'", known.parameters, parameters or {})
    try:
        known.bring_about(machines.acting_for(cause), name, given)
    except (ConfigError, FaultError) as error:
        raise LabError(f"'{cause}' on '{name}' was refused: {error}", hint=error.hint) from error


def lift(machines: Machines, cause: str, node: str | None) -> None:
    """Take back whatever was done to the machine of a node for this cause, in this process or in another one; harmless
    when nothing was.

    Raises LabError for a cause or node that there is not, or when the hypervisor refuses; then it can be done again.
    """
    _known(cause)
    undo_cause(machines, cause, _machine(machines, cause, node))


def _known(cause: str) -> OutsideCause:
    if cause not in OUTSIDE:
        raise LabError(f"'{cause}' cannot be brought about from outside", hint=f"causes: {', '.join(OUTSIDE)}")
    return OUTSIDE[cause]


def _machine(machines: Machines, cause: str, node: str | None) -> str:
    if node not in machines.names:
        which = "no node" if node is None else f"node '{node}'"
        raise LabError(
            f"'{cause}' belongs to one of the lab's nodes, and {which} was named",
            hint=f"nodes: {', '.join(machines.names)}",
        )
    return node
