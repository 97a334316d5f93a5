"""Windows guests as they stand at lab time 0."""

from __future__ import annotations

from datetime import timedelta
from typing import Final

from harness.twin.model.catalog import CatalogError
from harness.twin.model.entities import InstalledKb
from harness.twin.model.windows.catalog import GuestUpdate, UpdateKind, WindowsCatalog
from harness.twin.model.windows.spec import WindowsGuestSpec
from harness.twin.model.windows.state import GuestOs, WindowsProcess, WindowsService
from harness.twin.model.world import World
from harness.twin.units import NS_PER_S

_PROCESSES: Final = (
    ("smss", "smss", 0.5),
    ("csrss", "csrss", 1.0),
    ("services", "services", 2.0),
    ("lsass", "lsass", 2.0),
    ("svchost", "rpc", 3.0),
    ("svchost", "system", 4.0),
    ("svchost", "remoting", 6.0),
    ("spoolsv", "spooler", 8.0),
    ("workload", "workload", 12.0),
)
"""Name, role, seconds after the start of the operating system; ``workload`` stands for what the guest is there for
[INF]."""

_SERVICES: Final = (
    ("EventLog", "Windows Event Log", "rpc"),
    ("RpcSs", "Remote Procedure Call (RPC)", "rpc"),
    ("Schedule", "Task Scheduler", "system"),
    ("Spooler", "Print Spooler", "spooler"),
    ("WinRM", "Windows Remote Management (WS-Management)", "remoting"),
    ("Winmgmt", "Windows Management Instrumentation", "system"),
    ("wuauserv", "Windows Update", "system"),
    ("Workload", "Workload of the lab", "workload"),
)
"""Name, display name, role of the process [GK]; the last one is the lab's own [INF]."""

PID_STEP: Final = 4
"""[GK] Process ids are multiples of four; 4 is System."""
_PID_RANGE: Final = 2000


def make_machines(world: World, catalog: WindowsCatalog) -> dict[str, GuestOs]:
    """The managed guests by name.  Raises ValueError for one that does not exist or cannot be as it is specified."""
    return {spec.guest: _machine(world, catalog, spec) for spec in world.spec.windows}


def _machine(world: World, catalog: WindowsCatalog, spec: WindowsGuestSpec) -> GuestOs:
    if spec.guest not in world.guests:
        raise ValueError(f"Windows guest '{spec.guest}' is no guest of the model; expected one of its guests' names")
    system = catalog.system(spec.system)
    updates = [catalog.update(kb) for kb in spec.installed]
    wrong = [item.kb for item in updates if item.build.build != system.build]
    cumulative = next((item for item in updates if item.needs_restart), None)
    if wrong or cumulative is None:
        raise CatalogError(
            f"Windows guest '{spec.guest}' ({system.name}): installed must hold a baseline or cumulative update for "
            f"build {system.build}, and perhaps a hotpatch; found {', '.join(spec.installed)}"
        )
    hotpatch = next((item for item in updates if item.kind is UpdateKind.HOTPATCH), None)
    if hotpatch is not None and cumulative != _baseline_of(catalog, hotpatch):
        raise CatalogError(
            f"Windows guest '{spec.guest}': hotpatch {hotpatch.kb} is not made for {cumulative.kb}; "
            "expected the baseline of its quarter"
        )
    machine = GuestOs(
        spec=spec,
        guest=world.guests[spec.guest],
        system=system,
        cumulative=cumulative,
        hotpatch=hotpatch,
        kbs=[InstalledKb(item.kb, _installed_ns(world, item)) for item in updates],
        update_ids={item.kb: world.streams.uuid(f"windows/update/{item.kb}") for item in catalog.updates},
        services=[WindowsService(*entry) for entry in _SERVICES],
    )
    machine.processes = make_processes(world, machine)
    return machine


def _baseline_of(catalog: WindowsCatalog, hotpatch: GuestUpdate) -> GuestUpdate | None:
    """The baseline that a hotpatch builds on: the newest one before it ([INF] from [D] quarters)."""
    older = [
        item
        for item in catalog.of_build(hotpatch.build.build)
        if item.kind is UpdateKind.BASELINE and item.month < hotpatch.month
    ]
    return older[-1] if older else None


def _installed_ns(world: World, update: GuestUpdate) -> int:
    before = (update.released - world.spec.epoch) // timedelta(seconds=1) * NS_PER_S
    return before + world.calibration.windows.installed_after_release.ns


def make_processes(world: World, machine: GuestOs) -> list[WindowsProcess]:
    """The processes of a new start, with ids of their own."""
    name, started = machine.guest.name, machine.guest.started_ns
    found = [WindowsProcess(PID_STEP, "System", started, "kernel")]
    taken = {PID_STEP}
    for process, role, after_s in _PROCESSES:
        pid = PID_STEP * (2 + world.streams.below(f"vm/{name}/pid/{role}", _PID_RANGE))
        while pid in taken:
            pid += PID_STEP
        taken.add(pid)
        found.append(WindowsProcess(pid, process, started + round(after_s * NS_PER_S), role))
    return found
