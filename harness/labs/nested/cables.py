"""The wires of a lab: a cable out, packets lost, a slow line, a network parted.

Rules lie on the host's side of the machines' cards, in the lab's network namespace; guests need no part in it.  nft
rules name taps, so that they hold also for a machine that is switched off and on in between; shaping hangs on the tap
itself and is gone with it.  `tc netem` is not used: many kernels are built without it.
"""

from __future__ import annotations

from collections.abc import Sequence
from typing import Final, Literal

from harness.errors import ConfigError, FaultError
from harness.labs.nested.command import run
from harness.labs.nested.definition import interface_xml
from harness.labs.nested.machines import Machines
from harness.labs.nested.undo import Undo

CABLE: Final = "cable"
RULES: Final = "rules"
SHAPING: Final = "shaping"

Direction = Literal["from", "to", "both"]
"""Seen from the machine: packets it sends, packets it is to receive."""

_PER_MILLE: Final = 1000
_BURST: Final = "32kbit"
_LONGEST_QUEUE: Final = "400ms"


def link_down(machines: Machines, machine: str, network: str) -> Undo:
    """Pull the cable of a card (5–45 ms): the guest sees its carrier go; it stays out when the power is cut."""
    # before the journal: the record of a card that is not there could never be undone
    machines.spec.nic(machine, network)
    record = Undo(CABLE, machine, {"network": network})
    return machines.carry_out(record, lambda: _set_link(machines, machine, network, up=False))


def link_up(machines: Machines, machine: str, network: str) -> None:
    """Put the cable of a card back in; harmless when it is in."""
    record = Undo(CABLE, machine, {"network": network})
    undo_cable(machines, record)
    machines.taken_back(record)


def lose(machines: Machines, machine: str, network: str, percent: float, direction: Direction = "both") -> Undo:
    """Drop so many percent of the packets of a card, at random (5 ms to set).

    With `both`, a question and its answer are each lost with that probability.  Raises ConfigError for less than 0.1 or
    more than 100.
    """
    share = round(percent * _PER_MILLE / 100)
    if not 0 < share <= _PER_MILLE:
        raise ConfigError(f"machine '{machine}' is to lose {percent:g} % of its packets", hint="0.1 to 100")
    tap = _tap(machines, machine, network)
    drop = f"numgen random mod {_PER_MILLE} < {share} drop" if share < _PER_MILLE else "drop"
    chains = {
        "from": _chain("sent", "prerouting", [f"iifname {tap} {drop}"]),
        "to": _chain("received", "postrouting", [f"oifname {tap} {drop}"]),
    }
    wanted = [chain for side, chain in chains.items() if direction in (side, "both")]
    table = f"hil_loss_{tap}"
    record = Undo(RULES, machine, {"table": table})
    return machines.carry_out(record, lambda: _replace_table(machines, table, wanted))


def part(machines: Machines, network: str, side: Sequence[str]) -> Undo:
    """Part one network in two (5 ms to set): the machines of `side`, and all others on it; other networks stay whole.

    The lab host still reaches both.  A network can be parted in several ways at once, each with another first machine
    of its `side`.  Raises ConfigError when one of the two would be empty.
    """
    on_it = [one.name for one in machines.spec.machines if any(nic.network == network for nic in one.nics)]
    near = {_tap(machines, machine, network) for machine in side}
    far = {_tap(machines, machine, network) for machine in on_it} - near
    if not near or not far:
        raise ConfigError(
            f"network '{network}' cannot be parted into {', '.join(side) or 'nobody'} and the others",
            hint=f"machines on it: {', '.join(on_it) or 'none'}",
        )
    here, there = _group(near), _group(far)
    rules = [f"iifname {here} oifname {there} drop", f"iifname {there} oifname {here} drop"]
    # of its own for each: lifting one parting must leave the others
    table = f"hil_part_{_tap(machines, side[0], network)}"
    record = Undo(RULES, side[0], {"table": table})
    wanted = [_chain("across", "forward", rules)]
    return machines.carry_out(record, lambda: _replace_table(machines, table, wanted))


def shape(machines: Machines, machine: str, network: str, kbit_per_s: int) -> Undo:
    """Let a machine receive no more than so many kbit/s on a card (5 ms to set); what it sends is not shaped.

    Raises FaultError when the machine is off: there is no tap then.
    """
    if kbit_per_s <= 0:
        raise ConfigError(f"machine '{machine}' with {kbit_per_s} kbit/s", hint="a positive number")
    if not machines.state(machine).on:
        raise FaultError(f"machine '{machine}' is off: there is no line to shape", hint="switch it on first")
    tap = _tap(machines, machine, network)
    limits = ["rate", f"{kbit_per_s}kbit", "burst", _BURST, "latency", _LONGEST_QUEUE]
    command = ["tc", "qdisc", "replace", "dev", tap, "root", "tbf", *limits]
    record = Undo(SHAPING, machine, {"tap": tap})

    def effect() -> None:
        run(command, namespace=machines.spec.namespace)

    return machines.carry_out(record, effect)


# --- taken back ------------------------------------------------------------------------------------------------------


def undo_cable(machines: Machines, record: Undo) -> None:
    """Cable in."""
    _set_link(machines, record.machine, str(record.parameters["network"]), up=True)


def undo_rules(machines: Machines, record: Undo) -> None:
    """Without the rules; harmless when they are gone."""
    table = str(record.parameters["table"])
    # a table that is declared exists, so deleting it cannot fail
    script = f"table bridge {table}\ndelete table bridge {table}\n"
    run(["nft", "-f", "-"], text=script, namespace=machines.spec.namespace)


def undo_shaping(machines: Machines, record: Undo) -> None:
    """Line as fast as it was; harmless when tap or shaping are gone."""
    tap = str(record.parameters["tap"])
    shown = run(["tc", "qdisc", "show", "dev", tap], namespace=machines.spec.namespace, check=False)
    if shown.returncode == 0 and "tbf" in shown.stdout:
        run(["tc", "qdisc", "del", "dev", tap, "root"], namespace=machines.spec.namespace)


# --- inside ----------------------------------------------------------------------------------------------------------


def _tap(machines: Machines, machine: str, network: str) -> str:
    machines.spec.nic(machine, network)
    return machines.spec.tap(machine, network)


def _set_link(machines: Machines, machine: str, network: str, *, up: bool) -> None:
    spec = machines.spec
    xml = interface_xml(spec, spec.machine(machine), spec.nic(machine, network), up=up)
    machines.hypervisor.update_device(machines.domain(machine), xml)


def _group(taps: set[str]) -> str:
    return f"{{ {', '.join(sorted(taps))} }}"


def _chain(name: str, hook: str, rules: Sequence[str]) -> str:
    """A chain of the bridge family.  Its name must be none of nft's words, such as `fwd`."""
    body = "\n".join(f"    {rule}" for rule in rules)
    return f"  chain {name} {{\n    type filter hook {hook} priority -300; policy accept;\n{body}\n  }}"


def _replace_table(machines: Machines, table: str, chains: Sequence[str]) -> None:
    """All or nothing, and nothing of an earlier table is left: nft takes a script as one transaction."""
    body = "\n".join(chains)
    script = f"table bridge {table}\ndelete table bridge {table}\ntable bridge {table} {{\n{body}\n}}\n"
    run(["nft", "-f", "-"], text=script, namespace=machines.spec.namespace)
