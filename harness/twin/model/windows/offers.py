"""Which updates Windows Update offers a guest: the rules of the hotpatch train.

[D] WSD get-started/hotpatch: hotpatches go to enrolled machines which stand on the current baseline; everybody else
gets the month's cumulative update.  [D] the machine needs virtualization-based security running.  [P] a machine that
lacks a prerequisite gets the cumulative update without a word.  [D/P] October 2025: a cumulative update that is not
the exact baseline leaves the train until the next baseline, whatever build it has.
"""

from __future__ import annotations

from datetime import datetime

from harness.twin.model.windows.catalog import GuestUpdate, HotpatchRight, UpdateKind, WindowsCatalog
from harness.twin.model.windows.state import GuestOs


def missing_prerequisites(machine: GuestOs) -> tuple[str, ...]:
    """Why the guest gets no hotpatches, whatever the month; empty when nothing is missing."""
    found = []
    if machine.system.hotpatch is HotpatchRight.NONE:
        found.append("edition")
    if not machine.spec.enrolled:
        found.append("enrolment")
    if machine.spec.vbs != "running":
        found.append("vbs")
    return tuple(found)


def published(machine: GuestOs, catalog: WindowsCatalog, now: datetime) -> tuple[GuestUpdate, ...]:
    """What the guest's update server hands out now, oldest first."""
    return tuple(
        update
        for update in catalog.of_build(machine.system.build)
        if update.released <= now and (not machine.spec.approved or update.month <= machine.spec.approved)
    )


def offered(machine: GuestOs, catalog: WindowsCatalog, now: datetime) -> tuple[GuestUpdate, ...]:
    """Updates which a search finds not installed: the newest fitting one, or none.

    One that was installed and waits for its restart is not offered again [GK].
    """
    seen = published(machine, catalog, now)
    if not seen:
        return ()
    month = seen[-1].month
    newest = {update.kind: update for update in seen if update.month == month}
    wanted = newest.get(UpdateKind.BASELINE) or _in_between(machine, seen, newest)
    if wanted is None or wanted == machine.staged or machine.has(wanted.kb):
        return ()
    return (wanted,)


def _in_between(
    machine: GuestOs, seen: tuple[GuestUpdate, ...], newest: dict[UpdateKind, GuestUpdate]
) -> GuestUpdate | None:
    """The update of a month without baseline."""
    baselines = [update for update in seen if update.kind is UpdateKind.BASELINE]
    on_train = bool(baselines) and machine.baseline == baselines[-1]
    hotpatch = newest.get(UpdateKind.HOTPATCH)
    if hotpatch is not None and on_train and not missing_prerequisites(machine):
        return hotpatch
    cumulative = newest.get(UpdateKind.CUMULATIVE)
    if cumulative is not None:
        return cumulative
    older = [update for update in seen if update.needs_restart and update.build > machine.cumulative.build]
    return older[-1] if older else None


def title_of(machine: GuestOs, update: GuestUpdate) -> str:
    """The title Windows Update shows; its shape is [GK], the wording changes from month to month."""
    word = "Hotpatch" if update.kind is UpdateKind.HOTPATCH else "Cumulative Update"
    year = machine.system.product.split(" Datacenter")[0].rpartition(" ")[2]
    return f"{update.month} {word} for Windows Server {year} for x64-based Systems ({update.kb})"
