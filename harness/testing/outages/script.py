"""What becomes of which guest when: the script of a responder, given before it starts."""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from dataclasses import asdict, dataclass
from enum import StrEnum
from typing import Any, Final, Self

from harness.clock import NS_PER_MS
from harness.errors import ConfigError

FOREVER_NS: Final = 2**43
"""Longer than any script (2.4 hours); keys of `behaviour` stay within 64 bits with it."""


class Kind(StrEnum):
    """How a guest is away, or not as it should be.

    frozen: it does not run: nothing answered, no heartbeats, and their numbers stand still.  isolated: nothing gets in
    or out, the numbers go on.  restarted: away, then with a new boot id and numbers from the start.  down: away for
    good.  service-down: TCP is refused and HTTP says 503, all else is well.  connections-broken: kept connections are
    reset, new ones are well.  filtered: pings alone are not answered.  brown: everything is answered, but late.
    """

    FROZEN = "frozen"
    ISOLATED = "isolated"
    RESTARTED = "restarted"
    DOWN = "down"
    SERVICE_DOWN = "service-down"
    CONNECTIONS_BROKEN = "connections-broken"
    FILTERED = "filtered"
    BROWN = "brown"


AWAY: Final = frozenset({Kind.FROZEN, Kind.ISOLATED, Kind.RESTARTED, Kind.DOWN})
"""Kinds in which nothing at all comes from the guest."""


@dataclass(frozen=True, slots=True)
class Guest:
    """A guest that a responder plays."""

    vm: str
    address: str


@dataclass(frozen=True, slots=True)
class Outage:
    """One guest, away in one way; `start_ns` counts from the beginning of the script."""

    vm: str
    kind: Kind
    start_ns: int
    length_ns: int

    @property
    def end_ns(self) -> int:
        """When it is over; that of `down` never."""
        return FOREVER_NS if self.kind is Kind.DOWN else self.start_ns + self.length_ns


def node_wide(vms: Iterable[str], kind: Kind, start_ns: int, length_ns: int) -> tuple[Outage, ...]:
    """All guests of a node at the same instant."""
    return tuple(Outage(vm, kind, start_ns, length_ns) for vm in vms)


@dataclass(frozen=True, slots=True)
class Setup:
    """What a responder plays.

    `kernel_answers` leaves pings to the kernel, for measurements in which the responder's own speed must not count.
    """

    guests: tuple[Guest, ...]
    outages: tuple[Outage, ...] = ()
    heartbeats_to: tuple[str, int] | None = None
    heartbeat_ms: int = 100
    udp_port: int = 0
    """Echo of datagrams; 0 for none, as with the other ports."""
    tcp_port: int = 0
    http_port: int = 0
    kernel_answers: bool = False
    late_ns: int = 300 * NS_PER_MS
    """How late a guest is while it is brown."""
    realtime: bool = False
    """Ask for real-time priority, so that answers are on time also on a busy machine."""
    seed: int = 1
    """Boot ids are drawn from it."""

    def __post_init__(self) -> None:
        known = {guest.vm for guest in self.guests}
        ends: dict[str, int] = {}
        for outage in sorted(self.outages, key=lambda one: one.start_ns):
            if outage.vm not in known:
                raise ConfigError(f"outage of {outage.vm}, which is none of the {len(known)} guests of this script")
            if outage.start_ns < ends.get(outage.vm, 0) or outage.end_ns <= outage.start_ns:
                raise ConfigError(f"outage of {outage.vm} at {outage.start_ns} ns: begins before the last one ended")
            ends[outage.vm] = outage.end_ns

    def plain(self) -> dict[str, Any]:
        """As JSON."""
        return asdict(self)

    @classmethod
    def from_plain(cls, plain: Mapping[str, Any]) -> Self:
        """From JSON."""
        guests = tuple(Guest(**guest) for guest in plain["guests"])
        outages = tuple(Outage(**outage | {"kind": Kind(outage["kind"])}) for outage in plain["outages"])
        to = plain["heartbeats_to"]
        return cls(**dict(plain) | {"guests": guests, "outages": outages, "heartbeats_to": tuple(to) if to else None})
