"""Where a run is, folded from its journal line by line, for a row of the live display and for lines of plain output."""

from __future__ import annotations

import re
from collections.abc import Mapping
from dataclasses import dataclass, field
from datetime import datetime
from typing import Any, Final

from harness.clock import NS_PER_S
from harness.journal import Entry
from harness.judge.guest_updates import DONE

_NODE: Final = re.compile(r"node\[([^\]]+)\]")
_RUNNING: Final = frozenset({"Online", "Running"})  # of the clustered role, of the virtual machine


@dataclass(frozen=True, slots=True)
class News:
    """Something worth a line.  A `mark` (fault, finding, verdict) stays on the screen, a change of phase scrolls by."""

    text: str
    mark: bool = False


@dataclass
class RunView:
    """What is known of one run.  `scenario` is the scenario's id; times of the lab in nanoseconds since its epoch."""

    scenario: str
    run_id: str
    lab: str = ""
    phase: str = "waiting"
    step: str = ""
    node: str = ""
    percent: float | None = None
    verdict: str = ""
    ended: str = ""
    affected: set[str] = field(default_factory=set)
    faults: dict[str, str] = field(default_factory=dict)
    conductor: Mapping[str, Any] | None = None
    instance: str = ""
    _lab_from_ns: int | None = None
    _lab_to_ns: int = 0
    _wall_from: str = ""
    _wall_to: str = ""
    _open: list[str] = field(default_factory=list)
    _has_events: bool = False
    _to_update: int = 0
    _updated: int = 0

    @property
    def lab_s(self) -> float:
        """Lab time since the first line, in seconds."""
        return 0.0 if self._lab_from_ns is None else (self._lab_to_ns - self._lab_from_ns) / NS_PER_S

    def wall_s(self, now: datetime) -> float:
        """Wall time since the first line, in seconds; of a run that ended until its last line."""
        if not self._wall_from:
            return 0.0
        until = datetime.fromisoformat(self._wall_to) if self.verdict or self.ended else now
        return max(0.0, (until - datetime.fromisoformat(self._wall_from)).total_seconds())

    @property
    def position(self) -> str:
        """Phase and step as one text."""
        return f"{self.phase} / {self.step}" if self.step else self.phase

    def take(self, entry: Entry) -> list[News]:
        """One more line of the journal; returns what is worth telling."""
        self._tick(entry)
        data = entry.data
        match entry.what:
            case "header":
                return self._header(data)
            case "attempt.begin":
                return self._begin(data)
            case "attempt.end":
                self.ended = str(data.get("reason", ""))
                return []
            case "stage":
                return self._stage(str(data.get("stage", "")))
            case "event":
                return self._event(data)
            case "update":
                return self._look(data)
            case "cluster":
                self._cluster(data)
                return []
            case "samples":
                self.affected.update(str(row[0]) for row in data.get("runs", ()) if not row[3])
                return []
            case "finding":
                return [News(f"finding {data.get('id')}: {data.get('summary')}", mark=True)]
            case what if what.startswith("guest."):
                return self._guest(what.removeprefix("guest."), data)
            case _:
                return self._fault(entry)

    def _tick(self, entry: Entry) -> None:
        self._wall_to = entry.t_wall
        self._wall_from = self._wall_from or entry.t_wall
        if entry.t_lab_ns is not None:
            self._lab_to_ns = entry.t_lab_ns
            if self._lab_from_ns is None:
                self._lab_from_ns = entry.t_lab_ns

    def _header(self, data: Mapping[str, Any]) -> list[News]:
        self.scenario = str((data.get("scenario") or {}).get("id") or self.scenario)
        self.lab = str((data.get("lab") or {}).get("name") or self.lab)
        self.instance = str((data.get("host") or {}).get("instance") or "")
        return [News(f"on {self.instance}")] if self.instance else []

    def _begin(self, data: Mapping[str, Any]) -> list[News]:
        self.conductor = data.get("host")
        self.ended = ""
        return [News("resumed", mark=True)] if data.get("resumed") else []

    def _stage(self, stage: str) -> list[News]:
        self.phase, self.step, self.node = stage, "", ""
        return [News(stage)] if stage else []

    def _event(self, data: Mapping[str, Any]) -> list[News]:
        """Phases as the lab's event stream tells them; only entering one is news."""
        kind, path = data.get("kind"), str(data.get("path", ""))
        if kind not in ("phase.enter", "phase.exit"):
            return []
        self._has_events = True
        if kind == "phase.enter":
            self._open.append(path)
        elif path in self._open:
            self._open.remove(path)
        deepest = max(reversed(self._open), key=lambda each: each.count("/"), default="")
        if deepest:
            self._place(deepest)
        return [News(self._told())] if kind == "phase.enter" and deepest == path else []

    def _place(self, path: str) -> None:
        """`update/install/cau/node[NODE01]/drain` → phase install, step cau / drain, node NODE01."""
        words = path.removeprefix("update/").split("/")
        found = _NODE.search(path)
        self.node = found[1] if found else ""
        self.phase = words[0]
        self.step = " / ".join(word for word in words[1:] if not _NODE.fullmatch(word))

    def _told(self) -> str:
        return f"{self.position}  {self.node}".rstrip()

    def _look(self, data: Mapping[str, Any]) -> list[News]:
        """A look at the update: the percentage, and the phase where the lab tells no events."""
        self.percent = data.get("percent")
        if self._has_events:
            return []
        step = " / ".join((data.get("step") or {}).get("path") or ())
        before = (self.phase, self.step)
        self.phase, self.step = str(data.get("phase") or self.phase), step
        return [News(self._told())] if (self.phase, self.step) != before else []

    def _cluster(self, data: Mapping[str, Any]) -> None:
        for guest in data.get("guests", ()):
            if (guest.get("state") or {}).get("name") not in _RUNNING:
                self.affected.add(str(guest.get("name")))

    def _guest(self, what: str, data: Mapping[str, Any]) -> list[News]:
        """The update of a guest: how many are done, and what each of them came to."""
        name = str(data.get("guest", ""))
        match what:
            case "begin":
                self.phase, self._to_update, self._updated = "guests", len(data.get("updated", ())), 0
                return [News(f"guests: {self._to_update} of {len(data.get('guests', ()))} get the update")]
            case "install":
                return [self._at(name, f"installs {data.get('kb')}")]
            case "restart":
                return [self._at(name, "restarts")]
            case "done":
                outcome, detail = str(data.get("outcome")), str(data.get("detail"))
                self._updated += outcome in DONE
                self.percent = 100 * self._updated / self._to_update if self._to_update else self.percent
                left = outcome == "left-alone"
                return [News(f"guest {name} {outcome}: {detail}", mark=left or outcome not in DONE)]
            case _:
                return []

    def _at(self, guest: str, does: str) -> News:
        self.step, self.node = does, guest
        return News(f"guest {guest} {does}")

    def _fault(self, entry: Entry) -> list[News]:
        """The life of a fault, as far as the operator wants to see it."""
        name = entry.subject.removeprefix("fault/")
        data = entry.data
        match entry.what:
            case "fault.injected":
                self.faults[name] = "active"
                return [News(f"fault {name} injected into {_target(data.get('target'))}", mark=True)]
            case "fault.recover":
                self.faults[name] = "recovering"
                return [News(f"fault {name} is being reverted ({data.get('why')})", mark=True)]
            case "fault.clean":
                self.faults.pop(name, None)
                return [News(f"fault {name} clean", mark=True)]
            case "fault.missed":
                return [News(f"fault {name} missed its moment: {data.get('why')}", mark=True)]
            case _:
                return []


def _target(target: object) -> str:
    return ", ".join(map(str, target)) if isinstance(target, list) else str(target)
