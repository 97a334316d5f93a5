"""Allure 3, which runs on Node: found, installed once, and asked to generate."""

from __future__ import annotations

import hashlib
import json
import os
import shutil
import subprocess
import sys
import tempfile
from collections.abc import Callable, Sequence
from pathlib import Path
from typing import Any, Final

from harness.errors import ConfigError, HarnessError
from harness.paths import allure_package_dir

MIN_NODE_MAJOR: Final = 20
"""`allure generate` runs on Node 20 (tried with 3.18.0); `allure run` would want 22 and is not used."""
PACKAGE_FILES: Final = ("package.json", "package-lock.json")
PROGRAM: Final = Path("node_modules") / "allure" / "cli.js"
INSTALL_LIMIT_S: Final = 900
GENERATE_LIMIT_S: Final = 600
_NEEDED: Final = f"Node {MIN_NODE_MAJOR} or newer with npm"
_HINT: Final = "install it, or use the pages that need nothing: hil report open"


def find_node() -> Path:
    """The `node` program.  Raises ConfigError in one line when it or `npm` is missing or too old."""
    node, npm = shutil.which("node"), shutil.which("npm")
    if node is None or npm is None:
        raise ConfigError(f"the Allure report needs {_NEEDED}; '{'npm' if node else 'node'}' is not there", hint=_HINT)
    done = subprocess.run([node, "--version"], capture_output=True, text=True, check=False, timeout=30)
    version = done.stdout.strip()
    major = version.removeprefix("v").partition(".")[0]
    if not major.isdigit() or int(major) < MIN_NODE_MAJOR:
        raise ConfigError(f"the Allure report needs {_NEEDED}; '{node}' is {version or 'silent'}", hint=_HINT)
    return Path(node)


def install(say: Callable[[str], None]) -> Path:
    """Folder with the pinned Allure, installed there when it is not yet.

    It lies in the private environment, or in the user's cache where that cannot be written; its name is the hash of the
    lock file.  Raises HarnessError when npm fails.
    """
    source = allure_package_dir()
    digest = hashlib.sha256(b"".join((source / name).read_bytes() for name in PACKAGE_FILES)).hexdigest()[:12]
    places = [home / f"hil-allure-{digest}" for home in _homes()]
    ready = next((place for place in places if (place / PROGRAM).is_file()), None)
    if ready is not None:
        return ready
    place = next(place for place in places if _writable(place.parent))
    say(f"installing Allure into '{place}' (once, a minute or two)")
    part = Path(tempfile.mkdtemp(prefix=f"{place.name}.", dir=place.parent))
    try:
        for name in PACKAGE_FILES:
            shutil.copyfile(source / name, part / name)
        words = ["npm", "ci", "--no-audit", "--no-fund", "--ignore-scripts", "--loglevel=error"]
        _run(words, part, INSTALL_LIMIT_S, "npm could not install Allure", "check npm's registry settings and network")
        shutil.rmtree(place, ignore_errors=True)
        part.replace(place)
    finally:
        shutil.rmtree(part, ignore_errors=True)
    return place


def _homes() -> Sequence[Path]:
    cache = Path(os.environ.get("XDG_CACHE_HOME") or Path.home() / ".cache") / "azurelocal-hil"
    return (Path(sys.prefix), cache) if sys.prefix != sys.base_prefix else (cache,)


def _writable(folder: Path) -> bool:
    try:
        folder.mkdir(parents=True, exist_ok=True)
    except OSError:
        return False
    return os.access(folder, os.W_OK)


def generate(node: Path, allure: Path, results: Path, config: dict[str, Any], work: Path) -> Path:
    """Generate a report below `work` and return its page.  Raises HarnessError with what Allure said."""
    settings = work / "allurerc.json"
    output = work / "report"
    settings.write_text(json.dumps({**config, "output": str(output)}), encoding="utf-8")
    words = [str(node), str(allure / PROGRAM), "generate", str(results), "--config", str(settings)]
    _run(words, work, GENERATE_LIMIT_S, "Allure could not generate the report", "the results are kept; see its message")
    page = output / "index.html"
    if not page.is_file():
        raise HarnessError(f"Allure generated no page from '{results}'", hint="are there results in that folder?")
    return page


def _run(words: Sequence[str], cwd: Path, limit_s: int, trouble: str, hint: str) -> None:
    try:
        done = subprocess.run(
            words, cwd=cwd, capture_output=True, text=True, errors="replace", check=False, timeout=limit_s
        )
    except (OSError, subprocess.TimeoutExpired) as error:
        raise HarnessError(f"{trouble}: {error}", hint=hint) from error
    if done.returncode:
        said = "\n  ".join((done.stdout + done.stderr).strip().splitlines()[-8:]) or "it said nothing"
        raise HarnessError(f"{trouble} (code {done.returncode}):\n  {said}", hint=hint)
