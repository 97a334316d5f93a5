"""Modules of the gallery, validators, diagnostic data, edited plans, packages of Windows."""

from __future__ import annotations

import pytest

from harness.twin.model import ModelSpec
from harness.twin.model.catalog import CatalogError
from harness.twin.model.cluster import ClusterModel
from harness.twin.model.gallery import load_gallery
from harness.twin.model.replay import find_run, read_statuses
from harness.twin.model.states import UpdateRunState, UpdateState
from tests.twin.cmdlets.shell_nodes import HOUR, UPDATE, ShellNode, run_until

# --- modules


def test_another_version_comes_beside_the_first_and_goes_again(node: ShellNode) -> None:
    versions = "(Get-InstalledModule Az.Accounts -AllVersions).Version -join ','"
    assert node.text(versions) == "3.0.3"
    node.run("Install-Module -Name Az.Accounts -RequiredVersion 5.3.0 -Repository PSGallery -Force -AllowClobber")
    assert node.text(f"(Get-InstalledModule Az.Accounts).Version; {versions}") == "5.3.0\n5.3.0,3.0.3"
    node.run("Get-InstalledModule Az.Accounts -RequiredVersion 5.3.0 | Uninstall-Module -Force")
    assert node.text(versions) == "3.0.3"
    node.run("Uninstall-Module Az.Accounts -AllVersions -Force")
    assert node.error("Get-InstalledModule Az.Accounts").full_id == (
        "NoMatchFound,Microsoft.PowerShell.PackageManagement.Cmdlets.GetPackage"
    )


def test_a_newer_version_is_not_installed_without_being_asked(node: ShellNode) -> None:
    node.run("Install-Module Az.Accounts")
    assert "is already installed" in node.warnings[0]
    node.run("Update-Module Az.Accounts")
    assert node.text("(Get-InstalledModule Az.Accounts).Version") == "5.3.0"
    assert node.error("Update-Module Nope").error_id == "ModuleNotInstalledOnThisMachine"


def test_without_the_internet_nothing_is_found(node: ShellNode) -> None:
    assert node.text("(Find-Module Microsoft.*).Name; (Get-PSRepository).Name") == (
        "Microsoft.AzLocal.CSSTools\nPSGallery"
    )
    node.model.conditions.content_reachable = False
    error = node.error("Install-Module Microsoft.AzLocal.CSSTools")
    assert error.message.startswith("No match was found for the specified search criteria and module name")
    assert node.warnings == ["Unable to resolve package source 'https://www.powershellgallery.com/api/v2'."]
    assert node.error("Find-Module x -Repository Mine").error_id == "SourceNotFound"


def test_modules_are_those_of_one_node(node: ShellNode) -> None:
    node.run("Install-Module Microsoft.AzLocal.CSSTools -Force")
    assert ShellNode(node.model, "NODE02").text("@(Get-InstalledModule *CSSTools).Count") == "0"
    assert node.text("(Get-Package *CSSTools).ProviderName") == "PowerShellGet"


def test_a_gallery_of_another_schema_is_refused(tmp_path: object) -> None:
    (tmp_path / "gallery.yaml").write_text("schema: 2\n", encoding="utf-8")  # type: ignore[operator]
    with pytest.raises(CatalogError):
        load_gallery(tmp_path)  # type: ignore[arg-type]


# --- validators


def test_a_wrong_version_fails_the_recipe(node: ShellNode) -> None:
    failed = "(Invoke-AzStackHciValidatedRecipeValidation -PassThru | ? Status -ne SUCCESS).TargetResourceName"
    assert node.text(failed) == ""
    node.run("Install-Module Az.Accounts -RequiredVersion 5.3.0 -Force")
    assert node.text(failed) == "NODE01: Az.Accounts"
    node.run("Uninstall-Module Az.Accounts -RequiredVersion 5.3.0 -Force")
    assert node.text(failed) == ""


@pytest.mark.parametrize(
    ("script", "names"),
    [
        ("ARBStack", "ARBStack_ARBIsLocked,ARBStack_AzCLIKnownIncompatibleExtensions"),
        ("ARBStack -Include Test-ARBIsLocked", "ARBStack_ARBIsLocked"),
        ("ARBStack -Exclude Test-ARBIsLocked", "ARBStack_AzCLIKnownIncompatibleExtensions"),
        ("ArcIntegration", "ArcIntegration_MandatoryRPRegistration_Check"),
        ("Connectivity", "Connectivity_Test_Dns"),
        ("Network", "Network_Test_Network_Cluster_Intent_Status"),
    ],
)
def test_validators_run_their_family(idle: ShellNode, script: str, names: str) -> None:
    family, _, rest = script.partition(" ")
    found = idle.objects(f"Invoke-AzStackHci{family}Validation -PassThru {rest}")
    assert ",".join(dict.fromkeys(str(row.get("Name")).removeprefix("AzStackHci_") for row in found)) == names
    assert idle.objects(f"Invoke-AzStackHci{family}Validation {rest}") == []


def test_the_endpoint_check_follows_the_internet(node: ShellNode) -> None:
    script = "(Invoke-AzStackHciSBEHealthValidation -Include Test-Endpoint-Connectivity -PassThru).Status"
    assert node.text(script) == "SUCCESS"
    node.model.conditions.content_reachable = False
    assert node.text(script) == "FAILURE"


def test_drift_is_looked_for_from_2602_on() -> None:
    script = "@(Invoke-AzStackHciVSRDriftDetectionValidation -PassThru).Count"
    assert ShellNode(ClusterModel(ModelSpec(guests=0))).error(script).error_id == "CommandNotFoundException"


# --- diagnostic data and discovery


def test_collections_are_remembered(node: ShellNode) -> None:
    node.run("Send-DiagnosticData -FilterByRole ECE, URP -SaveToPath C:\\diag")
    row = node.one("Get-LogCollectionHistory")
    assert [row.get(name) for name in ("Status", "Directory", "Type")] == ["Succeeded", "C:\\diag", "OnDemand"]
    assert node.text("$h = Get-LogCollectionHistory; ($h.CollectionToDate - $h.CollectionFromDate).TotalHours") == "1"
    wide = "Send-DiagnosticData -FromDate '10/18/2025' -ToDate '10/20/2025'"
    assert node.error(wide).error_id == "InvalidTimeWindow"
    assert node.error("Send-DiagnosticData -FilterByRole Nope").category == "InvalidData"


def test_discovery_says_what_it_read(node: ShellNode) -> None:
    assert node.text("(Get-SolutionDiscoveryDiagnosticInfo).SbeManifestResult.Status") == "Ok"
    node.model.conditions.content_reachable = False
    info = node.one("(Get-SolutionDiscoveryDiagnosticInfo).SbeManifestResult")
    assert info.get("Status") == "ConnectionFailure"
    assert str(info.get("Description")).startswith("There was an exception reading the discovery manifest")
    node.run("Set-OverrideUpdateConfiguration -OverrideOemUpdateUri https://mirror.lab.local/sbe")
    assert node.text("(Get-SolutionDiscoveryDiagnosticInfo).Configuration.ComponentUris['SBE']") == (
        "https://mirror.lab.local/sbe"
    )
    client = "(New-SolutionUpdateClient).SetDynamicConfigurationValue"
    node.run(f"{client}('AutomaticOemUpdateUri', 'https://other/sbe')")
    assert node.text("(Get-SolutionDiscoveryDiagnosticInfo).Configuration.ComponentUris['SBE']") == "https://other/sbe"
    assert "is not known" in node.error(f"{client}('Nope', 'x')").message


def test_machines_leave_the_list_of_moc_and_return(node: ShellNode) -> None:
    node.run("Remove-MocPhysicalNode -nodeName NODE02")
    assert node.text("(Get-MocPhysicalNode).name -join ','") == "NODE01,NODE03,NODE04"
    assert node.text("(New-MocPhysicalNode -nodeName node02.lab.local).name") == "NODE02"
    assert node.error("Remove-MocPhysicalNode NODE09").error_id == "NotFound"


def test_code_of_the_orchestrator_has_a_folder(node: ShellNode) -> None:
    path = node.text("Get-ASArtifactPath -NugetName Microsoft.AzureStack.Role.Cluster")
    assert path == "C:\\NugetStore\\Microsoft.AzureStack.Role.Cluster.10.2509.1001.2024"
    assert node.text(f"Test-Path '{path}\\content'") == "True"


# --- plans


def failed_update() -> ShellNode:
    """A node whose update failed while the resource bridge was offline."""
    node = ShellNode(ClusterModel(ModelSpec(nodes=2, guests=2)))
    node.model.plant("resource-bridge-offline", None, {})
    node.run(f"Get-SolutionUpdate -Id {UPDATE} | Start-SolutionUpdate")
    row = next(item for item in node.model.rows if item.resource_id == UPDATE)
    run_until(node.model, lambda: row.state is UpdateState.InstallationFailed, 40 * HOUR)
    return node


SAVE = (
    "$p = Get-ActionPlanInstances | ? ActionPlanName -match 'MAS Update' | sort EndDateTime | select -Last 1; "
    "$x = [xml]$p.ProgressAsXml; "
)


def test_an_edited_plan_goes_on_without_the_skipped_task() -> None:
    node = failed_update()
    edit = (
        "$x.SelectNodes(\"//Task[@InterfaceType and @Status='Error']\") | % { $_.SetAttribute('Status', 'Skipped') }; "
    )
    edit += "$x.Save('C:\\plan.xml'); "
    script = "Invoke-ActionPlanInstance -ActionPlanPath C:\\plan.xml -ExclusiveLock -Retries 3"
    instance = node.text(f"{SAVE}{edit}({script}).ToString()")
    run = node.model.runs[-1]
    assert run.plan.instance_id == instance
    assert node.error(script).error_id == "ExclusiveLockHeld"
    lines = node.text(f"Start-MonitoringActionplanInstanceToComplete -actionPlanInstanceID {instance}").splitlines()
    assert lines[-1] == "MAS Update: Completed"
    assert run.state is UpdateRunState.Succeeded
    assert [leaf.status.value for leaf in run.plan.root.leaves()].count("Skipped") >= 1


def test_a_plan_that_is_none_is_refused(node: ShellNode) -> None:
    node.run("'<Action/>' | Set-Content C:\\p.xml; 'x' | Set-Content C:\\q.xml")
    assert node.error("Invoke-ActionPlanInstance -ActionPlanPath C:\\p.xml").error_id == "ActionPlanInvalid"
    assert "not valid XML" in node.error("Invoke-ActionPlanInstance -ActionPlanPath C:\\q.xml").message
    step = "<Action><Steps><Step FullStepIndex='0.0'/></Steps></Action>"
    node.run(f'"{step}" | Set-Content C:\\r.xml')
    assert "twin limitation" in node.error("Invoke-ActionPlanInstance -ActionPlanPath C:\\r.xml").message
    assert node.error("Start-MonitoringActionplanInstanceToComplete x").error_id == "ActionPlanInstanceNotFound"


def test_a_step_whose_tasks_were_replaced_is_done_again() -> None:
    node = failed_update()
    script = "$s = $x.SelectSingleNode(\"//Step[@Name='Update Host OS']\"); "
    script += "[void]$s.RemoveChild($s.SelectSingleNode('Task')); "
    node.run(f"{SAVE}{script}$x.Save('C:\\plan.xml')")
    text = node.text("Get-Content -Raw C:\\plan.xml")
    statuses = read_statuses(text)
    assert find_run(node.model.runs, statuses) is node.model.runs[-1]


def test_a_secret_is_taken_and_not_kept(node: ShellNode) -> None:
    make = "$c = New-Object pscredential 'a', (ConvertTo-SecureString hidden -AsPlainText -Force); "
    node.run(f"{make}Set-ECEServiceSecret -ContainerName DomainAdmin -Credential $c")
    assert node.model.kept.secrets_set_ns == {"DomainAdmin": node.model.now_ns}
    assert node.error("Set-ECEServiceSecret -ContainerName x -Credential y").category == "InvalidData"


# --- packages of Windows


def test_packages_follow_the_build() -> None:
    node = ShellNode(ClusterModel(ModelSpec(nodes=2, guests=0, version="12.2510.1002.94")))
    (package, *_) = node.objects("Get-WindowsPackage -Online")
    assert str(package.get("PackageState")) == "Installed"
    assert str(package.get("PackageName")).startswith("Package_for_KB")
    node.node.staged_build, node.node.staged_kbs = node.node.os_build, ("KB1",)
    assert node.text("@(Get-WindowsPackage -Online | ? PackageState -eq InstallPending).Count") == "1"
    assert node.text("(Repair-WindowsImage -Online -CheckHealth).ImageHealthState") == "Healthy"
    assert "cannot find the file" in node.error("Add-WindowsPackage -Online -PackagePath C:\\x.msu").message
    assert "not valid" in node.error("Remove-WindowsPackage -Online -PackageName x").message


def test_a_scan_of_the_store_takes_its_time(node: ShellNode) -> None:
    before = node.model.now_ns
    assert "No component store corruption detected." in node.text("dism /online /cleanup-image /checkhealth")
    assert node.model.now_ns == before
    node.run("Repair-WindowsImage -Online -RestoreHealth; dism /online /cleanup-image /scanhealth")
    assert node.model.now_ns > before
