"""What can go wrong between the harness and an endpoint: one small enumeration, and the exceptions that carry it.

Messages are made of fixed words, never of a library's exception text: that holds addresses, object ids and GUIDs,
which would make two equal runs differ.  The original exception stays reachable as `__cause__`.
"""

from __future__ import annotations

from dataclasses import dataclass
from enum import StrEnum

from harness.errors import CredentialRejectedError, TransportError
from harness.transports.replies import Reply


class Trouble(StrEnum):
    """Why a request did not get its answer."""

    REFUSED = "refused"
    """No connection: nobody listens there, or there is no way to the node."""
    RESET = "reset"
    """The node closed the connection before it answered."""
    TIMEOUT = "timeout"
    """Silence: no connection, or no answer on it."""
    UNAUTHORIZED = "unauthorized"
    """Log-on refused by a node that is probably still booting; the next try is spaced."""
    CREDENTIAL_REJECTED = "credential-rejected"
    """Log-on refused for good."""
    UNTRUSTED = "untrusted"
    """The node's certificate does not prove who it is; nothing was told to it, the credential least of all."""
    NOT_OFFERED = "not-offered"
    """The node does not offer this way to log on; the credential was not tried."""
    UNAVAILABLE = "unavailable"
    """The machine answers, its WinRM service does not serve yet or any more."""
    SHELL_GONE = "shell-gone"
    """Shell or command unknown to the node, as after its restart."""
    ACCESS_DENIED = "access-denied"
    """Logged on, but not allowed."""
    OPERATION_TIMEOUT = "operation-timeout"
    """The node answered that it could not do it in the given time."""
    QUOTA = "quota"
    """Too many shells, operations or processes of this account."""
    PROTOCOL = "protocol"
    """An answer that makes no sense to us, or a message that made none to the node."""


@dataclass(frozen=True, slots=True)
class Diagnosis:
    """What one failed request means.

    `delivered` is False only where the node certainly did not act on the request; `stale` means that this connection's
    encryption is out of step with the node's, and a new connection cures it.
    """

    trouble: Trouble
    detail: str
    delivered: bool
    stale: bool = False


class EndpointError(TransportError):
    """A request to an endpoint failed.  Read `trouble`; ask another node before concluding anything on the product."""

    def __init__(self, message: str, *, node: str, diagnosis: Diagnosis, hint: str = "") -> None:
        super().__init__(message, hint=hint)
        self.node = node
        self.diagnosis = diagnosis

    @property
    def trouble(self) -> Trouble:
        """The kind of trouble."""
        return self.diagnosis.trouble


class MayHaveRunError(EndpointError):
    """The script was sent, its result is unknown.  Do not send it again: look for its effect first."""


class OverdueError(EndpointError):
    """The script did not end in time and was stopped.  `so_far` is what it had printed: questions that were sent
    together with the one that hangs may have their answers in it."""

    def __init__(self, message: str, *, node: str, diagnosis: Diagnosis, so_far: Reply) -> None:
        super().__init__(message, node=node, diagnosis=diagnosis)
        self.so_far = so_far


class EndpointCredentialError(EndpointError, CredentialRejectedError):
    """The endpoint refused the credential for good.  No shell uses it again until the process is told a new one."""


class NotOfferedError(Exception):
    """The node does not offer this way to log on: a policy, or the orchestrator, has switched it off ([T])."""


class StaleChannelError(Exception):
    """The node closed the connection meanwhile and, on a new one, did not act on the message: log on again."""
