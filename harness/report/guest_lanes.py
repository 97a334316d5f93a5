"""Guest lanes: only guests with gaps or troubles get room, and those with equal ones share it.

Guests are grouped by the node that owned them when the run began.  A guest whose gaps are all of the same causes as
those of others of its group is folded with them into one band, each in a track of its own: a drain, which moves one
guest after the other, shows as a staircase.  The worst guests of the run keep a row of their own, with words.

A node with many such guests begins with a density row: how many of them are away at each moment.  The height of all
groups together is limited, and so is the number of bars; a group that would be too high keeps its density, its worst
guests and one band for all others, and a group with too many bars keeps the first two alone.  Nothing is left out of
`timeline.csv`.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from typing import Final

from harness.report.area_drawing import joined_bars
from harness.report.guest_bars import condition_bars, gap_bar
from harness.report.guest_ledger import BROWN, blind_spans, class_of, conditions_of, end_of, troubled, worst_first
from harness.report.lane import Area, Bar, Lane, Row, depth, thinned
from harness.report.record import Plain, RunRecord
from harness.report.wording import counted, span_text

ROW_PX: Final = 14.0
TRACK_PX: Final = 4.0
THIN_TRACK_PX: Final = 2.5
LEAST_TRACK_PX: Final = 1.0
FEW: Final = 12
"""Guests in a band whose tracks are not thin; a group with more of them that had gaps has a density row."""

THIN_PX: Final = 4.0
"""Track of troubles of service and path, below a guest's gaps."""

DENSITY_PX: Final = 24.0
TROUBLE_PX: Final = 10.0
QUIET_PX: Final = 8.0
GAP_PX: Final = 3.0
"""Between rows; as in drawing.py."""

GROUPS_PX: Final = 2080.0
"""Height of all groups together: with sixteen nodes the whole picture stays below 3,000 pixels."""

LEAST_GROUP_PX: Final = 84.0
SINGLES: Final = 2
"""Worst guests of a group that has no room for more."""

MOST_BARS: Final = 3_200
"""Bars in bands: with some 500 bytes each the picture stays below 2 MB."""

MOST_IN_ROW: Final = 200
"""Bars in the row of a single guest; of one that fell away more often, near ones are drawn as one."""

MOST_SHADES: Final = 300
"""Unobserved times that are drawn apart; those that lie nearer to each other are one."""

LISTED: Final = 40
"""Names of guests that a band tells on hovering."""

NO_OWNER: Final = "owner not seen"
BY_NODE: Final = "by the node that owned them first"
BY_CLASS: Final = "by class"


def guest_lane(record: RunRecord) -> Lane:
    """All guests, by first owner; the owners in the order of the nodes."""
    groups, by = guest_groups(record)
    worst = tuple(guest["vm"] for guest in record.results["worst_guests"][:3])
    allowed = _allowances({owner: sum(_bars_of(vm) for vm in vms) for owner, vms in groups.items()})
    room_px = max(LEAST_GROUP_PX, GROUPS_PX / max(1, len(groups)))
    rows: list[Row] = []
    for owner, vms in groups.items():
        rows.extend(_Group(record, owner, vms, worst, allowed[owner]).rows(room_px))
    return Lane("guest", "VMs", tuple(rows), (by,) if by else (), _shades(record))


def guest_groups(record: RunRecord) -> tuple[dict[str, list[Plain]], str]:
    """Guests by first owner, the owners in the order of the nodes; by class where no owner is known, as of a watch.

    The words say by what; they are empty where neither is known, and the only group has no name.
    """
    owners = first_owners(record)
    named = bool(owners) or bool(record.nodes) or not record.watch
    groups: dict[str, list[Plain]] = {}
    for vm in record.ledger["vms"]:
        name = owners.get(vm["vm"], NO_OWNER) if named else class_of(vm)
        groups.setdefault(name, []).append(vm)
    order = {node: index for index, node in enumerate(record.nodes)}
    ordered = {name: groups[name] for name in sorted(groups, key=lambda name: (order.get(name, len(order)), name))}
    return ordered, BY_NODE if named else BY_CLASS if set(groups) - {""} else ""


def first_owners(record: RunRecord) -> dict[str, str]:
    """The first known owner of each guest: from the first look that shows it, else as the header names it, else from
    its first gap, else from an edge that it shared with others of its node."""
    edges = sorted(record.ledger.get("node_edges") or (), key=lambda edge: int(edge["at_ns"]), reverse=True)
    shared = {str(vm): str(edge["node"]) for edge in edges for vm in edge.get("vms") or ()}
    found: dict[str, str] = {}
    for vm, gap in record.gaps:
        if gap["owner_before"]:
            found.setdefault(vm, gap["owner_before"])
    rows = [row for row in record.timeline.lab.get("guests") or () if isinstance(row, dict)]
    found.update({str(row["name"]): str(row["node"]) for row in rows if row.get("node")})
    for row in record.timeline.clusters[:1]:
        found.update({vm: owner for vm, owner in row.value.owners().items() if owner})
    return shared | found


def _bars_of(vm: Plain) -> int:
    return len(vm["gaps"]) + len(conditions_of(vm))


def _allowances(wanted: Mapping[str, int]) -> dict[str, int]:
    """Bars for each group: those with few have all of theirs, the others share what is left evenly."""
    left, found = MOST_BARS, {}
    for number, (owner, count) in enumerate(sorted(wanted.items(), key=lambda item: (item[1], item[0]))):
        found[owner] = min(count, left // (len(wanted) - number))
        left -= found[owner]
    return found


def _shades(record: RunRecord) -> tuple[Bar, ...]:
    """Times in which nobody could have seen a gap, through all guest rows."""
    spans = [(blind.start_ns, blind.end_ns) for blind in blind_spans(record.ledger)]
    least_ns = (record.end_ns - record.begin_ns) // MOST_SHADES
    return tuple(
        Bar(start, end, "unobserved", "prober", "unobserved", "", f"unobserved for {span_text(end - start)}")
        for start, end in joined_bars(spans, least_ns)
    )


@dataclass(frozen=True, slots=True)
class _Group:
    """Guests of one owner; `most_bars` may be drawn in bands."""

    record: RunRecord
    owner: str
    vms: Sequence[Plain]
    worst: Sequence[str]
    most_bars: int

    @property
    def head(self) -> str:
        """How the labels of its rows begin."""
        return f"{self.owner} · " if self.owner else ""

    def rows(self, room_px: float) -> list[Row]:
        """All rows: as they are wanted where there is room, else folded."""
        bad = [vm for vm in self.vms if troubled(vm)]
        kinds: dict[tuple[str, ...], list[Plain]] = {}
        for vm in bad:
            if vm["vm"] not in self.worst:
                kinds.setdefault(_kind(vm), []).append(vm)
        alike = [vms for _, vms in sorted(kinds.items(), key=lambda item: (len(item[1]), item[0]))]
        wanted = [vm for name in self.worst for vm in bad if vm["vm"] == name]
        head = [*self._density(bad), *self._quiet()]
        wanted_px = _height(head) + sum(_band_px(vms) + GAP_PX for vms in [*([vm] for vm in wanted), *alike])
        if wanted_px > room_px or sum(map(_bars_of, bad)) > self.most_bars:
            return self._folded(bad, wanted, room_px)
        return [*self._density(bad), *map(self._single, wanted), *self._bands(alike, None), *self._quiet()]

    def _folded(self, bad: Sequence[Plain], wanted: Sequence[Plain], room_px: float) -> list[Row]:
        """Density, the worst guests, and one band for all others as far as bars are allowed."""
        more = [vm for vm in worst_first(bad) if vm not in wanted][: max(0, SINGLES - len(wanted))]
        singles = [*wanted, *more]
        rest = [vm for vm in bad if vm not in singles]
        rows = [*self._density(bad), *map(self._single, singles)]
        quiet = list(self._quiet())
        left_px = room_px - _height([*rows, *quiet]) - GAP_PX
        if rest and sum(len(vm["gaps"]) for vm in rest) <= self.most_bars:
            rows.extend(self._bands([rest], max(left_px, LEAST_TRACK_PX * FEW)))
        elif rest:
            label = f"{self.head}{counted(len(rest), 'VM')} more"
            gaps = sum(len(vm["gaps"]) for vm in rest)
            rows.append(Row(label, track_px=ROW_PX, title=label, empty=f"{gaps} gaps, in timeline.csv one by one"))
        return [*rows, *quiet]

    def _density(self, bad: Sequence[Plain]) -> Iterator[Row]:
        """How many guests are away at each moment, and below it how many are in trouble."""
        gaps = [gap for vm in bad for gap in vm["gaps"]]
        if len(bad) <= FEW or not gaps:
            return
        away = depth((gap["start_ns"], gap["end_ns"]) for gap in gaps)
        lost = depth((gap["start_ns"], gap["end_ns"]) for gap in gaps if gap["cause"] != "live-migration")
        rows = [row for vm in bad for row in conditions_of(vm)]
        unwell = depth((row["start_ns"], end_of(row, self.record.ledger)) for row in rows)
        of = f"of {counted(len(self.vms), 'VM')}" + (f" of {self.owner}" if self.owner else "")
        peak = max(count for _, _, count in away)
        all_ = len(self.vms)
        areas = [Area("away", f"{of} away", away, DENSITY_PX, most=all_)]
        if lost:
            areas.append(Area("lost", f"{of} away, not by live migration", lost, DENSITY_PX, most=all_))
        if unwell:
            areas.append(Area("unwell", f"{of} slow or in trouble", unwell, TROUBLE_PX, hanging=True, most=all_))
        below = f"up to {peak} of {counted(len(self.vms), 'VM')} away"
        label = self.owner or "all VMs"
        yield Row(label, areas=tuple(areas), title=f"{label}: {below} at the same time", below=below)

    def _bands(self, kinds: Sequence[Sequence[Plain]], room_px: float | None) -> Iterator[Row]:
        """A band for guests that are alike; with `room_px`, one for all that are left, no higher than that."""
        for alike in kinds:
            if len(alike) == 1:
                yield self._single(alike[0])
                continue
            word = "alike" if room_px is None else "more"
            label = f"{self.head}{counted(len(alike), 'VM')} {word}"
            track_px = _track_px(alike)
            if room_px is not None:
                track_px = max(LEAST_TRACK_PX, min(track_px, room_px / len(alike)))
            ordered = sorted(alike, key=self._beginning)
            with_conditions = sum(map(_bars_of, alike)) <= self.most_bars
            tracks = [self._track(vm, with_conditions=with_conditions) for vm in ordered]
            if room_px is not None:
                tracks = _shared(tracks, max(FEW, int(room_px / track_px)))
            causes = ", ".join(sorted({word for vm in alike for word in _kind(vm)}))
            yield Row(label, tuple(tracks), (), track_px, f"{label}: {causes}: {_names(ordered)}")

    def _beginning(self, vm: Plain) -> tuple[tuple[int, ...], str]:
        """Order of a staircase: by the first gap, to the pixel, then by the next one."""
        pixel_ns = max(1, (self.record.end_ns - self.record.begin_ns) // 1000)
        starts = [row["start_ns"] for row in vm["gaps"] or conditions_of(vm)]
        return tuple(start_ns // pixel_ns for start_ns in starts), str(vm["vm"])

    def _track(self, vm: Plain, *, with_conditions: bool) -> tuple[Bar, ...]:
        gaps = (gap_bar(self.record, vm["vm"], gap, with_text=False) for gap in vm["gaps"])
        brown, thin = condition_bars(self.record, vm, with_text=False) if with_conditions else ((), ())
        return _by_time([*brown, *thin, *gaps])

    def _single(self, vm: Plain) -> Row:
        """A row with words; troubles of service and path in a thin track below it."""
        brown, thin = condition_bars(self.record, vm, with_text=True)
        gaps = (gap_bar(self.record, vm["vm"], gap, with_text=True) for gap in vm["gaps"])
        label = f"{vm['vm']} · {self.owner}" if self.owner else str(vm["vm"])
        bars = thinned([*brown, *gaps], MOST_IN_ROW)
        return Row(label, (bars,), (), ROW_PX, vm["vm"], thin=thinned(thin, MOST_IN_ROW), thin_px=THIN_PX)

    def _quiet(self) -> Iterator[Row]:
        quiet = [vm for vm in self.vms if not troubled(vm)]
        if not quiet:
            return
        blind = [vm["vm"] for vm in quiet if not vm["samples"]]
        label = f"{self.head}{counted(len(quiet), 'VM')} without gap"
        if blind:
            label = f"{self.head}{counted(len(quiet), 'VM')}, {len(blind)} never probed"
        ledger = self.record.ledger
        start, end = ledger["from_ns"], max(ledger["to_ns"], ledger["from_ns"])
        names = _names(quiet)
        yield Row(label, ((Bar(start, end, "vm-quiet", self.owner, "no gap", "", names),),), (), QUIET_PX, names)


def _by_time(bars: Sequence[Bar]) -> tuple[Bar, ...]:
    return tuple(sorted(bars, key=lambda bar: (bar.start_ns, bar.end_ns)))


def _track_px(alike: Sequence[Plain]) -> float:
    """Height of each track of a band."""
    return TRACK_PX if len(alike) <= FEW else THIN_TRACK_PX


def _band_px(alike: Sequence[Plain]) -> float:
    """Height of the band of guests that are alike, or of the row of a single one."""
    if len(alike) > 1:
        return max(12.0, _track_px(alike) * len(alike))
    return ROW_PX + (THIN_PX if any(row["kind"] != BROWN for row in conditions_of(alike[0])) else 0.0)


def _height(rows: Sequence[Row]) -> float:
    return sum(max(row.height_px, 12.0) + GAP_PX for row in rows)


def _shared(tracks: Sequence[tuple[Bar, ...]], most: int) -> list[tuple[Bar, ...]]:
    """Tracks on at most `most`: neighbours share one where there are more."""
    if len(tracks) <= most:
        return list(tracks)
    shared: list[list[Bar]] = [[] for _ in range(most)]
    for number, track in enumerate(tracks):
        shared[number * most // len(tracks)].extend(track)
    return [_by_time(track) for track in shared]


def _kind(vm: Plain) -> tuple[str, ...]:
    """What makes two guests alike: the causes of their gaps, the faults that explain them, and their conditions."""
    conditions = {str(row["kind"]) for row in conditions_of(vm)}
    return tuple(sorted({_words(gap) for gap in vm["gaps"]} | conditions))


def _words(gap: Plain) -> str:
    return f"{gap['cause']} by {gap['explained_by']}" if gap["explained_by"] else str(gap["cause"])


def _names(vms: Sequence[Plain]) -> str:
    shown = ", ".join(str(vm["vm"]) for vm in vms[:LISTED])
    return f"{shown} and {len(vms) - LISTED} more" if len(vms) > LISTED else shown
