"""Objects of the failover cluster cmdlets.  States [D] W32 clusapi; property names of the in-box objects [GK]."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from functools import lru_cache
from typing import Final
from uuid import NAMESPACE_DNS, uuid5

from harness.twin.cmdlets.kinds import (
    DRAIN_STATUS,
    GROUP_STATE,
    GROUP_TYPE,
    NODE_STATE,
    RESOURCE_STATE,
    STATUS_INFORMATION,
    labelled,
)
from harness.twin.cmdlets.shapes import Shape
from harness.twin.model.catalog import load_catalogs
from harness.twin.model.cluster import ClusterModel
from harness.twin.model.entities import ClusterGroup, GroupType, Node, VirtualDisk
from harness.twin.model.states import ClusterGroupState
from harness.twin.shell.objects import PSEnum, PSObject
from harness.twin.units import NS_PER_MS, NS_PER_S

NAMESPACE: Final = "Microsoft.FailoverClusters.PowerShell"

CLUSTER: Final = Shape(
    f"{NAMESPACE}.Cluster",
    "Name Id Domain ResiliencyDefaultPeriod QuarantineThreshold QuarantineDuration SameSubnetDelay "
    "SameSubnetThreshold CrossSubnetDelay CrossSubnetThreshold CrossSiteDelay CrossSiteThreshold DynamicQuorum "
    "S2DEnabled SharedVolumesRoot",
)
NODE: Final = Shape(
    f"{NAMESPACE}.ClusterNode",
    "Cluster Name NodeName Id NodeInstanceID State StatusInformation DrainStatus DrainTarget NodeWeight DynamicWeight "
    "FaultDomain Type BuildNumber MajorVersion MinorVersion",
)
GROUP: Final = Shape(f"{NAMESPACE}.ClusterGroup", "Cluster Name Id OwnerNode State GroupType IsCoreGroup")
RESOURCE: Final = Shape(
    f"{NAMESPACE}.ClusterResource", "Cluster Name Id OwnerGroup OwnerNode State ResourceType IsCoreResource"
)
QUORUM: Final = Shape(f"{NAMESPACE}.ClusterQuorumSettings", "Cluster QuorumResource")
SHARED_VOLUME: Final = Shape(f"{NAMESPACE}.ClusterSharedVolume", "Cluster Name Id OwnerNode State SharedVolumeInfo")
VOLUME_INFO: Final = Shape(f"{NAMESPACE}.ClusterSharedVolumeInfo", "FriendlyVolumeName")

_ACROSS: Final = (1000, 20, 1000, 20)
"""Delay in ms and threshold of heartbeats between subnets and between sites [D]."""
_CORE_GROUPS: Final = (GroupType.Cluster, GroupType.AvailableStorage)
_RESOURCE_STATES: Final[Mapping[ClusterGroupState, PSEnum]] = {
    ClusterGroupState.Unknown: labelled(RESOURCE_STATE, "Unknown"),
    ClusterGroupState.Online: labelled(RESOURCE_STATE, "Online"),
    ClusterGroupState.Offline: labelled(RESOURCE_STATE, "Offline"),
    ClusterGroupState.Failed: labelled(RESOURCE_STATE, "Failed"),
    ClusterGroupState.PartialOnline: labelled(RESOURCE_STATE, "Online"),
    ClusterGroupState.Pending: labelled(RESOURCE_STATE, "Pending"),
}
_GROUP_TYPES: Final[Mapping[GroupType, PSEnum]] = {kind: labelled(GROUP_TYPE, kind.value) for kind in GroupType}


def make_id(model: ClusterModel, kind: str, name: str) -> str:
    """A GUID that stays the same for the life of the thing."""
    return _name_id(f"{name}.{kind}.{model.spec.cluster_name}.{model.spec.domain}")


@lru_cache(maxsize=4096)
def _name_id(name: str) -> str:
    return str(uuid5(NAMESPACE_DNS, name))


def make_cluster(model: ClusterModel) -> PSObject:
    """The object of ``Get-Cluster``, with the common properties that the simulation goes by."""
    values = load_catalogs().calibration.with_overrides(model.spec.overrides).cluster
    name = model.spec.cluster_name
    return CLUSTER.make(
        name,
        make_id(model, "cluster", name),
        model.spec.domain,
        values.resiliency_period.ns // NS_PER_S,
        values.quarantine_threshold.n,
        values.quarantine_duration.ns // NS_PER_S,
        values.heartbeat_delay.ns // NS_PER_MS,
        values.heartbeat_threshold.n,
        *_ACROSS,
        1,
        1,
        "C:\\ClusterStorage",
        text=name,
    )


def make_node(model: ClusterModel, node: Node) -> PSObject:
    """One object of ``Get-ClusterNode``."""
    return NODE.make(
        model.spec.cluster_name,
        node.name,
        node.name,
        str(node.number),
        make_id(model, "node", node.name),
        NODE_STATE(node.cluster_state),
        PSEnum(STATUS_INFORMATION, int(node.status_information)),
        DRAIN_STATUS(node.drain_status),
        None,
        node.node_weight,
        node.dynamic_weight,
        ["Site:", "Rack:", "Chassis:"],
        "Node",
        node.os_build.build,
        10,
        0,
        text=node.name,
    )


@dataclass(frozen=True, slots=True)
class Owners:
    """Node objects for owner columns, made once for one command."""

    nodes: Mapping[str, PSObject]

    @classmethod
    def of(cls, model: ClusterModel) -> Owners:
        """The nodes of the cluster."""
        return cls({name: make_node(model, node) for name, node in model.nodes.items()})


def make_group(model: ClusterModel, group: ClusterGroup, owners: Owners) -> PSObject:
    """One object of ``Get-ClusterGroup``."""
    return GROUP.make(
        model.spec.cluster_name,
        group.name,
        make_id(model, "group", group.name),
        owners.nodes[group.owner],
        GROUP_STATE(group.state),
        _GROUP_TYPES[group.group_type],
        group.group_type in _CORE_GROUPS,
        text=group.name,
    )


def make_resources(model: ClusterModel, owners: Owners) -> Iterator[PSObject]:
    """Objects of ``Get-ClusterResource``: those of roles, of guests and of volumes.  Resource names [GK]."""
    for group in model.cluster_groups():
        owner = make_group(model, group, owners)
        for name, kind in _resources_of(model, group):
            yield RESOURCE.make(
                model.spec.cluster_name,
                name,
                make_id(model, "resource", name),
                owner,
                owners.nodes[group.owner],
                _RESOURCE_STATES[group.state],
                kind,
                group.group_type in _CORE_GROUPS,
                text=name,
            )
        for added in model.kept.resources.values():
            if added.group == group.name:
                yield RESOURCE.make(
                    model.spec.cluster_name,
                    added.name,
                    make_id(model, "resource", added.name),
                    owner,
                    owners.nodes[group.owner],
                    labelled(RESOURCE_STATE, "Offline"),
                    added.kind,
                    False,
                    text=added.name,
                )
    for volume in model.volumes.values():
        name = volume_resource(volume)
        yield RESOURCE.make(
            model.spec.cluster_name,
            name,
            make_id(model, "resource", name),
            name,
            owners.nodes[volume.csv_owner],
            _volume_state(volume),
            "Physical Disk",
            False,
            text=name,
        )


def _resources_of(model: ClusterModel, group: ClusterGroup) -> list[tuple[str, str]]:
    if group.group_type is GroupType.Cluster:
        witness = [("Cloud Witness", "Cloud Witness")] if model.spec.has_witness else []
        return [("Cluster Name", "Network Name"), ("Cluster IP Address", "IP Address"), *witness]
    if group.group_type is GroupType.GenericService:
        return [(group.service or group.name, "Generic Service")]
    if group.group_type is GroupType.Pool:
        return [("Cluster Pool 1", "Storage Pool")]
    if group.group_type is GroupType.VirtualMachine:
        return [
            (f"Virtual Machine {group.name}", "Virtual Machine"),
            (f"Virtual Machine Configuration {group.name}", "Virtual Machine Configuration"),
        ]
    return []


def make_quorum(model: ClusterModel) -> PSObject:
    """The object of ``Get-ClusterQuorum``.  That the witness is a cloud one is [INF]."""
    return QUORUM.make(make_cluster(model), "Cloud Witness" if model.spec.has_witness else None)


def make_shared_volume(model: ClusterModel, volume: VirtualDisk, owners: Owners) -> PSObject:
    """One object of ``Get-ClusterSharedVolume``."""
    name = volume_resource(volume)
    path = VOLUME_INFO.make(f"C:\\ClusterStorage\\{volume.name}")
    return SHARED_VOLUME.make(
        model.spec.cluster_name,
        name,
        make_id(model, "resource", name),
        owners.nodes[volume.csv_owner],
        _volume_state(volume),
        [path],
        text=name,
    )


def volume_resource(volume: VirtualDisk) -> str:
    """How the cluster calls the resource of a shared volume ([GK])."""
    return f"Cluster Virtual Disk ({volume.name})"


def _volume_state(volume: VirtualDisk) -> PSEnum:
    return labelled(RESOURCE_STATE, "Online" if volume.online else "Failed")
