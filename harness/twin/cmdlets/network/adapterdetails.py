"""Driver properties, hardware place, RDMA and counters of physical adapters ([D] WPD NetAdapter)."""

from __future__ import annotations

from collections.abc import Iterator
from typing import Final

from harness.twin.cmdlets.network.adapters import DESCRIPTION, HIDDEN, INPUT, NAME, is_selected
from harness.twin.cmdlets.network.cim import ADAPTERS, changed, chosen_adapters, network, not_found, shape, strings
from harness.twin.model.network import Adapter, AdvancedValue
from harness.twin.shell.commands.api import Call, Parameter
from harness.twin.shell.errors import limitation
from harness.twin.shell.objects import PSObject, UInt32
from harness.twin.shell.regexes import has_wildcard

PROPERTY: Final = shape(
    "MSFT_NetAdapterAdvancedPropertySettingData",
    "Name InterfaceDescription ifAlias InterfaceAlias DisplayName DisplayValue RegistryKeyword RegistryValue "
    "ValueName ValueData",
)
HARDWARE: Final = shape(
    "MSFT_NetAdapterHardwareInfoSettingData",
    "Name InterfaceDescription Segment Bus Device Function Slot NumaNode PcieLinkSpeed PcieLinkWidth Version "
    "BusNumber DeviceNumber FunctionNumber SlotNumber SegmentNumber",
)
RDMA: Final = shape(
    "MSFT_NetAdapterRdmaSettingData", "Name InterfaceDescription Enabled Operational PFC ETS RdmaTechnology"
)
_CLASS: Final = "MSFT_NetAdapterAdvancedPropertySettingData"
_FIRST_BUS: Final = 0x18
"""PCI bus of the first card; two ports a card, each card in a slot of its own [INF]."""


@ADAPTERS.cmdlet(
    "Get-NetAdapterAdvancedProperty",
    NAME,
    DESCRIPTION,
    INPUT,
    HIDDEN,
    Parameter("DisplayName", "string[]"),
    Parameter("RegistryKeyword", "string[]"),
    Parameter("AllProperties", "switch"),
)
def get_property(call: Call) -> Iterator[object]:
    """Properties of the physical adapters' driver, those that Network ATC sets."""
    found = [pair for pair in _pairs(call) if _is_wanted(call, pair[1])]
    if not found:
        _report_missing(call)
    for adapter, item in found:
        yield _property(adapter, item)


@ADAPTERS.cmdlet(
    "Set-NetAdapterAdvancedProperty",
    NAME,
    DESCRIPTION,
    INPUT,
    HIDDEN,
    Parameter("DisplayName", "string[]"),
    Parameter("RegistryKeyword", "string[]"),
    Parameter("RegistryValue", "string[]"),
    Parameter("DisplayValue", "string"),
    Parameter("NoRestart", "switch"),
    Parameter("PassThru", "switch"),
    should_process=True,
)
def set_property(call: Call) -> Iterator[object]:
    """Changes a property's value in the registry."""
    if call.has("DisplayValue") or not call.has("RegistryValue"):
        raise limitation("Set-NetAdapterAdvancedProperty is simulated with -RegistryValue only")
    found = [pair for pair in _pairs(call) if _is_wanted(call, pair[1])]
    if not found:
        _report_missing(call)
    for adapter, item in found:
        if call.should_process(f"{adapter.name} {item.display_name}", "Set-NetAdapterAdvancedProperty"):
            adapter.set_advanced(item.keyword, ",".join(call.texts("RegistryValue")))
            changed(call)
            if call.switch("PassThru"):
                yield _property(adapter, item)


@ADAPTERS.cmdlet("Get-NetAdapterHardwareInfo", NAME, DESCRIPTION, HIDDEN)
def get_hardware(call: Call) -> Iterator[object]:
    """Where the physical adapters sit: two ports on each card, all made up [INF]."""
    adapters = [item for item in network(call).adapters if item.physical]
    for adapter in chosen_adapters(call, adapters, "MSFT_NetAdapterHardwareInfoSettingData"):
        card, function = divmod(adapter.slot - 1, 2)
        place = [UInt32(number) for number in (0, _FIRST_BUS + card, 0, function, card + 1)]
        segment, bus, device, port, slot = place
        yield HARDWARE.make(
            adapter.name, adapter.description, *place, UInt32(card), "8.0 GT/s", UInt32(8), "1.1",
            bus, device, port, slot, segment,
        )  # fmt: skip


@ADAPTERS.cmdlet("Get-NetAdapterRdma", NAME, DESCRIPTION, HIDDEN)
def get_rdma(call: Call) -> Iterator[object]:
    """RDMA as the driver's properties have it."""
    adapters = [item for item in network(call).adapters if item.physical]
    for adapter in chosen_adapters(call, adapters, "MSFT_NetAdapterRdmaSettingData"):
        values = {item.keyword: item for item in adapter.advanced}
        enabled = values["*NetworkDirect"].value == "1"
        technology = values["*NetworkDirectTechnology"].shown
        yield RDMA.make(
            adapter.name, adapter.description, enabled, enabled and adapter.enabled, enabled, enabled, technology
        )


def _pairs(call: Call) -> Iterator[tuple[Adapter, AdvancedValue]]:
    adapters = [item for item in network(call).adapters if item.physical or call.has("Name")]
    for adapter in chosen_adapters(call, adapters, _CLASS):
        yield from ((adapter, item) for item in adapter.advanced)


def _is_wanted(call: Call, item: AdvancedValue) -> bool:
    return is_selected(call, "DisplayName", item.display_name) and is_selected(call, "RegistryKeyword", item.keyword)


def _report_missing(call: Call) -> None:
    """A property that the simulated driver lacks is an error also where another driver has it."""
    for parameter in ("DisplayName", "RegistryKeyword"):
        for value in call.texts(parameter):
            if not has_wildcard(value):
                not_found(call, _CLASS, parameter, value)


def _property(adapter: Adapter, item: AdvancedValue) -> PSObject:
    values = strings([item.value])
    return PROPERTY.make(
        adapter.name, adapter.description, adapter.name, adapter.name, item.display_name, item.shown, item.keyword,
        values, item.keyword, values,
    )  # fmt: skip
