"""Nodes taken away by a cause from outside: the word, the cause, the proofs, the end."""

from __future__ import annotations

from dataclasses import replace

import pytest

from harness.faults import NodeFact, View, mode_of, undo
from harness.faults.view import Contact
from harness.labs.nested.outside import OUTSIDE
from harness.plan.vocabulary import FAULTS
from harness.testing.lab import ScriptedLab, lease_of

CAUSE_OF = {
    "node.hang": "machine-frozen",
    "network.isolate": "cables-out",
    "node.power_cycle": "machine-reset",
}
UP = NodeFact("Up", "NotInitiated", "B", 50)
DOWN = replace(UP, state="Down")


@pytest.mark.parametrize(("fault", "cause"), CAUSE_OF.items())
class TestEach:
    def test_word_and_cause_agree(self, fault: str, cause: str) -> None:
        assert FAULTS[fault].takes_node_down
        assert (FAULTS[fault].lifetime == "pulse") == OUTSIDE[cause].pulse

    def test_planted_with_its_parameters_and_lifted_by_its_record(self, fault: str, cause: str) -> None:
        lab, mode = ScriptedLab(), mode_of(fault, {"some": 1})
        mode.inject("NODE01", lab, lease_of())
        assert lab.planted == {cause: {"some": 1}}
        assert lab.deeds == [("plant", f"{cause} NODE01", 0)]
        for _ in range(2):
            undo(mode.undo_record("NODE01"), lab, lease_of())
        assert lab.planted == {}
        assert lab.deeds[-1] == ("lift", f"{cause} NODE01", 0)

    def test_effect_is_another_node_s_word_newer_than_the_injection(self, fault: str, cause: str) -> None:
        mode, silent = mode_of(fault), {"A": Contact(False, 60)}
        sources = [proof.source for proof in mode.effect("A", 49, View(100, {"A": DOWN}, silent))]
        assert sources == ["cluster", "winrm"]
        assert mode.effect("A", 50, View(100, {"A": DOWN}, silent)) == ()
        assert mode.effect("A", 0, View(100, {"A": UP}, silent)) == ()
        assert mode.effect("A", 0, View(100, {"A": replace(DOWN, seen_by="A")}, silent)) == (), "its own word"

    def test_recovery_is_a_fresh_word_that_it_is_back(self, fault: str, cause: str) -> None:
        mode = mode_of(fault)
        for state, back in (("Up", True), ("Paused", True), ("Down", False), ("Joining", False)):
            view = View(100, {"A": replace(UP, state=state)})
            assert bool(mode.recovery("A", 49, view)) is back
            assert mode.recovery("A", 50, view) == ()

    def test_a_node_that_is_away_already_is_no_target(self, fault: str, cause: str) -> None:
        mode = mode_of(fault)
        assert mode.check("A", View(100, {"A": UP})) is None
        assert "already Down" in str(mode.check("A", View(100, {"A": DOWN})))
        assert "nobody knows" in str(mode.check("A", View()))


@pytest.mark.parametrize("fault", ["node.hang", "network.isolate"])
def test_the_cluster_s_view_tells_enough(fault: str) -> None:
    assert mode_of(fault).question("A") is None
