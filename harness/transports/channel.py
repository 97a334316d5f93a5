"""An authenticated channel to a node's WinRM service that carries one message and its reply at a time: pywinrm's
transport."""

from __future__ import annotations

import socket
from dataclasses import dataclass, field
from typing import Any, Final, Literal
from urllib.parse import urlsplit

import requests
from winrm.encryption import Encryption
from winrm.exceptions import InvalidCredentialsError, WinRMTransportError
from winrm.protocol import Protocol as WinRmProtocol
from winrm.transport import Transport

from harness.transports.credssp_client import CredSspAuth
from harness.transports.http_line import HttpLine, HttpReply, LineClosedError
from harness.transports.trouble import StaleChannelError

Scheme = Literal["ntlm", "kerberos", "credssp", "basic"]

_LOGS_ON_FIRST: Final[frozenset[Scheme]] = frozenset({"ntlm", "credssp"})


@dataclass(frozen=True, slots=True)
class WinRmEndpoint:
    """Where and as whom to reach a node.  `name` is what journals show; `address` a host name or IP address.

    `transport` is pywinrm's name of the log-on scheme.  `ca_trust_path` pins a PEM file for TLS; None trusts certifi.
    The certificate is always checked, and must be made out to `address`.
    """

    name: str
    address: str
    port: int
    username: str
    password: str = field(repr=False)
    transport: Scheme = "ntlm"
    tls: bool = False
    ca_trust_path: str | None = None
    kerberos_hostname: str | None = None

    @property
    def url(self) -> str:
        """The service's URL; a bare IPv6 address is put into brackets."""
        host = f"[{self.address}]" if ":" in self.address else self.address
        return f"{'https' if self.tls else 'http'}://{host}:{self.port}/wsman"


class Channel:
    """One connection through pywinrm.  Every method raises what pywinrm raises (`diagnosis.classify` reads it), and
    StaleChannelError when the node closed the connection: drop the channel and try again.

    Where the log-on comes first (NTLM, CredSSP), requests carries it out, and the messages then follow on the same
    TCP connection without requests.  It would open a new connection in place of one that the node closed, unasked, log
    on again or resend a message sealed with the old keys; and it takes most of the time of an exchange.
    """

    def __init__(self, endpoint: WinRmEndpoint) -> None:
        self._endpoint = endpoint
        self._protocol = _build_protocol(endpoint)
        self._line: _LoggedOnLine | None = None
        self._connect_timeout_s = 0.0

    def open(self, connect_timeout_s: float, read_timeout_s: float) -> None:
        """Build the session and log on; with Basic, and Kerberos over HTTPS, that comes with the first message."""
        self._connect_timeout_s = connect_timeout_s
        self._set_timeout(read_timeout_s)
        transport = self._protocol.transport
        session = transport.build_session()
        # Neither proxies nor .netrc from the environment: not wanted, and looked up again for each message.
        session.trust_env = False
        if self._endpoint.transport == "credssp":
            session.auth = CredSspAuth(self._endpoint.username, self._endpoint.password)
        if self._endpoint.transport == "basic":
            return
        if not self._endpoint.tls:
            transport.setup_encryption(session)
        elif self._endpoint.transport in _LOGS_ON_FIRST:
            self._log_on(session)
        if self._endpoint.transport in _LOGS_ON_FIRST:
            self._line = _LoggedOnLine(self._endpoint.url, _take_connection(session, self._endpoint.url), transport)
            protocol: Any = self._protocol
            protocol.transport = self._line

    def _log_on(self, session: requests.Session) -> None:
        """Log on with an empty message, as over HTTP: else the first message would travel with each leg of the
        handshake, and a fault in the answer to it be taken for a failed log-on (requests-credssp reads no status)."""
        reply = session.post(self._endpoint.url, data=None, timeout=self._protocol.transport.read_timeout_sec)
        if reply.status_code == requests.codes.unauthorized:
            raise InvalidCredentialsError("the log-on was refused")
        if reply.status_code != requests.codes.ok:
            raise WinRMTransportError("http", reply.status_code, "")

    def send(self, message: str, read_timeout_s: float) -> bytes:
        """Send an envelope and return the reply's."""
        if self._line is not None:
            self._line.timeout_s = read_timeout_s
        else:
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


def _take_connection(session: requests.Session, url: str) -> socket.socket:
    """The TCP connection on which `session` has just logged on; the session is closed without it.

    Raises StaleChannelError when the node closed it at once.
    """
    adapter: Any = session.get_adapter(url)
    pools = adapter.poolmanager.pools
    keys = pools.keys()
    taken: list[Any] = [pools[key].pool.get_nowait() for key in keys]
    session.close()
    connected: socket.socket | None = taken[0].sock if len(taken) == 1 and taken[0] is not None else None
    if connected is None:
        raise StaleChannelError("the node closed the connection after the log-on")
    return connected


class _LoggedOnLine:
    """Stands in for pywinrm's transport once that has logged on: same connection, same keys, same exceptions."""

    def __init__(self, url: str, connected: socket.socket, transport: Transport) -> None:
        parts = urlsplit(url)
        self._url, self._path = url, parts.path
        self._line = HttpLine(connected, parts.netloc)
        self._headers = dict(transport.default_headers)
        self.encryption: Encryption | None = transport.encryption
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


def _build_protocol(endpoint: WinRmEndpoint) -> WinRmProtocol:
    """Without encryption at first: `Channel.open` sets it up once the session is as we want it."""
    trust: Any = endpoint.ca_trust_path
    return WinRmProtocol(
        endpoint=endpoint.url,
        transport=endpoint.transport,
        username=endpoint.username,
        password=endpoint.password,
        ca_trust_path=trust,
        server_cert_validation="validate",
        kerberos_hostname_override=endpoint.kerberos_hostname,
        message_encryption="never",
        proxy=None,
    )
