"""The connection prober: availability by TCP connect and by HTTP.

For services, and for guests where half-open TCP is not allowed (it needs CAP_NET_RAW).  One thread: the sampler calls
`step` every few milliseconds, which never blocks.

What an answer means by signal:

- `tcp`: the connect was accepted (*ok*), reset (*refused*), or nothing came (*lost*).  The guest's kernel answers, not
  the service: one that hangs is *ok* until its queue of connections is full, and each probe takes a place in that
  queue until the service accepts it.  A service that hangs is found by HTTP.
- `http`: a new connection for each request.  Status below 500 is *ok*, 500 and above *refused*, and so is what is no
  HTTP/1 response or breaks off.
- `http-reused`: one kept connection.  When it breaks (also between two requests) the next sample is *refused*, when it
  does not answer that sample is *lost*; the sample after it goes over a new connection.  So a broken connection is one
  bad sample, a broken service many.  A close that the service announced (`Connection: close`, or `Keep-Alive: timeout`
  and the time is over) is none.  Kept connections must be asked more often than the service closes idle ones.

An answer after the limit for slow ones is *slow*.  A lost packet of an HTTP exchange is sent again by the kernel, so an
outage shorter than the wait for late answers can show as *slow* there; `error_ns` then covers it.  For `tcp` that is
ruled out, see SYN_AGAIN_NS.

The stamps are those of this process (round trips are rounded up to the next step), so what became readable while the
process stood still for more than STALL_NS is left out unless it is certain.
"""

from __future__ import annotations

import socket
from collections import Counter
from collections.abc import Callable, Iterable, Mapping
from typing import Final

from harness.clock import NS_PER_S, monotonic_ns
from harness.errors import ConfigError
from harness.probes.attempts import Attempt, Lane, Track, lanes_of
from harness.probes.http import MOST_BYTES, Response
from harness.probes.services import STALL_NS, TIMINGS, Service, Timing
from harness.probes.sockets import (
    READABLE,
    UNDER_WAY,
    WRITABLE,
    EpollNetwork,
    Link,
    Network,
    allow_files,
    answer_of,
    error_name,
)
from harness.probes.suspects import BURST_UNDER_WAY, MOST_SUSPECTS, Suspects
from harness.values import Answer, SampleRun, Signal

PROBES_A_STEP: Final = 64
"""Probes of one signal in one step, which must not last: so many connects take 2 to 6 ms [INF, measured]."""
_READ_BYTES: Final = 16 * 1024


class ConnectionProber:
    """Probes `services` by their signals; a `Source` of the sampler.

    `prober` is the name that its runs carry.  `most_under_way` caps the connections that wait for an answer; by default
    it is what a failure of all targets at once needs, so that the worst moment is not the one that is not seen.
    `clock` must be the one whose values come by `step`; without it, time runs on from those values as on the machine's
    monotonic clock.

    Raises ConfigError when one guest has two services of the same signal, a timing cannot serve its signal, or the
    process may not have as many open files as needed.
    """

    def __init__(
        self,
        services: Iterable[Service],
        *,
        timings: Mapping[Signal, Timing] = TIMINGS,
        prober: str = "",
        most_under_way: int | None = None,
        network: Network | None = None,
        clock: Callable[[], int] | None = None,
    ) -> None:
        self._clock = clock or self._running_ns
        self._ahead_ns: int | None = None
        """Time of the steps less the machine's monotonic time."""
        self._lanes = lanes_of(services, timings, prober)
        bursting = sum(len(lane.tracks) for lane in self._lanes if lane.timing.burst_ns)
        worst = sum(lane.most_owed for lane in self._lanes) + min(bursting, MOST_SUSPECTS) * BURST_UNDER_WAY
        self._most_under_way = worst if most_under_way is None else most_under_way
        if self._most_under_way < 1 and self._lanes:
            raise ConfigError(f"at most {most_under_way} connections: nothing can be probed", hint="allow at least 1")
        if network is None:
            tracks = (track for lane in self._lanes for track in lane.tracks)
            kept = sum(track.service.signal is Signal.HTTP_REUSED for track in tracks)
            allow_files(min(worst, self._most_under_way) + kept)
        self._network: Network = network or EpollNetwork()
        self._under_way: dict[int, Attempt] = {}
        self._idle: dict[int, Track] = {}
        self._suspects = Suspects()
        self._looked_ns: int | None = None
        self._failed: Counter[str] = Counter()
        self._closed = False

    @property
    def due(self) -> int:
        """Probes that the schedule owed so far, those of bursts not counted."""
        return sum(lane.stagger.due for lane in self._lanes)

    @property
    def missed(self) -> int:
        """Of those, how many gave no sample through no fault of a target."""
        return sum(self.missed_by.values())

    @property
    def missed_by(self) -> dict[str, int]:
        """Missed probes by cause: `late` (no step in time), `cap` (too many under way), `stall` (answered while this
        process stood still), or the symbol of an error of our own side, e.g. `EMFILE`."""
        causes = Counter(self._failed)
        causes["late"] += sum(lane.stagger.missed for lane in self._lanes)
        return {cause: number for cause, number in sorted(causes.items()) if number}

    @property
    def under_way(self) -> int:
        """Connections that wait for an answer now."""
        return len(self._under_way)

    @property
    def settle_ns(self) -> int:
        """After so long every probe has its answer: `runs(now - settle_ns)` leaves nothing behind."""
        return max((lane.timing.late_ns for lane in self._lanes), default=0) + 2 * STALL_NS

    def step(self, now_ns: int) -> None:
        """Read what came, give up what is over, send what is due at `now_ns` (monotonic, of any origin)."""
        if self._closed:
            return
        ahead_ns = now_ns - monotonic_ns()
        if self._ahead_ns is None or ahead_ns > self._ahead_ns:
            self._ahead_ns = ahead_ns  # It looks smaller when this process was held up before it came here.
        self._look()
        for lane in self._lanes:
            for index in lane.stagger.take(now_ns, PROBES_A_STEP):
                self._probe(lane.tracks[index], lane.timing.interval_ns)
        self._burst(now_ns)

    def runs(self, until_ns: int) -> list[SampleRun]:
        """The final runs of the samples up to and including `until_ns`, in order of time; each sample once.

        A sample is told when those before it of the same service are final, so with `until_ns` younger than `settle_ns`
        some are left for the next call.
        """
        found = [run for lane in self._lanes for track in lane.tracks for run in track.told(until_ns)]
        return sorted(found, key=lambda run: (run.first_ns, run.vm))

    def close(self) -> None:
        """Close all connections; what was under way gives no sample.  `runs` still tells the final ones."""
        if self._closed:
            return
        self._closed = True
        for attempt in list(self._under_way.values()):
            self._leave_out(attempt)
        for track in self._idle.values():
            if track.kept is not None:
                track.kept.close()
                track.kept = None
        self._idle.clear()
        self._network.close()

    def _running_ns(self) -> int:
        return monotonic_ns() + (self._ahead_ns or 0)

    def _look(self) -> None:
        events, complete = self._network.look()
        seen_ns = self._clock()
        before_ns = self._looked_ns
        stalled = before_ns is not None and seen_ns - before_ns > STALL_NS
        self._looked_ns = seen_ns
        for descriptor, happened in events:
            attempt = self._under_way.get(descriptor)
            if attempt is not None:
                self._advance(attempt, happened, seen_ns, stalled)
            elif descriptor in self._idle:
                self._idle_ended(self._idle[descriptor], seen_ns, stalled)
        if complete:  # Else an answer may still be unread.
            for lane in self._lanes:
                self._expire(lane, seen_ns, stalled)

    def _expire(self, lane: Lane, seen_ns: int, stalled: bool) -> None:
        waiting, late_ns = lane.waiting, lane.timing.late_ns
        while waiting and (waiting[0].link is None or seen_ns - waiting[0].sent_ns > late_ns):
            attempt = waiting.popleft()
            if attempt.link is None:
                continue
            if stalled:
                # Were the whole machine stopped, its kernel would not have received an answer either.
                self._leave_out(attempt, "stall")
            else:
                self._finish(attempt, Answer.LOST, attempt.track.usual_ns)

    def _probe(self, track: Track, interval_ns: int) -> Attempt | None:
        """One probe of `track`, on its way or over at once; None when our own side fails."""
        attempt = Attempt(track, self._clock(), interval_ns)
        if track.broken:
            track.broken = False
            track.attempts.append(attempt)
            attempt.answer = Answer.REFUSED
            return attempt
        if len(self._under_way) >= self._most_under_way:
            self._fail(attempt, "cap")
            return None
        if track.kept is not None:
            link, track.kept = track.kept, None
            del self._idle[link.fileno()]
            self._start(attempt, link)
            self._send(attempt, attempt.sent_ns)
            return attempt
        try:
            link, error = self._network.connect(track.family, track.sockaddr)
        except OSError as failure:
            self._fail(attempt, error_name(failure.errno))
            return None
        return self._opened(attempt, link, error)

    def _opened(self, attempt: Attempt, link: Link, error: int) -> Attempt | None:
        if error not in (0, UNDER_WAY) and answer_of(error) is not Answer.REFUSED:
            # Even "unreachable" is our own side when it comes at once: no packet has left.
            link.close()
            self._fail(attempt, error_name(error))
            return None
        self._start(attempt, link)
        waits = bool(attempt.track.request) and not error
        try:
            if error == UNDER_WAY or waits:
                self._network.watch(link, READABLE if waits else WRITABLE)
        except OSError as failure:
            self._leave_out(attempt, error_name(failure.errno))
            return None
        if error == UNDER_WAY:
            return attempt
        now_ns = self._clock()
        took_ns = now_ns - attempt.sent_ns
        if error:
            self._finish(attempt, Answer.REFUSED, took_ns)
        elif waits:
            self._send(attempt, now_ns)
        else:
            self._answered(attempt, now_ns, took_ns > STALL_NS)
        return attempt

    def _start(self, attempt: Attempt, link: Link) -> None:
        attempt.link = link
        self._under_way[link.fileno()] = attempt
        attempt.track.attempts.append(attempt)
        attempt.track.lane.waiting.append(attempt)
        self._suspects.sent(attempt)

    def _advance(self, attempt: Attempt, happened: int, seen_ns: int, stalled: bool) -> None:
        """Something happened on the connection of `attempt`."""
        link = attempt.link
        if link is None:
            return
        if not attempt.made:
            error = 0 if happened == WRITABLE else link.getsockopt(socket.SOL_SOCKET, socket.SO_ERROR)
            if error:
                self._broke(attempt, error, seen_ns, stalled)
            elif not attempt.track.request:
                self._answered(attempt, seen_ns, stalled)
            else:
                self._network.change(link, READABLE)
                self._send(attempt, seen_ns)
            return
        response = attempt.response
        if response is None:
            return
        try:
            chunk = link.recv(_READ_BYTES)
        except BlockingIOError:
            return
        except OSError as failure:
            self._broke(attempt, failure.errno or 0, seen_ns, stalled)
            return
        if chunk:
            response.feed(chunk)
        else:
            response.end()
        if response.malformed or (response.done and response.status >= 500):
            self._finish(attempt, Answer.REFUSED, seen_ns - attempt.sent_ns)
        elif response.done:
            self._answered(attempt, seen_ns, stalled)

    def _send(self, attempt: Attempt, now_ns: int) -> None:
        link, request = attempt.link, attempt.track.request
        if link is None:
            return
        attempt.made = True
        attempt.response = Response(head_only=attempt.track.service.method == "HEAD")
        try:
            if link.send(request) != len(request):
                # A new or idle connection has room for a few hundred bytes; without it this side is short of memory.
                self._leave_out(attempt, "ENOBUFS")
        except OSError as failure:
            self._broke(attempt, failure.errno or 0, now_ns, False)

    def _broke(self, attempt: Attempt, error: int, seen_ns: int, stalled: bool) -> None:
        answer = answer_of(error)
        if answer is None:
            self._leave_out(attempt, error_name(error))
        elif answer is Answer.LOST and stalled:
            self._leave_out(attempt, "stall")
        elif answer is Answer.LOST:
            self._finish(attempt, answer, attempt.track.usual_ns)
        else:
            self._finish(attempt, answer, seen_ns - attempt.sent_ns)

    def _answered(self, attempt: Attempt, seen_ns: int, stalled: bool) -> None:
        """A good answer, seen at `seen_ns`: ok or slow, or left out when a stall makes that uncertain."""
        timing = attempt.track.lane.timing
        took_ns = seen_ns - attempt.sent_ns
        if took_ns <= timing.slow_ns:
            usual_ns = attempt.track.usual_ns
            attempt.track.usual_ns = usual_ns + (took_ns - usual_ns) // 8 if usual_ns else took_ns
            self._finish(attempt, Answer.OK, took_ns)
        elif stalled:
            self._leave_out(attempt, "stall")
        else:
            self._finish(attempt, Answer.SLOW, took_ns)

    def _finish(self, attempt: Attempt, answer: Answer, error_ns: int) -> None:
        attempt.answer = answer
        attempt.error_ns = error_ns
        self._release(attempt)
        if answer is Answer.LOST:
            self._suspects.silent(attempt)
        else:
            self._suspects.answered(attempt)

    def _release(self, attempt: Attempt) -> None:
        """The probe is over; its connection is closed, or kept for the next one."""
        link, track, response = attempt.link, attempt.track, attempt.response
        if link is None:
            return
        attempt.link = attempt.response = None
        del self._under_way[link.fileno()]
        keeps = track.service.signal is Signal.HTTP_REUSED and response is not None and response.done and response.keeps
        if keeps and response is not None and track.kept is None and not self._closed:
            track.kept = link
            track.idle_ns = self._looked_ns or 0
            track.idle_s = response.idle_s
            self._idle[link.fileno()] = track
        else:
            link.close()

    def _leave_out(self, attempt: Attempt, cause: str = "") -> None:
        """No sample of this probe; with a cause it counts as missed if it was owed."""
        self._release(attempt)
        if cause:
            self._fail(attempt, cause)

    def _fail(self, attempt: Attempt, cause: str) -> None:
        if not attempt.extra:
            self._failed[cause] += 1

    def _idle_ended(self, track: Track, seen_ns: int, stalled: bool) -> None:
        """A kept connection ended, or talked, between two requests.

        An orderly end is the service's right when it told so, or when we kept it waiting by a stall of our own.
        """
        link, track.kept = track.kept, None
        if link is None:
            return
        del self._idle[link.fileno()]
        try:
            orderly = not link.recv(MOST_BYTES)
        except OSError:
            orderly = False
        link.close()
        # The service may count from a moment earlier than ours; whole seconds are all it tells.
        announced = track.idle_s is not None and seen_ns - track.idle_ns >= (track.idle_s - 1) * NS_PER_S
        track.broken = not (orderly and (announced or stalled))

    def _burst(self, now_ns: int) -> None:
        """Probe the suspects whose turn it is."""
        for track, interval_ns in self._suspects.due(now_ns):
            while track.burst and (track.burst[0].link is None or len(track.burst) >= BURST_UNDER_WAY):
                self._leave_out(track.burst.popleft())
            attempt = self._probe(track, interval_ns)
            if attempt is not None and attempt.link is not None:
                track.burst.append(attempt)
