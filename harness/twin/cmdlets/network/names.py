"""Name servers and names ([D] WPD DnsClient; error texts and ids [GK])."""

from __future__ import annotations

from collections.abc import Iterator
from ipaddress import IPv4Address
from typing import Final

from harness.twin.cmdlets.costs import load_costs
from harness.twin.cmdlets.network.cim import (
    ALIAS,
    DNS,
    FAMILY,
    INDEX,
    changed,
    choose,
    chosen_interfaces,
    family_wanted,
    network,
    networks,
    one_interface,
    shape,
    strings,
)
from harness.twin.cmdlets.shapes import Shape
from harness.twin.model.network import Adapter, NotModelledError
from harness.twin.shell.commands.api import Call, Parameter
from harness.twin.shell.errors import limitation
from harness.twin.shell.objects import Byte, EnumType, PSEnum, PSObject, UInt16, UInt32
from harness.twin.shell.typesystem import register_enum
from harness.twin.units import NS_PER_S

SERVERS: Final = shape(
    "MSFT_DNSClientServerAddress", "InterfaceAlias InterfaceIndex AddressFamily ServerAddresses Address"
)
_RECORD: Final = "Microsoft.DnsClient.Commands.DnsRecord_{}"
_BASE: Final = "Microsoft.DnsClient.Commands.DnsRecord"
RECORD_A: Final = Shape(
    (_RECORD.format("A"), _BASE, "System.Object"),
    "Name Type CharacterSet Section DataLength TTL QueryType Address IPAddress IP4Address",
)
RECORD_PTR: Final = Shape(
    (_RECORD.format("PTR"), _BASE, "System.Object"),
    "Name Type CharacterSet Section DataLength TTL QueryType Server NameHost",
)
_RECORD_TYPE: Final = register_enum(
    EnumType("Microsoft.DnsClient.Commands.RecordType", {"A": 1, "PTR": 12, "AAAA": 28})
)
_QUERY_CLASS: Final = "Microsoft.DnsClient.Commands.ResolveDnsName"
_WIN32: Final = "System.ComponentModel.Win32Exception"
_A: Final = 1
_IPV4: Final = 2
_IPV6: Final = 23


@DNS.cmdlet("Get-DnsClientServerAddress", ALIAS, INDEX, FAMILY)
def get_servers(call: Call) -> Iterator[object]:
    """Name servers of the interfaces: one row for each family."""
    for adapter in chosen_interfaces(call, "MSFT_DNSClientServerAddress", network(call).interfaces):
        for label in ("IPv4", "IPv6"):
            if family_wanted(call, label):
                yield make_servers(adapter, label)


def make_servers(adapter: Adapter, label: str = "IPv4") -> PSObject:
    """The shell's object of an interface's name servers."""
    servers = strings(adapter.dns_servers if label == "IPv4" else [])
    family = UInt16(_IPV4 if label == "IPv4" else _IPV6)
    return SERVERS.make(adapter.name, UInt32(adapter.index), family, servers, servers, text=adapter.name)


@DNS.cmdlet(
    "Set-DnsClientServerAddress",
    ALIAS,
    INDEX,
    Parameter("ServerAddresses", "string[]", aliases=("Addresses",)),
    Parameter("ResetServerAddresses", "switch", aliases=("ResetAddresses",)),
    Parameter("PassThru", "switch"),
    should_process=True,
)
def set_servers(call: Call) -> Iterator[object]:
    """Changes the name servers that this node asks; nothing else in the model asks them."""
    servers = [item for text in call.texts("ServerAddresses") for item in text.replace(",", " ").split()]
    for server in servers:
        _require_address(call, server)
    for adapter in one_interface(call, "MSFT_DNSClientServerAddress"):
        if call.should_process(adapter.name, "Set-DnsClientServerAddress"):
            adapter.dns_servers = [] if call.switch("ResetServerAddresses") else servers
            network(call).dns_cache.clear()  # [GK] the resolver starts afresh with its new servers
            changed(call)
            if call.switch("PassThru"):
                yield make_servers(adapter)


def _require_address(call: Call, text: str) -> None:
    try:
        IPv4Address(text)
    except ValueError:
        raise call.fail(
            f"The following IP addresses are not valid: {text}", "InvalidArgument", "InvalidArgument", text,
            "Microsoft.Management.Infrastructure.CimException",
        ) from None  # fmt: skip


CLIENT: Final = shape(
    "MSFT_DNSClient",
    "InterfaceAlias InterfaceIndex ConnectionSpecificSuffix ConnectionSpecificSuffixSearchList "
    "RegisterThisConnectionsAddress UseSuffixWhenRegistering",
)


@DNS.cmdlet("Get-DnsClient", Parameter("InterfaceAlias", "string[]", position=0, pipeline="name"), INDEX)
def get_client(call: Call) -> Iterator[object]:
    """Suffix and registration of the interfaces."""
    for adapter in chosen_interfaces(call, "MSFT_DNSClient", network(call).interfaces):
        yield _client(adapter)


def _client(adapter: Adapter) -> PSObject:
    return CLIENT.make(
        adapter.name, UInt32(adapter.index), adapter.dns_suffix, strings([]), adapter.dns_registers, False,
        text=adapter.name,
    )  # fmt: skip


@DNS.cmdlet(
    "Set-DnsClient",
    Parameter("InterfaceAlias", "string[]", position=0, pipeline="name"),
    INDEX,
    Parameter("ConnectionSpecificSuffix", "string", allow_empty=True),
    Parameter("RegisterThisConnectionsAddress", "bool"),
    Parameter("PassThru", "switch"),
    should_process=True,
)
def set_client(call: Call) -> Iterator[object]:
    """Changes suffix and registration of interfaces; nothing in the model asks for them."""
    for adapter in one_interface(call, "MSFT_DNSClient"):
        if call.should_process(adapter.name, "Set-DnsClient"):
            adapter.dns_suffix = call.text("ConnectionSpecificSuffix", adapter.dns_suffix)
            adapter.dns_registers = bool(call.get("RegisterThisConnectionsAddress", adapter.dns_registers))
            if call.switch("PassThru"):
                yield _client(adapter)


CACHE: Final = shape("MSFT_DNSClientCache", "Entry Name RecordName Type Status Section TimeToLive DataLength Data")


@DNS.cmdlet("Get-DnsClientCache", Parameter("Entry", "string[]", position=0), Parameter("Name", "string[]"))
def get_cache(call: Call) -> Iterator[object]:
    """Names of the lab that this node has asked for, while it remembers them."""
    own, lab = str(call.host.computer_name), networks(call)
    entries = [name for name in network(call).dns_cache if lab.cached(own, name) is not None]
    for parameter in ("Entry", "Name"):
        entries = choose(call, "MSFT_DNSClientCache", parameter, entries, lambda name: name)
    for name in entries:
        entry = network(call).dns_cache[name]
        left = _left(call, name)
        for address in entry.addresses:
            yield CACHE.make(name, name, name, UInt16(_A), UInt32(0), Byte(1), left, UInt16(4), address, text=name)


@DNS.cmdlet("Clear-DnsClientCache", should_process=True)
def clear_cache(call: Call) -> None:
    """Lets the resolver forget what it has learnt."""
    if call.should_process("DNS client cache", "Clear-DnsClientCache"):
        network(call).dns_cache.clear()


@DNS.cmdlet(
    "Resolve-DnsName",
    Parameter("Name", "string", position=0, mandatory=True, pipeline=("value", "name")),
    Parameter("Type", "string", position=1),
    Parameter("Server", "string[]"),
    Parameter("DnsOnly", "switch"),
    Parameter("QuickTimeout", "switch"),
    Parameter("NoHostsFile", "switch"),
    Parameter("CacheOnly", "switch"),
)
def resolve_name(call: Call) -> Iterator[object]:
    """Addresses of names of the lab's domain, and names of its addresses.

    Names of the world outside and of guests are not simulated; the names have no records but A and PTR.
    """
    name, kind = call.text("Name"), call.text("Type", "A_AAAA").upper()
    if kind not in ("A", "A_AAAA", "PTR"):
        raise limitation(f"Resolve-DnsName -Type {kind} is not simulated; A and PTR are")
    try:
        ip = str(IPv4Address(name))
    except ValueError:
        ip = ""
    try:
        if _remembers(call, name) or _ask(call):
            yield from _names(call, ip) if ip else _addresses(call, name)
    except NotModelledError as error:
        raise limitation(f"{error} is not simulated") from error


def _remembers(call: Call, name: str) -> bool:
    """Whether the resolver's cache has a name; a server that is named is asked anew.  Raises PSError."""
    found = not call.has("Server") and networks(call).cached(str(call.host.computer_name), name) is not None
    if call.switch("CacheOnly") and not found:
        raise limitation(f"what Windows says to the name '{name}' that its cache does not have is not simulated")
    return found


def _ask(call: Call) -> bool:
    """Whether a name server answers; waits for one that does not."""
    lab, own = networks(call), str(call.host.computer_name)
    try:
        found = any(lab.name_server(own, _server_address(call, server)) for server in call.texts("Server") or [""])
    except NotModelledError as error:
        raise limitation(f"{error} is not simulated") from error
    if not found:
        call.wait(load_costs().wait_s("dns_quick_timeout" if call.switch("QuickTimeout") else "dns_timeout"))
        _report(call, "This operation returned because the timeout period expired", "ERROR_TIMEOUT", "OperationTimeout")
    return found


def _server_address(call: Call, server: str) -> str:
    """Address of a name server that was named or given; of an unknown name the name itself, which nobody has."""
    try:
        return str(IPv4Address(server)) if server else ""
    except ValueError:
        return next(iter(networks(call).addresses_of(server)), server)


def _addresses(call: Call, name: str) -> Iterator[object]:
    lab, domain = networks(call), call.host.model.spec.domain
    found = lab.addresses_of(name) if call.has("Server") else lab.resolve(str(call.host.computer_name), name)
    if not found:
        _report(call, "DNS name does not exist", "DNS_ERROR_RCODE_NAME_ERROR", "ResourceUnavailable")
    full = name if "." in name else f"{name}.{domain}"
    for address in found or []:
        kind = PSEnum(_RECORD_TYPE, _A)
        yield RECORD_A.make(
            full, kind, "Unicode", "Answer", UInt16(4), _left(call, name), kind, address, address, address, text=full
        )


def _names(call: Call, ip: str) -> Iterator[object]:
    host = networks(call).name_of(ip)
    reverse = f"{'.'.join(reversed(ip.split('.')))}.in-addr.arpa"
    if host is None:
        _report(call, "DNS name does not exist", "DNS_ERROR_RCODE_NAME_ERROR", "ResourceUnavailable", reverse)
        return
    kind = PSEnum(_RECORD_TYPE, 12)
    yield RECORD_PTR.make(reverse, kind, "Unicode", "Answer", UInt16(8), _left(call), kind, host, host, text=reverse)


def _left(call: Call, name: str = "") -> UInt32:
    """Seconds to live: those that are left of a name that is remembered."""
    lab = networks(call)
    entry = lab.cached(str(call.host.computer_name), name) if name and not call.has("Server") else None
    left = lab.facts.ttl_ns if entry is None else entry.until_ns - call.host.model.now_ns
    return UInt32(left // NS_PER_S)


def _report(call: Call, text: str, error_id: str, category: str, name: str = "") -> None:
    shown = name or call.text("Name")
    record = call.record(f"{shown} : {text}", error_id, category, shown, _WIN32, _QUERY_CLASS)
    call.write_error(record)
