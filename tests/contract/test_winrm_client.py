"""The WinRM client against the twin's WinRM endpoint: what it heals, what it reports, what it never repeats."""

from __future__ import annotations

import json
import threading
from collections.abc import Iterator
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path

import pytest

from harness.clock import monotonic_ns
from harness.errors import CredentialRejectedError
from harness.journal.redactor import Redactor
from harness.transports import connection as connection_module
from harness.transports.credential import CredentialWatch
from harness.transports.recorder import Recorder
from harness.transports.trouble import EndpointError, MayHaveRunError, OverdueError, Trouble
from harness.transports.winrm import ShellLimits, WinRmShell
from harness.twin.wire.winrs import Quotas
from tests.contract.winrm_node import PASSWORD, WAYS, Node, serve_node

every_way = pytest.mark.parametrize("node", WAYS, indirect=True)
"""Runs a test once for each way to reach a node: with and without TLS, by NTLM and by CredSSP."""


@pytest.fixture
def node(request: pytest.FixtureRequest) -> Iterator[Node]:
    with serve_node(way=getattr(request, "param", WAYS[0])) as served:
        yield served


@pytest.fixture
def shell(node: Node) -> Iterator[WinRmShell]:
    with WinRmShell(node.where, limits=ShellLimits(operation_timeout_s=1)) as opened:
        yield opened


def trouble_of(shell: WinRmShell, script: str = "echo x", **options: object) -> EndpointError:
    with pytest.raises(EndpointError) as caught:
        shell.run(script, **options)  # type: ignore[arg-type]
    return caught.value


@every_way
def test_output_both_streams_exit_code_and_utf8(node: Node, shell: WinRmShell) -> None:
    assert shell.run("echo grüß 日本語 𝄞 <&>\r\n").stdout == "grüß 日本語 𝄞 <&>\r\n"
    assert shell.run("error schlecht").stderr == "schlecht"
    assert shell.run("exit 3").exit_code == 3
    assert shell.run("exit -1073741510").exit_code == -1073741510
    spec = node.backend.specs[0]
    assert spec.shell.codepage == 65001
    assert not spec.console_mode_stdin
    assert shell.shells_opened == 1
    assert node.served.stats.logons == 1


def test_multi_byte_characters_split_over_chunks_are_joined(shell: WinRmShell) -> None:
    assert shell.run("split " + "ü𝄞" * 50).stdout == "ü𝄞" * 50


@every_way
def test_long_script_travels_by_standard_input(node: Node, shell: WinRmShell) -> None:
    script = "echo " + "äöü€𝄞x" * 9000
    assert len(script) > 50_000
    assert shell.run(script).stdout == script[5:]
    assert node.backend.scripts == [script]
    assert node.served.service.operations["Send"] >= 2


@every_way
def test_connection_closed_by_the_node_is_healed_with_the_same_shell(node: Node, shell: WinRmShell) -> None:
    shell.run("echo 1")
    node.drop_connections()
    assert shell.run("echo 2", repeatable=False).stdout == "2"
    assert node.backend.scripts == ["echo 1", "echo 2"]
    assert shell.shells_opened == 1
    assert shell.connection.reconnects == 2


def test_idle_connection_is_closed_before_the_node_does(
    node: Node, shell: WinRmShell, monkeypatch: pytest.MonkeyPatch
) -> None:
    shell.run("echo 1")
    later = monotonic_ns() + 91 * 10**9
    monkeypatch.setattr(connection_module, "monotonic_ns", lambda: later)
    assert shell.run("echo 2").stdout == "2"
    assert shell.shells_opened == 1
    assert shell.connection.reconnects == 2
    assert node.served.stats.faults == {}


@every_way
def test_shell_forgotten_by_the_node_is_opened_again(node: Node, shell: WinRmShell) -> None:
    shell.run("echo 1")
    node.served.forget_shells()
    assert shell.run("echo 2", repeatable=False).stdout == "2"
    assert node.backend.scripts == ["echo 1", "echo 2"]
    assert shell.shells_opened == 2


def test_shell_is_recycled_before_the_quota_is_used_up() -> None:
    quotas = Quotas(max_operations_per_user=1001)
    with serve_node(quotas) as node, WinRmShell(node.where) as shell:
        for number in range(1001):
            assert shell.run(f"echo {number}").stdout == str(number)
        assert shell.shells_opened == 2
        assert len(node.backend.closed) == 1
        assert node.served.stats.faults == {}


def test_shell_is_recycled_when_the_quota_is_hit() -> None:
    with serve_node(Quotas(max_operations_per_user=3)) as node, WinRmShell(node.where) as shell:
        for number in range(7):
            assert shell.run(f"echo {number}", repeatable=False).stdout == str(number)
        assert shell.shells_opened == 3
        assert node.backend.scripts == [f"echo {number}" for number in range(7)]


def test_too_many_shells_is_a_quota_trouble() -> None:
    with serve_node(Quotas(max_shells_per_user=1)) as node, WinRmShell(node.where) as first:
        first.run("echo 1")
        assert trouble_of(WinRmShell(node.where)).trouble is Trouble.QUOTA


@every_way
def test_closed_port_is_refused(node: Node, shell: WinRmShell) -> None:
    node.refuse()
    error = trouble_of(shell, repeatable=False)
    assert error.trouble is Trouble.REFUSED
    assert not isinstance(error, MayHaveRunError)
    assert "NODE01" in str(error) and str(node.where.port) not in str(error)


@every_way
def test_service_not_ready_is_unavailable_and_recovers(node: Node, shell: WinRmShell) -> None:
    node.served.set_state("unavailable")
    assert trouble_of(shell, repeatable=False).trouble is Trouble.UNAVAILABLE
    node.served.set_state("answering")
    assert shell.run("echo 1").stdout == "1"


@every_way
def test_access_denied_is_told_from_a_wrong_password(node: Node, shell: WinRmShell) -> None:
    node.served.deny("hil")
    assert trouble_of(shell).trouble is Trouble.ACCESS_DENIED


@every_way
def test_reset_while_a_script_runs_may_have_run(node: Node, shell: WinRmShell) -> None:
    with ThreadPoolExecutor(1) as pool:

        def cut() -> None:
            assert node.backend.started.wait(5)
            node.served.drop_connections(reset=True)
            node.refuse()

        cutting = pool.submit(cut)
        error = trouble_of(shell, "hang", repeatable=False)
        cutting.result()
    assert isinstance(error, MayHaveRunError)
    assert error.trouble in (Trouble.RESET, Trouble.REFUSED)


@every_way
def test_output_lost_with_the_connection_is_fetched_again(node: Node, shell: WinRmShell) -> None:
    with ThreadPoolExecutor(1) as pool:

        def cut() -> None:
            assert node.backend.started.wait(5)
            node.served.drop_connections(reset=True)
            node.backend.processes[-1].sink.stdout(b"late")
            node.backend.processes[-1].sink.exit(0)

        cutting = pool.submit(cut)
        reply = shell.run("hang", repeatable=False)
        cutting.result()
    assert reply.stdout == "late"
    assert node.backend.scripts == ["hang"]


@every_way
def test_black_hole_is_a_timeout(node: Node, shell: WinRmShell, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(connection_module, "READ_MARGIN_S", 0.2)
    shell.run("echo 1")
    node.served.set_state("black_hole")
    error = trouble_of(shell, repeatable=False)
    assert error.trouble is Trouble.TIMEOUT
    assert isinstance(error, MayHaveRunError)


def test_hung_script_is_stopped_at_its_deadline(node: Node, shell: WinRmShell) -> None:
    error = trouble_of(shell, "hang", within_s=1.0)
    assert error.trouble is Trouble.OPERATION_TIMEOUT
    assert node.backend.signals[:1] == ["terminate"]
    assert shell.run("echo on").stdout == "on"


def test_what_a_hung_script_had_printed_is_kept(shell: WinRmShell) -> None:
    error = trouble_of(shell, "hang the first answer", within_s=1.0)
    assert isinstance(error, OverdueError)
    assert error.so_far.stdout == "the first answer"


def test_slow_create_is_an_operation_timeout(node: Node, shell: WinRmShell) -> None:
    node.served.hold_creates(True)
    assert trouble_of(shell).trouble is Trouble.OPERATION_TIMEOUT


@pytest.mark.parametrize("way", WAYS)
def test_wrong_password_is_rejected_once_and_never_tried_again(way: str) -> None:
    with serve_node(password="wrong-one", way=way) as node:
        watch = CredentialWatch("hil")
        for _ in range(3):
            with pytest.raises(CredentialRejectedError) as caught:
                WinRmShell(node.where, watch=watch).run("echo 1")
        assert "wrong-one" not in str(caught.value)
        assert sum(node.served.rejections.values()) == 1


@every_way
def test_refusal_in_the_boot_window_is_spaced_and_recovers(node: Node) -> None:
    clock_ns = [0]
    watch = CredentialWatch("hil", now_ns=lambda: clock_ns[0])
    with WinRmShell(node.where, watch=watch) as shell:
        shell.run("echo 1")
        node.refuse()
        assert trouble_of(shell).trouble is Trouble.REFUSED
        node.served.set_state("unauthorized")
        assert trouble_of(shell).trouble is Trouble.UNAUTHORIZED
        before = node.served.stats.requests
        assert trouble_of(shell).trouble is Trouble.UNAUTHORIZED
        assert node.served.stats.requests == before
        node.served.set_state("answering")
        clock_ns[0] = 11 * 10**9
        assert shell.run("echo 2").stdout == "2"


@every_way
def test_refusal_without_a_reboot_is_a_rejected_credential(node: Node) -> None:
    with WinRmShell(node.where) as shell:
        shell.run("echo 1")
        shell.connection.drop()
        node.served.set_accounts({"hil": "changed-meanwhile"})
        with pytest.raises(CredentialRejectedError):
            shell.run("echo 2")


def test_a_connection_belongs_to_one_thread(shell: WinRmShell) -> None:
    shell.run("echo 1")
    raised: list[BaseException] = []

    def use() -> None:
        try:
            shell.run("echo 2")
        except RuntimeError as error:
            raised.append(error)

    thread = threading.Thread(target=use)
    thread.start()
    thread.join()
    assert "another thread" in str(raised[0])


def test_transcript_holds_script_and_reply_without_secrets(node: Node, tmp_path: Path) -> None:
    redactor = Redactor()
    redactor.register(PASSWORD)
    recorder = Recorder(tmp_path / "evidence" / "winrm.jsonl", redactor)
    with WinRmShell(node.where, recorder=recorder) as shell:
        shell.run(f"echo {PASSWORD}")
        node.refuse()
        trouble_of(shell)
    records = [json.loads(line) for line in recorder.path.read_text(encoding="utf-8").splitlines()]
    assert [record["trouble"] for record in records] == ["", "refused"]
    assert records[0]["script"] == "echo ***" and records[0]["stdout"] == "***"
    assert records[0]["node"] == "NODE01"
    assert PASSWORD not in json.dumps(records, ensure_ascii=False)


def test_closing_a_shell_on_a_dead_node_does_not_raise(node: Node, shell: WinRmShell) -> None:
    shell.run("echo 1")
    node.refuse()
    shell.close()


def test_what_hung_in_a_lost_shell_is_ended_once_the_node_answers_again(
    node: Node, shell: WinRmShell, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(connection_module, "READ_MARGIN_S", 0.2)
    with ThreadPoolExecutor(1) as pool:

        def vanish() -> None:
            assert node.backend.started.wait(5)
            node.refuse()

        vanishing = pool.submit(vanish)
        trouble_of(shell, "hang")
        vanishing.result()
    node.served.set_state("answering")
    assert shell.run("echo on").stdout == "on"
    assert shell.shells_opened == 2
    assert len(node.backend.closed) == 1


def test_a_repeatable_script_survives_a_connection_that_breaks_under_it(node: Node, shell: WinRmShell) -> None:
    shell.run("echo 1")
    node.backend.break_on_start = lambda: node.served.drop_connections(reset=True)
    assert shell.run("echo 2").stdout == "2"
    node.backend.break_on_start = lambda: node.served.drop_connections(reset=True)
    assert isinstance(trouble_of(shell, "echo 3", repeatable=False), MayHaveRunError)
    assert node.backend.scripts == ["echo 1", "echo 2", "echo 2", "echo 3"]
