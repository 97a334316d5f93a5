"""Who is asked, and by which ways."""

from __future__ import annotations

import ipaddress
from dataclasses import dataclass
from typing import Final

from harness.errors import ConfigError
from harness.values import Signal

PORTLESS: Final = frozenset({Signal.ICMP, Signal.GUEST, Signal.HEARTBEAT})
"""Signals that name no port of the guest."""


@dataclass(frozen=True, slots=True)
class ProbeSignal:
    """One way by which a target is asked; `port` is the guest's UDP or TCP port, 0 for ICMP.

    Raises ConfigError when the signal needs a port and has none, or has one and needs none.
    """

    signal: Signal
    port: int = 0

    def __post_init__(self) -> None:
        if self.signal in PORTLESS:
            if self.port:
                raise ConfigError(
                    f"probe signal '{self.signal}' has port {self.port}, but knows no ports", hint="Leave the port out."
                )
        elif not 0 < self.port < 65536:
            raise ConfigError(
                f"probe signal '{self.signal}' has port {self.port}; expected 1 to 65535",
                hint="Name the port at which the guest answers.",
            )


@dataclass(frozen=True, slots=True)
class ProbeTarget:
    """A guest as the prober sees it.

    `vm` is the guest's name in every sample.  `group` is what its outages may have in common, as a rule the node that
    owns it: the guests of one group are asked at evenly spread instants, so that together they show the edge of a
    common outage more closely than each alone.

    Raises ConfigError for anything but an IPv4 address (the packets are made by hand, and only for IPv4), and when it
    has no signal or one twice.
    """

    vm: str
    address: str
    signals: tuple[ProbeSignal, ...] = (ProbeSignal(Signal.ICMP),)
    group: str = ""

    def __post_init__(self) -> None:
        _check_address(self.vm, self.address)
        if not self.signals:
            raise ConfigError(f"probe target '{self.vm}' has no signal", hint="Give it at least icmp.")
        if len({asked.signal for asked in self.signals}) < len(self.signals):
            raise ConfigError(f"probe target '{self.vm}' has a signal twice", hint="Name each signal once.")


def _check_address(vm: str, address: str) -> None:
    try:
        version = ipaddress.ip_address(address).version
    except ValueError:
        raise ConfigError(
            f"probe target '{vm}': '{address}' is no address; expected IPv4 such as 192.0.2.10",
            hint="Names are not looked up while probing: give the guest's address.",
        ) from None
    if version != 4:
        raise ConfigError(
            f"probe target '{vm}': '{address}' is IPv6; the prober asks over IPv4 only",
            hint="Give the guest's IPv4 address, or leave the guest out of the probe targets.",
        )
