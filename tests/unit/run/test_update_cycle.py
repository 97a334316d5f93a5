"""The update on the scripted lab: started at most once, found again, resumed, stuck, late."""

from __future__ import annotations

from typing import TYPE_CHECKING

import pytest

from harness.errors import CredentialRejectedError, ProductError
from harness.testing.lab import ScriptedLab
from harness.testing.update import UPDATE_ID, ScriptedUpdate
from harness.transports.replies import Json

if TYPE_CHECKING:
    from tests.unit.run.conftest import Build


def test_sound_update_is_started_once_and_proven(build: Build) -> None:
    rig = build()
    assert rig.attempt() == "completed"
    assert rig.findings() == []
    assert len(rig.update.starts) == 1
    (intent,), (effect,), (final,) = rig.find("update.start"), rig.find("update.started"), rig.find("final")
    assert intent.seq < effect.seq < final.seq
    assert (effect.data["run_id"], effect.data["adopted"]) == (f"{UPDATE_ID}/runs/1", False)
    assert final.data["builds"] == dict.fromkeys(rig.lab.nodes, "26100.6899")


@pytest.mark.parametrize("nodes", [1, 2])
def test_small_clusters_are_observed_too(build: Build, nodes: int) -> None:
    lab = ScriptedLab(nodes=nodes)
    rig = build(lab=lab)
    assert rig.attempt() == "completed"
    assert rig.find("cluster")
    assert rig.find("final")[0].data["update_state"]["name"] == "Installed"


def test_intent_stands_in_the_journal_before_the_start_is_sent(build: Build) -> None:
    rig = build()
    seen: list[bool] = []
    start = rig.update._start

    def spy(key: str) -> Json:
        seen.append(bool(rig.find("update.start")))
        return start(key)

    rig.update._start = spy  # type: ignore[method-assign]
    rig.attempt()
    assert seen == [True]


class TestLostReply:
    def test_run_is_found_and_adopted(self, build: Build) -> None:
        lab = ScriptedLab()
        rig = build(lab=lab, update=ScriptedUpdate(lab, loses_reply={1}))
        assert rig.attempt() == "completed"
        assert len(rig.update.starts) == 1
        (effect,) = rig.find("update.started")
        assert effect.data["adopted"] is True
        assert rig.findings() == []

    def test_run_that_is_listed_late_is_ours_all_the_same(self, build: Build) -> None:
        lab = ScriptedLab()
        update = ScriptedUpdate(lab, loses_reply={1})
        update.listed_after_s = 100
        rig = build(lab=lab, update=update)
        rig.attempt()
        assert rig.find("update.started")[0].data["adopted"] is True
        assert rig.findings() == []

    def test_start_that_left_no_trace_is_sent_once_more(self, build: Build) -> None:
        lab = ScriptedLab()
        rig = build(lab=lab, update=ScriptedUpdate(lab, loses_request={1}))
        assert rig.attempt() == "completed"
        assert len(rig.update.starts) == 1
        assert [entry.data["number"] for entry in rig.find("update.start")] == [1, 2]
        first, second = rig.find("update.start")
        assert (second.t_lab_ns or 0) - (first.t_lab_ns or 0) >= 60e9, "one look is not enough"

    def test_looks_that_nobody_answers_prove_nothing(self, build: Build) -> None:
        """Three looks fail before one shows nothing: a second one must confirm it before the start is sent again."""
        lab = ScriptedLab()
        update = ScriptedUpdate(lab, loses_request={1})
        looks: list[int] = []
        tell = lab.answers["find-running"]

        def slowly(node: str) -> Json:
            looks.append(lab.clock.t_ns)
            if len(looks) <= 3 * len(lab.nodes):
                raise OSError("busy")
            return tell(node)

        lab.answers["find-running"] = slowly
        rig = build(lab=lab, update=update)
        rig.attempt()
        answered = looks[3 * len(lab.nodes) :]
        assert len(answered) == 2
        assert (rig.find("update.start")[1].t_lab_ns or 0) >= answered[1]

    def test_start_that_never_arrives_is_a_lab_finding(self, build: Build) -> None:
        lab = ScriptedLab()
        rig = build(lab=lab, update=ScriptedUpdate(lab, loses_request={1, 2, 3}))
        assert rig.attempt() == "completed"
        assert rig.findings() == ["start-lost"]
        assert rig.update.starts == []
        assert len(rig.find("update.start")) == 3

    def test_foreign_run_is_never_adopted(self, build: Build) -> None:
        lab = ScriptedLab()
        rig = build(lab=lab, update=ScriptedUpdate(lab, loses_request={1}, foreign="redmond/SolutionOther"))
        assert rig.attempt() == "completed"
        assert rig.findings() == ["foreign-run"]
        assert len(rig.find("update.start")) == 1
        assert rig.find("update.started") == []

    def test_run_that_began_before_our_intent_is_foreign(self, build: Build) -> None:
        lab = ScriptedLab()
        rig = build(lab=lab, update=ScriptedUpdate(lab, loses_request={1}, foreign=UPDATE_ID))
        rig.attempt()
        assert rig.findings() == ["foreign-run"]
        assert len(rig.find("update.start")) == 1


class TestFailure:
    def test_failed_update_is_resumed_as_often_as_allowed(self, build: Build) -> None:
        lab = ScriptedLab()
        update = ScriptedUpdate(lab, fails={1: "NODE02", 2: "NODE03"})
        rig = build(lab=lab, update=update, resumes=2)
        assert rig.attempt() == "completed"
        assert rig.findings() == []
        assert [entry.data["resume"] for entry in rig.find("update.start")] == [False, True, True]
        assert update.state == "Installed"

    def test_failure_beyond_the_allowance_is_found(self, build: Build) -> None:
        lab = ScriptedLab()
        rig = build(lab=lab, update=ScriptedUpdate(lab, fails={1: "NODE02", 2: "NODE02"}), resumes=1)
        rig.attempt()
        (finding,) = rig.find("finding")
        assert finding.data["id"] == "update-failed"
        assert (finding.data["value"], finding.data["limit"]) == ("1 resumed", "1 resumed")

    def test_failure_between_two_looks_is_seen(self, build: Build) -> None:
        """The run is over before anybody saw it at work; its id proves that it is ours."""
        lab = ScriptedLab()
        update = ScriptedUpdate(lab)

        def start(key: str) -> Json:
            update.starts.append((key, lab.clock.t_ns))
            update.state = "InstallationFailed"
            return update.run_id

        update._start = start  # type: ignore[method-assign]
        rig = build(lab=lab, update=update)
        rig.attempt()
        assert rig.findings() == ["update-failed"]

    def test_state_of_the_failed_run_does_not_end_the_resumed_one(self, build: Build) -> None:
        lab = ScriptedLab()
        rig = build(lab=lab, update=ScriptedUpdate(lab, fails={1: "NODE01"}, loses_reply={2}), resumes=1)
        rig.attempt()
        assert rig.findings() == []
        assert [entry.data["adopted"] for entry in rig.find("update.started")] == [False, True]


class TestStillness:
    def test_no_progress_is_stuck_and_says_where(self, build: Build) -> None:
        lab = ScriptedLab()
        rig = build(lab=lab, update=ScriptedUpdate(lab, hangs={1: "NODE03"}), stuck_after="20m")
        rig.attempt()
        (finding,) = rig.find("finding")
        assert (finding.data["id"], finding.data["step"]) == ("no-progress", "update NODE03")
        stood_s = (finding.t_lab_ns or 0) / 1e9 - finding.data["at_ns"] / 1e9
        assert 20 * 60 < stood_s <= 21 * 60 + 1

    def test_deadline(self, build: Build) -> None:
        rig = build(deadline="10m", stuck_after="9m")
        rig.attempt()
        assert rig.findings() == ["deadline"]
        (start,), (finding,) = rig.find("update.start"), rig.find("finding")
        assert 600 < ((finding.t_lab_ns or 0) - (start.t_lab_ns or 0)) / 1e9 <= 661


class TestSilence:
    def test_update_service_that_never_answers_is_stuck(self, build: Build) -> None:
        """The nodes can be reached, only the questions about the update fail: the product's doing."""
        lab = ScriptedLab()
        update = ScriptedUpdate(lab)
        rig = build(lab=lab, update=update, stuck_after="20m")

        def refuse(node: str) -> Json:
            raise ProductError(f"'{node}': the service does not respond")

        lab.do_at(400, lambda: lab.answers.update({update.observe().script: refuse}))
        rig.attempt()
        (finding,) = rig.find("finding")
        assert (finding.data["id"], finding.data["outcome"]) == ("no-answer", "stuck")
        assert "NODE0" in finding.data["summary"]

    def test_lab_that_falls_silent_is_no_product_failure(self, build: Build) -> None:
        """No node answers any more: nothing is said about the product, and the run ends."""
        lab = ScriptedLab()
        rig = build(lab=lab, stuck_after="20m")

        def go_dark() -> None:
            for node in lab.cluster.values():
                node.powered = False

        lab.do_at(400, go_dark)
        rig.attempt()
        (finding,) = rig.find("finding")
        assert (finding.data["id"], finding.data["outcome"]) == ("no-contact", "lab")


def test_rejected_credential_ends_the_run_with_what_there_is(build: Build) -> None:
    lab = ScriptedLab()
    rig = build(lab=lab)

    def reject(node: str) -> Json:
        raise CredentialRejectedError(f"'{node}' refused the credential")

    lab.do_at(400, lambda: lab.answers.update(dict.fromkeys(lab.answers, reject)))
    assert rig.attempt() == "completed"
    assert rig.findings() == ["credential-rejected"]
    assert rig.find("stage")[-1].data["stage"] == "evidence"
