"""Requests of a virtual clock that wait for output: they get it at its lab time, or their time-out at theirs."""

from __future__ import annotations

import asyncio
import threading
from collections.abc import Awaitable, Callable
from concurrent.futures import ThreadPoolExecutor
from typing import TypeVar

import pytest

from harness.twin.clock import ClockMode
from harness.twin.engine import EngineEvent, LabEngine
from harness.twin.machine import InputPipe
from harness.twin.units import NS_PER_S
from harness.twin.waiting import VirtualWaiter

S = NS_PER_S
T = TypeVar("T")


class Plant:
    """A simulation without events."""

    now_ns = 0

    def run_until(self, t_ns: int, stop: Callable[[EngineEvent], bool] | None = None) -> EngineEvent | None:
        del stop
        self.now_ns = t_ns
        return None


class Desk:
    """One engine with its waiter, and programs that write to an event on the loop, as the server's output does."""

    def __init__(self) -> None:
        self.engine = LabEngine(Plant(), ClockMode(None))
        self.threads = ThreadPoolExecutor(64)
        self.waiter = VirtualWaiter(self.engine, self.threads)

    def run(self, scene: Callable[[], Awaitable[T]], within_s: float = 10) -> T:
        async def limited() -> T:
            async with asyncio.timeout(within_s):
                return await scene()

        try:
            return asyncio.run(limited())
        finally:
            self.engine.close()
            self.threads.shutdown()

    def program(self, lab_s: float, output: asyncio.Event, wall_s: float = 0) -> None:
        """Wait for lab time, compute for a while, write."""
        loop = asyncio.get_running_loop()
        self.engine.announce()

        def body() -> None:
            with self.engine.computing():
                if lab_s:
                    self.engine.wait(lab_s)
                threading.Event().wait(wall_s)
                loop.call_soon_threadsafe(output.set)

        self.threads.submit(body)


@pytest.fixture
def desk() -> Desk:
    return Desk()


def test_output_that_is_there_needs_no_time(desk: Desk) -> None:
    async def scene() -> bool:
        output = asyncio.Event()
        output.set()
        return await desk.waiter.wait(output, 60)

    assert desk.run(scene)
    assert desk.engine.now_ns == 0


def test_program_that_only_computes_costs_no_lab_time(desk: Desk) -> None:
    async def scene() -> bool:
        output = asyncio.Event()
        desk.program(0, output, wall_s=0.2)
        return await desk.waiter.wait(output, 60)

    assert desk.run(scene)
    assert desk.engine.now_ns == 0


@pytest.mark.parametrize("wall_s", [0, 0.01])
def test_output_after_lab_time_comes_at_exactly_that_time(desk: Desk, wall_s: float) -> None:
    """Whatever the loop and the threads do meanwhile: time must not run on to the deadline before output arrives."""

    async def scene() -> list[int]:
        reached = []
        for _ in range(40):
            output = asyncio.Event()
            began_ns = desk.engine.now_ns
            desk.program(21, output, wall_s)
            assert await desk.waiter.wait(output, 60)
            reached.append((desk.engine.now_ns - began_ns) // S)
        return reached

    assert desk.run(scene) == [21] * 40


def test_loop_that_is_busy_does_not_change_the_outcome(desk: Desk) -> None:
    async def scene() -> int:
        output = asyncio.Event()
        desk.program(21, output)

        async def hog() -> None:
            for _ in range(20):
                threading.Event().wait(0.005)
                await asyncio.sleep(0)

        noise = asyncio.ensure_future(hog())
        assert await desk.waiter.wait(output, 60)
        await noise
        return desk.engine.now_ns

    assert desk.run(scene) == 21 * S


def test_time_out_comes_at_exactly_the_request_s_own_time(desk: Desk) -> None:
    async def scene() -> tuple[bool, int]:
        output = asyncio.Event()
        desk.program(100, output)
        first = await desk.waiter.wait(output, 20)
        reached_ns = desk.engine.now_ns
        assert await desk.waiter.wait(output, 200)
        assert desk.engine.now_ns == 100 * S
        return first, reached_ns

    assert desk.run(scene) == (False, 20 * S)


def test_nothing_computes_and_nothing_comes(desk: Desk) -> None:
    async def scene() -> bool:
        return await desk.waiter.wait(asyncio.Event(), 7)

    assert not desk.run(scene)
    assert desk.engine.now_ns == 7 * S


def test_many_requests_at_once(desk: Desk) -> None:
    async def scene() -> list[bool]:
        waits = []
        for number in range(24):
            output = asyncio.Event()
            desk.program(5 + number % 4, output)
            waits.append(desk.waiter.wait(output, 30))
        return await asyncio.gather(*waits)

    assert desk.run(scene) == [True] * 24
    assert desk.engine.now_ns == 8 * S


@pytest.mark.parametrize("read", [InputPipe.read, InputPipe.readline], ids=["read", "readline"])
def test_a_program_computes_from_the_moment_at_which_its_input_came(read: Callable[[InputPipe], bytes]) -> None:
    """Its thread may wake later than the next request of its client: lab time must not move in between."""
    engine = LabEngine(Plant(), ClockMode(None))
    pipe, got = InputPipe(engine), list[bytes]()

    def program() -> None:
        with engine.computing():
            got.append(read(pipe))

    engine.announce()
    thread = threading.Thread(target=program)
    thread.start()
    pause_until(lambda: not engine.busy)
    with engine.baton():  # the program's thread cannot go on while we have it
        pipe.feed(b"line\n", end=True)
        assert engine.busy
    thread.join(10)
    assert (got, engine.busy) == ([b"line\n"], False)


def test_input_that_is_there_already_is_read_without_waiting() -> None:
    engine = LabEngine(Plant(), ClockMode(None))
    pipe = InputPipe(engine)
    pipe.feed(b"a\nb\n", end=True)
    engine.announce()
    with engine.computing():
        assert (pipe.readline(), pipe.read(), pipe.readline()) == (b"a\n", b"b\n", b"")
        assert engine.busy
    assert not engine.busy


def pause_until(done: Callable[[], bool]) -> None:
    """Wait a little, in wall time."""
    for _ in range(1000):
        if done():
            return
        threading.Event().wait(0.005)
    raise AssertionError("it never came to rest")
