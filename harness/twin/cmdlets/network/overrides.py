"""Overrides of Network ATC: the objects by which an operator departs from its defaults.

[D] WPD NetworkATC: constructors and their parameters; class names and order of the properties [T] published labs.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator, Mapping
from typing import Final
from uuid import NAMESPACE_DNS, uuid5

from harness.twin.cmdlets.declaring import Body, Module, classes, property_of
from harness.twin.shell.commands.api import Call, Parameter
from harness.twin.shell.objects import PSObject

ATC: Final = Module("NetworkATC", classes("FabricManager.FeatureStaging.{}"))
"""The class in error ids is [INF]."""
VERSION: Final = "1.0.0.10"
"""[T] ObjectVersion of all objects of the module."""
_ADAPTER: Final = (
    "EncapOverhead EncapsulatedPacketTaskOffload EncapsulatedPacketTaskOffloadNvgre EncapsulatedPacketTaskOffloadVxlan "
    "FlowControl InterruptModeration IPChecksumOffloadIPv4 JumboPacket LsoV2IPv4 LsoV2IPv6 NetworkDirect "
    "NetworkDirectTechnology NumaNodeId PacketDirect PriorityVLANTag PtpHardwareTimestamp QOS QosOffload "
    "ReceiveBuffers RscIPv4 RscIPv6 RssOnHostVPorts Sriov TCPUDPChecksumOffloadIPv4 TCPUDPChecksumOffloadIPv6 "
    "UDPChecksumOffloadIPv4 UDPChecksumOffloadIPv6 TransmitBuffers UsoIPv4 UsoIPv6 VMQ VxlanUDPPortNumber VlanID"
)


class OverrideKind:
    """One class of overrides: what it is called, and its properties with their types."""

    def __init__(self, name: str, type_name: str, command: str, properties: Mapping[str, str]) -> None:
        self.name = name
        self.type_name = f"FabricManager.{type_name}"
        self.command = command
        self.properties = properties

    def make(self, values: Mapping[str, object], identity: str = "") -> PSObject:
        """The shell's object; scripts set its properties."""
        shown = {name: values.get(name) for name in self.properties}
        return PSObject.of_type(
            self.type_name, {**shown, "InstanceId": identity or None, "ObjectVersion": VERSION}, self.type_name
        )

    def read(self, given: object) -> dict[str, object]:
        """The values that a script set on an object."""
        values = {name: property_of(given, name) for name in self.properties}
        return {name: value for name, value in values.items() if value is not None}


def _all(names: str, kind: str) -> dict[str, str]:
    return dict.fromkeys(names.split(), kind)


ADAPTER: Final = OverrideKind(
    "adapter", "NetAdapterAdvancedConfiguration", "New-NetIntentAdapterPropertyOverrides", _all(_ADAPTER, "int")
)
RSS: Final = OverrideKind(
    "rss",
    "RssConfiguration",
    "New-NetIntentAdapterRssOverrides",
    {"RssEnabled": "bool"}
    | _all("BaseProcessorGroup BaseProcessorNumber MaxProcessorGroup MaxProcessorNumber MaxProcessors", "int")
    | {"Profile": "string"},
)
QOS: Final = OverrideKind(
    "qos",
    "QoSPolicy",
    "New-NetIntentQoSPolicyOverrides",
    _all(
        "PriorityValue8021Action_SMB PriorityValue8021Action_Cluster BandwidthPercentage_SMB "
        "BandwidthPercentage_Cluster NetDirectPortMatchCondition",
        "int",
    ),
)
SWITCH: Final = OverrideKind(
    "switch",
    "SwitchConfigurationOverride",
    "New-NetIntentSwitchConfigurationOverrides",
    {"EnableSoftwareRsc": "bool"}
    | _all("DefaultQueueVrssMaxQueuePairs DefaultQueueVrssMinQueuePairs DefaultQueueVrssQueueSchedulingMode", "int")
    | {"EnableIov": "bool", "EnableEmbeddedTeaming": "bool", "LoadBalancingAlgorithm": "string"},
)
STORAGE: Final = OverrideKind(
    "storage", "NetAdapterStorageOverride", "New-NetIntentStorageOverrides", {"EnableAutomaticIPGeneration": "bool"}
)
CLUSTER: Final = OverrideKind(
    "cluster",
    "ClusterSettings",
    "New-NetIntentGlobalClusterOverrides",
    {
        "EnableNetworkNaming": "bool",
        "EnableLiveMigrationNetworkSelection": "bool",
        "EnableVirtualMachineMigrationPerformanceSelection": "bool",
        "VirtualMachineMigrationPerformanceOption": "string",
        "MaximumVirtualMachineMigrations": "int",
        "MaximumSMBMigrationBandwidthInGbps": "int",
    },
)
PROXY: Final = OverrideKind(
    "proxy",
    "WinHttpAdvProxy",
    "New-NetIntentGlobalProxyOverrides",
    {"ProxyServer": "string", "ProxyBypass": "string", "AutoConfigUrl": "string", "AutoDetect": "switch"},
)


def instance_id(call: Call, name: str) -> str:
    """A GUID that an object of the cluster keeps; new objects of scripts get it from their cluster too [INF]."""
    return str(uuid5(NAMESPACE_DNS, f"{name}.{call.host.model.spec.cluster_name}"))


def _constructor(kind: OverrideKind) -> Body:
    def construct(call: Call) -> Iterator[object]:
        values = {name: call.get(name) for name in kind.properties if call.has(name)}
        yield kind.make(values, instance_id(call, f"{kind.name}/{call.host.model.now_ns}"))

    construct.__doc__ = f"A new object of class ``{kind.type_name}``; what is not set stays as Network ATC has it."
    return construct


def _declare(kind: OverrideKind) -> None:
    parameters = [Parameter(name, of) for name, of in kind.properties.items()]
    declare: Callable[[Body], Body] = ATC.cmdlet(kind.command, *parameters)
    declare(_constructor(kind))


for _kind in (ADAPTER, RSS, QOS, SWITCH, STORAGE, CLUSTER, PROXY):
    _declare(_kind)
