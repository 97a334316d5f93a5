"""Failover cluster cmdlets: objects, views, selection, actions, and the cluster service that does not run."""

from __future__ import annotations

import json

import pytest

from harness.twin.model.groups import ORCHESTRATOR, UPDATE_SERVICE
from harness.twin.shell.objects import PSEnum, PSObject
from tests.twin.cmdlets.shell_nodes import S, ShellNode, make_node, run_until

DOWN = (
    "The cluster service is not running.  Make sure that the service is running on all nodes in the cluster.\n"
    "    There are no more endpoints available from the endpoint mapper"
)
CLASS = "Microsoft.FailoverClusters.PowerShell"


def test_nodes_as_a_table_and_as_json(idle: ShellNode) -> None:
    assert idle.table("Get-ClusterNode") == [
        "Name   State Type",
        "----   ----- ----",
        *(f"NODE0{at} Up    Node" for at in (1, 2, 3, 4)),
    ]
    document = json.loads(idle.text("Get-ClusterNode | ConvertTo-Json"))
    assert [(row["Name"], row["State"], row["DrainStatus"]) for row in document][:1] == [("NODE01", 0, 0)]
    assert {"DrainTarget", "NodeWeight", "DynamicWeight", "FaultDomain", "Id", "NodeName", "NodeInstanceID"} <= set(
        document[0]
    )


def test_a_group_as_in_the_guide(idle: ShellNode) -> None:
    assert idle.table(f'Get-ClusterGroup "{UPDATE_SERVICE}"') == [
        "Name                                         OwnerNode State",
        "----                                         --------- -----",
        "Azure Stack HCI Update Service Cluster Group NODE03    Online",
    ]
    assert idle.text(f'(Get-ClusterGroup "{UPDATE_SERVICE}").OwnerNode.Name') == "NODE03"
    assert idle.text('(Get-ClusterGroup | ? GroupType -eq "VirtualMachine").Count') == "41"
    assert idle.text("(Get-ClusterGroup -Name *control-plan*).State") == "Online"


@pytest.mark.parametrize(
    ("script", "count"),
    [
        ("Get-ClusterNode -Name NODE02, node03", 2),
        ("Get-ClusterNode NODE0*", 4),
        ("Get-Cluster | Get-ClusterNode", 4),
        ("Get-Cluster | Get-ClusterGroup", 50),
        ("Get-ClusterNode NODE02 | Get-ClusterGroup", 13),
        ("Get-ClusterGroup VM01 | Get-ClusterResource", 2),
        ("Get-ClusterSharedVolume", 5),
        ("Get-ClusterNode -Cluster CLUSTER01", 4),
    ],
)
def test_selection(idle: ShellNode, script: str, count: int) -> None:
    assert len(idle.objects(script)) == count


def test_resources_quorum_and_cluster(idle: ShellNode) -> None:
    assert idle.text("Get-ClusterResource | ? ResourceType -eq 'Generic Service' | % Name").splitlines() == [
        "Azure Stack HCI Orchestrator Service",
        "Azure Stack HCI Update Service",
        "Azure Stack HCI Download Service",
        "Azure Stack HCI Health Service",
        "HciCloudManagementSvc",
    ]
    state = idle.objects("Get-ClusterResource 'Virtual Machine VM01'")[0].get("State")
    assert isinstance(state, PSEnum) and (state.name, state.value) == ("Online", 2)
    assert idle.table("Get-ClusterQuorum")[2].split("  ")[0].split() == ["CLUSTER01", "Cloud", "Witness"]
    assert make_node(nodes=3).text("(Get-ClusterQuorum).QuorumResource") == ""
    assert idle.text("$c = Get-Cluster; $c.QuarantineThreshold; $c.QuarantineDuration; $c.ResiliencyDefaultPeriod") == (
        "3\n7200\n240"
    )


@pytest.mark.parametrize(
    ("script", "name"),
    [
        ("Get-ClusterNode", "GetNodeCommand"),
        ("Get-Cluster", "GetClusterCommand"),
        ("Get-ClusterResource", "GetResourceCommand"),
        ("Move-ClusterGroup x", "MoveClusterGroupCommand"),
    ],
)
def test_a_cluster_service_that_does_not_run(script: str, name: str) -> None:
    node = make_node("NODE02", guests=1)
    node.model.nodes["NODE02"].quarantined_until_ns = 3600 * S
    node.model.power_off("NODE02")
    node.model.power_on("NODE02")
    run_until(node.model, lambda: node.node.os_running and not node.node.member)
    error = node.error(script)
    assert (error.message, error.full_id) == (DOWN, f"ClusterEndpointNotRegistered,{CLASS}.{name}")
    assert (error.category, error.exception.short_name) == ("ConnectionError", "ClusterCmdletException")
    assert node.warnings[0].startswith("If you are running Windows PowerShell remotely, note that")
    assert node.objects("Get-VirtualDisk") == []
    assert node.error("Get-SolutionUpdate").exception.short_name == "ConnectionFailureException"


def test_names_that_do_not_exist(idle: ShellNode) -> None:
    error = idle.error("Get-ClusterNode NODE09")
    assert error.full_id == f"ClusterObjectNotFound,{CLASS}.GetNodeCommand"
    assert "The cluster node was not found." in error.message
    assert idle.objects("Get-ClusterNode NODE09* ") == []
    assert idle.error("Get-ClusterGroup -Cluster OTHER").error_id == "ClusterRpcConnection"


def test_suspend_returns_at_once_or_waits(node: ShellNode) -> None:
    model = node.model
    first = node.one("Suspend-ClusterNode -Name NODE02 -Drain")
    assert state_of(first) == ("Paused", "InProgress")
    run_until(model, lambda: model.nodes["NODE02"].drain_status.name == "Completed")
    node.run("Resume-ClusterNode -Name NODE02 -Failback Immediate")
    run_until(model, lambda: model.storage.healthy)
    began_ns = model.now_ns
    assert state_of(node.one("Suspend-ClusterNode NODE03 -Drain -Wait")) == ("Paused", "Completed")
    assert model.now_ns - began_ns > 10 * S
    assert {guest.owner for guest in model.guests.values()} == {"NODE01", "NODE02", "NODE04"}


def state_of(value: PSObject) -> tuple[str, str]:
    return str(value.get("State")), str(value.get("DrainStatus"))


def test_resume_with_and_without_failback(node: ShellNode) -> None:
    model = node.model
    home = {guest.name for guest in model.guests.values() if guest.owner == "NODE02"}
    for option, expected in (("", set()), ("-Failback NoFailback", set()), ("-Failback Immediate", home)):
        node.run("Suspend-ClusterNode NODE02 -Drain -Wait")
        assert state_of(node.one(f"Get-ClusterNode NODE02 | Resume-ClusterNode {option}")) == ("Up", "NotInitiated")
        run_until(model, lambda: model.storage.healthy)
        model.run_until(model.now_ns + 600 * S)
        assert {guest.name for guest in model.guests.values() if guest.owner == "NODE02"} == expected
        for name in home:
            if model.guests[name].owner != "NODE02":
                node.run(f"Move-ClusterGroup {name} -Node NODE02")


def test_suspend_is_refused_while_data_would_go_offline() -> None:
    node = make_node(nodes=2, guests=2)
    node.run("Suspend-ClusterNode NODE02 -Drain -Wait")
    error = node.error("Suspend-ClusterNode NODE01 -Drain")
    assert error.full_id == f"Suspend-ClusterNode,{CLASS}.SuspendClusterNodeCommand"
    assert "would go offline" in error.message
    assert node.error("Resume-ClusterNode NODE01").error_id == "Resume-ClusterNode"


def test_what_if_changes_nothing(node: ShellNode) -> None:
    assert node.objects("Suspend-ClusterNode NODE02 -Drain -WhatIf") == []
    assert not node.model.nodes["NODE02"].paused


def test_moving_a_group_waits_for_it(node: ShellNode) -> None:
    moved = node.one(f'Get-ClusterGroup "{ORCHESTRATOR}" | Move-ClusterGroup -Node NODE04')
    assert (str(moved.get("State")), node.model.owner_of(ORCHESTRATOR)) == ("Online", "NODE04")
    pending = node.one(f'Move-ClusterGroup "{ORCHESTRATOR}" -Node NODE01 -Wait 0')
    assert str(pending.get("State")) == "Pending"
    guest = next(iter(node.model.guests.values()))
    assert node.text(f"(Move-ClusterGroup {guest.name} -Node NODE03).OwnerNode.Name") == "NODE03"
    error = node.error(f'Move-ClusterGroup "{UPDATE_SERVICE}" -Node NODE09')
    assert error.message.startswith(f"An error occurred while moving the clustered role '{UPDATE_SERVICE}'.\n    ")
    assert error.full_id == f"Move-ClusterGroup,{CLASS}.MoveClusterGroupCommand"


def test_every_command_costs_lab_time(node: ShellNode) -> None:
    node.run("Get-ClusterNode | Get-ClusterGroup; Get-VM; hostname")
    assert node.charged == ["Get-ClusterNode", *["Get-ClusterGroup"] * 4, "Get-VM", "hostname"]
