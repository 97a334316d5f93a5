"""When an installed update counts as settled: everything is back where it was before the update."""

from __future__ import annotations

from simpy.events import AnyOf

from harness.twin.model.guests import Guests
from harness.twin.model.membership import Membership
from harness.twin.model.states import ClusterNodeState
from harness.twin.model.storage import Storage
from harness.twin.model.world import Bell, Process, World


def watch_settled(world: World, storage: Storage, guests: Guests, membership: Membership) -> Process:
    """Follow each installed update until the cluster is whole, and emit ``phase.exit update/settled``."""
    installed = Bell(world.env)
    pending: list[None] = []

    def on_event(path: str) -> None:
        if path == "update/settled":
            pending.append(None)
            installed.ring()

    world.log.subscribe(lambda event: on_event(event.path) if event.kind == "phase.enter" else None)

    def whole() -> bool:
        return (
            storage.healthy
            and guests.all_answering()
            and all(node.cluster_state is ClusterNodeState.Up for node in world.nodes.values())
        )

    while True:
        yield from world.wait_until(lambda: bool(pending), installed)
        while True:
            while not whole():
                yield AnyOf(world.env, [storage.bell.wait(), guests.bell.wait(), membership.bell.wait()])
            yield world.env.timeout(world.calibration.update.settle_check.ns)
            if whole():
                break
        pending.clear()
        world.emit("phase.exit", "update/settled", status="Success")
