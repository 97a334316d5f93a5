"""An extension is installed where every node says so, and the cluster too."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

import pytest

from harness.judge.results import results_of
from harness.testing.stories import NEW_BUILD, Telling, final_record
from harness.values import Finding, Verdict

if TYPE_CHECKING:
    from harness.judge.judgement import Judgement
    from tests.unit.judge.conftest import Try

NODES = ("NODE01", "NODE02", "NODE03", "NODE04")
OLD, NEW = "4.1.2509.3", "4.1.2510.2"


def judged_with(judged: Try, sbe: dict[str, Any] | None) -> Judgement:
    """A sound run of an SBE update whose final look holds `sbe`."""

    def extra(telling: Telling) -> None:
        builder = telling.builder
        workflow = {"kind": "sbe", "target": {"sbe": NEW}, "options": {"prepare_only": False}}
        builder.scenario = {
            **builder.scenario,
            "workflow": workflow,
            "from": {"solution": "12.2509.1001.22", "sbe": OLD},
        }
        note = builder.note
        changes: dict[str, Any] = {"current_version": "12.2509.1001.22", "target": "", "expected_build": None}
        record = final_record(dict.fromkeys(NODES, NEW_BUILD), **changes, **({} if sbe is None else {"sbe": sbe}))

        def noted(t_s: float, what: str, **data: Any) -> None:
            if data.get("stage") == "probes-off":
                builder.records = [row for row in builder.records if row[4]["what"] != "final"]
                builder.records.append((t_s, *record))
            note(t_s, what, **data)

        builder.note = noted  # type: ignore[method-assign]

    return judged("upd-001", extra)


def told(nodes: dict[str, Any] | None = None, current: str = NEW) -> dict[str, Any]:
    return {"target": NEW, "current": current, "nodes": dict.fromkeys(NODES, NEW) | (nodes or {})}


def only(judgement: Judgement) -> Finding:
    (finding,) = judgement.findings
    return finding


def test_every_node_and_the_cluster_on_the_target_pass(judged: Try) -> None:
    judgement = judged_with(judged, told())
    assert judgement.findings == ()
    versions = results_of(judgement).model_dump(mode="json", by_alias=True)["versions"]
    assert versions == {"of": "sbe", "from": OLD, "to": NEW, "reached": NEW}


def test_a_node_with_a_newer_extension_is_fine(judged: Try) -> None:
    assert judged_with(judged, told({"NODE02": "4.1.2511.1"})).findings == ()


def test_a_node_with_the_old_extension_fails(judged: Try) -> None:
    judgement = judged_with(judged, told({"NODE03": OLD}))
    finding = only(judgement)
    assert (finding.id, finding.outcome, finding.about) == ("sbe-old", Verdict.FAIL, "product")
    assert (finding.node, finding.value, finding.limit) == ("NODE03", OLD, NEW)
    assert f"node NODE03 has {OLD}; expected SBE {NEW} on every node" in finding.summary
    assert judgement.verdict is Verdict.FAIL


def test_versions_compare_as_numbers(judged: Try) -> None:
    assert only(judged_with(judged, told({"NODE01": "4.1.999.9"}))).id == "sbe-old"


def test_the_cluster_must_show_the_target(judged: Try) -> None:
    finding = only(judged_with(judged, told(current=OLD)))
    assert (finding.id, finding.value, finding.limit) == ("sbe-not-target", OLD, NEW)


@pytest.mark.parametrize("silent", ["", None])
def test_a_node_that_did_not_tell_leaves_it_open(judged: Try, silent: str | None) -> None:
    judgement = judged_with(judged, told({"NODE02": silent}))
    finding = only(judgement)
    assert (finding.id, finding.outcome) == ("no-sbe", Verdict.INCONCLUSIVE)
    assert "NODE02" in finding.summary
    assert judgement.verdict is Verdict.INCONCLUSIVE


def test_a_node_that_is_missing_in_the_look_leaves_it_open(judged: Try) -> None:
    look = told()
    del look["nodes"]["NODE04"]
    assert "NODE04" in only(judged_with(judged, look)).summary


def test_silence_of_one_node_does_not_hide_an_old_one(judged: Try) -> None:
    judgement = judged_with(judged, told({"NODE02": "", "NODE03": OLD}))
    assert {finding.id for finding in judgement.findings} == {"no-sbe", "sbe-old"}
    assert judgement.verdict is Verdict.FAIL


def test_without_that_part_of_the_look_nothing_is_proven(judged: Try) -> None:
    judgement = judged_with(judged, None)
    assert {finding.id for finding in judgement.findings} == {"no-sbe"}
    assert judgement.verdict is Verdict.INCONCLUSIVE


def test_a_solution_update_is_not_asked_for_it(judged: Try) -> None:
    judgement = judged("upd-001")
    assert judgement.findings == ()
    assert results_of(judgement).versions.of == "solution"
