"""Network profiles: what Windows takes the network of an interface for ([D] WPD NetConnection; texts [GK])."""

from __future__ import annotations

from collections.abc import Iterator
from typing import Final

from harness.twin.cmdlets.declaring import given_input, property_of, selects
from harness.twin.cmdlets.farmodules import cim_module
from harness.twin.cmdlets.network.cim import chosen_interfaces, generated_enum, network, not_found, shape
from harness.twin.model.network import Adapter
from harness.twin.shell.commands.api import Call, Parameter
from harness.twin.shell.objects import PSEnum, PSObject, UInt32

CONNECTION: Final = cim_module("NetConnection")
PROFILE: Final = shape(
    "MSFT_NetConnectionProfile",
    "Name InterfaceAlias InterfaceIndex NetworkCategory IPv4Connectivity IPv6Connectivity InstanceID",
)
_CATEGORY: Final = generated_enum(
    "NetConnectionProfile.NetworkCategory", {"Public": 0, "Private": 1, "DomainAuthenticated": 2}
)
_CONNECTIVITY: Final = {"Disconnected": 0, "NoTraffic": 1, "Subnet": 2, "LocalNetwork": 3, "Internet": 4}
_IPV4: Final = generated_enum("NetConnectionProfile.IPv4Connectivity", _CONNECTIVITY)
_IPV6: Final = generated_enum("NetConnectionProfile.IPv6Connectivity", _CONNECTIVITY)
_DOMAIN: Final = "DomainAuthenticated"
_REFUSED: Final = (
    "Unable to set the NetworkCategory due to one of the following possible reasons: not running PowerShell elevated; "
    "the NetworkCategory cannot be changed from 'DomainAuthenticated'; user initiated changes to NetworkCategory are "
    "being prevented due to the Group Policy setting 'Network List Manager Policies'."
)
_WHICH: Final = (
    Parameter("Name", "string[]"),
    Parameter("InterfaceAlias", "string[]", position=0, pipeline="name"),
    Parameter("InterfaceIndex", "object[]"),
)


@CONNECTION.cmdlet("Get-NetConnectionProfile", *_WHICH, Parameter("NetworkCategory", "string[]"))
def get_profile(call: Call) -> Iterator[object]:
    """Profiles of the interfaces that are up."""
    for adapter in _chosen(call):
        if selects(call.texts("NetworkCategory"), _category(adapter)):
            yield make_profile(call, adapter)


@CONNECTION.cmdlet(
    "Set-NetConnectionProfile",
    *_WHICH,
    Parameter("NetworkCategory", "string", values=("Public", "Private", _DOMAIN)),
    Parameter("InputObject", "object[]", pipeline="value"),
    Parameter("PassThru", "switch"),
    should_process=True,
)
def set_profile(call: Call) -> Iterator[object]:
    """Changes the category of networks; not of the domain's."""
    wanted = call.text("NetworkCategory").capitalize()
    for adapter in _chosen(call):
        if not call.should_process(adapter.name, "Set-NetConnectionProfile"):
            continue
        if _category(adapter) == _DOMAIN or wanted.lower() == _DOMAIN.lower():
            call.write_error(
                _REFUSED, "MI RESULT 2", "PermissionDenied", "MSFT_NetConnectionProfile",
                "Microsoft.Management.Infrastructure.CimException",
            )  # fmt: skip
            continue
        adapter.category = wanted or adapter.category
        if call.switch("PassThru"):
            yield make_profile(call, adapter)


def _chosen(call: Call) -> list[Adapter]:
    interfaces = network(call).interfaces
    came = given_input(call)
    if came is not None and not call.has("InterfaceAlias"):
        names = [property_of(item, "InterfaceAlias") for item in (came if isinstance(came, list) else [came])]
        return [item for item in interfaces if item.name in names]
    found = chosen_interfaces(call, "MSFT_NetConnectionProfile", interfaces)
    names = [_name(call, item) for item in found]
    for name in call.texts("Name"):
        if not any(selects([name], known) for known in names):
            not_found(call, "MSFT_NetConnectionProfile", "Name", name)
    return [item for item, name in zip(found, names, strict=True) if selects(call.texts("Name"), name)]


def _category(adapter: Adapter) -> str:
    """Management sees the domain's controllers, a storage network nobody [INF]."""
    return _DOMAIN if adapter.dns_servers else adapter.category or "Public"


def _name(call: Call, adapter: Adapter) -> str:
    domain: str = call.host.model.spec.domain
    return domain if adapter.dns_servers else "Unidentified network"


def make_profile(call: Call, adapter: Adapter) -> PSObject:
    """The shell's object of a profile."""
    name, category = _name(call, adapter), _category(adapter)
    return PROFILE.make(
        name, adapter.name, UInt32(adapter.index), PSEnum(_CATEGORY, _CATEGORY.labels[category]), PSEnum(_IPV4, 3),
        PSEnum(_IPV6, 1), f"{{{adapter.guid}}}", text=name,
    )  # fmt: skip
