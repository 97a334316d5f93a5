"""SPNEGO around NTLM, the accepting side ([D] RFC 4178, MS-SPNG).

Only the few DER shapes of the negotiation are read; anything else is a malformed token.
"""

from __future__ import annotations

from typing import Final

from harness.twin.wire.der import OCTETS, SEQUENCE, pack_element, read_fields, unwrap
from harness.twin.wire.ntlm import MalformedTokenError, NtlmAcceptor, NtlmLogon, RejectedError

_OID_SPNEGO: Final = bytes.fromhex("06062b0601050502")
_OID_NTLM: Final = bytes.fromhex("060a2b06010401823702020a")

_ACCEPT_COMPLETED, _ACCEPT_INCOMPLETE, _REQUEST_MIC = 0, 1, 3
_APPLICATION: Final = 0x60


class SpnegoAcceptor:
    """One SPNEGO handshake with NTLM inside: feed tokens to `step` until it reports a log-on."""

    def __init__(self, ntlm: NtlmAcceptor) -> None:
        self._ntlm = ntlm
        self._mech_list = b""
        self._answered = False
        self._challenged = False

    def step(self, token: bytes) -> tuple[bytes, NtlmLogon | None]:
        """Return (token for the client, log-on or None while the handshake goes on).

        Raises MalformedTokenError and RejectedError like `NtlmAcceptor`.
        """
        if token[:1] == bytes((_APPLICATION,)):
            return self._step_init(token), None
        fields = read_fields(unwrap(unwrap(token, 0xA1), SEQUENCE))
        if 2 not in fields:
            raise MalformedTokenError("SPNEGO answer without a mechanism token")
        inner = unwrap(fields[2], OCTETS)
        if not self._challenged:
            self._challenged = True
            return self._pack_reply(_ACCEPT_INCOMPLETE, self._ntlm.challenge(inner)), None
        logon = self._ntlm.authenticate(inner)
        mic = None
        if 3 in fields and unwrap(fields[3], OCTETS) != inner:
            mic = self._answer_mic(logon, unwrap(fields[3], OCTETS))
        return self._pack_reply(_ACCEPT_COMPLETED, None, mic), logon

    def _step_init(self, token: bytes) -> bytes:
        content = unwrap(token, _APPLICATION)
        if not content.startswith(_OID_SPNEGO):
            raise MalformedTokenError("not a SPNEGO token")
        fields = read_fields(unwrap(unwrap(content[len(_OID_SPNEGO) :], 0xA0), SEQUENCE))
        self._mech_list = fields.get(0, b"")
        mechanisms = unwrap(self._mech_list, SEQUENCE)
        if _OID_NTLM not in mechanisms:
            raise MalformedTokenError("the client offers no NTLM, and this endpoint has no Kerberos")
        if mechanisms.startswith(_OID_NTLM) and 2 in fields:
            self._challenged = True
            return self._pack_reply(_ACCEPT_INCOMPLETE, self._ntlm.challenge(unwrap(fields[2], OCTETS)))
        # The optimistic token belongs to another mechanism: choose ours and protect the choice by a MIC.
        return self._pack_reply(_REQUEST_MIC, None)

    def _answer_mic(self, logon: NtlmLogon, client_mic: bytes) -> bytes:
        mic = logon.security.answer_mic(self._mech_list, client_mic) if logon.security else None
        if mic is None:
            raise RejectedError(logon.account.name, "the mechanism list was changed on its way (mechListMIC)")
        return mic

    def _pack_reply(self, state: int, token: bytes | None, mic: bytes | None = None) -> bytes:
        fields = pack_element(0xA0, bytes((0x0A, 0x01, state)))
        if not self._answered:
            self._answered = True
            fields += pack_element(0xA1, _OID_NTLM)
        if token is not None:
            fields += pack_element(0xA2, pack_element(OCTETS, token))
        if mic is not None:
            fields += pack_element(0xA3, pack_element(OCTETS, mic))
        return pack_element(0xA1, pack_element(SEQUENCE, fields))
