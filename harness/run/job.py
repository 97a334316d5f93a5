"""A run's folder and the order that stands in it: everything a fresh process needs to conduct or resume the run."""

from __future__ import annotations

import json
import os
from collections.abc import Sequence
from dataclasses import asdict, dataclass
from pathlib import Path
from typing import Any, Final

from harness.errors import ConfigError
from harness.paths import replace_file, runs_dir

JOB_NAME: Final = "plan.json"
MATCHES_SHOWN: Final = 8


@dataclass(frozen=True, slots=True)
class Job:
    """What one run is to do.

    `scenario` and `lab` are plain data of the resolved scenario and the lab file; `instances` the lab instances that
    may be leased; `record` asks for transcripts of all conversations as evidence.  `previous` is the run of the leg
    before, None for a scenario that begins at a baseline.
    """

    run_id: str
    session: str
    scenario: dict[str, Any]
    plan: dict[str, str]
    lab: dict[str, Any]
    instances: tuple[str, ...]
    seed: int
    record: bool = False
    previous: str | None = None

    @property
    def folder(self) -> Path:
        """The run's folder."""
        return runs_dir() / self.run_id

    def save(self) -> None:
        """Make the folder and write the order.  Raises ConfigError when the run exists already."""
        try:
            self.folder.mkdir(parents=True)
        except FileExistsError:
            raise ConfigError(f"run '{self.run_id}' exists already", hint="start a new session") from None
        replace_file(self.folder / JOB_NAME, json.dumps(asdict(self), indent=1, ensure_ascii=False))


def load_job(folder: Path) -> Job:
    """The order in a run folder.  Raises ConfigError when there is none."""
    try:
        document = json.loads((folder / JOB_NAME).read_text())
        document["instances"] = tuple(document["instances"])
        return Job(**document)
    except (OSError, ValueError, TypeError, KeyError) as error:
        raise ConfigError(f"'{folder}' is no run folder: {error}", hint="see the runs with: hil run list") from error


def find_run(name: str) -> Path:
    """The folder of a run by its id, a part of it, its path, or `last`.  Raises ConfigError when none or several
    match."""
    if os.sep in name and Path(name).is_dir():
        return Path(name)
    folders = sorted(entry for entry in runs_dir().glob("*") if entry.is_dir()) if runs_dir().is_dir() else []
    if name == "last" and folders:
        return max(folders, key=lambda folder: folder.stat().st_mtime)
    if not name:
        raise ConfigError("the name of the run is empty", hint="see the runs with: hil run list")
    exact = [folder for folder in folders if folder.name == name]
    matches = exact or [folder for folder in folders if name in folder.name]
    if len(matches) != 1:
        raise ConfigError(_not_one(name, matches), hint="see the runs with: hil run list")
    return matches[0]


def _not_one(name: str, matches: Sequence[Path]) -> str:
    if not matches:
        return f"no run matches '{name}' in {runs_dir()}"
    shown = [f"  {folder.name}" for folder in matches[-MATCHES_SHOWN:]]
    more = ", the newest" if len(matches) > len(shown) else ""
    return "\n".join([f"{len(matches)} runs match '{name}' in {runs_dir()}{more}:", *shown])
