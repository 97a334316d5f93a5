"""One request and its reply at a time on a TCP connection that somebody else opened and logged on.

A log-on by NTLM or CredSSP belongs to its connection.  On one that is kept, most of what a general client does is of no
use: no address to look up, no pool, no redirection, no cookie, and above all no second try on a connection of its own.
The standard library's client does the rest.
"""

from __future__ import annotations

import select
import socket
from collections.abc import Mapping
from dataclasses import dataclass
from http.client import HTTPConnection, HTTPException, IncompleteRead


class LineClosedError(ConnectionError):
    """The other side closed the connection before it took anything of the request."""


@dataclass(frozen=True, slots=True)
class HttpReply:
    """A reply: its status, the type of its body (empty: none was named), its body."""

    status: int
    content_type: str
    body: bytes


class HttpLine:
    """HTTP/1.1 on a connected socket, plain or TLS.  After an exception it is of no more use: close it."""

    def __init__(self, connected: socket.socket, host: str) -> None:
        """`host` is the value of the Host header."""
        self._http = HTTPConnection(host)
        self._http.auto_open = 0  # a new connection would not be logged on
        self._http.sock = connected
        self._poll = select.poll()
        self._poll.register(connected, select.POLLIN)

    def post(self, path: str, headers: Mapping[str, str], body: bytes, timeout_s: float) -> HttpReply:
        """Send a request and return its reply; no silence may last longer than `timeout_s`.

        Raises LineClosedError when nothing was sent, else OSError, TimeoutError among them; ValueError for what is no
        HTTP.
        """
        # What comes before it was asked for is the end of the connection, or of the understanding.
        if self._http.sock is None or self._poll.poll(0):
            raise LineClosedError("the connection was closed meanwhile")
        self._http.sock.settimeout(timeout_s)
        try:
            self._http.request("POST", path, body, dict(headers))
            reply = self._http.getresponse()
            return HttpReply(reply.status, reply.getheader("Content-Type", ""), reply.read())
        except IncompleteRead as error:
            raise ConnectionResetError("the connection was closed before the reply was complete") from error
        except ConnectionError:
            raise  # RemoteDisconnected is an HTTPException too
        except HTTPException as error:
            raise ValueError(f"the reply is no HTTP ({type(error).__name__})") from error

    def close(self) -> None:
        """Close the connection; never raises."""
        self._http.close()
