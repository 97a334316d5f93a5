"""The records of the journal, one method each; the layout is docs/reference/journal.md."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import asdict
from typing import Any

from harness.faults import FaultState, Proof
from harness.journal import SCHEMA, Entry, JournalWriter, Kind
from harness.labs.holder import Holder
from harness.labs.port import Lab
from harness.measure.samples import window_record
from harness.run.job import Job
from harness.run.legs import Handover
from harness.values import Event, SampleWindow, Verdict


def _guest(name: str, classes: Mapping[str, str]) -> str | dict[str, str]:
    """A guest of the header: its name, with its class where it is in one."""
    return {"name": name, "class": classes[name]} if name in classes else name


class Scribe:
    """Writes records in the name of the conductor."""

    def __init__(self, writer: JournalWriter) -> None:
        self._writer = writer

    def redacted(self, content: bytes) -> bytes:
        """File content without known secrets."""
        return self._writer.redactor.raw(content)

    @property
    def seq(self) -> int:
        """Sequence number of the next line."""
        return self._writer.seq

    def _note(self, subject: str, what: str, **data: Any) -> Entry:
        return self._writer.append(Kind.NOTE, "conductor", subject, {"what": what, **data})

    def header(
        self, job: Job, lab: Lab, harness_version: str, budgets: Mapping[str, Mapping[str, Any]] | None = None
    ) -> Entry:
        """Line 1: what is to be proven, where, with which seed and limits; `budgets` are the rows of those limits that
        come from history, by measurement."""
        return self.header_about(job, lab_about(lab), lab.instance, harness_version, budgets)

    def header_about(
        self,
        job: Job,
        about: Mapping[str, Any],
        instance: str,
        harness_version: str,
        budgets: Mapping[str, Mapping[str, Any]] | None = None,
    ) -> Entry:
        """Line 1 with what is known `about` the lab; a leg without a lab repeats what the leg before wrote."""
        me = Holder.me()
        host = {
            "run_id": job.run_id,
            "instance": instance,
            "pid": me.pid,
            "boot_id": me.boot_id,
            "started": me.started,
            "machine": me.host,
        }
        return self._note(
            "run",
            "header",
            schema=SCHEMA,
            harness=harness_version,
            scenario=job.scenario,
            plan=job.plan,
            lab=dict(about),
            seed=job.seed,
            limits=_limits(job.scenario, budgets or {}),
            waivers=job.scenario.get("waivers", []),
            host=host,
        )

    def attempt_begin(self, *, resumed: bool, torn_sha256: str | None, epoch: int) -> Entry:
        """A process took over the run."""
        me = Holder.me()
        host = {"pid": me.pid, "boot_id": me.boot_id, "started": me.started, "epoch": epoch}
        return self._note("run", "attempt.begin", resumed=resumed, torn_sha256=torn_sha256, host=host)

    def attempt_end(self, reason: str, detail: str = "") -> Entry:
        """The process lets go of the run: completed, aborted, detached, lab-lost or error."""
        return self._note("run", "attempt.end", reason=reason, detail=detail)

    def stage(self, stage: str) -> Entry:
        """The run enters one of its stages."""
        return self._note("run", "stage", stage=stage)

    def baseline(self, *, ready: bool, reason: str, versions: Mapping[str, str]) -> Entry:
        """Whether the lab is where the scenario begins."""
        return self._note(
            "lab", "baseline", outcome="ready" if ready else "unreachable", reason=reason, versions=dict(versions)
        )

    def leg_taken_over(self, handover: Handover) -> Entry:
        """The leg goes on where the one before let go."""
        return self._note("run", "leg.taken_over", **handover.plain())

    def leg_handed_over(self, handover: Handover) -> Entry:
        """The leg lets go of lab and update; the next one may begin."""
        return self._note("run", "leg.handed_over", **handover.plain())

    def evidence(self, file: str, sha256: str, size: int, about: str, *, wall_times: bool = False) -> Entry:
        """A file outside the journal."""
        more = {"wall_times": True} if wall_times else {}
        return self._note("run", "evidence", file=file, sha256=sha256, bytes=size, about=about, **more)

    def event(self, event: Event, seen_ns: int) -> Entry:
        """Something the lab saw happen; the lag is what passed until we learned of it."""
        data = {
            "what": "event",
            "number": event.seq,
            "t_ns": event.t_ns,
            "t_err_ns": event.t_err_ns,
            "kind": event.kind,
            "path": event.path,
            "node": event.node,
            "vm": event.vm,
            "source": event.source,
            "attrs": dict(event.attrs),
            "lag_ns": max(0, seen_ns - event.t_ns),
        }
        return self._writer.append(Kind.OBSERVATION, "lab", "event", data)

    def observed(self, node: str, subject: str, what: str, data: Mapping[str, Any]) -> Entry:
        """What `node` said about `subject`."""
        return self._writer.append(Kind.OBSERVATION, f"node/{node}", subject, {"what": what, **data})

    def endpoint(self, node: str, *, reachable: bool, reason: str) -> Entry:
        """A node's management endpoint began or ceased to answer."""
        return self.observed(node, "endpoint", "endpoint", {"node": node, "reachable": reachable, "reason": reason})

    def independence(
        self, guests: Mapping[str, int], silent: Sequence[str], objections: Sequence[str], needs: Mapping[str, int]
    ) -> Entry:
        """Whether this machine leans on the lab; its `needs` are its own, so that equal runs may differ in them."""
        data = {
            "what": "independence",
            "guests": dict(guests),
            "silent": list(silent),
            "objections": list(objections),
            "host": {"needs": dict(needs)},
        }
        return self._writer.append(Kind.OBSERVATION, "conductor", "lab", data)

    def samples(self, window: SampleWindow, interval_ns: int) -> Entry:
        """Availability samples of a window of lab time."""
        return self._writer.append(Kind.SAMPLES, "probe", "guests", window_record(window, interval_ns))

    def start_intent(self, *, key: str, update_id: str, options: Mapping[str, Any], number: int, resume: bool) -> Entry:
        """The update is about to be started or resumed."""
        data = {
            "what": "update.start",
            "key": key,
            "update_id": update_id,
            "options": dict(options),
            "number": number,
            "resume": resume,
        }
        return self._writer.append(Kind.INTENT, "conductor", "update", data)

    def start_effect(self, *, number: int, run_id: str, adopted: bool, node: str) -> Entry:
        """The update runs, as told by the node that started it or by one that found it running."""
        data = {"what": "update.started", "number": number, "run_id": run_id, "adopted": adopted, "node": node}
        return self._writer.append(Kind.EFFECT, "conductor", "update", data)

    def import_intent(
        self, *, key: str, update_id: str, folder: str, node: str, number: int, before: Sequence[str]
    ) -> Entry:
        """Content is about to be imported; `before` is what the list shows now."""
        data = {
            "what": "content.import",
            "key": key,
            "update_id": update_id,
            "folder": folder,
            "node": node,
            "number": number,
            "before": list(before),
        }
        return self._writer.append(Kind.INTENT, "conductor", "content", data)

    def import_effect(self, *, number: int, node: str, error: str) -> Entry:
        """The product has taken it, or refused it with `error`."""
        data = {"what": "content.imported", "number": number, "node": node, "error": error}
        return self._writer.append(Kind.EFFECT, "conductor", "content", data)

    def fault_intent(self, fault_id: str, data: Mapping[str, Any]) -> Entry:
        """A fault is about to be injected; holds the undo record."""
        return self._writer.append(Kind.INTENT, "conductor", f"fault/{fault_id}", {"what": "fault.inject", **data})

    def fault_effect(self, fault_id: str, target: str) -> Entry:
        """The injector has done its part."""
        data = {"what": "fault.injected", "target": target}
        return self._writer.append(Kind.EFFECT, "conductor", f"fault/{fault_id}", data)

    def fault_confirmed(self, fault_id: str, proofs: Sequence[Proof]) -> Entry:
        """The effect is proven by somebody else than the injector."""
        data = {"what": "fault.confirmed", "by": [proof.plain() for proof in proofs]}
        return self._writer.append(Kind.OBSERVATION, "conductor", f"fault/{fault_id}", data)

    def fault_recover(self, fault_id: str, why: str, target: str) -> Entry:
        """The fault is about to be reverted: planned, abort or leftover."""
        data = {"what": "fault.recover", "why": why, "target": target}
        return self._writer.append(Kind.UNDO, "conductor", f"fault/{fault_id}", data)

    def fault_clean(self, fault_id: str, proofs: Sequence[Proof]) -> Entry:
        """The target has healed, with proof."""
        data = {"what": "fault.clean", "by": [proof.plain() for proof in proofs]}
        return self._writer.append(Kind.UNDO, "conductor", f"fault/{fault_id}", data)

    def fault_state(self, fault_id: str, before: FaultState, after: FaultState, why: str) -> Entry:
        """A step in the life of a fault."""
        return self._note(f"fault/{fault_id}", "fault.state", **{"from": before.value, "to": after.value, "why": why})

    def fault_missed(self, fault_id: str, why: str, *, rearmed: bool) -> Entry:
        """The moment passed without the fault."""
        return self._note(f"fault/{fault_id}", "fault.missed", why=why, rearmed=rearmed)

    def guide_trouble(self, number: int, kind: str, summary: str, expected: str, evidence: list[int]) -> Entry:
        """The update is in trouble, and a guide is wanted."""
        return self._note(
            "guide", "guide.trouble", number=number, kind=kind, summary=summary, expected=expected, evidence=evidence
        )

    def guide_diagnosis(
        self,
        number: int,
        expected: str,
        first: str,
        *,
        ambiguous: bool,
        candidates: list[dict[str, Any]],
        follow: dict[str, Any] | None,
    ) -> Entry:
        """Which guides the evidence speaks for, the likeliest first; `follow` is the one that is followed now."""
        return self._note(
            "guide",
            "guide.diagnosis",
            number=number,
            expected=expected,
            first=first,
            ambiguous=ambiguous,
            candidates=candidates,
            follow=follow,
        )

    def guide_step(self, number: int, guide: str, step: str, does: str, nodes: Sequence[str], script: str) -> Entry:
        """A step of a remedy is about to be taken."""
        data = {
            "what": "guide.step",
            "number": number,
            "guide": guide,
            "step": step,
            "does": does,
            "nodes": list(nodes),
            "script": script,
        }
        return self._writer.append(Kind.INTENT, "conductor", "guide", data)

    def guide_step_done(self, number: int, step: str, node: str, error: str) -> Entry:
        """A node has carried it out, or could not."""
        data = {"what": "guide.step.done", "number": number, "step": step, "node": node, "error": error}
        return self._writer.append(Kind.EFFECT, "conductor", "guide", data)

    def guide_verified(self, number: int, matches: list[dict[str, Any]], *, holds: bool, since_ns: int) -> Entry:
        """A look, newer than the remedy, whether it has helped."""
        data = {"what": "guide.verified", "number": number, "matches": matches, "holds": holds, "since_ns": since_ns}
        return self._writer.append(Kind.OBSERVATION, "conductor", "guide", data)

    def guide_done(self, number: int, guide: str, outcome: str) -> Entry:
        """The guide was followed to its end: verified, not-verified, step-failed, not-first, not-approved or
        no-diagnosis."""
        return self._note("guide", "guide.done", number=number, guide=guide, outcome=outcome)

    def guide_recovered(self, number: int, after_ns: int) -> Entry:
        """The update is at work again, `after_ns` after its trouble."""
        return self._note("guide", "guide.recovered", number=number, after_ns=after_ns)

    def guest(self, kind: Kind, guest: str, what: str, data: Mapping[str, Any]) -> Entry:
        """A record about the update of one guest, or of all guests where none is named."""
        actor = f"guest/{guest}" if kind is Kind.OBSERVATION else "conductor"
        about = {"guest": guest} if guest else {}
        return self._writer.append(
            kind, actor, f"guest/{guest}" if guest else "guests", {"what": what, **about, **data}
        )

    def finding(self, finding_id: str, about: str, outcome: Verdict, summary: str, **more: Any) -> Entry:
        """A conclusion drawn while running; the judge weighs it with everything else."""
        data = {
            "what": "finding",
            "id": finding_id,
            "about": about,
            "outcome": outcome.value,
            "summary": summary,
            "at_ns": more.pop("at_ns", None),
            "evidence": more.pop("evidence", []),
            "phase": more.pop("phase", ""),
            "step": more.pop("step", ""),
            "node": more.pop("node", ""),
            "value": more.pop("value", ""),
            "limit": more.pop("limit", ""),
            "attrs": more,
        }
        return self._writer.append(Kind.FINDING, "conductor", "run", data)


def lab_about(lab: Lab) -> dict[str, Any]:
    """What a journal's header says about the lab."""
    return {
        "name": lab.name,
        "kind": lab.kind,
        "clock": "flowing" if lab.clock.flows else "virtual",
        "epoch": lab.clock.epoch.isoformat(),
        "subject": lab.subject.value,
        "machines": lab.machines.value,
        "nodes": list(lab.nodes),
        "guests": [_guest(name, lab.guest_classes) for name in lab.guests],
        "capabilities": sorted(lab.capabilities),
        "sample_interval_ns": lab.sample_interval_ns,
    }


def _limits(scenario: Mapping[str, Any], budgets: Mapping[str, Mapping[str, Any]]) -> list[dict[str, Any]]:
    """The scenario's limits as rows: one for each bound.  A budget that nobody looked up has no value."""
    rows: list[dict[str, Any]] = []
    for name, limit in sorted(scenario.get("limits", {}).items()):
        for sign, word in (("le", "<="), ("ge", ">=")):
            if limit.get(sign) is not None:
                rows.append(
                    {"measurement": name, "op": word, "value": limit[sign], "unit": limit["unit"], "origin": "plan"}
                )
        if limit.get("budget"):
            unknown = {"op": "<=", "value": None, "unit": limit["unit"], "origin": "history: nobody looked it up"}
            rows.append({"measurement": name, **budgets.get(name, unknown)})
    return rows


def plain(value: Any) -> dict[str, Any]:
    """A frozen dataclass as plain data."""
    return asdict(value)
