"""What the commands of the network modules share: they are made from CIM classes, and say alike what they do not find.

[D] WPD NetAdapter, NetTCPIP, DnsClient, NetSecurity; error texts and ids of CDXML commands [GK].
"""

from __future__ import annotations

from collections.abc import Callable, Iterable, Iterator, Sequence
from typing import Final, TypeVar

from harness.twin.cmdlets.declaring import given_input, property_of, selects
from harness.twin.cmdlets.farmodules import cim_module
from harness.twin.cmdlets.shapes import Shape
from harness.twin.model.network import Adapter, Networks, NodeNetwork
from harness.twin.shell.commands.api import Call, Parameter
from harness.twin.shell.errors import limitation
from harness.twin.shell.objects import EnumType, PSArray, PSEnum
from harness.twin.shell.regexes import has_wildcard
from harness.twin.shell.typesystem import register_enum

_CIM: Final = "Microsoft.Management.Infrastructure.CimInstance"
_JOB_EXCEPTION: Final = "Microsoft.PowerShell.Cmdletization.Cim.CimJobException"

Item = TypeVar("Item")


ADAPTERS: Final = cim_module("NetAdapter")
TCPIP: Final = cim_module("NetTCPIP")
DNS: Final = cim_module("DnsClient")
SECURITY: Final = cim_module("NetSecurity")

ALIAS: Final = Parameter("InterfaceAlias", "string[]", pipeline="name", aliases=("ifAlias",))
INDEX: Final = Parameter("InterfaceIndex", "object[]", aliases=("ifIndex",))
FAMILY: Final = Parameter("AddressFamily", "string", values=("IPv4", "IPv6"))


def shape(name: str, properties: str) -> Shape:
    """A shape of a class of ``ROOT/StandardCimv2``."""
    return Shape((f"{_CIM}#ROOT/StandardCimv2/{name}", _CIM, "System.Object"), properties)


def generated_enum(name: str, labels: dict[str, int]) -> EnumType:
    """An enumeration that a CDXML module defines."""
    return register_enum(EnumType(f"Microsoft.PowerShell.Cmdletization.GeneratedTypes.{name}", labels))


ADDRESS_FAMILY: Final = generated_enum("NetIPAddress.AddressFamily", {"IPv4": 2, "IPv6": 23})
IPV4: Final = PSEnum(ADDRESS_FAMILY, 2)
IPV6: Final = PSEnum(ADDRESS_FAMILY, 23)
STORE: Final = PSEnum(generated_enum("NetIPAddress.Store", {"ActiveStore": 1, "PersistentStore": 0}), 1)


def refuse_elsewhere(call: Call, *names: str) -> None:
    """Raises PSError when a parameter sends the command to another machine."""
    for name in names:
        if call.has(name) and not is_here(call, str(call.get(name))):
            raise limitation(f"{call.declaration.name} -{name} is not simulated; every node answers about itself")


def is_here(call: Call, name: str) -> bool:
    """Whether a name means the machine on which the command runs."""
    own = str(call.host.computer_name).lower()
    return name.lower() in ("", ".", "localhost", own, f"{own}.{call.host.model.spec.domain}".lower())


def networks(call: Call) -> Networks:
    """The lab's network."""
    found: Networks = call.host.model.networks
    return found


def network(call: Call) -> NodeNetwork:
    """The network of the machine on which the command runs."""
    return networks(call).of(str(call.host.computer_name))


def strings(values: Iterable[object]) -> PSArray:
    """A ``string[]``."""
    return PSArray(values, "System.String")


def not_found(call: Call, cim_class: str, parameter: str, value: str) -> None:
    """Report that no object has this value."""
    call.write_error(
        f"No {cim_class} objects found with property '{parameter}' equal to '{value}'.  Verify the value of the "
        "property and retry.",
        f"CmdletizationQuery_NotFound_{parameter}",
        "ObjectNotFound",
        value,
        _JOB_EXCEPTION,
    )


_FAMILY_NUMBERS: Final = {"ipv4": "2", "ipv6": "23"}


def query_found_nothing(call: Call, cim_class: str, *parameters: str) -> None:
    """Report that several conditions together leave no object."""
    conditions = []
    for name in parameters:
        given = call.get(name)
        values = [str(item) for item in (given if isinstance(given, list) else [given])] if call.has(name) else []
        number = [f"({name} = {_FAMILY_NUMBERS[value.lower()]})" for value in values if name == "AddressFamily"]
        either = number or [f"({name} LIKE '{value}')" for value in values]
        conditions += [f"({' OR '.join(either)})"] if either else []
    query = f"SELECT * FROM {cim_class}  WHERE {' AND '.join(conditions)}"  # noqa: S608 - only shown, never run
    call.write_error(
        f"No matching {cim_class} objects found by CIM query for instances of the ROOT/StandardCimv2/{cim_class} class "
        f"on the  CIM server: {query}. Verify query parameters and retry.",
        "CmdletizationQuery_NotFound",
        "ObjectNotFound",
        cim_class,
        _JOB_EXCEPTION,
    )


def choose(
    call: Call, cim_class: str, parameter: str, items: Sequence[Item], text_of: Callable[[Item], object]
) -> list[Item]:
    """The items that a parameter names, all without it; a value without wildcard that nothing has is an error."""
    if not call.has(parameter):
        return list(items)
    given = call.get(parameter)
    wanted = ["" if item is None else str(item) for item in (given if isinstance(given, list) else [given])]
    for value in wanted:
        if not has_wildcard(value) and not any(str(text_of(item)).lower() == value.lower() for item in items):
            not_found(call, cim_class, parameter, value)
    return [item for item in items if selects(wanted, str(text_of(item)))]


def chosen_adapters(call: Call, adapters: Sequence[Adapter], cim_class: str = "MSFT_NetAdapter") -> list[Adapter]:
    """Adapters by name, description or index, or those of objects that came in."""
    came = given_input(call)
    if came is not None and not call.has("Name"):
        names = [str(property_of(item, "Name")) for item in (came if isinstance(came, list) else [came])]
        return [item for item in adapters if item.name in names]
    found = choose(call, cim_class, "Name", adapters, lambda item: item.name)
    found = choose(call, cim_class, "InterfaceDescription", found, lambda item: item.description)
    return choose(call, cim_class, "InterfaceIndex", found, lambda item: item.index)


def chosen_interfaces(call: Call, cim_class: str, interfaces: Sequence[Adapter]) -> list[Adapter]:
    """Interfaces by alias or index; one without wildcard that does not exist is an error."""
    found = choose(call, cim_class, "InterfaceAlias", interfaces, lambda item: item.name)
    return choose(call, cim_class, "InterfaceIndex", found, lambda item: item.index)


def one_interface(call: Call, cim_class: str) -> Iterator[Adapter]:
    """The interfaces that a command changes, by ``-InterfaceAlias`` or ``-InterfaceIndex``; one must be given."""
    if not call.has("InterfaceAlias") and not call.has("InterfaceIndex"):
        raise limitation(f"{call.declaration.name} without -InterfaceAlias or -InterfaceIndex is not simulated")
    yield from chosen_interfaces(call, cim_class, network(call).interfaces)


def changed(call: Call) -> None:
    """The machine's network was changed."""
    networks(call).changed(str(call.host.computer_name))


def family_wanted(call: Call, label: str) -> bool:
    """Whether ``-AddressFamily`` lets this family through."""
    return not call.has("AddressFamily") or call.text("AddressFamily").lower() == label.lower()
