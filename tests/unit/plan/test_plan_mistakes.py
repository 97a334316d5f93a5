"""Every class of mistake in a plan file is reported where it stands, in words a person can act on."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import pytest

from harness.plan.load import Plan
from harness.plan.problem import SourceError

Find = Callable[[str], list[str]]


def test_sound_plan_has_no_mistakes(mistakes: Find, sample: Any) -> None:
    assert mistakes(sample.sound) == []


@pytest.mark.parametrize(
    ("old", "new", "expected"),
    [
        pytest.param(
            "title: Something", "titel: Something",
            ["7:5: scenarios.0.titel: unknown key 'titel' (did you mean 'title'?)",
             "6:5: scenarios.0.title: the key 'title' is missing"],
            id="unknown key",
        ),
        pytest.param(
            "target: one", "traget: one",
            ["10:9: scenarios.0.faults.0.target: the key 'target' is missing",
             "13:9: scenarios.0.faults.0.traget: unknown key 'traget' (did you mean 'target'?)"],
            id="unknown key of a fault",
        ),
        pytest.param(
            "title: Something", "title: [a, b]",
            ["7:12: scenarios.0.title: expected text, found a list"],
            id="wrong type",
        ),
        pytest.param(
            "title: Something", "title: 12",
            ["7:12: scenarios.0.title: expected text, found the number 12"],
            id="number for text",
        ),
        pytest.param(
            "fault: node.power_loss", "fault: node.power_los",
            ["11:16: scenarios.0.faults.0.fault: unknown fault 'node.power_los' (did you mean 'node.power_loss'?)"],
            id="unknown fault",
        ),
        pytest.param(
            "{lab: twin-4node,", "{lab: twin-4nod,",
            ["4:17: defaults.lab: unknown lab 'twin-4nod' (did you mean 'twin-4node'?)"],
            id="unknown lab",
        ),
        pytest.param(
            "target: {solution: 12.2510.1002.94}", "target: {solution: 12.2510}",
            ['8:51: scenarios.0.workflow.target.solution: 12.2510 was read as a number, which loses zeros; '
             'quote it: "12.2510"'],
            id="version as float",
        ),
        pytest.param(
            "target: {solution: 12.2510.1002.94}", "target: {solution: '12.2510'}",
            ["8:51: scenarios.0.workflow.target.solution: '12.2510' is no solution version; it has four parts, "
             "for example 12.2510.1002.94"],
            id="version with two parts",
        ),
        pytest.param(
            "target: {solution: 12.2510.1002.94}", "target: {solution: 12.2508.1001.52}",
            ["8:51: scenarios.0.workflow.target.solution: the target 12.2508.1001.52 is not newer than 'from' "
             "12.2509.1001.22; the product does not go back"],
            id="version backwards",
        ),
        pytest.param(
            "title: Something", "title: Something\n    title: Else",
            ["8:5: scenarios.0.title: the key 'title' is there twice; the first is in line 7"],
            id="duplicate key",
        ),
        pytest.param(
            "on: phase.enter update/download", "on: phase.enter update/dowmload",
            ["12:32: scenarios.0.faults.0.on: unknown path part 'dowmload'; the phases of an update are discovery, "
             "download, prepare, health-check, ready, install, settled (did you mean 'download'?)"],
            id="bad trigger path",
        ),
        pytest.param(
            "on: phase.enter update/download", "on: 'phase.enter update/download nth=0'",
            ["12:46: scenarios.0.faults.0.on: 'nth=0' must count from 1, for example nth=1"],
            id="bad occurrence in a quoted trigger",
        ),
        pytest.param(
            "on: phase.enter update/download", "on: phase.entr update/download",
            ["12:13: scenarios.0.faults.0.on: unknown event 'phase.entr' (did you mean 'phase.enter'?)"],
            id="unknown event",
        ),
        pytest.param(
            "target: one", "target: one & owner_of(update_servce)",
            ["13:32: scenarios.0.faults.0.target: unknown cluster group 'update_servce' "
             "(did you mean 'update_service'?)"],
            id="bad target",
        ),
        pytest.param(
            "target: one", "target: one & not self",
            ["13:17: scenarios.0.faults.0.target: 'self' is the node of the event, but the trigger names no node "
             "event or node[*]"],
            id="self without a node",
        ),
        pytest.param(
            "for: 10m", "for: 10min",
            ["14:16: scenarios.0.faults.0.for: the duration '10min' has the unknown unit 'min'; units are d, h, m, s, "
             "ms, us, for example '10m'"],
            id="bad duration",
        ),
        pytest.param(
            "for: 10m", "for: 10",
            ["14:14: scenarios.0.faults.0.for: a duration needs a unit: '10s', '10m' or '10h'?"],
            id="duration without unit",
        ),
        pytest.param(
            "        for: 10m\n", "",
            ["11:16: scenarios.0.faults.0.fault: 'node.power_loss' lasts until it is reverted; "
             "say 'for: 10m' or 'until'"],
            id="state fault without end",
        ),
        pytest.param(
            "on: phase.enter update/download", "while: node.down == 0",
            ["10:9: scenarios.0.faults.0: the fault 'dies' needs 'on' or 'after': when does it happen?"],
            id="fault without moment",
        ),
        pytest.param(
            "on: phase.enter update/download", "after: dies.active",
            ["12:16: scenarios.0.faults.0.after: the faults wait for each other: dies → dies"],
            id="fault after itself",
        ),
        pytest.param(
            "on: phase.enter update/download", "after: dise.active",
            ["12:16: scenarios.0.faults.0.after: no fault 'dise' in this scenario"],
            id="after an unknown fault",
        ),
        pytest.param(
            "schema: 1\n", "",
            ["1:1: the first key must be 'schema: 1'"],
            id="missing schema",
        ),
        pytest.param(
            "schema: 1\n", "schema: 2\n",
            ["1:9: schema: this version reads schema 1, not '2'"],
            id="schema of the future",
        ),
        pytest.param(
            "title: Something", "title: Something\n    limits: {vm.outage.longst: <= 2s}",
            ["8:14: scenarios.0.limits.vm.outage.longst: unknown measurement 'vm.outage.longst' "
             "(did you mean 'vm.outage.longest'?)"],
            id="unknown measurement",
        ),
        pytest.param(
            "title: Something", "title: Something\n    limits: {vm.outage.longest: <= 2}",
            ["8:37: scenarios.0.limits.vm.outage.longest: the duration '2' has no unit; units are d, h, m, s, ms, us, "
             "for example '10m'"],
            id="limit without unit",
        ),
        pytest.param(
            "title: Something", "title: Something\n    needs: {nodes: >=3}",
            ["8:20: a value that begins with '>' must be quoted: \">=3}\""],
            id="unquoted greater sign",
        ),
        pytest.param(
            "title: Something", "title: Something\n    budgets: {poll: 5s}",
            ["8:21: scenarios.0.budgets.poll: polling every 5s can break the Update Service; use 30s or more"],
            id="impolite polling",
        ),
        pytest.param(
            "title: Something", "title: Something\n    severity: urgent",
            ["8:15: scenarios.0.severity: expected 'blocker', 'critical', 'normal', 'minor' or 'trivial', "
             "found the text 'urgent'"],
            id="unknown severity",
        ),
        pytest.param(
            "title: Something", "title: Something\n    consumes: nothing",
            ["8:15: scenarios.0.consumes: this workflow consumes 'version', not 'nothing'"],
            id="wrong consumes",
        ),
        pytest.param(
            "title: Something", "title: Something\n    provoke: [{defect: step_hang}]",
            ["8:24: scenarios.0.provoke.0.defect: unknown product defect 'step_hang' (did you mean 'step_hangs'?)"],
            id="unknown defect",
        ),
        pytest.param(
            "title: Something",
            "title: Something\n    waivers: [{finding: f, reason: r, owner: o, expires: 20260630}]",
            ["8:58: scenarios.0.waivers.0.expires: expected text such as '2026-06-30', found the number 20260630"],
            id="date as number",
        ),
        pytest.param(
            "plan: sample", "plan: other",
            ["2:7: plan: the plan is called 'other', but its file 'sample.yaml'"],
            id="name differs from file",
        ),
    ],
)  # fmt: skip
def test_mistake(mistakes: Find, sample: Any, old: str, new: str, expected: list[str]) -> None:
    assert old in sample.sound
    assert sorted(mistakes(sample.sound.replace(old, new, 1))) == sorted(f"sample.yaml:{line}" for line in expected)


def test_circle_of_faults(mistakes: Find, sample: Any) -> None:
    faults = """\
    faults:
      - {id: a, fault: node.power_loss, after: b.clean, target: one, for: 1m}
      - {id: b, fault: node.power_loss, after: a.clean + 5s, target: one, for: 1m}
"""
    assert mistakes(sample.header + sample.scenario + faults) == [
        "sample.yaml:10:48: scenarios.0.faults.0.after: the faults wait for each other: a → b → a",
        "sample.yaml:11:48: scenarios.0.faults.1.after: the faults wait for each other: b → a → b",
    ]


def test_all_mistakes_are_reported_at_once(mistakes: Find, sample: Any) -> None:
    text = sample.sound.replace("title: Something", "titel: Something").replace("for: 10m", "for: ten minutes")
    text = text.replace("fault: node.power_loss", "fault: power_loss") + sample.scenario.replace(
        "12.2510.1002.94", "12.2510"
    )
    found = mistakes(text)
    assert [line.split(":")[1] for line in found] == ["6", "7", "11", "14", "15", "17"]
    assert "the scenario id 'UPD-001' is there twice; the first is in line 6" in found[4]


def test_message_shows_line_and_caret(load: Callable[[str], Plan], sample: Any) -> None:
    with pytest.raises(SourceError) as caught:
        load(sample.sound.replace("nth", "").replace("update/download", "update/dwnload"))
    assert str(caught.value).splitlines()[-2:] == [
        "            on: phase.enter update/dwnload",
        "                                   ^",
    ]
    assert caught.value.code == "USAGE"
    assert "hil plan lint" in caught.value.hint


def test_message_fits_one_screen(load: Callable[[str], Plan], sample: Any) -> None:
    many = "".join(f"  - {{id: UPD-{number:03}, titel: x}}\n" for number in range(200))
    with pytest.raises(SourceError) as caught:
        load(sample.header + many)
    lines = str(caught.value).splitlines()
    assert len(lines) < 60
    assert lines[-1] == "… and 576 more"
    assert len(caught.value.problems) == 600


def test_no_pydantic_words_in_messages(mistakes: Find, sample: Any) -> None:
    text = sample.sound.replace("on: phase.enter update/download", "on: [1]").replace("for: 10m", "for: {a: 1}")
    text = text.replace("workflow: {kind: solution", "workflow: {kind: solutions")
    for line in mistakes(text):
        assert "function" not in line
        assert "Value error" not in line
        assert "Input should" not in line
