"""``Get-NetAdapter`` and its relatives ([D] WPD NetAdapter; the hardware: ``fixtures/catalogs/network.yaml``)."""

from __future__ import annotations

from collections.abc import Iterator
from typing import Final

from harness.twin.cmdlets.declaring import selects
from harness.twin.cmdlets.network.cim import ADAPTERS, changed, chosen_adapters, network, networks, shape
from harness.twin.model.network import Adapter, NodeNetwork
from harness.twin.shell.commands.api import Call, Parameter
from harness.twin.shell.errors import limitation
from harness.twin.shell.objects import PSObject, UInt32, UInt64

ADAPTER: Final = shape(
    "MSFT_NetAdapter",
    "Name InterfaceDescription InterfaceAlias ifAlias ifDesc InterfaceIndex ifIndex Status MacAddress LinkSpeed "
    "MediaType PhysicalMediaType NdisMedium NdisPhysicalMedium AdminStatus MediaConnectionState DriverInformation "
    "DriverFileName NdisVersion ifOperStatus ComponentID DriverProvider DriverDescription DriverVersion "
    "DriverVersionString DriverDate InterfaceGuid DeviceID PnPDeviceID Virtual HardwareInterface ConnectorPresent "
    "VlanID MtuSize FullDuplex PermanentAddress Speed ReceiveLinkSpeed TransmitLinkSpeed SystemName",
)
_GBIT: Final = 10**9
_ETHERNET: Final = 14
"""NdisPhysicalMedium802_3 ([D] NDIS)."""
_MICROSOFT: Final = "Microsoft"
_VIRTUAL_FILE: Final = "vmswitch.sys"
"""[GK] Driver of the host's adapter on a virtual switch."""

NAME: Final = Parameter("Name", "string[]", position=0, pipeline="name", aliases=("ifAlias", "InterfaceAlias"))
DESCRIPTION: Final = Parameter("InterfaceDescription", "string[]", aliases=("ifDesc",))
INPUT: Final = Parameter("InputObject", "object[]", pipeline="value")
HIDDEN: Final = Parameter("IncludeHidden", "switch")
_PASS: Final = Parameter("PassThru", "switch")


@ADAPTERS.cmdlet(
    "Get-NetAdapter",
    NAME,
    DESCRIPTION,
    Parameter("InterfaceIndex", "object[]", aliases=("ifIndex",)),
    Parameter("Physical", "switch"),
    HIDDEN,
)
def get_adapter(call: Call) -> Iterator[object]:
    """Adapters of this node; hidden ones (of the loopback, of filters) are not simulated."""
    _refuse_hidden(call)
    own = network(call)
    adapters = [item for item in own.adapters if item.physical or not call.switch("Physical")]
    for adapter in chosen_adapters(call, adapters):
        yield make_adapter(call, own, adapter)


@ADAPTERS.cmdlet("Disable-NetAdapter", NAME, DESCRIPTION, INPUT, HIDDEN, _PASS, should_process=True)
def disable_adapter(call: Call) -> Iterator[object]:
    """Takes adapters down.

    Without its management adapter a node is out of reach for everybody.  What guests, storage and cluster do when the
    last adapter of a team or of storage goes, is not simulated and refused.
    """
    yield from _switch(call, enabled=False)


@ADAPTERS.cmdlet("Enable-NetAdapter", NAME, DESCRIPTION, INPUT, HIDDEN, _PASS, should_process=True)
def enable_adapter(call: Call) -> Iterator[object]:
    """Takes adapters up again."""
    yield from _switch(call, enabled=True)


@ADAPTERS.cmdlet(
    "Rename-NetAdapter",
    NAME,
    DESCRIPTION,
    INPUT,
    HIDDEN,
    _PASS,
    Parameter("NewName", "string", position=1, mandatory=True),
    should_process=True,
)
def rename_adapter(call: Call) -> Iterator[object]:
    """Renames an adapter; an intent that names it no longer finds it."""
    own, name = network(call), call.text("NewName")
    for adapter in chosen_adapters(call, own.adapters):
        other = own.find(name)
        if other is not None and other is not adapter:
            raise call.fail(
                f"{{Object Exists}} An attempt was made to create an object and the object name already existed. "
                f"({name})",
                "Windows System Error 183",
                "ResourceExists",
                name,
                "Microsoft.Management.Infrastructure.CimException",
            )
        if call.should_process(adapter.name, "Rename-NetAdapter"):
            adapter.name = name
            yield from _passed(call, own, adapter)


@ADAPTERS.cmdlet("Restart-NetAdapter", NAME, DESCRIPTION, INPUT, HIDDEN, _PASS, should_process=True)
def restart_adapter(call: Call) -> Iterator[object]:
    """Takes adapters down and up again; the moment between is not simulated."""
    _refuse_hidden(call)
    own = network(call)
    for adapter in chosen_adapters(call, own.adapters):
        if call.should_process(adapter.name, "Restart-NetAdapter"):
            adapter.enabled = True
            changed(call)
            yield from _passed(call, own, adapter)


def _switch(call: Call, *, enabled: bool) -> Iterator[object]:
    _refuse_hidden(call)
    own = network(call)
    for adapter in chosen_adapters(call, own.adapters):
        if not enabled and adapter.enabled:
            _refuse_last(own, adapter)
        if call.should_process(adapter.name, call.declaration.name):
            adapter.enabled = enabled
            changed(call)
            yield from _passed(call, own, adapter)


def _passed(call: Call, own: NodeNetwork, adapter: Adapter) -> Iterator[object]:
    if call.switch("PassThru"):
        yield make_adapter(call, own, adapter)


def _refuse_last(own: NodeNetwork, adapter: Adapter) -> None:
    if not adapter.physical:
        return
    if not adapter.teamed and not adapter.addresses:
        return
    others = [item for item in own.adapters if item.physical and item.switch == adapter.switch and item is not adapter]
    if not any(item.enabled for item in others):
        use = "the virtual switch" if adapter.teamed else "storage"
        raise limitation(f"what happens when the last adapter of {use} ('{adapter.name}') is disabled is not simulated")


def _refuse_hidden(call: Call) -> None:
    if call.switch("IncludeHidden"):
        raise limitation("hidden network adapters are not simulated")


def is_selected(call: Call, parameter: str, text: str) -> bool:
    """Whether a ``string[]`` parameter lets a text through."""
    return selects(call.texts(parameter), text)


def speed_text(bits_s: int) -> str:
    """A speed as ``LinkSpeed`` shows it: ``25 Gbps``."""
    return f"{bits_s // _GBIT} Gbps" if bits_s else "0 bps"


def make_adapter(call: Call, own: NodeNetwork, adapter: Adapter) -> PSObject:
    """The shell's object of an adapter."""
    driver, up = networks(call).facts.driver, own.is_up(adapter)
    speed = own.speed_of(adapter) if up else 0
    physical, build = adapter.physical, call.host.node.os_build.version
    provider, version = (driver.provider, driver.version) if physical else (_MICROSOFT, build)
    date = driver.date if physical else "2006-06-21"
    status = "Up" if up else "Disabled" if not adapter.enabled else "Disconnected"
    return ADAPTER.make(
        adapter.name,
        adapter.description,
        adapter.name,
        adapter.name,
        adapter.description,
        UInt32(adapter.index),
        UInt32(adapter.index),
        status,
        adapter.mac,
        speed_text(speed),
        "802.3",
        "802.3" if physical else "Unspecified",
        UInt32(0),
        UInt32(_ETHERNET if physical else 0),
        "Up" if adapter.enabled else "Down",
        "Connected" if up else "Disconnected" if adapter.enabled else "Unknown",
        f"Driver Date {date} Version {version} NDIS {driver.ndis}",
        driver.file if physical else _VIRTUAL_FILE,
        driver.ndis,
        "Up" if up else "Down",
        driver.component if physical else "vms_mp",
        provider,
        adapter.description if physical else "Hyper-V Virtual Ethernet Adapter",
        version,
        version,
        date,
        f"{{{adapter.guid}}}",
        f"{{{adapter.guid}}}",
        f"{driver.component.upper()}\\{adapter.slot}" if physical else f"ROOT\\VMS_MP\\{adapter.index:04}",
        not physical,
        physical,
        physical,
        adapter.vlan if physical else None,
        UInt32(adapter.mtu),
        True,
        adapter.mac.replace("-", ""),
        UInt64(speed),
        UInt64(speed),
        UInt64(speed),
        f"{call.host.node.name}.{call.host.model.spec.domain}",
        text=f'MSFT_NetAdapter (CreationClassName = "MSFT_NetAdapter", DeviceID = "{{{adapter.guid}}}")',
    )
