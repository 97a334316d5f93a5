"""Does a guest get the month's update of the hotpatch train?  Told from one look at it, before anything is done.

Rules: [D] WSD get-started/hotpatch and enable-hotpatch-azure-edition; the test for enrolment is that of an independent
inventory tool [C].
"""

from __future__ import annotations

from collections.abc import Mapping
from typing import Final

from harness.values import GuestInventory, GuestStanding, MonthlyUpdate, Standing, TrainUpdate

VBS_RUNNING: Final = 2
"""[D] Win32_DeviceGuard.VirtualizationBasedSecurityStatus."""
_VBS_WORDS: Final = {0: "is not enabled", 1: "is configured, but does not run"}

ENROLMENT: Final = "Hotpatch Enrollment Package"
"""[D] WSD enable-hotpatch-azure-edition: name of the targeting entry."""

AZURE_EDITION: Final = "ServerTurbine"
"""[GK] Begins the EditionID of every Datacenter: Azure Edition."""

NEEDS_AZURE_EDITION: Final = 20348
"""[D] Of Windows Server 2022 the Azure Edition only gets hotpatches; later ones through Azure Arc too."""

FIRST_REVISION: Final = {26100: 1742}
"""[D] ARC enable-hotpatch-azure-arc-enabled-servers: the first build that gets hotpatches."""


def standing_of(
    seen: GuestInventory, update: MonthlyUpdate | None, train: Mapping[int, str] | None = None
) -> GuestStanding:
    """Where a guest stands with respect to `update`, the month's baseline or hotpatch for its build (None: there is
    none).  `train` holds revision and KB of the quarter's baseline and the hotpatches on it."""
    if update is None:
        reason = f"for build {seen.build} there is neither a hotpatch nor a baseline in this month"
        return GuestStanding(Standing.CUMULATIVE, (reason,))
    missing = missing_prerequisites(seen)
    if seen.revision > update.revision:
        reason = f"build {seen.shown_build} is newer than {update.shown_build}"
        return GuestStanding(Standing.CURRENT, (reason, *missing), update)
    if update.kb in seen.kbs and seen.revision == update.revision:
        return GuestStanding(Standing.CURRENT, (f"{update.kb} is installed", *missing), update)
    if seen.pending:
        reason = f"a restart is pending ({', '.join(seen.pending)}), and nothing can be installed before it"
        return GuestStanding(Standing.UNMANAGEABLE, (reason,), update)
    if missing:
        return GuestStanding(Standing.CUMULATIVE, missing, update)
    off = _off_train(seen, train or {}) if update.kind is TrainUpdate.HOTPATCH else ""
    if off:
        return GuestStanding(Standing.CUMULATIVE, (off,), update)
    return GuestStanding(Standing.ELIGIBLE, (), update)


def missing_prerequisites(seen: GuestInventory) -> tuple[str, ...]:
    """What keeps a guest from hotpatches in any month, in words; empty when nothing does."""
    found = []
    if seen.build < NEEDS_AZURE_EDITION or seen.revision < FIRST_REVISION.get(seen.build, 0):
        found.append(f"build {seen.shown_build} is too old for hotpatches")
    if seen.build <= NEEDS_AZURE_EDITION and not seen.edition.startswith(AZURE_EDITION):
        found.append(f"edition {seen.edition} of build {seen.build} gets no hotpatches")
    if seen.enrolment != ENROLMENT or seen.hotpatch_table == 0:
        what = "no enrolment package" if seen.enrolment != ENROLMENT else "HotPatchTableSize is 0"
        found.append(f"hotpatching is not switched on: {what}")
    if not seen.vbs_configured or seen.vbs != VBS_RUNNING:
        word = _VBS_WORDS.get(seen.vbs, "is not configured")
        found.append(f"virtualization-based security {word} (status {seen.vbs}, {VBS_RUNNING} is needed)")
    if seen.secure_boot is False:
        found.append("Secure Boot is off")
    return tuple(found)


def _off_train(seen: GuestInventory, train: Mapping[int, str]) -> str:
    """Why the guest is not on the quarter's train; empty when it is.

    Both are asked, build and KB: in October 2025 two updates had the same build, and only one of them kept the machine
    on the train ([D/P]).
    """
    kb = train.get(seen.revision)
    if kb is None:
        known = ", ".join(f"{kb} (.{revision})" for revision, kb in sorted(train.items()))
        return f"it is off the hotpatch train: build {seen.shown_build} is none of {known or 'the quarter'}"
    if kb not in seen.kbs:
        return f"it is off the hotpatch train: build {seen.shown_build} without {kb}"
    return ""
