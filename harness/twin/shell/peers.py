"""Other machines, as .NET's network classes see them.

A machine with a network gives the host a member ``peers``; on one without, these classes say ``twin limitation: …``.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING, Protocol

from harness.twin.shell.errors import limitation

if TYPE_CHECKING:
    from harness.twin.shell.runspace import Runspace


@dataclass(frozen=True, slots=True)
class Attempt:
    """What comes of opening a TCP connection: the address, what .NET says when it fails, and how long that takes."""

    address: str
    failure: str
    seconds: float


class Peers(Protocol):
    """Names and TCP connections.  What is not simulated raises ``PSError``."""

    def addresses(self, name: str) -> list[str]:
        """Addresses of a host; none for a name that nobody knows."""

    def name_of(self, ip: str) -> str:
        """Full name of the host with an address; empty when nobody has it."""

    def attempt(self, host: str, port: int) -> Attempt:
        """Try to open a connection; no time passes."""


def peers_of(rs: Runspace) -> Peers:
    """The machines that a session sees.  Raises PSError where there is no network."""
    found: Peers | None = getattr(rs.host, "peers", None)
    if found is None:
        raise limitation("the network of this machine is not simulated for .NET")
    return found
