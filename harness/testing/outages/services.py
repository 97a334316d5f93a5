"""Guests that accept TCP connections and answer HTTP.

The kernel accepts a connection whatever the guest does; `silencer` keeps it from that where it can.
"""

from __future__ import annotations

import asyncio
import socket
import struct
import threading
from typing import Final

from harness.clock import NS_PER_S, monotonic_ns
from harness.testing.outages.behaviour import Behaviour
from harness.testing.outages.echo import keep_on_loopback
from harness.testing.outages.script import AWAY, Kind, Setup

_WELL: Final = b"HTTP/1.1 200 OK\r\nContent-Length: 3\r\nContent-Type: text/plain\r\n\r\nok\n"
_DOWN: Final = b"HTTP/1.1 503 Service Unavailable\r\nContent-Length: 0\r\n\r\n"
_MOST_REQUEST_BYTES: Final = 65536


class Services:
    """Both servers, in a thread of their own.  `begin` says when the script began."""

    def __init__(self, setup: Setup, behaviour: Behaviour, *, loopback: bool) -> None:
        self._setup, self._behaviour = setup, behaviour
        self._guests = {guest.address: at for at, guest in enumerate(setup.guests)}
        self._begin_ns: int | None = None
        self._loop = asyncio.new_event_loop()
        self._kept: set[asyncio.Task[None]] = set()
        self._sockets = {
            port: _listening(port, loopback=loopback) for port in (setup.tcp_port, setup.http_port) if port
        }
        self._thread = threading.Thread(target=self._serve, name="services", daemon=True)
        self._thread.start()

    def begin(self, begin_ns: int) -> None:
        """The script begins at this instant of the monotonic clock."""
        self._begin_ns = begin_ns

    def close(self) -> None:
        """Stop serving."""
        self._loop.call_soon_threadsafe(self._loop.stop)
        self._thread.join(5)
        for sock in self._sockets.values():
            sock.close()

    def _serve(self) -> None:
        asyncio.set_event_loop(self._loop)
        for port, sock in self._sockets.items():
            serve = self._http if port == self._setup.http_port else self._tcp
            self._loop.run_until_complete(asyncio.start_server(serve, sock=sock))
        self._loop.run_forever()
        for task in asyncio.all_tasks(self._loop):
            task.cancel()
        self._loop.run_until_complete(asyncio.sleep(0))
        self._loop.close()

    def _state(self, writer: asyncio.StreamWriter) -> tuple[Kind | None, int]:
        """In which way the guest of a connection is away now, and since when (monotonic clock)."""
        guest = self._guests.get(writer.get_extra_info("sockname")[0])
        if guest is None or self._begin_ns is None:
            return None, 0
        now_ns = monotonic_ns() - self._begin_ns
        for outage in self._behaviour.outages:
            if outage.vm == self._setup.guests[guest].vm and outage.start_ns <= now_ns < outage.end_ns:
                return outage.kind, self._begin_ns + outage.start_ns
        return None, 0

    async def _tcp(self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        if self._state(writer)[0] is Kind.SERVICE_DOWN:
            _reset(writer)
            return
        await reader.read()
        writer.close()

    async def _http(self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        opened_ns, requests = monotonic_ns(), 0
        try:
            while await reader.readuntil(b"\r\n\r\n"):
                kind, since_ns = self._state(writer)
                if kind in AWAY:
                    await reader.read(_MOST_REQUEST_BYTES)  # until the other side gives up
                    break
                if kind is Kind.CONNECTIONS_BROKEN and (requests or opened_ns < since_ns):
                    _reset(writer)
                    return
                if kind is Kind.BROWN:
                    await asyncio.sleep(self._setup.late_ns / NS_PER_S)
                writer.write(_DOWN if kind is Kind.SERVICE_DOWN else _WELL)
                await writer.drain()
                requests += 1
        except (asyncio.IncompleteReadError, asyncio.LimitOverrunError, ConnectionError):
            pass
        writer.close()


def _listening(port: int, *, loopback: bool) -> socket.socket:
    sock = socket.socket(socket.AF_INET, socket.SOCK_STREAM)
    sock.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
    if loopback:
        keep_on_loopback(sock)
    sock.bind(("", port))
    sock.listen(1024)
    return sock


def _reset(writer: asyncio.StreamWriter) -> None:
    """End a connection the hard way: the other side gets a TCP reset."""
    sock = writer.get_extra_info("socket")
    sock.setsockopt(socket.SOL_SOCKET, socket.SO_LINGER, struct.pack("ii", 1, 0))
    writer.transport.abort()
