"""What a node and the brain say to each other.

One connection for each boot of a node carries messages as lines of JSON, `{"type": …}`; its first two are `hello` and
`welcome`.  Heartbeats are datagrams beside it, so that a connection that waits for its retransmission delays none.
Both sides know a token, which signs the heartbeats and the `hello`.
"""

from __future__ import annotations

import base64
import hmac
import json
import queue
import socket
import threading
from collections.abc import Iterator, Mapping
from contextlib import suppress
from dataclasses import dataclass
from typing import Any, Final, Self

VERSION: Final = 1
USER_TIMEOUT_MS: Final = 30_000
"""What was sent and not acknowledged for so long ends the connection: a short cut of the network does not. [INF]"""
KEEPALIVE_S: Final = 5
LONGEST_LINE: Final = 16 * 1024 * 1024
_TAG_CHARACTERS: Final = 64


class ProtocolError(ValueError):
    """The other side says what no node and no brain of this version would."""


def signature(token: str, text: str) -> str:
    """Proof that who said `text` knows the token."""
    return hmac.new(token.encode(), text.encode(), "sha256").hexdigest()


def to_text(chunk: bytes) -> str:
    """Bytes within a message."""
    return base64.b64encode(chunk).decode()


def to_bytes(text: str) -> bytes:
    """The bytes that `to_text` wrote.  Raises ProtocolError."""
    try:
        return base64.b64decode(text, validate=True)
    except ValueError as error:
        raise ProtocolError("bytes in a message that are not base64") from error


@dataclass(frozen=True, slots=True)
class Beat:
    """One heartbeat: of which node, in which of its boots, and its number since that boot."""

    node: str
    boot: str
    number: int

    def packed(self, token: str) -> bytes:
        """As a datagram."""
        text = json.dumps([self.node, self.boot, self.number])
        return (signature(token, text) + text).encode()

    @classmethod
    def unpacked(cls, datagram: bytes, token: str) -> Self | None:
        """The heartbeat in a datagram; None when it is none, or of somebody who does not know the token."""
        text = datagram.decode("utf-8", "replace")
        tag, rest = text[:_TAG_CHARACTERS], text[_TAG_CHARACTERS:]
        if not hmac.compare_digest(tag.encode(), signature(token, rest).encode()):
            return None
        node, boot, number = json.loads(rest)
        return cls(str(node), str(boot), int(number))


def _message(line: bytes) -> Mapping[str, Any]:
    """The message that a line is.  Raises ProtocolError."""
    try:
        message = json.loads(line)
    except ValueError as error:
        raise ProtocolError("a line that is no JSON") from error
    if not isinstance(message, dict) or not isinstance(message.get("type"), str):
        raise ProtocolError("a line that is no message")
    return message


class Link:
    """One end of a connection.  `send` may be called from any thread and never blocks; one thread reads `messages`."""

    def __init__(self, sock: socket.socket) -> None:
        sock.setsockopt(socket.IPPROTO_TCP, socket.TCP_NODELAY, 1)
        sock.setsockopt(socket.IPPROTO_TCP, socket.TCP_USER_TIMEOUT, USER_TIMEOUT_MS)
        sock.setsockopt(socket.SOL_SOCKET, socket.SO_KEEPALIVE, 1)
        sock.setsockopt(socket.IPPROTO_TCP, socket.TCP_KEEPIDLE, KEEPALIVE_S)
        sock.setsockopt(socket.IPPROTO_TCP, socket.TCP_KEEPINTVL, KEEPALIVE_S)
        self._socket = sock
        self._lines = sock.makefile("rb")
        self._waiting: queue.SimpleQueue[bytes | None] = queue.SimpleQueue()
        threading.Thread(target=self._write, name="link", daemon=True).start()

    def send(self, kind: str, **content: object) -> None:
        """Say something; what cannot be delivered any more is dropped."""
        self._waiting.put(json.dumps({"type": kind, **content}, separators=(",", ":")).encode() + b"\n")

    def messages(self) -> Iterator[Mapping[str, Any]]:
        """What the other side says, until the connection ends.  Raises ProtocolError."""
        with self._lines, suppress(OSError):
            while (line := self._lines.readline(LONGEST_LINE)).endswith(b"\n"):
                yield _message(line)

    def close(self) -> None:
        """End the connection; who reads from it comes to an end."""
        self._waiting.put(None)
        with suppress(OSError):
            self._socket.shutdown(socket.SHUT_RDWR)

    def _write(self) -> None:
        with suppress(OSError):
            while (line := self._waiting.get()) is not None:
                self._socket.sendall(line)
        with suppress(OSError):
            self._socket.shutdown(socket.SHUT_RDWR)
        self._socket.close()
