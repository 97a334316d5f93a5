"""One fault through its whole life on the scripted lab, and every way out of it."""

from __future__ import annotations

from collections.abc import Callable
from typing import TYPE_CHECKING

import pytest

from harness.azurelocal.conditions import UPTIME
from harness.journal import Entry
from harness.labs.lease import Lease
from harness.testing.lab import BOOT_S, NOTICE_S, ScriptedLab
from harness.testing.rig import FAULT, Rig
from harness.testing.update import ScriptedUpdate

if TYPE_CHECKING:
    from tests.unit.run.conftest import Build

LIFE = ["fault.state ready", "fault.inject", "fault.injected", "fault.confirmed", "fault.state active"]
HEALING = ["fault.recover", "fault.state recovering", "fault.clean", "fault.state clean"]


def fault(**changes: str | None) -> str:
    """The sample fault with lines replaced; None takes a line away, a new key is added."""
    rows = {line.strip("- ").split(":")[0]: line for line in FAULT.splitlines()}
    for key, value in changes.items():
        name = {"lasts": "for", "while_": "while"}.get(key, key)
        rows[name] = "" if value is None else f"        {name}: {value}"
    return "\n".join(row for row in rows.values() if row) + "\n"


def undone(rig: Rig) -> list[str]:
    return [node for verb, node, _ in rig.lab.deeds if verb == "power_on"]


def injected(rig: Rig) -> list[str]:
    return [node for verb, node, _ in rig.lab.deeds if verb == "power_off"]


class TestLife:
    def test_every_step_in_order_with_proof(self, build: Build) -> None:
        rig = build(FAULT)
        assert rig.attempt() == "completed"
        assert rig.whats("fault.") == LIFE + HEALING
        assert rig.findings() == []
        assert rig.lab.holds == {}

    def test_undo_record_is_journalled_before_the_power_is_cut(self, build: Build) -> None:
        rig = build(FAULT)
        at_inject: list[list[str]] = []
        power_off = rig.lab.power_off
        rig.lab.power_off = lambda node, lease: (at_inject.append(rig.whats("fault.inj")), power_off(node, lease))[1]  # type: ignore[method-assign]
        rig.attempt()
        assert at_inject == [["fault.inject"]]
        (intent,) = rig.find("fault.inject")
        assert intent.kind.durable
        assert intent.data["undo"] == [{"verb": "power_on", "node": "NODE04"}]

    def test_hold_makes_the_moment_exact(self, build: Build) -> None:
        rig = build(FAULT)
        rig.attempt()
        (intent,) = rig.find("fault.inject")
        trigger = intent.data["trigger"]
        (event,) = [line for line in rig.find("event") if line.data["number"] == trigger["event_number"]]
        assert event.data["path"] == "update/install/cau/node[NODE01]/reboot"
        assert trigger["lag_ns"] == 0
        assert rig.lab.deeds[0] == ("power_off", "NODE04", event.data["t_ns"])

    def test_it_lasts_exactly_as_long_as_planned_and_is_undone_once(self, build: Build) -> None:
        rig = build(FAULT)
        rig.attempt()
        (off, _, off_ns), (on, _, on_ns) = rig.lab.deeds
        assert (off, on) == ("power_off", "power_on")
        assert (on_ns - off_ns) / 1e9 == 180

    def test_proofs_are_newer_than_what_they_prove_and_not_the_injectors(self, build: Build) -> None:
        rig = build(FAULT)
        rig.attempt()
        (hit,), (recover,), (confirmed,), (clean,) = map(
            rig.find, ("fault.injected", "fault.recover", "fault.confirmed", "fault.clean")
        )
        assert (confirmed.t_lab_ns or 0) - (hit.t_lab_ns or 0) >= NOTICE_S * 1e9
        assert (clean.t_lab_ns or 0) - (recover.t_lab_ns or 0) >= BOOT_S * 1e9
        for line in (confirmed, clean):
            assert line.data["by"][0]["source"] == "cluster"
            assert line.data["by"][0]["node"] != "NODE04"

    def test_two_targets_are_each_injected_and_undone_once(self, build: Build) -> None:
        rig = build(fault(target="node(3) | node(4)"), nodes_down=3)
        rig.attempt()
        assert injected(rig) == undone(rig) == ["NODE03", "NODE04"]
        assert rig.whats("fault.").count("fault.clean") == 1
        assert rig.findings() == []

    def test_without_hold_the_lag_is_told_and_judged(self, build: Build) -> None:
        rig = build(fault(hold="false"))
        rig.attempt()
        assert rig.find("fault.missed") or rig.find("fault.inject")[0].data["trigger"]["lag_ns"] <= 500e6


class TestFromOutside:
    """Faults whose causes the lab brings about at the machines."""

    @staticmethod
    def back_after(rig: Rig, away_s: float) -> None:
        """What is planted takes the node away, for so long."""
        plant = rig.lab.plant

        def planted(cause: str, node: str | None, parameters: object, lease: Lease) -> None:
            plant(cause, node, {}, lease)
            machine, since_ns = rig.lab.cluster[node or ""], rig.lab.clock.t_ns
            machine.powered = False

            def missed() -> None:
                if not machine.powered:
                    rig.lab.set_state(node or "", "Down")

            def back() -> None:
                machine.powered = True
                rig.lab.set_state(node or "", "Up")
                started_ns = rig.lab.clock.t_ns
                rig.lab.answers[UPTIME.script] = lambda asked: {
                    "node": asked,
                    "up_s": (rig.lab.clock.t_ns - (started_ns if asked == node else 0)) / 1e9,
                }

            rig.lab.do_at(since_ns / 1e9 + NOTICE_S, missed)
            rig.lab.do_at(since_ns / 1e9 + away_s, back)

        rig.lab.plant = planted  # type: ignore[method-assign]

    @pytest.mark.parametrize(("away_s", "source"), [(BOOT_S, "cluster"), (NOTICE_S / 2, "winrm")])
    def test_a_pulse_is_over_once_it_is_proven_and_healed(self, build: Build, away_s: float, source: str) -> None:
        """However quickly the node is back: seen by the cluster, or told by its own start."""
        rig = build(fault(fault="node.power_cycle", lasts=None))
        self.back_after(rig, away_s)
        assert rig.attempt() == "completed"
        assert rig.whats("fault.") == LIFE + HEALING
        assert rig.findings() == []
        assert rig.find("fault.confirmed")[0].data["by"][0]["source"] == source
        assert [deed[0] for deed in rig.lab.deeds] == ["plant", "lift"]

    def test_a_reset_that_did_not_come_about_is_never_confirmed(self, build: Build) -> None:
        rig = build(fault(fault="node.power_cycle", lasts=None))
        rig.lab.answers[UPTIME.script] = lambda node: {"node": node, "up_s": 86_400 + rig.lab.clock.t_ns / 1e9}
        rig.attempt()
        assert "fault-not-confirmed" in rig.findings()
        assert "fault.state active" not in rig.whats()

    def test_a_frozen_node_is_let_go_when_its_time_is_over(self, build: Build) -> None:
        rig = build(fault(fault="node.hang"))
        self.back_after(rig, 240)
        rig.attempt()
        assert rig.whats("fault.") == LIFE + HEALING
        (plant, _, planted_ns), (lift, whom, lifted_ns) = rig.lab.deeds
        assert (plant, lift, whom) == ("plant", "lift", "machine-frozen NODE04")
        assert (lifted_ns - planted_ns) / 1e9 == 180


class TestMoment:
    def test_nth_occurrence(self, build: Build) -> None:
        rig = build(fault(on="phase.enter update/install/cau/node[*]/reboot nth=3"))
        rig.attempt()
        number = rig.find("fault.inject")[0].data["trigger"]["event_number"]
        (event,) = [line for line in rig.find("event") if line.data["number"] == number]
        assert event.data["path"] == "update/install/cau/node[NODE03]/reboot"

    def test_last_occurrence(self, build: Build) -> None:
        rig = build(fault(on="phase.enter update/install/cau/node[*]/drain last", target="node(1)"))
        rig.attempt()
        assert rig.find("fault.inject")[0].data["occurrence"] == 4
        assert rig.findings() == []

    def test_role_is_resolved_when_the_fault_fires(self, build: Build) -> None:
        rig = build(fault(target="next_to_update"))
        rig.attempt()
        assert rig.find("fault.inject")[0].data["target"] == "NODE02"

    def test_missed_moment_is_armed_again(self, build: Build) -> None:
        """At the first reboot one node is down: `unless` holds until the scenario's condition is met."""
        rig = build(fault(unless="storage.resync >= 1", rearm="2"))
        rig.lab.jobs.append("repair")
        rig.lab.do_at(500, rig.lab.jobs.clear)
        rig.attempt()
        missed = rig.find("fault.missed")
        assert [line.data["rearmed"] for line in missed] == [True] * len(missed) != []
        assert rig.whats("fault.")[-4:] == HEALING
        assert rig.findings() == []

    def test_missed_for_good_is_inconclusive_and_lets_go_of_the_hold(self, build: Build) -> None:
        rig = build(fault(while_="storage.resync >= 1"))
        assert rig.attempt() == "completed"
        assert rig.findings() == ["fault-missed"]
        assert rig.whats("fault.")[-2:] == ["fault.missed", "fault.state invalid"]
        assert rig.lab.deeds == []
        assert rig.lab.holds == {}

    def test_trigger_that_never_comes_is_missed_when_the_update_ends(self, build: Build) -> None:
        rig = build(fault(on="storage.resync.start", rearm="3"))
        rig.attempt()
        (line,) = rig.find("fault.missed")
        assert line.data["rearmed"] is False
        assert rig.findings() == ["fault-missed"]

    def test_guard_refuses_on_live_facts(self, build: Build) -> None:
        """The plan allows one more node to be down than there is, but a node is down that nobody reckoned with."""
        rig = build(fault(), nodes_down=2)
        rig.lab.do_at(150, lambda: rig.lab.set_state("NODE03", "Down"))
        rig.attempt()
        assert "guard-refused" in rig.findings()
        assert rig.lab.deeds == []
        assert rig.lab.holds == {}
        assert rig.whats("fault.")[-1] == "fault.state invalid"

    def test_target_that_is_down_already_is_no_target(self, build: Build) -> None:
        rig = build(fault(target="node(3)"), nodes_down=4)
        rig.lab.do_at(150, lambda: rig.lab.set_state("NODE03", "Down"))
        rig.attempt()
        assert rig.findings() == ["fault-missed"]
        assert "already Down" in rig.find("fault.missed")[0].data["why"]


class TestProof:
    def test_effect_that_nobody_sees_is_reverted_and_told(self, build: Build) -> None:
        rig = build(FAULT)
        rig.lab.set_state = lambda node, state: None  # type: ignore[method-assign]
        assert rig.attempt() == "completed"
        assert "fault-not-confirmed" in rig.findings()
        assert undone(rig) == ["NODE04"]
        assert "fault.state active" not in rig.whats()
        assert rig.find("fault.recover")[0].data["why"] == "not confirmed"

    def test_target_that_does_not_heal_is_never_clean(self, build: Build) -> None:
        rig = build(fault(on="phase.enter update/install/cau/node[*]/reboot nth=2", target="node(1)"))
        rig.lab.power_on = lambda node, lease: rig.lab.deeds.append(("power_on", node, 0))  # type: ignore[method-assign]
        assert rig.attempt() == "completed"
        assert rig.findings() == ["fault-not-clean"]
        assert undone(rig) == ["NODE01"]
        assert "fault.clean" not in rig.whats()
        assert rig.conductor is not None
        assert rig.conductor.tainted is not None


class TestOthers:
    def test_second_fault_waits_for_the_first(self, build: Build) -> None:
        second = fault(on=None, hold=None, after="dies.clean + 30s", target="node(2)", id="again").replace(
            "        id: again", "      - id: again"
        )
        rig = build(FAULT + second)
        rig.attempt()
        (clean, *_) = [line for line in rig.find("fault.state") if line.data["to"] == "clean"]
        (again,) = [line for line in rig.find("fault.inject") if line.subject == "fault/again"]
        assert again.data["trigger"]["t_seen_ns"] - (clean.t_lab_ns or 0) == 30_000_000_000
        assert rig.findings() == []
        assert injected(rig) == undone(rig) == ["NODE04", "NODE02"]

    def test_second_fault_whose_time_comes_after_the_end_is_not_injected(self, build: Build) -> None:
        second = fault(on=None, hold=None, after="dies.clean + 20m", target="node(2)", id="again").replace(
            "        id: again", "      - id: again"
        )
        rig = build(FAULT + second)
        rig.lab.jobs.append("repair")  # the cluster does not come to rest: half an hour of settling
        assert rig.attempt() == "completed"
        assert injected(rig) == ["NODE04"]
        assert rig.findings() == ["fault-missed"]

    def test_order_of_faults_in_the_plan_does_not_matter(self, build: Build) -> None:
        second = fault(on=None, hold=None, after="dies.ready + 5m", target="node(2)", id="again").replace(
            "        id: again", "      - id: again"
        )
        rig = build(second + FAULT, nodes_down=3)
        reverse = build(FAULT + second, nodes_down=3)
        for one in (rig, reverse):
            one.attempt()
            assert one.findings() == []
            assert sorted(injected(one)) == ["NODE02", "NODE04"]

    def test_until_an_event(self, build: Build) -> None:
        rig = build(
            fault(lasts=None, until="{event: 'phase.enter update/install/cau/node[NODE02]/drain', or_after: 1h}")
        )
        rig.attempt()
        (event, *_) = [
            line for line in rig.find("event") if line.data["path"] == "update/install/cau/node[NODE02]/drain"
        ]
        assert rig.lab.deeds[1][2] - event.data["t_ns"] <= 60e9
        assert rig.findings() == []

    def test_until_an_event_that_comes_before_the_proof(self, build: Build) -> None:
        rig = build(fault(lasts=None, until="{event: node.down, or_after: 1h}"))
        rig.attempt()
        (_, _, off_ns), (_, _, on_ns) = rig.lab.deeds
        assert (on_ns - off_ns) / 1e9 < 120
        assert rig.findings() == []

    def test_until_at_the_latest(self, build: Build) -> None:
        rig = build(fault(lasts=None, until="{event: storage.resync.start, or_after: 4m}"))
        rig.attempt()
        (_, _, off_ns), (_, _, on_ns) = rig.lab.deeds
        assert (on_ns - off_ns) / 1e9 == 240


class TestAbort:
    @pytest.mark.parametrize("moment", LIFE + HEALING)
    def test_stop_at_any_moment_leaves_nothing_behind(self, build: Build, moment: str) -> None:
        rig = build(FAULT)

        def stop_there(*_: object) -> None:
            if rig.whats("fault.")[-1:] == [moment]:
                rig.stop.set("stopped by SIGINT")

        rig.on_line = stop_there
        assert rig.attempt() == "aborted"
        assert rig.findings() == ["aborted"]
        assert set(undone(rig)) == set(injected(rig))
        assert all(node.powered and node.state != "Down" for node in (rig.lab.cluster["NODE04"],))
        if injected(rig):
            assert rig.whats("fault.")[-1] == "fault.state clean"
            assert rig.find("fault.recover")[-1].data["target"] == "NODE04"
        assert rig.lab.holds == {}

    def test_stop_after_the_effect_and_before_its_proof(self, build: Build) -> None:
        rig = build(FAULT)

        def stop_there(entry: Entry, _: object) -> None:
            if entry.data.get("kind") == "node.down" and entry.data["node"] == "NODE04":
                rig.stop.set("stopped by SIGINT")

        rig.on_line = stop_there
        assert rig.attempt() == "aborted"
        assert "fault.confirmed" not in rig.whats()
        assert rig.whats("fault.")[-4:] == HEALING

    def test_fault_withdrawn_while_it_gets_its_facts_is_not_injected(self, build: Build) -> None:
        rig = build(FAULT)

        def withdraw() -> None:
            assert rig.conductor is not None
            (cycle,) = rig.conductor._faults
            if cycle._firing:
                cycle.abort()

        rig.before_step = withdraw
        rig.attempt()
        assert rig.lab.deeds == []
        assert rig.lab.holds == {}

    def test_second_stop_does_not_interrupt_the_undo(self, build: Build) -> None:
        rig = build(FAULT)

        def stop_twice(*_: object) -> None:
            if "fault.state active" in rig.whats():
                rig.stop.set("stopped by SIGINT")
            if "fault.recover" in rig.whats():
                rig.stop.set("stopped by SIGTERM")

        rig.on_line = stop_twice
        assert rig.attempt() == "aborted"
        assert rig.find("finding")[0].data["summary"].endswith("stopped by SIGINT")
        assert rig.whats("fault.")[-1] == "fault.state clean"
        assert rig.find("fault.recover")[0].data["why"] == "abort"

    def test_stop_while_the_fault_gets_its_facts_is_undone_at_once(self, build: Build) -> None:
        rig = build(fault(), lab=(lab := ScriptedLab()), update=ScriptedUpdate(lab))
        tell: Callable[[str], object] = next(iter(lab.answers.values()))
        script = next(iter(lab.answers))

        def ask(node: str) -> object:
            if rig.lab.holds and any(event.path.endswith("/reboot") for event in lab.events(-1)):
                rig.stop.set("stopped by SIGINT")
            return tell(node)

        lab.answers[script] = ask
        assert rig.attempt() == "aborted"
        assert injected(rig) == undone(rig)
        assert lab.deeds[-1][2] == lab.deeds[0][2], "the undo waits for nothing"
