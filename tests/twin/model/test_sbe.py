"""Solution Builder Extensions in the model: import, list, installation on every node, and what can go wrong."""

from __future__ import annotations

import xml.etree.ElementTree as ET
import zipfile
from collections.abc import Callable
from io import BytesIO

import pytest

from harness.twin.model import ModelSpec
from harness.twin.model.catalog import CatalogError
from harness.twin.model.errors import ModelError
from harness.twin.model.files import File
from harness.twin.model.sbe.catalog import load_sbe
from harness.twin.model.sbe.extension import IMPORT, MANIFESTS, MEDIA, package_folder
from harness.twin.model.sbe.package import PackageError, make_files, read_package
from harness.twin.model.sbe.steps import CACHE
from harness.twin.model.states import UpdateState

from .conftest import HOUR, MINUTE, UPDATE, Plant

Make = Callable[..., Plant]
OLD, NEW = "4.1.2509.3", "4.1.2510.2"
EXTENSION = f"redmond/SBE{NEW}"


def folder(version: str, family: str = "Gen3") -> str:
    return f"{IMPORT}\\SBE_Contoso_{family}_{version}"


def listed(plant: Plant) -> dict[str, str]:
    """State by resource id of what is neither Installed nor Obsolete."""
    return {
        row.resource_id: row.state.name
        for row in plant.model.rows
        if row.state not in (UpdateState.Installed, UpdateState.Obsolete)
    }


def bring(plant: Plant, version: str, family: str = "Gen3", **options: bool) -> None:
    """Import a package and wait for the discovery."""
    plant.model.import_package("NODE01", folder(version, family), **options)
    plant.until("phase.exit", "update/discovery")


def finish(plant: Plant, limit_ns: int = 40 * HOUR) -> str:
    """Run until the extension is settled or failed."""
    row = plant.model.updates.row(EXTENSION)
    plant.model.run_until(
        plant.model.now_ns + limit_ns,
        lambda event: event.path == "update/settled" or row.state.name.endswith("Failed"),
    )
    return row.state.name


def versions(plant: Plant) -> dict[str, str]:
    return {name: node.variables["SBEInstallVersion"] for name, node in plant.model.nodes.items()}


def test_without_a_vendor_nothing_is_offered(make_plant: Make) -> None:
    plant = make_plant(guests=4)
    assert all(row.package_type == "Solution" for row in plant.model.rows)
    with pytest.raises(ModelError, match="hardware whose vendor offers no extension"):
        plant.model.import_package("NODE01", folder(NEW))


def test_an_unknown_installed_version_is_refused(make_plant: Make) -> None:
    with pytest.raises(CatalogError, match=r"no release '4\.1\.2509\.9'; known are .*4\.1\.2509\.3"):
        make_plant(guests=4, sbe="4.1.2509.9")


def test_the_import_makes_the_row_ready_after_a_discovery(make_plant: Make) -> None:
    plant = make_plant(guests=4, sbe=OLD)
    assert listed(plant) == {EXTENSION: "AdditionalContentRequired", UPDATE: "Ready"}
    with pytest.raises(ModelError, match="is AdditionalContentRequired"):
        plant.model.start_update(EXTENSION)
    plant.model.import_package("NODE01", folder(NEW))
    assert listed(plant)[EXTENSION] == "AdditionalContentRequired", "discovery is asynchronous"
    plant.until("phase.exit", "update/discovery")
    row = plant.model.updates.row(EXTENSION)
    assert (row.state, row.availability_type) == (UpdateState.Ready, "Local")
    files = plant.model.nodes["NODE03"].files
    assert row.package_path == package_folder(NEW)
    assert [entry.name for entry in files.listing(row.package_path)] == [
        f"SBE_Contoso_Gen3_{NEW}.xml",
        f"SBE_Contoso_Gen3_{NEW}.zip",
        "SBE_Discovery_Contoso.xml",
    ]
    assert files.exists(f"{MANIFESTS}\\SBE_Discovery_Contoso.xml")


def test_every_node_installs_it_and_says_so(make_plant: Make) -> None:
    plant = make_plant(guests=8, sbe=OLD)
    bring(plant, NEW)
    boots = {name: node.boot_id for name, node in plant.model.nodes.items()}
    plant.model.start_update(EXTENSION)
    plant.until("phase.enter", "update/install/cau/node[NODE02]/drain")
    assert versions(plant) == {"NODE01": NEW, "NODE02": OLD, "NODE03": OLD, "NODE04": OLD}
    assert plant.model.environment.current_sbe_version == OLD
    assert plant.model.nodes["NODE01"].files.exists(f"{CACHE}\\{NEW}\\SBE_Contoso_Gen3_{NEW}.zip")
    assert plant.model.nodes["NODE01"].variables["SBEStageVersion"] == NEW
    assert finish(plant) == "Installed"
    assert set(versions(plant).values()) == {NEW}
    restarts = {name: node.boot_id - boots[name] for name, node in plant.model.nodes.items()}
    assert set(restarts.values()) == {2}, "this release restarts each node twice"
    environment = plant.model.environment
    assert (environment.current_sbe_version, environment.current_version) == (NEW, "12.2509.1001.22")
    assert [item.version for item in environment.package_versions if item.package_type == "SBE"] == [NEW]
    node = plant.model.nodes["NODE02"]
    assert not node.files.exists(f"{CACHE}\\{NEW}")
    metadata = node.files.read(f"{node.variables['SBEInstalledMetadata']}\\oemMetadata.xml")
    assert f"<Version>{NEW}</Version>".encode() in (metadata.content or b"")
    assert not node.files.exists(f"{MEDIA}\\Staged")
    assert listed(plant) == {UPDATE: "Ready"}


def test_one_node_at_a_time_and_only_on_healthy_storage(make_plant: Make) -> None:
    plant = make_plant(guests=8, sbe=OLD)
    bring(plant, NEW)
    plant.model.start_update(EXTENSION)
    for number in range(1, 5):
        plant.until("phase.enter", f"update/install/cau/node[NODE0{number}]/drain")
        assert plant.model.storage.healthy
        assert [node.name for node in plant.model.nodes.values() if not node.member] == []
    assert finish(plant) == "Installed"
    assert not plant.of("vm.restart")


def test_a_node_that_loses_power_while_firmware_is_written_is_done_in_the_second_attempt(make_plant: Make) -> None:
    plant = make_plant(guests=4, sbe=OLD)
    bring(plant, NEW)
    plant.model.start_update(EXTENSION)
    plant.until("phase.enter", "update/install/cau/node[NODE02]/reboot")
    plant.advance(2 * MINUTE)
    plant.model.power_off("NODE02")
    plant.advance(90 * MINUTE)
    assert "Failed to restart" in str(plant.model.cau.run and plant.model.cau.run.error)
    assert "(01:00:00)" in str(plant.model.cau.run and plant.model.cau.run.error)
    plant.model.power_on("NODE02")
    assert finish(plant) == "Installed"
    assert set(versions(plant).values()) == {NEW}


def test_installed_is_reported_with_one_node_on_the_old_extension(make_plant: Make) -> None:
    plant = make_plant(guests=4, sbe=OLD, defects=("sbe_skips_a_node",))
    bring(plant, NEW)
    plant.model.start_update(EXTENSION)
    assert finish(plant) == "Installed"
    assert plant.model.environment.current_sbe_version == NEW
    assert versions(plant) == {"NODE01": NEW, "NODE02": NEW, "NODE03": NEW, "NODE04": OLD}


def test_nothing_to_do_skips_the_run(make_plant: Make) -> None:
    plant = make_plant(guests=4, sbe=OLD)
    bring(plant, NEW)
    for node in plant.model.nodes.values():
        node.sbe.installed = NEW  # somebody brought drivers and firmware there by hand
    plant.model.start_update(EXTENSION)
    assert finish(plant) == "Installed"
    assert plant.model.cau.reports == []


@pytest.mark.parametrize(
    ("version", "family", "state"),
    [
        ("4.1.2508.4", "Gen3", "HasPrerequisite"),  # validated for 2507 and 2508 only
        ("4.1.2509.3", "Gen3", "Ready"),  # validated for the installed 2509, too
        ("4.2.2510.1", "Gen4", "HasPrerequisite"),  # newer, but of another family
    ],
)
def test_a_wrong_extension_hides_everything_else(make_plant: Make, version: str, family: str, state: str) -> None:
    plant = make_plant(guests=4, sbe="4.1.2506.2")
    assert listed(plant) == {EXTENSION: "AdditionalContentRequired", UPDATE: "AdditionalContentRequired"}
    bring(plant, version, family)
    assert listed(plant) == {f"redmond/SBE{version}": state}
    bring(plant, NEW)
    assert listed(plant)[EXTENSION] == "Ready", "the import of the right one repairs it"
    assert UPDATE in listed(plant)


def test_the_vendors_online_manifest_brings_the_list_back(make_plant: Make) -> None:
    plant = make_plant(guests=4, sbe=OLD)
    bring(plant, "4.2.2510.1", "Gen4")
    assert EXTENSION not in listed(plant)
    online = plant.model.nodes["NODE02"].files.read(f"{folder(NEW)}\\SBE_Discovery_Contoso.xml")
    plant.model.nodes["NODE02"].files.write(f"{MANIFESTS}\\SBE_Discovery_Contoso.xml", online.content or b"")
    plant.model.discover()
    plant.until("phase.exit", "update/discovery")
    assert listed(plant) == {EXTENSION: "AdditionalContentRequired", UPDATE: "Ready"}


def test_an_extension_that_is_not_newer_is_refused_unless_asked_for(make_plant: Make) -> None:
    plant = make_plant(guests=4, sbe=OLD)
    with pytest.raises(ModelError, match=r"4\.1\.2508\.4 is not newer than the installed version 4\.1\.2509\.3"):
        bring(plant, "4.1.2508.4")
    bring(plant, "4.1.2508.4", any_version=True)
    assert listed(plant) == {"redmond/SBE4.1.2508.4": "HasPrerequisite"}


@pytest.mark.parametrize(
    "missing", ["SBE_Discovery_Contoso.xml", f"SBE_Contoso_Gen3_{NEW}.xml", f"SBE_Contoso_Gen3_{NEW}.zip"]
)
def test_a_missing_file_is_named(make_plant: Make, missing: str) -> None:
    plant = make_plant(guests=4, sbe=OLD)
    plant.model.nodes["NODE01"].files.remove(f"{folder(NEW)}\\{missing}")
    form = missing.replace("Contoso", "<Manufacturer>").replace("Gen3", "<Family>").replace(NEW, "<Version>")
    with pytest.raises(ModelError) as caught:
        plant.model.import_package("NODE01", folder(NEW))
    assert f"'{form}'" in caught.value.message
    assert folder(NEW) in caught.value.message
    assert listed(plant)[EXTENSION] == "AdditionalContentRequired"


def test_a_missing_folder_is_named(make_plant: Make) -> None:
    with pytest.raises(ModelError, match=r"source folder 'C:\\SBE' does not exist on NODE01"):
        make_plant(guests=4, sbe=OLD).model.import_package("NODE01", "C:\\SBE")


def test_a_damaged_archive_fails_the_preparation(make_plant: Make) -> None:
    plant = make_plant(guests=4, sbe=OLD)
    bring(plant, NEW)
    plant.model.nodes["NODE01"].files.write(f"{package_folder(NEW)}\\SBE_Contoso_Gen3_{NEW}.zip", b"damaged")
    plant.model.start_update(EXTENSION)
    assert finish(plant) == "PreparationFailed"


def test_an_update_that_brings_another_extension_is_not_simulated(make_plant: Make) -> None:
    plant = make_plant(guests=4, sbe="4.1.2508.4")
    assert listed(plant)[UPDATE] == "AdditionalContentRequired"
    bring(plant, OLD)
    bring(plant, NEW)
    assert listed(plant) == {EXTENSION: "Ready", UPDATE: "Ready"}
    with pytest.raises(ModelError) as caught:
        plant.model.start_update(UPDATE)
    assert caught.value.id == "NotSimulated"


def test_the_files_are_real(make_plant: Make) -> None:
    plant = make_plant(guests=4, sbe=OLD)
    for entry in plant.model.nodes["NODE01"].files.listing(folder(NEW)):
        assert isinstance(entry, File) and entry.content
        if entry.name.endswith(".zip"):
            with zipfile.ZipFile(BytesIO(entry.content)) as archive:
                assert archive.testzip() is None
                assert "metadata/oemMetadata.xml" in archive.namelist()
        else:
            ET.fromstring(entry.content)  # noqa: S314  # the twin's own file


def test_a_package_that_its_manifest_does_not_list_is_refused() -> None:
    catalog = load_sbe()
    files = make_files(catalog.vendor, catalog.release(NEW), [catalog.release(OLD)])
    with pytest.raises(PackageError, match=r"does not list the version 4\.1\.2510\.2 of the family Gen3"):
        read_package(files)
    with pytest.raises(PackageError, match="no well-formed XML"):
        read_package({**files, "SBE_Discovery_Contoso.xml": b"<SBEDiscovery"})


def test_a_solution_update_keeps_the_installed_extension() -> None:
    plant = Plant(guests=4, sbe=NEW)
    plant.start()
    assert plant.finish() == "Installed"
    packages = {item.package_type: item.version for item in plant.model.environment.package_versions}
    assert (packages["Solution"], packages["SBE"]) == ("12.2510.1002.94", NEW)
    assert ModelSpec().sbe is None
