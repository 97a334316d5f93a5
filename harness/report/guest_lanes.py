"""Guest lanes: only guests with gaps get room, and those with equal ones share it.

Guests are grouped by the node that owned them when the run began.  A guest whose gaps are all of the same causes as
those of others of its group is folded with them into one band, each in a track of its own: a drain, which moves one
guest after the other, shows as a staircase.  The worst guests of the run keep a row of their own, with words.
"""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from typing import Final

from harness.judge.explain import ORDERED
from harness.report.lane import Bar, Lane, Row
from harness.report.record import Plain, RunRecord
from harness.report.wording import counted, span_text

ROW_PX: Final = 14.0
TRACK_PX: Final = 4.0
THIN_TRACK_PX: Final = 2.5
FEW: Final = 12
"""Guests in a band whose tracks are not thin."""

NO_OWNER: Final = "owner not seen"


def guest_lane(record: RunRecord) -> Lane:
    """All guests, by first owner; the owners in the order of the nodes."""
    owners = first_owners(record)
    groups: dict[str, list[Plain]] = {}
    for vm in record.ledger["vms"]:
        groups.setdefault(owners.get(vm["vm"], NO_OWNER), []).append(vm)
    order = {node: index for index, node in enumerate(record.nodes)}
    worst = tuple(guest["vm"] for guest in record.results["worst_guests"][:3])
    rows: list[Row] = []
    for owner in sorted(groups, key=lambda owner: (order.get(owner, len(order)), owner)):
        rows.extend(_group(record, owner, groups[owner], worst))
    return Lane("guest", "VMs", tuple(rows), ("by the node that owned them first",))


def first_owners(record: RunRecord) -> dict[str, str]:
    """The first known owner of each guest: from the first look that shows it, else from its first gap."""
    found: dict[str, str] = {}
    for vm, gap in record.gaps:
        if gap["owner_before"]:
            found.setdefault(vm, gap["owner_before"])
    for row in record.timeline.clusters[:1]:
        found.update({vm: owner for vm, owner in row.value.owners().items() if owner})
    return found


def _group(record: RunRecord, owner: str, vms: Sequence[Plain], worst: Sequence[str]) -> Iterator[Row]:
    kinds: dict[tuple[str, ...], list[Plain]] = {}
    quiet = [vm for vm in vms if not vm["gaps"]]
    for vm in vms:
        if vm["gaps"] and vm["vm"] not in worst:
            kinds.setdefault(_kind(vm), []).append(vm)
    for name in worst:
        yield from (_single(record, owner, vm) for vm in vms if vm["vm"] == name and vm["gaps"])
    for kind, alike in sorted(kinds.items(), key=lambda item: (len(item[1]), item[0])):
        if len(alike) == 1:
            yield _single(record, owner, alike[0])
        else:
            label = f"{owner} · {counted(len(alike), 'VM')} alike"
            causes = ", ".join(kind)
            tracks = tuple(_bars(record, vm, with_text=False) for vm in alike)
            track_px = TRACK_PX if len(alike) <= FEW else THIN_TRACK_PX
            yield Row(label, tracks, (), track_px, f"{label}: {causes}: {', '.join(vm['vm'] for vm in alike)}")
    if quiet:
        blind = [vm["vm"] for vm in quiet if not vm["samples"]]
        label = f"{owner} · {counted(len(quiet), 'VM')} without gap"
        if blind:
            label = f"{owner} · {counted(len(quiet), 'VM')}, {len(blind)} never probed"
        yield Row(label, ((_quiet_bar(record, owner, quiet),),), (), 8.0, ", ".join(vm["vm"] for vm in quiet))


def _kind(vm: Plain) -> tuple[str, ...]:
    """What makes two guests alike: the causes of their gaps, and the faults that explain them."""
    return tuple(sorted({_words(gap) for gap in vm["gaps"]}))


def _words(gap: Plain) -> str:
    return f"{gap['cause']} by {gap['explained_by']}" if gap["explained_by"] else str(gap["cause"])


def _single(record: RunRecord, owner: str, vm: Plain) -> Row:
    return Row(f"{vm['vm']} · {owner}", (_bars(record, vm, with_text=True),), (), ROW_PX, vm["vm"])


def _bars(record: RunRecord, vm: Plain, *, with_text: bool) -> tuple[Bar, ...]:
    return tuple(gap_bar(record, vm["vm"], gap, with_text=with_text) for gap in vm["gaps"])


def gap_bar(record: RunRecord, vm: str, gap: Plain, *, with_text: bool) -> Bar:
    """One gap as it is drawn."""
    length = span_text(gap["duration_ns"])
    error = span_text(gap["error_ns"])
    moved = gap["owner_before"] != gap["owner_after"]
    owner = f", {gap['owner_before']} → {gap['owner_after']}" if moved else f", on {gap['owner_before']}"
    what = gap["explained_by"] if gap["explained_by"] in ("", ORDERED) else f"fault {gap['explained_by']}"
    explained = f", explained by {what}" if what else ""
    still = ", still down" if gap["open"] else ""
    return Bar(
        gap["start_ns"],
        gap["end_ns"],
        f"gap-{gap['cause']}",
        vm,
        gap["cause"],
        f"{length} {gap['cause']}" if with_text else "",
        f"{vm}: {length} ± {error} {gap['cause']}{owner}{explained}{still}, from {record.moment(gap['start_ns'])}",
        open=gap["open"],
    )


def _quiet_bar(record: RunRecord, owner: str, quiet: Sequence[Plain]) -> Bar:
    start, end = record.ledger["from_ns"], max(record.ledger["to_ns"], record.ledger["from_ns"])
    return Bar(start, end, "vm-quiet", owner, "no gap", "", ", ".join(vm["vm"] for vm in quiet))
