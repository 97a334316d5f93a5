"""The lab host: the process in which one lab instance lives.

It has its own OS session and survives the harness: after `kill -9` of everything else the instance is still there,
and on a virtual clock it is frozen at the instant of the last grant.  It ends on `release`, or after 15 wall minutes
without a controller.
"""

from __future__ import annotations

import contextlib
import faulthandler
import json
import logging
import os
import queue
import signal
import socket
import sys
import threading
from collections.abc import Iterator
from dataclasses import asdict
from pathlib import Path
from typing import Any, Final, Protocol

from harness.clock import NS_PER_S, monotonic_ns, spare_collector
from harness.errors import HarnessError, LabError, LeaseError
from harness.labs.control import SOCKET_NAME, error_answer, short_path
from harness.labs.holder import Holder
from harness.paths import replace_file

log = logging.getLogger("hil.host")

ORPHAN_AFTER_S: Final = 15 * 60
READY_NAME: Final = "host.json"
"""The process of a lab host that can be reached."""
STARTING_NAME: Final = "starting.json"
"""The process of a lab host from its first moment, so that one whose starter was killed is found and ended."""

READING_VERBS: Final = frozenset(
    {"describe", "now", "power_state", "events", "held", "samples", "consoles", "endpoint"}
)


class Hosted(Protocol):
    """A lab instance from the inside of its host.  Methods named like the verbs of the control channel, plain JSON in
    and out."""

    def call(self, verb: str, args: dict[str, Any]) -> Any:
        """Carry out one verb.  Thread-safe.  Raises HarnessError for what goes wrong on purpose."""

    def close(self) -> None:
        """Let go of everything: sockets, threads, domains, namespaces."""


class LabHost:
    """Serves the control channel for one hosted instance until it is released or orphaned."""

    def __init__(self, hosted: Hosted, folder: Path, *, orphan_after_s: float = ORPHAN_AFTER_S) -> None:
        self._hosted = hosted
        self._folder = folder
        self._orphan_after_s = orphan_after_s
        self._epoch = 0
        self._guard = threading.Lock()
        self._connections = 0
        self._last_seen_ns = monotonic_ns()
        # Its put is safe in a signal handler, an event's set is not.
        self._ends: queue.SimpleQueue[None] = queue.SimpleQueue()
        self._listener = socket.socket(socket.AF_UNIX, socket.SOCK_STREAM)

    def serve(self) -> None:
        """Run until the end; the instance is closed when this returns."""
        (self._folder / SOCKET_NAME).unlink(missing_ok=True)
        with short_path(self._folder) as path:
            self._listener.bind(path)
        self._listener.listen(16)
        _write_ready(self._folder)
        threading.Thread(target=self._accept, name="control", daemon=True).start()
        try:
            while not self._told_to_end(within_s=min(1.0, self._orphan_after_s)):
                idle_s = (monotonic_ns() - self._last_seen_ns) / NS_PER_S
                if self._connections == 0 and idle_s > self._orphan_after_s:
                    log.warning("no controller for %.0f s: ending", idle_s)
                    return
        finally:
            with contextlib.suppress(OSError):
                self._listener.shutdown(socket.SHUT_RDWR)
            self._listener.close()
            try:
                self._hosted.close()
            finally:
                (self._folder / SOCKET_NAME).unlink(missing_ok=True)
                (self._folder / READY_NAME).unlink(missing_ok=True)

    def _told_to_end(self, within_s: float) -> bool:
        try:
            self._ends.get(timeout=within_s)
        except queue.Empty:
            return False
        return True

    def end(self) -> None:
        """Make `serve` return; safe from a signal handler."""
        self._ends.put(None)

    def _accept(self) -> None:
        while True:
            try:
                connection, _ = self._listener.accept()
            except OSError:
                return
            threading.Thread(target=self._talk, args=(connection,), name="controller", daemon=True).start()

    def _talk(self, connection: socket.socket) -> None:
        with self._guard:
            self._connections += 1
        try:
            with connection, connection.makefile("rwb") as stream:
                for line in stream:
                    request = _read_request(line)
                    answer = self._answer(request)
                    stream.write(json.dumps(answer, separators=(",", ":")).encode() + b"\n")
                    stream.flush()
                    if request["verb"] == "release" and "ok" in answer:
                        self.end()
                        return
        except (OSError, ValueError) as error:
            log.info("controller hung up: %s", error)
        finally:
            with self._guard:
                self._connections -= 1
                self._last_seen_ns = monotonic_ns()

    def _answer(self, request: dict[str, Any]) -> dict[str, Any]:
        verb, epoch = request["verb"], request["epoch"]
        try:
            if verb not in READING_VERBS:
                self._fence(verb, epoch)
            if verb == "release":
                return {"ok": None}
            return {"ok": self._hosted.call(verb, request["args"])}
        except HarnessError as error:
            return error_answer(error)
        except Exception as error:
            log.exception("verb %s failed", verb)
            return error_answer(
                LabError(f"the lab host failed in '{verb}': {error!r}", hint="see host.log of the instance")
            )

    def _fence(self, verb: str, epoch: int | None) -> None:
        """Refuse whoever holds an older lease than the newest one seen."""
        with self._guard:
            if epoch is None or epoch < self._epoch:
                raise LeaseError(
                    f"'{verb}' refused: lease epoch {epoch} is older than {self._epoch}",
                    hint="this process lost the lab; see: hil lab list",
                )
            self._epoch = epoch


def _read_request(line: bytes) -> dict[str, Any]:
    """A request of the control channel.  Raises ValueError when the line is none."""
    request = json.loads(line)
    if not isinstance(request, dict) or not {"verb", "epoch", "args"} <= request.keys():
        raise ValueError("a line that is no request")
    return request


def _write_ready(folder: Path) -> None:
    """Tell the starter that the instance can be reached, atomically."""
    replace_file(folder / READY_NAME, json.dumps(asdict(Holder.me())))


@contextlib.contextmanager
def coming_up(folder: Path) -> Iterator[None]:
    """What a lab host process does around its whole life: it says who it is, and keeps a log.

    Until `run_host` listens to signals, SIGTERM and SIGINT end it by an exception (SystemExit), so that whoever is
    making machines can take them back.
    """
    faulthandler.enable()
    logging.basicConfig(level=logging.INFO, format="%(asctime)s %(levelname)s %(name)s: %(message)s")
    for number in (signal.SIGTERM, signal.SIGINT):
        signal.signal(number, lambda *_: sys.exit("told to end while coming up"))
    replace_file(folder / STARTING_NAME, json.dumps(asdict(Holder.me())))
    try:
        yield
    finally:
        (folder / STARTING_NAME).unlink(missing_ok=True)


def run_host(hosted: Hosted, folder: Path) -> None:
    """Main of a lab host process: serve until released, orphaned or told to stop by SIGTERM or SIGINT."""
    host = LabHost(hosted, folder)
    signal.signal(signal.SIGTERM, lambda *_: host.end())
    signal.signal(signal.SIGINT, lambda *_: host.end())
    log.info("lab host of %s, process %d", folder.name, os.getpid())
    spare_collector()
    host.serve()
    log.info("ended")
