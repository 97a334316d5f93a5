"""The control channel between the harness and a lab host: JSON lines over a Unix socket.

A request is `{"verb": …, "epoch": …, "args": {…}}`, the answer `{"ok": …}` or `{"error": {"kind": …, "message": …,
"hint": …}}`. Requests on one connection are answered in order.  Verbs that change the lab need the epoch of the
newest lease.
"""

from __future__ import annotations

import json
import os
import socket
from collections.abc import Iterator, Mapping
from contextlib import contextmanager, suppress
from pathlib import Path
from typing import Any, Final

from harness.errors import HarnessError, LabError, LeaseError

SOCKET_NAME: Final = "control.sock"
MAX_LINE: Final = 64 * 1024 * 1024
ANSWER_WITHIN_S: Final = 120.0
LONGER_ANSWERS_S: Final[Mapping[str, float]] = {"baseline": 600.0}
"""Wall seconds for verbs that take longer: a nested lab boots its machines for a baseline."""

_ERROR_KINDS: Final[Mapping[str, type[HarnessError]]] = {"lease": LeaseError, "lab": LabError}


@contextmanager
def short_path(folder: Path) -> Iterator[str]:
    """A path to the socket in `folder` that fits the 108 bytes of a Unix address, however deep the folder lies."""
    fd = os.open(folder, os.O_PATH | os.O_DIRECTORY | os.O_CLOEXEC)
    try:
        yield f"/proc/self/fd/{fd}/{SOCKET_NAME}"
    finally:
        os.close(fd)


def error_answer(error: HarnessError) -> dict[str, Any]:
    """The answer that carries `error` to the other side."""
    kind = "lease" if isinstance(error, LeaseError) else "lab"
    return {"error": {"kind": kind, "message": str(error), "hint": error.hint}}


class ControlChannel:
    """The harness' end of the channel.  Not thread-safe: one channel, one thread."""

    def __init__(self, folder: Path) -> None:
        """Connect to the lab host whose socket lies in `folder`.  Raises LabError when nobody listens."""
        self._folder = folder
        self._socket = socket.socket(socket.AF_UNIX, socket.SOCK_STREAM)
        self._socket.settimeout(ANSWER_WITHIN_S)
        try:
            with short_path(folder) as path:
                self._socket.connect(path)
        except OSError as error:
            self._socket.close()
            raise self._gone(error) from error
        self._file = self._socket.makefile("rwb")

    def call(self, verb: str, *, epoch: int | None = None, **args: Any) -> Any:
        """Send one request and wait for its answer.

        Raises LabError when the lab host is gone, and what the lab host itself raised.
        """
        request = json.dumps({"verb": verb, "epoch": epoch, "args": args}, separators=(",", ":"))
        try:
            self._socket.settimeout(LONGER_ANSWERS_S.get(verb, ANSWER_WITHIN_S))
            self._file.write(request.encode() + b"\n")
            self._file.flush()
            line = self._file.readline(MAX_LINE)
        except (OSError, ValueError) as error:
            raise self._gone(error) from error
        if not line.endswith(b"\n"):
            raise self._gone(None)
        answer = json.loads(line)
        if "error" in answer:
            problem = answer["error"]
            raise _ERROR_KINDS.get(problem["kind"], LabError)(problem["message"], hint=problem["hint"])
        return answer["ok"]

    def _gone(self, cause: Exception | None) -> LabHostGoneError:
        detail = f": {cause}" if cause else ""
        return LabHostGoneError(
            f"the lab host of '{self._folder.name}' does not answer{detail}",
            hint=f"its last words are in {self._folder / 'host.log'}; the run cannot go on, start it again",
        )

    def close(self) -> None:
        """Hang up; never raises, also when the lab host did so first."""
        with suppress(OSError):
            self._file.close()
        self._socket.close()


class LabHostGoneError(LabError):
    """The process that hosted the lab instance died.  What it held in memory is lost: the run ends `lab`."""
