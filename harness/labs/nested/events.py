"""libvirt's events in words.  Numbers are those of `libvirt-domain.h`."""

from __future__ import annotations

from typing import Final

LIFECYCLE: Final = (
    "defined",
    "undefined",
    "started",
    "suspended",
    "resumed",
    "stopped",
    "shutdown",
    "pmsuspended",
    "crashed",
)
STOPPED: Final = ("shutdown", "destroyed", "crashed", "migrated", "saved", "failed", "from-snapshot")
SUSPENDED: Final = (
    "paused",
    "migrated",
    "io-error",
    "watchdog",
    "restored",
    "from-snapshot",
    "api-error",
    "postcopy",
    "postcopy-failed",
)
WATCHDOG: Final = ("none", "pause", "reset", "poweroff", "shutdown", "debug", "inject-nmi")


def lifecycle(event: int, detail: int) -> str:
    """A life-cycle event: `started`, `stopped (destroyed)`, `suspended (io-error)`, …"""
    word = _word(LIFECYCLE, event)
    details = {"stopped": STOPPED, "suspended": SUSPENDED}.get(word)
    return f"{word} ({_word(details, detail)})" if details else word


def watchdog(action: int) -> str:
    """What the watchdog did."""
    return _word(WATCHDOG, action)


def _word(words: tuple[str, ...], number: int) -> str:
    return words[number] if 0 <= number < len(words) else f"number {number}"
