"""What the connection prober keeps of its services and of each probe on its way."""

from __future__ import annotations

from collections import deque
from collections.abc import Iterable, Mapping

from harness.errors import ConfigError
from harness.probes.http import Response
from harness.probes.runs import RunBuilder
from harness.probes.services import Service, Timing, check_timing
from harness.probes.sockets import Link
from harness.probes.stagger import Stagger
from harness.values import Answer, SampleRun, Signal


class Attempt:
    """One probe.  Over (`link` is None) it has an answer, or none when its sample is left out."""

    __slots__ = ("answer", "error_ns", "interval_ns", "link", "made", "response", "sent_ns", "track")

    def __init__(self, track: Track, sent_ns: int, interval_ns: int) -> None:
        self.track = track
        self.sent_ns = sent_ns
        self.interval_ns = interval_ns
        self.link: Link | None = None
        self.made = False
        """The connection stands, the request is on its way."""
        self.response: Response | None = None
        self.answer: Answer | None = None
        self.error_ns = 0

    @property
    def extra(self) -> bool:
        """Of a burst: nobody owes it."""
        return self.interval_ns != self.track.lane.timing.interval_ns


class Track:
    """One service and what is known of it."""

    __slots__ = (
        "answered_ns",
        "attempts",
        "broken",
        "burst",
        "family",
        "idle_ns",
        "idle_s",
        "kept",
        "lane",
        "request",
        "runs",
        "service",
        "sockaddr",
        "suspect_ns",
        "turn",
        "usual_ns",
    )

    def __init__(self, service: Service, lane: Lane, prober: str) -> None:
        timing = lane.timing
        self.service = service
        self.lane = lane
        self.family, self.sockaddr = service.endpoint()
        self.request = service.request()
        shortest_ns = timing.burst_ns or timing.interval_ns
        self.runs = RunBuilder(
            service.vm, service.signal, timing.interval_ns, prober=prober, most_ns=shortest_ns * 3 // 2
        )
        self.attempts: deque[Attempt] = deque()
        """In the order in which they left, until their sample is told."""
        self.usual_ns = 0
        """The usual round trip; 0 before the first answer."""
        self.answered_ns = 0
        """When the newest probe left that was answered."""
        self.suspect_ns: int | None = None
        """When the probe left whose silence made this target a suspect."""
        self.turn = 0
        """Number of its next turn in the bursts; 0 for none."""
        self.burst: deque[Attempt] = deque()
        self.kept: Link | None = None
        """The idle connection for the next request, since `idle_ns`; `idle_s` is how long the service keeps it."""
        self.idle_ns = 0
        self.idle_s: int | None = None
        self.broken = False
        """The kept connection broke since the last request."""

    def told(self, until_ns: int) -> list[SampleRun]:
        """The runs of the samples up to `until_ns` before which nothing is on its way; each sample once."""
        queue = self.attempts
        while queue and queue[0].link is None and queue[0].sent_ns <= until_ns:
            attempt = queue.popleft()
            if attempt.answer is not None:
                self.runs.take(attempt.sent_ns, attempt.answer, attempt.error_ns, interval_ns=attempt.interval_ns)
        return self.runs.flush()


class Lane:
    """All services of one signal: one timing, one schedule, one queue of deadlines."""

    __slots__ = ("stagger", "timing", "tracks", "waiting")

    def __init__(self, timing: Timing, services: Iterable[Service], prober: str) -> None:
        self.timing = timing
        self.tracks = [Track(service, self, prober) for service in services]
        self.stagger = Stagger(len(self.tracks), timing.interval_ns)
        self.waiting: deque[Attempt] = deque()

    @property
    def most_owed(self) -> int:
        """Scheduled probes under way when no target answers."""
        return len(self.tracks) * (self.timing.late_ns // self.timing.interval_ns + 2)


def lanes_of(services: Iterable[Service], timings: Mapping[Signal, Timing], prober: str) -> list[Lane]:
    """One lane for each signal.

    Raises ConfigError when one guest has two services of the same signal or a timing cannot serve its signal.
    """
    by_signal: dict[Signal, dict[str, Service]] = {}
    for service in services:
        known = by_signal.setdefault(service.signal, {})
        if service.vm in known:
            raise ConfigError(
                f"guest {service.vm} has two services of signal {service.signal}: their samples cannot be told apart",
                hint="probe one of them, or give the second to a prober of another name",
            )
        known[service.vm] = service
    for signal in by_signal:
        check_timing(signal, timings[signal])
    return [Lane(timings[signal], known.values(), prober) for signal, known in by_signal.items()]
