"""What the physical adapters can: RSS, virtual machine queues, SR-IOV, bindings ([D] WPD NetAdapter).

Switched by the driver's properties, as Windows does; numbers that no source gives are [INF].
"""

from __future__ import annotations

from collections.abc import Iterator
from typing import Final

from harness.twin.cmdlets.network.adapters import DESCRIPTION, HIDDEN, NAME, is_selected
from harness.twin.cmdlets.network.cim import ADAPTERS, chosen_adapters, generated_enum, network, not_found, shape
from harness.twin.model.network import Adapter
from harness.twin.shell.commands.api import Call, Parameter
from harness.twin.shell.objects import Byte, PSEnum, UInt16, UInt32

RSS: Final = shape(
    "MSFT_NetAdapterRssSettingData",
    "Name InterfaceDescription Enabled NumberOfReceiveQueues Profile BaseProcessorGroup BaseProcessorNumber "
    "MaxProcessorGroup MaxProcessorNumber MaxProcessors",
)
VMQ: Final = shape(
    "MSFT_NetAdapterVmqSettingData",
    "Name InterfaceDescription Enabled BaseProcessorGroup BaseProcessorNumber MaxProcessors NumberOfReceiveQueues",
)
SRIOV: Final = shape(
    "MSFT_NetAdapterSriovSettingData", "Name InterfaceDescription Enabled SriovSupport SwitchName NumVFs"
)
BINDING: Final = shape(
    "MSFT_NetAdapterBindingSettingData", "Name InterfaceDescription ifDesc ifAlias DisplayName ComponentID Enabled"
)
_PROFILE: Final = generated_enum(
    "NetAdapter.RssProfile", {"Closest": 1, "ClosestStatic": 2, "NUMA": 3, "NUMAStatic": 4, "Conservative": 5}
)
_SUPPORT: Final = generated_enum("NetAdapter.SriovSupport", {"Unknown": 0, "Supported": 1})
_QUEUES: Final = 16
_PROCESSORS: Final = 16
_FUNCTIONS: Final = 64
_COMPONENTS: Final = {
    "ms_msclient": "Client for Microsoft Networks",
    "ms_server": "File and Printer Sharing for Microsoft Networks",
    "ms_pacer": "QoS Packet Scheduler",
    "ms_tcpip": "Internet Protocol Version 4 (TCP/IPv4)",
    "ms_tcpip6": "Internet Protocol Version 6 (TCP/IPv6)",
    "ms_lldp": "Microsoft LLDP Protocol Driver",
    "vms_pp": "Hyper-V Extensible Virtual Switch",
}
"""[GK] Bindings that Windows shows for an adapter."""
_ON_SWITCH: Final = ("vms_pp", "ms_lldp")
"""[GK] What is bound to a member of a virtual switch; without a switch everything but the switch is."""


def _physical(call: Call, cim_class: str) -> list[Adapter]:
    return chosen_adapters(call, [item for item in network(call).adapters if item.physical], cim_class)


def _is_on(adapter: Adapter, keyword: str) -> bool:
    return any(item.keyword == keyword and item.value == "1" for item in adapter.advanced)


@ADAPTERS.cmdlet("Get-NetAdapterRss", NAME, DESCRIPTION, HIDDEN)
def get_rss(call: Call) -> Iterator[object]:
    """Receive side scaling."""
    for adapter in _physical(call, "MSFT_NetAdapterRssSettingData"):
        yield RSS.make(
            adapter.name, adapter.description, _is_on(adapter, "*RSS"), UInt32(_QUEUES), PSEnum(_PROFILE, 4),
            UInt16(0), Byte(0), UInt16(0), Byte(2 * _PROCESSORS - 2), UInt32(_PROCESSORS), text=adapter.name,
        )  # fmt: skip


@ADAPTERS.cmdlet("Get-NetAdapterVmq", NAME, DESCRIPTION, HIDDEN)
def get_vmq(call: Call) -> Iterator[object]:
    """Virtual machine queues."""
    for adapter in _physical(call, "MSFT_NetAdapterVmqSettingData"):
        yield VMQ.make(
            adapter.name, adapter.description, _is_on(adapter, "*VMQ"), UInt16(0), Byte(0), UInt32(_PROCESSORS),
            UInt32(_QUEUES), text=adapter.name,
        )  # fmt: skip


@ADAPTERS.cmdlet("Get-NetAdapterSriov", NAME, DESCRIPTION, HIDDEN)
def get_sriov(call: Call) -> Iterator[object]:
    """SR-IOV, and the switch that an adapter belongs to."""
    own = network(call)
    for adapter in _physical(call, "MSFT_NetAdapterSriovSettingData"):
        switch = own.switch_of(adapter)
        yield SRIOV.make(
            adapter.name, adapter.description, _is_on(adapter, "*SRIOV"), PSEnum(_SUPPORT, 1),
            switch.name if switch else "Default Switch", UInt32(_FUNCTIONS), text=adapter.name,
        )  # fmt: skip


@ADAPTERS.cmdlet(
    "Get-NetAdapterBinding",
    NAME,
    DESCRIPTION,
    Parameter("ComponentID", "string[]"),
    Parameter("DisplayName", "string[]"),
    HIDDEN,
    Parameter("AllBindings", "switch"),
)
def get_binding(call: Call) -> Iterator[object]:
    """What is bound to the adapters; it follows from whether they belong to a switch."""
    for text in call.texts("ComponentID"):
        if "*" not in text and text.lower() not in _COMPONENTS:
            not_found(call, "MSFT_NetAdapterBindingSettingData", "ComponentID", text)
    for adapter in chosen_adapters(call, network(call).adapters, "MSFT_NetAdapterBindingSettingData"):
        for component, shown in _COMPONENTS.items():
            if not adapter.physical and component == "vms_pp":
                continue
            if is_selected(call, "ComponentID", component) and is_selected(call, "DisplayName", shown):
                bound = component in _ON_SWITCH if adapter.teamed else component != "vms_pp"
                yield BINDING.make(
                    adapter.name, adapter.description, adapter.description, adapter.name, shown, component, bound
                )
