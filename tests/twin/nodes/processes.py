"""The nodes of an emulated cluster as processes of this machine, each with an address of its own."""

from __future__ import annotations

import os
import subprocess
import sys
from pathlib import Path

NODES = ("NODE01", "NODE02", "NODE03")
TOKEN = "only-for-this-test"


class NodeProcesses:
    """The machines of the cluster, each a process on an address of its own."""

    def __init__(self, folder: Path) -> None:
        self._folder = folder
        self._block = f"127.{200 + os.getpid() % 50}.{os.getpid() // 50 % 250}"
        self.brain = ("127.0.0.1", 0)
        """Where the nodes find it; with the token it must be known before the first boots."""
        self.token = TOKEN
        self.processes: dict[str, subprocess.Popen[bytes]] = {}
        self._boots = 0

    def address(self, node: str) -> str:
        return f"{self._block}.{11 + NODES.index(node)}"

    def orders(self, node: str) -> Path:
        return self._folder / node

    def boot(self, node: str, token: str = "") -> None:
        self._boots += 1
        address, port = self.brain
        environment = {
            "HIL_NODE": node,
            "HIL_BRAIN": f"{address}:{port}",
            "HIL_TOKEN": token or self.token,
            "HIL_BOOT": f"boot-{self._boots}",
            "HIL_LISTEN": self.address(node),
            "HIL_ORDERS": str(self.orders(node)),
        }
        command = [sys.executable, "-m", "harness.twin.nodes.service"]
        self.processes[node] = subprocess.Popen(command, env={**os.environ, **environment})

    def end(self, node: str) -> None:
        process = self.processes.pop(node)
        process.kill()
        process.wait()

    def end_all(self) -> None:
        for node in [*self.processes]:
            self.end(node)
