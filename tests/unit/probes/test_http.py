"""The reader of HTTP responses: whatever comes, in whatever pieces."""

from __future__ import annotations

import pytest
from hypothesis import given
from hypothesis import strategies as st

from harness.probes.http import MOST_BYTES, Response, request_bytes

CHUNKED = b"HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\n4\r\nwiki\r\n5;x=y\r\npedia\r\n0\r\n\r\n"
TRAILER = b"HTTP/1.1 200 OK\r\nTransfer-Encoding: gzip, chunked\r\n\r\n1\r\na\r\n0\r\nX-Sum: 1\r\n\r\n"
LENGTH = b"HTTP/1.1 404 Not Found\r\nContent-Length: 5\r\nX: y\r\n\r\nhello"
INTERIM = b"HTTP/1.1 100 Continue\r\n\r\nHTTP/1.1 103 Early Hints\r\nLink: </a>\r\n\r\nHTTP/1.1 204 No Content\r\n\r\n"
BARE_LINES = b"HTTP/1.1 200 OK\nContent-Length: 1\n\na"
WHOLE = {
    CHUNKED: 200,
    TRAILER: 200,
    LENGTH: 404,
    INTERIM: 204,
    BARE_LINES: 200,
    b"HTTP/1.1 503 Service Unavailable\r\nContent-Length: 0\r\n\r\n": 503,
    b"HTTP/1.0 200 OK\r\nConnection: keep-alive\r\nContent-Length: 2\r\n\r\nok": 200,
    b"HTTP/1.1 200\r\nContent-Length: 2, 2\r\n\r\nok": 200,
}
"""Complete responses after which the connection may be used again, and their status."""


def read(*pieces: bytes, head_only: bool = False, ended: bool = False) -> Response:
    response = Response(head_only=head_only)
    for piece in pieces:
        response.feed(piece)
    if ended:
        response.end()
    return response


@given(st.sampled_from(sorted(WHOLE)), st.data())
def test_complete_responses_in_any_pieces(raw: bytes, data: st.DataObject) -> None:
    cuts = sorted(data.draw(st.lists(st.integers(0, len(raw)), max_size=8)))
    pieces = [raw[start:end] for start, end in zip([0, *cuts], [*cuts, len(raw)], strict=True)]
    before = read(*pieces[:-1], pieces[-1][:-1])
    assert not before.over or not pieces[-1]
    response = read(*pieces)
    assert (response.done, response.status, response.keeps, response.malformed) == (True, WHOLE[raw], True, "")


@given(st.sampled_from(sorted(WHOLE)), st.integers(0, 300))
def test_a_response_that_breaks_off_is_malformed(raw: bytes, length: int) -> None:
    part = raw[: min(length, len(raw) - 1)]
    response = read(part, ended=True)
    assert response.malformed
    assert not response.done


@given(st.binary(max_size=300), st.booleans())
def test_arbitrary_bytes_never_raise_and_always_end(raw: bytes, ended: bool) -> None:
    response = read(raw, ended=ended)
    assert response.over or not ended
    assert not (response.done and response.malformed)


@given(st.binary(max_size=200))
def test_arbitrary_chunks_never_raise_and_always_end(raw: bytes) -> None:
    assert read(b"HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\n", raw, ended=True).over


@pytest.mark.parametrize(
    ("raw", "why"),
    [
        (b"SSH-2.0-OpenSSH_9.6\r\n", "does not begin"),
        (b"\x15\x03\x03\x00\x02\x02\x32", "does not begin"),
        (b"HTTP/1.1 OK\r\n\r\n", "status line"),
        (b"HTTP/1.1 999 Beyond\r\n\r\n", "status line"),
        (b"HTTP/1.1 200 OK\r\nno colon\r\n\r\n", "field name"),
        (b"HTTP/1.1 200 OK\r\nContent-Length : 1\r\n\r\n", "field name"),
        (b"HTTP/1.1 200 OK\r\nContent-Length: 1\r\nContent-Length: 2\r\n\r\n", "Content-Length"),
        (b"HTTP/1.1 200 OK\r\nContent-Length: -1\r\n\r\n", "Content-Length"),
        (b"HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\nxyz\r\n", "chunk size"),
        (b"HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\n1\r\nab\r\n", "chunk does not end"),
        (b"HTTP/1.1 200 OK\r\nX: " + b"y" * MOST_BYTES, "no end of the head"),
    ],
)
def test_malformed_responses_say_why(raw: bytes, why: str) -> None:
    response = read(raw)
    assert why in response.malformed
    assert not response.done


def test_no_body_follows_a_head_request() -> None:
    response = read(b"HTTP/1.1 200 OK\r\nContent-Length: 500000\r\n\r\n", head_only=True)
    assert response.done
    assert response.keeps


def test_without_a_length_the_body_lasts_until_the_connection_ends() -> None:
    response = read(b"HTTP/1.1 200 OK\r\n\r\nsome body")
    assert not response.over
    response.end()
    assert response.done
    assert not response.keeps


def test_of_a_large_body_only_the_beginning_is_read() -> None:
    response = Response(head_only=False)
    response.feed(b"HTTP/1.1 200 OK\r\nContent-Length: 5000000\r\n\r\n")
    pieces = 0
    while not response.over:
        response.feed(b"x" * 1000)
        pieces += 1
    assert pieces == -(-(MOST_BYTES - 45) // 1000)
    assert response.done
    assert not response.keeps


@pytest.mark.parametrize(
    "raw",
    [
        b"HTTP/1.1 200 OK\r\nConnection: foo, Close\r\nContent-Length: 0\r\n\r\n",
        b"HTTP/1.0 200 OK\r\nContent-Length: 0\r\n\r\n",
        b"HTTP/1.1 200 OK\r\nContent-Length: 1\r\n\r\nab",
        b"HTTP/1.1 200 OK\r\nContent-Length: 3\r\nTransfer-Encoding: chunked\r\n\r\n0\r\n\r\n",
        b"HTTP/1.1 101 Switching Protocols\r\n\r\n",
    ],
)
def test_connections_that_must_not_be_used_again(raw: bytes) -> None:
    response = read(raw)
    assert response.done
    assert not response.keeps


def test_the_announced_idle_time_is_read() -> None:
    head = b"HTTP/1.1 200 OK\r\nContent-Length: 0\r\nKeep-Alive: %s\r\n\r\n"
    assert read(head % b"timeout=5, max=100").idle_s == 5
    assert read(head % b"max=100, timeout = 15").idle_s == 15
    assert read(head % b"max=100").idle_s is None


def test_the_request_is_small_and_says_whether_the_connection_is_kept() -> None:
    request = request_bytes("HEAD", "/health?a=b", "10.0.0.5:8080", keep=False)
    lines = request.split(b"\r\n")
    assert lines[0] == b"HEAD /health?a=b HTTP/1.1"
    assert b"Host: 10.0.0.5:8080" in lines
    assert b"Connection: close" in lines
    assert lines[-2:] == [b"", b""]
    assert b"Connection: keep-alive" in request_bytes("GET", "/", "a", keep=True)
