"""Which guest gets a month's update, told from one look at it; what differs between two looks; the calendar."""

from __future__ import annotations

from dataclasses import replace
from typing import Any

import pytest

from harness.azurelocal.guests.standing import standing_of
from harness.measure.guest_changes import differences, disturbed_services, new_pending, same_boot
from harness.measure.guest_records import plain, read_inventory
from harness.plan.guest_calendar import known_months, needs_restart, train_of, train_updates, update_for
from harness.testing.guest_stories import booted_at, look
from harness.values import GuestInventory, GuestService, PastInstallation, TrainUpdate

DECEMBER, JANUARY = "2025-12", "2026-01"


def of_month(seen: GuestInventory, month: str) -> tuple[str, str]:
    found = standing_of(seen, update_for(seen.build, month), train_of(seen.build, month))
    return found.standing.value, "; ".join(found.reasons)


@pytest.mark.parametrize(
    ("changes", "month", "standing", "reason"),
    [
        ({}, DECEMBER, "eligible", ""),
        ({"kbs": ("KB5066835", "KB5068966"), "revision": 7092}, DECEMBER, "eligible", ""),
        ({}, JANUARY, "eligible", ""),
        ({"kbs": ("KB5068861",), "revision": 7171}, JANUARY, "eligible", ""),
        ({"kbs": ("KB5066835", "KB5072014"), "revision": 7392}, DECEMBER, "current", "KB5072014 is installed"),
        ({"revision": 32230, "kbs": ("KB5073379",)}, DECEMBER, "current", "26100.32230 is newer than 26100.7392"),
        ({"vbs": 1}, DECEMBER, "cumulative", "is configured, but does not run (status 1"),
        ({"vbs": 0, "vbs_configured": False}, DECEMBER, "cumulative", "is not enabled (status 0"),
        ({"enrolment": ""}, DECEMBER, "cumulative", "no enrolment package"),
        ({"hotpatch_table": 0}, DECEMBER, "cumulative", "HotPatchTableSize is 0"),
        ({"secure_boot": False}, DECEMBER, "cumulative", "Secure Boot is off"),
        ({"vbs": 1}, JANUARY, "cumulative", "does not run"),
        ({"kbs": ("KB5068861",), "revision": 7171}, DECEMBER, "cumulative", "off the hotpatch train"),
        ({"kbs": ("KB5062553",), "revision": 4652}, DECEMBER, "cumulative", "off the hotpatch train"),
        ({"kbs": ("KB5070881",)}, DECEMBER, "cumulative", "off the hotpatch train: build 26100.6899 without KB5066835"),
        ({"build": 17763, "revision": 1}, DECEMBER, "cumulative", "neither a hotpatch nor a baseline"),
        ({"revision": 1500}, DECEMBER, "cumulative", "too old for hotpatches"),
        ({"pending": ("CBS RebootPending",)}, DECEMBER, "unmanageable", "a restart is pending (CBS RebootPending)"),
    ],
)
def test_standing(changes: dict[str, Any], month: str, standing: str, reason: str) -> None:
    found, why = of_month(look(**changes), month)
    assert found == standing
    assert reason in why


def test_edition_decides_on_windows_server_2022_only() -> None:
    old = look(build=20348, revision=4294, kbs=("KB5066782",))
    assert of_month(old, DECEMBER)[0] == "eligible"
    assert "gets no hotpatches" in of_month(replace(old, edition="ServerDatacenter"), DECEMBER)[1]
    assert of_month(look(edition="ServerDatacenter"), DECEMBER)[0] == "eligible"


def test_same_build_with_another_kb_is_another_update() -> None:
    """October 2025: two updates had one build, and only one of them stayed on the train."""
    update = update_for(26100, DECEMBER)
    assert update is not None
    twin = look(revision=update.revision, kbs=("KB5066835", "KB9999999"))
    assert of_month(twin, DECEMBER)[0] == "cumulative"


def test_calendar() -> None:
    months = known_months()
    assert months == tuple(sorted(months))
    baselines = {month for month in months if needs_restart(month)}
    assert all(month[-2:] in ("01", "04", "07", "10") for month in baselines)
    assert {update.kind for update in train_updates()} == set(TrainUpdate)
    assert train_of(26100, DECEMBER) == {6899: "KB5066835", 7092: "KB5068966", 7392: "KB5072014"}
    assert update_for(26100, "2031-01") is None


def test_inventory_survives_the_journal() -> None:
    seen = look(history=(PastInstallation("t", 2, 0, "c"),), pending=("CBS RebootPending",))
    assert read_inventory(plain(seen)) == seen


def test_differences() -> None:
    before = look()
    assert differences(before, before) == ()
    assert same_boot(before, replace(before, booted=before.booted.replace("00Z", "01Z")))
    after = replace(before, booted=booted_at(60), revision=7392, kbs=("KB5072014",), pending=("CBS RebootPending",))
    assert differences(before, after) == (
        "build 26100.6899 → 26100.7392",
        "KB5072014 was added",
        "KB5066835 is gone",
        f"it restarted: started {before.booted} → {after.booted}",
        "restart pending: CBS RebootPending",
    )
    reused = (GuestService("Workload", "Running", 400, booted_at(60)),)
    assert disturbed_services(before, replace(before, services=reused)) == ("Workload",), "an id is used again"
    soft = replace(before, pending_soft=("PendingFileRenameOperations",))
    assert new_pending(before, soft) == ("PendingFileRenameOperations",)
    assert new_pending(soft, soft) == ()
