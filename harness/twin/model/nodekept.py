"""What somebody set on one machine beyond what the model goes by; it outlives restarts."""

from __future__ import annotations

from dataclasses import dataclass, field
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from harness.twin.model.windows.state import ScheduledTask


@dataclass(slots=True)
class LocalUser:
    """An account of the machine."""

    name: str
    enabled: bool = True
    full_name: str = ""
    description: str = ""
    password_set_ns: int | None = None
    """When somebody set its password here; None: at deployment."""
    password_expires: bool = True


@dataclass(slots=True)
class NodeKept:
    """Accounts, tasks, modules and protection of the drive as somebody changed them."""

    users: dict[str, LocalUser] = field(default_factory=dict)
    """Changed and new accounts by their names in lower case."""
    administrators: dict[str, str] = field(default_factory=dict)
    """Further members of the group Administrators: as shown, by their names in lower case."""
    removed_administrators: set[str] = field(default_factory=set)
    tasks: dict[str, ScheduledTask] = field(default_factory=dict)
    """Scheduled tasks by their names in lower case; see ``windows.nodetasks``."""
    modules: dict[str, dict[str, int]] | None = None
    """Modules of the gallery: by name the installed versions and when they came; None: as deployment left them."""
    suspended_restarts: int | None = None
    """For how many restarts the protection of C: by BitLocker is suspended; 0: until it is resumed; None: it is on."""
    suspended_boot: int = 0
    """Boot in which the protection was suspended."""
    host_settings: dict[str, object] = field(default_factory=dict)
    """Settings of the virtual machine host, by the names that ``Set-VMHost`` has for them."""
    desired: dict[str, str] = field(default_factory=dict)
    """Settings of the security baseline that somebody set, by their names in lower case."""
    removed_features: set[str] = field(default_factory=set)
    """Features that somebody switched off, in lower case; Windows completes that with its next start."""
