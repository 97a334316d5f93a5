"""A hypervisor without machines: a double of `harness.labs.nested.port.Hypervisor`."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any, Final
from uuid import UUID
from xml.etree import ElementTree as ET

from harness.errors import LabError
from harness.labs.nested.port import DomainEvent, DomainState

SERIAL: Final = "serial"


@dataclass(slots=True)
class Rack:
    """What outlives a killed process: definitions, power, and what was done to running domains."""

    definitions: dict[str, str] = field(default_factory=dict)
    states: dict[str, DomainState] = field(default_factory=dict)
    pulled: set[tuple[str, str]] = field(default_factory=set)
    quotas: dict[str, int] = field(default_factory=dict)
    memory_kib: dict[str, int] = field(default_factory=dict)
    limits: dict[tuple[str, str], Mapping[str, int]] = field(default_factory=dict)
    links_down: set[tuple[str, str]] = field(default_factory=set)
    plugged: dict[str, dict[str, str]] = field(default_factory=dict)
    """Of each domain the devices that were plugged in by its monitor, and what each is of."""
    nodes: dict[str, dict[str, Mapping[str, Any]]] = field(default_factory=dict)
    """Of each domain the block nodes that were made by its monitor."""
    tpm: Path | None = None
    """Folder in which each domain that is started keeps a TPM; None for none."""


class FakeHypervisor:
    """A connection to a rack."""

    def __init__(self, rack: Rack | None = None) -> None:
        self.rack = Rack() if rack is None else rack
        self.closed = False

    @property
    def uri(self) -> str:
        """See Hypervisor."""
        return "fake:///rack"

    def close(self) -> None:
        """See Hypervisor."""
        self.closed = True

    def listen(self, listener: Callable[[DomainEvent], None]) -> None:
        """It tells nothing by itself."""

    def domains(self) -> tuple[str, ...]:
        """See Hypervisor."""
        return tuple(sorted(self.rack.definitions))

    def state(self, domain: str) -> DomainState:
        """See Hypervisor."""
        if domain not in self.rack.definitions:
            return DomainState.ABSENT
        return self.rack.states.get(domain, DomainState.OFF)

    def define(self, xml: str) -> None:
        """See Hypervisor."""
        name = ET.fromstring(xml).findtext("name") or ""  # noqa: S314 - written by ourselves
        self.rack.definitions[name] = xml

    def undefine(self, domain: str) -> None:
        """See Hypervisor."""
        if self.state(domain).on:
            raise LabError(f"{domain} is on", hint="switch it off first")
        self.rack.definitions.pop(domain, None)

    def start(self, domain: str) -> None:
        """See Hypervisor."""
        self._known(domain)
        if not self.state(domain).on:
            self._set(domain, DomainState.RUNNING)
            if self.rack.tpm is not None:
                folder = self.rack.tpm / _uuid(self.rack.definitions[domain])
                folder.mkdir(parents=True, exist_ok=True)
                (folder / "tpm2-00.permall").write_text("made at first start")

    def stop(self, domain: str) -> None:
        """See Hypervisor."""
        if self.state(domain).on:
            self._set(domain, DomainState.OFF)
            self.rack.quotas.pop(domain, None)
            self.rack.memory_kib.pop(domain, None)
            self.rack.plugged.pop(domain, None)
            self.rack.nodes.pop(domain, None)

    def reset(self, domain: str) -> None:
        """See Hypervisor."""
        self._running(domain)
        self._set(domain, DomainState.RUNNING)

    def suspend(self, domain: str) -> None:
        """See Hypervisor."""
        self._running(domain)
        self._set(domain, DomainState.PAUSED)

    def resume(self, domain: str) -> None:
        """See Hypervisor."""
        if self.state(domain) is DomainState.PAUSED:
            self._set(domain, DomainState.RUNNING)

    def update_device(self, domain: str, xml: str) -> None:
        """See Hypervisor: cables only."""
        self._known(domain)
        element = ET.fromstring(xml)  # noqa: S314 - written by ourselves
        mac, link = element.find("mac"), element.find("link")
        if mac is None or link is None:
            raise LabError(f"{domain}: no such device", hint="the double knows cables only")
        key = (domain, mac.get("address", ""))
        if link.get("state") == "down":
            self.rack.links_down.add(key)
        else:
            self.rack.links_down.discard(key)

    def attach_device(self, domain: str, xml: str, *, lasting: bool = True) -> None:
        """See Hypervisor: data disks only."""
        self._known(domain)
        self.rack.pulled.discard((domain, _serial(xml)))

    def detach_device(self, domain: str, xml: str, mark: str, *, lasting: bool = True) -> None:
        """See Hypervisor: data disks only."""
        if not self.has_device(domain, mark):
            raise LabError(f"{domain} has no {mark}", hint="it was pulled before")
        self.rack.pulled.add((domain, _serial(xml)))

    def has_device(self, domain: str, mark: str) -> bool:
        """See Hypervisor."""
        self._known(domain)
        pulled = {f"<serial>{serial}</serial>" for name, serial in self.rack.pulled if name == domain}
        return mark in self.rack.definitions[domain] and mark not in pulled

    def throttle(self, domain: str, target: str, limits: Mapping[str, int]) -> None:
        """See Hypervisor."""
        self._running(domain)
        self.rack.limits[(domain, target)] = dict(limits)

    def set_memory(self, domain: str, kib: int) -> None:
        """See Hypervisor."""
        self._running(domain)
        self.rack.memory_kib[domain] = kib

    def set_quota(self, domain: str, quota_us: int) -> None:
        """See Hypervisor."""
        self._running(domain)
        self.rack.quotas[domain] = quota_us

    def inject_nmi(self, domain: str) -> None:
        """See Hypervisor."""
        self._running(domain)

    def monitor(self, domain: str, command: Mapping[str, Any]) -> Any:
        """See Hypervisor: block nodes, and the devices of which they are, as far as failing disks need them."""
        self._running(domain)
        plugged, nodes = self.rack.plugged.setdefault(domain, {}), self.rack.nodes.setdefault(domain, {})
        said = command.get("arguments", {})
        match command["execute"]:
            case "qom-list":
                return [{"name": name} for name in plugged]
            case "query-named-block-nodes":
                return [{"node-name": name} for name in nodes]
            case "blockdev-add":
                nodes[said["node-name"]] = said
            case "blockdev-del":
                del nodes[said["node-name"]]
            case "device_add":
                plugged[said["id"]] = said["drive"]
            case "device_del":
                del plugged[said["id"]]
            case other:
                raise LabError(f"{domain} knows no command '{other}'", hint="the double is no QEMU")
        return {}

    def tpm_folder(self, uuid: UUID) -> Path | None:
        """See Hypervisor."""
        return None if self.rack.tpm is None else self.rack.tpm / str(uuid)

    def _known(self, domain: str) -> None:
        if domain not in self.rack.definitions:
            raise LabError(f"no domain {domain}", hint="define it first")

    def _running(self, domain: str) -> None:
        if not self.state(domain).on:
            raise LabError(f"{domain} is off", hint="switch it on first")

    def _set(self, domain: str, state: DomainState) -> None:
        self.rack.states[domain] = state


def _serial(xml: str) -> str:
    return ET.fromstring(xml).findtext(SERIAL) or ""  # noqa: S314 - written by ourselves


def _uuid(xml: str) -> str:
    return ET.fromstring(xml).findtext("uuid") or ""  # noqa: S314 - written by ourselves
