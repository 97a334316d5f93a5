"""The node service: ``python -m harness.twin.nodes.service``, the only program of an emulated node.

Its environment names the node (`HIL_NODE`), the brain (`HIL_BRAIN`, address:port), the token that both know
(`HIL_TOKEN`) and the boot (`HIL_BOOT`); `HIL_LISTEN` is the address of its WinRM service (all, when not given),
`HIL_INTERFACE` the interface that has the addresses of the guests that run here, `HIL_ORDERS` the file in which the
first process of the machine looks for orders.

It ends when the brain of its boot says something that it does not understand; while there is no brain it goes on asking
for one, and its WinRM service runs no programs.
"""

from __future__ import annotations

import logging
import os
import socket
import threading
from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any, Final, Self

from harness.twin.nodes.addresses import GuestAddresses
from harness.twin.nodes.commands import FarCommands
from harness.twin.nodes.protocol import VERSION, Beat, Link, ProtocolError, signature
from harness.twin.wire.certificates import make_context
from harness.twin.wire.endpoint import Endpoint, EndpointSettings, TlsService
from harness.twin.wire.server import WinRmServer

log = logging.getLogger("hil.node")

AGAIN_S: Final = 1.0
"""Between two attempts to reach the brain."""
CONNECT_WITHIN_S: Final = 5.0
SAID_S: Final = 0.2
"""What was said last is on its way after this time."""


@dataclass(frozen=True, slots=True)
class Place:
    """Who and where this node is."""

    node: str
    brain: tuple[str, int]
    token: str
    boot: str
    listen: str
    interface: str
    orders: Path

    @classmethod
    def from_environment(cls, environment: Mapping[str, str]) -> Self:
        """Raises KeyError for a variable that is missing, ValueError for a brain without a port."""
        address, _, port = environment["HIL_BRAIN"].rpartition(":")
        return cls(
            environment["HIL_NODE"],
            (address, int(port)),
            environment["HIL_TOKEN"],
            environment["HIL_BOOT"],
            environment.get("HIL_LISTEN", "0.0.0.0"),  # noqa: S104 - the machine has no other network than the lab's
            environment.get("HIL_INTERFACE", ""),
            Path(environment.get("HIL_ORDERS", "/run/hil/order")),
        )


class NodeService:
    """WinRM, heartbeats and guests' addresses of one node."""

    def __init__(self, place: Place) -> None:
        self._place = place
        self._server = WinRmServer()
        self._commands = FarCommands()
        self._addresses = GuestAddresses(place.interface)
        self._endpoint: Endpoint | None = None

    def run(self) -> None:
        """Serve for ever.  Raises ProtocolError when the brain is of another kind."""
        pause = threading.Event()
        self._server.start()
        try:
            while True:
                if (link := self._connected()) is not None:
                    self._belong(link)
                pause.wait(AGAIN_S)
        finally:
            self._server.stop()

    def _connected(self) -> Link | None:
        try:
            sock = socket.create_connection(self._place.brain, CONNECT_WITHIN_S)
        except OSError as error:
            log.info("no brain at %s:%d: %s", *self._place.brain, error)
            return None
        sock.settimeout(None)
        return Link(sock)

    def _belong(self, link: Link) -> None:
        """Be a node of the brain until the connection ends."""
        place, gone = self._place, threading.Event()
        link.send(
            "hello",
            version=VERSION,
            node=place.node,
            boot=place.boot,
            proof=signature(place.token, f"hello {place.node} {place.boot}"),
        )
        try:
            for message in link.messages():
                if message["type"] == "welcome":
                    self._open(message)
                    self._commands.attach(link)
                    threading.Thread(target=self._beat, args=(message["beat_s"], gone), daemon=True).start()
                    link.send("serving")
                elif message["type"] == "order":
                    threading.Thread(target=self._go_down, args=(message, link), daemon=True).start()
                elif message["type"] == "guests":
                    self._addresses.have(message["addresses"])
                    link.send("has", number=message["number"])
                elif not self._commands.hear(message):
                    raise ProtocolError(f"the brain says '{message['type']}'")
        finally:
            gone.set()
            self._commands.attach(None)
            link.close()

    def _open(self, welcome: Mapping[str, Any]) -> None:
        """Open the WinRM service; it stays as it is when the brain comes again."""
        if self._endpoint is not None:
            self._endpoint.forget_shells()
            self._endpoint.set_os_version(welcome["os_version"])
            return
        tls = welcome.get("tls")
        self._endpoint = self._server.add_endpoint(
            self._place.node,
            self._place.listen,
            welcome["port"],
            welcome["accounts"],
            self._commands,
            self._place.node,
            welcome["domain"],
            settings=EndpointSettings(welcome["os_version"], offers_credssp=True),
            tls=TlsService(tls["port"], make_context(tls["pem"].encode())) if tls else None,
        )

    def _go_down(self, order: Mapping[str, Any], link: Link) -> None:
        """Take the time in which services stop, say so, and have the first process of the machine do it."""
        threading.Event().wait(order["after_s"])
        link.send("leaving")
        threading.Event().wait(SAID_S)
        self._place.orders.parent.mkdir(parents=True, exist_ok=True)
        self._place.orders.write_text(order["what"])

    def _beat(self, period_s: float, gone: threading.Event) -> None:
        """A heartbeat every period, until the connection is gone: whoever has none sends none."""
        number = 0
        with socket.socket(socket.AF_INET, socket.SOCK_DGRAM) as sock:
            while True:
                number += 1
                beat = Beat(self._place.node, self._place.boot, number).packed(self._place.token)
                try:
                    sock.sendto(beat, self._place.brain)
                except OSError as error:
                    log.info("no heartbeat: %s", error)
                if gone.wait(period_s):
                    return


def main() -> None:
    """Serve as the environment says."""
    logging.basicConfig(level=logging.INFO, format="%(levelname)s %(name)s: %(message)s")
    NodeService(Place.from_environment(os.environ)).run()


if __name__ == "__main__":
    main()
