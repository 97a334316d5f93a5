"""Power of a node, lost and cycled: what proves it, what proves its end, what a fresh process needs to undo it."""

from __future__ import annotations

from dataclasses import replace

import pytest

from harness.azurelocal.conditions import UPTIME
from harness.clock import NS_PER_S
from harness.errors import ConfigError, FaultError
from harness.faults import FaultState, NodeFact, View, mode_of, undo
from harness.faults.port import LEGAL
from harness.faults.view import Contact, Told
from harness.testing.lab import ScriptedLab, lease_of

POWER = mode_of("node.power_loss")
CYCLE = mode_of("node.power_cycle")
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


class TestPowerCycle:
    """A reset node may be back before the cluster misses it: then the node's own word proves the reset."""

    @staticmethod
    def told(up_s: float | None, asked_s: int, answered_s: int) -> View:
        answer = Told({"node": "A", "up_s": up_s}, "A", answered_s * NS_PER_S, asked_s * NS_PER_S)
        return View(100 * NS_PER_S, {"A": UP}, told={(UPTIME.name, "A"): answer})

    @pytest.mark.parametrize(
        ("up_s", "asked_s", "proven"),
        [
            (5.0, 40, True),
            (20.0, 40, False),  # since the moment of the reset, at the earliest: it may be the start before
            (3600.0, 40, False),
            (5.0, 24, False),  # asked 4 s after the reset: it may have started before that
            (None, 40, False),
        ],
    )
    def test_a_start_after_the_reset(self, up_s: float | None, asked_s: int, proven: bool) -> None:
        proofs = CYCLE.effect("A", 20 * NS_PER_S, self.told(up_s, asked_s, 45))
        assert [(proof.source, proof.node) for proof in proofs] == ([("winrm", "A")] if proven else [])

    def test_a_slow_answer_does_not_make_a_start_look_younger(self) -> None:
        """It had run for 30 s at some moment between 22 s and 60 s: whether it started after 20 s is not known."""
        assert CYCLE.effect("A", 20 * NS_PER_S, self.told(30.0, asked_s=22, answered_s=60)) == ()

    def test_the_cluster_s_word_is_enough(self) -> None:
        (proof,) = CYCLE.effect("A", 49, view(replace(UP, state="Down")))
        assert proof.source == "cluster"
        assert CYCLE.effect("A", 49, view(UP)) == ()

    def test_the_target_itself_is_asked(self) -> None:
        assert CYCLE.question("A") == (UPTIME, "A")
        assert UPTIME.parse({"node": "A", "up_s": 12}) == {"node": "A", "up_s": 12}
        assert UPTIME.parse({"node": "A"})["up_s"] is None

    def test_nothing_is_left_to_lift(self) -> None:
        lab = ScriptedLab()
        CYCLE.inject("NODE02", lab, lease_of())
        undo(CYCLE.undo_record("NODE02"), lab, lease_of())
        assert [deed[:2] for deed in lab.deeds] == [("plant", "machine-reset NODE02"), ("lift", "machine-reset NODE02")]


def test_unknown_fault_is_refused_by_name() -> None:
    with pytest.raises(ConfigError, match=r"'disk\.fail'"):
        mode_of("disk.fail")


def test_clean_and_invalid_are_final_and_clean_is_reached_only_by_recovering() -> None:
    assert LEGAL[FaultState.CLEAN] == LEGAL[FaultState.INVALID] == frozenset()
    assert [state for state in FaultState if FaultState.CLEAN in LEGAL[state]] == [FaultState.RECOVERING]
