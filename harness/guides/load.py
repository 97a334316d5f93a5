"""Reading guides from `fixtures/guides`: strict, with the place of every mistake."""

from __future__ import annotations

from functools import lru_cache
from pathlib import Path

from harness.errors import ConfigError
from harness.guides.model import Guide
from harness.paths import fixtures_dir
from harness.plan.checking import validate
from harness.plan.problem import SourceError
from harness.plan.text import closest
from harness.plan.yaml_source import load_source


def guides_dir() -> Path:
    """Where guides lie."""
    return fixtures_dir() / "guides"


def load_guide(path: Path) -> Guide:
    """One guide file.  Raises SourceError with every mistake in it, ConfigError when it cannot be read."""
    source = load_source(path)
    guide, problems = validate(Guide, source.value, source)
    if guide is not None and guide.guide != path.stem:
        problems = [source.problem(("guide",), f"the guide is called '{guide.guide}', but its file '{path.name}'")]
    if guide is None or problems:
        raise SourceError(problems)
    return guide


def load_catalogue() -> tuple[Guide, ...]:
    """All guides, by id.  Raises SourceError for the first file with mistakes."""
    return tuple(load_guide(path) for path in sorted(guides_dir().glob("*.yaml")))


@lru_cache(maxsize=64)
def find_guide(name: str) -> Guide:
    """The guide with this id.  Raises ConfigError."""
    path = guides_dir() / f"{name}.yaml"
    if path.is_file() and path.parent == guides_dir():
        return load_guide(path)
    known = sorted(found.stem for found in guides_dir().glob("*.yaml"))
    near = closest(name, known)
    raise ConfigError(
        f"there is no guide '{name}'" + (f" (did you mean '{near}'?)" if near else ""), hint="see: hil guides list"
    )
