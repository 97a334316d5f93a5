"""The programs of the machine that build an image: what is missing of them, and how they are run.

Each runs in namespaces of its own for processes and mounts, and is killed with everything it started when the builder
ends, however that ends: no mount and no process is ever left.
"""

from __future__ import annotations

import os
import platform
import shutil
import subprocess
import sys
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from importlib.util import find_spec
from pathlib import Path
from typing import Final

from harness.errors import LabError

NEEDED: Final[Mapping[str, str]] = {
    "apt-get": "apt",
    "chroot": "coreutils",
    "cp": "coreutils",
    "cpio": "cpio",
    "dpkg-deb": "dpkg",
    "mke2fs": "e2fsprogs",
    "mmdebstrap": "mmdebstrap",
    "qemu-img": "qemu-utils",
    "setpriv": "util-linux",
    "unshare": "util-linux",
}
"""Program → the Debian package that has it."""

_PATHS: Final = "/usr/local/sbin:/usr/sbin:/sbin"
"""Where some of the programs are that the search path of a service may lack."""
_MISLEADING: Final = ("PIP_USER", "PIP_TARGET", "PIP_PREFIX", "PIP_ROOT", "PIP_REQUIRE_VIRTUALENV")
"""Settings of pip that would install somewhere else than into the image."""
_SHOWN_LINES: Final = 8
_CONTAINED: Final = (
    *("setpriv", "--pdeathsig", "KILL"),
    *("unshare", "--mount", "--mount-proc", "--pid", "--fork", "--kill-child=KILL"),
)


@dataclass(frozen=True, slots=True)
class Runner:
    """Runs programs; all they print goes to `log`, which is written anew by each build."""

    log: Path

    def run(
        self,
        command: Sequence[str],
        *,
        what: str,
        within_s: float = 120.0,
        stdin: str = "",
        cwd: Path | None = None,
        temporary: Path | None = None,
        hint: str = "",
    ) -> None:
        """Run a command to its end.  `what` names it in messages, as in "Debian could not be installed".
        `temporary` is a folder for its temporary files: what it leaves when it is killed goes with that folder.

        Raises LabError with its last lines when it fails or takes longer than `within_s` seconds.
        """
        with self.log.open("a", encoding="utf-8") as output:
            output.write(f"\n$ {' '.join(command)}\n")
            output.flush()
            start = output.tell()
            try:
                done = subprocess.run(
                    [*_CONTAINED, *command],
                    input=stdin,
                    stdout=output,
                    stderr=subprocess.STDOUT,
                    text=True,
                    check=False,
                    timeout=within_s,
                    cwd=cwd,
                    env=environment() | ({"TMPDIR": str(temporary)} if temporary else {}),
                )
            except subprocess.TimeoutExpired as error:
                raise LabError(
                    f"{what}: '{command[0]}' was not done after {within_s:g} s", hint=self._hint(hint)
                ) from error
            except OSError as error:
                raise LabError(f"{what}: '{command[0]}' cannot be run: {error}", hint=self._hint(hint)) from error
        if done.returncode:
            said = "\n  ".join(self._last_lines(start)) or "it said nothing"
            raise LabError(f"{what}: '{command[0]}' ended with {done.returncode}:\n  {said}", hint=self._hint(hint))

    def _last_lines(self, start: int) -> list[str]:
        with self.log.open("rb") as log:
            log.seek(start)
            return log.read().decode(errors="replace").strip().splitlines()[-_SHOWN_LINES:]

    def _hint(self, hint: str) -> str:
        return f"{hint}; all that was said is in {self.log}" if hint else f"all that was said is in {self.log}"


def environment() -> dict[str, str]:
    """The environment of the programs: ours, with every folder of programs, and messages in English."""
    ours = {name: value for name, value in os.environ.items() if name not in _MISLEADING}
    return {**ours, "PATH": f"{os.environ.get('PATH', os.defpath)}:{_PATHS}", "LC_ALL": "C.UTF-8"}


def why_not_here() -> str:
    """What this machine lacks for building images, with the packages that bring it; empty when nothing."""
    if sys.platform != "linux" or platform.machine() != "x86_64":
        return f"node images are built on Linux on x86-64, this is {sys.platform} on {platform.machine()}"
    reasons = []
    path = environment()["PATH"]
    missing = [program for program in NEEDED if shutil.which(program, path=path) is None]
    if missing:
        packages = " ".join(sorted({NEEDED[program] for program in missing}))
        reasons.append(f"{', '.join(missing)} missing (apt-get install -y {packages})")
    if find_spec("pip") is None:
        reasons.append("this Python has no pip (apt-get install -y python3-pip, or start with ./hil)")
    if os.geteuid() != 0:
        reasons.append("node images are built by root")
    return "; ".join(reasons)
