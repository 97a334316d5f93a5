"""Silence for what the kernel answers on its own (TCP connections, pings where the setup leaves them to it).

A change of nftables' rules takes the kernel a millisecond, and now and then fifty of them.  So the rules stay as they
are, and packets of ours change the sets of addresses that they look at: that is done within the system call that sends
one, in some microseconds.

Needs nftables and the right to use it, in a network namespace of our own: the rules vanish with it.
"""

from __future__ import annotations

import socket
import subprocess
import threading
from collections.abc import Iterator
from dataclasses import dataclass
from itertools import groupby
from typing import Final

from harness.clock import NS_PER_S, monotonic_ns
from harness.errors import ConfigError, LabError
from harness.testing.outages.beds import MOST_GUESTS
from harness.testing.outages.script import AWAY, Kind, Setup
from harness.testing.outages.truth import Silence

_TABLE: Final = "hil_outages"
_FAR_NS: Final = 2**62
_SETS: Final = ("silent", "refusing", "unpinged")
_MARKS: Final = {
    (verb, addresses): 0x48494C00 + at
    for at, (verb, addresses) in enumerate((verb, addresses) for verb in ("add", "delete") for addresses in _SETS)
}
"""Marks of the packets that change a set (`SO_MARK`): nobody else's packet carries them."""
_DISCARD: Final = 9
"""The port that they are addressed to, which none of them reaches."""
INSTALL_NFT: Final = (
    "guests that the kernel answers for are silenced by nft, which is not installed: apt install nftables"
)


@dataclass(frozen=True, slots=True)
class Switch:
    """One change of a filter: when it is due (since the script's beginning), of which guest, to which set, how."""

    at_ns: int
    vm: str
    addresses: str
    """The set: `silent` (nothing in or out), `refusing` (TCP is reset), `unpinged` (no pings)."""
    verb: str
    """`add` or `delete`."""


def switches(setup: Setup) -> Iterator[Switch]:
    """The changes that a script needs, not sorted."""
    for outage in setup.outages:
        if outage.kind in AWAY:
            addresses = "silent"
        elif outage.kind is Kind.SERVICE_DOWN:
            addresses = "refusing"
        elif outage.kind is Kind.FILTERED and setup.kernel_answers:
            addresses = "unpinged"
        else:
            continue
        yield Switch(outage.start_ns, outage.vm, addresses, "add")
        if outage.kind is not Kind.DOWN:
            yield Switch(outage.end_ns, outage.vm, addresses, "delete")


def ruleset(setup: Setup) -> str:
    """The table with its empty sets, as `nft -f` reads it.  A packet that changes a set goes no further."""
    protocols = "{ tcp, icmp }" if setup.kernel_answers else "tcp"
    sets = "".join(f"  set {name} {{ type ipv4_addr; flags dynamic; size {2 * MOST_GUESTS}; }}\n" for name in _SETS)
    changes = "".join(
        f"    meta mark {mark:#x} {verb} @{addresses} {{ ip daddr }} drop\n"
        for (verb, addresses), mark in _MARKS.items()
    )
    refused = f"tcp dport {setup.tcp_port} " if setup.tcp_port else "meta l4proto tcp "
    return (
        f"table inet {_TABLE} {{\n{sets}"
        f"  chain changes {{\n    type filter hook output priority -1;\n{changes}  }}\n"
        "  chain incoming {\n    type filter hook input priority 0;\n"
        f"    ip daddr @silent meta l4proto {protocols} drop\n"
        f"    ip daddr @refusing {refused}reject with tcp reset\n"
        "    ip daddr @unpinged icmp type echo-request drop\n  }\n"
        "  chain outgoing {\n    type filter hook output priority 0;\n"
        f"    ip saddr @silent meta l4proto {protocols} drop\n  }}\n}}\n"
    )


class Silencer:
    """Changes the filters at their instants, in a thread of its own, and notes how long each change took.

    Raises ConfigError where `nft` is missing or refuses the rules.
    """

    def __init__(self, setup: Setup) -> None:
        self._setup = setup
        self._addresses = {guest.vm: guest.address for guest in setup.guests}
        self._switches = sorted(switches(setup), key=lambda one: (one.at_ns, one.verb, one.addresses))
        self._done: list[tuple[Switch, int, int]] = []
        self._ended = threading.Event()
        self._thread: threading.Thread | None = None
        self._filters = _Filters(ruleset(setup))
        self._filters.prove(setup.guests[0].address)

    def begin(self, begin_ns: int) -> None:
        """The script begins at this instant of the monotonic clock."""
        self._thread = threading.Thread(target=self._work, args=(begin_ns,), name="silencer", daemon=True)
        self._thread.start()

    def close(self) -> None:
        """Change nothing any more."""
        self._ended.set()
        if self._thread:
            self._thread.join(5)
        self._filters.close()

    def silences(self, begin_ns: int) -> Iterator[Silence]:
        """What was silenced: each edge is the middle of its change; the times next to it are the change's own."""
        starts: dict[tuple[str, str], tuple[Switch, int, int]] = {}
        for switch, before_ns, after_ns in self._done:
            key = (switch.vm, switch.addresses)
            if switch.verb == "add":
                starts[key] = (switch, before_ns, after_ns)
            else:
                first, *edge = starts.pop(key)
                yield self._silence(first, (edge[0], edge[1]), (before_ns, after_ns), begin_ns)
        for first, *edge in starts.values():
            yield self._silence(first, (edge[0], edge[1]), None, begin_ns)

    def _silence(self, first: Switch, start: tuple[int, int], end: tuple[int, int] | None, begin_ns: int) -> Silence:
        kind = next(one.kind for one in self._setup.outages if (one.vm, one.start_ns) == (first.vm, first.at_ns))
        return Silence(
            first.vm,
            kind,
            "kernel",
            sum(start) // 2,
            sum(end) // 2 if end else begin_ns + _FAR_NS,
            last_answered_ns=start[0],
            first_met_ns=start[1],
            last_met_ns=end[0] if end else None,
            first_answered_ns=end[1] if end else None,
            within_ns=max(after_ns - before_ns for before_ns, after_ns in ((start, end) if end else (start,))),
        )

    def _work(self, begin_ns: int) -> None:
        for at_ns, group in groupby(self._switches, key=lambda one: one.at_ns):
            if self._ended.wait(max(0, begin_ns + at_ns - monotonic_ns()) / NS_PER_S):
                return
            now = list(group)
            before_ns = monotonic_ns()
            for one in now:
                self._filters.change(one.verb, one.addresses, self._addresses[one.vm])
            after_ns = monotonic_ns()
            self._done += [(one, before_ns, after_ns) for one in now]


class _Filters:
    """The rules in the kernel, and a socket for each kind of packet that changes a set.

    Raises ConfigError where `nft` is missing or refuses the rules.
    """

    def __init__(self, rules: str) -> None:
        command = ["nft", "-f", "-"]
        try:
            subprocess.run(command, input=rules, capture_output=True, text=True, check=True, timeout=20)
        except FileNotFoundError as error:
            raise ConfigError(INSTALL_NFT, hint="run it as root, in a network namespace of its own") from error
        except subprocess.CalledProcessError as error:
            raise ConfigError(f"the kernel refuses the rules that silence guests: {error.stderr.strip()}") from error
        self._sockets = {key: socket.socket(socket.AF_INET, socket.SOCK_DGRAM) for key in _MARKS}
        for key, mark in _MARKS.items():
            self._sockets[key].setsockopt(socket.SOL_SOCKET, socket.SO_MARK, mark)

    def prove(self, address: str) -> None:
        """Raises LabError when packets to an address change nothing."""
        for verb, addresses in _MARKS:
            if not self.change(verb, addresses, address):
                raise LabError(
                    f"a packet to {address} does not {verb} it in the set '{addresses}' of the kernel's filter"
                )

    def change(self, verb: str, addresses: str, address: str) -> bool:
        """Add an address to a set, or delete it from it; whether a rule took the packet that does so."""
        try:
            self._sockets[verb, addresses].sendto(b"", (address, _DISCARD))
        except PermissionError:
            # The rule drops the packet, which the kernel tells its sender as if it were forbidden to send.
            return True
        return False

    def close(self) -> None:
        """Change nothing any more; what is silenced stays so."""
        for sock in self._sockets.values():
            sock.close()
