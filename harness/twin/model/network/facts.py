"""What the networks of all machines have in common: ``fixtures/catalogs/network.yaml``, read and checked."""

from __future__ import annotations

import re
from collections.abc import Mapping
from dataclasses import dataclass
from functools import lru_cache
from ipaddress import IPv4Network
from pathlib import Path
from typing import Any, Final

import yaml

_TAG: Final = re.compile(r"\[(D|T|C|GK|INF)\] \S")
_FILE: Final = "network.yaml"

FIRST_NODE: Final = 10
"""Last part of the first node's addresses, inside as well as outside of the lab; the next ones follow."""


class NetworkFactsError(ValueError):
    """``network.yaml`` does not say what it must: the message names the entry; correct it there."""


@dataclass(frozen=True, slots=True)
class IntentFacts:
    """One Network ATC intent: its name, its roles and the adapters it takes on every machine."""

    name: str
    adapters: tuple[str, ...]
    compute: bool
    management: bool
    storage: bool


@dataclass(frozen=True, slots=True)
class AdvancedFacts:
    """One advanced property of a driver: what it is called, its value in the registry and as it is shown."""

    keyword: str
    display_name: str
    value: str
    shown: str


@dataclass(frozen=True, slots=True)
class RuleFacts:
    """One inbound firewall rule."""

    name: str
    display_name: str
    group: str
    profile: str


@dataclass(frozen=True, slots=True)
class Driver:
    """Facts about the adapters' driver."""

    description: str
    bits_s: int
    provider: str
    version: str
    date: str
    file: str
    component: str
    ndis: str


@dataclass(frozen=True, slots=True)
class NetworkFacts:
    """The data file, read."""

    management_subnet: IPv4Network
    gateway: str
    controllers: tuple[str, ...]
    cluster: str
    storage_subnets: tuple[IPv4Network, ...]
    storage_vlans: tuple[int, ...]
    guest_subnet: IPv4Network
    intents: tuple[IntentFacts, ...]
    driver: Driver
    advanced: tuple[AdvancedFacts, ...]
    controller_ports: frozenset[int]
    rules: tuple[RuleFacts, ...]
    ttl_ns: int
    """How long a name's address is remembered."""
    provision_ns: int
    """What Network ATC needs for an intent on one machine."""
    check_ns: int
    """How often it looks whether all is as it should be."""

    def node_address(self, number: int, subnet: IPv4Network | None = None) -> str:
        """Address of the machine *number* (from 1), of the management network unless told otherwise."""
        return str((subnet or self.management_subnet)[FIRST_NODE + number - 1])

    def guest_address(self, number: int) -> str:
        """Address of the guest *number* (from 1) that no client reaches."""
        return str(self.guest_subnet[number])


@lru_cache(maxsize=2)
def load_network(directory: Path | None = None) -> NetworkFacts:
    """Read and check the data file.  Raises NetworkFactsError."""
    from harness.twin.model.catalog import default_directory

    path = (directory or default_directory()) / _FILE
    document = yaml.safe_load(path.read_text(encoding="utf-8"))
    if not isinstance(document, Mapping) or document.get("schema") != 1:
        raise NetworkFactsError(f"{_FILE}: expected a mapping with schema: 1")
    sections = {name: _values(name, section) for name, section in document.items() if name != "schema"}
    try:
        return _assemble(sections)
    except KeyError as error:
        raise NetworkFactsError(f"{_FILE}: the entry {error} is missing") from error


def _values(section: str, entries: object) -> dict[str, Any]:
    if not isinstance(entries, Mapping):
        raise NetworkFactsError(f"{_FILE}: '{section}' must be a mapping of entries")
    for name, entry in entries.items():
        if not isinstance(entry, Mapping) or set(entry) != {"value", "source"} or not _TAG.match(str(entry["source"])):
            raise NetworkFactsError(
                f"{_FILE}: {section}.{name} must be {{value, source}}, the source with its evidence tag"
            )
    return {str(name): entry["value"] for name, entry in entries.items()}


def _assemble(sections: Mapping[str, Mapping[str, Any]]) -> NetworkFacts:
    management, storage, hardware = sections["management"], sections["storage"], sections["hardware"]
    subnet = IPv4Network(management["subnet"])
    return NetworkFacts(
        management_subnet=subnet,
        gateway=str(subnet[management["gateway"]]),
        controllers=tuple(str(subnet[last]) for last in management["controllers"]),
        cluster=str(subnet[management["cluster"]]),
        storage_subnets=tuple(IPv4Network(item) for item in storage["subnets"]),
        storage_vlans=tuple(storage["vlans"]),
        guest_subnet=IPv4Network(sections["guests"]["subnet"]),
        intents=(
            IntentFacts(management["intent"], tuple(management["adapters"]), True, True, False),
            IntentFacts(storage["intent"], tuple(storage["adapters"]), False, False, True),
        ),
        driver=Driver(
            hardware["description"],
            hardware["gbit_s"] * 10**9,
            hardware["driver_provider"],
            str(hardware["driver_version"]),
            str(hardware["driver_date"]),
            hardware["driver_file"],
            hardware["component"],
            str(hardware["ndis"]),
        ),
        advanced=tuple(AdvancedFacts(keyword, *value) for keyword, value in sections["advanced"].items()),
        controller_ports=frozenset(sections["ports"]["controller"]),
        rules=tuple(RuleFacts(name, *value) for name, value in sections["firewall"].items()),
        ttl_ns=management["ttl_s"] * 10**9,
        provision_ns=sections["atc"]["provision_s"] * 10**9,
        check_ns=sections["atc"]["check_s"] * 10**9,
    )
