"""The connection prober against real sockets on the loopback address.

How many connections it takes is counted on a virtual clock (test_kept_connections.py).
"""

from __future__ import annotations

import asyncio
import resource
import socket
import struct
import threading
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest

from harness.clock import NS_PER_MS, NS_PER_S, Deadline, monotonic_ns, pause
from harness.errors import ConfigError
from harness.probes.connections import ConnectionProber
from harness.probes.http import MOST_BYTES
from harness.probes.services import Service, Timing
from harness.probes.sockets import allow_files
from harness.values import Answer, SampleRun, Signal

GOOD = b"HTTP/1.1 200 OK\r\nContent-Length: 2\r\n\r\nok"
LIMIT_S = 20.0
"""Only a broken prober needs as long."""
RESET = struct.pack("ii", 1, 0)


class WebServer:
    """Answers each request by `reply` after `delay_s`, or misbehaves as told."""

    def __init__(self) -> None:
        self.reply = GOOD
        self.delay_s = 0.0
        self.hang = False
        self.hang_once = False
        self.reset = False
        self.close_after = False
        self.requests: list[bytes] = []
        self.connections = 0
        self._writers: set[asyncio.StreamWriter] = set()
        self._loop = asyncio.new_event_loop()
        self._thread = threading.Thread(target=self._loop.run_forever, daemon=True)
        self._thread.start()
        self._server = self._call(asyncio.start_server(self._serve, "127.0.0.1", 0))
        self.port = int(self._server.sockets[0].getsockname()[1])

    def _call(self, work: Any) -> Any:
        return asyncio.run_coroutine_threadsafe(work, self._loop).result(LIMIT_S)

    async def _serve(self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        self.connections += 1
        self._writers.add(writer)
        try:
            while not writer.is_closing():
                request = await reader.readuntil(b"\r\n\r\n")
                self.requests.append(request)
                if self.reset:
                    self._reset(writer)
                    return
                if self.hang or self.hang_once:
                    self.hang_once = False
                    await reader.read()
                    return
                await asyncio.sleep(self.delay_s)
                writer.write(self.reply)
                if self.close_after or b"Connection: close" in request:
                    return
        except (asyncio.IncompleteReadError, ConnectionError):
            pass
        finally:
            self._writers.discard(writer)
            writer.close()

    @staticmethod
    def _reset(writer: asyncio.StreamWriter) -> None:
        writer.get_extra_info("socket").setsockopt(socket.SOL_SOCKET, socket.SO_LINGER, RESET)
        writer.transport.abort()

    @property
    def kept(self) -> bool:
        """Whether a connection carried more than one request."""
        return len(self.requests) > self.connections

    def drop_kept(self, *, reset: bool) -> None:
        """End all connections that wait for a request."""

        async def drop() -> None:
            for writer in list(self._writers):
                if reset:
                    self._reset(writer)
                else:
                    writer.close()

        self._call(drop())

    def stop_listening(self) -> None:
        async def stop() -> None:
            self._server.close()

        self._call(stop())

    def stop(self) -> None:
        async def end() -> None:
            self._server.close()
            for writer in self._writers:
                writer.transport.abort()
            tasks = [task for task in asyncio.all_tasks() if task is not asyncio.current_task()]
            for task in tasks:
                task.cancel()
            await asyncio.gather(*tasks, return_exceptions=True)
            await asyncio.sleep(0)  # Aborted transports close their sockets in the next turn of the loop.

        self._call(end())
        self._loop.call_soon_threadsafe(self._loop.stop)
        self._thread.join(LIMIT_S)
        self._loop.close()


@pytest.fixture
def web() -> Iterator[WebServer]:
    server = WebServer()
    yield server
    server.stop()


class Sampling:
    """Steps a prober as the sampler would."""

    def __init__(self, port: int, signal: Signal, *, slow_ms: int = 2000, late_ms: int = 5000, **fields: Any) -> None:
        if signal is Signal.TCP:
            slow_ms, late_ms = min(slow_ms, 900), min(late_ms, 900)
        timing = Timing(20 * NS_PER_MS, slow_ms * NS_PER_MS, late_ms * NS_PER_MS)
        self.prober = ConnectionProber(
            [Service("vm01", signal, "127.0.0.1", port, **fields)], timings={signal: timing}, prober="test"
        )
        self.runs: list[SampleRun] = []

    def __enter__(self) -> Sampling:
        return self

    def __exit__(self, *_: object) -> None:
        self.prober.close()

    def more(self, count: int) -> list[Answer]:
        """The next `count` answers at least."""
        found: list[Answer] = []
        deadline = Deadline.after(LIMIT_S)
        while len(found) < count and not deadline.expired():
            now_ns = monotonic_ns()
            self.prober.step(now_ns)
            runs = self.prober.runs(now_ns)
            self.runs += runs
            found += [run.answer for run in runs for _ in range(run.count)]
            pause(0.001)
        assert len(found) >= count, f"{len(found)} of {count} samples; missed: {self.prober.missed_by}"
        return found

    def until(self, answer: Answer) -> None:
        """Go on until a sample says `answer`."""
        deadline = Deadline.after(LIMIT_S)
        while answer not in self.more(1):
            assert not deadline.expired(), f"never {answer}"


@pytest.fixture
def closed_port() -> Iterator[int]:
    """Bound, so that no one else gets it, but nobody listens."""
    with socket.socket() as holder:
        holder.bind(("127.0.0.1", 0))
        yield int(holder.getsockname()[1])


def test_the_samples_have_the_time_of_the_steps(web: WebServer) -> None:
    timing = Timing(20 * NS_PER_MS, 900 * NS_PER_MS, 900 * NS_PER_MS)
    prober = ConnectionProber([Service("vm01", Signal.TCP, "127.0.0.1", web.port)], timings={Signal.TCP: timing})
    begun_ns, runs = monotonic_ns(), list[SampleRun]()
    deadline = Deadline.after(LIMIT_S)
    while len(runs) < 5 and not deadline.expired():
        prober.step(7 * NS_PER_S + monotonic_ns() - begun_ns)
        runs += prober.runs(7 * NS_PER_S + monotonic_ns() - begun_ns)
        pause(0.001)
    passed_ns = monotonic_ns() - begun_ns
    prober.close()
    assert all(7 * NS_PER_S <= run.first_ns <= 7 * NS_PER_S + passed_ns for run in runs)
    assert all(0 <= run.error_ns <= passed_ns for run in runs)


class TestTcp:
    def test_an_open_port_is_ok_and_no_connection_is_left_in_time_wait(self, web: WebServer) -> None:
        with Sampling(web.port, Signal.TCP) as sampling:
            assert set(sampling.more(30)) == {Answer.OK}
            assert all(run.signal is Signal.TCP and run.prober == "test" for run in sampling.runs)
            assert all(run.error_ns < NS_PER_S for run in sampling.runs)
        suffix = f":{web.port:04X}"
        rows = [line.split() for line in Path("/proc/net/tcp").read_text(encoding="ascii").splitlines()[1:]]
        assert not [row for row in rows if row[3] == "06" and (row[1].endswith(suffix) or row[2].endswith(suffix))]

    def test_a_closed_port_refuses(self, web: WebServer, closed_port: int) -> None:
        with Sampling(closed_port, Signal.TCP) as sampling:
            assert set(sampling.more(10)) == {Answer.REFUSED}
        with Sampling(web.port, Signal.TCP) as sampling:
            sampling.until(Answer.OK)
            web.stop_listening()
            sampling.until(Answer.REFUSED)

    def test_a_service_that_accepts_nothing_is_lost_once_its_queue_is_full(self) -> None:
        with socket.socket() as listener:
            listener.bind(("127.0.0.1", 0))
            listener.listen(1)
            with Sampling(listener.getsockname()[1], Signal.TCP, slow_ms=100, late_ms=200) as sampling:
                assert sampling.more(1)[0] is Answer.OK
                sampling.until(Answer.LOST)
                assert set(sampling.more(5)) == {Answer.LOST}

    def test_ipv6(self) -> None:
        try:
            listener = socket.create_server(("::1", 0), family=socket.AF_INET6)
        except OSError:
            pytest.skip("no IPv6 on the loopback interface")
        with listener:
            timing = Timing(20 * NS_PER_MS, 500 * NS_PER_MS, 500 * NS_PER_MS)
            service = Service("vm01", Signal.TCP, "::1", listener.getsockname()[1])
            prober = ConnectionProber([service], timings={Signal.TCP: timing})
            deadline = Deadline.after(LIMIT_S)
            runs: list[SampleRun] = []
            while not runs and not deadline.expired():
                prober.step(monotonic_ns())
                runs = prober.runs(monotonic_ns())
                pause(0.001)
            prober.close()
            assert runs[0].answer is Answer.OK


@pytest.mark.parametrize("signal", [Signal.HTTP, Signal.HTTP_REUSED])
class TestHttp:
    def test_an_answer_is_ok_and_only_the_asked_is_asked(self, web: WebServer, signal: Signal) -> None:
        with Sampling(web.port, signal, path="/health") as sampling:
            assert set(sampling.more(20)) == {Answer.OK}
        assert {request.split(b"\r\n")[0] for request in web.requests} == {b"GET /health HTTP/1.1"}
        assert web.kept is (signal is Signal.HTTP_REUSED)

    def test_a_head_request_has_no_body_to_wait_for(self, web: WebServer, signal: Signal) -> None:
        web.reply = b"HTTP/1.1 200 OK\r\nContent-Length: 1000\r\n\r\n"
        with Sampling(web.port, signal, method="HEAD") as sampling:
            assert set(sampling.more(10)) == {Answer.OK}
        assert web.kept is (signal is Signal.HTTP_REUSED)

    @pytest.mark.parametrize(
        ("reply", "answer"),
        [
            (b"HTTP/1.1 404 Not Found\r\nContent-Length: 0\r\n\r\n", Answer.OK),
            (b"HTTP/1.1 500 Internal Server Error\r\nContent-Length: 0\r\n\r\n", Answer.REFUSED),
            (b"HTTP/1.1 503 Service Unavailable\r\nTransfer-Encoding: chunked\r\n\r\n0\r\n\r\n", Answer.REFUSED),
            (b"SSH-2.0-Nonsense\r\n\r\n", Answer.REFUSED),
            (b"HTTP/1.1 200 OK\r\nContent-Length: 500000\r\n\r\n" + b"x" * 4 * MOST_BYTES, Answer.OK),
        ],
    )
    def test_the_status_decides(self, web: WebServer, signal: Signal, reply: bytes, answer: Answer) -> None:
        web.reply = reply
        with Sampling(web.port, signal) as sampling:
            assert set(sampling.more(10)) == {answer}

    def test_a_reset_and_a_closed_port_refuse(self, web: WebServer, closed_port: int, signal: Signal) -> None:
        web.reset = True
        with Sampling(web.port, signal) as sampling:
            assert set(sampling.more(5)) == {Answer.REFUSED}
        with Sampling(closed_port, signal) as sampling:
            assert set(sampling.more(5)) == {Answer.REFUSED}

    def test_a_late_answer_is_slow_and_carries_its_round_trip(self, web: WebServer, signal: Signal) -> None:
        web.delay_s = 0.3
        with Sampling(web.port, signal, slow_ms=100) as sampling:
            assert set(sampling.more(10)) == {Answer.SLOW}
            assert all(run.error_ns >= 295 * NS_PER_MS for run in sampling.runs)

    def test_a_service_that_hangs_is_lost_and_recovers(self, web: WebServer, signal: Signal) -> None:
        with Sampling(web.port, signal, slow_ms=300, late_ms=600) as sampling:
            sampling.until(Answer.OK)
            web.hang = True
            sampling.until(Answer.LOST)
            web.hang = False
            sampling.until(Answer.OK)
            assert sampling.prober.under_way <= 40


class TestKeptConnection:
    @pytest.mark.parametrize("reset", [False, True])
    def test_a_broken_connection_is_one_bad_sample(self, web: WebServer, reset: bool) -> None:
        with Sampling(web.port, Signal.HTTP_REUSED) as sampling:
            sampling.until(Answer.OK)
            sampling.more(5)
            web.drop_kept(reset=reset)
            answers = sampling.more(15)
        assert answers.count(Answer.REFUSED) == 1
        assert set(answers) == {Answer.OK, Answer.REFUSED}

    def test_a_connection_that_falls_silent_is_replaced(self, web: WebServer) -> None:
        with Sampling(web.port, Signal.HTTP_REUSED, slow_ms=300, late_ms=600) as sampling:
            sampling.more(5)
            web.hang_once = True
            answers = sampling.more(60)
        assert answers.count(Answer.LOST) == 1
        assert set(answers) == {Answer.OK, Answer.LOST}

    def test_an_announced_close_is_no_bad_sample(self, web: WebServer) -> None:
        web.reply = b"HTTP/1.1 200 OK\r\nConnection: close\r\nContent-Length: 0\r\n\r\n"
        web.close_after = True
        with Sampling(web.port, Signal.HTTP_REUSED) as sampling:
            assert set(sampling.more(10)) == {Answer.OK}
        assert not web.kept

    def test_the_end_of_the_announced_idle_time_is_no_bad_sample(self, web: WebServer) -> None:
        web.reply = b"HTTP/1.1 200 OK\r\nKeep-Alive: timeout=1\r\nContent-Length: 0\r\n\r\n"
        web.close_after = True
        with Sampling(web.port, Signal.HTTP_REUSED) as sampling:
            assert set(sampling.more(10)) == {Answer.OK}

    def test_a_close_while_this_process_stood_still_is_no_bad_sample(self, web: WebServer) -> None:
        with Sampling(web.port, Signal.HTTP_REUSED) as sampling:
            sampling.until(Answer.OK)
            sampling.more(5)
            web.drop_kept(reset=False)
            pause(0.3)
            assert set(sampling.more(10)) == {Answer.OK}

    def test_an_unannounced_close_shows_every_time(self, web: WebServer) -> None:
        web.close_after = True
        with Sampling(web.port, Signal.HTTP_REUSED) as sampling:
            assert set(sampling.more(10)) == {Answer.OK, Answer.REFUSED}


class TestFiles:
    @pytest.fixture(autouse=True)
    def limits(self) -> Iterator[tuple[int, int]]:
        before = resource.getrlimit(resource.RLIMIT_NOFILE)
        yield before
        resource.setrlimit(resource.RLIMIT_NOFILE, before)

    def test_the_soft_limit_is_raised_to_what_is_needed(self, limits: tuple[int, int]) -> None:
        resource.setrlimit(resource.RLIMIT_NOFILE, (256, limits[1]))
        allow_files(300)
        soft, hard = resource.getrlimit(resource.RLIMIT_NOFILE)
        assert 364 <= soft < 1000
        assert hard == limits[1]
        allow_files(1)
        assert resource.getrlimit(resource.RLIMIT_NOFILE) == (soft, hard)

    def test_more_than_the_hard_limit_is_an_error(self, limits: tuple[int, int]) -> None:
        if limits[1] == resource.RLIM_INFINITY:
            pytest.skip("this process may have any number of open files")
        with pytest.raises(ConfigError, match="open files") as caught:
            allow_files(limits[1])
        assert "LimitNOFILE" in caught.value.hint

    def test_the_prober_asks_for_what_a_failure_of_all_needs(self, limits: tuple[int, int]) -> None:
        resource.setrlimit(resource.RLIMIT_NOFILE, (256, limits[1]))
        services = [Service(f"vm{n}", Signal.TCP, "127.0.0.1", 9) for n in range(50)]
        ConnectionProber(services).close()
        assert resource.getrlimit(resource.RLIMIT_NOFILE)[0] >= 50 * 9
