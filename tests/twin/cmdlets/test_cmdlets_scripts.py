"""The harness' own scripts, run by the shell over a model and read by the harness' own parsers."""

from __future__ import annotations

from datetime import UTC, datetime

import pytest

from harness import paths
from harness.azurelocal import builds, cau, cluster, evidence, health, updates
from harness.azurelocal.conditions import UPTIME
from harness.transports.powershell import script_json
from harness.transports.replies import PowerShellError, parse_json_reply
from harness.twin.model.states import CauRunState, ClusterNodeState, NodePhase, UpdateState
from harness.values import EnumValue
from harness.workflows.solution import SolutionUpdate
from tests.twin.cmdlets.shell_nodes import HOUR, UPDATE, S, ShellNode, make_node, run_until

WORKFLOW = SolutionUpdate(UPDATE, nodes=("NODE01", "NODE02", "NODE03", "NODE04"))


def test_the_list_of_updates(idle: ShellNode) -> None:
    command = updates.list_updates()
    listed = command.read(idle.reply(command.script))
    assert (listed.environment_state.name, listed.current_version) == ("UpdateAvailable", "12.2509.1001.22")
    assert listed.current_sbe_version == "4.1.2509.3"
    row = listed.find(UPDATE)
    assert row is not None
    assert (row.state, row.version, row.package_type) == (EnumValue("Ready", 2), "12.2510.1002.94", "Solution")
    assert row.display_name == "2025.10 Cumulative Update"
    assert WORKFLOW.readiness().read(idle.reply(WORKFLOW.readiness().script)).ready


def test_how_long_a_node_runs_and_that_it_started_anew() -> None:
    node = make_node("NODE02", guests=1)
    before = UPTIME.read(node.reply(UPTIME.script))
    assert before["node"] == "NODE02"
    assert before["up_s"] == pytest.approx((node.model.now_ns - node.node.last_boot_ns) / S, abs=1)
    ordered_ns = node.model.now_ns
    node.run("Restart-Computer -Force")
    run_until(node.model, lambda: node.node.phase is not NodePhase.Running)
    run_until(node.model, lambda: node.node.member)
    after = UPTIME.read(node.reply(UPTIME.script))
    assert 0 < after["up_s"] < (node.model.now_ns - ordered_ns) / S < before["up_s"]


def test_an_idle_cluster(idle: ShellNode) -> None:
    command = cluster.observe_cluster()
    seen = command.read(idle.reply(command.script))
    assert [(item.name, item.state.name) for item in seen.nodes] == [(f"NODE0{at}", "Up") for at in (1, 2, 3, 4)]
    assert {item.drain.name for item in seen.nodes if item.drain} == {"NotInitiated"}
    assert seen.pool is not None and (seen.pool.name, seen.pool.health, seen.pool.read_only) == (
        "SU1_Pool",
        "Healthy",
        False,
    )
    assert {(disk.health, disk.operational) for disk in seen.disks} == {("Healthy", "OK")}
    assert (len(seen.disks), seen.jobs, len(seen.guests)) == (5, (), 41)  # 40 guests and the resource bridge
    owner = next(group for group in seen.groups if group.name == "Azure Stack HCI Update Service Cluster Group")
    assert (owner.owner, owner.state, owner.kind) == ("NODE03", EnumValue("Online", 0), "GenericService")


def test_guests_of_a_host_and_its_build(idle: ShellNode) -> None:
    script = '@(Get-VM|ForEach-Object{@{name=$_.Name;state="$($_.State)";uptime=$_.Uptime.TotalSeconds}})'
    found = parse_json_reply(idle.reply(script_json(script, depth=3)))
    expected = [guest.name for guest in idle.model.guests.values() if guest.owner == "NODE01"]
    assert [vm["name"] for vm in found] == expected
    assert {vm["state"] for vm in found} == {"Running"}
    assert all(vm["uptime"] > 86400 for vm in found)
    assert builds.read_build().read(idle.reply(builds.read_build().script)) == "26100.6584"


def test_health_with_and_without_an_update(node: ShellNode) -> None:
    command = health.read_system_health()
    checks = command.read(node.reply(command.script))
    assert len(checks) == len(node.model.environment.health_results)
    assert {check.severity for check in checks if check.status == "FAILURE"} == {"INFORMATIONAL"}
    update = health.read_update_health(UPDATE)
    assert update.read(node.reply(update.script)) == ()
    node.model.plant("system-drive-full", "NODE03", {"free_gb": 22})
    node.reply("$null=Invoke-SolutionUpdatePrecheck -SystemHealth")
    assert command.read(node.reply(command.script)) == ()
    node.model.run_until(20 * 60 * S)
    again = command.read(node.reply(command.script))
    low = next(check for check in again if check.status == "FAILURE" and check.severity != "INFORMATIONAL")
    assert low.name == "AzStackHci_Hardware_SystemDriveFreeSpace"
    assert low.target == "Machine: NODE03, Class: Disk, DriveLetter: C:"
    assert low.detail.endswith("22 GB. Expected at least 30 GB.")


def test_a_whole_update_seen_by_the_harness() -> None:
    """Start, observe through all phases, prove; what the harness concludes agrees with the model."""
    node = make_node("NODE04", guests=8)
    model = node.model
    start = WORKFLOW.start("key")
    run_id = start.read(node.reply(start.script))
    assert run_id.startswith(f"{UPDATE}/") and len(run_id.rpartition("/")[2]) == 36
    row = model.updates.row(UPDATE)
    phases: list[str] = []
    busy_nodes: set[str] = set()
    while row.state is not UpdateState.Installed:
        reporter = _reporter(node)
        if reporter is not None:
            command = WORKFLOW.observe()
            seen = command.read(reporter.reply(command.script))
            assert (seen.state.name, seen.state.value) == (row.state.name, int(row.state))
            if seen.phase not in phases:
                phases.append(seen.phase)
            if row.state is UpdateState.Installing:
                assert seen.run_state == EnumValue("InProgress", 2)
                assert seen.percent == model.updates.progress_percent(row)
                busy_nodes |= {seen.node} if seen.node else set()
        model.run_until(model.now_ns + 300 * S)
        assert model.now_ns < 12 * HOUR
    assert phases == ["download", "prepare", "health-check", "install"]
    assert busy_nodes == set(model.nodes)
    run_until(model, lambda: any(e.path == "update/settled" and e.kind == "phase.exit" for e in model.events))
    prove = WORKFLOW.prove()
    proof = prove.read(node.reply(prove.script))
    assert (proof.update_state.name, proof.current_version) == ("Installed", "12.2510.1002.94")
    assert proof.cau_report["nodes"] == dict.fromkeys(model.nodes, "Succeeded")
    for name in model.nodes:
        assert builds.read_build().read(ShellNode(model, name).reply(builds.read_build().script)) == "26100.6899"


def _reporter(node: ShellNode) -> ShellNode | None:
    """A node that could be asked now: a member, and the service answers."""
    if not node.model.updates.available:
        return None
    for name, state in node.model.nodes.items():
        if state.os_running and state.member:
            return ShellNode(node.model, name)
    return None


def test_the_active_update_is_found_with_its_run(node: ShellNode) -> None:
    run_id = node.model.start_update(UPDATE)
    node.model.run_until(60 * S)
    (found,) = updates.find_active().read(node.reply(updates.find_active().script))
    assert (found.update_id, found.run_id, found.state.name) == (UPDATE, run_id, "Downloading")
    assert found.started == datetime(2025, 10, 20, 6, 0, tzinfo=UTC)
    assert found.run_state == EnumValue("InProgress", 2)


def test_the_cau_run_and_its_coordinator(node: ShellNode) -> None:
    model = node.model
    read = cau.read_cau()
    assert read.read(node.reply(read.script)).run == CauRunState.RunNotInProgress.value
    model.start_update(UPDATE)
    run_until(model, lambda: model.nodes["NODE01"].cluster_state is ClusterNodeState.Paused)
    status = read.read(node.reply(read.script))
    assert model.cau.run is not None
    assert (status.run, status.orchestrator) == (cau.RUNNING, model.cau.run.coordinator)
    assert status.error == ""


def test_draining_rebooting_and_resync_as_documented(node: ShellNode) -> None:
    """The observables of a node's maintenance: node, drives, volumes, jobs ([D] WSD maintain-servers)."""
    model = node.model
    watcher = ShellNode(model, "NODE03")
    observe = cluster.observe_cluster()
    model.suspend_node("NODE02")
    run_until(model, lambda: model.nodes["NODE02"].drain_status.name == "InProgress")
    seen = observe.read(watcher.reply(observe.script))
    assert (seen.nodes[1].state.name, seen.nodes[1].drain) == ("Paused", EnumValue("InProgress", 1))
    run_until(model, lambda: model.nodes["NODE02"].drain_status.name == "Completed")
    seen = observe.read(watcher.reply(observe.script))
    assert {(disk.operational, disk.health) for disk in seen.disks} == {("Degraded", "Warning")}
    assert {group.owner for group in seen.groups} <= {"NODE01", "NODE03", "NODE04"}
    model.restart_node("NODE02")
    run_until(model, lambda: model.nodes["NODE02"].cluster_state is ClusterNodeState.Down)
    seen = observe.read(watcher.reply(observe.script))
    assert seen.nodes[1].state == EnumValue("Down", 1)
    assert {disk.operational for disk in seen.disks} == {"Incomplete"}
    run_until(model, lambda: model.nodes["NODE02"].member)
    model.resume_node("NODE02", fail_back=False)
    run_until(model, lambda: any(job.state.name == "Running" for job in model.storage.repair_jobs))
    seen = observe.read(watcher.reply(observe.script))
    assert {job.state for job in seen.jobs} <= {"Running", "New"}
    assert all(0 <= job.bytes_processed <= job.bytes_total for job in seen.jobs)
    assert {disk.health for disk in seen.disks} == {"Warning"}


def test_evidence_is_whole_json(node: ShellNode) -> None:
    node.model.start_update(UPDATE)
    node.model.run_until(3 * HOUR)
    documents = {
        command.name: command.read(node.reply(command.script)) for command in evidence.evidence_commands(UPDATE)
    }
    assert documents["cluster"]["nodes"][0]["State"] in (0, 2)
    assert documents["cluster"]["groups"][0]["OwnerNode"]["Name"] in node.model.nodes
    runs = documents["update-runs"]
    run = runs[0] if isinstance(runs, list) else runs
    assert run["State"] == 2
    assert [step["Name"] for step in run["Progress"]["Steps"]][:1] == ["Update Bootstrap"]
    assert documents["update-environment"]["State"] == 3
    assert documents["storage"]["pools"][1]["FriendlyName"] == "SU1_Pool"


def test_an_offline_service_is_a_documented_error_to_the_harness(node: ShellNode) -> None:
    node.model.move_group("Azure Stack HCI Update Service Cluster Group")
    command = WORKFLOW.observe()
    with pytest.raises(PowerShellError) as caught:
        command.read(node.reply(command.script))
    assert caught.value.id == (
        "Microsoft.AzureStack.Common.Infrastructure.Http.Client.ErrorModel.ConnectionFailureException,"
        "Microsoft.AzureStack.Lcm.PowerShell.GetSolutionUpdateEnvironmentCmdlet"
    )
    run_until(node.model, lambda: node.model.updates.available)
    assert command.read(node.reply(command.script)).state.name == "Ready"


def test_starting_what_is_not_listed_is_refused(node: ShellNode) -> None:
    start = SolutionUpdate("redmond/Solution1.2.3.4").start("key")
    with pytest.raises(PowerShellError, match="the update is not listed"):
        start.read(node.reply(start.script))


@pytest.mark.parametrize(
    ("name", "lines"),
    [
        ("cluster-report", ["Report: C:\\Reports\\cluster-CLUSTER01.json"]),
        ("collect-evidence", [f"NODE0{at}: all 4 services run" for at in (1, 2, 3, 4)] + ["events.csv", "summary.txt"]),
        ("watch-update", ["Chosen: 2025.10 Cumulative Update (12.2510.1002.94)", "[  6h 14m] Succeeded"]),
    ],
)
def test_operators_scripts_of_full_length_run_to_their_end(name: str, lines: list[str]) -> None:
    """Their parameters take the defaults of the script."""
    node = make_node(guests=8)
    node.environment["TEMP"] = "C:\\Windows\\Temp"
    node.delegated = True
    script = (paths.root() / "fixtures" / "bench" / f"{name}.ps1").read_text(encoding="utf-8")
    output, errors, code = node.run(script)
    assert ([error.message for error in errors], code) == ([], 0)
    assert [line for line in output if line in lines] == lines


def test_an_enum_from_another_machine_is_a_number_that_knows_its_name(node: ShellNode) -> None:
    node.delegated = True
    asked = "(Invoke-Command -ComputerName NODE02 { Get-Service ClusSvc }).Status"
    output, errors, _ = node.run(f"$s = {asked}; \"$s\"; $s.ToString(); $s.Value; $s -eq 'Running'; $s -eq 4")
    assert (output, errors) == (["4", "Running", "Running", False, True], [])
