"""A lab instance as seen from the harness: the `Lab` port over the control channel of its host."""

from __future__ import annotations

from collections.abc import Mapping
from datetime import datetime
from pathlib import Path
from typing import Any

from harness.labs.control import ControlChannel
from harness.labs.lease import Lease
from harness.labs.port import Baseline, BaselineSpec, Endpoint, Hold, PowerState
from harness.measure.samples import window_from_record
from harness.values import Event, Machines, SampleWindow, Subject


class RemoteClock:
    """The lab's clock through the control channel; on a virtual clock `now_ns` costs no call."""

    def __init__(self, channel: ControlChannel, description: dict[str, Any], epoch_of_lease: int) -> None:
        self._channel = channel
        self._lease_epoch = epoch_of_lease
        self.epoch = datetime.fromisoformat(description["epoch"])
        self.flows: bool = description["flows"]
        self.rate: float = description["rate"]
        self._now_ns: int = channel.call("now")

    def now_ns(self) -> int:
        """Lab time now."""
        return self.catch_up() if self.flows else self._now_ns

    def catch_up(self) -> int:
        """Lab time now, asked of the lab."""
        self._now_ns = self._channel.call("now")
        return self._now_ns

    def advance(self, to_ns: int) -> int:
        """Grant lab time until `to_ns` or the first held event; return the time reached."""
        self._now_ns = self._channel.call("advance", epoch=self._lease_epoch, to_ns=to_ns)
        return self._now_ns


class RemoteLab:
    """Implements `harness.labs.port.Lab` for every lab that lives in a lab host."""

    def __init__(self, folder: Path, lease: Lease) -> None:
        """Attach to the running host in `folder`.  Raises LabHostGoneError when there is none."""
        self._channel = ControlChannel(folder)
        about = self._channel.call("describe")
        self.name: str = about["name"]
        self.instance = lease.instance
        self.kind: str = about["kind"]
        self.subject = Subject(about["subject"])
        self.machines = Machines(about["machines"])
        self.capabilities = frozenset[str](about["capabilities"])
        self.nodes = tuple[str, ...](about["nodes"])
        self.guests = tuple[str, ...](about["guests"])
        self.guest_classes: dict[str, str] = dict(about.get("guest_classes", {}))
        self.managed_guests = tuple[str, ...](about.get("managed_guests", ()))
        self.sample_interval_ns: int = about["sample_interval_ns"]
        self.clock = RemoteClock(self._channel, about, lease.epoch)

    def endpoint(self, name: str, kind: str) -> Endpoint:
        """How to reach `name`; the secret comes over the channel and lives in memory only."""
        return Endpoint(**self._channel.call("endpoint", name=name, kind=kind))

    def baseline(self, spec: BaselineSpec, lease: Lease) -> Baseline:
        """Bring the lab to `spec`."""
        answer = self._channel.call(
            "baseline",
            epoch=lease.epoch,
            versions=dict(spec.versions),
            seed=spec.seed,
            provoke=[dict(cause) for cause in spec.provoke],
        )
        self.clock.catch_up()
        return Baseline(answer["ready"], answer["reason"], answer["versions"])

    def power_state(self, node: str) -> PowerState:
        """Power state as the controller of `node` tells it."""
        return PowerState(self._channel.call("power_state", node=node))

    def power_off(self, node: str, lease: Lease) -> None:
        """Cut the power of `node`."""
        self._channel.call("power_off", epoch=lease.epoch, node=node)

    def power_on(self, node: str, lease: Lease) -> None:
        """Switch `node` on."""
        self._channel.call("power_on", epoch=lease.epoch, node=node)

    def plant(self, cause: str, node: str | None, parameters: Mapping[str, object], lease: Lease) -> None:
        """Plant the cause of a known condition."""
        self._channel.call("plant", epoch=lease.epoch, cause=cause, node=node, parameters=dict(parameters))

    def lift(self, cause: str, node: str | None, lease: Lease) -> None:
        """Take it away again."""
        self._channel.call("lift", epoch=lease.epoch, cause=cause, node=node)

    def events(self, since: int) -> list[Event]:
        """Events after number `since`."""
        return [Event(**event) for event in self._channel.call("events", since=since)]

    def hold(self, hold: Hold, lease: Lease) -> None:
        """Stop lab time at the next matching event."""
        self._channel.call("hold", epoch=lease.epoch, id=hold.id, kind=hold.kind, path=hold.path)

    def unhold(self, hold_id: str, lease: Lease) -> None:
        """Forget a hold."""
        self._channel.call("unhold", epoch=lease.epoch, id=hold_id)

    def held_ns(self, hold_id: str) -> int | None:
        """How long after its event a node stood still."""
        found: int | None = self._channel.call("held", id=hold_id)
        return found

    def consoles(self) -> dict[str, str]:
        """The end of each node's console."""
        return dict(self._channel.call("consoles"))

    def samples(self, since_ns: int) -> SampleWindow:
        """Samples since `since_ns`."""
        return window_from_record(self._channel.call("samples", since_ns=since_ns))

    def release(self, lease: Lease) -> None:
        """End the lab host."""
        self._channel.call("release", epoch=lease.epoch)
        self._channel.close()

    def detach(self) -> None:
        """Hang up and leave the lab host running, for a later resume."""
        self._channel.close()
