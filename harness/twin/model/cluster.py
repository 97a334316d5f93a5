"""The facade: one simulated cluster, its clock, its state and the operations which change it."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import dataclass
from datetime import datetime, timedelta
from functools import partial

from harness.twin.model.catalog import load_catalogs, version_key
from harness.twin.model.cau import Cau
from harness.twin.model.causes import Causes
from harness.twin.model.clusterkept import ClusterKept
from harness.twin.model.content import (
    ActionPlan,
    CauHistory,
    Environment,
    HealthResult,
    ResourceBridge,
    UpdateRow,
    UpdateRun,
    UpdateSettings,
)
from harness.twin.model.engine import Engine
from harness.twin.model.entities import ClusterGroup, GroupType, Guest, Node, VirtualDisk
from harness.twin.model.errors import ModelError
from harness.twin.model.events import ModelEvent
from harness.twin.model.filelayout import make_volume_folders
from harness.twin.model.files import SHARED, Folder, NodeFiles
from harness.twin.model.groups import UPDATE_SERVICE, Groups, make_groups
from harness.twin.model.guestcontrol import GuestControl
from harness.twin.model.guests import Guests
from harness.twin.model.health import Conditions, HealthChecks
from harness.twin.model.installer import Installer
from harness.twin.model.layout import make_guests, make_nodes, make_volumes
from harness.twin.model.listing import make_environment
from harness.twin.model.machines import Machines
from harness.twin.model.maintenance import Maintenance
from harness.twin.model.membership import Membership
from harness.twin.model.migration import Migration
from harness.twin.model.network import Networks
from harness.twin.model.outermachines import Orders, OuterMachines
from harness.twin.model.replay import apply_statuses, find_run, read_statuses
from harness.twin.model.sbe.catalog import load_sbe
from harness.twin.model.sbe.extension import Extension
from harness.twin.model.sbe.steps import SbeSteps
from harness.twin.model.settling import watch_settled
from harness.twin.model.spec import ModelSpec
from harness.twin.model.states import ClusterNodeState, PowerState
from harness.twin.model.storage import Storage
from harness.twin.model.updatelist import UpdateList
from harness.twin.model.updates import UpdateService
from harness.twin.model.windows.plant import Windows
from harness.twin.model.world import NodeLostError, Process, World

SETTINGS_SINCE = (12, 2604)
"""First release with update settings ([D] ASD update/update-settings)."""
FAILBACK_LIMIT = 16
"""Machines up to which VMFailback is on ([D] ASD update/update-settings)."""


@dataclass(slots=True)
class Operation:
    """An operation that takes lab time; ``operation.end`` with its ``number`` is emitted when it is done."""

    number: int
    name: str
    done: bool = False
    error: ModelError | None = None


class ClusterModel:
    """A simulated cluster.

    Lab time moves only in :meth:`run_until`.  Operations take effect at the present instant; those which need time
    return at once and go on while time moves.  All state objects are public for reading.
    """

    def __init__(self, spec: ModelSpec, orders: Orders | None = None) -> None:
        """With `orders` the machines are outside of the model, which is told by `outer` what they do."""
        catalogs = load_catalogs()
        self.spec = spec
        release = catalogs.release(spec.version)
        self._world = world = World(spec, catalogs)
        self._operations = 0
        world.nodes = make_nodes(world, release)
        world.guests = make_guests(world)
        group = f"{world.streams.uuid('arb/group')}-control-plane-0"
        self.bridge = ResourceBridge(f"{spec.cluster_name.lower()}-arcbridge", group)
        world.groups = make_groups(list(world.nodes), group)
        self.outer = None if orders is None else OuterMachines(world, orders)
        self._machines = self.outer or Machines(world)
        self._membership = Membership(world, detects=orders is None)
        self.networks = Networks(world, lambda: self._membership.quorate)
        self.storage = Storage(world, make_volumes(world, world.guests.values()))
        self._groups = Groups(world)
        self._guests = Guests(world, self._membership, self.storage)
        self._migration = Migration(world, self._guests)
        self.windows = Windows(world, self._guests)
        self.control = GuestControl(world, self._guests, self.storage, self.windows)
        self._maintenance = Maintenance(world, self._membership, self.storage, self._groups, self._migration)
        self._wire()
        self.settings = UpdateSettings(vm_failback=spec.nodes <= FAILBACK_LIMIT)
        self.kept = ClusterKept()
        self._cau = Cau(world, self._machines, self._maintenance, self.storage, self.settings, self._force_drain)
        self._engine = Engine(world, self._groups)
        installer = Installer(world, self._engine, self._groups, self._cau, self.storage, self.bridge)
        environment = make_environment(release, spec.sbe or "")
        self._checks = HealthChecks(world, self._membership, self.storage, environment, self.bridge, self.networks.atc)
        extension = self._make_extension(environment)
        listing = UpdateList(catalogs, environment, spec.epoch, extension and extension[0], recalled=spec.list_recalled)
        self.updates = UpdateService(
            world, self._groups, self._engine, installer, self._checks, environment, listing, self.settings, extension
        )
        world.env.process(watch_settled(world, self.storage, self._guests, self._membership))
        self._mount_volumes()
        self._causes = Causes(world, self._groups, self._engine, self.bridge)
        for planted in spec.causes:
            self.plant(planted.cause, planted.node, planted.parameters)

    def _make_extension(self, environment: Environment) -> tuple[Extension, SbeSteps] | None:
        """What the vendor of the hardware offers, and how it is installed; None without such a vendor."""
        if self.spec.sbe is None:
            return None
        extension = Extension(self._world, load_sbe(), self.spec.sbe, self._service_files)
        extension.lay_out()
        steps = SbeSteps(self._world, self._engine, self._cau, extension, environment, self._service_files)
        return extension, steps

    def _service_files(self) -> NodeFiles:
        """Files as the machine sees them that owns the Update Service."""
        return self._world.nodes[self._world.groups[UPDATE_SERVICE].owner].files

    def _mount_volumes(self) -> None:
        """A machine sees the files of a volume while it is a member and the volume is online."""
        for node in self.nodes.values():
            node.files.mounted = partial(self._reaches, node)
            shared = node.files.find(f"C:\\{SHARED}")
            if isinstance(shared, Folder):
                make_volume_folders(shared, list(self.volumes))

    def _reaches(self, node: Node, volume: str) -> bool:
        return node.member and (volume not in self.volumes or self.volumes[volume].online)

    def _wire(self) -> None:
        """Who hears of what, in this order: physical effects before the cluster's conclusions."""
        self._machines.listeners += [self._guests, self._groups, self._membership]
        self._membership.listeners += [self.storage, self._groups, self._guests]
        self.storage.listeners.append(self._guests)

    # --- clock and events

    @property
    def now_ns(self) -> int:
        """Lab time."""
        return self._world.now

    def datetime_at(self, t_ns: int) -> datetime:
        """The UTC time of a lab instant, cut to microseconds."""
        return self.spec.epoch + timedelta(microseconds=t_ns // 1000)

    @property
    def events(self) -> list[ModelEvent]:
        """All events so far; do not change the list."""
        return self._world.log.events

    def subscribe(self, callback: Callable[[ModelEvent], None]) -> Callable[[], None]:
        """Call *callback* for each further event; the returned function ends that."""
        return self._world.log.subscribe(callback)

    def watch_signals(self, callback: Callable[[Guest], None]) -> None:
        """Call *callback* at each further change of a guest's signal; it must not change the model."""
        self._guests.signal_listeners.append(callback)

    def run_until(self, t_ns: int, stop: Callable[[ModelEvent], bool] | None = None) -> ModelEvent | None:
        """Let lab time pass up to *t_ns*, everything at that instant included.

        With *stop*, end right after the simulation step that emitted a matching event and return the event; lab time
        is then exactly the event's.  Raises ValueError if *t_ns* lies in the past.
        """
        env = self._world.env
        if t_ns < self.now_ns:
            raise ValueError(f"cannot run until {t_ns} ns: lab time is already {self.now_ns} ns")
        env.timeout(t_ns - self.now_ns)
        events = self.events
        while env.peek() <= t_ns:
            mark = len(events)
            env.step()
            if stop is not None and len(events) > mark:
                for event in events[mark:]:
                    if stop(event):
                        return event
        return None

    # --- state

    @property
    def nodes(self) -> dict[str, Node]:
        """Machines by name, in order of their ids."""
        return self._world.nodes

    @property
    def guests(self) -> dict[str, Guest]:
        """Guests by name."""
        return self._world.guests

    @property
    def volumes(self) -> dict[str, VirtualDisk]:
        """Virtual disks by name."""
        return self.storage.volumes

    @property
    def environment(self) -> Environment:
        """The update environment."""
        return self.updates.environment

    @property
    def rows(self) -> list[UpdateRow]:
        """Update rows, newest version first."""
        return self.updates.rows

    @property
    def runs(self) -> list[UpdateRun]:
        """Update runs, oldest first."""
        return self.updates.runs

    @property
    def plans(self) -> list[ActionPlan]:
        """Action plan instances, oldest first."""
        return self._engine.plans

    @property
    def cau(self) -> CauHistory:
        """CAU run and reports."""
        return self._cau.history

    @property
    def conditions(self) -> Conditions:
        """Causes outside the cluster which health checks look at."""
        return self._checks.conditions

    @property
    def beat_ns(self) -> int:
        """Time between two heartbeats of a machine."""
        return self._world.calibration.cluster.heartbeat_delay.ns

    @property
    def missed_after_ns(self) -> int:
        """A machine is missed when nothing was heard of it for so long."""
        return self.beat_ns * self._world.calibration.cluster.heartbeat_threshold.n

    @property
    def quorate(self) -> bool:
        """The cluster has quorum and runs."""
        return self._membership.quorate

    def node(self, name: str) -> Node:
        """The machine *name*.  Raises ModelError."""
        return self._world.node(name)

    def guest(self, name: str) -> Guest:
        """The guest *name*, in any case of letters.  Raises ModelError."""
        for guest in self.guests.values():
            if guest.name.lower() == name.lower():
                return guest
        raise ModelError("ObjectNotFound", f'Hyper-V was unable to find a virtual machine with name "{name}".')

    def roles(self) -> list[ClusterGroup]:
        """Rows of ``Get-ClusterGroup`` without the guests'; a single machine has no groups for its services."""
        alone = len(self.nodes) == 1
        return [
            group
            for group in self._world.groups.values()
            if not (alone and group.group_type is GroupType.GenericService)
        ]

    def cluster_groups(self) -> list[ClusterGroup]:
        """Rows of ``Get-ClusterGroup``: roles, then guests."""
        guests = [
            ClusterGroup(guest.name, GroupType.VirtualMachine, guest.owner, self._guests.group_state(guest))
            for guest in self.guests.values()
        ]
        return [*self.roles(), *guests]

    def group(self, name: str) -> ClusterGroup:
        """The role *name*, also one that a single machine runs without a group.  Raises KeyError."""
        return self._world.groups[name]

    def owner_of(self, group: str = UPDATE_SERVICE) -> str:
        """The machine which owns a group.  Raises ModelError."""
        for row in self.cluster_groups():
            if row.name.lower() == group.lower():
                return row.owner
        if group in self._world.groups:
            return self._world.groups[group].owner
        raise ModelError("ClusterGroupNotFound", f"The cluster group '{group}' could not be found.")

    # --- operations

    def start_update(self, resource_id: str, *, prepare_only: bool = False, ignore_warnings: bool = False) -> str:
        """Start or resume an update; see :meth:`UpdateService.start_update`.  Raises ModelError."""
        return self.updates.start_update(resource_id, prepare_only=prepare_only, ignore_warnings=ignore_warnings)

    def precheck(self) -> None:
        """Run the system health check; returns at once.  Raises ModelError."""
        self.updates.precheck()

    def import_package(self, node: str, folder: str, *, any_version: bool = False) -> None:
        """``Add-SolutionUpdate``; see :meth:`UpdateService.import_package`.  Raises ModelError."""
        self.updates.import_package(self.node(node).name, folder, any_version=any_version)

    def discover(self) -> None:
        """Refresh the list of updates; returns at once."""
        self.updates.discover()

    def suspend_node(self, name: str, *, drain: bool = True, force: bool = False) -> Operation:
        """``Suspend-ClusterNode``.  Raises ModelError if it would be refused."""
        node = self.node(name)
        self._maintenance.check_suspend(node)
        return self._begin("suspend", self._suspend(node, self._maintenance.suspend(node, drain=drain, force=force)))

    def resume_node(self, name: str, *, fail_back: bool = True) -> Operation:
        """``Resume-ClusterNode``.  Raises ModelError if the node is not paused."""
        node = self.node(name)
        self._maintenance.check_resume(node)
        return self._begin("resume", self._maintenance.resume(node, fail_back=fail_back))

    def move_group(self, name: str, target: str | None = None) -> Operation:
        """``Move-ClusterGroup`` for a role.  Raises ModelError."""
        self._groups.move(name, target)
        return self._begin("move-group", self._groups.settle(name))

    def start_group(self, name: str) -> Operation:
        """``Start-ClusterGroup`` for a role.  Raises ModelError."""
        self._groups.start(name)
        return self._begin("start-group", self._groups.settle(name))

    def stop_group(self, name: str) -> None:
        """``Stop-ClusterGroup`` for a role, at once.  Raises ModelError."""
        self._groups.stop(name)

    def cancel_plan(self, instance_id: str) -> None:
        """``Cancel-ActionPlanInstance``; see :meth:`Engine.cancel`.  Raises ModelError."""
        self._engine.cancel(instance_id)

    def delete_plan(self, instance_id: str) -> None:
        """``DeleteActionPlanInstance``; see :meth:`Engine.delete`.  Raises ModelError."""
        self._engine.delete(instance_id)

    def replay_plan(self, text: str) -> str:
        """``Invoke-ActionPlanInstance`` with an edited plan; return the new instance's id.  Raises ModelError."""
        statuses = read_statuses(text)
        holder = self._engine.lock_holder
        if holder is not None:
            raise ModelError(
                "ExclusiveLockHeld", f"The exclusive lock is held by '{holder.name}' ({holder.instance_id})."
            )
        run = find_run(self.runs, statuses)
        apply_statuses(run.plan.root, statuses)
        return self.start_update(run.update_id, ignore_warnings=True).rpartition("/")[2]

    def move_guest(self, name: str, target: str | None = None) -> Operation:
        """``Move-ClusterVirtualMachineRole`` by live migration.  Raises ModelError."""
        guest = self.guest(name)
        target = self._guests.best_target(exclude=guest.owner) if target is None else self.node(target).name
        if target is None or self.node(target).cluster_state is not ClusterNodeState.Up:
            raise ModelError("ClusterNodeNotAvailable", f"'{guest.name}' cannot move: {target or 'no node'} is not Up.")
        return self._begin("move-guest", self._move_guest(guest, target))

    def begin_control(self, name: str, work: Process) -> Operation:
        """An operation of :attr:`control` that takes lab time."""
        return self._begin(name, work)

    def restart_node(self, name: str) -> Operation:
        """Orderly restart by an operator: the cluster drains on shutdown, then the machine restarts."""
        return self._begin("restart", self._restart_node(self.node(name)))

    def storage_maintenance(self, name: str, *, on: bool) -> Operation:
        """``Enable-`` and ``Disable-StorageMaintenanceMode`` for the drives of a node.  Raises ModelError where data
        would become unavailable."""
        node = self.node(name)
        blocked = self.storage.refuses_without(node.name) if on else []
        if blocked:
            text = f"The operation would make data unavailable: {', '.join(blocked)}."
            raise ModelError("StorageUnavailable", text)
        work = self.storage.enter_maintenance(node) if on else self.storage.leave_maintenance(node)
        return self._begin("storage-maintenance", work)

    def recover_cau(self) -> Operation:
        """``Invoke-CauRun -ForceRecovery``."""
        return self._begin("recover-cau", self._cau.recover())

    def clear_quarantine(self, name: str) -> None:
        """``Start-ClusterNode -ClearQuarantine``.  Raises ModelError for an unknown node."""
        self._membership.clear_quarantine(self.node(name))

    def check_now(self, name: str) -> list[HealthResult]:
        """What the health check *name* says now, for all its targets."""
        return [result for result in self._checks.evaluate() if result.name == name]

    def check_all(self) -> list[HealthResult]:
        """What every check says now, also those of validators that are called by name."""
        return list(self._checks.evaluate_more())

    # --- causes and faults

    def plant(self, cause: str, node: str | None, parameters: Mapping[str, object]) -> None:
        """Bring a cause about now; see :meth:`Causes.plant`.  Raises ModelError."""
        self._causes.plant(cause, node, parameters)

    def lift(self, cause: str, node: str | None) -> None:
        """Take a planted cause away now; see :meth:`Causes.lift`.  Raises ModelError."""
        self._causes.lift(cause, node)

    def power_off(self, name: str, cause: str = "power loss") -> None:
        """Cut a machine's power now."""
        self._machines.power_off(self.node(name), cause)

    def power_on(self, name: str) -> None:
        """Switch a machine on now."""
        self._machines.power_on(self.node(name))

    def reset(self, name: str) -> None:
        """Reset a machine now, without its operating system's knowledge."""
        self._machines.reset(self.node(name))

    def power_state(self, name: str) -> PowerState:
        """What the machine's management controller reports."""
        return self.node(name).power

    def isolate(self, name: str) -> None:
        """Cut a machine's cluster and guest networks now."""
        node = self.node(name)
        self._membership.isolate(node)
        self._guests.network_changed(node)

    def reconnect(self, name: str) -> None:
        """Undo :meth:`isolate` now."""
        node = self.node(name)
        self._membership.reconnect(node)
        self._guests.network_changed(node)

    # --- processes behind operations

    def _begin(self, name: str, work: Process) -> Operation:
        self._operations += 1
        operation = Operation(self._operations, name)
        self._world.env.process(self._follow(operation, work))
        return operation

    def _follow(self, operation: Operation, work: Process) -> Process:
        try:
            yield from work
        except NodeLostError as loss:
            operation.error = ModelError("ClusterNodeDown", f"{operation.name}: the node '{loss.node}' stopped.")
        except ModelError as error:
            operation.error = error
        operation.done = True
        self._world.emit("operation.end", name=operation.name, number=operation.number, ok=operation.error is None)

    def _suspend(self, node: Node, work: Process) -> Process:
        stayed = yield from work
        if stayed:
            raise ModelError("DrainFailed", f"The drain of '{node.name}' failed: {', '.join(stayed)} did not move.")

    def _move_guest(self, guest: Guest, target: str) -> Process:
        if not (yield from self._migration.migrate(guest, target)):
            raise ModelError("MigrationFailed", f"Live migration of '{guest.name}' to '{target}' failed.")

    def _restart_node(self, node: Node) -> Process:
        if node.member and not node.paused:
            yield from self._groups.drain(node)
            yield from self._migration.drain(node, force=False)
        yield from self._world.wait(0)
        if node.os_running:
            self._machines.restart(node)

    def _force_drain(self) -> bool:
        """Whether a drain turns off what cannot move: from 2604 on unless the setting forbids it [D]."""
        since = version_key(self.environment.current_version)[:2] >= SETTINGS_SINCE
        return since and not self.settings.skip_force_drain
