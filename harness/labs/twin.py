"""The provider of simulated labs: the one module that knows the twin."""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from pathlib import Path
from tempfile import TemporaryDirectory
from typing import Any, Final

from harness.errors import ConfigError, LabError
from harness.labs.answers import WINRM_KINDS, baseline, description, node_endpoint
from harness.labs.models import LabFile
from harness.labs.modelspec import model_spec, node_account, plain_event
from harness.labs.secrets import GENERATED, resolve
from harness.twin.checking import CommandRow, Finding, FindingKind, all_commands, check_scripts, is_known
from harness.twin.clock import ClockMode
from harness.twin.conformance import ASPECTS, AreaResult, CasesError, Measured, ProcessResult, measure
from harness.twin.lab import LabSpec, NoSlotError, SimulatedLab
from harness.twin.model import CalibrationError, CatalogError, ModelError
from harness.twin.sampling import SampleRun
from harness.twin.shell.parser import parse
from harness.values import Machines, Subject

__all__ = [
    "ASPECTS",
    "CA_NAME",
    "GUEST_ADMINISTRATOR",
    "UNHEARD",
    "AreaResult",
    "CommandRow",
    "Finding",
    "FindingKind",
    "Measured",
    "ProcessResult",
    "TwinHosting",
    "check_powershell",
    "measure_shell",
    "needs_more",
    "read_powershell",
    "shell_commands",
    "shell_knows",
]

GUEST_ADMINISTRATOR: Final = "Administrator"
"""Account of managed guests when the lab file names none."""

UNHEARD: Final = -1
"""Heartbeat number of a guest from which nothing was heard."""

CA_NAME: Final = "ca.pem"
"""In the instance's folder: the authority that certified its nodes."""


class TwinHosting:
    """A simulated instance from the inside of its lab host (`harness.labs.host.Hosted`)."""

    def __init__(self, instance: str, lab: dict[str, Any], folder: Path | None = None) -> None:
        """Build the instance; what clients need as a file goes into `folder`, without one into a temporary folder.

        Raises ConfigError for a lab file the twin cannot serve, LabError without addresses.
        """
        self._file = LabFile.model_validate(lab)
        self._instance = instance
        account = node_account(self._file)
        guest = self._file.credentials.guest
        spec = LabSpec(
            model=model_spec(self._file, self._file.versions.model_dump(), self._file.default_seed, ()),
            clock=ClockMode.parse(str(self._file.clock)),
            account=account,
            winrm_port=self._file.winrm.port,
            winrm_tls_port=self._file.winrm.tls_port,
            sample_interval_ns=round(self._file.probe.interval.total_seconds() * 1e9),
            guest_account=guest.username.rpartition("\\")[2] if guest else GUEST_ADMINISTRATOR,
            guest_password=resolve(guest.secret) if guest and guest.secret != GENERATED else None,
        )
        try:
            self.simulated = SimulatedLab(spec)
        except (CalibrationError, CatalogError) as error:
            raise ConfigError(f"lab '{self._file.lab}': {error}", hint="correct the lab file") from error
        except NoSlotError as error:
            raise LabError(str(error), hint="end other lab hosts (hil lab list), or free the port") from error
        self._temporary = TemporaryDirectory(prefix="hil-") if folder is None else None
        self._ca_file = (Path(self._temporary.name) if self._temporary else folder or Path()) / CA_NAME
        self._ca_file.write_bytes(self.simulated.authority_pem)
        self._verbs: Mapping[str, Callable[..., Any]] = {
            "describe": self._describe,
            "now": lambda: self.simulated.now_ns,
            "advance": self.simulated.advance,
            "baseline": self._baseline,
            "endpoint": self._endpoint,
            "power_state": lambda node: "on" if self.simulated.power_is_on(node) else "off",
            "power_off": self.simulated.power_off,
            "power_on": self.simulated.power_on,
            "plant": self._plant,
            "lift": self._lift,
            "events": lambda since: [plain_event(event) for event in self.simulated.events(since)],
            "hold": lambda id, kind, path: self.simulated.hold(id, kind, path),
            "unhold": lambda id: self.simulated.unhold(id),
            "held": lambda id: None,
            "samples": self._samples,
            "consoles": dict,
        }

    def call(self, verb: str, args: dict[str, Any]) -> Any:
        """Carry out one verb of the control channel."""
        if verb not in self._verbs:
            raise LabError(
                f"a simulated lab has no verb '{verb}'", hint="harness and lab host are of different versions"
            )
        try:
            return self._verbs[verb](**args)
        except ModelError as error:
            raise LabError(
                f"'{verb}' was refused by the simulated lab: {error}", hint="see its capabilities: hil lab show"
            ) from error

    def close(self) -> None:
        """Let go of addresses and threads."""
        self.simulated.close()
        self._ca_file.unlink(missing_ok=True)
        if self._temporary is not None:
            self._temporary.cleanup()

    # --- verbs -------------------------------------------------------------------------------------------------------

    def _describe(self) -> dict[str, Any]:
        spec, managed = self.simulated.spec, self.simulated.managed_guests
        return description(
            self._file, Subject.SIMULATED, Machines.NONE, rate=spec.clock.rate, managed_guests=list(managed)
        )

    def _baseline(self, versions: dict[str, str], seed: int, provoke: list[dict[str, Any]]) -> dict[str, Any]:
        return baseline(self._file, versions, seed, provoke, self.simulated.reset)

    def _endpoint(self, name: str, kind: str) -> dict[str, Any]:
        account = self.simulated.spec.account
        if kind in WINRM_KINDS and name in self.simulated.nodes:
            address = self.simulated.node_address(name)
            return node_endpoint(self._file, name, kind, address, account, self._ca_file)
        if kind in ("winrm", "winrm-http") and name in self.simulated.managed_guests:
            return self._guest_endpoint(name, kind)
        raise LabError(f"'{self._instance}' has no endpoint of kind '{kind}' for '{name}'", hint="see: hil lab show")

    def _guest_endpoint(self, name: str, kind: str) -> dict[str, Any]:
        access = self.simulated.guest_access(name)
        return {
            "name": name,
            "kind": kind,
            "address": access.address,
            "port": self._file.winrm.port,
            "username": access.login,
            "secret": access.password,
        }

    def _plant(self, cause: str, node: str | None = None, parameters: dict[str, Any] | None = None) -> None:
        self.simulated.plant(cause, node, parameters or {})

    def _lift(self, cause: str, node: str | None = None) -> None:
        self.simulated.lift(cause, node)

    def _samples(self, since_ns: int) -> dict[str, Any]:
        """On a simulated clock the sampler cannot stall: every sample that was due was taken."""
        to_ns, runs = self.simulated.samples(since_ns)
        control = {"due": sum(run.count for run in runs), "missed": 0, "stalls": []}
        return {
            "from_ns": since_ns,
            "to_ns": to_ns,
            "interval_ns": self.simulated.spec.sample_interval_ns,
            "runs": [_plain_run(run) for run in runs],
            "control": control,
        }


def _plain_run(run: SampleRun) -> list[Any]:
    first = UNHEARD if run.heartbeat_first is None else run.heartbeat_first
    last = UNHEARD if run.heartbeat_last is None else run.heartbeat_last
    return [run.vm, run.first_ns, run.count, run.ok, run.boot_id, first, last]


# --- the shell without a lab -----------------------------------------------------------------------------------------


def check_powershell(texts: Sequence[str], machines: str = "") -> list[list[Finding]]:
    """What simulated machines would not understand in each of some scripts that belong together.  Runs nothing.

    `machines` is ``nodes`` or ``guests`` where only those count.
    """
    return check_scripts(texts, (machines,)) if machines else check_scripts(texts)


def needs_more(text: str) -> bool:
    """Whether a typed text lacks its end, so that a prompt would ask for more."""
    return any(error.incomplete for error in parse(text).errors) or text.rstrip(" \t").endswith("`")


def read_powershell(text: str) -> bool:
    """Read a script as simulated machines do, whether or not it was read before; tells whether it has no mistakes."""
    return not parse.__wrapped__(text).errors


def shell_commands() -> list[CommandRow]:
    """Every command and program of simulated nodes and guests."""
    return all_commands()


def shell_knows(name: str) -> bool:
    """Whether a node or a guest knows a command, an alias or a program of this name."""
    return is_known(name)


def measure_shell(folder: Path) -> Measured:
    """Compare the shell with the recorded cases in a folder.  Raises ConfigError for one that cannot be read."""
    try:
        return measure(folder)
    except CasesError as error:
        raise ConfigError(str(error), hint="what belongs there: tests/data/pwsh-cases/README.md") from error
