"""One small HTTP/1.1 request, and a bounded reader for what comes back.

Only GET and HEAD without a body, which change nothing at the service [RFC 9110 §9.2.1].  Redirects are not followed:
a status below 500 is an answer.  No TLS; a service that speaks only TLS is probed by TCP connect.  The reader never
blocks: bytes go in as they arrive.  It exists because the reader of the standard library wants a blocking file.
"""

from __future__ import annotations

import re
from typing import Final

METHODS: Final = ("GET", "HEAD")
MOST_BYTES: Final = 64 * 1024
"""Of a response no more than this is read: the status is known by then, the rest of a large page tells nothing."""
_VERSION: Final = b"HTTP/1."
_STATUS_LINE: Final = re.compile(rb"HTTP/1\.([01]) ([1-5]\d\d)(?: .*)?")
_END_OF_HEAD: Final = re.compile(rb"\r?\n\r?\n")
_CHUNK_LINE: Final = re.compile(rb"([0-9A-Fa-f]{1,8})[ \t]*(?:;[^\r\n]*)?\r?\n")
_KEEP_ALIVE: Final = re.compile(rb"(?:^|[,\s])timeout\s*=\s*(\d{1,9})", re.IGNORECASE)
_NO_BODY: Final = frozenset({101, 204, 304})


def request_bytes(method: str, path: str, host: str, *, keep: bool) -> bytes:
    """The request; with `keep` the service is asked to leave the connection open.

    The parts are checked by `harness.probes.services.Service`.
    """
    connection = "keep-alive" if keep else "close"
    lines = (
        f"{method} {path} HTTP/1.1",
        f"Host: {host}",
        "User-Agent: hil-prober",
        "Accept: */*",
        "Cache-Control: no-cache",
        f"Connection: {connection}",
    )
    return ("\r\n".join(lines) + "\r\n\r\n").encode("ascii")


class Response:
    """What came back on one request.

    `done`: complete, or as much as is read.  `malformed` is empty, or says why this is no HTTP/1 response.  `keeps`:
    the connection may carry another request.  `idle_s` is how long the service said it keeps an idle connection, None
    when it did not say.  `started`: at least one byte came.
    """

    __slots__ = (
        "_at",
        "_body_left",
        "_buffer",
        "_chunked",
        "_head_only",
        "_total",
        "done",
        "idle_s",
        "keeps",
        "malformed",
        "started",
        "status",
    )

    def __init__(self, *, head_only: bool) -> None:
        self._head_only = head_only
        self._buffer = bytearray()
        self._at = 0
        self._total = 0
        self._chunked = False
        self._body_left: int | None = 0
        """Bytes of body still to come; None until the connection ends."""
        self.status = 0
        self.done = False
        self.keeps = False
        self.idle_s: int | None = None
        self.malformed = ""
        self.started = False

    @property
    def over(self) -> bool:
        """Nothing more is to be read."""
        return self.done or bool(self.malformed)

    def feed(self, data: bytes) -> None:
        """More bytes; ignored once the response is over."""
        if self.over or not data:
            return
        self.started = True
        self._total += len(data)
        self._buffer += data
        while not self.status and not self.malformed and self._take_head():
            pass
        if self.status and not self.over:
            self._take_body()
        if not self.over and self._total >= MOST_BYTES:
            self._cut()

    def end(self) -> None:
        """The service closed the connection."""
        if self.over:
            return
        if self.status and self._body_left is None and not self._chunked:
            self._finish(keeps=False)
        elif self.status:
            self.malformed = "the connection ended within the body"
        else:
            self.malformed = "the connection ended within the head" if self.started else "nothing came"

    def _cut(self) -> None:
        if self.status:
            self._finish(keeps=False)
        else:
            self.malformed = f"no end of the head within {MOST_BYTES} bytes"

    def _finish(self, *, keeps: bool) -> None:
        self.done = True
        self.keeps = keeps
        self._buffer.clear()

    def _take_head(self) -> bool:
        """Read one head when it is complete; true when it was an interim one (100 to 199) and another may follow."""
        start = bytes(self._buffer[: len(_VERSION)])
        if start != _VERSION[: len(start)]:
            self.malformed = "does not begin like HTTP/1"
            return False
        end = _END_OF_HEAD.search(self._buffer)
        if end is None:
            return False
        lines = re.split(rb"\r?\n", bytes(self._buffer[: end.start()]))
        del self._buffer[: end.end()]
        first = _STATUS_LINE.fullmatch(lines[0])
        if first is None:
            self.malformed = "status line is none of HTTP/1"
            return False
        status = int(first[2])
        if status < 200 and status != 101:
            return bool(self._buffer)
        self._take_fields(lines[1:], version=int(first[1]), status=status)
        return False

    def _take_fields(self, lines: list[bytes], *, version: int, status: int) -> None:
        fields: dict[bytes, list[bytes]] = {}
        for line in lines:
            if line[:1] in (b" ", b"\t"):
                continue  # A folded line [RFC 9112 §5.2]; no field that is read here comes folded.
            name, colon, value = line.partition(b":")
            if not colon or not name or name != name.strip():
                self.malformed = "a header line without a field name"
                return
            fields.setdefault(name.lower(), []).append(value.strip())
        lengths = {part.strip() for value in fields.get(b"content-length", ()) for part in value.split(b",")}
        codings = b",".join(fields.get(b"transfer-encoding", ())).lower()
        if len(lengths) > 1 or any(not length.isdigit() for length in lengths):
            self.malformed = "no usable Content-Length"
            return
        options = {part.strip() for value in fields.get(b"connection", ()) for part in value.lower().split(b",")}
        self.keeps = b"close" not in options and (version == 1 or b"keep-alive" in options) and status != 101
        told = _KEEP_ALIVE.search(b",".join(fields.get(b"keep-alive", ())))
        self.idle_s = int(told[1]) if told else None
        self.status = status
        if self._head_only or status in _NO_BODY:
            return
        if codings:
            # With both fields the message may be forged: the connection is not used again [RFC 9112 §6.1].
            self.keeps = self.keeps and not lengths
            self._chunked = codings.rpartition(b",")[2].strip() == b"chunked"
            self._body_left = None
        else:
            self._body_left = int(lengths.pop()) if lengths else None

    def _take_body(self) -> None:
        if self._chunked:
            self._take_chunks()
        elif self._body_left is None:
            self._buffer.clear()
        else:
            taken = min(self._body_left, len(self._buffer))
            del self._buffer[:taken]
            self._body_left -= taken
            if not self._body_left:
                # Bytes that nobody asked for: the next response on this connection could not be trusted.
                self._finish(keeps=self.keeps and not self._buffer)

    def _take_chunks(self) -> None:
        """Skip whole chunks; `_at` is where the next one begins."""
        while True:
            line = _CHUNK_LINE.match(self._buffer, self._at)
            if line is None:
                if b"\n" in self._buffer[self._at :] or len(self._buffer) - self._at > 1024:
                    self.malformed = "no usable chunk size"
                return
            size = int(line[1], 16)
            if size == 0:
                self._take_trailer(line.end())
                return
            end = line.end() + size
            closing = bytes(self._buffer[end : end + 2])
            if closing not in (b"\r\n", b"", b"\r") and closing[:1] != b"\n":
                self.malformed = "a chunk does not end where it said"
                return
            if closing in (b"", b"\r"):
                return
            self._at = end + (2 if closing == b"\r\n" else 1)

    def _take_trailer(self, at: int) -> None:
        """The response ends with an empty line after the last chunk and its trailer fields."""
        # The end of the last chunk's own line counts as the end of a line before the empty one.
        end = _END_OF_HEAD.search(self._buffer, at - 1)
        if end is not None:
            self._finish(keeps=self.keeps and end.end() == len(self._buffer))
