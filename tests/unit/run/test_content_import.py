"""Content that an update asks for: found, imported at most once, and its effect awaited."""

from __future__ import annotations

from pathlib import Path
from typing import Any, Protocol

import pytest

from harness.journal import read_journal
from harness.judge.judgement import judge
from harness.labs.port import Baseline, BaselineSpec
from harness.run.content_import import SETTLED_AFTER_S
from harness.testing.lab import ScriptedLab
from harness.testing.rig import Rig, load_scenario
from harness.testing.sbe import FILES, NEW, OLD, OTHER, PLAN, ScriptedSbe
from harness.values import Verdict
from harness.workflows.port import ContentWorkflow


class Build(Protocol):
    """A rig whose product behaves as asked."""

    def __call__(self, **product: Any) -> tuple[Rig, ScriptedSbe]: ...


@pytest.fixture
def build(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Build:
    monkeypatch.setenv("HIL_REPORTS", str(tmp_path))
    scenario = load_scenario(tmp_path / "sample.yaml", PLAN)
    count = 0

    def built(**product: Any) -> tuple[Rig, ScriptedSbe]:
        nonlocal count
        count += 1
        folder = tmp_path / "runs" / f"run-{count}"
        folder.mkdir(parents=True)
        lab = ScriptedLab()
        update = ScriptedSbe(lab, **product)
        return Rig(folder, scenario, lab, update), update

    return built


def verdict(rig: Rig) -> Verdict:
    return judge(read_journal(rig.folder / "journal.jsonl")).verdict


def _reset(spec: BaselineSpec, *, allowed: bool) -> Baseline:
    """A lab whose content may have been imported is never reset."""
    assert allowed
    return Baseline(True, "", dict(spec.versions))


def finding(rig: Rig) -> dict[str, Any]:
    (entry,) = rig.find("finding")
    return dict(entry.data)


def test_the_double_is_a_workflow_with_content(build: Build) -> None:
    assert isinstance(build()[1], ContentWorkflow)


def test_import_then_start_then_proof_of_every_node(build: Build) -> None:
    rig, update = build()
    assert rig.attempt() == "completed"
    assert (len(update.imports), len(update.starts)) == (1, 1)
    order = [what for what in rig.whats() if what in ("content.import", "content.imported", "update.start")]
    assert order == ["content.import", "content.imported", "update.start"]
    (final,) = rig.find("final")
    assert final.data["sbe"] == {"target": NEW, "current": NEW, "nodes": dict.fromkeys(rig.lab.nodes, NEW)}
    assert verdict(rig) is Verdict.PASS
    (baseline,) = rig.find("baseline")
    assert baseline.data["versions"] == {"solution": "12.2509.1001.22", "sbe": OLD}


def test_content_that_is_there_already_is_not_imported(build: Build) -> None:
    rig, update = build()
    update.state = "Ready"
    assert rig.attempt() == "completed"
    assert update.imports == []
    assert verdict(rig) is Verdict.PASS


def test_a_node_that_kept_the_old_version_fails_the_run(build: Build) -> None:
    rig, _ = build(skipped={"NODE03"})
    assert rig.attempt() == "completed"
    judged = judge(read_journal(rig.folder / "journal.jsonl"))
    assert judged.verdict is Verdict.FAIL
    assert judged.decision.cause is not None
    assert (judged.decision.cause.id, judged.decision.cause.node) == ("sbe-old", "NODE03")


@pytest.mark.parametrize(
    ("becomes", "said"), [("", "is not listed any more"), ("HasPrerequisite", "is HasPrerequisite")]
)
def test_wrong_content_is_the_labs_mistake_and_installs_nothing(build: Build, becomes: str, said: str) -> None:
    rig, update = build(becomes=becomes)
    assert rig.attempt() == "completed"
    assert (len(update.imports), update.starts) == (1, [])
    found = finding(rig)
    assert (found["id"], found["about"], found["outcome"]) == ("content-wrong", "lab", "lab")
    before, after = f"SBE_Contoso_Gen3_{NEW} AdditionalContentRequired", OTHER if not becomes else "HasPrerequisite"
    for text in (said, before, after, "Nothing was installed"):
        assert text in found["summary"]
    assert found["at_ns"] >= SETTLED_AFTER_S * 1_000_000_000, "a list is taken at its word when it has settled"
    assert verdict(rig) is Verdict.LAB


def test_missing_files_are_named_and_nothing_is_imported(build: Build) -> None:
    rig, update = build(files=FILES[:2])
    assert rig.attempt() == "completed"
    assert (update.imports, update.starts) == ([], [])
    found = finding(rig)
    assert found["id"] == "content-missing"
    assert (
        "lacks SBE_<Manufacturer>_<Family>_<Version>.zip as seen by NODE04, NODE03, NODE02, NODE01" in found["summary"]
    )
    assert verdict(rig) is Verdict.LAB


def test_the_node_that_sees_the_files_imports_them(build: Build) -> None:
    rig, update = build(holders={"NODE02"})
    assert rig.attempt() == "completed"
    assert update.imports == ["NODE02"]
    assert rig.find("content.import")[0].data["node"] == "NODE02"


def test_without_a_folder_the_precheck_says_what_the_product_waits_for(build: Build) -> None:
    rig, update = build(content=None)
    assert rig.attempt() == "completed"
    assert update.imports == []
    assert rig.findings() == ["precheck-failed"]
    assert "AdditionalContentRequired" in finding(rig)["summary"]


def test_what_the_product_refuses_is_said_in_its_words(build: Build) -> None:
    rig, update = build(refuses="The source folder holds no file 'x'.")
    assert rig.attempt() == "completed"
    assert update.starts == []
    assert "The source folder holds no file 'x'." in rig.find("content.imported")[0].data["error"]
    assert (finding(rig)["id"], "holds no file 'x'" in finding(rig)["summary"]) == ("content-refused", True)


def test_a_lost_reply_is_resolved_by_the_list(build: Build) -> None:
    rig, update = build(loses_import_reply={1})
    assert rig.attempt() == "completed"
    assert (len(update.imports), len(update.starts)) == (1, 1)
    assert verdict(rig) is Verdict.PASS


def test_a_lost_request_is_sent_again_once_the_product_shows_no_trace(build: Build) -> None:
    rig, update = build(loses_import_request={1})
    assert rig.attempt() == "completed"
    assert (len(update.imports), len(update.starts)) == (1, 1)
    first, second = rig.find("content.import")
    assert second.data["number"] == 2
    assert (second.t_lab_ns or 0) - (first.t_lab_ns or 0) >= SETTLED_AFTER_S * 1_000_000_000


def test_an_import_without_any_trace_is_given_up(build: Build) -> None:
    rig, update = build(loses_import_request={1, 2})
    assert rig.attempt() == "completed"
    assert (update.imports, update.starts) == ([], [])
    assert rig.findings() == ["content-lost"]


def test_killed_at_any_line_it_is_imported_once_and_started_once(build: Build) -> None:
    whole, _ = build()
    whole.attempt()
    last = whole.find("update.started")[0].seq
    for line in range(3, last + 1):
        for before in (True, False):
            rig, update = build()
            assert rig.attempt(dies_at=line, dies_before=before) is None
            intended = bool(rig.find("content.import"))
            rig.lab.on_baseline = lambda spec, intended=intended: _reset(spec, allowed=not intended)  # type: ignore[misc]
            assert rig.attempt() == "completed", (line, before)
            assert len(update.starts) == 1, (line, before)
            assert len(update.imports) == 1, (line, before)
            assert rig.findings() == [], (line, before)
            assert verdict(rig) is Verdict.PASS, (line, before)
