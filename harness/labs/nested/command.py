"""Programs of the machine that nested labs call: run to their end, in a network namespace where one is named."""

from __future__ import annotations

import subprocess
from collections.abc import Sequence
from typing import Final

from harness.errors import LabError
from harness.netns import inside

PACKAGES: Final = {
    "ip": "iproute2",
    "tc": "iproute2",
    "nft": "nftables",
    "cp": "coreutils",
    "qemu-img": "qemu-utils",
    "xorriso": "xorriso",
    "xmllint": "libxml2-utils",
}
"""Debian package of each program."""


def run(
    command: Sequence[str], *, namespace: str = "", text: str = "", check: bool = True, within_s: float = 60
) -> subprocess.CompletedProcess[str]:
    """Run a program to its end; `text` is its standard input.

    Raises LabError when it is not installed, does not end within `within_s` seconds or, with `check`, ends with an
    error.
    """
    line = " ".join(command)
    try:
        with inside(namespace):
            done = subprocess.run(
                list(command), input=text, capture_output=True, text=True, check=False, timeout=within_s
            )
    except FileNotFoundError as error:
        package = PACKAGES.get(command[0], command[0])
        raise LabError(
            f"the program '{command[0]}' is not installed; nested labs need it", hint=f"apt-get install -y {package}"
        ) from error
    except subprocess.TimeoutExpired as error:
        raise LabError(
            f"'{line}' did not end within {within_s:g} s and was ended", hint="see what keeps this machine busy"
        ) from error
    if check and done.returncode:
        said = done.stderr.strip() or done.stdout.strip() or "it said nothing"
        raise LabError(f"'{line}' ended with {done.returncode}: {said}", hint="run it by hand to see more")
    return done
