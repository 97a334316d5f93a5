"""Main of a lab host process: `python -m harness.labs.start FOLDER`, started by `harness.labs.hosting`."""

from __future__ import annotations

import json
import sys
from collections.abc import Callable
from pathlib import Path
from typing import Any

from harness.errors import ConfigError, HarnessError
from harness.labs.host import Hosted, run_host
from harness.labs.hosting import FAILED_NAME, JOB_NAME


def provider(kind: str) -> Callable[[str, dict[str, Any]], Hosted]:
    """The provider that hosts labs of `kind`; imported only here, so that nothing else pays for it."""
    if kind == "twin":
        from harness.labs.twin import TwinHosting

        return TwinHosting
    raise ConfigError(f"labs of kind '{kind}' cannot be hosted by this version", hint="use a lab of kind: twin")


def main(folder: Path) -> int:
    """Host the instance described in `folder` until it ends."""
    job = json.loads((folder / JOB_NAME).read_text())
    try:
        hosted = provider(job["lab"]["kind"])(job["instance"], job["lab"])
    except HarnessError as error:
        (folder / FAILED_NAME).write_text(json.dumps({"message": str(error), "hint": error.hint}))
        return 1
    run_host(hosted, folder)
    return 0


if __name__ == "__main__":
    sys.exit(main(Path(sys.argv[1])))
