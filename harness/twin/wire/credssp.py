"""CredSSP, the accepting side ([D] MS-CSSP): TLS inside the log-on tokens, NTLM inside TLS, then the password itself.

Own code, like NTLM: pyspnego's acceptor knows only the accounts of one file for the whole process and says of itself
that it is a proof of concept.  It is the independent client in the tests.  Version 5 and newer only, those that bind
the log-on to a nonce (CVE-2018-0886); an older client is refused, which Windows does only when told to (twin
limitation).
"""

from __future__ import annotations

import hashlib
import hmac
import ssl
import struct
from collections.abc import Callable
from dataclasses import dataclass
from typing import Final, Protocol

from harness.twin.wire.accounts import Account, Directory, hash_password
from harness.twin.wire.certificates import CredSspIdentity
from harness.twin.wire.der import FIELD, INTEGER, OCTETS, SEQUENCE, pack_element, read_fields, unwrap
from harness.twin.wire.ntlm import MalformedTokenError, RejectedError
from harness.twin.wire.sealing import MessageSecurity

VERSION: Final = 6
_OLDEST_WITH_NONCE: Final = 5
_WITH_ERROR_CODE: Final = 6
_SIGNATURE_SIZE: Final = 16
_PASSWORD_CREDENTIAL: Final = 1
_CHUNK: Final = 65536

_TRAILER_SIZE: Final = 16
"""[S] The authentication tag of a GCM cipher suite, which stands where NTLM has its signature."""
_RECORD_HEAD_SIZE: Final = 5  # [D] RFC 5246: type, version, length
_LARGEST_RECORD: Final = 16384


class TlsChannel:
    """TLS without a socket: what goes in comes from tokens, what comes out goes into tokens."""

    def __init__(self, context: ssl.SSLContext) -> None:
        self._incoming = ssl.MemoryBIO()
        self._outgoing = ssl.MemoryBIO()
        self._tls = context.wrap_bio(self._incoming, self._outgoing, server_side=True)
        self.is_open = False

    def shake_hands(self, token: bytes) -> bytes:
        """Take a flight of the handshake and return ours.  Raises MalformedTokenError."""
        self._incoming.write(token)
        try:
            self._tls.do_handshake()
            self.is_open = True
        except ssl.SSLWantReadError:
            pass
        except ssl.SSLError as error:
            raise MalformedTokenError("TLS inside CredSSP failed") from error
        return self._outgoing.read()

    def seal(self, data: bytes) -> bytes:
        """One record; `data` must fit into it."""
        self._tls.write(data)
        return self._outgoing.read()

    def unseal(self, records: bytes) -> bytes | None:
        """What the records hold, or None when they cannot be trusted."""
        self._incoming.write(records)
        parts: list[bytes] = []
        while True:
            try:
                part = self._tls.read(_CHUNK)
            except ssl.SSLWantReadError:
                return b"".join(parts)
            except ssl.SSLError:
                return None
            if not part:
                return None
            parts.append(part)


class CredSspSecurity:
    """Seals messages with the TLS channel of the log-on ([D] MS-WSMV 2.2.9.1.3)."""

    protocol = "application/HTTP-CredSSP-session-encrypted"
    largest_part = _LARGEST_RECORD

    def __init__(self, channel: TlsChannel) -> None:
        self._channel = channel

    def measure(self, body: bytes, position: int, header_size: int, plain_size: int) -> int | None:
        """A TLS record says itself how long it is; what the client calls header is just its first bytes."""
        del plain_size
        if position + _RECORD_HEAD_SIZE > len(body):
            return None
        size = _RECORD_HEAD_SIZE + int.from_bytes(body[position + 3 : position + _RECORD_HEAD_SIZE], "big")
        return size if 0 <= header_size <= size else None

    def seal(self, data: bytes) -> tuple[bytes, bytes]:
        """Return the record, cut where the trailer's length says."""
        record = self._channel.seal(data)
        return record[:_TRAILER_SIZE], record[_TRAILER_SIZE:]

    def unseal(self, header: bytes, sealed: bytes) -> bytes | None:
        """Return the plain bytes or None when they cannot be trusted."""
        return self._channel.unseal(header + sealed)


class InnerLogon(Protocol):
    """What the log-on inside the channel ends in."""

    @property
    def account(self) -> Account:
        """Who it is."""

    @property
    def security(self) -> MessageSecurity | None:
        """What seals the key and the password."""


@dataclass(frozen=True, slots=True)
class CredSspStep:
    """A token for the client; `account` when the log-on is complete, `rejection` when it is refused."""

    token: bytes
    account: Account | None = None
    rejection: RejectedError | None = None


class CredSspAcceptor:
    """One CredSSP handshake: feed tokens to `step` until it reports an account.

    `negotiate` takes a token of the log-on inside (NTLM, bare or in SPNEGO) and returns ours with the log-on once it is
    complete; `admit` may still refuse an account.
    """

    def __init__(
        self,
        identity: CredSspIdentity,
        directory: Directory,
        negotiate: Callable[[bytes], tuple[bytes, InnerLogon | None]],
        admit: Callable[[Account], None],
    ) -> None:
        self._identity = identity
        self._directory = directory
        self._negotiate = negotiate
        self._admit = admit
        self._channel = TlsChannel(identity.context)
        self._inner: InnerLogon | None = None
        self._bound = False

    @property
    def security(self) -> CredSspSecurity:
        """What seals the messages after the log-on."""
        return CredSspSecurity(self._channel)

    def step(self, token: bytes) -> CredSspStep:
        """Take the client's token.  Raises MalformedTokenError, and RejectedError where no token can say so."""
        if not self._channel.is_open:
            return CredSspStep(self._channel.shake_hands(token))
        plain = self._channel.unseal(token)
        if plain is None:
            raise MalformedTokenError("a CredSSP token that TLS cannot open")
        request = _Request.parse(plain)
        if self._bound:
            return CredSspStep(b"", self._take_credential(request))
        try:
            return CredSspStep(self._channel.seal(self._answer(request)))
        except RejectedError as error:
            if request.version < _WITH_ERROR_CODE:
                raise
            return CredSspStep(self._channel.seal(_pack_error(error.nt_status)), rejection=error)

    def _answer(self, request: _Request) -> bytes:
        if request.version < _OLDEST_WITH_NONCE:
            raise MalformedTokenError(f"CredSSP version {request.version} does not bind the log-on to a nonce")
        reply = b""
        if request.token:
            reply, self._inner = self._negotiate(request.token)
            if self._inner is not None:
                self._admit(self._inner.account)
        if not request.key_proof:
            return _pack_reply(reply, b"")
        security = self._security()
        proof = security.unseal(request.key_proof[:_SIGNATURE_SIZE], request.key_proof[_SIGNATURE_SIZE:])
        if proof is None or not hmac.compare_digest(proof, self._hash_key(b"Client-To-Server", request.nonce)):
            raise RejectedError(self._account().name, "somebody stands between the client and this node (pubKeyAuth)")
        self._bound = True
        return _pack_reply(reply, b"".join(security.seal(self._hash_key(b"Server-To-Client", request.nonce))))

    def _take_credential(self, request: _Request) -> Account:
        """The password is only compared, never kept: the simulated lab needs no more than to know that it is there."""
        plain = self._security().unseal(request.credential[:_SIGNATURE_SIZE], request.credential[_SIGNATURE_SIZE:])
        if plain is None:
            raise MalformedTokenError("the delegated credential cannot be opened")
        domain, user, password = _parse_credential(plain)
        account = self._directory.find(domain, user)
        if account is None or not hmac.compare_digest(account.nt_hash, hash_password(password)):
            raise RejectedError(self._account().name, "the delegated credential is not the one that logged on")
        return self._account()

    def _hash_key(self, direction: bytes, nonce: bytes) -> bytes:
        text = b"CredSSP " + direction + b" Binding Hash\x00"
        return hashlib.sha256(text + nonce + self._identity.public_key).digest()

    def _security(self) -> MessageSecurity:
        if self._inner is None or self._inner.security is None:
            raise MalformedTokenError("CredSSP goes on before the log-on inside it is complete, or without sealing")
        return self._inner.security

    def _account(self) -> Account:
        if self._inner is None:
            raise MalformedTokenError("CredSSP goes on before the log-on inside it is complete")
        return self._inner.account


@dataclass(frozen=True, slots=True)
class _Request:
    """A TSRequest of the client ([D] MS-CSSP 2.2.1)."""

    version: int
    token: bytes
    credential: bytes
    key_proof: bytes
    nonce: bytes

    @classmethod
    def parse(cls, data: bytes) -> _Request:
        fields = read_fields(unwrap(data, SEQUENCE))
        token = b""
        if 1 in fields:
            token = unwrap(read_fields(unwrap(unwrap(fields[1], SEQUENCE), SEQUENCE)).get(0, b""), OCTETS)
        octets = [unwrap(fields[number], OCTETS) if number in fields else b"" for number in (2, 3, 5)]
        return cls(int.from_bytes(unwrap(fields.get(0, b""), INTEGER), "big"), token, *octets)


def _pack_request(*fields: tuple[int, bytes]) -> bytes:
    known = ((0, pack_element(INTEGER, bytes((VERSION,)))), *fields)
    return pack_element(SEQUENCE, b"".join(pack_element(FIELD + number, content) for number, content in known))


def _pack_reply(token: bytes, key_proof: bytes) -> bytes:
    fields: list[tuple[int, bytes]] = []
    if token:
        inner = pack_element(SEQUENCE, pack_element(FIELD, pack_element(OCTETS, token)))
        fields.append((1, pack_element(SEQUENCE, inner)))
    if key_proof:
        fields.append((3, pack_element(OCTETS, key_proof)))
    return _pack_request(*fields)


def _pack_error(nt_status: int) -> bytes:
    """[D] MS-CSSP 2.2.1: errorCode is the NTSTATUS, a signed number of 32 bits."""
    return _pack_request((4, pack_element(INTEGER, struct.pack(">I", nt_status))))


def _parse_credential(data: bytes) -> tuple[str, str, str]:
    """Domain, user and password of TSCredentials with TSPasswordCreds ([D] MS-CSSP 2.2.1.2)."""
    fields = read_fields(unwrap(data, SEQUENCE))
    if int.from_bytes(unwrap(fields.get(0, b""), INTEGER), "big") != _PASSWORD_CREDENTIAL:
        raise MalformedTokenError("the delegated credential is no password (twin limitation)")
    parts = read_fields(unwrap(unwrap(fields.get(1, b""), OCTETS), SEQUENCE))
    try:
        domain, user, password = (unwrap(parts.get(number, b""), OCTETS).decode("utf-16-le") for number in range(3))
    except UnicodeDecodeError as error:
        raise MalformedTokenError("the delegated credential is not UTF-16") from error
    return domain, user, password
