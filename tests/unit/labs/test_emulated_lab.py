"""The door to an emulated cluster, with nodes that are processes of this machine."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import ExitStack, closing
from pathlib import Path

import pytest

from harness.clock import monotonic_ns, wait_until
from harness.errors import LabError
from harness.labs.emulated import Addresses, EmulatedBrain
from harness.labs.models import LabFile
from harness.paths import labs_dir
from harness.plan.yaml_source import load_source
from harness.transports.winrm import WinRmEndpoint, WinRmShell
from tests.twin.nodes.processes import NODES, NodeProcesses


def lab_file() -> LabFile:
    plain = dict(load_source(labs_dir() / "twin-4node.yaml").value)
    return LabFile.model_validate(
        plain
        | {
            "kind": "nested",
            "nodes": list(NODES),
            "guests": 3,
            "classes": {},
            "clock": "real",
            "capabilities": ["guest_probes", "power"],
            "winrm": {"port": 35985, "tls_port": 35986},
            "nested": {"uri": "qemu:///embed", "namespace": "none", "subject": "emulated"},
            "twin": None,
        }
    )


@pytest.fixture
def machines(tmp_path: Path) -> NodeProcesses:
    return NodeProcesses(tmp_path)


@pytest.fixture
def brain(tmp_path: Path, machines: NodeProcesses) -> Iterator[EmulatedBrain]:
    addresses = Addresses(("127.0.0.1", 0), {node: machines.address(node) for node in NODES}, {})
    with ExitStack() as stack:
        made = stack.enter_context(closing(EmulatedBrain(lab_file(), addresses, tmp_path / "ca.pem", machines.token)))
        stack.callback(machines.end_all)
        machines.brain = made.brain
        yield made


def all_serve(brain: EmulatedBrain, machines: NodeProcesses) -> None:
    for node in NODES:
        machines.boot(node)
    wait_until(lambda: len(brain.serving) == len(NODES) or None, within_s=30, what="all nodes to serve")


def test_a_baseline_needs_all_nodes(brain: EmulatedBrain, machines: NodeProcesses) -> None:
    machines.boot("NODE01")
    wait_until(lambda: brain.serving or None, within_s=30, what="a node to serve")
    answer = brain.baseline({}, 1, [])
    assert (answer["ready"], answer["reason"]) == (False, "NODE02, NODE03 does not serve")


def test_the_harness_reaches_nodes_over_tls_and_a_baseline_begins_anew(
    brain: EmulatedBrain, machines: NodeProcesses
) -> None:
    all_serve(brain, machines)
    known = lab_file().versions.model_dump()
    assert brain.baseline({}, 7, [])["versions"] == known
    assert 0 <= monotonic_ns() - brain.zero_ns < 5_000_000_000
    found = brain.endpoint("NODE02", "winrm-https")
    with WinRmShell(
        WinRmEndpoint(
            name="NODE02",
            address=found["address"],
            port=found["port"],
            username=found["username"],
            password=found["secret"],
            tls=True,
            ca_trust_path=found["ca_file"],
        )
    ) as shell:
        assert shell.run("$env:COMPUTERNAME").stdout.strip() == "NODE02"
    with pytest.raises(LabError, match="no endpoint of kind 'ssh'"):
        brain.endpoint("NODE02", "ssh")
    assert brain.baseline({"solution": "1.0"}, 7, [])["ready"] is False


def test_events_and_power_are_told(brain: EmulatedBrain, machines: NodeProcesses) -> None:
    heard: list[str] = []
    brain.watch(lambda event: heard.append(event.kind))
    all_serve(brain, machines)
    brain.baseline({}, 1, [])
    brain.set_power("NODE01", on=False, cause="pulled")
    brain.set_power("NODE01", on=False, cause="again")
    told = [event for event in brain.events(-1) if event["kind"] == "node.power"]
    assert [(event["node"], event["attrs"]["cause"]) for event in told] == [("NODE01", "pulled")]
    assert heard.count("node.power") == 1
