"""The prober: everything that watches the guests of a probe file, in one process and one loop, into a recording."""

from __future__ import annotations

import threading
from collections.abc import Callable, Iterator
from dataclasses import replace
from pathlib import Path
from typing import Final

from harness.clock import NS_PER_S, monotonic_ns, spare_collector, utc_now
from harness.errors import ConfigError
from harness.labs.secrets import resolve
from harness.probes.connections import ConnectionProber
from harness.probes.heartbeat import HeartbeatSink, open_sink
from harness.probes.heartbeat_wire import HeartbeatKey
from harness.probes.permission import Permission, permission
from harness.probes.priority import quick_switches, raised
from harness.probes.recording import Header, Recorder
from harness.probes.sampler import OWN, Sampler, SamplerHealth
from harness.probes.services import Service
from harness.probes.settings import SamplerSettings
from harness.probes.target import ProbeTarget
from harness.probes.target_file import Heartbeats, ProbeFile
from harness.values import SampleWindow, Signal

LOOK_S: Final = 1.0
"""Wall time between two looks for finished windows."""

ROWS_PER_S: Final = 100
"""Rows of a quiet recording a second: some 100 MB in four hours, whatever the number of guests [INF]."""
SHORTEST_WINDOW_S: Final = 10
LONGEST_WINDOW_S: Final = 60
"""What a killed prober loses, but for the five seconds for which late answers are waited [INF]."""

NAMED: Final = 10
"""Names in one sentence."""

SINK_S: Final = 0.02
"""Wall time between two looks into the sink's socket: at 50,000 heartbeats a second a thousand wait there [INF]."""


NO_ROOM: Final = "prober: the kernel had no room for the heartbeats that came"


class Prober:
    """Watches the guests of a probe file.  Raises ConfigError or LabError when that cannot begin."""

    def __init__(self, file: ProbeFile, folder: Path) -> None:
        self._file = file
        self._sink = _sink_of(file)
        allowed = permission()
        check_watchable(file, allowed)
        self._services = ConnectionProber(_services_of(file, by_connect=not allowed.half_open))
        settings = SamplerSettings(
            interval_ns=file.interval_ns,
            patience_ns=file.patience_ns,
            burst_ns=file.burst_ns,
            window_ns=_window_ns(file),
        )
        self._sampler = Sampler(
            _targets_of(file, allowed), settings, _controls_of(file, allowed), sources=[self._services]
        )
        self._told = (0, 0)
        self.lost = (*self._sampler.capabilities_lost(), *_lost(file, allowed))
        """What this machine does not let the prober do, in words."""
        header = Header(file.name, utc_now(), file.interval_ns, _rows(file), self.lost, monotonic_ns())
        self._recorder = Recorder(folder, header)

    def run(self, over: Callable[[], bool], each: Callable[[SampleWindow, SamplerHealth], None]) -> None:
        """Watch until `over()`, asked once a second; `each` is called with every window that was written.

        Raises what the sampler or the recorder raise; what was seen until then is in the recording.
        """
        stop = threading.Event()
        failed: list[BaseException] = []

        def sample() -> None:
            try:
                self._sampler.run(stop=stop)
            except BaseException as error:  # noqa: BLE001 - raised again in the thread that waits
                failed.append(error)

        thread = threading.Thread(target=sample, name="sampler", daemon=True)
        spare_collector()
        with quick_switches(), raised():
            thread.start()
            try:
                for _ in self._looks(thread):
                    self._write(each)
                    if over():
                        stop.set()
            finally:
                stop.set()
                thread.join()
                self._write(each)
        if failed:
            raise failed[0]

    def _looks(self, sampler: threading.Thread) -> Iterator[None]:
        """Once a second while the sampler runs; between, the sink's socket is emptied often.

        The sink is not stepped by the sampler: looking through the heartbeats of thousands of guests takes longer than
        a slot, and the kernel has stamped them.
        """
        looked_ns = monotonic_ns()
        while sampler.is_alive():
            sampler.join(SINK_S if self._sink else LOOK_S)
            if self._sink is not None:
                self._sink.step(monotonic_ns())
            if monotonic_ns() - looked_ns >= LOOK_S * NS_PER_S:
                looked_ns = monotonic_ns()
                yield

    def heartbeats_told(self) -> list[str]:
        """What the ledger does not show of the heartbeats, in words: who was never heard, what was not taken."""
        if self._sink is None:
            return []
        health = self._sink.health
        shown = ", ".join(health.unheard[:NAMED]) + (" …" if len(health.unheard) > NAMED else "")
        told = [f"no heartbeat ever came from {len(health.unheard)} of the guests: {shown}"] if health.unheard else []
        refused = {
            "with a wrong tag": health.wrong_tag,
            "of guests that nobody expects": health.unknown_guest,
            "that are no heartbeats, or signed by the agent alone or expected so by the sink alone": health.malformed,
            "dropped by the kernel for want of room": health.dropped,
        }
        found = [f"{count} {what}" for what, count in refused.items() if count]
        return told + ([f"datagrams not taken for heartbeats: {', '.join(found)}"] if found else [])

    def close(self) -> None:
        """Give up sockets and the file."""
        self._sampler.close()
        if self._sink is not None:
            self._sink.close()
        self._recorder.close()

    def _write(self, each: Callable[[SampleWindow, SamplerHealth], None]) -> None:
        for window in self._sampler.windows():
            each(self._recorder.take(self._complete(window)), self._sampler.health())

    def _complete(self, window: SampleWindow) -> SampleWindow:
        """The window with what its sources owed and missed, and when the sink had no room."""
        due, missed = self._services.due, self._services.missed
        control = replace(
            window.control,
            due=window.control.due + due - self._told[0],
            missed=window.control.missed + missed - self._told[1],
        )
        self._told = (due, missed)
        runs = window.runs
        if self._sink is not None:
            runs = (*runs, *self._sink.runs(window.to_ns))
            full = [span for span in self._sink.health.blind if window.from_ns < span[1] <= window.to_ns]
            control = replace(control, blind=(*control.blind, *((*span, NO_ROOM) for span in full)))
        return replace(window, runs=runs, control=control)


def _window_ns(file: ProbeFile) -> int:
    """A window has a row for every guest and signal at least: many guests make longer windows."""
    rows = sum(len(guest.signals) for guest in file.guests)
    return round(min(max(rows / ROWS_PER_S, SHORTEST_WINDOW_S), LONGEST_WINDOW_S) * NS_PER_S)


def check_beforehand(file: ProbeFile) -> None:
    """Raises what `Prober` would raise, as far as that can be told before it watches: ways that this machine does not
    allow, a key that cannot be had, an address at which no heartbeats can be received."""
    check_watchable(file, permission())
    sink = _sink_of(file)
    if sink is not None:
        sink.close()


def check_watchable(file: ProbeFile, allowed: Permission) -> None:
    """Raises ConfigError when guests are left that this machine may ask by no way."""
    if allowed.icmp:
        return
    blind = [guest.name for guest in file.guests if guest.signals == (Signal.ICMP,)]
    if blind:
        raise ConfigError(
            f"this machine may not send ICMP, and {len(blind)} guests are asked nothing else: '{blind[0]}' first",
            hint="run as root or with CAP_NET_RAW, let sysctl net.ipv4.ping_group_range include your group, or name a"
            " tcp, udp or http port of these guests",
        )


def _lost(file: ProbeFile, allowed: Permission) -> Iterator[str]:
    if not allowed.icmp:
        yield "nobody is asked by ICMP, and the prober cannot watch itself by a canary: this machine may not send ICMP"
    if not allowed.half_open and any(guest.tcp for guest in file.guests):
        yield (
            "TCP ports are asked by whole connections, which cost guest and prober more and find edges less exactly:"
            " half-open probes need CAP_NET_RAW"
        )


def _targets_of(file: ProbeFile, allowed: Permission) -> list[ProbeTarget]:
    refused = {Signal.ICMP: not allowed.icmp, Signal.TCP: not allowed.half_open}
    found = []
    for guest in file.guests:
        target = guest.target()
        asked = tuple(each for each in target.signals if not refused.get(each.signal)) if target else ()
        if target is not None and asked:
            found.append(replace(target, signals=asked))
    return found


def _services_of(file: ProbeFile, *, by_connect: bool) -> list[Service]:
    found = [service for guest in file.guests for service in guest.services()]
    if by_connect:
        found += [Service(guest.name, Signal.TCP, guest.address, guest.tcp) for guest in file.guests if guest.tcp]
    return found


def _controls_of(file: ProbeFile, allowed: Permission) -> list[ProbeTarget]:
    if not allowed.icmp:
        return []
    return [OWN, *(ProbeTarget(each.name, each.address, group="control") for each in file.control)]


def _rows(file: ProbeFile) -> tuple[dict[str, object], ...]:
    return tuple(
        {
            "name": guest.name,
            "node": guest.node,
            "class": guest.vm_class,
            "signals": [signal.value for signal in guest.signals],
        }
        for guest in file.guests
    )


def _sink_of(file: ProbeFile) -> HeartbeatSink | None:
    heartbeats = file.heartbeats
    names = [guest.name for guest in file.guests if guest.heartbeat]
    if heartbeats is None or not names:
        return None
    period_ns = round(heartbeats.interval.total_seconds() * 1e9)
    return open_sink(heartbeats.address, heartbeats.port, dict.fromkeys(names, period_ns), key=_key(heartbeats))


def _key(heartbeats: Heartbeats) -> HeartbeatKey | None:
    if heartbeats.key is None:
        return None
    try:
        return HeartbeatKey.parse(resolve(heartbeats.key))
    except ValueError as error:
        raise ConfigError(f"'{heartbeats.key}': {error}", hint="docs/howto/install-heartbeat-agents.md") from error
