"""The provider of simulated labs: the one module that knows the twin."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from datetime import datetime
from pathlib import Path
from tempfile import TemporaryDirectory
from typing import Any, Final

from harness.errors import ConfigError, LabError
from harness.labs.models import LabFile
from harness.labs.secrets import GENERATED, resolve
from harness.twin.clock import ClockMode
from harness.twin.lab import Account, LabSpec, NoSlotError, SimulatedLab, make_password
from harness.twin.model import CatalogError, ModelError, ModelEvent, ModelSpec
from harness.twin.sampling import SampleRun
from harness.values import Machines, Subject

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
        username = self._file.credentials.node.username
        domain, _, name = username.rpartition("\\")
        secret = self._file.credentials.node.secret
        password = make_password() if secret == GENERATED else resolve(secret)
        account = Account(domain or "AZLOCAL", name, password)
        spec = LabSpec(
            model=self._model_spec({"solution": self._file.versions.solution}, self._file.default_seed, ()),
            clock=ClockMode.parse(str(self._file.clock)),
            account=account,
            winrm_port=self._file.winrm.port,
            winrm_tls_port=self._file.winrm.tls_port,
            sample_interval_ns=round(self._file.probe.interval.total_seconds() * 1e9),
        )
        try:
            self.simulated = SimulatedLab(spec)
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
            "events": lambda since: [_plain_event(event) for event in self.simulated.events(since)],
            "hold": lambda id, kind, path: self.simulated.hold(id, kind, path),
            "unhold": lambda id: self.simulated.unhold(id),
            "samples": self._samples,
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
        spec = self.simulated.spec
        return {
            "name": self._file.lab,
            "kind": "twin",
            "subject": Subject.SIMULATED.value,
            "machines": Machines.NONE.value,
            "capabilities": list(self._file.capabilities),
            "nodes": list(self.simulated.nodes),
            "guests": list(self.simulated.guests),
            "sample_interval_ns": spec.sample_interval_ns,
            "epoch": self._epoch().isoformat(),
            "flows": spec.clock.flows,
            "rate": spec.clock.rate or 0.0,
        }

    def _baseline(self, versions: dict[str, str], seed: int, provoke: list[dict[str, Any]]) -> dict[str, Any]:
        wanted = {"solution": versions.get("solution", self._file.versions.solution)}
        try:
            self.simulated.reset(self._model_spec(wanted, seed, provoke))
        except (ValueError, CatalogError) as error:
            return {"ready": False, "reason": str(error), "versions": {}}
        return {"ready": True, "reason": "", "versions": wanted}

    def _endpoint(self, name: str, kind: str) -> dict[str, Any]:
        winrm = self._file.winrm
        if kind not in ("winrm", "winrm-http", "winrm-https") or name not in self.simulated.nodes:
            raise LabError(
                f"'{self._instance}' has no endpoint of kind '{kind}' for '{name}'", hint="see: hil lab show"
            )
        account = self.simulated.spec.account
        tls = winrm.tls if kind == "winrm" else kind == "winrm-https"
        return {
            "name": name,
            "kind": kind,
            "address": self.simulated.node_address(name),
            "port": winrm.tls_port if tls else winrm.port,
            "username": account.login,
            "secret": account.password,
            "transport": winrm.transport,
            "tls": tls,
            "ca_file": str(self._ca_file) if tls else "",
            "second_hop": winrm.second_hop,
        }

    def _samples(self, since_ns: int) -> dict[str, Any]:
        """On a simulated clock the sampler cannot stall: every sample that was due was taken."""
        to_ns, runs = self.simulated.samples(since_ns)
        control = {"due": sum(run.count for run in runs), "missed": 0, "stalls": []}
        return {"from_ns": since_ns, "to_ns": to_ns, "runs": [_plain_run(run) for run in runs], "control": control}

    # --- model -------------------------------------------------------------------------------------------------------

    def _epoch(self) -> datetime:
        if self._file.epoch is None:
            raise ConfigError(f"lab '{self._file.lab}' needs an 'epoch'", hint="the UTC time of lab time zero")
        return self._file.epoch

    def _model_spec(self, versions: Mapping[str, str], seed: int, provoke: Any) -> ModelSpec:
        overrides = self._file.twin.overrides if self._file.twin else ()
        return ModelSpec(
            nodes=len(self._file.nodes),
            guests=len(self._file.guests),
            node_names=self._file.nodes,
            guest_names=self._file.guests,
            seed=seed,
            epoch=self._epoch(),
            version=versions["solution"],
            witness=self._file.witness != "none",
            defects=tuple(_defect(cause) for cause in provoke),
            overrides={key: float(value) for key, value in overrides},
        )


def _defect(cause: Mapping[str, Any]) -> str:
    """A planned provocation in the model's words.  Raises LabError for one that the model lacks."""
    name = cause.get("defect")
    if name is None:
        raise LabError(
            f"the simulated lab cannot provoke '{cause.get('cause')}' yet", hint="see the defects: hil plan schema"
        )
    step = cause.get("with", {}).get("step")
    return f"{name}:{step}" if step else str(name)


def _plain_event(event: ModelEvent) -> dict[str, Any]:
    return {
        "seq": event.seq,
        "t_ns": event.t_ns,
        "kind": event.kind,
        "path": event.path,
        "node": event.node,
        "vm": event.vm,
        "source": "twin",
        "t_err_ns": 0,
        "attrs": dict(event.attrs),
    }


def _plain_run(run: SampleRun) -> list[Any]:
    first = UNHEARD if run.heartbeat_first is None else run.heartbeat_first
    last = UNHEARD if run.heartbeat_last is None else run.heartbeat_last
    return [run.vm, run.first_ns, run.interval_ns, run.count, run.ok, run.boot_id, first, last]
