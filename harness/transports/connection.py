"""One authenticated, sealed connection to a node's WinRM service, kept usable: pywinrm with its traps fenced.

What it takes care of: an idle connection is closed before the node does so, since pywinrm resends a message sealed
with the old keys on the new connection; a message the node could not decrypt is sent again once; no proxy from the
environment; a connect and a read timeout for each message; every exception becomes an `EndpointError`.
"""

from __future__ import annotations

import threading
import xml.etree.ElementTree as ET
from collections.abc import Callable
from typing import Final, TypeVar

from harness.clock import NS_PER_S, monotonic_ns
from harness.transports import envelope
from harness.transports.channel import Channel, WinRmEndpoint
from harness.transports.credential import CredentialWatch
from harness.transports.diagnosis import CLIENT_ERRORS, classify
from harness.transports.trouble import Diagnosis, EndpointError, Trouble

IDLE_LIMIT_S: Final = 90.0
"""HTTP.sys drops a connection after about 120 s without a request ([C] MaxPacketRetrievalTimeSeconds=120)."""
READ_MARGIN_S: Final = 10
"""Wall seconds a reply may take beyond the operation timeout that the node was given."""
CONNECT_TIMEOUT_S: Final = 10

T = TypeVar("T")

_HINTS: Final = {
    Trouble.UNTRUSTED: "Correct the node's certificate or the authority that is pinned; checking cannot be turned off.",
    Trouble.NOT_OFFERED: "Enable it on the node (Enable-WSManCredSSP -Role Server), or choose another transport.",
}
"""What to do where another node would say the same."""

_DOWN: Final = frozenset({Trouble.REFUSED, Trouble.RESET, Trouble.TIMEOUT, Trouble.UNAVAILABLE})


class WinRmConnection:
    """Sends messages to one node, one at a time.  Belongs to the thread that uses it first."""

    def __init__(self, endpoint: WinRmEndpoint, watch: CredentialWatch) -> None:
        self.endpoint = endpoint
        self._watch = watch
        self._channel: Channel | None = None
        self._accepted = False
        self._last_used_ns = 0
        self._owner: int | None = None
        self.down = False
        """The node did not answer lately: politeness towards it would only cost time."""
        self.reconnects = 0

    def exchange(self, request: envelope.Request, read: Callable[[ET.Element], T], *, timeout_s: int, doing: str) -> T:
        """Send one message and return what `read` finds in the reply; `timeout_s` is the node's operation timeout.

        A message that the node could not decrypt is sent once more on a new connection.  Raises EndpointError.
        """
        self._assert_owner()
        try:
            return self._send(request, read, timeout_s, doing)
        except EndpointError as error:
            if not (error.diagnosis.stale and not error.diagnosis.delivered):
                raise
        return self._send(request, read, timeout_s, doing)

    def drop(self) -> None:
        """Close the TCP connection; the next message opens and authenticates a new one.  Shells on the node stay."""
        if self._channel is not None:
            self._channel.close()
        self._channel = None

    def _send(self, request: envelope.Request, read: Callable[[ET.Element], T], timeout_s: int, doing: str) -> T:
        read_timeout_s = timeout_s + READ_MARGIN_S
        channel = self._connect(read_timeout_s, doing)
        text, message_id = request.render(self.endpoint.url, timeout_s)
        try:
            reply = read(envelope.read_reply(channel.send(text, read_timeout_s), message_id))
        except CLIENT_ERRORS as error:
            raise self._failure(classify(error), doing) from error
        finally:
            self._last_used_ns = monotonic_ns()
        self.down = False
        if not self._accepted:
            self._accepted = True
            self._watch.note_accepted(self.endpoint.name)
        return reply

    def _connect(self, read_timeout_s: float, doing: str) -> Channel:
        """The authenticated channel.  Nothing of the caller's message is sent here."""
        idle_s = (monotonic_ns() - self._last_used_ns) / NS_PER_S
        if self._channel is not None and idle_s > IDLE_LIMIT_S:
            self.drop()
        if self._channel is not None:
            return self._channel
        with self._watch.log_on(self.endpoint.name):
            try:
                channel = Channel(self.endpoint)
                channel.open(CONNECT_TIMEOUT_S, read_timeout_s)
            except CLIENT_ERRORS as error:
                found = classify(error)
                raise self._failure(Diagnosis(found.trouble, found.detail, delivered=False), doing) from error
        self._channel = channel
        self._accepted = False
        self.reconnects += 1
        return channel

    def _failure(self, found: Diagnosis, doing: str) -> EndpointError:
        """The error to raise; closes the connection and tells the credential watch what this means."""
        name = self.endpoint.name
        if found.trouble is Trouble.UNAUTHORIZED:
            self.drop()
            found = self._watch.judge_refusal(name)
            if found.trouble is Trouble.CREDENTIAL_REJECTED:
                return self._watch.rejection(name)
        elif found.trouble in _DOWN:
            self._watch.note_down(name)
            self.down = found.trouble is not Trouble.RESET
            self.drop()
        elif found.stale:
            self.drop()
        return EndpointError(
            f"node '{name}': {doing} failed: {found.detail}",
            node=name,
            diagnosis=found,
            hint=_HINTS.get(found.trouble, f"Ask another node; then run 'hil doctor' for '{name}'."),
        )

    def _assert_owner(self) -> None:
        me = threading.get_ident()
        if self._owner is None:
            self._owner = me
        if self._owner != me:
            raise RuntimeError(
                f"the WinRM connection to node '{self.endpoint.name}' belongs to another thread: give each its own"
            )
