"""Answers of a guest in every form in which PowerShell 5.1 prints them, and those that are none."""

from __future__ import annotations

import json
from typing import Any

import pytest

from harness.azurelocal.guests.inventory import parse_direct_access, parse_inventory, read_inventory
from harness.azurelocal.guests.restart import read_answer, restart_guest
from harness.azurelocal.guests.task import install_by_task, parse_look, place_of, work_script
from harness.errors import ProductError

ROW: dict[str, Any] = {
    "computer": "VM01",
    "booted": "2026-01-01T10:00:00.1234567Z",
    "product": "Windows Server 2025 Datacenter Azure Edition",
    "edition": "ServerTurbineCor",
    "installation": "Server Core",
    "build": "26100",
    "revision": 6899,
    "vbs": 2,
    "vbs_configured": "1",
    "table": "4096",
    "enrolment": "Hotpatch Enrollment Package",
    "secure_boot": True,
    "kbs": ["KB5066835", "KB5034127"],
    "pending": [],
    "soft": [],
    "renames": False,
    "servicing": "0",
    "services": [{"name": "WinRM", "state": "Running", "pid": 4, "started": "2026-01-01T10:00:06Z"}],
    "events": [],
    "history": None,
}


def told(**changes: Any) -> Any:
    return parse_inventory({**ROW, **changes})


def test_one_thing_is_a_list_of_one() -> None:
    seen = told(kbs="KB5066835", services=ROW["services"][0], pending="CBS RebootPending")
    assert (seen.kbs, seen.pending, [service.pid for service in seen.services]) == (
        ("KB5066835",),
        ("CBS RebootPending",),
        [4],
    )


def test_nothing_is_an_empty_list() -> None:
    seen = told(kbs=[None], services=None, events=None, pending=None)
    assert (seen.kbs, seen.services, seen.events, seen.pending) == ((), (), (), ())


def test_missing_registry_values_are_not_there() -> None:
    seen = told(table="", enrolment="", vbs_configured="", servicing="", secure_boot=None, vbs=None)
    assert (seen.hotpatch_table, seen.enrolment, seen.vbs_configured, seen.secure_boot, seen.vbs) == (
        0,
        "",
        False,
        None,
        0,
    )


def test_what_waits_for_a_restart() -> None:
    seen = told(servicing="2", renames=True, soft=["WU Services Pending"])
    assert seen.pending == ("CBS ServicingInProgress 2",)
    assert seen.pending_soft == ("WU Services Pending", "PendingFileRenameOperations")


def test_events_of_other_providers_with_the_same_ids_are_left_out() -> None:
    rows = [
        {"record": 3, "provider": "EventLog", "id": 6005, "at": "2026-01-01T10:00:00Z", "detail": ""},
        {"record": 2, "provider": "Microsoft-Windows-Kernel-General", "id": 12, "at": "", "detail": None},
        {"record": 1, "provider": "Microsoft-Windows-UserModePowerService", "id": 12, "at": "", "detail": ""},
        {"record": 4, "provider": "Microsoft-Windows-WindowsUpdateClient", "id": 19, "at": "", "detail": "title"},
    ]
    assert [event.record for event in told(events=rows).events] == [2, 3, 4]


@pytest.mark.parametrize("changes", [{"build": ""}, {"revision": None}, {"booted": "yesterday"}])
def test_guest_that_cannot_tell_what_it_is(changes: dict[str, Any]) -> None:
    with pytest.raises(ProductError, match="expected two numbers and a moment"):
        told(**changes)


def test_direct_access() -> None:
    refused = parse_direct_access(
        {"install": {"code": -2147024891, "text": "Access is denied."}, "search": {"code": 0}}
    )
    assert (refused.refused, refused.search_refused, refused.message) == (True, False, "Access is denied.")
    assert not parse_direct_access({"install": {"code": 0, "text": ""}, "search": {"code": 0}}).refused


def test_look_at_a_task() -> None:
    done = {"phase": "done", "kb": "KB1", "code": 2, "hresult": 0, "offered": "KB1", "title": "t", "present": False}
    done |= {"behavior": 0, "restart": False, "system": False, "error": ""}
    look = parse_look({"exists": True, "state": "Ready", "last": 0, "file": "\ufeff" + json.dumps(done)})
    assert look.result is not None
    assert (look.result.offered, look.result.code, look.result.restart_behavior) == (("KB1",), 2, 0)
    for half in ("", '{"phase":"do', "no JSON", "[]"):
        assert parse_look({"exists": True, "state": "Running", "last": 267009, "file": half}).result is None
    working = parse_look({"exists": True, "state": "Running", "last": 267009, "file": '{"phase":"install"}'})
    assert (working.phase, working.result) == ("install", None)


def test_scripts_carry_values_as_literals_only() -> None:
    assert "$kb='KB''; evil'" in work_script("hil-a-1", "KB'; evil")
    assert place_of("hil-a-1") == "C:\\Windows\\Temp\\hil-a-1.json"
    assert install_by_task("hil-a-1", "KB1").repeatable
    assert read_inventory().script == read_inventory().script


def test_restart_names_the_start_that_it_ends() -> None:
    assert "638032176001234560" in restart_guest("2022-11-05T04:00:00.123456Z").script
    with pytest.raises(ValueError, match="no moment"):
        restart_guest("soon")
    assert read_answer("ordered") == "ordered"
    with pytest.raises(ProductError, match="'what'"):
        read_answer("what")
