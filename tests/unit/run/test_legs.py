"""Legs of a campaign: one update, handed from run to run while it is at work."""

from __future__ import annotations

from pathlib import Path
from typing import Any, Protocol

import pytest

from harness.azurelocal.cluster import observe_cluster
from harness.azurelocal.updates import list_runs
from harness.errors import JournalError, ProductError
from harness.journal import read_journal
from harness.judge.judgement import Judgement, judge
from harness.plan.load import load_plan
from harness.run.job import Job
from harness.run.legs import Handover, Spoilt, received
from harness.testing.lab import ScriptedLab
from harness.testing.rig import FAULT, PLAN, Rig
from harness.testing.update import UPDATE_ID, ScriptedUpdate
from harness.values import Verdict

HEADER = PLAN[: PLAN.index("  - id:")].format(stuck_after="75m", deadline="13h")
WORKFLOW = "    workflow: {kind: solution, target: {solution: 12.2510.1002.94}, resume: {on_failure: 1}}\n"
TOLERATES = "    tolerates: {nodes_down: 2, resync: busy}\n"


class Campaign:
    """Rigs for two legs on one scripted lab; `until` ends the first, each has the faults given as YAML."""

    def __init__(
        self,
        folder: Path,
        *,
        until: str = "phase.enter update/install",
        first: str = "",
        last: str = "",
        runs: int = 1,
        **update: Any,
    ) -> None:
        (folder / "runs").mkdir(parents=True, exist_ok=True)
        path = folder / "sample.yaml"
        path.write_text(
            HEADER
            + f"  - id: CMP-001\n    title: First\n    leg: {{campaign: night, until: '{until}'}}\n"
            + WORKFLOW
            + TOLERATES
            + (f"    faults:\n{first}" if first else "")
            + "  - id: CMP-002\n    title: Last\n    leg: {campaign: night}\n"
            + WORKFLOW
            + TOLERATES
            + (f"    faults:\n{last}" if last else "")
        )
        self.plan = load_plan(path, labs={"scripted"})
        self.folder = folder
        self.lab = ScriptedLab()
        self.update = ScriptedUpdate(self.lab, **update)
        rows = [{"id": f"{UPDATE_ID}/{n}", "state": "Succeeded", "started": None} for n in range(runs)]
        self.lab.answers[list_runs(UPDATE_ID).script] = lambda node: rows

    def leg(self, number: int, handover: Handover | None = None) -> Rig:
        """The rig of one leg."""
        folder = self.folder / "runs" / f"leg-{number}"
        folder.mkdir()
        return Rig(folder, self.plan.scenario(f"CMP-00{number}"), self.lab, self.update, handover)

    def next_job(self) -> Job:
        """The order of the second leg."""
        return Job("leg-2", "s", {}, {}, {}, ("scripted#1",), 7, previous="leg-1")


class Make(Protocol):
    """A new campaign in a folder of its own."""

    def __call__(self, name: str = "one", **parts: Any) -> Campaign: ...


@pytest.fixture
def make(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Make:
    def made(name: str = "one", **parts: Any) -> Campaign:
        monkeypatch.setenv("HIL_REPORTS", str(tmp_path / name))
        return Campaign(tmp_path / name, **parts)

    return made


def handed(rig: Rig) -> Handover:
    """What a leg left."""
    (entry,) = rig.find("leg.handed_over")
    return Handover.of(entry)


def judged(rig: Rig) -> Judgement:
    """The judgement of a leg's journal."""
    return judge(read_journal(rig.folder / "journal.jsonl"))


def ids(judgement: Judgement) -> list[str]:
    return [finding.id for finding in judgement.findings]


def value(judgement: Judgement, name: str) -> float | None:
    return next(row.value for row in judgement.measurements if row.name == name)


def test_two_legs_are_one_update(make: Make) -> None:
    campaign = make(last=FAULT)
    first = campaign.leg(1)
    assert first.attempt() == "completed"
    left = handed(first)
    assert (left.starts, left.resumes, left.update_run) == (1, 0, f"{UPDATE_ID}/runs/1")
    assert first.find("final") == []
    assert campaign.update.state == "Installing"

    last = campaign.leg(2, left)
    assert last.attempt() == "completed"
    assert last.find("baseline") == []
    assert last.find("update.start") == []
    assert len(campaign.update.starts) == 1
    assert campaign.update.state == "Installed"
    assert first.findings() == last.findings() == []
    assert {line.subject for line in last.find("fault.clean")} == {"fault/dies"}

    # Nothing is seen twice, and nothing between the legs is lost.
    numbers = [[line.data["number"] for line in rig.find("event")] for rig in (first, last)]
    assert numbers[0] + numbers[1] == list(range(len(numbers[0]) + len(numbers[1])))
    assert last.find("samples")[0].data["from_ns"] == first.find("samples")[-1].data["to_ns"]

    one, two = judged(first), judged(last)
    assert not {"update-not-finished", "no-final-look", "leg-not-over", "not-installed-once"} & {*ids(one), *ids(two)}
    assert value(one, "update.duration") is None
    begun_ns = first.find("update.start")[0].t_lab_ns or 0
    installed = next(line for line in last.find("update") if line.data["state"]["name"] == "Installed")
    duration = value(two, "update.duration")
    assert duration == pytest.approx(((installed.t_lab_ns or 0) - begun_ns) / 3.6e12, rel=0.1)
    assert value(one, "update.starts") == value(two, "update.starts") == 1


def test_second_completed_run_is_found(make: Make) -> None:
    campaign = make(runs=2)
    first = campaign.leg(1)
    first.attempt()
    last = campaign.leg(2, handed(first))
    last.attempt()
    assert "not-installed-once" in ids(judged(last))
    assert judged(last).verdict is Verdict.FAIL


def test_run_list_that_nobody_could_give_is_no_pass(make: Make) -> None:
    campaign = make()

    def refuse(node: str) -> Any:
        raise ProductError(f"{node} cannot tell")

    campaign.lab.answers[list_runs(UPDATE_ID).script] = refuse
    first = campaign.leg(1)
    first.attempt()
    last = campaign.leg(2, handed(first))
    last.attempt()
    assert "no-runs" in ids(judged(last))
    assert judged(last).verdict is not Verdict.PASS


def test_occurrences_count_from_the_beginning_of_the_leg(make: Make) -> None:
    """The first reboot that the second leg sees is not the first of the update."""
    campaign = make(until="phase.exit update/install/cau/node[*]/resume nth=1", last=FAULT)
    first = campaign.leg(1)
    first.attempt()
    last = campaign.leg(2, handed(first))
    last.attempt()
    number = last.find("fault.inject")[0].data["trigger"]["event_number"]
    (event,) = [line for line in last.find("event") if line.data["number"] == number]
    assert event.data["path"] == "update/install/cau/node[NODE02]/reboot"


def test_resumes_of_earlier_legs_do_not_use_up_those_of_this_one(make: Make) -> None:
    campaign = make(
        until="phase.exit update/install/cau/node[*]/resume nth=2",
        fails={1: "NODE02", 2: "NODE04"},
    )
    first = campaign.leg(1)
    assert first.attempt() == "completed"
    left = handed(first)
    assert (left.starts, left.resumes) == (2, 1)
    last = campaign.leg(2, left)
    assert last.attempt() == "completed"
    assert last.findings() == []
    assert campaign.update.state == "Installed"
    assert value(judged(last), "update.starts") == 1
    assert value(judged(last), "update.attempts") == 1


def test_leg_waits_until_its_fault_has_healed(make: Make) -> None:
    campaign = make(until="phase.enter update/install/cau/node[*]/reboot nth=1", first=FAULT)
    first = campaign.leg(1)
    assert first.attempt() == "completed"
    assert first.findings() == []
    whats = first.whats()
    assert whats.index("fault.clean") < whats.index("leg.handed_over")


def test_end_that_never_comes_is_inconclusive_and_spoils_the_next_leg(make: Make) -> None:
    campaign = make(until="phase.enter update/install/resource-bridge")
    first = campaign.leg(1)
    assert first.attempt() == "completed"
    assert first.findings() == ["leg-not-over"]
    assert first.find("leg.handed_over") == []
    assert judged(first).verdict is Verdict.INCONCLUSIVE
    left = received(campaign.next_job(), first.folder)
    assert isinstance(left, Spoilt)
    assert left.header is not None
    assert left.header.data["lab"]["name"] == "scripted"
    assert "leg 'leg-1' handed nothing over" in left.why
    assert "was never seen" in left.why


def test_unsound_cluster_is_not_handed_over(make: Make) -> None:
    campaign = make()
    script = observe_cluster().script
    sound = campaign.lab.answers[script]

    def tell(node: str) -> Any:
        told: Any = sound(node)
        return {**told, "groups": [row.replace("Online|Virtual", "Offline|Virtual") for row in told["groups"]]}

    campaign.lab.do_at(30, lambda: campaign.lab.answers.update({script: tell}))
    first = campaign.leg(1)
    assert first.attempt() == "completed"
    (finding,) = [line for line in first.find("finding") if line.data["id"] == "leg-not-over"]
    assert "2 virtual machines do not run" in finding.data["summary"]
    assert first.find("leg.handed_over") == []


def test_failed_update_spoils_the_next_leg(make: Make) -> None:
    campaign = make(
        until="phase.exit update/install/cau/node[*]/resume nth=3",
        fails={1: "NODE02", 2: "NODE02"},
    )
    first = campaign.leg(1)
    first.attempt()
    assert judged(first).verdict is Verdict.FAIL
    left = received(campaign.next_job(), first.folder)
    assert isinstance(left, Spoilt)
    assert "InstallationFailed" in left.why


def test_leg_without_journal_spoils_too(make: Make) -> None:
    campaign = make()
    left = received(campaign.next_job(), campaign.folder / "nowhere")
    assert left == Spoilt("leg 'leg-1' was not begun", None)


def test_broken_journal_spoils_too(make: Make) -> None:
    campaign = make()
    first = campaign.leg(1)
    first.attempt()
    path = first.folder / "journal.jsonl"
    path.write_bytes(path.read_bytes().replace(b"CMP-001", b"CMP-009", 1))
    with pytest.raises(JournalError):
        read_journal(path)
    left = received(campaign.next_job(), first.folder)
    assert isinstance(left, Spoilt)
    assert "cannot be read" in left.why


@pytest.mark.parametrize("number", [1, 2])
def test_resume_from_every_line_of_a_leg(make: Make, number: int) -> None:
    """Whichever leg is killed, and wherever: the update is started once, and the last leg sees it Installed."""

    def play(name: str, dies_at: int | None = None) -> tuple[Campaign, list[Rig]]:
        campaign = make(name, last=FAULT)
        rigs: list[Rig] = []
        for each in (1, 2):
            rig = campaign.leg(each, handed(rigs[0]) if rigs else None)
            rigs.append(rig)
            if each == number and dies_at is not None:
                assert rig.attempt(dies_at=dies_at) is None
            rig.attempt()
        return campaign, rigs

    _, whole = play("whole")
    acts = [
        line.seq
        for line in whole[number - 1].lines[2:-1]
        if line.what not in ("update", "cluster", "endpoint", "event", "samples", "evidence", "leg.handed_over")
    ]
    for cut in sorted({*acts, *(seq - 1 for seq in acts)} - {0, 1}):
        campaign, rigs = play(f"cut-{cut}", cut)
        assert len(campaign.update.starts) == 1, cut
        assert campaign.update.state == "Installed", cut
        assert rigs[0].findings() == [], cut
        assert set(rigs[1].findings()) <= {"fault-not-confirmed"}, cut
        assert len(rigs[0].find("leg.handed_over")) == 1, cut
        assert len(rigs[1].find("leg.taken_over")) == 1, cut
