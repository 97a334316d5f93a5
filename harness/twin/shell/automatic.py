"""The variables that a new session has ([D] PowerShell 5.1 about_Automatic_Variables, about_Preference_Variables)."""

from __future__ import annotations

from typing import TYPE_CHECKING, Final

from harness.twin.shell.dotnet.strings import ENCODINGS
from harness.twin.shell.hostinterface import host_object
from harness.twin.shell.objects import NetList, PSHashtable
from harness.twin.shell.scope import Scope
from harness.twin.shell.typesystem import ENUMS
from harness.twin.shell.versions import Version

if TYPE_CHECKING:
    from harness.twin.shell.host import ShellHost

PROCESS_ID: Final = 4242
"""[INF] Processes of a machine are not modelled: every session reports the same number."""

POWERSHELL_HOME: Final = "C:\\Windows\\System32\\WindowsPowerShell\\v1.0"
"""[GK] Where Windows PowerShell is installed."""

_ACTION: Final = ENUMS["system.management.automation.actionpreference"]
_PREFERENCES: Final[dict[str, object]] = {
    "ErrorActionPreference": _ACTION("Continue"),
    "WarningPreference": _ACTION("Continue"),
    "ProgressPreference": _ACTION("Continue"),
    "VerbosePreference": _ACTION("SilentlyContinue"),
    "DebugPreference": _ACTION("SilentlyContinue"),
    "InformationPreference": _ACTION("SilentlyContinue"),
    "WhatIfPreference": False,
    "ConfirmPreference": "High",
    "FormatEnumerationLimit": 4,
    "ErrorView": "NormalView",
    "OutputEncoding": ENCODINGS["ASCII"],
    "NestedPromptLevel": 0,
    "MaximumErrorCount": 256,
    **{f"Maximum{what}Count": 4096 for what in ("Alias", "Drive", "Function", "History", "Variable")},
    "PSEmailServer": "",
    "PSCommandPath": "",
    "PSScriptRoot": "",
}
_CONSTANT: Final = frozenset({"Constant", "AllScope"})
_READ_ONLY: Final = frozenset({"ReadOnly", "AllScope"})


def set_automatic(scope: Scope, host: ShellHost, errors: NetList) -> None:
    """Give the global scope of a session on *host* its first variables; *errors* is ``$Error``."""
    version = powershell_version(host.os_version)
    for name, value in _PREFERENCES.items():
        scope.put(name, value)
    scope.put("PSDefaultParameterValues", PSHashtable())
    scope.put("args", [])
    constants: dict[str, object] = {
        "true": True,
        "false": False,
        "null": None,
        "Error": errors,
        "PID": PROCESS_ID,
        "PSHOME": POWERSHELL_HOME,
        "ShellId": "Microsoft.PowerShell",
        "PSCulture": host.culture,
        "PSUICulture": host.culture,
        "PSVersionTable": version_table(version, host.os_version),
        "Host": host_object(version, host.culture),
    }
    for name, value in constants.items():
        scope.put(name, value)
        scope.vars[name.lower()].options = _CONSTANT
    scope.put("HOME", host.environment.get("USERPROFILE", ""))
    scope.vars["home"].options = _READ_ONLY


def powershell_version(os_version: str) -> Version:
    """Version of Windows PowerShell on a build of Windows: 5.1 with the build's last two numbers [GK]."""
    system = Version.parse(os_version)
    return Version(5, 1, system.build, system.revision)


def version_table(version: Version, os_version: str) -> PSHashtable:
    """``$PSVersionTable``: keys [D] about_Automatic_Variables; versions below those of PowerShell and Windows [GK]."""
    return PSHashtable(
        [
            ("PSVersion", version),
            ("PSEdition", "Desktop"),
            ("PSCompatibleVersions", [*(Version(major, 0) for major in range(1, 6)), version]),
            ("BuildVersion", Version.parse(os_version)),
            ("CLRVersion", Version(4, 0, 30319, 42000)),
            ("WSManStackVersion", Version(3, 0)),
            ("PSRemotingProtocolVersion", Version(2, 3)),
            ("SerializationVersion", Version(1, 1, 0, 1)),
        ]
    )
