"""Plans that install a Solution Builder Extension: what is checked, and where a mistake is shown."""

from __future__ import annotations

from pathlib import Path

import pytest

from harness import paths
from harness.labs.lint import lint_file
from harness.labs.models import LabFile, find_lab
from harness.plan.fits import fits
from harness.plan.load import find_plan, load_plan
from harness.plan.models import Scenario
from harness.plan.plain import from_plain, to_plain
from harness.plan.problem import SourceError
from harness.plan.releases import SBES, SOLUTIONS
from harness.workflows.catalog import workflow_of
from harness.workflows.sbe import SbeUpdate

PLAN = """\
schema: 1
plan: sample
title: A sample
defaults: {lab: twin-4node, from: {solution: 12.2509.1001.22, sbe: 4.1.2509.3}}
scenarios:
  - id: SBE-001
    title: Something
    workflow: {kind: sbe, target: {sbe: 4.1.2510.2}, options: {content: 'C:\\SBE'}}
"""
KIND = "kind: sbe, target: {sbe: 4.1.2510.2}, options: {content: 'C:\\SBE'}"


def write(folder: Path, old: str = "", new: str = "") -> Path:
    assert old in PLAN
    path = folder / "sample.yaml"
    path.write_text(PLAN.replace(old, new) if old else PLAN, encoding="utf-8")
    return path


def scenario(folder: Path, old: str = "", new: str = "") -> Scenario:
    return load_plan(write(folder, old, new)).scenario("SBE-001")


def mistakes(folder: Path, old: str, new: str) -> list[str]:
    with pytest.raises(SourceError) as caught:
        load_plan(write(folder, old, new))
    return [f"{problem.line}:{problem.column}: {problem.path}: {problem.message}" for problem in caught.value.problems]


def test_a_sound_plan_becomes_the_workflow(tmp_path: Path) -> None:
    one = scenario(tmp_path)
    assert one.consumes == "version"
    found = workflow_of(one, ("NODE01",))
    assert found == SbeUpdate("redmond/SBE4.1.2510.2", ("NODE01",), content="C:\\SBE")
    assert from_plain(to_plain(one)) == one


def test_words_that_a_solution_update_lacks_are_left_out_of_its_plain_data() -> None:
    plain = to_plain(load_plan(find_plan("demo")).scenario("UPD-001"))
    assert plain["from"] == {"solution": "12.2509.1001.22"}
    assert plain["workflow"]["target"] == {"solution": "12.2510.1002.94"}
    assert plain["workflow"]["options"] == {"prepare_only": False, "ignore_warnings": False}


@pytest.mark.parametrize(
    ("old", "new", "expected"),
    [
        (
            "target: {sbe: 4.1.2510.2}, ",
            "",
            "scenarios.0.workflow: an SBE update needs a 'target', for example {sbe: 4.1.2510.2}",
        ),
        (
            "{sbe: 4.1.2510.2}",
            "{}",
            "scenarios.0.workflow.target: an SBE update needs a 'target', for example {sbe: 4.1.2510.2}",
        ),
        (
            "{sbe: 4.1.2510.2}",
            "{solution: 12.2510.1002.94}",
            "scenarios.0.workflow.target.solution: an SBE update has no target 'solution'; write {sbe: 4.1.2510.2}, or "
            "'kind: solution'",
        ),
        (
            "{sbe: 4.1.2510.2}",
            "{sbe: 4.1.2510.2, solution: 12.2510.1002.94}",
            "scenarios.0.workflow.target.solution: an SBE update has no target 'solution'; write {sbe: 4.1.2510.2}, or "
            "'kind: solution'",
        ),
        (
            "{sbe: 4.1.2510.2}",
            "{sbe: 4.1.2510}",
            "scenarios.0.workflow.target.sbe: '4.1.2510' is no SBE version; it has four parts, for example 4.1.2510.2",
        ),
        (
            KIND,
            "kind: solution, target: {solution: 12.2510.1002.94}, options: {content: 'C:\\SBE'}",
            "scenarios.0.workflow.options.content: only an SBE is imported from a folder; leave 'content' out, or say "
            "'kind: sbe'",
        ),
        (
            "'C:\\SBE'",
            "SBE",
            "scenarios.0.workflow.options.content: 'SBE' is no folder of a node; write an absolute path such as "
            "C:\\SBE, or a share \\\\server\\share",
        ),
        (
            ", sbe: 4.1.2509.3}}",
            "}}",
            "scenarios.0: an SBE update needs 'from' with 'solution' and 'sbe', the versions it starts from; here or "
            "in 'defaults'",
        ),
        (
            "sbe: 4.1.2509.3",
            "sbe: 4.1.2510.2",
            "scenarios.0.workflow.target.sbe: the target 4.1.2510.2 is not newer than 'from' 4.1.2510.2; the product "
            "does not go back",
        ),
    ],
)  # fmt: skip
def test_a_mistake_is_shown_where_it_stands(tmp_path: Path, old: str, new: str, expected: str) -> None:
    (found,) = mistakes(tmp_path, old, new)
    assert found.partition(": ")[2] == expected


@pytest.mark.parametrize("folder", ["C:\\SBE", "d:\\drop\\SBE", "\\\\server\\share\\SBE"])
def test_content_is_an_absolute_folder(tmp_path: Path, folder: str) -> None:
    assert scenario(tmp_path, "'C:\\SBE'", f"'{folder}'").workflow.options.content == folder


def test_lint_knows_the_releases_of_the_simulated_vendor(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    path = write(tmp_path, "4.1.2510.2}", "4.1.2510.4}")
    (problem,) = lint_file(path)
    assert (problem.line, problem.is_warning, problem.suggestion) == (8, False, None)
    assert "there is no SBE release '4.1.2510.4' in sbe.yaml (did you mean '4.1.2510.2'?)" in problem.message
    monkeypatch.setattr(LabFile, "sbe_releases", None)
    (problem,) = lint_file(path)
    assert (problem.is_warning, problem.suggestion) == (True, "4.1.2510.2"), "a vendor may have published it"


def test_a_lab_file_with_an_extension_that_nobody_knows(tmp_path: Path) -> None:
    text = (paths.labs_dir() / "twin-4node.yaml").read_text(encoding="utf-8")
    path = tmp_path / "twin-4node.yaml"
    path.write_text(text.replace("4.1.2509.3", "4.1.2509.4"), encoding="utf-8")
    (problem,) = lint_file(path)
    assert (problem.is_warning, problem.suggestion) == (False, "4.1.2509.3")


def test_it_does_not_fit_a_lab_that_names_no_extension(tmp_path: Path) -> None:
    lab = find_lab("twin-4node")
    bare = lab.model_copy(update={"versions": lab.versions.model_copy(update={"sbe": None})})
    assert [misfit.part for misfit in fits(scenario(tmp_path), bare)] == ["from.sbe"]
    other = lab.versions.model_copy(update={"sbe": "4.1.2508.4"})
    fixed = lab.model_copy(update={"versions": other, "capabilities": ()})
    assert [misfit.part for misfit in fits(scenario(tmp_path), fixed)] == ["from.sbe"]


def test_the_release_that_was_meant_is_of_the_same_month() -> None:
    assert SBES.nearest("4.1.2510.9") == "4.1.2510.2"
    assert SOLUTIONS.nearest("12.2510.1002.90") == "12.2510.1002.88"
    assert SBES.unknown("4.1.2510.2") is None
