"""A scenario as text for people: what will be done, in which order, and what is demanded.

The text depends on the scenario alone and is stable, so that a change of behaviour shows up as a readable difference of
two texts.  The renderings of the shipped plans are tests.
"""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass, field

from harness.plan.guest_updates import GuestUpdates
from harness.plan.models import Budgets, Fault, Provocation, Scenario
from harness.plan.quantity import format_duration
from harness.plan.trigger import EventPattern
from harness.plan.vocabulary import DEFECTS, EVENTS, FAULTS

_SHORT_HASH = 12


@dataclass(slots=True)
class _Step:
    """One line of the tree; numbered steps carry `number`, remarks do not."""

    text: str
    numbered: bool = True
    children: list[_Step] = field(default_factory=list)


def render(scenario: Scenario, *, sha256: str = "") -> str:
    """The scenario as a tree of numbered steps; `sha256` is shown when given."""
    head = [
        f"{scenario.id}  {scenario.title}",
        f"plan {scenario.plan} · severity {scenario.severity} · lab {scenario.lab} · consumes {scenario.consumes}"
        + (f" · sha256 {sha256[:_SHORT_HASH]}…" if sha256 else ""),
    ]
    if scenario.leg is not None:
        head.append(f"leg {scenario.leg.number} of {scenario.leg.of} of campaign '{scenario.leg.campaign}'")
    if scenario.axes:
        head.append("variant: " + ", ".join(f"{axis} = {value}" for axis, value in scenario.axes))
    steps = _steps(scenario)
    lines = list(_lines(steps, "", _Counter()))
    return "\n".join([*head, *lines]) + "\n"


class _Counter:
    """Hands out step numbers in the order of printing."""

    def __init__(self) -> None:
        self._last = 0

    def next(self) -> int:
        self._last += 1
        return self._last


def _lines(steps: list[_Step], indent: str, counter: _Counter) -> Iterator[str]:
    for position, step in enumerate(steps):
        is_last = position == len(steps) - 1
        label = f"({counter.next()}) " if step.numbered else ""
        yield f"{indent}{'└── ' if is_last else '├── '}{label}{step.text}"
        yield from _lines(step.children, indent + ("    " if is_last else "│   "), counter)


def _steps(scenario: Scenario) -> list[_Step]:
    return [
        _before(scenario),
        *([_provoke(scenario)] if scenario.provoke else []),
        _probes_on(scenario),
        _workflow(scenario),
        *_fault_steps(scenario),
        *_guide_steps(scenario),
        _after(scenario),
        _judgement(scenario),
    ]


def _probes_on(scenario: Scenario) -> _Step:
    check = "" if _is_later_leg(scenario) else "check that the cluster is healthy, and "
    return _Step(f"{check}start the probes of all guests")


def _is_later_leg(scenario: Scenario) -> bool:
    return scenario.leg is not None and scenario.leg.after is not None


def _after(scenario: Scenario) -> _Step:
    settle = format_duration(scenario.budgets.settle)
    if scenario.leg is None or scenario.leg.until is None:
        return _Step(
            f"wait until all invariants hold, at most {settle}; then stop the probes, collect evidence, release the lab"
        )
    moment = _when(scenario.leg.until)
    return _Step(
        f"{moment}: wait until no fault is left and the cluster is sound, at most {settle};"
        " then stop the probes, collect evidence, and hand the running update over to the next leg"
    )


def _before(scenario: Scenario) -> _Step:
    needs = scenario.needs
    remarks = [f"needs nodes {needs.nodes}, guests {needs.guests}"]
    if needs.capabilities:
        remarks.append(f"needs {', '.join(needs.capabilities)}")
    start = scenario.start
    version = f", and bring it to solution {start.solution}" if start else ""
    version += f" with SBE {start.sbe}" if start and start.sbe else ""
    head = f"lease an instance of lab '{scenario.lab}'{version}"
    if scenario.leg is not None and _is_later_leg(scenario):
        head = f"take over from {scenario.leg.after}: an instance of lab '{scenario.lab}' with the update at work"
    return _Step(head, children=[_Step(text, False) for text in remarks])


def _provoke(scenario: Scenario) -> _Step:
    return _Step("plant at the baseline", children=[_Step(_provocation(one), False) for one in scenario.provoke])


def _provocation(one: Provocation) -> str:
    what = f"defect '{one.defect}': {DEFECTS[one.defect]}" if one.defect else f"cause '{one.cause}'"
    where = f" on {one.target}" if one.target else ""
    settings = "".join(f", {key} = {value}" for key, value in one.parameters)
    return what + where + settings


def _workflow(scenario: Scenario) -> _Step:
    workflow, budgets = scenario.workflow, scenario.budgets
    poll = format_duration(budgets.poll)
    if workflow.guest_updates is not None:
        return _guest_updates(workflow.guest_updates, budgets)
    if workflow.target is None:
        return _Step(f"observe, changing nothing, for at most {format_duration(budgets.deadline)}; look every {poll}")
    verb = "prepare" if workflow.options.prepare_only else "start"
    if _is_later_leg(scenario):
        verb = "go on with"
    warnings = ", ignoring health warnings" if workflow.options.ignore_warnings else ""
    remarks = [
        f"ask for its state at most every {poll}",
        f"stuck after {format_duration(budgets.stuck_after)} without progress",
        f"over after {format_duration(budgets.deadline)} at the latest",
        f"when it fails: resume it, at most {_times(workflow.resume.on_failure)}"
        if workflow.resume.on_failure
        else "when it fails: do not resume it",
    ]
    content = workflow.options.content
    if content:
        remarks.insert(0, f"when it asks for content: import the vendor's files from {content}, once")
    part = "solution" if workflow.target.solution else "SBE"
    version = workflow.target.solution or workflow.target.sbe
    step = _Step(f"{verb} the {part} update to {version}{warnings}")
    step.children = [_Step(remark, False) for remark in remarks]
    return step


def _guest_updates(wanted: GuestUpdates, budgets: Budgets) -> _Step:
    guests = ", ".join(wanted.guests) or "all managed guests"
    remarks = [
        "look at each guest first; report those that cannot get it, and leave them alone",
        "install in all others at once, by a task of SYSTEM in the guest",
    ]
    if wanted.window is None:
        remarks.append("no guest may restart")
    else:
        opens, lasts = format_duration(wanted.window.opens_after), format_duration(wanted.window.lasts)
        remarks.append(f"restart one guest at a time, between {opens} after the start and {lasts} later")
    remarks.append(f"stuck after {format_duration(budgets.stuck_after)} without progress")
    remarks.append(f"over after {format_duration(budgets.deadline)} at the latest")
    what = "hotpatch" if wanted.window is None else "baseline"
    step = _Step(f"update Windows in {guests} to the {what} of {wanted.month}")
    step.children = [_Step(remark, False) for remark in remarks]
    return step


def _fault_steps(scenario: Scenario) -> list[_Step]:
    if not scenario.faults:
        return []
    tolerated = scenario.tolerates
    nodes = "1 node" if tolerated.nodes_down == 1 else f"{tolerated.nodes_down} nodes"
    resync = "also" if tolerated.resync == "busy" else "not"
    head = f"meanwhile, with at most {nodes} down and {resync} while storage resynchronises"
    return [_Step(head, False, [_fault(fault) for fault in scenario.faults])]


def _fault(fault: Fault) -> _Step:
    step = _Step(f"fault '{fault.id}': {fault.fault} on {fault.target}")
    remarks = [FAULTS[fault.fault].meaning, _moment(fault)]
    if fault.while_ is not None:
        remarks.append(f"only while {fault.while_}")
    if fault.unless is not None:
        remarks.append(f"but not if {fault.unless}")
    if fault.hold:
        remarks.append("hold the event until the fault is in place")
    if fault.precision is not None:
        remarks.append(f"valid only within {format_duration(fault.precision)} of the event")
    remarks += [f"with {key} = {value}" for key, value in fault.parameters]
    remarks.append(f"must be proven active within {format_duration(fault.confirm.within)}")
    if fault.lasts is not None:
        remarks.append(f"revert after {format_duration(fault.lasts)}")
    if fault.until is not None:
        remarks.append(
            f"revert {_when(fault.until.event)}, after {format_duration(fault.until.or_after)} at the latest"
        )
    remarks.append(f"must be recovered from within {format_duration(fault.recover.within)}")
    if fault.rearm:
        remarks.append(f"if the moment is missed: wait for the next, at most {_times(fault.rearm)}")
    step.children = [_Step(remark, False) for remark in remarks]
    return step


def _guide_steps(scenario: Scenario) -> list[_Step]:
    policy = scenario.guides
    if policy is None:
        return []
    step = _Step("when the update stands still, fails or is blocked: collect evidence, diagnose, follow the guide")
    remarks = [f"expect guide '{name}'" for name in policy.expect]
    gates = ", ".join(policy.approve)
    remarks.append(f"approved: {gates} steps" if gates else "destructive steps are not approved")
    remarks.append(f"the update must be at work again within {format_duration(policy.within)}")
    step.children = [_Step(remark, False) for remark in remarks]
    return [step]


def _moment(fault: Fault) -> str:
    if fault.on is not None:
        return _when(fault.on)
    after = fault.after
    if after is None:
        return "at once"
    delay = f"{format_duration(after.delay)} after " if after.delay else "as soon as "
    return f"{delay}fault '{after.fault}' is {after.state}"


def _when(event: EventPattern) -> str:
    match event.kind:
        case "phase.enter":
            what = f"{event.path} begins"
        case "phase.exit":
            what = f"{event.path} ends"
        case _:
            what = EVENTS[event.kind].split(";")[0] + (f" in {event.path}" if event.path else "")
    tests = "".join(f", with {test}" for test in event.tests)
    if event.which == "every":
        return f"whenever {what}{tests}"
    if event.which == "last":
        return f"when {what} for the last time{tests}"
    return f"when {what} for the {_ordinal(event.number)} time{tests}"


def _judgement(scenario: Scenario) -> _Step:
    children = [_Step(f"demand {limit}", False) for limit in scenario.limits]
    children += [
        _Step(f"waive {waiver.finding} until {waiver.expires} ({waiver.owner}: {waiver.reason})", False)
        for waiver in scenario.waivers
    ]
    return _Step("judge the journal", children=children)


def _times(number: int) -> str:
    return {1: "once", 2: "twice"}.get(number, f"{number} times")


def _ordinal(number: int) -> str:
    suffix = "th" if 10 <= number % 100 <= 20 else {1: "st", 2: "nd", 3: "rd"}.get(number % 10, "th")
    return f"{number}{suffix}"
