"""The wire prober inside a lab's namespace: a process of its own, whose recording the lab host reads as it grows.

A prober that ends by itself is started anew, with a recording of its own; what nobody saw in between is told as such,
and the run goes on.
"""

from __future__ import annotations

import json
import subprocess
import sys
import threading
from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Any, Final

import yaml

from harness.clock import DeadlineExpiredError, wait_until
from harness.errors import HarnessError, LabError
from harness.labs.models import Probe
from harness.measure.samples import window_from_record
from harness.measure.windows import begun_at, joined, shifted, unseen
from harness.netns import inside
from harness.paths import root
from harness.plan.quantity import format_duration
from harness.values import SampleWindow

SAMPLES_NAME: Final = "samples.jsonl"
BEGINS_WITHIN_S: Final = 60.0
"""Wall time that the prober has to begin; it takes two seconds on a quiet machine."""
MOST_PROBERS: Final = 5
"""So often a prober is started for one baseline: what ends it again and again is mended by no further one."""
NOBODY_WATCHED: Final = "the prober ended and was started anew"


class Recording:
    """What one prober wrote into `folder` so far."""

    def __init__(self, folder: Path) -> None:
        self.folder = folder
        self.log = folder / "prober.log"
        self.windows: list[SampleWindow] = []
        """On this machine's monotonic clock, as far as `read` came."""
        self.origin_ns: int | None = None
        """When the prober began to watch; None before it did."""
        self._samples = folder / SAMPLES_NAME
        self._read_to = 0

    def last_words(self) -> str:
        """The last line that the prober said."""
        lines = self.log.read_text(errors="replace").strip().splitlines() if self.log.exists() else []
        return lines[-1] if lines else "it said nothing"

    def read(self) -> None:
        """Take in the whole lines that came since the last time."""
        if not self._samples.exists():
            return
        with self._samples.open("rb") as file:
            file.seek(self._read_to)
            text = file.read()
        whole = text[: text.rfind(b"\n") + 1]
        self._read_to += len(whole)
        for line in whole.splitlines():
            document: dict[str, Any] = json.loads(line)
            if self.origin_ns is None:
                self.origin_ns = int(document["origin_ns"])
            else:
                self.windows.append(shifted(window_from_record(document), self.origin_ns))


class GuestWatch:
    """Probes the guests of a lab from inside its namespace until it is closed.

    `guests` are rows of a probe file (docs/reference/probe-file.md).  Returns when the prober watches; raises LabError
    when it does not begin.
    """

    def __init__(self, namespace: str, guests: Sequence[Mapping[str, str]], folder: Path, probe: Probe) -> None:
        folder.mkdir(parents=True)
        self._folder = folder
        self._file = folder / "probes.yaml"
        times = {name: format_duration(getattr(probe, name)) for name in ("interval", "patience", "burst")}
        plain = {"schema": 1, "name": "nested-lab", **times, "guests": list(guests)}
        self._file.write_text(yaml.safe_dump(plain, sort_keys=False), encoding="utf-8")
        self._recordings = [self._next_recording(1)]
        self._reading = threading.Lock()
        self._process: subprocess.Popen[bytes] | None = None
        self._failed: BaseException | None = None
        self._closing = False
        self._turn = threading.Lock()
        """Held while a prober is started or ended."""
        self._keeper = threading.Thread(target=self._keep, args=(namespace,), name="prober", daemon=True)
        self._keeper.start()
        self._await_begin()

    def samples(self, since_ns: int, zero_ns: int) -> SampleWindow:
        """Samples after `since_ns` (lab time) as far as they were written: the prober writes ten seconds at once, five
        seconds later.  `zero_ns` is lab time zero on this machine's monotonic clock.

        Raises LabError when no prober is left.
        """
        if not self._keeper.is_alive():
            raise LabError(
                f"the prober of the lab's guests ended by itself: {self._why()}", hint=f"see {self._newest.log}"
            )
        wanted = [shifted(window, -zero_ns) for window in self._seen() if window.to_ns - zero_ns > since_ns]
        return joined([*(begun_at(window, since_ns) for window in wanted[:1]), *wanted[1:]], since_ns)

    def close(self) -> None:
        """End the prober; what it wrote stays until the lab's folder is removed."""
        with self._turn:
            self._closing = True
            if self._process is not None:
                self._process.kill()
        self._keeper.join()

    # --- the process --------------------------------------------------------------------------------------------------

    def _keep(self, namespace: str) -> None:
        """Start a prober, and another one when one that had begun ends: in one thread, since the kernel ends a prober
        with the thread that started it."""
        while True:
            try:
                with self._turn:
                    if self._closing:
                        return
                    self._process = self._start(namespace, self._newest)
            except (OSError, HarnessError) as error:
                self._failed = error
                return
            self._process.wait()
            self._seen()
            if self._closing or self._newest.origin_ns is None or len(self._recordings) >= MOST_PROBERS:
                return
            self._recordings.append(self._next_recording(len(self._recordings) + 1))

    def _next_recording(self, number: int) -> Recording:
        folder = self._folder / str(number)
        folder.mkdir()
        return Recording(folder)

    def _start(self, namespace: str, recording: Recording) -> subprocess.Popen[bytes]:
        place = str(recording.folder)
        command = [sys.executable, "-m", "harness.cli", "probe", "run", str(self._file), "--out", place]
        # setpriv has the kernel end the prober with the thread that started it, and so with a lab host that is killed
        watched = ["setpriv", "--pdeathsig", "KILL", "--", *command]
        with recording.log.open("wb") as output, inside(namespace):
            return subprocess.Popen(watched, stdin=subprocess.DEVNULL, stdout=output, stderr=output, cwd=root())

    def _await_begin(self) -> None:
        def begun() -> bool | None:
            self._seen()
            if self._recordings[0].origin_ns is not None:
                return True
            return None if self._keeper.is_alive() else False

        try:
            watches = wait_until(begun, within_s=BEGINS_WITHIN_S, what="the prober to begin", poll_s=0.05)
        except DeadlineExpiredError as error:
            self.close()
            raise LabError(str(error), hint=f"see {self._newest.log}") from error
        if not watches:
            raise LabError(
                f"the prober of the lab's guests did not begin: {self._why()}", hint=f"see {self._newest.log}"
            )

    @property
    def _newest(self) -> Recording:
        return self._recordings[-1]

    def _why(self) -> str:
        return str(self._failed or self._newest.last_words())

    def _seen(self) -> list[SampleWindow]:
        """All windows so far, and between those of two probers one in which nothing was seen."""
        found: list[SampleWindow] = []
        seen_to_ns: int | None = None
        with self._reading:
            for recording in self._recordings:
                recording.read()
                windows = recording.windows
                if seen_to_ns is None:
                    seen_to_ns = recording.origin_ns
                elif windows:
                    found += unseen(seen_to_ns, windows[0].from_ns, NOBODY_WATCHED)
                if windows:
                    found += windows
                    seen_to_ns = windows[-1].to_ns
        return found
