"""The first layer: Debian as a folder, the kernel, and its modules for the initrd and for the node.

Facts: `domain/arm-redfish-libvirt.md` section 8.4.
"""

from __future__ import annotations

import shlex
import shutil
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Final

from harness.errors import ConfigError, LabError
from harness.labs.nested.image.kernelmodules import KernelModules
from harness.labs.nested.image.node_image import KERNEL_NAME
from harness.labs.nested.image.programs import Runner
from harness.labs.nested.image.recipe import FETCH_KERNEL_NAME, Recipe
from harness.labs.nested.image.sources import apt_settings, package_sources

ROOT_NAME: Final = "root"
"""The root of the image, as a folder of this machine."""
INITRD_MODULES: Final = "initrd-modules"
NODE_MODULES: Final = "node-modules"
ORDER_NAME: Final = "order"
"""In a folder of modules: their file names, one a line, as they are to be loaded."""

_INSTALL_WITHIN_S: Final = 900.0
_PYTHON: Final = "usr/bin/python3"
_OF_THIS_MACHINE: Final = ("etc/resolv.conf", "etc/hostname")
"""Files that the installation copies from here."""
_HOSTS: Final = "127.0.0.1 localhost\n"


@dataclass(frozen=True, slots=True)
class SystemLayer:
    """How the operating system of a recipe is made."""

    recipe: Recipe
    folder: Path
    """With the recipe's files."""

    def make(self, into: Path, runner: Runner) -> None:
        """Install Debian and unpack the kernel; the files are then in `into`.

        Raises ConfigError when the suite is unknown here, or has another Python than the recipe says; LabError when a
        program fails.
        """
        work = into / "work"
        work.mkdir()
        root = into / ROOT_NAME
        self._install(root, work, runner)
        self._check_python(root)
        for name in _OF_THIS_MACHINE:
            (root / name).unlink(missing_ok=True)
        (root / "etc" / "hosts").write_text(_HOSTS, encoding="utf-8")
        kernel = _one(work / "kernel", "boot/vmlinuz-*")
        shutil.copyfile(kernel, into / KERNEL_NAME)
        modules = KernelModules.below(work / "kernel")
        first = modules.in_order(self.recipe.modules.initrd)
        later = [file for file in modules.in_order(self.recipe.modules.node) if file not in first]
        put_modules(first, into / INITRD_MODULES)
        put_modules(later, into / NODE_MODULES)
        shutil.rmtree(work)

    def _install(self, root: Path, work: Path, runner: Runner) -> None:
        settings = work / "apt.conf"
        settings.write_text(apt_settings(), encoding="utf-8")
        fetch = shlex.join(["sh", str(self.folder / FETCH_KERNEL_NAME), self.recipe.kernel, str(work)])
        command = [
            "mmdebstrap",
            *("--mode=root", "--variant=essential", "--format=directory"),
            f"--include={','.join(self.recipe.packages)}",
            f"--aptopt={settings}",
            *('--aptopt=APT::Install-Recommends "false"', "--dpkgopt=force-unsafe-io"),
            f"--customize-hook={fetch}",
            f'--customize-hook=cd "$1" && rm -rf {" ".join(self.recipe.exclude)}',
            *(self.recipe.suite, str(root), "-"),
        ]
        runner.run(
            command,
            what="Debian could not be installed into the node image",
            within_s=_INSTALL_WITHIN_S,
            temporary=work,
            stdin=package_sources(self.recipe),
            hint="can 'apt-get update' reach the mirrors of this machine?",
        )

    def _check_python(self, root: Path) -> None:
        """Wheels are chosen for the recipe's version; another one would not load them."""
        python = root / _PYTHON
        found = python.readlink().name if python.is_symlink() else "no python3"
        if found != f"python{self.recipe.python}":
            raise ConfigError(
                f"suite '{self.recipe.suite}' has {found}, but the recipe of the node image says {self.recipe.python}",
                hint="correct 'python' in the recipe, and compile its requirements for that version",
            )


def put_modules(files: Sequence[Path], folder: Path) -> None:
    """Copy modules into a new folder, with the order in which they are to be loaded."""
    folder.mkdir()
    for file in files:
        shutil.copyfile(file, folder / file.name)
    (folder / ORDER_NAME).write_text("".join(f"{file.name}\n" for file in files), encoding="utf-8")


def _one(folder: Path, pattern: str) -> Path:
    found = sorted(folder.glob(pattern))
    if len(found) != 1:
        raise LabError(
            f"the kernel package has {len(found)} files '{pattern}', expected one",
            hint="correct 'kernel' in the recipe of the node image",
        )
    return found[0]
