"""An update in memory: workflow and product in one, on a `ScriptedLab`.

    lab = ScriptedLab()
    update = ScriptedUpdate(lab, fails={1: "NODE02"}, loses_reply={1})

The product prepares, then takes the nodes one after another: drain, reboot (the node is down and does not answer),
resume; an attempt may fail or hang in the turn of a node, and is resumed there.
"""

from __future__ import annotations

from collections.abc import Collection, Mapping
from datetime import timedelta
from typing import Any, Final

from harness.azurelocal.command import Command
from harness.clock import NS_PER_S, lab_utc, utc_text
from harness.errors import TransportError
from harness.measure.update_states import StateClass, classify_state, phase_of
from harness.testing.lab import ScriptedLab
from harness.transports.replies import Json, as_time
from harness.values import EnumValue, StepStatus, UpdateObservation
from harness.workflows.port import ActiveUpdate, Proof, Readiness

UPDATE_ID: Final = "redmond/Solution12.2510.1002.94"
PREPARE_S: Final = 120
DRAIN_S: Final = 60
REBOOT_S: Final = 120
TARGET: Final = "12.2510.1002.94"


class ScriptedUpdate:
    """Implements `harness.workflows.port.Workflow`.

    `fails` and `hangs` name, by number of the start, the node in whose turn the attempt fails or stops moving.  Starts
    in `loses_reply` are carried out, but unanswered; starts in `loses_request` never arrive.  `foreign`: an update of
    somebody else is at work.  `starts` holds the key and lab time of every start that arrived.
    """

    def __init__(
        self,
        lab: ScriptedLab,
        *,
        fails: Mapping[int, str] | None = None,
        hangs: Mapping[int, str] | None = None,
        loses_reply: Collection[int] = (),
        loses_request: Collection[int] = (),
        foreign: str | None = None,
    ) -> None:
        self.update_id = UPDATE_ID
        self.state = "Ready"
        self.starts: list[tuple[str, int]] = []
        self.done: list[str] = []
        self.listed_after_s = 0.0
        self.error = ""
        """What the step says that has failed."""
        self._lab = lab
        self._fails, self._hangs = dict(fails or {}), dict(hangs or {})
        self._loses_reply, self._loses_request = set(loses_reply), set(loses_request)
        self._foreign = foreign
        self._sent = 0
        self._step = ""
        lab.answers |= {
            "observe": lambda node: self._tell(),
            "find-running": lambda node: self._tell_active(),
            "prove": lambda node: self.state,
            "read-build": lambda node: "26100.6899",
        }

    # --- workflow ----------------------------------------------------------------------------------------------------

    def readiness(self) -> Command[Readiness]:
        """Always ready."""
        return Command("readiness", "ready", lambda document: Readiness(True, "", EnumValue(self.state, None), ""))

    def start(self, key: str) -> Command[str]:
        """Start, or resume, the update."""
        self._lab.answers[f"start {key}"] = lambda node: self._start(key)
        return Command("start-update", f"start {key}", str, False)

    def resume(self, key: str) -> Command[str]:
        """As `start`."""
        return self.start(key)

    def observe(self) -> Command[UpdateObservation]:
        """One look."""
        return Command("observe-update", "observe", self._read)

    def find_running(self) -> Command[tuple[ActiveUpdate, ...]]:
        """What is at work."""
        return Command("find-active-updates", "find-running", _read_active)

    def classify(self, observation: UpdateObservation) -> StateClass:
        """What the state means."""
        return classify_state(observation.state.name)

    def prove(self) -> Command[Proof]:
        """What a node would say."""

        def read(document: Json) -> Proof:
            return Proof(
                EnumValue(document, None), TARGET, EnumValue("AppliedSuccessfully", None), "RunNotInProgress", {}
            )

        return Command("prove", "prove", read)

    def read_build(self) -> Command[str]:
        """A node's build."""
        return Command("read-build", "read-build", str)

    # --- product -----------------------------------------------------------------------------------------------------

    @property
    def run_id(self) -> str:
        """Id of the newest run."""
        return f"{UPDATE_ID}/runs/{len(self.starts)}"

    def _start(self, key: str) -> str:
        self._sent += 1
        if self._sent in self._loses_request:
            raise TransportError("the connection broke before the request was sent")
        self.starts.append((key, self._lab.clock.t_ns))
        self._enter("Installing" if self.done or self.state == "InstallationFailed" else "Preparing")
        self._lab.do_after(PREPARE_S, self._install)
        if self._sent in self._loses_reply:
            raise TransportError("the connection broke before the reply came")
        return self.run_id

    def _enter(self, state: str) -> None:
        self.state = state
        self._lab.say("phase.enter", f"update/{phase_of(state)}")

    def _install(self) -> None:
        if self.state != "Installing":
            self._enter("Installing")
        self._next_turn()

    def _next_turn(self) -> None:
        waiting = [node for node in self._lab.nodes if node not in self.done]
        if not waiting:
            self._step = ""
            self._enter("Installed")
            return
        node, attempt = waiting[0], len(self.starts)
        if not self._lab.cluster[node].powered:
            self._lab.do_after(DRAIN_S, self._next_turn)
            return
        self._step = f"update {node}"
        if self._hangs.get(attempt) == node:
            return
        self._enter_step(node, "drain")
        self._lab.set_state(node, "Paused")
        self._lab.do_after(
            DRAIN_S, lambda: self._fail(node) if self._fails.get(attempt) == node else self._reboot(node)
        )

    def _enter_step(self, node: str, step: str) -> None:
        self._lab.say("phase.enter", f"update/install/cau/node[{node}]/{step}", node)

    def _exit_step(self, node: str, step: str) -> None:
        self._lab.say("phase.exit", f"update/install/cau/node[{node}]/{step}", node, status="ok")

    def _fail(self, node: str) -> None:
        self._exit_step(node, "drain")
        self._lab.set_state(node, "Up")
        self._enter("InstallationFailed")

    def _reboot(self, node: str) -> None:
        self._exit_step(node, "drain")
        self._enter_step(node, "reboot")
        self._lab.do_after(1, lambda: self._go_down(node))

    def _go_down(self, node: str) -> None:
        self._lab.cluster[node].serving = False
        self._lab.set_state(node, "Down")
        self._lab.do_after(REBOOT_S, lambda: self._come_back(node))

    def _come_back(self, node: str) -> None:
        self._lab.cluster[node].serving = True
        self._exit_step(node, "reboot")
        self._enter_step(node, "resume")
        if self._lab.cluster[node].powered:
            self._lab.set_state(node, "Up")
        self._exit_step(node, "resume")
        self.done.append(node)
        self._next_turn()

    # --- what it tells -----------------------------------------------------------------------------------------------

    def _tell(self) -> Json:
        percent = 100 * len(self.done) // len(self._lab.nodes)
        run = self.run_id if self.starts else None
        return {"state": self.state, "percent": percent, "run": run, "step": self._step, "error": self.error}

    def _tell_active(self) -> Json:
        found: list[dict[str, Any]] = []
        if self._foreign is not None:
            found.append({"id": self._foreign, "run": f"{self._foreign}/runs/1", "started": "2025-01-01T00:00:00Z"})
        if self.starts and classify_state(self.state) is StateClass.RUNNING:
            began_ns = self.starts[-1][1]
            listed = self._lab.clock.t_ns - began_ns >= self.listed_after_s * NS_PER_S
            started = utc_text(lab_utc(self._lab.clock.epoch, began_ns) + timedelta(seconds=1))
            found.append(
                {"id": UPDATE_ID, "run": self.run_id if listed else None, "started": started if listed else None}
            )
        return found

    def _read(self, document: Json) -> UpdateObservation:
        state = EnumValue(document["state"], None)
        failed = document["error"] if state.name.endswith("Failed") else ""
        step = None
        if document["step"]:
            step = StepStatus((document["step"],), "Error" if failed else "InProgress", failed)
        return UpdateObservation(
            UPDATE_ID,
            state,
            str(phase_of(state.name)),
            float(document["percent"]),
            document["run"],
            None,
            step,
            "",
            None,
            None,
        )


def _read_active(document: Json) -> tuple[ActiveUpdate, ...]:
    def read(row: Mapping[str, Any]) -> ActiveUpdate:
        return ActiveUpdate(row["id"], EnumValue("Installing", None), row["run"], None, as_time(row["started"]))

    return tuple(map(read, document))
