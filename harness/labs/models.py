"""The lab file: where scenarios run.  Data only; providers read it, nothing here connects to anything."""

from __future__ import annotations

import re
from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from datetime import datetime, timedelta
from ipaddress import IPv4Network
from pathlib import Path
from typing import Annotated, Final, Literal

from pydantic import (
    AfterValidator,
    AwareDatetime,
    BeforeValidator,
    Field,
    PlainSerializer,
    PlainValidator,
    StrictBool,
    StrictInt,
    StringConstraints,
    WithJsonSchema,
    model_validator,
)

from harness import paths
from harness.errors import ConfigError
from harness.labs.calibration import override_objections
from harness.plan.checking import validate
from harness.plan.models import Capability, Line, Name, Parameters, Value, Versions
from harness.plan.problem import Problem, SourceError
from harness.plan.quantity import Duration
from harness.plan.releases import SBES, release_builds
from harness.plan.text import Objection, Objections, TextError, closest, describe, require_text
from harness.plan.yaml_source import Source, load_source

LabKind = Literal["twin", "nested", "physical"]
EXAMPLE: Final = ".example.yaml"

_SECRET = re.compile(r"secret://(?:env/[A-Za-z_][A-Za-z0-9_]*|file/\S+|exec/\S.*|generated)")
_SCALED = re.compile(r"scaled:([0-9]+(?:\.[0-9]+)?)")
_MACHINE_NAME = re.compile(r"[A-Za-z0-9][A-Za-z0-9-]{0,14}")  # NetBIOS length: cluster node names are computer names
EMBED: Final = "qemu:///embed"
"""libvirt's driver inside the lab host: no daemon."""
FIRST_NODE: Final = 11
"""Nodes of an emulated lab have the addresses of its networks from this one on."""
FIRST_GUEST: Final = 100
"""The same for guests, on the management network."""
EMULATED_CAPABILITIES: Final = frozenset(
    {"causes", "events", "guest_probes", "hold", "links", "node_hang", "power", "power_cycle", "reset"}
)
"""What an emulated lab can do."""
_MOST_NODES: Final = 16  # [D] system-requirements-23h2: 1-16 machines


@dataclass(frozen=True, slots=True)
class ClockSpec:
    """The lab's clock: `virtual` (moves only by grant), `scaled` (`rate` lab seconds per wall second) or `real`."""

    mode: Literal["virtual", "scaled", "real"]
    rate: float = 1.0

    def __str__(self) -> str:
        return f"scaled:{self.rate:g}" if self.mode == "scaled" else self.mode


def parse_clock(text: str) -> ClockSpec:
    """`virtual`, `real` or `scaled:60`.  Raises TextError."""
    if text in ("virtual", "real"):
        return ClockSpec("virtual" if text == "virtual" else "real")
    found = _SCALED.fullmatch(text)
    if found is None or not 0 < float(found[1]) <= 1_000_000:
        raise TextError(
            f"'{text}' is no clock; write virtual, real or scaled:60", suggestion=closest(text, ("virtual", "real"))
        )
    return ClockSpec("scaled", float(found[1]))


def _clock(value: object) -> ClockSpec:
    return value if isinstance(value, ClockSpec) else parse_clock(require_text(value, "virtual"))


def _names(prefix: str, width: int) -> BeforeValidator:
    """A count becomes names (`NODE01` …); a list of names stays."""

    def expand(value: object) -> tuple[str, ...]:
        if isinstance(value, int) and not isinstance(value, bool):
            if not 0 <= value <= 10**width - 1:
                raise TextError(f"the count must be between 0 and {10**width - 1}, found {value}")
            return tuple(f"{prefix}{number:0{width}}" for number in range(1, value + 1))
        if not isinstance(value, list | tuple):
            raise TextError(f"expected a count or a list of names, found {describe(value)}")
        for position, name in enumerate(value):
            if not isinstance(name, str) or not _MACHINE_NAME.fullmatch(name):
                message = f"{describe(name)} is no computer name (letters, digits, '-', at most 15)"
                raise Objections([Objection((position,), message)])
        if len({name.upper() for name in value}) != len(value):
            raise TextError("a name is there twice (computer names ignore case)")
        return tuple(value)

    return BeforeValidator(expand)


def _secret(value: object) -> str:
    if not isinstance(value, str) or not _SECRET.fullmatch(value):
        raise TextError(
            "expected a reference, never a value: secret://env/NAME, secret://file/PATH, secret://exec/COMMAND"
            " or, where the lab makes its own, secret://generated",
            conceal=True,
        )
    return value


def _word(value: object) -> object:
    """YAML reads a bare `off` as false; here it is a word."""
    return "off" if value is False else value


def _network(value: object) -> str:
    try:
        return str(IPv4Network(require_text(value, "10.77.0.0/24")))
    except ValueError as error:
        raise TextError(f"'{value}' is no IPv4 network: {error}; write it like 10.77.0.0/24") from error


def _share(value: object) -> object:
    if isinstance(value, bool) or not isinstance(value, int | float) or not 0 < value <= 1:
        raise TextError(f"{describe(value)} is no share: above 0 and at most 1")
    return value


def _utc(moment: datetime) -> datetime:
    if moment.utcoffset() != timedelta(0):
        raise TextError("the epoch must be in UTC, for example 2025-11-11T22:00:00Z")
    return moment


_NAMES_SCHEMA = WithJsonSchema(
    {"anyOf": [{"type": "integer", "minimum": 0}, {"type": "array", "items": {"type": "string"}}], "examples": [4]}
)
Clock = Annotated[
    ClockSpec,
    PlainValidator(_clock),
    PlainSerializer(str, return_type=str),
    WithJsonSchema(
        {"type": "string", "pattern": r"^(virtual|real|scaled:[0-9.]+)$", "examples": ["virtual", "scaled:60"]}
    ),
]
SecretReference = Annotated[str, BeforeValidator(_secret), WithJsonSchema({"type": "string", "pattern": "^secret://"})]
Kb = Annotated[str, StringConstraints(pattern=r"^KB[0-9]{6,8}$")]
Month = Annotated[str, StringConstraints(pattern=r"^20[0-9]{2}-(0[1-9]|1[0-2])$")]
Port = Annotated[StrictInt, Field(ge=1, le=65535)]
Network = Annotated[str, BeforeValidator(_network), WithJsonSchema({"type": "string", "examples": ["10.77.0.0/24"]})]
Utc = Annotated[AwareDatetime, AfterValidator(_utc)]


class Credential(Value):
    """An account: user name, and where its secret comes from."""

    username: Line
    secret: SecretReference


class Credentials(Value):
    """The accounts of the lab: node administration, management controllers, guests."""

    node: Credential
    bmc: Credential | None = None
    guest: Credential | None = None


class Poll(Value):
    """The shortest time between two questions to the Update Service; frequent polling makes it time out
    ([T] Get-SolutionUpdate-GatewayTimeout)."""

    budget: Duration = timedelta(seconds=60)


class Probe(Value):
    """How often each guest is probed; an outage of this length is always seen.  A guest whose answer takes longer than
    `patience` above its usual round trip is asked once in `burst`, where a prober watches on the wire."""

    interval: Duration = timedelta(milliseconds=100)
    patience: Duration = timedelta(milliseconds=15)
    burst: Duration = timedelta(milliseconds=2)


class Winrm(Value):
    """How nodes are managed.  `tls` chooses the port: `tls_port` with TLS, whose certificate is always checked, `port`
    with sealed messages else.  `second_hop` is how a node is asked what makes it ask other machines as the same user;
    `none` asks it all the same, and it will be denied there."""

    port: Port = 5985
    transport: Literal["ntlm", "kerberos", "credssp"] = "ntlm"
    tls: StrictBool = False
    tls_port: Port = 5986
    second_hop: Literal["credssp", "none"] = "credssp"


class Ports(Value):
    """Ports of the other services of a simulated lab; a number below 1024 needs root."""

    redfish: Port = 8000
    arm: Port = 8443
    imds: Port = 8169
    ssh: Port = 8022
    heartbeat: Port = 8514


class WindowsGuest(Value):
    """One guest of a simulated lab that is a Windows machine.  `system` and `installed` are entries of
    `fixtures/catalogs/guest_updates.yaml`: the last baseline or cumulative update, and perhaps a hotpatch on it."""

    guest: Line
    system: Name = "ws2025-azure-edition-core"
    installed: Annotated[tuple[Kb, ...], Field(min_length=1, max_length=2)]
    hotpatch: StrictBool = True
    vbs: Annotated[Literal["off", "enabled", "running"], BeforeValidator(_word)] = "running"
    approved: Month | None = None
    language: Line = "en-US"


class TwinLab(Value):
    """Only for `kind: twin`: default seed, calibration file (in fixtures/catalogs), values that replace the file's,
    and the guests that are Windows machines."""

    seed: Annotated[StrictInt, Field(ge=0)] = 1
    calibration: Name | None = None
    overrides: Parameters = ()
    windows_guests: tuple[WindowsGuest, ...] = ()


class NestedLab(Value):
    """Only for `kind: nested`: the libvirt connection, the network namespace, the snapshot that is the baseline, and
    whether real Azure Local runs in the machines (`product`) or a stand-in (`emulated`).

    The rest is for machines that the lab host makes: `domain_type` as declared, never probed (`qemu` is emulation);
    memory and processors of each; networks of the lab's own; `scale`, the share of its time that the work of an update
    takes in a stand-in, and values that replace those of its calibration.
    """

    uri: Line
    namespace: Name
    subject: Literal["product", "emulated"]
    snapshot: Name | None = None
    domain_type: Literal["qemu", "kvm"] = "qemu"
    memory_mib: Annotated[StrictInt, Field(ge=128)] = 256
    processors: Annotated[StrictInt, Field(ge=1, le=64)] = 1
    management: Network = "10.77.0.0/24"
    storage: Network = "10.77.1.0/24"
    scale: Annotated[float, BeforeValidator(_share), Field(gt=0, le=1)] = 1.0
    overrides: Parameters = ()


class Machine(Value):
    """One server of a rack.  Power actions are refused unless serial number and asset tag read back as written here."""

    node: Line
    address: Line
    bmc: Line
    serial: Line
    asset_tag: Line


class PhysicalLab(Value):
    """Only for `kind: physical`: the servers, and the owner's command that brings the rack to a baseline."""

    machines: Annotated[tuple[Machine, ...], Field(min_length=1)]
    baseline: Line | None = None


class LabFile(Value):
    """A lab file.  `nodes` and `guests` are names in cluster order, whether the file lists or counts them."""

    schema_: Literal[1] = Field(alias="schema")
    lab: Name
    title: Line
    kind: LabKind
    instances: Annotated[StrictInt, Field(ge=1, le=64)] = 1
    nodes: Annotated[tuple[str, ...], _names("NODE", 2), Field(min_length=1, max_length=_MOST_NODES), _NAMES_SCHEMA]
    guests: Annotated[tuple[str, ...], _names("vm", 3), _NAMES_SCHEMA] = ()
    classes: Mapping[Name, tuple[Line, ...]] = {}
    clock: Clock = ClockSpec("real")
    epoch: Utc | None = None
    witness: Literal["cloud", "share", "none"]
    versions: Versions
    capabilities: tuple[Capability, ...]
    credentials: Credentials
    poll: Poll = Poll()
    probe: Probe = Probe()
    winrm: Winrm = Winrm()
    ports: Ports = Ports()
    twin: TwinLab | None = None
    nested: NestedLab | None = None
    physical: PhysicalLab | None = None

    @property
    def guest_classes(self) -> dict[str, str]:
        """Class of each guest that is in one."""
        return {guest: name for name, guests in self.classes.items() for guest in guests}

    @property
    def managed_guests(self) -> tuple[str, ...]:
        """Guests with an endpoint of their own."""
        return tuple(item.guest for item in self.twin.windows_guests) if self.twin is not None else ()

    @property
    def instance_names(self) -> tuple[str, ...]:
        """`twin-4node#1` …: the instances that can be leased."""
        return tuple(f"{self.lab}#{number}" for number in range(1, self.instances + 1))

    @property
    def default_seed(self) -> int:
        """Seed of a run for which the operator names none."""
        return self.twin.seed if self.twin else 1

    @property
    def is_simulated(self) -> bool:
        """Is there no plant behind it, but the twin?  Only for what is about the twin itself, such as serving it."""
        return self.kind == "twin"

    @property
    def has_model(self) -> bool:
        """Is the cluster that runs there computed: the twin itself, or a stand-in on machines of its own?"""
        return self.is_simulated or (self.nested is not None and self.nested.subject == "emulated")

    @property
    def releases(self) -> tuple[str, ...] | None:
        """Every solution version that the lab can be brought to, None where only the plant knows.

        The versions of a computed cluster are exactly those of the table that it is made from.
        """
        return tuple(release_builds()) if self.has_model else None

    @property
    def sbe_releases(self) -> tuple[str, ...] | None:
        """As `releases`, of Solution Builder Extensions."""
        return SBES.versions if self.has_model else None

    @model_validator(mode="after")
    def _check_kind(self) -> LabFile:
        objections = [*_section_objections(self), *_rule_objections(self)]
        if objections:
            raise Objections(objections)
        return self


def _section_objections(lab: LabFile) -> list[Objection]:
    """Each kind has its own section; nested and physical cannot do without."""
    sections = {"twin": lab.twin, "nested": lab.nested, "physical": lab.physical}
    found = [
        Objection(
            (kind,), f"the section '{kind}' belongs to 'kind: {kind}'; this lab is 'kind: {lab.kind}'", at_key=True
        )
        for kind, section in sections.items()
        if section is not None and kind != lab.kind
    ]
    if lab.kind != "twin" and sections[lab.kind] is None:
        found.append(Objection(("kind",), f"'kind: {lab.kind}' needs a section '{lab.kind}'"))
    return found


def _rule_objections(lab: LabFile) -> list[Objection]:
    found: list[Objection] = []
    if lab.kind != "twin" and lab.clock.mode != "real":
        found.append(
            Objection(("clock",), f"only a simulated lab has a clock of its own; a {lab.kind} lab has 'clock: real'")
        )
    if lab.kind != "twin" and "provoke" in lab.capabilities:
        found.append(
            Objection(
                ("capabilities",),
                f"'provoke' is beyond a {lab.kind} lab: product defects exist in a simulated lab only",
            )
        )
    for section, part in (("twin", lab.twin), ("nested", lab.nested)):
        if part is not None:
            found += override_objections(section, part.overrides)
    found += _class_objections(lab)
    managed = [item.guest for item in lab.twin.windows_guests] if lab.twin is not None else []
    for position, name in enumerate(managed):
        at = ("twin", "windows_guests", position, "guest")
        if name not in lab.guests:
            found.append(Objection(at, f"'{name}' is none of the lab's guests"))
        elif name in managed[:position]:
            found.append(Objection(at, f"the guest '{name}' is there twice"))
    if lab.kind == "physical" and lab.instances != 1:
        found.append(Objection(("instances",), "a physical lab has exactly one instance"))
    if lab.clock.mode != "real" and lab.epoch is None:
        found.append(Objection(("clock",), "a simulated clock needs an 'epoch': the UTC time of lab time zero"))
    if lab.nested is not None and lab.nested.subject == "emulated":
        found += _emulated_objections(lab, lab.nested)
    for account, credential in (
        ("node", lab.credentials.node),
        ("bmc", lab.credentials.bmc),
        ("guest", lab.credentials.guest),
    ):
        if lab.kind == "physical" and credential is not None and credential.secret == "secret://generated":  # noqa: S105
            found.append(Objection(("credentials", account, "secret"), "a physical lab cannot make its own secrets"))
    if lab.winrm.port == lab.winrm.tls_port:
        found.append(Objection(("winrm", "tls_port"), f"'port' and 'tls_port' are both {lab.winrm.port}"))
    if lab.physical is not None and {machine.node for machine in lab.physical.machines} != set(lab.nodes):
        found.append(Objection(("physical", "machines"), "the machines must be exactly the 'nodes' of the lab"))
    return found


def _emulated_objections(lab: LabFile, nested: NestedLab) -> Iterator[Objection]:
    if lab.epoch is None:
        yield Objection(
            ("nested", "subject"),
            "an emulated cluster needs an 'epoch', the UTC time of lab time zero: epoch: \"2025-11-11T22:00:00Z\"",
        )
    if nested.snapshot is not None:
        yield Objection(("nested", "snapshot"), "machines of an emulated cluster are made anew: they have no snapshot")
    if nested.uri != EMBED:
        yield Objection(("nested", "uri"), f'write "{EMBED}": it makes the machines of an emulated cluster')
    for position, name in enumerate(lab.capabilities):
        if name not in EMULATED_CAPABILITIES:
            yield Objection(
                ("capabilities", position),
                f"'{name}' is beyond an emulated lab; it can have: {', '.join(sorted(EMULATED_CAPABILITIES))}",
            )
    management, storage = IPv4Network(nested.management), IPv4Network(nested.storage)
    if management.overlaps(storage):
        yield Objection(("nested", "storage"), f"'{nested.storage}' overlaps 'management', {nested.management}")
    most = management.num_addresses - FIRST_GUEST - 1
    if len(lab.guests) > most:
        room = f"{max(0, most)} guests: they begin at number {FIRST_GUEST}"
        yield Objection(("nested", "management"), f"'{nested.management}' has room for {room}; write a wider one")
    if FIRST_NODE + len(lab.nodes) >= storage.num_addresses:
        yield Objection(
            ("nested", "storage"),
            f"'{nested.storage}' has no room for {len(lab.nodes)} nodes, which begin at number {FIRST_NODE};"
            " write a wider one",
        )


def _class_objections(lab: LabFile) -> Iterator[Objection]:
    seen: dict[str, str] = {}
    for name, guests in lab.classes.items():
        for position, guest in enumerate(guests):
            at = ("classes", name, position)
            if guest not in lab.guests:
                yield Objection(at, f"'{guest}' is none of the lab's guests")
            elif guest in seen:
                yield Objection(at, f"'{guest}' is in class '{seen[guest]}' already")
            seen.setdefault(guest, name)


def load_lab(path: Path) -> LabFile:
    """Read and check a lab file.  Raises SourceError with all its mistakes; ConfigError when it cannot be read, or is a
    plan."""
    source = load_source(path)
    if "scenarios" in source.value and "lab" not in source.value:
        raise ConfigError(
            f"'{source.file}' is a plan, not a lab file: it says what to prove, not where",
            hint="hil lab list shows the labs",
        )
    lab, problems = validate(LabFile, source.value, source)
    if lab is not None:
        problems += _name_problems(lab, path, source)
    if problems or lab is None:
        raise SourceError(problems)
    return lab


def _name_problems(lab: LabFile, path: Path, source: Source) -> list[Problem]:
    stem = path.name.removesuffix(EXAMPLE).removesuffix(".yaml")
    return (
        []
        if lab.lab == stem
        else [source.problem(("lab",), f"the lab is called '{lab.lab}', but its file '{path.name}'")]
    )


def lab_names() -> tuple[str, ...]:
    """The names of all lab files that are no examples."""
    return tuple(sorted(path.stem for path in paths.labs_dir().glob("*.yaml") if not path.name.endswith(EXAMPLE)))


def find_lab(name: str) -> LabFile:
    """The lab with this name, or the lab file at this path.  Raises ConfigError for an unknown name.

    An example is found by its name too, so that what is said about it can be typed; no list and no plan names it.
    """
    if name.endswith(".yaml"):
        return load_lab(Path(name))
    example = paths.labs_dir() / f"{name}{EXAMPLE}"
    if name not in lab_names() and example.parent == paths.labs_dir() and example.is_file():
        return load_lab(example)
    if name not in lab_names():
        near = closest(name, lab_names())
        raise ConfigError(
            f"unknown lab '{name}'" + (f" (did you mean '{near}'?)" if near else ""),
            hint=f"known labs: {', '.join(lab_names()) or 'none'}",
        )
    return load_lab(paths.labs_dir() / f"{name}.yaml")
