"""An authenticated channel to a node's WinRM service that carries one message and its reply at a time: pywinrm's
transport."""

from __future__ import annotations

from dataclasses import dataclass, field
from typing import Any, Final, Literal

import requests
from requests.auth import AuthBase
from winrm.exceptions import InvalidCredentialsError, WinRMTransportError
from winrm.protocol import Protocol as WinRmProtocol

from harness.transports.credssp_client import CredSspAuth
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
    """One connection through pywinrm.  Every method raises what pywinrm raises (`trouble.classify` reads it).

    It cannot tell that the node closed the connection, and then resends a message sealed with the old keys, which the
    node answers with HTTP 401 or 400: drop the channel and try again.
    """

    def __init__(self, endpoint: WinRmEndpoint) -> None:
        self._endpoint = endpoint
        self._protocol = _build_protocol(endpoint)
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
            session.auth = _AlreadyLoggedOn(session.auth)

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


class _AlreadyLoggedOn(AuthBase):
    """Stands in for the log-on scheme once it has done its work.

    The scheme would log on again, unasked, when requests opens a new connection in place of one that the node closed;
    the owner of the channel must decide that.  The keys that seal messages stay the scheme's.
    """

    def __init__(self, scheme: Any) -> None:
        self._scheme = scheme

    def __getattr__(self, name: str) -> Any:
        return getattr(self._scheme, name)

    def __call__(self, request: requests.PreparedRequest) -> requests.PreparedRequest:
        request.hooks["response"].append(self._look)
        return request

    def _look(self, response: requests.Response, **_: object) -> None:
        if response.status_code == requests.codes.unauthorized:
            raise StaleChannelError("the connection was closed, and a new one is not logged on")


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
