"""Guides as data: strict files, matchers, ranking, look-alikes."""

from __future__ import annotations

import re
from pathlib import Path
from typing import Any

import pytest

from harness.cli import main
from harness.errors import ConfigError
from harness.exits import Exit
from harness.guides import Matcher, diagnose, find_guide, load_catalogue, load_guide
from harness.guides.diagnose import Standing
from harness.guides.evidence import SOURCES, questions
from harness.guides.matching import match
from harness.plan.problem import SourceError
from harness.transports.powershell import MAX_INLINE_UNITS, fill

OFFLINE = "Type 'UpdateArbAndExtensions' of Role 'MocArb' raised an exception:\n\n[ResourceBridge Status  = Offline]"
CALM: dict[str, Any] = {
    "update": {"state": "Installing", "error": "", "still_min": 0},
    "groups": [{"name": "a-control-plane-0", "state": "Online"}],
    "plans": [],
    "health": [{"name": "AzStackHci_Hardware_SystemDriveFreeSpace", "status": "SUCCESS", "detail": "fine"}],
    "drives": [{"node": "NODE01", "free_gb": 80.0, "temp_gb": 0.5}],
    "service": {"answer_s": 1.5, "error": ""},
}
FULL = {
    "name": "AzStackHci_Hardware_SystemDriveFreeSpace",
    "status": "FAILURE",
    "detail": "Checking Hostname NODE01 for free space on root folder path 'C:' 22 GB. Expected at least 30 GB.",
}
LOW = {"node": "NODE01", "free_gb": 22.0, "temp_gb": 0.5}


def ranked(**facts: Any) -> dict[str, tuple[Standing, str]]:
    found = diagnose(load_catalogue(), {**CALM, **facts})
    return {one.guide.guide: (one.standing, one.excluded_by) for one in found.candidates}


class TestDiagnosis:
    def test_nothing_is_wrong(self) -> None:
        assert ranked() == {}

    def test_bridge_offline_and_not_locked(self) -> None:
        found = ranked(
            update={"state": "InstallationFailed", "error": OFFLINE, "still_min": 0},
            groups=[{"name": "a-control-plane-0", "state": "Offline"}],
        )
        assert list(found) == ["upd-arb-offline", "upd-arb-scope-locked"]
        assert found["upd-arb-offline"] == (Standing.APPLIES, "")
        assert found["upd-arb-scope-locked"] == (Standing.EXCLUDED, "lock-named")

    def test_same_text_with_the_group_online_is_not_that_guide(self) -> None:
        found = ranked(update={"state": "InstallationFailed", "error": OFFLINE, "still_min": 0})
        assert found["upd-arb-offline"] == (Standing.EXCLUDED, "group-offline")

    def test_full_drive_and_not_its_look_alike(self) -> None:
        found = ranked(health=[FULL], drives=[LOW, {**LOW, "node": "NODE02", "free_gb": 90.0}])
        assert found["ev-systemdrive-free-space"] == (Standing.APPLIES, "")
        assert found["ev-high-disk-temp"] == (Standing.EXCLUDED, "temp-is-large")

    def test_full_temporary_folder_is_the_other_one(self) -> None:
        found = ranked(health=[FULL], drives=[{**LOW, "temp_gb": 40.0}])
        assert found["ev-high-disk-temp"] == (Standing.APPLIES, "")
        assert found["ev-systemdrive-free-space"] == (Standing.EXCLUDED, "environment-checker-copies")

    def test_stale_plan_and_not_a_slow_service(self) -> None:
        plan = {"id": "7", "name": "GetCauDeviceInfo", "status": "Running", "age_h": 1400.0}
        stuck = {"state": "Downloading", "error": "", "still_min": 76}
        found = ranked(update=stuck, plans=[plan])
        assert found["upd-stuck-downloading-getcaudeviceinfo"] == (Standing.APPLIES, "")
        assert found["upd-get-solutionupdate-gatewaytimeout"] == (Standing.EXCLUDED, "slow-answer")
        assert "upd-stuck-downloading-getcaudeviceinfo" not in ranked(
            update={**stuck, "state": "Preparing"}, plans=[plan]
        )
        young = ranked(update=stuck, plans=[{**plan, "age_h": 0.2}])
        assert young["upd-stuck-downloading-getcaudeviceinfo"] == (Standing.EXCLUDED, "stale-plan")

    def test_confirmation_that_nobody_could_give_leaves_the_guide_unproven(self) -> None:
        facts = {**CALM, "health": [FULL]}
        del facts["drives"]
        found = diagnose(load_catalogue(), facts)
        assert {one.standing for one in found.candidates} == {Standing.UNPROVEN}
        assert found.first is None

    def test_two_that_say_the_same_are_ambiguous(self) -> None:
        guide = find_guide("upd-arb-offline")
        twin = guide.model_copy(update={"guide": "another", "rank": 1})
        facts = {**CALM, "update": {"error": OFFLINE}, "groups": [{"name": "control-plan", "state": "Failed"}]}
        assert diagnose([guide, twin], facts).ambiguous
        assert not diagnose([guide], facts).ambiguous


class TestMatcher:
    @pytest.mark.parametrize(
        ("test", "value", "holds"),
        [
            ({"is": "Online"}, "online", True),
            ({"is": ""}, "", True),
            ({"not": "Online"}, "Offline", True),
            ({"not": "Online"}, None, False),
            ({"in": ["a", "b"]}, "B", True),
            ({"matches": "x  y"}, "x \n  y", False),
            ({"matches": "x y"}, "x \n  y", True),
            ({"below": 30}, 29.9, True),
            ({"below": 30}, None, False),
            ({"above": 24}, 24, False),
        ],
    )
    def test_each_test(self, test: dict[str, Any], value: Any, holds: bool) -> None:
        matcher = Matcher.model_validate({"id": "m", "fact": "groups", "field": "state", **test})
        assert match(matcher, {"groups": [{"name": "g", "state": value}]}).holds is holds

    @pytest.mark.parametrize(("rows", "holds"), [("any", True), ("all", False), ("none", False)])
    def test_how_many_rows_must_pass(self, rows: str, holds: bool) -> None:
        matcher = Matcher.model_validate({"id": "m", "fact": "groups", "field": "state", "rows": rows, "is": "Online"})
        facts = {"groups": [{"name": "a", "state": "Online"}, {"name": "b", "state": "Failed"}]}
        assert match(matcher, facts).holds is holds

    def test_all_of_no_rows_is_not_true(self) -> None:
        matcher = Matcher.model_validate(
            {"id": "m", "fact": "groups", "where": {"name": "x*"}, "field": "state", "rows": "all", "is": "Online"}
        )
        assert match(matcher, {"groups": []}).holds is False

    def test_unknown_fact_is_neither(self) -> None:
        matcher = Matcher.model_validate({"id": "m", "fact": "groups", "field": "state", "is": "Online"})
        assert match(matcher, {}).holds is None


class TestFiles:
    @pytest.mark.parametrize("guide", load_catalogue(), ids=lambda guide: guide.guide)
    def test_every_script_can_be_filled_and_fits_a_command_line(self, guide: Any) -> None:
        for step in guide.remedy:
            if step.script:
                names = set(re.findall(r"<<(\w+)>>", step.script))
                assert names <= {*guide.bind, "update_id"}
                assert len(fill(step.script, **dict.fromkeys(names, "x" * 40))) < MAX_INLINE_UNITS

    def test_every_fact_that_is_asked_for_has_a_question(self) -> None:
        assert set(questions(SOURCES, "an/update")) == set(SOURCES) - {"update"}

    @pytest.mark.parametrize(
        ("change", "message"),
        [
            (("fact: groups", "fact: group"), "unknown fact 'group'"),
            (("in: [Offline, Failed]", "in: [Offline], is: Failed"), "exactly one of"),
            (("within: 15m", "widthin: 15m"), "unknown key 'widthin'"),
            (("on: any", "on: nothing.node"), "names no trigger or confirm matcher"),
            (("recovers: 2h\n", ""), "needs 'verify' and 'recovers'"),
            (("matches: '\\[", "matches: '["), "is no regular expression"),
        ],
    )
    def test_mistakes_are_told_with_their_place(self, change: tuple[str, str], message: str, tmp_path: Path) -> None:
        text = Path(load_catalogue.__globals__["guides_dir"]() / "upd-arb-offline.yaml").read_text()
        assert change[0] in text
        path = tmp_path / "upd-arb-offline.yaml"
        path.write_text(text.replace(*change, 1))
        with pytest.raises(SourceError) as caught:
            load_guide(path)
        assert message in str(caught.value)
        assert re.search(r"yaml:\d+:\d+", str(caught.value))

    def test_unknown_guide_has_a_proposal(self) -> None:
        with pytest.raises(ConfigError, match="did you mean 'upd-arb-offline'"):
            find_guide("upd-arb-ofline")


class TestCommands:
    def test_list_and_show(self, capsys: pytest.CaptureFixture[str]) -> None:
        assert main(["guides", "list"]) == Exit.PASS
        assert all(guide.guide[:20] in capsys.readouterr().out for guide in load_catalogue()[:1])
        assert main(["guides", "show", "ev-systemdrive-free-space"]) == Exit.PASS
        shown = capsys.readouterr().out
        assert "[destructive: needs the plan's approval]" in shown
        assert "StartComponentCleanup" in shown

    def test_diagnose_reads_evidence(self, tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
        path = tmp_path / "guide-1.json"
        path.write_text('{"health": [], "update": {"state": "Downloading", "still_min": 80, "error": ""}, "plans": []}')
        assert main(["guides", "diagnose", str(path)]) == Exit.PASS
        assert "no guide applies" in capsys.readouterr().out
        path.write_text('{"helth": []}')
        assert main(["guides", "diagnose", str(path)]) == Exit.USAGE
        assert "'helth', which is no fact" in capsys.readouterr().err
