"""An emulated cluster whose nodes are processes of their own: what it concludes when they stop, end and come again."""

from __future__ import annotations

import signal
from collections.abc import Iterator
from contextlib import closing
from pathlib import Path

import pytest
import winrm

from harness.clock import pause, wait_until
from harness.twin.clock import read_utc_s
from harness.twin.emulated import EmulatedCluster, EmulatedSpec
from harness.twin.lab import Account
from harness.twin.model import ModelSpec
from harness.twin.model.states import ClusterNodeState, NodePhase
from harness.twin.wire.certificates import Authority
from tests.twin.nodes.processes import NODES, TOKEN, NodeProcesses

ACCOUNT = Account("AZLOCAL", "hil", "Emulated-Pass1")
PORT, TLS_PORT = 25985, 25986
QUICK = {"cluster.heartbeat_delay": 0.1, "cluster.join": 0.2, "cluster.regroup": 0.05}
"""A node is missed after one second."""


class Nodes(NodeProcesses):
    """With the cluster that they make."""

    def __init__(self, folder: Path) -> None:
        super().__init__(folder)
        authority = Authority("Test", read_utc_s())
        self.cluster = EmulatedCluster(
            EmulatedSpec(
                model=ModelSpec(nodes=len(NODES), node_names=NODES, guests=2, overrides=QUICK),
                account=ACCOUNT,
                brain=("127.0.0.1", 0),
                token=TOKEN,
                winrm_port=PORT,
                winrm_tls_port=TLS_PORT,
                certify=lambda node: authority.issue([node.lower()], [self.address(node)]),
                guest_addresses={},
            )
        )
        self.brain, self.token = self.cluster.brain_address, TOKEN

    def close(self) -> None:
        self.end_all()
        self.cluster.close()

    def run(self, node: str, script: str) -> tuple[int, str]:
        client = winrm.Session(
            f"http://{self.address(node)}:{PORT}/wsman",
            auth=(ACCOUNT.login, ACCOUNT.password),
            transport="ntlm",
            read_timeout_sec=22,
            operation_timeout_sec=20,
        )
        done = client.run_ps(script)
        return done.status_code, done.std_out.decode("cp437").strip()

    def state(self, node: str) -> ClusterNodeState:
        with self.cluster.engine.baton():
            return self.cluster.model.nodes[node].cluster_state


@pytest.fixture
def nodes(tmp_path: Path) -> Iterator[Nodes]:
    with closing(Nodes(tmp_path)) as made:
        for node in NODES:
            made.boot(node)
        wait_until(lambda: len(made.cluster.all_serving()) == len(NODES) or None, within_s=30, what="all nodes")
        yield made


def events(nodes: Nodes, kind: str) -> list[str]:
    return [event.node or "" for event in nodes.cluster.events(-1) if event.kind == kind]


def planned_absences(nodes: Nodes) -> list[object]:
    return [event.attrs["planned"] for event in nodes.cluster.events(-1) if event.kind == "node.down"]


def becomes(nodes: Nodes, node: str, state: ClusterNodeState) -> None:
    wait_until(lambda: nodes.state(node) is state or None, within_s=20, what=f"{node} to become {state}")


def test_shells_of_a_node_do_what_the_cluster_is(nodes: Nodes) -> None:
    assert nodes.run("NODE02", "$env:COMPUTERNAME; (Get-ClusterNode).Count") == (0, "NODE02\r\n3")
    assert nodes.run("NODE01", "exit 7")[0] == 7
    assert events(nodes, "node.down") == []


def test_a_node_that_dies_is_missed_and_joins_again_after_its_boot(nodes: Nodes) -> None:
    nodes.end("NODE03")
    becomes(nodes, "NODE03", ClusterNodeState.Down)
    assert nodes.run("NODE01", "(Get-ClusterNode NODE03).State") == (0, "Down")
    with pytest.raises(OSError, match="refused"):
        nodes.run("NODE03", "1")
    nodes.boot("NODE03")
    becomes(nodes, "NODE03", ClusterNodeState.Up)
    assert nodes.run("NODE03", "$env:COMPUTERNAME") == (0, "NODE03")
    assert events(nodes, "node.down") == ["NODE03"]


def test_a_node_that_hangs_for_a_moment_is_not_missed_and_one_that_hangs_longer_is(nodes: Nodes) -> None:
    hung = nodes.processes["NODE02"]
    hung.send_signal(signal.SIGSTOP)
    pause(0.4)
    hung.send_signal(signal.SIGCONT)
    assert nodes.run("NODE02", "1 + 1") == (0, "2")
    assert events(nodes, "node.down") == []
    hung.send_signal(signal.SIGSTOP)
    becomes(nodes, "NODE02", ClusterNodeState.Down)
    hung.send_signal(signal.SIGCONT)
    becomes(nodes, "NODE02", ClusterNodeState.Up)
    assert nodes.run("NODE02", "1 + 1") == (0, "2")


def test_a_restart_is_an_order_to_the_machine(nodes: Nodes) -> None:
    nodes.run("NODE03", "Suspend-ClusterNode -Name NODE03; Restart-Computer -Force")
    assert nodes.state("NODE03") is ClusterNodeState.Paused, "its services are stopping"
    wait_until(lambda: nodes.orders("NODE03").exists() or None, within_s=30, what="the order")
    assert nodes.orders("NODE03").read_text() == "reboot"
    with nodes.cluster.engine.baton():
        assert nodes.cluster.model.nodes["NODE03"].phase is NodePhase.ShuttingDown
    assert planned_absences(nodes) == [True]
    nodes.end("NODE03")
    nodes.boot("NODE03")
    becomes(nodes, "NODE03", ClusterNodeState.Paused)
    with nodes.cluster.engine.baton():
        assert nodes.cluster.model.nodes["NODE03"].boot_id == 2


def test_a_node_that_dies_while_it_goes_down_had_not_left_its_cluster(nodes: Nodes) -> None:
    nodes.run("NODE03", "Suspend-ClusterNode -Name NODE03; Restart-Computer -Force")
    nodes.end("NODE03")
    becomes(nodes, "NODE03", ClusterNodeState.Down)
    assert not nodes.orders("NODE03").exists()
    assert planned_absences(nodes) == [False]


def test_who_does_not_know_the_token_is_no_node(nodes: Nodes) -> None:
    nodes.end("NODE02")
    becomes(nodes, "NODE02", ClusterNodeState.Down)
    nodes.boot("NODE02", token="another")
    pause(2.5)
    assert "NODE02" not in nodes.cluster.all_serving()
    assert nodes.state("NODE02") is ClusterNodeState.Down
