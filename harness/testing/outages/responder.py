"""The process that plays the guests, and the handle on it.

``python -m harness.testing.outages.responder`` reads a setup from its first line of input and answers ``ready``; with
``begin NS`` the script begins at that instant of the monotonic clock.  It plays until its input ends, then writes the
truth and leaves.
"""

from __future__ import annotations

import gc
import json
import os
import select
import sys
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import IO, Final

from harness.clock import NS_PER_MS, monotonic_ns
from harness.errors import LabError
from harness.testing.outages.beds import Bed
from harness.testing.outages.behaviour import Behaviour
from harness.testing.outages.child import READY, Child, ready_child
from harness.testing.outages.echo import DatagramEcho, Echo, PingEcho
from harness.testing.outages.heartbeats import Heartbeats
from harness.testing.outages.script import FOREVER_NS, Setup
from harness.testing.outages.services import Services
from harness.testing.outages.silencer import Silencer
from harness.testing.outages.truth import Truth

_LONGEST_WAIT_NS: Final = 20 * NS_PER_MS
_STALL_NS: Final = 50 * NS_PER_MS
"""Work that comes so much later than it should is noted: answers were late meanwhile."""
_PRIORITY: Final = 1
"""The lowest real-time one, which the sampler has too: neither keeps the other waiting."""
_PING_SWITCH: Final = Path("/proc/sys/net/ipv4/icmp_echo_ignore_all")


class Responder:
    """A process that plays guests."""

    def __init__(self, child: Child) -> None:
        self.process = child.process
        self._commands, self._answers = child.commands, child.answers
        self.begin_ns: int | None = None

    def begin(self, at_ns: int | None = None) -> int:
        """Begin the script at an instant of the monotonic clock, by default now; returns it."""
        self.begin_ns = monotonic_ns() if at_ns is None else at_ns
        self._commands.write(f"begin {self.begin_ns}\n")
        self._commands.flush()
        return self.begin_ns

    def truth(self) -> Truth:
        """End the play; what the responder saw of it.  Raises LabError when it died."""
        self._commands.close()
        text = self._answers.read()
        if self.process.wait(20) or not text:
            raise LabError(f"the responder ended with code {self.process.returncode}, without the truth")
        return Truth.from_plain(json.loads(text))


@contextmanager
def responding(bed: Bed, setup: Setup) -> Iterator[Responder]:
    """Guests that answer on their side of a bed, for the length of a block.  Raises LabError when they cannot."""
    command = bed.responder([sys.executable, "-m", "harness.testing.outages.responder"])
    with ready_child(command, {"setup": setup.plain(), "rooted": bed.rooted}, "responder") as child:
        yield Responder(child)


class Play:
    """The responder's own loop."""

    def __init__(self, setup: Setup, *, rooted: bool) -> None:
        self._rooted = rooted
        self._behaviour = Behaviour(setup)
        self._begin_ns = monotonic_ns() + FOREVER_NS
        """Until the script begins nobody is away."""
        self._begun = False
        self._echoes: list[Echo] = []
        self._stalls: list[tuple[int, int]] = []
        if rooted:
            _PING_SWITCH.write_text("0" if setup.kernel_answers else "1")
            if not setup.kernel_answers:
                self._echoes.append(PingEcho(setup, self._behaviour))
        if setup.udp_port:
            self._echoes.append(DatagramEcho(setup, self._behaviour, loopback=not rooted))
        self._services: Services | None = None
        if setup.tcp_port or setup.http_port:
            self._services = Services(setup, self._behaviour, loopback=not rooted)
        needs_filter = rooted and setup.outages and (self._services or setup.kernel_answers)
        self._silencer = Silencer(setup) if needs_filter else None
        self._heartbeats: Heartbeats | None = None
        if setup.heartbeats_to:
            self._heartbeats = Heartbeats(setup, self._behaviour, setup.heartbeats_to, monotonic_ns())

    def run(self, commands: IO[str]) -> Truth:
        """Play until the input ends."""
        poll = select.epoll()
        poll.register(commands.fileno(), select.EPOLLIN)
        echoes = {echo.fileno(): echo for echo in self._echoes}
        for descriptor in echoes:
            poll.register(descriptor, select.EPOLLIN)
        wake_ns = monotonic_ns()
        while True:
            ready = {descriptor for descriptor, _ in poll.poll(max(0, wake_ns - monotonic_ns()) / 10**9)}
            now_ns = monotonic_ns()
            if now_ns - wake_ns > _STALL_NS:
                self._stalls.append((wake_ns, now_ns))
            for descriptor in ready & echoes.keys():
                echoes[descriptor].answer(self._begin_ns)
            if commands.fileno() in ready and not self._obey(commands.readline()):
                break
            wake_ns = self._work_on_time()
        return self._truth()

    def close(self) -> None:
        """Release everything."""
        for part in (*self._echoes, self._heartbeats, self._services, self._silencer):
            if part:
                part.close()
        if self._rooted:
            _PING_SWITCH.write_text("0")

    def _work_on_time(self) -> int:
        """What is to be done by the clock; returns when to be back."""
        now_ns = monotonic_ns()
        wake_ns = now_ns + _LONGEST_WAIT_NS
        for echo in self._echoes:
            next_ns = echo.answer_late(now_ns)
            wake_ns = wake_ns if next_ns is None else min(wake_ns, next_ns)
        if self._heartbeats:
            self._heartbeats.push(now_ns, self._begin_ns)
            wake_ns = min(wake_ns, max(self._heartbeats.next_ns, now_ns + NS_PER_MS))
        return wake_ns

    def _obey(self, line: str) -> bool:
        """One line of input; False at its end."""
        if line.startswith("begin "):
            self._begin_ns, self._begun = int(line.split()[1]), True
            for part in (self._services, self._silencer):
                if part:
                    part.begin(self._begin_ns)
        return bool(line)

    def _truth(self) -> Truth:
        ledgers = [part.ledger for part in (*self._echoes, self._heartbeats) if part]
        until_ns = monotonic_ns() if self._begun else self._begin_ns
        silences = [one for ledger in ledgers for one in ledger.silences(self._begin_ns, until_ns)]
        if self._silencer:
            self._silencer.close()
            silences += self._silencer.silences(self._begin_ns)
        answered = {ledger.packets: ledger.answered for ledger in ledgers}
        return Truth(self._begin_ns, tuple(silences), tuple(self._stalls), answered)


def become_realtime(pid: int = 0) -> bool:
    """Have a process (0: this one) come before ordinary ones, like the sampler's thread; whether that was granted."""
    try:
        os.sched_setscheduler(pid, os.SCHED_RR, os.sched_param(_PRIORITY))
    except PermissionError:
        return False
    return True


def main() -> None:
    """Play what the first line of input says."""
    asked = json.loads(sys.stdin.readline())
    setup = Setup.from_plain(asked["setup"])
    if setup.realtime:
        become_realtime()
    play = Play(setup, rooted=asked["rooted"])
    try:
        gc.freeze()
        print(READY, end="", flush=True)  # noqa: T201 - the protocol of this process
        truth = play.run(sys.stdin)
    finally:
        play.close()
    print(json.dumps(truth.plain()), flush=True)  # noqa: T201


if __name__ == "__main__":
    main()
