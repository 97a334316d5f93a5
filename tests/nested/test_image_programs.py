"""The programs that build an image die with whoever runs them, with everything that they started."""

from __future__ import annotations

import os
import signal
import subprocess
import sys
from pathlib import Path

import pytest

from harness.clock import wait_until
from harness.errors import LabError
from harness.labs.nested.image.programs import Runner
from harness.paths import root

pytestmark = [
    pytest.mark.nested,
    pytest.mark.xdist_group("image-programs"),  # they look for each other's processes
]

# A child in a session of its own, as a daemon would be, beside a program that waits for ever.
STUBBORN = 'setsid sleep 7531 & echo started >"$1/started"; trap "" TERM; sleep 7532'
BUILDER = """
import sys
from pathlib import Path
from harness.labs.nested.image.programs import Runner

folder = Path(sys.argv[1])
Runner(folder / "log").run(["sh", "-c", sys.argv[2], "sh", str(folder)], what="nothing was made")
"""


def sleepers() -> list[str]:
    """Processes of this machine that STUBBORN started."""
    found = []
    for folder in Path("/proc").glob("[0-9]*"):
        try:
            words = (folder / "cmdline").read_bytes().split(b"\0")
        except OSError:
            continue
        if words[:2] in ([b"sleep", b"7531"], [b"sleep", b"7532"]):
            found.append(folder.name)
    return found


def all_gone() -> bool | None:
    return None if sleepers() else True


def test_a_killed_builder_takes_its_programs_along(tmp_path: Path) -> None:
    process = subprocess.Popen(
        [sys.executable, "-c", BUILDER, str(tmp_path), STUBBORN],
        cwd=root(),
        env={**os.environ, "PYTHONPATH": str(root())},
    )
    try:
        wait_until(lambda: len(sleepers()) == 2 or None, within_s=60, what="both programs to run")
    finally:
        process.send_signal(signal.SIGKILL)
        process.wait(20)
    wait_until(all_gone, within_s=20, what="the programs to die")


def test_a_program_that_takes_too_long_is_ended_with_its_children(tmp_path: Path) -> None:
    with pytest.raises(LabError, match=r"nothing was made: 'sh' was not done after 3 s"):
        Runner(tmp_path / "log").run(["sh", "-c", STUBBORN, "sh", str(tmp_path)], what="nothing was made", within_s=3)
    assert (tmp_path / "started").is_file()
    wait_until(all_gone, within_s=20, what="the programs to die")


def test_what_a_program_said_last_is_in_the_message(tmp_path: Path) -> None:
    runner = Runner(tmp_path / "log")
    runner.run(["echo", "of before"], what="nothing was made")
    with pytest.raises(LabError, match=r"'sh' ended with 3:\n  no space left$") as caught:
        runner.run(["sh", "-c", "echo no space left >&2; exit 3"], what="nothing was made", hint="make room")
    assert caught.value.hint == f"make room; all that was said is in {tmp_path / 'log'}"


def test_a_mount_of_a_program_is_its_own(tmp_path: Path) -> None:
    runner = Runner(tmp_path / "log")
    runner.run(["sh", "-c", 'mount -t tmpfs none "$1" && touch "$1/inside"', "sh", str(tmp_path)], what="no mount")
    assert not (tmp_path / "inside").exists()
    assert str(tmp_path) not in Path("/proc/self/mounts").read_text()
