"""Default views of what adapters, firewall, data centre bridging and profiles show [GK]."""

from __future__ import annotations

from harness.twin.cmdlets.declaring import property_of
from harness.twin.cmdlets.network import (
    adapterfeatures,
    connections,
    firewallchanges,
    names,
    neighbours,
    profiles,
    qos,
    trafficclasses,
)
from harness.twin.shell.formatting import Column, register_type, register_view


def register_feature_views() -> None:
    """Tell the formatter how they look."""
    _register_adapters()
    _register_bridging()
    register_view(
        connections.CONNECTION.type_name,
        table=["LocalAddress", "LocalPort", "RemoteAddress", "RemotePort", "State", "AppliedSetting", "OwningProcess"],
    )
    register_view(
        connections.NEIGHBOUR.type_name, table=["ifIndex", "IPAddress", "LinkLayerAddress", "State", "PolicyStore"]
    )
    register_view(
        names.CLIENT.type_name,
        table=[
            "InterfaceAlias",
            Column("Interface Index", "InterfaceIndex", right=True),
            Column("Connection Specific Suffix", "ConnectionSpecificSuffix"),
            Column("Connection Specific Suffix Search List", "ConnectionSpecificSuffixSearchList"),
            Column("Register This Connections Address", "RegisterThisConnectionsAddress"),
            Column("Use Suffix When Registering", "UseSuffixWhenRegistering"),
        ],
    )
    register_view(
        names.CACHE.type_name,
        table=[
            "Entry",
            "RecordName",
            Column("Record Type", lambda row: "A" if property_of(row, "Type") == 1 else property_of(row, "Type")),
            Column("Status", lambda row: "Success"),
            Column("Section", lambda row: "Answer"),
            Column("TimeToLive", right=True),
            Column("Data Length", "DataLength", right=True),
            "Data",
        ],
    )
    register_view(
        profiles.PROFILE.type_name,
        list=["Name", "InterfaceAlias", "InterfaceIndex", "NetworkCategory", "IPv4Connectivity", "IPv6Connectivity"],
    )
    register_type(
        firewallchanges.PROFILE.type_name,
        default_display=[
            "Name", "Enabled", "DefaultInboundAction", "DefaultOutboundAction", "AllowInboundRules",
            "AllowLocalFirewallRules", "AllowLocalIPsecRules", "AllowUserApps", "AllowUserPorts",
            "AllowUnicastResponseToMulticast", "NotifyOnListen", "EnableStealthModeForIPsec", "LogMaxSizeKilobytes",
            "LogAllowed", "LogBlocked", "LogIgnored", "LogFileName",
        ],
    )  # fmt: skip
    register_view(
        firewallchanges.PORTS.type_name, list=["Protocol", "LocalPort", "RemotePort", "IcmpType", "DynamicTarget"]
    )


def _register_adapters() -> None:
    register_view(
        adapterfeatures.RSS.type_name,
        list=[
            "Name", "InterfaceDescription", "Enabled", "NumberOfReceiveQueues", "Profile",
            Column("BaseProcessor: [Group:Number]", lambda row: _processor(row, "Base")),
            Column("MaxProcessor: [Group:Number]", lambda row: _processor(row, "Max")),
            "MaxProcessors",
        ],
    )  # fmt: skip
    register_view(
        adapterfeatures.VMQ.type_name,
        table=[
            "Name", "InterfaceDescription", "Enabled",
            Column("BaseVmqProcessor", lambda row: _processor(row, "Base")), "MaxProcessors", "NumberOfReceiveQueues",
        ],
    )  # fmt: skip
    register_view(
        adapterfeatures.SRIOV.type_name,
        list=["Name", "InterfaceDescription", "Enabled", "SriovSupport", "SwitchName", "NumVFs"],
    )
    register_view(adapterfeatures.BINDING.type_name, table=["Name", "DisplayName", "ComponentID", "Enabled"])
    register_view(
        neighbours.AGENT.type_name, list=["Name", "Scope", "MacAddress", "Neighbor", "AdminStatus", "OperStatus"]
    )


def _processor(row: object, which: str) -> str:
    return f"{property_of(row, f'{which}ProcessorGroup')}:{property_of(row, f'{which}ProcessorNumber')}"


def _register_bridging() -> None:
    place: list[Column | str] = ["PolicySet", Column("IfIndex", "InterfaceIndex"), Column("IfAlias", "InterfaceAlias")]
    register_view(qos.FLOW.type_name, table=["Priority", "Enabled", *place])
    register_view(
        trafficclasses.CLASS.type_name,
        table=[
            "Name",
            "Algorithm",
            Column("Bandwidth(%)", "Bandwidth"),
            Column("Priority", "PriorityFriendly"),
            *place,
        ],
    )
    register_view(qos.DCBX.type_name, table=["Willing", *place])
    register_view(
        trafficclasses.POLICY.type_name,
        list=["Name", "Owner", "NetworkProfile", "Precedence", "Template", "NetDirectPort", "PriorityValue"],
    )
    register_view(
        qos.ADAPTER_QOS.type_name,
        list=["Name", "Enabled", "OperationalTrafficClasses", "OperationalFlowControl", "OperationalClassifications"],
    )
