"""Shared by the tests of the frame: the checkout, what it tracks, and its pieces outside the package."""

from __future__ import annotations

import subprocess
from collections.abc import Iterator
from importlib.util import module_from_spec, spec_from_file_location
from pathlib import Path
from types import ModuleType

import pytest

CHECKOUT = Path(__file__).resolve().parents[3]
NOT_OURS = {
    ".git",
    ".venv",
    ".hil",
    ".hypothesis",
    "node_modules",
    "__pycache__",
    "build",
    "dist",
    "sessions",
    "runs",
    "last",
}


def walk(folder: Path) -> Iterator[Path]:
    for entry in sorted(folder.iterdir()):
        if entry.name in NOT_OURS or entry.name.endswith(("_cache", ".egg-info")) or entry.is_symlink():
            continue
        if entry.is_dir():
            yield from walk(entry)
        else:
            yield entry


@pytest.fixture(scope="session")
def checkout() -> Path:
    return CHECKOUT


@pytest.fixture(scope="session")
def tracked() -> list[Path]:
    """The files of the checkout that git has or would take; without git, those that are no product of a run."""
    command = ["git", "-C", str(CHECKOUT), "ls-files", "-z", "--cached", "--others", "--exclude-standard"]
    try:
        done = subprocess.run(command, capture_output=True, text=True, check=True)
    except (OSError, subprocess.CalledProcessError):
        return list(walk(CHECKOUT))
    return [path for name in done.stdout.split("\0") if name and (path := CHECKOUT / name).is_file()]


@pytest.fixture(scope="session")
def environment_module() -> ModuleType:
    """`requirements/environment.py`, which is no part of the package."""
    spec = spec_from_file_location("hil_environment", CHECKOUT / "requirements" / "environment.py")
    assert spec is not None
    assert spec.loader is not None
    module = module_from_spec(spec)
    spec.loader.exec_module(module)
    return module
