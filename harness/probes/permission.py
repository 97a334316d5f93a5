"""What the machine lets this process send."""

from __future__ import annotations

import socket
from dataclasses import dataclass


@dataclass(frozen=True, slots=True)
class Permission:
    """`icmp`: echo requests, over a raw or a ping socket.  `half_open`: TCP packets made by hand."""

    icmp: bool
    half_open: bool


def permission() -> Permission:
    """Found out by opening such sockets; nothing is sent."""
    half_open = _may_open(socket.SOCK_RAW, socket.IPPROTO_TCP)
    icmp = _may_open(socket.SOCK_RAW, socket.IPPROTO_ICMP) or _may_open(socket.SOCK_DGRAM, socket.IPPROTO_ICMP)
    return Permission(icmp, half_open)


def _may_open(kind: int, protocol: int) -> bool:
    try:
        socket.socket(socket.AF_INET, kind, protocol).close()
    except PermissionError:
        return False
    return True
