"""Reading a script without running it: what PowerShell rejects, and what the simulated machines do not know.

``known`` is what nodes and guests know, ``definitions`` what a script defines itself, ``commands`` finds unknown
commands and parameters, ``constructs`` what the shell does not support, ``scripts`` puts it together.
"""

from __future__ import annotations

from harness.twin.checking.findings import Finding, FindingKind
from harness.twin.checking.known import CommandRow, all_commands, is_known
from harness.twin.checking.scripts import check_scripts

__all__ = ["CommandRow", "Finding", "FindingKind", "all_commands", "check_scripts", "is_known"]
