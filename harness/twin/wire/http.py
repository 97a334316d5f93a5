"""HTTP/1.1 as HTTP.sys speaks it to WinRM clients: reading requests from a byte stream, writing replies.

[C] captured: POST only, replies with Content-Length, a bare status code without reason phrase, server header
`Microsoft-HTTPAPI/2.0`. Requests may be chunked or ask for `100 Continue`.
"""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass
from typing import Final

MAX_HEAD_BYTES: Final = 16 * 1024
"""[D] HTTP.sys MaxRequestBytes default: longer request heads are refused."""
MAX_BODY_BYTES: Final = 4 * 1024 * 1024
"""[INF] Far above MaxEnvelopeSizekb (500): what exceeds the envelope limit only gets a fault, this gets 413."""

CONTINUE: Final = b"HTTP/1.1 100 Continue\r\n\r\n"


class BadRequestError(Exception):
    """Bytes that are no acceptable HTTP request; answer `status` with an empty body and close the connection."""

    def __init__(self, status: int, reason: str) -> None:
        super().__init__(f"HTTP {status}: {reason}")
        self.status = status


@dataclass(slots=True)
class Request:
    """One complete request. Header names are lower case; of repeated headers the last one counts."""

    method: str
    path: str
    headers: dict[str, str]
    body: bytes
    keep_alive: bool


class RequestReader:
    """Cuts a byte stream into requests: `feed` bytes, then call `next_request` until it returns None."""

    def __init__(self) -> None:
        self._buffer = bytearray()
        self._head: Request | None = None
        self._body_size: int | None = None
        self._chunks: list[bytes] = []
        self._expects_continue = False

    def feed(self, data: bytes) -> None:
        """Append received bytes."""
        self._buffer += data

    def take_expectation(self) -> bool:
        """Whether the client now waits for `100 Continue`; True once per request, and only if its body is missing."""
        wanted, self._expects_continue = self._expects_continue, False
        return wanted

    def next_request(self) -> Request | None:
        """Return the next complete request, or None when more bytes are needed. Raises BadRequestError."""
        head = self._head or self._read_head()
        if head is None:
            return None
        self._head = head
        body = self._read_chunked_body() if self._body_size is None else self._read_sized_body(self._body_size)
        if body is None:
            return None
        head.body = body
        self._head = None
        self._expects_continue = False
        return head

    def _read_head(self) -> Request | None:
        if self._buffer and not self._buffer[:1].isalpha():
            raise BadRequestError(400, "no HTTP method")  # [INF] at once, as when a client tries TLS on the plain port
        end = self._buffer.find(b"\r\n\r\n")
        if (end if end >= 0 else len(self._buffer)) > MAX_HEAD_BYTES:
            raise BadRequestError(400, "request head too long")
        if end < 0:
            return None
        lines = bytes(self._buffer[:end]).decode("latin-1").split("\r\n")
        del self._buffer[: end + 4]
        parts = lines[0].split(" ")
        if len(parts) != 3 or parts[2] not in ("HTTP/1.1", "HTTP/1.0"):
            raise BadRequestError(400, "no HTTP/1.1 request line")
        headers: dict[str, str] = {}
        for line in lines[1:]:
            name, colon, value = line.partition(":")
            if not colon or not name or name != name.strip():
                raise BadRequestError(400, "malformed header line")
            headers[name.lower()] = value.strip()
        self._body_size = _read_body_size(headers)
        connection = headers.get("connection", "").lower()
        keep_alive = "close" not in connection if parts[2] == "HTTP/1.1" else "keep-alive" in connection
        self._expects_continue = headers.get("expect", "").lower() == "100-continue"
        return Request(parts[0], parts[1], headers, b"", keep_alive)

    def _read_sized_body(self, size: int) -> bytes | None:
        if len(self._buffer) < size:
            return None
        body = bytes(self._buffer[:size])
        del self._buffer[:size]
        return body

    def _read_chunked_body(self) -> bytes | None:
        while True:
            line_end = self._buffer.find(b"\r\n")
            if line_end < 0:
                if len(self._buffer) > 1024:
                    raise BadRequestError(400, "chunk size line too long")
                return None
            size = _read_chunk_size(bytes(self._buffer[:line_end]))
            if sum(map(len, self._chunks)) + size > MAX_BODY_BYTES:
                raise BadRequestError(413, "body too long")
            # A trailer section would end with an empty line as well; WinRM clients send none.
            if len(self._buffer) < line_end + 2 + size + 2:
                return None
            end = line_end + 2 + size
            if self._buffer[end : end + 2] != b"\r\n":
                raise BadRequestError(400, "chunk does not end where it says")
            self._chunks.append(bytes(self._buffer[line_end + 2 : end]))
            del self._buffer[: end + 2]
            if size == 0:
                body = b"".join(self._chunks)
                self._chunks = []
                return body


def _read_body_size(headers: dict[str, str]) -> int | None:
    """Return the announced size, None for a chunked body."""
    coding = headers.get("transfer-encoding", "").lower()
    if coding == "chunked":
        return None
    if coding:
        raise BadRequestError(400, "unknown transfer encoding")
    text = headers.get("content-length", "0")
    if not (text.isascii() and text.isdigit()):
        raise BadRequestError(400, "Content-Length is no number")
    if len(text) > 10 or int(text) > MAX_BODY_BYTES:
        raise BadRequestError(413, "body too long")
    return int(text)


def _read_chunk_size(line: bytes) -> int:
    digits = line.split(b";", 1)[0].strip()
    if not 1 <= len(digits) <= 8:
        raise BadRequestError(400, "malformed chunk size")
    try:
        return int(digits, 16)
    except ValueError as error:
        raise BadRequestError(400, "malformed chunk size") from error


def pack_reply(
    status: int,
    body: bytes = b"",
    content_type: str | None = None,
    headers: Iterable[tuple[str, str]] = (),
    close: bool = False,
) -> bytes:
    """Pack a reply into one block of bytes, so that it leaves in one write."""
    head = f"HTTP/1.1 {status} \r\n"
    if content_type is not None:
        head += f"Content-Type: {content_type}\r\n"
    head += "Server: Microsoft-HTTPAPI/2.0\r\n"
    for name, value in headers:
        head += f"{name}: {value}\r\n"
    if close:
        head += "Connection: close\r\n"
    return f"{head}Content-Length: {len(body)}\r\n\r\n".encode("latin-1") + body
