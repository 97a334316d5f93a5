"""The lab as everything above it sees it: one set of ports for twin, nested and physical labs.

Nothing above this room knows which kind it talks to.  What a lab cannot do is missing from `capabilities`, and asking
for it is an error at plan time.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from datetime import datetime
from enum import StrEnum
from typing import Protocol

from harness.labs.lease import Lease
from harness.values import Event, Machines, SampleWindow, Subject


class PowerState(StrEnum):
    """What the management controller of a node says."""

    ON = "on"
    OFF = "off"


@dataclass(frozen=True, slots=True)
class Endpoint:
    """Where and how a node or guest is reached.

    `ca_file` is a PEM file with the authority to trust where `tls` is on, empty for the machine's own.  `second_hop` is
    how to log on so that the node can go on to other machines: `credssp`, or `none`.  `namespace` is the named network
    namespace of this machine in which the address is reached, empty for the machine's own.
    """

    name: str
    kind: str
    address: str
    port: int
    username: str
    secret: str = field(repr=False)
    transport: str = "ntlm"
    tls: bool = False
    ca_file: str = ""
    second_hop: str = "none"
    namespace: str = ""


@dataclass(frozen=True, slots=True)
class BaselineSpec:
    """The state in which a scenario wants to begin: versions, the random seed of the lab, and causes planted
    beforehand."""

    versions: Mapping[str, str]
    seed: int
    provoke: Sequence[Mapping[str, object]] = ()


@dataclass(frozen=True, slots=True)
class Baseline:
    """Answer to a baseline request: ready, or unreachable with the reason."""

    ready: bool
    reason: str
    versions: Mapping[str, str]


@dataclass(frozen=True, slots=True)
class Hold:
    """A pattern of the lab's event stream at which lab time stops (virtual clock) or the node is held.

    `kind` and `path` are shell-style patterns; path brackets are literal.
    """

    id: str
    kind: str
    path: str


class LabClock(Protocol):
    """Lab time: nanoseconds since `epoch`."""

    @property
    def epoch(self) -> datetime:
        """UTC of lab time zero."""

    @property
    def flows(self) -> bool:
        """False: lab time moves only by `advance`.  True: it moves by itself."""

    @property
    def rate(self) -> float:
        """Lab seconds per wall second; meaningless on a clock that does not flow."""

    def now_ns(self) -> int:
        """Lab time now."""

    def catch_up(self) -> int:
        """Lab time now, asked of the lab: on a virtual clock a request that waited there has moved it (rule 3)."""

    def advance(self, to_ns: int) -> int:
        """Let lab time pass until `to_ns` or the first held event, and return the time reached.

        Only on a clock that does not flow; every reply must have been drained before (virtual clock, rule 2).
        """


class Lab(Protocol):
    """One leased lab instance."""

    @property
    def name(self) -> str:
        """Name of the lab file."""

    @property
    def instance(self) -> str:
        """Name of the instance, e.g. `twin-4node#2`."""

    @property
    def kind(self) -> str:
        """For records only; never ask it in an `if`."""

    @property
    def subject(self) -> Subject:
        """Evidence class, first part."""

    @property
    def machines(self) -> Machines:
        """Evidence class, second part."""

    @property
    def capabilities(self) -> frozenset[str]:
        """What the lab declares it can do."""

    @property
    def nodes(self) -> tuple[str, ...]:
        """Node names in cluster order."""

    @property
    def guests(self) -> tuple[str, ...]:
        """Guest names."""

    @property
    def guest_classes(self) -> Mapping[str, str]:
        """Class of each guest that is in one, such as `web`: the ledger has totals for each."""

    @property
    def managed_guests(self) -> tuple[str, ...]:
        """Those of the guests that can be managed: they have an endpoint of kind `winrm`."""

    @property
    def sample_interval_ns(self) -> int:
        """Lab time between two samples of one guest."""

    @property
    def clock(self) -> LabClock:
        """The lab's clock."""

    def endpoint(self, name: str, kind: str) -> Endpoint:
        """How to reach node or guest `name` by `kind`: `winrm` as the lab file chooses, `winrm-http` or `winrm-https`.

        Raises LabError when the lab has no such endpoint.
        """

    def baseline(self, spec: BaselineSpec, lease: Lease) -> Baseline:
        """Bring the lab to the state of `spec`, or say why it cannot be reached."""

    def power_state(self, node: str) -> PowerState:
        """What the node's management controller says."""

    def power_off(self, node: str, lease: Lease) -> None:
        """Cut the power of `node` (fail-stop, dirty)."""

    def power_on(self, node: str, lease: Lease) -> None:
        """Switch `node` on; harmless when it is on."""

    def plant(self, cause: str, node: str | None, parameters: Mapping[str, object], lease: Lease) -> None:
        """Plant the cause of a known condition, on one node where it belongs to one; harmless when it is there.

        Raises LabError for a cause that the lab cannot bring about.
        """

    def lift(self, cause: str, node: str | None, lease: Lease) -> None:
        """Take a planted cause away again; harmless when it is not there."""

    def events(self, since: int) -> list[Event]:
        """Events with a number greater than `since`, in order."""

    def hold(self, hold: Hold, lease: Lease) -> None:
        """Stop lab time at the next event that matches, or the event's node where lab time flows."""

    def unhold(self, hold_id: str, lease: Lease) -> None:
        """Forget a hold; harmless when it is unknown."""

    def held_ns(self, hold_id: str) -> int | None:
        """Where lab time flows: how long after its event the node stood still.  None when nothing is held, or lab time
        itself was."""

    def samples(self, since_ns: int) -> SampleWindow:
        """Samples after `since_ns`, to now, or to an earlier end where a prober has not written more yet."""

    def consoles(self) -> Mapping[str, str]:
        """The end of what each node wrote to its console, by node; empty for a lab that keeps none."""

    def release(self, lease: Lease) -> None:
        """End the lab host; nothing of the instance is left."""
