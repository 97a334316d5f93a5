"""The page of availability: the ledger by class, by node and by VM, worst first."""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from statistics import median
from typing import Any, Final

from harness.report.guest_lanes import BY_NODE, guest_groups
from harness.report.guest_ledger import (
    BROWN,
    CONDITIONS,
    blind_spans,
    by_class,
    choices_of,
    class_of,
    classes_of,
    conditions_of,
    end_of,
    summed,
    worst_first,
)
from harness.report.paper import render
from harness.report.record import Plain, RunRecord
from harness.report.wording import length_text, span_text

TEMPLATE: Final = "availability.html.j2"
AVAILABILITY_NAME: Final = "availability.html"
WORST_SHOWN: Final = 20
COMPARED_SHOWN: Final = 20
BLIND_SHOWN: Final = 10

Cells = dict[str, Any]


def availability_page(record: RunRecord, svg: str = "") -> str:
    """The page as text; `svg` is the timeline, for a watch whose only page this is."""
    ledger = record.ledger
    groups, by = guest_groups(record)
    owners = {vm["vm"]: owner for owner, vms in groups.items() for vm in vms}
    worst = [vm for vm in worst_first(ledger["vms"]) if vm["gaps"] or conditions_of(vm)]
    blind = blind_spans(ledger)
    return render(
        TEMPLATE,
        results=record.results,
        watch=record.watch,
        svg=svg,
        ledger=ledger,
        sampled=span_text(max(0, ledger["to_ns"] - ledger["from_ns"])),
        start=record.moment(ledger["from_ns"]),
        interval=span_text(ledger["interval_ns"]) if ledger["interval_ns"] else "",
        coverage=_share(ledger["coverage"]),
        blind=[
            {"start": record.moment(each.start_ns), "length": _length(each), "reason": each.reason} for each in blind
        ],
        blind_total=span_text(sum(each.end_ns - each.start_ns for each in blind)),
        blind_shown=BLIND_SHOWN,
        classes=_classes(ledger),
        worst=[_vm(record, vm, owners[vm["vm"]]) for vm in worst[:WORST_SHOWN]],
        troubled=len(worst),
        edges=[_edge(record, edge) for edge in ledger.get("node_edges") or ()],
        host=_host(record),
        compared_shown=COMPARED_SHOWN,
        choices=choices_of(ledger),
        columns=_columns(ledger),
        by=by,
        by_node=by == BY_NODE,
        groups=[_group(record, owner, vms) for owner, vms in groups.items()],
    )


def _columns(ledger: Plain) -> Cells:
    """Which columns of the tables of guests would not be empty."""
    rows = [row for vm in ledger["vms"] for row in conditions_of(vm)]
    return {
        "visible": any((vm.get("visible_ns") or 0) > vm["total_ns"] for vm in ledger["vms"]),
        "classes": any(class_of(vm) for vm in ledger["vms"]),
        "slow": any(row["kind"] == BROWN for row in rows),
        "others": any(row["kind"] != BROWN for row in rows),
    }


def _length(blind: Any) -> str:
    return length_text(blind.end_ns - blind.start_ns)


def _classes(ledger: Plain) -> list[Cells]:
    """One row for each class, worst first."""
    members = by_class(ledger)
    rows = []
    for row in classes_of(ledger):
        vms = members.get(class_of(row), [])
        rows.append(
            {
                "name": class_of(row) or "all VMs",
                "vms": row["vms"],
                "hit": sum(bool(vm["gaps"]) for vm in vms),
                **_sums(row, vms),
            }
        )
    return rows


def _sums(row: Plain, vms: Iterable[Plain]) -> Cells:
    """Count, longest, total of the worst guest, and coverage, of a class, a node or a single guest."""
    vms = list(vms)
    worst = max(vms, key=lambda vm: int(vm["total_ns"]), default=None)
    gaps = [gap for vm in vms for gap in vm["gaps"]]
    longest = max(gaps, key=lambda gap: (gap["duration_ns"], gap["error_ns"]), default=None)
    return {
        "count": row["count"],
        "longest": length_text(row["longest_ns"]) if row["count"] else "",
        "longest_error": length_text(longest["error_ns"]) if longest else "",
        "open": bool(longest and longest["open"]),
        "what": longest["cause"] if longest else "",
        "explained": longest["explained_by"] if longest else "",
        "total": length_text(row["total_ns"]) if row["count"] else "",
        "total_error": length_text(sum(gap["error_ns"] for gap in worst["gaps"])) if worst else "",
        "coverage": _share(row["coverage"]),
    }


def _vm(record: RunRecord, vm: Plain, owner: str) -> Cells:
    """One row for a guest; totals of gaps are summed with the sum of their error bars, their worst."""
    rows = conditions_of(vm)
    slow_ns = sum(end_of(row, record.ledger) - row["start_ns"] for row in rows if row["kind"] == BROWN)
    others: dict[str, int] = {}
    for row in rows:
        if row["kind"] != BROWN:
            kind = str(row["kind"])
            others[kind] = others.get(kind, 0) + end_of(row, record.ledger) - row["start_ns"]
    return {
        "vm": vm["vm"],
        "class": class_of(vm),
        "owner": owner,
        "samples": vm["samples"],
        "slow": length_text(slow_ns) if slow_ns else "",
        "visible": length_text(vm["visible_ns"]) if vm.get("visible_ns") else "",
        "others": ", ".join(f"{CONDITIONS.get(kind, kind)} {length_text(span)}" for kind, span in others.items()),
        **_sums(vm, [vm]),
    }


def _group(record: RunRecord, owner: str, vms: Sequence[Plain]) -> Cells:
    """The guests of a node, worst first."""
    quiet = sum(not vm["gaps"] for vm in vms)
    return {
        "name": owner or "all",
        "size": len(vms),
        "hit": len(vms) - quiet,
        "rows": [_vm(record, vm, owner) for vm in worst_first(vms)],
        **_sums(summed(owner, vms), vms),
    }


def _edge(record: RunRecord, edge: Plain) -> Cells:
    return {
        "node": edge["node"],
        "kind": {"down": "fell silent", "up": "came back"}.get(edge["kind"], edge["kind"]),
        "at": record.moment(edge["at_ns"]),
        "error": f"{(edge.get('err_ns') or 0) / 1e6:.3g} ms",
        "vms": len(edge.get("vms") or ()),
    }


def _host(record: RunRecord) -> Cells | None:
    """Measured lengths beside those that hosts logged, the greatest difference first; None where no host logged any."""
    rows = [(vm, gap) for vm, gap in record.gaps if gap.get("host_blackout_ns") is not None]
    if not rows:
        return None
    differences = [_difference(gap) for _, gap in rows]
    inside = sum(abs(_difference(gap)) <= gap["error_ns"] for _, gap in rows)
    rows.sort(key=lambda row: (-abs(_difference(row[1])), row[0], row[1]["start_ns"]))
    return {
        "count": len(rows),
        "of": len(record.gaps),
        "inside": inside,
        "median": f"{median(differences) / 1e9:+.3f} s",
        "most": f"{max(map(abs, differences)) / 1e9:.3f} s",
        "rows": [
            {
                "vm": vm,
                "start": record.moment(gap["start_ns"]),
                "what": gap["cause"],
                "measured": length_text(gap["duration_ns"]),
                "error": length_text(gap["error_ns"]),
                "host": f"{gap['host_blackout_ns'] / 1e9:.3f} s",
                "difference": f"{_difference(gap) / 1e9:+.3f} s",
                "inside": abs(_difference(gap)) <= gap["error_ns"],
            }
            for vm, gap in rows[:COMPARED_SHOWN]
        ],
    }


def _difference(gap: Plain) -> int:
    """Measured minus logged length; as the ledger says, else reckoned."""
    told = gap.get("host_difference_ns")
    return int(gap["duration_ns"] - gap["host_blackout_ns"] if told is None else told)


def _share(value: float | None) -> str:
    return "" if value is None else f"{value * 100:.4g} %"
