"""Other machines of the lab as .NET's network classes see them; texts of failures [GK]."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager
from typing import Any, Final

from harness.twin.cmdlets.costs import load_costs
from harness.twin.model.network import Answer, Networks, NotModelledError
from harness.twin.shell.errors import limitation
from harness.twin.shell.peers import Attempt

_REFUSED: Final = "No connection could be made because the target machine actively refused it {}:{}"
_SILENT: Final = (
    "A connection attempt failed because the connected party did not properly respond after a period of time, or "
    "established connection failed because connected host has failed to respond {}:{}"
)
_NOBODY: Final = "No such host is known"


@contextmanager
def _said() -> Iterator[None]:
    """What leads out of the model fails with its reason."""
    try:
        yield
    except NotModelledError as error:
        raise limitation(f"{error} is not simulated") from error


class NodePeers:
    """What a program of a node reaches."""

    def __init__(self, host: Any) -> None:
        self._host = host

    @property
    def _networks(self) -> Networks:
        found: Networks = self._host.model.networks
        return found

    def addresses(self, name: str) -> list[str]:
        """Addresses of a host; none for a name that nobody knows."""
        if name.lower() == "localhost":
            return ["127.0.0.1"]
        with _said():
            found = self._networks.resolve(self._host.computer_name, name)
            if found is None:
                self._host.wait(load_costs().wait_s("dns_timeout"))
            return found or []

    def name_of(self, ip: str) -> str:
        """Full name of the host with an address."""
        return self._networks.name_of(ip) or ""

    def attempt(self, host: str, port: int) -> Attempt:
        """Try to open a connection."""
        own, lab = self._host.computer_name, self._networks
        ip = host if host.replace(".", "").isdecimal() else next(iter(self.addresses(host)), "")
        if not ip:
            return Attempt("", _NOBODY, 0)
        with _said():
            alive = lab.ping(own, ip) not in (Answer.UNREACHABLE, Answer.NO_ROUTE)
            if alive and lab.connects(own, ip, port):
                return Attempt(ip, "", 0)
        text = (_REFUSED if alive else _SILENT).format(ip, port)
        return Attempt(ip, text, load_costs().wait_s("connect_refused" if alive else "connect_timeout"))
