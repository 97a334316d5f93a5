"""Causes over the control channel of a simulated lab, and a guide's commands over WinRM against them."""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any

import pytest
import winrm

from harness.errors import LabError
from harness.labs.host import READING_VERBS
from harness.labs.models import find_lab
from harness.labs.twin import TwinHosting


@pytest.fixture
def hosting() -> Iterator[TwinHosting]:
    lab = find_lab("twin-4node").model_dump(mode="json", by_alias=True)
    hosted = TwinHosting("twin-4node#1", lab)
    yield hosted
    hosted.close()


def plant(hosting: TwinHosting, cause: str, **more: Any) -> None:
    hosting.call("plant", {"cause": cause, **more})


def events(hosting: TwinHosting, kind: str) -> list[dict[str, Any]]:
    return [event for event in hosting.call("events", {"since": -1}) if event["kind"] == kind]


def run(hosting: TwinHosting, node: str, script: str) -> str:
    end = hosting.call("endpoint", {"name": node, "kind": "winrm"})
    session = winrm.Session(
        f"http://{end['address']}:{end['port']}/wsman", auth=(end["username"], end["secret"]), transport="ntlm"
    )
    reply = session.run_ps(script)
    assert (reply.std_err, reply.status_code) == (b"", 0)
    text: str = reply.std_out.decode()
    return text.strip().replace("\r\n", "\n")


def test_plant_and_lift_change_the_lab(hosting: TwinHosting) -> None:
    assert not {"plant", "lift"} & READING_VERBS
    node = hosting.call("describe", {})["nodes"][1]
    plant(hosting, "system-drive-full", node=node, parameters={"free_gb": 20})
    plant(hosting, "system-drive-full", node=node, parameters={"free_gb": 20})
    (event,) = events(hosting, "cause.planted")
    assert (event["node"], event["attrs"]) == (node, {"cause": "system-drive-full", "free_gb": 20})
    assert run(hosting, node, "(Get-PSDrive C).Free / 1GB") == "20"
    hosting.call("lift", {"cause": "system-drive-full", "node": node})
    assert [event["node"] for event in events(hosting, "cause.lifted")] == [node]
    assert float(run(hosting, node, "(Get-PSDrive C).Free / 1GB")) > 80


def test_a_cause_that_does_not_exist_is_refused(hosting: TwinHosting) -> None:
    with pytest.raises(LabError, match=r"'plant' was refused .* no cause 'no-such'; expected one of orphan"):
        plant(hosting, "no-such")


def test_the_guide_for_the_resource_bridge_over_winrm(hosting: TwinHosting) -> None:
    plant(hosting, "resource-bridge-offline")
    node = hosting.call("describe", {})["nodes"][0]
    assert run(hosting, node, "(Get-ClusterGroup '*control-plan*').State") == "Offline"
    assert run(hosting, node, "(Get-ClusterGroup -Name '*control-plan*' | Start-ClusterGroup).State") == "Online"
    assert run(hosting, node, "(Get-ClusterGroup '*control-plan*').State") == "Online"
    assert 10e9 < hosting.call("now", {}) < 120e9


def test_cleaning_a_full_drive_over_winrm(hosting: TwinHosting) -> None:
    node = hosting.call("describe", {})["nodes"][2]
    plant(hosting, "system-drive-full", node=node)
    cleanup = "Dism.exe /Online /Cleanup-Image /StartComponentCleanup"
    assert run(hosting, node, cleanup).endswith("The operation completed successfully.")
    run(
        hosting,
        node,
        "Stop-Service wuauserv,bits; Remove-Item C:\\Windows\\SoftwareDistribution\\Download\\* -Recurse -Force; "
        "Start-Service wuauserv,bits",
    )
    check = "(Invoke-AzStackHciHardwareValidation -Include Test-SystemDriveFreeSpace -PassThru).Status"
    assert run(hosting, node, check) == "SUCCESS"
    assert (
        run(hosting, node, "Set-Content note.txt hi; Get-Content ~\\note.txt -ErrorAction Ignore; gc note.txt") == "hi"
    )


class TestBaseline:
    def baseline(self, hosting: TwinHosting, *provoke: dict[str, Any]) -> Any:
        return hosting.call("baseline", {"versions": {}, "seed": 3, "provoke": list(provoke)})

    def test_causes_and_defects_are_planted_together(self, hosting: TwinHosting) -> None:
        nodes = hosting.call("describe", {})["nodes"]
        reached = self.baseline(
            hosting,
            {"cause": "system-drive-full", "defect": None, "target": "node(2)", "with": {"free_gb": 12}},
            {"cause": "orphan-device-info-plan", "defect": None, "target": None, "with": {}},
            {"cause": None, "defect": "cleanup_without_effect", "target": None, "with": {}},
        )
        assert reached["ready"]
        planted = [
            (event["attrs"]["cause"], event["node"], event["t_ns"]) for event in events(hosting, "cause.planted")
        ]
        assert planted == [("system-drive-full", nodes[1], 0), ("orphan-device-info-plan", None, 0)]
        assert (
            run(hosting, nodes[1], "del C:\\Windows\\SoftwareDistribution\\Download\\*; (Get-PSDrive C).Free/1GB")
            == "12"
        )

    def test_all_nodes(self, hosting: TwinHosting) -> None:
        self.baseline(hosting, {"cause": "system-drive-full", "target": "all"})
        assert [event["node"] for event in events(hosting, "cause.planted")] == hosting.call("describe", {})["nodes"]

    @pytest.mark.parametrize(
        ("provocation", "text"),
        [
            ({"cause": "no-such", "target": None}, "no cause 'no-such'"),
            ({"cause": "system-drive-full", "target": "next_to_update"}, "cannot be told at the baseline"),
            ({"cause": "system-drive-full", "target": "node(9)"}, "'9' was not found"),
        ],
    )
    def test_what_cannot_be_planted_is_refused(
        self, hosting: TwinHosting, provocation: dict[str, Any], text: str
    ) -> None:
        with pytest.raises(LabError, match=text):
            self.baseline(hosting, provocation)
