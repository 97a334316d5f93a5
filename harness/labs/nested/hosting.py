"""Hosting of nested labs: machines under libvirt in a network namespace, and the brain of their cluster."""

from __future__ import annotations

import hashlib
import logging
import threading
from collections.abc import Callable, Mapping
from contextlib import ExitStack
from pathlib import Path
from typing import Any, Final

from harness.clock import DeadlineExpiredError, monotonic_ns, wait_until
from harness.errors import ConfigError, LabError
from harness.labs.emulated import Addresses, EmulatedBrain, make_token
from harness.labs.models import LabFile
from harness.labs.nested import outside, power
from harness.labs.nested.faults import undo_all, undo_cause
from harness.labs.nested.holding import Holds
from harness.labs.nested.hypervisor import embed_uri
from harness.labs.nested.image import build_image
from harness.labs.nested.layout import Layout, lay_out, machines_of
from harness.labs.nested.leftovers import MACHINES_NAME
from harness.labs.nested.opening import discard_machines, open_machines
from harness.labs.nested.port import DomainEvent
from harness.labs.nested.sets import PRISTINE
from harness.labs.nested.watching import GuestWatch
from harness.measure.samples import window_record
from harness.netns import entered
from harness.values import ControlHealth, SampleWindow

log = logging.getLogger("hil.nested")

CA_NAME: Final = "ca.pem"
SERVE_WITHIN_S: Final = 240.0
"""Wall time from power on until a node serves: twenty seconds in emulation, on a busy machine many times that [INF]."""
CONSOLE_BYTES: Final = 256 * 1024
"""Of each console the end goes into a run's evidence."""
CONSOLE_LOGGED: Final = 4096
"""Characters of it in the log when a node does not come up."""


class NestedHosting:
    """A nested instance from the inside of its lab host (`harness.labs.host.Hosted`)."""

    def __init__(self, instance: str, lab: dict[str, Any], folder: Path) -> None:
        """Bring up network, brain and machines; returns when all nodes serve.

        Raises ConfigError for a lab file that this version cannot host, LabError when the machine lacks something or a
        node does not come up; then nothing is left.
        """
        self._file = LabFile.model_validate(lab)
        nested = self._file.nested
        if nested is None or nested.subject != "emulated":
            raise ConfigError(
                f"lab '{self._file.lab}': of nested labs this version hosts those with 'subject: emulated'",
                hint="see docs/explanation/nested.md",
            )
        layout, token = lay_out(self._file, nested), make_token()
        image = build_image(log.info)
        self._namespace = f"{nested.namespace}-{place_of(folder)}"
        spec = machines_of(instance, nested, layout, image, namespace=self._namespace, token=token)
        self._watch: GuestWatch | None = None
        self._zero_ns: int | None = None
        """Lab time zero on this machine's monotonic clock; None before the first baseline."""
        self._untouched = False
        self._one_at_a_time = threading.RLock()
        with ExitStack() as stack:
            self._machines = open_machines(spec, folder / MACHINES_NAME, embed_uri(root_for(folder)))
            stack.callback(discard_machines, self._machines, with_root=True)
            self._brain = self._make_brain(layout, folder / CA_NAME, token)
            stack.callback(self._brain.close)
            self._holds = Holds(self._freeze, self._thaw, self._now_ns)
            stack.callback(self._holds.close)
            stack.callback(self._end_watch)
            self._brain.watch(self._holds.take)
            self._machines.hypervisor.listen(self._machine_said)
            self._verbs = self._make_verbs()
            self._bring_up()
            self._made = stack.pop_all()

    def _make_brain(self, layout: Layout, ca_file: Path, token: str) -> EmulatedBrain:
        with entered(self._namespace):
            return EmulatedBrain(self._file, Addresses(layout.brain, layout.nodes, layout.guests), ca_file, token)

    def _make_verbs(self) -> Mapping[str, Callable[..., Any]]:
        brain, machines = self._brain, self._machines
        return {
            "describe": brain.described,
            "now": self._now_ns,
            "baseline": self._baseline,
            "endpoint": lambda name, kind: {**brain.endpoint(name, kind), "namespace": self._namespace},
            "power_state": lambda node: "on" if machines.state(node).on else "off",
            "power_off": lambda node: self._mutate(lambda: self._power(node, on=False)),
            "power_on": lambda node: self._mutate(lambda: self._power(node, on=True)),
            "plant": self._plant,
            "lift": self._lift,
            "events": brain.events,
            "hold": lambda id, kind, path: self._holds.hold(id, kind, path),
            "unhold": lambda id: self._holds.unhold(id),
            "held": lambda id: self._holds.lag_ns(id),
            "samples": self._samples,
            "consoles": self._consoles,
        }

    def call(self, verb: str, args: dict[str, Any]) -> Any:
        """Carry out one verb of the control channel."""
        if verb not in self._verbs:
            raise LabError(f"a nested lab has no verb '{verb}'", hint="harness and lab host are of different versions")
        return self._verbs[verb](**args)

    def close(self) -> None:
        """End prober and brain, take faults back, remove machines, network and files: nothing of the lab is left."""
        self._made.close()

    def _now_ns(self) -> int:
        """Lab time, to the nanosecond: that of the model goes in steps."""
        return 0 if self._zero_ns is None else monotonic_ns() - self._zero_ns

    # --- up and at a baseline ----------------------------------------------------------------------------------------

    def _bring_up(self) -> None:
        """All machines as made from their image, running, their nodes serving."""
        self._machines.stop()
        undo_all(self._machines)
        self._machines.ensure()
        self._machines.revert(PRISTINE)
        self._brain.rest()
        self._machines.start()
        log.info("machines are on: %s", ", ".join(self._machines.names))
        try:
            wait_until(self._all_serve, within_s=SERVE_WITHIN_S, what=self._who_is_missing(), poll_s=0.2)
        except DeadlineExpiredError as error:
            self._log_consoles()
            raise LabError(
                f"lab '{self._file.lab}': {self._who_is_missing()}: not within {SERVE_WITHIN_S:g} s",
                hint="what they wrote to their consoles is in host.log of the instance",
            ) from error
        log.info("all nodes serve")
        self._untouched = True

    def _log_consoles(self) -> None:
        for node, text in self._consoles().items():
            log.warning("end of the console of %s:\n%s", node, text[-CONSOLE_LOGGED:])

    def _all_serve(self) -> bool | None:
        return True if set(self._file.nodes) <= set(self._brain.serving) else None

    def _who_is_missing(self) -> str:
        missing = [node for node in self._file.nodes if node not in self._brain.serving]
        return f"{', '.join(missing)} to serve"

    def _baseline(self, versions: dict[str, str], seed: int, provoke: list[dict[str, Any]]) -> dict[str, Any]:
        """The prober watches before lab time zero, so that nothing of the run is unobserved."""
        self._holds.clear()  # needs a turn itself
        with self._one_at_a_time:
            try:
                if not self._untouched:
                    self._bring_up()
                self._watch_anew()
            except LabError as error:
                return {"ready": False, "reason": str(error), "versions": {}}
            answer = self._brain.baseline(versions, seed, provoke)
            self._zero_ns, self._untouched = self._brain.zero_ns, False
            return answer

    def _end_watch(self) -> None:
        if self._watch is not None:
            self._watch.close()

    def _watch_anew(self) -> None:
        self._end_watch()
        if not self._file.guests:
            return
        classes, addresses = self._file.guest_classes, self._brain.guest_addresses
        rows = [
            {"name": guest, "address": addresses[guest], "class": classes.get(guest, "all")}
            for guest in self._file.guests
        ]
        folder = self._machines.folder / f"watch-{monotonic_ns()}"
        self._watch = GuestWatch(self._namespace, rows, folder, self._file.probe)

    def _samples(self, since_ns: int) -> dict[str, Any]:
        if self._watch is None or self._zero_ns is None:
            window = SampleWindow(since_ns, max(since_ns, self._now_ns()), (), ControlHealth(0, 0))
        else:
            window = self._watch.samples(since_ns, self._zero_ns)
        return window_record(window, round(self._file.probe.interval.total_seconds() * 1e9))

    # --- what is done to nodes ---------------------------------------------------------------------------------------

    def _mutate(self, act: Callable[[], Any]) -> None:
        with self._one_at_a_time:
            self._untouched = False
            act()

    def _power(self, node: str, *, on: bool) -> None:
        (power.power_on if on else power.power_off)(self._machines, node)
        self._brain.set_power(node, on=on, cause="" if on else "power loss")

    def _plant(self, cause: str, node: str | None = None, parameters: dict[str, Any] | None = None) -> None:
        def act() -> None:
            if outside.is_outside(cause):
                outside.plant(self._machines, cause, node or "", parameters or {})
            else:
                self._brain.plant(cause, node, parameters)

        self._mutate(act)

    def _lift(self, cause: str, node: str | None = None) -> None:
        def act() -> None:
            if outside.is_outside(cause):
                outside.lift(self._machines, cause, node or "")
            else:
                self._brain.lift(cause, node)

        self._mutate(act)

    def _freeze(self, hold: str, node: str) -> None:
        with self._one_at_a_time:
            power.suspend(self._machines.acting_for(_cause_of(hold)), node)

    def _thaw(self, hold: str, node: str) -> None:
        with self._one_at_a_time:
            undo_cause(self._machines, _cause_of(hold), node)

    def _machine_said(self, event: DomainEvent) -> None:
        """A machine that switches itself off has no power any more."""
        log.info("%s: %s", event.domain, event.detail)
        for node in self._machines.names:
            if event.domain == self._machines.domain(node) and event.detail == "stopped (shutdown)":
                self._brain.set_power(node, on=False, cause="shutdown")

    def _consoles(self) -> dict[str, str]:
        """The end of what each node wrote to its serial port."""
        places = self._machines.places
        logs = {node: places.serial_log(node) for node in self._machines.names}
        return {
            node: path.read_bytes()[-CONSOLE_BYTES:].decode(errors="replace")
            for node, path in logs.items()
            if path.exists()
        }


def _cause_of(hold: str) -> str:
    """What the record of a frozen machine names, so that a hold lets go of what it holds itself."""
    return f"hold {hold}"


def place_of(folder: Path) -> str:
    """What is different for every lab host on this machine, whatever its lab is called: names outside of its folder
    have it in them."""
    return hashlib.sha256(str(folder.absolute()).encode()).hexdigest()[:12]


def root_for(folder: Path) -> Path:
    """Where libvirt keeps its state for the lab host of a folder: QEMU's sockets there need a short path."""
    return Path("/run") / f"hil-{place_of(folder)}"
