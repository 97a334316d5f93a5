"""The plant at lab time 0: machines, guests and volumes of a model specification."""

from __future__ import annotations

from collections.abc import Iterable

from harness.twin.model.catalog import Release
from harness.twin.model.entities import Guest, InstalledKb, Node, OsBuild, PhysicalDisk, VirtualDisk
from harness.twin.model.filelayout import make_node_files, make_shared_root
from harness.twin.model.reachability import Reachability
from harness.twin.model.spec import GuestSpec
from harness.twin.model.world import World


def make_nodes(world: World, release: Release) -> dict[str, Node]:
    """``NODE01`` and so on, all up and on the release's build."""
    values = world.calibration.node
    shared = make_shared_root()
    nodes = {}
    for number in range(1, world.spec.nodes + 1):
        name = world.spec.node_names[number - 1] if world.spec.node_names else f"NODE{number:02}"
        started = -world.draw(f"node/{name}/uptime", values.uptime_before)
        free = values.free_c_gb
        nodes[name] = Node(
            name=name,
            number=number,
            os_build=OsBuild.parse(release.os_build),
            kbs=[InstalledKb(kb, started) for kb in release.kbs],
            files=make_node_files(
                world, shared, world.streams.around(f"node/{name}/free-c", round(free.value), free.spread)
            ),
            memory_mib=values.memory_mib.n,
            logical_processors=values.logical_processors.n,
            disks=[
                PhysicalDisk(
                    f"PhysicalDisk {number}{index:03}", f"SN{number:02}{index:04}", name, values.disk_size.bytes
                )
                for index in range(1, values.disks.n + 1)
            ],
            last_boot_ns=started,
        )
    return nodes


def make_guests(world: World) -> dict[str, Guest]:
    """The specified guests, or ``VM01`` and so on spread evenly over machines and user volumes."""
    return {spec.name: _guest(world, spec) for spec in _specs(world)}


def make_volumes(world: World, guests: Iterable[Guest]) -> list[VirtualDisk]:
    """The infrastructure volume and one user volume per machine.

    Two machines mirror twice, three and more three times ([D] ASD manage/add-server).  With more machines than copies
    a missing machine falls behind only by its share of the writes.
    """
    values = world.calibration.storage
    nodes = list(world.nodes)
    copies = min(3, len(nodes)) if len(nodes) > 1 else 2
    tolerance = copies - 1 if len(nodes) > 1 else 0
    share = min(copies, len(nodes))
    users: dict[str, int] = {}
    for guest in guests:
        users[guest.volume] = users.get(guest.volume, 0) + 1
    names = dict.fromkeys(["Infrastructure_1", *(f"UserStorage_{at + 1}" for at in range(len(nodes))), *users])
    volumes = []
    for index, name in enumerate(names):
        written = values.write_rate_base.bytes_s + users.get(name, 0) * values.write_rate_per_guest.bytes_s
        size = values.infrastructure_volume if index == 0 else values.user_volume
        volumes.append(
            VirtualDisk(name, size.bytes, copies, tolerance, written * share // len(nodes), nodes[index % len(nodes)])
        )
    return volumes


def _specs(world: World) -> Iterable[GuestSpec]:
    if not isinstance(world.spec.guests, int):
        return world.spec.guests
    values, nodes = world.calibration.guest, list(world.nodes)
    specs = []
    for number in range(1, world.spec.guests + 1):
        name = world.spec.guest_names[number - 1] if world.spec.guest_names else f"VM{number:02}"
        span = values.ram_mib_large.n // values.ram_mib_small.n
        ram = values.ram_mib_small.n * (1 + world.streams.below(f"vm/{name}/ram", span))
        low, high = values.dirty_mib_s_low.n, values.dirty_mib_s_high.n
        dirty = low + world.streams.below(f"vm/{name}/dirty", high - low + 1)
        place = (number - 1) % len(nodes)
        specs.append(GuestSpec(name, ram, dirty, nodes[place], f"UserStorage_{place + 1}"))
    return specs


def _guest(world: World, spec: GuestSpec) -> Guest:
    if spec.preferred_owner not in world.nodes:
        raise ValueError(f"guest '{spec.name}': preferred owner '{spec.preferred_owner}' is not a machine of the model")
    return Guest(
        name=spec.name,
        vm_id=world.streams.uuid(f"vm/{spec.name}/id"),
        ram_mib=spec.ram_mib,
        dirty_rate_mib_s=spec.dirty_rate_mib_s,
        volume=spec.volume,
        preferred_owner=spec.preferred_owner,
        owner=spec.preferred_owner,
        reachability=Reachability(),
        migratable=spec.migratable,
        started_ns=-world.draw(f"vm/{spec.name}/uptime", world.calibration.guest.uptime_before),
    )
