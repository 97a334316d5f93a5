"""An authenticated channel to a node's WinRM service that carries one message and its reply at a time: pywinrm's
transport."""

from __future__ import annotations

from dataclasses import dataclass, field
from typing import Any, Literal

from winrm.protocol import Protocol as WinRmProtocol


@dataclass(frozen=True, slots=True)
class WinRmEndpoint:
    """Where and as whom to reach a node.  `name` is what journals show; `address` a host name or IP address.

    `transport` is pywinrm's name of the log-on scheme.  `ca_trust_path` pins a PEM file for TLS; None trusts certifi.
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

    @property
    def url(self) -> str:
        """The service's URL; a bare IPv6 address is put into brackets."""
        host = f"[{self.address}]" if ":" in self.address else self.address
        return f"{'https' if self.tls else 'http'}://{host}:{self.port}/wsman"


class Channel:
    """One connection through pywinrm.  Every method raises what pywinrm raises (`trouble.classify` reads it).

    It cannot tell that the node closed the connection, and then resends a message sealed with the old keys, which the
    node answers with HTTP 400: drop the channel and try again.
    """

    def __init__(self, endpoint: WinRmEndpoint) -> None:
        self._protocol = _build_protocol(endpoint)
        self._connect_timeout_s = 0.0

    def open(self, connect_timeout_s: float, read_timeout_s: float) -> None:
        """Build the session; over HTTPS and with Basic the log-on itself comes with the first message."""
        self._connect_timeout_s = connect_timeout_s
        self._set_timeout(read_timeout_s)
        # Neither proxies nor .netrc from the environment: not wanted, and looked up again for each message.
        self._protocol.transport.build_session().trust_env = False

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
