"""The picture: well-formed, complete, and to scale."""

from __future__ import annotations

import csv
import io
from itertools import pairwise
from pathlib import Path
from typing import Any
from xml.etree import ElementTree as ET

import pytest
from hypothesis import given
from hypothesis import strategies as st

from harness.clock import NS_PER_S
from harness.report.drawing import LEAST_GAP_PX
from harness.report.glyphs import GLYPHS, LEGEND, STYLE
from harness.report.lane import Bar, stacked
from harness.report.record import RunRecord, load_record
from harness.report.scale import STEPS_S, TICK_PX, TimeScale
from harness.report.timeline import COLUMNS, lanes_of, timeline_csv, timeline_svg
from harness.testing.journals import JournalBuilder
from harness.testing.stories import tell

SVG = "{http://www.w3.org/2000/svg}"
RUNS = ("UPD-001", "UPD-002", "DET-001", "DET-002", "DET-004", "UPD-007")


def picture(record: RunRecord) -> ET.Element:
    return ET.fromstring(timeline_svg(record, lanes_of(record)))  # noqa: S314 - our own text


def looks(record: RunRecord, lane: str, label: str) -> list[str]:
    """What is drawn in one row, in order of time."""
    row = next(row for each in lanes_of(record) if each.name == lane for row in each.rows if row.label == label)
    return [bar.look for bar in sorted((bar for track in row.tracks for bar in track), key=lambda bar: bar.start_ns)]


# --- scale -----------------------------------------------------------------------------------------------------------

times = st.integers(min_value=-(10**15), max_value=10**17)


@given(
    begin=times, span=st.integers(NS_PER_S, 10**17), left=st.floats(0, 500), width=st.floats(200, 5000), data=st.data()
)
def test_a_moment_stands_where_its_share_of_the_time_is(
    begin: int, span: int, left: float, width: float, data: st.DataObject
) -> None:
    scale = TimeScale(begin, begin + span, left, width)
    t_ns = data.draw(st.integers(begin, begin + span))
    assert scale.x(t_ns) == pytest.approx(left + width * ((t_ns - begin) / span), abs=0.01)
    later = data.draw(st.integers(t_ns, begin + span))
    assert scale.width(t_ns, later) >= 0
    assert left <= scale.x(begin - 1) <= scale.x(begin + span + 1) <= left + width + 1e-6


@given(begin=times, span=st.integers(NS_PER_S, 30 * 86_400 * NS_PER_S), width=st.floats(300, 3000))
def test_ticks_are_round_and_leave_room_for_their_labels(begin: int, span: int, width: float) -> None:
    scale = TimeScale(begin, begin + span, 0.0, width)
    ticks = list(scale.ticks())
    assert all(t_ns % (scale.step_s * NS_PER_S) == 0 and begin <= t_ns <= begin + span for t_ns in ticks)
    assert all(scale.x(b) - scale.x(a) >= TICK_PX - 0.01 for a, b in pairwise(ticks))
    # No coarser than needed: the next finer step would not leave that room.
    finer = [step for step in STEPS_S if step < scale.step_s]
    if finer and scale.step_s in STEPS_S:
        assert width * finer[-1] * NS_PER_S / span < TICK_PX


def test_a_run_of_no_length_has_an_axis() -> None:
    scale = TimeScale(5, 5, 100.0, 50.0)
    assert (scale.x(5), scale.span_ns) == (100.0, NS_PER_S)


@given(st.lists(st.tuples(st.integers(0, 50), st.integers(0, 20)), max_size=20))
def test_bars_on_one_track_never_overlap(spans: list[tuple[int, int]]) -> None:
    bars = [Bar(start, start + length, "up", str(i), "x") for i, (start, length) in enumerate(spans)]
    tracks = stacked(bars)
    assert sorted(bar.subject for track in tracks for bar in track) == sorted(bar.subject for bar in bars)
    for track in tracks:
        assert all(a.end_ns <= b.start_ns for a, b in pairwise(track))


# --- picture ---------------------------------------------------------------------------------------------------------


@pytest.mark.parametrize("scenario", RUNS)
def test_every_gap_of_the_ledger_is_drawn_once_and_to_scale(reports: Any, scenario: str) -> None:
    record = reports.record(scenario)
    root = picture(record)
    begin, end = int(root.get("data-begin-ns", "")), int(root.get("data-end-ns", ""))
    scale = TimeScale(begin, end, float(root.get("data-left", "")), float(root.get("data-width", "")))
    drawn = {}
    for rect in root.iter(f"{SVG}rect"):
        if rect.get("data-vm") is None:
            continue
        start, stop = int(rect.get("data-start-ns", "")), int(rect.get("data-end-ns", ""))
        assert float(rect.get("x", "")) == pytest.approx(scale.x(start), abs=0.006)
        wanted = max(LEAST_GAP_PX, scale.width(start, stop))
        assert float(rect.get("width", "")) == pytest.approx(wanted, abs=0.006)
        key = (rect.get("data-vm"), start, stop)
        assert key not in drawn
        drawn[key] = rect.findtext(f"{SVG}title", "")
    gaps = {(vm, gap["start_ns"], gap["end_ns"]): gap for vm, gap in record.gaps}
    assert set(drawn) == set(gaps)
    assert all(gap["cause"] in drawn[key] for key, gap in gaps.items())


@pytest.mark.parametrize("scenario", RUNS)
def test_all_that_is_drawn_lies_inside_the_picture_and_has_a_style(reports: Any, scenario: str) -> None:
    root = picture(reports.record(scenario))
    width, height = float(root.get("width", "")), float(root.get("height", ""))
    for rect in root.iter(f"{SVG}rect"):
        if rect.get("class") is None:
            continue  # part of a pattern
        assert float(rect.get("x", "")) + float(rect.get("width", "")) <= width
        assert float(rect.get("y", "")) + float(rect.get("height", "")) <= height
        names = str(rect.get("class")).split()
        assert any(f"rect.{name}{{" in STYLE or f".{name}{{" in STYLE for name in names)


def test_each_pattern_and_shape_that_is_used_exists_and_is_explained(reports: Any) -> None:
    svg = timeline_svg(reports.record("UPD-002"), lanes_of(reports.record("UPD-002")))
    ids = {pattern.get("id") for pattern in ET.fromstring(svg).iter(f"{SVG}pattern")}  # noqa: S314
    used = {part.partition(")")[0] for part in STYLE.split("url(#")[1:]}
    assert used == ids
    assert set(GLYPHS) == {name for kind, name, _ in LEGEND if kind == "mark"}
    assert "http" not in svg.replace("http://www.w3.org/2000/svg", "")


def test_lanes_of_a_run_with_a_fault(reports: Any) -> None:
    """The structure of the picture, as a person would read it."""
    lanes = lanes_of(reports.record("UPD-002"))
    assert [(lane.name, [row.label for row in lane.rows]) for lane in lanes] == [
        ("phase", ["phase", "step", "CAU turn", "CAU stage"]),
        ("node", ["NODE01", "NODE02", "NODE03", "NODE04"]),
        ("storage", ["UserStorage_1"]),
        ("fault", ["second-node-dies"]),
        (
            "guest",
            [
                "NODE01 · 10 VMs alike",
                "NODE02 · 10 VMs alike",
                "vm03 · NODE03",
                "vm07 · NODE03",
                "vm11 · NODE03",
                "NODE03 · 7 VMs alike",
                "NODE04 · 10 VMs alike",
            ],
        ),
        ("prober", ["health"]),
        ("run", ["stages"]),
    ]


def test_phases_that_begin_again_or_were_only_polled_end_there(tmp_path: Path) -> None:
    builder = JournalBuilder(tmp_path / "run")
    builder.update(0, "Ready", "ready")
    builder.event(10, "phase.enter", "update/install")
    builder.event(60, "phase.exit", "update/install", status="Error")
    builder.event(70, "phase.enter", "update/discovery")
    builder.event(80, "phase.enter", "update/discovery")
    builder.event(90, "phase.exit", "update/discovery", status="Success")
    builder.write()
    (phases,) = next(lane for lane in lanes_of(load_record(tmp_path / "run")) if lane.name == "phase").rows
    bars = [(bar.text, bar.start_ns // NS_PER_S, bar.end_ns // NS_PER_S, bar.look) for bar in phases.tracks[0]]
    assert bars == [
        ("ready", 0, 10, "phase-0"),
        ("install ✕", 10, 60, "phase-failed"),
        ("discovery", 70, 80, "phase-0"),
        ("discovery", 80, 90, "phase-0"),
    ]
    assert len(phases.tracks) == 1


def test_a_phase_entered_twice_ends_where_it_begins_again(tmp_path: Path) -> None:
    builder = JournalBuilder(tmp_path / "run")
    builder.event(10, "phase.enter", "update/discovery")
    builder.event(80, "phase.enter", "update/discovery")
    builder.event(90, "phase.exit", "update/discovery", status="Success")
    builder.event(95, "phase.enter", "update/download")
    builder.write()
    spans = [(span.start_ns, span.end_ns, span.status) for span in load_record(tmp_path / "run").phases]
    assert spans == [
        (10 * NS_PER_S, 80 * NS_PER_S, ""),
        (80 * NS_PER_S, 90 * NS_PER_S, "Success"),
        (95 * NS_PER_S, None, ""),
    ]


@pytest.mark.parametrize("name", ["=1+1", "+49", "-cmd", "@SUM(A1)", "\tx"])
def test_no_cell_of_the_csv_is_a_formula(tmp_path: Path, name: str) -> None:
    builder = JournalBuilder(tmp_path / "run")
    builder.event(10, "phase.enter", f"update/{name}")
    builder.event(20, "phase.exit", f"update/{name}", status=name)
    builder.write()
    record = load_record(tmp_path / "run")
    rows = list(csv.reader(io.StringIO(timeline_csv(record, lanes_of(record)))))
    assert [row[2] for row in rows if row[1] == f"update/{name}"] == [f"'{name}"]
    assert not [cell for row in rows for cell in row if cell.startswith(("=", "+", "-", "@", "\t"))]


def test_turns_are_made_of_stages_where_only_those_are_told(tmp_path: Path) -> None:
    builder = JournalBuilder(tmp_path / "run")
    for start, node, stage in ((10, "A", "drain"), (20, "A", "reboot"), (40, "B", "drain"), (60, "A", "drain")):
        path = f"update/install/cau/node[{node}]/{stage}"
        builder.event(start, "phase.enter", path, node=node)
        builder.event(start + 10, "phase.exit", path, node=node, status="Success")
    builder.write()
    rows = next(lane for lane in lanes_of(load_record(tmp_path / "run")) if lane.name == "phase").rows
    assert [row.label for row in rows] == ["CAU turn", "CAU stage"]
    turns = [(bar.text, bar.start_ns // NS_PER_S, bar.end_ns // NS_PER_S) for bar in rows[0].tracks[0]]
    assert turns == [("A", 10, 30), ("B", 40, 50), ("A", 60, 70)]


def test_node_lanes_tell_a_planned_restart_from_a_loss(reports: Any) -> None:
    record = reports.record("UPD-002")
    # The node whose turn it is goes away in its reboot stage; NODE03 goes away in nobody's turn but NODE01's.
    turn = ["node-up", "node-paused", "node-rebooting", "node-up"]
    assert looks(record, "node", "NODE01") == turn
    assert looks(record, "node", "NODE03") == ["node-up", "node-down", *turn]


def test_nodes_of_a_lab_without_events_are_drawn_from_looks(tmp_path: Path) -> None:
    tell(tmp_path / "run", "upd-001", by_looks=True)
    record = load_record(tmp_path / "run")
    assert looks(record, "node", "NODE02") == ["node-up", "node-paused", "node-down", "node-up"]
    assert looks(record, "storage", "repair")


def test_marks_of_a_fault_come_in_order_and_words_stand_beside_the_last(reports: Any) -> None:
    fault = next(lane for lane in lanes_of(reports.record("UPD-002")) if lane.name == "fault")
    marks = fault.rows[0].marks
    assert [mark.glyph for mark in marks] == ["injected", "confirmed", "reverted", "clean"]
    assert [bool(mark.text) for mark in marks] == [False, False, False, True]
    assert marks[-1].text == "node.power_loss · NODE03 · clean"


def test_a_killed_run_shows_the_fault_still_active_the_blind_prober_and_the_break(reports: Any) -> None:
    record = reports.record("UPD-007")
    lanes = {lane.name: lane for lane in lanes_of(record)}
    fault = lanes["fault"].rows[0]
    assert [mark.glyph for mark in fault.marks] == ["armed", "injected", "confirmed"]
    active = fault.tracks[0][-1]
    assert (active.state, active.open, active.end_ns) == ("active", True, record.end_ns)
    health, blind = lanes["prober"].rows
    assert [mark.glyph for mark in health.marks] == ["missed"]
    assert [(bar.start_ns, bar.end_ns) for bar in blind.tracks[0]] == [(400_000_000_000, 401_000_000_000)]
    assert [mark.glyph for mark in lanes["run"].rows[0].marks] == ["missed"]


# --- table -----------------------------------------------------------------------------------------------------------


@pytest.mark.parametrize("scenario", RUNS)
def test_the_guest_rows_of_the_csv_are_the_ledger(reports: Any, scenario: str) -> None:
    record = reports.record(scenario)
    rows = list(csv.DictReader(io.StringIO(timeline_csv(record, lanes_of(record)))))
    told = [
        (
            row["subject"],
            int(row["start_ns"]),
            int(row["end_ns"]),
            row["state"],
            row["explained_by"],
            row["open"] == "yes",
        )
        for row in rows
        if row["lane"] == "guest"
    ]
    assert told == [
        (vm, gap["start_ns"], gap["end_ns"], gap["cause"], gap["explained_by"], gap["open"]) for vm, gap in record.gaps
    ]
    assert tuple(rows[0]) == COLUMNS
    for row in rows:
        seconds = (int(row["end_ns"]) - int(row["start_ns"])) / 1e9
        assert float(row["duration_s"]) == seconds
        assert row["start_utc"] == record.utc(int(row["start_ns"]))
