"""What the vendor's CAU plug-in installs: drivers and firmware, completed by one or more restarts of a machine."""

from __future__ import annotations

from collections.abc import Sequence

from harness.twin.model.catalog import version_key
from harness.twin.model.entities import Node
from harness.twin.model.payload import Work
from harness.twin.model.sbe.catalog import SbeRelease
from harness.twin.model.world import World


class SbePayload:
    """One Solution Builder Extension."""

    def __init__(self, world: World, release: SbeRelease, plugin: str) -> None:
        self._world = world
        self.release = release
        self.plugin = plugin
        values = world.calibration.sbe
        self.work: Work = (("sbe-scan", values.scan), ("sbe-stage", values.stage), ("sbe-install", values.install))
        self.reboot_timeout = values.reboot_timeout
        self.restarts = release.restarts

    def is_current(self, node: Node) -> bool:
        """The machine has this version or a newer one; a product with the defect overlooks the last machine."""
        return self._has(node) or self._overlooked(node)

    def install(self, node: Node) -> Sequence[str]:
        """Write drivers, and hand the firmware to the next restarts."""
        node.sbe.staged, node.sbe.restarts_left = self.release.version, self.release.restarts
        return (f"SBE {self.release.version}",)

    def objection(self, node: Node) -> str | None:
        """The scan still sees the old version; words [T] Solution-builder-extension-update-scenarios."""
        if self._has(node):
            return None
        return (
            f"CAU run failed on node {node.name}. Details: Microsoft.ClusterAwareUpdating.ClusterUpdateException: "
            f"The {self.plugin} plug-in reported a failure while attempting to scan {node.name}"
        )

    def _has(self, node: Node) -> bool:
        return bool(node.sbe.installed) and version_key(node.sbe.installed) >= self.release.key

    def _overlooked(self, node: Node) -> bool:
        return self._world.spec.has_defect("sbe_skips_a_node") and node.number == len(self._world.nodes)
