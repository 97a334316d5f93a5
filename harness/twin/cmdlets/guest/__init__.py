"""Commands of a managed guest: the core, what Windows says about itself, Windows Update, tasks and small files.

No module of the cluster or the update service: those commands are unknown here, as on Windows.
"""

from __future__ import annotations

from harness.twin.cmdlets.guest import events, files, power, processes, registry, system, wua
from harness.twin.cmdlets.guest.modules import CIM, DIAGNOSTICS, MANAGEMENT, SECURE_BOOT, UTILITY
from harness.twin.cmdlets.guest.servicing import GUEST_DISM
from harness.twin.cmdlets.tasks import TASKS, register_task_views
from harness.twin.cmdlets.views import register_views
from harness.twin.shell.commands.api import CommandTable
from harness.twin.shell.commands.core import CORE

__all__ = ["events", "files", "guest_commands", "power", "processes", "registry", "system", "wua"]

_MODULES = (MANAGEMENT, UTILITY, CIM, DIAGNOSTICS, TASKS, SECURE_BOOT, GUEST_DISM)


def guest_commands() -> CommandTable:
    """All commands of a managed guest."""
    register_views()
    register_task_views()
    return CORE.extended(*(module.table for module in _MODULES))
