"""Storage Spaces Direct: what a missing node does to the volumes, and the repair that follows.

While a node is out (in maintenance mode or down), its copies of each attached volume fall behind by the write rate
times the time.  Back in use, they are repaired by one job per volume whose BytesTotal is exactly that amount
([D] WSD storage-spaces/maintain-servers: only changed regions are resynchronised).  A volume whose missing or stale
nodes outnumber its tolerance goes offline.
"""

from __future__ import annotations

from typing import Protocol

from harness.twin.model.entities import Node, StorageJob, StoragePool, VirtualDisk
from harness.twin.model.states import (
    DetachedReason,
    PhysicalDiskStatus,
    PoolStatus,
    StorageJobState,
    VirtualDiskStatus,
    VolumeHealth,
)
from harness.twin.model.world import Bell, Process, World
from harness.twin.units import NS_PER_S


class VolumeListener(Protocol):
    """Told when guests lose or regain their volume."""

    def volume_offline(self, volume: str) -> None:
        """Nothing on *volume* can be read or written."""

    def volume_online(self, volume: str) -> None:
        """*volume* is back."""


class Storage:
    """Pool, volumes, drives and storage jobs."""

    def __init__(self, world: World, volumes: list[VirtualDisk]) -> None:
        self._world = world
        self.pool = StoragePool()
        self.volumes = {volume.name: volume for volume in volumes}
        self.jobs: list[StorageJob] = []
        self.listeners: list[VolumeListener] = []
        self.bell = Bell(world.env)
        self.attached = True
        """False while the cluster itself is stopped."""
        self._maintenance: dict[str, None] = {}
        self._down: dict[str, None] = {}
        self._behind_since: dict[tuple[str, str], int] = {}
        self._repairing: dict[str, tuple[tuple[str, ...], bool]] = {}
        world.env.process(self._optimize())

    # --- what others read

    @property
    def repair_jobs(self) -> list[StorageJob]:
        """Jobs which somebody who judges safety must count: all but the background Optimize."""
        return [job for job in self.jobs if job.virtual_disk is not None]

    @property
    def healthy(self) -> bool:
        """All volumes OK, no repair, no drive in maintenance ([D] suspend-resume-cluster-maintenance)."""
        return not (self._maintenance or self._down or self.repair_jobs) and all(
            volume.status is VirtualDiskStatus.OK for volume in self.volumes.values()
        )

    def dirty_bytes(self, volume: VirtualDisk, node: str) -> int:
        """Bytes by which the copies on *node* are behind now."""
        base = volume.dirty_bytes.get(node, 0)
        since = self._behind_since.get((volume.name, node))
        grown = 0 if since is None else (self._world.now - since) * volume.write_bytes_s // NS_PER_S
        return min(base + grown, volume.size_bytes)

    def out_nodes(self) -> list[str]:
        """Nodes whose drives are in maintenance or gone, in order of their ids."""
        return [name for name in self._world.nodes if name in self._maintenance or name in self._down]

    def refuses_without(self, node: str) -> list[str]:
        """Volumes that would go offline if *node* stopped now: the safety check of suspend."""
        return [
            volume.name
            for volume in self.volumes.values()
            if volume.tolerance and len({*self._missing(volume), node}) > volume.tolerance
        ]

    # --- causes

    def node_down(self, node: Node, *, planned: bool) -> None:
        """The cluster lost *node*'s drives."""
        self._settle()
        self._down[node.name] = None
        self._set_disks(node, PhysicalDiskStatus.LostCommunication)
        self.move_volumes(node)
        self._evaluate()

    def move_volumes(self, node: Node) -> None:
        """Give the cluster shared volumes which *node* coordinates to other Up nodes, in turn."""
        others = [item.name for item in self._world.nodes.values() if item.places and item.name != node.name]
        owned = [volume for volume in self.volumes.values() if volume.csv_owner == node.name]
        for index, volume in enumerate(owned if others else []):
            volume.csv_owner = others[index % len(others)]
            self._world.emit("csv.move", node=volume.csv_owner, disk=volume.name, source=node.name)

    def move_volume(self, volume: VirtualDisk, target: str) -> None:
        """Give the coordination of a cluster shared volume to the node *target*."""
        source, volume.csv_owner = volume.csv_owner, target
        if source != target:
            self._world.emit("csv.move", node=target, disk=volume.name, source=source)

    def node_up(self, node: Node) -> None:
        """The drives of *node* are reachable; they stay in maintenance if the node is paused."""
        self._settle()
        self._down.pop(node.name, None)
        if not node.paused:
            self._maintenance.pop(node.name, None)  # resumed, but lost before its drives were back in use
        in_maintenance = node.name in self._maintenance
        self._set_disks(node, PhysicalDiskStatus.InMaintenanceMode if in_maintenance else PhysicalDiskStatus.OK)
        self._evaluate()

    def quorum_lost(self) -> None:
        """The cluster stopped: all volumes are offline."""
        self._settle()
        self.attached = False
        self._evaluate()

    def quorum_restored(self) -> None:
        """The cluster runs; nodes which do not return with it count as down."""
        self._settle()
        self.attached = True
        for node in self._world.nodes.values():
            if not node.cluster_service or not node.network_up:
                self._down[node.name] = None
                self._set_disks(node, PhysicalDiskStatus.LostCommunication)
        self._evaluate()

    def enter_maintenance(self, node: Node) -> Process:
        """Take the drives of *node* out of use; on a single machine there is nothing to hand over to."""
        if len(self._world.nodes) == 1:
            return
        self._set_disks(node, PhysicalDiskStatus.StartingMaintenanceMode)
        yield from self._world.wait(self._world.calibration.storage.maintenance_enter.ns, node.name)
        self._settle()
        self._maintenance[node.name] = None
        self._set_disks(node, PhysicalDiskStatus.InMaintenanceMode)
        self._evaluate()

    def leave_maintenance(self, node: Node) -> Process:
        """Put the drives of *node* back into use; repair follows by itself."""
        if node.name not in self._maintenance:
            return
        self._set_disks(node, PhysicalDiskStatus.StoppingMaintenanceMode)
        yield from self._world.wait(self._world.calibration.storage.maintenance_leave.ns, node.name)
        self._settle()
        self._maintenance.pop(node.name, None)
        self._set_disks(node, PhysicalDiskStatus.OK)
        self._evaluate()

    # --- arithmetic

    def _missing(self, volume: VirtualDisk) -> list[str]:
        return [
            name
            for name in self._world.nodes
            if name in self._maintenance or name in self._down or volume.dirty_bytes.get(name, 0) > 0
        ]

    def _settle(self) -> None:
        """Fold elapsed time into the dirty amounts."""
        for (name, node), _ in list(self._behind_since.items()):
            volume = self.volumes[name]
            volume.dirty_bytes[node] = self.dirty_bytes(volume, node)
        self._behind_since.clear()

    def _fold(self, volume: VirtualDisk, job: StorageJob) -> None:
        """Stop *job* where it is and take what it repaired off the dirty amounts."""
        done = job.bytes_processed(self._world.now) - job.processed_bytes
        self._repaired(volume, done)
        job.processed_bytes += done
        job.running_since_ns = None

    def _repaired(self, volume: VirtualDisk, count: int) -> None:
        for node in [name for name in self._world.nodes if self._stale(volume, name)]:
            part = min(count, volume.dirty_bytes[node])
            volume.dirty_bytes[node] -= part
            count -= part

    def _stale(self, volume: VirtualDisk, node: str) -> bool:
        return volume.dirty_bytes.get(node, 0) > 0 and node not in self._maintenance and node not in self._down

    def _evaluate(self) -> None:
        out = self.out_nodes()
        for volume in self.volumes.values():
            was_online = volume.online
            self._judge(volume, out)
            if volume.online:
                for node in out:
                    self._behind_since[volume.name, node] = self._world.now
            self._plan_repair(volume, out)
            if was_online != volume.online:
                for listener in self.listeners:
                    (listener.volume_online if volume.online else listener.volume_offline)(volume.name)
        self._judge_pool(out)
        self.bell.ring()

    def _judge(self, volume: VirtualDisk, out: list[str]) -> None:
        missing = self._missing(volume)
        reason = DetachedReason.NONE
        if not self.attached:
            status, health = VirtualDiskStatus.Detached, VolumeHealth.Unknown
        elif len(out) > volume.tolerance:
            status, health = VirtualDiskStatus.Detached, VolumeHealth.Unhealthy
            reason = DetachedReason.MajorityDisksUnhealthy
        elif len(missing) > volume.tolerance > 0:
            status, health = VirtualDiskStatus.NoRedundancy, VolumeHealth.Unhealthy
        elif any(name in self._down for name in out):
            status, health = VirtualDiskStatus.Incomplete, VolumeHealth.Warning
        elif out:
            status, health = VirtualDiskStatus.Degraded, VolumeHealth.Warning
        elif missing:
            status, health = VirtualDiskStatus.InService, VolumeHealth.Warning
        else:
            status, health = VirtualDiskStatus.OK, VolumeHealth.Healthy
        if (volume.status, volume.health) != (status, health):
            self._world.emit("storage.health", disk=volume.name, status=status.value, health=health.value)
        volume.status, volume.health, volume.detached_reason = status, health, reason

    def _judge_pool(self, out: list[str]) -> None:
        tolerance = next(iter(self.volumes.values())).tolerance
        if len(out) > tolerance:
            self.pool.status, self.pool.health = PoolStatus.ReadOnly, VolumeHealth.Unhealthy
        elif out:
            self.pool.status, self.pool.health = PoolStatus.Degraded, VolumeHealth.Warning
        else:
            self.pool.status, self.pool.health = PoolStatus.OK, VolumeHealth.Healthy

    # --- repair

    def _plan_repair(self, volume: VirtualDisk, out: list[str]) -> None:
        job = next((item for item in self.jobs if item.virtual_disk == volume.name), None)
        stale = tuple(name for name in self._world.nodes if self._stale(volume, name))
        waits = bool(out) or not volume.online
        if self._repairing.get(volume.name) == (stale, waits):
            return
        self._repairing[volume.name] = (stale, waits)
        if job is not None:
            self._fold(volume, job)
        if not any(volume.dirty_bytes.values()):
            if job is not None:
                self._end_repair(volume, job)
            return
        if not stale:
            self._suspend_repair(volume, job)
            return
        if job is None:
            job = self._new_job(volume)
        job.bytes_total = job.processed_bytes + sum(volume.dirty_bytes[name] for name in stale)
        if waits:
            # Repair waits while another copy is missing [INF]: nothing documents which repairs go on meanwhile.
            self._suspend_repair(volume, job)
            return
        self._world.env.process(self._repair(volume, job, self._repairing[volume.name]))

    def _new_job(self, volume: VirtualDisk) -> StorageJob:
        job = StorageJob(
            name=f"{volume.name}-Repair",
            virtual_disk=volume.name,
            started_ns=self._world.now,
            bytes_total=0,
            rate_bytes_s=self._world.calibration.storage.repair_rate.bytes_s,
            state=StorageJobState.New,
        )
        self.jobs.append(job)
        return job

    def _suspend_repair(self, volume: VirtualDisk, job: StorageJob | None) -> None:
        if job is not None and job.state is not StorageJobState.Suspended:
            job.state = StorageJobState.Suspended
            self._world.emit("storage.resync.suspend", disk=volume.name)

    def _repair(self, volume: VirtualDisk, job: StorageJob, plan: object) -> Process:
        """Run *job* as long as *plan* (which nodes are stale, and that nothing is missing) stays the same object."""
        yield self._world.env.timeout(self._world.calibration.storage.repair_start.ns)
        if self._repairing[volume.name] is not plan:
            return
        job.state = StorageJobState.Running
        job.running_since_ns = self._world.now
        self._world.emit("storage.resync.start", disk=volume.name, bytes=job.bytes_total)
        left = job.bytes_total - job.processed_bytes
        yield self._world.env.timeout(-(-left * NS_PER_S // job.rate_bytes_s))
        if self._repairing[volume.name] is plan:
            self._fold(volume, job)
            self._settle()
            self._evaluate()

    def _end_repair(self, volume: VirtualDisk, job: StorageJob) -> None:
        job.state = StorageJobState.Completed
        self.jobs.remove(job)
        self._world.emit("storage.resync.end", disk=volume.name, bytes=job.bytes_total)

    def _optimize(self) -> Process:
        """The background job which may run at any time and which nobody has to wait for."""
        values = self._world.calibration.storage
        while True:
            yield self._world.env.timeout(self._world.draw("storage/optimize", values.optimize_every))
            if self.attached:
                yield from self._work_off(self._new_rebalance())

    def optimize(self) -> None:
        """Begin a background job as ``Optimize-StoragePool`` does; one that runs goes on alone."""
        if self.attached and not any(job.virtual_disk is None for job in self.jobs):
            self._world.env.process(self._work_off(self._new_rebalance()))

    def _new_rebalance(self) -> StorageJob:
        values = self._world.calibration.storage
        total = self._world.streams.around(
            "storage/optimize-bytes", values.optimize_bytes.bytes, values.optimize_bytes.spread
        )
        job = StorageJob("Optimize", None, self._world.now, total, values.optimize_rate.bytes_s)
        job.running_since_ns = self._world.now
        self.jobs.append(job)
        return job

    def _work_off(self, job: StorageJob) -> Process:
        yield self._world.env.timeout(-(-job.bytes_total * NS_PER_S // job.rate_bytes_s))
        self.jobs.remove(job)

    def _set_disks(self, node: Node, status: PhysicalDiskStatus) -> None:
        for disk in node.disks:
            disk.status = status
        self._world.emit("storage.disks", node=node.name, status=status.value)
