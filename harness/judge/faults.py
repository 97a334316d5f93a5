"""The faults of a run as the journal tells them, and what is wrong with them as an experiment.

A fault that did not happen as specified proves nothing about the product: the run is inconclusive, never pass.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from dataclasses import dataclass, field, replace
from typing import Any, Final

from harness.journal import Entry, Journal
from harness.values import Finding, Verdict

SUBJECT: Final = "fault/"
HEADER_SEQ: Final = 0
"""The header holds the scenario: the evidence for what it asked and nobody did."""


@dataclass(frozen=True, slots=True)
class FaultEpisode:
    """One injection of a fault, from its intent until it was proven clean.

    Times are lab time in nanoseconds.  `intent_ns` is the earliest moment of any effect.
    """

    id: str
    kind: str
    targets: tuple[str, ...]
    intent_seq: int
    intent_ns: int
    trigger: Mapping[str, Any] = field(default_factory=dict)
    injected_ns: int | None = None
    confirmed_ns: int | None = None
    recover_ns: int | None = None
    clean_ns: int | None = None
    evidence: tuple[int, ...] = ()
    """All lines about this injection."""

    @property
    def lag_ns(self) -> int | None:
        """Time from the trigger's event until the harness saw it; None without trigger."""
        lag = self.trigger.get("lag_ns")
        return None if lag is None else int(lag)

    @property
    def precision_ns(self) -> int | None:
        """Largest lag with which the run is valid; None for any."""
        precision = self.trigger.get("precision_ns")
        return None if precision is None else int(precision)


@dataclass(frozen=True, slots=True)
class MissedFault:
    """A fault whose moment passed."""

    id: str
    seq: int
    t_ns: int
    why: str
    rearmed: bool


def fault_history(journal: Journal) -> tuple[tuple[FaultEpisode, ...], tuple[MissedFault, ...]]:
    """All injections in order, and all missed moments."""
    episodes: list[FaultEpisode] = []
    current: dict[str, int] = {}
    missed: list[MissedFault] = []
    t_ns = 0
    for entry in journal:
        t_ns = entry.t_lab_ns if entry.t_lab_ns is not None else t_ns
        if not entry.subject.startswith(SUBJECT):
            continue
        name = entry.subject.removeprefix(SUBJECT)
        if entry.what == "fault.inject":
            current[name] = len(episodes)
            episodes.append(_episode(name, entry, t_ns))
        elif entry.what == "fault.missed":
            why, rearmed = str(entry.data.get("why") or ""), bool(entry.data.get("rearmed"))
            missed.append(MissedFault(name, entry.seq, t_ns, why, rearmed))
        elif name in current:
            index = current[name]
            episodes[index] = _advance(episodes[index], entry, t_ns)
    return tuple(episodes), tuple(missed)


def _episode(name: str, entry: Entry, t_ns: int) -> FaultEpisode:
    data = entry.data
    return FaultEpisode(
        id=name,
        kind=str(data.get("fault", "")),
        targets=_targets(data.get("target")),
        intent_seq=entry.seq,
        intent_ns=t_ns,
        trigger=dict(data.get("trigger") or {}),
        evidence=(entry.seq,),
    )


def _targets(value: object) -> tuple[str, ...]:
    if isinstance(value, str):
        return (value,)
    return tuple(str(item) for item in value) if isinstance(value, list | tuple) else ()


def _advance(episode: FaultEpisode, entry: Entry, t_ns: int) -> FaultEpisode:
    episode = replace(episode, evidence=(*episode.evidence, entry.seq))
    match entry.what:
        case "fault.injected":
            return replace(episode, injected_ns=t_ns, targets=_targets(entry.data.get("target")) or episode.targets)
        case "fault.confirmed":
            return replace(episode, confirmed_ns=t_ns)
        case "fault.recover":
            return replace(episode, recover_ns=t_ns)
        case "fault.clean":
            return replace(episode, clean_ns=t_ns)
    return episode


def judge_faults(
    episodes: tuple[FaultEpisode, ...],
    missed: tuple[MissedFault, ...],
    planned: tuple[str, ...],
    end_ns: int,
    *,
    completed: bool,
) -> Iterator[Finding]:
    """What makes the faults of a run a bad experiment; `planned` are the ids that the scenario asked for."""
    for episode in episodes:
        yield from _judge_episode(episode)
    injected = {episode.id for episode in episodes}
    reported = {fault.id: fault for fault in missed}
    for name in dict.fromkeys((*planned, *reported)):
        if name in injected or not (completed or name in reported):
            continue
        last = reported.get(name)
        why = last.why if last and last.why else "its trigger never fired"
        yield Finding(
            id="fault-missed",
            about="scenario",
            outcome=Verdict.INCONCLUSIVE,
            summary=f"fault '{name}' was never injected: {why}",
            at_ns=last.t_ns if last else end_ns,
            evidence=(last.seq,) if last else (HEADER_SEQ,),
            attrs={"fault": name},
        )


def _judge_episode(episode: FaultEpisode) -> Iterator[Finding]:
    lag, precision = episode.lag_ns, episode.precision_ns
    if lag is not None and precision is not None and lag > precision:
        yield _finding(
            episode,
            "fault-imprecise",
            f"fault '{episode.id}' came {lag / 1e9:.6g} s after its trigger",
            episode.intent_ns,
            value=f"{lag / 1e9:.6g} s",
            limit=f"{precision / 1e9:.6g} s",
        )
    if episode.confirmed_ns is None:
        subject = ", ".join(episode.targets) or "its target"
        summary = f"no independent source confirmed that fault '{episode.id}' ({episode.kind}) hit {subject}"
        yield _finding(episode, "fault-not-confirmed", summary, episode.intent_ns)
    if episode.clean_ns is None:
        summary = f"fault '{episode.id}' ({episode.kind}) was not proven clean again"
        yield _finding(episode, "fault-not-clean", summary, episode.recover_ns or episode.intent_ns)


def _finding(episode: FaultEpisode, name: str, summary: str, at_ns: int, value: str = "", limit: str = "") -> Finding:
    return Finding(
        id=name,
        about="scenario" if name == "fault-imprecise" else "harness",
        outcome=Verdict.INCONCLUSIVE,
        summary=summary,
        at_ns=at_ns,
        evidence=episode.evidence,
        node=", ".join(episode.targets),
        value=value,
        limit=limit,
        attrs={"fault": episode.id},
    )
