"""Each cause shows through the model's own rules, is repaired by what repairs the product, and can be lifted."""

from __future__ import annotations

from collections.abc import Callable

import pytest

from harness.twin.model import ClusterModel, ModelError, ModelSpec, PlantedCause
from harness.twin.model.filelayout import DOWNLOAD_CACHE
from harness.twin.model.groups import UPDATE_SERVICE
from harness.twin.model.states import ActionPlanStatus, ClusterGroupState, HealthState, UpdateState
from harness.twin.units import NS_PER_DAY

from .conftest import HOUR, MINUTE, UPDATE, Plant

Make = Callable[..., Plant]
ORPHAN, BRIDGE, DRIVE, WEDGED = (
    "orphan-device-info-plan",
    "resource-bridge-offline",
    "system-drive-full",
    "update-service-wedged",
)
NAMES = (ORPHAN, BRIDGE, DRIVE, WEDGED)


def state(plant: Plant) -> UpdateState:
    return plant.model.updates.row(UPDATE).state


def node_for(cause: str) -> str | None:
    return "NODE03" if cause == DRIVE else None


class TestEveryCause:
    @pytest.mark.parametrize("cause", NAMES)
    def test_planting_and_lifting_twice_is_once(self, make_plant: Make, cause: str) -> None:
        plant, node = make_plant(guests=2), node_for(cause)
        plant.model.lift(cause, node)
        for _ in range(2):
            plant.model.plant(cause, node, {})
        for _ in range(2):
            plant.model.lift(cause, node)
        planted, lifted = plant.of("cause.planted"), plant.of("cause.lifted")
        assert [(event.attrs["cause"], event.node) for event in planted] == [(cause, node)]
        assert [(event.attrs["cause"], event.node) for event in lifted] == [(cause, node)]

    @pytest.mark.parametrize("cause", NAMES)
    def test_an_update_after_lifting_is_as_without_the_cause(self, make_plant: Make, cause: str) -> None:
        plant, sound = make_plant(guests=2, nodes=2), make_plant(guests=2, nodes=2)
        plant.model.plant(cause, node_for(cause) and "NODE02", {})
        plant.model.lift(cause, node_for(cause) and "NODE02")
        for one in (plant, sound):
            one.advance(10 * MINUTE)
            one.start()
            assert one.finish() == "Installed"
        ends = [one.of("phase.exit", status="Success")[-1] for one in (plant, sound)]
        assert ends[0].t_ns == ends[1].t_ns

    def test_the_same_seed_gives_the_same_events(self) -> None:
        def events() -> list[tuple[object, ...]]:
            model = ClusterModel(ModelSpec(guests=2, causes=tuple(PlantedCause(one, node_for(one)) for one in NAMES)))
            model.run_until(HOUR)
            model.lift(WEDGED, None)
            model.start_update(UPDATE)
            model.run_until(3 * HOUR)
            model.cancel_plan(model.plans[0].instance_id)
            model.run_until(4 * HOUR)
            return [(event.t_ns, event.kind, event.path, event.node, *event.attrs.items()) for event in model.events]

        first = events()
        assert first == events()
        assert [event[3] for event in first if event[1] == "cause.planted"] == [None, None, "NODE03", None]

    @pytest.mark.parametrize(
        ("cause", "node", "parameters", "text"),
        [
            ("no-such", None, {}, "expected one of orphan-device-info-plan"),
            (DRIVE, None, {}, "needs a node"),
            (DRIVE, "NODE09", {}, "'NODE09' was not found"),
            (BRIDGE, "NODE01", {}, "leave it out"),
            (BRIDGE, None, {"age_days": 3}, "it has none"),
            (ORPHAN, None, {"age_days": 0}, "expected a number above 0"),
            (ORPHAN, None, {"age_days": True}, "expected a number above 0"),
            (DRIVE, "NODE01", {"free_gb": 150}, "must be less"),
        ],
    )
    def test_what_does_not_exist_is_refused(
        self, make_plant: Make, cause: str, node: str | None, parameters: dict[str, object], text: str
    ) -> None:
        plant = make_plant(guests=1)
        with pytest.raises(ModelError, match=text):
            plant.model.plant(cause, node, parameters)
        assert not plant.of("cause.planted")


class TestOrphanPlan:
    def test_the_download_waits_for_it_without_progress(self, make_plant: Make) -> None:
        plant = make_plant(guests=2)
        plant.model.plant(ORPHAN, None, {"age_days": 90})
        plan = plant.model.plans[0]
        assert (plan.name, plan.status, plan.started_ns) == (
            "GetCauDeviceInfo",
            ActionPlanStatus.Running,
            -90 * NS_PER_DAY,
        )
        plant.start()
        plant.advance(72 * HOUR)
        assert state(plant) is UpdateState.Downloading
        assert plant.model.updates.state_properties(plant.model.updates.row(UPDATE)) == "0% complete."
        assert len([one for one in plant.model.plans if one.name == "GetCauDeviceInfo"]) == 1

    def test_cancelled_it_fails_the_download_with_the_known_text(self, make_plant: Make) -> None:
        plant = make_plant(guests=2, nodes=2)
        plant.model.plant(ORPHAN, None, {})
        plant.start()
        plant.advance(HOUR)
        instance = plant.model.plans[0].instance_id
        with pytest.raises(ModelError, match="cancel it before"):
            plant.model.delete_plan(instance)
        plant.model.cancel_plan(instance)
        plant.advance(MINUTE)
        assert state(plant) is UpdateState.DownloadFailed
        error = plant.model.runs[-1].plan.root.children[0].error
        assert error == f"Action plan GetCauDeviceInfo ID {instance} failed with state: Failed"
        plant.model.delete_plan(instance.upper())
        assert instance not in [plan.instance_id for plan in plant.model.plans]
        plant.start()
        assert plant.finish() == "Installed"

    def test_lifting_takes_it_away_and_it_can_be_planted_again(self, make_plant: Make) -> None:
        plant = make_plant(guests=2)
        plant.model.plant(ORPHAN, None, {})
        plant.start()
        plant.advance(HOUR)
        first = plant.model.plans[0].instance_id
        plant.model.lift(ORPHAN, None)
        plant.advance(MINUTE)
        assert state(plant) is UpdateState.DownloadFailed
        assert first not in [plan.instance_id for plan in plant.model.plans]
        plant.model.plant(ORPHAN, None, {})
        assert plant.model.plans[0].instance_id != first

    def test_a_plan_that_is_executed_cannot_be_cancelled_here(self, make_plant: Make) -> None:
        plant = make_plant(guests=2)
        plant.start()
        plant.until("phase.enter", "update/install")
        with pytest.raises(ModelError, match="while it is executed"):
            plant.model.cancel_plan(plant.model.runs[-1].plan.instance_id)

    def test_sabotage_keeps_it_running(self, make_plant: Make) -> None:
        plant = make_plant(guests=2, defects=("plan_delete_without_effect",))
        plant.model.plant(ORPHAN, None, {})
        plant.start()
        plant.advance(HOUR)
        instance = plant.model.plans[0].instance_id
        plant.model.cancel_plan(instance)
        plant.model.delete_plan(instance)
        plant.advance(24 * HOUR)
        assert (plant.model.plans[0].instance_id, plant.model.plans[0].status) == (instance, ActionPlanStatus.Running)
        assert state(plant) is UpdateState.Downloading
        plant.model.lift(ORPHAN, None)
        assert instance not in [plan.instance_id for plan in plant.model.plans]


class TestBridgeOffline:
    def group(self, plant: Plant) -> ClusterGroupState:
        return plant.model.group(plant.model.bridge.group).state

    def test_it_fails_the_installation_until_the_group_is_started(self, make_plant: Make) -> None:
        plant = make_plant(guests=2, nodes=2)
        plant.start()
        plant.until("phase.enter", "update/install/update-fod")
        plant.model.plant(BRIDGE, None, {})
        assert plant.finish() == "InstallationFailed"
        assert self.group(plant) is ClusterGroupState.Offline  # CAU moved it meanwhile, it stayed what it was
        failed = [leaf for leaf in plant.model.runs[-1].plan.root.leaves() if leaf.error]
        assert [(leaf.interface_type, leaf.role_path) for leaf in failed] == [("EnsureArbVmResourceState", "MocArb")]
        assert "Type 'EnsureArbVmResourceState' of Role 'MocArb' raised an exception:" in str(failed[0].error)
        assert "[ResourceBridge Status  = Offline]" in str(failed[0].error)
        plant.start()
        assert plant.finish() == "InstallationFailed"
        plant.model.start_group(plant.model.bridge.group)
        plant.until("operation.end", name="start-group")
        assert self.group(plant) is ClusterGroupState.Online
        plant.start()
        assert plant.finish() == "Installed"

    def test_it_stays_offline_where_it_fails_over_to(self, make_plant: Make) -> None:
        plant = make_plant(guests=2)
        plant.model.plant(BRIDGE, None, {})
        owner = plant.model.owner_of(plant.model.bridge.group)
        plant.model.power_off(owner)
        plant.advance(HOUR)
        assert plant.model.owner_of(plant.model.bridge.group) != owner
        assert self.group(plant) is ClusterGroupState.Offline
        plant.model.move_group(plant.model.bridge.group)
        plant.until("operation.end", name="move-group")
        assert self.group(plant) is ClusterGroupState.Offline
        plant.model.lift(BRIDGE, None)
        plant.advance(5 * MINUTE)
        assert self.group(plant) is ClusterGroupState.Online

    def test_sabotage_leaves_it_offline_but_lifting_does_not(self, make_plant: Make) -> None:
        plant = make_plant(guests=2, defects=("group_start_without_effect",))
        plant.model.plant(BRIDGE, None, {})
        plant.model.start_group(plant.model.bridge.group)
        plant.until("operation.end", name="start-group", ok=True)
        plant.advance(HOUR)
        assert self.group(plant) is ClusterGroupState.Offline
        plant.model.lift(BRIDGE, None)
        plant.advance(5 * MINUTE)
        assert self.group(plant) is ClusterGroupState.Online


class TestDriveFull:
    def test_both_health_checks_report_it_and_the_update_stops(self, make_plant: Make) -> None:
        plant = make_plant(guests=2, nodes=2)
        free = plant.model.node("NODE02").free_c_gb
        plant.model.plant(DRIVE, "node02", {"free_gb": 21})
        assert plant.model.node("NODE02").free_c_gb == 21
        plant.model.precheck()
        plant.until("health.check", scope="system", state="Failure")
        plant.start()
        assert plant.finish() == "HealthCheckFailed"
        result = next(
            one for one in plant.model.updates.row(UPDATE).health_results if "FreeSpace" in one.name and one.status
        )
        assert (result.severity.name, result.status.name) == ("CRITICAL", "FAILURE")
        assert result.detail == (
            "Checking Hostname NODE02 for free space on root folder path 'C:' 21 GB. Expected at least 30 GB."
        )
        plant.model.lift(DRIVE, "NODE02")
        assert plant.model.node("NODE02").free_c_gb == free
        plant.start()
        assert plant.finish() == "Installed"

    def test_deleting_the_file_cures_and_a_restart_does_not(self, make_plant: Make) -> None:
        plant = make_plant(guests=2)
        node = plant.model.node("NODE03")
        plant.model.plant(DRIVE, "NODE03", {})
        plant.model.power_off("NODE03")
        plant.model.power_on("NODE03")
        plant.advance(HOUR)
        assert node.free_c_gb == 22
        (filler,) = node.files.listing(DOWNLOAD_CACHE)
        node.files.remove(f"{DOWNLOAD_CACHE}\\{filler.name}")
        plant.model.precheck()
        plant.until("health.check", scope="system", state="Success")
        assert plant.model.environment.health_state is HealthState.Success

    def test_sabotage_frees_nothing_until_it_is_lifted(self, make_plant: Make) -> None:
        plant = make_plant(guests=2, defects=("cleanup_without_effect",))
        node = plant.model.node("NODE03")
        free = node.free_c_gb
        plant.model.plant(DRIVE, "NODE03", {})
        (filler,) = node.files.listing(DOWNLOAD_CACHE)
        node.files.remove(f"{DOWNLOAD_CACHE}\\{filler.name}")
        assert node.files.clean_components() == 0
        assert node.free_c_gb == 22
        plant.model.lift(DRIVE, "NODE03")
        assert node.free_c_gb == free


class TestServiceWedged:
    def test_nothing_goes_on_until_the_group_moves(self, make_plant: Make) -> None:
        plant = make_plant(guests=2)
        plant.start()
        plant.until("phase.enter", "update/download")
        plant.model.plant(WEDGED, None, {})
        assert plant.model.group(UPDATE_SERVICE).state is ClusterGroupState.Online
        with pytest.raises(ModelError, match="ConnectionFailureException"):
            plant.model.precheck()
        plant.advance(24 * HOUR)
        assert state(plant) is UpdateState.Downloading
        plant.model.move_group(UPDATE_SERVICE)
        plant.until("operation.end", name="move-group")
        plant.model.precheck()
        plant.until("phase.exit", "update/download", status="Success")

    @pytest.mark.parametrize("cure", ["restart", "failover", "lift"])
    def test_other_cures(self, make_plant: Make, cure: str) -> None:
        plant = make_plant(guests=2)
        plant.model.plant(WEDGED, None, {})
        if cure == "restart":
            plant.model.stop_group(UPDATE_SERVICE)
            plant.model.start_group(UPDATE_SERVICE)
        elif cure == "failover":
            plant.model.power_off(plant.model.owner_of(UPDATE_SERVICE))
        else:
            plant.model.lift(WEDGED, None)
        plant.advance(10 * MINUTE)
        assert plant.model.updates.available
