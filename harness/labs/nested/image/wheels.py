"""The second layer: packages of others that the node service needs, as a folder.

They are downloaded on this machine by pip, checked against their hashes, and unpacked; the image needs no network.
"""

from __future__ import annotations

import sys
from dataclasses import dataclass
from pathlib import Path
from typing import Final

from harness.labs.nested.image.programs import Runner
from harness.labs.nested.image.recipe import REQUIREMENTS_NAME, Recipe
from harness.labs.nested.image.rootfolder import SITE, copied

SITE_NAME: Final = "site"
"""The folder with the packages."""
NAMES_NAME: Final = "names"
"""Top-level names that can be imported, one a line."""

_PLATFORMS: Final = ("manylinux_2_34_x86_64", "manylinux_2_28_x86_64", "manylinux_2_17_x86_64", "manylinux2014_x86_64")
"""What the C library of Debian 12 (2.36) runs; [D] PEP 600."""
_DOWNLOAD_WITHIN_S: Final = 600.0


@dataclass(frozen=True, slots=True)
class WheelsLayer:
    """How the packages of a requirements file are brought into an image."""

    recipe: Recipe
    folder: Path
    """With the requirements file."""

    def make(self, root_below: Path, into: Path, runner: Runner) -> None:
        """Fetch, unpack and compile; the files are then in `into`.  Raises LabError when a program fails."""
        with copied(root_below, into, runner) as root:
            site = root.path / SITE
            site.mkdir(parents=True)
            runner.run(
                self._pip(site),
                what="the packages of the node service could not be fetched",
                within_s=_DOWNLOAD_WITHIN_S,
                hint="pip's own settings hold here, such as PIP_FIND_LINKS: docs/howto/install-offline.md",
            )
            root.compile(SITE)
            site.rename(into / SITE_NAME)
        names = _names(into / SITE_NAME)
        (into / NAMES_NAME).write_text("".join(f"{name}\n" for name in names), encoding="utf-8")

    def _pip(self, site: Path) -> list[str]:
        return [
            *(sys.executable, "-I", "-m", "pip", "install", "--quiet", "--no-input", "--disable-pip-version-check"),
            *("--require-hashes", "--only-binary", ":all:", "--no-deps", "--no-compile"),
            *("--target", str(site), "--implementation", "cp", "--python-version", self.recipe.python),
            *(part for platform in _PLATFORMS for part in ("--platform", platform)),
            *("--requirement", str(self.folder / REQUIREMENTS_NAME)),
        ]


def _names(site: Path) -> list[str]:
    """What can be imported from a folder of packages."""
    packages = {entry.name for entry in site.iterdir() if entry.is_dir() and "." not in entry.name}
    modules = {entry.name.partition(".")[0] for entry in site.iterdir() if entry.suffix in (".py", ".so")}
    return sorted((packages | modules) - {"bin", "__pycache__"})
