"""What is known about lab instances: lab files, leases and lab hosts put side by side."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any

from harness.cli.table import text_table
from harness.errors import ConfigError, HarnessError
from harness.labs.hosting import RunningHost, all_hosts, find_host
from harness.labs.lease import LeaseRow, LeaseStore
from harness.labs.models import LabFile, find_lab, lab_names


@dataclass(frozen=True, slots=True)
class InstanceState:
    """One instance: its lease, where it ever had one, and its lab host."""

    instance: str
    lease: LeaseRow | None
    host: RunningHost

    @property
    def is_held(self) -> bool:
        """Does somebody hold it who is not proven dead, or is it kept for somebody?"""
        holder = self.lease.holder if self.lease else None
        return self.is_kept or bool(holder and not holder.proven_dead)

    @property
    def is_kept(self) -> bool:
        """Is it kept for the next leg of a campaign?"""
        return bool(self.lease and self.lease.is_kept)

    @property
    def tainted(self) -> str:
        """Why nobody may use it, empty when anybody may."""
        return (self.lease.tainted or "") if self.lease else ""

    @property
    def is_untouched(self) -> bool:
        """Neither leased, nor hosted, nor tainted: there is nothing to release."""
        return not (self.host.alive or self.tainted or self.is_kept or (self.lease and self.lease.holder))

    @property
    def lease_text(self) -> str:
        """Who holds it, in a few words."""
        if self.lease is not None and self.is_kept:
            return f"kept for {self.lease.purpose}"
        if self.lease is None or self.lease.holder is None:
            return "free"
        dead = "" if self.is_held else "left by dead "
        return f"{dead}{self.lease.holder}: {self.lease.purpose}"

    @property
    def host_text(self) -> str:
        """Process of the lab host."""
        return f"process {self.host.holder.pid}" if self.host.alive and self.host.holder else "-"

    def plain(self) -> dict[str, Any]:
        """As JSON."""
        holder = self.lease.holder if self.lease else None
        lease = None
        if self.lease is not None and (holder is not None or self.is_kept):
            host, pid = (holder.host, holder.pid) if holder else (None, None)
            lease = {"host": host, "pid": pid, "alive": self.is_held, "purpose": self.lease.purpose}
        return {
            "instance": self.instance,
            "lease": lease,
            "epoch": self.lease.epoch if self.lease else 0,
            "host": {"alive": self.host.alive, "pid": self.host.holder.pid if self.host.holder else None},
            "tainted": self.tainted or None,
        }


@dataclass(frozen=True, slots=True)
class LabState:
    """A lab file with its instances; `trouble` says why a file cannot be used, or that there is none any more."""

    name: str
    file: LabFile | None
    trouble: str
    instances: tuple[InstanceState, ...]

    def plain(self) -> dict[str, Any]:
        """As JSON."""
        file = self.file
        about = (
            {}
            if file is None
            else {
                "title": file.title,
                "kind": file.kind,
                "clock": str(file.clock),
                "nodes": len(file.nodes),
                "guests": len(file.guests),
            }
        )
        instances = [instance.plain() for instance in self.instances]
        return {"lab": self.name, **about, "trouble": self.trouble or None, "instances": instances}


def instance_state(instance: str) -> InstanceState:
    """What is known about one instance."""
    return InstanceState(instance, LeaseStore().read(instance), find_host(instance))


def lab_state(lab: LabFile) -> LabState:
    """A lab with all its instances."""
    return LabState(lab.lab, lab, "", tuple(instance_state(name) for name in lab.instance_names))


def all_labs() -> list[LabState]:
    """Every lab file of the checkout, then instances that are leased or hosted without one."""
    labs = []
    for name in lab_names():
        try:
            labs.append(lab_state(find_lab(name)))
        except HarnessError as error:
            labs.append(LabState(name, None, str(error), ()))
    known = {instance.instance for lab in labs for instance in lab.instances}
    seen = {row.instance for row in LeaseStore().rows()} | {host.instance for host in all_hosts()}
    for name in sorted(seen - known):
        state = instance_state(name)
        if state.is_held or state.host.alive or state.tainted:
            labs.append(LabState(name.partition("#")[0], None, "no lab file names this instance", (state,)))
    return labs


def find_instance(name: str) -> InstanceState:
    """The instance with this name; the name of a lab will do where the lab has only one.

    Raises ConfigError when there is none, or several.
    """
    instances = {instance.instance: instance for lab in all_labs() for instance in lab.instances}
    if name in instances:
        return instances[name]
    row, host = LeaseStore().read(name), find_host(name)
    if row is not None or host.holder is not None:
        return InstanceState(name, row, host)
    below = [instance for instance in instances if instance.partition("#")[0] == name]
    if len(below) == 1:
        return instances[below[0]]
    problem = f"lab '{name}' has {len(below)} instances" if below else f"there is no lab instance '{name}'"
    raise ConfigError(problem, hint=f"name one of: {', '.join(below or instances)}")


def instance_table(labs: list[LabState]) -> str:
    """A line for each instance, and below it the labs that cannot be used."""
    rows = []
    for lab in labs:
        for each in lab.instances:
            epoch = str(each.lease.epoch) if each.lease else "-"
            kind = f"{lab.file.kind} {lab.file.clock}" if lab.file else "?"
            rows.append(
                (each.instance, kind, each.lease_text, epoch, each.host_text, "tainted" if each.tainted else "")
            )
    lines = [text_table(("instance", "kind", "lease", "epoch", "lab host", ""), rows, right=("epoch",))]
    lines += [f"{lab.name}: {lab.trouble}" for lab in labs if lab.trouble]
    lines += [f"{each.instance} is tainted: {each.tainted}" for lab in labs for each in lab.instances if each.tainted]
    return "\n".join(lines)
