"""An SBE update in memory: a `ScriptedUpdate` whose content must be imported first.

    update = ScriptedSbe(lab, becomes="HasPrerequisite")

The import takes effect after `DISCOVERY_S`, as the list of the product does.
"""

from __future__ import annotations

from collections.abc import Collection, Mapping
from typing import Any, Final

from harness.azurelocal.command import Command
from harness.azurelocal.sbe import ADDITIONAL_CONTENT
from harness.azurelocal.updates import UpdateList, UpdateRow
from harness.errors import ProductError, TransportError
from harness.measure.update_states import STARTABLE_STATES
from harness.testing.lab import ScriptedLab
from harness.testing.update import UPDATE_ID, ScriptedUpdate
from harness.transports.replies import Json
from harness.values import EnumValue
from harness.workflows.port import Proof, Readiness

DISCOVERY_S: Final = 120
FOLDER: Final = "C:\\SBE"
OLD: Final = "4.1.2509.3"
NEW: Final = "4.1.2510.2"
FILES: Final = ("SBE_Discovery_Contoso.xml", f"SBE_Contoso_Gen3_{NEW}.xml", f"SBE_Contoso_Gen3_{NEW}.zip")
OTHER: Final = "SBE_Contoso_Gen4_4.2.2510.1"

PLAN: Final = """\
schema: 1
plan: sample
title: A sample
defaults:
  lab: scripted
  from: {solution: 12.2509.1001.22, sbe: 4.1.2509.3}
  budgets: {poll: 60s, stuck_after: 75m, settle: 30m, deadline: 13h}
scenarios:
  - id: UPD-001
    title: Something
    workflow: {kind: sbe, target: {sbe: 4.1.2510.2}, options: {content: 'C:\\SBE'}}
"""


class ScriptedSbe(ScriptedUpdate):
    """Implements `harness.workflows.port.ContentWorkflow`.

    `becomes`: the state of the row after the import, empty when it vanishes and `OTHER` is listed in its place; None:
    the import changes nothing.  `holders`: nodes that see the files (None: all).  Imports in `loses_import_reply` are
    carried out, but unanswered; those in `loses_import_request` never arrive.  `refuses`: what the product says to
    every import.  `skipped`: nodes that keep the old version.  `imports` holds the node of every import that arrived.
    """

    def __init__(
        self,
        lab: ScriptedLab,
        *,
        becomes: str | None = "Ready",
        holders: Collection[str] | None = None,
        files: tuple[str, ...] = FILES,
        loses_import_reply: Collection[int] = (),
        loses_import_request: Collection[int] = (),
        refuses: str = "",
        skipped: Collection[str] = (),
        content: str | None = FOLDER,
        **update: Any,
    ) -> None:
        super().__init__(lab, **update)
        self.state = ADDITIONAL_CONTENT
        self.content = content
        self.imports: list[str] = []
        self.skipped = set(skipped)
        self._becomes, self._refuses = becomes, refuses
        self._loses_import_reply, self._loses_import_request = set(loses_import_reply), set(loses_import_request)
        self._imports_sent = 0
        seen = files if holders is None else ()
        lab.answers |= {
            "find-content": lambda node: list(files if holders is not None and node in holders else seen),
            "list": lambda node: self._rows(),
            "read-sbe": lambda node: NEW if node in self.done and node not in self.skipped else OLD,
        }

    # --- workflow ----------------------------------------------------------------------------------------------------

    def readiness(self) -> Command[Readiness]:
        """From the list."""
        return Command("readiness", "list", lambda document: self.judge_readiness(_read_list(document)))

    def judge_readiness(self, listed: UpdateList) -> Readiness:
        """Startable or not, without words of its own."""
        row = listed.find(self.update_id)
        state = EnumValue("", None) if row is None else row.state
        ready = state.name in STARTABLE_STATES
        return Readiness(ready, "" if ready else f"it is '{state.name}'", state, "")

    def find_content(self) -> Command[tuple[str, ...]]:
        """The files."""
        return Command("find-content", "find-content", lambda document: tuple(map(str, document)))

    def import_content(self, key: str) -> Command[str]:
        """The import."""
        self._lab.answers[f"import {key}"] = self._import
        return Command("import-content", f"import {key}", str, False)

    def list_updates(self) -> Command[UpdateList]:
        """The list."""
        return Command("list-updates", "list", _read_list)

    def read_extension(self) -> Command[str]:
        """A node's version."""
        return Command("read-sbe", "read-sbe", str)

    def prove(self) -> Command[Proof]:
        """What a node would say."""

        def read(document: Json) -> Proof:
            state = EnumValue(document, None)
            return Proof(state, "12.2509.1001.22", EnumValue("AppliedSuccessfully", None), "RunNotInProgress", {}, NEW)

        return Command("prove", "prove", read)

    # --- product -----------------------------------------------------------------------------------------------------

    def _import(self, node: str) -> Json:
        self._imports_sent += 1
        if self._imports_sent in self._loses_import_request:
            raise TransportError("the connection broke before the request was sent")
        if self._refuses:
            raise ProductError(self._refuses)
        self.imports.append(node)
        if self._becomes is not None and self.state == ADDITIONAL_CONTENT:
            self._lab.do_after(DISCOVERY_S, self._discover)
        if self._imports_sent in self._loses_import_reply:
            raise TransportError("the connection broke before the reply came")
        return "imported"

    def _discover(self) -> None:
        if self.state == ADDITIONAL_CONTENT and self._becomes is not None:
            self.state = self._becomes

    def _rows(self) -> Json:
        if not self.state:
            return [{"id": "redmond/SBE4.2.2510.1", "name": OTHER, "state": "HasPrerequisite"}]
        return [{"id": UPDATE_ID, "name": f"SBE_Contoso_Gen3_{NEW}", "state": self.state}]


def _read_list(document: Json) -> UpdateList:
    def read(row: Mapping[str, Any]) -> UpdateRow:
        return UpdateRow(row["id"], row["name"], EnumValue(row["state"], None), "", "", "SBE", None)

    return UpdateList(EnumValue("UpdateAvailable", None), None, "12.2509.1001.22", OLD, tuple(map(read, document)))
