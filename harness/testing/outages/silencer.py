"""Silence for what the kernel answers on its own (TCP connections, pings where the setup leaves them to it).

Needs nftables and the right to use it, in a network namespace of our own: the rules vanish with it.
"""

from __future__ import annotations

import ctypes
import threading
from collections.abc import Iterator
from dataclasses import dataclass
from itertools import groupby
from typing import Final

from harness.clock import NS_PER_S, monotonic_ns
from harness.errors import ConfigError
from harness.testing.outages.script import AWAY, Kind, Setup
from harness.testing.outages.truth import Silence

_TABLE: Final = "hil_outages"
_FAR_NS: Final = 2**62
_LIBRARY: Final = "libnftables.so.1"


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
    """The table with its empty sets, as `nft -f` reads it."""
    protocols = "{ tcp, icmp }" if setup.kernel_answers else "tcp"
    sets = "".join(f"  set {name} {{ type ipv4_addr; }}\n" for name in ("silent", "refusing", "unpinged"))
    refused = f"tcp dport {setup.tcp_port} " if setup.tcp_port else "meta l4proto tcp "
    return (
        f"table inet {_TABLE} {{\n{sets}"
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
        self._filters = _Filters()
        self._filters.change(ruleset(setup))

    def begin(self, begin_ns: int) -> None:
        """The script begins at this instant of the monotonic clock."""
        self._thread = threading.Thread(target=self._work, args=(begin_ns,), name="silencer", daemon=True)
        self._thread.start()

    def close(self) -> None:
        """Change nothing any more."""
        self._ended.set()
        if self._thread:
            self._thread.join(5)

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
        end_ns = sum(end) // 2 if end else begin_ns + _FAR_NS
        return Silence(
            first.vm,
            kind,
            "kernel",
            sum(start) // 2,
            end_ns,
            *(start[0], start[1]),
            *((end[0], end[1]) if end else (None, None)),
        )

    def _work(self, begin_ns: int) -> None:
        for at_ns, group in groupby(self._switches, key=lambda one: one.at_ns):
            if self._ended.wait(max(0, begin_ns + at_ns - monotonic_ns()) / NS_PER_S):
                return
            now = list(group)
            lines = [
                f"{one.verb} element inet {_TABLE} {one.addresses} {{ {self._addresses[one.vm]} }}\n" for one in now
            ]
            before_ns = monotonic_ns()
            self._filters.change("".join(lines))
            self._done += [(one, before_ns, monotonic_ns()) for one in now]


class _Filters:
    """The library behind the program `nft`: a change takes a millisecond, and no process."""

    def __init__(self) -> None:
        """Raises ConfigError where it is missing."""
        try:
            self._library = ctypes.CDLL(_LIBRARY)
        except OSError as error:
            raise ConfigError(
                f"guests that the kernel answers for are silenced with {_LIBRARY}, which is not installed",
                hint="apt-get install -y nftables",
            ) from error
        self._library.nft_ctx_new.restype = ctypes.c_void_p
        self._library.nft_ctx_get_error_buffer.restype = ctypes.c_char_p
        self._context = ctypes.c_void_p(self._library.nft_ctx_new(0))
        self._library.nft_ctx_buffer_error(self._context)

    def change(self, text: str) -> None:
        """Carry out commands in the language of `nft`.  Raises ConfigError when they are refused."""
        if self._library.nft_run_cmd_from_buffer(self._context, text.encode()):
            told = self._library.nft_ctx_get_error_buffer(self._context) or b""
            raise ConfigError(f"the kernel refuses the rules that silence guests: {told.decode().strip()}")
