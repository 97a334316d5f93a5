"""Whose lab a folder is: the process, told apart from every later one with its number, and what it made outside."""

from __future__ import annotations

import json
from collections.abc import Mapping
from dataclasses import asdict, dataclass
from pathlib import Path
from typing import Final

from harness.errors import LeaseError
from harness.labs.holder import Holder
from harness.labs.nested.files import remove, write_whole
from harness.labs.nested.spec import MachinesSpec

OWNER_NAME: Final = "owner.json"


@dataclass(frozen=True, slots=True)
class Owner:
    """The last process that claimed a lab folder, and under which names the lab's machines and network are."""

    lab: str
    uri: str
    namespace: str
    domains: Mapping[str, str]
    """UUID of each domain."""
    holder: Holder


def claim(folder: Path, spec: MachinesSpec, uri: str) -> Owner:
    """Make this process the owner of a lab folder; on disk before it returns.

    Raises LeaseError when another process owns it and is not proven dead.
    """
    me, before = Holder.me(), owner_of(folder)
    if before is not None and before.holder != me and not before.holder.proven_dead:
        raise LeaseError(
            f"the machines of nested lab '{before.lab}' in {folder} belong to {before.holder}, which is alive",
            hint="end it first, or use another instance of the lab",
        )
    domains = {spec.domain(machine.name): str(spec.uuid(machine.name)) for machine in spec.machines}
    owner = Owner(spec.lab, uri, spec.namespace, domains, me)
    write_whole(folder / OWNER_NAME, json.dumps(asdict(owner), indent=1) + "\n")
    return owner


def owner_of(folder: Path) -> Owner | None:
    """Who owns a lab folder; None when nobody ever did or the record cannot be read."""
    try:
        plain = json.loads((folder / OWNER_NAME).read_text(encoding="utf-8"))
        holder = Holder(**plain.pop("holder"))
        return Owner(holder=holder, **plain)
    except (OSError, ValueError, TypeError, KeyError):
        return None


def never_claimed(folder: Path) -> bool:
    """Whether a lab folder is there that holds nothing: its owner was killed before it wrote the record, or when it had
    removed all.  What is outside of a folder is made after the record and removed before it."""
    if not folder.is_dir() or folder.is_symlink():
        return False
    return {path.name for path in folder.iterdir()} <= {f".{OWNER_NAME}.part"}


def remove_claimed(folder: Path) -> None:
    """Remove a lab folder, the owner's record last, so that a killed removal is found again."""
    for path in folder.iterdir() if folder.is_dir() else ():
        if path.name != OWNER_NAME:
            remove(path)
    remove(folder)
