"""The addresses of the guests that run on a node: the node answers for them."""

from __future__ import annotations

import ipaddress
import logging
import socket
import struct
import subprocess
from collections.abc import Iterable
from contextlib import suppress
from pathlib import Path
from typing import Final

log = logging.getLogger("hil.node")

_ETHERTYPE_ARP: Final = 0x0806
_BROADCAST: Final = b"\xff" * 6
_ARP_REQUEST: Final = 1


class GuestAddresses:
    """Additional addresses of an interface; without an interface there are none."""

    def __init__(self, interface: str) -> None:
        self._interface = interface
        self._own: set[str] = set()

    def have(self, addresses: Iterable[str]) -> None:
        """Exactly these from now on.  New ones are announced, so that nobody goes on asking where they were."""
        wanted = {str(ipaddress.IPv4Address(address)) for address in addresses}
        if not self._interface:
            return
        for address in sorted(self._own - wanted):
            self._change("del", address)
        for address in sorted(wanted - self._own):
            self._change("add", address)
            with suppress(OSError):
                announce(self._interface, address)
        self._own = wanted

    def _change(self, verb: str, address: str) -> None:
        command = ["ip", "address", verb, f"{address}/32", "dev", self._interface]
        done = subprocess.run(command, capture_output=True, text=True, check=False, timeout=20)
        if done.returncode:
            log.warning("'%s' failed: %s", " ".join(command), done.stderr.strip())


def announce(interface: str, address: str) -> None:
    """Tell the network that an address is here now: a gratuitous ARP request (RFC 5227, section 3).  Raises OSError."""
    own = bytes.fromhex(Path(f"/sys/class/net/{interface}/address").read_text().strip().replace(":", ""))
    packed = socket.inet_aton(address)
    ethernet = _BROADCAST + own + struct.pack(">H", _ETHERTYPE_ARP)
    arp = struct.pack(">HHBBH", 1, 0x0800, 6, 4, _ARP_REQUEST) + own + packed + bytes(6) + packed
    with socket.socket(socket.AF_PACKET, socket.SOCK_RAW) as sock:
        sock.bind((interface, 0))
        sock.send(ethernet + arp)
