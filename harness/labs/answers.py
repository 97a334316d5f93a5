"""What lab hosts with a computed cluster answer on the control channel, whether or not its nodes are machines."""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from pathlib import Path
from typing import Any, Final

from harness.labs.models import LabFile
from harness.labs.modelspec import epoch_of, model_spec
from harness.twin.lab import Account
from harness.twin.model import CatalogError, ModelSpec
from harness.values import Machines, Subject

WINRM_KINDS: Final = ("winrm", "winrm-http", "winrm-https")
"""Kinds of endpoints of a node: as the lab file chooses, or one of its two ports."""


def description(
    file: LabFile, subject: Subject, machines: Machines, *, rate: float | None, managed_guests: Sequence[str] = ()
) -> dict[str, Any]:
    """The answer to `describe`.  `rate` is lab seconds per wall second, None for a clock that does not flow."""
    return {
        "name": file.lab,
        "kind": file.kind,
        "subject": subject.value,
        "machines": machines.value,
        "capabilities": list(file.capabilities),
        "nodes": list(file.nodes),
        "guests": list(file.guests),
        "guest_classes": file.guest_classes,
        "managed_guests": list(managed_guests),
        "sample_interval_ns": round(file.probe.interval.total_seconds() * 1e9),
        "epoch": epoch_of(file).isoformat(),
        "flows": rate is not None,
        "rate": rate or 0.0,
    }


def baseline(
    file: LabFile,
    versions: Mapping[str, str],
    seed: int,
    provoke: Sequence[Mapping[str, Any]],
    reset: Callable[[ModelSpec], None],
) -> dict[str, Any]:
    """Have `reset` begin anew as asked for; the answer to `baseline`."""
    wanted = {**file.versions.model_dump(), **versions}
    try:
        reset(model_spec(file, wanted, seed, provoke))
    except (ValueError, CatalogError) as error:
        return {"ready": False, "reason": str(error), "versions": {}}
    return {"ready": True, "reason": "", "versions": wanted}


def node_endpoint(file: LabFile, name: str, kind: str, address: str, account: Account, ca_file: Path) -> dict[str, Any]:
    """The answer to `endpoint` for a node; `kind` is one of WINRM_KINDS."""
    winrm = file.winrm
    tls = winrm.tls if kind == "winrm" else kind == "winrm-https"
    return {
        "name": name,
        "kind": kind,
        "address": address,
        "port": winrm.tls_port if tls else winrm.port,
        "username": account.login,
        "secret": account.password,
        "transport": winrm.transport,
        "tls": tls,
        "ca_file": str(ca_file) if tls else "",
        "second_hop": winrm.second_hop,
    }
