"""NTLMv2, the accepting side: challenge, proof, MIC, signing and sealing ([D] MS-NLMP).

Own code because pyspnego's acceptor reads its accounts from one file per process and announces the real host's name.
Only what WinRM clients use: Unicode, NTLMv2, extended session security, 128 bit.
"""

from __future__ import annotations

import hashlib
import hmac
import secrets
import struct
from collections.abc import Callable
from dataclasses import dataclass
from typing import Final

from cryptography.hazmat.decrepit.ciphers.algorithms import ARC4
from cryptography.hazmat.primitives.ciphers import Cipher, CipherContext

from harness.twin.clock import to_filetime
from harness.twin.wire.accounts import Account, Directory
from harness.twin.wire.http import MAX_BODY_BYTES

SIGNATURE: Final = b"NTLMSSP\x00"
SIGNATURE_SIZE: Final = 16

LOGON_FAILURE: Final = 0xC000006D
ACCOUNT_LOCKED_OUT: Final = 0xC0000234
NO_LOGON_SERVERS: Final = 0xC000005E
"""NTSTATUS values ([D] MS-ERREF 2.3)."""

UNICODE: Final = 0x00000001
REQUEST_TARGET: Final = 0x00000004
SIGN: Final = 0x00000010
SEAL: Final = 0x00000020
NTLM: Final = 0x00000200
ALWAYS_SIGN: Final = 0x00008000
TARGET_DOMAIN: Final = 0x00010000
TARGET_SERVER: Final = 0x00020000
EXTENDED_SESSION_SECURITY: Final = 0x00080000
TARGET_INFO: Final = 0x00800000
VERSION: Final = 0x02000000
KEY_128: Final = 0x20000000
KEY_EXCHANGE: Final = 0x40000000
KEY_56: Final = 0x80000000

_ECHOED = SIGN | SEAL | EXTENDED_SESSION_SECURITY | VERSION | KEY_128 | KEY_EXCHANGE | KEY_56
_REQUIRED = UNICODE | EXTENDED_SESSION_SECURITY | KEY_128
_WINDOWS_VERSION = struct.pack("<BBHxxxB", 10, 0, 26100, 15)
"""VERSION of the challenge ([D] MS-NLMP 2.2.2.10); [INF] one build for all nodes, which no client looks at."""

_AV_EOL, _AV_NB_COMPUTER, _AV_NB_DOMAIN, _AV_DNS_COMPUTER, _AV_DNS_DOMAIN, _AV_DNS_TREE, _AV_FLAGS, _AV_TIME = range(8)
_AV_FLAG_MIC = 0x2
_MIC = slice(72, 88)
_BLOB_HEADER_SIZE = 28


class MalformedTokenError(Exception):
    """A token that is no NTLM message, or lacks what this acceptor needs. The client gets the challenge list (401)."""


class RejectedError(Exception):
    """A log-on that is refused; the client gets 401 with the challenge list.

    `account` is the known account's name, else the name as the client sent it. `proof_failed` tells whether the client
    proved nothing (wrong password, unknown account, broken MIC), or was turned away for another reason.  `nt_status` is
    that reason as a number, for the schemes that tell it.
    """

    def __init__(self, account: str, reason: str, *, proof_failed: bool = True, nt_status: int = LOGON_FAILURE) -> None:
        super().__init__(f"log-on of '{account}' rejected: {reason}")
        self.account = account
        self.proof_failed = proof_failed
        self.nt_status = nt_status


def hmac_md5(key: bytes, data: bytes) -> bytes:
    """HMAC-MD5, the work horse of NTLMv2."""
    return hmac.digest(key, data, "md5")


def _start_rc4(key: bytes) -> CipherContext:
    return Cipher(ARC4(key), mode=None).encryptor()


def _md5(data: bytes) -> hashlib._Hash:
    return hashlib.md5(data, usedforsecurity=False)


class _Direction:
    """Keys, cipher and sequence number of one direction; sequence numbers start at 0 and never skip."""

    def __init__(self, session_key: bytes, name: str, key_exchange: bool) -> None:
        magic = f"session key to {name}".encode()
        signing_key = _md5(session_key + magic + b" signing key magic constant\x00").digest()
        # HMAC with the key's two blocks hashed once: a one-shot HMAC costs five times as much per message.
        self._inner = _md5(bytes(byte ^ 0x36 for byte in signing_key.ljust(64, b"\x00")))
        self._outer = _md5(bytes(byte ^ 0x5C for byte in signing_key.ljust(64, b"\x00")))
        self._sealing_key = _md5(session_key + magic + b" sealing key magic constant\x00").digest()
        self._key_exchange = key_exchange
        self._sequence = 0
        self.cipher = _start_rc4(self._sealing_key)

    def restart_cipher(self) -> None:
        """Start the key stream again; the sequence number goes on (SPNEGO does this after the mechListMIC)."""
        self.cipher = _start_rc4(self._sealing_key)

    def sign(self, data: bytes) -> bytes:
        """Return the signature of the next message; uses up key stream and one sequence number."""
        number = struct.pack("<I", self._sequence)
        self._sequence += 1
        inner, outer = self._inner.copy(), self._outer.copy()
        inner.update(number)
        inner.update(data)
        outer.update(inner.digest())
        checksum = outer.digest()[:8]
        if self._key_exchange:
            checksum = self.cipher.update(checksum)
        return b"\x01\x00\x00\x00" + checksum + number


class NtlmSecurity:
    """Seals and unseals messages of one authenticated connection ([D] MS-NLMP 3.4: data first, then the checksum)."""

    protocol = "application/HTTP-SPNEGO-session-encrypted"
    largest_part = MAX_BODY_BYTES

    def __init__(self, session_key: bytes, key_exchange: bool) -> None:
        self._incoming = _Direction(session_key, "client-to-server", key_exchange)
        self._outgoing = _Direction(session_key, "server-to-client", key_exchange)

    def measure(self, body: bytes, position: int, header_size: int, plain_size: int) -> int | None:
        """The signature and as many sealed bytes as there are plain ones."""
        del body, position
        return header_size + plain_size if header_size == SIGNATURE_SIZE else None

    def seal(self, data: bytes) -> tuple[bytes, bytes]:
        """Return (header, sealed bytes) of the next message to the client."""
        sealed = self._outgoing.cipher.update(data)
        return self._outgoing.sign(data), sealed

    def unseal(self, header: bytes, sealed: bytes) -> bytes | None:
        """Return the plain bytes, or None when the signature is wrong. A failure leaves the key stream useless."""
        data = self._incoming.cipher.update(sealed)
        return data if hmac.compare_digest(self._incoming.sign(data), header) else None

    def answer_mic(self, mech_list: bytes, client_mic: bytes) -> bytes | None:
        """Check SPNEGO's mechListMIC and return ours, or None when it is wrong; restarts both key streams."""
        if not hmac.compare_digest(self._incoming.sign(mech_list), client_mic):
            return None
        self._incoming.restart_cipher()
        mic = self._outgoing.sign(mech_list)
        self._outgoing.restart_cipher()
        return mic


@dataclass(frozen=True, slots=True)
class NtlmLogon:
    """The result of a successful log-on. `security` is None when the client asked for no sealing."""

    account: Account
    security: NtlmSecurity | None


class NtlmAcceptor:
    """One NTLM handshake: `challenge` answers type 1, `authenticate` judges type 3."""

    def __init__(self, directory: Directory, read_utc_s: Callable[[], float]) -> None:
        self._directory = directory
        self._read_utc_s = read_utc_s
        self._negotiate = b""
        self._challenge = b""
        self._server_challenge = b""

    def challenge(self, token: bytes) -> bytes:
        """Return the type 2 message for a type 1 message. Raises MalformedTokenError."""
        if len(token) < 16 or token[:12] != SIGNATURE + b"\x01\x00\x00\x00":
            raise MalformedTokenError("expected an NTLM negotiate message")
        (offered,) = struct.unpack_from("<I", token, 12)
        if offered & _REQUIRED != _REQUIRED:
            raise MalformedTokenError(f"client flags {offered:#010x} lack Unicode, session security or 128 bit keys")
        target_kind = TARGET_DOMAIN if self._directory.dns_domain else TARGET_SERVER
        flags = (offered & _ECHOED) | UNICODE | REQUEST_TARGET | NTLM | ALWAYS_SIGN | TARGET_INFO | target_kind
        target = self._directory.netbios_domain.encode("utf-16-le")
        details = self._pack_target_details()
        self._negotiate = token
        self._server_challenge = secrets.token_bytes(8)
        self._challenge = (
            SIGNATURE
            + struct.pack("<IHHII", 2, len(target), len(target), 56, flags)
            + self._server_challenge
            + bytes(8)
            + struct.pack("<HHI", len(details), len(details), 56 + len(target))
            + _WINDOWS_VERSION
            + target
            + details
        )
        return self._challenge

    def _pack_target_details(self) -> bytes:
        where = self._directory
        computer = where.computer_name.lower()
        texts = (
            (_AV_NB_DOMAIN, where.netbios_domain),
            (_AV_NB_COMPUTER, where.computer_name[:15]),
            (_AV_DNS_DOMAIN, where.dns_domain or computer),
            (_AV_DNS_COMPUTER, f"{computer}.{where.dns_domain}" if where.dns_domain else computer),
            (_AV_DNS_TREE, where.dns_domain or computer),
        )
        pairs = [(kind, text.encode("utf-16-le")) for kind, text in texts]
        pairs.append((_AV_TIME, struct.pack("<Q", to_filetime(self._read_utc_s()))))
        pairs.append((_AV_EOL, b""))
        return b"".join(struct.pack("<HH", kind, len(value)) + value for kind, value in pairs)

    def authenticate(self, token: bytes) -> NtlmLogon:
        """Judge a type 3 message. Raises MalformedTokenError, or RejectedError when it proves nothing."""
        message = _parse_authenticate(token)
        if not self._challenge:
            raise MalformedTokenError("an authenticate message without a challenge before it")
        account = self._directory.find(message.domain, message.user)
        claimed = f"{message.domain}\\{message.user}" if message.domain else message.user
        if account is None:
            raise RejectedError(claimed, "no such account")
        identity = (message.user.upper() + message.domain).encode("utf-16-le")
        key = hmac_md5(account.nt_hash, identity)
        proof, blob = message.nt_response[:16], message.nt_response[16:]
        if not hmac.compare_digest(hmac_md5(key, self._server_challenge + blob), proof):
            raise RejectedError(account.name, "wrong password")
        session_key = hmac_md5(key, proof)
        if message.flags & KEY_EXCHANGE and message.flags & (SIGN | SEAL):
            session_key = _start_rc4(session_key).update(message.sealed_key)
        if _read_av_flags(blob) & _AV_FLAG_MIC:
            self._check_mic(token, session_key, account)
        key_exchange = bool(message.flags & KEY_EXCHANGE)
        wants_seal = message.flags & SEAL and message.flags & SIGN
        return NtlmLogon(account, NtlmSecurity(session_key, key_exchange) if wants_seal else None)

    def _check_mic(self, token: bytes, session_key: bytes, account: Account) -> None:
        unsigned = token[: _MIC.start] + bytes(16) + token[_MIC.stop :]
        expected = hmac_md5(session_key, self._negotiate + self._challenge + unsigned)
        if not hmac.compare_digest(expected, token[_MIC]):
            raise RejectedError(account.name, "the handshake was changed on its way (MIC)")


@dataclass(frozen=True, slots=True)
class _Authenticate:
    nt_response: bytes
    domain: str
    user: str
    sealed_key: bytes
    flags: int


def _parse_authenticate(token: bytes) -> _Authenticate:
    if len(token) < 64 or token[:12] != SIGNATURE + b"\x03\x00\x00\x00":
        raise MalformedTokenError("expected an NTLM authenticate message")
    (flags,) = struct.unpack_from("<I", token, 60)
    if flags & _REQUIRED != _REQUIRED:
        raise MalformedTokenError(f"client flags {flags:#010x} lack Unicode, session security or 128 bit keys")
    nt_response = _read_field(token, 20)
    if len(nt_response) < 16 + _BLOB_HEADER_SIZE:
        raise MalformedTokenError("no NTLMv2 response: NTLMv1 and anonymous log-on are not accepted")
    sealed_key = _read_field(token, 52)
    if flags & KEY_EXCHANGE and flags & (SIGN | SEAL) and len(sealed_key) != 16:
        raise MalformedTokenError("key exchange promised, but no 16-byte session key")
    try:
        domain = _read_field(token, 28).decode("utf-16-le")
        user = _read_field(token, 36).decode("utf-16-le")
    except UnicodeDecodeError as error:
        raise MalformedTokenError("user or domain is not UTF-16") from error
    return _Authenticate(nt_response, domain, user, sealed_key, flags)


def _read_field(token: bytes, position: int) -> bytes:
    length, _, offset = struct.unpack_from("<HHI", token, position)
    if offset + length > len(token):
        raise MalformedTokenError("a field points beyond the end of the message")
    return token[offset : offset + length]


def _read_av_flags(blob: bytes) -> int:
    position = _BLOB_HEADER_SIZE
    while position + 4 <= len(blob):
        kind, length = struct.unpack_from("<HH", blob, position)
        if kind == _AV_EOL:
            break
        if kind == _AV_FLAGS and length == 4 and position + 8 <= len(blob):
            return int(struct.unpack_from("<I", blob, position + 4)[0])
        position += 4 + length
    return 0
