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
_BOUNDARY = b"--Encrypted Boundary"
_TAIL = _BOUNDARY + b"--"


class MessageSecurity(Protocol):
    """What seals the messages of a connection: the outcome of an authentication scheme."""

    @property
    def protocol(self) -> str:
        """The `protocol` value of the multipart content type."""

    @property
    def largest_part(self) -> int:
        """Plain bytes that one part may hold; a longer message goes in several."""

    def measure(self, body: bytes, position: int, header_size: int, plain_size: int) -> int | None:
        """Bytes of header and sealed bytes together, which start at `position`; None when they cannot be right."""

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
    parts: list[bytes] = []
    position = 0
    while not (parts and body.startswith(_TAIL, position)):
        part, position = _open_part(security, body, position)
        parts.append(part)
    return b"".join(parts)


def _open_part(security: MessageSecurity, body: bytes, position: int) -> tuple[bytes, int]:
    head = _HEAD.match(body, position)
    if head is None:
        raise UnreadableMessageError("no multipart/encrypted head")
    if head["protocol"].decode("latin-1").lower() != security.protocol.lower():
        raise UnreadableMessageError("sealed by another scheme than the connection's")
    start = head.end() + 4
    if len(body) < start:
        raise UnreadableMessageError("no sealed part")
    (header_size,) = struct.unpack_from("<i", body, start - 4)
    plain_size = int(head["length"])
    size = security.measure(body, start, header_size, plain_size)
    if size is None:
        raise UnreadableMessageError("wrong header length")
    end = start + size
    if not body.startswith(_BOUNDARY, end):
        raise UnreadableMessageError("the sealed part does not end where its length says")
    plain = security.unseal(body[start : start + header_size], body[start + header_size : end])
    if plain is None:
        raise UnreadableMessageError("wrong signature")
    if len(plain) != plain_size:
        raise UnreadableMessageError("the sealed part holds more or less than its head says")
    return plain, end


def pack_envelope(security: MessageSecurity, message: bytes) -> tuple[str, bytes]:
    """Seal a message: (Content-Type, body)."""
    size = security.largest_part
    parts = [_pack_part(security, message[start : start + size]) for start in range(0, max(len(message), 1), size)]
    kind = "multipart/encrypted" if len(parts) == 1 else "multipart/x-multi-encrypted"
    content_type = f'{kind};protocol="{security.protocol}";boundary="Encrypted Boundary"'
    return content_type, b"".join(parts) + _TAIL + b"\r\n"


def _pack_part(security: MessageSecurity, message: bytes) -> bytes:
    header, sealed = security.seal(message)
    return (
        b"--Encrypted Boundary\r\n\tContent-Type: %b\r\n\tOriginalContent: type=%b;Length=%d\r\n"
        b"--Encrypted Boundary\r\n\tContent-Type: application/octet-stream\r\n%b%b%b"
    ) % (
        security.protocol.encode(),
        SOAP_TYPE.encode(),
        len(message),
        struct.pack("<i", len(header)),
        header,
        sealed,
    )
