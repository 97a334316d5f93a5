"""What a node's Windows says about itself ([D] PSD 5.1; values that no source gives are tagged)."""

from __future__ import annotations

from collections.abc import Mapping
from datetime import datetime
from types import MappingProxyType
from typing import Any, Final

from harness.twin.model.cluster import ClusterModel
from harness.twin.model.entities import Node
from harness.twin.shell.objects import LOCAL
from harness.twin.units import KIB_PER_MIB

PRODUCT: Final = "Azure Stack HCI"
"""[GK] Windows' name of the product; it was not renamed with Azure Local."""
EDITION: Final = "ServerAzureStackHCICor"
"""[GK] EditionID."""
INSTALLATION: Final = "Server Core"
"""[GK] InstallationType: the product has no desktop."""
_DISPLAY_VERSIONS: Final[Mapping[int, str]] = MappingProxyType({25398: "23H2", 26100: "24H2"})
"""[D] ASD release-information-23h2: build 25398 is 23H2, 26100 is 24H2."""


def local_time(host: Any, t_ns: int) -> datetime:
    """An instant as the node's local time."""
    model: ClusterModel = host.model
    return model.datetime_at(t_ns).replace(tzinfo=LOCAL)


def display_version(node: Node) -> str:
    """``24H2`` and the like; empty for a build that no source names."""
    return _DISPLAY_VERSIONS.get(node.os_build.build, "")


def total_memory_kib(node: Node) -> int:
    """Memory of the machine in KiB."""
    return node.memory_mib * KIB_PER_MIB


def free_memory_kib(host: Any) -> int:
    """What the guests on the node leave, in KiB; the host's own use is not modelled [INF]."""
    model: ClusterModel = host.model
    node: Node = host.node
    used_mib = sum(guest.ram_mib for guest in model.guests.values() if guest.owner == node.name and guest.running)
    return (node.memory_mib - used_mib) * KIB_PER_MIB
