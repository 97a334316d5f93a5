"""One request and its reply at a time on a TCP connection that somebody else opened.

A log-on by NTLM or CredSSP belongs to its connection.  On one that is kept, most of what a general client does is of no
use: no address to look up, no pool, no redirection, no cookie, and above all no second try on a connection of its own.
The standard library reads the replies.
"""

from __future__ import annotations

import select
import socket
from collections.abc import Mapping
from dataclasses import dataclass
from http.client import HTTPException, HTTPResponse, IncompleteRead


class LineClosedError(ConnectionError):
    """The other side closed the connection before it took anything of the request."""


@dataclass(frozen=True, slots=True)
class HttpReply:
    """A reply: its status, the type of its body (empty: none was named), its body, and how the other side wants to be
    logged on to (the values of WWW-Authenticate)."""

    status: int
    content_type: str
    body: bytes
    challenges: tuple[str, ...] = ()


class HttpLine:
    """HTTP/1.1 on a connected socket, plain or TLS.  After an exception it is of no more use: close it."""

    def __init__(self, connected: socket.socket, host: str) -> None:
        """`host` is the value of the Host header."""
        self._host = host
        self._connected: socket.socket | None = connected
        self._poll = select.poll()
        self._poll.register(connected, select.POLLIN)
        self._timeout_s: float | None = None

    def post(self, path: str, headers: Mapping[str, str], body: bytes, timeout_s: float) -> HttpReply:
        """Send a request and return its reply; no silence may last longer than `timeout_s`.

        Raises LineClosedError when nothing was sent, else OSError, TimeoutError among them; ValueError for what is no
        HTTP.
        """
        # What comes before it was asked for is the end of the connection, or of the understanding.
        if self._connected is None or self._poll.poll(0):
            raise LineClosedError("the connection was closed meanwhile")
        if timeout_s != self._timeout_s:  # each setting is a call to the system
            self._connected.settimeout(timeout_s)
            self._timeout_s = timeout_s
        self._connected.sendall(self._head(path, headers, body) + body)
        try:
            with HTTPResponse(self._connected, method="POST") as reply:
                reply.begin()
                challenges = tuple(reply.headers.get_all("WWW-Authenticate", ()))
                answer = HttpReply(reply.status, reply.getheader("Content-Type", ""), reply.read(), challenges)
        except IncompleteRead as error:
            raise ConnectionResetError("the connection was closed before the reply was complete") from error
        except ConnectionError:
            raise  # RemoteDisconnected is an HTTPException too
        except HTTPException as error:
            raise ValueError(f"the reply is no HTTP ({type(error).__name__})") from error
        if reply.will_close:
            self.close()
        return answer

    def _head(self, path: str, headers: Mapping[str, str], body: bytes) -> bytes:
        """Written out, so that head and body leave together: HTTPConnection sends them one after the other, and the
        other side wakes up twice."""
        own = {"Host": self._host, "Accept-Encoding": "identity", "Content-Length": str(len(body))}
        lines = [f"POST {path} HTTP/1.1", *(f"{name}: {value}" for name, value in {**own, **headers}.items()), "", ""]
        return "\r\n".join(lines).encode("latin-1")

    def close(self) -> None:
        """Close the connection; never raises."""
        if self._connected is not None:
            self._connected.close()
        self._connected = None
