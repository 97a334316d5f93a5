"""What the network's programs share: how they write, and how they find a host."""

from __future__ import annotations

from ipaddress import IPv4Address
from typing import Any, Final

from harness.twin.shell.host import Writer

FAILED: Final = 1


def say(writer: Writer, *lines: str) -> None:
    """Write lines as a console program does."""
    writer("".join(f"{line}\r\n" for line in lines).encode())


def unsupported(stderr: Writer, what: str) -> int:
    """Say what is not simulated; returns the exit code."""
    say(stderr, f"twin limitation: {what} is not simulated")
    return FAILED


def address_of(host: Any, target: str) -> str | None:
    """Address of a name or address; None for a name that no name server knows.  Raises NotModelledError."""
    if target.lower() == "localhost":
        return "127.0.0.1"
    try:
        return str(IPv4Address(target))
    except ValueError:
        found: list[str] | None = host.model.networks.resolve(host.computer_name, target)
        return found[0] if found else None
