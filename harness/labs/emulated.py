"""The brain of an emulated cluster from the inside of its lab host: beside `harness.labs.twin` the other door to the
twin.

Whoever hosts the machines says where they are; this says what the cluster is that they make.
"""

from __future__ import annotations

import secrets
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any, Final

from harness.errors import ConfigError, LabError
from harness.labs.answers import WINRM_KINDS, baseline, description, node_endpoint
from harness.labs.models import LabFile
from harness.labs.modelspec import model_spec, node_account, plain_event
from harness.twin.clock import read_utc_s
from harness.twin.emulated import EmulatedCluster, EmulatedSpec
from harness.twin.model import CalibrationError, CatalogError, ModelError, ModelEvent
from harness.twin.wire.certificates import Authority
from harness.values import Machines, Subject

TOKEN_BYTES: Final = 18


@dataclass(frozen=True, slots=True)
class Addresses:
    """Where everybody is: the brain (port 0 takes any free one), the nodes and the guests by name."""

    brain: tuple[str, int]
    nodes: Mapping[str, str]
    guests: Mapping[str, str]


def make_token() -> str:
    """A token that nobody guesses, of characters that a kernel's command line can carry."""
    return secrets.token_urlsafe(TOKEN_BYTES)


class EmulatedBrain:
    """The cluster that machines outside make.  Raises ConfigError for a lab file that it cannot serve, LabError when
    its address is taken."""

    def __init__(self, file: LabFile, addresses: Addresses, ca_file: Path, token: str) -> None:
        """`token` is what nodes prove themselves with (`make_token`); the authority that certifies them goes to
        `ca_file`."""
        self._file = file
        self._addresses = addresses
        self._ca_file = ca_file
        authority = Authority(f"Certificates of an emulated lab, {file.lab}", read_utc_s())
        self._account = account = node_account(file)
        try:
            self._cluster = EmulatedCluster(
                EmulatedSpec(
                    model=model_spec(file, file.versions.model_dump(), file.default_seed, ()),
                    account=account,
                    brain=addresses.brain,
                    token=token,
                    winrm_port=file.winrm.port,
                    winrm_tls_port=file.winrm.tls_port,
                    certify=lambda node: authority.issue_to_node(node, account.domain, addresses.nodes[node]),
                    guest_addresses=addresses.guests,
                )
            )
        except (CalibrationError, CatalogError) as error:
            raise ConfigError(f"lab '{file.lab}': {error}", hint="correct the lab file") from error
        except OSError as error:
            raise LabError(
                f"lab '{file.lab}' cannot listen at {addresses.brain[0]}:{addresses.brain[1]}: {error.strerror}",
                hint="end other lab hosts: hil lab list",
            ) from error
        ca_file.write_bytes(authority.pem)

    @property
    def brain(self) -> tuple[str, int]:
        """Where nodes come to."""
        return self._cluster.brain_address

    @property
    def serving(self) -> Sequence[str]:
        """Nodes that serve WinRM now."""
        return self._cluster.all_serving()

    @property
    def zero_ns(self) -> int:
        """Lab time zero on the monotonic clock of this machine."""
        return self._cluster.engine.zero_ns

    @property
    def guest_addresses(self) -> Mapping[str, str]:
        """Where guests answer, on whatever node they run."""
        return self._addresses.guests

    def rest(self) -> None:
        """Before the machines are made anew: a cluster at rest, which wants nothing of them and knows no boot of
        theirs."""
        self._cluster.reset(model_spec(self._file, self._file.versions.model_dump(), self._file.default_seed, ()))
        self._cluster.forget_boots()

    def described(self) -> dict[str, Any]:
        """The answer of the verb `describe`."""
        return description(self._file, Subject.EMULATED, Machines.VIRTUAL, rate=1.0)

    def baseline(self, versions: Mapping[str, str], seed: int, provoke: list[dict[str, Any]]) -> dict[str, Any]:
        """Begin anew at lab time zero; all nodes must be serving.  The answer of the verb `baseline`."""
        missing = [node for node in self._file.nodes if node not in self.serving]
        if missing:
            return {"ready": False, "reason": f"{', '.join(missing)} does not serve", "versions": {}}
        return baseline(self._file, versions, seed, provoke, self._cluster.reset)

    def endpoint(self, name: str, kind: str) -> dict[str, Any]:
        """The answer of the verb `endpoint`.  Raises LabError when there is none."""
        if name not in self._addresses.nodes or kind not in WINRM_KINDS:
            raise LabError(
                f"'{self._file.lab}' has no endpoint of kind '{kind}' for '{name}'", hint="see: hil lab show"
            )
        return node_endpoint(self._file, name, kind, self._addresses.nodes[name], self._account, self._ca_file)

    def events(self, since: int) -> list[dict[str, Any]]:
        """Events with a number greater than `since`."""
        return [plain_event(event) for event in self._cluster.events(since)]

    def watch(self, callback: Callable[[ModelEvent], None]) -> None:
        """Call `callback` with each further event, from whatever thread brings it about; it must be quick and must not
        change the cluster."""
        self._cluster.on_event(callback)

    def plant(self, cause: str, node: str | None = None, parameters: dict[str, Any] | None = None) -> None:
        """Bring a cause about.  Raises LabError for one that the lab cannot bring about."""
        try:
            self._cluster.plant(cause, node, parameters or {})
        except ModelError as error:
            raise LabError(f"'{cause}' was refused: {error}", hint="see: hil faults list") from error

    def lift(self, cause: str, node: str | None = None) -> None:
        """Take a cause away again.  Raises LabError."""
        try:
            self._cluster.lift(cause, node)
        except ModelError as error:
            raise LabError(f"'{cause}' was refused: {error}", hint="see: hil faults list") from error

    def set_power(self, node: str, *, on: bool, cause: str) -> None:
        """What the management controller of a node says from now on."""
        self._cluster.set_power(node, on=on, cause=cause)

    def close(self) -> None:
        """Let the nodes go."""
        self._cluster.close()
        self._ca_file.unlink(missing_ok=True)
