"""Trouble through its guide: evidence, diagnosis, remedy, verification; and guides that do not help."""

from __future__ import annotations

from collections.abc import Callable
from typing import TYPE_CHECKING, Any

import pytest

from harness.azurelocal.conditions import GROUPS
from harness.guides import find_guide
from harness.journal import read_journal
from harness.judge.judgement import judge
from harness.testing.lab import ScriptedLab
from harness.testing.rig import Rig
from harness.testing.update import ScriptedUpdate
from harness.transports.powershell import script_json
from harness.values import Verdict

if TYPE_CHECKING:
    from tests.unit.run.conftest import Build

OFFLINE = (
    "Type 'EnsureArbVmResourceState' of Role 'MocArb' raised an exception: "
    "Failed component status checks [ResourceBridge Status  = Offline]"
)
REMEDY = script_json(find_guide("upd-arb-offline").remedy[0].script or "", depth=2)
POLICY = "{expect: [upd-arb-offline], within: 2h}"


class Bridge:
    """The resource bridge: offline until its group is started, or for ever."""

    def __init__(self, lab: ScriptedLab, *, starts: bool = True) -> None:
        self.online = False
        self.starts = starts
        self.started: list[str] = []
        lab.answers[GROUPS.script] = lambda node: [{"name": "x-control-plane-0", "state": self.state}]
        lab.answers[REMEDY] = self._start

    @property
    def state(self) -> str:
        return "Online" if self.online else "Offline"

    def _start(self, node: str) -> None:
        self.started.append(node)
        self.online = self.starts


Make = Callable[..., tuple[Rig, Bridge]]


@pytest.fixture
def make(build: Build) -> Make:
    def made(*, starts: bool = True, guides: str = POLICY, error: str = OFFLINE, **changes: Any) -> tuple[Rig, Bridge]:
        lab = ScriptedLab()
        update = ScriptedUpdate(lab, fails={1: "NODE02"})
        update.error = error
        bridge = Bridge(lab, starts=starts)
        return build(lab=lab, update=update, guides=guides, **changes), bridge

    return made


def outcome(rig: Rig) -> str:
    (done,) = rig.find("guide.done")
    return str(done.data["outcome"])


def judged(rig: Rig) -> Any:
    return judge(read_journal(rig.folder / "journal.jsonl"))


def test_failed_update_is_led_out_and_resumed(make: Make) -> None:
    rig, bridge = make()
    assert rig.attempt() == "completed"
    order = ["guide.trouble", "guide.diagnosis", "guide.step", "guide.step.done", "guide.verified", "guide.done"]
    assert rig.whats("guide.") == [*order, "guide.recovered"]
    (diagnosis,) = rig.find("guide.diagnosis")
    ranked = {one["guide"]: (one["rank"], one["standing"], one["excluded_by"]) for one in diagnosis.data["candidates"]}
    assert ranked["upd-arb-offline"] == (1, "applies", "")
    assert ranked["upd-arb-scope-locked"] == (2, "excluded", "lock-named")
    assert len(bridge.started) == 1
    assert [number for number, _ in enumerate(rig.update.starts)] == [0, 1]
    assert rig.find("final")[0].data["update_state"]["name"] == "Installed"
    assert rig.findings() == []
    assert not [each for each in judged(rig).findings if each.outcome is Verdict.GUIDE_GAP]


def test_evidence_is_on_disk_and_named_before_the_first_step(make: Make) -> None:
    rig, _ = make()
    rig.attempt()
    evidence = next(entry for entry in rig.find("evidence") if entry.data["file"] == "evidence/guide-1.json")
    (step,) = rig.find("guide.step")
    assert evidence.seq < step.seq
    assert (rig.folder / "evidence" / "guide-1.json").is_file()


def test_intent_of_a_step_stands_before_its_effect_with_the_script(make: Make) -> None:
    rig, _ = make()
    rig.attempt()
    (step,), (done,) = rig.find("guide.step"), rig.find("guide.step.done")
    assert step.kind.value == "intent"
    assert "Start-ClusterGroup" in step.data["script"]
    assert (step.data["nodes"], done.data["error"]) == ([done.data["node"]], "")


def test_remedy_without_effect_is_not_verified_and_the_run_goes_on(make: Make) -> None:
    rig, bridge = make(starts=False)
    assert rig.attempt() == "completed"
    assert outcome(rig) == "not-verified"
    assert len(rig.find("guide.verified")) > 1
    assert len(bridge.started) == 1
    (gap,) = [each for each in judged(rig).findings if each.outcome is Verdict.GUIDE_GAP]
    assert gap.id == "guide-gap"
    assert "the symptom stayed" in gap.summary


def test_guide_that_the_plan_does_not_expect_is_not_followed(make: Make) -> None:
    rig, bridge = make(guides="{expect: [ev-systemdrive-free-space]}")
    rig.attempt()
    assert outcome(rig) == "not-first"
    assert bridge.started == []
    assert [each.id for each in judged(rig).findings if each.outcome is Verdict.GUIDE_GAP] == ["guide-symptom-missing"]


def test_destructive_remedy_waits_for_the_plan_s_approval(make: Make) -> None:
    rig, _ = make(guides="{expect: [upd-get-solutionupdate-gatewaytimeout]}", error="")
    rig.lab.answers[GROUPS.script] = lambda node: []
    from harness.azurelocal.conditions import SERVICE

    rig.lab.answers[SERVICE.script] = lambda node: {"answer_s": 100, "error": "GatewayTimeout"}
    rig.attempt()
    assert outcome(rig) == "not-approved"
    assert rig.find("guide.step") == []


def test_nothing_applies(make: Make) -> None:
    rig, _ = make(error="something else")
    rig.attempt()
    assert outcome(rig) == "no-diagnosis"


def test_without_a_policy_a_failure_ends_the_update(make: Make) -> None:
    rig, bridge = make(guides="")
    rig.attempt()
    assert rig.whats("guide.") == []
    assert "update-failed" in rig.findings()
    assert bridge.started == []


def test_second_trouble_is_beyond_the_plan(make: Make) -> None:
    rig, _ = make()
    rig.update._fails[2] = "NODE03"
    rig.attempt()
    assert len(rig.find("guide.done")) == 1
    assert "update-failed" in rig.findings()


def test_trouble_that_never_comes_proves_nothing(build: Build) -> None:
    rig = build(guides=POLICY)
    rig.attempt()
    (missing,) = [each for each in judged(rig).findings if each.id == "guide-not-needed"]
    assert missing.outcome is Verdict.INCONCLUSIVE


def test_standstill_is_a_trouble_too(build: Build) -> None:
    lab = ScriptedLab()
    update = ScriptedUpdate(lab, hangs={1: "NODE02"})
    Bridge(lab)
    rig = build(lab=lab, update=update, guides=POLICY)
    rig.attempt()
    (trouble,) = rig.find("guide.trouble")
    assert trouble.data["kind"] == "stuck"
    assert "no-progress" in rig.findings(), "no guide applies, so the standstill is found again"


@pytest.mark.parametrize("what", ["guide.trouble", "guide.diagnosis", "guide.step", "guide.step.done", "guide.done"])
def test_killed_while_a_guide_is_followed_the_next_process_leads_out(make: Make, what: str) -> None:
    whole, _ = make()
    whole.attempt()
    dies_at = next(entry.seq for entry in whole.lines if entry.what == what)
    rig, bridge = make()
    assert rig.attempt(dies_at=dies_at) is None
    assert rig.attempt() == "completed"
    assert bridge.online
    assert rig.find("guide.done")[-1].data["outcome"] == "verified"
    assert len(rig.find("guide.done")) == 1
    assert rig.find("final")[0].data["update_state"]["name"] == "Installed"
    assert not [each for each in judged(rig).findings if each.outcome is Verdict.GUIDE_GAP]
