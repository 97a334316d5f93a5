"""Serving a simulated lab outside of any plan, and granting it lab time."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import asdict, dataclass
from datetime import datetime, timedelta
from typing import Any, Final

from harness.clock import NS_PER_S, Deadline, lab_utc, pause, utc_text
from harness.errors import ConfigError
from harness.labs.control import ControlChannel, LabHostGoneError
from harness.labs.hosting import find_host, folder_of
from harness.labs.instance import HostedInstance
from harness.labs.lease import RENEW_EVERY_S, LeaseRow, LeaseStore
from harness.labs.models import LabFile, parse_clock
from harness.plan.text import TextError

PURPOSE: Final = "twin serve"
LOOK_EVERY_S: Final = 0.2
GRANT_S: Final = 1800
"""Lab time of one grant: short enough that each answers well within the channel's time limit."""


@dataclass(frozen=True, slots=True)
class ServedEndpoint:
    """How a client reaches one node, or one managed guest: plain, with sealed messages, or over TLS.

    Guests have no TLS port: `tls_port` is 0 there, `tls_url` and `ca_file` are empty.
    """

    node: str
    """Name of the machine."""
    address: str
    port: int
    tls_port: int
    username: str
    password: str
    url: str
    tls_url: str
    ca_file: str


def with_clock(lab: LabFile, clock: str | None) -> LabFile:
    """The lab with another clock.  Raises ConfigError for a clock that it cannot have."""
    if clock is None:
        return lab
    try:
        spec = parse_clock(clock)
    except TextError as error:
        raise ConfigError(f"--clock: {error.message}", hint="for example --clock scaled:60") from error
    if spec.mode != "real" and lab.epoch is None:
        raise ConfigError(f"lab '{lab.lab}' has no 'epoch', which a {spec.mode} clock needs", hint="add it to the file")
    return lab.model_copy(update={"clock": spec})


class Service(HostedInstance):
    """A leased and hosted instance at its baseline, for clients outside of any plan."""

    def __init__(self, lab: LabFile, instances: tuple[str, ...], seed: int) -> None:
        """Lease, host, baseline.  Raises LeaseError when no instance is free, LabError when it does not come up."""
        super().__init__(lab, instances, seed, purpose=PURPOSE)

    def describe(self) -> dict[str, Any]:
        """The first line of `hil twin serve --json`."""
        return {
            "schema": 1,
            "instance": self.lease.instance,
            "lab": self.file.lab,
            "clock": str(self.file.clock),
            "epoch": utc_text(self.lab.clock.epoch),
            "lease_epoch": self.lease.epoch,
            "versions": dict(self.versions),
            "guests": list(self.lab.guests),
            "endpoints": [asdict(endpoint) for endpoint in self.endpoints()],
            "guest_endpoints": [
                {"guest": fields.pop("node"), **fields} for fields in map(asdict, self.guest_endpoints())
            ],
        }

    def endpoints(self) -> list[ServedEndpoint]:
        """Where and how the nodes answer."""
        return [self._served(node, tls=True) for node in self.lab.nodes]

    def guest_endpoints(self) -> list[ServedEndpoint]:
        """Where and how the managed guests answer."""
        return [self._served(guest, tls=False) for guest in self.lab.managed_guests]

    def _served(self, machine: str, *, tls: bool) -> ServedEndpoint:
        plain = self.lab.endpoint(machine, "winrm-http")
        sealed = self.lab.endpoint(machine, "winrm-https") if tls else None
        return ServedEndpoint(
            node=machine,
            address=plain.address,
            port=plain.port,
            tls_port=sealed.port if sealed else 0,
            username=plain.username,
            password=plain.secret,
            url=f"http://{plain.address}:{plain.port}/wsman",
            tls_url=f"https://{sealed.address}:{sealed.port}/wsman" if sealed else "",
            ca_file=sealed.ca_file if sealed else "",
        )

    def serve(self, wanted: Callable[[], bool]) -> None:
        """Keep the lease until nobody wants the lab any longer.

        Raises LeaseError when the lease was taken away, LabHostGoneError when the lab host died.
        """
        renewal = Deadline.after(RENEW_EVERY_S)
        while wanted():
            if renewal.expired():
                self.leases.renew(self.lease)
                renewal = Deadline.after(RENEW_EVERY_S)
            if not find_host(self.lease.instance).alive:
                self.leases.check(self.lease)  # an operator's release is no accident of the lab host
                raise LabHostGoneError(
                    f"the lab host of '{self.lease.instance}' died",
                    hint=f"its last words are in {folder_of(self.lease.instance) / 'host.log'}",
                )
            pause(LOOK_EVERY_S)


# --- lab time ---------------------------------------------------------------------------------------------------------


@dataclass(frozen=True, slots=True)
class Granted:
    """Lab time after a grant: nanoseconds and UTC; `asked` tells whether all of it passed."""

    instance: str
    before_ns: int
    reached_ns: int
    target_ns: int
    epoch: datetime

    def plain(self) -> dict[str, Any]:
        """As JSON."""
        return {
            "instance": self.instance,
            "before_ns": self.before_ns,
            "reached_ns": self.reached_ns,
            "complete": self.reached_ns >= self.target_ns,
            "lab_time": utc_text(lab_utc(self.epoch, self.reached_ns)),
        }


def served(instance: str | None, lab: str | None = None) -> LeaseRow:
    """The lease of a served instance; without a name, of the only one (of `lab`).  Raises ConfigError."""
    rows = [
        row
        for row in LeaseStore().rows()
        if row.purpose == PURPOSE and row.holder is not None and not row.holder.proven_dead
    ]
    if instance is not None:
        rows = [row for row in rows if row.instance == instance]
    if lab is not None:
        rows = [row for row in rows if row.instance.rpartition("#")[0] == lab]
    if len(rows) == 1:
        return rows[0]
    if rows:
        names = ", ".join(row.instance for row in rows)
        raise ConfigError(f"{len(rows)} labs are served", hint=f"name one with --instance: {names}")
    name = instance or lab
    what = f"'{name}' is not served" if name else "no lab is served"
    raise ConfigError(
        f"{what} by `hil twin serve`; only a served lab is yours to use or to advance",
        hint=f"in another terminal: hil twin serve {lab or 'LAB'}; who holds what: hil lab list",
    )


def grant(row: LeaseRow, duration: timedelta, wanted: Callable[[], bool] = lambda: True) -> Granted:
    """Let lab time pass on a served instance, in portions while `wanted`.

    The epoch is the one of the serving process' lease: advancing is that operator's act too, and after a change of
    hands the lab host refuses it.  Raises ConfigError when lab time passes by itself, LeaseError and LabError as the
    lab host does.
    """
    channel = ControlChannel(folder_of(row.instance))
    try:
        about = channel.call("describe")
        if about["flows"]:
            raise ConfigError(
                f"lab time of '{row.instance}' passes by itself, {about['rate']:g} lab seconds in a second",
                hint="only a virtual clock is advanced: hil twin serve LAB --clock virtual",
            )
        before_ns = now_ns = int(channel.call("now"))
        target_ns = before_ns + round(duration.total_seconds() * NS_PER_S)
        while now_ns < target_ns and wanted():
            portion_ns = min(target_ns, now_ns + GRANT_S * NS_PER_S)
            reached_ns = int(channel.call("advance", epoch=row.epoch, to_ns=portion_ns))
            if reached_ns <= now_ns:
                break  # held by somebody who waits for an event
            now_ns = reached_ns
    finally:
        channel.close()
    return Granted(row.instance, before_ns, now_ns, target_ns, datetime.fromisoformat(about["epoch"]))


def instance_names(lab: LabFile, number: int | None) -> tuple[str, ...]:
    """The instances that may be served: all, or the one with this number.  Raises ConfigError."""
    if number is None:
        return lab.instance_names
    if not 1 <= number <= lab.instances:
        raise ConfigError(f"lab '{lab.lab}' has instances 1 to {lab.instances}, not {number}", hint="see: hil lab list")
    return (lab.instance_names[number - 1],)
