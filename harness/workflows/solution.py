"""Installing a solution update ([D] ASD update/update-via-powershell-23h2; states [C])."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import asdict, dataclass
from datetime import datetime, timedelta
from typing import Final

from harness.azurelocal import builds, cau, updates
from harness.azurelocal.command import Command
from harness.azurelocal.enums import UNNUMBERED, UPDATE_STATES, read_enum
from harness.azurelocal.updates import ActiveUpdate, UpdateList
from harness.errors import ProductError
from harness.measure.update_states import (
    ACTIVE_STATES,
    STARTABLE_STATES,
    StateClass,
    classify_state,
)
from harness.transports.powershell import fill, script_json
from harness.transports.replies import Json, as_list, as_record, as_text
from harness.values import UpdateObservation
from harness.workflows.port import Proof, Readiness

START_WITHIN_S: Final = 300.0
"""[INF] The start command returns once the run exists; the service behind it may be slow."""

_START: Final = """$key=<<key>>
$u=Get-SolutionUpdate -Id <<id>>
if(-not $u){throw "the update is not listed"}
$u|Start-SolutionUpdate"""

_PROVE: Final = """$e=Get-SolutionUpdateEnvironment
$u=Get-SolutionUpdate -Id <<id>>
@{environment="$($e.State)";version="$($e.CurrentVersion)";sbe="$($e.CurrentSbeVersion)";state="$($u.State)"}"""


@dataclass(frozen=True, slots=True)
class SolutionUpdate:
    """The workflow of one update row.  `nodes` are the cluster's nodes, to recognise them in step names.

    `prepare_only` ends at `ReadyToInstall`.
    """

    update_id: str
    nodes: Sequence[str] = ()
    prepare_only: bool = False
    ignore_warnings: bool = False

    def readiness(self) -> Command[Readiness]:
        """Is the update listed in a startable state, and nothing else at work?"""
        listing = updates.list_updates()
        return Command("readiness", listing.script, lambda document: self.judge_readiness(updates.parse_list(document)))

    def judge_readiness(self, listed: UpdateList) -> Readiness:
        """Readiness from a list of all updates."""
        row = listed.find(self.update_id)
        busy = [other.update_id for other in listed.updates if other.state.name in ACTIVE_STATES]
        reason = ""
        if row is None:
            reason = f"'{self.update_id}' is not listed; listed are {[other.update_id for other in listed.updates]}"
        elif busy:
            reason = f"{busy} is at work"
        elif row.state.name not in STARTABLE_STATES:
            reason = f"'{self.update_id}' is {row.state.name}; it can be started from {list(STARTABLE_STATES)}"
        state = row.state if row else read_enum("", UPDATE_STATES)
        return Readiness(not reason, reason, state, listed.current_version)

    def start(self, key: str) -> Command[str]:
        """Start; on `Ready` it prepares and installs, on `ReadyToInstall` it installs at once ([D])."""
        options = (" -PrepareOnly" if self.prepare_only else "") + (" -IgnoreWarnings" if self.ignore_warnings else "")
        body = fill(_START, key=key, id=self.update_id) + options
        return Command("start-update", script_json(body, depth=2), read_run_id, False, START_WITHIN_S)

    def resume(self, key: str) -> Command[str]:
        """The same command as `start`: on a failed state it resumes or re-runs readiness ([D])."""
        return self.start(key)

    def observe(self) -> Command[UpdateObservation]:
        """One look at environment, update and newest run."""
        return updates.observe_update(self.update_id, self.nodes)

    def find_running(self) -> Command[tuple[ActiveUpdate, ...]]:
        """All updates at work."""
        return updates.find_active()

    def classify(self, observation: UpdateObservation) -> StateClass:
        """What the state means."""
        return classify_state(observation.state.name)

    def prove(self) -> Command[Proof]:
        """Read update, environment and CAU after the end; CAU asks the other nodes ([T]: CredSSP)."""
        script = f"$p=&{{{fill(_PROVE, id=self.update_id)}}}\n$p.cau=&{{{cau.READ_BODY}}}\n$p"
        return Command("prove", script_json(script, depth=7), self.parse_proof, second_hop=True)

    def parse_proof(self, document: Json) -> Proof:
        """The answer to `prove`.  What it means for the verdict is for the judge to say."""
        record = as_record(document)
        status = cau.parse_cau(record.get("cau"))
        report = {"status": status.report_status, "nodes": dict(status.node_statuses)}
        return Proof(
            update_state=read_enum(record.get("state"), UPDATE_STATES),
            current_version=as_text(record.get("version")),
            environment_state=read_enum(record.get("environment"), UNNUMBERED),
            cau_run=status.run or status.error,
            cau_report=report,
            current_sbe_version=as_text(record.get("sbe")),
        )

    def read_build(self) -> Command[str]:
        """The OS build of the node it is sent to."""
        return builds.read_build()


def read_run_id(document: Json) -> str:
    """The run's resource id that the start command printed.  Raises ProductError when it printed none."""
    texts = [as_text(item) for item in as_list(document)]
    found = [text.strip() for text in texts if text.count("/") >= 2]
    if not found:
        raise ProductError(
            f"Start-SolutionUpdate printed {texts}: expected the run's resource id",
            hint="Look for a running update before starting again.",
        )
    return found[-1]


def find_own_run(
    active: Sequence[ActiveUpdate], update_id: str, intended_at: datetime, clock_error: timedelta
) -> ActiveUpdate | None:
    """The active update that our lost start command must have begun, or None.

    It is ours only if the id matches and it began after the intent was journalled, less the error of the two clocks.
    """
    for found in active:
        ours = found.update_id.lower() == update_id.lower()
        if ours and found.started is not None and found.started >= intended_at - clock_error:
            return found
    return None


def final_record(
    proof: Proof, target: str, node_builds: Mapping[str, str], expected_build: str | None
) -> dict[str, Json]:
    """The `final` record of the journal."""
    return {
        "what": "final",
        "update_state": asdict(proof.update_state),
        "current_version": proof.current_version,
        "environment_state": asdict(proof.environment_state),
        "target": target,
        "builds": dict(node_builds),
        "expected_build": expected_build,
        "cau_run": proof.cau_run,
        "cau_report": dict(proof.cau_report),
    }
