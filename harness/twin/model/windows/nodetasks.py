"""Scheduled tasks of a node: a few of Windows' own, and those that somebody registered.

[D] Windows servicing (component cleanup), Secure Boot certificate rollover; the others [GK].  That none of them ever
ran is [INF].
"""

from __future__ import annotations

from typing import Final

from harness.twin.model.entities import Node
from harness.twin.model.windows.state import ScheduledTask

_WINDOWS: Final = "\\Microsoft\\Windows"
_OWN: Final = (
    ("Servicing", "StartComponentCleanup"),
    ("PI", "Secure-Boot-Update"),
    ("PI", "Sqm-Tasks"),
    ("Defrag", "ScheduledDefrag"),
    ("Chkdsk", "ProactiveScan"),
    ("Time Synchronization", "SynchronizeTime"),
    ("UpdateOrchestrator", "Schedule Scan"),
    ("WindowsUpdate", "Scheduled Start"),
)


def node_tasks(node: Node) -> dict[str, ScheduledTask]:
    """The tasks by their names in lower case; the dictionary is the node's own."""
    for folder, name in _OWN:
        if name.lower() not in node.kept.tasks:
            node.kept.tasks[name.lower()] = ScheduledTask(
                name=name,
                path=f"{_WINDOWS}\\{folder}\\",
                execute="",
                arguments="",
                user="NT AUTHORITY\\SYSTEM",
                logon_type="ServiceAccount",
                run_level="Highest",
                built_in=True,
            )
    return node.kept.tasks
