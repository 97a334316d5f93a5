"""The build of a node's operating system with its revision, as operators check it: `cmd /c ver` ([D] ASD)."""

from __future__ import annotations

import re
from typing import Final

from harness.azurelocal.command import Command
from harness.errors import ProductError
from harness.transports.powershell import script_json
from harness.transports.replies import Json, as_text

_VERSION: Final = re.compile(r"\b\d+\.\d+\.(\d+\.\d+)\b")


def read_build() -> Command[str]:
    """The build of the node it is sent to, such as `26100.6899`.  Asked of each node itself: sessions cannot hop."""
    return Command("read-build", script_json("cmd /c ver", depth=2), parse_build)


def parse_build(document: Json) -> str:
    """The build in `Microsoft Windows [Version 10.0.26100.6899]`.  Raises ProductError when there is none."""
    text = as_text(document)
    match = _VERSION.search(text)
    if match is None:
        raise ProductError(
            f"'cmd /c ver' printed '{text.strip()}': expected a version of four numbers in it",
            hint="run it on the node by hand; another language or edition of Windows may print it otherwise",
        )
    return match.group(1)
