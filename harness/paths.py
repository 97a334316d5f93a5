"""Where files are.  The only module that knows the layout of a checkout and of the state folder."""

from __future__ import annotations

import os
from pathlib import Path
from typing import Final

from harness.errors import ConfigError

MARKER = "testplans"

RESULTS_NAME: Final = "results.json"
LEDGER_NAME: Final = "ledger.json"
LOG_NAME: Final = "run.log"
"""In a run folder: what the judge says, what it counted, and what the run process said."""
PAGE_NAME: Final = "index.html"
"""The page of a run folder, and of a session folder."""
ALLURE_NAME: Final = "allure-results"
"""In a session folder: what Allure reads."""


def root() -> Path:
    """The checkout: `HIL_ROOT`, else the folder above the package.

    Raises ConfigError when the folder is no checkout of the harness.
    """
    given = os.environ.get("HIL_ROOT")
    folder = Path(given) if given else Path(__file__).resolve().parent.parent
    if not (folder / MARKER).is_dir():
        raise ConfigError(
            f"'{folder}' is no checkout of azurelocal-hil: it has no folder '{MARKER}'",
            hint="run ./hil from a checkout, or set HIL_ROOT to one",
        )
    return folder


def plans_dir() -> Path:
    """YAML test plans."""
    return root() / "testplans"


def labs_dir() -> Path:
    """YAML lab files."""
    return root() / "labs"


def fixtures_dir() -> Path:
    """Data that ships with the harness: catalogs, guides, recordings."""
    return root() / "fixtures"


def cases_dir() -> Path:
    """What a real PowerShell did with small scripts: the measure of the twin's shell."""
    return root() / "tests" / "data" / "pwsh-cases"


def reference_dir() -> Path:
    """Pages of the documentation to look something up in; some are generated."""
    return root() / "docs" / "reference"


def reports_dir() -> Path:
    """Sessions and runs are written here: `HIL_REPORTS`, else `reports/` of the checkout."""
    given = os.environ.get("HIL_REPORTS")
    return Path(given) if given else root() / "reports"


def schemas_dir() -> Path:
    """JSON Schemas of the files that the harness reads and writes; tracked."""
    return root() / "reports" / "schemas"


def templates_dir() -> Path:
    """Templates of report pages; tracked."""
    return root() / "reports" / "templates"


def allure_package_dir() -> Path:
    """What npm installs for the Allure report: package and lock file; tracked."""
    return root() / "reports" / "allure"


def runs_dir() -> Path:
    """One folder for each run: journal, evidence, results."""
    return reports_dir() / "runs"


def sessions_dir() -> Path:
    """One folder for each invocation."""
    return reports_dir() / "sessions"


def state_dir() -> Path:
    """Machine-local state that outlives a session: leases, lab hosts, their sockets.  Created with mode 0700."""
    given = os.environ.get("HIL_STATE")
    folder = Path(given) if given else Path.home() / ".local" / "state" / "hil"
    folder.mkdir(mode=0o700, parents=True, exist_ok=True)
    return folder


def replace_file(path: Path, text: str) -> None:
    """Write a file so that a reader sees the old or the new one, never a part, also after a crash.  Raises OSError."""
    part = path.with_name(f".{path.name}.part")
    with part.open("w", encoding="utf-8", newline="") as file:
        file.write(text)
        file.flush()
        os.fsync(file.fileno())
    part.replace(path)
