"""A WinRM server with one node, and unmodified pywinrm clients for it."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from typing import Any

import pytest
from winrm.protocol import Protocol

from harness.twin.wire.endpoint import Endpoint
from harness.twin.wire.server import WinRmServer
from tests.twin.wire.winrm_doubles import ScriptedBackend

ACCOUNTS = {"hil": "Local-Pass1", "AZL\\deployer": "Domain-Pass1"}

Connect = Callable[..., Protocol]


@pytest.fixture(scope="session")
def server() -> Iterator[WinRmServer]:
    with WinRmServer() as running:
        yield running


@pytest.fixture
def backend() -> ScriptedBackend:
    return ScriptedBackend()


@pytest.fixture
def endpoint(server: WinRmServer, backend: ScriptedBackend) -> Iterator[Endpoint]:
    yield server.add_endpoint("node1", "127.77.0.11", 0, ACCOUNTS, backend, "NODE1", "azl.lab")
    server.remove_endpoint("node1")


@pytest.fixture
def connect(endpoint: Endpoint) -> Iterator[Connect]:
    """Makes pywinrm protocol objects for the node; time-outs as short as pywinrm allows."""
    opened: list[Protocol] = []

    def open_protocol(user: str = "hil", password: str | None = None, **options: Any) -> Protocol:
        options = {"operation_timeout_sec": 1, "read_timeout_sec": 2, "proxy": None, **options}
        protocol = Protocol(
            endpoint.url, transport="ntlm", username=user, password=password or ACCOUNTS[user], **options
        )
        opened.append(protocol)
        return protocol

    yield open_protocol
    for protocol in opened:
        protocol.transport.close_session()


@pytest.fixture
def client(connect: Connect) -> Protocol:
    return connect()
