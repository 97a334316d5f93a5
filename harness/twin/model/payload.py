"""What a CAU run installs on each machine: the part of the run that its plug-in plays.

CAU asks the plug-in of a machine to scan, stage and install, restarts the machine, and scans again ([D] WSD
failover-clustering/cluster-aware-updating).  A payload does not wait; CAU lets the time pass.
"""

from __future__ import annotations

from collections.abc import Sequence
from typing import Final, Protocol

from harness.twin.model.calibration import Duration
from harness.twin.model.catalog import Release
from harness.twin.model.entities import Node, OsBuild
from harness.twin.model.world import World

OS_PLUGIN: Final = "Microsoft.RollingUpgradePlugin"
"""Plug-in which a recovery guide of releases before 2604 names [T]; that reports carry it is [INF]."""
Work = Sequence[tuple[str, Duration]]


class Payload(Protocol):
    """One kind of content."""

    @property
    def plugin(self) -> str:
        """Name of the plug-in, as reports carry it."""

    @property
    def work(self) -> Work:
        """Scan, stage and install, with their calibrated times."""

    @property
    def reboot_timeout(self) -> Duration:
        """For each restart of a machine."""

    @property
    def restarts(self) -> int:
        """How often a machine restarts."""

    def is_current(self, node: Node) -> bool:
        """Whether a scan of *node* finds nothing to install."""

    def install(self, node: Node) -> Sequence[str]:
        """Put it on *node*, to be completed by its restarts; return the titles of what was installed."""

    def objection(self, node: Node) -> str | None:
        """What the scan after the last restart finds wrong, in the product's words where they are published."""


class OsPayload:
    """The cumulative updates of a solution release."""

    plugin = OS_PLUGIN
    restarts = 1

    def __init__(self, world: World, release: Release) -> None:
        self._world = world
        self.release = release
        self._target = OsBuild.parse(release.os_build)
        values = world.calibration.cau
        self.work: Work = (("scan", values.scan), ("stage", values.stage), ("install", values.install))
        self.reboot_timeout = values.reboot_timeout

    def is_current(self, node: Node) -> bool:
        """The machine has the release's build, or a newer one."""
        return node.os_build >= self._target

    def install(self, node: Node) -> Sequence[str]:
        """Stage the build; the next start of the operating system completes it."""
        kept = self._keeps_old and node.number == len(self._world.nodes)
        if not kept:
            node.staged_build = self._target
            node.staged_kbs = self.release.kbs
        node.pending_reboot = True
        return self.release.kbs or (self.release.version,)

    def objection(self, node: Node) -> str | None:
        """The build did not change (unless the product is to overlook that)."""
        if self.is_current(node) or self._keeps_old:
            return None
        return f"Node {node.name} is on {node.os_build.version} after the restart."

    @property
    def _keeps_old(self) -> bool:
        return self._world.spec.has_defect("installed_with_old_build")
