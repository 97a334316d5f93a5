"""What an update does to a Windows guest: hotpatch, baseline, and guests that get no hotpatches."""

from __future__ import annotations

from typing import Any

import pytest

from tests.twin.guest.shell_guests import (
    INSTALL,
    INVENTORY,
    JANUARY,
    MINUTE,
    NOVEMBER,
    PLACE,
    S,
    ShellGuest,
    by_task,
    make_guest,
)

RESTART_EVENTS = {12, 13, 41, 1074, 6005, 6006, 6008, 6009}


def restart(guest: ShellGuest) -> None:
    """Restart from the session and wait until the guest answers."""
    guest.run("shutdown /r /t 0")
    answering = [event for event in guest.model.events if event.kind == "vm.answering"]
    while len([event for event in guest.model.events if event.kind == "vm.answering"]) == len(answering):
        guest.advance(10 * S)


def test_a_hotpatch_changes_the_build_and_nothing_else() -> None:
    with make_guest() as guest:
        before = guest.json(INVENTORY)
        done = guest.as_system(INSTALL)
        after = guest.json(INVENTORY)
        assert done == {
            "Kb": ["5068966"],
            "Title": "2025-11 Hotpatch for Windows Server 2025 for x64-based Systems (KB5068966)",
            "Behavior": 0,
            "Download": 2,
            "Result": 2,
            "HResult": 0,
            "Restart": False,
            "One": 2,
            "Pending": False,
        }
        assert (before["UBR"], after["UBR"]) == (6899, 7092)
        assert after["Kb"] == [*before["Kb"], "KB5068966"]
        changed = {key for key in before if before[key] != after[key]}
        assert changed == {"UBR", "Kb"}
        assert guest.windows.guest.boot_id == 1
        assert guest.events() == [44, 43, 19]
        assert guest.events("Setup") == [1, 2]
        assert all(service.stops_ns == [] for service in guest.windows.services)
        assert guest.windows.guest.reachability.transitions[1:] == []


def test_a_baseline_waits_for_one_restart_which_completes_it() -> None:
    with make_guest(JANUARY) as guest:
        before = guest.json(INVENTORY)
        done = guest.as_system(INSTALL)
        assert (done["Kb"], done["Result"], done["Restart"], done["Behavior"]) == (["5073379"], 2, True, 2)
        staged = guest.json(INVENTORY)
        assert staged["UBR"] == before["UBR"]
        assert staged["Kb"] == before["Kb"]
        assert staged["CbsPending"]
        assert staged["WuPending"]
        assert done["Pending"]
        assert guest.events() == [44, 43, 21]
        assert guest.events("Setup") == [1, 4]

        restart(guest)
        after = guest.json(INVENTORY)
        assert after["UBR"] == 32230
        assert after["Kb"][-1] == "KB5073379"
        assert not after["CbsPending"]
        assert not after["WuPending"]
        assert after["BootUtc"] > before["BootUtc"]
        assert not set(after["Pids"]) & set(before["Pids"]) - {"System:4"}
        assert guest.windows.guest.boot_id == 2
        assert guest.events() == [44, 43, 21, 1074, 6006, 13, 12, 6009, 6005, 19]
        assert guest.events("Setup") == [1, 4, 2]
        seen = [(item.signal.value, item.boot_id) for item in guest.windows.guest.reachability.transitions]
        assert seen == [("answering", 1), ("off", 1), ("off", 2), ("answering", 2)]


@pytest.mark.parametrize(
    ("change", "kb"),
    [
        ({"vbs": "enabled"}, "5068861"),
        ({"enrolled": False}, "5068861"),
        ({"installed": ("KB5062553",)}, "5068861"),
        ({"system": "ws2022-datacenter", "installed": ("KB5066782",)}, "5068787"),
        ({"system": "ws2022-azure-edition-core", "installed": ("KB5066782",)}, "5068840"),
    ],
    ids=["vbs not running", "not enrolled", "old baseline", "edition without hotpatch", "edition with hotpatch"],
)
def test_who_gets_a_hotpatch(change: dict[str, Any], kb: str) -> None:
    with make_guest(NOVEMBER, **change) as guest:
        done = guest.as_system(INSTALL)
        assert done["Kb"] == [kb]
        assert done["Restart"] == (kb != "5068840")


def test_a_cumulative_update_leaves_the_train_until_the_next_baseline() -> None:
    december = NOVEMBER.replace(month=12, day=10)
    with make_guest(december, installed=("KB5068861",)) as guest:
        assert guest.as_system(INSTALL)["Kb"] == ["5072033"]
    with make_guest(JANUARY, installed=("KB5068861",)) as guest:
        assert guest.as_system(INSTALL)["Kb"] == ["5073379"]


def test_an_update_server_that_approved_less_offers_less() -> None:
    with make_guest(JANUARY, approved="2025-12") as guest:
        assert guest.as_system(INSTALL)["Kb"] == ["5072014"]


def test_the_defect_restarts_the_guest_after_a_hotpatch() -> None:
    with make_guest(NOVEMBER, defects=("hotpatch_reboots_guest",)) as guest:
        before = guest.json(INVENTORY)
        guest.run(by_task(INSTALL))
        guest.advance(5 * MINUTE)
        after = guest.json(INVENTORY)
        assert after["UBR"] == 7092
        assert after["BootUtc"] > before["BootUtc"]
        assert set(guest.events()) & RESTART_EVENTS == {12, 13, 1074, 6005, 6006, 6009}


def test_a_second_installation_is_refused_while_a_restart_is_pending() -> None:
    with make_guest(JANUARY) as guest:
        guest.as_system(INSTALL)
        again = INSTALL.replace("IsInstalled=0 and IsHidden=0 and Type='Software'", "RebootRequired=1")
        script = (
            f"try {{ {again.partition('[pscustomobject]')[0]} }} catch {{ $_.Exception.Message | Set-Content {PLACE} }}"
        )
        assert "0x80240016" in guest.text(by_task(script))
