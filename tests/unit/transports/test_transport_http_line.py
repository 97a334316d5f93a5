"""Replies as servers and what stands before them may send them, on a connection that is kept."""

from __future__ import annotations

import socket
import threading
from collections.abc import Iterator

import pytest

from harness.transports.http_line import HttpLine, LineClosedError

NO_BODY = b"HTTP/1.1 200 \r\nContent-Length: 0\r\n\r\n"


@pytest.fixture
def ends() -> Iterator[tuple[HttpLine, socket.socket]]:
    ours, theirs = socket.socketpair()
    line = HttpLine(ours, "node01:5985")
    with theirs:
        yield line, theirs
        line.close()


def post_to(reply: bytes) -> tuple[int, bytes]:
    """What is read of a reply; the server closes behind it."""
    ours, theirs = socket.socketpair()
    line = HttpLine(_Scripted(ours, theirs, reply), "node01:5985")
    answer = line.post("/wsman", {"Content-Type": "text/xml"}, b"<x/>", 2)
    line.close()
    return answer.status, answer.body


class _Scripted(socket.socket):
    """A socket whose other end sends a reply as soon as something was sent to it, and closes."""

    def __init__(self, ours: socket.socket, theirs: socket.socket, reply: bytes) -> None:
        super().__init__(fileno=ours.detach())
        self._theirs, self._reply = theirs, reply

    def sendall(self, request: bytes) -> None:  # type: ignore[override]
        super().sendall(request)
        with self._theirs as theirs:
            theirs.recv(65536)
            theirs.sendall(self._reply)
            theirs.shutdown(socket.SHUT_WR)


@pytest.mark.parametrize(
    ("reply", "expected"),
    [
        pytest.param(b"HTTP/1.1 200 \r\ncontent-LENGTH: 3\r\n\r\nabc", (200, b"abc"), id="length"),
        pytest.param(b"HTTP/1.1 500 Internal Error\r\nContent-Length:2\r\n\r\nno", (500, b"no"), id="reason"),
        pytest.param(b"HTTP/1.1 204 \r\n\r\n", (204, b""), id="no-content"),
        pytest.param(b"HTTP/1.1 200 OK\r\n\r\nto the end", (200, b"to the end"), id="until-close"),
        pytest.param(
            b"HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\n3\r\nabc\r\nA;x=1\r\n"
            b"0123456789\r\n0\r\nT: x\r\n\r\n",
            (200, b"abc0123456789"),
            id="chunked",
        ),
        pytest.param(b"HTTP/1.1 100 Continue\r\n\r\n" + NO_BODY, (200, b""), id="continue"),
    ],
)
def test_a_reply_is_read_in_each_of_its_forms(reply: bytes, expected: tuple[int, bytes]) -> None:
    assert post_to(reply) == expected


@pytest.mark.parametrize(
    ("reply", "error"),
    [
        pytest.param(b"", ConnectionResetError, id="nothing"),
        pytest.param(b"HTTP/1.1 200 \r\nContent-Length: 9\r\n\r\nabc", ConnectionResetError, id="cut-body"),
        pytest.param(b"SSH-2.0-OpenSSH\r\n\r\n", ValueError, id="ssh"),
        pytest.param(b"HTTP/1.1 2oo \r\n\r\n", ValueError, id="no-status"),
        pytest.param(b"HTTP/1.1 200 \r\n" + b"x" * 70_000, ValueError, id="endless-head"),
    ],
)
def test_what_is_no_whole_reply_is_told_apart(reply: bytes, error: type[Exception]) -> None:
    with pytest.raises(error):
        post_to(reply)


def test_requests_follow_each_other_on_one_connection(ends: tuple[HttpLine, socket.socket]) -> None:
    line, theirs = ends
    bodies = (b"first", b"second")
    heard: list[bytes] = []

    def serve() -> None:
        for body in bodies:
            request = b""
            while not request.endswith(b"\r\n\r\n" + body):
                request += theirs.recv(65536)
            heard.append(request)
            theirs.sendall(b"HTTP/1.1 200 \r\nContent-Length: %d\r\n\r\n%b" % (len(body), body))

    server = threading.Thread(target=serve)
    server.start()
    replies = [line.post("/wsman", {"X": "y"}, body, 2).body for body in bodies]
    server.join()
    assert replies == list(bodies)
    for said, body in zip(heard, bodies, strict=True):
        head, _, sent = said.partition(b"\r\n\r\n")
        lines = head.split(b"\r\n")
        assert lines[0] == b"POST /wsman HTTP/1.1"
        assert {b"Host: node01:5985", b"X: y", b"Content-Length: %d" % len(body)} <= set(lines)
        assert sent == body


@pytest.mark.parametrize(
    "connection", [b"HTTP/1.1 200 \r\nConnection: close\r\nContent-Length: 0\r\n\r\n", b"HTTP/1.0 200 \r\n\r\n"]
)
def test_nothing_is_sent_after_the_server_said_that_it_closes(connection: bytes) -> None:
    ours, theirs = socket.socketpair()
    line = HttpLine(_Scripted(ours, theirs, connection), "node01:5985")
    line.post("/wsman", {}, b"<x/>", 2)
    with pytest.raises(LineClosedError):
        line.post("/wsman", {}, b"<x/>", 2)
    line.close()


def test_nothing_is_sent_on_a_connection_that_was_closed_meanwhile(ends: tuple[HttpLine, socket.socket]) -> None:
    line, theirs = ends
    theirs.shutdown(socket.SHUT_WR)
    with pytest.raises(LineClosedError):
        line.post("/wsman", {}, b"body", 2)
    theirs.setblocking(False)
    with pytest.raises(BlockingIOError):
        theirs.recv(1)


def test_silence_ends_with_a_timeout(ends: tuple[HttpLine, socket.socket]) -> None:
    line, _ = ends
    with pytest.raises(TimeoutError):
        line.post("/wsman", {}, b"body", 0.05)
