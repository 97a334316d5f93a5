"""Faults by their cause: what is planted, what proves it, what proves that it is gone."""

from __future__ import annotations

from typing import Any

import pytest

from harness.azurelocal.conditions import DRIVE, GROUPS, PLANS, SERVICE
from harness.errors import FaultError
from harness.faults import NodeFact, View, mode_of, undo
from harness.faults.causes import CAUSES
from harness.faults.view import Told
from harness.plan.vocabulary import FAULTS
from harness.testing.lab import ScriptedLab, lease_of

UP = NodeFact("Up", "NotInitiated", "B", 50)
WRONG: dict[str, tuple[Any, Any]] = {
    "node.fill_system_drive": (
        {"node": "A", "free_gb": 22.0, "temp_gb": 0.1},
        {"node": "A", "free_gb": 81.0, "temp_gb": 0.1},
    ),
    "update.orphan_plan": (
        [{"id": "7", "name": "GetCauDeviceInfo", "status": "Running", "age_h": 1440.0}],
        [{"id": "8", "name": "GetCauDeviceInfo", "status": "Running", "age_h": 0.1}],
    ),
    "resource_bridge.stop": (
        [{"name": "x-control-plane-0", "state": "Offline"}],
        [{"name": "x-control-plane-0", "state": "Online"}],
    ),
    "update_service.wedge": ({"answer_s": 100.0, "error": "GatewayTimeout"}, {"answer_s": 1.0, "error": ""}),
}
QUESTIONS = {"system-drive-full": DRIVE, "orphan-device-info-plan": PLANS, "resource-bridge-offline": GROUPS}


def view(fault: str, value: Any, t_ns: int = 60) -> View:
    cause = CAUSES[fault]
    return View(100, {"A": UP}, told={(cause.question.name, "A" if cause.on_node else ""): Told(value, "C", t_ns)})


@pytest.mark.parametrize("fault", CAUSES)
class TestEachCause:
    def test_word_and_capability_are_the_plan_s(self, fault: str) -> None:
        assert FAULTS[fault].capability == "causes"
        assert FAULTS[fault].lifetime == "state"

    def test_planted_with_its_parameters_and_lifted_by_its_record(self, fault: str) -> None:
        lab, mode = ScriptedLab(), mode_of(fault, {"some": 1})
        mode.inject("NODE01", lab, lease_of())
        assert lab.planted == {CAUSES[fault].name: {"some": 1}}
        for _ in range(2):
            undo(mode.undo_record("NODE01"), lab, lease_of())
        assert lab.planted == {}

    def test_effect_needs_a_node_s_word_newer_than_the_injection(self, fault: str) -> None:
        mode, (wrong, right) = mode_of(fault), WRONG[fault]
        (proof,) = mode.effect("A", 59, view(fault, wrong))
        assert (proof.source, proof.node) == ("winrm", "C")
        assert mode.effect("A", 60, view(fault, wrong)) == ()
        assert mode.effect("A", 0, view(fault, right)) == ()
        assert mode.effect("A", 0, View(100, {"A": UP})) == ()

    def test_recovery_needs_a_fresh_word_that_nothing_is_wrong(self, fault: str) -> None:
        mode, (wrong, right) = mode_of(fault), WRONG[fault]
        assert mode.recovery("A", 59, view(fault, right))
        assert mode.recovery("A", 60, view(fault, right)) == ()
        assert mode.recovery("A", 0, view(fault, wrong)) == ()

    def test_question_goes_to_the_node_that_knows(self, fault: str) -> None:
        question, node = mode_of(fault).question("A") or (None, None)
        assert question is QUESTIONS.get(CAUSES[fault].name, SERVICE)
        assert node == ("A" if CAUSES[fault].on_node else None)


def test_drive_of_a_node_that_is_away_cannot_be_filled() -> None:
    mode = mode_of("node.fill_system_drive")
    assert "unknown" in str(mode.check("A", View()))
    assert "Down" in str(mode.check("A", View(1, {"A": NodeFact("Down", "", "B", 1)})))
    assert mode.check("A", View(1, {"A": UP})) is None


def test_record_of_an_unknown_verb_is_refused() -> None:
    with pytest.raises(FaultError, match="no verb"):
        undo({"verb": "sing"}, ScriptedLab(), lease_of())
