"""The catalogue of guests' updates, and guests that cannot be as the lab file says."""

from __future__ import annotations

from datetime import UTC, datetime
from typing import Any

import pytest

from harness.errors import ConfigError
from harness.labs.models import find_lab
from harness.labs.twin import TwinHosting
from harness.twin.model import ClusterModel, ModelSpec
from harness.twin.model.windows.catalog import UpdateKind, load_windows, second_tuesday
from harness.twin.model.windows.spec import WindowsGuestSpec


def test_the_calendar_of_baselines_and_hotpatches() -> None:
    catalog = load_windows()
    for update in catalog.updates:
        planned = update.month[-2:] in ("01", "04", "07", "10")
        assert (update.kind is UpdateKind.BASELINE) == planned, update.kb
        assert update.needs_restart == (update.kind is not UpdateKind.HOTPATCH)
    for build in (26100, 20348):
        months = [update for update in catalog.of_build(build) if update.kind is not UpdateKind.CUMULATIVE]
        assert len({update.month for update in months}) == len(months), "one update a month on the train"
        assert [update.build for update in months] == sorted(update.build for update in months)


def test_updates_appear_on_the_second_tuesday() -> None:
    assert second_tuesday("2026-05", 18) == datetime(2026, 5, 12, 18, tzinfo=UTC)
    assert second_tuesday("2025-07", 18) == datetime(2025, 7, 8, 18, tzinfo=UTC)


@pytest.mark.parametrize(
    ("change", "message"),
    [
        ({"system": "ws2019"}, "no system 'ws2019'"),
        ({"installed": ("KB1234567",)}, "no update 'KB1234567'"),
        ({"installed": ("KB5068966",)}, "must hold a baseline"),
        ({"installed": ("KB5066782",)}, "must hold a baseline or cumulative update for build 26100"),
        ({"installed": ("KB5062553", "KB5068966")}, "hotpatch KB5068966 is not made for KB5062553"),
        ({"installed": ("KB5068861", "KB5072014")}, "hotpatch KB5072014 is not made for KB5068861"),
        ({"guest": "VM09"}, "no guest of the model"),
    ],
)
def test_a_guest_that_cannot_be(change: dict[str, Any], message: str) -> None:
    with pytest.raises(ValueError, match=message):
        ClusterModel(ModelSpec(nodes=1, guests=1, windows=(WindowsGuestSpec(**{"guest": "VM01", **change}),)))


def test_the_provider_names_the_lab_file_with_the_mistake() -> None:
    lab = find_lab("twin-2node-guests").model_dump(by_alias=True, mode="json")
    lab["twin"]["windows_guests"][0]["system"] = "ws2019"
    with pytest.raises(ConfigError, match=r"twin-2node-guests.*no system 'ws2019'"):
        TwinHosting("twin-2node-guests#1", lab)


def test_the_same_seed_makes_the_same_guest() -> None:
    def pids(seed: int) -> list[int]:
        model = ClusterModel(ModelSpec(nodes=1, guests=1, seed=seed, windows=(WindowsGuestSpec("VM01"),)))
        return [process.pid for process in model.windows.machine("VM01").processes]

    assert pids(1) == pids(1)
    assert pids(1) != pids(2)
