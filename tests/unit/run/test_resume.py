"""`kill -9` at any line of the journal: the next process goes on, starts nothing twice and leaves no fault behind."""

from __future__ import annotations

import dataclasses
from typing import TYPE_CHECKING, Any

import pytest

from harness.faults import FaultState
from harness.journal import Entry
from harness.run.conductor import Conductor
from harness.run.memory import RunMemory, remember
from harness.testing.lab import ScriptedLab
from harness.testing.rig import FAULT, Rig
from harness.testing.update import ScriptedUpdate

if TYPE_CHECKING:
    from tests.unit.run.conftest import Build

CHAINED = FAULT + (
    FAULT.replace("id: dies", "id: again")
    .replace("on: phase.enter update/install/cau/node[*]/reboot nth=1", "after: dies.clean + 30s")
    .replace("        hold: true\n", "")
    .replace("node(4)", "node(1)")
)


SEEN = ("update", "cluster", "endpoint", "event", "samples", "evidence")
"""Records of what was seen."""


def states(memory: RunMemory) -> dict[str, Any]:
    """What must be the same in a memory that was folded and in one that lived."""
    update = dataclasses.asdict(memory.update)
    faults = {
        name: {
            "state": fault.state,
            "rearmed": fault.rearmed,
            "targets": fault.targets,
            "injected_ns": fault.injected_ns,
            "hit": fault.hit,
            "confirmed": fault.confirmed,
            "recover_at_ns": fault.recover_at_ns,
            "recovering_ns": fault.recovering_ns,
            "entered_ns": fault.entered_ns,
        }
        for name, fault in memory.faults.items()
    }
    return {"update": update, "faults": faults, "events": memory.last_event, "samples": memory.sampled_to_ns}


def living(conductor: Conductor) -> dict[str, Any]:
    memory = conductor._memory
    memory.faults = {cycle.fault.id: cycle.memory for cycle in conductor._faults if cycle.state is not FaultState.NEW}
    memory.update = conductor._update.memory
    memory.last_event = conductor._loop.last_event
    return states(memory)


@pytest.mark.parametrize("faults", [FAULT, CHAINED], ids=["one", "chained"])
def test_fold_of_the_journal_is_the_living_state(build: Build, faults: str) -> None:
    """At every line at which the run comes to rest: just before the next step of its loop."""
    lab = ScriptedLab()
    update = ScriptedUpdate(lab, fails={1: "NODE02"}, loses_reply={2})
    rig = build(faults, lab=lab, update=update, resumes=1)
    compared = 0

    def compare() -> None:
        nonlocal compared
        conductor = rig.conductor
        if conductor is not None and rig.lines[-1].seq > compared:
            compared = rig.lines[-1].seq
            folded = remember(rig.lines)
            assert states(folded) == living(conductor), f"after line {compared}"

    rig.before_step = compare
    assert rig.attempt() == "completed"
    assert compared > 50
    assert rig.findings() == []


def conclusions(rig: Rig) -> dict[str, Any]:
    """What a verdict rests on."""
    return {
        "starts": len(rig.update.starts),
        "state": rig.update.state,
        "off": sorted({node for verb, node, _ in rig.lab.deeds if verb == "power_off"}),
        "final": [line.data["update_state"]["name"] for line in rig.find("final")][-1:],
        "clean": sorted({line.subject for line in rig.find("fault.clean")}),
    }


def check_after_resume(rig: Rig, whole: dict[str, Any], where: str) -> None:
    assert conclusions(rig) == whole, where
    numbers = [line.data["number"] for line in rig.find("update.start")]
    assert len(set(numbers)) == len(numbers), where
    assert set(rig.findings()) <= {"fault-not-confirmed"}, where
    assert all(node.powered for node in rig.lab.cluster.values()), where
    assert rig.lab.holds == {}, where


def cuts(lines: tuple[Entry, ...], dies_before: bool) -> list[int]:
    """Every line that decides or does something and the one before it; of those that only tell, a sample.

    Dying before a line differs from dying after the one before only where something was done in between.
    """
    acts = {line.seq for line in lines[2:-1] if line.what not in SEEN}
    if dies_before:
        return sorted(acts)
    return sorted(acts | {seq - 1 for seq in acts} | set(range(3, len(lines) - 1, 9)))


@pytest.mark.parametrize("dies_before", [False, True], ids=["after the line", "before the line"])
def test_resume_from_every_line(build: Build, dies_before: bool) -> None:
    rig = build(CHAINED, nodes_down=2)
    assert rig.attempt() == "completed"
    whole = conclusions(rig)
    assert whole["clean"] == ["fault/again", "fault/dies"]
    for cut in cuts(rig.lines, dies_before):
        rig = build(CHAINED, nodes_down=2)
        assert rig.attempt(dies_at=cut, dies_before=dies_before) is None
        assert rig.attempt() == "completed", f"killed at line {cut}"
        check_after_resume(rig, whole, f"killed at line {cut}")
        assert [line.attempt for line in rig.lines] == sorted(line.attempt for line in rig.lines)


def test_start_whose_intent_was_the_last_line_is_looked_for_before_it_is_sent(build: Build) -> None:
    rig = build()
    rig.attempt()
    (intent,) = rig.find("update.start")
    rig = build()
    assert rig.attempt(dies_at=intent.seq) is None
    asked = len(rig.lab.asked)
    assert rig.attempt() == "completed"
    scripts = [script for _, script in rig.lab.asked[asked:]]
    assert scripts.index("find-running") < next(at for at, script in enumerate(scripts) if script.startswith("start "))
    assert len(rig.update.starts) == 1


def test_occurrences_seen_by_a_dead_process_count(build: Build) -> None:
    third = FAULT.replace("nth=1", "nth=3")
    rig = build(third)
    rig.attempt()
    (second_reboot,) = [
        line for line in rig.find("event") if line.data["path"] == "update/install/cau/node[NODE02]/reboot"
    ][:1]
    rig = build(third)
    assert rig.attempt(dies_at=second_reboot.seq) is None
    assert rig.attempt() == "completed"
    number = rig.find("fault.inject")[0].data["trigger"]["event_number"]
    (event,) = [line for line in rig.find("event") if line.data["number"] == number]
    assert event.data["path"] == "update/install/cau/node[NODE03]/reboot"
    assert rig.findings() == []


def test_stop_right_after_resume_undoes_what_the_dead_process_did(build: Build) -> None:
    rig = build(FAULT)
    rig.attempt()
    for what in ("fault.inject", "fault.injected", "fault.confirmed", "fault.recover", "fault.state"):
        line = rig.find(what)[-2 if what == "fault.state" else -1]
        other = build(FAULT)
        assert other.attempt(dies_at=line.seq) is None
        other.stop.set("stopped by SIGINT")
        assert other.attempt() == "aborted"
        assert other.whats("fault.")[-1] == "fault.state clean", what
        assert all(node.powered for node in other.lab.cluster.values())


def test_new_baseline_forgets_what_was_seen_before_it(build: Build) -> None:
    lines = [
        ("baseline", {"outcome": "ready"}),
        ("samples", {"to_ns": 900}),
        (
            "event",
            {"number": 3, **dict.fromkeys(("t_ns", "kind", "path", "node", "vm", "source", "t_err_ns", "attrs"))},
        ),
        ("baseline", {"outcome": "ready"}),
    ]
    entries = [
        Entry(n, 1, 0, 0, "", "", None, "run", {"what": what, **data}, "") for n, (what, data) in enumerate(lines)
    ]  # type: ignore[arg-type]
    assert (remember(entries[:3]).last_event, remember(entries[:3]).sampled_to_ns) == (3, 900)
    memory = remember(entries)
    assert (memory.last_event, memory.sampled_to_ns, memory.begun) == (-1, 0, False)
