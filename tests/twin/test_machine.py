"""What a process on a node sees of its machine."""

from __future__ import annotations

import base64
import threading
from concurrent.futures import ThreadPoolExecutor

from harness.twin.clock import ClockMode
from harness.twin.cmdlets import node_commands
from harness.twin.engine import LabEngine
from harness.twin.machine import NodeBackend, NodeMachine, Plant
from harness.twin.model import ClusterModel, ModelSpec
from harness.twin.wire.port import CommandSpec, ShellSpec

SHELL = ShellSpec("shell", "AZLOCAL\\hil", {"Extra": "given"}, None, 65001, True)


class Output:
    """Takes what a process writes, until it ends."""

    def __init__(self) -> None:
        self.text = ""
        self.ended = threading.Event()

    def stdout(self, data: bytes) -> None:
        self.text += data.decode()

    def stderr(self, data: bytes) -> None:
        self.text += data.decode()

    def exit(self, code: int) -> None:
        self.ended.set()


def lines(backend: NodeBackend, script: str) -> list[str]:
    """What `script` prints in a process of its own."""
    output = Output()
    encoded = base64.b64encode(script.encode("utf-16-le")).decode()
    backend.start(CommandSpec("command", f"powershell -EncodedCommand {encoded}", False, False, SHELL), output)
    assert output.ended.wait(10)
    return output.text.splitlines()


def make_backend(threads: ThreadPoolExecutor, version: str = "12.2510.1002.88") -> NodeBackend:
    plant = Plant(ClusterModel(ModelSpec(version=version)))
    engine = LabEngine(plant.model, ClockMode.parse("virtual"))
    return NodeBackend(NodeMachine("NODE02", plant, engine, node_commands()), threads)


def test_a_process_has_its_own_environment() -> None:
    with ThreadPoolExecutor(1) as threads:
        backend = make_backend(threads)
        assert lines(
            backend, "$env:Left='over'; $env:Extra; $env:COMPUTERNAME; $env:USERNAME; $HOME; (Get-Location).Path"
        ) == [
            "given",
            "NODE02",
            "hil",
            "C:\\Users\\hil",
            "C:\\Users\\hil",
        ]
        assert lines(backend, '"[$env:Left]"; [Environment]::UserDomainName') == ["[]", "AZLOCAL"]


def test_versions_are_those_of_the_node() -> None:
    with ThreadPoolExecutor(1) as threads:
        backend = make_backend(threads)
        build = lines(backend, "(cmd /c ver)[1]")[0].partition("Version 10.0.")[2].rstrip("]")
        assert lines(backend, '"$($PSVersionTable.PSVersion) $($PSVersionTable.BuildVersion) $($Host.Version)"') == [
            f"5.1.{build} 10.0.{build} 5.1.{build}"
        ]
