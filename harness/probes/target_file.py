"""The probe file: which guests to watch, by which ways, and beside what."""

from __future__ import annotations

from datetime import timedelta
from pathlib import Path
from typing import Annotated, Any, Final, Literal

from pydantic import BeforeValidator, Field, StrictBool, StrictInt, model_validator

from harness.errors import ConfigError
from harness.measure.blind import CANARY
from harness.plan.checking import validate
from harness.plan.models import Line, Name, Value
from harness.plan.problem import SourceError
from harness.plan.quantity import Duration, to_ns
from harness.plan.text import Objection, Objections
from harness.plan.yaml_source import load_source
from harness.probes.services import Service, service_from_url
from harness.probes.settings import SamplerSettings
from harness.probes.target import ProbeSignal, ProbeTarget
from harness.values import Signal

Port = Annotated[StrictInt, Field(ge=1, le=65535)]
MOST_GUESTS: Final = 20_000


def _port_text(value: object) -> object:
    return str(value) if isinstance(value, int) and not isinstance(value, bool) else value


class Heartbeats(Value):
    """Where guests push their heartbeats to: `address` and `port` of this machine; `interval` is that of the agents.

    `key` is a reference to the key with which agents sign (base64 of 32 bytes), absent where they do not.
    """

    address: Line = "0.0.0.0"  # noqa: S104 - guests send from other machines
    port: Port = 8514
    interval: Duration = timedelta(milliseconds=20)
    key: Annotated[str, Field(pattern=r"^secret://")] | None = None


class WatchedGuest(Value):
    """One guest.  `node` owns it when watching begins; `vm_class` is its class in the ledger.

    `icmp` is on unless it is set to false; `udp` is the port of an echo service, `tcp` a port that listens, `http` an
    URL that is asked over a new connection each time, `http_reused` one that is asked over a kept one.
    """

    name: Line
    address: Line
    node: Line = ""
    vm_class: Annotated[Line, Field(alias="class")] = "all"
    icmp: StrictBool = True
    udp: Port | None = None
    tcp: Port | None = None
    http: Line | None = None
    http_reused: Line | None = None
    heartbeat: StrictBool = False

    @property
    def signals(self) -> tuple[Signal, ...]:
        """By which ways it is watched."""
        asked = {
            Signal.ICMP: self.icmp,
            Signal.UDP: self.udp,
            Signal.TCP: self.tcp,
            Signal.HTTP: self.http,
            Signal.HTTP_REUSED: self.http_reused,
            Signal.HEARTBEAT: self.heartbeat,
        }
        return tuple(signal for signal, wanted in asked.items() if wanted)

    def target(self) -> ProbeTarget | None:
        """What the sampler asks, None when it asks nothing of this guest.  Raises ConfigError."""
        asked = [ProbeSignal(Signal.ICMP)] if self.icmp else []
        asked += [ProbeSignal(Signal.UDP, self.udp)] if self.udp else []
        asked += [ProbeSignal(Signal.TCP, self.tcp)] if self.tcp else []
        return ProbeTarget(self.name, self.address, tuple(asked), self.node) if asked else None

    def services(self) -> tuple[Service, ...]:
        """What is asked over HTTP.  Raises ConfigError."""
        found = [service_from_url(self.name, self.http)] if self.http else []
        found += [service_from_url(self.name, self.http_reused, Signal.HTTP_REUSED)] if self.http_reused else []
        return tuple(found)


class ControlTarget(Value):
    """Something beside the guests that tells the way to them from themselves, such as a switch's management address."""

    name: Line
    address: Line


class ReliesOn(Value):
    """What the prober needs while it watches, beyond what this machine's own settings name."""

    domain_controllers: tuple[Line, ...] = ()
    dns: tuple[Line, ...] = ()
    gateways: tuple[Line, ...] = ()


class ProbeFile(Value):
    """A probe file."""

    schema_: Literal[1] = Field(alias="schema")
    name: Annotated[Name, BeforeValidator(_port_text)]
    interval: Duration = timedelta(milliseconds=100)
    patience: Duration = timedelta(milliseconds=15)
    burst: Duration = timedelta(milliseconds=2)
    guests: Annotated[tuple[WatchedGuest, ...], Field(min_length=1, max_length=MOST_GUESTS)]
    control: tuple[ControlTarget, ...] = ()
    heartbeats: Heartbeats | None = None
    relies_on: ReliesOn = ReliesOn()

    @property
    def interval_ns(self) -> int:
        """Time between two probes of one guest and signal."""
        return to_ns(self.interval)

    @property
    def patience_ns(self) -> int:
        """How long above its usual round trip an answer may take before its guest is asked more often."""
        return to_ns(self.patience)

    @property
    def burst_ns(self) -> int:
        """How often such a guest is asked at first."""
        return to_ns(self.burst)

    @model_validator(mode="after")
    def _check(self) -> ProbeFile:
        objections = [*_name_objections(self), *_signal_objections(self), *_time_objections(self)]
        if objections:
            raise Objections(objections)
        return self


def _time_objections(file: ProbeFile) -> list[Objection]:
    """The first of the times that does not go with those before it, and their defaults."""
    chosen: dict[str, Any] = {}
    for name in ("interval", "patience", "burst"):
        chosen[f"{name}_ns"] = getattr(file, f"{name}_ns")
        try:
            SamplerSettings(**chosen)
        except ConfigError as error:
            return [Objection((name,), str(error))]
    return []


def _name_objections(file: ProbeFile) -> list[Objection]:
    found, seen = [], {CANARY: "the prober itself"}
    rows = [(("guests", i, "name"), each.name) for i, each in enumerate(file.guests)]
    rows += [(("control", i, "name"), each.name) for i, each in enumerate(file.control)]
    for at, name in rows:
        if name.casefold() in seen:
            found.append(Objection(at, f"'{name}' is the name of {seen[name.casefold()]} already"))
        seen.setdefault(name.casefold(), "another one")
    return found


def _signal_objections(file: ProbeFile) -> list[Objection]:
    found = []
    for position, guest in enumerate(file.guests):
        if not guest.signals:
            found.append(Objection(("guests", position), f"'{guest.name}' is watched by nothing"))
        if guest.heartbeat and file.heartbeats is None:
            at = ("guests", position, "heartbeat")
            found.append(Objection(at, "heartbeats need a section 'heartbeats' that says where they are heard"))
        try:
            guest.target()
            guest.services()
        except ConfigError as error:
            found.append(Objection(("guests", position), str(error)))
    for position, control in enumerate(file.control):
        try:
            ProbeTarget(control.name, control.address)
        except ConfigError as error:
            found.append(Objection(("control", position, "address"), str(error)))
    return found


def load_probe_file(path: Path) -> ProbeFile:
    """Read and check a probe file.  Raises SourceError with all its mistakes; ConfigError when it cannot be read."""
    source = load_source(path)
    file, problems = validate(ProbeFile, source.value, source)
    if problems or file is None:
        raise SourceError(problems, again="hil probe check FILE")
    return file
