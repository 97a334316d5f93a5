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
def answer_with(reply: bytes) -> Iterator[int]:
    """A server that reads something, sends `reply` and closes, for each connection.

    It reads on until the client closes too: unread bytes would turn the end into a reset that can overtake the reply.
    """
    listener = socket.create_server(("127.0.0.1", 0))

    def serve() -> None:
        while True:
            try:
                connected, _ = listener.accept()
            except OSError:
                return
            with connected:
                connected.recv(65536)
                with suppress(OSError):
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


NO_SCHEME = b'HTTP/1.1 401 \r\nWWW-Authenticate: Basic realm="WSMAN"\r\nContent-Length: 0\r\n\r\n'
# The log-on goes on after this one: on a new connection, since this server answers once on each.
BROKEN_TOKEN = b"HTTP/1.1 401 \r\nConnection: close\r\nWWW-Authenticate: Negotiate TlRN\r\nContent-Length: 0\r\n\r\n"


# The client library cannot tell a refusal from a 401 that names no scheme or was cut off: both stop the
# credential's use.
@pytest.mark.parametrize(
    ("reply", "trouble"),
    [
        pytest.param(b"", Trouble.RESET, id="closed"),
        pytest.param(b"HTTP/1.1 401 \r\nWWW-Authen", Trouble.CREDENTIAL_REJECTED, id="cut-head"),
        pytest.param(b"HTTP/1.1 401 \r\nContent-Length: 10\r\n\r\nabc", Trouble.RESET, id="cut-body"),
        pytest.param(NO_SCHEME, Trouble.CREDENTIAL_REJECTED, id="no-scheme"),
        pytest.param(b"HTTP/1.1 503 \r\nContent-Length: 0\r\n\r\n", Trouble.UNAVAILABLE, id="503"),
        pytest.param(b"HTTP/1.1 404 \r\nContent-Length: 0\r\n\r\n", Trouble.UNAVAILABLE, id="404"),
        pytest.param(b"HTTP/1.1 200 \r\nContent-Length: 0\r\n\r\n", Trouble.PROTOCOL, id="200"),
        pytest.param(BROKEN_TOKEN, Trouble.PROTOCOL, id="broken-token"),
        pytest.param(b"SSH-2.0-OpenSSH\r\n\r\n", Trouble.RESET, id="ssh"),
        pytest.param(b"x" * 70_000, Trouble.RESET, id="endless"),
    ],
)
def test_a_log_on_that_goes_wrong_is_classified(reply: bytes, trouble: Trouble) -> None:
    with answer_with(reply) as port:
        error = open_shell(port)
    assert error.trouble is trouble
    # An answer of 200 to nothing at all proves nothing: then the message may have been delivered.
    assert error.diagnosis.delivered is reply.startswith(b"HTTP/1.1 200")


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
