"""The multipart/encrypted envelope around sealed messages ([D] MS-WSMV 2.2.9.1).

Sealed bytes may contain the boundary text, so the parts are found by their lengths, never by searching.
"""

from __future__ import annotations

import re
import struct
from typing import Protocol

SOAP_TYPE = "application/soap+xml;charset=UTF-8"

_HEAD = re.compile(
    rb"--Encrypted Boundary\r\n"
    rb"\s*Content-Type:\s*(?P<protocol>[^\r\n;]+)\r\n"
    rb"\s*OriginalContent:\s*type=(?P<type>[^\r\n]+?);Length=(?P<length>\d{1,9})\r\n"
    rb"--Encrypted Boundary\r\n"
    rb"[ \t]*Content-Type:[ \t]*application/octet-stream\r\n",
    re.IGNORECASE,
)
_TAIL = b"--Encrypted Boundary--"


class MessageSecurity(Protocol):
    """What seals the messages of a connection: the outcome of an authentication scheme."""

    @property
    def protocol(self) -> str:
        """The `protocol` value of the multipart content type."""

    @property
    def header_size(self) -> int:
        """Bytes of the header in front of the sealed bytes."""

    def seal(self, data: bytes) -> tuple[bytes, bytes]:
        """Return (header, sealed bytes)."""

    def unseal(self, header: bytes, sealed: bytes) -> bytes | None:
        """Return the plain bytes or None when they cannot be trusted."""


class UnreadableMessageError(Exception):
    """A sealed message that cannot be opened. A node answers HTTP 400 with an empty body
    ([W] evil-winrm-py 3, pywinrm 229)."""


def is_sealed(content_type: str) -> bool:
    """Whether a Content-Type announces a sealed message."""
    return content_type.lower().startswith(("multipart/encrypted", "multipart/x-multi-encrypted"))


def open_envelope(security: MessageSecurity, body: bytes) -> bytes:
    """Return the plain message inside a sealed body. Raises UnreadableMessageError."""
    head = _HEAD.match(body)
    if head is None:
        raise UnreadableMessageError("no multipart/encrypted head")
    if head["protocol"].decode("latin-1").lower() != security.protocol.lower():
        raise UnreadableMessageError("sealed by another scheme than the connection's")
    start = head.end()
    if len(body) < start + 4:
        raise UnreadableMessageError("no sealed part")
    (header_size,) = struct.unpack_from("<i", body, start)
    if header_size != security.header_size:
        raise UnreadableMessageError("wrong header length")
    data_start = start + 4 + header_size
    data_end = data_start + int(head["length"])
    if not body.startswith(_TAIL, data_end):
        raise UnreadableMessageError("the sealed part does not end where its length says")
    plain = security.unseal(body[start + 4 : data_start], body[data_start:data_end])
    if plain is None:
        raise UnreadableMessageError("wrong signature")
    return plain


def pack_envelope(security: MessageSecurity, message: bytes) -> tuple[str, bytes]:
    """Seal a message: (Content-Type, body)."""
    header, sealed = security.seal(message)
    body = (
        b"--Encrypted Boundary\r\n\tContent-Type: %b\r\n\tOriginalContent: type=%b;Length=%d\r\n"
        b"--Encrypted Boundary\r\n\tContent-Type: application/octet-stream\r\n%b%b%b--Encrypted Boundary--\r\n"
    ) % (
        security.protocol.encode(),
        SOAP_TYPE.encode(),
        len(message),
        struct.pack("<i", len(header)),
        header,
        sealed,
    )
    return f'multipart/encrypted;protocol="{security.protocol}";boundary="Encrypted Boundary"', body
