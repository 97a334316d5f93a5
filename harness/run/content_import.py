"""Bringing the content that an update asks for: the vendor's files in a folder on a node, imported at most once.

The intent is written first.  What became of an import whose reply is missing is for the product to say: a row that can
be started needs no second import.  The list follows with a discovery ([T] about two minutes), so only a list that has
had its time is taken at its word.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any, Final

from harness.azurelocal.sbe import ADDITIONAL_CONTENT, missing_files
from harness.azurelocal.updates import UpdateList
from harness.clock import NS_PER_S
from harness.errors import ProductError
from harness.labs.port import Lab
from harness.measure.update_states import classify_state
from harness.plan.models import Scenario
from harness.plan.quantity import to_ns
from harness.run.endpoints import Answer, Endpoints
from harness.run.loop import Loop
from harness.run.observer import Observer
from harness.run.scribe import Scribe, plain
from harness.values import Verdict
from harness.workflows.port import ContentWorkflow, HostSide, Readiness, StateClass

SETTLED_AFTER_S: Final = 600
"""Lab time after which the list is taken at its word [INF]: five times the two minutes of a discovery ([T] TSG
Update/Update-missing-after-importing-SBE)."""

IMPORTS_AT_MOST: Final = 2
"""An import whose reply was lost is looked for; only when the product shows no trace of it is it sent again."""


@dataclass(slots=True)
class ImportMemory:
    """What the journal tells a new process about the import."""

    sent: int = 0
    since_ns: int = 0
    """When it was sent, or answered."""
    answered: bool = False
    error: str = ""
    """What the product answered instead of taking it; it may have taken it all the same, as after a time-out."""
    before: tuple[str, ...] = ()
    """The list as it was before."""


class ContentImport:
    """Imports the content of one update and waits until it can be started."""

    def __init__(
        self,
        workflow: ContentWorkflow,
        scenario: Scenario,
        lab: Lab,
        loop: Loop,
        endpoints: Endpoints,
        observer: Observer,
        scribe: Scribe,
        memory: ImportMemory,
    ) -> None:
        self._workflow, self._scenario = workflow, scenario
        self._lab, self._loop = lab, loop
        self._endpoints, self._observer, self._scribe = endpoints, observer, scribe
        self.memory = memory
        self._ready: bool | None = None

    def is_wanted(self, readiness: Readiness) -> bool:
        """Does the update wait for content that the plan names, or was an import begun by an earlier process?"""
        waits = readiness.state.name == ADDITIONAL_CONTENT
        return not readiness.ready and (self.memory.sent > 0 or (waits and self._workflow.content is not None))

    @property
    def over(self) -> bool:
        """Is there nothing left to wait for?"""
        return self._ready is not None

    @property
    def ready(self) -> bool:
        """Can the update be started now?  When not, a finding says why."""
        return bool(self._ready)

    def begin(self) -> None:
        """Look for the files, import them, and watch the list until `over`."""
        self._scribe.stage("import")
        if self.memory.sent:
            self._look()
        else:
            self._find(self._observer.candidates(), {})

    # --- the files ---------------------------------------------------------------------------------------------------

    def _find(self, nodes: Sequence[str], seen: dict[str, tuple[str, ...]]) -> None:
        """Ask one node after another, until one sees all three files."""
        if not nodes:
            self._no_files(seen)
            return
        node = nodes[0]

        def told(answer: Answer | None) -> None:
            if answer is None:
                self._find(nodes[1:], seen)
                return
            missing = missing_files(answer.value)
            self._scribe.observed(
                node, "content", "content.files", {"folder": self._workflow.content, "files": list(answer.value)}
            )
            if missing:
                self._find(nodes[1:], {**seen, node: missing})
            else:
                self._list_before(node)

        self._observer.ask_any(self._workflow.find_content(), [node], told, hedged=False)

    def _no_files(self, seen: dict[str, tuple[str, ...]]) -> None:
        nodes = ", ".join(seen) or "no node"
        missing = ", ".join(dict.fromkeys(form for forms in seen.values() for form in forms))
        lacks = f"lacks {missing} as seen by {nodes}" if seen else "was seen by no node: none answers"
        self._give_up(
            "content-missing",
            f"'{self._workflow.update_id}' is {ADDITIONAL_CONTENT}, but the folder '{self._workflow.content}' {lacks}; "
            "put the vendor's three files there",
        )

    # --- the import --------------------------------------------------------------------------------------------------

    def _list_before(self, node: str) -> None:
        def told(answer: Answer | None) -> None:
            if answer is None:
                self._give_up(
                    "content-lost", "the list of updates cannot be read before the import; nothing was imported"
                )
                return
            self._note_list(answer)
            self._import(node, rows_of(answer.value))

        self._observer.ask_any(self._workflow.list_updates(), self._observer.candidates(), told)

    def _import(self, node: str, before: tuple[str, ...]) -> None:
        memory = self.memory
        number = memory.sent + 1
        key = f"{self._scenario.id}/import/{number}"
        self._scribe.import_intent(
            key=key,
            update_id=self._workflow.update_id,
            folder=self._workflow.content or "",
            node=node,
            number=number,
            before=before,
        )
        memory.sent, memory.answered, memory.error, memory.before = number, False, "", before
        memory.since_ns = self._lab.clock.now_ns()
        self._endpoints.ask(node, self._workflow.import_content(key), self._answered)

    def _answered(self, answer: Answer) -> None:
        self._observer.note_contact(answer)
        if answer.error is None or isinstance(answer.error, ProductError):
            error = "" if answer.error is None else str(answer.error)
            self._scribe.import_effect(number=self.memory.sent, node=answer.node, error=error)
            self.memory.answered, self.memory.error = True, error
            self.memory.since_ns = self._lab.clock.now_ns()
        # Without a reply, or with an error, the command may have run all the same: the list tells.
        self._look()

    # --- its effect --------------------------------------------------------------------------------------------------

    def _look(self) -> None:
        if not self.over:
            self._observer.ask_any(self._workflow.list_updates(), self._observer.candidates(), self._seen)

    def _seen(self, answer: Answer | None) -> None:
        if answer is not None:
            self._note_list(answer)
            readiness = self._workflow.judge_readiness(answer.value)
            if readiness.ready:
                self._scribe.observed(answer.node, "readiness", "readiness", plain(readiness))
                self._ready = True
                return
            if self._settled():
                self._conclude(answer, readiness)
                return
        elif self._settled(twice=True):
            self._give_up("content-lost", "after the import of the content no node can say what is listed")
            return
        due_ns = self._lab.clock.now_ns() + to_ns(self._scenario.budgets.poll)
        self._loop.agenda.plan(due_ns, "look for the imported content", self._look)

    def _settled(self, *, twice: bool = False) -> bool:
        return self._lab.clock.now_ns() - self.memory.since_ns >= SETTLED_AFTER_S * (1 + twice) * NS_PER_S

    def _conclude(self, answer: Answer, readiness: Readiness) -> None:
        """The list has had its time, and the update can still not be started."""
        no_trace = not self.memory.answered and readiness.state.name == ADDITIONAL_CONTENT
        if no_trace and self.memory.sent < IMPORTS_AT_MOST:
            self._find(self._observer.candidates(), {})
            return
        if no_trace:
            self._give_up(
                "content-lost", "the import of the content got no answer, and the product shows no trace of it"
            )
            return
        if classify_state(readiness.state.name) is StateClass.RUNNING:
            self._give_up("foreign-run", f"an update that is not ours is under way: {readiness.reason}")
            return
        if self.memory.error:
            folder = self._workflow.content
            self._give_up("content-refused", f"the product did not take the content in '{folder}': {self.memory.error}")
            return
        now, before = rows_of(answer.value), self.memory.before
        said = f"is {readiness.state.name}" if readiness.state.name else "is not listed any more"
        update = self._workflow.update_id
        self._give_up(
            "content-wrong",
            f"after the import of '{self._workflow.content}' the update '{update}' {said}: the list showed "
            f"{', '.join(before) or 'nothing'}, and shows {', '.join(now) or 'nothing'} now. Wrong content (an older "
            "SBE, or one of another family) hides what was listed: import the one that was asked for. Nothing was "
            "installed",
            value=", ".join(now),
            limit=f"{update} Ready",
        )

    # --- inner steps -------------------------------------------------------------------------------------------------

    def _note_list(self, answer: Answer) -> None:
        listed: UpdateList = answer.value
        rows: list[dict[str, Any]] = [
            {"id": row.update_id, "name": row.display_name, "state": plain(row.state)} for row in listed.updates
        ]
        self._scribe.observed(answer.node, "content", "content.list", {"updates": rows})

    def _give_up(self, finding: str, summary: str, **more: str) -> None:
        """The lab's or its operator's doing, never the product's."""
        self._scribe.finding(finding, "lab", Verdict.LAB, summary, at_ns=self._lab.clock.now_ns(), **more)
        self._ready = False


def content_import_of(
    workflow: HostSide,
    scenario: Scenario,
    lab: Lab,
    loop: Loop,
    endpoints: Endpoints,
    observer: Observer,
    scribe: Scribe,
    memory: ImportMemory,
) -> ContentImport | None:
    """The import for a workflow that can have one, None for any other."""
    if not isinstance(workflow, ContentWorkflow):
        return None
    return ContentImport(workflow, scenario, lab, loop, endpoints, observer, scribe, memory)


def rows_of(listed: UpdateList) -> tuple[str, ...]:
    """What is not behind the cluster, as `ft DisplayName, State` shows it: installed and superseded rows left out."""
    return tuple(
        f"{row.display_name or row.update_id} {row.state.name}"
        for row in listed.updates
        if row.state.name not in ("Installed", "Obsolete", "Recalled")
    )
