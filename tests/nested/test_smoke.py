"""The smoke plan on virtual machines: an update without trouble, and one with a power loss during a restart."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

import pytest

from harness.labs.nested.image import why_not_buildable
from harness.labs.nested.image.build import image_ready
from tests.nested.labs import LAB, Place

pytestmark = [pytest.mark.nested, pytest.mark.xdist_group("smoke"), pytest.mark.timeout(900)]
WITHIN_S = 840


def documents(folder: Path) -> list[dict[str, Any]]:
    return [json.loads(line) for line in (folder / "journal.jsonl").read_text(encoding="utf-8").splitlines()]


def test_the_smoke_plan_passes_and_leaves_nothing(tmp_path: Path) -> None:
    if image_ready() is None and (missing := why_not_buildable()):
        pytest.skip(missing)
    place = Place(tmp_path)
    code, session, said = place.hil("run", "start", "nested-smoke", within_s=WITHIN_S)
    verdicts = {each["id"]: (each["verdict"], each["detail"]) for each in session["scenarios"]}
    assert verdicts == {"NST-001": ("pass", ""), "NST-002": ("pass", "")}, said[-3000:]
    assert code == 0
    assert {each["machines"] for each in session["scenarios"]} == {"virtual"}
    runs = {each["id"]: documents(Path(each["folder"])) for each in session["scenarios"]}

    (injection,) = (each["data"] for each in runs["NST-002"] if "trigger" in each["data"])
    assert injection["target"] == "NODE01"
    assert "/reboot" in next(
        each["data"]["path"]
        for each in runs["NST-002"]
        if each["data"].get("number") == injection["trigger"]["event_number"]
    )
    for lines in runs.values():
        watched = [each["data"] for each in lines if each["data"].get("what") == "samples"]
        assert {row[7] for window in watched for row in window["runs"]} == {"icmp"}, "seen on the wire"
        named = {str(each["data"].get("file")) for each in lines}
        assert {"evidence/console-NODE01.log", "evidence/console-NODE02.log"} <= named

    assert {path.name for path in (place.state / "labs").iterdir()} == {f"{LAB}#1", f"{LAB}#2"}
    assert place.left() == []
