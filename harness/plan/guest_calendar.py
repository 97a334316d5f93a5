"""The published updates of the hotpatch train by month (`fixtures/catalogs/guest_updates.yaml`; sources stand there).

On hardware a month that the table lacks is not necessarily wrong: the table is as old as this checkout.
"""

from __future__ import annotations

from functools import lru_cache
from typing import Final

import yaml

from harness.paths import fixtures_dir
from harness.values import MonthlyUpdate, TrainUpdate

CATALOG: Final = "guest_updates.yaml"


@lru_cache(maxsize=1)
def train_updates() -> tuple[MonthlyUpdate, ...]:
    """All baselines and hotpatches, oldest first; ordinary cumulative updates are not on the train."""
    document = yaml.safe_load((fixtures_dir() / "catalogs" / CATALOG).read_text(encoding="utf-8"))
    kinds = {kind.value for kind in TrainUpdate}
    found = [_read(entry) for entry in document["updates"] if entry["kind"] in kinds]
    return tuple(sorted(found, key=lambda update: (update.month, update.build)))


def _read(entry: dict[str, str]) -> MonthlyUpdate:
    build, _, revision = str(entry["build"]).partition(".")
    return MonthlyUpdate(str(entry["month"]), TrainUpdate(entry["kind"]), entry["kb"], int(build), int(revision))


def known_months() -> tuple[str, ...]:
    """Months with an update of the train."""
    return tuple(dict.fromkeys(update.month for update in train_updates()))


def needs_restart(month: str) -> bool:
    """Is a baseline published in this month, for any system?"""
    return any(update.month == month and update.kind is TrainUpdate.BASELINE for update in train_updates())


def update_for(build: int, month: str) -> MonthlyUpdate | None:
    """The update of a month for one build of Windows.  An unplanned baseline takes the place of the hotpatch ([D])."""
    found = [update for update in train_updates() if (update.build, update.month) == (build, month)]
    return next((update for update in found if update.kind is TrainUpdate.BASELINE), found[0] if found else None)


def train_of(build: int, month: str) -> dict[int, str]:
    """Revision → KB of the baseline on which a month's hotpatch is made, and of the hotpatches on it until then
    ([D] hotpatches build on the baseline of the quarter)."""
    train: dict[int, str] = {}
    for update in train_updates():
        if update.build == build and update.month <= month:
            if update.kind is TrainUpdate.BASELINE:
                train = {}
            train[update.revision] = update.kb
    return train
