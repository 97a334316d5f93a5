"""Health checks, evaluated from the state of the model.

CRITICAL failures block an update, WARNING failures block unless told otherwise, INFORMATIONAL ones never do, with the
documented exception of the resource bridge's lock ([T] TSG EnvironmentValidator).
"""

from __future__ import annotations

from collections.abc import Callable, Iterable, Iterator
from dataclasses import dataclass

from harness.twin.model.catalog import CheckSpec
from harness.twin.model.content import Environment, HealthResult, ResourceBridge
from harness.twin.model.entities import Node
from harness.twin.model.gallery import installed_modules, load_gallery
from harness.twin.model.membership import Membership
from harness.twin.model.network.atc import NetworkAtc
from harness.twin.model.states import CheckStatus, ClusterNodeState, HealthState, Severity, VolumeHealth
from harness.twin.model.storage import Storage
from harness.twin.model.world import World


@dataclass(frozen=True, slots=True)
class Outcome:
    """What a rule says about one target."""

    target: str
    ok: bool
    detail: str


@dataclass(slots=True)
class Conditions:
    """Causes which live outside cluster and storage, and which a test may change."""

    content_reachable: bool = True
    """The download endpoint answers."""
    package_intact: bool = True
    """The downloaded package is what its manifest says."""
    subscription_active: bool = True
    network_intents_ok: bool = True
    services_version: str = ""
    """Version of the installed services; empty follows the environment's recipe."""


class HealthChecks:
    """Evaluates the catalogue of checks."""

    def __init__(
        self,
        world: World,
        membership: Membership,
        storage: Storage,
        environment: Environment,
        bridge: ResourceBridge,
        atc: NetworkAtc,
    ) -> None:
        self._world = world
        self._membership = membership
        self._storage = storage
        self._environment = environment
        self._bridge = bridge
        self._atc = atc
        self.conditions = Conditions()
        self._rules: dict[str, Callable[[], Iterable[Outcome]]] = {
            "pool": self._pool,
            "physical-disks": self._physical_disks,
            "node-up": self._nodes_up,
            "node-up-cluster": self._cluster_service,
            "volumes": self._volumes,
            "virtual-disks": self._virtual_disks,
            "storage-jobs": self._storage_jobs,
            "one-node-reboot": self._one_node_reboot,
            "migratable": self._migratable,
            "free-space": self._free_space,
            "services-version": self._services_version,
            "arb-locked": self._arb_locked,
            "network-intent": self._network_intent,
            "registration": self._registration,
            "module-versions": self._module_versions,
            "content-reachable": self._content_reachable,
            "on-network": self._on_network,
            "every-node": lambda: [Outcome(name, True, "") for name in world.nodes],
            "always-success": lambda: [Outcome(world.spec.cluster_name, True, "")],
            "always-failure": lambda: [Outcome(world.spec.cluster_name, False, "")],
        }

    def evaluate(self) -> tuple[HealthResult, ...]:
        """All results as of now."""
        return tuple(
            self._result(check, outcome)
            for check in self._world.catalogs.checks
            for outcome in self._rules[check.evaluator]()
        )

    def evaluate_more(self) -> tuple[HealthResult, ...]:
        """All results, and those of checks that only a validator evaluates which is called by name."""
        named = (
            self._result(check, outcome)
            for check in self._world.catalogs.on_demand
            for outcome in self._rules[check.evaluator]()
        )
        return (*self.evaluate(), *named)

    def _result(self, check: CheckSpec, outcome: Outcome) -> HealthResult:
        return HealthResult(
            name=check.name,
            display_name=check.title,
            title=check.title,
            status=CheckStatus.SUCCESS if outcome.ok else CheckStatus.FAILURE,
            severity=check.severity,
            description=f"Checking {check.title}",
            remediation=check.remediation,
            target_resource_id=outcome.target,
            target_resource_name=outcome.target,
            target_resource_type=check.target_type,
            timestamp_ns=self._world.now,
            detail=outcome.detail,
            resource=outcome.target,
            source=check.source,
            blocks=check.blocks,
        )

    # --- rules

    def _pool(self) -> Iterator[Outcome]:
        pool = self._storage.pool
        yield Outcome(pool.name, pool.health is VolumeHealth.Healthy, f"{pool.status.value}, {pool.health.value}")

    def _physical_disks(self) -> Iterator[Outcome]:
        for node in self._world.nodes.values():
            for disk in node.disks:
                ok = disk.health is VolumeHealth.Healthy
                yield Outcome(f"{node.name}: {disk.friendly_name}", ok, disk.status.value)

    def _nodes_up(self) -> Iterator[Outcome]:
        for node in self._world.nodes.values():
            yield Outcome(node.name, node.cluster_state is ClusterNodeState.Up, f"State {node.cluster_state.name}")

    def _cluster_service(self) -> Iterator[Outcome]:
        missing = [node.name for node in self._world.nodes.values() if not node.cluster_service]
        yield Outcome(self._world.spec.cluster_name, not missing, f"Not running on: {', '.join(missing) or 'none'}")

    def _volumes(self) -> Iterator[Outcome]:
        for volume in self._storage.volumes.values():
            yield Outcome(volume.name, volume.online, volume.status.value)

    def _virtual_disks(self) -> Iterator[Outcome]:
        for volume in self._storage.volumes.values():
            ok = volume.health is VolumeHealth.Healthy
            yield Outcome(volume.name, ok, f"{volume.status.value}, {volume.health.value}")

    def _storage_jobs(self) -> Iterator[Outcome]:
        jobs = self._storage.repair_jobs
        names = ", ".join(f"{job.name} {job.state.name}" for job in jobs)
        yield Outcome(self._world.spec.cluster_name, not jobs, names or "No storage jobs")

    def _one_node_reboot(self) -> Iterator[Outcome]:
        if len(self._world.nodes) == 1:
            node = next(iter(self._world.nodes.values()))
            yield Outcome(node.name, not node.pending_reboot, f"Pending reboot: {node.pending_reboot}")

    def _migratable(self) -> Iterator[Outcome]:
        for guest in self._world.guests.values():
            yield Outcome(guest.name, guest.migratable, "" if guest.migratable else "The virtual machine cannot move")

    def _free_space(self) -> Iterator[Outcome]:
        minimum = self._world.calibration.update.free_space_gb.value
        for node in self._world.nodes.values():
            detail = (
                f"Checking Hostname {node.name} for free space on root folder path 'C:' {node.free_c_gb:.0f} GB. "
                f"Expected at least {minimum:.0f} GB."
            )
            yield Outcome(self._drive(node), node.os_running and node.free_c_gb >= minimum, detail)

    def _drive(self, node: Node) -> str:
        return f"Machine: {node.name}, Class: Disk, DriveLetter: C:"

    def _services_version(self) -> Iterator[Outcome]:
        recipe = next(item.version for item in self._environment.package_versions if item.package_type == "Services")
        installed = self.conditions.services_version or recipe
        detail = (
            "" if installed == recipe else "We cannot start upgrade.The services version is not supported in this pnu."
        )
        yield Outcome(self._world.spec.cluster_name, installed == recipe, detail)

    def _arb_locked(self) -> Iterator[Outcome]:
        count = len(self._bridge.locks)
        detail = (
            f"ARB is locked, {count} locks found. Please remove all the locks for the ARB ({self._bridge.name}) to "
            "proceed with the operation."
            if count
            else "ARB is not locked as expected."
        )
        yield Outcome(self._bridge.name, not count, detail)

    def _network_intent(self) -> Iterator[Outcome]:
        for node in self._world.nodes.values():
            alive = node.os_running and node.network_up
            ok = self.conditions.network_intents_ok and alive and self._atc.settled(node)
            yield Outcome(node.name, ok, "Success" if ok else "Failed")

    def _registration(self) -> Iterator[Outcome]:
        ok = self.conditions.subscription_active
        failure = (
            "Failed precheck: HCI cluster and node registration validity failed due to Azure Stack HCI "
            "Subscription Status not in expected status Active"
        )
        detail = "" if ok else failure
        yield Outcome(self._world.spec.cluster_name, ok, detail)

    def _module_versions(self) -> Iterator[Outcome]:
        """Exactly the versions of the recipe, on every node ([T])."""
        for node in self._world.nodes.values():
            have = installed_modules(node)
            for module in load_gallery().modules:
                if module.installed:
                    found = sorted(have.get(module.name, {}))
                    detail = f"{module.name} {', '.join(found) or 'is not installed'}; expected {module.installed}"
                    yield Outcome(f"{node.name}: {module.name}", found == [module.installed], detail)

    def _content_reachable(self) -> Iterator[Outcome]:
        ok = self.conditions.content_reachable
        yield Outcome(self._world.spec.cluster_name, ok, "" if ok else "The endpoint could not be reached")

    def _on_network(self) -> Iterator[Outcome]:
        for node in self._world.nodes.values():
            ok = node.os_running and node.network_up and node.management_up
            yield Outcome(node.name, ok, "" if ok else "Name resolution failed")


def roll_up(results: Iterable[HealthResult]) -> HealthState:
    """One state for all results: CRITICAL failure, else WARNING failure, else Success [INF]."""
    worst = HealthState.Success
    for result in results:
        if result.status is CheckStatus.FAILURE:
            if result.severity is Severity.CRITICAL:
                return HealthState.Failure
            if result.severity is Severity.WARNING:
                worst = HealthState.Warning
    return worst


def blocking(results: Iterable[HealthResult], *, ignore_warnings: bool) -> list[HealthResult]:
    """The failures which stop an update."""
    return [
        result
        for result in results
        if result.status is CheckStatus.FAILURE
        and (
            result.severity is Severity.CRITICAL
            or (result.severity is Severity.WARNING and not ignore_warnings)
            or result.blocks
        )
    ]
