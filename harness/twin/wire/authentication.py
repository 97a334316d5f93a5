"""Authentication schemes of the endpoint: what an `Authorization` header starts, and what it ends in.

State belongs to the TCP connection ([C] captured: later requests carry no `Authorization`). One more scheme is one more
class with the same two members as `NegotiateHandshake` and one more line in `open_handshake`.
"""

from __future__ import annotations

import hmac
from collections.abc import Callable
from dataclasses import dataclass
from typing import Protocol

from harness.twin.wire.accounts import Account, Directory, hash_password
from harness.twin.wire.certificates import CredSspIdentity
from harness.twin.wire.credssp import CredSspAcceptor
from harness.twin.wire.ntlm import SIGNATURE, MalformedTokenError, NtlmAcceptor, NtlmLogon, RejectedError
from harness.twin.wire.sealing import MessageSecurity
from harness.twin.wire.spnego import SpnegoAcceptor


@dataclass(frozen=True, slots=True)
class Logon:
    """An authenticated account and what seals its messages (None: nothing does).

    `delegated`: the node holds a credential with which it can log on elsewhere as this account.
    """

    account: Account
    security: MessageSecurity | None
    delegated: bool = False


@dataclass(frozen=True, slots=True)
class Step:
    """Outcome of one token: a token for the client, and the log-on when the handshake is complete; `rejection` when
    it has failed and the token tells why."""

    token: bytes
    logon: Logon | None
    rejection: RejectedError | None = None


class Handshake(Protocol):
    """One run of an authentication scheme on one connection."""

    @property
    def binds_connection(self) -> bool:
        """Whether the log-on lasts as long as the connection, or only for its request."""

    def step(self, token: bytes) -> Step:
        """Take the client's token. Raises MalformedTokenError or RejectedError."""


class NegotiateHandshake:
    """`Negotiate`: raw NTLM messages or SPNEGO around them; the first token decides."""

    binds_connection = True

    def __init__(self, directory: Directory, read_utc_s: Callable[[], float]) -> None:
        self._directory = directory
        self._read_utc_s = read_utc_s
        self._ntlm: NtlmAcceptor | None = None
        self._spnego: SpnegoAcceptor | None = None

    def step(self, token: bytes) -> Step:
        """Take a token; a first message (type 1, NegTokenInit) starts over."""
        if token.startswith(SIGNATURE + b"\x01"):
            self._ntlm = NtlmAcceptor(self._directory, self._read_utc_s)
            return Step(self._ntlm.challenge(token), None)
        if token.startswith(SIGNATURE) and self._ntlm is not None:
            ntlm, self._ntlm = self._ntlm, None
            return Step(b"", _to_logon(ntlm.authenticate(token)))
        if token.startswith(b"\x60"):
            self._spnego = SpnegoAcceptor(NtlmAcceptor(self._directory, self._read_utc_s))
        if self._spnego is None or token.startswith(SIGNATURE):
            raise MalformedTokenError("the token belongs to no handshake of this connection")
        reply, logon = self._spnego.step(token)
        if logon is None:
            return Step(reply, None)
        self._spnego = None
        return Step(reply, _to_logon(logon))


def _to_logon(logon: NtlmLogon) -> Logon:
    return Logon(logon.account, logon.security)


class BasicHandshake:
    """`Basic`: user and password with every request, accounts of the machine only ([D] WinRM: Basic)."""

    binds_connection = False

    def __init__(self, directory: Directory) -> None:
        self._directory = directory

    def step(self, token: bytes) -> Step:
        """Take the decoded `user:password`."""
        try:
            user, colon, password = token.decode("utf-8").partition(":")
        except UnicodeDecodeError as error:
            raise MalformedTokenError("Basic credentials are not UTF-8") from error
        if not colon:
            raise MalformedTokenError("Basic credentials without a colon")
        account = self._directory.find("", user)
        if account is None or not account.is_local:
            raise RejectedError(user, "no such account of this machine")
        if not hmac.compare_digest(account.nt_hash, hash_password(password)):
            raise RejectedError(account.name, "wrong password")
        return Step(b"", Logon(account, None))


class CredSspHandshake:
    """`CredSSP`: the one scheme after which the node can go on to other machines as the account."""

    binds_connection = True

    def __init__(self, gate: Gate, identity: CredSspIdentity) -> None:
        self._inner = NegotiateHandshake(gate.directory, gate.read_utc_s)
        self._acceptor = CredSspAcceptor(identity, gate.directory, self._negotiate, gate.admit)

    def _negotiate(self, token: bytes) -> tuple[bytes, Logon | None]:
        step = self._inner.step(token)
        return step.token, step.logon

    def step(self, token: bytes) -> Step:
        """Take a token."""
        step = self._acceptor.step(token)
        logon = Logon(step.account, self._acceptor.security, delegated=True) if step.account is not None else None
        return Step(step.token, logon, step.rejection)


@dataclass(frozen=True, slots=True)
class Gate:
    """Who may log on to an endpoint, and by which schemes beside `Negotiate`.

    `admit` raises RejectedError for an account that may not log on now.  `credssp` makes the identity for that scheme,
    None where it is not offered.
    """

    directory: Directory
    read_utc_s: Callable[[], float]
    admit: Callable[[Account], None]
    offers_basic: bool
    credssp: Callable[[], CredSspIdentity] | None

    @property
    def schemes(self) -> tuple[str, ...]:
        """Values of the `WWW-Authenticate` lines of a challenge."""
        basic = ('Basic realm="WSMAN"',) if self.offers_basic else ()
        credssp = ("CredSSP",) if self.credssp is not None else ()
        return ("Negotiate", *basic, *credssp)


def open_handshake(scheme: str, gate: Gate) -> Handshake | None:
    """Start a handshake of a scheme (lower case), or return None when the endpoint does not offer it.

    `ntlm` is not offered: raw NTLM tokens travel under `negotiate`
    ([W] servers refuse the scheme `NTLM`).
    """
    if scheme == "negotiate":
        return NegotiateHandshake(gate.directory, gate.read_utc_s)
    if scheme == "basic" and gate.offers_basic:
        return BasicHandshake(gate.directory)
    if scheme == "credssp" and gate.credssp is not None:
        return CredSspHandshake(gate, gate.credssp())
    return None
