"""The numbers: complete, tagged, used, and changeable per model."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import fields
from pathlib import Path
from typing import Any

import pytest
import yaml
from hypothesis import given
from hypothesis import strategies as st

import harness.twin.model
from harness.twin.model import CalibrationError, CatalogError, Catalogs, load_catalogs
from harness.twin.model.calibration import Calibration, Duration, read_calibration
from harness.twin.model.catalog import default_directory
from harness.twin.model.random import Streams
from harness.twin.model.scaling import scaled

from .conftest import MINUTE, Plant

Make = Callable[..., Plant]


@pytest.fixture
def document() -> dict[str, Any]:
    """The parsed calibration file, to be spoiled."""
    loaded = yaml.safe_load((default_directory() / "calibration.yaml").read_text(encoding="utf-8"))
    assert isinstance(loaded, dict)
    return loaded


@pytest.fixture(scope="module")
def catalogs() -> Catalogs:
    """All data files."""
    return load_catalogs()


def test_every_entry_is_used_by_the_model(catalogs: Catalogs) -> None:
    root = Path(harness.twin.model.__file__).parent
    code = "\n".join(
        path.read_text(encoding="utf-8") for path in sorted(root.rglob("*.py")) if path.name != "calibration.py"
    )
    unused = [
        f"{section.name}.{entry.name}"
        for section in fields(Calibration)
        if section.name != "steps"
        for entry in fields(getattr(catalogs.calibration, section.name))
        if f".{entry.name}" not in code
    ]
    assert unused == []


@pytest.mark.parametrize(
    ("change", "message"),
    [
        ({"value": 1, "unit": "s"}, "expected {value, unit, source}"),
        ({"value": 1, "unit": "GiB", "source": "[INF] x"}, "unit 'GiB' does not fit"),
        ({"value": -1, "unit": "s", "source": "[INF] x"}, "not below 0"),
        ({"value": 1, "unit": "s", "source": "guess"}, "evidence tag"),
        ({"value": 1, "unit": "s", "source": "[INF] x", "spread": 1}, "spread"),
        ({"value": True, "unit": "s", "source": "[INF] x"}, "number"),
    ],
)
def test_a_bad_entry_is_named(document: dict[str, Any], change: dict[str, object], message: str) -> None:
    document["node"]["post"] = change
    with pytest.raises(CalibrationError, match=r"node\.post") as caught:
        read_calibration(document)
    assert message in str(caught.value)


def test_missing_and_unknown_entries_are_named(document: dict[str, Any]) -> None:
    document["cau"]["fancy"] = document["cau"].pop("scan")
    with pytest.raises(CalibrationError, match="fancy, scan"):
        read_calibration(document)
    del document["cau"]
    with pytest.raises(CalibrationError, match="sections"):
        read_calibration(document)


def test_overrides_change_one_model_only(make_plant: Make) -> None:
    slow = make_plant(guests=0, overrides={"node.post": 20 * 60, "steps.tune-network": 1})
    slow.model.reset("NODE01")
    event = slow.until("node.phase", node="NODE01", phase="os-loading")
    assert event.t_ns == 20 * MINUTE
    assert load_catalogs().calibration.node.post.ns == 3 * MINUTE


def test_unknown_override_is_refused(make_plant: Make) -> None:
    for name in ("node.nothing", "nothing.post", "post", "steps.nothing"):
        with pytest.raises(CalibrationError, match=name):
            make_plant(overrides={name: 1})


def test_unknown_release_is_an_error(catalogs: Catalogs) -> None:
    with pytest.raises(CatalogError, match=r"12\.2602"):
        catalogs.release("12.9999.1.1")


@given(st.integers(), st.text(max_size=20), st.integers(1, 10**12), st.floats(0, 0.99))
def test_draws_stay_within_the_spread(seed: int, name: str, centre: int, spread: float) -> None:
    value = Streams(seed).around(name, centre, spread)
    assert abs(value - centre) <= round(centre * spread)


@given(st.integers(), st.lists(st.sampled_from(["a", "b", "c"]), max_size=30))
def test_streams_do_not_disturb_one_another(seed: int, order: list[str]) -> None:
    mixed, alone = Streams(seed), Streams(seed)
    values = [mixed.next_bits(name) for name in order if name]
    of_a = [value for name, value in zip(order, values, strict=True) if name == "a"]
    assert of_a == [alone.next_bits("a") for _ in of_a]


def test_durations_are_whole_nanoseconds() -> None:
    assert Duration(0.1, "ms", "[INF] x").ns == 100_000


def test_scaled_work_takes_its_share_and_everything_else_its_time() -> None:
    whole = load_catalogs().calibration
    tenth = scaled(whole, 0.1)
    assert tenth.cau.install.ns == whole.cau.install.ns // 10
    assert tenth.update.download_rate.bytes_s == whole.update.download_rate.bytes_s * 10
    assert {name: step.ns * 10 for name, step in tenth.steps.items()} == {
        name: step.ns for name, step in whole.steps.items()
    }
    assert (tenth.cluster, tenth.node, tenth.guest) == (whole.cluster, whole.node, whole.guest)
    assert tenth.cau.reboot_timeout == whole.cau.reboot_timeout
    assert scaled(whole, 1) == whole


@pytest.mark.parametrize("scale", [0, -1, 1.5])
def test_a_scale_is_a_share(scale: float) -> None:
    with pytest.raises(ValueError, match="above 0 and at most 1"):
        scaled(load_catalogs().calibration, scale)


def test_an_update_of_a_scaled_model_is_over_sooner() -> None:
    took = {}
    for scale in (1.0, 0.1):
        plant = Plant(nodes=2, guests=2, scale=scale)
        plant.start()
        assert plant.finish() == "Installed"
        took[scale] = plant.model.now_ns
    assert took[0.1] < took[1.0] / 2
