"""What is probed by connection, and at which times."""

from __future__ import annotations

import ipaddress
import re
import socket
from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any, Final
from urllib.parse import urlsplit

from harness.clock import NS_PER_MS, NS_PER_S
from harness.errors import ConfigError
from harness.probes.http import METHODS, request_bytes
from harness.values import Signal

SIGNALS: Final = (Signal.TCP, Signal.HTTP, Signal.HTTP_REUSED)
SYN_AGAIN_NS: Final = 1 * NS_PER_S
"""After this time the kernel sends an unanswered SYN again [RFC 6298 §2.1; Linux TCP_TIMEOUT_INIT; measured: 1.03 s].

A connect that waits longer is answered on the second SYN, so that a guest which was away for 0.3 s would look slow and
not lost.  A TCP probe is therefore given up before: one probe is one SYN.
"""
STALL_NS: Final = 50 * NS_PER_MS
"""Longer without a step is a stall of our own [D faults-and-availability §5.4]."""
_PATH: Final = re.compile(r"/[!-~]*")
_HOST: Final = re.compile(r"[!-.0-;=?-~]+")


@dataclass(frozen=True, slots=True)
class Timing:
    """Times of one signal in nanoseconds: one probe each `interval_ns`; an answer after more than `slow_ns` is slow,
    none within `late_ns` is lost; a silent target is probed each `burst_ns` (0: no burst).

    Raises ConfigError when they do not fit together.
    """

    interval_ns: int
    slow_ns: int
    late_ns: int
    burst_ns: int = 0

    def __post_init__(self) -> None:
        if self.interval_ns < NS_PER_MS:
            raise ConfigError(f"probe interval {self.interval_ns} ns is below 1 ms", hint="give at least 1 ms")
        if not STALL_NS <= self.slow_ns <= self.late_ns:
            raise ConfigError(
                f"slow after {self.slow_ns} ns, late until {self.late_ns} ns: slow must lie between "
                f"{STALL_NS // NS_PER_MS} ms, below which the prober's own delays would count, and late",
                hint="correct the two limits",
            )
        if self.burst_ns and not NS_PER_MS <= self.burst_ns <= self.interval_ns:
            raise ConfigError(
                f"burst each {self.burst_ns} ns does not lie between 1 ms and the interval of {self.interval_ns} ns",
                hint="give 0 for no burst",
            )


TIMINGS: Final[Mapping[Signal, Timing]] = {
    Signal.TCP: Timing(100 * NS_PER_MS, 200 * NS_PER_MS, 900 * NS_PER_MS, 10 * NS_PER_MS),
    Signal.HTTP: Timing(1 * NS_PER_S, 1 * NS_PER_S, 4 * NS_PER_S),
    Signal.HTTP_REUSED: Timing(1 * NS_PER_S, 1 * NS_PER_S, 4 * NS_PER_S),
}
"""Intervals and burst from [D faults-and-availability §5].  The other limits are [INF]: an HTTP probe has its answer
before the 5 s are over for which a sampler waits until it tells samples."""


@dataclass(frozen=True, slots=True)
class Service:
    """One port of one guest, asked by one signal (`tcp`, `http` or `http-reused`).

    `address` is an IPv4 or IPv6 literal: looking up a name would block the sampler.  `method`, `path` and `host` (the
    Host field; address and port when empty) are those of the HTTP request.  Raises ConfigError on anything else.
    """

    vm: str
    signal: Signal
    address: str
    port: int
    path: str = "/"
    method: str = "GET"
    host: str = ""

    def __post_init__(self) -> None:
        what = f"service of {self.vm or 'a guest without name'}"
        if not self.vm:
            raise ConfigError(f"{what}: every service belongs to a guest", hint="name the guest")
        if self.signal not in SIGNALS:
            known = ", ".join(signal.value for signal in SIGNALS)
            raise ConfigError(f"{what}: signal {self.signal} is none of {known}", hint="use one of these")
        if not _is_address(self.address):
            raise ConfigError(
                f"{what}: {self.address!r} is no IPv4 or IPv6 address",
                hint="give the address itself; names are not looked up while sampling",
            )
        if not 1 <= self.port <= 65535:
            raise ConfigError(f"{what}: port {self.port} is not between 1 and 65535", hint="correct the port")
        if self.method not in METHODS:
            raise ConfigError(
                f"{what}: method {self.method!r} is none of {', '.join(METHODS)}",
                hint="a probe must change nothing at the service",
            )
        if not _PATH.fullmatch(self.path):
            raise ConfigError(
                f"{what}: path {self.path!r} does not begin with / or has blanks or other than ASCII characters",
                hint="percent-encode the path",
            )
        if self.host and not _HOST.fullmatch(self.host):
            raise ConfigError(f"{what}: {self.host!r} is no host name", hint="give name or name:port")

    def endpoint(self) -> tuple[socket.AddressFamily, Any]:
        """Address family and socket address."""
        rows = socket.getaddrinfo(
            self.address,
            self.port,
            type=socket.SOCK_STREAM,
            flags=socket.AI_NUMERICHOST | socket.AI_NUMERICSERV,
        )
        return rows[0][0], rows[0][4]

    def request(self) -> bytes:
        """The bytes to send; empty for `tcp`."""
        if self.signal is Signal.TCP:
            return b""
        address = f"[{self.address.partition('%')[0]}]" if ":" in self.address else self.address
        host = self.host or (address if self.port == 80 else f"{address}:{self.port}")
        return request_bytes(self.method, self.path, host, keep=self.signal is Signal.HTTP_REUSED)


def service_from_url(vm: str, url: str, signal: Signal = Signal.HTTP, *, method: str = "GET") -> Service:
    """The service behind `http://address[:port]/path?query`.

    Raises ConfigError for other schemes (TLS is not spoken), names in place of an address, user names and passwords.
    """
    try:
        parts = urlsplit(url)
        address, port = parts.hostname or "", parts.port or 80
    except ValueError as error:
        raise ConfigError(f"service of {vm}: no usable URL: {error}", hint="write http://address:port/path") from error
    if parts.username is not None or parts.password is not None:
        raise ConfigError(
            f"service of {vm}: the URL carries a user name or password", hint="probe a path that needs no login"
        )
    if parts.scheme == "https":
        raise ConfigError(f"service of {vm}: {url!r}: probes do not speak TLS", hint="probe the port by signal tcp")
    if parts.scheme != "http":
        raise ConfigError(
            f"service of {vm}: {url!r} does not begin with http://", hint="write http://address:port/path"
        )
    path = (parts.path or "/") + (f"?{parts.query}" if parts.query else "")
    return Service(vm, signal, address, port, path, method)


def check_timing(signal: Signal, timing: Timing) -> None:
    """Raise ConfigError when `timing` cannot serve `signal`: see SYN_AGAIN_NS."""
    if signal is Signal.TCP and timing.late_ns >= SYN_AGAIN_NS:
        raise ConfigError(
            f"TCP probes cannot wait {timing.late_ns / NS_PER_S:g} s for an answer: after "
            f"{SYN_AGAIN_NS / NS_PER_S:g} s the kernel asks again, and outages look like slow answers",
            hint="keep late below 1 s for tcp",
        )
    if signal is not Signal.TCP and timing.burst_ns:
        raise ConfigError(f"signal {signal} knows no burst", hint="set burst to 0; TCP probes burst")


def _is_address(text: str) -> bool:
    try:
        ipaddress.ip_address(text)
    except ValueError:
        return False
    return True
