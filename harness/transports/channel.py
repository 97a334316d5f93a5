"""An authenticated channel to a node's WinRM service that carries one message and its reply at a time.

Two kinds.  `LibraryChannel` is pywinrm's transport on requests, for every log-on scheme and for TLS.  `SealedChannel`
does the same for NTLM over plain HTTP, the usual case in a lab, in a third of the processor time: most of the rest
goes into general-purpose HTTP.  Both leave the reading of faults to pywinrm and raise the same exceptions.
"""

from __future__ import annotations

import base64
import re
import select
import socket
import struct
from dataclasses import dataclass, field
from typing import Any, Final, Literal, Protocol

import spnego
from winrm.exceptions import InvalidCredentialsError, WinRMTransportError
from winrm.protocol import Protocol as WinRmProtocol

from harness.clock import Deadline
from harness.transports.trouble import NotConnectedError

_BOUNDARY: Final = b"--Encrypted Boundary"
_SEALED: Final = "application/HTTP-SPNEGO-session-encrypted"
_PART_HEAD: Final = (
    _BOUNDARY
    + f"\r\n\tContent-Type: {_SEALED}\r\n".encode()
    + b"\tOriginalContent: type=application/soap+xml;charset=UTF-8;Length=%d\r\n"
    + _BOUNDARY
    + b"\r\n\tContent-Type: application/octet-stream\r\n"
)
_PART_END: Final = _BOUNDARY + b"--\r\n"
_OCTETS: Final = b"application/octet-stream\r\n"
_CHALLENGE: Final = re.compile(r"Negotiate ([A-Za-z0-9+/=]+)", re.IGNORECASE)
_SIGNATURE_BYTES: Final = 16
_MAX_HEAD_BYTES: Final = 65_536
_RECEIVE_BYTES: Final = 65_536


@dataclass(frozen=True, slots=True)
class WinRmEndpoint:
    """Where and as whom to reach a node.  `name` is what journals show; `address` a host name or IP address.

    `transport` is pywinrm's name of the log-on scheme.  `ca_trust_path` pins a PEM file for TLS; None trusts certifi.
    `lean` False takes pywinrm's own transport also for NTLM over plain HTTP.
    """

    name: str
    address: str
    port: int
    username: str
    password: str = field(repr=False)
    transport: Literal["ntlm", "kerberos", "credssp", "basic"] = "ntlm"
    tls: bool = False
    ca_trust_path: str | None = None
    validate_certificate: bool = True
    kerberos_hostname: str | None = None
    lean: bool = True

    @property
    def url(self) -> str:
        """The service's URL; a bare IPv6 address is put into brackets."""
        host = f"[{self.address}]" if ":" in self.address else self.address
        return f"{'https' if self.tls else 'http'}://{host}:{self.port}/wsman"


class Channel(Protocol):
    """One authenticated connection.  Every method raises what the WinRM client library raises (`trouble.classify`)."""

    def open(self, connect_timeout_s: float, read_timeout_s: float) -> None:
        """Connect and log on; nothing of any message is sent."""

    def is_stale(self) -> bool:
        """Has the node closed the connection since the last message, as far as one can see?"""

    def send(self, message: str, read_timeout_s: float) -> bytes:
        """Send an envelope and return the reply's."""

    def close(self) -> None:
        """Close the connection and forget its keys."""


def make_channel(endpoint: WinRmEndpoint) -> Channel:
    """The cheapest channel that serves the endpoint."""
    if endpoint.lean and endpoint.transport == "ntlm" and not endpoint.tls:
        return SealedChannel(endpoint)
    return LibraryChannel(endpoint)


def _build_protocol(endpoint: WinRmEndpoint) -> WinRmProtocol:
    trust: Any = endpoint.ca_trust_path
    protocol = WinRmProtocol(
        endpoint=endpoint.url,
        transport=endpoint.transport,
        username=endpoint.username,
        password=endpoint.password,
        ca_trust_path=trust,
        server_cert_validation="validate" if endpoint.validate_certificate else "ignore",
        kerberos_hostname_override=endpoint.kerberos_hostname,
        proxy=None,
    )
    if endpoint.transport == "credssp":
        # Without it a client with Kerberos libraries first looks for a realm in DNS, for seconds.
        protocol.transport.credssp_auth_mechanism = "ntlm"
    return protocol


class LibraryChannel:
    """pywinrm's transport.  It cannot tell that the node closed the connection, and then resends a message sealed
    with the old keys, which the node answers with HTTP 400: drop the channel and try again."""

    def __init__(self, endpoint: WinRmEndpoint) -> None:
        self._protocol = _build_protocol(endpoint)
        self._connect_timeout_s = 0.0

    def open(self, connect_timeout_s: float, read_timeout_s: float) -> None:
        """Build the session; over HTTPS and with Basic the log-on itself comes with the first message."""
        self._connect_timeout_s = connect_timeout_s
        self._set_timeout(read_timeout_s)
        # Neither proxies nor .netrc from the environment: not wanted, and looked up again for each message.
        self._protocol.transport.build_session().trust_env = False

    def is_stale(self) -> bool:
        """Never known."""
        return False

    def send(self, message: str, read_timeout_s: float) -> bytes:
        """Send through pywinrm."""
        self._set_timeout(read_timeout_s)
        return self._protocol.send_message(message)

    def close(self) -> None:
        """Close the session and forget its keys, or they would seal the first message of the next one."""
        self._protocol.transport.close_session()
        self._protocol.transport.encryption = None

    def _set_timeout(self, read_timeout_s: float) -> None:
        # requests takes (connect, read) where pywinrm declares a plain number of seconds.
        timeouts: Any = (self._connect_timeout_s, read_timeout_s)
        self._protocol.transport.read_timeout_sec = timeouts


class SealedChannel:
    """NTLM over plain HTTP with every message sealed ([D] MS-NLMP, MS-WSMV 2.2.9.1)."""

    def __init__(self, endpoint: WinRmEndpoint) -> None:
        self._endpoint = endpoint
        # pywinrm reads the faults; its transport is ours.
        self._protocol = _build_protocol(endpoint)
        transport: Any = self
        self._protocol.transport = transport
        self._socket: socket.socket | None = None
        self._security: spnego.ContextProxy | None = None
        self._read_timeout_s = 0.0
        self._head = (
            f"POST /wsman HTTP/1.1\r\nHost: {endpoint.url.split('/')[2]}\r\nConnection: Keep-Alive\r\n"
            "User-Agent: azurelocal-hil\r\n"
        )

    def open(self, connect_timeout_s: float, read_timeout_s: float) -> None:
        """Connect and log on with two empty messages.  Raises InvalidCredentialsError, WinRMTransportError, OSError."""
        where = self._endpoint
        self._read_timeout_s = read_timeout_s
        try:
            self._socket = socket.create_connection((where.address, where.port), connect_timeout_s)
        except OSError as error:
            raise NotConnectedError("no connection") from error
        try:
            self._security = self._log_on(self._socket)
        except BaseException:
            self.close()
            raise

    def _log_on(self, connected: socket.socket) -> spnego.ContextProxy:
        where = self._endpoint
        connected.setsockopt(socket.IPPROTO_TCP, socket.TCP_NODELAY, 1)
        security = spnego.client(
            where.username,
            where.password,
            hostname=where.address,
            service="http",
            protocol="ntlm",
            options=spnego.NegotiateOptions.use_ntlm,
        )
        status, headers, _ = self._post(b"", _authorization(security.step()))
        if status != 401:
            raise WinRMTransportError("http", status, "")
        status, _, _ = self._post(b"", _authorization(security.step(_read_token(headers))))
        if status == 401:
            raise InvalidCredentialsError("the specified credentials were rejected by the server")
        if status != 200:
            raise WinRMTransportError("http", status, "")
        return security

    def is_stale(self) -> bool:
        """Readable without being asked means that the node has closed the connection."""
        if self._socket is None:
            return True
        watch = select.poll()
        watch.register(self._socket, select.POLLIN)
        return bool(watch.poll(0))

    def send(self, message: str, read_timeout_s: float) -> bytes:
        """Send through pywinrm's reader of faults, which comes back to `send_message`."""
        self._read_timeout_s = read_timeout_s
        return self._protocol.send_message(message)

    def send_message(self, message: str) -> bytes:
        """Seal, send, receive, unseal.  Called by pywinrm's protocol object."""
        if self._security is None:
            raise ConnectionResetError("the channel is closed")
        plain = message.encode()
        sealed = self._security.wrap(plain).data
        body = b"".join((_PART_HEAD % len(plain), struct.pack("<i", _SIGNATURE_BYTES), sealed, _PART_END))
        kind = f'Content-Type: multipart/encrypted;protocol="{_SEALED}";boundary="Encrypted Boundary"\r\n'
        status, headers, content = self._post(body, kind)
        if status == 401:
            raise InvalidCredentialsError("the specified credentials were rejected by the server")
        if content and _SEALED in headers.get("content-type", ""):
            content = self._unseal(self._security, content)
        if status != 200:
            raise WinRMTransportError("http", status, content.decode("utf-8", "replace"))
        return content

    def close(self) -> None:
        """Close the socket."""
        if self._socket is not None:
            self._socket.close()
        self._socket = self._security = None

    @staticmethod
    def _unseal(security: spnego.ContextProxy, content: bytes) -> bytes:
        """The plain reply.  The parts are found by position: sealed bytes may look like a boundary."""
        start = content.index(_OCTETS) + len(_OCTETS) + 4
        if not content.endswith(_PART_END):
            raise ValueError("the sealed reply does not end with its boundary")
        return security.unwrap(content[start : -len(_PART_END)]).data

    def _post(self, body: bytes, extra_headers: str) -> tuple[int, dict[str, str], bytes]:
        """One request and its reply: status, headers in lower case, body.  Raises OSError, ValueError."""
        if self._socket is None:
            raise ConnectionResetError("the channel is closed")
        deadline = Deadline.after(self._read_timeout_s)
        self._socket.settimeout(self._read_timeout_s)
        head = f"{self._head}{extra_headers}Content-Length: {len(body)}\r\n\r\n".encode()
        self._socket.sendall(head + body)
        return self._read_reply(self._socket, deadline)

    @staticmethod
    def _read_reply(connected: socket.socket, deadline: Deadline) -> tuple[int, dict[str, str], bytes]:
        received = bytearray()
        while (end := received.find(b"\r\n\r\n")) < 0:
            _receive_more(connected, received, deadline)
            if len(received) > _MAX_HEAD_BYTES:
                raise ValueError("the reply has no end of headers")
        lines = received[:end].decode("latin-1").split("\r\n")
        headers: dict[str, str] = {}
        for name, _, text in (line.partition(":") for line in lines[1:]):
            # One line for each offered scheme: kept together as a list, as HTTP allows.
            known = headers.get(name.lower())
            headers[name.lower()] = f"{known}, {text.strip()}" if known else text.strip()
        size = end + 4 + int(headers.get("content-length", "0"))
        while len(received) < size:
            _receive_more(connected, received, deadline)
        return int(lines[0].split(" ")[1]), headers, bytes(received[end + 4 : size])


def _receive_more(connected: socket.socket, received: bytearray, deadline: Deadline) -> None:
    connected.settimeout(max(0.001, deadline.remaining_s()))
    chunk = connected.recv(_RECEIVE_BYTES)
    if not chunk:
        raise ConnectionResetError("closed before the reply was complete")
    received += chunk


def _authorization(token: bytes | None) -> str:
    return f"Authorization: Negotiate {base64.b64encode(token or b'').decode()}\r\n"


def _read_token(headers: dict[str, str]) -> bytes:
    """The challenge in a 401.  Raises PermissionError when there is none: the node broke off the log-on."""
    match = _CHALLENGE.search(headers.get("www-authenticate", ""))
    if match is None:
        raise PermissionError("no challenge in the answer to the log-on")
    return base64.b64decode(match.group(1))
