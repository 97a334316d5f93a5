"""Named states of the lab in which operators' snippets are typed, each built anew by driving the model."""

from __future__ import annotations

import threading
from collections.abc import Callable, Iterator
from concurrent.futures import ThreadPoolExecutor
from contextlib import contextmanager
from dataclasses import replace
from typing import Final, Protocol

from harness.twin.cmdlets.guest import guest_commands
from harness.twin.engine import LabEngine
from harness.twin.guest import GuestMachine
from harness.twin.machine import Plant, process_environment
from harness.twin.model import ClusterModel, ModelSpec
from harness.twin.model.states import ClusterNodeState, UpdateState
from harness.twin.shell.host import ShellHost
from tests.twin.cmdlets.shell_nodes import HOUR, UPDATE, S, ShellNode, run_until
from tests.twin.guest.shell_guests import make_guest

USER: Final = "LAB\\hil"
GUEST_LIMIT_S: Final = 7200


class Place(Protocol):
    """Where a snippet is typed."""

    @property
    def host(self) -> ShellHost:
        """The machine."""

    def call(self, work: Callable[[], None]) -> None:
        """Do the work of a console program on that machine."""


class OperatorNode(ShellNode):
    """A node for one user, here and on the nodes to which a command goes on."""

    def hop(self, node: str) -> ShellNode:
        return OperatorNode(
            self.model,
            node,
            self.commands,
            environment=process_environment(node, USER),
            boot=self.model.nodes[node].boot_id,
        )


class NodePlace:
    """The console of a node, for a user whose log-on other nodes accept."""

    def __init__(self, model: ClusterModel, name: str) -> None:
        own = process_environment(name, USER)
        model.nodes[name].files.make_folder(f"{own['USERPROFILE']}\\AppData\\Local\\Temp")
        self.host: ShellHost = OperatorNode(model, name, environment=own, delegated=True)

    def call(self, work: Callable[[], None]) -> None:
        work()


class GuestPlace:
    """A process in the managed guest VM01, on its lab's virtual clock."""

    def __init__(self, model: ClusterModel, engine: LabEngine, threads: ThreadPoolExecutor) -> None:
        machine = GuestMachine("VM01", Plant(model), engine, guest_commands(), guest_name="VM01", threads=threads)
        own = {**machine.variables, **process_environment("VM01", "VM01\\Administrator")}
        self.host: ShellHost = replace(machine, environment=own, location=own["USERPROFILE"]).begun()
        self._engine = engine
        self._threads = threads

    def call(self, work: Callable[[], None]) -> None:
        ended = threading.Event()

        def run() -> None:
            with self._engine.computing():
                try:
                    work()
                finally:
                    ended.set()

        self._engine.announce()
        done = self._threads.submit(run)
        assert self._engine.serve(ended.is_set, GUEST_LIMIT_S), f"still runs after {GUEST_LIMIT_S} lab seconds"
        done.result()


def _fresh(model: ClusterModel) -> None:
    """Four idle nodes with eight guests, an update ready."""


def _update_running(model: ClusterModel) -> None:
    """The installation is three hours old."""
    model.start_update(UPDATE)
    model.run_until(3 * HOUR)


def _update_failed(model: ClusterModel) -> None:
    """The installation failed since the resource bridge is offline."""
    model.plant("resource-bridge-offline", None, {})
    model.start_update(UPDATE)
    run_until(model, lambda: model.updates.row(UPDATE).state is UpdateState.InstallationFailed, 60 * HOUR)


def _update_installed(model: ClusterModel) -> None:
    """The update is over, and what follows it too."""
    model.start_update(UPDATE)
    run_until(model, lambda: model.updates.row(UPDATE).state is UpdateState.Installed, 60 * HOUR)
    model.run_until(model.now_ns + 2 * HOUR)


def _node_draining(model: ClusterModel) -> None:
    """NODE02 was told to drain and still moves guests."""
    model.suspend_node("NODE02")
    run_until(model, lambda: model.nodes["NODE02"].drain_status.name == "InProgress")


def _node_drained(model: ClusterModel) -> None:
    """NODE02 is paused, its guests are on the others."""
    model.suspend_node("NODE02")
    run_until(model, lambda: model.nodes["NODE02"].drain_status.name == "Completed")


def _node_down(model: ClusterModel) -> None:
    """NODE03 lost power an hour ago."""
    model.power_off("NODE03")
    model.run_until(model.now_ns + HOUR)


def _repairing(model: ClusterModel) -> None:
    """NODE02 was away for half an hour with its guests writing; its copies are being repaired."""
    model.power_off("NODE02")
    model.run_until(model.now_ns + 1800 * S)
    model.power_on("NODE02")
    run_until(model, lambda: model.nodes["NODE02"].cluster_state is ClusterNodeState.Up)
    run_until(model, lambda: any(job.state.name == "Running" for job in model.storage.repair_jobs))


def _drive_full(model: ClusterModel) -> None:
    """C: of NODE01 has 22 GB left, and the health checks know it."""
    model.plant("system-drive-full", "NODE01", {})
    model.precheck()
    model.run_until(model.now_ns + 1200 * S)


def _restart_pending(model: ClusterModel) -> None:
    """Servicing of NODE01 waits for a restart."""
    model.nodes["NODE01"].pending_reboot = True


def _restarted(model: ClusterModel) -> None:
    """NODE01 was restarted an hour ago in good order."""
    model.restart_node("NODE01")
    model.run_until(model.now_ns + HOUR)


def _orphan_plan(model: ClusterModel) -> None:
    """An action plan instance has been running for two months."""
    model.plant("orphan-device-info-plan", None, {"age_days": 60})


WORLDS: Final[dict[str, Callable[[ClusterModel], None]]] = {
    "fresh": _fresh,
    "update-running": _update_running,
    "update-failed": _update_failed,
    "update-installed": _update_installed,
    "node-draining": _node_draining,
    "node-drained": _node_drained,
    "node-down": _node_down,
    "repairing": _repairing,
    "drive-full": _drive_full,
    "restart-pending": _restart_pending,
    "restarted": _restarted,
    "orphan-plan": _orphan_plan,
}


@contextmanager
def make_place(at: str, given: str) -> Iterator[Place]:
    """A machine of a new lab in the state *given*; *at* is a node's name or ``guest``."""
    if at == "guest":
        assert given == "fresh", "only a fresh guest is known"
        with make_guest() as guest:
            yield GuestPlace(guest.model, guest.engine, guest.threads)
        return
    model = ClusterModel(ModelSpec(guests=8))
    WORLDS[given](model)
    yield NodePlace(model, at)
