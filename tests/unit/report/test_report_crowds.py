"""The timeline and the page of availability of clusters with many guests: 4 nodes × 40 VMs, 16 nodes × 1,000 VMs."""

from __future__ import annotations

import csv
import io
import re
from dataclasses import replace
from html.parser import HTMLParser
from itertools import pairwise
from pathlib import Path
from typing import Any
from xml.etree import ElementTree as ET

import pytest

from harness.clock import NS_PER_S, monotonic_ns
from harness.judge.document import LedgerDocument
from harness.measure.ledger import build_ledger
from harness.measure.ledger_document import ledger_document
from harness.measure.samples import window_from_record
from harness.paths import PAGE_NAME
from harness.report.availability_page import AVAILABILITY_NAME, availability_page
from harness.report.drawing import LEFT_PX, WIDTH_PX
from harness.report.guest_lanes import MOST_BARS, MOST_IN_ROW
from harness.report.record import Plain, RunRecord, watch_record
from harness.report.run import CSV_NAME, SVG_NAME, write_pages
from harness.report.timeline import lanes_of, timeline_csv, timeline_svg
from harness.testing.crowds import Crowd, crowd_record
from harness.testing.watched import Trouble, Watched
from harness.values import ControlHealth, SampleWindow, Signal

SVG = "{http://www.w3.org/2000/svg}"
SIZES = {"4 × 40": Crowd(nodes=4, vms=40), "4 × 160": Crowd(nodes=4, vms=160), "16 × 1,000": Crowd()}


@pytest.fixture(scope="module", params=list(SIZES))
def crowd(request: pytest.FixtureRequest, tmp_path_factory: pytest.TempPathFactory) -> RunRecord:
    return crowd_record(tmp_path_factory.mktemp("crowd") / "run", SIZES[request.param])


@pytest.fixture(scope="module")
def full(tmp_path_factory: pytest.TempPathFactory) -> RunRecord:
    """16 nodes × 1,000 VMs."""
    return crowd_record(tmp_path_factory.mktemp("full") / "run", Crowd())


def table(record: RunRecord) -> list[dict[str, str]]:
    return list(csv.DictReader(io.StringIO(timeline_csv(record, lanes_of(record)))))


def picture(record: RunRecord) -> ET.Element:
    return ET.fromstring(timeline_svg(record, lanes_of(record)))  # noqa: S314 - our own text


def ns_of(text: str) -> int:
    """Nanoseconds of seconds in the CSV."""
    return round(float(text) * NS_PER_S)


# --- size ------------------------------------------------------------------------------------------------------------


def test_a_full_cluster_is_drawn_small_and_quickly(full: RunRecord) -> None:
    assert len(full.ledger["vms"]) == 1000
    assert len(full.gaps) >= 3000
    began_ns = monotonic_ns()
    svg = timeline_svg(full, lanes_of(full))
    spent_s = (monotonic_ns() - began_ns) / NS_PER_S
    height = float(re.search(r' height="(\d+)"', svg)[1])  # type: ignore[index]
    assert height <= 3000
    assert len(svg.encode()) <= 2_000_000
    assert spent_s < 3


def test_every_gap_is_drawn_once_where_there_is_room(crowd: RunRecord) -> None:
    drawn = [
        (rect.get("data-vm"), int(rect.get("data-start-ns", "")), int(rect.get("data-end-ns", "")))
        for rect in picture(crowd).iter(f"{SVG}rect")
        if rect.get("data-vm") is not None
    ]
    assert sorted(map(str, drawn)) == sorted(str((vm, gap["start_ns"], gap["end_ns"])) for vm, gap in crowd.gaps)


def test_a_drain_shows_as_a_staircase(full: RunRecord) -> None:
    """In the band of a node, the first gaps go down from left to right."""
    guests = next(lane for lane in lanes_of(full) if lane.name == "guest")
    bands = [row for row in guests.rows if row.label.startswith("NODE03") and len(row.tracks) > 12]
    (band,) = bands
    starts = [track[0].start_ns for track in band.tracks if track]
    pixel_ns = (full.end_ns - full.begin_ns) / 900
    assert len(starts) > 50
    assert all(a <= b + pixel_ns for a, b in pairwise(starts))


def test_a_density_row_tells_how_many_are_away(full: RunRecord) -> None:
    guests = next(lane for lane in lanes_of(full) if lane.name == "guest")
    heads = {row.label: row for row in guests.rows if row.below}
    assert set(heads) == set(full.nodes)
    lost = heads["NODE09"]
    assert lost.below == "up to 62 of 62 VMs away"
    assert [area.look for area in lost.areas] == ["away", "lost", "unwell"]
    assert heads["NODE01"].below == "up to 1 of 63 VMs away"
    assert {area.peak for area in lost.areas} == {62}


def test_guests_without_order_do_not_make_the_picture_grow(full: RunRecord) -> None:
    """Four times as many gaps, and one guest that never stops falling away: the same limits hold."""
    vms = [dict(vm) for vm in full.ledger["vms"]]
    for vm in vms:
        gaps = vm["gaps"]
        vm["gaps"] = [
            gap | {"start_ns": gap["start_ns"] + step * 10**9, "end_ns": gap["end_ns"] + step * 10**9}
            for step in range(4)
            for gap in gaps
            if not gap["open"]
        ]
    worst = full.results["worst_guests"][0]["vm"]
    restless = next(vm for vm in vms if vm["vm"] == worst)
    some = vms[0]["gaps"][0]
    restless["gaps"] = [some | {"start_ns": t * 10**9, "end_ns": t * 10**9 + 10**8} for t in range(6_000)]
    record = replace(full, ledger={**full.ledger, "vms": vms})
    lanes = lanes_of(record)
    svg = timeline_svg(record, lanes)
    assert len(svg.encode()) <= 2_500_000
    assert float(re.search(r' height="(\d+)"', svg)[1]) <= 3000  # type: ignore[index]
    guests = next(lane for lane in lanes if lane.name == "guest")
    singles = 3 * MOST_IN_ROW + 2 * len(full.nodes) * MOST_IN_ROW
    assert sum(1 for row in guests.rows for _ in row.bars()) <= MOST_BARS + singles
    assert any("in timeline.csv one by one" in row.empty for row in guests.rows)
    rows = [row for row in table(record) if row["lane"] == "guest"]
    assert len(rows) == len(record.gaps) > 15_000


def test_words_never_lie_on_each_other(crowd: RunRecord) -> None:
    """Labels of rows do not touch, and words in a row stand apart; widths as the drawing reckons them."""
    root = picture(crowd)
    lines: dict[float, list[tuple[float, float, str]]] = {}
    for text in root.iter(f"{SVG}text"):
        name, words = str(text.get("class")).split()[0], text.text or ""
        if name not in ("in", "beside"):
            continue
        x, width = float(text.get("x", "")), 5.6 * len(words)
        left = x - width if text.get("text-anchor") == "end" else x
        assert left >= LEFT_PX and left + width <= WIDTH_PX
        lines.setdefault(float(text.get("y", "")), []).append((left, left + width, words))
    for row in lines.values():
        assert all(a[1] <= b[0] for a, b in pairwise(sorted(row))), row
    left = [text for text in root.iter(f"{SVG}text") if float(text.get("x", "")) == LEFT_PX - 8]
    labels = sorted(float(text.get("y", "")) for text in left)
    assert len(labels) > 15
    assert all(b - a >= 11 for a, b in pairwise(labels))


def test_the_documents_of_crowds_are_such_as_the_judge_writes(crowd: RunRecord) -> None:
    LedgerDocument.model_validate(crowd.ledger)


# --- meaning ---------------------------------------------------------------------------------------------------------


def test_all_gaps_and_conditions_stand_in_the_table_with_their_edges(crowd: RunRecord) -> None:
    rows = table(crowd)
    gaps = [row for row in rows if row["lane"] == "guest"]
    assert len(gaps) == len(crowd.gaps)
    for row, (vm, gap) in zip(gaps, crowd.gaps, strict=True):
        assert (row["subject"], row["state"], row["guest_state"]) == (vm, gap["cause"], gap["state"])
        assert (ns_of(row["start_error_s"]), ns_of(row["end_error_s"])) == (gap["start_err_ns"], gap["end_err_ns"])
        assert (row["reason"], row["signals"]) == (gap["reason"], " ".join(gap["signals"]))
        if gap["host_blackout_ns"] is not None:
            assert ns_of(row["host_blackout_s"]) == gap["host_blackout_ns"]
            assert ns_of(row["host_difference_s"]) == gap["host_difference_ns"]
        else:
            assert row["host_blackout_s"] == ""
    conditions = [(row["subject"], row["state"]) for row in rows if row["lane"] == "condition"]
    assert conditions == [(vm["vm"], each["kind"]) for vm in crowd.ledger["vms"] for each in vm["conditions"]]
    brown = [row for row in rows if row["state"] == "brown"]
    assert brown and all(row["guest_state"] == "brown" for row in brown)
    edges = [row for row in rows if row["state"].startswith("edge ")]
    assert [(row["subject"], row["state"]) for row in edges] == [
        (edge["node"], f"edge {edge['kind']}")
        for edge in sorted(crowd.ledger["node_edges"], key=lambda edge: str(edge["node"]))
    ]
    assert all(row["start_error_s"] == "0.001" for row in edges)


def test_a_gap_outside_every_named_phase_has_the_one_that_was_open(crowd: RunRecord) -> None:
    restarts = [row for row in table(crowd) if row["state"] == "restart"]
    assert restarts and all(row["phase"].startswith("update/install/cau/node[NODE02]") for row in restarts)


def test_hovering_tells_state_reason_signals_edges_owners_phase_and_fault(full: RunRecord) -> None:
    titles = [rect.findtext(f"{SVG}title", "") for rect in picture(full).iter(f"{SVG}rect")]
    restart = next(title for title in titles if " restart\n" in title)
    for part in (
        "new boot id",
        "signals: icmp, udp, heartbeat (",
        "± 0.001 s to 0",
        "NODE09 → ",
        "update/install/cau/node[NODE02]",
        "explained by fault node-dies",
    ):
        assert part in restart
    assert any("live-migration (frozen)" in title and "host logged 0." in title for title in titles)
    assert any(title.startswith("NODE09: 62 VMs fell silent together\nat 0") for title in _mark_titles(full))


def _mark_titles(record: RunRecord) -> list[str]:
    return [group.findtext(f"{SVG}title", "") for group in picture(record).iter(f"{SVG}g")]


def test_states_are_told_by_look(crowd: RunRecord) -> None:
    guests = next(lane for lane in lanes_of(crowd) if lane.name == "guest")
    looks = {bar.look for row in guests.rows for bar in row.bars()}
    wanted = {"gap-live-migration", "gap-frozen", "gap-isolated", "gap-restart", "gap-down", "brown", "service", "path"}
    assert wanted <= looks
    assert [bar.look for bar in guests.shades] == ["unobserved", "unobserved"]


def test_error_bars_are_drawn_where_they_can_be_seen(tmp_path: Path) -> None:
    record = crowd_record(tmp_path / "run", Crowd(nodes=4, vms=8))
    vms = [dict(vm) for vm in record.ledger["vms"]]
    wide = [gap | {"start_err_ns": 300 * NS_PER_S} for gap in vms[0]["gaps"]]
    vms[0]["gaps"] = wide
    svg = timeline_svg(replace(record, ledger={**record.ledger, "vms": vms}), lanes_of(record))
    assert svg.count('class="whisker"') == 0
    changed = replace(record, ledger={**record.ledger, "vms": vms})
    assert timeline_svg(changed, lanes_of(changed)).count('class="whisker"') == len(wide)


def test_the_prober_lane_tells_stalls_with_reasons_missed_ticks_and_control_targets(full: RunRecord) -> None:
    prober = next(lane for lane in lanes_of(full) if lane.name == "prober")
    rows = {row.label: row for row in prober.rows}
    assert set(rows) == {"health", "missed ticks", "no sight", "control canary", "control switch"}
    assert [bar.reason for bar in rows["no sight"].bars()] == [
        "prober stalled: not scheduled for 1.3 s",
        "control target switch silent",
    ]
    assert [bar.state for bar in rows["control canary"].bars()] == ["control answers"]
    silent = [bar for bar in rows["control switch"].bars() if bar.look == "control-lost"]
    assert [(bar.start_ns, bar.end_ns) for bar in silent] == [(9000 * NS_PER_S, 9015 * NS_PER_S)]
    told = [row for row in table(full) if row["state"] == "ticks missed"]
    windows = [row.value for row in full.timeline.windows if row.value.control.missed]
    assert [int(row["start_ns"]) for row in told] == [window.from_ns for window in windows]
    assert told[0]["reason"].startswith(f"{windows[0].control.missed} of ")


# --- older documents, and none of a run ------------------------------------------------------------------------------


def older(ledger: Plain) -> dict[str, Any]:
    """The document as it was before states, conditions, classes and edges."""
    new = {"state", "lost", "reason", "signals", "phase", "host_blackout_ns", "host_difference_ns"}
    vms = [
        {key: value for key, value in vm.items() if key not in ("class", "conditions", "visible_ns")}
        | {"gaps": [{key: value for key, value in gap.items() if key not in new} for gap in vm["gaps"]]}
        for vm in ledger["vms"]
    ]
    rest = {key: value for key, value in ledger.items() if key not in ("classes", "node_edges")}
    return rest | {"vms": vms, "unobserved": [[each["start_ns"], each["end_ns"]] for each in ledger["unobserved"]]}


def test_older_documents_are_drawn_too(crowd: RunRecord) -> None:
    record = replace(crowd, ledger=older(crowd.ledger))
    guests = next(lane for lane in lanes_of(record) if lane.name == "guest")
    looks = {bar.look for row in guests.rows for bar in row.bars()}
    assert {"gap-live-migration", "gap-frozen", "gap-isolated", "gap-restart", "gap-down", "gap-unknown"} <= looks
    told = [(row["guest_state"], row["phase"][:6]) for row in table(record) if row["state"] == "live-migration"]
    assert set(told) == {("frozen", "update")}
    assert "all VMs" in Text(availability_page(record)).words


def test_a_watch_without_a_run_is_drawn(full: RunRecord, tmp_path: Path) -> None:
    """Samples and ledger alone: no journal, no phases, no faults, no owners."""
    vms = [
        vm | {"gaps": [gap | {"owner_before": "", "owner_after": "", "phase": ""} for gap in vm["gaps"]]}
        for vm in full.ledger["vms"][:50]
    ]
    ledger = {**full.ledger, "vms": vms, "node_edges": []}
    record = watch_record(ledger, [row.value for row in full.timeline.windows], name="night watch")
    assert [lane.name for lane in lanes_of(record)] == ["guest", "prober"]
    write_pages(tmp_path, record)
    assert sorted(path.name for path in tmp_path.iterdir()) == sorted((PAGE_NAME, SVG_NAME, CSV_NAME))
    page = Text((tmp_path / PAGE_NAME).read_text(encoding="utf-8"))
    assert page.words.startswith("Availability · night watch")
    assert "index.html" not in page.links
    assert "svg" in page.tags
    rows = table(record)
    assert sum(row["lane"] == "guest" for row in rows) == sum(len(vm["gaps"]) for vm in vms)


def test_a_watch_groups_by_node_where_edges_tell_it_else_by_class(full: RunRecord) -> None:
    gaps = {"owner_before": "", "owner_after": ""}
    vms = [vm | {"gaps": [gap | gaps for gap in vm["gaps"]]} for vm in full.ledger["vms"][:50]]
    ledger = {**full.ledger, "vms": vms, "node_edges": []}
    by_class = lanes_of(watch_record(ledger))[0]
    assert by_class.notes == ("by class",)
    assert {row.label for row in by_class.rows if row.below} == {"web", "desktop"}
    plain = {**ledger, "vms": [{key: value for key, value in vm.items() if key != "class"} for vm in vms]}
    together = lanes_of(watch_record(plain))[0]
    assert together.notes == ()
    assert [row.label for row in together.rows if row.below] == ["all VMs"]
    edge = {"node": "NODE77", "kind": "down", "at_ns": 0, "err_ns": 0, "vms": [vm["vm"] for vm in vms[:20]]}
    nodes, by_node, _ = lanes_of(watch_record({**ledger, "node_edges": [edge]}))
    assert [row.label for row in nodes.rows] == ["NODE77"]
    assert [row.label for row in by_node.rows if row.below] == ["NODE77", "owner not seen"]


def test_a_watch_of_nothing_is_drawn(tmp_path: Path) -> None:
    control = {"due": 0, "missed": 0}
    ledger = {"from_ns": 0, "to_ns": 0, "interval_ns": 0, "coverage": None, "control": control, "vms": []}
    record = watch_record(ledger)
    assert "nothing was probed" in timeline_svg(record, lanes_of(record))
    assert "No VM is known" in availability_page(record)


def test_a_target_of_two_signals_that_disagree_shows_the_silent_one() -> None:
    control = {"due": 10, "missed": 0, "stalls": []}
    rows = [["switch", 0, 10, True, 0, -1, -1, "icmp"], ["switch", 0, 10, False, 0, -1, -1, "tcp"]]
    edges = {"from_ns": 0, "to_ns": 10**9, "interval_ns": 10**8, "runs": []}
    window = window_from_record({**edges, "control": control | {"targets": rows}})
    ledger = {"from_ns": 0, "to_ns": 10**9, "interval_ns": 10**8, "coverage": 1.0, "control": control, "vms": []}
    lanes = lanes_of(watch_record(ledger, [window]))
    (target,) = [row for lane in lanes for row in lane.rows if row.label == "control switch"]
    assert [bar.look for bar in target.tracks[0]] == ["control-ok", "control-lost"]


# --- page of availability --------------------------------------------------------------------------------------------


class Text(HTMLParser):
    """Words, links and tags of a page."""

    def __init__(self, text: str) -> None:
        super().__init__()
        self.tags: list[str] = []
        self.links: list[str] = []
        self.parts: list[str] = []
        self.rows: list[list[str]] = []
        self._inside: list[str] = []
        self.feed(text)

    def handle_starttag(self, tag: str, attrs: list[tuple[str, str | None]]) -> None:
        self.tags.append(tag)
        self.links += [value or "" for name, value in attrs if name in ("href", "src")]
        self._inside.append(tag)
        if tag == "tr":
            self.rows.append([])
        if tag in ("td", "th"):
            self.rows[-1].append("")

    def handle_endtag(self, tag: str) -> None:
        while self._inside and self._inside.pop() != tag:
            pass

    def handle_data(self, data: str) -> None:
        if {"style", "head"} & set(self._inside):
            return
        self.parts.append(data)
        if {"td", "th"} & set(self._inside):
            self.rows[-1][-1] += data

    @property
    def words(self) -> str:
        return re.sub(r"\s+", " ", " ".join(self.parts)).strip()


def test_every_guest_stands_in_the_page_once_by_node_worst_first(crowd: RunRecord) -> None:
    text = availability_page(crowd)
    page = Text(text[text.index('id="vms"') :])
    names = [row[0] for row in page.rows if row[0] != "VM"]
    assert sorted(names) == sorted(vm["vm"] for vm in crowd.ledger["vms"])
    longest = {vm["vm"]: vm["longest_ns"] for vm in crowd.ledger["vms"]}
    home = {vm: f"NODE{number % len(crowd.nodes) + 1:02d}" for number, vm in enumerate(sorted(names))}
    for node in crowd.nodes:
        mine = [longest[name] for name in names if home[name] == node]
        assert mine == sorted(mine, reverse=True)
    assert page.tags.count("details") == len(crowd.nodes)


def test_classes_stand_with_count_longest_total_and_coverage(full: RunRecord) -> None:
    page = Text(availability_page(full))
    row = next(row for row in page.rows if row[0] == "sql")
    (told,) = [each for each in full.ledger["classes"] if each["class"] == "sql"]
    assert row[1:4] == [str(told["vms"])] * 2 + [str(told["count"])]
    assert row[4] == "7 h 5 min ± 0.002 s"
    assert row[5] == "down, still so"
    assert row[7] == "99.94 %"


def test_what_hosts_logged_stands_beside_what_was_measured(full: RunRecord) -> None:
    page = Text(availability_page(full))
    logged = [gap for _, gap in full.gaps if gap["host_blackout_ns"] is not None]
    inside = sum(abs(gap["host_difference_ns"]) <= gap["error_ns"] for gap in logged)
    assert f"Hosts logged {len(logged)} of {len(full.gaps)} gaps. Of these, {inside} lie inside" in page.words
    most = max(logged, key=lambda gap: abs(gap["host_difference_ns"]))
    rows = [row for row in page.rows if row[-1] in ("yes", "no") and len(row) == 7]
    assert rows[0][5] == f"{most['host_difference_ns'] / 1e9:+.3f} s"


def test_the_page_loads_nothing_and_its_size_is_bounded(full: RunRecord) -> None:
    text = availability_page(full)
    page = Text(text)
    assert len(text.encode()) < 700_000
    assert not {"script", "link", "img"} & set(page.tags)
    assert {link for link in page.links if not link.startswith("#")} == {"index.html", "timeline.csv", "ledger.json"}
    assert AVAILABILITY_NAME not in page.links


# --- what a prober left -----------------------------------------------------------------------------------------------

MS = NS_PER_S // 1000


def probed() -> RunRecord:
    """Twelve seconds of four guests under several probes, each with a trouble of its own, and a prober that stalled."""
    signals = {Signal.ICMP: 100 * MS, Signal.HTTP: 200 * MS, Signal.HEARTBEAT: 20 * MS}
    troubles = {
        "app1": Trouble("frozen", 3 * NS_PER_S, 4 * NS_PER_S),
        "app2": Trouble("slow", 2 * NS_PER_S, 5 * NS_PER_S, frozenset({Signal.ICMP, Signal.HTTP})),
        "app3": Trouble("refused", 6 * NS_PER_S, 8 * NS_PER_S, frozenset({Signal.HTTP})),
        "app4": Trouble("filtered", 6 * NS_PER_S, 8 * NS_PER_S, frozenset({Signal.ICMP})),
    }
    guests = [Watched(vm, 12 * NS_PER_S, signals, [trouble], rtt_ns=MS) for vm, trouble in troubles.items()]
    runs = tuple(run for guest in guests for run in guest.runs())
    canary = tuple(Watched("canary", 12 * NS_PER_S, {Signal.UDP: 100 * MS}).runs())
    control = ControlHealth(1000, 7, ((9 * NS_PER_S, 9 * NS_PER_S + 300 * MS),), canary)
    window = SampleWindow(0, 12 * NS_PER_S, runs, control)
    return watch_record(ledger_document(build_ledger([window])), [window])


def test_a_ledger_of_several_signals_is_drawn_as_it_is() -> None:
    record = probed()
    guests, prober = lanes_of(record)
    looks = {row.label: [bar.look for bar in row.bars()] for row in guests.rows}
    assert looks == {"app1": ["gap-frozen"], "app2": ["brown"], "app3": ["service"], "app4": ["path"]}
    assert guests.notes == ()
    assert [bar.reason for row in prober.rows for bar in row.bars() if bar.look == "blind"] == ["stall"]
    (frozen,) = [row for row in table(record) if row["lane"] == "guest"]
    assert (frozen["state"], frozen["guest_state"], frozen["signals"]) == ("frozen", "frozen", "heartbeat icmp")
    assert 0 < float(frozen["end_error_s"]) <= float(frozen["start_error_s"]) <= 0.05
    told = {row["subject"]: (row["state"], row["reason"]) for row in table(record) if row["lane"] == "condition"}
    assert {vm: kind for vm, (kind, _) in told.items()} == {
        "app2": "brown",
        "app3": "service-down",
        "app4": "filtered",
    }
    assert all(reason for _, reason in told.values())
    assert timeline_svg(record, (guests, prober)).count('class="whisker"') >= 1
    page = Text(availability_page(record))
    assert next(row[0] for row in page.rows if row[0].startswith("app")) == "app1"
