"""Causes of known conditions, planted and lifted at any instant of lab time.

A cause is what is wrong, never its symptom: what a client then sees follows from the model's own rules, and so does
what a troubleshooting guide's commands repair.  Each cause says whether it is *in effect*, so that planting one twice
changes nothing, and one that somebody repaired can be planted again.
"""

from __future__ import annotations

from collections.abc import Mapping
from typing import Protocol

from harness.twin.model.content import ActionPlan, ResourceBridge
from harness.twin.model.engine import RUNNING, Engine
from harness.twin.model.entities import Node
from harness.twin.model.errors import ModelError
from harness.twin.model.events import AttrValue
from harness.twin.model.filelayout import DOWNLOAD_CACHE
from harness.twin.model.groups import UPDATE_SERVICE, Groups
from harness.twin.model.updates import DEVICE_INFO
from harness.twin.model.world import World
from harness.twin.units import BYTES_PER_GIB, NS_PER_DAY

Numbers = Mapping[str, float]


class Cause(Protocol):
    """One kind of cause.  ``defaults`` are its parameters with the values they take when nothing is said."""

    @property
    def per_node(self) -> bool:
        """Whether it sits on one machine; else it concerns the cluster."""

    @property
    def defaults(self) -> Numbers:
        """Its parameters."""

    def in_effect(self, node: Node | None) -> bool:
        """Whether it is there now."""

    def plant(self, node: Node | None, numbers: Numbers) -> None:
        """Bring it about.  Raises ModelError, and has then changed nothing."""

    def lift(self, node: Node | None) -> None:
        """Take it away with everything it left behind; harmless when somebody repaired it."""


class Causes:
    """All kinds of causes, and which of them are planted."""

    def __init__(self, world: World, groups: Groups, engine: Engine, bridge: ResourceBridge) -> None:
        self._world = world
        self._kinds: dict[str, Cause] = {
            "orphan-device-info-plan": OrphanPlan(world, engine),
            "resource-bridge-offline": BridgeOffline(groups, world, bridge),
            "system-drive-full": DriveFull(world),
            "update-service-wedged": ServiceWedged(groups, world),
        }
        self._planted: set[tuple[str, str | None]] = set()

    @property
    def names(self) -> tuple[str, ...]:
        """Causes that can be planted."""
        return tuple(self._kinds)

    def plant(self, cause: str, node: str | None, parameters: Mapping[str, object]) -> None:
        """Bring a cause about now; nothing happens while it is in effect.

        Raises ModelError for an unknown cause or parameter, a value it cannot have, a missing or unknown node.
        """
        kind, place = self._place(cause, node)
        numbers = _numbers(cause, kind.defaults, parameters)
        if kind.in_effect(place):
            return
        kind.plant(place, numbers)
        where = None if place is None else place.name
        self._planted.add((cause, where))
        shown: dict[str, AttrValue] = {name: _shown(value) for name, value in numbers.items()}
        self._world.log.append(self._world.now, "cause.planted", node=where, attrs={"cause": cause, **shown})

    def lift(self, cause: str, node: str | None) -> None:
        """Take a planted cause away now; nothing happens when it was not planted.  Raises ModelError as `plant`."""
        kind, place = self._place(cause, node)
        where = None if place is None else place.name
        if (cause, where) not in self._planted:
            return
        kind.lift(place)
        self._planted.remove((cause, where))
        self._world.emit("cause.lifted", node=where, cause=cause)

    def _place(self, cause: str, node: str | None) -> tuple[Cause, Node | None]:
        kind = self._kinds.get(cause)
        if kind is None:
            raise ModelError("UnknownCause", f"there is no cause '{cause}'; expected one of {', '.join(self._kinds)}")
        if kind.per_node == (node is None):
            raise ModelError(
                "CauseNode",
                f"the cause '{cause}' needs a node, none was given; expected one of {', '.join(self._world.nodes)}"
                if kind.per_node
                else f"the cause '{cause}' concerns the cluster, but the node '{node}' was given; leave it out",
            )
        return kind, None if node is None else self._world.node(node)


def _numbers(cause: str, defaults: Numbers, parameters: Mapping[str, object]) -> dict[str, float]:
    """Defaults with the given parameters over them; every parameter is a number above zero.  Raises ModelError."""
    numbers = dict(defaults)
    for name, value in parameters.items():
        if name not in defaults:
            known = ", ".join(defaults) or "none"
            raise ModelError("CauseParameter", f"the cause '{cause}' has no parameter '{name}'; it has {known}")
        if isinstance(value, bool) or not isinstance(value, (int, float)) or not 0 < value < float("inf"):
            raise ModelError(
                "CauseParameter", f"'{name}' of the cause '{cause}' is {value!r}; expected a number above 0"
            )
        numbers[name] = value
    return numbers


def _shown(value: float) -> AttrValue:
    return int(value) if value == int(value) else str(value)


class OrphanPlan:
    """``orphan-device-info-plan``: an instance of GetCauDeviceInfo, Running for months, which nobody executes.

    The Update Service reuses any instance still reported Running, so a download waits for it for ever
    ([T] TSG Update/Solution-update-get-hung-at-downloading-status).  ``age_days``: how long ago it began.
    """

    per_node = False

    def __init__(self, world: World, engine: Engine) -> None:
        self._engine = engine
        self._plan: ActionPlan | None = None
        self.defaults: Numbers = {"age_days": world.calibration.causes.orphan_plan_age_days.value}

    def in_effect(self, node: Node | None) -> bool:
        """The instance is still reported as not ended."""
        plan = self._plan
        return plan is not None and plan in self._engine.plans and plan.status in RUNNING

    def plant(self, node: Node | None, numbers: Numbers) -> None:
        """A new instance, begun long ago."""
        self._plan = self._engine.add_orphan(DEVICE_INFO, round(numbers["age_days"] * NS_PER_DAY))

    def lift(self, node: Node | None) -> None:
        """The instance disappears; a download that waits for it fails."""
        if self._plan is not None:
            self._engine.withdraw(self._plan)


class BridgeOffline:
    """``resource-bridge-offline``: the clustered group of the Azure Resource Bridge is Offline and stays so.

    [T] TSG Update/Update-fails-with-ARB-offline.
    """

    per_node = False
    defaults: Numbers = {}  # noqa: RUF012  # never changed

    def __init__(self, groups: Groups, world: World, bridge: ResourceBridge) -> None:
        self._groups = groups
        self._world = world
        self._name = bridge.group

    def in_effect(self, node: Node | None) -> bool:
        """The group is stopped."""
        return not self._world.groups[self._name].wanted

    def plant(self, node: Node | None, numbers: Numbers) -> None:
        """Stop the group."""
        self._groups.stop(self._name)

    def lift(self, node: Node | None) -> None:
        """Start the group."""
        self._groups.start(self._name, really=True)


class DriveFull:
    """``system-drive-full``: a file in the cache of Windows Update leaves ``free_gb`` on C: of a node.

    The check wants 30 GB ([T] TSG EnvironmentValidator/Troubleshooting-Test-SystemDrive-Free-Space).
    """

    per_node = True

    def __init__(self, world: World) -> None:
        self._world = world
        self._fillers: dict[str, str] = {}
        self.defaults: Numbers = {"free_gb": world.calibration.causes.system_drive_free_gb.value}

    def in_effect(self, node: Node | None) -> bool:
        """The file is still there."""
        return node is not None and node.name in self._fillers and node.files.exists(self._fillers[node.name])

    def plant(self, node: Node | None, numbers: Numbers) -> None:
        """Write the file."""
        if node is None:
            return
        wanted = round(numbers["free_gb"] * BYTES_PER_GIB)
        size = node.files.drive.free_bytes - wanted
        if size <= 0:
            raise ModelError(
                "CauseParameter",
                f"C: of {node.name} has {node.free_c_gb:.1f} GB free; 'free_gb' must be less than that",
            )
        name = f"{self._world.streams.uuid(f'cause/drive-full/{node.name}')}.cab"
        node.files.make_folder(DOWNLOAD_CACHE)
        node.files.allocate(f"{DOWNLOAD_CACHE}\\{name}", size)
        self._fillers[node.name] = f"{DOWNLOAD_CACHE}\\{name}"

    def lift(self, node: Node | None) -> None:
        """Delete the file, and give back what deletion by somebody else did not free."""
        if node is None:
            return
        path = self._fillers.pop(node.name)
        if node.files.exists(path):
            node.files.remove(path)
        node.files.drive.lost_bytes = 0


class ServiceWedged:
    """``update-service-wedged``: the Update Service's group is Online, but no request is answered.

    Its threads are starved ([T] TSG Update/Get-SolutionUpdate-GatewayTimeout).  That updates make no progress either
    while it lasts is [INF].
    """

    per_node = False
    defaults: Numbers = {}  # noqa: RUF012  # never changed

    def __init__(self, groups: Groups, world: World) -> None:
        self._groups = groups
        self._world = world

    def in_effect(self, node: Node | None) -> bool:
        """The service hangs."""
        return self._world.groups[UPDATE_SERVICE].hung

    def plant(self, node: Node | None, numbers: Numbers) -> None:
        """The service hangs from now on."""
        self._groups.hang(UPDATE_SERVICE)

    def lift(self, node: Node | None) -> None:
        """The service answers again."""
        self._groups.unhang(UPDATE_SERVICE)
