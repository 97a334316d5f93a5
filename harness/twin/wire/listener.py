"""A listening socket of an endpoint, on the server's loop."""

from __future__ import annotations

import asyncio
import socket
from collections.abc import Callable


class Listener:
    """Listens on one address and port (0 takes any free one) and hands over what it accepts.

    Everything runs on the loop's thread.  Raises OSError when the address is taken.
    """

    def __init__(
        self, loop: asyncio.AbstractEventLoop, address: str, port: int, take: Callable[[socket.socket], None]
    ) -> None:
        self._loop = loop
        self._address = address
        self._take = take
        self._socket: socket.socket | None = None
        self.port = port
        self.open()

    def open(self) -> None:
        """Listen; harmless when it does already."""
        if self._socket is not None:
            return
        # With the protocol named, asyncio switches Nagle's algorithm off for what is accepted: else the end of TLS, a
        # small packet after the last reply, waits for the client's delayed acknowledgement.
        listening = socket.socket(socket.AF_INET, socket.SOCK_STREAM, socket.IPPROTO_TCP)
        try:
            listening.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
            listening.bind((self._address, self.port))
            listening.listen(128)
            listening.setblocking(False)
        except OSError:
            listening.close()
            raise
        self._socket = listening
        self.port = listening.getsockname()[1]
        self._loop.add_reader(listening, self._accept)

    def close(self) -> None:
        """Refuse connections; harmless when it does already."""
        if self._socket is not None:
            self._loop.remove_reader(self._socket)
            self._socket.close()
            self._socket = None

    def _accept(self) -> None:
        if self._socket is None:
            return
        try:
            connected, _ = self._socket.accept()
        except (BlockingIOError, InterruptedError, ConnectionAbortedError):
            return
        connected.setblocking(False)
        self._take(connected)
