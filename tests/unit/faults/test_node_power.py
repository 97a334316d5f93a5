"""Node power loss: what proves it, what proves its end, and what a fresh process needs to undo it."""

from __future__ import annotations

from dataclasses import replace

import pytest

from harness.errors import ConfigError, FaultError
from harness.faults import FaultState, NodeFact, View, mode_of, undo
from harness.faults.port import LEGAL
from harness.faults.view import Contact
from harness.testing.lab import ScriptedLab, lease_of

POWER = mode_of("node.power_loss")
UP = NodeFact("Up", "NotInitiated", "B", 50)


def view(fact: NodeFact | None = None, contact: Contact | None = None) -> View:
    return View(100, {"A": fact} if fact else {}, {"A": contact} if contact else {})


class TestCheck:
    @pytest.mark.parametrize(
        ("state", "allowed"), [("Up", True), ("Paused", True), ("Down", False), ("Joining", False)]
    )
    def test_only_a_node_that_runs_can_lose_power(self, state: str, allowed: bool) -> None:
        reason = POWER.check("A", view(replace(UP, state=state)))
        assert (reason is None) == allowed
        assert allowed or f"already {state}" in str(reason)

    def test_unknown_node(self) -> None:
        assert "nobody knows" in str(POWER.check("A", view()))


class TestProof:
    def test_effect_needs_another_node_s_word_newer_than_the_injection(self) -> None:
        down = replace(UP, state="Down")
        assert [proof.plain() for proof in POWER.effect("A", 49, view(down))] == [
            {"source": "cluster", "node": "B", "fact": "A is Down"}
        ]
        for since_ns, fact in ((50, down), (51, down), (10, UP), (10, replace(UP, state="Isolated"))):
            assert POWER.effect("A", since_ns, view(fact)) == ()
        assert POWER.effect("A", 0, view()) == ()

    def test_silence_of_the_node_itself_supports_and_never_suffices(self) -> None:
        down, silent = replace(UP, state="Down"), Contact(False, 60)
        assert [proof.source for proof in POWER.effect("A", 40, view(down, silent))] == ["cluster", "winrm"]
        assert [proof.source for proof in POWER.effect("A", 40, view(down, Contact(True, 60)))] == ["cluster"]
        assert [proof.source for proof in POWER.effect("A", 40, view(down, Contact(False, 40)))] == ["cluster"]
        assert POWER.effect("A", 40, view(UP, silent)) == ()

    @pytest.mark.parametrize(("state", "healed"), [("Up", True), ("Paused", True), ("Down", False), ("Joining", False)])
    def test_recovery_needs_a_fresh_word_too(self, state: str, healed: bool) -> None:
        fact = replace(UP, state=state)
        assert bool(POWER.recovery("A", 49, view(fact))) is healed
        assert POWER.recovery("A", 50, view(fact)) == ()


class TestUndo:
    def test_record_alone_is_enough(self) -> None:
        lab = ScriptedLab()
        record = POWER.undo_record("NODE02")
        POWER.inject("NODE02", lab, lease_of())
        undo(record, lab, lease_of())
        undo(record, lab, lease_of())
        assert lab.power_state("NODE02") == "on"
        lab.clock.advance(10**12)
        assert lab.cluster["NODE02"].state == "Up"

    @pytest.mark.parametrize("record", [{}, {"verb": "plug_in", "node": "A"}])
    def test_unknown_record_is_refused(self, record: dict[str, str]) -> None:
        lab = ScriptedLab()
        with pytest.raises(FaultError, match="no verb"):
            undo(record, lab, lease_of())
        assert lab.deeds == []


def test_unknown_fault_is_refused_by_name() -> None:
    with pytest.raises(ConfigError, match=r"'disk\.fail'"):
        mode_of("disk.fail")


def test_clean_and_invalid_are_final_and_clean_is_reached_only_by_recovering() -> None:
    assert LEGAL[FaultState.CLEAN] == LEGAL[FaultState.INVALID] == frozenset()
    assert [state for state in FaultState if FaultState.CLEAN in LEGAL[state]] == [FaultState.RECOVERING]
