"""The session that the current thread runs: for the few .NET members that need one."""

from __future__ import annotations

import threading
from typing import TYPE_CHECKING

from harness.twin.shell.text import set_separator, to_text

if TYPE_CHECKING:
    from harness.twin.shell.runspace import Runspace

_local = threading.local()


def enter(runspace: Runspace) -> None:
    """Say which session this thread runs."""
    _local.runspace = runspace


def separator() -> str:
    """``$OFS`` of the session that this thread runs."""
    found: Runspace | None = getattr(_local, "runspace", None)
    if found is None:
        return " "
    scope = found.frames[-1].scope if found.frames else found.global_scope
    variable = scope.find("ofs")
    return " " if variable is None else to_text(variable.value, " ")


def current() -> Runspace:
    """The session of this thread. Raises ``LookupError`` when none was entered."""
    found: Runspace | None = getattr(_local, "runspace", None)
    if found is None:
        raise LookupError("no session of the shell runs in this thread; call session.enter(runspace) first")
    return found


set_separator(separator)
