"""A lab file in the words of the cluster model, for labs that have one at their heart."""

from __future__ import annotations

from collections.abc import Mapping
from datetime import datetime
from typing import Any, Final

from harness.errors import ConfigError, LabError
from harness.labs.models import LabFile, WindowsGuest
from harness.labs.secrets import GENERATED, resolve
from harness.plan.target import Role, parse_target
from harness.twin.lab import Account, make_password
from harness.twin.model import ModelEvent, ModelSpec, PlantedCause
from harness.twin.model.windows.spec import WindowsGuestSpec

DOMAIN: Final = "AZLOCAL"
"""Of a node account for which the lab file names none."""


def node_account(file: LabFile) -> Account:
    """The administrator of all nodes.  Raises ConfigError for a secret that cannot be had."""
    domain, _, name = file.credentials.node.username.rpartition("\\")
    secret = file.credentials.node.secret
    return Account(domain or DOMAIN, name, make_password() if secret == GENERATED else resolve(secret))


def epoch_of(file: LabFile) -> datetime:
    """The UTC time of lab time zero.  Raises ConfigError for a lab file that does not say."""
    if file.epoch is None:
        raise ConfigError(f"lab '{file.lab}' needs an 'epoch'", hint="the UTC time of lab time zero")
    return file.epoch


def model_spec(file: LabFile, versions: Mapping[str, str], seed: int, provoke: Any) -> ModelSpec:
    """The model at a baseline.  Raises ValueError or LabError for one that does not exist."""
    section = file.twin or file.nested
    overrides = section.overrides if section else ()
    return ModelSpec(
        nodes=len(file.nodes),
        guests=len(file.guests),
        node_names=file.nodes,
        guest_names=file.guests,
        seed=seed,
        epoch=epoch_of(file),
        version=versions["solution"],
        sbe=versions.get("sbe"),
        witness=file.witness != "none",
        defects=tuple(_defect(one) for one in provoke if one.get("defect") is not None),
        causes=tuple(cause for one in provoke if one.get("defect") is None for cause in _causes(file, one)),
        windows=tuple(_windows_guest(guest) for guest in file.twin.windows_guests) if file.twin else (),
        overrides={key: float(value) for key, value in overrides},
        scale=file.nested.scale if file.nested else 1.0,
    )


def _causes(file: LabFile, provocation: Mapping[str, Any]) -> list[PlantedCause]:
    """A planned cause in the model's words, once for each node it sits on."""
    parameters = dict(provocation.get("with") or {})
    target = provocation.get("target")
    nodes = [None] if target is None else _nodes_at_rest(file, str(target))
    return [PlantedCause(str(provocation["cause"]), node, parameters) for node in nodes]


def _nodes_at_rest(file: LabFile, target: str) -> list[str | None]:
    """Nodes of a target of the baseline, where no update is under way.  Raises LabError for other roles."""
    role = parse_target(target).nodes
    if isinstance(role, Role) and role.name == "all":
        return list(file.nodes)
    if not isinstance(role, Role) or role.name != "node" or role.argument is None:
        raise LabError(
            f"the target '{target}' of a cause cannot be told at the baseline",
            hint="name the node: node(NAME), node(NUMBER) or all",
        )
    named = role.argument
    if named.isdecimal() and 1 <= int(named) <= len(file.nodes):
        return [file.nodes[int(named) - 1]]
    return [named]


def _windows_guest(guest: WindowsGuest) -> WindowsGuestSpec:
    """A managed guest of the lab file in the model's words."""
    return WindowsGuestSpec(
        guest=guest.guest,
        system=guest.system,
        installed=guest.installed,
        enrolled=guest.hotpatch,
        vbs=guest.vbs,
        approved=guest.approved or "",
        language=guest.language,
    )


def _defect(provocation: Mapping[str, Any]) -> str:
    """A planned defect in the model's words."""
    name = provocation["defect"]
    step = (provocation.get("with") or {}).get("step")
    return f"{name}:{step}" if step else str(name)


def plain_event(event: ModelEvent) -> dict[str, Any]:
    """An event of the model as a record of the control channel."""
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
