"""What `ledger.json` says of guests, read with defaults: older documents lack states, conditions, classes and edges.

The fused states are those of harness/measure: `up`, `brown`, `frozen`, `isolated`, `down`, `restarted`, `unobserved`
([D] faults-and-availability 5.3).  A gap is a time in one of frozen, isolated, down and restarted; a condition is a
time in which the guest ran, and something about it was not well.
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from typing import Any, Final

from harness.judge.phases import PhaseSpan
from harness.measure.gaps import STATE_OF, Cause
from harness.measure.ledger import ALL_GUESTS

Plain = Mapping[str, Any]

BROWN: Final = "brown"
SERVICE: Final = ("service-down", "connections-broken")
PATH: Final = ("filtered", "unreachable", "path")

CONDITIONS: Final = {
    BROWN: "slow (brownout)",
    "service-down": "service down, guest answers",
    "connections-broken": "kept connections broken",
    "filtered": "one way of asking filtered",
    "unreachable": "unreachable",
    "path": "path trouble",
}
"""Kinds of conditions in words."""

CAUSES: Final = frozenset(each.value for each in Cause)
LOOKS: Final = {"frozen": "frozen", "isolated": "isolated", "restarted": "restart", "down": "down"}
"""Looks of gaps by their state, for causes that are not known here."""


@dataclass(frozen=True, slots=True)
class Blind:
    """A time in which the measuring side saw nothing, and why (empty where the document does not say)."""

    start_ns: int
    end_ns: int
    reason: str = ""


def blind_spans(ledger: Plain) -> tuple[Blind, ...]:
    """The unobserved times of a ledger: pairs in older documents, with a reason in newer ones."""
    found = []
    for each in ledger.get("unobserved") or ():
        if isinstance(each, Mapping):
            found.append(Blind(int(each["start_ns"]), int(each["end_ns"]), str(each.get("reason") or "")))
        else:
            start_ns, end_ns = each
            found.append(Blind(int(start_ns), int(end_ns)))
    return tuple(found)


def conditions_of(vm: Plain) -> Sequence[Plain]:
    """The conditions of a guest, in order of time."""
    return tuple(vm.get("conditions") or ())


def troubled(vm: Plain) -> bool:
    """Has the guest a gap or a condition?"""
    return bool(vm["gaps"] or vm.get("conditions"))


def state_of(gap: Plain) -> str:
    """Fused state of a gap: by its cause in documents that do not name the state."""
    told, cause = gap.get("state"), str(gap["cause"])
    return str(told) if told else STATE_OF[Cause(cause)].value if cause in CAUSES else ""


def look_of(gap: Plain) -> str:
    """How a gap looks: by its cause, which tells more than its state (a live migration apart from other freezes, a gap
    of which nothing is known apart from a guest that is down)."""
    cause = str(gap["cause"])
    return f"gap-{cause if cause in CAUSES else LOOKS.get(state_of(gap), Cause.UNKNOWN.value)}"


def signals_of(row: Plain) -> tuple[str, ...]:
    """The signals that a gap or condition rests on."""
    return tuple(str(each) for each in row.get("signals") or ())


def phase_of(row: Plain, phases: Iterable[PhaseSpan]) -> str:
    """Phase in which a gap or condition began: as the document says, else the deepest that was open."""
    if row.get("phase"):
        return str(row["phase"])
    start_ns = row["start_ns"]
    found = ""
    for span in phases:
        inside = span.start_ns <= start_ns and (span.end_ns is None or start_ns < span.end_ns)
        if inside and span.path.count("/") >= found.count("/"):
            found = span.path
    return found


def end_of(row: Plain, ledger: Plain) -> int:
    """Where a gap or condition ends; one whose end was not seen lasts until sampling ended."""
    return int(ledger["to_ns"] if row.get("end_ns") is None else row["end_ns"])


def choices_of(ledger: Plain) -> tuple[tuple[str, str], ...]:
    """Id and words of the boxes above a timeline: what of the guests can be left out, of what there is."""
    gaps = [gap for vm in ledger["vms"] for gap in vm["gaps"]]
    there = (
        ("show-migrations", "live migrations", any(gap["cause"] == "live-migration" for gap in gaps)),
        ("show-explained", "gaps that a fault explains", any(gap["explained_by"] for gap in gaps)),
        ("show-troubles", "slow VMs and troubles", any(conditions_of(vm) for vm in ledger["vms"])),
    )
    return tuple((name, words) for name, words, found in there if found)


def classes_of(ledger: Plain) -> tuple[Plain, ...]:
    """Count, longest gap, total of the worst guest, and least coverage of each class of guests, worst class first;
    reckoned where the document lacks it."""
    told = ledger.get("classes")
    rows: list[Plain] = list(told) if told else [summed(name, vms) for name, vms in by_class(ledger).items()]
    return tuple(sorted(rows, key=lambda row: (-row["longest_ns"], -row["total_ns"], row["class"])))


def by_class(ledger: Plain) -> dict[str, list[Plain]]:
    """Guests by class; the empty name where the document names none."""
    found: dict[str, list[Plain]] = {}
    for vm in ledger["vms"]:
        found.setdefault(class_of(vm), []).append(vm)
    return found


def class_of(row: Plain) -> str:
    """The class of a guest, or the name of a class; empty where all guests are of one."""
    name = str(row.get("class") or "")
    return "" if name == ALL_GUESTS else name


def summed(name: str, vms: Sequence[Plain]) -> Plain:
    """The same of any guests: gaps in number, the longest, the total of the worst guest, the least coverage."""
    return {
        "class": name,
        "vms": len(vms),
        "count": sum(vm["count"] for vm in vms),
        "longest_ns": max((vm["longest_ns"] for vm in vms), default=0),
        "total_ns": max((vm["total_ns"] for vm in vms), default=0),
        "coverage": min((vm["coverage"] for vm in vms), default=None),
    }


def worst_first(vms: Iterable[Plain]) -> list[Plain]:
    """Guests by their longest gap, then by all their gaps, then by their conditions, then by name."""
    return sorted(
        vms, key=lambda vm: (-vm["longest_ns"], -vm["total_ns"], -len(vm.get("conditions") or ()), str(vm["vm"]))
    )
