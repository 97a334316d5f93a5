"""The last layer: root disk and initrd of a node, from the layers below and the node service's own files."""

from __future__ import annotations

import shutil
from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Final

from harness.errors import ConfigError, LabError
from harness.labs.nested.image.closure import ServiceCode
from harness.labs.nested.image.node_image import DISK_NAME, INITRD_NAME, KERNEL_NAME
from harness.labs.nested.image.programs import Runner
from harness.labs.nested.image.recipe import INIT_NAME, INITRD_INIT_NAME, REQUIREMENTS_NAME, Recipe
from harness.labs.nested.image.rootfolder import CODE, SITE, RootFolder, copied, link_tree
from harness.labs.nested.image.system import INITRD_MODULES, NODE_MODULES, ROOT_NAME
from harness.labs.nested.image.wheels import NAMES_NAME, SITE_NAME

LABEL: Final = "hil-root"
"""By which the initrd finds the disk; the initrd's script says the same."""
_JOURNAL_MIB: Final = 16
"""Contents of files go through it, so it is larger than what Debian would choose for so small a disk."""
_FIRST_PROCESS: Final = "sbin/hil-init"
_MODULES: Final = "opt/hil/modules"
_APPLETS: Final = "opt/hil/applets"
_BUSYBOX: Final = "usr/bin/busybox"


@dataclass(frozen=True, slots=True)
class DiskLayer:
    """How the disk of a recipe is put together."""

    recipe: Recipe
    folder: Path
    """With the recipe's files."""
    code: ServiceCode

    def make(self, system: Path, wheels: Path, into: Path, runner: Runner) -> None:
        """Make kernel, initrd and disk in `into`.

        Raises ConfigError when the service imports a package that is not in the image, LabError when a program fails.
        """
        self._check_foreign((wheels / NAMES_NAME).read_text(encoding="utf-8").split())
        shutil.copyfile(system / KERNEL_NAME, into / KERNEL_NAME)
        self._make_initrd(system, into, runner)
        with copied(system / ROOT_NAME, into, runner) as root:
            (root.path / SITE).parent.mkdir(parents=True)
            link_tree(wheels / SITE_NAME, root.path / SITE, runner)
            shutil.copytree(system / NODE_MODULES, root.path / _MODULES)
            self._put_own(root)
            self._make_disk(root, into, runner)

    def _check_foreign(self, names: list[str]) -> None:
        for name, file in self.code.foreign.items():
            if name not in names:
                raise ConfigError(
                    f"'{file}' imports '{name}', which the node image does not have",
                    hint=f"add it to its {REQUIREMENTS_NAME} (docs/howto/build-node-image.md), or drop the import",
                )

    def _put_own(self, root: RootFolder) -> None:
        """The harness' files, the first process, and names for busybox' programs."""
        _put(self.code.files, root.path / CODE)
        root.compile(CODE)
        _put({_FIRST_PROCESS: self.folder / INIT_NAME}, root.path)
        (root.path / _FIRST_PROCESS).chmod(0o755)
        (root.path / _APPLETS).mkdir(parents=True)
        root.inside("/bin/busybox", "--install", "-s", f"/{_APPLETS}", what="busybox names no programs")

    def _make_disk(self, root: RootFolder, into: Path, runner: Runner) -> None:
        raw = into / "disk.raw"
        command = ["mke2fs", "-q", "-t", "ext4", "-L", LABEL, "-m", "0", "-J", f"size={_JOURNAL_MIB}"]
        command += ["-E", "root_owner=0:0,lazy_itable_init=0", "-d", str(root.path)]
        trouble = "the root disk of the node image could not be made"
        runner.run(
            [*command, str(raw), f"{self.recipe.disk_mib}M"], what=trouble, hint="raise 'disk_mib' in the recipe"
        )
        runner.run(["qemu-img", "convert", "-f", "raw", "-O", "qcow2", str(raw), str(into / DISK_NAME)], what=trouble)
        raw.unlink()

    def _make_initrd(self, system: Path, into: Path, runner: Runner) -> None:
        """Not compressed: unpacking costs an emulated processor more than reading."""
        tree = into / "initrd-tree"
        for name in ("bin", "dev", "proc", "sys", "disk"):
            (tree / name).mkdir(parents=True)
        busybox = tree / "bin" / "busybox"
        shutil.copyfile(_busybox(system / ROOT_NAME), busybox)
        shutil.copyfile(self.folder / INITRD_INIT_NAME, tree / "init")
        for program in (busybox, tree / "init"):
            program.chmod(0o755)
        shutil.copytree(system / INITRD_MODULES, tree / "modules")
        names = "".join(f"{path.relative_to(tree)}\n" for path in sorted(tree.rglob("*")))
        command = ["cpio", "--create", "--format=newc", "--owner=0:0", "--quiet", f"--file={into / INITRD_NAME}"]
        runner.run(command, what="the initrd of the node image could not be made", stdin=names, cwd=tree)
        shutil.rmtree(tree)


def _put(files: Mapping[str, Path], folder: Path) -> None:
    """Copy files to their places below a folder."""
    for name, file in files.items():
        place = folder / name
        place.parent.mkdir(parents=True, exist_ok=True)
        shutil.copyfile(file, place)


def _busybox(root: Path) -> Path:
    if not (program := root / _BUSYBOX).is_file():
        raise LabError(
            "the system of the node image has no busybox", hint="add 'busybox-static' to the recipe's packages"
        )
    return program
