"""Shells and commands through unmodified pywinrm 0.5."""

from __future__ import annotations

import asyncio
import re
import threading
import xml.etree.ElementTree as ElementTree

import pytest
import winrm
from winrm.exceptions import WinRMOperationTimeoutError, WSManFaultError
from winrm.protocol import Protocol

from harness.twin.wire import faults, soap
from harness.twin.wire.endpoint import Endpoint
from harness.twin.wire.port import OutputSink, WallWaiter
from harness.twin.wire.server import WinRmServer
from harness.twin.wire.soap import Envelope
from harness.twin.wire.winrs import Caller, Quotas, ShellService
from tests.twin.wire.conftest import Connect
from tests.twin.wire.winrm_doubles import KILLED, ScriptedBackend


def run(client: Protocol, shell: str, command: str, *arguments: str) -> tuple[bytes, bytes, int]:
    command_id = client.run_command(shell, command, arguments)
    try:
        return client.get_command_output(shell, command_id)
    finally:
        client.cleanup_command(shell, command_id)


def test_session_run_ps_reaches_the_backend_with_its_script(endpoint: Endpoint) -> None:
    session = winrm.Session(endpoint.url, auth=("hil", "Local-Pass1"), transport="ntlm")
    result = session.run_ps("Get-Date -Format 'ä'")
    assert (result.status_code, result.std_out.decode()) == (0, "ran: Get-Date -Format 'ä'\r\n")


def test_one_shell_serves_many_commands_on_one_connection(client: Protocol, endpoint: Endpoint) -> None:
    shell = client.open_shell(codepage=65001)
    assert [run(client, shell, "echo", f"n{i}")[0] for i in range(5)] == [f"n{i}\r\n".encode() for i in range(5)]
    assert run(client, shell, "fail", "7") == (b"", b"it failed\r\n", 7)
    client.close_shell(shell)
    assert (endpoint.stats.connections, endpoint.stats.logons) == (1, 1)
    assert endpoint.stats.operations == {"Create": 1, "Command": 6, "Receive": 6, "Signal": 6, "Delete": 1}
    assert endpoint.service.shell_ids == ()


def test_shell_options_reach_the_backend(client: Protocol, backend: ScriptedBackend) -> None:
    shell = client.open_shell(
        working_directory="C:\\Temp", env_vars={"A": "1 < 2", "B": "ü"}, noprofile=True, codepage=65001
    )
    run(client, shell, "echo", "a b", "<&>")
    spec = backend.last.spec
    assert spec.command_line == "echo a b <&>"
    assert (spec.skip_cmd_shell, spec.console_mode_stdin) == (False, True)
    assert (spec.shell.shell_id, spec.shell.user, spec.shell.codepage) == (shell, "hil", 65001)
    assert (spec.shell.working_directory, spec.shell.noprofile) == ("C:\\Temp", True)
    assert spec.shell.environment == {"A": "1 < 2", "B": "ü"}


def test_stdin_of_200_kb_arrives_whole_and_end_closes_it(client: Protocol, backend: ScriptedBackend) -> None:
    shell = client.open_shell(codepage=65001)
    command = client.run_command(shell, "cat", console_mode_stdin=False)
    data = bytes(range(256)) * 800
    client.send_command_input(shell, command, data)
    client.send_command_input(shell, command, b"tail", end=True)
    assert client.get_command_output(shell, command) == (data + b"tail", b"", 0)
    assert backend.last.spec.console_mode_stdin is False


def test_1_mb_of_output_comes_in_chunks_that_fit_the_envelope(client: Protocol, backend: ScriptedBackend) -> None:
    out, err = bytes(range(256)) * 4096, b"warning\r\n" * 10_000

    def program(sink: OutputSink) -> None:
        sink.stdout(out[:500_000])
        sink.stderr(err)
        sink.stdout(out[500_000:])
        sink.exit(3)

    backend.programs["big"] = program
    shell = client.open_shell(codepage=65001)
    command = client.run_command(shell, "big")
    stdout, stderr, sizes, done = b"", b"", [], False
    while not done:
        piece_out, piece_err, code, done = client.get_command_output_raw(shell, command)
        sizes.append(len(piece_out) + len(piece_err))
        stdout, stderr = stdout + piece_out, stderr + piece_err
    assert (stdout, stderr, code) == (out, err, 3)
    assert max(sizes) < 153_600 * 3 / 4
    assert len(sizes) == 11


def test_receive_times_out_as_a_fault_and_the_client_repeats(client: Protocol, backend: ScriptedBackend) -> None:
    shell = client.open_shell(codepage=65001)
    command = client.run_command(shell, "wait")
    with pytest.raises(WinRMOperationTimeoutError):
        client.get_command_output_raw(shell, command)

    def finish() -> None:
        backend.last.sink.stdout(b"late")
        backend.last.sink.exit(0)

    threading.Timer(0.2, finish).start()
    assert client.get_command_output(shell, command) == (b"late", b"", 0)


def test_an_own_waiter_decides_when_time_is_up(server: WinRmServer, backend: ScriptedBackend) -> None:
    class Impatient:
        def __init__(self) -> None:
            self.asked_s: list[float] = []
            self.settled = True

        async def wait(self, ready: asyncio.Event, timeout_s: float) -> bool:
            self.asked_s.append(timeout_s)
            return False

    waiter = Impatient()
    endpoint = server.add_endpoint("virtual", "127.77.0.18", 0, {"hil": "x"}, backend, "N", "", waiter=waiter)
    try:
        for timeout_s in (20, 100):
            client = Protocol(
                endpoint.url,
                transport="ntlm",
                username="hil",
                password="x",
                proxy=None,
                operation_timeout_sec=timeout_s,
                read_timeout_sec=timeout_s + 10,
            )
            shell = client.open_shell(codepage=65001)
            command = client.run_command(shell, "wait")
            with pytest.raises(WinRMOperationTimeoutError):
                client.get_command_output_raw(shell, command)
            client.close_shell(shell)
        assert waiter.asked_s == [20.0, 60.0]
    finally:
        server.remove_endpoint("virtual")


def test_output_is_delivered_while_the_process_still_runs(client: Protocol, backend: ScriptedBackend) -> None:
    shell = client.open_shell(codepage=65001)
    command = client.run_command(shell, "wait")
    backend.last.sink.stdout(b"first")
    assert client.get_command_output_raw(shell, command) == (b"first", b"", -1, False)
    backend.last.sink.exit(2**32 - 1)
    assert client.get_command_output_raw(shell, command) == (b"", b"", -1, True)


def test_terminate_kills_and_forgets_the_command(client: Protocol, backend: ScriptedBackend) -> None:
    shell = client.open_shell(codepage=65001)
    command = client.run_command(shell, "wait")
    client.cleanup_command(shell, command)
    assert backend.last.signals == ["terminate"]
    with pytest.raises(WSManFaultError) as caught:
        client.get_command_output_raw(shell, command)
    assert caught.value.wsman_fault_code == 2150858843
    assert "command identifier that does not exist" in caught.value.response


def test_terminate_from_a_second_client_ends_a_pending_receive(connect: Connect, backend: ScriptedBackend) -> None:
    first, second = connect(operation_timeout_sec=20, read_timeout_sec=30), connect()
    shell = first.open_shell(codepage=65001)
    command = first.run_command(shell, "wait")
    killer = threading.Timer(0.2, second.cleanup_command, (shell, command))
    killer.start()
    assert first.get_command_output(shell, command) == (b"", b"", KILLED)
    killer.join()


def test_deleting_a_shell_terminates_what_runs_in_it(connect: Connect, backend: ScriptedBackend) -> None:
    first, second = connect(), connect()
    shell = first.open_shell(codepage=65001)
    first.run_command(shell, "wait")
    second.close_shell(shell)
    assert (backend.last.signals, backend.closed_shells) == (["terminate"], [shell])
    with pytest.raises(WSManFaultError) as caught:
        first.run_command(shell, "echo")
    assert caught.value.wsman_fault_code == 2150858843


def test_a_shell_belongs_to_its_user_only(connect: Connect) -> None:
    shell = connect().open_shell(codepage=65001)
    assert run(connect(), shell, "echo", "same user")[0] == b"same user\r\n"
    with pytest.raises(WSManFaultError) as caught:
        connect("AZL\\deployer").run_command(shell, "echo")
    assert caught.value.wsman_fault_code == 2150858843


def test_forgotten_shells_give_the_shell_not_found_fault(
    client: Protocol, endpoint: Endpoint, backend: ScriptedBackend
) -> None:
    shell = client.open_shell(codepage=65001)
    endpoint.forget_shells()
    with pytest.raises(WSManFaultError) as caught:
        client.run_command(shell, "echo")
    fault = caught.value
    assert (fault.code, fault.wsman_fault_code, fault.fault_subcode) == (500, 2150858843, "w:InvalidSelectors")
    assert f"with ShellId {shell} failed because the shell was not found on the server." in fault.response
    assert backend.closed_shells == [shell]


def test_input_for_a_finished_process_is_a_fault(client: Protocol) -> None:
    shell = client.open_shell(codepage=65001)
    command = client.run_command(shell, "echo", ["x"])
    with pytest.raises(WSManFaultError):
        client.send_command_input(shell, command, b"too late")
    assert client.get_command_output(shell, command) == (b"x\r\n", b"", 0)


def test_a_missing_program_without_cmd_is_fault_file_not_found(client: Protocol) -> None:
    shell = client.open_shell(codepage=65001)
    with pytest.raises(WSManFaultError) as caught:
        client.run_command(shell, "missing.exe", skip_cmd_shell=True)
    assert caught.value.wsman_fault_code == 2147942402
    assert "ProviderFault" in caught.value.response


def test_the_31st_shell_of_a_user_is_refused(connect: Connect) -> None:
    client, other = connect(), connect("AZL\\deployer")
    shells = [client.open_shell(codepage=65001) for _ in range(30)]
    with pytest.raises(WSManFaultError) as caught:
        client.open_shell(codepage=65001)
    assert caught.value.wsman_fault_code == 2150859173
    assert str(caught.value).startswith(
        "The WS-Management service cannot process the request. This user is allowed a maximum number of 30 concurrent "
        "shells, which has been exceeded."
    )
    other.open_shell(codepage=65001)
    client.close_shell(shells[0], close_session=False)
    client.open_shell(codepage=65001)


def test_the_1501st_command_of_a_user_is_refused_even_if_all_others_were_terminated() -> None:
    loop = asyncio.new_event_loop()
    service = ShellService(ScriptedBackend(), WallWaiter(), Quotas(), loop, soap.new_guid)
    caller = Caller("hil", "127.0.0.1", "http://n/wsman", "n")

    def handle(action: str, body: str, shell: str = "", resource: str = soap.CMD_SHELL) -> str:
        selectors = {"ShellId": shell}
        element = ElementTree.fromstring(f'<x xmlns:rsp="{soap.RSP_URI}">{body}</x>')[0]  # noqa: S314
        reply = service.handle(Envelope(action, "uuid:1", resource, 20.0, 153_600, selectors, {}, element), caller)
        assert isinstance(reply, bytes)
        found = re.search("<rsp:(?:Shell|Command)Id>([^<]+)<", reply.decode())
        return found[1] if found else ""

    echo = "<rsp:CommandLine><rsp:Command>echo</rsp:Command></rsp:CommandLine>"
    shells = [handle(f"{soap.TRANSFER}/Create", "<rsp:Shell/>") for _ in range(2)]
    for i in range(1500):
        shell = shells[i % 2]
        command = handle(f"{soap.RSP_URI}/Command", echo, shell)
        signal = f'<rsp:Signal CommandId="{command}"><rsp:Code>x/signal/terminate</rsp:Code></rsp:Signal>'
        handle(f"{soap.RSP_URI}/Signal", signal, shell)
    with pytest.raises(faults.WsManFaultError, match="maximum number of 1500 concurrent operations") as caught:
        handle(f"{soap.RSP_URI}/Command", echo, shells[0])
    assert caught.value.kind.code == 2150859174
    handle(f"{soap.TRANSFER}/Delete", "<rsp:none/>", shells[1])
    assert handle(f"{soap.RSP_URI}/Command", echo, shells[0])
    loop.close()


def test_the_operations_quota_reaches_pywinrm_as_a_wmi_error(server: WinRmServer) -> None:
    small = server.add_endpoint(
        "small", "127.77.0.12", 0, {"hil": "x"}, ScriptedBackend(), "N", "", quotas=Quotas(max_operations_per_user=5)
    )
    try:
        client = Protocol(small.url, transport="ntlm", username="hil", password="x", proxy=None)
        shell = client.open_shell(codepage=65001)
        for _ in range(5):
            run(client, shell, "echo", "hi")
        with pytest.raises(WSManFaultError) as caught:
            client.run_command(shell, "echo")
        assert (caught.value.wsman_fault_code, caught.value.wmierror_code) == (None, 2150859174)
        assert "HRESULT 0x803381a6" in caught.value.response
        client.close_shell(shell, close_session=False)
        assert run(client, client.open_shell(codepage=65001), "echo", "again")[2] == 0
        client.transport.close_session()
    finally:
        server.remove_endpoint("small")


def test_an_idle_shell_is_closed(server: WinRmServer, backend: ScriptedBackend) -> None:
    lazy = server.add_endpoint(
        "lazy", "127.77.0.13", 0, {"hil": "x"}, backend, "N", "", quotas=Quotas(shell_idle_timeout_s=0.2)
    )
    try:
        client = Protocol(lazy.url, transport="ntlm", username="hil", password="x", proxy=None)
        shell = client.open_shell(codepage=65001)
        assert run(client, shell, "echo")[2] == 0
        threading.Event().wait(0.3)
        with pytest.raises(WSManFaultError) as caught:
            client.run_command(shell, "echo")
        assert caught.value.wsman_fault_code == 2150858843
        assert backend.closed_shells == [shell]
        client.transport.close_session()
    finally:
        server.remove_endpoint("lazy")


def test_two_clients_work_at_the_same_time(connect: Connect, endpoint: Endpoint) -> None:
    outputs: dict[str, list[bytes]] = {}

    def work(client: Protocol, name: str) -> None:
        shell = client.open_shell(codepage=65001)
        outputs[name] = [run(client, shell, "echo", f"{name}{i}")[0] for i in range(25)]

    threads = [threading.Thread(target=work, args=(connect(), name)) for name in "ab"]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    assert outputs == {name: [f"{name}{i}\r\n".encode() for i in range(25)] for name in "ab"}
    assert endpoint.stats.operations["Command"] == 50


def test_a_gate_before_create_gives_the_operation_timeout_of_a_freshly_booted_host(
    client: Protocol, endpoint: Endpoint
) -> None:
    endpoint.hold_creates(True)
    with pytest.raises(WinRMOperationTimeoutError):
        client.open_shell(codepage=65001)
    threading.Timer(0.2, endpoint.hold_creates, (False,)).start()
    assert client.open_shell(codepage=65001)
