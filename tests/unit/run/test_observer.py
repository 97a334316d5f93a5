"""The observer: another node is asked, trouble is remembered for a while, and only changes are written."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import pytest

from harness.azurelocal.cluster import observe_cluster
from harness.azurelocal.command import BETWEEN, Command
from harness.clock import NS_PER_S
from harness.errors import CredentialRejectedError, ProductError
from harness.journal import JournalWriter, Redactor, read_journal
from harness.run.endpoints import Answer, Endpoints
from harness.run.loop import Loop
from harness.run.observer import AVOID_FOR_S, Observer
from harness.run.scribe import Scribe
from harness.run.stop import StopFlag
from harness.testing.lab import ScriptedLab
from harness.testing.update import ScriptedUpdate

ASK = Command("ask", "ask", lambda document: document)
CLUSTER = observe_cluster().script


class Watch:
    def __init__(self, folder: Path, nodes: int = 4) -> None:
        self.lab = ScriptedLab(nodes=nodes)
        self.update = ScriptedUpdate(self.lab)
        self.endpoints = Endpoints(self.lab.open_session)
        self.loop = Loop(self.lab, self.endpoints, StopFlag())
        self.writer = JournalWriter(folder, Redactor())
        self.writer.lab_time = self.lab.clock.now_ns
        self.observer = Observer(self.lab, self.endpoints, Scribe(self.writer), self.update)

    def settle(self) -> None:
        self.loop.run_until(lambda: self.endpoints.outstanding == 0)

    def poll(self) -> list[tuple[str, str]]:
        """One round; who was asked what."""
        self.lab.asked.clear()
        self.observer.poll()
        self.settle()
        return [(node, _short(script)) for node, script in self.lab.asked]

    def ask(self, *nodes: str) -> Answer | None:
        answers: list[Answer | None] = []
        self.observer.ask_any(ASK, nodes or self.observer.candidates(), answers.append)
        self.settle()
        (answer,) = answers
        return answer

    def records(self, what: str) -> list[dict[str, Any]]:
        return [dict(entry.data) for entry in read_journal(self.writer.path) if entry.what == what]


def _short(script: str) -> str:
    return "+".join("cluster" if part == CLUSTER else part for part in script.split(BETWEEN))


@pytest.fixture
def watch(tmp_path: Path) -> Watch:
    return Watch(tmp_path)


class TestRound:
    def test_both_in_one_question_and_two_nodes_take_turns_last_updated_first(self, watch: Watch) -> None:
        assert watch.poll() == [("NODE04", "cluster+observe")]
        assert (len(watch.records("update")), len(watch.records("cluster"))) == (1, 1)
        assert [watch.poll() for _ in range(3)] == [[(f"NODE0{n}", "cluster+observe")] for n in (3, 4, 3)]

    def test_single_node(self, tmp_path: Path) -> None:
        watch = Watch(tmp_path, nodes=1)
        assert watch.poll() == watch.poll() == [("NODE01", "cluster+observe")]
        assert set(watch.observer.view().nodes) == {"NODE01"}

    def test_round_falls_over_to_other_nodes(self, watch: Watch) -> None:
        watch.lab.cluster["NODE04"].powered = watch.lab.cluster["NODE03"].powered = False
        assert [node for node, _ in watch.poll()] == ["NODE04", "NODE03", "NODE02"]
        assert (len(watch.records("update")), len(watch.records("cluster"))) == (1, 1)

    def test_half_that_fails_is_asked_of_others_alone_and_costs_nothing_else(self, watch: Watch) -> None:
        tell = watch.lab.answers["observe"]

        def fail_on_the_first(node: str) -> object:
            if node == "NODE04":
                raise ProductError("the update service is moving")
            return tell(node)

        watch.lab.answers["observe"] = fail_on_the_first
        assert watch.poll() == [("NODE04", "cluster+observe"), ("NODE03", "observe")]
        assert [row["error"] for row in watch.records("trouble")] == [
            "PowerShell error: the update service is moving [no error id]"
        ]
        assert (len(watch.records("update")), len(watch.records("cluster"))) == (1, 1)
        assert watch.observer.view().nodes["NODE01"].seen_by == "NODE04"

    def test_facts_carry_the_time_and_the_teller(self, watch: Watch) -> None:
        watch.lab.clock.advance(90 * NS_PER_S)
        watch.lab.set_state("NODE02", "Down")
        watch.lab.jobs.append("repair")
        watch.poll()
        view = watch.observer.view()
        assert view.nodes["NODE02"].state == "Down"
        assert (view.nodes["NODE02"].t_ns, view.nodes["NODE02"].seen_by) == (90 * NS_PER_S, "NODE04")
        assert (view.nodes_down, view.resyncing, view.guests_down) == (1, True, 0)
        assert view.group_owner["Cluster Group"] == "NODE01"

    def test_nobody_answers(self, watch: Watch) -> None:
        for node in watch.lab.cluster.values():
            node.powered = False
        asked = watch.poll()
        assert len(asked) <= 2 * len(watch.lab.nodes)
        assert watch.records("cluster") == watch.records("update") == []
        done: list[int] = []
        watch.observer.refresh(lambda: done.append(1))
        watch.settle()
        assert done == [1]


class TestTrouble:
    def test_node_that_did_not_answer_is_asked_last_for_a_while(self, watch: Watch) -> None:
        watch.lab.cluster["NODE04"].powered = False
        answer = watch.ask()
        assert answer is not None
        assert answer.node == "NODE03"
        assert watch.observer.candidates() == ["NODE03", "NODE02", "NODE01", "NODE04"]
        watch.lab.cluster["NODE04"].powered = True
        watch.lab.clock.advance((AVOID_FOR_S - 1) * NS_PER_S)
        assert watch.observer.candidates()[-1] == "NODE04"
        watch.lab.clock.advance(AVOID_FOR_S * NS_PER_S)
        assert watch.observer.candidates() == ["NODE04", "NODE03", "NODE02", "NODE01"]

    def test_answer_ends_the_avoidance(self, watch: Watch) -> None:
        watch.lab.cluster["NODE04"].powered = False
        watch.ask()
        watch.lab.cluster["NODE04"].powered = True
        watch.observer.touch("NODE04")
        watch.settle()
        assert watch.observer.candidates()[0] == "NODE04"

    def test_only_changes_of_an_endpoint_are_written(self, watch: Watch) -> None:
        for powered in (True, True, False, False, True):
            watch.lab.cluster["NODE04"].powered = powered
            watch.ask("NODE04")
        assert [(row["node"], row["reachable"]) for row in watch.records("endpoint")] == [
            ("NODE04", True),
            ("NODE04", False),
            ("NODE04", True),
        ]
        assert [bool(row["reason"]) for row in watch.records("endpoint")] == [False, True, False]

    def test_error_of_the_product_is_trouble_of_a_node_that_answers(self, watch: Watch) -> None:
        def fail(node: str) -> object:
            raise ProductError("GatewayTimeout")

        watch.lab.answers["ask"] = fail
        assert watch.ask() is None
        assert [row["error"] for row in watch.records("trouble")] == [
            "PowerShell error: GatewayTimeout [no error id]"
        ] * 4
        assert all(row["reachable"] for row in watch.records("endpoint"))
        assert watch.observer.view().contact["NODE01"].answers

    def test_rejected_credential_is_not_tried_on_the_next_node(self, watch: Watch) -> None:
        rejected: list[Exception] = []
        watch.observer.on_rejected = rejected.append

        def reject(node: str) -> object:
            raise CredentialRejectedError("refused")

        watch.lab.answers["ask"] = reject
        assert watch.ask() is None, "whoever asked must hear that nobody could tell"
        assert len(watch.lab.asked) == len(rejected) == 1

    def test_busy_node_is_asked_after_the_free_ones_and_not_touched(self, watch: Watch) -> None:
        for node in watch.lab.nodes:
            watch.observer.touch(node)
        watch.settle()
        watch.endpoints.ask("NODE04", ASK, lambda answer: None)
        watch.observer.touch("NODE04")
        assert watch.endpoints.outstanding == 1
        assert watch.observer.candidates() == ["NODE03", "NODE02", "NODE01", "NODE04"]

    def test_hanging_node_is_not_asked_and_all_hanging_is_an_answer(
        self, watch: Watch, monkeypatch: pytest.MonkeyPatch
    ) -> None:
        monkeypatch.setattr(watch.endpoints, "is_hanging", lambda node: node != "NODE02")
        answer = watch.ask()
        assert answer is not None
        assert answer.node == "NODE02"
        monkeypatch.setattr(watch.endpoints, "is_hanging", lambda node: True)
        assert watch.ask() is None
