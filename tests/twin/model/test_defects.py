"""Each product defect shows, and only where it should."""

from __future__ import annotations

from collections.abc import Callable

import pytest

from harness.twin.model import DEFECTS, ModelSpec
from harness.twin.model.states import StepStatus, UpdateState, VmState

from .conftest import HOUR, MINUTE, UPDATE, Plant

Make = Callable[..., Plant]


def test_cau_starts_the_next_machine_while_storage_is_repaired(make_plant: Make) -> None:
    plant = make_plant(defects=("cau_skips_storage_wait",))
    plant.start()
    plant.until("phase.enter", "update/install/cau/node[NODE02]/drain")
    assert not plant.model.storage.healthy
    assert plant.model.storage.repair_jobs
    assert plant.finish() == "Installed"


def test_guests_of_a_lost_machine_stay_off(make_plant: Make) -> None:
    plant = make_plant(guests=8, defects=("no_ha_restart",))
    plant.model.power_off("NODE02")
    plant.advance(HOUR)
    assert plant.model.guest("VM02").state is VmState.Off
    assert not plant.of("vm.restart")


def test_installed_is_reported_with_one_machine_on_the_old_build(make_plant: Make) -> None:
    plant = make_plant(guests=4, defects=("installed_with_old_build",))
    plant.start()
    assert plant.finish() == "Installed"
    builds = {name: str(node.os_build) for name, node in plant.model.nodes.items()}
    assert builds.pop("NODE04") == "26100.6584"
    assert set(builds.values()) == {"26100.6899"}


@pytest.mark.parametrize("step", ["update-secured-core", "Update secured core", "UpdateSecuredCore"])
def test_a_hanging_step_never_ends_and_makes_no_progress(make_plant: Make, step: str) -> None:
    plant = make_plant(guests=4, defects=(f"step_hangs:{step}",))
    plant.start()
    plant.until("phase.enter", "update/install/update-secured-core")
    run = plant.model.runs[-1]
    percent = run.plan.percent()
    plant.advance(24 * HOUR)
    assert plant.model.updates.row(UPDATE).state is UpdateState.Installing
    assert run.plan.percent() == percent < 100
    leaf = next(item for item in run.plan.root.leaves() if item.slug == "update-secured-core")
    assert (leaf.status, leaf.ended_ns) == (StepStatus.InProgress, None)


def test_a_hanging_cau_stage(make_plant: Make) -> None:
    plant = make_plant(guests=4, defects=("step_hangs:cau/NODE02/drain",))
    plant.start()
    plant.until("phase.enter", "update/install/cau/node[NODE02]/drain")
    plant.advance(24 * HOUR)
    assert not plant.model.node("NODE02").paused


def test_a_hanging_preparation(make_plant: Make) -> None:
    plant = make_plant(guests=4, defects=("step_hangs:prepare",))
    plant.start()
    plant.advance(5 * HOUR)
    assert plant.model.updates.row(UPDATE).state is UpdateState.Preparing


def test_without_a_defect_nothing_of_this_happens(make_plant: Make) -> None:
    plant = make_plant(guests=8)
    plant.model.power_off("NODE02")
    plant.advance(5 * MINUTE)
    assert plant.model.guest("VM02").state is VmState.Running


@pytest.mark.parametrize("defect", ["no_such", "step_hangs", "no_ha_restart:x"])
def test_unknown_defects_are_refused(defect: str) -> None:
    with pytest.raises(ValueError, match=DEFECTS[0]):
        ModelSpec(defects=(defect,))
