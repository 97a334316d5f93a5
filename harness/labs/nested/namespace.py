"""Named network namespaces with bridges in them: the wires of a nested lab, apart from the machine's own network.

A name made by `owned_name` carries the process that owns the namespace, by number and start, so that those of a killed
process are found and removed by the next one.  Needs root and iproute2.
"""

from __future__ import annotations

import itertools
import os
import shutil
import signal
from collections.abc import Sequence
from contextlib import suppress
from dataclasses import dataclass
from ipaddress import ip_interface, ip_network
from typing import Final

from harness.clock import DeadlineExpiredError, wait_until
from harness.errors import ConfigError
from harness.labs.holder import start_time
from harness.labs.nested.command import run
from harness.netns import NAMESPACES, entered

__all__ = [
    "Network",
    "ensure_namespace",
    "entered",
    "exists",
    "orphans",
    "owned_name",
    "owner_alive",
    "processes_in",
    "remove_namespace",
    "remove_orphans",
    "why_no_namespaces",
]

_NAME_LIMIT: Final = 15
"""Of an interface: IFNAMSIZ without its end ([D] linux/if.h)."""

_ENDS_WITHIN_S: Final = 10.0

_numbers = itertools.count(1)


@dataclass(frozen=True, slots=True)
class Network:
    """One wire of the lab: a bridge `name` in the lab's namespace, with an address of its own when `address` is given.

    `cidr` is the network, as `10.80.1.0/24`; `address` lies in it and is how the lab host itself is reached.
    """

    name: str
    cidr: str
    address: str = ""

    def __post_init__(self) -> None:
        if not 0 < len(self.name) <= _NAME_LIMIT or not self.name.replace("-", "").isalnum():
            raise ConfigError(
                f"network '{self.name}' cannot be the name of a bridge",
                hint=f"1 to {_NAME_LIMIT} letters, digits and hyphens",
            )
        try:
            network = ip_network(self.cidr)
            inside = not self.address or ip_interface(self.address).ip in network
        except ValueError as error:
            raise ConfigError(f"network '{self.name}': {error}", hint="e.g. 10.80.1.0/24 and 10.80.1.1") from error
        if not inside:
            raise ConfigError(f"network '{self.name}': {self.address} is not in {self.cidr}", hint="correct the one")

    @property
    def interface(self) -> str:
        """The bridge's address with the length of the network's prefix; empty without an address."""
        return f"{self.address}/{ip_network(self.cidr).prefixlen}" if self.address else ""


def why_no_namespaces(prefix: str) -> str:
    """What is missing for network namespaces; empty when nothing is.  Tries with a name that begins with `prefix`."""
    if os.name != "posix" or os.geteuid() != 0:
        return "network namespaces need root"
    if shutil.which("ip") is None:
        return "network namespaces need the program ip (package iproute2)"
    name = owned_name(prefix, "try")
    made = run(["ip", "netns", "add", name], check=False)
    if made.returncode:
        return f"this machine makes no network namespaces: {made.stderr.strip()}"
    remove_namespace(name)
    return ""


def exists(name: str) -> bool:
    """Whether there is a namespace of this name."""
    return (NAMESPACES / name).exists()


def ensure_namespace(name: str, networks: Sequence[Network] = ()) -> None:
    """Make the namespace and its bridges, as far as they are not there.

    Raises LabError when the kernel refuses a step; what was made until then is found by a second call.
    """
    if not exists(name):
        run(["ip", "netns", "add", name])
    run(["ip", "link", "set", "lo", "up"], namespace=name)
    for network in networks:
        _ensure_bridge(name, network)


def _ensure_bridge(namespace: str, network: Network) -> None:
    bridge = network.name
    if run(["ip", "link", "show", "dev", bridge], namespace=namespace, check=False).returncode:
        # forward_delay: a tap that comes up must carry the first packet, not the one 15 s later
        add = ["ip", "link", "add", bridge, "type", "bridge", "forward_delay", "0", "stp_state", "0"]
        run(add, namespace=namespace)
    if network.interface:
        run(["ip", "address", "replace", network.interface, "dev", bridge], namespace=namespace)
    run(["ip", "link", "set", bridge, "up"], namespace=namespace)


def processes_in(name: str) -> list[int]:
    """Numbers of the processes that run in a namespace; none when there is no such namespace."""
    if not exists(name):
        return []
    return sorted(int(pid) for pid in run(["ip", "netns", "pids", name], check=False).stdout.split())


def remove_namespace(name: str) -> None:
    """End what still runs in a namespace of ours, then remove it; harmless when there is none.

    Waits until they have ended, since a namespace lives on unseen while a process is in it; what they began in
    between is ended too.
    """

    def emptied() -> bool | None:
        found = processes_in(name)
        for pid in found:
            with suppress(ProcessLookupError):
                os.kill(pid, signal.SIGKILL)
        return None if found else True

    if exists(name):
        with suppress(DeadlineExpiredError):  # stuck in the kernel: it ends when that lets go of it
            wait_until(emptied, within_s=_ENDS_WITHIN_S, what=f"the processes in {name} to end", poll_s=0.02)
        run(["ip", "netns", "delete", name], check=False)


def remove_orphans(prefix: str) -> list[str]:
    """Remove the namespaces with this prefix whose owner is gone, and what still runs in them.  Returns their names."""
    found = orphans(prefix)
    for name in found:
        remove_namespace(name)
    return found


def orphans(prefix: str) -> list[str]:
    """Namespaces with this prefix whose owner is gone."""
    if not NAMESPACES.is_dir():
        return []
    names = sorted(path.name for path in NAMESPACES.iterdir() if path.name.startswith(f"{prefix}-"))
    return [name for name in names if not owner_alive(prefix, name)]


def owned_name(prefix: str, label: str) -> str:
    """A name unique on this machine that names this process as the owner by number and start."""
    return f"{prefix}-{os.getpid()}-{start_time(os.getpid())}-{next(_numbers)}-{label}"


def owner_alive(prefix: str, name: str) -> bool:
    """Whether the process that a namespace is named after still runs; a name that tells no process counts as alive."""
    pid, _, rest = name.removeprefix(f"{prefix}-").partition("-")
    started = rest.partition("-")[0]
    if not (pid.isdecimal() and started.isdecimal()):
        return True
    return str(start_time(int(pid))) == started
