"""How kept HTTP connections are used and replaced, on a virtual clock: each connection is counted.

Beside real sockets an answer may take longer than the interval whenever the machine is busy, and then one more
connection is right.
"""

from __future__ import annotations

import errno
from collections.abc import Iterable
from dataclasses import dataclass, field
from typing import Any

import pytest

from harness.clock import NS_PER_MS
from harness.probes.connections import ConnectionProber
from harness.probes.services import Service, Timing
from harness.probes.sockets import UNDER_WAY, WRITABLE
from harness.values import Answer, Signal

GOOD = b"HTTP/1.1 200 OK\r\nContent-Length: 2\r\n\r\nok"
BYE = b"HTTP/1.1 200 OK\r\nConnection: close\r\nContent-Length: 0\r\n\r\n"
INTERVAL_MS, SLOW_MS, LATE_MS = 20, 300, 600


@dataclass
class WebLink:
    """One connection to a web server."""

    web: FakeWeb
    number: int
    requests: int = 0
    open: bool = True
    broken: int | None = None
    """The server's end: 0 closed it, an error number ended it."""
    _coming: list[tuple[float, bytes]] = field(default_factory=list)

    def fileno(self) -> int:
        return self.number

    def getsockopt(self, level: int, name: int) -> int:
        return 0

    def send(self, data: bytes) -> int:
        self.requests += 1
        if not self.web.silent:
            self._coming.append((self.web.now_ms + self.web.after_ms, self.web.reply))
        self.web.silent = self.web.silent and not self.web.once
        return len(data)

    @property
    def readable(self) -> bool:
        return self.broken is not None or any(at_ms <= self.web.now_ms for at_ms, _ in self._coming)

    def recv(self, most: int) -> bytes:
        if self._coming and self._coming[0][0] <= self.web.now_ms:
            return self._coming.pop(0)[1]
        if self.broken is None:
            raise BlockingIOError
        if self.broken:
            raise OSError(self.broken, "ended")
        return b""

    def close(self) -> None:
        self.open = False


@dataclass
class FakeWeb:
    """A web server, its network and its clock.

    It answers a request with `reply` after `after_ms`; while `silent` not at all, `once` only to the next one.
    """

    reply: bytes = GOOD
    after_ms: float = 2
    silent: bool = False
    once: bool = False
    now_ns: int = 0
    links: list[WebLink] = field(default_factory=list)
    _watched: dict[int, int] = field(default_factory=dict)

    @property
    def now_ms(self) -> float:
        return self.now_ns / NS_PER_MS

    @property
    def open(self) -> list[WebLink]:
        return [link for link in self.links if link.open]

    def connect(self, family: int, address: Any) -> tuple[WebLink, int]:
        link = WebLink(self, len(self.links) + 1)
        self.links.append(link)
        return link, UNDER_WAY

    def watch(self, link: Any, events: int) -> None:
        self._watched[link.number] = events

    def change(self, link: Any, events: int) -> None:
        self._watched[link.number] = events

    def look(self) -> tuple[Iterable[tuple[int, int]], bool]:
        waiting = [(link, self._watched[link.number]) for link in self.open if link.number in self._watched]
        return [(link.number, wants) for link, wants in waiting if wants == WRITABLE or link.readable], True

    def end(self, error: int = 0) -> None:
        """End the open connections, by an orderly close or with `error`."""
        for link in self.open:
            link.broken = error

    def close(self) -> None:
        pass


@dataclass
class Bed:
    """A prober that asks a fake web server over kept connections."""

    web: FakeWeb = field(default_factory=FakeWeb)

    def __post_init__(self) -> None:
        signal = Signal.HTTP_REUSED
        timing = Timing(INTERVAL_MS * NS_PER_MS, SLOW_MS * NS_PER_MS, LATE_MS * NS_PER_MS)
        self.prober = ConnectionProber(
            [Service("vm1", signal, "10.0.0.1", 80)],
            timings={signal: timing},
            network=self.web,  # type: ignore[arg-type]
            clock=lambda: self.web.now_ns,
        )

    def run(self, ms: int) -> list[Answer]:
        """Go on for `ms`; the answers that became final."""
        until_ns = self.web.now_ns + ms * NS_PER_MS
        while self.web.now_ns < until_ns:
            self.prober.step(self.web.now_ns)
            self.web.now_ns += NS_PER_MS
        return [run.answer for run in self.prober.runs(self.web.now_ns) for _ in range(run.count)]


@pytest.fixture
def bed() -> Bed:
    return Bed()


def test_all_requests_go_over_one_connection(bed: Bed) -> None:
    assert bed.run(1000) == [Answer.OK] * 50
    assert [link.requests for link in bed.web.links] == [50]
    assert len(bed.web.open) == 1


@pytest.mark.parametrize("error", [0, errno.ECONNRESET])
def test_a_broken_connection_is_one_bad_sample_and_replaced(bed: Bed, error: int) -> None:
    bed.run(210)
    bed.web.end(error)
    assert bed.run(400) == [Answer.REFUSED] + [Answer.OK] * 19
    assert [link.open for link in bed.web.links] == [False, True]


def test_a_connection_that_falls_silent_is_left_for_another(bed: Bed) -> None:
    bed.run(210)
    bed.web.silent = bed.web.once = True
    answers = bed.run(1000)
    assert answers == [Answer.LOST] + [Answer.OK] * 49
    assert [(link.requests, link.open) for link in bed.web.links] == [(12, False), (49, True)]


def test_a_service_that_hangs_is_asked_over_new_connections_and_one_is_kept_after_it(bed: Bed) -> None:
    bed.run(200)
    bed.web.silent = True
    bed.run(800)
    bed.web.silent = False
    assert Answer.LOST in bed.run(1500)
    assert set(bed.run(400)) == {Answer.OK}
    assert len(bed.web.open) == 1


def test_answers_that_take_longer_than_the_interval_cost_one_more_connection(bed: Bed) -> None:
    bed.web.after_ms = INTERVAL_MS * 3 // 2
    assert set(bed.run(1000)) == {Answer.OK}
    assert [link.requests for link in bed.web.links] == [25, 25]
    bed.web.after_ms = 2
    assert set(bed.run(200)) == {Answer.OK}
    assert len(bed.web.open) == 1, "one waits for the next request; the other is closed"


def test_an_announced_close_is_no_bad_sample(bed: Bed) -> None:
    bed.web.reply = BYE
    assert set(bed.run(200)) == {Answer.OK}
    assert [link.requests for link in bed.web.links] == [1] * 10


@pytest.mark.parametrize(("seconds", "answer"), [(1, Answer.OK), (2, Answer.REFUSED)])
def test_a_close_is_no_bad_sample_once_the_announced_idle_time_may_be_over(seconds: int, answer: Answer) -> None:
    """The service tells whole seconds and may count from a moment earlier: with one second every close is in time."""
    bed = Bed(FakeWeb(reply=b"HTTP/1.1 200 OK\r\nKeep-Alive: timeout=%d\r\nContent-Length: 0\r\n\r\n" % seconds))
    bed.run(210)
    bed.web.end()
    assert bed.run(20) == [answer]


def test_a_close_while_the_prober_stood_still_is_no_bad_sample(bed: Bed) -> None:
    bed.run(210)
    bed.web.now_ns += 300 * NS_PER_MS
    bed.web.end()
    assert set(bed.run(200)) == {Answer.OK}
    assert len(bed.web.links) == 2
