"""Where everything of an emulated nested lab is: networks, addresses, machines, from the lab file alone."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from ipaddress import IPv4Network
from typing import Final

from harness.labs.models import FIRST_GUEST, FIRST_NODE, LabFile, NestedLab
from harness.labs.nested.image import Card, NodeImage, boot_line
from harness.labs.nested.namespace import Network
from harness.labs.nested.spec import DataDisk, KernelBoot, MachineSpec, MachinesSpec, Nic

MANAGEMENT: Final = "mgmt"
"""The bridge of the lab host, of the nodes' WinRM and heartbeats, and of the guests."""
STORAGE: Final = "storage"
"""The bridge that joins the nodes alone."""
BRAIN_PORT: Final = 8600
DATA_DISKS: Final = (DataDisk("DATA1", 64 << 20), DataDisk("DATA2", 64 << 20))
"""What faults of disks have to work on; nothing is kept there."""


@dataclass(frozen=True, slots=True)
class Layout:
    """Addresses of an instance by name; `brain` is the lab host's own on the management network, `storage` the nodes'
    on the other."""

    brain: tuple[str, int]
    nodes: dict[str, str]
    guests: dict[str, str]
    storage: dict[str, str]
    networks: tuple[Network, ...]


def lay_out(file: LabFile, nested: NestedLab) -> Layout:
    """A lab file has networks with room for all of them."""
    management, storage = IPv4Network(nested.management), IPv4Network(nested.storage)
    own = str(management[1])
    return Layout(
        brain=(own, BRAIN_PORT),
        nodes={node: str(management[FIRST_NODE + at]) for at, node in enumerate(file.nodes)},
        guests={guest: str(management[FIRST_GUEST + at]) for at, guest in enumerate(file.guests)},
        storage={node: str(storage[FIRST_NODE + at]) for at, node in enumerate(file.nodes)},
        networks=(Network(MANAGEMENT, str(management), own), Network(STORAGE, str(storage))),
    )


def machines_of(
    instance: str, nested: NestedLab, layout: Layout, image: NodeImage, *, namespace: str, token: str
) -> MachinesSpec:
    """The machines of an instance, each with what it has to know on its kernel's command line.

    Each instance needs a network namespace of its own, since all have the same addresses.
    """

    def made(arguments: Callable[[str], str]) -> MachinesSpec:
        return MachinesSpec(
            lab=_plain(instance),
            networks=layout.networks,
            machines=tuple(
                MachineSpec(
                    name=node,
                    memory_mib=nested.memory_mib,
                    vcpus=nested.processors,
                    base=image.disk,
                    boot=KernelBoot(image.kernel, image.initrd, arguments(node)),
                    nics=(Nic(MANAGEMENT), Nic(STORAGE)),
                    disks=DATA_DISKS,
                    domain_type=nested.domain_type,
                )
                for node in layout.nodes
            ),
            namespace=namespace,
        )

    def line(named: MachinesSpec, node: str) -> str:
        cards = [
            Card(named.mac(node, MANAGEMENT), f"{layout.nodes[node]}/{IPv4Network(nested.management).prefixlen}"),
            Card(named.mac(node, STORAGE), f"{layout.storage[node]}/{IPv4Network(nested.storage).prefixlen}"),
        ]
        address, port = layout.brain
        return boot_line(node, cards=cards, brain=f"{address}:{port}", token=token)

    named = made(lambda _node: "")  # MAC addresses come from the names
    return made(lambda node: line(named, node))


def _plain(instance: str) -> str:
    return instance.replace("#", "-")
