"""From what a person wrote to a scenario without gaps: scenario over file defaults over the harness' own defaults."""

from __future__ import annotations

from datetime import timedelta
from typing import Final

from harness.plan.file import BudgetsEntry, Defaults, FaultEntry, NeedsEntry, ScenarioEntry, WorkflowEntry
from harness.plan.guest_updates import GuestUpdates
from harness.plan.models import (
    Budgets,
    Consumes,
    Fault,
    GuidePolicy,
    Leg,
    Limit,
    Needs,
    Options,
    Provocation,
    Resume,
    Scenario,
    Tolerates,
    Workflow,
)
from harness.plan.text import Objection, Objections
from harness.plan.vocabulary import FAULTS

DEFAULT_BUDGETS: Final = Budgets(
    # [T] Get-SolutionUpdate-GatewayTimeout: frequent polling makes the Update Service time out.
    poll=timedelta(seconds=60),
    # [INF] from the longest documented step without visible progress: 1 h for one restart in a CAU run ([T] SBE guide).
    stuck_after=timedelta(minutes=75),
    # [INF] resynchronisation after a node returns takes "seconds to hours".
    settle=timedelta(hours=2),
    # [INF] twice the documented 0:22 + 6:00 h of a four-node update ([D] update-via-powershell-23h2).
    deadline=timedelta(hours=13),
)
# A rolling update has one node away, and waits for storage before the next ([D] WSD cluster-aware-updating).
DEFAULT_TOLERATES: Final = Tolerates(nodes_down=1, resync="exclusive")

# Only who sees the update end can measure it as a whole.
OF_THE_WHOLE: Final = frozenset({"settle.duration", "update.duration"})


def resolve(
    entry: ScenarioEntry, defaults: Defaults, plan: str, *, suffix: str = "", axes: tuple[tuple[str, object], ...] = ()
) -> Scenario:
    """The scenario that an entry means.  Raises Objections when a value without default is given nowhere."""
    lab = entry.lab or defaults.lab
    if lab is None:
        raise Objections([Objection((), "the key 'lab' is missing, here and in 'defaults'")])
    start = entry.start or defaults.start
    if start is None and entry.workflow.kind == "solution":
        raise Objections(
            [Objection((), "a solution update needs 'from', the version it starts from; here or in 'defaults'")]
        )
    if entry.workflow.kind == "sbe" and (start is None or start.sbe is None):
        missing = (
            "an SBE update needs 'from' with 'solution' and 'sbe', the versions it starts from; here or in 'defaults'"
        )
        raise Objections([Objection((), missing)])
    limits = _limits(entry, defaults)
    return Scenario.model_validate(
        {
            "schema": 1,
            "plan": plan,
            "id": f"{entry.id}.{suffix}" if suffix else entry.id,
            "base_id": entry.id,
            "title": entry.title,
            "severity": entry.severity or defaults.severity,
            "lab": lab,
            "axes": tuple(sorted(axes)),
            "needs": _needs(entry, defaults, limits),
            "from": start,
            "consumes": entry.consumes or consumed_by(entry.workflow),
            "leg": _leg(entry, suffix),
            "workflow": _workflow(entry.workflow),
            "faults": tuple(_fault(fault) for fault in entry.faults),
            "tolerates": _tolerates(entry, defaults),
            "limits": limits,
            "budgets": _budgets(entry.budgets, defaults.budgets),
            "guides": None if entry.guides is None else GuidePolicy(**dict(entry.guides)),
            "provoke": tuple(
                Provocation(**{name: getattr(one, name) for name in Provocation.model_fields}) for one in entry.provoke
            ),
            "waivers": entry.waivers,
        }
    )


def consumed_by(workflow: WorkflowEntry | Workflow) -> Consumes:
    """What a workflow uses up: an update cannot be undone (nor can one in guests: [D] hotpatches have no automatic
    rollback), a preparation can be done once for a version."""
    if workflow.kind == "observe":
        return "nothing"
    return "preparation" if workflow.options.prepare_only else "version"


def implied_capabilities(entry: ScenarioEntry, limits: tuple[Limit, ...]) -> set[str]:
    """What faults, `hold`, `provoke` and limits on guests ask of the lab without saying so."""
    implied = {FAULTS[fault.fault].capability for fault in entry.faults}
    if entry.workflow.kind == "hotpatch" or any(
        limit.measurement.startswith(("vm.", "guest.", "probe.")) for limit in limits
    ):
        implied.add("guest_probes")
    if any(fault.hold for fault in entry.faults):
        implied.add("hold")
    if entry.provoke:
        implied.add("provoke")
    return implied


def _needs(entry: ScenarioEntry, defaults: Defaults, limits: tuple[Limit, ...]) -> Needs:
    own = entry.needs or NeedsEntry()
    given = own.model_fields_set
    base = defaults.needs
    capabilities = set(own.capabilities) | set(base.capabilities) | implied_capabilities(entry, limits)
    return Needs(
        capabilities=tuple(sorted(capabilities)),
        nodes=own.nodes if "nodes" in given else base.nodes,
        guests=own.guests if "guests" in given else base.guests,
    )


def _workflow(entry: WorkflowEntry) -> Workflow:
    return Workflow(
        kind=entry.kind,
        target=entry.target,
        options=Options(**dict(entry.options)),
        resume=Resume(on_failure=entry.resume.on_failure),
        guest_updates=None
        if entry.month is None
        else GuestUpdates(month=entry.month, guests=entry.guests, window=entry.window),
    )


def _fault(entry: FaultEntry) -> Fault:
    return Fault(**{name: getattr(entry, name) for name in Fault.model_fields})


def _tolerates(entry: ScenarioEntry, defaults: Defaults) -> Tolerates:
    layers = (entry.tolerates, defaults.tolerates)
    nodes_down = [layer.nodes_down for layer in layers if layer.nodes_down is not None]
    resync = [layer.resync for layer in layers if layer.resync is not None]
    return Tolerates(
        nodes_down=nodes_down[0] if nodes_down else DEFAULT_TOLERATES.nodes_down,
        resync=resync[0] if resync else DEFAULT_TOLERATES.resync,
    )


def _leg(entry: ScenarioEntry, suffix: str) -> Leg | None:
    """The leg as if it were alone; `campaign.py` counts."""
    if entry.leg is None:
        return None
    if suffix:
        raise Objections([Objection(("leg",), "a leg has no variants: its campaign is one update", at_key=True)])
    return Leg(campaign=entry.leg.campaign, number=1, of=1, after=None, until=entry.leg.until)


def _limits(entry: ScenarioEntry, defaults: Defaults) -> tuple[Limit, ...]:
    inherited = defaults.limits
    if entry.leg is not None and entry.leg.until is not None:
        wrong = sorted(OF_THE_WHOLE & {name for name, limit in entry.limits.items() if limit is not None})
        why = "this leg hands the update over, so it cannot measure it as a whole; limit it in the last leg"
        if wrong:
            raise Objections([Objection(("limits", name), why, at_key=True) for name in wrong])
        inherited = {name: limit for name, limit in inherited.items() if name not in OF_THE_WHOLE}
    merged = {**inherited, **entry.limits}
    return tuple(limit for _, limit in sorted(merged.items()) if limit is not None)


def _budgets(own: BudgetsEntry, base: BudgetsEntry) -> Budgets:
    def pick(name: str) -> timedelta:
        for layer in (own, base):
            value: timedelta | None = getattr(layer, name)
            if value is not None:
                return value
        default: timedelta = getattr(DEFAULT_BUDGETS, name)
        return default

    return Budgets(poll=pick("poll"), stuck_after=pick("stuck_after"), settle=pick("settle"), deadline=pick("deadline"))
