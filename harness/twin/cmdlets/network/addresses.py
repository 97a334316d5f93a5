"""Addresses and IP interfaces ([D] WPD NetTCPIP)."""

from __future__ import annotations

from collections.abc import Iterator
from datetime import timedelta
from ipaddress import AddressValueError, IPv4Address, IPv4Interface, NetmaskValueError
from operator import methodcaller
from typing import Final

from harness.twin.cmdlets.declaring import given_input, property_of
from harness.twin.cmdlets.kinds import labelled
from harness.twin.cmdlets.network.cim import (
    ALIAS,
    FAMILY,
    INDEX,
    IPV4,
    IPV6,
    STORE,
    TCPIP,
    changed,
    choose,
    chosen_interfaces,
    family_wanted,
    generated_enum,
    network,
    one_interface,
    query_found_nothing,
    shape,
)
from harness.twin.model.network import Adapter, Address, Route
from harness.twin.model.network.state import DEFAULT
from harness.twin.shell.commands.api import Call, Parameter
from harness.twin.shell.errors import PSError, limitation
from harness.twin.shell.objects import Byte, PSEnum, PSObject, UInt32
from harness.twin.shell.regexes import matches_wildcard

ADDRESS: Final = shape(
    "MSFT_NetIPAddress",
    "IPAddress InterfaceIndex ifIndex InterfaceAlias AddressFamily Type PrefixLength PrefixOrigin SuffixOrigin "
    "AddressState ValidLifetime PreferredLifetime SkipAsSource PolicyStore IPv4Address IPv6Address",
)
INTERFACE: Final = shape(
    "MSFT_NetIPInterface",
    "InterfaceIndex ifIndex InterfaceAlias ifAlias AddressFamily NlMtu InterfaceMetric AutomaticMetric Dhcp "
    "ConnectionState Forwarding PolicyStore",
)
_PREFIX: Final = generated_enum(
    "NetIPAddress.PrefixOrigin", {"Other": 0, "Manual": 1, "WellKnown": 2, "Dhcp": 3, "RouterAdvertisement": 4}
)
_SUFFIX: Final = generated_enum(
    "NetIPAddress.SuffixOrigin", {"Other": 0, "Manual": 1, "WellKnown": 2, "Dhcp": 3, "Link": 4, "Random": 5}
)
_STATE: Final = generated_enum(
    "NetIPAddress.AddressState", {"Invalid": 0, "Tentative": 1, "Duplicate": 2, "Deprecated": 3, "Preferred": 4}
)
_TYPE: Final = generated_enum("NetIPAddress.Type", {"Unicast": 1, "Anycast": 2})
_DHCP: Final = generated_enum("NetIPInterface.Dhcp", {"Disabled": 0, "Enabled": 1})
_SWITCH: Final = generated_enum("NetIPInterface.AutomaticMetric", {"Disabled": 0, "Enabled": 1})
_CONNECTION: Final = generated_enum("NetIPInterface.ConnectionState", {"Disconnected": 0, "Connected": 1})
"""Labels and numbers [D] W32 MSFT_NetIPAddress and MSFT_NetIPInterface."""
_FOREVER: Final = timedelta(microseconds=(2**63 - 1) // 10)
_CONDITIONS: Final = ("IPAddress", "InterfaceAlias", "AddressFamily", "PrefixOrigin", "PrefixLength", "AddressState")
_LOOPBACK: Final = "Loopback Pseudo-Interface 1"
_CIM_ERROR: Final = "Microsoft.Management.Infrastructure.CimException"


@TCPIP.cmdlet(
    "Get-NetIPAddress",
    Parameter("IPAddress", "string[]", position=0, pipeline="name"),
    ALIAS,
    INDEX,
    FAMILY,
    Parameter("PrefixOrigin", "string[]"),
    Parameter("PrefixLength", "object[]"),
    Parameter("AddressState", "string[]"),
)
def get_address(call: Call) -> Iterator[object]:
    """Addresses of this node: those of its interfaces, IPv6 link-local and loopback."""
    rows = list(_address_rows(call))
    yield from _chosen(call, rows)


def _named(call: Call, rows: list[PSObject]) -> list[PSObject]:
    for parameter in ("InterfaceAlias", "InterfaceIndex", "IPAddress"):
        rows = choose(call, "MSFT_NetIPAddress", parameter, rows, methodcaller("get", parameter))
    return rows


def _chosen(call: Call, rows: list[PSObject]) -> list[PSObject]:
    named = _named(call, rows)
    found = [row for row in named if _passes(call, row)]
    if named and not found:
        query_found_nothing(call, "MSFT_NetIPAddress", *_CONDITIONS)
    return found


def _passes(call: Call, row: PSObject) -> bool:
    if not family_wanted(call, _label(row, "AddressFamily")):
        return False
    for parameter in ("PrefixOrigin", "AddressState"):
        wanted = call.texts(parameter)
        if wanted and not any(matches_wildcard(one, _label(row, parameter)) for one in wanted):
            return False
    lengths = [int(item) for item in call.get("PrefixLength") or []]
    return not lengths or int(str(row.get("PrefixLength"))) in lengths


def _label(row: PSObject, name: str) -> str:
    value = row.get(name)
    return value.name if isinstance(value, PSEnum) else str(value)


def _address_rows(call: Call) -> Iterator[PSObject]:
    for adapter in network(call).interfaces:
        yield make_link_local(adapter)
        for address in adapter.addresses:
            yield make_address(adapter, address)
    yield _row("::1", 1, _LOOPBACK, 128, "WellKnown", "WellKnown", version=6)
    yield _row("127.0.0.1", 1, _LOOPBACK, 8, "WellKnown", "WellKnown")


def make_address(adapter: Adapter, address: Address) -> PSObject:
    """The shell's object of an address."""
    return _row(
        address.ip, adapter.index, adapter.name, address.prefix, "Manual", "Manual", skip=address.skip_as_source
    )


def make_link_local(adapter: Adapter) -> PSObject:
    """The shell's object of an interface's IPv6 address."""
    return _row(adapter.link_local, adapter.index, adapter.name, 64, "WellKnown", "Link", version=6)


def _row(
    ip: str, index: int, alias: str, prefix: int, origin: str, suffix: str, *, version: int = 4, skip: bool = False
) -> PSObject:
    return ADDRESS.make(
        ip,
        UInt32(index),
        UInt32(index),
        alias,
        IPV4 if version == 4 else IPV6,
        labelled(_TYPE, "Unicast"),
        Byte(prefix),
        labelled(_PREFIX, origin),
        labelled(_SUFFIX, suffix),
        labelled(_STATE, "Preferred"),
        _FOREVER,
        _FOREVER,
        skip,
        STORE,
        ip if version == 4 else None,
        ip if version == 6 else None,
        text=ip,
    )


@TCPIP.cmdlet(
    "New-NetIPAddress",
    Parameter("IPAddress", "string", position=0, mandatory=True),
    Parameter("InterfaceAlias", "string", aliases=("ifAlias",)),
    Parameter("InterfaceIndex", "object", aliases=("ifIndex",)),
    Parameter("PrefixLength", "int"),
    Parameter("DefaultGateway", "string"),
    Parameter("AddressFamily", "string", values=("IPv4", "IPv6")),
    Parameter("SkipAsSource", "bool"),
    should_process=True,
)
def new_address(call: Call) -> Iterator[object]:
    """Gives an interface a further IPv4 address, and the default route when ``-DefaultGateway`` is there."""
    own, given = network(call), call.text("IPAddress")
    interface = _parse(call, f"{given}/{call.number('PrefixLength', 32)}")
    gateway = call.text("DefaultGateway")
    for adapter in one_interface(call, "MSFT_NetIPInterface"):
        if any(one.ip == given for item in own.adapters for one in item.addresses):
            raise _exists(call, "MSFT_NetIPAddress")
        if gateway and any(route.destination == DEFAULT and route.index == adapter.index for route in own.routes):
            raise call.fail("Instance DefaultGateway already exists", "Windows System Error 87", "InvalidArgument",
                            gateway, _CIM_ERROR)  # fmt: skip
        if not call.should_process(given, "New-NetIPAddress"):
            continue
        address = Address(interface, bool(call.get("SkipAsSource", False)))
        adapter.addresses.append(address)
        adapter.dhcp = False  # [GK] a manual address ends DHCP on the interface
        if gateway:
            own.routes.append(Route(DEFAULT, str(_parse(call, gateway).ip), adapter.index))
        changed(call)
        yield make_address(adapter, address)


def _parse(call: Call, text: str) -> IPv4Interface:
    if ":" in text:
        raise limitation("IPv6 beyond the link-local addresses is not simulated")
    try:
        return IPv4Interface(text)
    except (AddressValueError, NetmaskValueError):
        raise call.fail("The parameter is incorrect. ", "Windows System Error 87", "InvalidArgument", text,
                        _CIM_ERROR) from None  # fmt: skip


def _exists(call: Call, cim_class: str) -> PSError:
    return call.fail(
        f"Instance {cim_class} already exists", "Windows System Error 5010", "ResourceExists", cim_class, _CIM_ERROR
    )


@TCPIP.cmdlet(
    "Remove-NetIPAddress",
    Parameter("IPAddress", "string[]", position=0, pipeline="name"),
    ALIAS,
    INDEX,
    FAMILY,
    Parameter("DefaultGateway", "string"),
    Parameter("InputObject", "object[]", pipeline="value"),
    Parameter("PassThru", "switch"),
    should_process=True,
)
def remove_address(call: Call) -> None:
    """Takes IPv4 addresses away; without its management address a node is out of reach."""
    for row in _chosen(call, _given(call)):
        if call.should_process(str(row.get("IPAddress")), "Remove-NetIPAddress"):
            _remove(call, row)


@TCPIP.cmdlet(
    "Set-NetIPAddress",
    Parameter("IPAddress", "string[]", position=0, pipeline="name"),
    ALIAS,
    INDEX,
    FAMILY,
    Parameter("PrefixOrigin", "string[]"),
    Parameter("PrefixLength", "int", minimum=0, maximum=32),
    Parameter("SkipAsSource", "bool"),
    Parameter("InputObject", "object[]", pipeline="value"),
    Parameter("PassThru", "switch"),
    should_process=True,
)
def set_address(call: Call) -> Iterator[object]:
    """Changes prefix length and use as a source of IPv4 addresses."""
    length = call.bound.pop("PrefixLength", None)
    for row in _chosen(call, _given(call)):
        ip = str(row.get("IPAddress"))
        holder = network(call).holder(ip)
        if holder is None:
            raise limitation(f"changing the address {ip} is not simulated; IPv4 addresses of adapters can be changed")
        if call.should_process(ip, "Set-NetIPAddress"):
            address = next(one for one in holder.addresses if one.ip == ip)
            if length is not None:
                address.interface = _parse(call, f"{ip}/{length}")
            address.skip_as_source = bool(call.get("SkipAsSource", address.skip_as_source))
            changed(call)
            if call.switch("PassThru"):
                yield make_address(holder, address)


def _given(call: Call) -> list[PSObject]:
    """Addresses of objects that came in; without them, all of this node."""
    came, rows = given_input(call), list(_address_rows(call))
    if came is None or call.has("IPAddress"):
        return rows
    wanted = [str(property_of(item, "IPAddress")) for item in (came if isinstance(came, list) else [came])]
    return [row for row in rows if row.get("IPAddress") in wanted]


def _remove(call: Call, row: PSObject) -> None:
    own, ip = network(call), str(row.get("IPAddress"))
    if ":" in ip and not call.has("IPAddress"):
        return  # [INF] Windows makes a link-local address anew
    holder = own.holder(ip) if ":" not in ip else None
    if holder is None:
        raise limitation(f"removing the address {ip} is not simulated; IPv4 addresses of adapters can be removed")
    holder.addresses = [address for address in holder.addresses if address.ip != ip]
    if call.has("DefaultGateway"):
        gateway = IPv4Address(call.text("DefaultGateway"))
        own.routes = [one for one in own.routes if not (one.index == holder.index and one.next_hop == str(gateway))]
    changed(call)


@TCPIP.cmdlet("Get-NetIPInterface", ALIAS, INDEX, FAMILY, Parameter("Dhcp", "string"))
def get_interface(call: Call) -> Iterator[object]:
    """IP interfaces: one row for each family."""
    interfaces = chosen_interfaces(call, "MSFT_NetIPInterface", network(call).interfaces)
    for adapter in interfaces:
        for family in ("IPv6", "IPv4"):
            row = make_interface(adapter, family)
            dhcp_fits = not call.has("Dhcp") or _label(row, "Dhcp").lower() == call.text("Dhcp").lower()
            if family_wanted(call, family) and dhcp_fits:
                yield row


@TCPIP.cmdlet(
    "Set-NetIPInterface",
    ALIAS,
    INDEX,
    FAMILY,
    Parameter("Dhcp", "string", values=("Enabled", "Disabled")),
    Parameter("NlMtuBytes", "int", aliases=("NlMtu",)),
    Parameter("InterfaceMetric", "int", minimum=0),
    Parameter("AutomaticMetric", "string", values=("Enabled", "Disabled")),
    Parameter("PassThru", "switch"),
    should_process=True,
)
def set_interface(call: Call) -> Iterator[object]:
    """Changes DHCP, MTU and metric of an interface.  There is no DHCP server: addresses stay as they are."""
    for adapter in one_interface(call, "MSFT_NetIPInterface"):
        if call.should_process(adapter.name, "Set-NetIPInterface"):
            if call.has("Dhcp"):
                adapter.dhcp = call.text("Dhcp").lower() == "enabled"
            adapter.mtu = call.number("NlMtuBytes", adapter.mtu)
            adapter.metric = call.number("InterfaceMetric", adapter.metric)
            if call.text("AutomaticMetric").lower() == "enabled":
                adapter.metric = 0
            if call.switch("PassThru"):
                yield make_interface(adapter, "IPv4")


def make_interface(adapter: Adapter, family: str) -> PSObject:
    """The shell's object of an IP interface."""
    dhcp = adapter.dhcp if family == "IPv4" else True
    return INTERFACE.make(
        UInt32(adapter.index),
        UInt32(adapter.index),
        adapter.name,
        adapter.name,
        IPV4 if family == "IPv4" else IPV6,
        UInt32(adapter.mtu),
        UInt32(adapter.interface_metric),
        labelled(_SWITCH, "Disabled" if adapter.metric else "Enabled"),
        labelled(_DHCP, "Enabled" if dhcp else "Disabled"),
        labelled(_CONNECTION, "Connected"),
        labelled(_SWITCH, "Disabled"),
        STORE,
        text=f"{adapter.name} ({family})",
    )
