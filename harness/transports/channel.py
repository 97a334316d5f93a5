"""An authenticated channel to a node's WinRM service that carries one message and its reply at a time: pywinrm's
transport."""

from __future__ import annotations

import socket
from dataclasses import dataclass, field
from typing import Any, Final, Literal

import requests
from urllib3.connection import HTTPConnection
from winrm.exceptions import InvalidCredentialsError, WinRMTransportError
from winrm.protocol import Protocol as WinRmProtocol

from harness.netns import inside
from harness.transports.credssp_client import CredSspAuth
from harness.transports.logged_on_line import LoggedOnLine
from harness.transports.ntlm_logon import log_on, make_context
from harness.transports.trouble import StaleChannelError

Scheme = Literal["ntlm", "kerberos", "credssp", "basic"]

_LOGS_ON_FIRST: Final[frozenset[Scheme]] = frozenset({"ntlm", "credssp"})


@dataclass(frozen=True, slots=True)
class WinRmEndpoint:
    """Where and as whom to reach a node.  `name` is what journals show; `address` a host name or IP address.

    `transport` is pywinrm's name of the log-on scheme.  `ca_trust_path` pins a PEM file for TLS; None trusts certifi.
    The certificate is always checked, and must be made out to `address`.  `namespace` is the named network namespace in
    which connections are made, empty for the machine's own.
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
    namespace: str = ""

    @property
    def url(self) -> str:
        """The service's URL; a bare IPv6 address is put into brackets."""
        host = f"[{self.address}]" if ":" in self.address else self.address
        return f"{'https' if self.tls else 'http'}://{host}:{self.port}/wsman"


class Channel:
    """One connection through pywinrm.  Every method raises what pywinrm raises (`diagnosis.classify` reads it), and
    StaleChannelError when the node closed the connection: drop the channel and try again.

    Where the log-on comes first (NTLM, CredSSP), the messages follow on the same TCP connection without requests.  It
    would open a new connection in place of one that the node closed, unasked, log on again or resend a message sealed
    with the old keys; and it takes most of the time of an exchange.  Nor does NTLM without TLS need it for the log-on;
    with TLS the log-on is bound to the certificate, and for CredSSP it is TLS itself: those the libraries carry out.
    """

    def __init__(self, endpoint: WinRmEndpoint) -> None:
        self._endpoint = endpoint
        self._protocol = _build_protocol(endpoint)
        self._line: LoggedOnLine | None = None
        self._connect_timeout_s = 0.0

    def open(self, connect_timeout_s: float, read_timeout_s: float) -> None:
        """Build the session and log on; with Basic, and Kerberos over HTTPS, that comes with the first message.

        Raises LabError too: when the endpoint's network namespace is gone.
        """
        self._connect_timeout_s = connect_timeout_s
        with inside(self._endpoint.namespace):
            self._open(read_timeout_s)

    def _open(self, read_timeout_s: float) -> None:
        if self._endpoint.transport == "ntlm" and not self._endpoint.tls:
            self._log_on_line(read_timeout_s)
            return
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
            self._use_line(_take_connection(session, self._endpoint.url)).encryption = transport.encryption

    def _log_on_line(self, read_timeout_s: float) -> None:
        """Connect and log on by NTLM."""
        endpoint = self._endpoint
        opened = HTTPConnection(endpoint.address, endpoint.port, timeout=self._connect_timeout_s)
        opened.connect()
        account = make_context(endpoint.address, endpoint.username, endpoint.password)
        log_on(self._use_line(opened.sock), account, read_timeout_s)

    def _use_line(self, connected: socket.socket) -> LoggedOnLine:
        """Send all further messages on `connected`."""
        self._line = LoggedOnLine(self._endpoint.url, connected, self._protocol.transport.default_headers)
        protocol: Any = self._protocol
        protocol.transport = self._line
        return self._line

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
        with inside(self._endpoint.namespace):  # a session may connect anew
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
