"""Logging on by NTLM on a connection that is kept, with the keys that then seal its messages ([D] MS-NTHT 3.1).

NTLM logs a connection on, not a client.  Doing it on the line itself leaves no doubt which connection that is, takes a
third of the time that a general HTTP client takes for it, and tells apart what such a client reports as the same
refusal: a node that does not offer NTLM, one that broke off the log-on, and one that refused the credential.
"""

from __future__ import annotations

import base64
from typing import Any, Final

import requests
import spnego
from spnego._ntlm_raw.crypto import ntowfv1
from winrm.encryption import Encryption
from winrm.exceptions import InvalidCredentialsError, WinRMError, WinRMTransportError

from harness.transports.http_line import HttpReply
from harness.transports.logged_on_line import LoggedOnLine
from harness.transports.trouble import NotOfferedError

_SCHEMES: Final = ("Negotiate", "NTLM")
"""Under either name the node takes bare NTLM tokens; WinRM offers the first ([D] MS-WSMV 2.2.9.1.1)."""


def log_on(line: LoggedOnLine, account: spnego.ContextProxy, timeout_s: float) -> None:
    """Log `account`, a fresh context, on with empty messages; its keys then seal what is sent on `line`.

    Raises NotOfferedError; InvalidCredentialsError for a refusal, PermissionError for a log-on that was broken off,
    WinRMTransportError for any other status, and what `HttpLine.post` raises.
    """
    scheme = _offered(line.post_nothing("", timeout_s))
    challenge: bytes | None = None
    while not account.complete:
        token = base64.b64encode(account.step(challenge) or b"").decode()
        reply = line.post_nothing(f"{scheme} {token}", timeout_s)
        if not account.complete:
            challenge = _challenge(reply, scheme)
    if reply.status == requests.codes.unauthorized:
        raise InvalidCredentialsError("the log-on was refused")
    if reply.status != requests.codes.ok:
        raise WinRMTransportError("http", reply.status, "")
    session: Any = _Session(account)
    line.encryption = Encryption(session, "ntlm")


def make_context(address: str, username: str, password: str) -> spnego.ContextProxy:
    """A context for one log-on to the service at `address`; always spnego's own NTLM, whatever the system has.

    It gets the hash of the password that NTLMv2 works with: from a password spnego derives the LM hash as well, which
    takes longer than all the rest of the log-on and which nothing uses ([D] MS-NLMP 3.3.2).
    """
    account = spnego.NTLMHash(username, nt_hash=ntowfv1(password).hex())
    options = spnego.NegotiateOptions.use_ntlm
    return spnego.client(account, hostname=address, service="http", protocol="ntlm", options=options)


class _Session:
    """What pywinrm's encryption looks for in a requests session: `session.auth.session_security`."""

    def __init__(self, account: spnego.ContextProxy) -> None:
        self._account = account
        self.auth = self.session_security = self

    def wrap(self, message: bytes) -> tuple[bytes, bytes]:
        """The sealed message and its signature."""
        sealed = self._account.wrap_winrm(message)
        return sealed.data, sealed.header

    def unwrap(self, message: bytes, signature: bytes) -> bytes:
        """The message, once its signature has been checked."""
        return self._account.unwrap_winrm(signature, message)


def _offered(reply: HttpReply) -> str:
    """The scheme to use, of those that a node named when it was asked without any."""
    if reply.status == requests.codes.ok:
        raise WinRMError("the node asked for no log-on")
    if reply.status != requests.codes.unauthorized:
        raise WinRMTransportError("http", reply.status, "")
    named = {challenge.partition(" ")[0].lower() for challenge in reply.challenges}
    for scheme in _SCHEMES:
        if scheme.lower() in named:
            return scheme
    raise NotOfferedError("the node does not offer NTLM")


def _challenge(reply: HttpReply, scheme: str) -> bytes:
    if reply.status != requests.codes.unauthorized:
        raise WinRMTransportError("http", reply.status, "")
    for challenge in reply.challenges:
        name, _, token = challenge.partition(" ")
        if name.lower() == scheme.lower() and token:
            return base64.b64decode(token, validate=True)
    raise PermissionError("the node answered without a challenge")
