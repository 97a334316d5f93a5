"""Solution Builder Extensions: content files, import, and the version that each node has.

[D] ASD update/solution-builder-extension and update/import-discover-updates-offline-23h2; [T] TSG EnvironmentValidator
Troubleshooting-SBEHealth-Test-Version-Supports-OperationType-Tests (machine variables of a node).
"""

from __future__ import annotations

import re
from collections.abc import Iterable
from typing import Final

from harness.azurelocal.command import Command
from harness.transports.powershell import fill, script_json
from harness.transports.replies import Json, as_list, as_text

ADDITIONAL_CONTENT: Final = "AdditionalContentRequired"
"""State in which the product waits for the import [D]."""

IMPORT_WITHIN_S: Final = 900.0
"""[INF] The import copies a package of some gigabytes to the infrastructure volume."""

_VERSION: Final = r"\d+(?:\.\d+){3}"
FILES: Final = {
    "SBE_Discovery_<Manufacturer>.xml": re.compile(r"SBE_Discovery_[^_]+\.xml", re.IGNORECASE),
    "SBE_<Manufacturer>_<Family>_<Version>.xml": re.compile(rf"SBE_[^_]+_[^_]+_{_VERSION}\.xml", re.IGNORECASE),
    "SBE_<Manufacturer>_<Family>_<Version>.zip": re.compile(rf"SBE_[^_]+_[^_]+_{_VERSION}\.zip", re.IGNORECASE),
}
"""The three files that a vendor publishes [D]."""

_FIND: Final = """if(Test-Path -LiteralPath <<folder>>){
@(Get-ChildItem -LiteralPath <<folder>> -File|ForEach-Object{$_.Name})}else{@()}"""
_ADD: Final = """$key=<<key>>
$null=Add-SolutionUpdate -SourceFolder <<folder>>
'imported'"""
_READ: Final = "\"$([Environment]::GetEnvironmentVariable('SBEInstallVersion','Machine'))\""


def find_content(folder: str) -> Command[tuple[str, ...]]:
    """Names of the files in `folder` as the node it is sent to sees it; empty where there is no such folder."""
    return Command("find-content", script_json(fill(_FIND, folder=folder), depth=2), parse_names)


def parse_names(document: Json) -> tuple[str, ...]:
    """The answer to `find_content`."""
    return tuple(as_text(item) for item in as_list(document))


def missing_files(names: Iterable[str]) -> tuple[str, ...]:
    """Which of the three files are not among `names`, as their forms."""
    found = list(names)
    return tuple(form for form, pattern in FILES.items() if not any(pattern.fullmatch(name) for name in found))


def add_update(folder: str, key: str) -> Command[str]:
    """Import the package in `folder`.  Changes the system: sent at most once; the list follows with the discovery that
    it starts ([T]: about two minutes)."""
    return Command(
        "import-content", script_json(fill(_ADD, key=key, folder=folder), depth=2), as_text, False, IMPORT_WITHIN_S
    )


def read_installed() -> Command[str]:
    """The SBE version of the node it is sent to, empty where none is recorded: `SBEInstallVersion` of its machine [T].

    Each node is asked for itself: that the product sets it only where the extension was installed is [INF].
    """
    return Command("read-sbe", script_json(_READ, depth=1), lambda document: as_text(document).strip())
