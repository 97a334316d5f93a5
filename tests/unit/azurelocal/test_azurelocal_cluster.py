"""Reading cluster, storage, machines, CAU, builds and health checks."""

from __future__ import annotations

import json

import pytest

from harness.azurelocal import builds, cau, cluster, health
from harness.azurelocal.records import cluster_record
from harness.errors import ProductError
from harness.transports.powershell import MAX_INLINE_UNITS
from harness.values import EnumValue, HealthCheck, VmStatus

GROUP = "Azure Stack HCI Update Service Cluster Group"
DOCUMENT = {
    "nodes": [
        {"name": "NODE01", "state": "Up", "drain": "NotInitiated"},
        {"name": "NODE02", "state": 2, "drain": 1},
        {"name": "NODE03", "state": -1, "drain": ""},
    ],
    "groups": [
        f"Online|GenericService|NODE02|{GROUP}",
        "0|VirtualMachine|NODE01|vm-01",
        "Failed|VirtualMachine|NODE02|vm|02",
    ],
    "disks": {"name": "UserStorage_1", "health": "Warning", "state": "InService"},
    "jobs": [
        {"name": "UserStorage_1-Repair", "state": "Running", "percent": 41, "done": 94918819840, "total": 230532579328},
        {"name": "Pool-Optimize", "state": "Running", "percent": 5, "done": 0, "total": 0},
        {"name": "Repair", "state": "Completed", "percent": 100, "done": 1, "total": 1},
        {"name": "Repair", "state": "Suspended", "percent": None, "done": None, "total": None},
    ],
    "pools": [
        {"name": "Primordial", "health": "Healthy", "state": "OK", "primordial": True},
        {"name": "SU1_Pool", "health": "Unhealthy", "state": "Read-only", "primordial": False},
    ],
}


def test_the_cluster_in_one_look() -> None:
    seen = cluster.parse_cluster(DOCUMENT)
    assert [node.state for node in seen.nodes] == [EnumValue("Up", 0), EnumValue("Paused", 2), EnumValue("Unknown", -1)]
    assert [node.drain for node in seen.nodes] == [EnumValue("NotInitiated", 0), EnumValue("InProgress", 1), None]
    assert [(group.name, group.owner) for group in seen.groups] == [(GROUP, "NODE02")]
    assert seen.guests == (
        VmStatus("vm-01", "NODE01", EnumValue("Online", 0)),
        VmStatus("vm|02", "NODE02", EnumValue("Failed", 2)),
    )
    assert [(disk.name, disk.health, disk.operational) for disk in seen.disks] == [
        ("UserStorage_1", "Warning", "InService")
    ]
    assert seen.pool is not None and (seen.pool.name, seen.pool.read_only) == ("SU1_Pool", True)


def test_only_jobs_that_restore_redundancy_count() -> None:
    jobs = cluster.parse_cluster(DOCUMENT).jobs
    assert [(job.name, job.state, job.percent) for job in jobs] == [
        ("UserStorage_1-Repair", "Running", 41.0),
        ("Repair", "Suspended", 0.0),
    ]
    assert jobs[0].bytes_total == 230532579328


def test_an_empty_cluster_answer_has_empty_lists() -> None:
    seen = cluster.parse_cluster({"nodes": None, "jobs": []})
    assert (seen.nodes, seen.jobs, seen.pool) == ((), (), None)


def test_the_observation_has_the_keys_of_the_journal() -> None:
    record = cluster_record(cluster.parse_cluster(DOCUMENT))
    assert json.loads(json.dumps(record)) == record
    assert set(record) == {"what", "nodes", "groups", "csvs", "disks", "jobs", "pool", "guests"}
    assert record["guests"][0] == {"name": "vm-01", "owner": "NODE01", "state": {"name": "Online", "value": 0}}
    assert set(record["nodes"][0]) == {"name", "state", "drain", "os_build"}
    assert set(record["jobs"][0]) == {"name", "state", "percent", "bytes_processed", "bytes_total"}
    assert set(record["pool"]) == {"name", "health", "operational", "read_only"}


def test_shared_volumes_go_by_the_name_of_their_volume() -> None:
    rows = [
        {"name": "Cluster Virtual Disk (UserStorage_1)", "owner": "NODE02", "state": "Online"},
        {"name": "Renamed", "owner": "NODE03", "state": "Online"},
    ]
    seen = cluster.parse_cluster({"csvs": rows})
    assert [(volume.name, volume.owner) for volume in seen.csvs] == [("UserStorage_1", "NODE02"), ("Renamed", "NODE03")]
    assert cluster_record(seen)["csvs"][0] == {"name": "UserStorage_1", "owner": "NODE02", "state": "Online"}


@pytest.mark.parametrize(
    ("run", "expected"),
    [
        (["RunNotInProgress"], ("RunNotInProgress", "")),
        ("RunFailed", ("RunFailed", "")),
        ([{"id": "7f0c3d3a", "orchestrator": "NODE02"}], ("RunInProgress", "NODE02")),
        (["RunInProgress", {"id": "7f0c3d3a", "orchestrator": "NODE02"}], ("RunInProgress", "NODE02")),
        (None, ("", "")),
    ],
)
def test_the_state_of_a_cau_run(run: object, expected: tuple[str, str]) -> None:
    status = cau.parse_cau({"run": run})
    assert (status.run, status.orchestrator) == expected


def test_the_last_cau_report() -> None:
    nodes = [{"name": "NODE01", "status": "Succeeded"}, {"name": "NODE02", "status": "Failed"}]
    status = cau.parse_cau(
        {"run": ["RunNotInProgress"], "report": {"id": "x", "status": "PartiallyFailed", "nodes": nodes}}
    )
    assert status.report_status == "PartiallyFailed"
    assert status.node_statuses == {"NODE01": "Succeeded", "NODE02": "Failed"}
    assert cau.parse_cau({"error": "Access is denied."}).error == "Access is denied."


def test_the_build_of_a_node() -> None:
    assert builds.parse_build(["", "Microsoft Windows [Version 10.0.26100.6899]"]) == "26100.6899"
    with pytest.raises(ProductError, match="expected a version"):
        builds.parse_build("'ver' is not recognized")


CHECKS = [
    {"name": "A", "status": "FAILURE", "severity": "Critical", "target": "NODE03", "extra": {"Detail": "22 GB"}},
    {"name": "B", "status": 1, "severity": 1, "target": "", "extra": [{"Key": "Detail", "Value": "old"}]},
    {"name": "AzStackHci_ARBStack_ARBIsLocked", "status": 1, "severity": 0, "description": "locked"},
    {"name": "D", "status": "Failure", "severity": "INFORMATIONAL"},
    {"name": "E", "status": "SUCCESS", "severity": 2},
]


def test_health_checks_in_both_spellings() -> None:
    checks = health.parse_checks(CHECKS)
    assert checks[0] == HealthCheck("A", "FAILURE", "CRITICAL", "NODE03", "22 GB")
    assert [check.detail for check in checks[1:3]] == ["old", "locked"]
    assert [(check.status, check.severity) for check in checks[1:]] == [
        ("FAILURE", "WARNING"),
        ("FAILURE", "INFORMATIONAL"),
        ("FAILURE", "INFORMATIONAL"),
        ("SUCCESS", "CRITICAL"),
    ]


def test_the_poll_script_fits_a_command_line() -> None:
    assert len(cluster.observe_cluster().script) < MAX_INLINE_UNITS
