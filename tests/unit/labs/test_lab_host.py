"""The lab host: it outlives its controllers, listens to the newest one, and leaves nothing behind."""

from __future__ import annotations

import json
import os
import signal
import socket
import subprocess
import sys
import textwrap
import threading
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import pytest

from harness.clock import wait_until
from harness.errors import ConfigError, LabError, LeaseError
from harness.labs import control, hosting
from harness.labs.control import SOCKET_NAME, ControlChannel, LabHostGoneError, short_path
from harness.labs.holder import Holder
from harness.labs.host import READY_NAME, STARTING_NAME, LabHost
from harness.labs.hosting import LastLine, all_hosts, attach, end_host, find_host, folder_of, start_host
from harness.labs.lease import Lease
from harness.labs.start import provider
from harness.paths import root

ABOUT = {
    "name": "fake",
    "kind": "fake",
    "subject": "simulated",
    "machines": "none",
    "capabilities": ["power"],
    "nodes": ["NODE01"],
    "guests": [],
    "sample_interval_ns": 1,
    "epoch": "2025-11-12T22:00:00+00:00",
    "flows": False,
    "rate": 0.0,
}


class FakeHosted:
    def __init__(self) -> None:
        self.calls: list[tuple[str, dict[str, Any]]] = []
        self.closed = False
        self.blocked = threading.Event()

    def call(self, verb: str, args: dict[str, Any]) -> Any:
        self.calls.append((verb, args))
        match verb:
            case "describe":
                return ABOUT
            case "now":
                return 42
            case "advance":
                return args["to_ns"]
            case "events" | "baseline":
                self.blocked.wait(5)
                return []
            case "power_off":
                raise LabError("no such node", hint="look again")
            case "samples":
                raise ZeroDivisionError("a defect")
        return None

    def close(self) -> None:
        self.closed = True


class Serving:
    """A lab host in a thread of this process."""

    def __init__(self, folder: Path, orphan_after_s: float = 60) -> None:
        self.hosted = FakeHosted()
        self.host = LabHost(self.hosted, folder, orphan_after_s=orphan_after_s)
        self.thread = threading.Thread(target=self.host.serve)
        self.thread.start()
        wait_until(lambda: (folder / READY_NAME).exists() or None, within_s=5, what="the host", poll_s=0.005)

    def ended(self, within_s: float) -> bool:
        self.thread.join(within_s)
        return not self.thread.is_alive()


@pytest.fixture
def serve(tmp_path: Path) -> Iterator[Callable[..., Serving]]:
    running: list[Serving] = []

    def start(folder: Path = tmp_path, **options: float) -> Serving:
        running.append(Serving(folder, **options))
        return running[-1]

    yield start
    for serving in running:
        serving.hosted.blocked.set()
        serving.host.end()
        assert serving.ended(5)


class TestChannel:
    def test_verb_arguments_and_answer(self, serve: Callable[..., Serving], tmp_path: Path) -> None:
        serving = serve()
        channel = ControlChannel(tmp_path)
        assert channel.call("now") == 42
        assert channel.call("advance", epoch=3, to_ns=7) == 7
        assert serving.hosted.calls == [("now", {}), ("advance", {"to_ns": 7})]
        channel.close()

    def test_errors_travel_with_kind_and_hint(self, serve: Callable[..., Serving], tmp_path: Path) -> None:
        serve()
        channel = ControlChannel(tmp_path)
        with pytest.raises(LabError, match="no such node") as caught:
            channel.call("power_off", epoch=1, node="X")
        assert caught.value.hint == "look again"
        with pytest.raises(LabError, match="ZeroDivisionError"):
            channel.call("samples", since_ns=0)
        assert channel.call("now") == 42
        channel.close()

    def test_older_lease_is_fenced_off_and_readers_are_not(self, serve: Callable[..., Serving], tmp_path: Path) -> None:
        serving = serve()
        old, new = ControlChannel(tmp_path), ControlChannel(tmp_path)
        old.call("advance", epoch=4, to_ns=1)
        new.call("advance", epoch=5, to_ns=2)
        for verb in ("advance", "hold", "unhold", "baseline", "power_off", "power_on", "release"):
            with pytest.raises(LeaseError, match="older than 5"):
                old.call(verb, epoch=4)
        with pytest.raises(LeaseError):
            old.call("advance", to_ns=9)
        assert old.call("now") == 42
        assert [args for verb, args in serving.hosted.calls if verb == "advance"] == [{"to_ns": 1}, {"to_ns": 2}]
        old.close()
        new.close()

    def test_two_connections_do_not_wait_for_each_other(self, serve: Callable[..., Serving], tmp_path: Path) -> None:
        serving = serve()
        slow, quick = ControlChannel(tmp_path), ControlChannel(tmp_path)
        waiting = threading.Thread(target=slow.call, args=("events",))
        waiting.start()
        assert quick.call("now") == 42
        assert waiting.is_alive()
        serving.hosted.blocked.set()
        waiting.join(5)
        slow.close()
        quick.close()

    def test_a_baseline_may_take_longer_than_other_verbs(
        self, serve: Callable[..., Serving], tmp_path: Path, monkeypatch: pytest.MonkeyPatch
    ) -> None:
        monkeypatch.setattr(control, "ANSWER_WITHIN_S", 0.2)
        serving = serve()
        late = threading.Timer(0.5, serving.hosted.blocked.set)
        late.start()
        patient = ControlChannel(tmp_path)
        assert patient.call("baseline", epoch=1) == []
        assert patient.call("now") == 42
        serving.hosted.blocked.clear()
        with pytest.raises(LabHostGoneError, match="timed out"):
            patient.call("events")
        serving.hosted.blocked.set()
        patient.close()

    @pytest.mark.parametrize("line", [b"garbage\n", b"[1, 2]\n", b'{"verb": "now"}\n', b"\xff\xfe\n", b"7\n", b"\n"])
    def test_garbage_ends_that_connection_only(
        self, serve: Callable[..., Serving], tmp_path: Path, line: bytes, capfd: pytest.CaptureFixture[str]
    ) -> None:
        serve()
        with socket.socket(socket.AF_UNIX) as raw, short_path(tmp_path) as path:
            raw.settimeout(5)
            raw.connect(path)
            raw.sendall(line)
            assert raw.recv(100) == b""
        channel = ControlChannel(tmp_path)
        assert channel.call("now") == 42
        channel.close()
        assert "Traceback" not in capfd.readouterr().err

    def test_folder_deeper_than_a_socket_address(self, serve: Callable[..., Serving], tmp_path: Path) -> None:
        folder = tmp_path.joinpath(*["a-long-name-of-a-folder"] * 8)
        folder.mkdir(parents=True)
        assert len(str(folder)) > 150
        serve(folder)
        channel = ControlChannel(folder)
        assert channel.call("now") == 42
        channel.close()

    def test_nobody_there(self, tmp_path: Path) -> None:
        for folder in (tmp_path, tmp_path / "none"):
            with pytest.raises(LabHostGoneError, match="does not answer"):
                ControlChannel(folder)


class TestEnd:
    def test_release_is_answered_and_leaves_no_socket_behind(
        self, serve: Callable[..., Serving], tmp_path: Path
    ) -> None:
        serving = serve()
        channel = ControlChannel(tmp_path)
        channel.call("release", epoch=1)
        assert serving.ended(5)
        assert serving.hosted.closed
        assert list(tmp_path.glob("*.sock")) + list(tmp_path.glob(READY_NAME)) == []
        with pytest.raises(LabHostGoneError):
            channel.call("now")
        channel.close()

    def test_orphan_ends_by_itself_but_not_while_somebody_is_connected(
        self, serve: Callable[..., Serving], tmp_path: Path
    ) -> None:
        serving = serve(orphan_after_s=0.15)
        channel = ControlChannel(tmp_path)
        assert not serving.ended(0.5)
        channel.close()
        assert serving.ended(3)
        assert serving.hosted.closed


def fake_host_module(folder: Path, body: str) -> list[str]:
    """A command line that runs `harness.labs.start` with another provider in it."""
    script = folder / "fake_start.py"
    script.write_text(
        textwrap.dedent("""\
        import sys, time
        from pathlib import Path
        from harness.errors import LabError
        from harness.labs import start
        ABOUT = {about}
        class Fake:
            def __init__(self, instance, lab, folder):
                {body}
            def call(self, verb, args):
                return ABOUT if verb == "describe" else 42
            def close(self):
                if "hang" in sys.argv: time.sleep(60)
        start.provider = lambda kind: Fake
        sys.exit(start.main(Path(sys.argv[1])))
        """).format(about=ABOUT, body=body)
    )
    return [sys.executable, str(script)]


@pytest.fixture
def as_fake(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Iterator[Callable[..., None]]:
    """Let `start_host` start a fake instance."""
    started: list[subprocess.Popen[bytes]] = []
    real = subprocess.Popen

    def use(body: str = "pass", *more: str) -> None:
        def popen(arguments: list[str], **options: Any) -> subprocess.Popen[bytes]:
            command = [*fake_host_module(tmp_path, body), arguments[-1], *more]
            options["env"]["PYTHONPATH"] = options["cwd"]
            started.append(real(command, **options))
            return started[-1]

        monkeypatch.setattr(hosting.subprocess, "Popen", popen)

    yield use
    for process in started:
        process.kill()
        process.wait()


TAKES_BACK = """
        made.touch()
        try:
            print("made", flush=True)
            time.sleep(60)
        finally:
            made.unlink()"""
LEASE = Lease("fake#1", 1, Holder.me())
JOB = {"kind": "fake"}


class TestProcess:
    def test_it_survives_its_controllers_and_ends_on_release(self, as_fake: Callable[..., None]) -> None:
        as_fake()
        folder = start_host("fake#1", JOB)
        first = attach(LEASE)
        first.detach()
        second = attach(LEASE)
        assert second.clock.now_ns() == 42
        second.release(LEASE)
        wait_until(lambda: None if find_host("fake#1").alive else True, within_s=5, what="the end")
        assert {entry.name for entry in folder.iterdir()} <= {"lab.json", "host.log"}
        with pytest.raises(LabHostGoneError, match="died"):
            attach(LEASE)

    def test_it_has_a_session_of_its_own(self, as_fake: Callable[..., None]) -> None:
        as_fake()
        start_host("fake#1", JOB)
        (host,) = all_hosts()
        assert host.holder is not None
        fields = Path(f"/proc/{host.holder.pid}/stat").read_text().rpartition(")")[2].split()
        assert int(fields[3]) == host.holder.pid
        assert end_host("fake#1")
        assert not end_host("fake#1")

    def test_host_that_was_killed_is_replaced_by_a_living_one(self, as_fake: Callable[..., None]) -> None:
        """Its folder still says that it is ready; nobody may believe that."""
        as_fake()
        start_host("fake#1", JOB)
        dead = find_host("fake#1").holder
        assert dead is not None
        signal_and_wait(dead, signal.SIGKILL)
        assert (folder_of("fake#1") / READY_NAME).exists()
        start_host("fake#1", JOB)
        assert find_host("fake#1").alive
        attach(LEASE).detach()

    def test_new_start_ends_the_host_of_an_earlier_lease(self, as_fake: Callable[..., None]) -> None:
        as_fake()
        start_host("fake#1", JOB)
        before = find_host("fake#1").holder
        start_host("fake#1", JOB)
        after = find_host("fake#1").holder
        assert before is not None
        assert before.proven_dead
        assert after != before

    def test_reason_of_a_host_that_cannot_start(self, as_fake: Callable[..., None]) -> None:
        as_fake("raise LabError('no address is free', hint='free one')")
        with pytest.raises(LabError, match="did not start: no address is free"):
            start_host("fake#1", JOB)
        as_fake("raise ZeroDivisionError('a defect')")
        with pytest.raises(LabError, match="ZeroDivisionError: a defect"):
            start_host("fake#1", JOB)

    def test_kinds_that_take_longer_to_start_get_the_time(
        self, as_fake: Callable[..., None], monkeypatch: pytest.MonkeyPatch
    ) -> None:
        monkeypatch.setattr(hosting, "START_WITHIN_S", 0.2)
        monkeypatch.setattr(hosting, "LONGER_STARTS_S", {"slow": 30.0})
        as_fake("time.sleep(1)")
        start_host("fake#1", {"kind": "slow"})
        assert find_host("fake#1").alive
        with pytest.raises(LabError, match=r"waited 0.2 s in vain for the lab host of 'fake#1'"):
            start_host("fake#1", JOB)
        assert not find_host("fake#1").alive

    def test_the_starter_hears_what_the_host_says(self, as_fake: Callable[..., None]) -> None:
        as_fake("[(print(word, flush=True), time.sleep(0.3)) for word in ('builds', 'builds', 'boots')]")
        said: list[str] = []
        start_host("fake#1", JOB, said.append)
        assert said[:2] == ["builds", "boots"]

    def test_a_host_whose_starter_is_interrupted_takes_back_what_it_made(
        self, as_fake: Callable[..., None], tmp_path: Path
    ) -> None:
        made = tmp_path / "made"
        as_fake(f"made = Path({str(made)!r})\n{TAKES_BACK}")

        def interrupt(said: str) -> None:
            assert made.exists(), said
            raise KeyboardInterrupt

        with pytest.raises(KeyboardInterrupt):
            start_host("fake#1", JOB, interrupt)
        assert not made.exists()
        assert not find_host("fake#1").alive
        assert not (folder_of("fake#1") / STARTING_NAME).exists()

    def test_a_host_that_comes_up_after_its_starter_was_killed_is_found(
        self, as_fake: Callable[..., None], tmp_path: Path
    ) -> None:
        folder = folder_of("fake#1")
        folder.mkdir(parents=True)
        (folder / "lab.json").write_text(json.dumps({"instance": "fake#1", "lab": JOB}))
        command = [*fake_host_module(tmp_path, "time.sleep(60)"), str(folder)]
        process = subprocess.Popen(command, cwd=root(), env={**os.environ, "PYTHONPATH": str(root())})
        try:
            wait_until(lambda: (folder / STARTING_NAME).exists() or None, within_s=20, what="its first words")
            assert not (folder / READY_NAME).exists()
            assert find_host("fake#1").holder == Holder.of(process.pid)
            as_fake()
            start_host("fake#1", JOB)
            assert process.wait(5) == 1
            assert find_host("fake#1").alive
        finally:
            process.kill()
            process.wait()

    def test_host_that_hangs_is_killed(self, as_fake: Callable[..., None]) -> None:
        as_fake("pass", "hang")
        start_host("fake#1", JOB)
        holder = find_host("fake#1").holder
        assert holder is not None
        assert end_host("fake#1", within_s=0.5)
        assert holder.proven_dead

    def test_sigterm_ends_it_cleanly(self, as_fake: Callable[..., None]) -> None:
        as_fake()
        folder = start_host("fake#1", JOB)
        holder = find_host("fake#1").holder
        assert holder is not None
        signal_and_wait(holder, signal.SIGTERM)
        assert not (folder / SOCKET_NAME).exists()
        assert not (folder / READY_NAME).exists()


def signal_and_wait(holder: Holder, number: signal.Signals) -> None:
    os.kill(holder.pid, number)
    wait_until(lambda: holder.proven_dead or None, within_s=5, what="the end of the host", poll_s=0.01)


def test_kind_that_cannot_be_hosted_is_refused() -> None:
    with pytest.raises(ConfigError, match="kind 'physical'"):
        provider("physical")


def test_unreadable_state_of_a_host_is_no_host(state: Path) -> None:
    folder = folder_of("fake#1")
    folder.mkdir(parents=True)
    for text in ("", "{", json.dumps({"pid": 1})):
        (folder / READY_NAME).write_text(text)
        assert not find_host("fake#1").alive


def test_only_whole_lines_of_a_log_are_told_each_once(tmp_path: Path) -> None:
    said: list[str] = []
    last_line = LastLine(tmp_path, said.append)
    last_line.look()
    with (tmp_path / "host.log").open("w") as log:
        for text in ("one\ntwo\n", "thr", "ee\n", "three\n", "", "f" * 10_000 + "\n"):
            log.write(text)
            log.flush()
            last_line.look()
    assert said[:2] == ["two", "three"]
    assert len(said) == 3
    assert set(said[2]) == {"f"}
