"""Solution updates: environment, update rows and runs ([D] ASD update/update-via-powershell-23h2; properties [C], [T]).

All `*-SolutionUpdate*` cmdlets are clients of one clustered service: they fail together while it moves or is being
updated.
"""

from __future__ import annotations

import re
from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from datetime import datetime
from typing import Final

from harness.azurelocal.command import Command
from harness.azurelocal.enums import RUN_STATES, UNNUMBERED, UPDATE_STATES, read_enum, read_enum_or_none
from harness.measure.update_states import ACTIVE_STATES, phase_of
from harness.transports.powershell import fill, script_json
from harness.transports.replies import Json, as_list, as_number, as_record, as_text, as_time
from harness.values import EnumValue, StepStatus, UpdateObservation

MAX_STEP_DEPTH: Final = 9
"""[INF] Levels of the step tree asked for with -MaxDepth; observed action plans nest less deeply."""
_JSON_DEPTH: Final = 2 * MAX_STEP_DEPTH + 4
_OPEN_STATUSES: Final = ("InProgress", "Error")
_PERCENT: Final = re.compile(r"(\d+(?:\.\d+)?)\s*%")

_OBSERVE: Final = """function Read-Step($s){@{name=$s.Name;status="$($s.Status)";error=$s.ErrorMessage
steps=@($s.Steps|Where-Object{$_.Status -in <<open>>}|ForEach-Object{Read-Step $_})}}
$e=Get-SolutionUpdateEnvironment
$u=Get-SolutionUpdate -Id <<id>>
if($u){$r=$u|Get-SolutionUpdateRun -MaxDepth <<depth>>|Sort-Object TimeStarted|Select-Object -Last 1}
$d=@{env=@{state="$($e.State)";health="$($e.HealthState)";version="$($e.CurrentVersion)"}}
if($u){$d.update=@{id=$u.ResourceId;state="$($u.State)";health="$($u.HealthState)";progress=$u.UpdateStateProperties}}
if($r){$d.run=@{id=$r.ResourceId;state="$($r.State)";progress=Read-Step $r.Progress}}
$d"""

_LIST: Final = """@{env=Get-SolutionUpdateEnvironment|ForEach-Object{
@{state="$($_.State)";health="$($_.HealthState)";version="$($_.CurrentVersion)";sbe="$($_.CurrentSbeVersion)"}}
updates=@(Get-SolutionUpdate|ForEach-Object{
@{id=$_.ResourceId;name=$_.DisplayName;state="$($_.State)";health="$($_.HealthState)"
version="$($_.Version)";sbe="$($_.SbeVersion)";kind="$($_.PackageType)"}})}"""

_FIND: Final = """@(Get-SolutionUpdate|Where-Object{"$($_.State)" -in <<active>>}|ForEach-Object{$u=$_
$r=$u|Get-SolutionUpdateRun -MaxDepth 1|Sort-Object TimeStarted|Select-Object -Last 1
@{id=$u.ResourceId;state="$($u.State)";run=$r.ResourceId;started=$r.TimeStarted;run_state="$($r.State)"}})"""

_RUNS: Final = """$u=Get-SolutionUpdate -Id <<id>>
@(if($u){$u|Get-SolutionUpdateRun -MaxDepth 1|Sort-Object TimeStarted|ForEach-Object{
@{id=$_.ResourceId;state="$($_.State)";started=$_.TimeStarted}}})"""


@dataclass(frozen=True, slots=True)
class UpdateRow:
    """One row of Get-SolutionUpdate."""

    update_id: str
    display_name: str
    state: EnumValue
    version: str
    sbe_version: str
    package_type: str
    health_state: EnumValue | None


@dataclass(frozen=True, slots=True)
class UpdateList:
    """The environment's summary and all listed updates."""

    environment_state: EnumValue
    health_state: EnumValue | None
    current_version: str
    current_sbe_version: str
    updates: tuple[UpdateRow, ...]

    def find(self, update_id: str) -> UpdateRow | None:
        """The row with that resource id (compared without case), or None."""
        return next((row for row in self.updates if row.update_id.lower() == update_id.lower()), None)


@dataclass(frozen=True, slots=True)
class ActiveUpdate:
    """An update in an active state with its newest run; `started` is the product's own UTC."""

    update_id: str
    state: EnumValue
    run_id: str | None
    run_state: EnumValue | None
    started: datetime | None


@dataclass(frozen=True, slots=True)
class UpdateRunRow:
    """One run of an update; `started` is the product's own UTC."""

    run_id: str
    state: EnumValue
    started: datetime | None


def observe_update(update_id: str, nodes: Sequence[str] = ()) -> Command[UpdateObservation]:
    """Environment, one update and its newest run with the open steps, in one look.

    `nodes` are the names by which the observation's `node` is recognised in step names.
    """
    body = fill(_OBSERVE, open=list(_OPEN_STATUSES), id=update_id, depth=MAX_STEP_DEPTH)
    return Command(
        "observe-update",
        script_json(body, depth=_JSON_DEPTH),
        lambda document: parse_observation(document, update_id, nodes),
    )


def list_updates() -> Command[UpdateList]:
    """The environment and every listed update.  Discovery is asynchronous: a first list may be short ([D])."""
    return Command("list-updates", script_json(_LIST, depth=4), parse_list)


def find_active() -> Command[tuple[ActiveUpdate, ...]]:
    """Updates in an active state, each with its newest run; at most one is expected ([D])."""
    body = fill(_FIND, active=list(ACTIVE_STATES))
    return Command("find-active-updates", script_json(body, depth=4), parse_active)


def list_runs(update_id: str) -> Command[tuple[UpdateRunRow, ...]]:
    """All runs of one update, the oldest first: an update owns one for each start and resume ([D])."""
    return Command("list-update-runs", script_json(fill(_RUNS, id=update_id), depth=4), parse_runs)


def parse_runs(document: Json) -> tuple[UpdateRunRow, ...]:
    """The answer to `list_runs`."""
    rows = (as_record(row) for row in as_list(document))
    return tuple(
        UpdateRunRow(as_text(row.get("id")), read_enum(row.get("state"), RUN_STATES), as_time(row.get("started")))
        for row in rows
    )


def parse_observation(document: Json, update_id: str, nodes: Iterable[str] = ()) -> UpdateObservation:
    """The observation in the answer to `observe_update`; an empty state name means that the update is not listed."""
    record = as_record(document)
    environment, update, run = (as_record(record.get(key)) for key in ("env", "update", "run"))
    state = read_enum(update.get("state"), UPDATE_STATES)
    step = deepest_open_step(run.get("progress"))
    return UpdateObservation(
        update_id=as_text(update.get("id")) or update_id,
        state=state,
        phase=str(phase_of(state.name)),
        percent=read_percent(update.get("progress")),
        run_id=as_text(run.get("id")) or None,
        run_state=read_enum_or_none(run.get("state"), RUN_STATES),
        step=step,
        current_version=as_text(environment.get("version")),
        environment_state=read_enum_or_none(environment.get("state"), UNNUMBERED),
        health_state=read_enum_or_none(update.get("health"), UNNUMBERED),
        node=_find_node(step, nodes),
    )


def parse_list(document: Json) -> UpdateList:
    """The answer to `list_updates`."""
    record = as_record(document)
    environment = as_record(record.get("env"))
    rows = (as_record(row) for row in as_list(record.get("updates")))
    return UpdateList(
        environment_state=read_enum(environment.get("state"), UNNUMBERED),
        health_state=read_enum_or_none(environment.get("health"), UNNUMBERED),
        current_version=as_text(environment.get("version")),
        current_sbe_version=as_text(environment.get("sbe")),
        updates=tuple(
            UpdateRow(
                update_id=as_text(row.get("id")),
                display_name=as_text(row.get("name")),
                state=read_enum(row.get("state"), UPDATE_STATES),
                version=as_text(row.get("version")),
                sbe_version=as_text(row.get("sbe")),
                package_type=as_text(row.get("kind")),
                health_state=read_enum_or_none(row.get("health"), UNNUMBERED),
            )
            for row in rows
        ),
    )


def parse_active(document: Json) -> tuple[ActiveUpdate, ...]:
    """The answer to `find_active`."""
    rows = (as_record(row) for row in as_list(document))
    return tuple(
        ActiveUpdate(
            update_id=as_text(row.get("id")),
            state=read_enum(row.get("state"), UPDATE_STATES),
            run_id=as_text(row.get("run")) or None,
            run_state=read_enum_or_none(row.get("run_state"), RUN_STATES),
            started=as_time(row.get("started")),
        )
        for row in rows
    )


def read_percent(value: Json) -> float | None:
    """Percent from UpdateStateProperties: `37% complete.`, or an object with ProgressPercentage ([C] ARM)."""
    record = as_record(value)
    if record:
        return as_number(record.get("ProgressPercentage", record.get("progressPercentage")))
    match = _PERCENT.search(as_text(value))
    return float(match.group(1)) if match else None


def deepest_open_step(progress: Json) -> StepStatus | None:
    """The deepest step in progress or failed below the root of a run's step tree; a failed one wins.

    Of several equally deep ones the last counts: steps run in order.  Keys are accepted in the product's spelling too.
    """
    best: tuple[tuple[bool, int], StepStatus] | None = None
    todo: list[tuple[tuple[str, ...], Json]] = [((), step) for step in _children(progress)]
    while todo:
        above, raw = todo.pop(0)
        step = as_record(raw)
        status = as_text(step.get("status", step.get("Status")))
        if status not in _OPEN_STATUSES:
            continue
        name = as_text(step.get("name", step.get("Name"))) or as_text(step.get("Description")) or "(unnamed)"
        path = (*above, name)
        error = as_text(step.get("error", step.get("ErrorMessage"))).strip()
        rank = (status == "Error", len(path))
        if best is None or rank >= best[0]:
            best = (rank, StepStatus(path, status, error))
        todo += [(path, child) for child in _children(step)]
    return best[1] if best else None


def _children(step: Json) -> list[Json]:
    record = as_record(step)
    return as_list(record.get("steps", record.get("Steps")))


def _find_node(step: StepStatus | None, nodes: Iterable[str]) -> str | None:
    """The node that the deepest possible step name mentions as a whole word."""
    if step is None:
        return None
    for name in reversed(step.path):
        for node in nodes:
            if re.search(rf"(?<![\w-]){re.escape(node)}(?![\w-])", name, re.IGNORECASE):
                return node
    return None
