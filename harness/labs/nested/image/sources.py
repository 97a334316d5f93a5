"""Where Debian's packages come from: what apt on this machine is set to, for the suite of the recipe.

Keys are not our matter: mmdebstrap trusts those that apt here trusts, and Debian's own where they are installed.
"""

from __future__ import annotations

import re
import subprocess
from collections.abc import Iterator
from typing import Final

from harness.errors import ConfigError
from harness.labs.nested.image.programs import environment
from harness.labs.nested.image.recipe import Recipe

_FIELDS: Final = ("REPO_URI", "RELEASE", "COMPONENT", "CODENAME", "ORIGIN")
_SEPARATOR: Final = "|"
_KEPT: Final = re.compile(
    r"Acquire::(?:https?\b|Retries|ForceIPv[46]|By-Hash|Check-Valid-Until|Check-Date|Max-FutureTime)"
)
"""Settings that decide whether a mirror is reached and believed: proxies, certificates, tolerance for a wrong clock."""


def package_sources(recipe: Recipe) -> str:
    """Lines for `sources.list`: the suite, and its updates and security fixes where the machine has them.

    Raises ConfigError when apt on this machine does not know the suite.
    """
    lines = sorted(set(_lines(recipe)))
    if not lines:
        raise ConfigError(
            f"apt on this machine has no lists of Debian's suite '{recipe.suite}', of which node images are made",
            hint=f"'apt-get update' on a Debian {recipe.suite}, or add the suite to apt's sources",
        )
    return "\n".join(lines) + "\n"


def why_no_sources(recipe: Recipe) -> str:
    """As `package_sources`, but only whether there are some: empty, or what is missing."""
    try:
        package_sources(recipe)
    except ConfigError as error:
        return f"{error} ({error.hint})"
    return ""


def apt_settings() -> str:
    """The machine's settings for reaching mirrors, as lines of `apt.conf`."""
    lines = _output("apt-config", "dump", "Acquire")
    return "".join(f"{line}\n" for line in lines if _KEPT.match(line) and not line.endswith(' "";'))


def _lines(recipe: Recipe) -> Iterator[str]:
    suites = {recipe.suite, f"{recipe.suite}-updates", f"{recipe.suite}-security"}
    form = _SEPARATOR.join(f"$({field})" for field in _FIELDS)
    for line in _output("apt-get", "indextargets", "--format", form, "Created-By: Packages"):
        uri, release, component, codename, origin = line.split(_SEPARATOR)
        if origin == "Debian" and codename in suites and component in recipe.components:
            yield f"deb {uri} {release} {component}"


def _output(*command: str) -> list[str]:
    try:
        done = subprocess.run(command, capture_output=True, text=True, check=False, timeout=60, env=environment())
    except (OSError, subprocess.TimeoutExpired):
        return []
    return done.stdout.splitlines()
