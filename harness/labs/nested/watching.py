"""The wire prober inside a lab's namespace: a process of its own, whose recording the lab host reads as it grows."""

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
from harness.measure.windows import begun_at, joined, shifted
from harness.netns import inside
from harness.paths import root
from harness.plan.quantity import format_duration
from harness.values import SampleWindow

SAMPLES_NAME: Final = "samples.jsonl"
BEGINS_WITHIN_S: Final = 60.0
"""Wall time that the prober has to begin; it takes two seconds on a quiet machine."""


class GuestWatch:
    """Probes the guests of a lab from inside its namespace until it is closed.

    `guests` are rows of a probe file (docs/reference/probe-file.md).  Returns when the prober watches; raises LabError
    when it does not begin.
    """

    def __init__(self, namespace: str, guests: Sequence[Mapping[str, str]], folder: Path, probe: Probe) -> None:
        self._samples = folder / SAMPLES_NAME
        self._read_to = 0
        self._origin_ns: int | None = None
        self._windows: list[SampleWindow] = []
        folder.mkdir(parents=True)
        file = folder / "probes.yaml"
        times = {"interval": format_duration(probe.interval), "patience": format_duration(probe.patience)}
        plain = {"schema": 1, "name": "nested-lab", **times, "guests": list(guests)}
        file.write_text(yaml.safe_dump(plain, sort_keys=False), encoding="utf-8")
        self._log = folder / "prober.log"
        self._process: subprocess.Popen[bytes] | None = None
        self._failed: BaseException | None = None
        self._started = threading.Event()
        command = [sys.executable, "-m", "harness.cli", "probe", "run", str(file), "--out", str(folder)]
        # setpriv has the kernel end the prober with the thread that started it, and so with a lab host that is killed
        watched = ["setpriv", "--pdeathsig", "KILL", "--", *command]
        self._keeper = threading.Thread(target=self._keep, args=(namespace, watched), name="prober", daemon=True)
        self._keeper.start()
        self._await_begin()

    def _keep(self, namespace: str, command: Sequence[str]) -> None:
        try:
            with self._log.open("wb") as output, inside(namespace):
                self._process = subprocess.Popen(
                    command, stdin=subprocess.DEVNULL, stdout=output, stderr=output, cwd=root()
                )
        except (OSError, HarnessError) as error:
            self._failed = error
            return
        finally:
            self._started.set()
        self._process.wait()

    def _await_begin(self) -> None:
        self._started.wait()

        def begun() -> bool | None:
            if self._process is None or self._process.poll() is not None:
                return False
            self._read()
            return True if self._origin_ns is not None else None

        try:
            watches = wait_until(begun, within_s=BEGINS_WITHIN_S, what="the prober to begin", poll_s=0.05)
        except DeadlineExpiredError as error:
            self.close()
            raise LabError(str(error), hint=f"see {self._log}") from error
        if not watches:
            raise LabError(
                f"the prober of the lab's guests did not begin: {self._failed or self._last_words()}",
                hint=f"see {self._log}",
            )

    def _last_words(self) -> str:
        lines = self._log.read_text(errors="replace").strip().splitlines()
        return lines[-1] if lines else "it said nothing"

    def samples(self, since_ns: int, zero_ns: int) -> SampleWindow:
        """Samples after `since_ns` (lab time) as far as they were written: the prober writes ten seconds at once, five
        seconds later.  `zero_ns` is lab time zero on this machine's monotonic clock.

        Raises LabError when the prober ended.
        """
        self._read()
        if self._process is None or self._process.poll() is not None:
            raise LabError("the prober of the lab's guests ended by itself", hint=f"see {self._log}")
        own = [shifted(window, (self._origin_ns or 0) - zero_ns) for window in self._windows]
        wanted = [window for window in own if window.to_ns > since_ns]
        return joined([*(begun_at(window, since_ns) for window in wanted[:1]), *wanted[1:]], since_ns)

    def close(self) -> None:
        """End the prober; what it wrote stays until the lab's folder is removed."""
        if self._process is not None:
            self._process.kill()
        self._keeper.join()

    def _read(self) -> None:
        """Whole lines that came since the last time."""
        if not self._samples.exists():
            return
        with self._samples.open("rb") as file:
            file.seek(self._read_to)
            text = file.read()
        whole = text[: text.rfind(b"\n") + 1]
        self._read_to += len(whole)
        for line in whole.splitlines():
            document: dict[str, Any] = json.loads(line)
            if self._origin_ns is None:
                self._origin_ns = int(document["origin_ns"])
            else:
                self._windows.append(window_from_record(document))
