"""One request and its reply at a time on a TCP connection that somebody else opened and logged on.

A log-on by NTLM or CredSSP belongs to its connection.  On one that is kept, nearly nothing is left of HTTP: no address
to look up, no pool, no redirection, no cookie, no second try.  A general client spends more time on all of these than
on the message.
"""

from __future__ import annotations

import select
import socket
from collections.abc import Mapping
from dataclasses import dataclass
from typing import Final

_RECEIVE_BYTES: Final = 64 * 1024
_MAX_HEAD_BYTES: Final = 64 * 1024
_BODILESS: Final = frozenset({204, 304})


class LineClosedError(ConnectionError):
    """The other side closed the connection before it took anything of the request."""


@dataclass(frozen=True, slots=True)
class HttpReply:
    """A reply: its status, its headers by lower-case name (of repeated ones the last), its body."""

    status: int
    headers: Mapping[str, str]
    body: bytes


class HttpLine:
    """HTTP/1.1 on a connected socket, plain or TLS.  After an exception it is of no more use: close it."""

    def __init__(self, connected: socket.socket, host: str) -> None:
        """`host` is the value of the Host header."""
        self._socket = connected
        self._host = host
        self._buffer = bytearray()
        self._closed = False
        self._poll = select.poll()
        self._poll.register(connected, select.POLLIN)

    def post(self, path: str, headers: Mapping[str, str], body: bytes, timeout_s: float) -> HttpReply:
        """Send a request and return its reply; no silence may last longer than `timeout_s`.

        Raises LineClosedError when nothing was sent, else OSError, TimeoutError among them; ValueError for what is no
        HTTP.
        """
        # What comes before it was asked for is the end of the connection, or of the understanding.
        if self._closed or self._poll.poll(0):
            raise LineClosedError("the connection was closed meanwhile")
        lines = "".join(f"{name}: {value}\r\n" for name, value in headers.items())
        head = f"POST {path} HTTP/1.1\r\nHost: {self._host}\r\n{lines}Content-Length: {len(body)}\r\n\r\n"
        self._socket.settimeout(timeout_s)
        self._socket.sendall(head.encode("latin-1") + body)
        status, found = self._read_head()
        while 100 <= status < 200:
            status, found = self._read_head()
        return HttpReply(status, found, self._read_body(status, found))

    def close(self) -> None:
        """Close the connection; never raises."""
        self._closed = True
        self._socket.close()

    def _read_head(self) -> tuple[int, dict[str, str]]:
        while (end := self._buffer.find(b"\r\n\r\n")) < 0:
            if len(self._buffer) > _MAX_HEAD_BYTES:
                raise ValueError("the head of the reply has no end")
            self._receive()
        first, *lines = self._buffer[:end].decode("latin-1").split("\r\n")
        del self._buffer[: end + 4]
        version, _, rest = first.partition(" ")
        if not version.startswith("HTTP/1.") or not rest[:3].isdecimal():
            raise ValueError("the reply is no HTTP")
        headers: dict[str, str] = {}
        for line in lines:
            name, _, value = line.partition(":")
            headers[name.lower()] = value.strip()
        said = headers.get("connection", "").lower()
        self._closed = "close" in said or (version == "HTTP/1.0" and "keep-alive" not in said)
        return int(rest[:3]), headers

    def _read_body(self, status: int, headers: Mapping[str, str]) -> bytes:
        if status in _BODILESS:
            return b""
        if headers.get("transfer-encoding", "").lower() == "chunked":
            return self._read_chunks()
        if "content-length" in headers:
            return self._take(int(headers["content-length"]))
        self._closed = True  # such a body ends with the connection
        try:
            while True:
                self._receive()
        except ConnectionResetError:
            return self._take(len(self._buffer))

    def _read_chunks(self) -> bytes:
        body = b""
        while size := int(self._take_line().partition(b";")[0], 16):
            body += self._take(size)
            self._take_line()
        while self._take_line():
            pass  # trailers
        return body

    def _take_line(self) -> bytes:
        while (end := self._buffer.find(b"\r\n")) < 0:
            self._receive()
        return self._take(end + 2)[:-2]

    def _take(self, size: int) -> bytes:
        while len(self._buffer) < size:
            self._receive()
        taken = bytes(self._buffer[:size])
        del self._buffer[:size]
        return taken

    def _receive(self) -> None:
        received = self._socket.recv(_RECEIVE_BYTES)
        if not received:
            raise ConnectionResetError("the connection was closed before the reply was complete")
        self._buffer += received
