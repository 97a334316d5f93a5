"""Where guests and probers stand: two network namespaces with a cable between them, or the loopback interface.

Namespaces need root and iproute2.  Their names carry the process that made them, so that those of a killed process are
found and removed by the next one.
"""

from __future__ import annotations

import os
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import Final, Protocol

from harness.errors import ConfigError
from harness.labs.nested import namespace
from harness.labs.nested.command import run
from harness.labs.nested.namespace import entered, owned_name, remove_namespace, remove_orphans
from harness.testing.outages.script import Guest

PREFIX: Final = "hil-bed"
_ADDRESSES_PER_BLOCK: Final = 250
MOST_GUESTS: Final = 126 * _ADDRESSES_PER_BLOCK
_CABLE: Final = "cable"
_STEERING: Final = "/sys/class/net/lo/queues/rx-0/rps_cpus"
_PING_GROUPS: Final = Path("/proc/sys/net/ipv4/ping_group_range")


class Bed(Protocol):
    """Two sides that reach each other; programs and sockets are placed on one of them."""

    @property
    def prober_address(self) -> str:
        """Where guests push their heartbeats to."""

    @property
    def rooted(self) -> bool:
        """Whether raw sockets and packet filters can be used, so that a guest can be silent in every protocol."""

    def guests(self, count: int) -> tuple[Guest, ...]:
        """So many guests with addresses of their own.  Raises ConfigError for more than there are addresses."""

    def prober(self, command: Sequence[str]) -> list[str]:
        """The command line that runs `command` on the probers' side."""

    def responder(self, command: Sequence[str]) -> list[str]:
        """The command line that runs `command` on the guests' side."""


@dataclass(frozen=True, slots=True)
class Loopback:
    """Both sides on the loopback interface: needs no rights, and its kernel answers pings whatever a guest does."""

    block: int = 77
    """Guests are 127.`block`.x.x."""

    @property
    def prober_address(self) -> str:
        """See Bed."""
        return "127.0.0.1"

    @property
    def rooted(self) -> bool:
        """See Bed."""
        return False

    def guests(self, count: int) -> tuple[Guest, ...]:
        """See Bed."""
        return _guests(count, f"127.{self.block}")

    def prober(self, command: Sequence[str]) -> list[str]:
        """See Bed."""
        return list(command)

    def responder(self, command: Sequence[str]) -> list[str]:
        """See Bed."""
        return list(command)


@dataclass(frozen=True, slots=True)
class LinkedNamespaces:
    """Two network namespaces, a cable between them; all guests' addresses are local on the one side."""

    prober_namespace: str
    guest_namespace: str
    prober_processor: int | None = None
    """The only one on which probers run; None for any."""

    @property
    def prober_address(self) -> str:
        """See Bed."""
        return "10.77.255.1"

    @property
    def rooted(self) -> bool:
        """See Bed."""
        return True

    def guests(self, count: int) -> tuple[Guest, ...]:
        """See Bed."""
        return _guests(count, "10.77")

    def prober(self, command: Sequence[str]) -> list[str]:
        """See Bed."""
        pinned = [] if self.prober_processor is None else ["taskset", "--cpu-list", str(self.prober_processor)]
        return ["ip", "netns", "exec", self.prober_namespace, *pinned, *command]

    def responder(self, command: Sequence[str]) -> list[str]:
        """See Bed."""
        return ["ip", "netns", "exec", self.guest_namespace, *command]

    def together(self) -> LinkedNamespaces:
        """Probers on the guests' side too: no cable between them, so that the kernel's part of a probe is smallest."""
        return LinkedNamespaces(self.guest_namespace, self.guest_namespace)

    @contextmanager
    def on_own_processors(self) -> Iterator[LinkedNamespaces]:
        """As `together`, and inside the block the kernel answers for guests on other processors than the probers' one,
        as other machines would: receive packet steering ([D] Documentation/networking/scaling.rst).  On a machine with
        one processor it is no more than `together`."""
        own, *others = sorted(os.sched_getaffinity(0))
        if not others:
            yield self.together()
            return
        try:
            self._steer(others)
            yield LinkedNamespaces(self.guest_namespace, self.guest_namespace, own)
        finally:
            self._steer([])

    def _steer(self, processors: Sequence[int]) -> None:
        """What comes in at the guests' loopback interface is handled by these; by the one that sent it when none."""
        mask = sum(1 << processor for processor in processors)
        words = [f"{mask >> low & 0xFFFF_FFFF:08x}" for low in range(0, max(mask.bit_length(), 1), 32)]
        run(self.responder(["sh", "-c", f"echo {','.join(reversed(words))} > {_STEERING}"]))

    def allow_ping_sockets(self) -> None:
        """Let programs on the probers' side ping without raw sockets (`icmp(7)`)."""
        with self.on_prober_side():
            _PING_GROUPS.write_text("0 2147483647")

    @contextmanager
    def on_prober_side(self) -> Iterator[None]:
        """Sockets that this thread opens inside the block are on the probers' side, and stay there."""
        with entered(self.prober_namespace):
            yield


def _guests(count: int, network: str) -> tuple[Guest, ...]:
    if not 0 < count <= MOST_GUESTS:
        raise ConfigError(f"{count} guests: a bed has addresses for 1 to {MOST_GUESTS}")
    return tuple(
        Guest(f"vm{at:05d}", f"{network}.{1 + at // _ADDRESSES_PER_BLOCK}.{1 + at % _ADDRESSES_PER_BLOCK}")
        for at in range(count)
    )


def why_no_namespaces() -> str:
    """What is missing for `linked_namespaces`; empty when nothing is."""
    return namespace.why_no_namespaces(PREFIX)


@contextmanager
def linked_namespaces() -> Iterator[LinkedNamespaces]:
    """Two new namespaces for the length of a block; what a killed process left is removed first.

    Raises ConfigError where the machine has none to give, LabError when the kernel refuses a step of it.
    """
    if missing := why_no_namespaces():
        raise ConfigError(missing, hint="run as root with iproute2, or use Loopback()")
    remove_leftovers()
    bed = LinkedNamespaces(owned_name(PREFIX, "probers"), owned_name(PREFIX, "guests"))
    try:
        _build(bed)
        yield bed
    finally:
        remove_namespace(bed.prober_namespace)
        remove_namespace(bed.guest_namespace)


def _build(bed: LinkedNamespaces) -> None:
    """All guests lie behind one neighbour: the kernel's table of neighbours holds about a thousand."""
    probers, guests = bed.prober_namespace, bed.guest_namespace
    steps = [
        f"ip netns add {probers}",
        f"ip netns add {guests}",
        f"ip -n {probers} link add {_CABLE} type veth peer name {_CABLE} netns {guests}",
        f"ip -n {probers} address add 10.77.255.1/30 dev {_CABLE}",
        f"ip -n {guests} address add 10.77.255.2/30 dev {_CABLE}",
        *(f"ip -n {side} link set {link} up" for side in (probers, guests) for link in ("lo", _CABLE)),
        f"ip -n {probers} route add 10.77.0.0/17 via 10.77.255.2",
        f"ip -n {guests} route add local 10.77.0.0/17 dev lo",
    ]
    for step in steps:
        run(step.split())


def remove_leftovers() -> list[str]:
    """Remove the namespaces of processes that are gone, with what still runs in them.  Returns their names."""
    return remove_orphans(PREFIX)
