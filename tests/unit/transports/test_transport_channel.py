"""The channel against servers that answer the log-on with anything but what they should."""

from __future__ import annotations

import socket
import threading
from collections.abc import Iterator
from contextlib import contextmanager, suppress
from importlib.util import find_spec

import pytest

from harness.transports.channel import WinRmEndpoint
from harness.transports.connection import WinRmConnection
from harness.transports.credential import CredentialWatch
from harness.transports.envelope import create_shell, read_shell_id
from harness.transports.trouble import EndpointError, Trouble


@contextmanager
def answer_with(*replies: bytes) -> Iterator[int]:
    """A server that on each connection answers one request after the other with `replies` and then closes.

    It reads on until the client closes too: unread bytes would turn the end into a reset that can overtake the reply.
    """
    listener = socket.create_server(("127.0.0.1", 0))

    def serve() -> None:
        while True:
            try:
                connected, _ = listener.accept()
            except OSError:
                return
            with connected, suppress(OSError):
                for reply in replies:
                    connected.recv(65536)
                    connected.sendall(reply)
                connected.shutdown(socket.SHUT_WR)
                connected.settimeout(1)
                while connected.recv(65536):
                    pass

    thread = threading.Thread(target=serve, daemon=True)
    thread.start()
    try:
        yield listener.getsockname()[1]
    finally:
        listener.shutdown(socket.SHUT_RDWR)
        listener.close()
        thread.join()


def open_shell(port: int) -> EndpointError:
    endpoint = WinRmEndpoint("NODE01", "127.0.0.1", port, "hil", "word")
    connection = WinRmConnection(endpoint, CredentialWatch("hil"))
    with pytest.raises(EndpointError) as caught:
        connection.exchange(create_shell(), read_shell_id, timeout_s=1, doing="opening a shell")
    return caught.value


def unauthorized(*headers: str) -> bytes:
    """A reply that asks for a log-on."""
    lines = ["HTTP/1.1 401 ", "Content-Length: 0", *headers, "", ""]
    return "\r\n".join(lines).encode()


NEGOTIATE = unauthorized("WWW-Authenticate: Negotiate")
NO_NTLM = unauthorized('WWW-Authenticate: Basic realm="WSMAN"', "WWW-Authenticate: Kerberos")
# "NTLM" and no more of a challenge.
BROKEN_TOKEN = unauthorized("WWW-Authenticate: Negotiate TlRN")
CLOSES = unauthorized("WWW-Authenticate: Negotiate", "Connection: close")


@pytest.mark.parametrize(
    ("replies", "trouble"),
    [
        pytest.param([b""], Trouble.RESET, id="closed"),
        pytest.param([b"HTTP/1.1 401 \r\nWWW-Authen"], Trouble.NOT_OFFERED, id="cut-head"),
        pytest.param([b"HTTP/1.1 401 \r\nContent-Length: 10\r\n\r\nabc"], Trouble.RESET, id="cut-body"),
        pytest.param([NO_NTLM], Trouble.NOT_OFFERED, id="no-ntlm"),
        pytest.param([b"HTTP/1.1 503 \r\nContent-Length: 0\r\n\r\n"], Trouble.UNAVAILABLE, id="503"),
        pytest.param([b"HTTP/1.1 404 \r\nContent-Length: 0\r\n\r\n"], Trouble.UNAVAILABLE, id="404"),
        pytest.param([b"HTTP/1.1 200 \r\nContent-Length: 0\r\n\r\n"], Trouble.PROTOCOL, id="200"),
        pytest.param([NEGOTIATE, BROKEN_TOKEN], Trouble.PROTOCOL, id="broken-token"),
        pytest.param([NEGOTIATE, NEGOTIATE], Trouble.UNAVAILABLE, id="no-challenge"),
        pytest.param([NEGOTIATE, unauthorized("WWW-Authenticate: Negotiate !")], Trouble.PROTOCOL, id="no-base64"),
        pytest.param([NEGOTIATE, b"HTTP/1.1 503 \r\nContent-Length: 0\r\n\r\n"], Trouble.UNAVAILABLE, id="503-later"),
        pytest.param([CLOSES], Trouble.RESET, id="closes-in-between"),
        pytest.param([b"SSH-2.0-OpenSSH\r\n\r\n"], Trouble.PROTOCOL, id="ssh"),
        pytest.param([b"x" * 70_000], Trouble.PROTOCOL, id="endless"),
    ],
)
def test_a_log_on_that_goes_wrong_is_classified(replies: list[bytes], trouble: Trouble) -> None:
    with answer_with(*replies) as port:
        error = open_shell(port)
    assert error.trouble is trouble
    assert not error.diagnosis.delivered


def test_a_closed_port_is_refused_and_the_password_stays_out_of_texts() -> None:
    with socket.create_server(("127.0.0.1", 0)) as listener:
        port = listener.getsockname()[1]
    assert open_shell(port).trouble is Trouble.REFUSED
    assert "word" not in repr(WinRmEndpoint("NODE01", "127.0.0.1", port, "hil", "word"))


def test_ipv6_addresses_are_put_into_brackets() -> None:
    assert WinRmEndpoint("N", "fe80::1", 5985, "u", "p").url == "http://[fe80::1]:5985/wsman"


@pytest.mark.skipif(find_spec("kerberos") is not None, reason="the library is there")
def test_a_missing_library_for_a_log_on_scheme_is_named() -> None:
    endpoint = WinRmEndpoint("NODE01", "127.0.0.1", 1, "u", "p", transport="kerberos")
    connection = WinRmConnection(endpoint, CredentialWatch("u"))
    with pytest.raises(EndpointError, match="pykerberos is not installed"):
        connection.exchange(create_shell(), read_shell_id, timeout_s=1, doing="opening a shell")
