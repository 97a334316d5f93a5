"""What unmodified pywinrm raises in each state of an endpoint and how it recovers."""

from __future__ import annotations

import socket
import threading
from typing import Any

import pytest
import requests
from urllib3.exceptions import NewConnectionError, ProtocolError
from winrm.exceptions import InvalidCredentialsError, WinRMTransportError, WSManFaultError
from winrm.protocol import Protocol

from harness.clock import wait_until
from harness.twin.wire.endpoint import Endpoint, EndpointSettings, slow
from harness.twin.wire.server import WinRmServer
from harness.twin.wire.winrs import Quotas
from tests.twin.wire.conftest import Connect
from tests.twin.wire.winrm_doubles import ScriptedBackend


def echo(client: Protocol, shell: str) -> bytes:
    command = client.run_command(shell, "echo", ["hi"])
    output = client.get_command_output(shell, command)[0]
    client.cleanup_command(shell, command)
    return output


def test_wrong_password_is_invalid_credentials_and_counted(connect: Connect, endpoint: Endpoint) -> None:
    heard: list[tuple[str, bool]] = []
    endpoint.on_rejection = lambda account, proof_failed: heard.append((account, proof_failed))
    for user in ("hil", "AZL\\deployer", "deployer@azl.lab"):
        with pytest.raises(InvalidCredentialsError):
            connect(user, "wrong").open_shell()
    with pytest.raises(InvalidCredentialsError):
        connect("nobody", "wrong").open_shell()
    assert endpoint.rejections == {"hil": 1, "AZL\\deployer": 2, "nobody": 1}
    assert heard == [("hil", True), ("AZL\\deployer", True), ("AZL\\deployer", True), ("nobody", True)]
    assert endpoint.stats.operations == {}


@pytest.mark.parametrize(
    ("user", "password", "owner"),
    [
        ("NODE1\\hil", "Local-Pass1", "hil"),
        ("HIL", "Local-Pass1", "hil"),
        ("deployer@azl.lab", "Domain-Pass1", "AZL\\deployer"),
        ("azl.lab\\deployer", "Domain-Pass1", "AZL\\deployer"),
        ("deployer", "Domain-Pass1", "AZL\\deployer"),
    ],
)
def test_user_forms(connect: Connect, backend: ScriptedBackend, user: str, password: str, owner: str) -> None:
    client = connect(user, password)
    echo(client, client.open_shell())
    assert backend.last.spec.shell.user == owner


def test_denied_account_gets_fault_5_after_authentication(client: Protocol, endpoint: Endpoint) -> None:
    endpoint.deny("hil")
    with pytest.raises(WSManFaultError) as caught:
        client.open_shell()
    fault = caught.value
    assert (fault.code, fault.wsman_fault_code, fault.fault_subcode) == (500, 5, "w:AccessDenied")
    assert (endpoint.rejections, endpoint.stats.faults) == ({}, {5: 1})
    endpoint.deny("hil", False)
    assert client.open_shell()


def test_locked_account_is_rejected_until_unlocked(connect: Connect, endpoint: Endpoint) -> None:
    heard: list[tuple[str, bool]] = []
    endpoint.on_rejection = lambda account, proof_failed: heard.append((account, proof_failed))
    endpoint.lock("deployer@azl.lab")
    with pytest.raises(InvalidCredentialsError):
        connect("AZL\\deployer").open_shell()
    assert (heard, endpoint.rejections) == ([("AZL\\deployer", False)], {"AZL\\deployer": 1})
    assert connect("hil").open_shell()
    endpoint.lock("AZL\\deployer", False)
    assert connect("AZL\\deployer").open_shell()
    with pytest.raises(KeyError, match="no account 'nobody'"):
        endpoint.lock("nobody")


def test_without_domain_controller_only_accounts_of_the_machine_work(connect: Connect, endpoint: Endpoint) -> None:
    endpoint.set_domain_reachable(False)
    with pytest.raises(InvalidCredentialsError):
        connect("AZL\\deployer").open_shell()
    assert connect("hil").open_shell()


def test_a_changed_password_takes_over(connect: Connect, endpoint: Endpoint) -> None:
    endpoint.set_accounts({"hil": "New-Pass2"})
    with pytest.raises(InvalidCredentialsError):
        connect("hil").open_shell()
    assert connect("hil", "New-Pass2").open_shell()


def test_refusing(client: Protocol, endpoint: Endpoint) -> None:
    shell = client.open_shell(codepage=65001)
    endpoint.set_state("refusing")
    client.transport.close_session()
    with pytest.raises(requests.ConnectionError) as caught:
        client.run_command(shell, "echo")
    assert isinstance(caught.value.args[0].reason, NewConnectionError)
    endpoint.set_state("answering")
    # pywinrm keeps the session whose set-up failed; without closing it again it would go on with the old keys.
    client.transport.close_session()
    assert echo(client, shell) == b"hi\r\n"


def test_unauthorized(connect: Connect, endpoint: Endpoint) -> None:
    endpoint.set_state("unauthorized")
    with pytest.raises(InvalidCredentialsError):
        connect().open_shell()
    endpoint.set_state("answering")
    assert connect().open_shell()


def test_unauthorized_also_on_an_authenticated_connection(client: Protocol, endpoint: Endpoint) -> None:
    shell = client.open_shell()
    endpoint.set_state("unauthorized")
    with pytest.raises(InvalidCredentialsError):
        client.run_command(shell, "echo")


def test_unavailable(client: Protocol, endpoint: Endpoint) -> None:
    endpoint.set_state("unavailable")
    with pytest.raises(WinRMTransportError) as caught:
        client.open_shell()
    assert caught.value.code == 503


def test_black_hole(client: Protocol, endpoint: Endpoint) -> None:
    shell = client.open_shell()
    endpoint.set_state("black_hole")
    client.transport.read_timeout_sec = 1
    with pytest.raises(requests.ReadTimeout):
        client.run_command(shell, "echo")
    endpoint.set_state("answering")
    client.transport.close_session()
    assert echo(client, shell) == b"hi\r\n"


def test_slow(client: Protocol, endpoint: Endpoint) -> None:
    shell = client.open_shell()
    endpoint.set_state(slow(0.15))
    assert endpoint.state == slow(0.15)
    assert echo(client, shell) == b"hi\r\n"
    endpoint.set_state(slow(3.0))
    client.transport.read_timeout_sec = 1
    with pytest.raises(requests.ReadTimeout):
        client.run_command(shell, "echo")


def test_unknown_state_is_an_error(endpoint: Endpoint) -> None:
    with pytest.raises(ValueError, match="tired"):
        endpoint.set_state("tired")


@pytest.mark.parametrize(("reset", "cause"), [(True, "ConnectionResetError"), (False, "RemoteDisconnected")])
def test_connections_dropped_under_a_pending_receive(
    connect: Connect, endpoint: Endpoint, backend: ScriptedBackend, reset: bool, cause: str
) -> None:
    client = connect(operation_timeout_sec=20, read_timeout_sec=30)
    shell = client.open_shell(codepage=65001)
    command = client.run_command(shell, "wait")
    threading.Timer(0.2, endpoint.drop_connections, (reset,)).start()
    with pytest.raises(requests.ConnectionError) as caught:
        client.get_command_output_raw(shell, command)
    inner = caught.value.args[0]
    assert isinstance(inner, ProtocolError)
    assert type(inner.args[1]).__name__ == cause
    # Shell and output survive the connection; a new session continues where the old one was cut.
    backend.last.sink.stdout(b"not lost")
    backend.last.sink.exit(0)
    client.transport.close_session()
    assert client.get_command_output(shell, command) == (b"not lost", b"", 0)


def test_a_dropped_connection_leaves_pywinrm_with_400_until_its_session_is_closed(
    client: Protocol, endpoint: Endpoint
) -> None:
    shell = client.open_shell(codepage=65001)
    endpoint.drop_connections(reset=False)
    for _ in range(2):
        with pytest.raises(WinRMTransportError) as caught:
            client.run_command(shell, "echo")
        assert (caught.value.code, caught.value.response_text) == (400, "")
    client.transport.close_session()
    assert echo(client, shell) == b"hi\r\n"
    assert endpoint.rejections == {}


def test_an_idle_connection_is_closed_but_not_under_a_pending_receive(
    server: WinRmServer, backend: ScriptedBackend
) -> None:
    idle = server.add_endpoint(
        "idle", "127.77.0.14", 0, {"hil": "x"}, backend, "N", "", quotas=Quotas(connection_idle_timeout_s=0.2)
    )
    try:
        client = Protocol(idle.url, transport="ntlm", username="hil", password="x", proxy=None)
        shell = client.open_shell(codepage=65001)
        command = client.run_command(shell, "wait")
        threading.Timer(0.5, lambda: backend.last.sink.exit(0)).start()
        assert client.get_command_output(shell, command)[2] == 0
        assert len(idle.connections) == 1
        threading.Event().wait(0.5)
        assert len(idle.connections) == 0
        client.transport.close_session()
    finally:
        server.remove_endpoint("idle")


def test_a_client_that_goes_away_does_not_take_output_with_it(
    connect: Connect, backend: ScriptedBackend, endpoint: Endpoint
) -> None:
    impatient, patient = connect(operation_timeout_sec=20, read_timeout_sec=21), connect()
    shell = patient.open_shell(codepage=65001)
    command = patient.run_command(shell, "wait")
    impatient.transport.build_session()
    impatient.transport.read_timeout_sec = 1
    with pytest.raises(requests.ReadTimeout):
        impatient.get_command_output_raw(shell, command)
    impatient.transport.close_session()
    wait_until(lambda: len(endpoint.connections) == 1 or None, within_s=10, what="the node to notice")
    backend.last.sink.stdout(b"kept")
    assert patient.get_command_output_raw(shell, command)[0] == b"kept"


def test_basic_over_http_looks_like_a_wrong_password(endpoint: Endpoint) -> None:
    client = Protocol(endpoint.url, transport="plaintext", username="hil", password="Local-Pass1", proxy=None)
    with pytest.raises(InvalidCredentialsError):
        client.open_shell()


def test_a_node_that_allows_unencrypted_messages(server: WinRmServer, backend: ScriptedBackend) -> None:
    lax = EndpointSettings(allow_unencrypted=True, offers_basic=True)
    endpoint = server.add_endpoint("lax", "127.77.0.17", 0, {"hil": "x"}, backend, "N", "", settings=lax)
    try:
        unsealed: tuple[dict[str, Any], ...] = (
            {"transport": "plaintext"},
            {"transport": "ntlm", "message_encryption": "never"},
        )
        for options in unsealed:
            client = Protocol(endpoint.url, username="hil", password="x", proxy=None, **options)
            assert echo(client, client.open_shell()) == b"hi\r\n"
            client.transport.close_session()
        wrong = Protocol(endpoint.url, transport="plaintext", username="hil", password="y", proxy=None)
        with pytest.raises(InvalidCredentialsError):
            wrong.open_shell()
        assert endpoint.rejections == {"hil": 1}
    finally:
        server.remove_endpoint("lax")


def test_unsealed_ntlm_is_refused(connect: Connect) -> None:
    with pytest.raises(InvalidCredentialsError):
        connect(message_encryption="never").open_shell()


def test_a_taken_address_is_an_os_error_and_the_server_goes_on(server: WinRmServer, connect: Connect) -> None:
    with socket.socket() as taken:
        taken.bind(("127.77.0.15", 0))
        taken.listen()
        with pytest.raises(OSError, match="in use"):
            server.add_endpoint("late", "127.77.0.15", taken.getsockname()[1], {}, ScriptedBackend(), "N", "")
    assert "late" not in server.endpoints
    assert connect().open_shell()


def test_an_account_of_a_foreign_domain_is_an_error(server: WinRmServer) -> None:
    with pytest.raises(ValueError, match="names domain 'OTHER'"):
        server.add_endpoint("late", "127.77.0.15", 0, {"OTHER\\x": "y"}, ScriptedBackend(), "N", "azl.lab")


def test_a_restarted_server_is_a_new_one() -> None:
    server = WinRmServer()
    with pytest.raises(RuntimeError, match="not running"):
        server.add_endpoint("n", "127.77.0.16", 0, {}, ScriptedBackend(), "N", "")
    for _ in range(2):
        server.start()
        server.add_endpoint("n", "127.77.0.16", 0, {}, ScriptedBackend(), "N", "")
        server.stop()
    server.stop()
    assert server.endpoints == {}
