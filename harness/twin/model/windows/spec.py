"""What a managed guest is built from."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Literal

VbsState = Literal["off", "enabled", "running"]
"""``off``: not configured; ``enabled``: configured, not running; ``running`` ([D] Win32_DeviceGuard 0, 1, 2)."""


@dataclass(frozen=True, slots=True)
class WindowsGuestSpec:
    """A guest that is a Windows machine.

    ``installed`` are KBs: the last cumulative update (a baseline, or another month's), and perhaps a hotpatch on it.
    ``enrolled`` says whether hotpatching is switched on.  ``approved`` is the newest month that the guest's update
    server hands out (``YYYY-MM``); empty means whatever is published at the present lab time.
    """

    guest: str
    system: str = "ws2025-azure-edition-core"
    installed: tuple[str, ...] = ("KB5066835",)
    enrolled: bool = True
    vbs: VbsState = "running"
    approved: str = ""
    language: str = "en-US"
