"""Update cmdlets: documented properties, types, idioms, views and errors."""

from __future__ import annotations

import json
from datetime import UTC, datetime, timedelta

import pytest

from harness.twin.model.groups import ORCHESTRATOR, UPDATE_SERVICE
from harness.twin.model.states import HealthState, UpdateRunState, UpdateState
from harness.twin.shell.objects import PSEnum, PSHashtable, PSObject
from harness.twin.shell.versions import Version
from tests.twin.cmdlets.shell_nodes import HOUR, UPDATE, S, ShellNode, make_node, run_until

ENVIRONMENT = (
    "ResourceId SbeFamily HardwareModel LastChecked PackageVersions CurrentVersion CurrentSbeVersion LastUpdated State "
    "HealthState HealthCheckResult HealthCheckDate AdditionalData"
)
ROW = (
    "ResourceId InstalledDate Description State KbLink MinVersionRequired MinSbeVersionRequired PackagePath "
    "PackageSizeInMb DisplayName Version SbeVersion Publisher ReleaseLink AvailabilityType PackageType Prerequisites "
    "UpdateStateProperties AdditionalProperties ComponentVersions RebootRequired HealthState HealthCheckResult "
    "HealthCheckDate BillOfMaterials"
)
STEP = (
    "Name Description ErrorMessage AggregatedErrorMessages Status StartTimeUtc EndTimeUtc ExpectedExecutionTime "
    "LastUpdatedTimeUtc Steps"
)
FAILURE = "Microsoft.AzureStack.Common.Infrastructure.Http.Client.ErrorModel.ConnectionFailureException"
CLASS = "Microsoft.AzureStack.Lcm.PowerShell"
CLIENTS = [
    ("Get-SolutionUpdateEnvironment", "GetSolutionUpdateEnvironment"),
    ("Get-SolutionUpdate", "GetSolutionUpdate"),
    (f"Get-SolutionUpdateRun -Id {UPDATE}/x", "GetSolutionUpdateRun"),
    (f"Start-SolutionUpdate -Id {UPDATE}", "StartSolutionUpdate"),
    ("Invoke-SolutionUpdatePrecheck -SystemHealth", "InvokeSolutionUpdatePrecheck"),
]


def names(value: PSObject) -> list[str]:
    return [name for name, _ in value.properties()]


def test_the_environment_object(idle: ShellNode) -> None:
    found = idle.one("Get-SolutionUpdateEnvironment")
    assert " ".join(names(found)) == ENVIRONMENT
    assert found.get("CurrentVersion") == Version(12, 2509, 1001, 22)
    assert found.get("LastChecked") == datetime(2025, 10, 20, 6, 0, tzinfo=UTC)
    state = found.get("State")
    assert isinstance(state, PSEnum) and (state.name, state.value) == ("UpdateAvailable", 2)
    lines = idle.table("Get-SolutionUpdateEnvironment")
    assert lines[0] == "ResourceId        : redmond"
    assert lines[4] == (
        "PackageVersions   : {Solution: 12.2509.1001.22, Services: 10.2509.1001.2024, Platform: 12.2509.0.3050, "
        "SBE: 4.1.2509.3}"
    )
    assert "HealthCheckResult : {Storage Pool Summary, Storage Services Physical Disks Summary, Storage" in lines[10]
    assert lines[-1] == "AdditionalData    : {}"


def test_an_update_row(idle: ShellNode) -> None:
    found = idle.one(f"Get-SolutionUpdate -Id {UPDATE.upper()}")
    assert " ".join(names(found)) == ROW
    assert (found.get("Version"), found.get("InstalledDate")) == (Version(12, 2510, 1002, 94), None)
    assert found.get("HealthCheckDate") == datetime(1, 1, 1, tzinfo=UTC)
    bill = found.get("BillOfMaterials")
    assert isinstance(bill, PSHashtable) and bill.keys() == ["PlatformUpdate", "ServicesUpdate"]
    installed = idle.objects("Get-SolutionUpdate | ? State -eq Installed")
    assert [isinstance(item.get("InstalledDate"), datetime) for item in installed] == [True, True]
    assert idle.objects("Get-SolutionUpdate -Id redmond/Solution0.0.0.0") == []


def test_enums_are_names_in_text_and_numbers_in_json(idle: ShellNode) -> None:
    document = json.loads(idle.text("Get-SolutionUpdate | ConvertTo-Json -Depth 4"))
    assert [row["State"] for row in document] == [2, 6, 6, 1, 1, 1, 1]
    assert document[0]["Version"]["Minor"] == 2510
    assert idle.text('Get-SolutionUpdate | select -First 2 | % { "$($_.State)/$($_.HealthState)" }') == (
        "Ready/Unknown\nInstalled/Unknown"
    )


@pytest.mark.parametrize(
    ("script", "text"),
    [
        ('(Get-SolutionUpdate | ? Version -eq "12.2510.1002.94").ResourceId.Split("/")[-1]', "Solution12.2510.1002.94"),
        ('@(Get-SolutionUpdate | ? State -ne "Installed").Count', "5"),
        ('@(Get-SolutionUpdate | where State -eq "InstallationFailed").Count', "0"),
        ('@(Get-SolutionUpdate | ? {$_.State -like "*ing"}).Count', "0"),
        ("(Get-SolutionUpdateEnvironment).PackageVersions[3].PackageType", "SBE"),
        ("@((Get-SolutionUpdateEnvironment).HealthCheckResult | ? Status -ne 'SUCCESS').Count", "3"),
    ],
)
def test_idioms_of_operators(idle: ShellNode, script: str, text: str) -> None:
    assert idle.text(script) == text


def test_a_table_as_in_the_guide(node: ShellNode) -> None:
    node.model.start_update(UPDATE)
    node.model.run_until(3 * HOUR)
    percent = node.model.updates.progress_percent(node.model.updates.row(UPDATE))
    lines = node.table("Get-SolutionUpdate | ? State -eq Installing | ft Version, State, UpdateStateProperties")
    assert lines[0].split() == ["Version", "State", "UpdateStateProperties"]
    assert lines[2:] == [f"12.2510.1002.94 Installing {percent}% complete."]


def test_details_of_health_checks_only_when_asked_for(idle: ShellNode) -> None:
    short = idle.objects("(Get-SolutionUpdateEnvironment).HealthCheckResult")
    full = idle.objects("(Get-SolutionUpdateEnvironment -FullHealthCheckDetails).HealthCheckResult")
    assert len(short) == len(full) == len(idle.model.environment.health_results)
    assert {item.get("AdditionalData") for item in short} == {None}
    drive = next(item for item in full if item.get("Name") == "AzStackHci_Hardware_SystemDriveFreeSpace")
    extra = drive.get("AdditionalData")
    assert isinstance(extra, PSHashtable)
    assert str(extra.get("Detail")).startswith("Checking Hostname NODE01 for free space on root folder path 'C:'")
    assert (extra.get("Status"), extra.get("TimeStamp")) == ("SUCCESS", "10/20/2025 06:00:00")
    document = json.loads(idle.text("(Get-SolutionUpdateEnvironment).HealthCheckResult[0] | ConvertTo-Json"))
    assert (document["Status"], document["Severity"]) == (0, 2)


def test_a_running_check_shows_no_results(node: ShellNode) -> None:
    """[D] ASD update/update-troubleshooting-23h2: InProgress, no result, 1/1/0001 12:00:00 AM."""
    node.run("Invoke-SolutionUpdatePrecheck -SystemHealth")
    assert node.table("Get-SolutionUpdateEnvironment | fl HealthState, HealthCheckResult, HealthCheckDate") == [
        "HealthState       : InProgress",
        "HealthCheckResult :",
        "HealthCheckDate   : 1/1/0001 12:00:00 AM",
    ]
    run_until(node.model, lambda: node.model.environment.health_state is HealthState.Success)
    assert node.text("(Get-SolutionUpdateEnvironment).HealthCheckDate -gt [datetime]'2025-10-20'") == "True"


def test_a_prepare_only_run(node: ShellNode) -> None:
    run_id = node.text(f"Get-SolutionUpdate -Id {UPDATE} | Start-SolutionUpdate -PrepareOnly")
    row = node.model.updates.row(UPDATE)
    seen: list[str] = []
    while row.state is not UpdateState.ReadyToInstall:
        state = node.text(f'"$((Get-SolutionUpdate -Id {UPDATE}).State)"')
        if state not in seen:
            seen.append(state)
        node.model.run_until(node.model.now_ns + 60 * S)
    assert seen == ["Downloading", "Preparing", "HealthChecking"]
    run = node.one(f"Get-SolutionUpdateRun -Id {run_id}")
    ended = run.get("State")
    assert isinstance(ended, PSEnum) and ended.value == int(UpdateRunState.HealthCheckSucceeded)
    assert run.get("Duration") == timedelta(microseconds=node.model.runs[0].duration_ns(0) // 1000)
    assert node.text(f"(Get-SolutionUpdateRun -Id {run_id}).Progress.Steps | % {{ $_.Name + '/' + $_.Status }}") == (
        "Downloading update/Success\nPreparing update package/Success\nChecking health./Success\n"
        "Initiating update installation./NotStarted"
    )


def test_a_run_and_its_steps(node: ShellNode) -> None:
    run_id = node.model.start_update(UPDATE)
    node.model.run_until(4 * HOUR)
    run = node.one("Get-SolutionUpdate | Get-SolutionUpdateRun | sort TimeStarted | select -Last 1")
    assert names(run) == ["ResourceId", "Progress", "TimeStarted", "LastUpdatedTime", "Duration", "State"]
    assert run.get("ResourceId") == node.model.runs[-1].resource_id != run_id
    progress = run.get("Progress")
    assert isinstance(progress, PSObject)
    assert progress.type_names[0] == ("Microsoft.AzureStack.Services.Update.ResourceProvider.UpdateService.Models.Step")
    assert " ".join(names(progress)) == STEP
    assert node.table("Get-SolutionUpdate | Get-SolutionUpdateRun | fl Progress") == [
        "Progress : Microsoft.AzureStack.Services.Update.ResourceProvider.UpdateService.Models.Step"
    ]
    depth = "function Deep($s) { 1 + ($s.Steps | % { Deep $_ } | Sort-Object | Select-Object -Last 1) }; Deep "
    for limit in (0, 1, 2):
        script = f"{depth} (Get-SolutionUpdate | Get-SolutionUpdateRun -MaxDepth {limit}).Progress"
        assert node.text(script) == str(limit + 1)


@pytest.mark.parametrize(("script", "name"), CLIENTS)
def test_all_clients_fail_together_when_the_group_moves(script: str, name: str) -> None:
    node = make_node(guests=1)
    node.model.move_group(UPDATE_SERVICE)
    error = node.error(script)
    assert error.full_id == f"{FAILURE},{CLASS}.{name}Cmdlet"
    assert (error.category, error.exception.short_name) == ("NotSpecified", "ConnectionFailureException")
    assert error.message == (
        "A WebException occurred while sending a RestRequest. WebException.Status: ConnectFailure on "
        "[https://NODE03.lab.local:4900/providers/Microsoft.Update.Admin/updateLocations?api-version=2022-08-01]"
    )


def test_a_dead_owner_lets_clients_time_out(node: ShellNode) -> None:
    node.model.power_off("NODE03")
    began_ns = node.model.now_ns
    assert "GatewayTimeout" in node.error("Get-SolutionUpdate").message
    assert 0 < node.model.now_ns - began_ns <= 30 * S
    run_until(node.model, lambda: node.model.updates.available)
    assert len(node.objects("Get-SolutionUpdate")) == 7


def test_refusals_of_start(node: ShellNode) -> None:
    node.model.start_update(UPDATE)
    again = node.error(f"Get-SolutionUpdate -Id {UPDATE} | Start-SolutionUpdate")
    assert again.full_id == f"UpdateInProgress,{CLASS}.StartSolutionUpdateCmdlet"
    assert "is Downloading" in again.message
    wrong = node.error("Get-ClusterNode NODE01 | Start-SolutionUpdate")
    assert wrong.error_id == "InputObjectNotBound"


def test_reading_the_environment_starts_a_discovery_now_and_then(node: ShellNode) -> None:
    model = node.model
    model.run_until(2 * HOUR)
    assert model.environment.last_checked_ns == 0
    node.run("Get-SolutionUpdateEnvironment")
    model.run_until(model.now_ns + 300 * S)
    checked_ns = model.environment.last_checked_ns
    assert checked_ns > 2 * HOUR
    node.run("Get-SolutionUpdateEnvironment")
    model.run_until(model.now_ns + 300 * S)
    assert model.environment.last_checked_ns == checked_ns


def test_action_plans(node: ShellNode) -> None:
    node.model.start_update(UPDATE)
    node.model.run_until(2 * HOUR)
    assert node.text("Get-ActionPlanInstances | % ActionPlanName") == (
        "GetCauDeviceInfo\nCheck Update readiness\nMAS Update"
    )
    latest = "(Get-ActionPlanInstances | ? ActionPlanName -match 'MAS Update' | sort EndDateTime | select -Last 1)"
    assert node.text(f"{latest}.RuntimeParameters.updateId") == UPDATE
    assert node.text(f'"$({latest}.Status)/$({latest}.LockType)"') == "Running/ExclusiveLock"
    guid = node.model.runs[-1].resource_id.rpartition("/")[2]
    xml = node.text(f"(Get-ActionPlanInstance -actionPlanInstanceID {guid}).ProgressAsXml")
    assert xml.startswith("<Action ") and 'InterfaceType="SelfUpdate"' in xml
    assert node.objects("Get-ActionPlanInstance -actionPlanInstanceID 0") == []
    node.model.move_group(ORCHESTRATOR)
    assert node.error("Get-ActionPlanInstances").error_id == FAILURE
    assert node.objects("Get-SolutionUpdate") != []


def test_each_result_of_a_check_is_an_event_of_its_machine(node: ShellNode) -> None:
    asked = "Get-WinEvent -LogName AzStackHciEnvironmentChecker -FilterXPath '*[System[(EventID=17205)]]'"
    results = f"{asked} | ForEach-Object {{ $_.Message | ConvertFrom-Json }}"
    failed = f"@({results} | ? Status -eq FAILURE | ? TargetResourceName -like *NODE0?*).Name"
    assert node.text(failed) == ""
    before = node.text(f"({results} | select -First 1).Timestamp")
    node.model.plant("system-drive-full", "NODE02", {})
    node.run("Invoke-SolutionUpdatePrecheck -SystemHealth; Start-Sleep 3600")
    assert node.text(f"({results} | select -First 1).Timestamp") > before
    assert node.text(failed) == ""
    assert set(node.hop("NODE02").text(failed).split("\n")) == {"AzStackHci_Hardware_SystemDriveFreeSpace"}


def test_event_logs_are_listed(node: ShellNode) -> None:
    listed = node.text("Get-WinEvent -ListLog System, *Checker | % { $_.LogName + ' ' + ($_.RecordCount -gt 0) }")
    assert listed == "System False\nAzStackHciEnvironmentChecker True"
    assert node.error("Get-WinEvent -ListLog Nope*").error_id == "NoMatchingLogsFound"
