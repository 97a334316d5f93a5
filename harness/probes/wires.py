"""The wires that targets need."""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from typing import Final

from harness.probes.halfopen import HalfOpenWire
from harness.probes.icmp import IcmpWire
from harness.probes.target import ProbeTarget
from harness.probes.udp import UdpWire
from harness.probes.wire import Wire
from harness.values import Signal

OPENERS: Final[Mapping[Signal, Callable[[], Wire]]] = {
    Signal.ICMP: IcmpWire,
    Signal.UDP: UdpWire,
    Signal.TCP: HalfOpenWire,
}


def open_wires(targets: Sequence[ProbeTarget]) -> list[Wire]:
    """One wire for each signal of `targets` that packets made here can carry; closed again when one cannot be
    opened."""
    asked = {entry.signal for target in targets for entry in target.signals}
    wires: list[Wire] = []
    try:
        for signal, opener in OPENERS.items():
            if signal in asked:
                wires.append(opener())
    except BaseException:
        for wire in wires:
            wire.close()
        raise
    return wires
