"""Messages on a TCP connection that is logged on, sealed by pywinrm's encryption, without requests."""

from __future__ import annotations

import socket
from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any
from urllib.parse import urlsplit

import requests
from winrm.encryption import Encryption
from winrm.exceptions import WinRMTransportError

from harness.transports.http_line import HttpLine, HttpReply, LineClosedError
from harness.transports.trouble import StaleChannelError


class LoggedOnLine:
    """Stands in for pywinrm's transport on one connection: same keys, same exceptions.

    `encryption` seals the messages with the keys of the log-on; None leaves them plain, as over TLS.
    """

    def __init__(self, url: str, connected: socket.socket, headers: Mapping[str, str]) -> None:
        parts = urlsplit(url)
        self._url, self._path = url, parts.path
        self._line = HttpLine(connected, parts.netloc)
        self._headers = dict(headers)
        self.encryption: Encryption | None = None
        self.timeout_s = 0.0

    def send_message(self, message: str) -> bytes:
        """Send an envelope, sealed where the connection is plain, and return the reply's."""
        draft = self._draft(message.encode())
        try:
            reply = self._line.post(self._path, draft.headers, draft.body, self.timeout_s)
        except LineClosedError as error:
            raise StaleChannelError("the node closed the connection") from error
        if reply.status == requests.codes.unauthorized:
            raise StaleChannelError("the node no longer knows this connection's log-on")
        text = self._open(reply) if reply.body else b""
        if reply.status != requests.codes.ok:
            raise WinRMTransportError("http", reply.status, text.decode())
        return text

    def post_nothing(self, authorization: str, timeout_s: float) -> HttpReply:
        """An empty message as a log-on sends it, with this value of the Authorization header, if any."""
        headers = {**self._headers, "Authorization": authorization} if authorization else self._headers
        return self._line.post(self._path, headers, b"", timeout_s)

    def close_session(self) -> None:
        """Close the connection."""
        self._line.close()

    def _draft(self, body: bytes) -> _Draft:
        if self.encryption is None:
            return _Draft(self._url, body, self._headers)
        desk: Any = _Desk
        sealed: Any = self.encryption.prepare_encrypted_request(desk, self._url, body)
        headers = {**self._headers, "Content-Type": sealed.headers["Content-Type"]}
        return _Draft(self._url, sealed.body, headers)

    def _open(self, reply: HttpReply) -> bytes:
        if self.encryption is None:
            return reply.body
        answer: Any = _Answer(_Draft(self._url, b"", {}), {"Content-Type": reply.content_type}, reply.body)
        return self.encryption.parse_encrypted_response(answer)


@dataclass(frozen=True, slots=True)
class _Draft:
    """A request as pywinrm's encryption knows it."""

    url: str
    body: bytes
    headers: dict[str, str]


class _Desk:
    """The one thing that pywinrm's encryption has a requests session do."""

    @staticmethod
    def prepare_request(request: requests.Request) -> _Draft:
        body: Any = request.data
        return _Draft(str(request.url), body, {})


@dataclass(frozen=True, slots=True)
class _Answer:
    """A response as pywinrm's encryption knows it."""

    request: _Draft
    headers: dict[str, str]
    content: bytes
