"""`hil doctor`: what this machine has and lacks, with one line of remedy for each.

Only the checks marked as needed can fail the command; everything else says which part of the harness it would open.
"""

from __future__ import annotations

import errno
import hashlib
import json
import os
import shutil
import socket
import subprocess
import sys
from collections.abc import Callable, Sequence
from dataclasses import asdict, dataclass
from enum import StrEnum
from itertools import product
from pathlib import Path
from typing import Annotated, Final

import typer

from harness.cli.called import say
from harness.errors import ConfigError
from harness.exits import Exit
from harness.labs.nested import needs
from harness.paths import reports_dir, root, state_dir
from harness.probes.permission import permission

MIN_PYTHON: Final = (3, 11)
LAB_ADDRESSES: Final = ("127.64.0.1", "127.64.0.5")
"""Two of the loopback addresses that a simulated lab takes for its nodes."""
WINRM_PORTS: Final = (5985, 5986)
"""Plain and TLS."""
LOW_DISK_MIB: Final = 2048
MIN_DISK_MIB: Final = 256
BROWSERS: Final = ("chromium", "chromium-browser", "google-chrome", "google-chrome-stable")
MIN_NODE_MAJOR: Final = 20
"""`allure generate` runs on Node 20 (tried with Allure 3.18.0); `allure run` would want 22 and is not used."""

app = typer.Typer()


class State(StrEnum):
    """How a check came out."""

    OK = "ok"
    WARN = "warn"
    MISSING = "missing"


@dataclass(frozen=True, slots=True)
class Check:
    """One line of the answer: a part of the machine, its state, what was found, and what to do about it."""

    name: str
    state: State
    found: str
    remedy: str = ""
    needed: bool = False


def python() -> Check:
    """The interpreter that runs the harness."""
    found = ".".join(map(str, sys.version_info[:3]))
    if sys.version_info >= MIN_PYTHON:
        return Check("python", State.OK, found, needed=True)
    return Check("python", State.MISSING, found, "apt-get install -y python3 python3-venv", needed=True)


def environment() -> Check:
    """Whether the packages are those that the checkout pins (`requirements/environment.py` writes the stamps)."""
    folder = root()
    current: list[str] = []
    stale: list[str] = []
    for layer in ("run", "dev", "bench", "nested"):
        stamp = Path(sys.prefix) / f"hil-{layer}.stamp"
        if stamp.is_file():
            matches = stamp.read_text(encoding="utf-8").strip().endswith(f"|{layer_digest(folder, layer)}")
            (current if matches else stale).append(layer)
    if stale:
        found = f"{sys.prefix}: {', '.join(stale)} older than requirements/"
        return Check("environment", State.WARN, found, "start through ./hil, which updates it", needed=True)
    if "run" not in current:
        found = f"{sys.prefix} was not made by ./hil"
        return Check("environment", State.WARN, found, "start through ./hil for the pinned packages", needed=True)
    return Check("environment", State.OK, f"{sys.prefix} ({', '.join(current)})", needed=True)


def layer_digest(folder: Path, layer: str) -> str:
    """What `digest_of` in `./hil` computes for a layer."""
    files = [folder / "pyproject.toml", folder / "requirements" / "environment.py"]
    files += sorted((folder / "requirements").glob(f"{layer}*.txt"))
    return hashlib.sha256(b"".join(file.read_bytes() for file in files)).hexdigest()


def loopback() -> Check:
    """Whether simulated nodes can have addresses of their own with the real WinRM ports."""
    for address, port in product(LAB_ADDRESSES, WINRM_PORTS):
        with socket.socket() as listener:
            listener.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
            try:
                listener.bind((address, port))
            except OSError as error:
                return loopback_trouble(f"{address}:{port}", error)
    ports = " and ".join(map(str, WINRM_PORTS))
    return Check("loopback", State.OK, f"{' and '.join(LAB_ADDRESSES)}, ports {ports}", needed=True)


def loopback_trouble(endpoint: str, error: OSError) -> Check:
    """Tell an address in use, which a running lab may be, from one that this machine does not have."""
    if error.errno == errno.EADDRINUSE:
        remedy = "`hil lab list` shows a lab of ours; `ss -ltnp` shows who else it is"
        return Check("loopback", State.WARN, f"{endpoint} is in use", remedy, needed=True)
    remedy = "all of 127.0.0.0/8 must be local, as on any Linux; check `ip addr show lo` and the container"
    return Check("loopback", State.MISSING, f"{endpoint}: {error.strerror}", remedy, needed=True)


def disk() -> Check:
    """Room for journals and reports."""
    folder = reports_dir()
    while not folder.exists():
        folder = folder.parent
    free_mib = shutil.disk_usage(folder).free // 2**20
    found = f"{free_mib} MiB free below {folder}"
    remedy = "delete old folders in reports/runs, or set HIL_REPORTS to a larger disk"
    if free_mib < MIN_DISK_MIB:
        return Check("disk", State.MISSING, found, remedy, needed=True)
    if free_mib < LOW_DISK_MIB:
        return Check("disk", State.WARN, found, remedy, needed=True)
    return Check("disk", State.OK, found, needed=True)


def state() -> Check:
    """The folder of leases and lab hosts, which must outlive a session."""
    remedy = "set HIL_STATE to a writable folder on a local disk"
    try:
        folder = state_dir()
    except OSError as error:
        return Check("state", State.MISSING, f"{error.filename}: {error.strerror}", remedy, needed=True)
    if os.access(folder, os.W_OK):
        return Check("state", State.OK, str(folder), needed=True)
    return Check("state", State.MISSING, f"{folder} is not writable", remedy, needed=True)


def git() -> Check:
    """Runs note the commit of plans and harness."""
    found = shutil.which("git")
    if found:
        return Check("git", State.OK, found)
    return Check("git", State.MISSING, "runs cannot note the commit of the checkout", "apt-get install -y git")


def browser() -> Check:
    """Only for pictures of reports."""
    found = next((path for name in BROWSERS if (path := shutil.which(name))), None)
    if found:
        return Check("chromium", State.OK, found)
    return Check("chromium", State.MISSING, "no screenshots of reports", "apt-get install -y chromium")


def libvirt() -> Check:
    """Only for nested labs."""
    if lacks := needs.lab_lacks():
        return Check("libvirt", State.MISSING, f"no nested labs: {needs.named(lacks)}", needs.remedy(lacks))
    if lacks := needs.further_lacks():
        found = f"nested labs without what needs {needs.named(lacks)}"
        return Check("libvirt", State.WARN, found, needs.remedy(lacks))
    return Check("libvirt", State.OK, "libvirt-python, QEMU and the programs of nested labs")


def node() -> Check:
    """Only for the Allure page; our own pages need nothing."""
    remedy = f"install Node {MIN_NODE_MAJOR} or newer; our own report pages do not need it"
    path = shutil.which("node")
    if path is None:
        return Check("node", State.MISSING, "no Allure page", remedy)
    done = subprocess.run([path, "--version"], capture_output=True, text=True, check=False, timeout=10)
    version = done.stdout.strip()
    major = version.removeprefix("v").partition(".")[0]
    if major.isdigit() and int(major) >= MIN_NODE_MAJOR:
        return Check("node", State.OK, version)
    return Check("node", State.WARN, f"{version or 'no version'}: too old for the Allure page", remedy)


def probing() -> Check:
    """Only for watching guests over the network (`hil probe`)."""
    allowed = permission()
    remedy = "run `hil probe` as root or with CAP_NET_RAW; see docs/howto/watch-guests.md"
    if not allowed.icmp:
        return Check("probing", State.WARN, "no ICMP, TCP ports by whole connections", remedy)
    if not allowed.half_open:
        return Check("probing", State.WARN, "ICMP; TCP ports by whole connections", remedy)
    return Check("probing", State.OK, "ICMP, half-open TCP")


CHECKS: Final[Sequence[Callable[[], Check]]] = (
    python,
    environment,
    loopback,
    disk,
    state,
    git,
    probing,
    browser,
    libvirt,
    node,
)


@app.command()
def doctor(
    as_json: Annotated[bool, typer.Option("--json", help="Print the checks as JSON.")] = False,
) -> Exit:
    """Say what this machine has and lacks, with the remedy for each.

    Exit 0 when everything needed is there; 4 when something needed is missing.
    """
    checks = [check() for check in CHECKS]
    if as_json:
        typer.echo(json.dumps({"schema": 1, "checks": [asdict(check) for check in checks]}, indent=2))
    else:
        show(checks)
    lacking = [check.name for check in checks if check.needed and check.state is State.MISSING]
    if lacking:
        raise ConfigError(
            f"this machine lacks what the harness needs: {', '.join(lacking)}", hint="follow the remedies above"
        )
    return Exit.PASS


def show(checks: Sequence[Check]) -> None:
    """Print one line for each check, and its remedy below it."""
    for check in checks:
        kind = "" if check.needed else " (optional)"
        typer.echo(f"{check.state:<8} {check.name:<12} {check.found}{kind}")
        if check.remedy:
            say(f"{'':<21} → {check.remedy}")
