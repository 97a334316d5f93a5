"""The table that the core commands register in."""

from __future__ import annotations

from typing import Final

from harness.twin.shell.commands.api import CommandTable, Parameter

CORE: Final = CommandTable()
UTILITY: Final = "Microsoft.PowerShell.Utility"
MANAGEMENT: Final = "Microsoft.PowerShell.Management"
ENGINE: Final = "Microsoft.PowerShell.Core"
INPUT: Final = Parameter("InputObject", "object", pipeline="value")
