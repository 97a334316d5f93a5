"""Main of a lab host process: `python -m harness.labs.start FOLDER`, started by `harness.labs.hosting`."""

from __future__ import annotations

import json
import sys
from collections.abc import Callable
from pathlib import Path
from typing import Any, Final

from harness.clock import slow_collector
from harness.errors import ConfigError, HarnessError
from harness.labs.host import Hosted, coming_up, run_host
from harness.labs.hosting import FAILED_NAME, JOB_NAME

HOSTED_KINDS: Final = frozenset({"twin"})
"""Kinds of labs that this version has a provider for."""


def why_not_hosted(kind: str) -> str:
    """Why labs of `kind` cannot be hosted, empty when they can."""
    return "" if kind in HOSTED_KINDS else f"labs of kind '{kind}' cannot be hosted by this version"


def provider(kind: str) -> Callable[[str, dict[str, Any], Path], Hosted]:
    """The provider that hosts labs of `kind`; imported only here, so that nothing else pays for it."""
    if kind == "twin":
        from harness.labs.twin import TwinHosting

        return TwinHosting
    raise ConfigError(why_not_hosted(kind), hint=f"use a lab of kind: {', '.join(sorted(HOSTED_KINDS))}")


def main(folder: Path) -> int:
    """Host the instance described in `folder` until it ends."""
    slow_collector()
    with coming_up(folder):
        job = json.loads((folder / JOB_NAME).read_text())
        try:
            hosted = provider(job["lab"]["kind"])(job["instance"], job["lab"], folder)
        except HarnessError as error:
            (folder / FAILED_NAME).write_text(json.dumps({"message": str(error), "hint": error.hint}))
            return 1
        run_host(hosted, folder)
    return 0


if __name__ == "__main__":
    sys.exit(main(Path(sys.argv[1])))
